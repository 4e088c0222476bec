//! The handlers, one function per operation.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::products::{
    self, ArchiveProduct, CreateProduct, DeleteOrArchiveProduct, ProductSort, ProductView, UpdateProduct,
};
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::ids::ProductId;

use super::dto::{ProductFilters, ProductRequest};
use crate::error::ApiError;
use crate::export;
use crate::extract::{
    Context, Editable, Empty, ExportQuery, Id, IfMatch, MergePatch, Posted, Replacement, RequiredIfMatch,
    SearchQuery,
};
use crate::openapi::{IdParam, IdempotencyHeader, IfMatchHeader, RequiredIfMatchHeader};
use crate::respond::{self, List};

/// Create a product
#[utoipa::path(post, path = "/api/v1/products", tag = "products", operation_id = "createProduct", request_body = ProductRequest,
    params(IdempotencyHeader),
    responses((status = 201, body = ProductView, headers(("Location" = String), ("ETag" = String)))))]
pub(crate) async fn create(
    context: Context,
    posted: Posted<ProductRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let details = posted.body.into_details().map_err(ApiError::invalid)?;
    let answer = executor.execute(context.0, posted.key, CreateProduct { details }, |view: ProductView| {
        let location = format!("/api/v1/products/{}", view.id);
        respond::created(location, view.version, &view)
    });
    respond::answer(answer.await?)
}

/// Replace what is known of a product
///
/// The body is what GET gave, with your changes. A member that is missing is an error, not an erasure.
#[utoipa::path(put, path = "/api/v1/products/{id}", tag = "products", operation_id = "replaceProduct",
    request_body = ProductRequest, params(IdParam, RequiredIfMatchHeader),
    responses((status = 200, body = ProductView, headers(("ETag" = String)))))]
pub(crate) async fn replace(
    context: Context,
    id: Id<ProductId>,
    expected: RequiredIfMatch,
    body: Replacement<ProductRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = UpdateProduct { id: id.0, expected_version: expected.0, edit: body.edit() };
    respond::answer(executor.execute(context.0, None, command, changed).await?)
}

/// Change a part of what is known of a product
///
/// A merge patch (RFC 7396): members that are missing stay as they are, null erases, arrays are replaced as a whole.
#[utoipa::path(patch, path = "/api/v1/products/{id}", tag = "products", operation_id = "updateProduct",
    request_body = ProductRequest, params(IdParam, IfMatchHeader),
    responses((status = 200, body = ProductView, headers(("ETag" = String)))))]
pub(crate) async fn update(
    context: Context,
    id: Id<ProductId>,
    expected: IfMatch,
    body: MergePatch<ProductRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = UpdateProduct { id: id.0, expected_version: expected.0, edit: body.edit() };
    respond::answer(executor.execute(context.0, None, command, changed).await?)
}

/// Take a product off sale for good
#[utoipa::path(post, path = "/api/v1/products/{id}/archive", tag = "products", operation_id = "archiveProduct", request_body = Option<Empty>,
    params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = ProductView, headers(("ETag" = String)))))]
pub(crate) async fn archive(
    context: Context,
    id: Id<ProductId>,
    expected: IfMatch,
    posted: Posted<Empty>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = ArchiveProduct { id: id.0, expected_version: expected.0 };
    respond::answer(executor.execute(context.0, posted.key, command, changed).await?)
}

/// Delete a product, or archive it if an order names it
#[utoipa::path(delete, path = "/api/v1/products/{id}", tag = "products", operation_id = "deleteProduct",
    params(IdParam, RequiredIfMatchHeader),
    responses((status = 204)))]
pub(crate) async fn remove(
    context: Context,
    id: Id<ProductId>,
    expected: RequiredIfMatch,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = DeleteOrArchiveProduct { id: id.0, expected_version: expected.0 };
    respond::answer(executor.execute(context.0, None, command, |()| Ok(respond::removed())).await?)
}

/// One product
#[utoipa::path(get, path = "/api/v1/products/{id}", tag = "products", operation_id = "getProduct", params(IdParam),
    responses((status = 200, body = ProductView, headers(("ETag" = String))), (status = 304)))]
pub(crate) async fn get(
    request: HttpRequest,
    context: Context,
    id: Id<ProductId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let view = products::get(&database, &context.0, id.0).await?;
    Ok(respond::found(&request, view.version, &view))
}

/// Products, a page at a time
#[utoipa::path(get, path = "/api/v1/products", tag = "products", operation_id = "listProducts", params(SearchQuery<ProductFilters, ProductSort>),
    responses((status = 200, body = List<ProductView>)))]
pub(crate) async fn list(
    context: Context,
    query: SearchQuery<ProductFilters, ProductSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let page = products::list(&database, &context.0, &query.filter, &query.page).await?;
    Ok(respond::listed(page))
}

/// The same as CSV, by SKU
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/products.csv", tag = "products", operation_id = "exportProducts", params(ExportQuery<ProductFilters>),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export(
    context: Context,
    query: ExportQuery<ProductFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    Ok(export::csv("products", move |page: PageRequest<ProductSort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), query.0.clone());
        async move { products::list(&database, &context, &filter, &page).await }
    }))
}

fn changed(view: ProductView) -> Result<StoredResponse, Error> {
    respond::changed(view.version, &view)
}
