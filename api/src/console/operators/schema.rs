//! A form made from the JSON Schema of an action's parameters, and the parameters read from the form. A field is called like
//! the pointer of what it holds, with points: `parameters.filter.event_type`. Whether the values are right, core says.

use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};
use serde_json::{Map, Value};

use crate::console::forms::Form;

/// What stands in front of all names.
pub(super) const PREFIX: &str = "parameters";
/// Objects within objects end here.
const DEEPEST: usize = 4;
/// References that lead to each other end here.
const MOST_REFERENCES: usize = 8;

/// How a value is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Time,
    /// Several texts, a line each.
    Lines,
    Flag,
    Choice,
    /// Anything else, as JSON.
    Json,
}

/// A field of the form.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Input {
    pub(super) name: String,
    pub(super) label: String,
    /// What the program itself says of it.
    pub(super) about: String,
    pub(super) kind: Kind,
    pub(super) choices: Vec<String>,
    pub(super) value: String,
    pub(super) is_required: bool,
    /// Whether label and hint are the schema's own, which are in English whatever the page is in.
    pub(super) is_english: bool,
}

impl Input {
    pub(super) fn is(&self, kind: &str) -> bool {
        match self.kind {
            Kind::Text => kind == "text",
            Kind::Number => kind == "number",
            Kind::Time => kind == "time",
            Kind::Lines | Kind::Json => kind == "area",
            Kind::Flag => kind == "flag",
            Kind::Choice => kind == "choice",
        }
    }
}

/// Returns the fields for the parameters, with what was typed.
pub(super) fn inputs(schema: &Value, form: Option<&Form>) -> Vec<Input> {
    let mut found = Vec::new();
    Schema { root: schema }.collect(schema, PREFIX, 0, &mut found);
    for input in &mut found {
        let typed = form.and_then(|form| form.get(&input.name));
        match typed {
            Some(typed) => typed.clone_into(&mut input.value),
            // A form that was sent has what it has.
            None if form.is_some() => input.value.clear(),
            None => {}
        }
    }
    found
}

/// Reads the parameters. What was left empty is not there.
pub(super) fn read(schema: &Value, form: &Form) -> Value {
    Value::Object(Schema { root: schema }.members(schema, PREFIX, 0, form))
}

struct Schema<'a> {
    root: &'a Value,
}

impl<'a> Schema<'a> {
    /// Returns the schema of the value, without references and without null.
    fn plain(&self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        for _ in 0..MOST_REFERENCES {
            if let Some(place) = schema["$ref"].as_str().and_then(|text| text.strip_prefix('#')) {
                match self.root.pointer(place) {
                    Some(there) => schema = there,
                    None => return schema,
                }
                continue;
            }
            let present = schema;
            let alternatives = ["anyOf", "oneOf", "allOf"].iter().find_map(|key| present[*key].as_array());
            let mut others = alternatives.into_iter().flatten().filter(|one| one["type"] != "null");
            match (others.next(), others.next()) {
                (Some(only), None) => schema = only,
                _ => return schema,
            }
        }
        schema
    }

    fn kind(&self, schema: &Value) -> Kind {
        if !choices(schema).is_empty() {
            return Kind::Choice;
        }
        match word(schema) {
            "boolean" => Kind::Flag,
            "integer" | "number" => Kind::Number,
            "string" if schema["format"] == "date-time" => Kind::Time,
            "string" => Kind::Text,
            "array" if matches!(word(&schema["items"]), "string" | "integer" | "number") => Kind::Lines,
            _ => Kind::Json,
        }
    }

    fn collect(&self, schema: &'a Value, prefix: &str, depth: usize, found: &mut Vec<Input>) {
        let schema = self.plain(schema);
        let required: Vec<&str> = texts(&schema["required"]);
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            let (path, plain) = (format!("{prefix}.{name}"), self.plain(member));
            if plain["properties"].is_object() && depth < DEEPEST {
                self.collect(plain, &path, depth + 1, found);
                continue;
            }
            let about = member["description"].as_str().or_else(|| plain["description"].as_str());
            let default = &member["default"];
            let value = match default {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                Value::Bool(true) => "true".to_owned(),
                _ => String::new(),
            };
            let label = path.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix('.')).unwrap_or(&path);
            found.push(Input {
                label: label.to_owned(),
                about: about.unwrap_or_default().to_owned(),
                kind: self.kind(plain),
                choices: choices(plain),
                value,
                is_required: required.contains(&name.as_str()),
                name: path,
                is_english: true,
            });
        }
    }

    fn members(&self, schema: &'a Value, prefix: &str, depth: usize, form: &Form) -> Map<String, Value> {
        let schema = self.plain(schema);
        let mut members = Map::new();
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            let (path, plain) = (format!("{prefix}.{name}"), self.plain(member));
            if plain["properties"].is_object() && depth < DEEPEST {
                let inner = self.members(plain, &path, depth + 1, form);
                if !inner.is_empty() {
                    members.insert(name.clone(), Value::Object(inner));
                }
            } else if let Some(typed) = form.get(&path) {
                members.insert(name.clone(), self.value(plain, typed));
            }
        }
        members
    }

    /// What cannot be read stays a text, and is refused by the schema with its reason.
    fn value(&self, schema: &Value, typed: &str) -> Value {
        match self.kind(schema) {
            Kind::Flag => Value::Bool(true),
            Kind::Number => number(typed),
            Kind::Time => Value::String(time(typed)),
            Kind::Lines => {
                let is_text = word(&schema["items"]) == "string";
                let lines = typed.split(['\n', '\r', ',']).map(str::trim).filter(|line| !line.is_empty());
                lines
                    .map(|line| if is_text { Value::String(line.to_owned()) } else { number(line) })
                    .collect()
            }
            Kind::Json => serde_json::from_str(typed).unwrap_or_else(|_| Value::String(typed.to_owned())),
            Kind::Text | Kind::Choice => Value::String(typed.to_owned()),
        }
    }
}

