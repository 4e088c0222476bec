//! The names of what rows only have the ids of.

use std::collections::HashMap;

use comptoir_core::application::listing::{MAX_IDS, Selection};
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::customers::{self, CustomerFilter};
use comptoir_core::values::ids::CustomerId;

use super::lists::first;
use super::visitor::Visitor;
use crate::error::ApiError;

/// Returns the names of these customers, if the visitor may see customers.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn of_customers(
    database: &TenantDatabase,
    visitor: &Visitor,
    ids: impl Iterator<Item = CustomerId>,
) -> Result<HashMap<CustomerId, String>, ApiError> {
    let mut ids: Vec<_> = ids.map(CustomerId::uuid).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.truncate(MAX_IDS);
    if ids.is_empty() || !visitor.may(Permission::CustomersRead) {
        return Ok(HashMap::new());
    }
    let filter = CustomerFilter { selection: Selection { ids: Some(ids), ..Selection::default() }, ..CustomerFilter::default() };
    let page = customers::list(database, &visitor.context, &filter, &first(100)?).await?;
    Ok(page.data.into_iter().map(|customer| (customer.id, customer.name)).collect())
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
