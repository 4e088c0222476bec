//! An inventory count and its rules.
//!
//! ```text
//! open ─► counting ─► review ─► closed
//!            ▲───────────┘  lines to count again
//!   └──────────┴──────────┴──► cancelled
//! ```

use std::collections::BTreeMap;
use std::fmt;

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::events::InventoryCountEvent;
use crate::application::error::{Category, DomainError, Error};
use crate::commerce::stock::{
    DocumentRef, DocumentType, Levels, MovementKind, PlaceRef, StockError, StockLevel,
};
use crate::values::business_date::BusinessDate;
use crate::values::goods::{Units, UnitsChange};
use crate::values::ids::{CategoryId, InventoryCountId, LocationId, ProductId, WarehouseId};
use crate::values::invalid::{FieldError, Invalid};
use crate::values::money::{Money, UnitPrice};
use crate::values::text::text;

text!(
    /// The count's number in the company's own books; unique in a tenant where it is given.
    CountReference, "a reference", 100
);
text!(
    /// Why a count was cancelled.
    CountCancellation, "a reason", 500
);

/// The maximum number of lines of a count: products in its scope, each once in each of its locations.
pub const MAX_LINES: usize = 50_000;
/// The maximum number of entries in one request.
pub const MAX_ENTRIES: usize = 1_000;
/// The maximum number of categories that a count names.
pub const MAX_CATEGORIES: usize = 100;
/// The maximum number of locations that a count names.
pub const MAX_LOCATIONS: usize = 1_000;
/// The maximum number of lines that may differ when a count is closed: they are posted in one transaction.
pub const MAX_DEVIATIONS: usize = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CountStatus {
    /// Planned: goods still move.
    Open,
    /// Nothing on hand in its scope moves.
    Counting,
    /// Counted, and not decided yet.
    Review,
    Closed,
    Cancelled,
}

impl CountStatus {
    pub const ALL: [Self; 5] = [Self::Open, Self::Counting, Self::Review, Self::Closed, Self::Cancelled];

    /// Returns the name that is stored and published.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Counting => "counting",
            Self::Review => "review",
            Self::Closed => "closed",
            Self::Cancelled => "cancelled",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

impl fmt::Display for CountStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is to be done about a line, or was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LineState {
    ToCount,
    Counted,
    /// It was counted, and somebody asked to count it again.
    ToRecount,
}

impl LineState {
    pub const ALL: [Self; 3] = [Self::ToCount, Self::Counted, Self::ToRecount];

    /// Returns the name that is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ToCount => "to_count",
            Self::Counted => "counted",
            Self::ToRecount => "to_recount",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// What becomes of lines that nobody has counted. A line that was to be counted again keeps its last count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum Uncounted {
    /// Nothing is there: it is entered as counted, by whoever says so.
    Zero,
    /// Nothing is known: the books stay as they are.
    Leave,
}

impl Uncounted {
    pub const ALL: [Self; 2] = [Self::Zero, Self::Leave];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Zero => "zero",
            Self::Leave => "leave",
        }
    }
}

/// A count that is to be made.
#[derive(Debug, Clone)]
pub struct NewInventoryCount {
    pub reference: Option<CountReference>,
    pub warehouse_id: WarehouseId,
    /// Only what is in these categories, and below them.
    pub categories: Option<Vec<CategoryId>>,
    /// Only what lies in these locations. With neither, it is the whole warehouse.
    pub locations: Option<Vec<LocationId>>,
    /// Whether those who count do not see what is expected.
    pub blind: bool,
    pub created_by: String,
}

/// A line that was counted otherwise than expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deviation {
    pub product_id: ProductId,
    /// Of a count of locations.
    pub location: Option<PlaceRef>,
    pub sku: String,
    pub name: String,
    pub expected: Units,
    pub counted: Units,
    /// Known when it is posted.
    pub average_cost: UnitPrice,
}

impl Deviation {
    pub fn change(&self) -> UnitsChange {
        UnitsChange::stored(self.counted.value() - self.expected.value())
    }

