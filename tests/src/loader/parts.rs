//! Invoice numbers that stand in several places of the file, with rows of other numbers between them: the parts of such an invoice. Parts may
//! be equal, row by row, so that nothing in a request tells which of them it is made of. The API takes a request that it knows for the same one
//! sent again: without this, a later part would count as done, and nothing of it would be.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

/// The most numbers that are compared with each other, to bound the memory: 16 bytes each. Parts of further ones are told apart by their rows alone.
const NUMBERS_AT_MOST: usize = 1_000_000;

/// Stands for a number or a reference, however long it is.
type Name = [u8; 16];

fn name(text: &str) -> Name {
    let digest = Sha256::digest(text);
    let mut name = Name::default();
    name.copy_from_slice(&digest[..16]);
    name
}

/// Finds the numbers that have several parts, while the file is read for the first time.
#[derive(Debug)]
pub(super) struct Finder {
    seen: HashSet<Name>,
    several: HashSet<Name>,
    /// How many numbers are compared.
    most: usize,
}

impl Finder {
    pub(super) fn new() -> Self {
        Self { seen: HashSet::new(), several: HashSet::new(), most: NUMBERS_AT_MOST }
    }

    /// Takes notice of a part: rows that follow each other.
    pub(super) fn note(&mut self, number: &str) {
        let name = name(number);
        if self.seen.contains(&name) {
            self.several.insert(name);
        } else if self.seen.len() < self.most {
            self.seen.insert(name);
        }
    }

    pub(super) fn parts(self) -> Parts {
        Parts { several: self.several, orders: Mutex::default(), documents: Mutex::default() }
    }
}

/// Tells the parts of an invoice from each other.
#[derive(Debug)]
pub(super) struct Parts {
    /// The numbers that have several.
    several: HashSet<Name>,
    /// Those of them of which a part became the order.
    orders: Mutex<HashSet<Name>>,
    /// How many documents had each reference.
    documents: Mutex<HashMap<Name, u32>>,
}

impl Parts {
    /// Notes that a part of this invoice is its order.
    pub(super) fn have_order(&self, number: &str) {
        let name = name(number);
        if self.several.contains(&name) {
            self.orders.lock().unwrap_or_else(PoisonError::into_inner).insert(name);
        }
    }

    /// Whether an earlier part of this invoice is its order, by this run.
    pub(super) fn has_order(&self, number: &str) -> bool {
        let name = name(number);
        self.several.contains(&name)
            && self.orders.lock().unwrap_or_else(PoisonError::into_inner).contains(&name)
    }

    /// Returns the reference of a document that is made of a part: that of the first part as it is, those of later ones with their number
    /// behind. Parts must come in the order of the file, so that they have the same references in every run.
    pub(super) fn reference(&self, number: &str, reference: String) -> String {
        if !self.several.contains(&name(number)) {
            return reference;
        }
        let mut documents = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        let count = documents.entry(name(&reference)).or_default();
        *count += 1;
        if *count == 1 { reference } else { format!("{reference} ({count})") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(numbers: &[&str]) -> Parts {
        let mut finder = Finder::new();
        numbers.iter().for_each(|number| finder.note(number));
        finder.parts()
    }

    #[test]
    fn documents_of_later_parts_have_references_of_their_own() {
        let parts = parts(&["C3", "C4", "C3", "C3"]);
        let of = |number: &str, order: &str| parts.reference(number, format!("{number}/{order}"));
        assert_eq!([of("C3", "1"), of("C3", "2"), of("C4", "1")], ["C3/1", "C3/2", "C4/1"]);
        assert_eq!([of("C3", "1"), of("C3", "1"), of("C3", "2")], ["C3/1 (2)", "C3/1 (3)", "C3/2 (2)"]);
        assert_eq!(of("C4", "1"), "C4/1", "there is one part of it: it is the same document again");
    }

    #[test]
    fn only_of_several_parts_one_is_the_order() {
        let parts = parts(&["1", "2", "1"]);
        assert!(!parts.has_order("1"), "nothing was placed yet");
        parts.have_order("1");
        parts.have_order("2");
        assert!(parts.has_order("1") && !parts.has_order("2"));
        assert_eq!(parts.orders.lock().unwrap().len(), 1, "a number of one part takes no memory");
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut finder = Finder { most: 2, ..Finder::new() };
        ["1", "2", "3", "3", "2"].iter().for_each(|number| finder.note(number));
        assert_eq!((finder.seen.len(), finder.several), (2, HashSet::from([name("2")])));
    }
}
