//! Purchase orders: what was ordered from a supplier, what is expected when, and what of it has come.

mod aggregate;
mod commands;
mod events;
mod queries;
pub(crate) mod repository;

pub use aggregate::{
    DraftPurchaseLine, MAX_LINES, NewPurchaseLine, NewPurchaseOrder, PurchaseLine, PurchaseOrder,
    PurchaseOrderDetails, PurchaseOrderError, PurchaseOrderReference, PurchaseOrderState,
};
pub use commands::{CancelPurchaseOrder, CreatePurchaseOrder, UpdatePurchaseOrder};
pub use events::PurchaseOrderEvent;
pub use queries::{
    PurchaseOrderFilter, PurchaseOrderLineView, PurchaseOrderSort, PurchaseOrderSummary, PurchaseOrderView,
    get, list,
};
