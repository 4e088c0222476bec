//! What is there of each product, as far as this file goes: what was received for it, less what was sold, and what came back.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bigdecimal::{BigDecimal, Zero};

/// By SKU. It holds what was received, and nothing else: at most as many products as a plan has.
#[derive(Debug, Default)]
pub(super) struct Shelf(Mutex<HashMap<String, BigDecimal>>);

impl Shelf {
    pub(super) fn receive(&self, sku: &str, quantity: &BigDecimal) {
        *self.products().entry(sku.to_owned()).or_default() += quantity;
    }

    pub(super) fn holds(&self, sku: &str) -> bool {
        self.products().contains_key(sku)
    }

    /// Takes what was sold.
    pub(super) fn sell(&self, sku: &str, quantity: &BigDecimal) {
        if let Some(there) = self.products().get_mut(sku) {
            *there -= quantity;
        }
    }

    /// Puts back what came back.
    pub(super) fn put_back(&self, sku: &str, quantity: &BigDecimal) {
        if let Some(there) = self.products().get_mut(sku) {
            *there += quantity;
        }
    }

    /// Takes as much as is there, at most what is wanted. Returns it.
    pub(super) fn take(&self, sku: &str, wanted: &BigDecimal) -> BigDecimal {
        let mut products = self.products();
        let Some(there) = products.get_mut(sku) else { return BigDecimal::zero() };
        let taken = wanted.clone().min(there.clone()).max(BigDecimal::zero());
        *there -= &taken;
        taken
    }

    fn products(&self) -> MutexGuard<'_, HashMap<String, BigDecimal>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(number: i32) -> BigDecimal {
        BigDecimal::from(number)
    }

    #[test]
    fn no_more_is_taken_than_is_there() {
        let shelf = Shelf::default();
        shelf.receive("A", &number(10));
        shelf.sell("A", &number(8));
        shelf.put_back("A", &number(1));
        assert_eq!(shelf.take("A", &number(2)), number(2));
        assert_eq!(shelf.take("A", &number(2)), number(1));
        assert_eq!(shelf.take("A", &number(2)), number(0));
        shelf.put_back("B", &number(5));
        assert!(!shelf.holds("B"), "nothing was received of it");
        assert_eq!(shelf.take("B", &number(1)), number(0));
    }
}
