//! The names of what rows only have the ids of.

use std::collections::HashMap;

use comptoir_core::application::listing::{MAX_IDS, Selection};
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::categories::{self, CategoryFilter, CategoryView, MAX_LEVELS};
use comptoir_core::commerce::customer_groups::{self, CustomerGroupFilter};
use comptoir_core::commerce::customers::{self, CustomerFilter};
use comptoir_core::commerce::orders::{self, OrderFilter};
use comptoir_core::commerce::products::{self, ProductFilter};
use comptoir_core::commerce::purchase_orders::PurchaseOrderView;
use comptoir_core::commerce::suppliers::{self, SupplierFilter};
use comptoir_core::values::ids::{CustomerId, OrderId, ProductId, SupplierId};
use uuid::Uuid;

use super::lists::first;
use super::visitor::Visitor;
use super::words;
use crate::error::ApiError;

/// The most rows that a list of choices has.
const MOST: u8 = 200;

/// Returns the names of these customers, if the visitor may see customers.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn of_customers(
    database: &TenantDatabase,
    visitor: &Visitor,
    ids: impl Iterator<Item = CustomerId>,
) -> Result<HashMap<CustomerId, String>, ApiError> {
    let ids = each_once(ids.map(CustomerId::uuid));
    if ids.is_empty() || !visitor.may(Permission::CustomersRead) {
        return Ok(HashMap::new());
    }
    let filter = CustomerFilter {
        selection: Selection { ids: Some(ids), ..Selection::default() },
        ..CustomerFilter::default()
    };
    let page = customers::list(database, &visitor.context, &filter, &first(100)?).await?;
    Ok(page.data.into_iter().map(|customer| (customer.id, customer.name)).collect())
}

/// Returns the names of these suppliers, if the visitor may see suppliers.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn of_suppliers(
    database: &TenantDatabase,
    visitor: &Visitor,
    ids: impl Iterator<Item = SupplierId>,
) -> Result<HashMap<SupplierId, String>, ApiError> {
    let ids = each_once(ids.map(SupplierId::uuid));
    if ids.is_empty() || !visitor.may(Permission::SuppliersRead) {
        return Ok(HashMap::new());
    }
    let filter = SupplierFilter {
        selection: Selection { ids: Some(ids), ..Selection::default() },
        ..SupplierFilter::default()
    };
    let page = suppliers::list(database, &visitor.context, &filter, &first(100)?).await?;
    Ok(page.data.into_iter().map(|supplier| (supplier.id, supplier.name)).collect())
}

/// An order as a row of something else names it.
#[derive(Debug, Clone)]
pub(crate) struct NamedOrder {
    /// As a list shows it.
    pub(crate) number: String,
    /// As a page calls it: [`called`].
    pub(crate) called: String,
    pub(crate) customer: String,
}

/// Returns the numbers of these orders, with the names of their customers.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn of_orders(
    database: &TenantDatabase,
    visitor: &Visitor,
    ids: impl Iterator<Item = OrderId>,
) -> Result<HashMap<OrderId, NamedOrder>, ApiError> {
    let ids = each_once(ids.map(OrderId::uuid));
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let filter = OrderFilter {
        selection: Selection { ids: Some(ids), ..Selection::default() },
        ..OrderFilter::default()
    };
    let found = orders::list(database, &visitor.context, &filter, &first(100)?).await?.data;
    let customers = of_customers(database, visitor, found.iter().map(|order| order.customer_id)).await?;
    let named = |order: orders::OrderSummary| {
        let called = called(&order, visitor);
        let number = number(order.reference, order.external_id, order.id);
        let customer = customers.get(&order.customer_id).cloned().unwrap_or_default();
        (order.id, NamedOrder { number, called, customer })
    };
    Ok(found.into_iter().map(named).collect())
}

/// What people call an order: its number in the books, or what another system calls it, or its id.
pub(crate) fn number(reference: Option<String>, external_id: Option<String>, id: impl ToString) -> String {
    reference.or(external_id).unwrap_or_else(|| id.to_string())
}

