//! Orders: what was sold to whom, and how far it has come.

mod aggregate;
mod commands;
mod events;
mod queries;
mod repository;
mod totals;

pub use aggregate::{
    CancellationReason, DraftLine, MAX_LINES, NewOrder, Order, OrderError, OrderLine, OrderReference,
    OrderStatus, TrackingNumber,
};
pub use commands::{CancelOrder, ConfirmOrder, DeliverOrder, PlaceOrder, PlaceOrderLine, ShipOrder};
pub use events::OrderEvent;
pub use queries::{OrderDetails, OrderFilter, OrderSort, OrderSummary, get, list};
pub use totals::{Totals, VatSubtotal};
