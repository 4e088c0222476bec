//! Orders: the products sold to a customer, and the progress from placing to delivery.

mod aggregate;
mod amendment;
mod commands;
mod error;
mod events;
mod fulfilment;
mod line_rows;
mod lines;
mod placing;
mod queries;
pub(crate) mod queue;
pub(crate) mod repository;
mod reservation;
mod reservation_rows;
mod serving;
mod shipping;
mod totals;

pub use aggregate::{CancellationReason, NewOrder, Order, OrderReference, OrderStatus, TrackingNumber};
pub use amendment::{AmendedLine, LineFault, OrderAmendment, WrongLine};
pub(crate) use commands::check_decimals;
pub use commands::{
    AmendOrder, ApproveOrder, CancelOrder, CancelRest, ConfirmOrder, DeliverOrder, PlaceOrder,
    PlaceOrderLine, ShipOrder,
};
pub use error::{Beyond, OrderError};
pub use events::OrderEvent;
pub use fulfilment::{
    OpenLine, OpenOrder, OpenOrderFilter, OpenOrderSort, OpenOrderWithLines, back_orders, late, to_prepare,
};
pub(crate) use lines::positions;
pub use lines::{DraftLine, LinePart, MAX_LINES, OrderLine, ReturnedPart};
pub use queries::{OrderFilter, OrderSort, OrderSummary, OrderView, get, list, list_with_lines};
pub use serving::{BackOrders, ServeWaiting};
pub use totals::{Totals, VatSubtotal};
