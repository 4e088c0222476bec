//! What was sold most, by product and by customer: bars with their figures, from the queries of the tables.

use bigdecimal::ToPrimitive;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::platform::paging::{PageRequest, SortKey};
use comptoir_core::projections::{self, ActivityFilter, ProductFilter};
use comptoir_core::values::money::Money;

use crate::console::menu;
use crate::console::typography::Word;
use crate::console::visitor::Visitor;
use crate::console::words::Accounting;
use crate::error::ApiError;

/// How many bars a report has, and how many the home page has of each kind: a first page is small.
pub(in crate::console) const OF_REPORT: u8 = 10;
pub(in crate::console) const OF_HOME: u8 = 5;

pub(in crate::console) struct Rank {
    /// Unique on the page.
    pub(in crate::console) id: &'static str,
    pub(in crate::console) title: Word,
    /// What the amounts are.
    pub(in crate::console) hint: Word,
    /// The report with all of it, for whoever may see it.
    pub(in crate::console) report: Option<&'static str>,
    pub(in crate::console) bars: Vec<Bar>,
}

pub(in crate::console) struct Bar {
    pub(in crate::console) label: String,
    pub(in crate::console) to: Option<String>,
    pub(in crate::console) amount: String,
    /// Of the longest bar, 0 to 100.
    pub(in crate::console) share: String,
}

/// A bar before its length is known.
struct Sold {
    label: String,
    to: Option<String>,
    amount: Money,
    currency: Option<String>,
}

/// The highest by one amount.
fn highest<K: SortKey>(limit: u8, sort: &str) -> Result<PageRequest<K>, ApiError> {
    PageRequest::parse(Some(limit.into()), Some(sort), None).map_err(ApiError::invalid)
}

/// The page of a product or a customer, for whoever may see it.
fn at(visitor: &Visitor, pattern: &str, folder: &str, id: &impl std::fmt::Display) -> Option<String> {
    menu::may_see(&visitor.context.principal, pattern).then(|| format!("{folder}/{id}"))
}

pub(in crate::console) async fn of_products(
    visitor: &Visitor,
    database: &TenantDatabase,
    limit: u8,
) -> Result<Rank, ApiError> {
    let (w, filter) = (Accounting::of(visitor.language), ProductFilter { product_id: None });
    let request = highest(limit, "-net_total")?;
    let found = projections::sales_by_product(database, &visitor.context, &filter, &request).await?;
    let sold = found.data.into_iter().map(|one| Sold {
        label: one.name,
        to: at(visitor, "/console/products/{id}", "/console/products", &one.product_id),
        amount: one.net_total,
        currency: one.currency,
    });
    Ok(Rank {
        id: "top-products",
        title: w.top_products,
        hint: w.net,
        report: report(visitor, "/console/reports/products"),
        bars: bars(sold.collect(), visitor),
    })
}

pub(in crate::console) async fn of_customers(
    visitor: &Visitor,
    database: &TenantDatabase,
    limit: u8,
) -> Result<Rank, ApiError> {
    let (w, filter) = (Accounting::of(visitor.language), ActivityFilter { customer_id: None });
    let request = highest(limit, "-gross_total")?;
    let found = projections::customer_activity(database, &visitor.context, &filter, &request).await?;
    let sold = found.data.into_iter().map(|one| Sold {
        label: one.name.unwrap_or_else(|| one.customer_id.to_string()),
        to: at(visitor, "/console/customers/{id}", "/console/customers", &one.customer_id),
        amount: one.gross_total,
        currency: one.currency,
    });
    Ok(Rank {
        id: "top-customers",
        title: w.top_customers,
        hint: w.gross,
        report: report(visitor, "/console/reports/customers"),
        bars: bars(sold.collect(), visitor),
    })
}

/// Both, for the home page of whoever may see the reports and the prices; those that have something to show.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(in crate::console) async fn of_home(
    visitor: &Visitor,
    database: &TenantDatabase,
) -> Result<Vec<Rank>, ApiError> {
    if !visitor.may(Permission::ReportsRead) || !visitor.may(Permission::OrdersPrices) {
        return Ok(Vec::new());
    }
    let mut ranks =
        vec![of_products(visitor, database, OF_HOME).await?, of_customers(visitor, database, OF_HOME).await?];
    ranks.retain(|rank| !rank.bars.is_empty());
    Ok(ranks)
}

fn report(visitor: &Visitor, path: &'static str) -> Option<&'static str> {
    menu::may_see(&visitor.context.principal, path).then_some(path)
}

/// Those of which something was sold, each as long as its part of the highest.
fn bars(sold: Vec<Sold>, visitor: &Visitor) -> Vec<Bar> {
    let value = |one: &Sold| one.amount.value().to_f64().unwrap_or_default().max(0.0);
    let longest = sold.iter().map(value).fold(0.0, f64::max);
    let bar = |one: &Sold| Bar {
        label: one.label.clone(),
        to: one.to.clone(),
        amount: match &one.currency {
            Some(currency) => visitor.format.money(&one.amount, currency),
            None => visitor.money(&one.amount),
        },
        share: share(value(one), longest),
    };
    sold.iter().filter(|one| value(one) > 0.0).map(bar).collect()
}

fn share(value: f64, longest: f64) -> String {
    if longest > 0.0 { format!("{:.1}", value / longest * 100.0) } else { "0".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_begin_at_zero_and_the_longest_is_the_highest() {
        assert_eq!((share(50.0, 50.0), share(12.5, 50.0)), ("100.0".to_owned(), "25.0".to_owned()));
        assert_eq!(share(0.0, 0.0), "0");
    }
}
