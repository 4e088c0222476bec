//! The handlers, one function per operation.

use std::fmt::Display;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::context::RequestContext;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::{Answer, IdempotencyKey, StoredResponse};
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::imports::{
    self, AbandonImport, CancelImport, ImportKind, ImportMode, ImportSort, ImportView, RefusedSort,
    ResumeImport, SubmitImport,
};
use comptoir_core::platform::paging::{Page, PageRequest};
use comptoir_core::values::ids::ImportId;
use futures::{Stream, StreamExt};
use sha2::{Digest, Sha256};

use super::dto::{File, FileName, ImportParameters, RefusedRowResponse, format_of};
use crate::config::ApiConfig;
use crate::error::ApiError;
use crate::export;
use crate::extract::{
    Context, Empty, Id, IfMatch, ListQuery, NoFilters, NoQuery, Posted, Query, idempotency_key, media_type,
    part,
};
use crate::imports::{Imports, NewImport, NotStaged, stage};
use crate::openapi::{IdParam, IdempotencyHeader, IfMatchHeader};
use crate::respond::{self, List};

/// Import a file of customers, suppliers, products, opening stock or prices
///
/// The body is the file, at most 100,000 rows and `api.max_import_bytes` (64 MiB): CSV with the names of the columns in the
/// first line (those of the export; separated by commas or semicolons, in UTF-8), or NDJSON, a JSON object in each line with
/// the members of the resource. Sent as `application/octet-stream` with `format`, or as what it is, `text/csv` or
/// `application/x-ndjson`. The rows are kept as they arrive, and worked off afterwards, in
/// their order, as if you had sent them one by one: read the import to follow it, and its refused rows to correct them.
/// Each row is done once, whatever is interrupted. If the file itself is wrong, nothing of it stays.
///
/// It needs the permission to write what is imported, until its end.
#[utoipa::path(post, path = "/api/v1/imports", tag = "imports", operation_id = "beginImport", params(ImportParameters, IdempotencyHeader),
    request_body(content = File, content_type = "application/octet-stream", example = "code,name,email\r\nC-1042,Librairie des Carmes,achats@carmes.example\r\n"),
    responses((status = 202, body = ImportView, headers(("Location" = String), ("ETag" = String)))))]
pub(crate) async fn begin(
    request: HttpRequest,
    mut context: Context,
    parameters: Query<ImportParameters>,
    payload: Payload,
    executor: Data<Executor>,
    limits: Data<ApiConfig>,
    queue: Data<Imports>,
) -> Result<HttpResponse, ApiError> {
    let ImportParameters { kind, mode, format, file_name } = parameters.0;
    check(&mut context.0, kind)?;
    let new = NewImport {
        kind,
        mode: mode.unwrap_or(ImportMode::Create),
        format: format_of(&media_type(&request)?, format).map_err(|invalid| {
            ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, invalid.code, invalid.message)
        })?,
        file_name: file_name.map(|FileName(name)| name),
    };
    // Before the file is read: a key that is none is said at once.
    idempotency_key(&request, b"")?;
    let sent = Sent { new, file: payload, hash: Sha256::new_with_prefix(request.query_string()) };
    let render = |view: ImportView| {
        let location = format!("/api/v1/imports/{}", view.id);
        Ok(StoredResponse { status: 202, ..respond::created(location, view.version, &view)? })
    };
    let key = |content: &[u8]| idempotency_key(&request, content);
    respond::answer(
        take(&context.0, sent, key, render, (executor.get_ref(), limits.get_ref(), queue.get_ref())).await?,
    )
}

/// A file that somebody sends.
pub(crate) struct Sent<S> {
    pub(crate) new: NewImport,
    pub(crate) file: S,
    /// Of what was sent besides the file.
    pub(crate) hash: Sha256,
}

