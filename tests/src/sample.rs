//! The sales file that the project ships, `tests/data/orders-sample.csv`: a day of Wren & Alder, a wholesaler of things
//! for kitchen, desk and garden that does not exist. Written by [`write`], the same bytes every time:
//! `cargo run -p comptoir-tests --example make-sample > tests/data/orders-sample.csv`.

use std::io::Write;

use crate::loader::COLUMNS;

const INVOICES: u64 = 150;
const FIRST_INVOICE: u64 = 700_001;
const ROWS_AT_MOST: u64 = 11;
const RETURNED_AT_MOST: u64 = 4;
const OPENS_AT_MINUTE: u64 = 8 * 60;

const MATERIALS: [&str; 10] =
    ["OAK", "ENAMEL", "LINEN", "COPPER", "STONEWARE", "BEECH", "WOOL", "CORK", "GLASS", "WILLOW"];
const THINGS: [&str; 12] = [
    "SERVING BOARD",
    "MILK JUG",
    "TEA TOWEL",
    "PLANT LABEL SET OF 12",
    "PEN TRAY",
    "STORAGE JAR",
    "CANDLE HOLDER",
    "SEED BOX",
    "COASTER SET OF 4",
    "LETTER RACK",
    "WATERING CAN",
    "KEY HOOK",
];

/// Country, and the codes of its customers; an empty code is a customer without an account.
const CUSTOMERS: [(&str, &[&str]); 10] = [
    ("United Kingdom", &["20014", "20015", "20022", "20031", "20047", "20058", "20060", ""]),
    ("France", &["21003", "21009", ""]),
    ("Germany", &["22001", "22012", "22013"]),
    ("EIRE", &["23005", ""]),
    ("Netherlands", &["24002"]),
    ("Spain", &["25001", "25007"]),
    ("Belgium", &["26004"]),
    ("USA", &["27001"]),
    ("Channel Islands", &["28001"]),
    ("Unspecified", &[""]),
];

/// Rows that the API must refuse, by the invoice that they end: SKU, name, quantity, unit price.
const WRONG: [(u64, [&str; 4]); 7] = [
    (9, ["WA-1001", "OAK SERVING BOARD", "0", "14.50"]),
    (27, ["WA-1203", "LINEN TEA TOWEL", "-4", "6.25"]),
    (48, ["WA-ADJ", "ADJUST BAD DEBT", "1", "-250.00"]),
    (73, ["WA-1305", "STONEWARE STORAGE JAR", "1.2345678", "9.95"]),
    (96, ["WA-1408", "BEECH SEED BOX", "a dozen", "18.00"]),
    (111, ["", "FOUND BY THE DOOR", "1", "1.00"]),
    (134, ["WA-1502", "WOOL KEY HOOK", "3", "1e"]),
];

/// The invoices that cancel: something comes back that was sold before, or more of it than was sold.
const CANCELLED: [u64; 6] = [14, 38, 62, 87, 119, 143];
/// The invoices of something that came back and then was lost, or of more of it than there is.
const LOST: [u64; 3] = [55, 101, 146];

/// What was sold, and to whom.
#[derive(Debug, Clone, Copy)]
struct Sold {
    customer: &'static str,
    country: &'static str,
    material: u64,
    thing: u64,
}

/// A small random generator, so that no new version of a library changes the file.
struct Chance(u64);

impl Chance {
    /// Returns a number below `limit`.
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        let index = usize::try_from(self.below(all.len() as u64)).unwrap_or_default();
        &all[index]
    }
}

