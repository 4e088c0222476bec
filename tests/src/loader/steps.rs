//! The steps of an order to its final state.

use serde_json::{Value, json};

/// A command on an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Confirm,
    Ship,
    Deliver,
    Cancel,
}

impl Step {
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::Ship => "ship",
            Self::Deliver => "deliver",
            Self::Cancel => "cancel",
        }
    }

    pub(super) fn body(self, invoice: &str) -> Option<Value> {
        match self {
            Self::Ship => Some(json!({"tracking_number": format!("TRACK-{invoice}")})),
            Self::Cancel => Some(json!({"reason": format!("cancelled by invoice {invoice}")})),
            Self::Confirm | Self::Deliver => None,
        }
    }
}

/// Returns the next step of an order in this state towards delivery or cancellation. `None` if there is no further step.
pub(super) fn next_step(status: &str, cancel: bool) -> Option<Step> {
    match (status, cancel) {
        ("pending" | "confirmed", true) => Some(Step::Cancel),
        ("pending", false) => Some(Step::Confirm),
        ("confirmed", false) => Some(Step::Ship),
        ("shipped", false) => Some(Step::Deliver),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_confirmed_shipped_and_delivered() {
        assert_eq!(next_step("pending", false), Some(Step::Confirm));
        assert_eq!(next_step("confirmed", false), Some(Step::Ship));
        assert_eq!(next_step("shipped", false), Some(Step::Deliver));
        assert_eq!(next_step("delivered", false), None);
    }

    #[test]
    fn a_cancellation_is_cancelled_from_wherever_it_can_be() {
        assert_eq!(next_step("pending", true), Some(Step::Cancel));
        assert_eq!(next_step("confirmed", true), Some(Step::Cancel));
        assert_eq!(next_step("cancelled", true), None);
        assert_eq!(next_step("cancelled", false), None);
    }
}
