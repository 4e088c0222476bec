//! Examples of bodies, put together from the examples of their members.

use serde_json::{Map, Value, json};

/// Schemas in schemas, at most: none of ours contains itself.
const MAX_DEPTH: usize = 20;

/// Returns a value that satisfies the schema. A request has no members that can only be read.
pub(super) fn of(schema: &Value, schemas: &Map<String, Value>, is_request: bool) -> Value {
    value(schema, schemas, is_request, 0)
}

fn value(schema: &Value, schemas: &Map<String, Value>, is_request: bool, depth: usize) -> Value {
    if depth > MAX_DEPTH {
        return Value::Null;
    }
    let of = |schema: &Value| value(schema, schemas, is_request, depth + 1);
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return schemas.get(name).map_or(Value::Null, of);
    }
    for given in [&schema["example"], &schema["examples"][0], &schema["enum"][0]] {
        if !given.is_null() {
            return given.clone();
        }
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let mut whole = Map::new();
        for part in parts.iter().map(of) {
            whole.extend(part.as_object().cloned().unwrap_or_default());
        }
        return Value::Object(whole);
    }
    for choices in [&schema["oneOf"], &schema["anyOf"]] {
        if let Some(choices) = choices.as_array() {
            return choices.iter().find(|choice| choice["type"] != "null").map_or(Value::Null, of);
        }
    }
    let (kind, may_be_null) = match &schema["type"] {
        Value::Array(kinds) => {
            let kind = kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null");
            (kind.unwrap_or("null"), kinds.iter().any(|kind| kind == "null"))
        }
        kind => (kind.as_str().unwrap_or("object"), false),
    };
    match (kind, schema["format"].as_str()) {
        ("object", _) => {
            let properties = schema["properties"].as_object().into_iter().flatten();
            let shown = properties.filter(|(_, property)| !(is_request && property["readOnly"] == true));
            Value::Object(shown.map(|(name, property)| (name.clone(), of(property))).collect())
        }
        ("array", _) => {
            let item = of(&schema["items"]);
            if item.is_null() { json!([]) } else { json!([item]) }
        }
        _ if may_be_null => Value::Null,
        ("string", Some("uuid")) => json!("01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b"),
        ("string", Some("date-time")) => json!("2026-11-21T08:00:00Z"),
        ("string", Some("date")) => json!("2026-11-21"),
        ("string", Some("password")) => json!("trois bateaux gris"),
        ("integer" | "number", _) => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        ("boolean", _) => json!(false),
        ("string", _) => json!("text"),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use crate::openapi::document;

    /// Every example of a body, with the pointer of its schema.
    fn examples(document: &Value) -> Vec<(String, Value, Value)> {
        let mut found = Vec::new();
        for (path, methods) in document["paths"].as_object().expect("paths") {
            for (method, operation) in methods.as_object().expect("methods") {
                let mut bodies = vec![("request".to_owned(), &operation["requestBody"])];
                for (status, response) in operation["responses"].as_object().expect("responses") {
                    bodies.push((status.clone(), response));
                }
                for (what, body) in bodies {
                    for (_, content) in body["content"].as_object().into_iter().flatten() {
                        let what = format!("{method} {path} {what}");
                        if let Some(examples) = content["examples"].as_object() {
                            for example in examples.values() {
                                let pointer = example["$ref"].as_str().expect("a reference");
                                let example = document.pointer(pointer.trim_start_matches('#'));
                                let value = example.expect("the example")["value"].clone();
                                found.push((what.clone(), content["schema"].clone(), value));
                            }
                        } else {
                            found.push((what, content["schema"].clone(), content["example"].clone()));
                        }
                    }
                }
            }
        }
        found
    }

    #[test]
    fn every_example_satisfies_its_schema() {
        let document = document().expect("rendered");
        let examples = examples(&document);
        assert!(examples.len() > 300, "{}", examples.len());
        // Many routes answer with the same: building a validator is what takes time.
        let mut seen = HashSet::new();
        for (what, schema, example) in examples {
            if !seen.insert(format!("{schema} {example}")) {
                continue;
            }
            let mut schema = schema;
            schema["components"] = document["components"].clone();
            let validator = jsonschema::draft202012::options()
                .should_validate_formats(true)
                .build(&schema)
                .unwrap_or_else(|error| panic!("{what}: {error}"));
            let faults: Vec<_> = validator.iter_errors(&example).map(|fault| fault.to_string()).collect();
            assert!(faults.is_empty(), "{what}: {example}: {faults:?}");
        }
    }

    /// A text without an example, a format or a few values would be shown as `text`.
    #[test]
    fn every_text_that_must_be_there_has_an_example() {
        let document = document().expect("rendered");
        let mut without: Vec<_> = examples(&document)
            .into_iter()
            .filter(|(_, _, example)| example.to_string().contains(r#":"text""#))
            .map(|(what, _, example)| format!("{what}: {example}"))
            .collect();
        without.dedup();
        assert!(without.is_empty(), "{without:#?}");
    }
}
