//! The stock of a product in a warehouse, and its rules.
//!
//! ```text
//! on hand ─┬─ reserved: promised to orders, and still here
//!          └─ available ─┬─ free: for whoever orders next
//!                        └─ for orders that wait already, the oldest first
//! ```

use bigdecimal::{BigDecimal, Zero};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::events::StockEvent;
use super::places::{self, Place, PlaceMovement, PlaceRef};
use crate::application::error::{Category, DomainError};
use crate::values::business_date::BusinessDate;
use crate::values::goods::{Units, UnitsChange};
use crate::values::ids::{CategoryId, InventoryCountId, LocationId, ProductId, StockId, WarehouseId};
use crate::values::invalid::{FieldError, Invalid};
use crate::values::money::{QuantityDecimals, UnitPrice};
use crate::values::text::text;
use crate::values::unit::Unit;

text!(
    /// Why goods were moved.
    StockReason, "a reason", 500
);

/// How often `stock.level_changed` is told of one level at most, in milliseconds: the events of one aggregate follow each other, at
/// some 1,000 a second, and each costs the broker and every consumer as much as an order. A product that everybody buys changes more often.
pub const TOLD_EVERY_MS: i64 = 5_000;

/// An average cost stays below this, as every cost does that somebody names: nine digits before the point.
const COST_LIMIT: u64 = 1_000_000_000;

/// The maximum number of reservations that are taken back at once: each is of a line of an order.
pub const MAX_TAKEN_BACK: u16 = 10_000;
/// The maximum number of lines that the orders have together of which reservations are taken back at once.
pub const MAX_LINES_TAKEN_BACK: u32 = 50_000;

/// What kind of document moved goods, or promised them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DocumentType {
    Order,
    Receipt,
    Adjustment,
    WriteOff,
    Transfer,
    Shipment,
    Return,
    InventoryCount,
    /// Goods were put into a location, or from one into another.
    Relocation,
}

impl DocumentType {
    pub const ALL: [Self; 9] = [
        Self::Order,
        Self::Receipt,
        Self::Adjustment,
        Self::WriteOff,
        Self::Transfer,
        Self::Shipment,
        Self::Return,
        Self::InventoryCount,
        Self::Relocation,
    ];

