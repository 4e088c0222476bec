//! The list of shipments. Its parameters are those of `GET /api/v1/shipments`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::TenantDatabase;
use comptoir_core::commerce::shipments::{
    self, ShipmentFilter, ShipmentSort, ShipmentStatus, ShipmentSummary,
};
use comptoir_core::platform::paging::PageRequest;

use super::state;
use crate::console::layout::{self, Page};
use crate::console::lists::{Address, Chip, Head, Turn, View};
use crate::console::menu;
use crate::console::names::{self, NamedOrder};
use crate::console::status::Status;
use crate::console::visitor::Visitor;
use crate::console::words::{Shipping, shipping};
use crate::error::ApiError;
use crate::export;
use crate::extract::ListQuery;
use crate::routes::shipments::ShipmentFilters;

const PATH: &str = "/console/shipments";

type Query = ListQuery<ShipmentFilters, ShipmentSort>;

#[derive(Template)]
#[template(path = "console/shipments/list.html")]
struct ListPage {
    page: Page,
    w: &'static Shipping,
    csv: Address,
    views: Vec<View>,
    chips: Vec<Chip>,
    cleared: Address,
    heads: Vec<Head>,
    rows: Vec<Row>,
    is_filtered: bool,
    may_prepare: bool,
    turn: Turn,
}

struct Row {
    id: String,
    label: String,
    order_id: String,
    prefix: String,
    number: String,
    customer: String,
    shipped: String,
    tracking: String,
    status: Status,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let (w, address) = (Shipping::of(visitor.language), Address::of(&request));
    let Query { filter, page: wanted } = Query::parse(&address.query(&[]))?;
    let found = shipments::list(&database, &visitor.context, &ShipmentFilter::from(filter), &wanted).await?;
    let orders =
        names::of_orders(&database, &visitor, found.data.iter().map(|shipment| shipment.order_id)).await?;
    let rows = found.data.iter().map(|shipment| row(shipment, orders.get(&shipment.order_id), &visitor));
    let chips = address
        .get("order_id")
        .map(|_| Chip { label: w.order_chip.to_string(), without: address.without("order_id") });
    let page = ListPage {
        page: visitor.page(w.title).about("shipment.*"),
        w,
        csv: address.export("/console/shipments.csv"),
        views: views(&address, w),
        chips: chips.into_iter().collect(),
        cleared: address.cleared(),
        heads: vec![
            Head::text(w.shipment),
            Head::text(w.number),
            Head::text(w.customer),
            Head::sortable(w.shipped_on, "dispatched_at", &address, "-dispatched_at"),
            Head::text(w.tracking),
            Head::text(w.state),
        ],
        rows: rows.collect(),
        is_filtered: !address.cleared().is_same_list(&address),
        may_prepare: menu::may_see(&visitor.context.principal, "/console/preparation"),
        turn: Turn::of(&address, found.next_cursor.as_deref(), found.count, &visitor.format),
    };
    layout::ok(&page)
}

fn row(shipment: &ShipmentSummary, order: Option<&NamedOrder>, visitor: &Visitor) -> Row {
    let (prefix, number) = order.map(|order| names::split(&order.number)).unwrap_or_default();
    Row {
        id: shipment.id.to_string(),
        label: shipping::shipment_number(shipment.number, visitor.language),
        order_id: shipment.order_id.to_string(),
        prefix,
        number,
        customer: order.map(|order| order.customer.clone()).unwrap_or_default(),
        shipped: visitor.format.business_day(shipment.shipped_on),
        tracking: shipment.tracking_number.clone().unwrap_or_default(),
        status: state::status(shipment.status, Shipping::of(visitor.language)),
    }
}

fn views(address: &Address, w: &'static Shipping) -> Vec<View> {
    let base = address.without("status");
    let of = |label: crate::console::typography::Word, status: Option<ShipmentStatus>| View {
        label: label.to_string(),
        to: status.map_or_else(|| base.clone(), |status| base.with("status", status.as_str())),
        is_current: address.get("status") == status.map(ShipmentStatus::as_str),
        count: None,
        is_warning: false,
    };
    vec![
        of(w.all, None),
        of(w.on_the_way, Some(ShipmentStatus::Dispatched)),
        of(w.arrived, Some(ShipmentStatus::Delivered)),
    ]
}

pub(super) async fn export(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let address = Address::of(&request).export(PATH);
    let filter = ShipmentFilter::from(Query::parse(&address.query(&[]))?.filter);
    let context = visitor.context;
    Ok(export::csv("shipments", move |page: PageRequest<ShipmentSort>| {
        let (database, context, filter) = (database.clone(), context.clone(), filter.clone());
        async move { shipments::list(&database, &context, &filter, &page).await }
    }))
}
