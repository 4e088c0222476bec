//! The handlers, one function per operation.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::mail::{
    self, DiscardEmail, DiscardMatching, EmailDetails, EmailFilter, EmailSort, EmailView, Links, Matched,
    Policies, RequeueEmail, RequeueMatching,
};
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::ids::EmailId;

use super::dto::{DiscardEmailsRequest, EmailFilters, RequeueEmailsRequest};
use crate::error::ApiError;
use crate::export;
use crate::extract::{Context, Empty, Id, IfMatch, ListQuery, Posted, Query};
use crate::openapi::{IdParam, IdempotencyHeader, IfMatchHeader};
use crate::respond::{self, List};

/// E-mails of your company, a page at a time
///
/// What is sent to people: that they have an account, a token that they asked for, that something changed of their account. What
/// an e-mail hands over is never shown.
#[utoipa::path(get, path = "/api/v1/emails", tag = "emails", operation_id = "listEmails", params(EmailFilters, ListQuery<EmailFilters, EmailSort>),
    responses((status = 200, body = List<EmailView>)))]
pub(crate) async fn list(
    context: Context,
    query: ListQuery<EmailFilters, EmailSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    Ok(respond::listed(mail::list(&database, &context.0, &query.filter.into(), &query.page).await?))
}

/// The same as CSV, in the list's own order
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/emails.csv", tag = "emails", operation_id = "exportEmails", params(EmailFilters),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export(
    context: Context,
    query: Query<EmailFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let filter = EmailFilter::from(query.0);
    Ok(export::csv("emails", move |page: PageRequest<EmailSort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), filter.clone());
        async move { mail::list(&database, &context, &filter, &page).await }
    }))
}

/// One e-mail, with its words and its attempts
#[utoipa::path(get, path = "/api/v1/emails/{id}", tag = "emails", operation_id = "getEmail", params(IdParam),
    responses((status = 200, body = EmailDetails, headers(("ETag" = String))), (status = 304)))]
pub(crate) async fn get(
    request: HttpRequest,
    context: Context,
    id: Id<EmailId>,
    database: Data<TenantDatabase>,
    links: Data<Links>,
) -> Result<HttpResponse, ApiError> {
    let details = mail::get(&database, &context.0, id.0, &links).await?;
    Ok(respond::found(&request, details.email.version, &details))
}

/// Send an e-mail again
///
/// One that is sent, dead or discarded: to its recipient as they are now, with another token, which ends the one before. It is
/// refused where it would be of no use any more, such as an invitation to whoever has a password.
#[utoipa::path(post, path = "/api/v1/emails/{id}/requeue", tag = "emails", operation_id = "requeueEmail", request_body(content = Option<Empty>),
    params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = EmailView, headers(("ETag" = String)))))]
pub(crate) async fn requeue(
    context: Context,
    id: Id<EmailId>,
    expected: IfMatch,
    posted: Posted<Empty>,
    executor: Data<Executor>,
    policies: Data<Policies>,
) -> Result<HttpResponse, ApiError> {
    let policies = Policies::clone(&policies);
    let command = RequeueEmail { id: id.0, expected_version: expected.0, policies };
    respond::answer(executor.execute(context.0, posted.key, command, changed).await?)
}

/// Discard an e-mail that waits, or is dead
///
/// It is not sent. What it was to hand over is wiped.
#[utoipa::path(post, path = "/api/v1/emails/{id}/discard", tag = "emails", operation_id = "discardEmail", request_body(content = Option<Empty>),
    params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = EmailView, headers(("ETag" = String)))))]
pub(crate) async fn discard(
    context: Context,
    id: Id<EmailId>,
    expected: IfMatch,
    posted: Posted<Empty>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = DiscardEmail { id: id.0, expected_version: expected.0 };
    respond::answer(executor.execute(context.0, posted.key, command, changed).await?)
}

/// Send all dead letters again that match
///
/// Those that match as of now, 100 at a time: as long as `more` is true, ask again with the `until` of the answer. Those that would
/// be of no use any more are discarded instead.
#[utoipa::path(post, path = "/api/v1/emails/requeue", tag = "emails", operation_id = "requeueEmails", request_body = RequeueEmailsRequest,
    params(IdempotencyHeader),
    responses((status = 200, body = Matched)))]
pub(crate) async fn requeue_matching(
    context: Context,
    posted: Posted<RequeueEmailsRequest>,
    executor: Data<Executor>,
    policies: Data<Policies>,
) -> Result<HttpResponse, ApiError> {
    let command = RequeueMatching { matching: posted.body.into(), policies: Policies::clone(&policies) };
    respond::answer(executor.execute(context.0, posted.key, command, matched).await?)
}

/// Discard all e-mails that match
///
/// Those that match as of now, 100 at a time: as long as `more` is true, ask again with the `until` of the answer.
#[utoipa::path(post, path = "/api/v1/emails/discard", tag = "emails", operation_id = "discardEmails", request_body = DiscardEmailsRequest,
    params(IdempotencyHeader),
    responses((status = 200, body = Matched)))]
pub(crate) async fn discard_matching(
    context: Context,
    posted: Posted<DiscardEmailsRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let (matching, state) = posted.body.into_parts();
    let command = DiscardMatching { matching, state };
    respond::answer(executor.execute(context.0, posted.key, command, matched).await?)
}

fn changed(view: EmailView) -> Result<StoredResponse, Error> {
    respond::changed(view.version, &view)
}

fn matched(matched: Matched) -> Result<StoredResponse, Error> {
    let body =
        serde_json::to_string(&matched).map_err(|cause| Error::Serialize { what: "an answer", cause })?;
    Ok(StoredResponse { status: 200, location: None, etag: None, body })
}
