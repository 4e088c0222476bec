//! The parameters of an action against its JSON Schema, before a command is written. The process that asks may not be the one that
//! has the action: it knows the schema alone.
//!
//! Understood is what schemars writes for parameters. What else a schema says, the process that carries the action out looks at.

use chrono::DateTime;
use serde_json::Value;
use uuid::Uuid;

use crate::values::invalid::{FieldError, Invalid};

/// References that lead nowhere but to each other end here.
const MOST_REFERENCES: usize = 16;

/// # Errors
/// Fails at the first value that is not as the schema says; its pointer begins at the parameters.
pub(super) fn check(schema: &Value, parameters: &Value) -> Result<(), FieldError> {
    Schema { root: schema }.check(schema, parameters, "")
}

struct Schema<'a> {
    root: &'a Value,
}

impl<'a> Schema<'a> {
    fn check(&self, schema: &'a Value, value: &Value, pointer: &str) -> Result<(), FieldError> {
        let schema = self.referred(schema);
        for key in ["anyOf", "oneOf"] {
            if let Some(alternatives) = schema[key].as_array() {
                self.check_one_of(alternatives, value, pointer)?;
            }
        }
        let wrong = |code, message: String| Err(Invalid::new(code, message).at(pointer));
        let types = words(&schema["type"]);
        if !types.is_empty() && !types.iter().any(|word| is_of(word, value)) {
            let names: Vec<_> = types.iter().filter(|word| **word != "null").map(|word| name(word)).collect();
            return wrong("wrong_type", format!("expected {}, not {}", names.join(" or "), kind(value)));
        }
        let allowed = schema.get("const").map(std::slice::from_ref);
        let allowed = allowed.or(schema["enum"].as_array().map(Vec::as_slice));
        if let Some(allowed) = allowed.filter(|allowed| !allowed.contains(value)) {
            let names: Vec<_> = allowed.iter().map(ToString::to_string).collect();
            return wrong("unknown_value", format!("expected {}, not {value}", names.join(" or ")));
        }
        match value {
            Value::Number(number) => match (range(schema), number.as_f64()) {
                (range, Some(it)) if !within(range, it) => {
                    wrong("out_of_range", format!("expected {}, not {number}", limits(range)))
                }
                _ => Ok(()),
            },
            Value::String(text) => match schema["format"].as_str() {
                Some("uuid") if Uuid::try_parse(text).is_err() => {
                    let right = "expected an id, a UUID such as 01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b";
                    wrong("not_a_uuid", right.to_owned())
                }
                Some("date-time") if DateTime::parse_from_rfc3339(text).is_err() => {
                    let right = "expected RFC 3339 with a time zone, such as 2026-01-31T12:00:00Z";
                    wrong("not_a_time", right.to_owned())
                }
                _ => Ok(()),
            },
            Value::Array(values) => values.iter().enumerate().try_for_each(|(index, value)| {
                self.check(&schema["items"], value, &format!("{pointer}/{index}"))
            }),
            Value::Object(_) => self.check_members(schema, value, pointer),
            Value::Null | Value::Bool(_) => Ok(()),
        }
    }

    fn check_members(&self, schema: &'a Value, value: &Value, pointer: &str) -> Result<(), FieldError> {
        let at = |name: &str| format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
        let missing = words(&schema["required"]).into_iter().find(|name| value.get(*name).is_none());
        if let Some(name) = missing {
            return Err(Invalid::new("missing_field", format!("{name} is required")).at(at(name)));
        }
        let (others, known) = (&schema["additionalProperties"], schema["properties"].as_object());
        for (name, member) in value.as_object().into_iter().flatten() {
            match known.and_then(|known| known.get(name)) {
                Some(schema) => self.check(schema, member, &at(name))?,
                None if *others == Value::Bool(false) => {
                    let names: Vec<_> = known.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
                    let there = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
                    let message = format!("there is no {name:?} here; there is {there}");
                    return Err(Invalid::new("unknown_field", message).at(at(name)));
                }
                None => self.check(others, member, &at(name))?,
            }
        }
        Ok(())
    }

