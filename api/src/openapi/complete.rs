//! What the operations have in common, written into the document in one place: descriptions of responses and headers, the
//! bodies of PUT and PATCH, examples.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::example;

const SCHEMAS: &str = "#/components/schemas/";

/// Completes the document.
pub(super) fn complete(document: &mut Value) {
    let mut schemas = document["components"]["schemas"].as_object().cloned().unwrap_or_default();
    rename_lists(document, &mut schemas);
    for (method, operation) in operations(document) {
        if matches!(method, "put" | "patch") {
            edit(method == "put", operation, &mut schemas);
        }
        optional_body(operation);
        body(operation, &mut schemas);
    }
    for (method, operation) in operations(document) {
        parameters(operation);
        let has_key = has_parameter(operation, "Idempotency-Key");
        for (status, response) in operation.get_mut("responses").into_iter().flat_map(members) {
            describe(method, status, response, has_key);
            for (_, content) in response.get_mut("content").into_iter().flat_map(members) {
                exemplify(content, &schemas, false);
            }
        }
        let Some(content) = operation.pointer_mut("/requestBody/content") else { continue };
        if method == "patch" {
            merge_patch(content);
        }
        for (_, content) in members(content) {
            exemplify(content, &schemas, true);
        }
    }
    let requested = requested(document, &schemas);
    for (_, schema) in schemas.iter_mut().filter(|(name, _)| !requested.contains(*name)) {
        require_what_may_be_null(schema);
    }
    document["components"]["schemas"] = Value::Object(schemas);
    drop_unused(document);
}

/// Gives the pages of a list names as people would, and the schema of their resources by reference: `CustomerList` for
/// `List_Customer`.
fn rename_lists(document: &mut Value, schemas: &mut Map<String, Value>) {
    let lists: Vec<_> =
        schemas.keys().filter_map(|name| name.strip_prefix("List_")).map(str::to_owned).collect();
    for resource in lists {
        let Some(mut list) = schemas.remove(&format!("List_{resource}")) else { continue };
        list["description"] = "One page of a list".into();
        list["properties"]["data"]["items"] = json!({"$ref": format!("{SCHEMAS}{resource}")});
        schemas.insert(format!("{resource}List"), list);
        let (old, new) = (format!("{SCHEMAS}List_{resource}"), format!("{SCHEMAS}{resource}List"));
        replace_references(document, &old, &new);
    }
}

fn replace_references(value: &mut Value, old: &str, new: &str) {
    match value {
        Value::String(text) if text == old => new.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(|item| replace_references(item, old, new)),
        Value::Object(members) => {
            members.values_mut().for_each(|member| replace_references(member, old, new));
        }
        _ => {}
    }
}

/// Removes schemas and examples to which nothing refers.
fn drop_unused(document: &mut Value) {
    loop {
        let mut used = BTreeSet::new();
        references(document, &mut used);
        let mut dropped = false;
        for kind in ["schemas", "examples"] {
            let Some(components) = document["components"][kind].as_object_mut() else { continue };
            let before = components.len();
            components.retain(|name, _| used.contains(&format!("#/components/{kind}/{name}")));
            dropped |= components.len() < before;
        }
        if !dropped {
            return;
        }
    }
}

/// Collects the references in a part of the document.
pub(super) fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

fn operations(document: &mut Value) -> impl Iterator<Item = (&str, &mut Value)> {
    document.get_mut("paths").into_iter().flat_map(members).flat_map(|(_, path)| members(path))
}

fn members(value: &mut Value) -> impl Iterator<Item = (&str, &mut Value)> {
    value.as_object_mut().into_iter().flatten().map(|(name, member)| (name.as_str(), member))
}

fn has_parameter(operation: &Value, name: &str) -> bool {
    operation["parameters"]
        .as_array()
        .is_some_and(|parameters| parameters.iter().any(|it| it["name"] == name))
}

/// Gives a body of PUT or PATCH a schema of its own, made of what can be set (the request of POST) and of what can only
/// be read (the response).
fn edit(is_put: bool, operation: &mut Value, schemas: &mut Map<String, Value>) {
    let request = name(&operation["requestBody"]["content"]["application/json"]["schema"]);
    let response = name(&operation["responses"]["200"]["content"]["application/json"]["schema"]);
    let (Some(request), Some(response)) = (request, response) else { return };
    let resource = request.trim_end_matches("Request").trim_start_matches("Update").to_owned();
    // A part that has an address of its own, such as a reorder rule, is taken as it is described.
    if resource != response {
        return;
    }
    let (Some(settable), Some(shown)) = (schemas.get(&request), schemas.get(&response)) else { return };
    let mut schema = settable.clone();
    let Some(properties) = schema["properties"].as_object_mut() else { return };
    let required: Vec<_> = properties.keys().cloned().collect();
    for (name, property) in shown["properties"].as_object().into_iter().flatten() {
        if !properties.contains_key(name) {
            let mut property = property.clone();
            property["readOnly"] = true.into();
            properties.insert(name.clone(), property);
        }
    }
    if is_put {
        schema["required"] = required.into();
    } else if let Some(schema) = schema.as_object_mut() {
        schema.remove("required");
    }
    let name = format!("{resource}{}", if is_put { "Replacement" } else { "Patch" });
    operation["requestBody"]["content"]["application/json"]["schema"] =
        json!({"$ref": format!("{SCHEMAS}{name}")});
    schemas.insert(name, schema);
}

