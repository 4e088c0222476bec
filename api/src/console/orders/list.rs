//! The list of orders. Its parameters are those of `GET /api/v1/orders`, and two days in the company's time zone.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use chrono::NaiveDate;
use comptoir_core::application::listing::Selection;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::orders::{self, OrderFilter, OrderSort, OrderStatus, OrderSummary};
use comptoir_core::platform::paging::{Count, PageRequest, SortKey};

use super::{late, state};
use crate::console::format::Moment;
use crate::console::layout::{self, Page};
use crate::console::lists::{Address, Chip, Head, Turn, View, first};
use crate::console::names;
use crate::console::status::Status;
use crate::console::visitor::Visitor;
use crate::console::words::Orders;
use crate::error::ApiError;
use crate::export;
use crate::extract::SearchQuery;
use crate::routes::orders::OrderFilters;

const PATH: &str = "/console/orders";
/// The fields of the form of filters, which keeps the other parameters.
const FIELDS: &[&str] = &["q", "since", "before"];

type Query = SearchQuery<OrderFilters, OrderSort>;

#[derive(Template)]
#[template(path = "console/orders/list.html")]
struct ListPage {
    page: Page,
    w: &'static Orders,
    csv: Address,
    views: Vec<View>,
    address: Address,
    own: &'static [&'static str],
    words: String,
    since: String,
    before: String,
    chips: Vec<Chip>,
    cleared: Address,
    heads: Vec<Head>,
    rows: Vec<Row>,
    is_filtered: bool,
    shows_prices: bool,
    turn: Turn,
}

struct Row {
    id: String,
    prefix: String,
    number: String,
    customer: String,
    placed: Moment,
    promised: String,
    status: Status,
    /// Empty for whoever may not see prices.
    gross: String,
}

/// Reads the parameters of the address.
fn query(address: &Address, visitor: &Visitor) -> Result<Query, ApiError> {
    let day = |name: &str| address.get(name).and_then(|text| text.parse::<NaiveDate>().ok());
    let at = |day: NaiveDate| visitor.format.beginning(day).to_rfc3339();
    let since = day("since").map(|day| ("placed_from", at(day)));
    // The day itself is not in it, as the word says.
    let before = day("before").map(|day| ("placed_before", at(day)));
    let more: Vec<_> = since.into_iter().chain(before).collect();
    let mut query = Query::parse(&address.query(&more))?;
    query.filter.selection.counted = true;
    Ok(query)
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, address) = (Orders::of(visitor.language), Address::of(&request));
    let Query { filter, page: wanted, .. } = query(&address, &visitor)?;
    let found = orders::list(&database, &visitor.context, &filter, &wanted).await?;
    let names =
        names::of_customers(&database, &visitor, found.data.iter().map(|order| order.customer_id)).await?;
    let rows = found
        .data
        .iter()
        .map(|order| row(order, names.get(&order.customer_id).cloned().unwrap_or_default(), &visitor));
    let shows_prices = visitor.may(Permission::OrdersPrices);
    let page = ListPage {
        page: visitor.page(w.title).about("order.*"),
        w,
        csv: address.export("/console/orders.csv"),
        views: views(&address, &visitor, &database).await?,
        own: FIELDS,
        words: address.get("q").unwrap_or_default().to_owned(),
        since: address.get("since").unwrap_or_default().to_owned(),
        before: address.get("before").unwrap_or_default().to_owned(),
        chips: chips(&address, &visitor),
        cleared: address.cleared(),
        heads: heads(&address, shows_prices, w),
        rows: rows.collect(),
        is_filtered: !address.cleared().is_same_list(&address),
        shows_prices,
        turn: Turn::of(&address, found.next_cursor.as_deref(), found.count, &visitor.format),
        address,
    };
    layout::ok(&page)
}