    /// Of several faults, the one that lies deepest says most. Null is not what was meant.
    fn check_one_of(
        &self,
        alternatives: &'a [Value],
        value: &Value,
        pointer: &str,
    ) -> Result<(), FieldError> {
        let is_null = |schema: &&Value| schema["type"] == "null";
        let faults: Option<Vec<FieldError>> =
            alternatives.iter().map(|schema| self.check(schema, value, pointer).err()).collect();
        // One of them fits, or there are none.
        let Some(faults) = faults else { return Ok(()) };
        let meant = alternatives.iter().zip(faults).filter(|(schema, _)| !is_null(schema));
        let meant: Vec<FieldError> = meant.map(|(_, fault)| fault).collect();
        let names: Vec<_> = alternatives.iter().filter_map(|schema| schema.get("const")).collect();
        if names.len() > 1 && names.len() == meant.len() {
            let names: Vec<_> = names.iter().map(ToString::to_string).collect();
            let message = format!("expected {}, not {value}", names.join(" or "));
            return Err(Invalid::new("unknown_value", message).at(pointer));
        }
        meant.into_iter().max_by_key(|fault| fault.pointer.matches('/').count()).map_or(Ok(()), Err)
    }

    /// Returns the schema, or the one that it refers to.
    fn referred(&self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        for _ in 0..MOST_REFERENCES {
            let Some(place) = schema["$ref"].as_str().and_then(|text| text.strip_prefix('#')) else { break };
            let Some(there) = self.root.pointer(place) else { break };
            schema = there;
        }
        schema
    }
}

