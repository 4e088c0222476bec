//! The values of a form, and the body of the API that they stand for. They come from a form that was sent, or from the row
//! as the API shows it; a field is called like the pointer of its member, with points.

use std::collections::BTreeMap;

use comptoir_core::application::Edit;
use comptoir_core::values::language::Language;
use serde_json::{Map, Value, json};

use crate::console::format::{as_typed, typed_decimal};
use crate::console::forms::Form;
use crate::error::ApiError;
use crate::extract::{Editable, Faults, merge_patch};

/// How the value of a field is written in the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// A decimal, which the API takes as text; people type it with a comma or a point.
    Decimal,
    /// A number of JSON.
    Whole,
    /// A box that is ticked or not.
    Flag,
}

/// Rows of the body that the form has a row for: those of which nothing was typed are left out.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) name: &'static str,
    /// The members of each row; none if the rows are texts.
    pub(crate) members: &'static [(&'static str, Kind)],
    /// Members that have a value in an empty row of the form, too.
    pub(crate) given: &'static [&'static str],
}

/// What a form has.
#[derive(Debug)]
pub(crate) struct Spec {
    pub(crate) members: &'static [(&'static str, Kind)],
    /// Objects that are null if nothing was typed in them.
    pub(crate) groups: &'static [&'static str],
    pub(crate) lists: &'static [List],
}

impl Spec {
    /// The names of the fields that a refusal can be about; `*` stands for any row.
    pub(crate) fn fields(&self) -> Vec<String> {
        let own = self.members.iter().map(|(name, _)| (*name).to_owned());
        let of_list = |list: &List| match list.members {
            [] => vec![format!("{}.*", list.name)],
            members => members.iter().map(|(name, _)| format!("{}.*.{name}", list.name)).collect(),
        };
        own.chain(self.lists.iter().flat_map(of_list)).collect()
    }

    /// How the field with this name is written.
    fn kind(&self, name: &str) -> Kind {
        let own = self.members.iter().find(|(member, _)| *member == name);
        let of_list = || {
            self.lists.iter().find_map(|list| {
                let rest = name.strip_prefix(list.name)?.strip_prefix('.')?;
                let (_, member) = rest.split_once('.')?;
                list.members.iter().find(|(one, _)| *one == member)
            })
        };
        own.or_else(of_list).map_or(Kind::Text, |(_, kind)| *kind)
    }
}

/// What is in the fields, by their names. What is not there is empty.
#[derive(Debug, Clone, Default)]
pub(crate) struct Values {
    texts: BTreeMap<String, String>,
    /// How many rows each list has.
    rows: BTreeMap<&'static str, usize>,
    /// That of the page: what a comma is.
    language: Language,
    /// Fields that the form does not have, for this person: the body says nothing of them.
    absent: Vec<&'static str>,
}

impl Values {
    /// What was typed. Empty rows are left out, so that a row has the index that it has in the body of the API.
    pub(crate) fn of_form(form: &Form, spec: &Spec, language: Language) -> Self {
        let mut values = Self { language, ..Self::default() };
        for (name, _) in spec.members {
            values.set(name, form.get(name).unwrap_or_default());
            // What was typed in a combobox, beside the id that it stands for.
            let text = format!("{name}_text");
            if let Some(typed) = form.get(&text) {
                values.set(&text, typed);
            }
        }
        for list in spec.lists {
            let mut next = 0;
            for row in 0..form.rows(list.name) {
                let typed: Vec<(String, &str)> = match list.members {
                    [] => {
                        vec![(String::new(), form.get(&format!("{}.{row}", list.name)).unwrap_or_default())]
                    }
                    members => {
                        let one = |(name, _): &(&'static str, Kind)| {
                            let field = format!("{}.{row}.{name}", list.name);
                            (format!(".{name}"), form.get(&field).unwrap_or_default())
                        };
                        members.iter().map(one).collect()
                    }
                };
                let is_given =
                    |name: &str| list.given.iter().any(|given| name.strip_prefix('.') == Some(*given));
                if typed.iter().all(|(name, text)| text.is_empty() || is_given(name)) {
                    continue;
                }
                for (name, text) in typed {
                    values.set(&format!("{}.{next}{name}", list.name), text);
                }
                next += 1;
            }
            values.rows.insert(list.name, next);
        }
        values
    }

