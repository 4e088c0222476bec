//! What left and came back of an order, and what is invoiced of it.

use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::invoices::{self, InvoiceState, InvoiceSummary};
use comptoir_core::commerce::orders::{OrderLine, OrderView};
use comptoir_core::commerce::returns::{self, ReturnFilter};
use comptoir_core::commerce::shipments::{self, ShipmentFilter};
use comptoir_core::values::goods::Units;
use comptoir_core::values::ids::OrderId;
use comptoir_core::values::money::Money;

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

/// An invoice of the order, or a deposit.
#[derive(Debug)]
pub(super) struct Invoice {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) status: Status,
    pub(super) amount: String,
    /// What of it is still to be paid; empty if nothing is.
    pub(super) open: String,
}

impl Invoice {
    pub(super) fn of(one: &InvoiceSummary, visitor: &Visitor) -> Self {
        let w = Invoices::of(visitor.language);
        Self {
            id: one.id.to_string(),
            label: invoice_state::number(one, w),
            status: invoice_state::of(one, visitor.format.today(), w),
            amount: one.gross_total.as_ref().map(|total| visitor.money(total)).unwrap_or_default(),
            open: if one.open.is_zero() { String::new() } else { visitor.money(&one.open) },
        }
    }
}

/// None for whoever may not see invoices.
pub(super) async fn deposits(
    visitor: &Visitor,
    database: &TenantDatabase,
    order: OrderId,
) -> Result<Vec<Invoice>, ApiError> {
    if !visitor.may(Permission::InvoicesRead) {
        return Ok(Vec::new());
    }
    let found = invoices::deposits_of(database, &visitor.context, order).await?;
    Ok(found.iter().map(|one| Invoice::of(one, visitor)).collect())
}

/// How far an order is invoiced.
#[derive(Debug)]
pub(in crate::console) struct Invoicing {
    found: Vec<InvoiceSummary>,
    /// Whether something has left that is on no invoice and on no draft of one.
    pub(in crate::console) is_due: bool,
    /// Whether all that will ever be invoiced of it is, by invoices with a number.
    pub(super) is_done: bool,
}

impl Invoicing {
    /// `None` for whoever may not see invoices.
    pub(in crate::console) async fn of(
        visitor: &Visitor,
        database: &TenantDatabase,
        order: &OrderView,
    ) -> Result<Option<Self>, ApiError> {
        if !visitor.may(Permission::InvoicesRead) {
            return Ok(None);
        }
        let found = invoices::of_order(database, &visitor.context, order.summary.id).await?;
        let nothing = Units::zero();
        let lines: Vec<(&OrderLine, &Units)> = (1_i16..)
            .zip(&order.lines)
            .map(|(position, line)| (line, found.claimed.get(&position).unwrap_or(&nothing)))
            .collect();
        let is_due = lines.iter().any(|(line, claimed)| !line.returnable().less(claimed).is_zero());
        let is_whole = lines.iter().all(|(line, claimed)| {
            let ordered = Units::from(&line.quantity).less(&line.cancelled).less(&line.returned);
            ordered.less(claimed).is_zero()
        });
        let has_numbers =
            !found.invoices.is_empty() && found.invoices.iter().all(|one| one.state != InvoiceState::Draft);
        Ok(Some(Self { is_due, is_done: is_whole && has_numbers, found: found.invoices }))
    }

    pub(super) fn shown(&self) -> impl Iterator<Item = &InvoiceSummary> {
        self.found.iter()
    }

    /// The draft that waits for somebody, if there is one.
    pub(super) fn draft(&self) -> Option<&InvoiceSummary> {
        self.found.iter().find(|one| one.state == InvoiceState::Draft)
    }

    /// The first invoice of which something is to be paid.
    pub(super) fn unpaid(&self) -> Option<&InvoiceSummary> {
        self.found.iter().find(|one| one.state != InvoiceState::Draft && !one.open.is_zero())
    }

    /// What is to be paid of all of them.
    pub(super) fn open(&self) -> Money {
        let numbered = self.found.iter().filter(|one| one.state != InvoiceState::Draft);
        numbered.map(|one| &one.open).sum()
    }

    /// The number of the only invoice.
    pub(super) fn number(&self) -> Option<&str> {
        match self.found.as_slice() {
            [only] => only.number.as_deref(),
            _ => None,
        }
    }
}

/// The fields of the form of `/console/invoices/from` by which an order is invoiced at one click.
pub(in crate::console) fn to_invoice(order: OrderId) -> [(&'static str, String); 3] {
    [("by", "orders".to_owned()), ("order_ids", order.to_string()), ("deposits", "true".to_owned())]
}
