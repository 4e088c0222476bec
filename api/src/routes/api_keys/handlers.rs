//! The handlers, one function per operation.

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::accounts::api_keys::{
    self, ApiKeyFilter, ApiKeySort, ApiKeyView, CreateApiKey, RevokeApiKey,
};
use comptoir_core::accounts::identity::secrets::ApiKeyText;
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::ids::ApiKeyId;
use serde_json::Value;

use super::dto::{ApiKeyFilters, ApiKeyRequest, NewApiKeyResponse};
use crate::error::ApiError;
use crate::export;
use crate::extract::{Context, Empty, Id, IfMatch, ListQuery, Posted, Query};
use crate::openapi::{IdParam, IdempotencyHeader, IfMatchHeader};
use crate::respond::{self, List};

/// Make an API key
///
/// The answer shows the key, this once. What is stored under an Idempotency-Key is the answer without it.
#[utoipa::path(post, path = "/api/v1/api-keys", tag = "api-keys", operation_id = "createApiKey", request_body = ApiKeyRequest,
    params(IdempotencyHeader),
    responses((status = 201, body = NewApiKeyResponse, headers(("Location" = String), ("ETag" = String)))))]
pub(crate) async fn create(
    context: Context,
    posted: Posted<ApiKeyRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let details = posted.body.into();
    let text = ApiKeyText::generate();
    let command = CreateApiKey { details, text: text.clone() };
    let answer = executor.execute(context.0, posted.key, command, |view: ApiKeyView| {
        let location = format!("/api/v1/api-keys/{}", view.id);
        let body = NewApiKeyResponse { details: view.clone(), key: None };
        respond::created(location, view.version, &body)
    });
    let mut answer = answer.await?;
    if !answer.replayed {
        answer.response.body = with_key(&answer.response.body, &text)?;
    }
    let mut response = respond::answer(answer)?;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// One API key, without the key itself
#[utoipa::path(get, path = "/api/v1/api-keys/{id}", tag = "api-keys", operation_id = "getApiKey", params(IdParam),
    responses((status = 200, body = ApiKeyView, headers(("ETag" = String))), (status = 304)))]
pub(crate) async fn get(
    request: HttpRequest,
    context: Context,
    id: Id<ApiKeyId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let view = api_keys::get(&database, &context.0, id.0).await?;
    Ok(respond::found(&request, view.version, &view))
}

/// API keys, a page at a time
#[utoipa::path(get, path = "/api/v1/api-keys", tag = "api-keys", operation_id = "listApiKeys", params(ApiKeyFilters, ListQuery<ApiKeyFilters, ApiKeySort>),
    responses((status = 200, body = List<ApiKeyView>)))]
pub(crate) async fn list(
    context: Context,
    query: ListQuery<ApiKeyFilters, ApiKeySort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let page = api_keys::list(&database, &context.0, &query.filter.into(), &query.page).await?;
    Ok(respond::listed(page))
}

/// The same as CSV, in the list's own order
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/api-keys.csv", tag = "api-keys", operation_id = "exportApiKeys", params(ApiKeyFilters),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export(
    context: Context,
    query: Query<ApiKeyFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let filter = ApiKeyFilter::from(query.0);
    Ok(export::csv("api-keys", move |page: PageRequest<ApiKeySort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), filter.clone());
        async move { api_keys::list(&database, &context, &filter, &page).await }
    }))
}

/// Revoke an API key
///
/// It opens nothing any more, at once. To revoke it again changes nothing. Its owner may revoke it, and whoever has every
/// permission that it has.
#[utoipa::path(post, path = "/api/v1/api-keys/{id}/revoke", tag = "api-keys", operation_id = "revokeApiKey", request_body(content = Option<Empty>),
    params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = ApiKeyView, headers(("ETag" = String)))))]
pub(crate) async fn revoke(
    context: Context,
    id: Id<ApiKeyId>,
    expected: IfMatch,
    posted: Posted<Empty>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = RevokeApiKey { id: id.0, expected_version: expected.0 };
    let answer = executor
        .execute(context.0, posted.key, command, |view: ApiKeyView| respond::changed(view.version, &view));
    respond::answer(answer.await?)
}

fn with_key(body: &str, key: &ApiKeyText) -> Result<String, Error> {
    let json = |cause| Error::Serialize { what: "the answer", cause };
    let mut body: Value = serde_json::from_str(body).map_err(json)?;
    body["key"] = key.expose().into();
    serde_json::to_string(&body).map_err(json)
}
