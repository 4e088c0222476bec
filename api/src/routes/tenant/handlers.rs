//! The handlers, one function per operation.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::accounts::tenants::{self, TenantView, UpdateTenant};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::unit_of_work::Executor;

use super::dto::{TenantRequest, TenantResponse};
use crate::error::ApiError;
use crate::extract::{Context, JsonBody, NoQuery, RequiredIfMatch};
use crate::openapi::{CommandProblems, QueryProblems, RequiredIfMatchHeader};
use crate::respond;

/// Your company
#[utoipa::path(get, path = "/api/v1/tenant", tag = "tenant",
    responses((status = 200, body = TenantResponse, headers(("ETag" = String))), (status = 304), QueryProblems))]
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
#[utoipa::path(put, path = "/api/v1/tenant", tag = "tenant", request_body = TenantRequest,
    params(RequiredIfMatchHeader),
    responses((status = 200, body = TenantResponse, headers(("ETag" = String))), CommandProblems))]
pub(crate) async fn update(
    context: Context,
    expected: RequiredIfMatch,
    body: JsonBody<TenantRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let details = body.0.into_details().map_err(ApiError::invalid)?;
    let command = UpdateTenant { expected_version: expected.0, details };
    let answer = executor.execute(context.0, None, command, |view: TenantView| {
        respond::changed(view.version, &TenantResponse::from(view))
    });
    respond::answer(answer.await?)
}
