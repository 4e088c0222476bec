//! The commands on inventory counts.

use std::collections::{HashMap, HashSet};

use super::aggregate::{
    CountCancellation, CountReference, InventoryCount, InventoryCountError, MAX_CATEGORIES, MAX_DEVIATIONS,
    MAX_ENTRIES, NewInventoryCount, Uncounted,
};
use super::queries::{CountLineView, InventoryCountView};
use super::repository::{self, Entered};
use crate::application::aggregate::{Aggregate, change, create};
use crate::application::error::{Error, check_version};
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::commerce::orders::positions;
use crate::commerce::orders::queue::{self, TakenAway};
use crate::commerce::products::{self, Product};
use crate::commerce::{categories, stock, warehouses};
use crate::values::business_date::BusinessDate;
use crate::values::goods::Units;
use crate::values::ids::{CategoryId, InventoryCountId, ProductId, WarehouseId};
use crate::values::money::UnitPrice;

/// Plans a count. Goods still move.
#[derive(Debug)]
pub struct CreateCount {
    pub reference: Option<CountReference>,
    pub warehouse_id: WarehouseId,
    /// `None` stands for the whole warehouse.
    pub categories: Option<Vec<CategoryId>>,
    pub blind: bool,
}

impl Command for CreateCount {
    type Outcome = InventoryCountView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<InventoryCountView, Error> {
        if !warehouses::repository::hold_open(work, self.warehouse_id).await? {
            return Err(InventoryCountError::WarehouseUnknown(self.warehouse_id).into());
        }
        let named = self.categories.as_deref().unwrap_or_default();
        // More are refused below.
        let named = named.get(..MAX_CATEGORIES).unwrap_or(named);
        let held = categories::repository::hold_all(work, named).await?;
        let unknown = positions(named, |category| !held.contains(category));
        if !unknown.is_empty() {
            return Err(InventoryCountError::CategoriesUnknown(unknown).into());
        }
        let new = NewInventoryCount {
            reference: self.reference.clone(),
            warehouse_id: self.warehouse_id,
            categories: self.categories.clone(),
            blind: self.blind,
            created_by: work.context().principal.name.clone(),
        };
        let created = InventoryCount::create(InventoryCountId::generate(), new, work.now())?;
        create(work, "inventory_count.create", created, InventoryCountView::of).await
    }
}

/// Begins to count: from here on nothing on hand in its scope moves. It waits for whoever moves something there.
#[derive(Debug)]
pub struct StartCount {
    pub id: InventoryCountId,
    pub expected_version: Option<i64>,
}

impl Command for StartCount {
    type Outcome = InventoryCountView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<InventoryCountView, Error> {
        let count = repository::load(work, self.id).await?;
        // First, so that nothing is frozen for a count that is refused anyway.
        check_version(self.expected_version, count.version())?;
        count.check_may_start()?;
        let scope = match count.categories() {
            Some(named) => Some(categories::repository::below(work, named).await?),
            None => None,
        };
        stock::gate::freeze(work, count.warehouse_id(), scope.as_deref()).await?;
        let lines = repository::open_lines(work, &count, scope.as_deref()).await?;
        let decide = |count: &mut InventoryCount, now| count.start(scope, lines, now).map(Some);
        let count = change(work, "inventory_count.start", count, self.expected_version, decide).await?;
        Ok(InventoryCountView::of(&count).seen_by(&work.context().principal))
    }
}

/// Enters what somebody counted. Several may do so at the same time. What is counted again replaces what was counted before; both are
/// kept. A product that was not expected gets a line. Returns the lines, as the counter may see them.
#[derive(Debug)]
pub struct RecordCounts {
    pub id: InventoryCountId,
    pub entries: Vec<CountEntry>,
}

#[derive(Debug)]
pub struct CountEntry {
    pub product_id: ProductId,
    pub counted: Units,
}

