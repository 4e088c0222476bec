//! The forms of the company and of its invoicing. Each becomes a merge patch of `PATCH /api/v1/tenant`, which reads it.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;
use comptoir_core::accounts::tenants::{self, TenantView, UpdateTenant};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::unit_of_work::Executor;
use serde_json::{Map, Value, json};

use super::spec::{COMPANY, INVOICING, Input, Kind, Spec, current, inputs, patch, put};
use crate::console::answers::leads_there;
use crate::console::forms::{Form, FormFaults, TwoVersions, new_key};
use crate::console::layout::{self, Page, go};
use crate::console::parts::versions::{FORM, decimal, yes_or_no};
use crate::console::visitor::Visitor;
use crate::console::words::{Parts, Settings};
use crate::error::ApiError;
use crate::extract::{Editable, merge_patch};
use crate::routes::tenant::TenantRequest;

/// The levels of reminders that there can be.
const LEVELS: usize = 5;
const REMINDERS: &str = "invoicing.reminders";

#[derive(Template)]
#[template(path = "console/settings/change.html")]
struct ChangePage {
    page: Page,
    w: &'static Settings,
    faults: FormFaults,
    versions: Option<TwoVersions>,
    form: &'static str,
    action: &'static str,
    key: String,
    version: i64,
    inputs: Vec<Input>,
    /// None on the page of the company.
    levels: Vec<Level>,
}

/// One level of reminders.
struct Level {
    days_field: String,
    days: String,
    fr_field: String,
    fr: String,
    en_field: String,
    en: String,
}

impl Level {
    fn is_empty(&self) -> bool {
        self.days.is_empty() && self.fr.is_empty() && self.en.is_empty()
    }
}

/// Which of the two forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Company,
    Invoicing,
}

impl Part {
    const fn specs(self) -> &'static [Spec] {
        match self {
            Self::Company => COMPANY,
            Self::Invoicing => INVOICING,
        }
    }
}

/// The company as the API shows it.
///
/// # Errors
/// 500 if it cannot be written as JSON.
pub(super) fn shown(tenant: &TenantView) -> Result<Value, ApiError> {
    serde_json::to_value(TenantRequest::shown(tenant)).map_err(|cause| {
        let detail = "the page could not be written";
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail).with_cause(cause)
    })
}

/// The levels as they are, or as they were typed: empty ones are left out, so that a level has the index that it has in the body.
fn levels(shown: &Value, form: Option<&Form>) -> Vec<Level> {
    let level = |index: usize, [days, fr, en]: [String; 3]| Level {
        days_field: format!("{REMINDERS}.{index}.days"),
        days,
        fr_field: format!("{REMINDERS}.{index}.text_fr"),
        fr,
        en_field: format!("{REMINDERS}.{index}.text_en"),
        en,
    };
    let read = |index: usize| {
        ["days", "text_fr", "text_en"].map(|member| {
            let name = format!("{REMINDERS}.{index}.{member}");
            match form {
                Some(form) => form.get(&name).unwrap_or_default().to_owned(),
                None => current(shown, &name),
            }
        })
    };
    let known = (0..LEVELS).map(read).filter(|values| values.iter().any(|value| !value.is_empty()));
    let known: Vec<_> = known.collect();
    let empty = (known.len()..LEVELS).map(|_| [String::new(), String::new(), String::new()]);
    let all: Vec<_> = known.iter().cloned().chain(empty).collect();
    all.into_iter().enumerate().map(|(index, values)| level(index, values)).collect()
}

/// The levels as the body has them.
fn typed_levels(form: &Form) -> Value {
    let levels = levels(&Value::Null, Some(form));
    let levels = levels.into_iter().filter(|level| !level.is_empty());
    let text = |text: String| if text.is_empty() { Value::Null } else { Value::String(text) };
    let body = levels.map(|level| {
        // What is no number is refused by the API.
        let days = level.days.parse::<i64>().map_or_else(|_| text(level.days), |days| json!(days));
        json!({ "days": days, "text_fr": text(level.fr), "text_en": text(level.en) })
    });
    body.collect()
}

