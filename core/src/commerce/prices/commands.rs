//! The commands on price lists.

use std::collections::HashSet;

use serde::Serialize;

use super::aggregate::{ChangedEntries, Overlap, PriceList, PriceListDetails, PriceListError, PriceTarget};
use super::entries::{PriceBreak, PriceEntry, sorted};
use super::queries::PriceListView;
use super::repository;
use crate::application::Edit;
use crate::application::aggregate::{Aggregate, LockMode, create, delete};
use crate::application::error::{Error, check_version};
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::commerce::products;
use crate::values::ids::{PriceListId, ProductId};
use crate::values::invalid::{Fields, Invalid};

/// The maximum number of products whose prices are set at once.
pub const MAX_BATCH: usize = 500;
/// The maximum number of products before, and after, that the audit trail names of one change.
const MAX_AUDITED: usize = 200;

#[derive(Debug)]
pub struct CreatePriceList {
    pub details: PriceListDetails,
    pub target: PriceTarget,
}

impl Command for CreatePriceList {
    type Outcome = PriceListView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<PriceListView, Error> {
        let created =
            PriceList::create(PriceListId::generate(), self.details.clone(), self.target, work.now());
        create(work, "price_list.create", created, PriceListView::of).await
    }
}

#[derive(Debug)]
pub struct UpdatePriceList {
    pub id: PriceListId,
    pub expected_version: Option<i64>,
    pub edit: Edit<PriceListView, PriceListDetails>,
}

impl Command for UpdatePriceList {
    type Outcome = PriceListView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<PriceListView, Error> {
        let mut list = repository::load(work, self.id, LockMode::Change).await?;
        check_version(self.expected_version, list.version())?;
        let before = list.audited();
        let details = self.edit.apply(&before)?;
        let is_moved = details.period != list.details().period;
        let now = work.now_after(list.updated_at());
        let Some(event) = list.update(details, now) else { return Ok(before) };
        if is_moved {
            let overlaps = repository::overlaps_in(work, self.id, list.details().period).await?;
            if !overlaps.is_empty() {
                return Err(PriceListError::Overlaps(overlaps).into());
            }
            repository::move_prices(work, &list).await?;
        }
        list.save(work).await?;
        work.record(event).await?;
        let after = list.audited();
        work.audit("price_list.update", (PriceList::NAME, list.id()), Some(&before), Some(&after))?;
        Ok(after)
    }
}

/// Deletes a list with all of its prices. Lines of orders keep its id.
#[derive(Debug)]
pub struct DeletePriceList {
    pub id: PriceListId,
    pub expected_version: Option<i64>,
}

impl Command for DeletePriceList {
    type Outcome = ();

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let list = repository::load(work, self.id, LockMode::Withdraw).await?;
        delete(work, "price_list.delete", list, self.expected_version, |list, now| {
            Ok::<_, Error>(list.delete(now))
        })
        .await
    }
}

/// The price that a product is to have in a list: all of its breaks; none, if it is to have no price there.
#[derive(Debug, Clone)]
pub struct NewEntry {
    pub product_id: ProductId,
    pub breaks: Vec<PriceBreak>,
}

/// Sets the prices of some products in a list; those of others stay as they are.
#[derive(Debug)]
pub struct SetPrices {
    pub id: PriceListId,
    pub expected_version: Option<i64>,
    /// At most [`MAX_BATCH`], each product once.
    pub entries: Vec<NewEntry>,
}

impl Command for SetPrices {
    type Outcome = PriceListView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<PriceListView, Error> {
        // What it is to price is locked before it.
        let seen = repository::look_at(work, self.id).await?;
        check_version(self.expected_version, seen.version())?;
        let after = self.checked()?;
        self.hold_products(work, &after).await?;
        let list = repository::load(work, self.id, LockMode::Change).await?;
        check_version(self.expected_version, list.version())?;
        let ids: Vec<ProductId> = after.iter().map(|entry| entry.product_id).collect();
        let before = repository::prices_of(work, self.id, &ids).await?;
        let (list, _) = set(work, list, before, after).await?;
        Ok(PriceListView::of(&list))
    }
}

