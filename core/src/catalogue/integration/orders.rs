//! The integration events of orders.

use serde::Serialize;

use super::addresses::PostalAddressV1;
use super::{IntegrationEvent, integration_event, payload};
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;
use crate::commerce::orders::{Order, OrderEvent, OrderLine, OrderStatus, VatSubtotal};

/// An order was placed, with everything that was sold.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct OrderPlacedV1 {
    order_id: String,
    /// The client's own number.
    external_id: Option<String>,
    reference: Option<String>,
    customer_id: String,
    /// ISO 4217.
    currency: String,
    lines: Vec<OrderLineV1>,
    /// VAT, once per rate.
    vat: Vec<VatSubtotalV1>,
    /// Sum of the lines' net amounts, a decimal string.
    net_total: String,
    vat_total: String,
    gross_total: String,
    /// RFC 3339, UTC.
    placed_at: String,
    /// Where its goods come from; null if no line needs any.
    warehouse_id: Option<String>,
    /// Whether it waits for what is short.
    back_order: bool,
    /// When the customer ordered, as the business counts: RFC 3339, full-date.
    ordered_on: Option<String>,
    /// Where it goes; null for the customer's own address.
    delivery_address: Option<PostalAddressV1>,
    /// By when the customer was promised the goods, as the business counts: RFC 3339, full-date.
    promised_on: Option<String>,
    /// Whether it passes its customer's credit limit, and waits for approval: `order.approved` tells of that.
    held_for_approval: bool,
}
payload!(OrderPlacedV1, "order", "order.placed", 1);

/// The order was amended before anything of it left. It says all of the order as it is now, with all of its lines: those of before are
/// replaced.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct OrderAmendedV1 {
    #[serde(flatten)]
    order: OrderPlacedV1,
    /// `pending` or `confirmed`.
    status: String,
    /// RFC 3339, UTC.
    amended_at: String,
}
payload!(OrderAmendedV1, "order", "order.amended", 1);

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct OrderLineV1 {
    /// Counts from 1.
    position: usize,
    product_id: String,
    sku: String,
    name: String,
    quantity: String,
    unit_price: String,
    /// Percent.
    vat_rate: String,
    net_amount: String,
    /// Whether it needs goods from stock.
    stocked: bool,
    /// What is reserved for it.
    reserved: String,
    /// What it waits for.
    waiting: String,
    /// Which price it has: `list`, `product`, or `given` by whoever wrote the line; null if it is not known.
    price_source: Option<String>,
    /// The price list, if the price is from one; it may have been deleted since.
    price_list_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct VatSubtotalV1 {
    /// Percent.
    rate: String,
    base: String,
    amount: String,
}

/// The order passes its customer's credit limit, was held for that, and may go on now.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct OrderApprovedV1 {
    order_id: String,
    external_id: Option<String>,
    reference: Option<String>,
    customer_id: String,
    /// RFC 3339, UTC.
    approved_at: String,
}
payload!(OrderApprovedV1, "order", "order.approved", 1);

/// The order got goods that it waited for. It can be shipped once no line waits.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct OrderReservedV1 {
    #[serde(flatten)]
    order: OrderGoodsV1,
}
payload!(OrderReservedV1, "order", "order.reserved", 1);

/// Goods that were reserved for the order are missing: it waits for others.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct OrderBackOrderedV1 {
    #[serde(flatten)]
    order: OrderGoodsV1,
}
payload!(OrderBackOrderedV1, "order", "order.back_ordered", 1);

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct OrderGoodsV1 {
    order_id: String,
    external_id: Option<String>,
    reference: Option<String>,
    customer_id: String,
    warehouse_id: Option<String>,
    /// Whether a line still waits.
    is_waiting: bool,
    /// The lines that need goods from stock.
    lines: Vec<LineGoodsV1>,
    /// RFC 3339, UTC.
    changed_at: String,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct LineGoodsV1 {
    /// The line's; counts from 1.
    position: usize,
    product_id: String,
    /// What is reserved for it.
    reserved: String,
    /// What it waits for.
    waiting: String,
}

/// The company has confirmed the order.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct OrderConfirmedV1 {
    order_id: String,
    external_id: Option<String>,
    reference: Option<String>,
    customer_id: String,
    /// RFC 3339, UTC.
    confirmed_at: String,
}
payload!(OrderConfirmedV1, "order", "order.confirmed", 1);

/// A part of the order has left, and more is outstanding. What left, and how, is told by `shipment.dispatched`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct OrderPartlyShippedV1 {
    order_id: String,
    external_id: Option<String>,
    reference: Option<String>,
    customer_id: String,
    /// Of the last shipment that has one.
    tracking_number: Option<String>,
    /// All lines of the order, and how far each is.
    lines: Vec<LineProgressV1>,
    /// RFC 3339, UTC.
    shipped_at: String,
}
payload!(OrderPartlyShippedV1, "order", "order.partly_shipped", 1);

