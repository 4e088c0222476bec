//! The commands on inventory counts.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::aggregate::{
    CountCancellation, CountReference, InventoryCount, MAX_CATEGORIES, MAX_DEVIATIONS, MAX_ENTRIES,
    MAX_LINES, MAX_LOCATIONS, NewInventoryCount, Uncounted,
};
use super::deviations::{Deviation, net_of};
use super::entry_rows::{self, Entered};
use super::error::InventoryCountError;
use super::line_queries::CountLineView;
use super::queries::InventoryCountView;
use super::{line_rows, opening_rows, repository};
use crate::application::aggregate::{Aggregate, change, create};
use crate::application::error::{Error, check_version};
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::commerce::locations::{self, Location};
use crate::commerce::orders::positions;
use crate::commerce::orders::queue::{self, TakenAway};
use crate::commerce::products::{self, Product};
use crate::commerce::stock::{self, PlaceRef};
use crate::commerce::{categories, warehouses};
use crate::values::business_date::BusinessDate;
use crate::values::goods::Units;
use crate::values::ids::{CategoryId, InventoryCountId, LocationId, ProductId, WarehouseId};
use crate::values::money::UnitPrice;

/// Plans a count. Goods still move.
#[derive(Debug)]
pub struct CreateCount {
    pub reference: Option<CountReference>,
    pub warehouse_id: WarehouseId,
    /// With neither of both, the whole warehouse is counted.
    pub categories: Option<Vec<CategoryId>>,
    pub locations: Option<Vec<LocationId>>,
    pub blind: bool,
}

impl Command for CreateCount {
    type Outcome = InventoryCountView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<InventoryCountView, Error> {
        if !warehouses::repository::hold_open(work, self.warehouse_id).await? {
            return Err(InventoryCountError::WarehouseUnknown(self.warehouse_id).into());
        }
        self.hold_locations(work).await?;
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
            locations: self.locations.clone(),
            blind: self.blind,
            created_by: work.context().principal.name.clone(),
        };
        let created = InventoryCount::create(InventoryCountId::generate(), new, work.now())?;
        create(work, "inventory_count.create", created, InventoryCountView::of).await
    }
}

