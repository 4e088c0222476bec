//! The handlers, one function per operation.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::stock::{
    self, LocationMovementFilter, LocationMovementSort, LocationMovementView, MovementFilter, MovementSort,
    MovementView, Proof, SetReorderRule, StockDetails, StockSort, StockView,
};
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::ids::StockId;

use super::dto::{LocationMovementFilters, MovementFilters, ReorderRuleRequest, StockFilters};
use crate::error::ApiError;
use crate::export;
use crate::extract::{Context, ExportQuery, Id, IfMatch, JsonBody, ListQuery, NoQuery, Query, SearchQuery};
use crate::openapi::{IdParam, IfMatchHeader};
use crate::respond::{self, List};

/// What lies in the warehouses, a page at a time
///
/// One of them is the stock of a product in a warehouse. A product that never was in a warehouse has none there.
#[utoipa::path(get, path = "/api/v1/stock", tag = "stock", operation_id = "listStock", params(SearchQuery<StockFilters, StockSort>),
    responses((status = 200, body = List<StockView>)))]
pub(crate) async fn list(
    context: Context,
    query: SearchQuery<StockFilters, StockSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let page = stock::list(&database, &context.0, &query.filter, &query.page).await?;
    Ok(respond::listed(page))
}

/// The same as CSV, by SKU
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/stock.csv", tag = "stock", operation_id = "exportStock", params(ExportQuery<StockFilters>),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export(
    context: Context,
    query: ExportQuery<StockFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    Ok(export::csv("stock", move |page: PageRequest<StockSort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), query.0.clone());
        async move { stock::list(&database, &context, &filter, &page).await }
    }))
}

/// Whether the stock is what the ledger and the open orders say
///
/// All levels are compared with the sums of their movements, what lies in locations with the sums of theirs, and what is reserved with what
/// open orders have, as of one moment.
#[utoipa::path(get, path = "/api/v1/stock/proof", tag = "stock", operation_id = "proveStock",
    responses((status = 200, body = Proof)))]
pub(crate) async fn proof(
    context: Context,
    _: NoQuery,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(stock::prove(&database, &context.0).await?))
}

/// The stock of one product in one warehouse, with the locations in which it lies
#[utoipa::path(get, path = "/api/v1/stock/{id}", tag = "stock", operation_id = "getStock", params(IdParam),
    responses((status = 200, body = StockDetails, headers(("ETag" = String))), (status = 304)))]
pub(crate) async fn get(
    request: HttpRequest,
    context: Context,
    id: Id<StockId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let view = stock::get(&database, &context.0, id.0).await?;
    Ok(respond::found(&request, view.stock.version, &view))
}

/// Say when to order more of a product, and how much
///
/// It replaces the rule that was there. Once no more than `point` is available, the stock is `low`, and `stock.level_low` says so.
/// Nothing is ordered.
#[utoipa::path(put, path = "/api/v1/stock/{id}/reorder-rule", tag = "stock", operation_id = "setReorderRule",
    request_body = ReorderRuleRequest, params(IdParam, IfMatchHeader),
    responses((status = 200, body = StockView, headers(("ETag" = String)))))]
pub(crate) async fn set_reorder_rule(
    context: Context,
    id: Id<StockId>,
    expected: IfMatch,
    body: JsonBody<ReorderRuleRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let rule = Some(body.0.into());
    let command = SetReorderRule { id: id.0, expected_version: expected.0, rule };
    respond::answer(executor.execute(context.0, None, command, changed).await?)
}

/// End the rule that says when to order more
#[utoipa::path(delete, path = "/api/v1/stock/{id}/reorder-rule", tag = "stock", operation_id = "removeReorderRule",
    params(IdParam, IfMatchHeader),
    responses((status = 200, body = StockView, headers(("ETag" = String)))))]
pub(crate) async fn remove_reorder_rule(
    context: Context,
    id: Id<StockId>,
    expected: IfMatch,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = SetReorderRule { id: id.0, expected_version: expected.0, rule: None };
    respond::answer(executor.execute(context.0, None, command, changed).await?)
}

/// The ledger, a page at a time
///
/// Everything that changed what is on hand or reserved: what it was, which document it was, and who said so. Nobody changes or removes
/// a line of it.
#[utoipa::path(get, path = "/api/v1/stock-movements", tag = "stock", operation_id = "listStockMovements", params(MovementFilters, ListQuery<MovementFilters, MovementSort>),
    responses((status = 200, body = List<MovementView>)))]
pub(crate) async fn movements(
    context: Context,
    query: ListQuery<MovementFilters, MovementSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let page = stock::movements(&database, &context.0, &query.filter.into(), &query.page).await?;
    Ok(respond::listed(page))
}

/// The same as CSV, newest first
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/stock-movements.csv", tag = "stock", operation_id = "exportStockMovements", params(MovementFilters),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export_movements(
    context: Context,
    query: Query<MovementFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let filter = MovementFilter::from(query.0);
    Ok(export::csv("stock-movements", move |page: PageRequest<MovementSort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), filter.clone());
        async move { stock::movements(&database, &context, &filter, &page).await }
    }))
}

/// What was put into locations and taken out of them, a page at a time
///
/// Each change of what lies in a location: how much, which document it was, and who said so. Nobody changes or removes a line of it.
#[utoipa::path(get, path = "/api/v1/stock-location-movements", tag = "stock", operation_id = "listStockLocationMovements", params(LocationMovementFilters, ListQuery<LocationMovementFilters, LocationMovementSort>),
    responses((status = 200, body = List<LocationMovementView>)))]
pub(crate) async fn location_movements(
    context: Context,
    query: ListQuery<LocationMovementFilters, LocationMovementSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let page = stock::location_movements(&database, &context.0, &query.filter.into(), &query.page).await?;
    Ok(respond::listed(page))
}

/// The same as CSV, newest first
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/stock-location-movements.csv", tag = "stock", operation_id = "exportStockLocationMovements", params(LocationMovementFilters),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export_location_movements(
    context: Context,
    query: Query<LocationMovementFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let filter = LocationMovementFilter::from(query.0);
    Ok(export::csv("stock-location-movements", move |page: PageRequest<LocationMovementSort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), filter.clone());
        async move { stock::location_movements(&database, &context, &filter, &page).await }
    }))
}

fn changed(view: StockView) -> Result<StoredResponse, Error> {
    respond::changed(view.version, &view)
}