/// The type of a value that is not null.
fn word(schema: &Value) -> &str {
    texts(&schema["type"]).into_iter().find(|word| *word != "null").unwrap_or_default()
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The texts of which it is one.
fn choices(schema: &Value) -> Vec<String> {
    let of_list = texts(&schema["enum"]).into_iter().map(str::to_owned);
    let of_alternatives = schema["oneOf"].as_array().into_iter().flatten();
    let of_alternatives = of_alternatives.filter_map(|one| one["const"].as_str()).map(str::to_owned);
    of_list.chain(of_alternatives).collect()
}

fn number(typed: &str) -> Value {
    let whole = typed.parse::<i64>().map(Value::from);
    let number = whole.or_else(|_| typed.parse::<f64>().map(Value::from));
    number.unwrap_or_else(|_| Value::String(typed.to_owned()))
}

/// A time as the browser writes it has no zone: it is meant in UTC, as the operators' pages show times.
pub(super) fn time(typed: &str) -> String {
    let typed_in = |form| NaiveDateTime::parse_from_str(typed, form).ok();
    let local = typed_in("%Y-%m-%dT%H:%M").or_else(|| typed_in("%Y-%m-%dT%H:%M:%S"));
    local.map_or_else(|| typed.to_owned(), |time| written(time.and_utc()))
}

pub(super) fn written(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

#[cfg(test)]
mod tests {
    use actix_web::web::Bytes;
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["since"],
            "properties": {
                "since": {"type": "string", "format": "date-time", "description": "Published then or later."},
                "rate": {"type": ["integer", "null"], "minimum": 1},
                "dry_run": {"type": "boolean", "default": false},
                "filter": {"anyOf": [{"$ref": "#/$defs/Filter"}, {"type": "null"}]},
                "way": {"oneOf": [{"const": "up"}, {"const": "down"}]}
            },
            "$defs": {"Filter": {"type": "object", "properties": {
                "ids": {"type": ["array", "null"], "items": {"type": "string", "format": "uuid"}}
            }}}
        })
    }

    fn form(body: &'static str) -> Form {
        Form::parse("/console/operators", &Bytes::from_static(body.as_bytes())).expect("a form")
    }

    #[test]
    fn a_schema_is_a_form() {
        let inputs = inputs(&schema(), None);
        let kind = |name: &str| inputs.iter().find(|input| input.name == name).map(|input| input.kind);
        assert_eq!(kind("parameters.since"), Some(Kind::Time));
        assert_eq!(kind("parameters.rate"), Some(Kind::Number));
        assert_eq!(kind("parameters.dry_run"), Some(Kind::Flag));
        assert_eq!(kind("parameters.filter.ids"), Some(Kind::Lines));
        assert_eq!(kind("parameters.way"), Some(Kind::Choice));
        assert!(inputs.iter().any(|input| input.is_required && input.about.starts_with("Published")));
    }

    #[test]
    fn what_was_typed_is_read_by_the_same_schema_and_what_was_not_is_not_there() {
        let sent = form(
            "parameters.since=2026-11-26T09%3A30&parameters.rate=many&parameters.filter.ids=a%0D%0Ab&parameters.way=up&parameters.nonsense=1",
        );
        let expected = json!({
            "since": "2026-11-26T09:30:00.000000Z", "rate": "many", "filter": {"ids": ["a", "b"]}, "way": "up"
        });
        assert_eq!(read(&schema(), &sent), expected);
        assert_eq!(read(&schema(), &form("parameters.rate=")), json!({}));
        assert_eq!(read(&schema(), &form("parameters.dry_run=true")), json!({"dry_run": true}));
    }
}