    /// Returns the name that is stored and published.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Receipt => "receipt",
            Self::Adjustment => "adjustment",
            Self::WriteOff => "write_off",
            Self::Transfer => "transfer",
            Self::Shipment => "shipment",
            Self::Return => "return",
            Self::InventoryCount => "inventory_count",
            Self::Relocation => "relocation",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// The line of a document that moved goods, or promised them.
#[derive(Debug, Clone)]
pub struct DocumentRef {
    pub kind: DocumentType,
    pub id: Uuid,
    /// Counts from 1; that of the order for what belongs to one.
    pub line: Option<i16>,
    pub reason: Option<StockReason>,
    pub business_date: BusinessDate,
}

impl DocumentRef {
    /// The same document, in another line.
    #[must_use]
    pub fn at(&self, line: i16) -> Self {
        Self { line: Some(line), ..self.clone() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MovementKind {
    /// Goods came from a supplier, or were there from the beginning.
    Receipt,
    /// Goods left to a customer.
    Issue,
    Transfer,
    Adjustment,
    Return,
    WriteOff,
    /// Goods were promised to an order.
    Reservation,
    /// A promise was taken back.
    Release,
}

impl MovementKind {
    pub const ALL: [Self; 8] = [
        Self::Receipt,
        Self::Issue,
        Self::Transfer,
        Self::Adjustment,
        Self::Return,
        Self::WriteOff,
        Self::Reservation,
        Self::Release,
    ];

    /// Returns the name that is stored and published.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Receipt => "receipt",
            Self::Issue => "issue",
            Self::Transfer => "transfer",
            Self::Adjustment => "adjustment",
            Self::Return => "return",
            Self::WriteOff => "write_off",
            Self::Reservation => "reservation",
            Self::Release => "release",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A line of the ledger: how a level changed, and what it was afterwards.
#[derive(Debug, Clone)]
pub struct Movement {
    pub kind: MovementKind,
    /// Counts from 1 within its level.
    pub position: i64,
    pub on_hand_change: UnitsChange,
    pub reserved_change: UnitsChange,
    /// What a unit of it cost; `None` if nothing was moved.
    pub unit_cost: Option<UnitPrice>,
    pub on_hand: Units,
    pub reserved: Units,
    pub average_cost: UnitPrice,
    pub document: DocumentRef,
}

/// When to order more of a product, and how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReorderRule {
    pub point: Units,
    pub quantity: Units,
}

impl ReorderRule {
    /// Checks the rule by how its product is measured.
    ///
    /// # Errors
    /// Fails if a quantity has more decimals than the product's.
    pub(super) fn check_decimals(
        &self,
        (decimals, unit): &(QuantityDecimals, Unit),
    ) -> Result<(), StockError> {
        let members: Vec<_> = [("point", &self.point), ("quantity", &self.quantity)]
            .into_iter()
            .filter_map(|(member, units)| (!units.has_at_most(*decimals)).then_some(member))
            .collect();
        if members.is_empty() {
            return Ok(());
        }
        Err(StockError::RuleTooPrecise { decimals: *decimals, unit: unit.clone(), members })
    }
}

/// What an order line has of the stock, and what it waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub reserved: Units,
    pub waiting: Units,
}

impl Held {
    pub fn nothing() -> Self {
        Self { reserved: Units::zero(), waiting: Units::zero() }
    }

    pub fn is_nothing(&self) -> bool {
        self.reserved.is_zero() && self.waiting.is_zero()
    }
}

#[derive(Debug, Clone)]
pub struct StockLevel {
    pub(super) id: StockId,
    pub(super) version: i64,
    pub(super) warehouse_id: WarehouseId,
    pub(super) product_id: ProductId,
    pub(super) sku: String,
    pub(super) name: String,
    pub(super) on_hand: Units,
    pub(super) reserved: Units,
    pub(super) waiting: Units,
    pub(super) average_cost: UnitPrice,
    pub(super) reorder: Option<ReorderRule>,
    pub(super) low: bool,
    pub(super) told_at: Option<DateTime<Utc>>,
    pub(super) untold: bool,
    /// The number of its movements.
    pub(super) movements: i64,
    /// That of its product.
    pub(super) category_id: Option<CategoryId>,
    /// What of on hand lies in locations: the sum of its places.
    pub(super) located: Units,
    /// In the order in which goods are taken from them. Loaded where goods may move.
    pub(super) places: Vec<Place>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    /// What was done to it since it was loaded.
    pub(super) posted: Vec<Movement>,
    pub(super) relocated: Vec<PlaceMovement>,
    pub(super) changed: bool,
}

/// Movements that are not saved yet are no part of it.
impl PartialEq for StockLevel {
    fn eq(&self, other: &Self) -> bool {
        (self.id, self.version) == (other.id, other.version)
    }
}

impl Eq for StockLevel {}

impl StockLevel {
    /// Returns the level of a product that never was in a warehouse.
    pub fn open(
        id: StockId,
        warehouse_id: WarehouseId,
        product_id: ProductId,
        (sku, name): (String, String),
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            id,
            version: 1,
            warehouse_id,
            product_id,
            sku,
            name,
            on_hand: Units::zero(),
            reserved: Units::zero(),
            waiting: Units::zero(),
            average_cost: UnitPrice::zero(),
            reorder: None,
            low: false,
            told_at: None,
            untold: false,
            movements: 0,
            category_id: None,
            located: Units::zero(),
            places: Vec::new(),
            created_at: now,
            updated_at: now,
            posted: Vec::new(),
            relocated: Vec::new(),
            changed: false,
        }
    }

    /// What is on hand and promised to nobody.
    pub fn available(&self) -> Units {
        self.on_hand.less(&self.reserved)
    }

    /// What the next order can have: what is available, but for what others wait for.
    pub fn free(&self) -> Units {
        self.available().less(&self.waiting)
    }

    /// Promises goods to an order that is being placed. If there are too few, a back order has those that are free and waits for
    /// the rest.
    ///
    /// # Errors
    /// `Short` if there are too few and the order does not wait, `TooMany` if all orders together would have and wait for more than the
    /// database can keep.
    pub fn promise(
        &mut self,
        wanted: &Units,
        waits: bool,
        document: &DocumentRef,
    ) -> Result<Held, StockError> {
        let free = self.free();
        let waiting = wanted.less(&free);
        if !waiting.is_zero() && !waits {
            return Err(StockError::Short(vec![Shortage::of(document, wanted, free)]));
        }
        // What orders have and wait for together: a promise alone makes it more. So what is taken back of a promise can be waited for.
        if !self.reserved.plus(&self.waiting).plus(wanted).fits() {
            return Err(StockError::TooMany { product: self.product_id });
        }
        let reserved = wanted.less(&waiting);
        self.reserve(&reserved, document);
        self.waiting = self.waiting.plus(&waiting);
        self.changed = true;
        Ok(Held { reserved, waiting })
    }

    /// Promises what is available to an order that waits. Returns what it gets.
    pub fn serve(&mut self, waiting: &Units, document: &DocumentRef) -> Units {
        let got = waiting.at_most(&self.available());
        if !got.is_zero() {
            self.reserve(&got, document);
            self.waiting = self.waiting.less(&got);
        }
        got
    }

    /// Takes back what an order has and what it waits for.
    pub fn release(&mut self, held: &Held, document: &DocumentRef) {
        self.waiting = self.waiting.less(&held.waiting);
        self.changed = true;
        if !held.reserved.is_zero() {
            self.reserved = self.reserved.less(&held.reserved);
            let taken = UnitsChange::less(&held.reserved);
            self.post(MovementKind::Release, UnitsChange::none(), taken, None, document);
        }
    }

    /// Takes back a promise; the order waits for the goods instead. They can be counted there: [`Self::promise`] has seen to it.
    pub fn revoke(&mut self, reserved: &Units, document: &DocumentRef) {
        self.release(&Held { reserved: reserved.clone(), waiting: Units::zero() }, document);
        self.waiting = self.waiting.plus(reserved);
    }

    /// Notes that goods which were reserved have left: those that lie in no location first, then those of the locations, by code.
    ///
    /// # Errors
    /// `Unreserved` if they were not.
    pub fn issue(&mut self, units: &Units, document: &DocumentRef) -> Result<(), StockError> {
        let (Some(reserved), Some(on_hand)) = (self.reserved.minus(units), self.on_hand.minus(units)) else {
            return Err(StockError::Unreserved { product: self.product_id });
        };
        self.take_from_places(units, document);
        (self.reserved, self.on_hand) = (reserved, on_hand);
        let (change, cost) = (UnitsChange::less(units), self.average_cost.clone());
        self.post(MovementKind::Issue, change.clone(), change, Some(cost), document);
        Ok(())
    }

    /// Notes that goods came; they lie in no location. Their cost goes into the average; without one, they cost what the average is.
    ///
    /// # Errors
    /// `TooMany` if the database could not keep the number of units.
    pub fn receive(
        &mut self,
        kind: MovementKind,
        units: &Units,
        unit_cost: Option<&UnitPrice>,
        document: &DocumentRef,
    ) -> Result<(), StockError> {
        let on_hand = self.on_hand.plus(units);
        if !on_hand.fits() {
            return Err(StockError::TooMany { product: self.product_id });
        }
        let cost = unit_cost.unwrap_or(&self.average_cost).clone();
        self.average_cost = averaged(&self.on_hand, &self.average_cost, units, &cost);
        self.on_hand = on_hand;
        self.post(kind, UnitsChange::more(units), UnitsChange::none(), Some(cost), document);
        Ok(())
    }

    /// Takes goods away that are not reserved: those that lie in no location first, then those of the locations, by code. Their cost goes out
    /// of the average, which corrects one that was wrong; without one, they cost what the average is, and leave it as it is. So they do
    /// if nothing remains.
    ///
    /// # Errors
    /// `Missing` if fewer are on hand, `Promised` if so many are reserved that fewer remain, `CostBeyondValue` if what remains would be worth
    /// less than nothing, or would have a cost that nobody could name.
    pub fn remove(
        &mut self,
        kind: MovementKind,
        units: &Units,
        unit_cost: Option<&UnitPrice>,
        document: &DocumentRef,
    ) -> Result<(), StockError> {
        self.check_on_hand(units, document)?;
        let on_hand = self.on_hand.less(units);
        if on_hand < self.reserved {
            return Err(StockError::Promised(vec![Shortage::of(document, units, self.available())]));
        }
        let cost = unit_cost.unwrap_or(&self.average_cost).clone();
        if unit_cost.is_some() {
            let beyond = StockError::CostBeyondValue { line: document.line };
            self.average_cost =
                averaged_without(&self.on_hand, &self.average_cost, units, &cost).ok_or(beyond)?;
        }
        self.take_from_places(units, document);
        self.on_hand = on_hand;
        self.post(kind, UnitsChange::less(units), UnitsChange::none(), Some(cost), document);
        Ok(())
    }

    /// What of on hand lies in no location.
    pub fn loose(&self) -> Units {
        self.on_hand.less(&self.located)
    }

    /// What lies in a location.
    pub fn on_hand_in(&self, location: LocationId) -> Units {
        let place = self.places.iter().find(|place| place.location.id == location);
        place.map_or_else(Units::zero, |place| place.on_hand.clone())
    }

    /// Puts goods that lie in no location into one. What is on hand stays as it is.
    ///
    /// # Errors
    /// `Missing` if fewer lie in no location, `TooManyPlaces` if they lie in as many as there may be.
    pub fn put_away(
        &mut self,
        location: &PlaceRef,
        units: &Units,
        document: &DocumentRef,
    ) -> Result<(), StockError> {
        let loose = self.loose();
        if *units > loose {
            return Err(StockError::Missing(vec![Shortage::of(document, units, loose)]));
        }
        let on_hand = self.on_hand_in(location.id).plus(units);
        if let Some(place) = self.places.iter_mut().find(|place| place.location.id == location.id) {
            place.on_hand = on_hand.clone();
        } else if self.places.len() < places::MAX_PLACES {
            let at = self.places.partition_point(|place| place.location < *location);
            self.places.insert(at, Place { location: location.clone(), on_hand: on_hand.clone() });
        } else {
            return Err(StockError::TooManyPlaces { product: self.product_id });
        }
        self.located = self.located.plus(units);
        self.relocate(location, UnitsChange::more(units), on_hand, document);
        Ok(())
    }

    /// Takes goods out of a location; they lie in none then. What is on hand stays as it is.
    ///
    /// # Errors
    /// `Missing` if fewer lie there.
    pub fn pick(
        &mut self,
        location: &PlaceRef,
        units: &Units,
        document: &DocumentRef,
    ) -> Result<(), StockError> {
        let there = self.on_hand_in(location.id);
        let Some(left) = there.minus(units) else {
            return Err(StockError::Missing(vec![Shortage::of(document, units, there)]));
        };
        self.take_out(location, units, left, document);
        Ok(())
    }

    /// Takes what does not lie loose from the locations, before it leaves.
    fn take_from_places(&mut self, units: &Units, document: &DocumentRef) {
        for taken in places::taken(&self.loose(), &self.places, units) {
            if let Some(location) = taken.location {
                let left = self.on_hand_in(location.id).less(&taken.units);
                self.take_out(&location, &taken.units, left, document);
            }
        }
    }

    fn take_out(&mut self, location: &PlaceRef, units: &Units, left: Units, document: &DocumentRef) {
        if left.is_zero() {
            self.places.retain(|place| place.location.id != location.id);
        } else if let Some(place) = self.places.iter_mut().find(|place| place.location.id == location.id) {
            place.on_hand = left.clone();
        }
        self.located = self.located.less(units);
        self.relocate(location, UnitsChange::less(units), left, document);
    }

    fn relocate(&mut self, location: &PlaceRef, change: UnitsChange, on_hand: Units, document: &DocumentRef) {
        self.changed = true;
        let document = document.clone();
        self.relocated.push(PlaceMovement { location_id: location.id, change, on_hand, document });
    }

    /// # Errors
    /// `Missing` if fewer units are on hand.
    pub fn check_on_hand(&self, units: &Units, document: &DocumentRef) -> Result<(), StockError> {
        if *units <= self.on_hand {
            return Ok(());
        }
        Err(StockError::Missing(vec![Shortage::of(document, units, self.on_hand.clone())]))
    }

    /// How many units have to be taken back from orders before `units` can be taken away.
    pub fn overpromised(&self, units: &Units) -> Units {
        units.less(&self.available())
    }

    /// Sets when to order more, or ends it.
    pub fn set_reorder(&mut self, rule: Option<ReorderRule>) {
        if self.reorder != rule {
            self.reorder = rule;
            self.changed = true;
        }
    }

    /// Notes how its product is called now, and in which category it is.
    pub fn describe(&mut self, sku: &str, name: &str, category_id: Option<CategoryId>) {
        if self.sku != sku || self.name != name || self.category_id != category_id {
            (self.sku, self.name) = (sku.to_owned(), name.to_owned());
            self.category_id = category_id;
            self.changed = true;
        }
    }

    /// Ends a change: raises the version, and returns what is told of it. A level that changes often is told at intervals
    /// ([`TOLD_EVERY_MS`]).
    pub fn close(&mut self, now: DateTime<Utc>) -> Vec<StockEvent> {
        if !self.changed {
            return Vec::new();
        }
        self.changed = false;
        self.version += 1;
        self.updated_at = now;
        let was_low = self.low;
        self.low = self.reorder.as_ref().is_some_and(|rule| self.available() <= rule.point);
        let rests = self.rests(now);
        self.untold = rests;
        let mut events = Vec::new();
        if !rests {
            self.told_at = Some(now);
            events.push(StockEvent::LevelChanged(Box::new(self.told())));
        }
        if self.low && !was_low {
            events.push(StockEvent::LevelLow(Box::new(self.told())));
        }
        events
    }

    /// Tells what was not told yet, unless it was told just now.
    pub fn tell(&mut self, now: DateTime<Utc>) -> Option<StockEvent> {
        let tells = self.untold && !self.rests(now);
        tells.then(|| {
            self.untold = false;
            self.told_at = Some(now);
            StockEvent::LevelChanged(Box::new(self.told()))
        })
    }

    fn rests(&self, now: DateTime<Utc>) -> bool {
        self.told_at.is_some_and(|told| now - told < TimeDelta::milliseconds(TOLD_EVERY_MS))
    }

    /// Whether there is nothing, and nobody waits for anything.
    pub fn is_empty(&self) -> bool {
        self.on_hand.is_zero() && self.waiting.is_zero()
    }

    /// The level as events carry it, without its movements.
    fn told(&self) -> Self {
        Self { posted: Vec::new(), relocated: Vec::new(), places: Vec::new(), ..self.clone() }
    }

    fn reserve(&mut self, units: &Units, document: &DocumentRef) {
        if units.is_zero() {
            return;
        }
        self.reserved = self.reserved.plus(units);
        let change = UnitsChange::more(units);
        self.post(MovementKind::Reservation, UnitsChange::none(), change, None, document);
    }

    fn post(
        &mut self,
        kind: MovementKind,
        on_hand_change: UnitsChange,
        reserved_change: UnitsChange,
        unit_cost: Option<UnitPrice>,
        document: &DocumentRef,
    ) {
        self.changed = true;
        self.movements += 1;
        self.posted.push(Movement {
            kind,
            position: self.movements,
            on_hand_change,
            reserved_change,
            unit_cost,
            on_hand: self.on_hand.clone(),
            reserved: self.reserved.clone(),
            average_cost: self.average_cost.clone(),
            document: document.clone(),
        });
    }

    pub fn is_changed(&self) -> bool {
        self.changed
    }

    /// Whether what is on hand was changed since it was loaded.
    pub(super) fn moves_goods(&self) -> bool {
        self.posted.iter().any(|movement| !movement.on_hand_change.is_none())
    }

    /// Whether something was put into a location since it was loaded, or taken out of one.
    pub(super) fn moves_between_places(&self) -> bool {
        !self.relocated.is_empty()
    }

    /// What was put into locations and taken out of them since it was loaded, in this order.
    pub(crate) fn relocated(&self) -> &[PlaceMovement] {
        &self.relocated
    }

    pub fn id(&self) -> StockId {
        self.id
    }

    pub fn version(&self) -> i64 {
        self.version
    }

    pub fn warehouse_id(&self) -> WarehouseId {
        self.warehouse_id
    }

    pub fn product_id(&self) -> ProductId {
        self.product_id
    }

    pub fn sku(&self) -> &str {
        &self.sku
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn on_hand(&self) -> &Units {
        &self.on_hand
    }

    pub fn reserved(&self) -> &Units {
        &self.reserved
    }

    pub fn waiting(&self) -> &Units {
        &self.waiting
    }

    pub fn average_cost(&self) -> &UnitPrice {
        &self.average_cost
    }

    pub fn reorder(&self) -> Option<&ReorderRule> {
        self.reorder.as_ref()
    }

    pub fn updated_at(&self) -> DateTime<Utc> {
        self.updated_at
    }
}

/// The weighted average of what is on hand and what comes, rounded half up to six decimals.
fn averaged(on_hand: &Units, average: &UnitPrice, more: &Units, cost: &UnitPrice) -> UnitPrice {
    let units = on_hand.value() + more.value();
    if units.is_zero() {
        return average.clone();
    }
    let value: BigDecimal = on_hand.value() * average.value() + more.value() * cost.value();
    UnitPrice::rounded(&(value / units))
}

/// The weighted average of what remains if goods of this cost go, rounded half up to six decimals; that of before if nothing remains. `None` if
/// they cost more than all that is there is worth, or if the average could not be kept.
fn averaged_without(
    on_hand: &Units,
    average: &UnitPrice,
    less: &Units,
    cost: &UnitPrice,
) -> Option<UnitPrice> {
    // The average was rounded: what is there may be worth more than it says, by half of its last decimal each.
    let rounded_off: BigDecimal = on_hand.value() * BigDecimal::new(5.into(), 7);
    let value: BigDecimal = on_hand.value() * average.value() - less.value() * cost.value();
    let units = on_hand.value() - less.value();
    if value < -rounded_off {
        return None;
    }
    if units.is_zero() {
        return Some(average.clone());
    }
    let left = UnitPrice::rounded(&(value.max(BigDecimal::zero()) / units));
    (*left.value() < COST_LIMIT).then_some(left)
}

/// A line for which there are too few goods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortage {
    pub document: DocumentType,
    /// Counts from 1.
    pub line: Option<i16>,
    pub wanted: Units,
    pub available: Units,
}

impl Shortage {
    fn of(document: &DocumentRef, wanted: &Units, available: Units) -> Self {
        Self { document: document.kind, line: document.line, wanted: wanted.clone(), available }
    }

