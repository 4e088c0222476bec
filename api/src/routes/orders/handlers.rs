//! The handlers, one function per operation.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::orders::{
    self, AmendOrder, ApproveOrder, CancelOrder, CancelRest, ConfirmOrder, DeliverOrder, OrderSort,
    OrderView, PlaceOrder, ShipOrder,
};
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::ids::OrderId;

use super::dto::{
    CancelOrderRequest, ListedOrder, OrderFilters, OrderResponse, PlaceOrderRequest, ShipOrderRequest,
    UpdateOrderRequest,
};
use crate::error::ApiError;
use crate::export;
use crate::extract::{
    Context, Empty, ExportQuery, Id, IfMatch, IfMatchForSome, MergePatch, Posted, SearchQuery,
};
use crate::openapi::{IdParam, IdempotencyHeader, IfMatchHeader};
use crate::respond::{self, List};

/// Place an order
///
/// Goods of products that are kept in stock are reserved for it. If there are too few, it is refused, or with `back_order` waits. If the
/// customer's orders and invoices would come to more than their credit limit, it is refused, or placed and held until it is approved: the company's
/// `credit_limit_action` says which.
#[utoipa::path(post, path = "/api/v1/orders", tag = "orders", operation_id = "placeOrder", request_body = PlaceOrderRequest,
    params(IdempotencyHeader),
    responses((status = 201, body = OrderResponse, headers(("Location" = String), ("ETag" = String)))))]
pub(crate) async fn place(
    context: Context,
    posted: Posted<PlaceOrderRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let answer =
        executor.execute(context.0, posted.key, PlaceOrder::from(posted.body), |order: OrderView| {
            let location = format!("/api/v1/orders/{}", order.summary.id);
            respond::created(location, order.summary.version, &OrderResponse::from(order))
        });
    respond::answer(answer.await?)
}

/// Amend an order of which nothing has left
///
/// As long as it is pending or confirmed. A merge patch (RFC 7396): members that are missing stay as they are, null erases, and `lines`
/// is the whole new list. A line of it has the `position` of a present line, or the `product_id` of a new one, which is priced now.
/// Positions are those of one version: a patch that has `lines` needs `If-Match` (428 `precondition_required`).
/// What the order has less of, is free again; what it has more of, is reserved, or refused if there is too little, or with `back_order`
/// waits. If its total is raised, and passes the customer's credit limit, it is refused, or held until it is approved, as a new order.
#[utoipa::path(patch, path = "/api/v1/orders/{id}", tag = "orders", operation_id = "updateOrder",
    request_body = UpdateOrderRequest, params(IdParam, IfMatchHeader),
    responses((status = 200, body = OrderResponse, headers(("ETag" = String)))))]
pub(crate) async fn update(
    context: Context,
    id: Id<OrderId>,
    expected: IfMatchForSome,
    body: MergePatch<UpdateOrderRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let expected_version = expected.version(body.has("lines"))?;
    let command = AmendOrder { id: id.0, expected_version, edit: body.edit() };
    respond::answer(executor.execute(context.0, None, command, changed).await?)
}

/// Approve an order that passes its customer's credit limit
///
/// It was held for that, and can be confirmed and shipped now.
#[utoipa::path(post, path = "/api/v1/orders/{id}/approve", tag = "orders", operation_id = "approveOrder", request_body = Option<Empty>,
    params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = OrderResponse, headers(("ETag" = String)))))]
pub(crate) async fn approve(
    context: Context,
    id: Id<OrderId>,
    expected: IfMatch,
    posted: Posted<Empty>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let command = ApproveOrder { id: id.0, expected_version: expected.0 };
    respond::answer(executor.execute(context.0, posted.key, command, changed).await?)
}

/// Confirm a pending order
#[utoipa::path(post, path = "/api/v1/orders/{id}/confirm", tag = "orders", operation_id = "confirmOrder", request_body = Option<Empty>,
    params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = OrderResponse, headers(("ETag" = String)))))]
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
///
/// The goods that are reserved for it leave the stock. It is shipped as a whole: as long as a line waits for goods, it is refused.
#[utoipa::path(post, path = "/api/v1/orders/{id}/ship", tag = "orders", operation_id = "shipOrder", request_body = Option<ShipOrderRequest>,
    params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = OrderResponse, headers(("ETag" = String)))))]
