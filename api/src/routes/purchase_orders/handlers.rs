//! The handlers, one function per operation.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::purchase_orders::{
    self, CancelPurchaseOrder, CreatePurchaseOrder, PurchaseOrderSort, PurchaseOrderSummary,
    PurchaseOrderView, UpdatePurchaseOrder,
};
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::ids::PurchaseOrderId;

use super::dto::{PurchaseOrderFilters, PurchaseOrderRequest};
use crate::error::ApiError;
use crate::export;
use crate::extract::{
    Context, Editable, Empty, ExportQuery, Id, IfMatch, MergePatch, Posted, Replacement, RequiredIfMatch,
    SearchQuery,
};
use crate::openapi::{IdParam, IdempotencyHeader, IfMatchHeader, RequiredIfMatchHeader};
use crate::respond::{self, List};

/// Order goods from a supplier
///
/// Nothing is sent to the supplier. What comes is received by `POST /api/v1/stock-receipts` with the purchase order's id.
#[utoipa::path(post, path = "/api/v1/purchase-orders", tag = "purchase-orders", operation_id = "createPurchaseOrder", request_body = PurchaseOrderRequest,
    params(IdempotencyHeader),
    responses((status = 201, body = PurchaseOrderView, headers(("Location" = String), ("ETag" = String)))))]
pub(crate) async fn create(
    context: Context,
    posted: Posted<PurchaseOrderRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = CreatePurchaseOrder { details: posted.body.into_details().map_err(ApiError::invalid)? };
    let answer = executor.execute(context.0, posted.key, command, |view: PurchaseOrderView| {
        let location = format!("/api/v1/purchase-orders/{}", view.id);
        respond::created(location, view.version, &view)
    });
    respond::answer(answer.await?)
}

/// Replace what is known of a purchase order
///
/// As long as nothing of it has come. The body is what GET gave, with your changes. A member that is missing is an error, not an erasure.
#[utoipa::path(put, path = "/api/v1/purchase-orders/{id}", tag = "purchase-orders", operation_id = "replacePurchaseOrder",
    request_body = PurchaseOrderRequest, params(IdParam, RequiredIfMatchHeader),
    responses((status = 200, body = PurchaseOrderView, headers(("ETag" = String)))))]
pub(crate) async fn replace(
    context: Context,
    id: Id<PurchaseOrderId>,
    expected: RequiredIfMatch,
    body: Replacement<PurchaseOrderRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = UpdatePurchaseOrder { id: id.0, expected_version: expected.0, edit: body.edit() };
    respond::answer(executor.execute(context.0, None, command, changed).await?)
}

/// Change a part of what is known of a purchase order
///
/// As long as nothing of it has come. A merge patch (RFC 7396): members that are missing stay as they are, null erases, arrays are
/// replaced as a whole.
#[utoipa::path(patch, path = "/api/v1/purchase-orders/{id}", tag = "purchase-orders", operation_id = "updatePurchaseOrder",
    request_body = PurchaseOrderRequest, params(IdParam, IfMatchHeader),
    responses((status = 200, body = PurchaseOrderView, headers(("ETag" = String)))))]
pub(crate) async fn update(
    context: Context,
    id: Id<PurchaseOrderId>,
    expected: IfMatch,
    body: MergePatch<PurchaseOrderRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = UpdatePurchaseOrder { id: id.0, expected_version: expected.0, edit: body.edit() };
    respond::answer(executor.execute(context.0, None, command, changed).await?)
}

/// Cancel what has not come of a purchase order
#[utoipa::path(post, path = "/api/v1/purchase-orders/{id}/cancel", tag = "purchase-orders", operation_id = "cancelPurchaseOrder",
    request_body = Option<Empty>, params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = PurchaseOrderView, headers(("ETag" = String)))))]
pub(crate) async fn cancel(
    context: Context,
    id: Id<PurchaseOrderId>,
    expected: IfMatch,
    posted: Posted<Empty>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = CancelPurchaseOrder { id: id.0, expected_version: expected.0 };
    respond::answer(executor.execute(context.0, posted.key, command, changed).await?)
}

/// One purchase order with its lines
#[utoipa::path(get, path = "/api/v1/purchase-orders/{id}", tag = "purchase-orders", operation_id = "getPurchaseOrder", params(IdParam),
    responses((status = 200, body = PurchaseOrderView, headers(("ETag" = String))), (status = 304)))]
pub(crate) async fn get(
    request: HttpRequest,
    context: Context,
    id: Id<PurchaseOrderId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let view = purchase_orders::get(&database, &context.0, id.0).await?;
    Ok(respond::found(&request, view.version, &view))
}

/// Purchase orders, a page at a time
#[utoipa::path(get, path = "/api/v1/purchase-orders", tag = "purchase-orders", operation_id = "listPurchaseOrders", params(SearchQuery<PurchaseOrderFilters, PurchaseOrderSort>),
    responses((status = 200, body = List<PurchaseOrderSummary>)))]
pub(crate) async fn list(
    context: Context,
    query: SearchQuery<PurchaseOrderFilters, PurchaseOrderSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let page = purchase_orders::list(&database, &context.0, &query.filter, &query.page).await?;
    Ok(respond::listed(page))
}

/// The same as CSV, newest first
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/purchase-orders.csv", tag = "purchase-orders", operation_id = "exportPurchaseOrders", params(ExportQuery<PurchaseOrderFilters>),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export(
    context: Context,
    query: ExportQuery<PurchaseOrderFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    Ok(export::csv("purchase-orders", move |page: PageRequest<PurchaseOrderSort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), query.0.clone());
        async move { purchase_orders::list(&database, &context, &filter, &page).await }
    }))
}

fn changed(view: PurchaseOrderView) -> Result<StoredResponse, Error> {
    respond::changed(view.version, &view)
}
