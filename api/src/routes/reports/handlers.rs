//! The handlers, one function per operation.

use actix_web::HttpResponse;
use actix_web::web::Data;
use comptoir_core::application::TenantDatabase;
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::projections::{
    self, ActivityFilter, ActivitySort, ActivityView, DayFilter, DaySort, DayView, MonthFilter, MonthSort,
    MonthView, ProductFilter, ProductSales, ProductSort, ReceivableFilter, ReceivableSort, ReceivableView,
    TimelineFilter, TimelineSort, TimelineView,
};

use super::dto::{
    ActivityFilters, DayFilters, MonthFilters, ProductFilters, ReceivableFilters, TimelineFilters,
};
use crate::error::ApiError;
use crate::export;
use crate::extract::{Context, ListQuery, Query};
use crate::respond::{self, List};

/// What happened to orders, step by step
///
/// Kept from the events, a moment behind them.
#[utoipa::path(get, path = "/api/v1/reports/order-timelines", tag = "reports", operation_id = "listOrderTimelines", params(TimelineFilters, ListQuery<TimelineFilters, TimelineSort>),
    responses((status = 200, body = List<TimelineView>)))]
pub(crate) async fn order_timelines(
    context: Context,
    query: ListQuery<TimelineFilters, TimelineSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let page = projections::order_timelines(&database, &context.0, &query.filter.into(), &query.page).await?;
    Ok(respond::listed(page))
}

/// The same as CSV
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/reports/order-timelines.csv", tag = "reports", operation_id = "exportOrderTimelines", params(TimelineFilters),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export_order_timelines(
    context: Context,
    query: Query<TimelineFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let filter = TimelineFilter::from(query.0);
    Ok(export::csv("order-timelines", move |page: PageRequest<TimelineSort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), filter.clone());
        async move { projections::order_timelines(&database, &context, &filter, &page).await }
    }))
}

/// What was sold, day by day
///
/// Kept from the events, a moment behind them. An order counts on the day on which it was placed, UTC; a cancelled one among the
/// cancelled ones of that day.
#[utoipa::path(get, path = "/api/v1/reports/sales-by-day", tag = "reports", operation_id = "listSalesByDay", params(DayFilters, ListQuery<DayFilters, DaySort>),
    responses((status = 200, body = List<DayView>)))]
pub(crate) async fn sales_by_day(
    context: Context,
    query: ListQuery<DayFilters, DaySort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let page = projections::sales_by_day(&database, &context.0, &query.filter.into(), &query.page).await?;
    Ok(respond::listed(page))
}

/// The same as CSV
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/reports/sales-by-day.csv", tag = "reports", operation_id = "exportSalesByDay", params(DayFilters),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export_sales_by_day(
    context: Context,
    query: Query<DayFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let filter = DayFilter::from(query.0);
    Ok(export::csv("sales-by-day", move |page: PageRequest<DaySort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), filter.clone());
        async move { projections::sales_by_day(&database, &context, &filter, &page).await }
    }))
}

/// What was sold, by product
///
/// Kept from the events, a moment behind them. Products that nobody ordered have zeros.
#[utoipa::path(get, path = "/api/v1/reports/sales-by-product", tag = "reports", operation_id = "listSalesByProduct", params(ProductFilters, ListQuery<ProductFilters, ProductSort>),
    responses((status = 200, body = List<ProductSales>)))]
pub(crate) async fn sales_by_product(
    context: Context,
    query: ListQuery<ProductFilters, ProductSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let page =
        projections::sales_by_product(&database, &context.0, &query.filter.into(), &query.page).await?;
    Ok(respond::listed(page))
}

/// The same as CSV
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/reports/sales-by-product.csv", tag = "reports", operation_id = "exportSalesByProduct", params(ProductFilters),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export_sales_by_product(
    context: Context,
    query: Query<ProductFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let filter = ProductFilter::from(query.0);
    Ok(export::csv("sales-by-product", move |page: PageRequest<ProductSort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), filter.clone());
        async move { projections::sales_by_product(&database, &context, &filter, &page).await }
    }))
}

/// What customers ordered, and when something last happened
///
/// Kept from the events, a moment behind them. Customers without an order have zeros.
#[utoipa::path(get, path = "/api/v1/reports/customer-activity", tag = "reports", operation_id = "listCustomerActivity", params(ActivityFilters, ListQuery<ActivityFilters, ActivitySort>),
    responses((status = 200, body = List<ActivityView>)))]
pub(crate) async fn customer_activity(
    context: Context,
    query: ListQuery<ActivityFilters, ActivitySort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let page =
        projections::customer_activity(&database, &context.0, &query.filter.into(), &query.page).await?;
    Ok(respond::listed(page))
}

/// The same as CSV
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/reports/customer-activity.csv", tag = "reports", operation_id = "exportCustomerActivity", params(ActivityFilters),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export_customer_activity(
    context: Context,
    query: Query<ActivityFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let filter = ActivityFilter::from(query.0);
    Ok(export::csv("customer-activity", move |page: PageRequest<ActivitySort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), filter.clone());
        async move { projections::customer_activity(&database, &context, &filter, &page).await }
    }))
}

/// What was invoiced, by month and customer
///
/// Kept from the events, a moment behind them. By the dates on which documents were issued, less credit notes; deposits are no sales, but for their VAT.
#[utoipa::path(get, path = "/api/v1/reports/sales-by-month", tag = "reports", operation_id = "listSalesByMonth", params(MonthFilters, ListQuery<MonthFilters, MonthSort>),
    responses((status = 200, body = List<MonthView>)))]
pub(crate) async fn sales_by_month(
    context: Context,
    query: ListQuery<MonthFilters, MonthSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let page = projections::sales_by_month(&database, &context.0, &query.filter.into(), &query.page).await?;
    Ok(respond::listed(page))
}

/// The same as CSV
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/reports/sales-by-month.csv", tag = "reports", operation_id = "exportSalesByMonth", params(MonthFilters),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export_sales_by_month(
    context: Context,
    query: Query<MonthFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let filter = MonthFilter::from(query.0);
    Ok(export::csv("sales-by-month", move |page: PageRequest<MonthSort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), filter.clone());
        async move { projections::sales_by_month(&database, &context, &filter, &page).await }
    }))
}

/// What customers owe
///
/// Kept from the events, a moment behind them. Customers to whom nothing was invoiced, and who paid nothing, are not there.
#[utoipa::path(get, path = "/api/v1/reports/receivables", tag = "reports", operation_id = "listReceivables", params(ReceivableFilters, ListQuery<ReceivableFilters, ReceivableSort>),
    responses((status = 200, body = List<ReceivableView>)))]
pub(crate) async fn receivables(
    context: Context,
    query: ListQuery<ReceivableFilters, ReceivableSort>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let page = projections::receivables(&database, &context.0, &query.filter.into(), &query.page).await?;
    Ok(respond::listed(page))
}

/// The same as CSV
#[utoipa::path(description = export::DESCRIPTION, get, path = "/api/v1/reports/receivables.csv", tag = "reports", operation_id = "exportReceivables", params(ReceivableFilters),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub(crate) async fn export_receivables(
    context: Context,
    query: Query<ReceivableFilters>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let filter = ReceivableFilter::from(query.0);
    Ok(export::csv("receivables", move |page: PageRequest<ReceivableSort>| {
        let (database, context, filter) = (database.clone(), context.0.clone(), filter.clone());
        async move { projections::receivables(&database, &context, &filter, &page).await }
    }))
}
