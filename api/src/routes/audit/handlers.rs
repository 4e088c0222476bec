//! The handlers, one function per operation.

use std::io;

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::{Bytes, Data};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::audit::{self, AuditFilter, AuditSort};
use comptoir_core::application::context::RequestContext;
use comptoir_core::platform::paging::{MAX_LIMIT, PageRequest};
use futures::stream::{self, Stream};

use super::csv;
use super::dto::{AuditEventResponse, AuditFilters};
use crate::error::ApiError;
use crate::extract::{Context, ListQuery, Query};
use crate::respond::{self, List};

/// Rows of one export at most: more are for several, by time.
const MAX_EXPORT: i64 = 100_000;

/// Who did what, a page at a time
#[utoipa::path(get, path = "/api/v1/audit-events", tag = "audit", operation_id = "listAuditEvents", params(AuditFilters, ListQuery<AuditFilters, AuditSort>),
    responses((status = 200, body = List<AuditEventResponse>)))]
pub(crate) async fn list(
    context: Context,
    query: ListQuery<AuditFilters, AuditSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let events = audit::list(&database, &context.0, &query.filter.into(), &query.page).await?;
    Ok(respond::listed(events.map(AuditEventResponse::from)))
}

/// The same as CSV, newest first, 100,000 rows at most
///
/// RFC 4180, in UTF-8, with the names of the columns in the first line. `before` and `after` are JSON. What a spreadsheet would
/// take for a formula begins with an apostrophe. An export that breaks off ends without the end of the HTTP message.
#[utoipa::path(get, path = "/api/v1/audit-events.csv", tag = "audit", operation_id = "exportAuditEvents", params(AuditFilters),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export(
    context: Context,
    query: Query<AuditFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let filter = AuditFilter::from(query.0);
    if audit::is_larger_than(&database, &context.0, &filter, MAX_EXPORT).await? {
        let message = format!(
            "more than {MAX_EXPORT} rows to look at: ask for less, by occurred_from and occurred_before"
        );
        return Err(ApiError::invalid_field("/query", "too_many_rows", message));
    }
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/csv; charset=utf-8; header=present"))
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"audit-events.csv\""))
        .streaming(pages(database, context.0, filter)))
}

/// What comes next of an export.
enum Next {
    Header,
    /// The page behind this cursor.
    Page(Option<String>),
    Nothing,
}

/// Each page is read when the one before it has been sent, in a transaction of its own: a slow client holds no connection,
/// and one who may not read the trail any more gets no further.
fn pages(
    database: Data<TenantDatabase>,
    context: RequestContext,
    filter: AuditFilter,
) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold(Next::Header, move |next| {
        let (database, context, filter) = (database.clone(), context.clone(), filter.clone());
        async move {
            let cursor = match next {
                Next::Header => {
                    return Ok(Some((csv::header().map_err(io::Error::other)?.into(), Next::Page(None))));
                }
                Next::Page(cursor) => cursor,
                Next::Nothing => return Ok(None),
            };
            let (lines, next_cursor) =
                page(&database, &context, &filter, cursor).await.inspect_err(|error| {
                    tracing::warn!(%error, "an export of the audit trail broke off");
                })?;
            let next = next_cursor.map_or(Next::Nothing, |cursor| Next::Page(Some(cursor)));
            Ok(Some((Bytes::from(lines), next)))
        }
    })
}

async fn page(
    database: &TenantDatabase,
    context: &RequestContext,
    filter: &AuditFilter,
    cursor: Option<String>,
) -> io::Result<(Vec<u8>, Option<String>)> {
    let request = PageRequest::parse(Some(MAX_LIMIT.into()), None, cursor.as_deref());
    let request = request.map_err(|_| io::Error::other("a cursor of our own is not one"))?;
    let page = audit::list(database, context, filter, &request).await.map_err(io::Error::other)?;
    Ok((csv::lines(&page.data).map_err(io::Error::other)?, page.next_cursor))
}