    /// How many units are there besides, if any.
    pub fn gained(&self) -> Units {
        self.counted.less(&self.expected)
    }

    /// How many units are missing, if any.
    pub fn lost(&self) -> Units {
        self.expected.less(&self.counted)
    }

    /// Whether there is still what was expected.
    fn is_expected_of(&self, level: &StockLevel) -> bool {
        match &self.location {
            Some(location) => level.on_hand_in(location.id) == self.expected,
            None => *level.on_hand() == self.expected,
        }
    }

    /// Brings the level to what was counted.
    fn post(&self, level: &mut StockLevel, document: &DocumentRef) -> Result<(), StockError> {
        let (more, less) = (self.gained(), self.lost());
        if more.is_zero() {
            if let Some(location) = &self.location {
                level.pick(location, &less, document)?;
            }
            level.remove(MovementKind::Adjustment, &less, document)
        } else {
            level.receive(MovementKind::Adjustment, &more, None, document)?;
            match &self.location {
                Some(location) => level.put_away(location, &more, document),
                None => Ok(()),
            }
        }
    }
}

/// How a product differs in all lines together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Net {
    pub(super) gained: Units,
    pub(super) lost: Units,
    average_cost: UnitPrice,
}

impl Net {
    fn value(&self, units: &Units) -> Money {
        let value: BigDecimal = units.value() * self.average_cost.value();
        Money::rounded(&value)
    }
}

/// Returns what is there besides, or missing, of each product: what is missing in one location may have been found in another.
pub(super) fn net_of(deviations: &[Deviation]) -> BTreeMap<ProductId, Net> {
    let mut sums: BTreeMap<ProductId, Net> = BTreeMap::new();
    for line in deviations {
        let none =
            || Net { gained: Units::zero(), lost: Units::zero(), average_cost: line.average_cost.clone() };
        let sum = sums.entry(line.product_id).or_insert_with(none);
        (sum.gained, sum.lost) = (sum.gained.plus(&line.gained()), sum.lost.plus(&line.lost()));
    }
    for net in sums.values_mut() {
        (net.gained, net.lost) = (net.gained.less(&net.lost), net.lost.less(&net.gained));
    }
    sums
}

