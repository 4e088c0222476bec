//! What happens to products.

use super::Product;

/// Carries the product as it stood after what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProductEvent {
    Created(Product),
    Updated(Product),
    Archived(Product),
    Deleted(Product),
}
