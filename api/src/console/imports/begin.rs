//! A file is sent. It goes the way of `POST /api/v1/imports`: its rows are kept as they arrive.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;
use comptoir_core::application::error::Error;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::imports::{ImportKind, ImportMode, ImportView};
use comptoir_core::values::text;
use sha2::{Digest, Sha256};

use super::PATH;
use crate::config::ApiConfig;
use crate::console::answers::leads_to;
use crate::console::forms::{Choice, Form, FormFaults, new_key};
use crate::console::layout::{self, Page};
use crate::console::parts::save::refused;
use crate::console::parts::{Link, Saved, saved};
use crate::console::upload::Upload;
use crate::console::visitor::Visitor;
use crate::console::words::{Imports as Words, imports as said};
use crate::error::ApiError;
use crate::imports::{Format, Imports, NewImport};
use crate::routes::imports::{Sent, check, take};

/// The maximum length of a file's name, in characters, as in the API.
const MAX_NAME: usize = 200;

#[derive(Template)]
#[template(path = "console/imports/begin.html")]
struct BeginPage {
    page: Page,
    w: &'static Words,
    faults: FormFaults,
    crumb: Link,
    key: String,
    kinds: Vec<Choice>,
    modes: Vec<Choice>,
    formats: Vec<Choice>,
}

/// What the visitor may import.
pub(super) fn kinds(visitor: &Visitor) -> Vec<ImportKind> {
    ImportKind::ALL.into_iter().filter(|kind| visitor.may(kind.permission())).collect()
}

pub(super) async fn show(visitor: Visitor) -> Result<HttpResponse, ApiError> {
    written(&visitor, None, FormFaults::default())
}

fn written(visitor: &Visitor, form: Option<&Form>, faults: FormFaults) -> Result<HttpResponse, ApiError> {
    let w = Words::of(visitor.language);
    let permitted = kinds(visitor);
    if permitted.is_empty() {
        return Err(Error::Forbidden(ImportKind::Customers.permission()).into());
    }
    let chosen = |field: &str| form.and_then(|form| form.get(field)).unwrap_or_default().to_owned();
    let choice = |field: &str, value: &str, label: String| Choice {
        is_chosen: chosen(field) == value,
        value: value.to_owned(),
        label,
    };
    let kinds =
        permitted.into_iter().map(|kind| choice("kind", kind.name(), said::kind(kind, w).to_string()));
    let modes =
        ImportMode::ALL.into_iter().map(|mode| choice("mode", mode.name(), said::mode(mode, w).to_string()));
    let formats = Format::ALL.into_iter().map(|format| {
        let label = match format {
            Format::Csv => w.csv,
            Format::Ndjson => w.ndjson,
        };
        choice("format", format.name(), label.to_string())
    });
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = BeginPage {
        page: visitor.page(w.create),
        w,
        faults,
        crumb: Link::new(PATH, w.title),
        key: form.map_or_else(new_key, Form::key_text),
        kinds: kinds.collect(),
        modes: modes.collect(),
        formats: formats.collect(),
    };
    layout::show(status, &page)
}

/// Reads one of some values.
fn one<T: Copy>(
    form: &Form,
    field: &str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Result<T, ApiError> {
    let text = form.get(field).unwrap_or_default();
    all.iter().copied().find(|value| name(*value) == text).ok_or_else(|| {
        ApiError::invalid_field(&format!("/{field}"), "unknown_value", "choose one of the list")
    })
}

fn read(form: &Form, file: &Upload) -> Result<NewImport, ApiError> {
    let name = text::checked("a file's name", &file.name, MAX_NAME)
        .map_err(|wrong| ApiError::invalid_field("/file", wrong.code, wrong.message))?;
    Ok(NewImport {
        kind: one(form, "kind", &ImportKind::ALL, ImportKind::name)?,
        mode: one(form, "mode", &ImportMode::ALL, ImportMode::name)?,
        format: one(form, "format", &Format::ALL, Format::name)?,
        file_name: Some(name),
    })
}

pub(super) async fn send(
    mut visitor: Visitor,
    form: Form,
    file: Upload,
    executor: Data<Executor>,
    limits: Data<ApiConfig>,
    queue: Data<Imports>,
) -> Result<HttpResponse, ApiError> {
    let fields = ["kind", "mode", "format", "file"].map(str::to_owned);
    if file.name.is_empty() {
        let mut faults = FormFaults::default();
        faults.add("file", Words::of(visitor.language).no_file);
        return written(&visitor, Some(&form), faults);
    }
    let new = match read(&form, &file) {
        Ok(new) => new,
        Err(error) => return again(refused(error, &fields, &visitor)?, &visitor, &form),
    };
    check(&mut visitor.context, new.kind)?;
    // Before the file is read: a key that is none is said at once.
    form.key_with(b"")?;
    let mut hash = Sha256::new();
    for part in [new.kind.name(), new.mode.name(), new.format.name(), &file.name] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let sent = Sent { new, file: file.pieces, hash };
    let to = leads_to(|view: &ImportView| format!("{PATH}/{}?done=begun", view.id));
    let key = |content: &[u8]| form.key_with(content);
    let parts = (executor.get_ref(), limits.get_ref(), queue.get_ref());
    let outcome = match take(&visitor.context, sent, key, to, parts).await {
        Ok(answer) => saved(Ok(answer), &fields, &visitor)?,
        // What is wrong with the file has no field of the form.
        Err(error) if error.status() == StatusCode::UNPROCESSABLE_ENTITY => {
            let mut faults = FormFaults::default();
            let row = error.fields().first().map(|fault| fault.message.clone());
            let said = Words::of(visitor.language).row_of_file;
            faults.add("file", row.map_or_else(|| said.to_string(), |row| format!("{said} ({row})")));
            Saved::Refused(faults)
        }
        Err(error) => refused(error, &fields, &visitor)?,
    };
    again(outcome, &visitor, &form)
}

/// Leads on, or shows the form again. The file is to be chosen again: browsers keep none.
fn again(outcome: Saved, visitor: &Visitor, form: &Form) -> Result<HttpResponse, ApiError> {
    match outcome {
        Saved::Done(response) => Ok(response),
        Saved::Refused(faults) => written(visitor, Some(form), faults),
        Saved::Outdated => written(visitor, Some(form), FormFaults::default()),
    }
}
