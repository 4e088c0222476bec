//! Compares what the API answers with what `api/openapi.json` promises: the status, the code of a problem, the form of the
//! body.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use anyhow::{Context, Result, ensure};
use jsonschema::Validator;
use percent_encoding::percent_decode_str;
use reqwest::Method;
use serde_json::{Map, Value};

use super::http::Answer;

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../api/openapi.json")).unwrap_or_default());

/// Schemas that were compiled, by their text: nearly three thousand answers of the document have about a hundred different ones.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// # Errors
/// Fails if the operation is documented and answers something else than that.
pub(super) fn check(method: &Method, path: &str, answer: &Answer) -> Result<()> {
    let Some((template, operation)) = operation(method, path) else { return Ok(()) };
    // Another server, such as the listener for operations: the API's own 404 is a problem.
    if answer.status == 404 && answer.text.is_empty() {
        return Ok(());
    }
    let what = || format!("{method} {template} answered {}: {}", answer.status, answer.text);
    let status = answer.status.to_string();
    let Some(response) = operation["responses"].get(&status) else {
        anyhow::bail!("{}: api/openapi.json does not know the status", what());
    };
    let media_type = answer.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
    if response["content"].is_null() {
        ensure!(answer.text.is_empty(), "{}: api/openapi.json says that there is no body", what());
        return Ok(());
    }
    let content = &response["content"][media_type];
    ensure!(!content.is_null(), "{}: api/openapi.json does not know {media_type:?}", what());
    if media_type == "application/problem+json" {
        let code = answer.code();
        ensure!(!content["examples"][code].is_null(), "{}: api/openapi.json does not know {code:?}", what());
    }
    if media_type.ends_with("json") && content["schema"]["type"] != "object" {
        let validator = validator(&content["schema"])?;
        let faults: Vec<_> = validator.iter_errors(&answer.json).map(|fault| fault.to_string()).collect();
        ensure!(faults.is_empty(), "{}: {faults:?}", what());
    }
    Ok(())
}

fn operation(method: &Method, path: &str) -> Option<(&'static str, &'static Value)> {
    // The router decodes a path before it looks for its route.
    let path = percent_decode_str(path.split('?').next().unwrap_or_default()).decode_utf8_lossy();
    let paths = DOCUMENT["paths"].as_object()?;
    // A path without parameters is meant before one with them.
    let (template, methods) = paths
        .iter()
        .filter(|(template, _)| fits(template, &path))
        .min_by_key(|(template, _)| template.matches('{').count())?;
    Some((template, methods.get(method.as_str().to_lowercase())?))
}

fn fits(template: &str, path: &str) -> bool {
    let (mut expected, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (expected.next(), given.next()) {
            (None, None) => return true,
            (Some(part), Some(text)) if part == text || (part.starts_with('{') && !text.is_empty()) => {}
            _ => return false,
        }
    }
}

fn validator(schema: &Value) -> Result<Arc<Validator>> {
    let text = schema.to_string();
    let mut validators = VALIDATORS.lock().map_err(|_| anyhow::anyhow!("another check panicked"))?;
    if let Some(validator) = validators.get(&text) {
        return Ok(Arc::clone(validator));
    }
    let mut whole = schema.clone();
    whole["components"]["schemas"] = Value::Object(named_by(schema));
    let validator = jsonschema::draft202012::options()
        .should_validate_formats(true)
        .build(&whole)
        .context("a schema of api/openapi.json")?;
    let validator = Arc::new(validator);
    validators.insert(text, Arc::clone(&validator));
    Ok(validator)
}

/// The schemas of the document that this one refers to, and those that these refer to. With all of them, each validator would take as
/// long to make as a test has for a few requests.
fn named_by(schema: &Value) -> Map<String, Value> {
    let mut found = Map::new();
    let mut unread = vec![schema];
    while let Some(value) = unread.pop() {
        match value {
            Value::Array(items) => unread.extend(items),
            Value::Object(members) => {
                let reference = members.get("$ref").and_then(Value::as_str);
                let name = reference.and_then(|reference| reference.strip_prefix("#/components/schemas/"));
                // What is not in the document is left out: the validator then says that it leads nowhere.
                if let Some(name) = name
                    && let Some(named) = DOCUMENT["components"]["schemas"].get(name)
                    && !found.contains_key(name)
                {
                    found.insert(name.to_owned(), named.clone());
                    unread.push(named);
                }
                unread.extend(members.values());
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{DOCUMENT, named_by, validator};

    #[test]
    fn a_schema_comes_with_all_that_it_refers_to_and_with_nothing_else() {
        let found = named_by(&json!({"$ref": "#/components/schemas/Problem"}));
        let names: Vec<&str> = found.keys().map(String::as_str).collect();
        assert!(names.contains(&"Problem") && names.contains(&"ProblemField"), "{names:?}");
        assert!(names.len() < 10, "{names:?}");
        let found = named_by(&json!({"items": {"$ref": "#/components/schemas/ProblemField"}}));
        assert_eq!(found.get("ProblemField"), Some(&DOCUMENT["components"]["schemas"]["ProblemField"]));
    }

    #[test]
    fn what_is_not_as_the_schema_says_is_found() {
        let problem = validator(&json!({"$ref": "#/components/schemas/Problem"})).expect("a schema");
        assert!(!problem.is_valid(&json!({})));
        assert!(validator(&json!({"$ref": "#/components/schemas/Nothing"})).is_err());
    }
}
