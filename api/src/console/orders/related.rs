//! What left and came back of an order, and the deposits that were asked for it.

use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::invoices;
use comptoir_core::commerce::returns::{self, ReturnFilter};
use comptoir_core::commerce::shipments::{self, ShipmentFilter};
use comptoir_core::values::ids::OrderId;

use crate::console::invoices::state as invoice_state;
use crate::console::lists::first;
use crate::console::shipments::state;
use crate::console::status::Status;
use crate::console::visitor::Visitor;
use crate::console::words::shipping::shipment_number;
use crate::console::words::{Invoices, Shipping};
use crate::error::ApiError;

/// How many of each are shown; their lists have all.
const SHOWN: u8 = 50;

#[derive(Debug)]
pub(super) struct Shipment {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) status: Status,
    pub(super) day: String,
    pub(super) tracking: String,
}

#[derive(Debug)]
pub(super) struct Return {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) day: String,
}

pub(super) async fn shipments(
    visitor: &Visitor,
    database: &TenantDatabase,
    order: OrderId,
) -> Result<Vec<Shipment>, ApiError> {
    let filter = ShipmentFilter { order_id: Some(order), ..ShipmentFilter::default() };
    let found = shipments::list(database, &visitor.context, &filter, &first(SHOWN)?).await?;
    let w = Shipping::of(visitor.language);
    let shown = |shipment: shipments::ShipmentSummary| Shipment {
        id: shipment.id.to_string(),
        label: shipment_number(shipment.number, visitor.language),
        status: state::status(shipment.status, w),
        day: visitor.format.business_day(shipment.delivered_on.unwrap_or(shipment.shipped_on)),
        tracking: shipment.tracking_number.unwrap_or_default(),
    };
    Ok(found.data.into_iter().map(shown).collect())
}

pub(super) async fn returns(
    visitor: &Visitor,
    database: &TenantDatabase,
    order: OrderId,
) -> Result<Vec<Return>, ApiError> {
    let filter = ReturnFilter { order_id: Some(order) };
    let found = returns::list(database, &visitor.context, &filter, &first(SHOWN)?).await?;
    let shown = |one: returns::ReturnSummary| Return {
        id: one.id.to_string(),
        label: one.reference.unwrap_or(one.reason),
        day: visitor.format.business_day(one.received_on),
    };
    Ok(found.data.into_iter().map(shown).collect())
}

#[derive(Debug)]
pub(super) struct Deposit {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) status: Status,
    pub(super) amount: String,
    /// What of it is still to be paid; empty if nothing is.
    pub(super) open: String,
}

/// None for whoever may not see invoices.
pub(super) async fn deposits(
    visitor: &Visitor,
    database: &TenantDatabase,
    order: OrderId,
) -> Result<Vec<Deposit>, ApiError> {
    if !visitor.may(Permission::InvoicesRead) {
        return Ok(Vec::new());
    }
    let w = Invoices::of(visitor.language);
    let found = invoices::deposits_of(database, &visitor.context, order).await?;
    let shown = |one: &invoices::InvoiceSummary| Deposit {
        id: one.id.to_string(),
        label: invoice_state::number(one, w),
        status: invoice_state::of(one, visitor.format.today(), w),
        amount: one.gross_total.as_ref().map(|total| visitor.money(total)).unwrap_or_default(),
        open: if one.open.is_zero() { String::new() } else { visitor.money(&one.open) },
    };
    Ok(found.iter().map(shown).collect())
}
