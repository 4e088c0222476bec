//! What should be invoiced and credited after a file was loaded, computed a second time: from the rows of the file and of the list of refused rows alone, without the
//! code that loads or invoices. It only shares which names are countries.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use anyhow::{Context, Result};
use bigdecimal::{BigDecimal, RoundingMode, Zero};
use chrono::NaiveDate;

use super::expected::{Expected, Fate, Kind, Moves, each_row};
use super::expected_days::FileDays;
use crate::loader::country_code;

/// The most customers that are remembered, and the most sales that may come back, to bound the memory.
const CUSTOMERS_AT_MOST: usize = 200_000;
const SALES_AT_MOST: usize = 1_000_000;
/// Decimals of a quantity on an invoice: what has more is not invoiced.
const QUANTITY_DECIMALS: i64 = 4;
const CENTS: i64 = 2;
/// By how many cents what is left of an invoice may be rounded so that it adds up with its VAT.
const ROUNDED_BY: i64 = 5;
/// Where the seller's own rate holds for everybody.
const HOME: [&str; 2] = ["FR", "MC"];
/// The other member states: their businesses get goods without VAT, their consumers pay the seller's.
const MEMBER_STATES: [&str; 26] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "GR", "HR", "HU", "IE", "IT", "LT", "LU",
    "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
];

/// Base and VAT that are due, by month and rate: `2026-12`, `20`.
pub type Due = BTreeMap<(String, String), (BigDecimal, BigDecimal)>;

/// What documents of one kind come to.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Sums {
    pub documents: u64,
    pub gross: BigDecimal,
    /// Base and VAT, by rate in percent: `0`, `20`.
    pub vat: BTreeMap<String, (BigDecimal, BigDecimal)>,
}

impl Sums {
    /// Adds a document whose lines come to so much, at one rate.
    fn add(&mut self, net: &BigDecimal, rate: &BigDecimal) {
        let tax = tax(net, rate);
        self.documents += 1;
        self.gross += net + &tax;
        let (base, sum) = self.vat.entry(shown(rate)).or_default();
        *base += net;
        *sum += tax;
    }
}

/// What a file and its list of refused rows say.
#[derive(Debug, Default)]
pub struct ExpectedInvoices {
    pub invoices: Sums,
    pub credit_notes: Sums,
    /// Orders of which a quantity is too precise for an invoice.
    pub too_precise: u64,
    /// Units that are invoiced.
    pub quantity: BigDecimal,
    /// The VAT that is due: of invoices when the goods leave, of credit notes when they are issued. Everything that the file sells is goods.
    pub due: Due,
}

/// An order that is being read.
#[derive(Debug)]
struct Order {
    net: BigDecimal,
    quantity: BigDecimal,
    rate: BigDecimal,
    is_too_precise: bool,
    may_come_back: bool,
}

/// A line of an order that may come back.
#[derive(Debug)]
struct Sale {
    /// Counts the invoices of the file.
    order: u64,
    quantity: BigDecimal,
    net: BigDecimal,
    /// What has not come back.
    left: BigDecimal,
}

impl Sale {
    /// What the line comes to as far as it has come back.
    fn given_back(&self) -> BigDecimal {
        cents(&(&self.net * (&self.quantity - &self.left) / &self.quantity))
    }
}

/// An invoice of which something may be given back: what is left of it, without VAT and with it.
#[derive(Debug)]
struct Left {
    net: BigDecimal,
    gross: BigDecimal,
    rate: BigDecimal,
}

impl Left {
    /// Gives this back, or as near to it as adds up with the VAT if it is the rest. `None` if that is more than is left.
    fn give_back(&mut self, net: BigDecimal) -> Option<BigDecimal> {
        let with_vat = |net: &BigDecimal| net + tax(net, &self.rate);
        let net = if net == self.net {
            let near = |by: i64| &self.net + BigDecimal::new(by.into(), CENTS);
            let fits = |net: &BigDecimal| with_vat(net) == self.gross;
            let exact = (0..=ROUNDED_BY).flat_map(|by| [-by, by]).map(near).find(fits);
            let below = || (0..=ROUNDED_BY).map(|by| near(-by)).find(|net| with_vat(net) <= self.gross);
            exact.or_else(below).unwrap_or(net)
        } else {
            net
        };
        let gross = with_vat(&net);
        if gross > self.gross {
            return None;
        }
        self.net -= &net;
        self.gross -= gross;
        Some(net)
    }
}

