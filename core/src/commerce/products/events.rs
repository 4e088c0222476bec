//! The domain events of products.

use super::Product;
use crate::application::events::Event;

/// Carries the product as it is after the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProductEvent {
    Created(Product),
    Updated(Product),
    Archived(Product),
    Deleted(Product),
}

impl Event for ProductEvent {}
