//! The handlers, one function per operation.

use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::Utc;
use comptoir_core::application::TenantDatabase;
use comptoir_core::commerce::orders::{self, OpenOrder, OpenOrderFilter, OpenOrderSort, OpenOrderWithLines};
use comptoir_core::commerce::stock::{self, ProductValue, StockSort, StockValue};
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::business_date::BusinessDate;

use super::dto::{LateFilters, OpenOrderFilters, ValueFilters};
use crate::error::ApiError;
use crate::export;
use crate::extract::{Context, ListQuery, Query};
use crate::respond::{self, List};

/// Orders that can be shipped now, the oldest first
///
/// They are confirmed, and none of their lines waits for goods. With their lines, without prices. A page with more than 10,000 lines ends
/// earlier.
#[utoipa::path(get, path = "/api/v1/orders/to-prepare", tag = "orders", operation_id = "listOrdersToPrepare", params(OpenOrderFilters, ListQuery<OpenOrderFilters, OpenOrderSort>),
    responses((status = 200, body = List<OpenOrderWithLines>)))]
pub(crate) async fn to_prepare(
    context: Context,
    query: ListQuery<OpenOrderFilters, OpenOrderSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    Ok(respond::listed(orders::to_prepare(&database, &context.0, &query.filter.into(), &query.page).await?))
}

/// The same as CSV
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/orders/to-prepare.csv", tag = "orders", operation_id = "exportOrdersToPrepare", params(OpenOrderFilters),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export_to_prepare(
    context: Context,
    query: Query<OpenOrderFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let filter = OpenOrderFilter::from(query.0);
    Ok(export::csv("orders-to-prepare", move |page: PageRequest<OpenOrderSort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), filter.clone());
        async move { orders::to_prepare(&database, &context, &filter, &page).await }
    }))
}

/// Orders that wait for goods, the oldest first
///
/// That is the order in which they are served. With the lines that wait, without prices. A page with more than 10,000 lines ends earlier.
#[utoipa::path(get, path = "/api/v1/orders/back-orders", tag = "orders", operation_id = "listBackOrders", params(OpenOrderFilters, ListQuery<OpenOrderFilters, OpenOrderSort>),
    responses((status = 200, body = List<OpenOrderWithLines>)))]
pub(crate) async fn back_orders(
    context: Context,
    query: ListQuery<OpenOrderFilters, OpenOrderSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    Ok(respond::listed(orders::back_orders(&database, &context.0, &query.filter.into(), &query.page).await?))
}

/// The same as CSV
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/orders/back-orders.csv", tag = "orders", operation_id = "exportBackOrders", params(OpenOrderFilters),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export_back_orders(
    context: Context,
    query: Query<OpenOrderFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let filter = OpenOrderFilter::from(query.0);
    Ok(export::csv("back-orders", move |page: PageRequest<OpenOrderSort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), filter.clone());
        async move { orders::back_orders(&database, &context, &filter, &page).await }
    }))
}

/// Orders that have not left and are late, the oldest first
///
/// The day by which they were promised (`promised_on`) is over, by today in UTC. Of orders for which none was promised: they are older
/// than `days`. A page looks at 5,000 open orders at most: it may hold fewer than asked for, and have a next one.
#[utoipa::path(get, path = "/api/v1/orders/late", tag = "orders", operation_id = "listLateOrders", params(LateFilters, ListQuery<LateFilters, OpenOrderSort>),
    responses((status = 200, body = List<OpenOrder>)))]
pub(crate) async fn late(
    context: Context,
    query: ListQuery<LateFilters, OpenOrderSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (days, filter) = query.filter.parts();
    Ok(respond::listed(orders::late(&database, &context.0, &filter, days, &query.page).await?))
}

/// The same as CSV
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/orders/late.csv", tag = "orders", operation_id = "exportLateOrders", params(LateFilters),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export_late(
    context: Context,
    query: Query<LateFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (days, filter) = query.0.parts();
    Ok(export::csv("late-orders", move |page: PageRequest<OpenOrderSort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), filter.clone());
        async move { orders::late(&database, &context, &filter, days, &page).await }
    }))
}

/// What the stock was worth at a date
///
/// By warehouse, and overall: what was on hand by the dates of the business, at the average cost after the last movement of that day or
/// before. It reads the ledger up to then; if that takes longer than a request may, the answer is 503, and the list by product helps.
#[utoipa::path(get, path = "/api/v1/stock/value", tag = "stock", operation_id = "getStockValue", params(ValueFilters),
    responses((status = 200, body = StockValue)))]
pub(crate) async fn value(
    context: Context,
    query: Query<ValueFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let ValueFilters { on, warehouse_id } = query.0;
    let value = stock::value(&database, &context.0, on.unwrap_or_else(today), warehouse_id).await?;
    Ok(HttpResponse::Ok().json(value))
}

/// What the stock of each product was worth at a date, a page at a time
///
/// Of each warehouse. A page reads the movements of its products. Those of which nothing was on hand are left out, so a page may hold
/// fewer than asked for, and have a next one.
#[utoipa::path(get, path = "/api/v1/stock/value/products", tag = "stock", operation_id = "listStockValueByProduct", params(ValueFilters, ListQuery<ValueFilters, StockSort>),
    responses((status = 200, body = List<ProductValue>)))]
pub(crate) async fn value_by_product(
    context: Context,
    query: ListQuery<ValueFilters, StockSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let ValueFilters { on, warehouse_id } = query.filter;
    let on = on.unwrap_or_else(today);
    Ok(respond::listed(stock::value_by_product(&database, &context.0, on, warehouse_id, &query.page).await?))
}

/// What the stock of each product was worth at a date, as CSV
///
/// By SKU. Products of which nothing was on hand are left out.
#[utoipa::path(get, path = "/api/v1/stock/value.csv", tag = "stock", operation_id = "exportStockValue", params(ValueFilters),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export_value(
    context: Context,
    query: Query<ValueFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let ValueFilters { on, warehouse_id } = query.0;
    let on = on.unwrap_or_else(today);
    Ok(export::csv("stock-value", move |page: PageRequest<StockSort>| {
        let (database, context) = (database.clone(), context.0.clone());
        async move { stock::value_by_product(&database, &context, on, warehouse_id, &page).await }
    }))
}

fn today() -> BusinessDate {
    BusinessDate::of(Utc::now())
}
