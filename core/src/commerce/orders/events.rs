//! The domain events of orders.

use super::{Order, OrderStatus};
use crate::application::events::Event;
use crate::values::ids::ProductId;

/// Carries the order as it is after the event. Boxed: an order with its lines is large, and the enum is moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderEvent {
    Placed {
        order: Box<Order>,
        /// Products that no order named before this one.
        first_ordered: Vec<ProductId>,
    },
    Confirmed(Box<Order>),
    Shipped(Box<Order>),
    Delivered(Box<Order>),
    Cancelled {
        order: Box<Order>,
        previous_status: OrderStatus,
    },
}

impl Event for OrderEvent {}
