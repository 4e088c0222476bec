//! The command that sets one price: a row of an import.

use super::aggregate::{Overlap, PriceListCode, PriceListError};
use super::commands::set;
use super::entries::{PriceBreak, PriceEntry, sorted, with_break};
use super::repository;
use crate::application::aggregate::LockMode;
use crate::application::error::Error;
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::commerce::products::{self, Sku};
use crate::values::goods::Units;
use crate::values::ids::PriceListId;
use crate::values::invalid::Invalid;
use crate::values::money::UnitPrice;

/// Sets what a product costs in a list from a quantity on. Its other breaks stay.
#[derive(Debug)]
pub struct SetPrice {
    pub list: PriceListCode,
    pub sku: Sku,
    pub from_quantity: Units,
    pub unit_price: UnitPrice,
    /// Whether a price that is there for this quantity is changed; otherwise it is refused.
    pub replaces: bool,
}

/// What became of a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriceSet {
    Added,
    Changed,
    Unchanged,
}

impl Command for SetPrice {
    type Outcome = (PriceListId, PriceSet);

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<(PriceListId, PriceSet), Error> {
        let refused = |pointer: &str, code, message: String| {
            PriceListError::Entries(vec![Invalid::new(code, message).at(pointer)])
        };
        let id = repository::list_with(work, &self.list).await?;
        let id = id.ok_or_else(|| {
            refused("/list", "unknown_list", format!("there is no price list {:?}", self.list.as_str()))
        })?;
        let unknown =
            || refused("/sku", "unknown_product", format!("there is no product {:?}", self.sku.as_str()));
        let product_id = products::repository::with_sku(work, &self.sku).await?.ok_or_else(unknown)?;
        let products = products::repository::load_to_price(work, &[product_id]).await?;
        // It may have been deleted since.
        if !products.contains_key(&product_id) {
            return Err(unknown().into());
        }
        products::repository::mark_ordered(work, products.values()).await?;
        let list = repository::load(work, id, LockMode::Change).await?;
        let before = repository::prices_of(work, id, &[product_id]).await?;
        let known = before.first().map(|entry| entry.breaks.clone()).unwrap_or_default();
        let is_there = known.iter().any(|one| one.from_quantity == self.from_quantity);
        if is_there && !self.replaces {
            let (sku, from) = (self.sku.to_string(), self.from_quantity.to_string());
            return Err(PriceListError::PriceTaken { sku, from }.into());
        }
        let one =
            PriceBreak { from_quantity: self.from_quantity.clone(), unit_price: self.unit_price.clone() };
        let breaks = sorted(with_break(known, one));
        let breaks = breaks.map_err(|invalid| PriceListError::Entries(vec![invalid.at("/from_quantity")]))?;
        let after = vec![PriceEntry { product_id, breaks }];
        let (list, is_changed) = set(work, list, before, after).await.map_err(of_row)?;
        let became = match (is_changed, is_there) {
            (false, _) => PriceSet::Unchanged,
            (true, true) => PriceSet::Changed,
            (true, false) => PriceSet::Added,
        };
        Ok((list.id, became))
    }
}

/// Returns what is wrong in the words of the row, which has no entries.
fn of_row(error: Error) -> Error {
    match error.refusal() {
        Some(PriceListError::Overlaps(overlaps)) => {
            let at = |overlap: &Overlap| Overlap { pointer: "/sku".to_owned(), ..overlap.clone() };
            PriceListError::Overlaps(overlaps.iter().map(at).collect()).into()
        }
        _ => error,
    }
}