pub(crate) async fn ship(
    context: Context,
    id: Id<OrderId>,
    expected: IfMatch,
    posted: Posted<ShipOrderRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let ShipOrderRequest { tracking_number, shipped_on } = posted.body;
    let command = ShipOrder { id: id.0, expected_version: expected.0, tracking_number, shipped_on };
    respond::answer(executor.execute(context.0, posted.key, command, changed).await?)
}

/// Note that a shipped order has arrived
#[utoipa::path(post, path = "/api/v1/orders/{id}/deliver", tag = "orders", operation_id = "deliverOrder", request_body = Option<Empty>,
    params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = OrderResponse, headers(("ETag" = String)))))]
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
///
/// What was reserved for it is free again.
#[utoipa::path(post, path = "/api/v1/orders/{id}/cancel", tag = "orders", operation_id = "cancelOrder", request_body = CancelOrderRequest,
    params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = OrderResponse, headers(("ETag" = String)))))]
pub(crate) async fn cancel(
    context: Context,
    id: Id<OrderId>,
    expected: IfMatch,
    posted: Posted<CancelOrderRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let reason = posted.body.reason;
    let command = CancelOrder { id: id.0, expected_version: expected.0, reason };
    respond::answer(executor.execute(context.0, posted.key, command, changed).await?)
}

/// Cancel what has not left of an order
///
/// If something has left, the order is shipped with that; otherwise it is cancelled.
#[utoipa::path(post, path = "/api/v1/orders/{id}/cancel-rest", tag = "orders", operation_id = "cancelRestOfOrder", request_body = CancelOrderRequest,
    params(IdParam, IfMatchHeader, IdempotencyHeader),
    responses((status = 200, body = OrderResponse, headers(("ETag" = String)))))]
pub(crate) async fn cancel_rest(
    context: Context,
    id: Id<OrderId>,
    expected: IfMatch,
    posted: Posted<CancelOrderRequest>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let reason = posted.body.reason;
    let command = CancelRest { id: id.0, expected_version: expected.0, reason };
    respond::answer(executor.execute(context.0, posted.key, command, changed).await?)
}

/// One order with its lines
#[utoipa::path(get, path = "/api/v1/orders/{id}", tag = "orders", operation_id = "getOrder", params(IdParam),
    responses((status = 200, body = OrderResponse, headers(("ETag" = String))), (status = 304)))]
pub(crate) async fn get(
    request: HttpRequest,
    context: Context,
    id: Id<OrderId>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let order = orders::get(&database, &context.0, id.0).await?;
    Ok(respond::found(&request, order.summary.version, &OrderResponse::from(order)))
}

/// Orders, a page at a time
#[utoipa::path(get, path = "/api/v1/orders", tag = "orders", operation_id = "listOrders", params(SearchQuery<OrderFilters, OrderSort>),
    responses((status = 200, body = List<ListedOrder>)))]
pub(crate) async fn list(
    context: Context,
    query: SearchQuery<OrderFilters, OrderSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let SearchQuery { filter, include, page } = query;
    let page = match include {
        Some(_) => {
            orders::list_with_lines(&database, &context.0, &filter, &page).await?.map(ListedOrder::from)
        }
        None => orders::list(&database, &context.0, &filter, &page).await?.map(ListedOrder::from),
    };
    Ok(respond::listed(page))
}

/// The same as CSV, newest first
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/orders.csv", tag = "orders", operation_id = "exportOrders", params(ExportQuery<OrderFilters>),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export(
    context: Context,
    query: ExportQuery<OrderFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    Ok(export::csv("orders", move |page: PageRequest<OrderSort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), query.0.clone());
        async move { orders::list(&database, &context, &filter, &page).await }
    }))
}

fn changed(order: OrderView) -> Result<StoredResponse, Error> {
    respond::changed(order.summary.version, &OrderResponse::from(order))
}
