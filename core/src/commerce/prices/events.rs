//! The domain events of price lists.

use super::PriceList;
use crate::application::events::Event;
use crate::values::ids::ProductId;

/// Carries the list, without its prices, as it is after the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PriceListEvent {
    Created(PriceList),
    /// What it is called, when it is valid, or the prices of these products.
    Changed {
        list: PriceList,
        products: Vec<ProductId>,
    },
    Deleted(PriceList),
}

impl Event for PriceListEvent {}