/// Goods of the order have come back. What came, and in which condition, is told by `return.received`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct OrderReturnedV1 {
    order_id: String,
    external_id: Option<String>,
    reference: Option<String>,
    customer_id: String,
    /// All lines of the order, and how far each is.
    lines: Vec<LineProgressV1>,
    /// RFC 3339, UTC.
    returned_at: String,
}
payload!(OrderReturnedV1, "order", "order.returned", 1);

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct LineProgressV1 {
    /// The line's; counts from 1.
    position: usize,
    product_id: String,
    quantity: String,
    /// What has left of it.
    shipped: String,
    /// What will not leave.
    cancelled: String,
    /// What of the shipped goods has come back.
    returned: String,
}

/// All of the order has left that will; the tracking number is that of its last shipment that has one, and null if the company delivers
/// it itself.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct OrderShippedV1 {
    order_id: String,
    external_id: Option<String>,
    reference: Option<String>,
    customer_id: String,
    tracking_number: Option<String>,
    /// RFC 3339, UTC.
    shipped_at: String,
    /// The lines of which something will not leave, because the rest of the order was cancelled; none of most orders.
    cancelled_lines: Vec<CancelledLineV1>,
}
payload!(OrderShippedV1, "order", "order.shipped", 1);

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct CancelledLineV1 {
    /// The line's; counts from 1.
    position: usize,
    product_id: String,
    /// What will not leave.
    cancelled: String,
}

/// The order has arrived.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct OrderDeliveredV1 {
    order_id: String,
    external_id: Option<String>,
    reference: Option<String>,
    customer_id: String,
    /// RFC 3339, UTC.
    delivered_at: String,
}
payload!(OrderDeliveredV1, "order", "order.delivered", 1);

/// The order will not be shipped.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct OrderCancelledV1 {
    order_id: String,
    external_id: Option<String>,
    reference: Option<String>,
    customer_id: String,
    reason: Option<String>,
    /// `pending` or `confirmed`: how far the order had come.
    previous_status: String,
    /// RFC 3339, UTC.
    cancelled_at: String,
}
payload!(OrderCancelledV1, "order", "order.cancelled", 1);

pub(super) fn translate(event: &OrderEvent) -> Result<IntegrationEvent, Error> {
    match event {
        OrderEvent::Placed(order) => integration_event::<Order, _>(order, &placed(order)),
        OrderEvent::Amended(order) => integration_event::<Order, _>(order, &amended(order)),
        OrderEvent::Approved(order) => integration_event::<Order, _>(order, &approved(order)),
        OrderEvent::Reserved(order) => {
            integration_event::<Order, _>(order, &OrderReservedV1 { order: goods(order) })
        }
        OrderEvent::BackOrdered(order) => {
            integration_event::<Order, _>(order, &OrderBackOrderedV1 { order: goods(order) })
        }
        OrderEvent::Confirmed(order) => integration_event::<Order, _>(order, &confirmed(order)),
        OrderEvent::PartlyShipped(order) => integration_event::<Order, _>(order, &partly_shipped(order)),
        OrderEvent::Returned(order) => integration_event::<Order, _>(order, &returned(order)),
        OrderEvent::Shipped(order) => integration_event::<Order, _>(order, &shipped(order)),
        OrderEvent::Delivered(order) => integration_event::<Order, _>(order, &delivered(order)),
        OrderEvent::Cancelled { order, previous_status } => {
            integration_event::<Order, _>(order, &cancelled(order, *previous_status))
        }
    }
}

fn reference(order: &Order) -> Option<String> {
    order.reference().map(ToString::to_string)
}

fn placed(order: &Order) -> OrderPlacedV1 {
    let line = |(position, line): (usize, &OrderLine)| OrderLineV1 {
        position,
        product_id: line.product_id.to_string(),
        sku: line.sku.clone(),
        name: line.name.clone(),
        quantity: line.quantity.to_string(),
        unit_price: line.unit_price.to_string(),
        vat_rate: line.vat_rate.to_string(),
        net_amount: line.net_amount.to_string(),
        stocked: line.stocked,
        reserved: line.reserved.to_string(),
        waiting: line.waiting.to_string(),
        price_source: line.price.map(|price| price.price_source.name().to_owned()),
        price_list_id: line.price.and_then(|price| price.price_list_id).map(|id| id.to_string()),
    };
    let subtotal = |vat: &VatSubtotal| VatSubtotalV1 {
        rate: vat.rate.to_string(),
        base: vat.base.to_string(),
        amount: vat.amount.to_string(),
    };
    let totals = order.totals();
    OrderPlacedV1 {
        order_id: order.id().to_string(),
        external_id: super::external_id(order.external_id()),
        reference: reference(order),
        customer_id: order.customer_id().to_string(),
        currency: order.currency().code().to_owned(),
        lines: (1..).zip(order.lines()).map(line).collect(),
        vat: totals.vat.iter().map(subtotal).collect(),
        net_total: totals.net_total.to_string(),
        vat_total: totals.vat_total.to_string(),
        gross_total: totals.gross_total.to_string(),
        placed_at: super::time(order.placed_at()),
        warehouse_id: order.warehouse_id().map(|id| id.to_string()),
        back_order: order.is_back_order(),
        ordered_on: order.ordered_on().map(|date| date.to_string()),
        delivery_address: order.delivery_address().map(PostalAddressV1::of),
        promised_on: order.promised_on().map(|date| date.to_string()),
        held_for_approval: order.is_held_for_approval(),
    }
}

