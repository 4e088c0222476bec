//! The handlers, one function per operation.

use actix_web::HttpResponse;
use actix_web::web::Data;
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::context::RequestContext;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::projections::{self, DecideMessage, Decision, MessageFilter, MessageSort, MessageView};
use uuid::Uuid;

use super::dto::MessageFilters;
use crate::error::ApiError;
use crate::export;
use crate::extract::{Context, Empty, Id, ListQuery, Posted, Query};
use crate::openapi::{IdParam, IdempotencyHeader};
use crate::respond::{self, List};

/// Events that arrived for the reports, a page at a time
///
/// Those with state `dead` failed too often, and hold the later events of their aggregate: they are yours to decide about.
#[utoipa::path(get, path = "/api/v1/projection-events", tag = "reports", operation_id = "listProjectionEvents", params(MessageFilters, ListQuery<MessageFilters, MessageSort>),
    responses((status = 200, body = List<MessageView>)))]
pub(crate) async fn list(
    context: Context,
    query: ListQuery<MessageFilters, MessageSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let page = projections::list(&database, &context.0, &query.filter.into(), &query.page).await?;
    Ok(respond::listed(page))
}

/// The same as CSV, newest first
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/projection-events.csv", tag = "reports", operation_id = "exportProjectionEvents", params(MessageFilters),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export(
    context: Context,
    query: Query<MessageFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let filter = MessageFilter::from(query.0);
    Ok(export::csv("projection-events", move |page: PageRequest<MessageSort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), filter.clone());
        async move { projections::list(&database, &context, &filter, &page).await }
    }))
}

/// One event that arrived for the reports
#[utoipa::path(get, path = "/api/v1/projection-events/{id}", tag = "reports", operation_id = "getProjectionEvent", params(IdParam),
    responses((status = 200, body = MessageView)))]
pub(crate) async fn get(
    context: Context,
    id: Id<Uuid>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(projections::get(&database, &context.0, id.0).await?))
}

/// Try an event again
///
/// At once, and as often as a new one. The later events of its aggregate follow it.
#[utoipa::path(post, path = "/api/v1/projection-events/{id}/requeue", tag = "reports", operation_id = "requeueProjectionEvent", request_body(content = Option<Empty>),
    params(IdParam, IdempotencyHeader), responses((status = 200, body = MessageView)))]
pub(crate) async fn requeue(
    context: Context,
    id: Id<Uuid>,
    posted: Posted<Empty>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    decide(context.0, id.0, Decision::Requeue, posted, &executor).await
}

/// Pass over an event
///
/// It is not applied, and the later events of its aggregate go on. What it said is missing in the reports until they are built anew.
#[utoipa::path(post, path = "/api/v1/projection-events/{id}/discard", tag = "reports", operation_id = "discardProjectionEvent", request_body(content = Option<Empty>),
    params(IdParam, IdempotencyHeader), responses((status = 200, body = MessageView)))]
pub(crate) async fn discard(
    context: Context,
    id: Id<Uuid>,
    posted: Posted<Empty>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    decide(context.0, id.0, Decision::Discard, posted, &executor).await
}

async fn decide(
    context: RequestContext,
    id: Uuid,
    decision: Decision,
    posted: Posted<Empty>,
    executor: &Executor,
) -> Result<HttpResponse, ApiError> {
    let command = DecideMessage { id, decision };
    let answer = executor.execute(context, posted.key, command, |view: MessageView| respond::done(&view));
    respond::answer(answer.await?)
}
