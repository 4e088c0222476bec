//! What is done with a count without asking for more: it is begun, or lines are counted again.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::inventory_counts::{AskRecount, InventoryCountView, StartCount};
use comptoir_core::values::ids::InventoryCountId;
use serde_json::{Value, json};

use super::one::written;
use crate::console::answers::{follow, leads_there};
use crate::console::forms::Form;
use crate::console::lists::Address;
use crate::console::visitor::Visitor;
use crate::console::words::{Counts, faults};
use crate::error::ApiError;
use crate::extract::{Faults, part};
use crate::routes::inventory_counts::RecountRequest;

/// What is stored under the form's key: where the browser is sent.
pub(super) fn leads_to(
    done: &'static str,
) -> impl Fn(InventoryCountView) -> Result<StoredResponse, Error> + Send + Sync {
    move |count: InventoryCountView| Ok(leads_there(format!("/console/counts/{}?done={done}", count.id)))
}

/// Shows the count as it is now, and why nothing was done.
pub(super) async fn refused(
    error: ApiError,
    request: &HttpRequest,
    visitor: &Visitor,
    database: &TenantDatabase,
    id: InventoryCountId,
) -> Result<HttpResponse, ApiError> {
    let said = match error.status() {
        StatusCode::PRECONDITION_FAILED => Counts::of(visitor.language).changed.to_string(),
        StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => match error.fields().first() {
            Some(fault) => faults::field(fault, visitor.language),
            None => faults::whole(&error, visitor.language),
        },
        _ => return Err(error),
    };
    let address = Address::of(request).export(&format!("/console/counts/{id}"));
    written(id, &address, visitor, database, Some(said)).await
}

pub(super) async fn start(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: InventoryCountId = part(&request, "id")?;
    let command = StartCount { id, expected_version: Some(form.version()?) };
    match executor.execute(visitor.context.clone(), form.key()?, command, leads_to("started")).await {
        Ok(answer) => Ok(follow(answer, "/console/counts")),
        Err(error) => refused(error.into(), &request, &visitor, &database, id).await,
    }
}

/// The chosen lines. In a count of locations, all places of a product are counted again.
pub(super) async fn recount(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: InventoryCountId = part(&request, "id")?;
    let chosen = (0..form.rows("product_ids")).filter_map(|row| form.get(&format!("product_ids.{row}")));
    let mut products: Vec<&str> = chosen.collect();
    products.sort_unstable();
    products.dedup();
    let body: Value = json!({ "product_ids": products });
    let read: Result<RecountRequest, Faults> = deserr::deserialize(body);
    let RecountRequest { product_ids: products, location_id: location } = match read {
        Ok(read) => read,
        Err(wrong) => return refused(wrong.into(), &request, &visitor, &database, id).await,
    };
    let command = AskRecount { id, expected_version: Some(form.version()?), products, location };
    match executor.execute(visitor.context.clone(), form.key()?, command, leads_to("recount")).await {
        Ok(answer) => Ok(follow(answer, "/console/counts")),
        Err(error) => refused(error.into(), &request, &visitor, &database, id).await,
    }
}
