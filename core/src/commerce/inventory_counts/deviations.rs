//! What was counted otherwise than expected: line by line, as it is posted, and of each product in all lines together.

use std::collections::BTreeMap;

use bigdecimal::BigDecimal;

use crate::commerce::stock::{DocumentRef, MovementKind, PlaceRef, StockError, StockLevel};
use crate::values::goods::{Units, UnitsChange};
use crate::values::ids::ProductId;
use crate::values::money::{Money, UnitPrice};

/// A line that was counted otherwise than expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deviation {
    pub product_id: ProductId,
    /// Of a count of locations.
    pub location: Option<PlaceRef>,
    pub sku: String,
    pub name: String,
    pub expected: Units,
    pub counted: Units,
    /// Known when it is posted.
    pub average_cost: UnitPrice,
}

impl Deviation {
    pub fn change(&self) -> UnitsChange {
        UnitsChange::stored(self.counted.value() - self.expected.value())
    }

    /// How many units are there besides, if any.
    pub fn gained(&self) -> Units {
        self.counted.less(&self.expected)
    }

    /// How many units are missing, if any.
    pub fn lost(&self) -> Units {
        self.expected.less(&self.counted)
    }

    /// Whether there is still what was expected.
    pub(super) fn is_expected_of(&self, level: &StockLevel) -> bool {
        match &self.location {
            Some(location) => level.on_hand_in(location.id) == self.expected,
            None => *level.on_hand() == self.expected,
        }
    }

    /// Brings the level to what was counted.
    pub(super) fn post(&self, level: &mut StockLevel, document: &DocumentRef) -> Result<(), StockError> {
        let (more, less) = (self.gained(), self.lost());
        if more.is_zero() {
            if let Some(location) = &self.location {
                level.pick(location, &less, document)?;
            }
            level.remove(MovementKind::Adjustment, &less, None, document)
        } else {
            level.receive(MovementKind::Adjustment, &more, None, document)?;
            match &self.location {
                Some(location) => level.put_away(location, &more, document),
                None => Ok(()),
            }
        }
    }
}

/// How a product differs in all lines together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Net {
    pub(super) gained: Units,
    pub(super) lost: Units,
    average_cost: UnitPrice,
}

impl Net {
    pub(super) fn value(&self, units: &Units) -> Money {
        let value: BigDecimal = units.value() * self.average_cost.value();
        Money::rounded(&value)
    }
}

/// Returns what is there besides, or missing, of each product: what is missing in one location may have been found in another.
pub(super) fn net_of(deviations: &[Deviation]) -> BTreeMap<ProductId, Net> {
    let mut sums: BTreeMap<ProductId, Net> = BTreeMap::new();
    for line in deviations {
        let none =
            || Net { gained: Units::zero(), lost: Units::zero(), average_cost: line.average_cost.clone() };
        let sum = sums.entry(line.product_id).or_insert_with(none);
        (sum.gained, sum.lost) = (sum.gained.plus(&line.gained()), sum.lost.plus(&line.lost()));
    }
    for net in sums.values_mut() {
        (net.gained, net.lost) = (net.gained.less(&net.lost), net.lost.less(&net.gained));
    }
    sums
}
