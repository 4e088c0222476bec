//! What of a level lies in which location, and from where goods are taken that leave.

use std::cmp::Ordering;

use super::aggregate::DocumentRef;
use crate::values::goods::{Units, UnitsChange};
use crate::values::ids::LocationId;

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
pub struct Taken {
    /// `None` is what lies in no location.
    pub location: Option<PlaceRef>,
    pub units: Units,
}

/// Returns from where goods are taken that leave: what lies in no location first, then the locations in the order of their codes, in
/// which `places` are. If there are fewer, it is all there are.
pub fn taken(loose: &Units, places: &[Place], units: &Units) -> Vec<Taken> {
    let mut left = units.clone();
    let mut taken = Vec::new();
    let all = std::iter::once((None, loose)).chain(places.iter().map(|place| (Some(place), &place.on_hand)));
    for (place, there) in all {
        let units = left.less(&left.less(there));
        if units.is_zero() {
            continue;
        }
        left = left.less(&units);
        taken.push(Taken { location: place.map(|place| place.location.clone()), units });
    }
    taken
}

/// Takes these away from what lies loose and from the places, for whoever is next.
pub(crate) fn take_away(loose: &mut Units, places: &mut Vec<Place>, taken: &[Taken]) {
    for Taken { location, units } in taken {
        let there = match location {
            None => Some(&mut *loose),
            Some(location) => places
                .iter_mut()
                .find(|place| place.location.id == location.id)
                .map(|place| &mut place.on_hand),
        };
        if let Some(there) = there {
            *there = there.less(units);
        }
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
        let (mut loose, mut places) = (units("3"), vec![place("A-01", "2"), place("B-01", "5")]);
        let first = taken(&loose, &places, &units("4"));
        take_away(&mut loose, &mut places, &first);
        assert_eq!(told(&taken(&loose, &places, &units("3"))), ["A-01 1", "B-01 2"]);
    }

    #[test]
    fn places_are_in_the_order_of_their_codes() {
        let mut places = [place("B-01", "1"), place("A-02", "1"), place("A-01", "1")];
        places.sort_by(|a, b| a.location.cmp(&b.location));
        let codes: Vec<_> = places.iter().map(|place| place.location.code.as_str()).collect();
        assert_eq!(codes, ["A-01", "A-02", "B-01"]);
    }
}