fn amended(order: &Order) -> OrderAmendedV1 {
    OrderAmendedV1 {
        order: placed(order),
        status: order.status().to_string(),
        amended_at: super::time(order.updated_at()),
    }
}

fn approved(order: &Order) -> OrderApprovedV1 {
    OrderApprovedV1 {
        order_id: order.id().to_string(),
        external_id: super::external_id(order.external_id()),
        reference: reference(order),
        customer_id: order.customer_id().to_string(),
        approved_at: super::time(order.updated_at()),
    }
}

fn goods(order: &Order) -> OrderGoodsV1 {
    let line = |(position, line): (usize, &OrderLine)| LineGoodsV1 {
        position,
        product_id: line.product_id.to_string(),
        reserved: line.reserved.to_string(),
        waiting: line.waiting.to_string(),
    };
    OrderGoodsV1 {
        order_id: order.id().to_string(),
        external_id: super::external_id(order.external_id()),
        reference: reference(order),
        customer_id: order.customer_id().to_string(),
        warehouse_id: order.warehouse_id().map(|id| id.to_string()),
        is_waiting: order.is_waiting(),
        lines: (1..).zip(order.lines()).filter(|(_, line)| line.stocked).map(line).collect(),
        changed_at: super::time(order.updated_at()),
    }
}

fn confirmed(order: &Order) -> OrderConfirmedV1 {
    OrderConfirmedV1 {
        order_id: order.id().to_string(),
        external_id: super::external_id(order.external_id()),
        reference: reference(order),
        customer_id: order.customer_id().to_string(),
        confirmed_at: super::time(order.updated_at()),
    }
}

fn progress(order: &Order) -> Vec<LineProgressV1> {
    let line = |(position, line): (usize, &OrderLine)| LineProgressV1 {
        position,
        product_id: line.product_id.to_string(),
        quantity: line.quantity.to_string(),
        shipped: line.shipped.to_string(),
        cancelled: line.cancelled.to_string(),
        returned: line.returned.to_string(),
    };
    (1..).zip(order.lines()).map(line).collect()
}

fn partly_shipped(order: &Order) -> OrderPartlyShippedV1 {
    OrderPartlyShippedV1 {
        order_id: order.id().to_string(),
        external_id: super::external_id(order.external_id()),
        reference: reference(order),
        customer_id: order.customer_id().to_string(),
        tracking_number: order.tracking_number().map(ToString::to_string),
        lines: progress(order),
        shipped_at: super::time(order.updated_at()),
    }
}

fn returned(order: &Order) -> OrderReturnedV1 {
    OrderReturnedV1 {
        order_id: order.id().to_string(),
        external_id: super::external_id(order.external_id()),
        reference: reference(order),
        customer_id: order.customer_id().to_string(),
        lines: progress(order),
        returned_at: super::time(order.updated_at()),
    }
}

fn shipped(order: &Order) -> OrderShippedV1 {
    let line = |(position, line): (usize, &OrderLine)| CancelledLineV1 {
        position,
        product_id: line.product_id.to_string(),
        cancelled: line.cancelled.to_string(),
    };
    let cancelled = (1..).zip(order.lines()).filter(|(_, line)| !line.cancelled.is_zero());
    OrderShippedV1 {
        order_id: order.id().to_string(),
        external_id: super::external_id(order.external_id()),
        reference: reference(order),
        customer_id: order.customer_id().to_string(),
        tracking_number: order.tracking_number().map(ToString::to_string),
        shipped_at: super::time(order.updated_at()),
        cancelled_lines: cancelled.map(line).collect(),
    }
}

fn delivered(order: &Order) -> OrderDeliveredV1 {
    OrderDeliveredV1 {
        order_id: order.id().to_string(),
        external_id: super::external_id(order.external_id()),
        reference: reference(order),
        customer_id: order.customer_id().to_string(),
        delivered_at: super::time(order.updated_at()),
    }
}

fn cancelled(order: &Order, previous_status: OrderStatus) -> OrderCancelledV1 {
    OrderCancelledV1 {
        order_id: order.id().to_string(),
        external_id: super::external_id(order.external_id()),
        reference: reference(order),
        customer_id: order.customer_id().to_string(),
        reason: order.cancellation_reason().map(ToString::to_string),
        previous_status: previous_status.to_string(),
        cancelled_at: super::time(order.updated_at()),
    }
}
