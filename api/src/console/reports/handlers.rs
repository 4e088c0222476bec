//! Sales by day, by product and by customer. Their parameters are those of `GET /api/v1/reports/…`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::TenantDatabase;
use comptoir_core::platform::paging::{Period, SortKey};
use comptoir_core::projections::{self, ActivityFilter, DayFilter, ProductFilter};

use super::rank::{self, OF_REPORT, Rank};
use super::table::{Row, TablePage, number, reports, text};
use crate::console::layout;
use crate::console::lists::{Address, Head, Turn};
use crate::console::typography::Word;
use crate::console::visitor::Visitor;
use crate::console::words::Accounting;
use crate::error::ApiError;
use crate::extract::{ListQuery, NoFilters};

const DAYS: &str = "/console/reports";
const PRODUCTS: &str = "/console/reports/products";
const CUSTOMERS: &str = "/console/reports/customers";

/// Which page of a list the address asks for.
fn wanted<K: SortKey>(address: &Address) -> Result<ListQuery<NoFilters, K>, ApiError> {
    ListQuery::parse(&address.query(&[]))
}

/// The bars stand above the first page of a table, and not above the others.
fn is_first(address: &Address) -> bool {
    address.get("cursor").is_none()
}

/// A report with its rows.
fn page(
    (title, hint, at): (Word, Word, &'static str),
    csv: &str,
    rank: Option<Rank>,
    (heads, rows, turn): (Vec<Head>, Vec<Row>, Turn),
    address: &Address,
    visitor: &Visitor,
) -> Result<HttpResponse, ApiError> {
    let page = TablePage {
        page: visitor.page(title),
        w: Accounting::of(visitor.language),
        reports: reports(at, visitor),
        views: Vec::new(),
        csv: Some(address.export(csv)),
        days: None,
        by: None,
        action: at,
        hint: hint.to_string(),
        rank: rank.filter(|rank| !rank.bars.is_empty()),
        heads,
        rows,
        sum: None,
        turn: Some(turn),
    };
    layout::ok(&page)
}

pub(super) async fn by_day(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, address, format) = (Accounting::of(visitor.language), Address::of(&request), visitor.format);
    let filter = DayFilter { period: Period { from: None, before: None } };
    let query = wanted(&address)?;
    let found = projections::sales_by_day(&database, &visitor.context, &filter, &query.page).await?;
    let row = |day: &projections::DayView| Row {
        label: format.day(day.day),
        to: None,
        cells: vec![
            number(format.whole(day.orders)),
            number(format.whole(day.cancelled_orders)),
            number(format.money(&day.net_total, &day.currency)),
            number(format.money(&day.vat_total, &day.currency)),
            number(format.money(&day.gross_total, &day.currency)),
        ],
    };
    let rows = found.data.iter().map(row).collect();
    let numbers = [w.orders, w.cancelled, w.net, w.vat, w.gross].map(Head::number);
    let heads = std::iter::once(Head::text(w.day)).chain(numbers).collect();
    let turn = Turn::of(&address, found.next_cursor.as_deref(), found.count, &format);
    page(
        (w.by_day, w.by_day_hint, DAYS),
        "/console/reports/days.csv",
        None,
        (heads, rows, turn),
        &address,
        &visitor,
    )
}

pub(super) async fn by_product(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, address, format) = (Accounting::of(visitor.language), Address::of(&request), visitor.format);
    let filter = ProductFilter { product_id: None };
    let query = wanted(&address)?;
    let found = projections::sales_by_product(&database, &visitor.context, &filter, &query.page).await?;
    let row = |one: &projections::ProductSales| Row {
        label: one.name.clone(),
        to: None,
        cells: vec![
            text(&one.sku),
            number(format.whole(one.orders)),
            number(
                one.quantity.parse().map_or_else(|_| one.quantity.clone(), |value| format.decimal(&value)),
            ),
            number(format.money(&one.net_total, one.currency.as_deref().unwrap_or(&visitor.tenant.currency))),
        ],
    };
    let rows = found.data.iter().map(row).collect();
    let heads = vec![Head::text(w.product), Head::text(w.code)];
    let heads = heads.into_iter().chain([w.orders, w.quantity, w.net].map(Head::number)).collect();
    let turn = Turn::of(&address, found.next_cursor.as_deref(), found.count, &format);
    let rank = if is_first(&address) {
        Some(rank::of_products(&visitor, &database, OF_REPORT).await?)
    } else {
        None
    };
    let title = (w.by_product, w.by_product_hint, PRODUCTS);
    page(title, "/console/reports/products.csv", rank, (heads, rows, turn), &address, &visitor)
}

pub(super) async fn by_customer(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, address, format) = (Accounting::of(visitor.language), Address::of(&request), visitor.format);
    let filter = ActivityFilter { customer_id: None };
    let query = wanted(&address)?;
    let found = projections::customer_activity(&database, &visitor.context, &filter, &query.page).await?;
    let row = |one: &projections::ActivityView| Row {
        label: one.name.clone().unwrap_or_else(|| one.customer_id.to_string()),
        to: Some(format!("/console/invoices?customer_id={}", one.customer_id)),
        cells: vec![
            text(one.code.as_deref().unwrap_or_default()),
            number(format.whole(one.orders)),
            number(
                format.money(&one.gross_total, one.currency.as_deref().unwrap_or(&visitor.tenant.currency)),
            ),
            text(one.last_order_at.map(|at| format.long(at).shown).unwrap_or_default()),
        ],
    };
    let rows = found.data.iter().map(row).collect();
    let heads = vec![
        Head::text(w.customer),
        Head::text(w.code),
        Head::number(w.orders),
        Head::number(w.gross),
        Head::text(w.last_order),
    ];
    let turn = Turn::of(&address, found.next_cursor.as_deref(), found.count, &format);
    let rank = if is_first(&address) {
        Some(rank::of_customers(&visitor, &database, OF_REPORT).await?)
    } else {
        None
    };
    let title = (w.by_customer, w.by_customer_hint, CUSTOMERS);
    page(title, "/console/reports/customers.csv", rank, (heads, rows, turn), &address, &visitor)
}
