//! The handlers, one function per operation.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::inventory_counts::{
    self, AskRecount, CancelCount, CloseCount, CountEntry, CountEntryView, CountFilter, CountLineView,
    CountProgress, CountSort, CreateCount, EntryFilter, EntrySort, InventoryCountView, LineFilter, LineSort,
    RecordCounts, SendToReview, StartCount,
};
use comptoir_core::platform::paging::{PageRequest, SortKey};
use comptoir_core::values::ids::InventoryCountId;

use super::dto::{
    CancelInventoryCountRequest, CloseInventoryCountRequest, CountEntryFilters, CountLineFilters,
    CreateInventoryCountRequest, InventoryCountFilters, RecordCountsRequest, RecordedCountsResponse,
    RecountRequest, ReviewInventoryCountRequest,
};
use crate::error::ApiError;
use crate::export;
use crate::extract::{Context, Empty, Id, IfMatch, ListQuery, Posted, Query, part};
use crate::openapi::{IdParam, IdempotencyHeader, IfMatchHeader};
use crate::respond::{self, List};

/// Plan an inventory count
///
/// Goods still move until it is started.
#[utoipa::path(post, path = "/api/v1/inventory-counts", tag = "inventory-counts", operation_id = "createInventoryCount",
    request_body = CreateInventoryCountRequest, params(IdempotencyHeader),
    responses((status = 201, body = InventoryCountView, headers(("Location" = String), ("ETag" = String)))))]
pub(crate) async fn create(
    context: Context,
    posted: Posted<CreateInventoryCountRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = CreateCount::from(posted.body);
    let answer = executor.execute(context.0, posted.key, command, |view: InventoryCountView| {
        let location = format!("/api/v1/inventory-counts/{}", view.id);
        respond::created(location, view.version, &view)
    });
    respond::answer(answer.await?)
}

/// Begin to count
///
/// From now until the count is closed or cancelled, nothing on hand in its scope moves: receipts, shipments and the like are answered 409
/// `stock_frozen`. Orders are placed and cancelled as before. There is a line for everything of which something is on hand; in a count of
/// locations, for each location in which it lies. One count of a warehouse is under way at a time.
#[utoipa::path(post, path = "/api/v1/inventory-counts/{id}/start", tag = "inventory-counts", operation_id = "startInventoryCount",
    request_body = Option<Empty>, params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = InventoryCountView, headers(("ETag" = String)))))]
pub(crate) async fn start(
    context: Context,
    id: Id<InventoryCountId>,
    expected: IfMatch,
    posted: Posted<Empty>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = StartCount { id: id.0, expected_version: expected.0 };
    respond::answer(executor.execute(context.0, posted.key, command, changed).await?)
}

/// Enter what was counted
///
/// Several people may do so at the same time. What is counted again replaces what was counted before; both are kept. A product that was
/// not expected gets a line, if it is kept in stock and in the scope of the count.
#[utoipa::path(post, path = "/api/v1/inventory-counts/{id}/entries", tag = "inventory-counts", operation_id = "recordCounts",
    request_body = RecordCountsRequest, params(IdParam, IdempotencyHeader),
    responses((status = 200, body = RecordedCountsResponse)))]
pub(crate) async fn record(
    context: Context,
    id: Id<InventoryCountId>,
    posted: Posted<RecordCountsRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let entries = posted.body.entries.into_iter().map(CountEntry::from).collect();
    let command = RecordCounts { id: id.0, entries };
    let answer = executor.execute(context.0, posted.key, command, |lines: Vec<CountLineView>| {
        respond::done(&RecordedCountsResponse { lines })
    });
    respond::answer(answer.await?)
}

/// End the counting
///
/// Whoever may close the count decides then: it is closed, or lines are counted again.
#[utoipa::path(post, path = "/api/v1/inventory-counts/{id}/review", tag = "inventory-counts", operation_id = "reviewInventoryCount",
    request_body = Option<ReviewInventoryCountRequest>, params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = InventoryCountView, headers(("ETag" = String)))))]
