//! The ids of customers and products, which are created when they are first needed.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::client::Client;
use super::outcome::{Problem, Refusal, item_with};
use super::{countries, identities, rows::Row, stripes::Stripes};

/// The most ids of each kind that are remembered, to bound the memory; the API is asked for the others.
const REMEMBERED: usize = 100_000;

/// Ids by natural key (a customer's code, a SKU), first in, first out.
#[derive(Debug)]
struct Known {
    ids: Mutex<(HashMap<String, String>, VecDeque<String>)>,
    /// Locks by name: different names are looked up concurrently, the same name one request at a time.
    turns: Stripes,
}

impl Known {
    fn new() -> Self {
        Self { ids: Mutex::new((HashMap::new(), VecDeque::new())), turns: Stripes::new() }
    }

    fn get(&self, key: &str) -> Option<String> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).0.get(key).cloned()
    }

    fn put(&self, key: &str, id: &str) {
        let mut guard = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let (ids, order) = &mut *guard;
        if ids.insert(key.to_owned(), id.to_owned()).is_none() {
            order.push_back(key.to_owned());
            if order.len() > REMEMBERED
                && let Some(oldest) = order.pop_front()
            {
                ids.remove(&oldest);
            }
        }
    }
}

/// What is said of a product that does not exist yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Article<'a> {
    pub(super) sku: &'a str,
    pub(super) description: &'a str,
    pub(super) unit_price: &'a str,
    pub(super) stocked: bool,
}

impl<'a> Article<'a> {
    pub(super) fn of(row: &'a Row, stocked: bool) -> Self {
        Self { sku: &row.sku, description: &row.description, unit_price: &row.unit_price, stocked }
    }
}

#[derive(Debug)]
pub(super) struct Catalogue {
    customers: Known,
    products: Known,
    vat_rate: String,
    /// The country of a customer, by code, whatever the row says.
    countries: HashMap<String, String>,
}

impl Catalogue {
    pub(super) fn new(vat_rate: &str, countries: HashMap<String, String>) -> Self {
        Self { customers: Known::new(), products: Known::new(), vat_rate: vat_rate.to_owned(), countries }
    }

    /// Returns the id of the row's customer.
    pub(super) async fn customer(&self, client: &Client, row: &Row) -> Result<String, Problem> {
        let code = customer_code(row);
        let country = self.countries.get(&code).unwrap_or(&row.country);
        let body = || identities::describe(&code, countries::code(country), row.customer.is_empty());
        find_or_create(client, &self.customers, "/customers", "code", &code, body).await
    }

    /// Returns the id of a product. A product that the API refuses is not remembered: a later row may describe it better.
    pub(super) async fn product(&self, client: &Client, article: Article<'_>) -> Result<String, Problem> {
        let body = || product_body(&article, &self.vat_rate);
        find_or_create(client, &self.products, "/products", "sku", article.sku, body).await
    }
}

async fn find_or_create(
    client: &Client,
    known: &Known,
    path: &str,
    field: &str,
    key: &str,
    body: impl Fn() -> Value,
) -> Result<String, Problem> {
    if let Some(id) = known.get(key) {
        return Ok(id);
    }
    let _turn = known.turns.turn(key).await;
    if let Some(id) = known.get(key) {
        return Ok(id);
    }
    let answer = client.post(path, None, Some(&body())).await?;
    let id = match answer.status {
        201 => id_of(&answer.body),
        409 => {
            let list = client.get(path, &[(field, key)]).await?.body;
            item_with(&list, field, key).and_then(id_of)
        }
        400..=499 => return Err(Problem::Refused(Refusal::of(&answer))),
        status => return Err(Problem::Failed(format!("POST {path}: {status}: {}", answer.message()))),
    };
    let Some(id) = id else {
        return Err(Problem::Failed(format!("the API knows no {field} {key} and does not create it")));
    };
    known.put(key, &id);
    Ok(id)
}

fn id_of(body: &Value) -> Option<String> {
    body["id"].as_str().map(str::to_owned)
}

/// Returns the code of the row's customer. `17850.0`, as spreadsheets write a number, is customer 17850; a row without a
/// customer belongs to its country's guest.
pub(super) fn customer_code(row: &Row) -> String {
    if row.customer.is_empty() {
        let country = if row.country.is_empty() { "Unspecified" } else { &row.country };
        return format!("GUEST-{country}");
    }
    row.customer.strip_suffix(".0").unwrap_or(&row.customer).to_owned()
}

fn product_body(article: &Article<'_>, vat_rate: &str) -> Value {
    let Article { sku, description, unit_price, stocked } = article;
    let name = if description.is_empty() { sku } else { description };
    // Postage, fees and the like are charged with goods, and are goods to the VAT (directive 2006/112/EC, article 78, b).
    json!({
        "sku": sku, "name": name, "unit_price": unit_price, "vat_rate": vat_rate, "stocked": stocked, "nature": "goods", "quantity_decimals": 6,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(customer: &str, country: &str) -> Row {
        Row {
            line: 2,
            invoice: "1".into(),
            sku: "22633".into(),
            description: String::new(),
            quantity: "1".into(),
            date: String::new(),
            unit_price: "1.85".into(),
            customer: customer.into(),
            country: country.into(),
            original: csv::ByteRecord::new(),
        }
    }

    #[test]
    fn a_customer_is_named_by_its_number_or_its_country() {
        assert_eq!(customer_code(&row("17850.0", "France")), "17850");
        assert_eq!(customer_code(&row("A-7", "France")), "A-7");
        assert_eq!(customer_code(&row("", "France")), "GUEST-France");
        assert_eq!(customer_code(&row("", "")), "GUEST-Unspecified");
    }

    #[test]
    fn a_product_without_a_description_is_named_by_its_sku() {
        let body = product_body(&Article::of(&row("7", "France"), true), "20");
        assert_eq!((&body["name"], &body["stocked"]), (&json!("22633"), &json!(true)));
        assert_eq!(body["nature"], "goods");
    }

    #[test]
    fn what_was_remembered_first_is_forgotten_first() {
        let known = Known::new();
        for number in 0..=REMEMBERED {
            known.put(&number.to_string(), "id");
        }
        assert_eq!((known.get("0"), known.get("1")), (None, Some("id".to_owned())));
    }
}
