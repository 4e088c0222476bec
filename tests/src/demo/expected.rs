//! What should be in stock after a file was loaded, computed a second time: from the rows of the file and of the list of refused
//! rows alone, without the code that loads. It only shares which codes are not kept in stock.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use anyhow::{Context, Result};
use bigdecimal::{BigDecimal, Zero};
use csv::{ReaderBuilder, StringRecord};

use crate::loader::is_service;

/// The most products, refused rows, and customers and products with returns that are compared, to bound the memory.
const PRODUCTS_AT_MOST: usize = 200_000;
const REFUSED_AT_MOST: usize = 1_000_000;
const PAIRS_AT_MOST: usize = 200_000;

/// Reasons of rows that are not read at all.
const UNREAD: [&str; 4] = ["malformed_row", "not_utf8", "no_invoice_number", "invoice_too_long"];
/// Reasons of rows that are met in part, or not at all: how much is computed here.
const NO_EARLIER_SALE: &str = "no_earlier_sale";
const NOT_IN_STOCK: &str = "not_in_stock";

/// What a file and its list of refused rows say.
#[derive(Debug, Default)]
pub struct Expected {
    /// What should be on hand in the end, by SKU: of what is sold from stock.
    pub on_hand: BTreeMap<String, BigDecimal>,
    /// The products of which a row was accepted. The others may not be there at all.
    pub touched: HashSet<String>,
    /// The rows that should be refused in part or whole because nothing was sold before, or is there.
    pub without_sale: u64,
    pub not_there: u64,
    /// The rows that are refused so.
    pub refused_without_sale: u64,
    pub refused_not_there: u64,
}

/// How a row was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Unread,
    /// By its quantity: as much as was possible was done.
    Short,
    Refused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Sale,
    Return,
    Loss,
}

/// A row that moves goods, or would.
#[derive(Debug)]
pub(super) struct Moves {
    pub(super) kind: Kind,
    /// Counts the invoices of the file, from 1.
    pub(super) invoice: u64,
    /// The customer of its invoice, and whether that has no number.
    pub(super) customer: String,
    pub(super) is_guest: bool,
    /// By its name, of its invoice.
    pub(super) country: String,
    /// As the file has it, of its invoice.
    pub(super) date: String,
    pub(super) sku: String,
    pub(super) quantity: BigDecimal,
    /// Nothing where there is none.
    pub(super) price: BigDecimal,
    pub(super) fate: Option<Fate>,
}

impl Expected {
    /// Reads both files. `None` if they are too large to be compared.
    ///
    /// # Errors
    /// Fails if a file cannot be read.
    pub fn of(orders: &Path, refused: &Path) -> Result<Option<Self>> {
        let mut expected = Self::default();
        let Some(fates) = expected.fates(refused)? else { return Ok(None) };
        let mut returned = HashSet::new();
        // What was received, and what of it was sold.
        each_row(orders, &fates, |row| {
            if row.kind == Kind::Return {
                if row.fate != Some(Fate::Refused) && returned.len() <= PAIRS_AT_MOST {
                    returned.insert((row.customer, row.sku));
                }
            } else if row.kind == Kind::Sale
                && !is_service(&row.sku)
                && expected.on_hand.len() <= PRODUCTS_AT_MOST
            {
                let sold = if row.fate.is_none() { row.quantity.clone() } else { BigDecimal::zero() };
                if row.fate.is_none() {
                    expected.touched.insert(row.sku.clone());
                }
                *expected.on_hand.entry(row.sku).or_default() += row.quantity - sold;
            }
        })?;
        if expected.on_hand.len() > PRODUCTS_AT_MOST || returned.len() > PAIRS_AT_MOST {
            return Ok(None);
        }
        // What came back: at most what that customer bought before, and has not brought back.
        let mut bought: HashMap<(String, String), BigDecimal> = HashMap::new();
        each_row(orders, &fates, |row| {
            let pair = (row.customer, row.sku);
            if row.kind == Kind::Sale && row.fate.is_none() && returned.contains(&pair) {
                *bought.entry(pair).or_default() += row.quantity;
            } else if row.kind == Kind::Return && row.fate != Some(Fate::Refused) {
                let there = bought.get(&pair).cloned().unwrap_or_default();
                let back = if there < row.quantity { there.clone() } else { row.quantity.clone() };
                expected.without_sale += u64::from(back < row.quantity);
                if let Some(on_hand) = expected.on_hand.get_mut(&pair.1) {
                    *on_hand += &back;
                }
                bought.insert(pair, there - back);
            }
        })?;
        // What was lost, after all of this.
        each_row(orders, &fates, |row| {
            if row.kind == Kind::Loss && row.fate != Some(Fate::Refused) {
                let there = expected.on_hand.get(&row.sku).cloned().unwrap_or_default();
                let lost = if there < row.quantity { there.clone() } else { row.quantity.clone() };
                expected.not_there += u64::from(lost < row.quantity);
                if let Some(on_hand) = expected.on_hand.get_mut(&row.sku) {
                    *on_hand = there - lost;
                }
            }
        })?;
        Ok(Some(expected))
    }

