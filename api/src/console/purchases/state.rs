//! The status of a purchase order, as the design shows it.

use chrono::NaiveDate;
use comptoir_core::commerce::purchase_orders::PurchaseOrderState;
use comptoir_core::values::business_date::BusinessDate;

use crate::console::status::Status;
use crate::console::words::Purchases;

pub(super) fn status(
    state: PurchaseOrderState,
    expected: Option<BusinessDate>,
    today: NaiveDate,
    w: &'static Purchases,
) -> Status {
    let is_late = expected.is_some_and(|day| day.date() < today);
    match state {
        PurchaseOrderState::Cancelled => Status::over(w.cancelled),
        PurchaseOrderState::Received => Status::done(w.received),
        PurchaseOrderState::Ordered | PurchaseOrderState::PartlyReceived if is_late => Status::late(w.late),
        PurchaseOrderState::Ordered => Status::open(w.ordered),
        PurchaseOrderState::PartlyReceived => Status::half(w.partly_received),
    }
}

/// Whether something of it is still expected.
pub(super) fn is_open(state: PurchaseOrderState) -> bool {
    matches!(state, PurchaseOrderState::Ordered | PurchaseOrderState::PartlyReceived)
}
