//! Orders: the products sold to a customer, and the progress from placing to delivery.

mod aggregate;
mod amendment;
mod commands;
mod events;
mod fulfilment;
mod queries;
pub(crate) mod queue;
pub(crate) mod repository;
mod serving;
mod totals;

pub(crate) use aggregate::positions;
pub use aggregate::{
    Beyond, CancellationReason, DraftLine, LinePart, MAX_LINES, NewOrder, Order, OrderError, OrderLine,
    OrderReference, OrderStatus, ReturnedPart, TrackingNumber,
};
pub use amendment::{AmendedLine, LineFault, OrderAmendment, WrongLine};
pub(crate) use commands::check_decimals;
pub use commands::{
    AmendOrder, ApproveOrder, CancelOrder, CancelRest, ConfirmOrder, DeliverOrder, PlaceOrder,
    PlaceOrderLine, ShipOrder,
};
pub use events::OrderEvent;
pub use fulfilment::{OpenLine, OpenOrder, OpenOrderSort, OpenOrderWithLines, back_orders, late, to_prepare};
pub use queries::{OrderFilter, OrderSort, OrderSummary, OrderView, get, list, list_with_lines};
pub use serving::{BackOrders, ServeWaiting};
pub use totals::{Totals, VatSubtotal};
