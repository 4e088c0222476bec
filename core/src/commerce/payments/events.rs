//! The domain events of payments.

use super::Payment;
use crate::application::events::Event;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentEvent {
    Received(Box<Payment>),
    /// Carries the reversal.
    Reversed(Box<Payment>),
}

impl Event for PaymentEvent {}