    /// What is known of a row, as the API shows it.
    pub(crate) fn of_view<T: Editable>(
        view: &T::View,
        spec: &Spec,
        language: Language,
    ) -> Result<Self, ApiError> {
        let json = serde_json::to_value(T::shown(view)).map_err(|cause| {
            let status = actix_web::http::StatusCode::INTERNAL_SERVER_ERROR;
            ApiError::new(status, "internal", "the row could not be shown").with_cause(cause)
        })?;
        let mut values = Self { language, ..Self::default() };
        for list in spec.lists {
            let rows = json[list.name].as_array().map_or(0, Vec::len);
            values.rows.insert(list.name, rows);
        }
        values.flatten("", &json, spec, language);
        Ok(values)
    }

    fn flatten(&mut self, name: &str, json: &Value, spec: &Spec, language: Language) {
        let below = |part: &str| if name.is_empty() { part.to_owned() } else { format!("{name}.{part}") };
        match json {
            Value::Object(members) => {
                for (part, member) in members {
                    self.flatten(&below(part), member, spec, language);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.flatten(&below(&index.to_string()), item, spec, language);
                }
            }
            Value::String(text) if spec.kind(name) == Kind::Decimal => {
                self.set(name, &as_typed(text, language));
            }
            Value::String(text) => self.set(name, text),
            Value::Bool(true) => self.set(name, "true"),
            Value::Number(number) => self.set(name, &number.to_string()),
            Value::Null | Value::Bool(false) => {}
        }
    }

    pub(crate) fn set(&mut self, name: &str, text: &str) {
        self.texts.insert(name.to_owned(), text.to_owned());
    }

    pub(crate) fn get(&self, name: &str) -> &str {
        self.texts.get(name).map_or("", String::as_str)
    }

    pub(crate) fn rows(&self, list: &str) -> usize {
        self.rows.get(list).copied().unwrap_or_default()
    }

    /// Takes a field, or the rows of a list, as another version has them.
    pub(crate) fn take(&mut self, name: &str, theirs: &Self) {
        let is_its = |found: &str| {
            let rest = found.strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest == "_text" || rest.starts_with('.'))
        };
        self.texts.retain(|found, _| !is_its(found));
        let taken = theirs.texts.iter().filter(|(found, _)| is_its(found));
        self.texts.extend(taken.map(|(found, text)| (found.clone(), text.clone())));
        if let Some((list, rows)) = theirs.rows.get_key_value(name) {
            self.rows.insert(*list, *rows);
        }
    }

    pub(crate) fn set_rows(&mut self, list: &'static str, rows: usize) {
        self.rows.insert(list, rows);
    }

    /// Whether there is a row in any list.
    pub(crate) fn has_rows(&self) -> bool {
        self.rows.values().any(|rows| *rows > 0)
    }

    /// Leaves a field out of the form, and so out of the body.
    pub(crate) fn leave_out(&mut self, name: &'static str) {
        self.absent.push(name);
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        !self.absent.contains(&name)
    }

    /// The merge patch that the form stands for: what is empty is null.
    pub(crate) fn patch(&self, spec: &Spec) -> Map<String, Value> {
        let mut body = Map::new();
        for (name, kind) in spec.members.iter().filter(|(name, _)| self.has(name)) {
            put(&mut body, name, written(self.get(name), *kind, self.language));
        }
        for group in spec.groups {
            if let Some(value) = find(&mut body, group)
                && is_nothing(value)
            {
                *value = Value::Null;
            }
        }
        for list in spec.lists.iter().filter(|list| self.has(list.name)) {
            let row = |index: usize| match list.members {
                [] => json!(self.get(&format!("{}.{index}", list.name))),
                members => {
                    let one = |(name, kind): &(&'static str, Kind)| {
                        let text = self.get(&format!("{}.{index}.{name}", list.name));
                        ((*name).to_owned(), written(text, *kind, self.language))
                    };
                    Value::Object(members.iter().map(one).filter(|(_, value)| !value.is_null()).collect())
                }
            };
            body.insert(list.name.to_owned(), (0..self.rows(list.name)).map(row).collect());
        }
        body
    }

    /// The body of a request that makes a row: what is empty is left out.
    pub(crate) fn body(&self, spec: &Spec) -> Value {
        let mut body = Value::Object(self.patch(spec));
        without_nulls(&mut body);
        body
    }

    /// Reads the data of a new row, as the API would read them.
    ///
    /// # Errors
    /// 422 with all that is wrong.
    pub(crate) fn details<T: Editable>(&self, spec: &Spec) -> Result<T::Details, ApiError> {
        let read: Result<T, Faults> = deserr::deserialize(self.body(spec));
        read.map_err(ApiError::from)?.into_details().map_err(ApiError::invalid)
    }

    /// The change that the form stands for.
    pub(crate) fn edit<T: Editable>(&self, spec: &Spec) -> Edit<T::View, T::Details> {
        merge_patch::<T>(self.patch(spec))
    }
}

