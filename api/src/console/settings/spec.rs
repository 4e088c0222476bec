//! The fields of the settings. Each is called like the pointer of the API's body, with points: its value is read from what the API
//! shows, and put into the patch that the API takes.

use comptoir_core::values::language::Language;
use serde_json::{Map, Value, json};

use crate::console::format::typed_decimal;
use crate::console::forms::{Choice, Form};
use crate::console::typography::Word;
use crate::console::words::Settings;

type Said = fn(&'static Settings) -> Word;

/// What is typed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Text,
    Email,
    Decimal,
    Check,
    OneOf(Words),
}

/// A field of a form.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spec {
    pub(super) name: &'static str,
    pub(super) label: Said,
    hint: Option<Said>,
    pub(super) kind: Kind,
}

const fn text(name: &'static str, label: Said) -> Spec {
    Spec { name, label, hint: None, kind: Kind::Text }
}

const fn of(kind: Kind, name: &'static str, label: Said) -> Spec {
    Spec { name, label, hint: None, kind }
}

const fn hinted(kind: Kind, name: &'static str, label: Said, hint: Said) -> Spec {
    Spec { name, label, hint: Some(hint), kind }
}

/// Values of the API, each with its word.
type Words = &'static [(&'static str, Said)];

const SCHEMES: Words = &[("siret", |w| w.siret), ("siren", |w| w.siren), ("foreign", |w| w.foreign)];
const LANGUAGES: Words = &[("fr", |w| w.french), ("en", |w| w.english)];
const CREDIT: Words = &[("refuse", |w| w.refuse), ("hold", |w| w.hold)];
const VAT_SCHEMES: Words = &[
    ("normal", |w| w.normal),
    ("small_enterprise", |w| w.small_enterprise),
    ("not_subject", |w| w.not_subject),
];
const VAT_DUE: Words = &[("payments", |w| w.payments), ("debits", |w| w.debits)];

pub(super) const COMPANY: &[Spec] = &[
    text("name", |w| w.name),
    of(Kind::OneOf(SCHEMES), "registration.scheme", |w| w.scheme),
    text("registration.number", |w| w.number),
    text("vat_number", |w| w.vat_number),
    text("address.line1", |w| w.line1),
    text("address.line2", |w| w.line2),
    text("address.postal_code", |w| w.postal_code),
    text("address.city", |w| w.city),
    hinted(Kind::Text, "address.country", |w| w.country, |w| w.country_hint),
    hinted(Kind::Text, "time_zone", |w| w.time_zone, |w| w.time_zone_hint),
    of(Kind::OneOf(LANGUAGES), "language", |w| w.language),
    hinted(Kind::Email, "email_from", |w| w.email_from, |w| w.email_from_hint),
    of(Kind::Email, "email_reply_to", |w| w.email_reply_to),
    of(Kind::OneOf(CREDIT), "credit_limit_action", |w| w.credit),
];

pub(super) const INVOICING: &[Spec] = &[
    text("invoicing.legal_form", |w| w.legal_form),
    of(Kind::Decimal, "invoicing.share_capital", |w| w.share_capital),
    hinted(Kind::Text, "invoicing.trade_register", |w| w.trade_register, |w| w.trade_register_hint),
    of(Kind::OneOf(VAT_SCHEMES), "invoicing.vat_scheme", |w| w.vat_scheme),
    of(Kind::OneOf(VAT_DUE), "invoicing.vat_due_on", |w| w.vat_due_on),
    of(Kind::Check, "invoicing.one_stop_shop", |w| w.one_stop_shop),
    hinted(Kind::Text, "invoicing.electronic_address.scheme", |w| w.e_scheme, |w| w.e_scheme_hint),
    text("invoicing.electronic_address.identifier", |w| w.e_identifier),
    text("invoicing.iban", |w| w.iban),
    text("invoicing.bic", |w| w.bic),
    hinted(Kind::Decimal, "invoicing.late_interest_rate", |w| w.late_rate, |w| w.late_rate_hint),
    text("invoicing.series", |w| w.series),
    text("invoicing.credit_note_series", |w| w.credit_note_series),
    of(Kind::Check, "invoicing.dates_in_order", |w| w.dates_in_order),
];

/// Objects of the body that are there as a whole or not at all.
const WHOLE: &[&str] = &["/registration", "/address", "/invoicing/electronic_address"];
/// Their members that are chosen and not typed: alone, they say nothing.
const CHOSEN: &[&str] = &["scheme", "country"];

