//! Two versions of a JSON Schema.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Who writes the values that a schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writer {
    /// We do: others read what the schema allows, and break if it allows more than before.
    Us,
    /// Others do: they write what the schema allows, and break if it allows less than before.
    Others,
}

/// Schemas nested deeper are not compared: none of ours contains itself.
const MAX_DEPTH: usize = 30;

/// Returns what is broken for those who read values that we send by the schema `old`, if we send them by `new`. References
/// are looked up in each document itself.
pub fn sent(old: &Value, new: &Value) -> Vec<String> {
    let mut breaks = Vec::new();
    Comparison { old_root: old, new_root: new, writer: Writer::Us }.compare(old, new, "", 0, &mut breaks);
    breaks
}

/// A comparison of schemas in two documents.
pub(crate) struct Comparison<'a> {
    pub(crate) old_root: &'a Value,
    pub(crate) new_root: &'a Value,
    pub(crate) writer: Writer,
}

impl Comparison<'_> {
    /// Collects what is broken at `at`, a JSON Pointer into the values.
    pub(crate) fn compare(&self, old: &Value, new: &Value, at: &str, depth: usize, breaks: &mut Vec<String>) {
        if depth > MAX_DEPTH {
            return;
        }
        let (old, new) = (whole(old, self.old_root), whole(new, self.new_root));
        let shown = if at.is_empty() { "the whole" } else { at };
        let (before, after) = (kinds(&old), kinds(&new));
        // Without a type, anything goes.
        let fewer =
            |one: &BTreeSet<String>, other: &BTreeSet<String>| !other.is_empty() && !one.is_subset(other);
        let changed = match self.writer {
            Writer::Us => fewer(&after, &before) || (after.is_empty() && !before.is_empty()),
            Writer::Others => fewer(&before, &after) || (before.is_empty() && !after.is_empty()),
        };
        if changed {
            breaks.push(format!("{shown} was {}, and is {}", list(&before), list(&after)));
            return;
        }
        self.values(&old, &new, shown, breaks);
        for keyword in ["format", "pattern"] {
            let (before, after) = (&old[keyword], &new[keyword]);
            let is_break = match self.writer {
                Writer::Us => !before.is_null() && before != after,
                Writer::Others => !after.is_null() && before != after,
            };
            if is_break {
                breaks.push(format!("{shown}: the {keyword} was {before}, and is {after}"));
            }
        }
        self.bounds(&old, &new, shown, breaks);
        self.members(&old, &new, at, depth, breaks);
        if self.writer == Writer::Us && !old["items"].is_null() && new["items"].is_null() {
            breaks.push(format!("{at}/0 can be anything now"));
        }
        if !old["items"].is_null() && !new["items"].is_null() {
            self.compare(&old["items"], &new["items"], &format!("{at}/0"), depth + 1, breaks);
        }
    }

    /// Others break if less is accepted of them than before.
    fn bounds(&self, old: &Value, new: &Value, shown: &str, breaks: &mut Vec<String>) {
        if self.writer == Writer::Us {
            return;
        }
        let bounds = [
            ("minLength", 1.0),
            ("minimum", 1.0),
            ("minItems", 1.0),
            ("maxLength", -1.0),
            ("maximum", -1.0),
            ("maxItems", -1.0),
        ];
        for (keyword, sign) in bounds {
            let (before, after) = (old[keyword].as_f64(), new[keyword].as_f64());
            if after.is_some_and(|after| before.is_none_or(|before| after * sign > before * sign)) {
                breaks.push(format!("{shown}: {keyword} was {}, and is {}", old[keyword], new[keyword]));
            }
        }
        if new["additionalProperties"] == false && old["additionalProperties"] != false {
            breaks.push(format!("{shown}: members that are not known are refused now"));
        }
    }

    fn values(&self, old: &Value, new: &Value, shown: &str, breaks: &mut Vec<String>) {
        let names = |schema: &Value| -> Option<BTreeSet<String>> {
            Some(schema["enum"].as_array()?.iter().map(Value::to_string).collect())
        };
        match (self.writer, names(old), names(new)) {
            (Writer::Us, Some(before), Some(after)) => {
                breaks.extend(after.difference(&before).map(|value| format!("{shown} can be {value} now")));
            }
            (Writer::Us, Some(_), None) => {
                breaks.push(format!("{shown} can be anything now, not only a few values"));
            }
            (Writer::Others, Some(before), Some(after)) => {
                breaks.extend(
                    before.difference(&after).map(|value| format!("{shown} cannot be {value} any more")),
                );
            }
            (Writer::Others, None, Some(_)) => {
                breaks.push(format!("{shown} can only be a few values now"));
            }
            _ => {}
        }
    }

    fn members(&self, old: &Value, new: &Value, at: &str, depth: usize, breaks: &mut Vec<String>) {
        let none = Map::new();
        let properties =
            |schema: &'_ Value| schema["properties"].as_object().cloned().unwrap_or_else(|| none.clone());
        let (before, after) = (properties(old), properties(new));
        let is_required = |schema: &Value, name: &str| {
            schema["required"].as_array().is_some_and(|names| names.iter().any(|other| other == name))
        };
        for (name, member) in &before {
            let at = format!("{at}/{name}");
            let Some(new_member) = after.get(name) else {
                breaks.push(format!("{at} is gone"));
                continue;
            };
            if self.writer == Writer::Us && is_required(old, name) && !is_required(new, name) {
                breaks.push(format!("{at} was always there, and may be missing"));
            }
            self.compare(member, new_member, &at, depth + 1, breaks);
        }
        if self.writer == Writer::Others {
            let demanded = after.keys().filter(|name| is_required(new, name) && !is_required(old, name));
            breaks.extend(demanded.map(|name| format!("{at}/{name} is required now")));
        }
    }
}

