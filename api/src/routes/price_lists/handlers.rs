//! The handlers, one function per operation.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::prices::{
    self, DeletePriceList, EntrySort, PriceEntryView, PriceListSort, PriceListView, QuoteView,
    UpdatePriceList,
};
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::ids::PriceListId;

use super::dto::{
    CreatePriceListRequest, PriceListFilters, PriceListRequest, QuoteParameters, SetPricesRequest, lines,
};
use crate::error::ApiError;
use crate::export;
use crate::extract::{
    Context, ExportQuery, Id, IfMatch, JsonBody, ListQuery, MergePatch, NoFilters, Posted, Query,
    Replacement, RequiredIfMatch, SearchQuery, part,
};
use crate::openapi::{IdParam, IdempotencyHeader, IfMatchHeader, RequiredIfMatchHeader};
use crate::respond::{self, List};

/// What a product costs, and which price that is
///
/// The customer's own lists come first, then those of their group, then those for everybody, then the product's own price. Orders and invoices ask the same.
#[utoipa::path(get, path = "/api/v1/prices", tag = "price-lists", operation_id = "getPrice", params(QuoteParameters),
    responses((status = 200, body = QuoteView)))]
pub(crate) async fn quote(
    context: Context,
    query: Query<QuoteParameters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let asked = query.0.into_quote().map_err(|fault| ApiError::invalid(vec![fault]))?;
    Ok(HttpResponse::Ok().json(prices::quote(&database, &context.0, asked).await?))
}

/// Create a price list
///
/// It has no prices yet.
#[utoipa::path(post, path = "/api/v1/price-lists", tag = "price-lists", operation_id = "createPriceList", request_body = CreatePriceListRequest,
    params(IdempotencyHeader),
    responses((status = 201, body = PriceListView, headers(("Location" = String), ("ETag" = String)))))]
pub(crate) async fn create(
    context: Context,
    posted: Posted<CreatePriceListRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = posted.body.into_command().map_err(|fault| ApiError::invalid(vec![fault]))?;
    let answer = executor.execute(context.0, posted.key, command, |view: PriceListView| {
        let location = format!("/api/v1/price-lists/{}", view.id);
        respond::created(location, view.version, &view)
    });
    respond::answer(answer.await?)
}

/// Replace what is known of a price list
///
/// The body is what GET gave, with your changes. A member that is missing is an error, not an erasure. Prices stay as they are.
#[utoipa::path(put, path = "/api/v1/price-lists/{id}", tag = "price-lists", operation_id = "replacePriceList",
    request_body = PriceListRequest, params(IdParam, RequiredIfMatchHeader),
    responses((status = 200, body = PriceListView, headers(("ETag" = String)))))]
pub(crate) async fn replace(
    context: Context,
    id: Id<PriceListId>,
    expected: RequiredIfMatch,
    body: Replacement<PriceListRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = UpdatePriceList { id: id.0, expected_version: expected.0, edit: body.edit() };
    respond::answer(executor.execute(context.0, None, command, changed).await?)
}

/// Change a part of what is known of a price list
///
/// A merge patch (RFC 7396): members that are missing stay as they are, null erases, arrays are replaced as a whole.
#[utoipa::path(patch, path = "/api/v1/price-lists/{id}", tag = "price-lists", operation_id = "updatePriceList",
    request_body = PriceListRequest, params(IdParam, IfMatchHeader),
    responses((status = 200, body = PriceListView, headers(("ETag" = String)))))]
pub(crate) async fn update(
    context: Context,
    id: Id<PriceListId>,
    expected: IfMatch,
    body: MergePatch<PriceListRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = UpdatePriceList { id: id.0, expected_version: expected.0, edit: body.edit() };
    respond::answer(executor.execute(context.0, None, command, changed).await?)
}

/// Delete a price list with all of its prices
///
/// Lines of orders keep the price that they have, and the list's id.
#[utoipa::path(delete, path = "/api/v1/price-lists/{id}", tag = "price-lists", operation_id = "deletePriceList",
    params(IdParam, RequiredIfMatchHeader),
    responses((status = 204)))]
