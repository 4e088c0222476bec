//! Lettering: which invoices, credit notes and payments close each other on a customer's account. Pure.
//!
//! What payments and credit notes pay, and reversals, connect: that is one group. That a credit note corrects an invoice connects nothing by itself: what it does not pay of it
//! is open until another invoice uses it, and an invoice that was paid before keeps its letter.
//!
//! A group whose sum is zero is closed: all of it gets one code, the number of its first document, and the date of
//! its last one. So the code is the same in each file in which a part of the group stands, whatever else is exported with it.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use uuid::Uuid;

use crate::values::money::Money;

/// An invoice, a credit note or a payment on a customer's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) id: Uuid,
    pub(super) date: NaiveDate,
    /// The number of a document; `None` of a payment.
    pub(super) number: Option<String>,
    /// What it adds to what the customer owes: less than zero for credit notes and payments.
    pub(super) amount: Money,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) code: String,
    pub(super) date: NaiveDate,
}

/// The letters of the items of some customers. `links` connect two of them; others are passed over.
pub(super) fn letters(items: &[Item], links: &[(Uuid, Uuid)]) -> HashMap<Uuid, Letter> {
    let places: HashMap<Uuid, usize> =
        items.iter().enumerate().map(|(place, item)| (item.id, place)).collect();
    let mut groups = Groups::new(items.len());
    for (one, other) in links {
        if let (Some(one), Some(other)) = (places.get(one), places.get(other)) {
            groups.join(*one, *other);
        }
    }
    let mut members: BTreeMap<usize, Vec<&Item>> = BTreeMap::new();
    for (place, item) in items.iter().enumerate() {
        members.entry(groups.of(place)).or_default().push(item);
    }
    let mut found = HashMap::new();
    for group in members.into_values() {
        let sum: Money = group.iter().map(|item| &item.amount).sum();
        if group.len() < 2 || !sum.is_zero() {
            continue;
        }
        let Some(letter) = letter(&group) else { continue };
        found.extend(group.iter().map(|item| (item.id, letter.clone())));
    }
    found
}

/// The letter of a closed group: a payment and its reversal, which paid nothing, are called by the first one's id.
fn letter(group: &[&Item]) -> Option<Letter> {
    let first = |item: &&&Item| (item.date, item.number.clone(), item.id);
    let document = group.iter().filter(|item| item.number.is_some()).min_by_key(first);
    let payment = || group.iter().min_by_key(first);
    let code = match document.or_else(payment)? {
        Item { number: Some(number), .. } => number.clone(),
        Item { id, .. } => id.simple().to_string(),
    };
    Some(Letter { code, date: group.iter().map(|item| item.date).max()? })
}

/// Groups that are joined until all links are known: each item points to another one of its group, the last one to itself.
struct Groups(Vec<usize>);

impl Groups {
    fn new(items: usize) -> Self {
        Self((0..items).collect())
    }

    fn of(&mut self, item: usize) -> usize {
        let mut root = item;
        while let Some(next) = self.0.get(root).copied()
            && next != root
        {
            root = next;
        }
        // The way is short for whoever comes next.
        let mut place = item;
        while place != root {
            let Some(next) = self.0.get_mut(place) else { break };
            place = std::mem::replace(next, root);
        }
        root
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.of(one), self.of(other));
        let (first, second) = (one.min(other), one.max(other));
        if let Some(place) = self.0.get_mut(second) {
            *place = first;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn item(number: u128, day: u32, document: Option<&str>, amount: &str) -> Item {
        Item {
            id: id(number),
            date: NaiveDate::from_ymd_opt(2026, 3, day).expect("a date"),
            number: document.map(str::to_owned),
            amount: Money::parse(amount).expect("an amount"),
        }
    }

    fn found(items: &[Item], links: &[(u128, u128)]) -> Vec<String> {
        let links: Vec<_> = links.iter().map(|(one, other)| (id(*one), id(*other))).collect();
        let letters = letters(items, &links);
        let text = |item: &Item| {
            letters.get(&item.id).map_or("-".to_owned(), |letter| format!("{} {}", letter.code, letter.date))
        };
        items.iter().map(text).collect()
    }

    #[test]
    fn what_closes_each_other_has_one_letter() {
        let items = [
            item(1, 1, Some("FA-1"), "100"),
            item(2, 2, Some("FA-2"), "50"),
            item(3, 9, None, "-120"),
            item(4, 5, Some("AV-1"), "-30"),
            item(5, 3, Some("FA-3"), "10"),
            item(6, 4, None, "-9.99"),
        ];
        let links = [(3, 1), (3, 2), (4, 1), (6, 5)];
        let closed = "FA-1 2026-03-09".to_owned();
        let open = "-".to_owned();
        let expected = [&closed, &closed, &closed, &closed, &open, &open].map(Clone::clone);
        assert_eq!(found(&items, &links), expected);
        // Whatever order they come in.
        let mut turned = items;
        turned.reverse();
        let expected = [&open, &open, &closed, &closed, &closed, &closed].map(Clone::clone);
        assert_eq!(found(&turned, &links), expected);
    }

    #[test]
    fn a_credit_note_that_pays_nothing_yet_leaves_what_is_closed_alone() {
        let mut items =
            vec![item(1, 1, Some("FA-1"), "100"), item(2, 2, None, "-100"), item(3, 5, Some("AV-1"), "-30")];
        let paid = "FA-1 2026-03-02".to_owned();
        assert_eq!(found(&items, &[(2, 1)]), [paid.clone(), paid.clone(), "-".to_owned()]);
        // Another invoice uses it.
        items.push(item(4, 9, Some("FA-2"), "30"));
        let used = "AV-1 2026-03-09".to_owned();
        assert_eq!(found(&items, &[(2, 1), (3, 4)]), [paid.clone(), paid, used.clone(), used]);
    }

    #[test]
    fn what_is_open_or_left_has_none_and_a_reversal_closes_its_payment() {
        let items = [item(1, 1, Some("FA-1"), "100"), item(2, 2, None, "-110")];
        assert_eq!(found(&items, &[(2, 1)]), ["-", "-"], "10 are left");
        let reversed = [item(7, 1, None, "-50"), item(8, 6, None, "50")];
        let code = format!("{} 2026-03-06", id(7).simple());
        assert_eq!(found(&reversed, &[(8, 7)]), [code.clone(), code]);
        assert_eq!(found(&reversed, &[(8, 99)]), ["-", "-"], "one of another day is not there");
    }
}