fn row(order: &OrderSummary, customer: String, visitor: &Visitor) -> Row {
    let format = &visitor.format;
    let (prefix, number) = names::split(&state::number(order));
    Row {
        id: order.id.to_string(),
        prefix,
        number,
        customer,
        placed: format.short(order.placed_at),
        promised: order.promised_on.map(|day| format.business_day(day)).unwrap_or_default(),
        status: state::listed(order, format.today(), Orders::of(visitor.language)),
        gross: order
            .gross_total
            .as_ref()
            .map(|total| format.money(total, &order.currency))
            .unwrap_or_default(),
    }
}

fn heads(address: &Address, shows_prices: bool, w: &'static Orders) -> Vec<Head> {
    let sortable = |label, key| Head::sortable(label, key, address, OrderSort::DEFAULT);
    let mut heads = vec![
        Head::text(w.number),
        Head::text(w.customer),
        sortable(w.placed_at, "placed_at"),
        Head::text(w.promised),
        Head::text(w.state),
    ];
    if shows_prices {
        heads.push(Head::number(w.gross));
    }
    heads
}

/// The ways to look at orders. Counts are of what needs somebody.
async fn views(
    address: &Address,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Vec<View>, ApiError> {
    let w = Orders::of(visitor.language);
    let pending = OrderFilter { statuses: vec![OrderStatus::Pending], ..OrderFilter::default() };
    let pending = counted(pending, visitor, database).await?;
    let held = counted(OrderFilter { held: true, ..OrderFilter::default() }, visitor, database).await?;
    // Counts mean work: nothing to do has none.
    let shown = |count: Option<Count>| {
        count.filter(|count| count.value > 0).map(|count| visitor.format.count(count.value, count.exact))
    };
    let base = address.without("status").without("held");
    let of = |label: crate::console::typography::Word, status: OrderStatus, count| View {
        label: label.to_string(),
        to: base.with("status", status.as_str()),
        is_current: address.is("status", status.as_str()),
        count,
        is_warning: false,
    };
    Ok(vec![
        View {
            label: w.all.to_string(),
            to: base.clone(),
            is_current: address.get("status").is_none() && address.get("held").is_none(),
            count: None,
            is_warning: false,
        },
        of(w.to_confirm, OrderStatus::Pending, shown(pending)),
        of(w.to_prepare, OrderStatus::Confirmed, None),
        View {
            label: w.held_view.to_string(),
            to: base.with("held", "true"),
            is_current: address.is("held", "true"),
            count: shown(held),
            is_warning: held.is_some_and(|count| count.value > 0),
        },
        View {
            label: w.late.to_string(),
            to: Address::at(late::PATH),
            is_current: false,
            count: None,
            is_warning: false,
        },
        of(w.shipped_view, OrderStatus::Shipped, None),
        of(w.cancelled_view, OrderStatus::Cancelled, None),
    ])
}

async fn counted(
    filter: OrderFilter,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Option<Count>, ApiError> {
    let filter = OrderFilter { selection: Selection { counted: true, ..Selection::default() }, ..filter };
    Ok(orders::list(database, &visitor.context, &filter, &first(1)?).await?.count)
}

fn chips(address: &Address, visitor: &Visitor) -> Vec<Chip> {
    let w = Orders::of(visitor.language);
    let day = |name: &str| address.get(name)?.parse::<NaiveDate>().ok();
    let of_day = |name: &'static str, label: crate::console::typography::Word| {
        let day = day(name)?;
        Some(Chip { label: format!("{label} {}", visitor.format.day(day)), without: address.without(name) })
    };
    let customer = address
        .get("customer_id")
        .map(|_| Chip { label: w.customer_chip.to_string(), without: address.without("customer_id") });
    of_day("since", w.since).into_iter().chain(of_day("before", w.before)).chain(customer).collect()
}

pub(super) async fn export(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let address = Address::of(&request).export(PATH);
    let mut filter = query(&address, &visitor)?.filter;
    filter.selection.counted = false;
    let context = visitor.context;
    Ok(export::csv("orders", move |page: PageRequest<OrderSort>| {
        let (database, context, filter) = (database.clone(), context.clone(), filter.clone());
        async move { orders::list(&database, &context, &filter, &page).await }
    }))
}