    /// The member of the request that says how much is wanted.
    fn pointer(&self) -> String {
        let member = if self.document == DocumentType::Adjustment { "change" } else { "quantity" };
        format!("/lines/{}/{member}", self.line.map_or(0, |line| line - 1))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StockError {
    #[error("there is no stock {0}")]
    NotFound(StockId),
    #[error("there are too few goods for {}; order less, or with \"back_order\": true to wait for the rest", lines(.0))]
    Short(Vec<Shortage>),
    #[error("fewer goods are on hand than are to be taken away by {}", lines(.0))]
    Missing(Vec<Shortage>),
    #[error("the goods of {} are reserved for orders, which have to be cancelled first", lines(.0))]
    Promised(Vec<Shortage>),
    #[error(
        "there is stock of product {product}, or orders wait for some: it is kept in stock until there is none"
    )]
    StillKept { product: ProductId },
    #[error(
        "at this cost, what remains would be worth less than nothing, or {COST_LIMIT} or more each: name the cost at which the goods came"
    )]
    CostBeyondValue {
        /// Counts from 1.
        line: Option<i16>,
    },
    #[error("product {product} has no such reservation")]
    Unreserved { product: ProductId },
    #[error("so many units of product {product} cannot be counted")]
    TooMany { product: ProductId },
    #[error(
        "more than {MAX_TAKEN_BACK} reservations would be taken back, or of orders with more than {MAX_LINES_TAKEN_BACK} lines together: \
         take fewer goods away at once, or cancel some of the orders first"
    )]
    TooManyTakenBack,
    #[error(
        "product {product} lies in {} locations of the warehouse already, and cannot lie in more",
        places::MAX_PLACES
    )]
    TooManyPlaces { product: ProductId },
    #[error(
        "inventory count {count} is under way: until it is closed or cancelled, nothing on hand in its scope moves"
    )]
    Frozen { count: InventoryCountId },
    #[error(
        "quantities of this product, in {} ({}), may have {} digits after the point",
        .unit.code(), .unit.name(), .decimals.value()
    )]
    RuleTooPrecise { decimals: QuantityDecimals, unit: Unit, members: Vec<&'static str> },
    #[error(
        "no more is ordered of product {product}: it or the warehouse is archived, or it is not kept in stock"
    )]
    NoLongerOrdered { product: ProductId },
}

