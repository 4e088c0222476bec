//! The handlers, one function per operation.

use actix_web::HttpResponse;
use actix_web::web::Data;
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::audit::{self, AuditFilter, AuditSort};
use comptoir_core::application::context::RequestContext;
use comptoir_core::platform::paging::PageRequest;

use super::dto::{AuditEventResponse, AuditFilters};
use crate::error::ApiError;
use crate::export;
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
    export_of(context.0, query.0.into(), database).await
}

/// The file itself, for whoever asks for it: the route, or a page.
///
/// # Errors
/// 422 if it would have too many rows.
pub(crate) async fn export_of(
    context: RequestContext,
    filter: AuditFilter,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    if audit::is_larger_than(&database, &context, &filter, MAX_EXPORT).await? {
        let message = format!(
            "more than {MAX_EXPORT} rows to look at: ask for less, by occurred_from and occurred_before"
        );
        return Err(ApiError::invalid_field("/query", "too_many_rows", message));
    }
    Ok(export::csv("audit-events", move |page: PageRequest<AuditSort>| {
        let (database, context, filter) = (database.clone(), context.clone(), filter.clone());
        async move { Ok(audit::list(&database, &context, &filter, &page).await?.map(AuditEventResponse::from)) }
    }))
}
