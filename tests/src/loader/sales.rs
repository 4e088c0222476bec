//! Which sale comes back with a return: the newest earlier one of that customer and product of which something is left. Sales
//! are remembered only of what the file says comes back.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use bigdecimal::{BigDecimal, Zero};

use super::amounts;
use super::calendar::Calendar;
use super::catalogue::customer_code;
use super::outcome::Refusal;
use super::returns::{Part, Returning};
use super::rows::Invoice;

/// The most customers and products of which sales are remembered, and the most sales, to bound the memory. What comes back
/// beyond them is refused.
pub(super) const PAIRS_AT_MOST: usize = 200_000;
const SALES_AT_MOST: usize = 1_000_000;

/// Returns the name of a customer and a product together.
pub(super) fn pair(customer: &str, sku: &str) -> String {
    format!("{customer}\0{sku}")
}

/// An order that was placed.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) id: String,
    pub(super) number: String,
    /// The day on which it was made, and left; `None` if the file says none.
    pub(super) on: Option<String>,
}

/// A line of an order.
#[derive(Debug)]
struct Sale {
    /// Of the file.
    line: u64,
    order: Arc<Placed>,
    /// Of the order's line; counts from 1.
    position: usize,
    /// What has not come back.
    left: BigDecimal,
}

#[derive(Debug)]
pub(super) struct Sales(Mutex<Book>);

#[derive(Debug)]
struct Book {
    /// By [`pair`]; `None` where there were more than can be remembered.
    sales: HashMap<String, Option<Vec<Sale>>>,
    remembered: usize,
}

impl Sales {
    /// Remembers sales of these pairs.
    pub(super) fn new(pairs: HashSet<String>) -> Self {
        let sales = pairs.into_iter().map(|pair| (pair, Some(Vec::new()))).collect();
        Self(Mutex::new(Book { sales, remembered: 0 }))
    }

    pub(super) fn note(
        &self,
        pair: &str,
        line: u64,
        order: &Arc<Placed>,
        position: usize,
        quantity: BigDecimal,
    ) {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Book { sales, remembered } = &mut *book;
        let Some(known) = sales.get_mut(pair) else { return };
        if *remembered >= SALES_AT_MOST {
            *remembered -= known.take().map_or(0, |sales| sales.len());
        } else if let Some(sales) = known {
            sales.push(Sale { line, order: Arc::clone(order), position, left: quantity });
            *remembered += 1;
        }
    }

    /// Decides what an invoice that cancels takes back. The invoices must come in the order of the file, after all sales.
    pub(super) fn allot(&self, invoice: Invoice, calendar: &Calendar) -> Returning {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let customer = invoice.rows.first().map(customer_code).unwrap_or_default();
        let received_on = invoice.rows.first().and_then(|row| calendar.moved(&row.date));
        let mut returning = Returning::new(invoice.number, received_on);
        for row in invoice.rows {
            let wanted = amounts::positive(row.quantity.strip_prefix('-').unwrap_or(&row.quantity));
            let refusal = match (wanted, book.sales.get_mut(&pair(&customer, &row.sku))) {
                (None, _) => Some(Refusal::new("invalid_quantity", "what comes back is a number below zero")),
                (Some(_), None | Some(None)) => {
                    Some(Refusal::new("too_many_returns", "so many sales cannot be remembered"))
                }
                (Some(wanted), Some(Some(sales))) => {
                    let mut rest = wanted.clone();
                    // Workers note them in any order.
                    sales.sort_unstable_by_key(|sale| sale.line);
                    for sale in sales.iter_mut().rev().filter(|sale| sale.line < row.line) {
                        let quantity = rest.clone().min(sale.left.clone());
                        if quantity.is_zero() {
                            continue;
                        }
                        sale.left -= &quantity;
                        rest -= &quantity;
                        returning
                            .add(&sale.order, Part { position: sale.position, quantity, row: row.clone() });
                    }
                    let message = format!(
                        "{} of {} were not sold to this customer before",
                        amounts::plain(&rest),
                        amounts::plain(&wanted)
                    );
                    (!rest.is_zero()).then(|| Refusal::new("no_earlier_sale", message))
                }
            };
            if let Some(refusal) = refusal {
                returning.refused.push(refusal.of_row(row));
            }
        }
        returning
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::super::rows::Row;
    use super::*;

    fn cancelling(rows: &[(u64, &str, &str)]) -> Invoice {
        let row = |(line, sku, quantity): &(u64, &str, &str)| Row {
            line: *line,
            invoice: "C9".into(),
            sku: (*sku).into(),
            description: String::new(),
            quantity: (*quantity).into(),
            date: String::new(),
            unit_price: "2.50".into(),
            customer: "7".into(),
            country: String::new(),
            original: csv::ByteRecord::new(),
        };
        Invoice { number: "C9".into(), rows: rows.iter().map(row).collect() }
    }

    fn sales() -> Sales {
        let sales = Sales::new(HashSet::from([pair("7", "A"), pair("7", "B")]));
        // The later one is noted first.
        for (number, line, quantity) in [("3", 40, 5), ("1", 10, 4), ("2", 20, 3)] {
            let order = Arc::new(Placed { id: format!("id-{number}"), number: number.into(), on: None });
            sales.note(&pair("7", "A"), line, &order, 2, BigDecimal::from(quantity));
        }
        sales
    }

    fn allotted(sales: &Sales, rows: &[(u64, &str, &str)]) -> (Vec<String>, Vec<(u64, String)>) {
        let calendar = Calendar::new(NaiveDate::from_ymd_opt(2026, 12, 1).unwrap());
        let returning = sales.allot(cancelling(rows), &calendar);
        let parts = returning.by_order.iter().flat_map(|of_order| {
            of_order.parts.iter().map(move |part| {
                format!("{} of {}.{}", amounts::plain(&part.quantity), of_order.order.number, part.position)
            })
        });
        let refused = returning.refused.iter().map(|row| (row.line, row.reason.clone()));
        (parts.collect(), refused.collect())
    }

    #[test]
    fn the_newest_earlier_sale_comes_back_first() {
        let sales = sales();
        assert_eq!(allotted(&sales, &[(30, "A", "-4")]).0, ["3 of 2.2", "1 of 1.2"]);
        assert_eq!(allotted(&sales, &[(50, "A", "-6")]).0, ["5 of 3.2", "1 of 1.2"]);
    }

    #[test]
    fn what_was_not_sold_before_does_not_come_back() {
        let sales = sales();
        let (parts, refused) =
            allotted(&sales, &[(30, "A", "-10"), (30, "B", "-1"), (30, "A", "x"), (30, "C", "-1")]);
        assert_eq!(parts, ["3 of 2.2", "4 of 1.2"]);
        let reasons: Vec<&str> = refused.iter().map(|(_, reason)| reason.as_str()).collect();
        assert_eq!(reasons, ["no_earlier_sale", "no_earlier_sale", "invalid_quantity", "too_many_returns"]);
    }
}
