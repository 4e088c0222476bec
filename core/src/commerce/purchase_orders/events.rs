//! The domain events of purchase orders.

use super::PurchaseOrder;
use crate::application::events::Event;
use crate::values::ids::StockDocumentId;

/// Carries the purchase order as it is after the event. Boxed: with its lines it is large, and the enum is moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PurchaseOrderEvent {
    Ordered(Box<PurchaseOrder>),
    Changed(Box<PurchaseOrder>),
    /// Goods came, as this receipt says.
    Received {
        order: Box<PurchaseOrder>,
        receipt: StockDocumentId,
    },
    /// What has not come is not expected any more.
    Cancelled(Box<PurchaseOrder>),
}

impl Event for PurchaseOrderEvent {}
