//! The status of an order, as the design shows it.

use chrono::NaiveDate;
use comptoir_core::commerce::orders::{OrderLine, OrderStatus, OrderSummary, OrderView};

use crate::console::names;
use crate::console::status::Status;
use crate::console::words::Orders;

/// Of an order in a list, of which the lines are not known.
pub(crate) fn listed(order: &OrderSummary, today: NaiveDate, w: &'static Orders) -> Status {
    let is_late = order.promised_on.is_some_and(|day| day.date() < today);
    match order.status {
        OrderStatus::Cancelled => Status::over(w.cancelled),
        OrderStatus::Shipped => Status::done(w.shipped),
        OrderStatus::Delivered => Status::done(w.delivered),
        OrderStatus::Pending | OrderStatus::Confirmed if order.held_for_approval => Status::held(w.held),
        OrderStatus::Pending | OrderStatus::Confirmed if is_late => Status::late(w.late),
        OrderStatus::Pending => Status::open(w.pending),
        OrderStatus::Confirmed => Status::begun(w.confirmed),
    }
}

/// Of an order with its lines.
pub(super) fn whole(order: &OrderView, today: NaiveDate, w: &'static Orders) -> Status {
    let summary = &order.summary;
    if summary.status == OrderStatus::Confirmed && !summary.held_for_approval {
        if has_left(&order.lines) {
            return Status::half(w.partly);
        }
        if order.lines.iter().any(|line| !line.waiting.is_zero()) {
            return Status::draft(w.waits);
        }
    }
    listed(summary, today, w)
}

/// Whether a part of it has left.
pub(super) fn has_left(lines: &[OrderLine]) -> bool {
    lines.iter().any(|line| !line.shipped.is_zero())
}

/// Whether something of it can leave now.
pub(super) fn has_ready(lines: &[OrderLine]) -> bool {
    lines.iter().any(|line| !line.ready().is_zero())
}

/// What people call an order.
pub(crate) fn number(order: &OrderSummary) -> String {
    names::number(order.reference.clone(), order.external_id.clone(), order.id)
}
