//! The list. Its parameters are those of `GET /api/v1/orders/to-prepare`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::TenantDatabase;
use comptoir_core::commerce::orders::{self, OpenOrderSort, OpenOrderWithLines};

use crate::console::layout::{self, Page};
use crate::console::lists::{Address, Head, Turn, View};
use crate::console::names;
use crate::console::places::Places;
use crate::console::status::Status;
use crate::console::typography::Word;
use crate::console::visitor::Visitor;
use crate::console::words::{Orders, Shipping};
use crate::error::ApiError;
use crate::extract::ListQuery;
use crate::routes::fulfilment::OpenOrderFilters;

/// How many lines of an order are named.
const LINES_SHOWN: usize = 3;
/// How many warehouses can be chosen.
const WAREHOUSES: usize = 20;

type Query = ListQuery<OpenOrderFilters, OpenOrderSort>;

#[derive(Template)]
#[template(path = "console/preparation/list.html")]
struct ListPage {
    page: Page,
    w: &'static Shipping,
    csv: Address,
    views: Vec<View>,
    address: Address,
    own: &'static [&'static str],
    /// What the field of words is called.
    search: Word,
    words: String,
    cleared: Address,
    is_filtered: bool,
    heads: Vec<Head>,
    rows: Vec<Row>,
    turn: Turn,
}

struct Row {
    id: String,
    prefix: String,
    number: String,
    customer: String,
    promised: String,
    late: Option<Status>,
    /// The first lines: quantity and name.
    lines: Vec<String>,
    more: usize,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, address) = (Shipping::of(visitor.language), Address::of(&request));
    let Query { filter, page: wanted } = Query::parse(&address.query(&[]))?;
    let found = orders::to_prepare(&database, &visitor.context, &filter.into(), &wanted).await?;
    let customers = found.data.iter().map(|open| open.order.customer_id);
    let names = names::of_customers(&database, &visitor, customers).await?;
    let rows = found
        .data
        .iter()
        .map(|open| row(open, names.get(&open.order.customer_id).cloned().unwrap_or_default(), &visitor));
    let page = ListPage {
        page: visitor.page(w.to_prepare).about("order.*"),
        w,
        csv: address.export("/console/preparation.csv"),
        views: views(&address, &visitor, &database).await?,
        own: &["q"],
        search: Orders::of(visitor.language).search,
        words: address.get("q").unwrap_or_default().to_owned(),
        cleared: address.cleared(),
        // A warehouse where nothing is to be done is no filter that found nothing.
        is_filtered: address.get("q").is_some(),
        heads: [w.number, w.customer, w.promised, w.lines_left, w.prepare].map(Head::text).into(),
        rows: rows.collect(),
        turn: Turn::of(&address, found.next_cursor.as_deref(), found.count, &visitor.format),
        address,
    };
    layout::ok(&page)
}

fn row(open: &OpenOrderWithLines, customer: String, visitor: &Visitor) -> Row {
    let OpenOrderWithLines { order, lines } = open;
    let number = names::number(order.reference.clone(), order.external_id.clone(), order.id);
    let (prefix, number) = names::split(&number);
    // Of a product that is not kept in stock nothing is reserved: it was ordered, and some of it may have left.
    let line = |line: &orders::OpenLine| {
        let units = if line.stocked { line.reserved.value() } else { line.quantity.value() };
        format!("{} × {}", visitor.format.decimal(units), line.name)
    };
    let is_late = order.promised_on.is_some_and(|day| day.date() < visitor.format.today());
    Row {
        id: order.id.to_string(),
        prefix,
        number,
        customer,
        promised: order.promised_on.map(|day| visitor.format.business_day(day)).unwrap_or_default(),
        late: is_late.then(|| Status::late(Orders::of(visitor.language).late)),
        lines: lines.iter().take(LINES_SHOWN).map(line).collect(),
        more: lines.len().saturating_sub(LINES_SHOWN),
    }
}

/// A view a warehouse, where there is more than one.
async fn views(
    address: &Address,
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Vec<View>, ApiError> {
    let places = Places::of(visitor, database).await?;
    let warehouses: Vec<_> = places.in_use().take(WAREHOUSES).collect();
    if warehouses.len() < 2 {
        return Ok(Vec::new());
    }
    let w = Shipping::of(visitor.language);
    let of = |label: String, id: Option<String>| View {
        label,
        is_current: address.get("warehouse_id") == id.as_deref(),
        to: match &id {
            Some(id) => address.with("warehouse_id", id),
            None => address.without("warehouse_id"),
        },
        count: None,
        is_warning: false,
    };
    let all = of(w.all_warehouses.to_string(), None);
    let each =
        warehouses.into_iter().map(|warehouse| of(warehouse.name.clone(), Some(warehouse.id.to_string())));
    Ok(std::iter::once(all).chain(each).collect())
}
