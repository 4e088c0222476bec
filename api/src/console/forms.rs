//! Forms: what was typed, what is wrong with it, and that a double click does nothing twice.
//!
//! A field is called like the API's JSON pointer of what it holds, with points: `lines.0.quantity` is `/lines/0/quantity`.
//! So a form becomes the body that the API takes, is read by the same code, and the reasons for a refusal find their fields.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::{Method, StatusCode};
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use comptoir_core::application::idempotency::IdempotencyKey;
use comptoir_core::values::language::Language;
use uuid::Uuid;

use super::{undone, words};
use crate::error::ApiError;

/// The field that has the idempotency key.
const KEY: &str = "form_key";
/// What the choices between two versions are called, in front of their field, and the value of the others' one.
const TAKE: &str = "take.";
const THEIRS: &str = "theirs";
/// The maximum number of fields of a form: an order of 5,000 lines is imported, not typed.
const MAX_FIELDS: usize = 2_000;

/// A form that was sent.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    path: String,
    body: web::Bytes,
    pairs: Vec<(String, String)>,
}

impl Form {
    /// # Errors
    /// 400 if the body is no form, 413 if it has too many fields.
    pub(super) fn parse(path: &str, body: &web::Bytes) -> Result<Self, ApiError> {
        let malformed =
            || ApiError::new(StatusCode::BAD_REQUEST, "bad_request", "the form could not be read");
        let text = std::str::from_utf8(body).map_err(|_| malformed())?;
        let pairs =
            web::Query::<Vec<(String, String)>>::from_query(text).map_err(|_| malformed())?.into_inner();
        Ok(Self { body: body.clone(), ..Self::of_fields(path, pairs)? })
    }

    /// A form whose fields were read already: those in front of a file.
    ///
    /// # Errors
    /// 413 if it has too many fields.
    pub(super) fn of_fields(path: &str, pairs: Vec<(String, String)>) -> Result<Self, ApiError> {
        if pairs.len() > MAX_FIELDS {
            let detail = format!("a form has at most {MAX_FIELDS} fields");
            return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail));
        }
        Ok(Self { path: path.to_owned(), body: web::Bytes::new(), pairs })
    }

    /// The value of a field, without the white space around it; `None` if there is none.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.pairs.iter().find(|(found, _)| found == name)?;
        Some(value.trim()).filter(|value| !value.is_empty())
    }

    /// The value as it was typed, for a password.
    pub(crate) fn exact(&self, name: &str) -> &str {
        self.pairs.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    /// All values of a field that may be there several times, such as ticked boxes.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let own = self.pairs.iter().filter(move |(found, _)| found == name);
        own.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// One more than the highest index of the fields `{prefix}.{index}.…`.
    pub(crate) fn rows(&self, prefix: &str) -> usize {
        let index = |name: &str| {
            name.strip_prefix(prefix)?.strip_prefix('.')?.split('.').next()?.parse::<usize>().ok()
        };
        let last = self.pairs.iter().filter_map(|(name, _)| index(name)).max();
        last.map_or(0, |last| (last + 1).min(MAX_FIELDS))
    }

    /// The fields of which the others' value was chosen, where both versions stood side by side.
    pub(crate) fn taken(&self) -> impl Iterator<Item = &str> {
        let chosen = self.pairs.iter().filter(|(_, value)| value == THEIRS);
        chosen.filter_map(|(name, _)| name.strip_prefix(TAKE))
    }

    /// The same form with the others' values where theirs were chosen: `theirs` has the fields that a chosen one stands for.
    #[must_use]
    pub(crate) fn with_theirs(&self, theirs: impl Fn(&str) -> Vec<(String, String)>) -> Self {
        let mut form = self.clone();
        for name in self.taken() {
            let is_its = |found: &str| {
                found.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            form.pairs.retain(|(found, _)| !is_its(found));
            form.pairs.extend(theirs(name));
        }
        form
    }

    /// The version of the row that the page showed.
    ///
    /// # Errors
    /// 422 if the form has none: a form that could overwrite another person's change is never sent without.
    pub(crate) fn version(&self) -> Result<i64, ApiError> {
        self.get("version").and_then(|text| text.parse().ok()).ok_or_else(|| {
            ApiError::invalid_field(
                "/version",
                "missing_field",
                "the form has no version: load the page again",
            )
        })
    }

    /// The API's idempotency key of this form: the same click twice is one command.
    ///
    /// # Errors
    /// 422 if the form has none, or one that is none.
    pub(crate) fn key(&self) -> Result<Option<IdempotencyKey>, ApiError> {
        self.key_with(&self.body)
    }

    /// The same of a form with a file: `content` stands for all that was sent.
    ///
    /// # Errors
    /// As [`Self::key`].
    pub(crate) fn key_with(&self, content: &[u8]) -> Result<Option<IdempotencyKey>, ApiError> {
        let key = IdempotencyKey::parse(self.exact(KEY), Method::POST.as_str(), &self.path, content);
        key.map(Some).map_err(|refused| ApiError::invalid_field("/form_key", refused.code, refused.message))
    }

    /// The key as the page has it, for the page that shows the form again.
    pub(crate) fn key_text(&self) -> String {
        self.get(KEY).map_or_else(new_key, str::to_owned)
    }
}

/// A key for a form that is shown for the first time.
pub(crate) fn new_key() -> String {
    Uuid::new_v4().to_string()
}

impl FromRequest for Form {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let form = request.extensions().get::<Self>().cloned();
        // The guard has put it there: a page that takes a form is registered with `post`.
        ready(form.ok_or_else(|| ApiError::new(StatusCode::BAD_REQUEST, "bad_request", "there is no form")))
    }
}