/// A body that may be left out is not null: generators make clients that send `null`. Where it can only be empty, it is not
/// described at all.
fn optional_body(operation: &mut Value) {
    let Some(schema) = operation.pointer_mut("/requestBody/content/application~1json/schema") else { return };
    let choices = schema["oneOf"].as_array().into_iter().flatten();
    let Some(choice) = choices.into_iter().find(|choice| choice["type"] != "null").cloned() else { return };
    let is_empty = choice["$ref"] == format!("{SCHEMAS}Empty");
    *schema = choice;
    if let Some(operation) = operation.as_object_mut().filter(|_| is_empty) {
        operation.remove("requestBody");
    } else {
        operation["requestBody"]["required"] = false.into();
    }
}

/// Closes the schemas of a request body: the API refuses members that it does not know.
fn body(operation: &Value, schemas: &mut Map<String, Value>) {
    let content = operation["requestBody"]["content"].as_object();
    for content in content.into_iter().flatten().map(|(_, content)| content) {
        close(&content["schema"], schemas);
    }
}

fn close(schema: &Value, schemas: &mut Map<String, Value>) {
    match schema {
        Value::Object(members) => {
            if let Some(name) = name(schema)
                && let Some(object) = schemas.get_mut(&name).filter(|object| object["type"] == "object")
                && object["additionalProperties"] != false
            {
                object["additionalProperties"] = false.into();
                let properties = object["properties"].clone();
                close(&properties, schemas);
            }
            for member in members.values() {
                close(member, schemas);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| close(item, schemas)),
        _ => {}
    }
}

/// Returns the names of the schemas that request bodies use.
fn requested(document: &mut Value, schemas: &Map<String, Value>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let bodies = operations(document).map(|(_, operation)| operation["requestBody"].clone());
    let mut open: Vec<Value> = bodies.collect();
    while let Some(part) = open.pop() {
        let mut used = BTreeSet::new();
        references(&part, &mut used);
        for name in used.iter().filter_map(|reference| reference.strip_prefix(SCHEMAS)) {
            if found.insert(name.to_owned()) {
                open.extend(schemas.get(name).cloned());
            }
        }
    }
    found
}

/// An answer has all its members: what is not there is null.
fn require_what_may_be_null(schema: &mut Value) {
    for part in schema.get_mut("allOf").and_then(Value::as_array_mut).into_iter().flatten() {
        require_what_may_be_null(part);
    }
    let may_be_null = |property: &Value| {
        let types = property["type"].as_array().into_iter().flatten();
        let choices = property["oneOf"].as_array().into_iter().flatten();
        types.chain(choices.map(|choice| &choice["type"])).any(|kind| kind == "null")
    };
    let properties = schema["properties"].as_object().into_iter().flatten();
    let names =
        properties.filter(|(_, property)| may_be_null(property)).map(|(name, _)| Value::from(name.as_str()));
    let names: Vec<_> = names.collect();
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        let new: Vec<_> = names.into_iter().filter(|name| !required.contains(name)).collect();
        required.extend(new);
    }
}

/// Returns the name of the schema to which a reference leads.
fn name(schema: &Value) -> Option<String> {
    schema["$ref"].as_str()?.strip_prefix(SCHEMAS).map(str::to_owned)
}

/// PATCH also takes the media type of merge patches.
fn merge_patch(content: &mut Value) {
    if let Some(content) = content.as_object_mut()
        && let Some(json) = content.remove("application/json")
    {
        content.insert("application/merge-patch+json".to_owned(), json.clone());
        content.insert("application/json".to_owned(), json);
    }
}

/// A GET that can answer 304 takes the version that the client has.
fn parameters(operation: &mut Value) {
    if operation["responses"]["304"].is_null() {
        return;
    }
    let known = json!({
        "name": "If-None-Match",
        "in": "header",
        "description": "The ETag that you have: 304 if the resource has not changed since.",
        "required": false,
        "schema": {"type": "string"},
        "example": "\"3\"",
    });
    match operation["parameters"].as_array_mut() {
        Some(parameters) => parameters.push(known),
        None => operation["parameters"] = json!([known]),
    }
}

fn describe(method: &str, status: &str, response: &mut Value, has_key: bool) {
    let has_etag = !response["headers"]["ETag"].is_null();
    if response["description"].as_str().is_none_or(str::is_empty) {
        let text = match status {
            "200" if has_etag && method == "get" => "The resource",
            "200" if has_etag => "The resource as it is now",
            "200" => "The answer",
            "201" => "The new resource",
            "202" => "Accepted; it will be done",
            "204" => "Done; there is nothing to return",
            "304" => "Not modified: you have this version already",
            _ => "The request failed",
        };
        response["description"] = text.into();
    }
    if has_key && status.starts_with('2') {
        response["headers"]["Idempotent-Replayed"] = json!({"schema": {"type": "string", "enum": ["true"]}});
    }
    for (name, header) in response.get_mut("headers").into_iter().flat_map(members) {
        let text = match name {
            "ETag" => "The version of the resource, for If-Match and If-None-Match",
            "Location" => "The address of the new resource",
            "Cache-Control" => "Whether, and for how long, the answer may be kept",
            "Idempotent-Replayed" => {
                "There if this is the stored answer of an earlier request with the same Idempotency-Key"
            }
            _ => continue,
        };
        header["description"] = text.into();
    }
}

/// Gives a body its example.
fn exemplify(content: &mut Value, schemas: &Map<String, Value>, is_request: bool) {
    if content["examples"].is_null() && content["example"].is_null() && !content["schema"].is_null() {
        content["example"] = example::of(&content["schema"], schemas, is_request);
    }
}