/// What a closed count came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountTotals {
    /// The date of its movements.
    pub business_date: BusinessDate,
    /// The number of lines that differed.
    pub differing: usize,
    /// What was there besides, at average cost. What of a product was only in another location is neither this nor missing.
    pub gained: Money,
    /// What was missing, at average cost.
    pub lost: Money,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryCount {
    pub(super) id: InventoryCountId,
    pub(super) version: i64,
    pub(super) reference: Option<CountReference>,
    pub(super) warehouse_id: WarehouseId,
    pub(super) categories: Option<Vec<CategoryId>>,
    pub(super) locations: Option<Vec<LocationId>>,
    /// The categories and all that were below them when it was started.
    pub(super) scope: Option<Vec<CategoryId>>,
    pub(super) blind: bool,
    pub(super) status: CountStatus,
    pub(super) created_by: String,
    pub(super) totals: Option<CountTotals>,
    pub(super) cancellation_reason: Option<CountCancellation>,
    pub(super) started_at: Option<DateTime<Utc>>,
    pub(super) closed_at: Option<DateTime<Utc>>,
    pub(super) cancelled_at: Option<DateTime<Utc>>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

impl InventoryCount {
    /// # Errors
    /// Fails if it names no category or location in a list of them, or too many, or both.
    pub fn create(
        id: InventoryCountId,
        new: NewInventoryCount,
        now: DateTime<Utc>,
    ) -> Result<(Self, InventoryCountEvent), InventoryCountError> {
        let number = new.categories.as_ref().map(Vec::len);
        if let Some(number) = number.filter(|number| !(1..=MAX_CATEGORIES).contains(number)) {
            return Err(InventoryCountError::CategoryCount(number));
        }
        let number = new.locations.as_ref().map(Vec::len);
        if let Some(number) = number.filter(|number| !(1..=MAX_LOCATIONS).contains(number)) {
            return Err(InventoryCountError::LocationCount(number));
        }
        if new.categories.is_some() && new.locations.is_some() {
            return Err(InventoryCountError::TwoScopes);
        }
        let count = Self {
            id,
            version: 1,
            reference: new.reference,
            warehouse_id: new.warehouse_id,
            categories: new.categories,
            locations: new.locations,
            scope: None,
            blind: new.blind,
            status: CountStatus::Open,
            created_by: new.created_by,
            totals: None,
            cancellation_reason: None,
            started_at: None,
            closed_at: None,
            cancelled_at: None,
            created_at: now,
            updated_at: now,
        };
        let event = InventoryCountEvent::Created(Box::new(count.clone()));
        Ok((count, event))
    }

    /// Begins to count. `scope` is its categories and all that are below them, `lines` the number of products to count.
    ///
    /// # Errors
    /// Fails if it is not open, or if there are more than [`MAX_LINES`].
    pub fn start(
        &mut self,
        scope: Option<Vec<CategoryId>>,
        lines: usize,
        now: DateTime<Utc>,
    ) -> Result<InventoryCountEvent, InventoryCountError> {
        self.check_may_start()?;
        if lines > MAX_LINES {
            return Err(InventoryCountError::TooManyLines);
        }
        self.advance("started", &[CountStatus::Open], CountStatus::Counting, now)?;
        self.scope = scope;
        self.started_at = Some(now);
        Ok(InventoryCountEvent::Started { count: Box::new(self.clone()), lines })
    }

    /// # Errors
    /// Fails if it is not open.
    pub fn check_may_start(&self) -> Result<(), InventoryCountError> {
        self.check("started", &[CountStatus::Open])
    }

    /// # Errors
    /// Fails if nobody counts at present.
    pub fn check_counting(&self) -> Result<(), InventoryCountError> {
        self.check("counted", &[CountStatus::Counting])
    }

    /// Ends the counting, until somebody asks to count lines again. `uncounted` is the number of lines that nobody has counted, or not
    /// again.
    ///
    /// # Errors
    /// Fails if nobody counts at present, or if lines are not counted and nobody says what becomes of them.
    pub fn send_to_review(
        &mut self,
        uncounted: usize,
        decision: Option<Uncounted>,
        now: DateTime<Utc>,
    ) -> Result<InventoryCountEvent, InventoryCountError> {
        self.check("sent to review", &[CountStatus::Counting])?;
        if uncounted > 0 && decision.is_none() {
            return Err(InventoryCountError::NotCounted(uncounted));
        }
        self.advance("sent to review", &[CountStatus::Counting], CountStatus::Review, now)?;
        Ok(InventoryCountEvent::SentToReview(Box::new(self.clone())))
    }

    /// Has lines counted again.
    ///
    /// # Errors
    /// Fails if it is not in review.
    pub fn ask_recount(&mut self, now: DateTime<Utc>) -> Result<InventoryCountEvent, InventoryCountError> {
        self.advance("counted again", &[CountStatus::Review], CountStatus::Counting, now)?;
        Ok(InventoryCountEvent::RecountAsked(Box::new(self.clone())))
    }

    /// # Errors
    /// Fails if it is not in review.
    pub fn check_may_close(&self) -> Result<(), InventoryCountError> {
        self.check("closed", &[CountStatus::Review])
    }

    /// Posts what differs, at average cost. The levels of all these products are there, and nothing is promised to orders that is
    /// missing. What was found is posted first: what of a product is missing in one location may lie in another.
    ///
    /// # Errors
    /// Fails if it is not in review, if too many lines differ, or if something on hand is not what it was when it was counted.
    pub(crate) fn close(
        &mut self,
        mut deviations: Vec<Deviation>,
        levels: &mut Levels,
        business_date: BusinessDate,
        now: DateTime<Utc>,
    ) -> Result<InventoryCountEvent, Error> {
        self.check_may_close()?;
        business_date.check(now).map_err(InventoryCountError::BusinessDate)?;
        if deviations.len() > MAX_DEVIATIONS {
            return Err(InventoryCountError::TooManyDeviations.into());
        }
        let document = DocumentRef {
            kind: DocumentType::InventoryCount,
            id: self.id.uuid(),
            line: None,
            reason: None,
            business_date,
        };
        for found_first in [true, false] {
            for line in &mut deviations {
                if line.lost().is_zero() != found_first {
                    continue;
                }
                let level = levels
                    .get_mut(self.warehouse_id, line.product_id)
                    .filter(|level| line.is_expected_of(level))
                    .ok_or(InventoryCountError::Moved(line.product_id))?;
                line.average_cost = level.average_cost().clone();
                line.post(level, &document)?;
            }
        }
        let (mut gained, mut lost) = (Money::zero(), Money::zero());
        for net in net_of(&deviations).values() {
            gained = gained.plus(&net.value(&net.gained));
            lost = lost.plus(&net.value(&net.lost));
        }
        self.advance("closed", &[CountStatus::Review], CountStatus::Closed, now)?;
        self.closed_at = Some(now);
        self.totals = Some(CountTotals { business_date, differing: deviations.len(), gained, lost });
        Ok(InventoryCountEvent::Closed { count: Box::new(self.clone()), deviations })
    }

    /// Ends it without any consequence.
    ///
    /// # Errors
    /// Fails if it is closed or cancelled already.
    pub fn cancel(
        &mut self,
        reason: CountCancellation,
        now: DateTime<Utc>,
    ) -> Result<InventoryCountEvent, InventoryCountError> {
        let previous_status = self.status;
        let from = &[CountStatus::Open, CountStatus::Counting, CountStatus::Review];
        self.advance("cancelled", from, CountStatus::Cancelled, now)?;
        self.cancellation_reason = Some(reason);
        self.cancelled_at = Some(now);
        Ok(InventoryCountEvent::Cancelled { count: Box::new(self.clone()), previous_status })
    }

    /// # Errors
    /// Fails if this is no location of the count.
    pub fn check_has(&self, location: LocationId) -> Result<(), InventoryCountError> {
        let is_there = self.locations.as_ref().is_some_and(|locations| locations.contains(&location));
        if is_there { Ok(()) } else { Err(InventoryCountError::LocationOutOfScope(location)) }
    }

    /// Whether a product of this category is in the scope of a count that was started. In locations, all products are.
    pub fn covers(&self, category: Option<CategoryId>) -> bool {
        match &self.scope {
            None => self.categories.is_none(),
            Some(scope) => category.is_some_and(|category| scope.contains(&category)),
        }
    }

    /// Whether those who count do not see what is expected at present.
    pub fn hides_expected(&self) -> bool {
        self.blind && matches!(self.status, CountStatus::Open | CountStatus::Counting)
    }

    fn check(&self, action: &'static str, from: &'static [CountStatus]) -> Result<(), InventoryCountError> {
        if from.contains(&self.status) {
            return Ok(());
        }
        Err(InventoryCountError::State { id: self.id, status: self.status, action, from })
    }

    fn advance(
        &mut self,
        action: &'static str,
        from: &'static [CountStatus],
        to: CountStatus,
        now: DateTime<Utc>,
    ) -> Result<(), InventoryCountError> {
        self.check(action, from)?;
        self.status = to;
        self.version += 1;
        self.updated_at = now;
        Ok(())
    }

    pub fn reference(&self) -> Option<&CountReference> {
        self.reference.as_ref()
    }

    pub fn warehouse_id(&self) -> WarehouseId {
        self.warehouse_id
    }

    pub fn categories(&self) -> Option<&[CategoryId]> {
        self.categories.as_deref()
    }

    pub fn locations(&self) -> Option<&[LocationId]> {
        self.locations.as_deref()
    }

    pub fn is_blind(&self) -> bool {
        self.blind
    }

    pub fn status(&self) -> CountStatus {
        self.status
    }

    pub fn totals(&self) -> Option<&CountTotals> {
        self.totals.as_ref()
    }

    pub fn cancellation_reason(&self) -> Option<&CountCancellation> {
        self.cancellation_reason.as_ref()
    }

    pub fn started_at(&self) -> Option<DateTime<Utc>> {
        self.started_at
    }

    pub fn closed_at(&self) -> Option<DateTime<Utc>> {
        self.closed_at
    }

    pub fn cancelled_at(&self) -> Option<DateTime<Utc>> {
        self.cancelled_at
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InventoryCountError {
    #[error("there is no inventory count {0}")]
    NotFound(InventoryCountId),
    #[error("inventory count {id} is {status} and cannot be {action}; it would have to be {}", names(from))]
    State { id: InventoryCountId, status: CountStatus, action: &'static str, from: &'static [CountStatus] },
    #[error("there is no warehouse {0} that is in use")]
    WarehouseUnknown(WarehouseId),
    #[error(
        "a count names 1 to {MAX_CATEGORIES} categories, not {0}; leave them out to count the whole warehouse"
    )]
    CategoryCount(usize),
    #[error("some of these categories do not exist")]
    CategoriesUnknown(Vec<usize>),
    #[error(
        "a count names 1 to {MAX_LOCATIONS} locations, not {0}; leave them out to count the whole warehouse"
    )]
    LocationCount(usize),
    #[error("some of these locations are not in use in this warehouse, or named twice")]
    LocationsUnknown(Vec<usize>),
    #[error("location {0} was archived since; plan another count without it")]
    LocationArchived(LocationId),
    #[error("a count is of categories or of locations, not of both; plan two")]
    TwoScopes,
    #[error("some entries do not say in which location of this count the product lies")]
    LocationsMissing(Vec<usize>),
    #[error("some entries name a location, and this count is not of locations")]
    LocationsUnwanted(Vec<usize>),
    #[error("some entries name locations that this count does not have")]
    LocationsOutOfScope(Vec<usize>),
    #[error("this count does not have the location {0}")]
    LocationOutOfScope(LocationId),
    #[error("the reference {0:?} belongs to another inventory count; references are unique")]
    ReferenceTaken(String),
    #[error("another inventory count of warehouse {0} is under way; close it or cancel it first")]
    AlreadyRunning(WarehouseId),
    #[error(
        "more than {MAX_LINES} products would be counted; name categories or locations, and count them one after the other"
    )]
    TooManyLines,
    #[error("a request has 1 to {MAX_ENTRIES} entries, not {0}")]
    EntryCount(usize),
    #[error("1 to {MAX_ENTRIES} products are counted again at once, not {0}")]
    RecountCount(usize),
    #[error("some entries name what another one names")]
    Duplicates(Vec<usize>),
    #[error("some entries name products that do not exist")]
    ProductsUnknown(Vec<usize>),
    #[error("some entries name products that are not kept in stock")]
    ProductsNotStocked(Vec<usize>),
    #[error("some entries name products that are in no category of this count")]
    OutOfScope(Vec<usize>),
    #[error("some entries have more decimals than their products allow")]
    TooPrecise(Vec<usize>),
    #[error("some of these products are not lines of this count")]
    LinesUnknown(Vec<usize>),
    #[error("{} not counted yet; count it, or say with \"uncounted\" what becomes of it", lines(*.0))]
    NotCounted(usize),
    #[error("more than {MAX_DEVIATIONS} lines differ; they cannot be posted at once")]
    TooManyDeviations,
    #[error("what is on hand of product {0} is not what it was when it was counted; count it again")]
    Moved(ProductId),
    #[error("this count is blind: which lines differ is told when it is in review")]
    Blind,
    #[error("{}", .0.message)]
    BusinessDate(Invalid),
}

