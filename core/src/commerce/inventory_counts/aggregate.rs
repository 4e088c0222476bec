//! An inventory count and its rules.
//!
//! ```text
//! open ─► counting ─► review ─► closed
//!            ▲───────────┘  lines to count again
//!   └──────────┴──────────┴──► cancelled
//! ```

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::deviations::{Deviation, net_of};
use super::error::InventoryCountError;
use super::events::InventoryCountEvent;
use crate::application::error::Error;
use crate::commerce::stock::{DocumentRef, DocumentType, Levels};
use crate::values::business_date::BusinessDate;
use crate::values::ids::{CategoryId, InventoryCountId, LocationId, WarehouseId};
use crate::values::money::Money;
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

#[cfg(test)]
#[path = "aggregate_tests.rs"]
mod tests;
