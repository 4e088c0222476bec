//! The handlers, one function per operation.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::suppliers::{
    self, CreateSupplier, DeleteSupplier, SupplierView, UpdateSupplier,
};
use comptoir_core::values::ids::SupplierId;

use super::dto::{SupplierQuery, SupplierRequest};
use crate::error::ApiError;
use crate::extract::{Context, Id, JsonBody, Posted, Query, RequiredIfMatch};
use crate::openapi::{CommandProblems, IdParam, IdempotencyHeader, QueryProblems, RequiredIfMatchHeader};
use crate::respond::{self, List};

/// Create a supplier
#[utoipa::path(post, path = "/api/v1/suppliers", tag = "suppliers", request_body = SupplierRequest,
    params(IdempotencyHeader),
    responses((status = 201, body = SupplierView, headers(("Location" = String), ("ETag" = String))), CommandProblems))]
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
#[utoipa::path(put, path = "/api/v1/suppliers/{id}", tag = "suppliers", request_body = SupplierRequest,
    params(IdParam, RequiredIfMatchHeader),
    responses((status = 200, body = SupplierView, headers(("ETag" = String))), CommandProblems))]
pub(crate) async fn update(
    context: Context,
    id: Id<SupplierId>,
    expected: RequiredIfMatch,
    body: JsonBody<SupplierRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let details = body.0.into_details().map_err(ApiError::invalid)?;
    let command = UpdateSupplier { id: id.0, expected_version: expected.0, details };
    let answer = executor
        .execute(context.0, None, command, |view: SupplierView| respond::changed(view.version, &view));
    respond::answer(answer.await?)
}

/// Delete a supplier
#[utoipa::path(delete, path = "/api/v1/suppliers/{id}", tag = "suppliers",
    params(IdParam, RequiredIfMatchHeader),
    responses((status = 204), CommandProblems))]
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
#[utoipa::path(get, path = "/api/v1/suppliers/{id}", tag = "suppliers", params(IdParam),
    responses((status = 200, body = SupplierView, headers(("ETag" = String))), (status = 304), QueryProblems))]
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
#[utoipa::path(get, path = "/api/v1/suppliers", tag = "suppliers", params(SupplierQuery),
    responses((status = 200, body = List<SupplierView>), QueryProblems))]
pub(crate) async fn list(
    context: Context,
    query: Query<SupplierQuery>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (filter, page) = query.0.parse().map_err(ApiError::invalid)?;
    Ok(respond::listed(suppliers::list(&database, &context.0, &filter, &page).await?))
}