    /// Reads the list of refused rows: how each was refused, by its line. `None` if there are too many.
    pub(super) fn fates(&mut self, refused: &Path) -> Result<Option<HashMap<u64, Fate>>> {
        let mut fates = HashMap::new();
        let mut reader = ReaderBuilder::new()
            .flexible(true)
            .from_path(refused)
            .with_context(|| format!("cannot read {}", refused.display()))?;
        for record in reader.byte_records() {
            let record = record?;
            let text = |field: usize| String::from_utf8_lossy(record.get(field).unwrap_or_default());
            let line: u64 = text(0).parse().with_context(|| format!("line {:?}", text(0)))?;
            let reason = text(2);
            self.refused_without_sale += u64::from(reason == NO_EARLIER_SALE);
            self.refused_not_there += u64::from(reason == NOT_IN_STOCK);
            let fate = match &*reason {
                NO_EARLIER_SALE | NOT_IN_STOCK => Fate::Short,
                reason if UNREAD.contains(&reason) => Fate::Unread,
                _ => Fate::Refused,
            };
            // A row can be listed for its quantity, and for what the API says of the rest.
            let known = fates.entry(line).or_insert(fate);
            if *known == Fate::Short {
                *known = fate;
            }
            if fates.len() > REFUSED_AT_MOST {
                return Ok(None);
            }
        }
        Ok(Some(fates))
    }
}

/// Reads the rows of a sales file that move goods, or would if they were not refused.
pub(super) fn each_row(orders: &Path, fates: &HashMap<u64, Fate>, mut take: impl FnMut(Moves)) -> Result<()> {
    let mut reader = ReaderBuilder::new()
        .flexible(true)
        .from_path(orders)
        .with_context(|| format!("cannot read {}", orders.display()))?;
    let header: Vec<String> = reader
        .byte_headers()?
        .iter()
        .map(|name| String::from_utf8_lossy(name).trim_start_matches('\u{feff}').trim().to_lowercase())
        .collect();
    let (mut invoice, mut number) = (0, String::new());
    let (mut customer, mut country, mut is_guest) = (String::new(), String::new(), true);
    let mut date = String::new();
    for record in reader.byte_records() {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line);
        let fate = fates.get(&line).copied();
        if fate == Some(Fate::Unread) {
            continue;
        }
        let record = StringRecord::from_byte_record_lossy(record);
        let text = |column: &str| {
            let place = header.iter().position(|name| name == column);
            place.and_then(|place| record.get(place)).unwrap_or_default().trim()
        };
        if number != text("invoiceno") {
            invoice += 1;
            text("invoiceno").clone_into(&mut number);
            customer = customer_of(text("customerid"), text("country"));
            is_guest = text("customerid").is_empty();
            text("country").clone_into(&mut country);
            text("invoicedate").clone_into(&mut date);
        }
        if let Some((kind, quantity)) = meaning(&number, text("quantity"), text("unitprice"))
            && !text("stockcode").is_empty()
        {
            take(Moves {
                kind,
                invoice,
                customer: customer.clone(),
                is_guest,
                country: country.clone(),
                date: date.clone(),
                sku: text("stockcode").to_owned(),
                quantity,
                price: decimal(text("unitprice")).unwrap_or_default(),
                fate,
            });
        }
    }
    Ok(())
}

/// A customer's number as text, or the country's guest.
fn customer_of(number: &str, country: &str) -> String {
    match (number, country) {
        ("", "") => "guest of Unspecified".to_owned(),
        ("", country) => format!("guest of {country}"),
        (number, _) => number.trim_end_matches(".0").to_owned(),
    }
}