/// Writes the sales file.
///
/// # Errors
/// Fails if it cannot be written.
pub fn write(output: impl Write) -> csv::Result<()> {
    let mut writer = csv::Writer::from_writer(output);
    writer.write_record(COLUMNS)?;
    let mut chance = Chance(20_260_304);
    let (mut sold, mut returned): (Vec<Sold>, Vec<Sold>) = (Vec::new(), Vec::new());
    for number in 1..=INVOICES {
        let cancelled = CANCELLED.contains(&number);
        let invoice = format!("{}{}", if cancelled { "C" } else { "" }, FIRST_INVOICE + number);
        let minute = OPENS_AT_MINUTE + number * 4;
        let date = format!("2026-03-04 {:02}:{:02}:00", minute / 60, minute % 60);
        let (customer, country, mut rows) = if cancelled {
            cancellation(&mut chance, &sold, &mut returned)
        } else if LOST.contains(&number) {
            loss(&mut chance, &returned)
        } else {
            sale(&mut chance, &mut sold)
        };
        let wrong = WRONG.iter().filter(|(at, _)| *at == number);
        rows.extend(wrong.map(|(_, wrong)| wrong.map(str::to_owned)));
        for row in &rows {
            let [sku, name, quantity, price] = row.each_ref().map(String::as_str);
            let (invoice, date) = (invoice.as_str(), date.as_str());
            writer.write_record([invoice, sku, name, quantity, date, price, customer, country])?;
        }
    }
    writer.flush()?;
    Ok(())
}

/// Customer, country, and of each row SKU, name, quantity, unit price.
type Rows = (&'static str, &'static str, Vec<[String; 4]>);

fn sale(chance: &mut Chance, sold: &mut Vec<Sold>) -> Rows {
    // Half of all trade is domestic.
    let (country, codes) = if chance.below(2) == 0 { CUSTOMERS[0] } else { *chance.of(&CUSTOMERS) };
    let customer = *chance.of(codes);
    let mut rows = Vec::new();
    for _ in 0..=chance.below(ROWS_AT_MOST) {
        let (material, thing) = (chance.below(10), chance.below(12));
        sold.push(Sold { customer, country, material, thing });
        let (sku, name, price) = product(material, thing);
        rows.push([sku, name, quantity(chance, thing, false), price]);
    }
    if country != CUSTOMERS[0].0 && chance.below(2) == 0 {
        rows.push(["POST", "POSTAGE", "1", "18.00"].map(str::to_owned));
    }
    (customer, country, rows)
}

fn cancellation(chance: &mut Chance, sold: &[Sold], returned: &mut Vec<Sold>) -> Rows {
    let Sold { customer, country, .. } = *chance.of(sold);
    let is_theirs = |one: &&Sold| (one.customer, one.country) == (customer, country);
    let theirs: Vec<Sold> = sold.iter().filter(is_theirs).copied().collect();
    let mut rows = Vec::new();
    for _ in 0..=chance.below(RETURNED_AT_MOST) {
        let back = *chance.of(&theirs);
        returned.push(back);
        let (sku, name, price) = product(back.material, back.thing);
        rows.push([sku, name, quantity(chance, back.thing, true), price]);
    }
    (customer, country, rows)
}

fn loss(chance: &mut Chance, returned: &[Sold]) -> Rows {
    let lost = *chance.of(returned);
    let (sku, _, _) = product(lost.material, lost.thing);
    let row = [sku, "DAMAGED".to_owned(), quantity(chance, lost.thing, true), "0.00".to_owned()];
    ("", CUSTOMERS[0].0, vec![row])
}

fn product(material: u64, thing: u64) -> (String, String, String) {
    let name =
        |list: &[&'static str], index: u64| usize::try_from(index).ok().and_then(|i| list.get(i).copied());
    let words = (name(&MATERIALS, material).unwrap_or_default(), name(&THINGS, thing).unwrap_or_default());
    let cents = 125 + material * 85 + thing * 140;
    (
        format!("WA-{}{:02}", 10 + material, thing + 1),
        format!("{} {}", words.0, words.1),
        format!("{}.{:02}", cents / 100, cents % 100),
    )
}

fn quantity(chance: &mut Chance, thing: u64, is_negative: bool) -> String {
    let sign = if is_negative { "-" } else { "" };
    let count = 1 + chance.below(24);
    // Tea towels are sold by the metre of their cloth.
    if thing == 2 { format!("{sign}{count}.5") } else { format!("{sign}{count}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_file_is_what_the_generator_writes() {
        let mut written = Vec::new();
        write(&mut written).unwrap();
        let shipped = std::fs::read(crate::harness::root().join("tests/data/orders-sample.csv")).unwrap();
        assert!(written == shipped, "write it again: see the head of this file");
    }
}