impl ExpectedInvoices {
    /// Reads both files, which were loaded `today`. `rate` is the VAT of every product, in percent. `None` if they are too large to be compared.
    ///
    /// # Errors
    /// Fails if a file cannot be read.
    pub fn of(orders: &Path, refused: &Path, rate: &str, today: NaiveDate) -> Result<Option<Self>> {
        let rate: BigDecimal = rate.parse().with_context(|| format!("{rate:?} is no rate"))?;
        let Some(fates) = Expected::default().fates(refused)? else { return Ok(None) };
        // Where a customer lives is what its first sale says.
        let (mut countries, mut returned) = (HashMap::new(), HashSet::new());
        each_row(orders, &fates, |row| {
            if row.kind == Kind::Return {
                if returned.len() <= SALES_AT_MOST {
                    returned.insert((row.customer, row.sku));
                }
            } else if countries.len() <= CUSTOMERS_AT_MOST {
                countries.entry(row.customer).or_insert(row.country);
            }
        })?;
        if countries.len() > CUSTOMERS_AT_MOST || returned.len() > SALES_AT_MOST {
            return Ok(None);
        }
        let days = FileDays::of(orders, &fates, today)?;
        let mut reading = Reading { rate, countries, returned, days, ..Reading::default() };
        each_row(orders, &fates, |row| reading.take(row))?;
        reading.close();
        Ok((reading.remembered <= SALES_AT_MOST).then_some(reading.expected))
    }

    /// Adds a base, less than zero for a credit note, and its VAT to what is due in a month.
    fn owe(&mut self, month: &str, rate: &BigDecimal, base: &BigDecimal) {
        let (bases, taxes) = self.due.entry((month.to_owned(), shown(rate))).or_default();
        *bases += base;
        *taxes += tax(base, rate);
    }
}

#[derive(Debug, Default)]
struct Reading {
    expected: ExpectedInvoices,
    rate: BigDecimal,
    countries: HashMap<String, String>,
    days: FileDays,
    returned: HashSet<(String, String)>,
    /// By customer and SKU, in the order of the file.
    sales: HashMap<(String, String), Vec<Sale>>,
    remembered: usize,
    /// What is left of the invoices of orders of which something comes back.
    left: HashMap<u64, Left>,
    /// The invoice of the file that is being read.
    current: u64,
    /// In which it is dated.
    month: String,
    open: Option<Order>,
    /// What it takes back, by the order that it comes from.
    back: BTreeMap<u64, BigDecimal>,
}

impl Reading {
    fn take(&mut self, row: Moves) {
        if row.invoice != self.current {
            self.close();
            self.current = row.invoice;
            self.month = self.days.month(&row.date);
        }
        match row.kind {
            Kind::Sale if row.fate.is_none() => self.sell(row),
            Kind::Return if row.fate != Some(Fate::Refused) => self.take_back(row),
            Kind::Sale | Kind::Return | Kind::Loss => {}
        }
    }

    fn sell(&mut self, row: Moves) {
        let country = self.countries.get(&row.customer).map_or(row.country.as_str(), String::as_str);
        let rate = match country_code(country) {
            Some(code) if HOME.contains(&code) => self.rate.clone(),
            Some(code) if MEMBER_STATES.contains(&code) && row.is_guest => self.rate.clone(),
            Some(_) => BigDecimal::zero(),
            None => self.rate.clone(),
        };
        let fits = row.quantity.with_scale_round(QUANTITY_DECIMALS, RoundingMode::Down) == row.quantity;
        let order = self.open.get_or_insert_with(|| Order {
            net: BigDecimal::zero(),
            quantity: BigDecimal::zero(),
            rate,
            is_too_precise: false,
            may_come_back: false,
        });
        let net = cents(&(&row.price * &row.quantity));
        order.net += &net;
        order.quantity += &row.quantity;
        order.is_too_precise |= !fits;
        let pair = (row.customer, row.sku);
        if self.returned.contains(&pair) && self.remembered <= SALES_AT_MOST {
            order.may_come_back = true;
            let sale = Sale { order: self.current, net, left: row.quantity.clone(), quantity: row.quantity };
            self.sales.entry(pair).or_default().push(sale);
            self.remembered += 1;
        }
    }