impl CreateCount {
    /// Checks the locations, each of which is named once, and in use in the warehouse. Too many are refused later.
    async fn hold_locations(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let named = self.locations.as_deref().unwrap_or_default();
        let named = &named[..named.len().min(MAX_LOCATIONS)];
        let mut sorted = named.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let found = locations::repository::share(work, &sorted).await?;
        let in_use =
            |location: &&Location| location.warehouse_id() == self.warehouse_id && !location.is_archived();
        let mut left: HashSet<LocationId> = found.iter().filter(in_use).map(Location::id).collect();
        let unknown = positions(named, |location| !left.remove(location));
        if unknown.is_empty() { Ok(()) } else { Err(InventoryCountError::LocationsUnknown(unknown).into()) }
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
        // Before the count, and from then on against everybody else who names them.
        let named = repository::locations_of(work, self.id).await?;
        let locations = locations::repository::withdraw(work, &named).await?;
        let count = repository::load(work, self.id).await?;
        // First, so that nothing is frozen for a count that is refused anyway.
        check_version(self.expected_version, count.version())?;
        count.check_may_start()?;
        if let Some(archived) = locations.iter().find(|location| location.is_archived()) {
            return Err(InventoryCountError::LocationArchived(archived.id()).into());
        }
        let scope = match count.categories() {
            Some(named) => Some(categories::repository::below(work, named).await?),
            None => None,
        };
        // Without locks: nobody waits for a count that is too large.
        if opening_rows::lines_to_open(work, &count, scope.as_deref()).await? > MAX_LINES {
            return Err(InventoryCountError::TooManyLines.into());
        }
        match count.locations() {
            Some(locations) => stock::gate::freeze_locations(work, locations).await?,
            None => stock::gate::freeze(work, count.warehouse_id(), scope.as_deref()).await?,
        }
        let lines = opening_rows::open_lines(work, &count, scope.as_deref()).await?;
        if scope.is_some() {
            // Products that came into a category since its levels were locked have lines, too.
            stock::gate::freeze_lines(work, self.id, count.warehouse_id()).await?;
        }
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
    /// Of a count of locations.
    pub location_id: Option<LocationId>,
    pub counted: Units,
}

impl Command for RecordCounts {
    type Outcome = Vec<CountLineView>;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<Vec<CountLineView>, Error> {
        let products = self.products()?;
        let count = repository::share(work, self.id).await?;
        count.check_counting()?;
        self.check_locations(&count)?;
        let found = products::repository::load_for_order(work, products.clone()).await?;
        self.check(&found)?;
        let known = line_rows::known(work, self.id, &products).await?;
        let is_known = |entry: &&CountEntry| known.contains(&(entry.product_id, entry.location_id));
        let new: Vec<&CountEntry> = self.entries.iter().filter(|entry| !is_known(entry)).collect();
        let mut unexpected: Vec<&Product> =
            new.iter().filter_map(|entry| found.get(&entry.product_id)).collect();
        unexpected.sort_by_key(|product| product.id());
        unexpected.dedup_by_key(|product| product.id());
        if !unexpected.is_empty() {
            self.check_unexpected(&count, &unexpected)?;
            products::repository::mark_ordered(work, unexpected.iter().copied()).await?;
            // Whoever moves it at this moment is waited for; whoever comes later finds its line.
            stock::repository::lock_or_open(work, &[count.warehouse_id()], &unexpected).await?;
            let codes = self.codes(work, &count).await?;
            let line = |entry: &&CountEntry| {
                let place =
                    entry.location_id.and_then(|id| Some(PlaceRef { id, code: codes.get(&id)?.clone() }));
                Some((found.get(&entry.product_id)?, place))
            };
            let lines: Vec<(&Product, Option<PlaceRef>)> = new.iter().filter_map(line).collect();
            line_rows::add_lines(work, self.id, &lines).await?;
        }
        line_rows::lock_lines(work, self.id, &products).await?;
        let expected = self.expected(work, &count, &products).await?;
        let entered = self.entries.iter().zip(&expected).map(|(entry, expected)| Entered {
            product_id: entry.product_id,
            location_id: entry.location_id,
            counted: &entry.counted,
            expected: expected.clone(),
        });
        let entered: Vec<Entered<'_>> = entered.collect();
        entry_rows::enter(work, self.id, &entered).await?;
        let wanted: Vec<(ProductId, Option<LocationId>)> =
            self.entries.iter().map(|entry| (entry.product_id, entry.location_id)).collect();
        let lines = line_rows::lines(work, self.id, &wanted).await?;
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
        let again = positions(&self.entries, |entry| !seen.insert((entry.product_id, entry.location_id)));
        if !again.is_empty() {
            return Err(InventoryCountError::Duplicates(again));
        }
        let mut products: Vec<ProductId> = self.entries.iter().map(|entry| entry.product_id).collect();
        products.sort_unstable();
        products.dedup();
        Ok(products)
    }

    /// Checks that the entries of a count of locations name these, and that others name none.
    fn check_locations(&self, count: &InventoryCount) -> Result<(), InventoryCountError> {
        let Some(of_count) = count.locations() else {
            let unwanted = positions(&self.entries, |entry| entry.location_id.is_some());
            let is_valid = unwanted.is_empty();
            return if is_valid { Ok(()) } else { Err(InventoryCountError::LocationsUnwanted(unwanted)) };
        };
        let missing = positions(&self.entries, |entry| entry.location_id.is_none());
        if !missing.is_empty() {
            return Err(InventoryCountError::LocationsMissing(missing));
        }
        let of_count: HashSet<&LocationId> = of_count.iter().collect();
        let others = positions(&self.entries, |entry| {
            entry.location_id.as_ref().is_some_and(|location| !of_count.contains(location))
        });
        if others.is_empty() { Ok(()) } else { Err(InventoryCountError::LocationsOutOfScope(others)) }
    }

    /// Returns what the locations of a count are called.
    async fn codes(
        &self,
        work: &mut UnitOfWork<'_>,
        count: &InventoryCount,
    ) -> Result<HashMap<LocationId, String>, Error> {
        let named = count.locations().unwrap_or_default();
        let codes = locations::repository::codes(work, named).await?;
        Ok(codes.into_iter().collect())
    }

