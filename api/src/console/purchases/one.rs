//! One purchase order: what was ordered, what has come, what is still expected.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::purchase_orders::{self, PurchaseOrderLineView, PurchaseOrderState};
use comptoir_core::commerce::warehouses;
use comptoir_core::values::goods::Units;

use super::state;
use crate::console::layout::{self, Page};
use crate::console::lists::Address;
use crate::console::names;
use crate::console::status::Status;
use crate::console::visitor::Visitor;
use crate::console::words::Purchases;
use crate::error::ApiError;
use crate::extract::part;

#[derive(Template)]
#[template(path = "console/purchases/one.html")]
struct PurchasePage {
    page: Page,
    w: &'static Purchases,
    id: String,
    status: Status,
    supplier: String,
    warehouse: String,
    ordered: String,
    expected: String,
    lines: Vec<Line>,
    shows_costs: bool,
    may_receive: bool,
    /// Whether what comes next is to receive it.
    is_open: bool,
    may_cancel: bool,
}

struct Line {
    name: String,
    sku: String,
    quantity: String,
    received: String,
    left: String,
    expected: String,
    cost: String,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let w = Purchases::of(visitor.language);
    let order = purchase_orders::get(&database, &visitor.context, part(&request, "id")?).await?;
    let notice = match Address::of(&request).get("done") {
        Some("ordered") => Some(w.done_ordered),
        Some("received") => Some(w.done_received),
        Some("cancelled") => Some(w.done_cancelled),
        _ => None,
    };
    let mut suppliers = names::of_suppliers(&database, &visitor, std::iter::once(order.supplier_id)).await?;
    let warehouse = if visitor.may(Permission::WarehousesRead) {
        warehouses::get(&database, &visitor.context, order.warehouse_id).await?.name
    } else {
        String::new()
    };
    let format = &visitor.format;
    let is_open = state::is_open(order.state);
    let line = |line: PurchaseOrderLineView| Line {
        left: format.decimal(Units::from(&line.quantity).less(&line.received).value()),
        name: line.name,
        sku: line.sku,
        quantity: format.decimal(line.quantity.value()),
        received: format.decimal(line.received.value()),
        expected: line.expected_on.map(|day| format.business_day(day)).unwrap_or_default(),
        cost: line.unit_cost.map(|cost| format.price(&cost, &visitor.tenant.currency)).unwrap_or_default(),
    };
    let page = PurchasePage {
        page: visitor.page(names::purchase(&order, &visitor)).saying(notice).about("purchase_order.*"),
        w,
        id: order.id.to_string(),
        status: state::status(order.state, order.expected_on, format.today(), w),
        supplier: suppliers.remove(&order.supplier_id).unwrap_or_default(),
        warehouse,
        ordered: format.business_day(order.ordered_on),
        expected: order.expected_on.map(|day| format.business_day(day)).unwrap_or_default(),
        shows_costs: visitor.may(Permission::StockCosts),
        // Still more may come than was ordered.
        may_receive: order.state != PurchaseOrderState::Cancelled && visitor.may(Permission::StockWrite),
        is_open,
        may_cancel: is_open && visitor.may(Permission::PurchasesWrite),
        lines: order.lines.into_iter().map(line).collect(),
    };
    layout::ok(&page)
}
