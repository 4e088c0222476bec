//! The domain events of returns.

use super::Return;
use crate::application::events::Event;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReturnEvent {
    /// Goods came back, as the return says.
    Received(Box<Return>),
}

impl Event for ReturnEvent {}
