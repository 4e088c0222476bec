//! The handlers, one function per operation.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::products::{
    self, ArchiveProduct, CreateProduct, DeleteOrArchiveProduct, ProductView, UpdateProduct,
};
use comptoir_core::values::ids::ProductId;

use super::dto::{ProductQuery, ProductRequest};
use crate::error::ApiError;
use crate::extract::{Context, Empty, Id, IfMatch, JsonBody, Posted, Query, RequiredIfMatch};
use crate::openapi::{
    CommandProblems, IdParam, IdempotencyHeader, IfMatchHeader, QueryProblems, RequiredIfMatchHeader,
};
use crate::respond::{self, List};

/// Create a product
#[utoipa::path(post, path = "/api/v1/products", tag = "products", request_body = ProductRequest,
    params(IdempotencyHeader),
    responses((status = 201, body = ProductView, headers(("Location" = String), ("ETag" = String))), CommandProblems))]
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
#[utoipa::path(put, path = "/api/v1/products/{id}", tag = "products", request_body = ProductRequest,
    params(IdParam, RequiredIfMatchHeader),
    responses((status = 200, body = ProductView, headers(("ETag" = String))), CommandProblems))]
pub(crate) async fn update(
    context: Context,
    id: Id<ProductId>,
    expected: RequiredIfMatch,
    body: JsonBody<ProductRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let details = body.0.into_details().map_err(ApiError::invalid)?;
    let command = UpdateProduct { id: id.0, expected_version: expected.0, details };
    let answer = executor.execute(context.0, None, command, changed);
    respond::answer(answer.await?)
}

/// Take a product off sale for good
#[utoipa::path(post, path = "/api/v1/products/{id}/archive", tag = "products", request_body = Option<Empty>,
    params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = ProductView, headers(("ETag" = String))), CommandProblems))]
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
#[utoipa::path(delete, path = "/api/v1/products/{id}", tag = "products",
    params(IdParam, RequiredIfMatchHeader),
    responses((status = 204), CommandProblems))]
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
#[utoipa::path(get, path = "/api/v1/products/{id}", tag = "products", params(IdParam),
    responses((status = 200, body = ProductView, headers(("ETag" = String))), (status = 304), QueryProblems))]
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
#[utoipa::path(get, path = "/api/v1/products", tag = "products", params(ProductQuery),
    responses((status = 200, body = List<ProductView>), QueryProblems))]
pub(crate) async fn list(
    context: Context,
    query: Query<ProductQuery>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (filter, page) = query.0.parse().map_err(ApiError::invalid)?;
    Ok(respond::listed(products::list(&database, &context.0, &filter, &page).await?))
}

fn changed(
    view: ProductView,
) -> Result<comptoir_core::application::idempotency::StoredResponse, comptoir_core::application::error::Error>
{
    respond::changed(view.version, &view)
}