/// Takes a file for whoever may write what is in it, and has this process work on it. `key` makes the idempotency key, once the
/// hash of all that was sent is known.
///
/// # Errors
/// Fails if the file is wrong or breaks off, or if the database fails: nothing of it stays then.
pub(crate) async fn take<S, E>(
    context: &RequestContext,
    sent: Sent<S>,
    key: impl FnOnce(&[u8]) -> Result<Option<IdempotencyKey>, ApiError>,
    render: impl Fn(ImportView) -> Result<StoredResponse, Error> + Send + Sync + 'static,
    (executor, limits, queue): (&Executor, &ApiConfig, &Imports),
) -> Result<Answer, ApiError>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Display,
{
    let Sent { new, file, mut hash } = sent;
    let staged = stage(executor, context, new, limited(file, limits, &mut hash)).await;
    let (id, rows) = staged.map_err(refused)?;
    let key = key(&hash.finalize())?;
    let answer = executor.execute(context.clone(), key, SubmitImport { id, rows }, render).await;
    match answer {
        Ok(answer) if !answer.replayed => {
            queue.begin(context.tenant_id(), id);
            Ok(answer)
        }
        other => {
            // The file was sent before, or the key stands for another one.
            if let Err(error) = executor.run(context.clone(), AbandonImport(id)).await {
                tracing::warn!(%error, import = %id, "an import that was sent before stays until it is pruned");
            }
            Ok(other?)
        }
    }
}

/// Checks that the caller may write what is imported, now and whenever the principal is looked up again.
///
/// # Errors
/// 403 if not.
pub(crate) fn check(context: &mut RequestContext, kind: ImportKind) -> Result<(), ApiError> {
    let permission = kind.permission();
    context.required = Some(permission);
    if context.principal.may(permission) { Ok(()) } else { Err(Error::Forbidden(permission).into()) }
}

/// Passes a file on within the limits: in all, and between two pieces.
fn limited<'a, S, E>(
    payload: S,
    limits: &'a ApiConfig,
    hash: &'a mut Sha256,
) -> impl Stream<Item = Result<Bytes, ApiError>> + 'a
where
    S: Stream<Item = Result<Bytes, E>> + Unpin + 'a,
    E: Display + 'a,
{
    let (most, pause) = (limits.max_import_bytes, Duration::from_millis(limits.body_timeout_ms));
    futures::stream::try_unfold((payload, 0_usize, hash), move |(mut payload, received, hash)| async move {
        let Ok(next) = tokio::time::timeout(pause, payload.next()).await else {
            let detail = format!("nothing of the file arrived for {} ms", pause.as_millis());
            return Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", detail));
        };
        let Some(piece) = next else { return Ok(None) };
        let piece = piece.map_err(|error| {
            let detail = format!("the file could not be read: {error}");
            ApiError::new(StatusCode::BAD_REQUEST, "unreadable_body", detail)
        })?;
        let received = received + piece.len();
        if received > most {
            let detail =
                format!("the file is too large; at most {most} bytes are accepted: send it in parts");
            return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail));
        }
        hash.update(&piece);
        Ok(Some((piece, (payload, received, hash))))
    })
}

fn refused(error: NotStaged<ApiError>) -> ApiError {
    match error {
        NotStaged::Refused(fault) => ApiError::invalid(vec![fault]),
        NotStaged::File(error) => error,
        NotStaged::Failed(error) => error.into(),
    }
}

/// Imports, a page at a time
///
/// Those of what you may write.
#[utoipa::path(get, path = "/api/v1/imports", tag = "imports", operation_id = "listImports", params(ListQuery<NoFilters, ImportSort>),
    responses((status = 200, body = List<ImportView>)))]
pub(crate) async fn list(
    context: Context,
    query: ListQuery<NoFilters, ImportSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    Ok(respond::listed(visible_ones(&database, &context.0, &query.page).await?))
}

pub(crate) async fn visible_ones(
    database: &TenantDatabase,
    context: &RequestContext,
    request: &PageRequest<ImportSort>,
) -> Result<Page<ImportView>, Error> {
    let mut page = imports::list(database, context, request).await?;
    page.data.retain(|import| context.principal.may(import.kind.permission()));
    Ok(page)
}

/// The same as CSV, newest first
///
/// RFC 4180, in UTF-8, with the names of the columns in the first line; `progress` is JSON. What a spreadsheet would take for a
/// formula begins with an apostrophe. An export that breaks off ends without the end of the HTTP message.
#[utoipa::path(get, path = "/api/v1/imports.csv", tag = "imports", operation_id = "exportImports",
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export(
    context: Context,
    _: NoQuery,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    Ok(export::csv("imports", move |page: PageRequest<ImportSort>| {
        let (database, context) = (database.clone(), context.0.clone());
        async move { visible_ones(&database, &context, &page).await }
    }))
}