/// Returns one text, or those of a list.
fn words(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn is_of(word: &str, value: &Value) -> bool {
    match word {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    }
}

fn name(word: &str) -> &str {
    match word {
        "boolean" => "true or false",
        "integer" => "a whole number",
        "number" => "a number",
        "string" => "a text",
        "array" => "a list",
        "object" => "an object",
        word => word,
    }
}

fn kind(value: &Value) -> String {
    match value {
        Value::String(_) => "a text".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        other => other.to_string(),
    }
}

/// The least and the greatest number.
type Range = (Option<f64>, Option<f64>);

/// Returns which numbers there are.
fn range(schema: &Value) -> Range {
    let greatest = match schema["format"].as_str() {
        Some("uint32") => Some(f64::from(u32::MAX)),
        _ => None,
    };
    (schema["minimum"].as_f64(), schema["maximum"].as_f64().or(greatest))
}

fn within((least, greatest): Range, number: f64) -> bool {
    least.is_none_or(|least| number >= least) && greatest.is_none_or(|greatest| number <= greatest)
}

fn limits((least, greatest): Range) -> String {
    match (least, greatest) {
        (Some(least), Some(greatest)) => format!("{least} to {greatest}"),
        (Some(least), None) => format!("{least} or more"),
        (None, Some(greatest)) => format!("{greatest} or less"),
        (None, None) => "a number".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde_json::json;

    use super::*;
    use crate::services::ActionKind;
    use crate::services::faces::{DrainNow, ProcessBatch, ReplayHistory, Requeue, Selection};

    fn wrong<P: JsonSchema>(parameters: Value) -> (String, &'static str, String) {
        let schema = ActionKind::new::<P>("act", "").parameters;
        let error = check(&schema, &parameters).expect_err("refused");
        (error.pointer, error.code, error.message)
    }

    fn is_right<P: JsonSchema>(parameters: Value) {
        let schema = ActionKind::new::<P>("act", "").parameters;
        assert_eq!(check(&schema, &parameters), Ok(()), "{parameters} {schema}");
    }

    #[test]
    fn what_an_action_takes_is_taken() {
        is_right::<DrainNow>(json!({}));
        is_right::<Requeue>(json!({"all": true}));
        is_right::<Requeue>(serde_json::to_value(Requeue::default()).expect("JSON"));
        is_right::<Requeue>(
            json!({"ids": ["01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b"], "since": "2026-01-31T12:00:00+02:00"}),
        );
        is_right::<ProcessBatch<Selection>>(json!({}));
        is_right::<ProcessBatch<Selection>>(
            json!({"batch_size": 10_000, "filter": {"event_type": "order.*"}}),
        );
        is_right::<ReplayHistory>(json!({"since": "2026-01-31T12:00:00Z", "until": null, "rate": 5}));
    }

    #[test]
    fn what_it_does_not_take_is_refused_with_its_place_and_with_what_would_be_right() {
        let (pointer, code, message) = wrong::<DrainNow>(json!({"nonsense": 1}));
        assert_eq!((pointer.as_str(), code), ("/nonsense", "unknown_field"));
        assert!(message.contains("there is nothing"), "{message}");
        let (pointer, code, message) = wrong::<ReplayHistory>(json!({"until": "2026-01-31T12:00:00Z"}));
        assert_eq!(
            (pointer.as_str(), code, message.as_str()),
            ("/since", "missing_field", "since is required")
        );
        for since in ["yesterday", "+12345-01-31T12:00:00Z", "2026-1-31 12:0:0 Z"] {
            let (pointer, code, message) = wrong::<ReplayHistory>(json!({"since": since}));
            assert_eq!((pointer.as_str(), code), ("/since", "not_a_time"), "{since}");
            assert!(message.contains("2026-01-31T12:00:00Z"), "{message}");
        }
        let since = "2026-01-31T12:00:00Z";
        for (rate, code, said) in [
            (json!("fast"), "wrong_type", "expected a whole number, not a text"),
            (json!(1.5), "wrong_type", "expected a whole number, not 1.5"),
            (json!(0), "out_of_range", "expected 1 to 4294967295, not 0"),
            (json!(-1), "out_of_range", "expected 1 to 4294967295, not -1"),
        ] {
            let found = wrong::<ReplayHistory>(json!({"since": since, "rate": rate}));
            assert_eq!(found, ("/rate".to_owned(), code, said.to_owned()));
        }
        let (pointer, code, message) = wrong::<ProcessBatch<Selection>>(json!({"batch_size": 10_001}));
        assert_eq!((pointer.as_str(), code), ("/batch_size", "out_of_range"));
        assert_eq!(message, "expected 1 to 10000, not 10001");
        let (pointer, code, message) = wrong::<ProcessBatch<Selection>>(json!({"filter": {"ids": ["one"]}}));
        assert_eq!((pointer.as_str(), code), ("/filter/ids/0", "not_a_uuid"), "{message}");
        let (pointer, code, message) = wrong::<ProcessBatch<Selection>>(json!({"filter": {"al/l": true}}));
        assert_eq!((pointer.as_str(), code), ("/filter/al~1l", "unknown_field"));
        assert!(message.contains("aggregate_id, all, dry_run"), "{message}");
        let (pointer, code, _) = wrong::<Requeue>(json!([]));
        assert_eq!((pointer.as_str(), code), ("", "wrong_type"));
    }

    #[test]
    fn one_of_several_must_fit() {
        let schema = json!({
            "properties": {
                "of": {"anyOf": [{"$ref": "#/$defs/Of"}, {"type": "null"}]},
                "way": {"oneOf": [{"const": "up", "description": "There"}, {"const": "down"}]}
            },
            "$defs": {"Of": {"type": "object", "properties": {"n": {"type": "integer"}}, "additionalProperties": false}}
        });
        for right in [json!({"of": null, "way": "up"}), json!({"of": {"n": 1}, "else": 1}), json!({})] {
            assert_eq!(check(&schema, &right), Ok(()), "{right}");
        }
        let error = check(&schema, &json!({"of": {"n": "1"}})).expect_err("refused");
        assert_eq!(error.pointer, "/of/n");
        let error = check(&schema, &json!({"way": "left"})).expect_err("refused");
        assert_eq!(error.message, r#"expected "up" or "down", not "left""#);
        assert_eq!(check(&json!(true), &json!(1)), Ok(()), "a schema that says nothing");
    }
}
