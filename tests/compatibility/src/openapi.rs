//! Two versions of an OpenAPI document.

use serde_json::{Map, Value};

use super::schema::{Comparison, Writer};

/// Returns what is broken for clients of the document `old` if the API is as `new` says.
pub fn openapi(old: &Value, new: &Value) -> Vec<String> {
    let mut breaks = Vec::new();
    for (path, operations) in members(&old["paths"]) {
        for (method, operation) in members(operations) {
            let what = format!("{} {path}", method.to_uppercase());
            match new["paths"][path].get(method) {
                None => breaks.push(format!("{what} is gone")),
                Some(now) => {
                    let mut found = Vec::new();
                    compare((old, operation), (new, now), &mut found);
                    breaks.extend(found.into_iter().map(|found| format!("{what}: {found}")));
                }
            }
        }
    }
    breaks
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn compare((old_root, old): (&Value, &Value), (new_root, new): (&Value, &Value), breaks: &mut Vec<String>) {
    if old["operationId"] != new["operationId"] {
        breaks.push(format!("the operationId was {}, and is {}", old["operationId"], new["operationId"]));
    }
    let theirs = Comparison { old_root, new_root, writer: Writer::Others };
    let ours = Comparison { old_root, new_root, writer: Writer::Us };
    parameters(&theirs, old, new, breaks);

    let (before, after) = (&old["requestBody"], &new["requestBody"]);
    if after["required"] == true && before["required"] != true {
        breaks.push("a body is required now".to_owned());
    }
    contents(&theirs, &before["content"], &after["content"], "the request", breaks);
    for (status, response) in members(&old["responses"]).filter(|(status, _)| status.starts_with('2')) {
        match new["responses"].get(status) {
            None => breaks.push(format!("it does not answer {status} any more")),
            Some(now) => contents(&ours, &response["content"], &now["content"], status, breaks),
        }
    }
}

fn parameters(theirs: &Comparison<'_>, old: &Value, new: &Value, breaks: &mut Vec<String>) {
    let list = |operation: &Value| operation["parameters"].as_array().cloned().unwrap_or_default();
    let is_same = |one: &Value, other: &Value| one["name"] == other["name"] && one["in"] == other["in"];
    let (before, after) = (list(old), list(new));
    for parameter in &before {
        let name = parameter["name"].as_str().unwrap_or_default();
        match after.iter().find(|other| is_same(parameter, other)) {
            None => breaks.push(format!("the parameter {name} is gone")),
            Some(now) => {
                let at = format!("the parameter {name}");
                theirs.compare(&parameter["schema"], &now["schema"], &at, 0, breaks);
            }
        }
    }
    for parameter in after.iter().filter(|parameter| parameter["required"] == true) {
        let was_required = |other: &&Value| is_same(parameter, other) && other["required"] == true;
        if before.iter().find(was_required).is_none() {
            breaks.push(format!("the parameter {} is required now", parameter["name"]));
        }
    }
}

fn contents(
    comparison: &Comparison<'_>,
    old: &Value,
    new: &Value,
    where_it_is: &str,
    breaks: &mut Vec<String>,
) {
    for (media_type, content) in members(old) {
        match new.get(media_type) {
            None => breaks.push(format!("{where_it_is} is not {media_type} any more")),
            Some(now) => {
                let mut found = Vec::new();
                comparison.compare(&content["schema"], &now["schema"], "", 0, &mut found);
                breaks.extend(found.into_iter().map(|found| format!("{where_it_is}, {found}")));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document() -> Value {
        json!({
            "paths": {"/orders": {
                "get": {
                    "operationId": "listOrders",
                    "parameters": [{"name": "status", "in": "query", "required": false, "schema": {"type": "string"}}],
                    "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}}},
                },
                "post": {
                    "operationId": "placeOrder",
                    "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}},
                    "responses": {"201": {}},
                },
            }},
            "components": {"schemas": {"Order": {
                "type": "object", "properties": {"id": {"type": "string"}, "note": {"type": "string"}}, "required": ["id"],
            }}},
        })
    }

    #[test]
    fn additions_break_nobody() {
        let mut new = document();
        new["paths"]["/orders"]["delete"] = json!({});
        new["components"]["schemas"]["Order"]["properties"]["more"] = json!({"type": "string"});
        assert_eq!(openapi(&document(), &new), Vec::<String>::new());
    }

    #[test]
    fn each_break_is_named_with_its_operation() {
        let mut new = document();
        new["paths"]["/orders"]["get"]["operationId"] = "orders".into();
        new["paths"]["/orders"]["get"]["parameters"] =
            json!([{"name": "q", "in": "query", "required": true, "schema": {}}]);
        new["components"]["schemas"]["Order"]["required"] = json!(["note"]);
        new["components"]["schemas"]["Order"]["properties"] = json!({"note": {"type": "string"}});
        let breaks = openapi(&document(), &new);
        let expected = [
            r#"GET /orders: the operationId was "listOrders", and is "orders""#,
            "GET /orders: the parameter status is gone",
            r#"GET /orders: the parameter "q" is required now"#,
            "GET /orders: 200, /id is gone",
            "POST /orders: the request, /id is gone",
            "POST /orders: the request, /note is required now",
        ];
        assert_eq!(breaks, expected);
        assert_eq!(
            openapi(&document(), &json!({"paths": {}})),
            ["GET /orders is gone", "POST /orders is gone"]
        );
    }
}
