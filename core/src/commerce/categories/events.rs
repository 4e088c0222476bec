//! The domain events of categories.

use super::Category;
use crate::application::events::Event;

/// Carries the category as it is after the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CategoryEvent {
    Created(Category),
    Updated(Category),
    Deleted(Category),
}

impl Event for CategoryEvent {}
