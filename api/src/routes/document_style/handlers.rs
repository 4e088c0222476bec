//! The handlers, one function per operation.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::documents::{self, RemoveLogo, SetLogo, Style, StyleView, digest_of};

use super::dto::{DocumentStyleSettings, LogoFile};
use crate::documents::style_faults;
use crate::error::ApiError;
use crate::extract::{Context, JsonBody, NoQuery, PngBody};
use crate::files::{self, Wanted};
use crate::respond;

/// How your documents look
#[utoipa::path(get, path = "/api/v1/tenant/document-style", tag = "tenant", operation_id = "getDocumentStyle",
    responses((status = 200, body = StyleView)))]
pub(crate) async fn get(
    context: Context,
    _: NoQuery,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(documents::style(&database, &context.0).await?))
}

/// Change how your documents look
///
/// From the next document on: those that are there stay as they are. The logo stays, too.
#[utoipa::path(put, path = "/api/v1/tenant/document-style", tag = "tenant", operation_id = "replaceDocumentStyle",
    request_body = DocumentStyleSettings, responses((status = 200, body = StyleView)))]
pub(crate) async fn replace(
    context: Context,
    body: JsonBody<DocumentStyleSettings>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let faults = style_faults(&body.0.style());
    if !faults.is_empty() {
        return Err(ApiError::invalid(faults));
    }
    let changed = |view: StyleView| respond::done(&view);
    respond::answer(executor.execute(context.0, None, body.0.into_command(), changed).await?)
}

/// Your logo
///
/// 204 if there is none.
#[utoipa::path(get, path = "/api/v1/tenant/logo", tag = "tenant", operation_id = "getLogo",
    responses((status = 200, content_type = "image/png", body = LogoFile, headers(("ETag" = String), ("Cache-Control" = String))), (status = 204), (status = 304)))]
pub(crate) async fn get_logo(
    request: HttpRequest,
    context: Context,
    _: NoQuery,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let Some(png) = documents::logo(&database, &context.0).await? else {
        return Ok(HttpResponse::NoContent().finish());
    };
    let etag = files::etag(&digest_of(&png));
    if respond::is_known(&request, &etag) {
        return Ok(files::not_modified(&etag));
    }
    Ok(files::answer(Wanted::Whole, (etag.as_str(), "image/png", "logo.png"), png))
}

/// Looks at a logo before it is kept.
///
/// # Errors
/// 422 if it is no PNG, or larger than documents can have it.
pub(crate) async fn checked_logo(png: Vec<u8>) -> Result<SetLogo, ApiError> {
    let style = Style { logo: Some(png), ..Style::default() };
    // It is decoded, which takes a processor for a while.
    let checked = tokio::task::spawn_blocking(move || (style_faults(&style), style)).await;
    let (faults, style) = checked.map_err(Error::from)?;
    if !faults.is_empty() {
        return Err(ApiError::invalid(faults));
    }
    Ok(SetLogo { png: style.logo.unwrap_or_default() })
}

/// Set your logo
///
/// A PNG, at most 512 KiB and 2,000 × 2,000 pixels. It stands on documents from the next one on.
#[utoipa::path(put, path = "/api/v1/tenant/logo", tag = "tenant", operation_id = "setLogo",
    request_body(content = LogoFile, content_type = "image/png"), responses((status = 200, body = StyleView)))]
pub(crate) async fn set_logo(
    context: Context,
    body: PngBody,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = checked_logo(body.0.to_vec()).await?;
    let changed = |view: StyleView| respond::done(&view);
    respond::answer(executor.execute(context.0, None, command, changed).await?)
}

/// Remove your logo
///
/// Your name stands in its place, from the next document on.
#[utoipa::path(delete, path = "/api/v1/tenant/logo", tag = "tenant", operation_id = "removeLogo",
    responses((status = 204)))]
pub(crate) async fn remove_logo(
    context: Context,
    _: NoQuery,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    respond::answer(executor.execute(context.0, None, RemoveLogo, |()| Ok(respond::removed())).await?)
}
