//! The handlers, one function per operation.

use actix_web::HttpResponse;
use actix_web::web::Data;
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::returns::{self, ReturnFilter, ReturnSort, ReturnSummary, ReturnView};
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::ids::{OrderId, ReturnId};

use super::dto::{ReceiveReturnRequest, ReturnFilters};
use crate::error::ApiError;
use crate::export;
use crate::extract::{Context, Id, IfMatch, ListQuery, Posted, Query};
use crate::openapi::{IdParam, IdempotencyHeader, IfMatchHeader};
use crate::respond::{self, List};

/// Take goods of an order back
///
/// `If-Match` is the version of the order. What can be sold again is given to orders that wait for it; what cannot is written off.
#[utoipa::path(post, path = "/api/v1/orders/{id}/returns", tag = "returns", operation_id = "receiveReturn",
    request_body = ReceiveReturnRequest, params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 201, body = ReturnView, headers(("Location" = String)))))]
pub(crate) async fn receive(
    context: Context,
    id: Id<OrderId>,
    expected: IfMatch,
    posted: Posted<ReceiveReturnRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = posted.body.into_command(id.0, expected.0);
    let answer = executor.execute(context.0, posted.key, command, |view: ReturnView| {
        respond::made(format!("/api/v1/returns/{}", view.summary.id), &view)
    });
    respond::answer(answer.await?)
}

/// Returns, a page at a time
#[utoipa::path(get, path = "/api/v1/returns", tag = "returns", operation_id = "listReturns", params(ReturnFilters, ListQuery<ReturnFilters, ReturnSort>),
    responses((status = 200, body = List<ReturnSummary>)))]
pub(crate) async fn list(
    context: Context,
    query: ListQuery<ReturnFilters, ReturnSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let page = returns::list(&database, &context.0, &query.filter.into(), &query.page).await?;
    Ok(respond::listed(page))
}

/// The same as CSV, newest first
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/returns.csv", tag = "returns", operation_id = "exportReturns", params(ReturnFilters),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export(
    context: Context,
    query: Query<ReturnFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let filter = ReturnFilter::from(query.0);
    Ok(export::csv("returns", move |page: PageRequest<ReturnSort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), filter.clone());
        async move { returns::list(&database, &context, &filter, &page).await }
    }))
}

/// One return with its lines
#[utoipa::path(get, path = "/api/v1/returns/{id}", tag = "returns", operation_id = "getReturn", params(IdParam),
    responses((status = 200, body = ReturnView)))]
pub(crate) async fn get(
    context: Context,
    id: Id<ReturnId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let found = returns::get(&database, &context.0, id.0).await?;
    Ok(HttpResponse::Ok().json(found))
}
