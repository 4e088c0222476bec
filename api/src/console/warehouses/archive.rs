//! Taking a warehouse or a location out of use, which cannot be undone: it is asked once more.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::{Answer, StoredResponse};
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::locations::{self, ArchiveLocation, LocationView};
use comptoir_core::commerce::warehouses::{self, ArchiveWarehouse, WarehouseView};
use comptoir_core::values::ids::{LocationId, WarehouseId};

use crate::console::answers::{follow, leads_there};
use crate::console::forms::{Form, new_key};
use crate::console::layout::{self, Page};
use crate::console::typography::Word;
use crate::console::visitor::Visitor;
use crate::console::words::{Warehouses, faults};
use crate::error::ApiError;
use crate::extract::part;

#[derive(Template)]
#[template(path = "console/warehouses/archive.html")]
struct ArchivePage {
    page: Page,
    w: &'static Warehouses,
    refused: Option<String>,
    hint: Word,
    action: String,
    back: String,
    name: String,
    version: i64,
    key: String,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Warehouse(WarehouseId),
    Location(LocationId),
}

async fn ask(
    what: What,
    visitor: &Visitor,
    database: &TenantDatabase,
    refused: Option<String>,
) -> Result<HttpResponse, ApiError> {
    let w = Warehouses::of(visitor.language);
    let status = if refused.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let (name, version, action, back, hint) = match what {
        What::Warehouse(id) => {
            let warehouse = warehouses::get(database, &visitor.context, id).await?;
            let back = format!("/console/warehouses/{id}");
            (warehouse.name, warehouse.version, format!("{back}/archive"), back, w.archive_hint)
        }
        What::Location(id) => {
            let location = locations::get(database, &visitor.context, id).await?;
            let back = format!("/console/warehouses/{}", location.warehouse_id);
            let action = format!("/console/warehouses/locations/{id}/archive");
            (location.code, location.version, action, back, w.archive_location_hint)
        }
    };
    let page = ArchivePage {
        page: visitor.page(format!("{} {name}", w.archive_title)),
        w,
        refused,
        hint,
        action,
        back,
        name,
        version,
        key: new_key(),
    };
    layout::show(status, &page)
}

async fn done(
    answer: Result<Answer, Error>,
    what: What,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<HttpResponse, ApiError> {
    let error = match answer {
        Ok(answer) => {
            return Ok(follow(answer, "/console/warehouses"));
        }
        Err(error) => ApiError::from(error),
    };
    let said = match error.status() {
        StatusCode::PRECONDITION_FAILED => Warehouses::of(visitor.language).changed.to_string(),
        StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => faults::whole(&error, visitor.language),
        _ => return Err(error),
    };
    ask(what, visitor, database, Some(said)).await
}

fn leads_to(location: String) -> Result<StoredResponse, Error> {
    Ok(leads_there(location))
}

pub(super) async fn show_warehouse(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    ask(What::Warehouse(part(&request, "id")?), &visitor, &database, None).await
}

pub(super) async fn show_location(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    ask(What::Location(part(&request, "id")?), &visitor, &database, None).await
}

pub(super) async fn warehouse(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: WarehouseId = part(&request, "id")?;
    let command = ArchiveWarehouse { id, expected_version: Some(form.version()?) };
    let leads_on = |_: WarehouseView| leads_to("/console/warehouses?done=archived".to_owned());
    let answer = executor.execute(visitor.context.clone(), form.key()?, command, leads_on).await;
    done(answer, What::Warehouse(id), &visitor, &database).await
}

pub(super) async fn location(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: LocationId = part(&request, "id")?;
    let command = ArchiveLocation { id, expected_version: Some(form.version()?) };
    let leads_on = |location: LocationView| {
        leads_to(format!("/console/warehouses/{}?done=archived", location.warehouse_id))
    };
    let answer = executor.execute(visitor.context.clone(), form.key()?, command, leads_on).await;
    done(answer, What::Location(id), &visitor, &database).await
}
