//! The handlers, one function per operation.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::accounts::tenants::{self, TenantView, UpdateTenant};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;

use super::dto::{TenantRequest, TenantResponse};
use crate::error::ApiError;
use crate::extract::{Context, IfMatch, MergePatch, NoQuery, Replacement, RequiredIfMatch};
use crate::openapi::{IfMatchHeader, RequiredIfMatchHeader};
use crate::respond;

/// Your company
#[utoipa::path(get, path = "/api/v1/tenant", tag = "tenant", operation_id = "getTenant",
    responses((status = 200, body = TenantResponse, headers(("ETag" = String))), (status = 304)))]
pub(crate) async fn get(
    request: HttpRequest,
    context: Context,
    _: NoQuery,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let view = tenants::get(&database, &context.0).await?;
    Ok(respond::found(&request, view.version, &TenantResponse::from(view)))
}

/// Replace what is known of your company
///
/// The body is what GET gave, with your changes. A member that is missing is an error, not an erasure.
#[utoipa::path(put, path = "/api/v1/tenant", tag = "tenant", operation_id = "replaceTenant", request_body = TenantRequest,
    params(RequiredIfMatchHeader),
    responses((status = 200, body = TenantResponse, headers(("ETag" = String)))))]
pub(crate) async fn replace(
    context: Context,
    expected: RequiredIfMatch,
    body: Replacement<TenantRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = UpdateTenant { expected_version: expected.0, edit: body.edit() };
    respond::answer(executor.execute(context.0, None, command, changed).await?)
}

/// Change a part of what is known of your company
///
/// A merge patch (RFC 7396): members that are missing stay as they are, null erases.
#[utoipa::path(patch, path = "/api/v1/tenant", tag = "tenant", operation_id = "updateTenant", request_body = TenantRequest,
    params(IfMatchHeader),
    responses((status = 200, body = TenantResponse, headers(("ETag" = String)))))]
pub(crate) async fn update(
    context: Context,
    expected: IfMatch,
    body: MergePatch<TenantRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = UpdateTenant { expected_version: expected.0, edit: body.edit() };
    respond::answer(executor.execute(context.0, None, command, changed).await?)
}

fn changed(view: TenantView) -> Result<StoredResponse, Error> {
    respond::changed(view.version, &TenantResponse::from(view))
}
