//! The domain events of orders.

use super::{Order, OrderStatus};
use crate::application::events::Event;

/// Carries the order as it is after the event. Boxed: an order with its lines is large, and the enum is moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderEvent {
    Placed(Box<Order>),
    /// Its lines, its reference, where it goes or by when it was promised are others than before.
    Amended(Box<Order>),
    /// It goes on, although it passes its customer's credit limit.
    Approved(Box<Order>),
    /// It got goods that it waited for.
    Reserved(Box<Order>),
    /// Goods that were reserved for it are missing: it waits for others.
    BackOrdered(Box<Order>),
    Confirmed(Box<Order>),
    /// A part of it has left; more is outstanding.
    PartlyShipped(Box<Order>),
    /// All of it has left that will.
    Shipped(Box<Order>),
    /// Goods have come back.
    Returned(Box<Order>),
    Delivered(Box<Order>),
    Cancelled {
        order: Box<Order>,
        previous_status: OrderStatus,
    },
}

impl OrderEvent {
    /// The order as it is after the event.
    pub fn order(&self) -> &Order {
        match self {
            Self::Placed(order)
            | Self::Amended(order)
            | Self::Approved(order)
            | Self::Reserved(order)
            | Self::BackOrdered(order)
            | Self::Confirmed(order)
            | Self::PartlyShipped(order)
            | Self::Shipped(order)
            | Self::Returned(order)
            | Self::Delivered(order)
            | Self::Cancelled { order, .. } => order,
        }
    }

    /// The name under which the time lines of orders know it, which is the published one.
    pub(super) fn step(&self) -> &'static str {
        match self {
            Self::Placed(_) => "order.placed",
            Self::Amended(_) => "order.amended",
            Self::Approved(_) => "order.approved",
            Self::Reserved(_) => "order.reserved",
            Self::BackOrdered(_) => "order.back_ordered",
            Self::Confirmed(_) => "order.confirmed",
            Self::PartlyShipped(_) => "order.partly_shipped",
            Self::Shipped(_) => "order.shipped",
            Self::Returned(_) => "order.returned",
            Self::Delivered(_) => "order.delivered",
            Self::Cancelled { .. } => "order.cancelled",
        }
    }
}

impl Event for OrderEvent {}
