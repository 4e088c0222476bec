//! The handlers, one function per operation.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::orders::{
    self, CancelOrder, ConfirmOrder, DeliverOrder, OrderSummary, OrderView, ShipOrder,
};
use comptoir_core::values::ids::OrderId;

use super::dto::{CancelOrderRequest, OrderQuery, OrderResponse, PlaceOrderRequest, ShipOrderRequest};
use crate::error::ApiError;
use crate::extract::{Context, Empty, Id, IfMatch, Posted, Query};
use crate::openapi::{CommandProblems, IdParam, IdempotencyHeader, IfMatchHeader, QueryProblems};
use crate::respond::{self, List};

/// Place an order
#[utoipa::path(post, path = "/api/v1/orders", tag = "orders", request_body = PlaceOrderRequest,
    params(IdempotencyHeader),
    responses((status = 201, body = OrderResponse, headers(("Location" = String), ("ETag" = String))), CommandProblems))]
pub(crate) async fn place(
    context: Context,
    posted: Posted<PlaceOrderRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = posted.body.into_command().map_err(ApiError::invalid)?;
    let answer = executor.execute(context.0, posted.key, command, |order: OrderView| {
        let location = format!("/api/v1/orders/{}", order.summary.id);
        respond::created(location, order.summary.version, &OrderResponse::from(order))
    });
    respond::answer(answer.await?)
}

/// Confirm a pending order
#[utoipa::path(post, path = "/api/v1/orders/{id}/confirm", tag = "orders", request_body = Option<Empty>,
    params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = OrderResponse, headers(("ETag" = String))), CommandProblems))]
pub(crate) async fn confirm(
    context: Context,
    id: Id<OrderId>,
    expected: IfMatch,
    posted: Posted<Empty>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = ConfirmOrder { id: id.0, expected_version: expected.0 };
    respond::answer(executor.execute(context.0, posted.key, command, changed).await?)
}

/// Ship a confirmed order
#[utoipa::path(post, path = "/api/v1/orders/{id}/ship", tag = "orders", request_body = ShipOrderRequest,
    params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = OrderResponse, headers(("ETag" = String))), CommandProblems))]
pub(crate) async fn ship(
    context: Context,
    id: Id<OrderId>,
    expected: IfMatch,
    posted: Posted<ShipOrderRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let tracking_number = posted.body.parse().map_err(ApiError::invalid)?;
    let command = ShipOrder { id: id.0, expected_version: expected.0, tracking_number };
    respond::answer(executor.execute(context.0, posted.key, command, changed).await?)
}

/// Note that a shipped order has arrived
#[utoipa::path(post, path = "/api/v1/orders/{id}/deliver", tag = "orders", request_body = Option<Empty>,
    params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = OrderResponse, headers(("ETag" = String))), CommandProblems))]
pub(crate) async fn deliver(
    context: Context,
    id: Id<OrderId>,
    expected: IfMatch,
    posted: Posted<Empty>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = DeliverOrder { id: id.0, expected_version: expected.0 };
    respond::answer(executor.execute(context.0, posted.key, command, changed).await?)
}

/// Cancel an order that has not been shipped
#[utoipa::path(post, path = "/api/v1/orders/{id}/cancel", tag = "orders", request_body = CancelOrderRequest,
    params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = OrderResponse, headers(("ETag" = String))), CommandProblems))]
pub(crate) async fn cancel(
    context: Context,
    id: Id<OrderId>,
    expected: IfMatch,
    posted: Posted<CancelOrderRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let reason = posted.body.parse().map_err(ApiError::invalid)?;
    let command = CancelOrder { id: id.0, expected_version: expected.0, reason };
    respond::answer(executor.execute(context.0, posted.key, command, changed).await?)
}

/// One order with its lines
#[utoipa::path(get, path = "/api/v1/orders/{id}", tag = "orders", params(IdParam),
    responses((status = 200, body = OrderResponse, headers(("ETag" = String))), (status = 304), QueryProblems))]
pub(crate) async fn get(
    request: HttpRequest,
    context: Context,
    id: Id<OrderId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let order = orders::get(&database, &context.0, id.0).await?;
    Ok(respond::found(&request, order.summary.version, &OrderResponse::from(order)))
}

/// Orders without their lines, a page at a time
#[utoipa::path(get, path = "/api/v1/orders", tag = "orders", params(OrderQuery),
    responses((status = 200, body = List<OrderSummary>), QueryProblems))]
pub(crate) async fn list(
    context: Context,
    query: Query<OrderQuery>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (filter, page) = query.0.parse().map_err(ApiError::invalid)?;
    Ok(respond::listed(orders::list(&database, &context.0, &filter, &page).await?))
}

fn changed(order: OrderView) -> Result<StoredResponse, Error> {
    respond::changed(order.summary.version, &OrderResponse::from(order))
}
