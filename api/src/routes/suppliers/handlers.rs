//! The handlers, one function per operation.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::suppliers::{
    self, CreateSupplier, DeleteSupplier, SupplierSort, SupplierView, UpdateSupplier,
};
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::ids::SupplierId;

use super::dto::{SupplierFilters, SupplierRequest};
use crate::error::ApiError;
use crate::export;
use crate::extract::{
    Context, Editable, ExportQuery, Id, IfMatch, MergePatch, Posted, Replacement, RequiredIfMatch,
    SearchQuery,
};
use crate::openapi::{IdParam, IdempotencyHeader, IfMatchHeader, RequiredIfMatchHeader};
use crate::respond::{self, List};

/// Create a supplier
#[utoipa::path(post, path = "/api/v1/suppliers", tag = "suppliers", operation_id = "createSupplier", request_body = SupplierRequest,
    params(IdempotencyHeader),
    responses((status = 201, body = SupplierView, headers(("Location" = String), ("ETag" = String)))))]
pub(crate) async fn create(
    context: Context,
    posted: Posted<SupplierRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let details = posted.body.into_details().map_err(ApiError::invalid)?;
    let answer = executor.execute(context.0, posted.key, CreateSupplier { details }, |view: SupplierView| {
        let location = format!("/api/v1/suppliers/{}", view.id);
        respond::created(location, view.version, &view)
    });
    respond::answer(answer.await?)
}

/// Replace what is known of a supplier
///
/// The body is what GET gave, with your changes. A member that is missing is an error, not an erasure.
#[utoipa::path(put, path = "/api/v1/suppliers/{id}", tag = "suppliers", operation_id = "replaceSupplier",
    request_body = SupplierRequest, params(IdParam, RequiredIfMatchHeader),
    responses((status = 200, body = SupplierView, headers(("ETag" = String)))))]
pub(crate) async fn replace(
    context: Context,
    id: Id<SupplierId>,
    expected: RequiredIfMatch,
    body: Replacement<SupplierRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = UpdateSupplier { id: id.0, expected_version: expected.0, edit: body.edit() };
    respond::answer(executor.execute(context.0, None, command, changed).await?)
}

/// Change a part of what is known of a supplier
///
/// A merge patch (RFC 7396): members that are missing stay as they are, null erases, arrays are replaced as a whole.
#[utoipa::path(patch, path = "/api/v1/suppliers/{id}", tag = "suppliers", operation_id = "updateSupplier",
    request_body = SupplierRequest, params(IdParam, IfMatchHeader),
    responses((status = 200, body = SupplierView, headers(("ETag" = String)))))]
pub(crate) async fn update(
    context: Context,
    id: Id<SupplierId>,
    expected: IfMatch,
    body: MergePatch<SupplierRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = UpdateSupplier { id: id.0, expected_version: expected.0, edit: body.edit() };
    respond::answer(executor.execute(context.0, None, command, changed).await?)
}

/// Delete a supplier
///
/// One that purchase orders or receipts name stays.
#[utoipa::path(delete, path = "/api/v1/suppliers/{id}", tag = "suppliers", operation_id = "deleteSupplier",
    params(IdParam, RequiredIfMatchHeader),
    responses((status = 204)))]
pub(crate) async fn delete(
    context: Context,
    id: Id<SupplierId>,
    expected: RequiredIfMatch,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = DeleteSupplier { id: id.0, expected_version: expected.0 };
    respond::answer(executor.execute(context.0, None, command, |()| Ok(respond::removed())).await?)
}

/// One supplier
#[utoipa::path(get, path = "/api/v1/suppliers/{id}", tag = "suppliers", operation_id = "getSupplier", params(IdParam),
    responses((status = 200, body = SupplierView, headers(("ETag" = String))), (status = 304)))]
pub(crate) async fn get(
    request: HttpRequest,
    context: Context,
    id: Id<SupplierId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let view = suppliers::get(&database, &context.0, id.0).await?;
    Ok(respond::found(&request, view.version, &view))
}

/// Suppliers, a page at a time
#[utoipa::path(get, path = "/api/v1/suppliers", tag = "suppliers", operation_id = "listSuppliers", params(SearchQuery<SupplierFilters, SupplierSort>),
    responses((status = 200, body = List<SupplierView>)))]
pub(crate) async fn list(
    context: Context,
    query: SearchQuery<SupplierFilters, SupplierSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let page = suppliers::list(&database, &context.0, &query.filter, &query.page).await?;
    Ok(respond::listed(page))
}

/// The same as CSV, by code
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/suppliers.csv", tag = "suppliers", operation_id = "exportSuppliers", params(ExportQuery<SupplierFilters>),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export(
    context: Context,
    query: ExportQuery<SupplierFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    Ok(export::csv("suppliers", move |page: PageRequest<SupplierSort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), query.0.clone());
        async move { suppliers::list(&database, &context, &filter, &page).await }
    }))
}

fn changed(view: SupplierView) -> Result<StoredResponse, Error> {
    respond::changed(view.version, &view)
}