impl Command for RecordCounts {
    type Outcome = Vec<CountLineView>;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<Vec<CountLineView>, Error> {
        let products = self.products()?;
        let count = repository::share(work, self.id).await?;
        count.check_counting()?;
        let found = products::repository::load_for_order(work, products.clone()).await?;
        self.check(&found)?;
        let known = repository::known(work, self.id, &products).await?;
        let unexpected: Vec<&Product> =
            found.values().filter(|product| !known.contains(&product.id())).collect();
        if !unexpected.is_empty() {
            self.check_unexpected(&count, &unexpected)?;
            products::repository::mark_ordered(work, unexpected.iter().copied()).await?;
            // Whoever moves it at this moment is waited for; whoever comes later finds its line.
            stock::repository::lock_or_open(work, &[count.warehouse_id()], &unexpected).await?;
            repository::add_lines(work, self.id, &unexpected).await?;
        }
        repository::lock_lines(work, self.id, &products).await?;
        let levels = stock::repository::look(work, &[count.warehouse_id()], &products).await?;
        let entered = self.entries.iter().map(|entry| Entered {
            product_id: entry.product_id,
            counted: &entry.counted,
            expected: levels
                .get(count.warehouse_id(), entry.product_id)
                .map_or_else(Units::zero, |level| level.on_hand().clone()),
        });
        let entered: Vec<Entered<'_>> = entered.collect();
        repository::enter(work, self.id, &entered).await?;
        let lines = repository::lines(work, self.id, &products).await?;
        let recorded = serde_json::json!({ "lines": lines });
        work.audit("inventory_count.record", (InventoryCount::NAME, self.id), None, Some(&recorded))?;
        let principal = &work.context().principal;
        Ok(lines.into_iter().map(|line| line.seen_by(principal, &count)).collect())
    }
}

impl RecordCounts {
    /// Returns the products that are counted, in the order of their ids.
    fn products(&self) -> Result<Vec<ProductId>, InventoryCountError> {
        if !(1..=MAX_ENTRIES).contains(&self.entries.len()) {
            return Err(InventoryCountError::EntryCount(self.entries.len()));
        }
        let mut seen = HashSet::new();
        let again = (0..).zip(&self.entries).filter(|(_, entry)| !seen.insert(entry.product_id));
        let again: Vec<usize> = again.map(|(index, _)| index).collect();
        if !again.is_empty() {
            return Err(InventoryCountError::Duplicates(again));
        }
        let mut products: Vec<ProductId> = self.entries.iter().map(|entry| entry.product_id).collect();
        products.sort_unstable();
        Ok(products)
    }

    fn check(&self, found: &HashMap<ProductId, Product>) -> Result<(), InventoryCountError> {
        let unknown = positions(&self.entries, |entry| !found.contains_key(&entry.product_id));
        if !unknown.is_empty() {
            return Err(InventoryCountError::ProductsUnknown(unknown));
        }
        let too_precise = positions(&self.entries, |entry| {
            let product = found.get(&entry.product_id);
            product.is_some_and(|product| !entry.counted.has_at_most(product.details().quantity_decimals))
        });
        if too_precise.is_empty() { Ok(()) } else { Err(InventoryCountError::TooPrecise(too_precise)) }
    }

    /// Checks the products that are no lines of the count yet.
    fn check_unexpected(
        &self,
        count: &InventoryCount,
        unexpected: &[&Product],
    ) -> Result<(), InventoryCountError> {
        let unexpected: HashMap<ProductId, &Product> =
            unexpected.iter().map(|product| (product.id(), *product)).collect();
        let at = |refused: fn(&InventoryCount, &Product) -> bool| {
            positions(&self.entries, |entry| {
                let product = unexpected.get(&entry.product_id);
                product.is_some_and(|product| refused(count, product))
            })
        };
        let not_stocked = at(|_, product| !product.details().stocked);
        if !not_stocked.is_empty() {
            return Err(InventoryCountError::ProductsNotStocked(not_stocked));
        }
        let out_of_scope = at(|count, product| !count.covers(product.details().category_id));
        if out_of_scope.is_empty() { Ok(()) } else { Err(InventoryCountError::OutOfScope(out_of_scope)) }
    }
}

/// Ends the counting, until somebody asks to count lines again.
#[derive(Debug)]
pub struct SendToReview {
    pub id: InventoryCountId,
    pub expected_version: Option<i64>,
    /// What becomes of lines that nobody has counted; without it, they are refused.
    pub uncounted: Option<Uncounted>,
}

