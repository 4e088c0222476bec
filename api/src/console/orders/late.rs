//! The orders that are late, the oldest first. Its parameters are those of `GET /api/v1/orders/late`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::TenantDatabase;
use comptoir_core::commerce::orders::{self, OpenOrder, OpenOrderSort, OrderStatus};

use crate::console::layout;
use crate::console::lists::{Address, Head, Turn};
use crate::console::names;
use crate::console::parts::{Cell, Link, ListPage, Row, Select};
use crate::console::places::Places;
use crate::console::status::Status;
use crate::console::visitor::Visitor;
use crate::console::words::{Orders, Stock};
use crate::error::ApiError;
use crate::extract::ListQuery;
use crate::routes::fulfilment::LateFilters;

pub(super) const PATH: &str = "/console/orders/late";

type Query = ListQuery<LateFilters, OpenOrderSort>;

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, address) = (Orders::of(visitor.language), Address::of(&request));
    let Query { filter, page: wanted } = Query::parse(&address.query(&[]))?;
    let (days, filter) = filter.parts();
    let found = orders::late(&database, &visitor.context, &filter, days, &wanted).await?;
    let customers = found.data.iter().map(|order| order.customer_id);
    let names = names::of_customers(&database, &visitor, customers).await?;
    let row = |order: &OpenOrder| {
        let customer = names.get(&order.customer_id).cloned().unwrap_or_default();
        row(order, customer, &visitor)
    };
    let rows = found.data.iter().map(row).collect();
    let turn = Turn::of(&address, found.next_cursor.as_deref(), found.count, &visitor.format);
    let csv = address.export("/console/orders/late.csv");
    let selects = selects(&address, &Places::of(&visitor, &database).await?, &visitor);
    let page = ListPage {
        csv: Some(csv),
        links: vec![Link::new("/console/orders", w.title)],
        own: &["q", "warehouse_id"],
        search: w.search.to_string(),
        selects,
        heads: [w.number, w.customer, w.promised, w.placed_at, w.state].map(Head::text).into(),
        rows,
        empty: w.none_late.to_string(),
        empty_then: w.none_late_then.to_string(),
        ..ListPage::of(visitor.page(w.late_title).about("order.*"), PATH, address, turn)
    };
    layout::ok(&page)
}

/// The warehouses, where there is more than one.
fn selects(address: &Address, places: &Places, visitor: &Visitor) -> Vec<Select> {
    if !places.are_several() {
        return Vec::new();
    }
    let w = Stock::of(visitor.language);
    let choices = places.to_filter(w.all_warehouses, address.get("warehouse_id").unwrap_or_default());
    vec![Select { name: "warehouse_id", label: w.warehouse.to_string(), choices }]
}

fn row(order: &OpenOrder, customer: String, visitor: &Visitor) -> Row {
    let w = Orders::of(visitor.language);
    let promised = order.promised_on.map(|day| visitor.format.business_day(day));
    let status = match order.status {
        _ if order.waits => Status::draft(w.waits),
        OrderStatus::Confirmed => Status::begun(w.confirmed),
        _ => Status::open(w.pending),
    };
    Row {
        id: order.id.to_string(),
        to: Some(format!("/console/orders/{}", order.id)),
        title: names::number(order.reference.clone(), order.external_id.clone(), order.id),
        small: String::new(),
        cells: vec![
            Cell::text(customer),
            Cell::text(promised.unwrap_or_default()),
            Cell::moment(visitor.format.short(order.placed_at)).wide(),
            Cell::status(status),
        ],
    }
}