/// One choice of a list of choices.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) label: String,
    pub(crate) is_chosen: bool,
}

impl Choice {
    pub(crate) fn new(value: impl Into<String>, label: impl ToString, chosen: &str) -> Self {
        let value = value.into();
        Self { is_chosen: value == chosen, label: label.to_string(), value }
    }
}

/// What is wrong with a form, in words.
#[derive(Debug, Clone, Default)]
pub(crate) struct FormFaults {
    /// Each with the name of its field and what it says.
    of_fields: Vec<(String, String)>,
    /// What is not about one field.
    of_all: Vec<String>,
}

impl FormFaults {
    /// Puts an error of the API into words, for a form that has these fields. Returns the error itself if it is none that
    /// another input would mend.
    ///
    /// # Errors
    /// The error, if it is not about what was typed.
    pub(crate) fn of(error: ApiError, fields: &[&str], language: Language) -> Result<Self, ApiError> {
        let is_mended = matches!(error.status(), StatusCode::UNPROCESSABLE_ENTITY | StatusCode::CONFLICT);
        if !is_mended && !undone::is_about_the_choice(&error) {
            return Err(error);
        }
        let mut faults = Self::default();
        for fault in error.fields() {
            let name = fault.pointer.trim_start_matches('/').replace('/', ".");
            let said = words::faults::field(fault, language);
            // An index in between stands for any: `lines.*.quantity`.
            if fields.iter().any(|field| is_like(field, &name)) {
                faults.of_fields.push((name, said));
            } else if !faults.of_all.contains(&said) {
                faults.of_all.push(said);
            }
        }
        if error.fields().is_empty() {
            faults.of_all.push(words::faults::whole(&error, language));
        }
        Ok(faults)
    }

    /// Gives faults of `{prefix}.{index}.…` back to the rows of the form: the body of the API has fewer than the form if empty ones are
    /// left out. `rows` are the rows of the form in the order of the body.
    #[must_use]
    pub(crate) fn at_rows(mut self, prefix: &str, rows: &[usize]) -> Self {
        for (name, _) in &mut self.of_fields {
            let moved = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.')).and_then(|rest| {
                let (index, member) = rest.split_once('.')?;
                let row = rows.get(index.parse::<usize>().ok()?)?;
                Some(format!("{prefix}.{row}.{member}"))
            });
            if let Some(moved) = moved {
                *name = moved;
            }
        }
        self
    }

    pub(crate) fn add(&mut self, field: impl Into<String>, said: impl ToString) {
        self.of_fields.push((field.into(), said.to_string()));
    }

    /// What is about the whole form.
    pub(crate) fn said(said: impl ToString) -> Self {
        Self { of_fields: Vec::new(), of_all: vec![said.to_string()] }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.of_fields.is_empty() && self.of_all.is_empty()
    }

    /// What is wrong with one field.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.of_fields.iter().find(|(field, _)| field == name).map(|(_, said)| said.as_str())
    }

    /// For the summary on top: each with its field.
    pub(crate) fn fields(&self) -> &[(String, String)] {
        &self.of_fields
    }

    pub(crate) fn whole(&self) -> &[String] {
        &self.of_all
    }
}

/// Somebody else changed the row while the form was filled in: what differs, both versions side by side. The page shows the form
/// with what was typed and the row's present version, so that sending it again keeps it.
#[derive(Debug, Clone, Default)]
pub(crate) struct TwoVersions {
    differences: Vec<Difference>,
    /// The id of the form that is sent again to keep what was typed; empty if it cannot be kept any more.
    pub(crate) form: &'static str,
    /// Where the row is shown as the others left it.
    pub(crate) theirs: String,
}

