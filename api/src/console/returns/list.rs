//! The list of returns. Its parameters are those of `GET /api/v1/returns`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::TenantDatabase;
use comptoir_core::commerce::returns::{self, ReturnFilter, ReturnSort, ReturnSummary};
use comptoir_core::platform::paging::PageRequest;

use crate::console::layout::{self, Page};
use crate::console::lists::{Address, Chip, Head, Turn};
use crate::console::names::{self, NamedOrder};
use crate::console::visitor::Visitor;
use crate::console::words::Returns;
use crate::error::ApiError;
use crate::export;
use crate::extract::ListQuery;
use crate::routes::returns::ReturnFilters;

const PATH: &str = "/console/returns";

type Query = ListQuery<ReturnFilters, ReturnSort>;

#[derive(Template)]
#[template(path = "console/returns/list.html")]
struct ListPage {
    page: Page,
    w: &'static Returns,
    csv: Address,
    chips: Vec<Chip>,
    cleared: Address,
    heads: Vec<Head>,
    rows: Vec<Row>,
    is_filtered: bool,
    turn: Turn,
}

struct Row {
    id: String,
    label: String,
    order_id: String,
    prefix: String,
    number: String,
    customer: String,
    received: String,
    reason: String,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, address) = (Returns::of(visitor.language), Address::of(&request));
    let Query { filter, page: wanted } = Query::parse(&address.query(&[]))?;
    let found = returns::list(&database, &visitor.context, &ReturnFilter::from(filter), &wanted).await?;
    let orders = names::of_orders(&database, &visitor, found.data.iter().map(|one| one.order_id)).await?;
    let rows = found.data.iter().map(|one| row(one, orders.get(&one.order_id), &visitor));
    let chips = address
        .get("order_id")
        .map(|_| Chip { label: w.order_chip.to_string(), without: address.without("order_id") });
    let page = ListPage {
        page: visitor.page(w.title).about("return.*"),
        w,
        csv: address.export("/console/returns.csv"),
        chips: chips.into_iter().collect(),
        cleared: address.cleared(),
        heads: vec![
            Head::text(w.a_return),
            Head::text(w.order),
            Head::text(w.customer),
            Head::sortable(w.received_on, "created_at", &address, "-created_at"),
            Head::text(w.reason),
        ],
        rows: rows.collect(),
        is_filtered: !address.cleared().is_same_list(&address),
        turn: Turn::of(&address, found.next_cursor.as_deref(), found.count, &visitor.format),
    };
    layout::ok(&page)
}

fn row(one: &ReturnSummary, order: Option<&NamedOrder>, visitor: &Visitor) -> Row {
    let (prefix, number) = order.map(|order| names::split(&order.number)).unwrap_or_default();
    Row {
        id: one.id.to_string(),
        label: one.reference.clone().unwrap_or_else(|| Returns::of(visitor.language).a_return.to_string()),
        order_id: one.order_id.to_string(),
        prefix,
        number,
        customer: order.map(|order| order.customer.clone()).unwrap_or_default(),
        received: visitor.format.business_day(one.received_on),
        reason: one.reason.clone(),
    }
}

pub(super) async fn export(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let address = Address::of(&request).export(PATH);
    let filter = ReturnFilter::from(Query::parse(&address.query(&[]))?.filter);
    let context = visitor.context;
    Ok(export::csv("returns", move |page: PageRequest<ReturnSort>| {
        let (database, context, filter) = (database.clone(), context.clone(), filter.clone());
        async move { returns::list(&database, &context, &filter, &page).await }
    }))
}