impl SetPrices {
    /// Returns the prices with their breaks in order.
    ///
    /// # Errors
    /// Fails with everything that is wrong with them.
    fn checked(&self) -> Result<Vec<PriceEntry>, PriceListError> {
        let mut faults = Fields::default();
        let count = self.entries.len();
        if !(1..=MAX_BATCH).contains(&count) {
            let message = format!("the prices of 1 to {MAX_BATCH} products are set at once, not of {count}");
            faults.refuse("/entries", "wrong_length", message);
            return Err(PriceListError::Entries(faults.finish(None::<()>).err().unwrap_or_default()));
        }
        let (mut named, mut entries) = (HashSet::new(), Vec::with_capacity(count));
        for (index, entry) in self.entries.iter().enumerate() {
            if !named.insert(entry.product_id) {
                let message = "this product is named before: name each once, with all of its breaks";
                faults.refuse(format!("/entries/{index}/product_id"), "duplicate_product", message);
            }
            let breaks = faults.take(format!("/entries/{index}/breaks"), sorted(entry.breaks.clone()));
            entries.extend(breaks.map(|breaks| PriceEntry { product_id: entry.product_id, breaks }));
        }
        faults.finish(Some(entries)).map_err(PriceListError::Entries)
    }

    /// Locks the products that get a price, and keeps them from being deleted: from now on they are archived instead.
    ///
    /// # Errors
    /// Fails with every product that does not exist.
    async fn hold_products(&self, work: &mut UnitOfWork<'_>, entries: &[PriceEntry]) -> Result<(), Error> {
        let priced = entries.iter().filter(|entry| !entry.breaks.is_empty());
        let ids: Vec<ProductId> = priced.map(|entry| entry.product_id).collect();
        let products = products::repository::load_to_price(work, &ids).await?;
        let unknown = entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| !entry.breaks.is_empty() && !products.contains_key(&entry.product_id));
        let fields: Vec<_> = unknown
            .map(|(index, entry)| {
                let message = format!("there is no product {}", entry.product_id);
                Invalid::new("unknown_product", message).at(format!("/entries/{index}/product_id"))
            })
            .collect();
        if !fields.is_empty() {
            return Err(PriceListError::Entries(fields).into());
        }
        products::repository::mark_ordered(work, products.values()).await
    }
}

/// What the audit trail keeps of a list whose prices change: the list, and of its prices those that change.
#[derive(Debug, Serialize)]
struct AuditedPrices {
    #[serde(flatten)]
    list: PriceListView,
    /// At most [`MAX_AUDITED`].
    changed_prices: Vec<PriceEntry>,
    /// How many more were changed.
    more_changed_prices: usize,
}

impl AuditedPrices {
    fn with(list: PriceListView, entries: &[PriceEntry]) -> Self {
        Self {
            list,
            changed_prices: entries.iter().take(MAX_AUDITED).cloned().collect(),
            more_changed_prices: entries.len().saturating_sub(MAX_AUDITED),
        }
    }
}

/// Sets prices of a list that is locked. `before` has those that the products have in it, in the same order. Returns the list, and whether
/// anything has changed.
///
/// # Errors
/// `Overlaps` if other lists of the same target price one of the products on some of the same days, `Full` if there would be too many. Fails
/// if the database cannot be reached.
pub(super) async fn set(
    work: &mut UnitOfWork<'_>,
    mut list: PriceList,
    before: Vec<PriceEntry>,
    after: Vec<PriceEntry>,
) -> Result<(PriceList, bool), Error> {
    let named: Vec<ProductId> = after.iter().map(|entry| entry.product_id).collect();
    let (audited, now) = (list.audited(), work.now_after(list.updated_at()));
    let Some((event, changed)) = list.set_prices(before, after, now)? else { return Ok((list, false)) };
    let overlaps = repository::overlaps_of(work, &list, &changed.added()).await?;
    if !overlaps.is_empty() {
        let at = |overlap: Overlap| {
            let index = named.iter().position(|product| *product == overlap.product_id);
            let pointer = format!("/entries/{}/product_id", index.unwrap_or_default());
            Overlap { pointer, ..overlap }
        };
        return Err(PriceListError::Overlaps(overlaps.into_iter().map(at).collect()).into());
    }
    repository::write_prices(work, &list, &changed).await?;
    list.save(work).await?;
    work.record(event).await?;
    let ChangedEntries { before, after } = changed;
    let before = AuditedPrices::with(audited, &before);
    let after = AuditedPrices::with(list.audited(), &after);
    work.audit("price_list.set_prices", (PriceList::NAME, list.id()), Some(&before), Some(&after))?;
    Ok((list, true))
}
