//! The handlers, one function per operation.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::warehouses::{
    self, ArchiveWarehouse, CreateWarehouse, MakeDefaultWarehouse, UpdateWarehouse, WarehouseSort,
    WarehouseView,
};
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::ids::WarehouseId;

use super::dto::{WarehouseFilters, WarehouseRequest};
use crate::error::ApiError;
use crate::export;
use crate::extract::{
    Context, Editable, Empty, ExportQuery, Id, IfMatch, MergePatch, Posted, Replacement, RequiredIfMatch,
    SearchQuery,
};
use crate::openapi::{IdParam, IdempotencyHeader, IfMatchHeader, RequiredIfMatchHeader};
use crate::respond::{self, List};

/// Create a warehouse
///
/// The first of a company is its default.
#[utoipa::path(post, path = "/api/v1/warehouses", tag = "warehouses", operation_id = "createWarehouse", request_body = WarehouseRequest,
    params(IdempotencyHeader),
    responses((status = 201, body = WarehouseView, headers(("Location" = String), ("ETag" = String)))))]
pub(crate) async fn create(
    context: Context,
    posted: Posted<WarehouseRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let details = posted.body.into_details().map_err(ApiError::invalid)?;
    let answer =
        executor.execute(context.0, posted.key, CreateWarehouse { details }, |view: WarehouseView| {
            let location = format!("/api/v1/warehouses/{}", view.id);
            respond::created(location, view.version, &view)
        });
    respond::answer(answer.await?)
}

/// Replace what is known of a warehouse
///
/// The body is what GET gave, with your changes. A member that is missing is an error, not an erasure.
#[utoipa::path(put, path = "/api/v1/warehouses/{id}", tag = "warehouses", operation_id = "replaceWarehouse",
    request_body = WarehouseRequest, params(IdParam, RequiredIfMatchHeader),
    responses((status = 200, body = WarehouseView, headers(("ETag" = String)))))]
pub(crate) async fn replace(
    context: Context,
    id: Id<WarehouseId>,
    expected: RequiredIfMatch,
    body: Replacement<WarehouseRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = UpdateWarehouse { id: id.0, expected_version: expected.0, edit: body.edit() };
    respond::answer(executor.execute(context.0, None, command, changed).await?)
}

/// Change a part of what is known of a warehouse
///
/// A merge patch (RFC 7396): members that are missing stay as they are, null erases, arrays are replaced as a whole.
#[utoipa::path(patch, path = "/api/v1/warehouses/{id}", tag = "warehouses", operation_id = "updateWarehouse",
    request_body = WarehouseRequest, params(IdParam, IfMatchHeader),
    responses((status = 200, body = WarehouseView, headers(("ETag" = String)))))]
pub(crate) async fn update(
    context: Context,
    id: Id<WarehouseId>,
    expected: IfMatch,
    body: MergePatch<WarehouseRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = UpdateWarehouse { id: id.0, expected_version: expected.0, edit: body.edit() };
    respond::answer(executor.execute(context.0, None, command, changed).await?)
}

/// Make a warehouse the default
///
/// It is meant where no warehouse is named. The one that was it is the default no longer.
#[utoipa::path(post, path = "/api/v1/warehouses/{id}/make-default", tag = "warehouses", operation_id = "makeDefaultWarehouse", request_body = Option<Empty>,
    params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = WarehouseView, headers(("ETag" = String)))))]
pub(crate) async fn make_default(
    context: Context,
    id: Id<WarehouseId>,
    expected: IfMatch,
    posted: Posted<Empty>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = MakeDefaultWarehouse { id: id.0, expected_version: expected.0 };
    respond::answer(executor.execute(context.0, posted.key, command, changed).await?)
}

/// Close a warehouse for good
///
/// The default is not closed: make another one the default first. Nor is one that still has stock, or an inventory count that is not over.
#[utoipa::path(post, path = "/api/v1/warehouses/{id}/archive", tag = "warehouses", operation_id = "archiveWarehouse", request_body = Option<Empty>,
    params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = WarehouseView, headers(("ETag" = String)))))]
pub(crate) async fn archive(
    context: Context,
    id: Id<WarehouseId>,
    expected: IfMatch,
    posted: Posted<Empty>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = ArchiveWarehouse { id: id.0, expected_version: expected.0 };
    respond::answer(executor.execute(context.0, posted.key, command, changed).await?)
}

/// One warehouse
#[utoipa::path(get, path = "/api/v1/warehouses/{id}", tag = "warehouses", operation_id = "getWarehouse", params(IdParam),
    responses((status = 200, body = WarehouseView, headers(("ETag" = String))), (status = 304)))]
pub(crate) async fn get(
    request: HttpRequest,
    context: Context,
    id: Id<WarehouseId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let view = warehouses::get(&database, &context.0, id.0).await?;
    Ok(respond::found(&request, view.version, &view))
}

/// Warehouses, a page at a time
#[utoipa::path(get, path = "/api/v1/warehouses", tag = "warehouses", operation_id = "listWarehouses", params(SearchQuery<WarehouseFilters, WarehouseSort>),
    responses((status = 200, body = List<WarehouseView>)))]
pub(crate) async fn list(
    context: Context,
    query: SearchQuery<WarehouseFilters, WarehouseSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let page = warehouses::list(&database, &context.0, &query.filter, &query.page).await?;
    Ok(respond::listed(page))
}

/// The same as CSV, by code
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/warehouses.csv", tag = "warehouses", operation_id = "exportWarehouses", params(ExportQuery<WarehouseFilters>),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export(
    context: Context,
    query: ExportQuery<WarehouseFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    Ok(export::csv("warehouses", move |page: PageRequest<WarehouseSort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), query.0.clone());
        async move { warehouses::list(&database, &context, &filter, &page).await }
    }))
}

fn changed(view: WarehouseView) -> Result<StoredResponse, Error> {
    respond::changed(view.version, &view)
}