/// One import, with its progress
///
/// The progress is written down once a second while it runs.
#[utoipa::path(get, path = "/api/v1/imports/{id}", tag = "imports", operation_id = "getImport", params(IdParam),
    responses((status = 200, body = ImportView, headers(("ETag" = String))), (status = 304)))]
pub(crate) async fn get(
    request: HttpRequest,
    mut context: Context,
    id: Id<ImportId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let import = visible(&database, &mut context.0, id.0).await?;
    Ok(respond::found(&request, import.version, &import))
}

pub(crate) async fn visible(
    database: &TenantDatabase,
    context: &mut RequestContext,
    id: ImportId,
) -> Result<ImportView, ApiError> {
    let import = imports::get(database, context, id).await?;
    check(context, import.kind)?;
    Ok(import)
}

/// Rows of an import that were refused, a page at a time
///
/// Each with all that was wrong, and as it came: correct them, and send them as another import.
#[utoipa::path(get, path = "/api/v1/imports/{id}/refused-rows", tag = "imports", operation_id = "listRefusedRows", params(IdParam, ListQuery<NoFilters, RefusedSort>),
    responses((status = 200, body = List<RefusedRowResponse>)))]
pub(crate) async fn refused_rows(
    request: HttpRequest,
    mut context: Context,
    query: ListQuery<NoFilters, RefusedSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: ImportId = part(&request, "id")?;
    visible(&database, &mut context.0, id).await?;
    let page = imports::refused_rows(&database, &context.0, id, &query.page).await?;
    Ok(respond::listed(page.map(RefusedRowResponse::from)))
}

/// The same as CSV
///
/// RFC 4180, in UTF-8, with the names of the columns in the first line; `errors` and `content` are JSON.
#[utoipa::path(get, path = "/api/v1/imports/{id}/refused-rows.csv", tag = "imports", operation_id = "exportRefusedRows", params(IdParam),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export_refused_rows(
    mut context: Context,
    id: Id<ImportId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    visible(&database, &mut context.0, id.0).await?;
    Ok(export::csv("refused-rows", move |page: PageRequest<RefusedSort>| {
        let (database, context, id) = (database.clone(), context.0.clone(), id.0);
        async move {
            let rows = imports::refused_rows(&database, &context, id, &page).await?;
            Ok(rows.map(RefusedRowResponse::from))
        }
    }))
}

/// Cancel an import
///
/// It ends within a second. What was done stays.
#[utoipa::path(post, path = "/api/v1/imports/{id}/cancel", tag = "imports", operation_id = "cancelImport", request_body(content = Option<Empty>),
    params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = ImportView, headers(("ETag" = String)))))]
pub(crate) async fn cancel(
    mut context: Context,
    id: Id<ImportId>,
    expected: IfMatch,
    posted: Posted<Empty>,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    visible(&database, &mut context.0, id.0).await?;
    let command = CancelImport { id: id.0, expected_version: expected.0 };
    respond::answer(executor.execute(context.0, posted.key, command, changed).await?)
}

/// Let an import go on that stopped
///
/// With your rights from now on. Rows that were worked off are not worked off again.
#[utoipa::path(post, path = "/api/v1/imports/{id}/resume", tag = "imports", operation_id = "resumeImport", request_body(content = Option<Empty>),
    params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = ImportView, headers(("ETag" = String)))))]
pub(crate) async fn resume(
    mut context: Context,
    id: Id<ImportId>,
    expected: IfMatch,
    posted: Posted<Empty>,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
    queue: Data<Imports>,
) -> Result<HttpResponse, ApiError> {
    visible(&database, &mut context.0, id.0).await?;
    let command = ResumeImport { id: id.0, expected_version: expected.0 };
    let answer = executor.execute(context.0.clone(), posted.key, command, changed).await?;
    queue.begin(context.0.tenant_id(), id.0);
    respond::answer(answer)
}

fn changed(view: ImportView) -> Result<StoredResponse, Error> {
    respond::changed(view.version, &view)
}
