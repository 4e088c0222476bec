//! What is to be invoiced, credited and paid of what was loaded, in the order in which it happened: by day, and within a day by line of the file. So the dates of a
//! series of invoices go up, whatever the file's order is. What the file gives no day is last: the API dates it today.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::sales::Placed;

/// The most orders, returns and invoices that are remembered, to bound the memory: 200 bytes each. Further ones are not invoiced, and counted.
const AT_MOST: usize = 500_000;

/// An order that has left.
#[derive(Debug)]
pub(super) struct Sold {
    /// The business date; `None` is today.
    pub(super) on: Option<String>,
    /// Of the file.
    pub(super) line: u64,
    pub(super) order: Arc<Placed>,
    /// The customer's id.
    pub(super) customer: String,
    pub(super) is_consumer: bool,
}

/// What came back of an order.
#[derive(Debug)]
pub(super) struct Back {
    pub(super) on: Option<String>,
    pub(super) line: u64,
    /// The return's id, and what it is called.
    pub(super) id: String,
    pub(super) reference: String,
}

/// An invoice that has its number.
#[derive(Debug)]
pub(super) struct Numbered {
    pub(super) id: String,
    pub(super) number: String,
    pub(super) customer: String,
    pub(super) is_consumer: bool,
}

#[derive(Debug, Default)]
struct Kept {
    sold: Vec<Sold>,
    back: Vec<Back>,
    numbered: Vec<Numbered>,
    left_out: u64,
}

/// `None` if nothing is to be invoiced: then nothing is remembered.
#[derive(Debug)]
pub(super) struct Books(Option<Mutex<Kept>>);

impl Books {
    pub(super) fn new(is_wanted: bool) -> Self {
        Self(is_wanted.then(Mutex::default))
    }

    pub(super) fn are_kept(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn sold(&self, sold: Sold) {
        self.keep(|kept| &mut kept.sold, sold);
    }

    pub(super) fn back(&self, back: Back) {
        self.keep(|kept| &mut kept.back, back);
    }

    pub(super) fn numbered(&self, numbered: Numbered) {
        self.keep(|kept| &mut kept.numbered, numbered);
    }

    /// Takes all orders that have left.
    pub(super) fn take_sold(&self) -> Vec<Sold> {
        let mut sold = self.take(|kept| &mut kept.sold);
        sold.sort_by_cached_key(|sold| (sold.on.is_none(), sold.on.clone(), sold.line));
        sold
    }

    /// Takes everything that came back.
    pub(super) fn take_back(&self) -> Vec<Back> {
        let mut back = self.take(|kept| &mut kept.back);
        back.sort_by_cached_key(|back| {
            (back.on.is_none(), back.on.clone(), back.line, back.reference.clone())
        });
        back
    }

    /// Takes all invoices, by number.
    pub(super) fn take_numbered(&self) -> Vec<Numbered> {
        let mut numbered = self.take(|kept| &mut kept.numbered);
        numbered.sort_by(|one, other| one.number.cmp(&other.number));
        numbered
    }

    /// How many orders, returns and invoices there were beyond those that are remembered.
    pub(super) fn left_out(&self) -> u64 {
        self.kept().map_or(0, |kept| kept.left_out)
    }

    fn keep<T>(&self, list: impl FnOnce(&mut Kept) -> &mut Vec<T>, one: T) {
        let Some(mut kept) = self.kept() else { return };
        let list = list(&mut kept);
        if list.len() < AT_MOST {
            list.push(one);
        } else {
            kept.left_out += 1;
        }
    }

    fn take<T>(&self, list: impl FnOnce(&mut Kept) -> &mut Vec<T>) -> Vec<T> {
        self.kept().map(|mut kept| std::mem::take(list(&mut kept))).unwrap_or_default()
    }

    fn kept(&self) -> Option<MutexGuard<'_, Kept>> {
        self.0.as_ref().map(|kept| kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sold(on: Option<&str>, line: u64) -> Sold {
        let order = Arc::new(Placed { id: format!("id-{line}"), number: line.to_string(), on: None });
        let (on, customer) = (on.map(str::to_owned), "7".to_owned());
        Sold { on, line, order, customer, is_consumer: false }
    }

    #[test]
    fn orders_are_invoiced_by_day_then_by_line_and_those_without_a_day_last() {
        let books = Books::new(true);
        for (on, line) in
            [(None, 1), (Some("2026-12-01"), 4), (Some("2026-11-30"), 5), (Some("2026-11-30"), 3)]
        {
            books.sold(sold(on, line));
        }
        let lines: Vec<u64> = books.take_sold().iter().map(|sold| sold.line).collect();
        assert_eq!(lines, [3, 5, 4, 1]);
        assert_eq!((books.take_sold().len(), books.left_out()), (0, 0), "they were taken");
    }

    #[test]
    fn nothing_is_remembered_where_nothing_is_invoiced() {
        let books = Books::new(false);
        books.sold(sold(None, 1));
        assert!(!books.are_kept() && books.take_sold().is_empty());
    }
}
