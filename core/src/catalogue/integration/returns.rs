//! The integration events of returns.

use serde::Serialize;

use super::{IntegrationEvent, payload};
use crate::application::error::Error;
use crate::commerce::returns::{BroughtBack, Return, ReturnEvent};

/// Goods of an order have come back.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ReturnReceivedV1 {
    return_id: String,
    order_id: String,
    reference: Option<String>,
    reason: String,
    /// When they came, as the business counts: RFC 3339, full-date.
    received_on: String,
    /// What came back.
    lines: Vec<ReturnLineV1>,
}
payload!(ReturnReceivedV1, "return", "return.received", 1);

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ReturnLineV1 {
    /// Of the order's line; counts from 1.
    position: i16,
    product_id: String,
    sku: String,
    quantity: String,
    /// Whether it can be sold again; otherwise it was written off.
    restocked: bool,
    reason: Option<String>,
}

/// A return is received once: it has one version.
pub(super) fn translate(event: &ReturnEvent) -> Result<IntegrationEvent, Error> {
    let ReturnEvent::Received(received) = event;
    super::event_of(received.id().to_string(), 1, &told(received))
}

fn told(received: &Return) -> ReturnReceivedV1 {
    let line = |line: &BroughtBack| ReturnLineV1 {
        position: line.position(),
        product_id: line.product_id().to_string(),
        sku: line.sku().to_owned(),
        quantity: line.quantity().to_string(),
        restocked: line.is_restocked(),
        reason: line.reason().map(ToString::to_string),
    };
    ReturnReceivedV1 {
        return_id: received.id().to_string(),
        order_id: received.order_id().to_string(),
        reference: received.reference().map(ToString::to_string),
        reason: received.reason().to_string(),
        received_on: received.received_on().to_string(),
        lines: received.lines().iter().map(line).collect(),
    }
}
