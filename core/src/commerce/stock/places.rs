//! What of a level lies in which location, and from where goods are taken that leave.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::aggregate::DocumentRef;
use crate::values::goods::{Units, UnitsChange};
use crate::values::ids::{LocationId, ProductId};

/// The maximum number of locations in which a product lies in one warehouse: all of them are loaded when goods leave.
pub const MAX_PLACES: usize = 1_000;

/// A location, as the stock knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceRef {
    pub id: LocationId,
    pub code: String,
}

/// Goods are taken from locations in the order of their codes.
impl Ord for PlaceRef {
    fn cmp(&self, other: &Self) -> Ordering {
        (&self.code, self.id).cmp(&(&other.code, other.id))
    }
}

impl PartialOrd for PlaceRef {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What of a level lies in a location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub location: PlaceRef,
    /// More than nothing.
    pub on_hand: Units,
}

/// How what lies in a location changed.
#[derive(Debug, Clone)]
pub struct PlaceMovement {
    pub location_id: LocationId,
    pub change: UnitsChange,
    /// What lay there afterwards.
    pub on_hand: Units,
    pub document: DocumentRef,
}

/// What is taken from one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    /// `None` is what lies in no location.
    pub(crate) location: Option<PlaceRef>,
    pub(crate) units: Units,
}

/// Returns from where goods are taken that leave: what lies in no location first, then the locations in the order of their codes, in
/// which `places` are. If there are fewer, it is all there are.
pub(super) fn taken(loose: &Units, places: &[Place], units: &Units) -> Vec<Taken> {
    let mut left = units.clone();
    let mut taken = Vec::new();
    let all = std::iter::once((None, loose)).chain(places.iter().map(|place| (Some(place), &place.on_hand)));
    for (place, there) in all {
        let units = left.at_most(there);
        if units.is_zero() {
            continue;
        }
        left = left.less(&units);
        taken.push(Taken { location: place.map(|place| place.location.clone()), units });
    }
    taken
}

/// Where products lie in a warehouse, for whoever plans from where they are taken.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shelves(HashMap<ProductId, (Units, Vec<Place>)>);

impl Shelves {
    /// Adds a product: what of it lies in no location, and its places.
    pub(super) fn put(&mut self, product: ProductId, loose: Units, mut places: Vec<Place>) {
        places.sort_by(|a, b| a.location.cmp(&b.location));
        self.0.insert(product, (loose, places));
    }

    /// Returns from where units are taken. They are not there for the next who takes some.
    pub(crate) fn take(&mut self, product: ProductId, units: &Units) -> Vec<Taken> {
        let Some((loose, places)) = self.0.get_mut(&product) else { return Vec::new() };
        let taken = taken(loose, places, units);
        for Taken { location, units } in &taken {
            match location {
                None => *loose = loose.less(units),
                Some(location) => {
                    for place in places.iter_mut().filter(|place| place.location.id == location.id) {
                        place.on_hand = place.on_hand.less(units);
                    }
                }
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(text: &str) -> Units {
        Units::parse(text).expect("an amount")
    }

    fn place(code: &str, on_hand: &str) -> Place {
        let location = PlaceRef { id: LocationId::generate(), code: code.to_owned() };
        Place { location, on_hand: units(on_hand) }
    }

    fn told(taken: &[Taken]) -> Vec<String> {
        let told = |taken: &Taken| {
            let code = taken.location.as_ref().map_or("-", |location| location.code.as_str());
            format!("{code} {}", taken.units)
        };
        taken.iter().map(told).collect()
    }

    #[test]
    fn what_lies_in_no_location_leaves_first_and_then_by_code() {
        let places = [place("A-01", "2"), place("B-01", "5")];
        let from = |units: &Units| told(&taken(&self::units("3"), &places, units));
        assert_eq!(from(&units("2.5")), ["- 2.5"]);
        assert_eq!(from(&units("4")), ["- 3", "A-01 1"]);
        assert_eq!(from(&units("9")), ["- 3", "A-01 2", "B-01 4"]);
        assert_eq!(from(&units("99")), ["- 3", "A-01 2", "B-01 5"], "there are no more");
        assert_eq!(from(&units("0")), [] as [&str; 0]);
    }

    #[test]
    fn what_is_taken_for_one_is_not_there_for_the_next() {
        let (product, mut shelves) = (ProductId::generate(), Shelves::default());
        shelves.put(product, units("3"), vec![place("B-01", "5"), place("A-01", "2")]);
        assert_eq!(told(&shelves.take(product, &units("4"))), ["- 3", "A-01 1"]);
        assert_eq!(told(&shelves.take(product, &units("3"))), ["A-01 1", "B-01 2"]);
        assert_eq!(told(&shelves.take(ProductId::generate(), &units("1"))), [] as [&str; 0]);
    }

    #[test]
    fn places_are_in_the_order_of_their_codes() {
        let mut places = [place("B-01", "1"), place("A-02", "1"), place("A-01", "1")];
        places.sort_by(|a, b| a.location.cmp(&b.location));
        let codes: Vec<_> = places.iter().map(|place| place.location.code.as_str()).collect();
        assert_eq!(codes, ["A-01", "A-02", "B-01"]);
    }
}
