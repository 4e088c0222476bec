//! The first look at the file, before anything is loaded: what it sells of each product, what comes back, and its days.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::{Context, Result};
use bigdecimal::BigDecimal;
use chrono::Utc;
use sha2::{Digest, Sha256};

use super::calendar::Calendar;
use super::catalogue::customer_code;
use super::parts::{Finder, Parts};
use super::rows::{Invoice, Piece};
use super::sales::{PAIRS_AT_MOST, pair};
use super::{Options, Progress, Reading, amounts, is_service, open};

/// The most products that are received, to bound the memory. Further products are not kept in stock.
const PRODUCTS_AT_MOST: usize = 200_000;
/// The most customers whose first country is remembered, to bound the memory. Further ones live where their first order that is loaded says.
const CUSTOMERS_AT_MOST: usize = 200_000;

#[derive(Debug)]
pub(super) struct Plan {
    /// What is sold from stock, by SKU.
    pub(super) products: Vec<Planned>,
    /// Whether the file sells more products than are received.
    pub(super) is_full: bool,
    /// The customers and products of the returns ([`pair`]).
    pub(super) returned: HashSet<String>,
    pub(super) parts: Parts,
    /// The country of each customer's first sale in the file, by code: some have several, and orders are loaded in any order.
    pub(super) countries: HashMap<String, String>,
    pub(super) calendar: Calendar,
    /// Stands for what the file sells: the same for the same rows.
    pub(super) id: String,
}

/// A product as the first row has it that sells it, and how much of it the file sells.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    pub(super) sku: String,
    pub(super) description: String,
    pub(super) unit_price: String,
    pub(super) quantity: BigDecimal,
}

/// Reads the file to its end, or as far as it can be read: loading the orders tells why not further.
pub(super) async fn read(options: &Options, progress: &Progress) -> Result<Plan> {
    let Reading { mut jobs, reader, size } = open(options)?;
    progress.begin("reading", size);
    let mut notes = Notes::new(Calendar::new(Utc::now().date_naive()));
    while let Some(Ok(job)) = jobs.recv().await {
        let rows = match &job.piece {
            Piece::Invoice(invoice) => {
                notes.note(invoice);
                invoice.rows.len() as u64
            }
            Piece::Refused(_) => 1,
        };
        progress.advance(job.bytes, rows, "rows");
    }
    drop(jobs);
    reader.await.context("the reader panicked")?;
    Ok(notes.plan())
}

struct Notes {
    products: BTreeMap<String, Planned>,
    is_full: bool,
    returned: HashSet<String>,
    finder: Finder,
    countries: HashMap<String, String>,
    calendar: Calendar,
    digest: Sha256,
}

impl Notes {
    fn new(calendar: Calendar) -> Self {
        Self {
            products: BTreeMap::new(),
            is_full: false,
            returned: HashSet::new(),
            finder: Finder::new(),
            countries: HashMap::new(),
            calendar,
            digest: Sha256::new(),
        }
    }

    fn note(&mut self, invoice: &Invoice) {
        let Some(first) = invoice.rows.first() else { return };
        self.finder.note(&invoice.number);
        let customer = customer_code(first);
        let is_sale = !invoice.is_cancellation();
        if is_sale && self.countries.len() < CUSTOMERS_AT_MOST && !self.countries.contains_key(&customer) {
            self.countries.insert(customer.clone(), first.country.clone());
        }
        for row in &invoice.rows {
            self.calendar.note(&row.date);
            if invoice.is_cancellation() {
                if self.returned.len() < PAIRS_AT_MOST {
                    self.returned.insert(pair(&customer, &row.sku));
                }
                continue;
            }
            let quantity = amounts::positive(&row.quantity).filter(|_| !row.sku.is_empty());
            let priced = amounts::price(&row.unit_price).is_some();
            if let Some(quantity) = quantity.filter(|_| priced && !is_service(&row.sku)) {
                for text in [&invoice.number, &row.sku, &row.quantity] {
                    self.digest.update(text);
                    self.digest.update([0]);
                }
                if let Some(planned) = self.products.get_mut(&row.sku) {
                    planned.quantity += &quantity;
                } else if self.products.len() < PRODUCTS_AT_MOST {
                    let (sku, description) = (row.sku.clone(), row.description.clone());
                    let planned = Planned { sku, description, unit_price: row.unit_price.clone(), quantity };
                    self.products.insert(row.sku.clone(), planned);
                } else {
                    self.is_full = true;
                }
            }
        }
    }

    fn plan(self) -> Plan {
        Plan {
            products: self.products.into_values().collect(),
            is_full: self.is_full,
            returned: self.returned,
            parts: self.finder.parts(),
            countries: self.countries,
            calendar: self.calendar,
            id: hex::encode(&self.digest.finalize()[..8]),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::super::rows::Row;
    use super::*;

    fn invoice(number: &str, rows: &[[&str; 3]]) -> Invoice {
        let row = |[sku, quantity, unit_price]: &[&str; 3]| Row {
            line: 2,
            invoice: number.into(),
            sku: (*sku).into(),
            description: "A thing".into(),
            quantity: (*quantity).into(),
            date: "2011-12-09 12:50:00".into(),
            unit_price: (*unit_price).into(),
            customer: "7".into(),
            country: "France".into(),
            original: csv::ByteRecord::new(),
        };
        Invoice { number: number.into(), rows: rows.iter().map(row).collect() }
    }

    fn plan(invoices: &[Invoice]) -> Plan {
        let mut notes = Notes::new(Calendar::new(NaiveDate::from_ymd_opt(2026, 12, 1).unwrap()));
        invoices.iter().for_each(|invoice| notes.note(invoice));
        notes.plan()
    }

    #[test]
    fn exactly_what_is_sold_from_stock_is_received() {
        let sold = invoice(
            "1",
            &[
                ["K", "2", "1.50"],
                ["A", "1.5", "0.0"],
                ["POST", "1", "18.00"],
                ["A", "2", "2.00"],
                ["A", "-1", "2.00"],
                ["A", "4", "-2.00"],
                ["A", "4", "1e"],
                ["A", "a dozen", "2.00"],
                ["", "4", "2.00"],
                ["A", "-3", "0.0"],
            ],
        );
        let plan = plan(&[sold, invoice("C2", &[["K", "-1", "1.50"], ["D", "-1", "27.50"]])]);
        let products: Vec<_> = plan
            .products
            .iter()
            .map(|planned| {
                (planned.sku.as_str(), planned.unit_price.as_str(), amounts::plain(&planned.quantity))
            })
            .collect();
        assert_eq!(products, [("A", "0.0", "3.5".to_owned()), ("K", "1.50", "2".to_owned())]);
        assert_eq!(plan.returned, HashSet::from([pair("7", "K"), pair("7", "D")]));
        assert_eq!(plan.countries, HashMap::from([("7".to_owned(), "France".to_owned())]));
        assert_eq!(plan.calendar.first().as_deref(), Some("2026-12-01"));
    }

    #[test]
    fn a_plan_is_known_by_what_the_file_sells() {
        let of = |quantity| plan(&[invoice("1", &[["A", quantity, "2.00"]])]).id;
        assert_eq!(of("2"), of("2"));
        assert_ne!(of("2"), of("3"));
    }
}