    /// Returns what is on hand of each entry's product: in its location, in a count of locations.
    async fn expected(
        &self,
        work: &mut UnitOfWork<'_>,
        count: &InventoryCount,
        products: &[ProductId],
    ) -> Result<Vec<Units>, Error> {
        if count.locations().is_none() {
            let levels = stock::repository::look(work, &[count.warehouse_id()], products).await?;
            let on_hand = |entry: &CountEntry| {
                let level = levels.get(count.warehouse_id(), entry.product_id);
                level.map_or_else(Units::zero, |level| level.on_hand().clone())
            };
            return Ok(self.entries.iter().map(on_hand).collect());
        }
        let mut named: Vec<LocationId> = self.entries.iter().filter_map(|entry| entry.location_id).collect();
        named.sort_unstable();
        named.dedup();
        let there = line_rows::on_hand_in(work, &named, products).await?;
        let on_hand = |entry: &CountEntry| {
            let there = entry.location_id.and_then(|location| there.get(&(entry.product_id, location)));
            there.map_or_else(Units::zero, Units::clone)
        };
        Ok(self.entries.iter().map(on_hand).collect())
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
        let uncounted = line_rows::uncounted(work, self.id).await?;
        if uncounted > 0 && self.uncounted.is_some() {
            if self.uncounted == Some(Uncounted::Zero) {
                entry_rows::enter_nothing(work, &count).await?;
            }
            line_rows::keep_last(work, self.id).await?;
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
    /// Only what lies there, in a count of locations; `None` stands for every location.
    pub location: Option<LocationId>,
}

impl Command for AskRecount {
    type Outcome = InventoryCountView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<InventoryCountView, Error> {
        if !(1..=MAX_ENTRIES).contains(&self.products.len()) {
            return Err(InventoryCountError::RecountCount(self.products.len()).into());
        }
        let count = repository::load(work, self.id).await?;
        if let Some(location) = self.location {
            count.check_has(location)?;
        }
        let known = line_rows::known(work, self.id, &self.products).await?;
        let is_meant = |location| self.location.is_none() || self.location == location;
        let known = known.into_iter().filter(|(_, location)| is_meant(*location));
        let known: HashSet<ProductId> = known.map(|(product, _)| product).collect();
        let unknown = positions(&self.products, |product| !known.contains(product));
        if !unknown.is_empty() {
            return Err(InventoryCountError::LinesUnknown(unknown).into());
        }
        let decide = |count: &mut InventoryCount, now| count.ask_recount(now).map(Some);
        let count = change(work, "inventory_count.recount", count, self.expected_version, decide).await?;
        line_rows::ask_recount(work, self.id, &self.products, self.location).await?;
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
        // Before the count. What was found is about to lie there: another count of them starts before that, or after it.
        let named = repository::locations_of(work, self.id).await?;
        locations::repository::share(work, &named).await?;
        let count = repository::load(work, self.id).await?;
        check_version(self.expected_version, count.version())?;
        count.check_may_close()?;
        let deviations = line_rows::deviations(work, self.id).await?;
        if deviations.len() > MAX_DEVIATIONS {
            return Err(InventoryCountError::TooManyDeviations.into());
        }
        let warehouse = count.warehouse_id();
        let mut taken = TakenAway::lock_givers(work, warehouse, missing(&deviations)).await?;
        let products: BTreeSet<ProductId> = deviations.iter().map(|line| line.product_id).collect();
        let places: Vec<(WarehouseId, ProductId)> =
            products.into_iter().map(|product| (warehouse, product)).collect();
        let mut levels = stock::repository::lock(work, &places).await?;
        let effects = taken.take_back(&mut levels, work).await?;
        let decide = |count: &mut InventoryCount, now| {
            let on = self.business_date.unwrap_or_else(|| BusinessDate::of(now));
            count.close(deviations, &mut levels, on, now).map(Some)
        };
        let count = change(work, "inventory_count.close", count, self.expected_version, decide).await?;
        let cost = |place: &(WarehouseId, ProductId)| {
            levels.get(place.0, place.1).map(|level| (place.1, level.average_cost().clone()))
        };
        let costs: Vec<(ProductId, UnitPrice)> = places.iter().filter_map(cost).collect();
        line_rows::keep_costs(work, self.id, &costs).await?;
        queue::save(work, effects).await?;
        levels.save(work).await?;
        Ok(InventoryCountView::of(&count).seen_by(&work.context().principal))
    }
}

/// Returns how many units of each product are missing in all.
fn missing(deviations: &[Deviation]) -> Vec<(ProductId, Units)> {
    let missing = net_of(deviations).into_iter().map(|(product, net)| (product, net.lost));
    missing.filter(|(_, units)| !units.is_zero()).collect()
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