    /// The newest sale comes back first.
    fn take_back(&mut self, row: Moves) {
        let Some(sales) = self.sales.get_mut(&(row.customer, row.sku)) else { return };
        let mut rest = row.quantity;
        for sale in sales.iter_mut().rev() {
            let part = if rest < sale.left { rest.clone() } else { sale.left.clone() };
            if part.is_zero() {
                continue;
            }
            let before = sale.given_back();
            rest -= &part;
            sale.left -= &part;
            *self.back.entry(sale.order).or_default() += sale.given_back() - before;
        }
    }

    /// Ends the invoice of the file that was read.
    fn close(&mut self) {
        if let Some(Order { net, quantity, rate, is_too_precise, may_come_back }) = self.open.take() {
            if is_too_precise {
                self.expected.too_precise += 1;
            } else {
                self.expected.invoices.add(&net, &rate);
                self.expected.owe(&self.month, &rate, &net);
                self.expected.quantity += quantity;
                if may_come_back {
                    let gross = &net + tax(&net, &rate);
                    self.left.insert(self.current, Left { net, gross, rate });
                }
            }
        }
        for (order, net) in std::mem::take(&mut self.back) {
            // What was not invoiced is not credited.
            let Some(left) = self.left.get_mut(&order) else { continue };
            if let Some(net) = left.give_back(net) {
                self.expected.credit_notes.add(&net, &left.rate);
                self.expected.owe(&self.month, &left.rate, &-net);
            }
        }
    }
}

/// A rate in percent, such as `5.5`.
fn shown(rate: &BigDecimal) -> String {
    rate.normalized().to_plain_string()
}

/// VAT is rounded once for each rate of a document (EN 16931, BR-CO-17).
fn tax(net: &BigDecimal, rate: &BigDecimal) -> BigDecimal {
    cents(&(net * rate / BigDecimal::from(100)))
}