pub(crate) async fn review(
    context: Context,
    id: Id<InventoryCountId>,
    expected: IfMatch,
    posted: Posted<ReviewInventoryCountRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let uncounted = posted.body.uncounted;
    let command = SendToReview { id: id.0, expected_version: expected.0, uncounted };
    respond::answer(executor.execute(context.0, posted.key, command, changed).await?)
}

/// Have lines counted again
///
/// Those that differ, as a rule. Nothing on hand moves meanwhile.
#[utoipa::path(post, path = "/api/v1/inventory-counts/{id}/recount", tag = "inventory-counts", operation_id = "recountInventory",
    request_body = RecountRequest, params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = InventoryCountView, headers(("ETag" = String)))))]
pub(crate) async fn recount(
    context: Context,
    id: Id<InventoryCountId>,
    expected: IfMatch,
    posted: Posted<RecountRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let RecountRequest { product_ids: products, location_id: location } = posted.body;
    let command = AskRecount { id: id.0, expected_version: expected.0, products, location };
    respond::answer(executor.execute(context.0, posted.key, command, changed).await?)
}

/// Close a count
///
/// What differs is posted, at average cost, and goods move again. If less remains than is reserved, the newest reservations are taken
/// back, and their orders wait.
#[utoipa::path(post, path = "/api/v1/inventory-counts/{id}/close", tag = "inventory-counts", operation_id = "closeInventoryCount",
    request_body = Option<CloseInventoryCountRequest>, params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = InventoryCountView, headers(("ETag" = String)))))]
pub(crate) async fn close(
    context: Context,
    id: Id<InventoryCountId>,
    expected: IfMatch,
    posted: Posted<CloseInventoryCountRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let business_date = posted.body.business_date;
    let command = CloseCount { id: id.0, expected_version: expected.0, business_date };
    respond::answer(executor.execute(context.0, posted.key, command, changed).await?)
}

/// Cancel a count
///
/// Nothing is posted, and goods move again. What was counted is kept.
#[utoipa::path(post, path = "/api/v1/inventory-counts/{id}/cancel", tag = "inventory-counts", operation_id = "cancelInventoryCount",
    request_body = CancelInventoryCountRequest, params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = InventoryCountView, headers(("ETag" = String)))))]
pub(crate) async fn cancel(
    context: Context,
    id: Id<InventoryCountId>,
    expected: IfMatch,
    posted: Posted<CancelInventoryCountRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let reason = posted.body.reason;
    let command = CancelCount { id: id.0, expected_version: expected.0, reason };
    respond::answer(executor.execute(context.0, posted.key, command, changed).await?)
}

/// One inventory count
#[utoipa::path(get, path = "/api/v1/inventory-counts/{id}", tag = "inventory-counts", operation_id = "getInventoryCount", params(IdParam),
    responses((status = 200, body = InventoryCountView, headers(("ETag" = String))), (status = 304)))]
pub(crate) async fn get(
    request: HttpRequest,
    context: Context,
    id: Id<InventoryCountId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let view = inventory_counts::get(&database, &context.0, id.0).await?;
    Ok(respond::found(&request, view.version, &view))
}

/// How far a count has come
#[utoipa::path(get, path = "/api/v1/inventory-counts/{id}/progress", tag = "inventory-counts", operation_id = "getInventoryCountProgress",
    params(IdParam), responses((status = 200, body = CountProgress)))]
pub(crate) async fn progress(
    context: Context,
    id: Id<InventoryCountId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(inventory_counts::progress(&database, &context.0, id.0).await?))
}

/// Inventory counts, a page at a time
#[utoipa::path(get, path = "/api/v1/inventory-counts", tag = "inventory-counts", operation_id = "listInventoryCounts", params(InventoryCountFilters, ListQuery<InventoryCountFilters, CountSort>),
    responses((status = 200, body = List<InventoryCountView>)))]