/// Returns what a row does, and with how much. `None` if it cannot do anything.
fn meaning(invoice: &str, quantity: &str, price: &str) -> Option<(Kind, BigDecimal)> {
    let none = BigDecimal::zero();
    let quantity = decimal(quantity)?;
    if invoice.to_uppercase().starts_with('C') {
        let back = quantity.abs();
        return (back > none).then_some((Kind::Return, back));
    }
    let price = if price.is_empty() { None } else { Some(decimal(price)?) };
    let is_free = price.as_ref().is_none_or(Zero::is_zero);
    if quantity < none {
        return is_free.then_some((Kind::Loss, -quantity));
    }
    (quantity > none && price.is_some_and(|price| price >= none)).then_some((Kind::Sale, quantity))
}

/// Reads `-12.50`: nine digits before the point and six after it.
fn decimal(text: &str) -> Option<BigDecimal> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let whole: u64 = whole.strip_prefix('-').unwrap_or(whole).parse().ok()?;
    let is_plain = text.chars().all(|c| c.is_ascii_digit() || c == '.' || c == '-');
    let in_range = whole < 1_000_000_000 && (1..=6).contains(&fraction.len());
    if is_plain && in_range && fraction.parse::<u64>().is_ok() { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn expected(rows: &str, refused: &str) -> Expected {
        let folder = tempfile::tempdir().unwrap();
        let header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country";
        let orders = write(folder.path(), "orders.csv", &format!("{header}\n{rows}"));
        let refused =
            write(folder.path(), "refused.csv", &format!("line,invoice,reason,message,{header}\n{refused}"));
        Expected::of(&orders, &refused).unwrap().unwrap()
    }

    fn on_hand(expected: &Expected) -> Vec<(&str, String)> {
        let plain = |amount: &BigDecimal| amount.normalized().to_plain_string();
        expected.on_hand.iter().map(|(sku, amount)| (sku.as_str(), plain(amount))).collect()
    }

    #[test]
    fn what_is_sold_leaves_and_what_comes_back_is_there() {
        let rows = "1,A,Board,5,d,2.00,7.0,F\n1,POST,Postage,1,d,9.00,7.0,F\nC2,A,Board,-3,d,2.00,7,F\n3,A,Board,1,d,2.00,,F\n";
        let expected = expected(rows, "");
        assert_eq!(on_hand(&expected), [("A", "3".to_owned())]);
        assert_eq!((expected.without_sale, expected.not_there), (0, 0));
    }

    #[test]
    fn no_more_comes_back_than_that_customer_bought_before() {
        let rows = "C1,A,Board,-1,d,2.00,7,F\n2,A,Board,5,d,2.00,7,F\nC3,A,Board,-3,d,2.00,7,F\nC4,A,Board,-3,d,2.00,7,F\nC5,A,Board,-1,d,2.00,8,F\n";
        let expected =
            expected(rows, "2,C1,no_earlier_sale,\n5,C4,no_earlier_sale,\n6,C5,no_earlier_sale,\n");
        assert_eq!(on_hand(&expected), [("A", "5".to_owned())]);
        assert_eq!((expected.without_sale, expected.refused_without_sale), (3, 3));
    }

    #[test]
    fn what_the_api_refuses_was_received_and_stays() {
        let rows = "1,A,Board,5,d,2.00,7,F\n1,A,Board,4,d,2.00,7,F\nC2,A,Board,-9,d,2.00,7,F\n";
        let expected = expected(rows, "3,1,order_reference_taken,\n4,C2,no_earlier_sale,\n");
        assert_eq!(on_hand(&expected), [("A", "9".to_owned())]);
        assert!(expected.touched.contains("A"));
    }

    #[test]
    fn what_is_lost_comes_from_what_is_left_in_the_end() {
        let rows = "1,A,lost,-2,d,0.0,,F\n2,A,Board,5,d,2.00,7,F\nC3,A,Board,-1,d,2.00,7,F\n4,B,lost,-1,d,,,F\n5,A,Board,-1,d,2.00,7,F\n";
        let expected = expected(rows, "2,1,not_in_stock,\n5,4,not_in_stock,\n6,5,not_positive,\n");
        assert_eq!(on_hand(&expected), [("A", "0".to_owned())]);
        assert_eq!((expected.not_there, expected.refused_not_there), (2, 2));
    }

    #[test]
    fn what_no_number_says_moves_nothing() {
        for quantity in ["x", "1.2345678", "1e3", ".5", "5.", "0", "1234567890", "+1", ""] {
            assert_eq!(meaning("1", quantity, "1"), None, "{quantity}");
        }
        for (quantity, price) in [("1", "1e"), ("1", "-2"), ("1", ""), ("-1", "2"), ("-1", "x")] {
            assert_eq!(meaning("1", quantity, price), None, "{quantity} at {price}");
        }
    }
}