/// Half away from zero.
fn cents(amount: &BigDecimal) -> BigDecimal {
    amount.with_scale_round(CENTS, RoundingMode::HalfUp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(rows: &str, refused: &str) -> ExpectedInvoices {
        let folder = tempfile::tempdir().unwrap();
        let header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country";
        let (orders, list) = (folder.path().join("orders.csv"), folder.path().join("refused.csv"));
        std::fs::write(&orders, format!("{header}\n{rows}")).unwrap();
        std::fs::write(&list, format!("line,invoice,reason,message,{header}\n{refused}")).unwrap();
        let today = NaiveDate::from_ymd_opt(2026, 12, 1).unwrap();
        ExpectedInvoices::of(&orders, &list, "20", today).unwrap().unwrap()
    }

    #[test]
    fn vat_is_due_in_the_month_of_the_delivery_and_of_the_credit_note() {
        // The last day of the file is the day on which it was loaded, and what has no day is of that one, too.
        let rows = "1,A,Board,3,2011-11-30 08:00:00,2.00,7,France\n2,A,Board,1,2011-12-01 09:00:00,3.00,7,France\n\
            C3,A,Board,-2,2011-12-01 10:00:00,9.00,7,France\n4,A,Board,1,d,10,8,Germany\n5,B,Jug,1,1/2/1980 8:26,0.17,7,France\n";
        let due = expected(rows, "").due;
        let plain = |amount: &BigDecimal| amount.normalized().to_plain_string();
        let told: Vec<_> = due
            .iter()
            .map(|((month, rate), (base, tax))| format!("{month} {rate}: {} {}", plain(base), plain(tax)))
            .collect();
        // 3.00 of the newest sale and 2.00 of the one before come back in December.
        assert_eq!(
            told,
            ["2017-01 20: 0.17 0.03", "2026-11 20: 6 1.2", "2026-12 0: 10 0", "2026-12 20: -2 -0.4"]
        );
    }

    fn told(sums: &Sums) -> (u64, String, Vec<String>) {
        let plain = |amount: &BigDecimal| amount.normalized().to_plain_string();
        let vat =
            sums.vat.iter().map(|(rate, (base, tax))| format!("{rate} %: {}, {}", plain(base), plain(tax)));
        (sums.documents, plain(&sums.gross), vat.collect())
    }

    fn owned(documents: u64, gross: &str, vat: &[&str]) -> (u64, String, Vec<String>) {
        (documents, gross.to_owned(), vat.iter().map(|text| (*text).to_owned()).collect())
    }

    #[test]
    fn vat_depends_on_who_buys_and_where_and_is_rounded_once_for_a_document() {
        let rows = "1,A,Board,3,d,0.111,7,France\n1,B,Jug,1,d,0.17,7,France\n2,A,Board,1,d,10,8,Germany\n\
            3,A,Board,1,d,10,,Germany\n4,A,Board,1,d,10,9,United Kingdom\n5,A,Board,1,d,10,,Unspecified\n\
            6,A,Board,2,d,10,8,France\n7,A,Board,x,d,10,8,France\n";
        let found = expected(rows, "");
        // 0.33 + 0.17 = 0.50, of which 20 % are 0.10.
        let by_rate = ["0 %: 40, 0", "20 %: 20.5, 4.1"];
        assert_eq!(told(&found.invoices), owned(6, "64.6", &by_rate), "customer 8 lives in Germany");
        assert_eq!(told(&found.credit_notes), owned(0, "0", &[]));
    }

    #[test]
    fn what_comes_back_is_credited_at_the_price_of_its_sale() {
        let rows = "1,A,Board,5,d,2.00,7,France\n2,A,Board,1,d,3.00,7,France\nC3,A,Board,-3,d,9.99,7,France\n\
            C4,A,Board,-9,d,9.99,7,France\nC5,A,Board,-1,d,2,8,France\n";
        let refused = "5,C4,no_earlier_sale,\n6,C5,no_earlier_sale,\n";
        let found = expected(rows, refused);
        assert_eq!(told(&found.invoices), owned(2, "15.6", &["20 %: 13, 2.6"]));
        // Of invoice 3: one of 3.00 and two of 2.00; of invoice 4: three of 2.00.
        assert_eq!(told(&found.credit_notes), owned(3, "15.6", &["20 %: 13, 2.6"]));
    }

    #[test]
    fn parts_of_a_line_add_up_to_it_with_their_vat() {
        // 3 for 0.13: 0.04, 0.05 and 0.04 come back; 20 % of 0.13 are 0.03, of the parts 0.01 each.
        let rows = "1,A,Board,3,d,0.0433,7,France\nC2,A,Board,-1,d,1,7,France\nC3,A,Board,-1,d,1,7,France\n\
            C4,A,Board,-1,d,1,7,France\n";
        let found = expected(rows, "");
        assert_eq!(told(&found.invoices), owned(1, "0.16", &["20 %: 0.13, 0.03"]));
        assert_eq!(told(&found.credit_notes), owned(3, "0.16", &["20 %: 0.13, 0.03"]));
        // With its VAT, 0.03 would be 0.04, and only 0.03 is left.
        let mut left = Left { net: "0.03".parse().unwrap(), gross: "0.03".parse().unwrap(), rate: 20.into() };
        assert_eq!(left.give_back("0.03".parse().unwrap()), "0.02".parse().ok());
    }

    #[test]
    fn what_no_invoice_can_say_is_in_none() {
        let rows = "1,A,Board,1.00001,d,2.00,7,France\n1,B,Jug,1,d,2.00,7,France\nC2,B,Jug,-1,d,2.00,7,France\n\
            3,B,Jug,1,d,2.00,7,France\n4,B,Jug,1,d,2.00,7,France\n";
        let found = expected(rows, "6,4,order_reference_taken,\n");
        assert_eq!((found.too_precise, found.invoices.documents, found.credit_notes.documents), (1, 1, 0));
    }
}