fn written(text: &str, kind: Kind, language: Language) -> Value {
    match kind {
        Kind::Flag => json!(text == "true"),
        _ if text.is_empty() => Value::Null,
        Kind::Text => json!(text),
        Kind::Decimal => json!(typed_decimal(text, language)),
        // What is no number stays a text, and is refused with the API's own reason.
        Kind::Whole => text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number)),
    }
}

/// Puts a value where its name says: `invoicing.kind` is a member of `invoicing`.
fn put(body: &mut Map<String, Value>, name: &str, value: Value) {
    match name.split_once('.') {
        None => {
            body.insert(name.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = body.entry(first).or_insert_with(|| Value::Object(Map::new()));
            if let Some(inner) = inner.as_object_mut() {
                put(inner, rest, value);
            }
        }
    }
}

fn find<'a>(body: &'a mut Map<String, Value>, name: &str) -> Option<&'a mut Value> {
    match name.split_once('.') {
        None => body.get_mut(name),
        Some((first, rest)) => find(body.get_mut(first)?.as_object_mut()?, rest),
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.values().all(is_nothing),
        Value::Null | Value::Bool(false) => true,
        _ => false,
    }
}

fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use actix_web::web::Bytes;

    use super::*;

    const SPEC: Spec = Spec {
        members: &[
            ("code", Kind::Text),
            ("limit", Kind::Decimal),
            ("stocked", Kind::Flag),
            ("terms.days", Kind::Whole),
            ("terms.end_of_month", Kind::Flag),
        ],
        groups: &["terms"],
        lists: &[
            List {
                name: "addresses",
                members: &[("kind", Kind::Text), ("line1", Kind::Text)],
                given: &["kind"],
            },
            List { name: "barcodes", members: &[], given: &[] },
        ],
    };

    fn values(body: &'static str) -> Values {
        Values::of_form(
            &Form::parse("/", &Bytes::from_static(body.as_bytes())).expect("a form"),
            &SPEC,
            Language::Fr,
        )
    }

    #[test]
    fn a_form_becomes_the_body_of_the_api_and_empty_rows_are_no_rows() {
        let values = values(
            "code=C-1&limit=1+234%2C5&terms.days=30&addresses.0.kind=billing&addresses.1.kind=shipping&addresses.1.line1=x&barcodes.0=&barcodes.1=12",
        );
        let expected = json!({
            "code": "C-1", "limit": "1234.5", "stocked": false, "terms": {"days": 30, "end_of_month": false},
            "addresses": [{"kind": "shipping", "line1": "x"}], "barcodes": ["12"],
        });
        assert_eq!(Value::Object(values.patch(&SPEC)), expected);
        assert_eq!(values.rows("addresses"), 1);
    }

    #[test]
    fn what_is_empty_is_erased_by_a_change_and_left_out_of_what_is_new() {
        let mut values = values("code=C-1");
        values.leave_out("stocked");
        let expected = json!({"code": "C-1", "limit": null, "terms": null, "addresses": [], "barcodes": []});
        assert_eq!(Value::Object(values.patch(&SPEC)), expected);
        assert_eq!(values.body(&SPEC), json!({"code": "C-1", "addresses": [], "barcodes": []}));
    }

    #[test]
    fn a_field_or_a_list_is_taken_from_another_version() {
        let mut mine = values("code=C-1&limit=5&addresses.0.kind=billing&addresses.0.line1=x&barcodes.0=12");
        let theirs = values("code=C-2&limit=7&barcodes.0=13&barcodes.1=14");
        for name in ["limit", "barcodes", "addresses"] {
            mine.take(name, &theirs);
        }
        let body = Value::Object(mine.patch(&SPEC));
        assert_eq!((&body["code"], &body["limit"]), (&json!("C-1"), &json!("7")));
        assert_eq!((&body["barcodes"], &body["addresses"]), (&json!(["13", "14"]), &json!([])));
    }

    #[test]
    fn a_refusal_finds_the_fields_of_rows() {
        let fields = SPEC.fields();
        assert!(
            fields.contains(&"addresses.*.line1".to_owned()) && fields.contains(&"barcodes.*".to_owned())
        );
        assert_eq!(SPEC.kind("limit"), Kind::Decimal);
    }
}