pub(crate) async fn list(
    context: Context,
    query: ListQuery<InventoryCountFilters, CountSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let page = inventory_counts::list(&database, &context.0, &query.filter.into(), &query.page).await?;
    Ok(respond::listed(page))
}

/// The same as CSV, newest first
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/inventory-counts.csv", tag = "inventory-counts", operation_id = "exportInventoryCounts", params(InventoryCountFilters),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export(
    context: Context,
    query: Query<InventoryCountFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let filter = CountFilter::from(query.0);
    Ok(export::csv("inventory-counts", move |page: PageRequest<CountSort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), filter.clone());
        async move { inventory_counts::list(&database, &context, &filter, &page).await }
    }))
}

/// What is to be counted, and what was, a page at a time
///
/// In a blind count, `expected` and `difference` are null until it is in review, but for whoever may close it.
#[utoipa::path(get, path = "/api/v1/inventory-counts/{id}/lines", tag = "inventory-counts", operation_id = "listInventoryCountLines", params(IdParam, CountLineFilters, ListQuery<CountLineFilters, LineSort>),
    responses((status = 200, body = List<CountLineView>)))]
pub(crate) async fn lines(
    request: HttpRequest,
    context: Context,
    query: ListQuery<CountLineFilters, LineSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: InventoryCountId = part(&request, "id")?;
    let page = inventory_counts::lines(&database, &context.0, id, &query.filter.into(), &query.page).await?;
    Ok(respond::listed(page))
}

/// The same as CSV, by SKU
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/inventory-counts/{id}/lines.csv", tag = "inventory-counts", operation_id = "exportInventoryCountLines", params(IdParam, CountLineFilters),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export_lines(
    request: HttpRequest,
    context: Context,
    query: Query<CountLineFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (id, filter): (InventoryCountId, _) = (part(&request, "id")?, LineFilter::from(query.0));
    // What is refused is said before the file begins.
    inventory_counts::lines(&database, &context.0, id, &filter, &first::<LineSort>()?).await?;
    Ok(export::csv("inventory-count-lines", move |page: PageRequest<LineSort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), filter.clone());
        async move { inventory_counts::lines(&database, &context, id, &filter, &page).await }
    }))
}

/// Who counted what, and when, a page at a time
#[utoipa::path(get, path = "/api/v1/inventory-counts/{id}/entries", tag = "inventory-counts", operation_id = "listInventoryCountEntries", params(IdParam, CountEntryFilters, ListQuery<CountEntryFilters, EntrySort>),
    responses((status = 200, body = List<CountEntryView>)))]
pub(crate) async fn entries(
    request: HttpRequest,
    context: Context,
    query: ListQuery<CountEntryFilters, EntrySort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: InventoryCountId = part(&request, "id")?;
    let page =
        inventory_counts::entries(&database, &context.0, id, &query.filter.into(), &query.page).await?;
    Ok(respond::listed(page))
}

/// The same as CSV, newest first
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/inventory-counts/{id}/entries.csv", tag = "inventory-counts", operation_id = "exportInventoryCountEntries", params(IdParam, CountEntryFilters),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export_entries(
    request: HttpRequest,
    context: Context,
    query: Query<CountEntryFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (id, filter): (InventoryCountId, _) = (part(&request, "id")?, EntryFilter::from(query.0));
    inventory_counts::entries(&database, &context.0, id, &filter, &first::<EntrySort>()?).await?;
    Ok(export::csv("inventory-count-entries", move |page: PageRequest<EntrySort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), filter.clone());
        async move { inventory_counts::entries(&database, &context, id, &filter, &page).await }
    }))
}

/// The first row of a list.
fn first<K: SortKey>() -> Result<PageRequest<K>, ApiError> {
    PageRequest::parse(Some(1), None, None).map_err(ApiError::invalid)
}

fn changed(view: InventoryCountView) -> Result<StoredResponse, Error> {
    respond::changed(view.version, &view)
}
