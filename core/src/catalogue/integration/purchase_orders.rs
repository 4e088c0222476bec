//! The integration events of purchase orders.

use serde::Serialize;

use super::{IntegrationEvent, integration_event, payload, time};
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;
use crate::commerce::purchase_orders::{PurchaseLine, PurchaseOrder, PurchaseOrderEvent};

/// Goods were ordered from a supplier. Nothing is told of what they cost.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct PurchaseOrderOrderedV1 {
    purchase_order_id: String,
    reference: Option<String>,
    supplier_id: String,
    /// Where the goods are to come.
    warehouse_id: String,
    /// When it was ordered, as the business counts: RFC 3339, full-date.
    ordered_on: String,
    /// When it is expected: RFC 3339, full-date; null if nobody said.
    expected_on: Option<String>,
    /// What was ordered, in the order's own sequence.
    lines: Vec<OrderedLineV1>,
    /// RFC 3339, UTC.
    created_at: String,
}
payload!(PurchaseOrderOrderedV1, "purchase_order", "purchase_order.ordered", 1);

/// A purchase order of which nothing has come was changed: it as it is from now on, whatever changed.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct PurchaseOrderChangedV1 {
    purchase_order_id: String,
    reference: Option<String>,
    supplier_id: String,
    /// Where the goods are to come.
    warehouse_id: String,
    /// When it was ordered, as the business counts: RFC 3339, full-date.
    ordered_on: String,
    /// When it is expected: RFC 3339, full-date; null if nobody said.
    expected_on: Option<String>,
    /// What was ordered, in the order's own sequence.
    lines: Vec<OrderedLineV1>,
    /// RFC 3339, UTC.
    updated_at: String,
}
payload!(PurchaseOrderChangedV1, "purchase_order", "purchase_order.changed", 1);

/// Goods of a purchase order came, perhaps not all, perhaps more. What the receipt moved, `stock.received` tells.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct PurchaseOrderReceivedV1 {
    purchase_order_id: String,
    reference: Option<String>,
    supplier_id: String,
    /// The receipt.
    stock_document_id: String,
    /// `partly_received`, or `received` if all of it has come; `ordered` if nothing that came was ordered.
    state: String,
    /// What was ordered and what of it has come so far, in the order's own sequence.
    lines: Vec<OrderedLineV1>,
    /// RFC 3339, UTC.
    received_at: String,
}
payload!(PurchaseOrderReceivedV1, "purchase_order", "purchase_order.received", 1);

/// What has not come of a purchase order is not expected any more.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct PurchaseOrderCancelledV1 {
    purchase_order_id: String,
    reference: Option<String>,
    supplier_id: String,
    /// What was ordered and what of it has come, in the order's own sequence.
    lines: Vec<OrderedLineV1>,
    /// RFC 3339, UTC.
    cancelled_at: String,
}
payload!(PurchaseOrderCancelledV1, "purchase_order", "purchase_order.cancelled", 1);

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct OrderedLineV1 {
    /// Counts from 1.
    position: usize,
    product_id: String,
    sku: String,
    name: String,
    quantity: String,
    /// When the line is expected, if not with the order: RFC 3339, full-date; null otherwise.
    expected_on: Option<String>,
    /// What has come, perhaps more than was ordered.
    received: String,
}

pub(super) fn translate(event: &PurchaseOrderEvent) -> Result<IntegrationEvent, Error> {
    match event {
        PurchaseOrderEvent::Ordered(order) => integration_event(&**order, &ordered(order)),
        PurchaseOrderEvent::Changed(order) => integration_event(&**order, &changed(order)),
        PurchaseOrderEvent::Received { order, receipt } => {
            let payload = PurchaseOrderReceivedV1 {
                purchase_order_id: order.id().to_string(),
                reference: order.reference().map(ToString::to_string),
                supplier_id: order.supplier_id().to_string(),
                stock_document_id: receipt.to_string(),
                state: order.state().to_string(),
                lines: lines(order),
                received_at: time(order.updated_at()),
            };
            integration_event(&**order, &payload)
        }
        PurchaseOrderEvent::Cancelled(order) => {
            let payload = PurchaseOrderCancelledV1 {
                purchase_order_id: order.id().to_string(),
                reference: order.reference().map(ToString::to_string),
                supplier_id: order.supplier_id().to_string(),
                lines: lines(order),
                cancelled_at: time(order.updated_at()),
            };
            integration_event(&**order, &payload)
        }
    }
}

fn ordered(order: &PurchaseOrder) -> PurchaseOrderOrderedV1 {
    let PurchaseOrderChangedV1 {
        purchase_order_id,
        reference,
        supplier_id,
        warehouse_id,
        ordered_on,
        expected_on,
        lines,
        updated_at,
    } = changed(order);
    PurchaseOrderOrderedV1 {
        purchase_order_id,
        reference,
        supplier_id,
        warehouse_id,
        ordered_on,
        expected_on,
        lines,
        // It has not changed since.
        created_at: updated_at,
    }
}

fn changed(order: &PurchaseOrder) -> PurchaseOrderChangedV1 {
    PurchaseOrderChangedV1 {
        purchase_order_id: order.id().to_string(),
        reference: order.reference().map(ToString::to_string),
        supplier_id: order.supplier_id().to_string(),
        warehouse_id: order.warehouse_id().to_string(),
        ordered_on: order.ordered_on().to_string(),
        expected_on: order.expected_on().map(|day| day.to_string()),
        lines: lines(order),
        updated_at: time(order.updated_at()),
    }
}

fn lines(order: &PurchaseOrder) -> Vec<OrderedLineV1> {
    let line = |(position, line): (usize, &PurchaseLine)| OrderedLineV1 {
        position,
        product_id: line.product_id.to_string(),
        sku: line.sku.clone(),
        name: line.name.clone(),
        quantity: line.quantity.to_string(),
        expected_on: line.expected_on.map(|day| day.to_string()),
        received: line.received.to_string(),
    };
    (1..).zip(order.lines()).map(line).collect()
}
