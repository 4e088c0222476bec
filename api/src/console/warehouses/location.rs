//! A new location, and a change of one. The form becomes the body of `POST /api/v1/locations`, or of a PATCH.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::locations::{self, LocationView, UpdateLocation};
use comptoir_core::commerce::warehouses;
use comptoir_core::values::ids::{LocationId, WarehouseId};
use serde_json::{Map, Value, json};

use crate::console::answers::{follow, leads_there};
use crate::console::forms::{Form, FormFaults, TwoVersions, new_key};
use crate::console::layout::{self, Page};
use crate::console::parts::versions::FORM;
use crate::console::visitor::Visitor;
use crate::console::words::Warehouses;
use crate::error::ApiError;
use crate::extract::{Faults, merge_patch, part};
use crate::routes::locations::{CreateLocationRequest, LocationRequest};

const FIELDS: &[&str] = &["code", "name", "external_id"];

#[derive(Template)]
#[template(path = "console/warehouses/location.html")]
struct LocationPage {
    page: Page,
    w: &'static Warehouses,
    faults: FormFaults,
    key: String,
    action: String,
    back: String,
    warehouse: String,
    /// Of a location that is changed.
    changed: Option<Changed>,
    versions: Option<TwoVersions>,
    form: &'static str,
    code: String,
    name: String,
    external_id: String,
}

/// The location that is changed, as the page showed it.
struct Changed {
    id: String,
    version: i64,
}

/// Which form it is.
#[derive(Debug, Clone, Copy)]
enum What {
    New(WarehouseId),
    Edit(LocationId),
}

/// Why the form is shown again, with what was typed.
enum Again<'a> {
    Refused(&'a Form, FormFaults),
    Outdated(&'a Form),
}

/// The value of a field in a location that is there.
fn stored_in<'a>(location: &'a LocationView, name: &str) -> &'a str {
    match name {
        "code" => &location.code,
        "name" => location.name.as_deref().unwrap_or_default(),
        "external_id" => location.external_id.as_deref().unwrap_or_default(),
        _ => "",
    }
}

async fn ask(
    what: What,
    visitor: &Visitor,
    database: &TenantDatabase,
    again: Option<Again<'_>>,
) -> Result<HttpResponse, ApiError> {
    let w = Warehouses::of(visitor.language);
    let stored = match what {
        What::New(_) => None,
        What::Edit(id) => Some(locations::get(database, &visitor.context, id).await?),
    };
    let (warehouse_id, action) = match (what, &stored) {
        (What::New(id), _) => (id, format!("/console/warehouses/{id}/locations/new")),
        (What::Edit(id), Some(location)) => {
            (location.warehouse_id, format!("/console/warehouses/locations/{id}/edit"))
        }
        (What::Edit(id), None) => {
            let detail = format!("there is no location {id}");
            return Err(ApiError::new(StatusCode::NOT_FOUND, "location_not_found", detail));
        }
    };
    let warehouse = warehouses::get(database, &visitor.context, warehouse_id).await?;
    let (status, form, faults, is_outdated) = match again {
        None => (StatusCode::OK, None, FormFaults::default(), false),
        Some(Again::Refused(form, faults)) => (StatusCode::UNPROCESSABLE_ENTITY, Some(form), faults, false),
        Some(Again::Outdated(form)) => (StatusCode::CONFLICT, Some(form), FormFaults::default(), true),
    };
    let title = if stored.is_some() { w.edit_location } else { w.new_location };
    let stored = stored.as_ref();
    let value = |name: &str| match form {
        Some(form) => form.get(name).unwrap_or_default().to_owned(),
        None => stored.map(|location| stored_in(location, name)).unwrap_or_default().to_owned(),
    };
    let versions = stored.filter(|_| is_outdated).map(|location| {
        let versions = TwoVersions::new(FORM, format!("/console/warehouses/locations/{}/edit", location.id));
        [("code", w.code), ("name", w.name), ("external_id", w.external_id)]
            .into_iter()
            .fold(versions, |versions, (name, label)| {
                versions.choice(name, label, value(name), stored_in(location, name))
            })
    });
    // Of a form that was refused, the version stays: somebody else's change is not overwritten by the next attempt.
    let of_form = match form.filter(|_| !is_outdated) {
        Some(form) if stored.is_some() => Some(form.version()?),
        _ => None,
    };
    let key = form.filter(|_| !is_outdated).map_or_else(new_key, Form::key_text);
    let page = LocationPage {
        page: visitor.page(title),
        w,
        faults,
        key,
        action,
        back: format!("/console/warehouses/{warehouse_id}"),
        warehouse: warehouse.name,
        changed: stored.map(|location| Changed {
            id: location.id.to_string(),
            version: of_form.unwrap_or(location.version),
        }),
        versions,
        form: FORM,
        code: value("code"),
        name: value("name"),
        external_id: value("external_id"),
    };
    layout::show(status, &page)
}

fn leads_on(location: LocationView) -> Result<StoredResponse, Error> {
    Ok(leads_there(format!("/console/warehouses/{}?done=location", location.warehouse_id)))
}

pub(super) async fn show_new(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    ask(What::New(part(&request, "id")?), &visitor, &database, None).await
}

pub(super) async fn show_edit(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    ask(What::Edit(part(&request, "id")?), &visitor, &database, None).await
}

pub(super) async fn create(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let warehouse_id: WarehouseId = part(&request, "id")?;
    let mut body = Map::new();
    body.insert("warehouse_id".to_owned(), json!(warehouse_id.to_string()));
    for name in FIELDS {
        if let Some(typed) = form.get(name) {
            body.insert((*name).to_owned(), json!(typed));
        }
    }
    let read: Result<CreateLocationRequest, Faults> = deserr::deserialize(Value::Object(body));
    let error = match read {
        Ok(read) => {
            let command = read.into_command();
            match executor.execute(visitor.context.clone(), form.key()?, command, leads_on).await {
                Ok(answer) => {
                    return Ok(follow(answer, "/console/warehouses"));
                }
                Err(error) => error.into(),
            }
        }
        Err(wrong) => wrong.into(),
    };
    let faults = FormFaults::of(error, FIELDS, visitor.language)?;
    ask(What::New(warehouse_id), &visitor, &database, Some(Again::Refused(&form, faults))).await
}

pub(super) async fn update(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: LocationId = part(&request, "id")?;
    let form = if form.taken().next().is_some() {
        let stored = locations::get(&database, &visitor.context, id).await?;
        form.with_theirs(|name| vec![(name.to_owned(), stored_in(&stored, name).to_owned())])
    } else {
        form
    };
    // What was emptied is erased, or refused if it is needed.
    let patch = FIELDS.iter().map(|name| ((*name).to_owned(), json!(form.get(name)))).collect();
    let edit = merge_patch::<LocationRequest>(patch);
    let command = UpdateLocation { id, expected_version: Some(form.version()?), edit };
    match executor
        .execute(visitor.context.clone(), form.key()?, command, leads_on)
        .await
        .map_err(ApiError::from)
    {
        Ok(answer) => Ok(follow(answer, "/console/warehouses")),
        Err(error) if error.status() == StatusCode::PRECONDITION_FAILED => {
            ask(What::Edit(id), &visitor, &database, Some(Again::Outdated(&form))).await
        }
        Err(error) => {
            let faults = FormFaults::of(error, FIELDS, visitor.language)?;
            ask(What::Edit(id), &visitor, &database, Some(Again::Refused(&form, faults))).await
        }
    }
}