/// Why the form is shown again.
enum Again<'a> {
    Refused(&'a Form, FormFaults),
    /// Somebody else changed the settings meanwhile: both versions, and the form with what was typed.
    Outdated(&'a Form),
}

/// What differs between what was typed and what is there now.
fn beside(part: Part, shown: &Value, form: &Form, action: &str, visitor: &Visitor) -> TwoVersions {
    let (w, shared) = (Settings::of(visitor.language), Parts::of(visitor.language));
    let said = |spec: &Spec, input: &Input| match spec.kind {
        Kind::Check => yes_or_no(input.is_checked, shared),
        Kind::Decimal => decimal(&input.value, visitor),
        Kind::OneOf(_) => {
            let chosen = input.choices.iter().find(|choice| choice.is_chosen);
            // Nothing is chosen: the first is what a browser shows.
            chosen.or(input.choices.first()).map(|choice| choice.label.clone()).unwrap_or_default()
        }
        Kind::Text | Kind::Email => input.value.clone(),
    };
    let (mine, theirs) = (inputs(part.specs(), shown, Some(form), w), inputs(part.specs(), shown, None, w));
    let mut versions = TwoVersions::new(FORM, format!("/console/settings/{action}"));
    for (spec, (one, two)) in part.specs().iter().zip(mine.iter().zip(&theirs)) {
        versions = versions.choice(spec.name, (spec.label)(w), said(spec, one), said(spec, two));
    }
    if part == Part::Invoicing {
        let said = |levels: Vec<Level>| {
            let levels = levels.into_iter().filter(|level| !level.is_empty());
            let level = |level: Level| format!("{} {}: {} / {}", w.days, level.days, level.fr, level.en);
            levels.map(level).collect::<Vec<_>>().join(" · ")
        };
        let (mine, theirs) = (levels(shown, Some(form)), levels(shown, None));
        versions = versions.choice(REMINDERS, w.reminders, said(mine), said(theirs));
    }
    versions
}

/// The fields that a choice between two versions stands for, as they are now.
fn theirs(shown: &Value, name: &str) -> Vec<(String, String)> {
    if name != REMINDERS {
        let value = current(shown, name);
        let is_check = |spec: &Spec| spec.name == name && matches!(spec.kind, Kind::Check);
        // A form says nothing of a box that is not ticked.
        if value != "true" && COMPANY.iter().chain(INVOICING).any(is_check) {
            return Vec::new();
        }
        return vec![(name.to_owned(), value)];
    }
    let fields = |level: Level| {
        [(level.days_field, level.days), (level.fr_field, level.fr), (level.en_field, level.en)]
    };
    levels(shown, None).into_iter().flat_map(fields).collect()
}

fn written(
    part: Part,
    visitor: &Visitor,
    tenant: &TenantView,
    again: Option<Again<'_>>,
) -> Result<HttpResponse, ApiError> {
    let w = Settings::of(visitor.language);
    let shown = shown(tenant)?;
    let (title, action) = match part {
        Part::Company => (w.company, "company"),
        Part::Invoicing => (w.invoicing, "invoicing"),
    };
    let (mut key, mut faults, mut versions) = (new_key(), FormFaults::default(), None);
    let (status, form) = match again {
        None => (StatusCode::OK, None),
        Some(Again::Refused(form, found)) => {
            (key, faults) = (form.key_text(), found);
            (StatusCode::UNPROCESSABLE_ENTITY, Some(form))
        }
        Some(Again::Outdated(form)) => {
            versions = Some(beside(part, &shown, form, action, visitor));
            (StatusCode::CONFLICT, Some(form))
        }
    };
    let page = ChangePage {
        page: visitor.page(title),
        w,
        faults,
        versions,
        form: FORM,
        action,
        key,
        version: tenant.version,
        inputs: inputs(part.specs(), &shown, form, w),
        levels: if part == Part::Invoicing { levels(&shown, form) } else { Vec::new() },
    };
    layout::show(status, &page)
}

pub(super) async fn show_company(visitor: Visitor) -> Result<HttpResponse, ApiError> {
    written(Part::Company, &visitor, &visitor.tenant, None)
}

pub(super) async fn show_invoicing(visitor: Visitor) -> Result<HttpResponse, ApiError> {
    written(Part::Invoicing, &visitor, &visitor.tenant, None)
}

pub(super) async fn company(
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    change(Part::Company, &visitor, &form, &executor, &database).await
}

pub(super) async fn invoicing(
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    change(Part::Invoicing, &visitor, &form, &executor, &database).await
}

async fn change(
    part: Part,
    visitor: &Visitor,
    form: &Form,
    executor: &Executor,
    database: &TenantDatabase,
) -> Result<HttpResponse, ApiError> {
    let now = shown(&visitor.tenant)?;
    let form = &form.with_theirs(|name| theirs(&now, name));
    let mut body = patch(part.specs(), form, visitor.language);
    if part == Part::Invoicing {
        put(&mut body, REMINDERS, typed_levels(form));
    }
    let body: Map<String, Value> = body.as_object_mut().map(std::mem::take).unwrap_or_default();
    let edit = merge_patch::<TenantRequest>(body);
    let command = UpdateTenant { expected_version: Some(form.version()?), edit };
    let leads_to = |_: TenantView| Ok(leads_there("/console/settings?done=saved"));
    let error = match executor.execute(visitor.context.clone(), form.key()?, command, leads_to).await {
        Ok(_) => return Ok(go("/console/settings?done=saved")),
        Err(error) => ApiError::from(error),
    };
    if error.status() == StatusCode::PRECONDITION_FAILED {
        let now = tenants::get(database, &visitor.context).await?;
        return written(part, visitor, &now, Some(Again::Outdated(form)));
    }
    let mut fields: Vec<&str> = part.specs().iter().map(|spec| spec.name).collect();
    fields.extend([
        "invoicing.reminders.*.days",
        "invoicing.reminders.*.text_fr",
        "invoicing.reminders.*.text_en",
    ]);
    let faults = FormFaults::of(error, &fields, visitor.language)?;
    // The version of the form stays: somebody else's change is not overwritten by the next attempt.
    let shown = TenantView { version: form.version()?, ..visitor.tenant.clone() };
    written(part, visitor, &shown, Some(Again::Refused(form, faults)))
}