fn lines(number: usize) -> String {
    if number == 1 { "one line is".to_owned() } else { format!("{number} lines are") }
}

fn names(statuses: &[CountStatus]) -> String {
    statuses.iter().map(|status| status.as_str()).collect::<Vec<_>>().join(" or ")
}

impl DomainError for InventoryCountError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::State { .. }
            | Self::ReferenceTaken(_)
            | Self::AlreadyRunning(_)
            | Self::TooManyLines
            | Self::LocationArchived(_)
            | Self::NotCounted(_)
            | Self::TooManyDeviations
            | Self::Moved(_)
            | Self::Blind => Category::Conflict,
            Self::WarehouseUnknown(_)
            | Self::CategoryCount(_)
            | Self::CategoriesUnknown(_)
            | Self::LocationCount(_)
            | Self::LocationsUnknown(_)
            | Self::TwoScopes
            | Self::LocationsMissing(_)
            | Self::LocationsUnwanted(_)
            | Self::LocationsOutOfScope(_)
            | Self::LocationOutOfScope(_)
            | Self::EntryCount(_)
            | Self::RecountCount(_)
            | Self::Duplicates(_)
            | Self::ProductsUnknown(_)
            | Self::ProductsNotStocked(_)
            | Self::OutOfScope(_)
            | Self::TooPrecise(_)
            | Self::LinesUnknown(_)
            | Self::BusinessDate(_) => Category::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "inventory_count_not_found",
            Self::State { .. } => "inventory_count_state_conflict",
            Self::ReferenceTaken(_) => "inventory_count_reference_taken",
            Self::AlreadyRunning(_) => "inventory_count_under_way",
            Self::TooManyLines | Self::TooManyDeviations => "inventory_count_too_large",
            Self::NotCounted(_) => "inventory_count_incomplete",
            Self::Moved(_) => "inventory_count_outdated",
            Self::Blind => "inventory_count_blind",
            Self::LocationArchived(_) => "location_archived",
            _ => "invalid_inventory_count",
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        let field = |pointer: &str, code| vec![Invalid::new(code, self.to_string()).at(pointer)];
        let several = |at: &[usize], place: fn(usize) -> String, code, message: &str| {
            at.iter().map(|index| Invalid::new(code, message).at(place(*index))).collect()
        };
        let product = |index: usize| format!("/entries/{index}/product_id");
        let location = |index: usize| format!("/entries/{index}/location_id");
        match self {
            Self::WarehouseUnknown(_) => field("/warehouse_id", "unknown_warehouse"),
            Self::CategoryCount(_) => field("/category_ids", "category_count"),
            Self::CategoriesUnknown(at) => several(
                at,
                |index| format!("/category_ids/{index}"),
                "unknown_category",
                "there is no such category",
            ),
            Self::LocationCount(_) => field("/location_ids", "location_count"),
            Self::LocationsUnknown(at) => several(
                at,
                |index| format!("/location_ids/{index}"),
                "unknown_location",
                "there is no such location in this warehouse that is in use, or it was named before",
            ),
            Self::TwoScopes => field("/location_ids", "two_scopes"),
            Self::LocationsMissing(at) => {
                several(at, location, "required", "say in which location of the count it lies")
            }
            Self::LocationsUnwanted(at) => {
                several(at, location, "not_by_location", "leave it out: this count is not of locations")
            }
            Self::LocationsOutOfScope(at) => {
                several(at, location, "out_of_scope", "this count does not have that location")
            }
            Self::LocationOutOfScope(_) => field("/location_id", "out_of_scope"),
            Self::EntryCount(_) => field("/entries", "entry_count"),
            Self::RecountCount(_) => field("/product_ids", "product_count"),
            Self::Duplicates(at) => several(
                at,
                product,
                "duplicate_product",
                "another entry names this product, in the same place",
            ),
            Self::ProductsUnknown(at) => several(at, product, "unknown_product", "there is no such product"),
            Self::ProductsNotStocked(at) => several(
                at,
                product,
                "not_stocked",
                "this product is not kept in stock; set stocked of it first",
            ),
            Self::OutOfScope(at) => {
                several(at, product, "out_of_scope", "this product is in no category of this count")
            }
            Self::TooPrecise(at) => several(
                at,
                |index| format!("/entries/{index}/counted"),
                "too_precise",
                "the product's quantities have fewer decimals: see its quantity_decimals",
            ),
            Self::LinesUnknown(at) => several(
                at,
                |index| format!("/product_ids/{index}"),
                "unknown_line",
                "this is no line of the count",
            ),
            Self::BusinessDate(invalid) => field("/business_date", invalid.code),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
#[path = "aggregate_tests.rs"]
mod tests;