/// What the page of an order has as its title, and other pages as the way back to it: its number, or when it was placed. Nobody knows
/// an order by its id, which stands in lists and among the facts.
pub(crate) fn called(order: &orders::OrderSummary, visitor: &Visitor) -> String {
    let number = order.reference.clone().or_else(|| order.external_id.clone());
    number.unwrap_or_else(|| {
        let placed = visitor.format.long(order.placed_at).shown;
        words::orders::placed_on(&placed, visitor.language)
    })
}

/// The same of an order from a supplier.
pub(crate) fn purchase(order: &PurchaseOrderView, visitor: &Visitor) -> String {
    order.reference.clone().unwrap_or_else(|| {
        let day = visitor.format.business_day(order.ordered_on);
        words::purchases::ordered_on(&day, visitor.language)
    })
}

/// Returns the bar codes of these products, in the form in which a script compares them: 14 digits each, with spaces between. Empty for
/// whoever may not see products.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn codes(
    database: &TenantDatabase,
    visitor: &Visitor,
    products: impl Iterator<Item = ProductId>,
) -> Result<HashMap<ProductId, String>, ApiError> {
    let mut ids: Vec<_> = products.map(ProductId::uuid).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut codes = HashMap::new();
    if !visitor.may(Permission::ProductsRead) {
        return Ok(codes);
    }
    for some in ids.chunks(MAX_IDS) {
        let selection = Selection { ids: Some(some.to_vec()), ..Selection::default() };
        let filter = ProductFilter { selection, ..ProductFilter::default() };
        let found = products::list(database, &visitor.context, &filter, &first(100)?).await?;
        codes.extend(found.data.into_iter().map(|product| {
            let padded: Vec<_> = product.barcodes.iter().map(|code| code.padded()).collect();
            (product.id, padded.join(" "))
        }));
    }
    Ok(codes)
}

fn each_once(ids: impl Iterator<Item = Uuid>) -> Vec<Uuid> {
    let mut ids: Vec<_> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids.truncate(MAX_IDS);
    ids
}

/// Returns the ids and names of the groups of customers, by code, if the visitor may see them.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn groups(
    database: &TenantDatabase,
    visitor: &Visitor,
) -> Result<Vec<(String, String)>, ApiError> {
    if !visitor.may(Permission::PricesRead) {
        return Ok(Vec::new());
    }
    let filter = CustomerGroupFilter::default();
    let page = customer_groups::list(database, &visitor.context, &filter, &first(MOST)?).await?;
    Ok(page.data.into_iter().map(|group| (group.id.to_string(), group.name)).collect())
}

/// A category, as lists of choices show it.
#[derive(Debug, Clone)]
pub(crate) struct Shelf {
    pub(crate) id: String,
    /// Its name behind those of the categories that it is in.
    pub(crate) path: String,
}

/// Returns the categories, in the order of the tree, if the visitor may see products.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn categories(database: &TenantDatabase, visitor: &Visitor) -> Result<Vec<Shelf>, ApiError> {
    if !visitor.may(Permission::ProductsRead) {
        return Ok(Vec::new());
    }
    let filter = CategoryFilter::default();
    let page = categories::list(database, &visitor.context, &filter, &first(MOST)?).await?;
    let known: HashMap<_, _> = page.data.iter().map(|category| (category.id, category)).collect();
    let path = |category: &CategoryView| {
        let (mut names, mut above) = (vec![category.name.as_str()], category.parent_id);
        // Bounded, whatever is stored.
        while let Some(parent) = above.and_then(|id| known.get(&id)).filter(|_| names.len() < MAX_LEVELS) {
            names.push(parent.name.as_str());
            above = parent.parent_id;
        }
        names.reverse();
        names.join(" › ")
    };
    let shelf = |category: &CategoryView| Shelf { id: category.id.to_string(), path: path(category) };
    let mut shelves: Vec<_> = page.data.iter().map(shelf).collect();
    shelves.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(shelves)
}

/// Splits a number before its last part: lists dim what all numbers share.
pub(crate) fn split(number: &str) -> (String, String) {
    let (prefix, last) = number.rfind('-').map_or(("", number), |at| number.split_at(at + 1));
    (prefix.to_owned(), last.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_of_a_number_is_what_is_read() {
        assert_eq!(split("CMD-2026-04818"), ("CMD-2026-".to_owned(), "04818".to_owned()));
        assert_eq!(split("WEB17"), (String::new(), "WEB17".to_owned()));
    }
}
