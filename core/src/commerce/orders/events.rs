//! The domain events of orders.

use super::{Order, OrderStatus};
use crate::application::events::Event;

/// Carries the order as it is after the event. Boxed: an order with its lines is large, and the enum is moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderEvent {
    Placed(Box<Order>),
    /// It got goods that it waited for.
    Reserved(Box<Order>),
    /// Goods that were reserved for it are missing: it waits for others.
    BackOrdered(Box<Order>),
    Confirmed(Box<Order>),
    Shipped(Box<Order>),
    Delivered(Box<Order>),
    Cancelled {
        order: Box<Order>,
        previous_status: OrderStatus,
    },
}

impl Event for OrderEvent {}
