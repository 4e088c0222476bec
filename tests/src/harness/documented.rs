//! Compares what the API answers with what `api/openapi.json` promises: the status, the code of a problem, the form of the
//! body.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use anyhow::{Context, Result, ensure};
use jsonschema::Validator;
use percent_encoding::percent_decode_str;
use reqwest::Method;
use serde_json::Value;

use super::http::Answer;

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../api/openapi.json")).unwrap_or_default());

/// Schemas that were compiled, by their JSON Pointer in the document.
static VALIDATORS: LazyLock<Mutex<HashMap<String, std::sync::Arc<Validator>>>> =
    LazyLock::new(Mutex::default);

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
        let pointer =
            ["paths", template, &method.as_str().to_lowercase(), "responses", &status, "content", media_type]
                .map(|part| part.replace('~', "~0").replace('/', "~1"))
                .join("/");
        let validator = validator(&pointer, &content["schema"])?;
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

fn validator(pointer: &str, schema: &Value) -> Result<std::sync::Arc<Validator>> {
    let mut validators = VALIDATORS.lock().map_err(|_| anyhow::anyhow!("another check panicked"))?;
    if let Some(validator) = validators.get(pointer) {
        return Ok(validator.clone());
    }
    let mut whole = schema.clone();
    whole["components"]["schemas"] = DOCUMENT["components"]["schemas"].clone();
    let validator = jsonschema::draft202012::options()
        .should_validate_formats(true)
        .build(&whole)
        .context("a schema of api/openapi.json")?;
    let validator = std::sync::Arc::new(validator);
    validators.insert(pointer.to_owned(), validator.clone());
    Ok(validator)
}