/// A value that is not the same in both versions.
#[derive(Debug, Clone)]
pub(crate) struct Difference {
    /// The field of which either value can be chosen; empty if a version is kept or taken as a whole.
    pub(crate) field: String,
    pub(crate) label: String,
    pub(crate) mine: String,
    pub(crate) theirs: String,
}

impl TwoVersions {
    pub(crate) fn new(form: &'static str, theirs: impl Into<String>) -> Self {
        Self { differences: Vec::new(), form, theirs: theirs.into() }
    }

    /// Adds a value, if both differ.
    #[must_use]
    pub(crate) fn with(self, label: impl ToString, mine: impl ToString, theirs: impl ToString) -> Self {
        self.choice("", label, mine, theirs)
    }

    /// Adds a value, if both differ, of which either can be chosen: `Form::taken` says which.
    #[must_use]
    pub(crate) fn choice(
        mut self,
        field: impl Into<String>,
        label: impl ToString,
        mine: impl ToString,
        theirs: impl ToString,
    ) -> Self {
        let (mine, theirs) = (mine.to_string(), theirs.to_string());
        if mine != theirs {
            let (field, label) = (field.into(), label.to_string());
            self.differences.push(Difference { field, label, mine, theirs });
        }
        self
    }

    /// Whether values are chosen one by one.
    pub(crate) fn has_choices(&self) -> bool {
        self.differences.iter().any(|one| !one.field.is_empty())
    }

    pub(crate) fn differences(&self) -> &[Difference] {
        &self.differences
    }
}

fn is_like(pattern: &str, name: &str) -> bool {
    let (mut pattern, mut name) = (pattern.split('.'), name.split('.'));
    loop {
        match (pattern.next(), name.next()) {
            (None, None) => return true,
            (Some("*"), Some(_)) => {}
            (Some(one), Some(other)) if one == other => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(body: &'static str) -> Form {
        Form::parse("/console/orders", &web::Bytes::from_static(body.as_bytes())).expect("a form")
    }

    #[test]
    fn a_form_has_rows_and_values_as_they_were_typed() {
        let form = form("q=+th%C3%A9+&empty=+&lines.0.quantity=2&lines.3.quantity=1&password=+a+&version=7");
        assert_eq!((form.get("q"), form.get("empty"), form.get("none")), (Some("thé"), None, None));
        assert_eq!(form.exact("password"), " a ");
        assert_eq!((form.rows("lines"), form.rows("others")), (4, 0));
        assert_eq!(form.version().ok(), Some(7));
        assert_eq!(form.key().expect_err("no key").status(), StatusCode::UNPROCESSABLE_ENTITY);
    }

    #[test]
    fn a_fault_finds_its_field_and_the_others_stand_on_top() {
        let error = ApiError::invalid(vec![
            comptoir_core::values::invalid::Invalid::new("not_positive", "more").at("/lines/1/quantity"),
            comptoir_core::values::invalid::Invalid::new("missing_field", "no").at("/nowhere"),
        ]);
        let faults = FormFaults::of(error, &["lines.*.quantity"], Language::Fr).expect("mended by typing");
        assert!(faults.field("lines.1.quantity").is_some() && faults.field("lines.0.quantity").is_none());
        assert_eq!((faults.fields().len(), faults.whole().len()), (1, 1));
        let faults = faults.at_rows("lines", &[0, 4]);
        assert!(faults.field("lines.4.quantity").is_some() && faults.field("lines.1.quantity").is_none());
        let error = ApiError::new(StatusCode::NOT_FOUND, "order_not_found", "no such order");
        assert_eq!(FormFaults::of(error, &[], Language::Fr).expect_err("another").code(), "order_not_found");
    }

    #[test]
    fn only_what_differs_stands_side_by_side() {
        let versions =
            TwoVersions::new("amend", "/console/orders/1/edit").with("Number", "A", "A").with("Day", "", "1");
        let shown: Vec<_> =
            versions.differences().iter().map(|one| (one.mine.as_str(), one.theirs.as_str())).collect();
        assert_eq!(shown, [("", "1")]);
        assert!(!versions.has_choices() && versions.choice("day", "Day", "2", "1").has_choices());
    }

    #[test]
    fn what_was_chosen_of_the_others_stands_in_the_place_of_what_was_typed() {
        let form = form(
            "name=mine&addresses.0.city=Nantes&code=C-1&take.name=mine&take.code=theirs&take.addresses=theirs",
        );
        assert_eq!(form.taken().collect::<Vec<_>>(), ["code", "addresses"]);
        let theirs = |name: &str| match name {
            "code" => vec![("code".to_owned(), "C-2".to_owned())],
            _ => Vec::new(),
        };
        let form = form.with_theirs(theirs);
        assert_eq!(
            (form.get("name"), form.get("code"), form.rows("addresses")),
            (Some("mine"), Some("C-2"), 0)
        );
    }
}