/// A field as a template shows it.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) name: String,
    pub(super) label: Word,
    pub(super) hint: String,
    pub(super) value: String,
    pub(super) kind: &'static str,
    pub(super) choices: Vec<Choice>,
    pub(super) is_check: bool,
    pub(super) is_checked: bool,
}

/// The value of a field in what the API shows.
pub(super) fn current(shown: &Value, name: &str) -> String {
    match shown.pointer(&pointer(name)) {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => String::new(),
        Some(other) => other.to_string(),
    }
}

fn pointer(name: &str) -> String {
    format!("/{}", name.replace('.', "/"))
}

/// The fields with what was typed, or with what is there.
pub(super) fn inputs(
    specs: &[Spec],
    shown: &Value,
    typed: Option<&Form>,
    w: &'static Settings,
) -> Vec<Input> {
    let input = |spec: &Spec| {
        let value = match typed {
            Some(form) => form.get(spec.name).unwrap_or_default().to_owned(),
            None => current(shown, spec.name),
        };
        let choices = match spec.kind {
            Kind::OneOf(choices) => {
                choices.iter().map(|(name, word)| Choice::new(*name, word(w), &value)).collect()
            }
            _ => Vec::new(),
        };
        Input {
            name: spec.name.to_owned(),
            label: (spec.label)(w),
            hint: spec.hint.map(|hint| hint(w).to_string()).unwrap_or_default(),
            kind: if matches!(spec.kind, Kind::Email) { "email" } else { "text" },
            choices,
            is_check: matches!(spec.kind, Kind::Check),
            is_checked: value == "true",
            value,
        }
    };
    specs.iter().map(input).collect()
}

/// The merge patch of a form: what is empty is erased.
pub(super) fn patch(specs: &[Spec], form: &Form, language: Language) -> Value {
    let mut patch = json!({});
    for spec in specs {
        let typed = form.get(spec.name);
        let value = match (spec.kind, typed) {
            (Kind::Check, typed) => json!(typed.is_some()),
            (_, None) => Value::Null,
            (Kind::Decimal, Some(text)) => json!(typed_decimal(text, language)),
            (_, Some(text)) => json!(text),
        };
        put(&mut patch, spec.name, value);
    }
    for whole in WHOLE {
        if let Some(object) = patch.pointer_mut(whole)
            && object.as_object().is_some_and(says_nothing)
        {
            *object = Value::Null;
        }
    }
    patch
}

fn says_nothing(object: &Map<String, Value>) -> bool {
    object.iter().all(|(name, value)| value.is_null() || CHOSEN.contains(&name.as_str()))
}

/// Puts a value where its name says.
pub(super) fn put(patch: &mut Value, name: &str, value: Value) {
    let mut at = patch;
    for part in name.split('.') {
        at = &mut at[part];
    }
    *at = value;
}

#[cfg(test)]
mod tests {
    use actix_web::web::Bytes;

    use super::*;

    #[test]
    fn what_is_empty_is_erased_and_a_choice_alone_says_nothing() {
        let body =
            "name=Docks&registration.scheme=siret&address.line1=1+rue&address.country=FR&time_zone=UTC";
        let form =
            Form::parse("/console/settings/company", &Bytes::from_static(body.as_bytes())).expect("a form");
        let patch = patch(COMPANY, &form, Language::Fr);
        assert_eq!(patch["registration"], Value::Null);
        assert_eq!(patch["vat_number"], Value::Null);
        assert_eq!(patch["address"]["line1"], "1 rue");
        assert_eq!(patch["address"]["city"], Value::Null);
    }

    #[test]
    fn a_decimal_is_taken_as_french_writes_it() {
        let body = "invoicing.share_capital=10+000%2C50&invoicing.one_stop_shop=true";
        let form =
            Form::parse("/console/settings/invoicing", &Bytes::from_static(body.as_bytes())).expect("a form");
        let patch = patch(INVOICING, &form, Language::Fr);
        assert_eq!(patch["invoicing"]["share_capital"], "10000.50");
        assert_eq!(
            (&patch["invoicing"]["one_stop_shop"], &patch["invoicing"]["dates_in_order"]),
            (&json!(true), &json!(false))
        );
        assert_eq!(patch["invoicing"]["electronic_address"], Value::Null);
    }
}