pub(crate) async fn delete(
    context: Context,
    id: Id<PriceListId>,
    expected: RequiredIfMatch,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = DeletePriceList { id: id.0, expected_version: expected.0 };
    respond::answer(executor.execute(context.0, None, command, |()| Ok(respond::removed())).await?)
}

/// One price list
#[utoipa::path(get, path = "/api/v1/price-lists/{id}", tag = "price-lists", operation_id = "getPriceList", params(IdParam),
    responses((status = 200, body = PriceListView, headers(("ETag" = String))), (status = 304)))]
pub(crate) async fn get(
    request: HttpRequest,
    context: Context,
    id: Id<PriceListId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let view = prices::get(&database, &context.0, id.0).await?;
    Ok(respond::found(&request, view.version, &view))
}

/// Price lists, a page at a time
#[utoipa::path(get, path = "/api/v1/price-lists", tag = "price-lists", operation_id = "listPriceLists", params(SearchQuery<PriceListFilters, PriceListSort>),
    responses((status = 200, body = List<PriceListView>)))]
pub(crate) async fn list(
    context: Context,
    query: SearchQuery<PriceListFilters, PriceListSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let page = prices::list(&database, &context.0, &query.filter, &query.page).await?;
    Ok(respond::listed(page))
}

/// The same as CSV, by code
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/price-lists.csv", tag = "price-lists", operation_id = "exportPriceLists", params(ExportQuery<PriceListFilters>),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export(
    context: Context,
    query: ExportQuery<PriceListFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    Ok(export::csv("price-lists", move |page: PageRequest<PriceListSort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), query.0.clone());
        async move { prices::list(&database, &context, &filter, &page).await }
    }))
}

/// The prices of a list, a page at a time
#[utoipa::path(get, path = "/api/v1/price-lists/{id}/entries", tag = "price-lists", operation_id = "listPriceListEntries", params(IdParam, ListQuery<NoFilters, EntrySort>),
    responses((status = 200, body = List<PriceEntryView>)))]
pub(crate) async fn entries(
    request: HttpRequest,
    context: Context,
    query: ListQuery<NoFilters, EntrySort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: PriceListId = part(&request, "id")?;
    let page = prices::entries(&database, &context.0, id, &query.page).await?;
    Ok(respond::listed(page))
}

/// The prices of a list as CSV, a line for each break, as an import takes them
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/price-lists/{id}/entries.csv", tag = "price-lists", operation_id = "exportPriceListEntries", params(IdParam),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export_entries(
    context: Context,
    id: Id<PriceListId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    // What is refused is said before the file begins.
    let list = prices::get(&database, &context.0, id.0).await?;
    Ok(export::csv("prices", move |page: PageRequest<EntrySort>| {
        let (database, context, id) = (database.clone(), context.0.clone(), id.0);
        let code = list.code.clone();
        async move {
            let page = prices::entries(&database, &context, id, &page).await?;
            Ok(lines(&code, page))
        }
    }))
}

/// Set the prices of some products in a list
///
/// Of each product that is named, all breaks are replaced; the others keep their prices. All of it, or nothing. A product that another list of
/// the same customer, of the same group or of everybody prices on one of the same days is refused.
#[utoipa::path(put, path = "/api/v1/price-lists/{id}/entries", tag = "price-lists", operation_id = "setPrices",
    request_body = SetPricesRequest, params(IdParam, IfMatchHeader),
    responses((status = 200, body = PriceListView, headers(("ETag" = String)))))]
pub(crate) async fn set_prices(
    context: Context,
    id: Id<PriceListId>,
    expected: IfMatch,
    body: JsonBody<SetPricesRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = body.0.into_command(id.0, expected.0);
    respond::answer(executor.execute(context.0, None, command, changed).await?)
}

fn changed(view: PriceListView) -> Result<StoredResponse, Error> {
    respond::changed(view.version, &view)
}
