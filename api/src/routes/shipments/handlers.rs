//! The handlers, one function per operation.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::shipments::{
    self, DeliverShipment, PickingList, ShipmentFilter, ShipmentSort, ShipmentSummary, ShipmentView,
};
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::ids::{OrderId, ShipmentId};

use super::dto::{DeliverShipmentRequest, DeliveryNoteResponse, DispatchShipmentRequest, ShipmentFilters};
use crate::error::ApiError;
use crate::export;
use crate::extract::{Context, Id, IfMatch, ListQuery, Posted, Query};
use crate::openapi::{IdParam, IdempotencyHeader, IfMatchHeader};
use crate::respond::{self, List};

/// Ship a part of a confirmed order, or all that is there
///
/// `If-Match` is the version of the order. It is shipped when nothing is outstanding any more.
#[utoipa::path(post, path = "/api/v1/orders/{id}/shipments", tag = "shipments", operation_id = "dispatchShipment",
    request_body = Option<DispatchShipmentRequest>, params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 201, body = ShipmentView, headers(("Location" = String), ("ETag" = String)))))]
pub(crate) async fn dispatch(
    context: Context,
    id: Id<OrderId>,
    expected: IfMatch,
    posted: Posted<DispatchShipmentRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = posted.body.into_command(id.0, expected.0);
    let answer = executor.execute(context.0, posted.key, command, |view: ShipmentView| {
        let location = format!("/api/v1/shipments/{}", view.summary.id);
        respond::created(location, view.summary.version, &view)
    });
    respond::answer(answer.await?)
}

/// What is to be taken from where for an order, now
#[utoipa::path(get, path = "/api/v1/orders/{id}/picking-list", tag = "shipments", operation_id = "getPickingList", params(IdParam),
    responses((status = 200, body = PickingList)))]
pub(crate) async fn picking_list(
    context: Context,
    id: Id<OrderId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(shipments::picking(&database, &context.0, id.0).await?))
}

/// Shipments, a page at a time
#[utoipa::path(get, path = "/api/v1/shipments", tag = "shipments", operation_id = "listShipments", params(ShipmentFilters, ListQuery<ShipmentFilters, ShipmentSort>),
    responses((status = 200, body = List<ShipmentSummary>)))]
pub(crate) async fn list(
    context: Context,
    query: ListQuery<ShipmentFilters, ShipmentSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let page = shipments::list(&database, &context.0, &query.filter.into(), &query.page).await?;
    Ok(respond::listed(page))
}

/// The same as CSV, newest first
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/shipments.csv", tag = "shipments", operation_id = "exportShipments", params(ShipmentFilters),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export(
    context: Context,
    query: Query<ShipmentFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let filter = ShipmentFilter::from(query.0);
    Ok(export::csv("shipments", move |page: PageRequest<ShipmentSort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), filter.clone());
        async move { shipments::list(&database, &context, &filter, &page).await }
    }))
}

/// One shipment with its parcels and lines
#[utoipa::path(get, path = "/api/v1/shipments/{id}", tag = "shipments", operation_id = "getShipment", params(IdParam),
    responses((status = 200, body = ShipmentView, headers(("ETag" = String))), (status = 304)))]
pub(crate) async fn get(
    request: HttpRequest,
    context: Context,
    id: Id<ShipmentId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let shipment = shipments::get(&database, &context.0, id.0).await?;
    Ok(respond::found(&request, shipment.summary.version, &shipment))
}

/// What goes with the goods of a shipment
#[utoipa::path(get, path = "/api/v1/shipments/{id}/delivery-note", tag = "shipments", operation_id = "getDeliveryNote", params(IdParam),
    responses((status = 200, body = DeliveryNoteResponse)))]
pub(crate) async fn delivery_note(
    context: Context,
    id: Id<ShipmentId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let note = shipments::delivery_note(&database, &context.0, id.0).await?;
    Ok(HttpResponse::Ok().json(DeliveryNoteResponse::from(note)))
}

/// Note that a shipment has arrived
///
/// With the last of a shipped order, the order is delivered.
#[utoipa::path(post, path = "/api/v1/shipments/{id}/deliver", tag = "shipments", operation_id = "deliverShipment",
    request_body = Option<DeliverShipmentRequest>, params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = ShipmentView, headers(("ETag" = String)))))]
pub(crate) async fn deliver(
    context: Context,
    id: Id<ShipmentId>,
    expected: IfMatch,
    posted: Posted<DeliverShipmentRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let delivered_on = posted.body.delivered_on;
    let command = DeliverShipment { id: id.0, expected_version: expected.0, delivered_on };
    let answer = executor.execute(context.0, posted.key, command, |view: ShipmentView| {
        respond::changed(view.summary.version, &view)
    });
    respond::answer(answer.await?)
}