/// Returns the schema with its references and its parts (`allOf`) put in, and a choice between null and one other schema as
/// that schema.
fn whole(schema: &Value, root: &Value) -> Value {
    let mut schema = schema.clone();
    for _ in 0..MAX_DEPTH {
        let Some(reference) = schema["$ref"].as_str().map(str::to_owned) else { break };
        schema = root.pointer(reference.trim_start_matches('#')).cloned().unwrap_or(Value::Null);
    }
    for keyword in ["oneOf", "anyOf"] {
        let choices = schema[keyword].as_array().cloned().unwrap_or_default();
        let (nulls, others): (Vec<_>, Vec<_>) =
            choices.into_iter().partition(|choice| choice["type"] == "null");
        if let ([_], [other]) = (&nulls[..], &others[..]) {
            let mut other = whole(other, root);
            let mut kinds: Vec<Value> = kinds(&other).into_iter().map(Value::from).collect();
            kinds.push("null".into());
            other["type"] = kinds.into();
            return other;
        }
    }
    if let Some(parts) = schema["allOf"].as_array().cloned() {
        for part in parts.iter().map(|part| whole(part, root)) {
            for keyword in ["properties", "required"] {
                merge(&mut schema, &part, keyword);
            }
            if schema["type"].is_null() {
                schema["type"] = part["type"].clone();
            }
        }
    }
    schema
}

fn merge(schema: &mut Value, part: &Value, keyword: &str) {
    match (&mut schema[keyword], &part[keyword]) {
        (Value::Object(all), Value::Object(more)) => all.extend(more.clone()),
        (Value::Array(all), Value::Array(more)) => all.extend(more.clone()),
        (all, more) if all.is_null() => *all = more.clone(),
        _ => {}
    }
}