impl StockError {
    /// There is nothing of a product that never was in the warehouse.
    pub(crate) fn none_of(document: &DocumentRef, wanted: &Units) -> Self {
        Self::Short(vec![Shortage::of(document, wanted, Units::zero())])
    }
}

fn lines(shortages: &[Shortage]) -> String {
    match shortages {
        [_] => "one line".to_owned(),
        several => format!("{} lines", several.len()),
    }
}

impl DomainError for StockError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::Short(_)
            | Self::Missing(_)
            | Self::Promised(_)
            | Self::StillKept { .. }
            | Self::CostBeyondValue { .. }
            | Self::Unreserved { .. }
            | Self::TooManyTakenBack
            | Self::TooManyPlaces { .. }
            | Self::Frozen { .. } => Category::Conflict,
            Self::TooMany { .. } | Self::RuleTooPrecise { .. } | Self::NoLongerOrdered { .. } => {
                Category::Invalid
            }
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "stock_not_found",
            Self::Short(_) | Self::Missing(_) => "insufficient_stock",
            Self::Promised(_) => "stock_reserved",
            Self::StillKept { .. } => "product_in_stock",
            Self::CostBeyondValue { .. } => "cost_beyond_value",
            Self::Unreserved { .. } => "stock_not_reserved",
            Self::TooMany { .. } => "stock_too_large",
            Self::TooManyTakenBack => "too_many_reservations",
            Self::TooManyPlaces { .. } => "too_many_places",
            Self::Frozen { .. } => "stock_frozen",
            Self::RuleTooPrecise { .. } | Self::NoLongerOrdered { .. } => "invalid_reorder_rule",
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        if let Self::Frozen { count } = self {
            let frozen = Invalid::new("stock_frozen", self.to_string()).at("");
            return vec![FieldError { inventory_count_id: Some(count.to_string().into()), ..frozen }];
        }
        if let Self::NoLongerOrdered { .. } = self {
            return vec![Invalid::new("no_longer_ordered", self.to_string()).at("")];
        }
        if let Self::RuleTooPrecise { members, .. } = self {
            let field =
                |member: &&str| Invalid::new("too_precise", self.to_string()).at(format!("/{member}"));
            return members.iter().map(field).collect();
        }
        if let Self::CostBeyondValue { line } = self {
            let pointer = format!("/lines/{}/unit_cost", line.map_or(0, |line| line - 1));
            return vec![Invalid::new("cost_beyond_value", self.to_string()).at(pointer)];
        }
        let (Self::Short(shortages) | Self::Missing(shortages) | Self::Promised(shortages)) = self else {
            return Vec::new();
        };
        let code = if matches!(self, Self::Promised(_)) { "stock_reserved" } else { "insufficient_stock" };
        let field = |shortage: &Shortage| {
            let message = format!("{} are wanted, {} available", shortage.wanted, shortage.available);
            let available = Some(shortage.available.to_string().into());
            FieldError { available, ..Invalid::new(code, message).at(shortage.pointer()) }
        };
        shortages.iter().map(field).collect()
    }
}

#[cfg(test)]
#[path = "aggregate_tests.rs"]
mod tests;