impl Command for SendToReview {
    type Outcome = InventoryCountView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<InventoryCountView, Error> {
        let count = repository::load(work, self.id).await?;
        check_version(self.expected_version, count.version())?;
        count.check_counting()?;
        let uncounted = repository::uncounted(work, self.id).await?;
        if uncounted > 0 && self.uncounted.is_some() {
            if self.uncounted == Some(Uncounted::Zero) {
                repository::enter_nothing(work, &count).await?;
            }
            repository::keep_last(work, self.id).await?;
        }
        let decide =
            |count: &mut InventoryCount, now| count.send_to_review(uncounted, self.uncounted, now).map(Some);
        let count = change(work, "inventory_count.review", count, self.expected_version, decide).await?;
        Ok(InventoryCountView::of(&count).seen_by(&work.context().principal))
    }
}

/// Has lines counted again: the count goes on with these.
#[derive(Debug)]
pub struct AskRecount {
    pub id: InventoryCountId,
    pub expected_version: Option<i64>,
    pub products: Vec<ProductId>,
}

impl Command for AskRecount {
    type Outcome = InventoryCountView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<InventoryCountView, Error> {
        if !(1..=MAX_ENTRIES).contains(&self.products.len()) {
            return Err(InventoryCountError::RecountCount(self.products.len()).into());
        }
        let count = repository::load(work, self.id).await?;
        let known = repository::known(work, self.id, &self.products).await?;
        let unknown = positions(&self.products, |product| !known.contains(product));
        if !unknown.is_empty() {
            return Err(InventoryCountError::LinesUnknown(unknown).into());
        }
        let decide = |count: &mut InventoryCount, now| count.ask_recount(now).map(Some);
        let count = change(work, "inventory_count.recount", count, self.expected_version, decide).await?;
        repository::ask_recount(work, self.id, &self.products).await?;
        Ok(InventoryCountView::of(&count).seen_by(&work.context().principal))
    }
}

/// Ends a count: what differs is posted. Where less remains than is reserved, the newest reservations become back orders. What is there
/// besides is given to orders that wait for it by the service `back_orders`.
#[derive(Debug)]
pub struct CloseCount {
    pub id: InventoryCountId,
    pub expected_version: Option<i64>,
    /// The date of the movements; `None` stands for today.
    pub business_date: Option<BusinessDate>,
}

impl Command for CloseCount {
    type Outcome = InventoryCountView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<InventoryCountView, Error> {
        let count = repository::load(work, self.id).await?;
        check_version(self.expected_version, count.version())?;
        count.check_may_close()?;
        let deviations = repository::deviations(work, self.id).await?;
        if deviations.len() > MAX_DEVIATIONS {
            return Err(InventoryCountError::TooManyDeviations.into());
        }
        let warehouse = count.warehouse_id();
        let lost = deviations.iter().filter(|line| !line.lost().is_zero());
        let lost: Vec<(ProductId, Units)> = lost.map(|line| (line.product_id, line.lost())).collect();
        let mut taken = TakenAway::lock_givers(work, warehouse, lost).await?;
        let places: Vec<(WarehouseId, ProductId)> =
            deviations.iter().map(|line| (warehouse, line.product_id)).collect();
        let mut levels = stock::repository::lock(work, &places).await?;
        let effects = taken.take_back(&mut levels, work)?;
        let decide = |count: &mut InventoryCount, now| {
            let on = self.business_date.unwrap_or_else(|| BusinessDate::of(now));
            count.close(deviations, &mut levels, on, now).map(Some)
        };
        let count = change(work, "inventory_count.close", count, self.expected_version, decide).await?;
        let cost = |place: &(WarehouseId, ProductId)| {
            levels.get(place.0, place.1).map(|level| (place.1, level.average_cost().clone()))
        };
        let costs: Vec<(ProductId, UnitPrice)> = places.iter().filter_map(cost).collect();
        repository::keep_costs(work, self.id, &costs).await?;
        queue::save(work, effects).await?;
        levels.save(work).await?;
        Ok(InventoryCountView::of(&count).seen_by(&work.context().principal))
    }
}

/// Ends a count without any consequence.
#[derive(Debug)]
pub struct CancelCount {
    pub id: InventoryCountId,
    pub expected_version: Option<i64>,
    pub reason: CountCancellation,
}

impl Command for CancelCount {
    type Outcome = InventoryCountView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<InventoryCountView, Error> {
        let count = repository::load(work, self.id).await?;
        let decide = |count: &mut InventoryCount, now| count.cancel(self.reason.clone(), now).map(Some);
        let count = change(work, "inventory_count.cancel", count, self.expected_version, decide).await?;
        Ok(InventoryCountView::of(&count).seen_by(&work.context().principal))
    }
}