fn kinds(schema: &Value) -> BTreeSet<String> {
    let names = match &schema["type"] {
        Value::Array(names) => names.clone(),
        Value::Null => Vec::new(),
        name => vec![name.clone()],
    };
    names.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn list(kinds: &BTreeSet<String>) -> String {
    match kinds.len() {
        0 => "anything".to_owned(),
        _ => kinds.iter().map(String::as_str).collect::<Vec<_>>().join(" or "),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event() -> Value {
        json!({
            "type": "object",
            "properties": {
                "id": {"type": "string", "format": "uuid"},
                "status": {"type": "string", "enum": ["open", "closed"]},
                "note": {"type": ["string", "null"]},
                "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
            },
            "required": ["id", "status", "lines"],
            "$defs": {"Line": {"type": "object", "properties": {"quantity": {"type": "string"}}, "required": ["quantity"]}},
        })
    }

    fn changed(pointer: &str, value: Value) -> Value {
        let mut event = event();
        let (parent, name) = pointer.rsplit_once('/').unwrap_or_default();
        event.pointer_mut(parent).expect("there")[name] = value;
        event
    }

    fn without(pointer: &str, name: &str) -> Value {
        let mut event = event();
        event.pointer_mut(pointer).and_then(Value::as_object_mut).expect("there").remove(name);
        event
    }

    #[test]
    fn a_member_that_is_added_breaks_nobody_who_reads() {
        assert_eq!(sent(&event(), &event()), Vec::<String>::new());
        assert_eq!(
            sent(&event(), &changed("/properties/more", json!({"type": "string"}))),
            Vec::<String>::new()
        );
        assert_eq!(
            sent(&event(), &changed("/properties/note", json!({"type": "string"}))),
            Vec::<String>::new()
        );
    }

    #[test]
    fn what_is_removed_renamed_retyped_or_made_optional_breaks_whoever_reads() {
        assert_eq!(sent(&event(), &without("/properties", "note")), ["/note is gone"]);
        assert_eq!(
            sent(&event(), &without("/$defs/Line/properties", "quantity")),
            ["/lines/0/quantity is gone"]
        );
        let retyped = changed("/properties/id", json!({"type": "integer"}));
        assert_eq!(sent(&event(), &retyped), ["/id was string, and is integer"]);
        let nullable = changed("/properties/id", json!({"type": ["string", "null"], "format": "uuid"}));
        assert_eq!(sent(&event(), &nullable), ["/id was string, and is null or string"]);
        let free = changed("/properties/id", json!({"type": "string"}));
        assert_eq!(sent(&event(), &free), ["/id: the format was \"uuid\", and is null"]);
        let optional = changed("/required", json!(["id", "status"]));
        assert_eq!(sent(&event(), &optional), ["/lines was always there, and may be missing"]);
        let more =
            changed("/properties/status", json!({"type": "string", "enum": ["open", "closed", "lost"]}));
        assert_eq!(sent(&event(), &more), ["/status can be \"lost\" now"]);
    }

    #[test]
    fn what_is_demanded_or_taken_away_breaks_whoever_writes() {
        let breaks = |new: &Value| {
            let old = event();
            let mut breaks = Vec::new();
            let comparison = Comparison { old_root: &old, new_root: new, writer: Writer::Others };
            comparison.compare(&old, new, "", 0, &mut breaks);
            breaks
        };
        assert_eq!(breaks(&changed("/properties/more", json!({"type": "string"}))), Vec::<String>::new());
        assert_eq!(breaks(&changed("/required", json!(["id"]))), Vec::<String>::new());
        assert_eq!(
            breaks(&changed("/required", json!(["id", "status", "lines", "note"]))),
            ["/note is required now"]
        );
        assert_eq!(breaks(&without("/properties", "note")), ["/note is gone"]);
        let fewer = changed("/properties/status", json!({"type": "string", "enum": ["open"]}));
        assert_eq!(breaks(&fewer), ["/status cannot be \"closed\" any more"]);
        let bounded = changed("/properties/note", json!({"type": ["string", "null"], "maxLength": 10}));
        assert_eq!(breaks(&bounded), ["/note: maxLength was null, and is 10"]);
        let not_null = changed("/properties/note", json!({"type": "string"}));
        assert_eq!(breaks(&not_null), ["/note was null or string, and is string"]);
    }
}
