//! The order and its rules.
//!
//! ```text
//! pending ──confirm──► confirmed ──the last part leaves──► shipped ──deliver──► delivered
//!    └──────cancel──────────┴──► cancelled
//! ```
//!
//! It leaves in one shipment or in several. While a part is still here, it is confirmed.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::amendment::WrongLine;
use super::events::OrderEvent;
use super::totals::Totals;
use crate::application::aggregate::Aggregate;
use crate::application::error::{Category, DomainError, Error};
use crate::commerce::prices::{AppliedPrice, PriceOrigin};
use crate::commerce::products::Product;
use crate::commerce::stock::{
    DocumentRef, DocumentType, Held, Levels, MovementKind, StockError, StockReason,
};
use crate::values::business_date::BusinessDate;
use crate::values::contact::PostalAddress;
use crate::values::external_id::ExternalId;
use crate::values::goods::Units;
use crate::values::ids::{CustomerId, OrderId, ProductId, ReturnId, ShipmentId, WarehouseId};
use crate::values::invalid::{FieldError, Invalid};
use crate::values::money::{Currency, Money, Quantity, QuantityDecimals, UnitPrice, VatRate};
use crate::values::text::text;
use crate::values::unit::Unit;

text!(
    /// The order's number in the client's own books; unique in a tenant where it is given.
    OrderReference, "an order reference", 100
);
text!(TrackingNumber, "a tracking number", 100);
text!(CancellationReason, "a cancellation reason", 500);

/// The maximum number of lines of one order.
pub const MAX_LINES: usize = 5_000;
/// The gross total of one order stays below this, in units of its currency.
const TOTAL_LIMIT: u64 = 1_000_000_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OrderStatus {
    Pending,
    Confirmed,
    Shipped,
    Delivered,
    Cancelled,
}

impl OrderStatus {
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Confirmed, Self::Shipped, Self::Delivered, Self::Cancelled];

    /// Returns the name that is stored and published.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Shipped => "shipped",
            Self::Delivered => "delivered",
            Self::Cancelled => "cancelled",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A line of an order: a product as it was called, priced and taxed when the order was placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderLine {
    pub product_id: ProductId,
    pub sku: String,
    pub name: String,
    pub quantity: Quantity,
    pub unit_price: UnitPrice,
    pub vat_rate: VatRate,
    pub net_amount: Money,
    /// Whether the product was kept in stock then: such a line has its goods reserved, and issued when it is shipped.
    pub stocked: bool,
    /// What is reserved for it.
    pub reserved: Units,
    /// What it waits for.
    pub waiting: Units,
    /// What has left.
    pub shipped: Units,
    /// What will not leave.
    pub cancelled: Units,
    /// What of the shipped goods has come back.
    pub returned: Units,
    /// Which price it has; not known of lines that are older than that.
    #[serde(flatten)]
    pub price: Option<PriceOrigin>,
}

/// A part of a line: what leaves of it, or comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinePart {
    /// The line's; counts from 1.
    pub position: i16,
    pub units: Units,
}

/// What comes back of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnedPart {
    pub part: LinePart,
    /// Whether it can be sold again; otherwise it is written off.
    pub restocked: bool,
    pub reason: Option<StockReason>,
}

/// A requested line. Without a price of its own, it takes that of a list, or else the product's.
#[derive(Debug, Clone)]
pub struct DraftLine<'a> {
    pub product: &'a Product,
    pub quantity: Quantity,
    pub unit_price: Option<UnitPrice>,
    /// What a list says.
    pub listed: Option<AppliedPrice>,
}

/// A requested order.
#[derive(Debug, Clone)]
pub struct NewOrder<'a> {
    pub external_id: Option<ExternalId>,
    pub reference: Option<OrderReference>,
    pub customer_id: CustomerId,
    pub currency: Currency,
    /// Where the goods come from; `None` if no line needs any.
    pub warehouse_id: Option<WarehouseId>,
    /// Whether it waits for what is short, instead of being refused.
    pub back_order: bool,
    /// When the customer ordered.
    pub ordered_on: BusinessDate,
    /// Where it goes; `None` for the customer's own address.
    pub delivery_address: Option<PostalAddress>,
    /// By when the customer was promised the goods.
    pub promised_on: Option<BusinessDate>,
    pub lines: Vec<DraftLine<'a>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub(super) id: OrderId,
    pub(super) version: i64,
    pub(super) external_id: Option<ExternalId>,
    pub(super) reference: Option<OrderReference>,
    pub(super) customer_id: CustomerId,
    pub(super) status: OrderStatus,
    pub(super) currency: Currency,
    pub(super) lines: Vec<OrderLine>,
    pub(super) totals: Totals,
    pub(super) tracking_number: Option<TrackingNumber>,
    pub(super) cancellation_reason: Option<CancellationReason>,
    pub(super) placed_at: DateTime<Utc>,
    pub(super) confirmed_at: Option<DateTime<Utc>>,
    pub(super) shipped_at: Option<DateTime<Utc>>,
    pub(super) delivered_at: Option<DateTime<Utc>>,
    pub(super) cancelled_at: Option<DateTime<Utc>>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) warehouse_id: Option<WarehouseId>,
    pub(super) back_order: bool,
    /// Not known of orders that are older than this column.
    pub(super) ordered_on: Option<BusinessDate>,
    pub(super) delivery_address: Option<PostalAddress>,
    pub(super) promised_on: Option<BusinessDate>,
    /// Whether it passes its customer's credit limit, and nobody has approved of that yet.
    pub(super) held_for_approval: bool,
}

impl Order {
    /// # Errors
    /// Fails if there are no lines or too many, if it was promised before it was ordered, if a product is archived, if a quantity
    /// has more decimals than its product allows, or if the total reaches the limit.
    pub fn place(id: OrderId, new: NewOrder<'_>, now: DateTime<Utc>) -> Result<Self, OrderError> {
        Self::check_line_count(new.lines.len())?;
        new.ordered_on.check(now).map_err(OrderError::OrderedOn)?;
        check_promise(new.promised_on, new.ordered_on)?;
        let archived: Vec<_> = positions(&new.lines, |line| line.product.is_archived());
        if !archived.is_empty() {
            return Err(OrderError::ProductsArchived(archived));
        }
        let lines = new.lines.iter().enumerate();
        let too_precise: Vec<_> =
            lines.filter_map(|(index, line)| too_precise(index, &line.quantity, line.product)).collect();
        if !too_precise.is_empty() {
            return Err(OrderError::QuantitiesTooPrecise(too_precise));
        }
        let lines: Vec<_> = new.lines.into_iter().map(OrderLine::priced).collect();
        let totals = Totals::of(&lines);
        check_total(&totals)?;
        Ok(Self {
            id,
            version: 1,
            external_id: new.external_id,
            reference: new.reference,
            customer_id: new.customer_id,
            status: OrderStatus::Pending,
            currency: new.currency,
            lines,
            totals,
            tracking_number: None,
            cancellation_reason: None,
            placed_at: now,
            confirmed_at: None,
            shipped_at: None,
            delivered_at: None,
            cancelled_at: None,
            updated_at: now,
            warehouse_id: new.warehouse_id,
            back_order: new.back_order,
            ordered_on: Some(new.ordered_on),
            delivery_address: new.delivery_address,
            promised_on: new.promised_on,
            held_for_approval: false,
        })
    }

    /// Has it wait for approval: its goods are reserved, but it is neither confirmed nor shipped from now on. It is a part of what makes
    /// the order pass its customer's credit limit, and no step of its own.
    pub(crate) fn hold(&mut self) {
        self.held_for_approval = true;
    }

    /// Lets it go on, beyond the credit limit.
    ///
    /// # Errors
    /// Fails if it does not wait for approval.
    pub fn approve(&mut self, now: DateTime<Utc>) -> Result<OrderEvent, OrderError> {
        if !self.held_for_approval {
            return Err(OrderError::NotHeld(self.id));
        }
        self.held_for_approval = false;
        self.raise(now);
        Ok(OrderEvent::Approved(Box::new(self.clone())))
    }

    fn check_not_held(&self) -> Result<(), OrderError> {
        if self.held_for_approval { Err(OrderError::Held(self.id)) } else { Ok(()) }
    }

    /// Has the goods of its lines reserved. Where there are too few, a back order waits for the rest.
    ///
    /// # Errors
    /// `Short`, with every line for which there are too few.
    pub(crate) fn promise(&mut self, levels: &mut Levels) -> Result<(), StockError> {
        let document = self.document(self.ordered_on);
        let (warehouse, back_order) = (self.warehouse_id, self.back_order);
        let mut short = Vec::new();
        for (position, line) in (1..).zip(&mut self.lines).filter(|(_, line)| line.stocked) {
            let wanted = Units::from(&line.quantity);
            let level = warehouse.and_then(|warehouse| levels.get_mut(warehouse, line.product_id));
            let held = match level {
                Some(level) => level.promise(&wanted, back_order, &document.at(position)),
                None => Err(StockError::none_of(&document.at(position), &wanted)),
            };
            match held {
                Ok(Held { reserved, waiting }) => (line.reserved, line.waiting) = (reserved, waiting),
                Err(StockError::Short(lines)) => short.extend(lines),
                Err(other) => return Err(other),
            }
        }
        if short.is_empty() { Ok(()) } else { Err(StockError::Short(short)) }
    }

    /// Gives what is available of these products to the lines that wait for them, up to what each waits for. Returns `None` if it gets
    /// nothing. What it waits for of other products is not its turn: others may be in front of it.
    pub(crate) fn serve(
        &mut self,
        products: &BTreeSet<ProductId>,
        levels: &mut Levels,
        now: DateTime<Utc>,
    ) -> Option<OrderEvent> {
        if !self.is_open() {
            return None;
        }
        let document = self.document(Some(BusinessDate::of(now)));
        let warehouse = self.warehouse_id?;
        let mut got_some = false;
        let waits = |line: &OrderLine| !line.waiting.is_zero() && products.contains(&line.product_id);
        for (position, line) in (1..).zip(&mut self.lines).filter(|(_, line)| waits(line)) {
            let Some(level) = levels.get_mut(warehouse, line.product_id) else { continue };
            let got = level.serve(&line.waiting, &document.at(position));
            got_some |= !got.is_zero();
            line.reserved = line.reserved.plus(&got);
            line.waiting = line.waiting.less(&got);
        }
        got_some.then(|| {
            self.raise(now);
            OrderEvent::Reserved(Box::new(self.clone()))
        })
    }

    /// Takes back what is reserved of these products, as far as so much of them is `missing`, from the last line first; the order waits for
    /// it instead, and so much less is missing. Returns `None` if it has nothing of it.
    pub(crate) fn give_back(
        &mut self,
        products: &BTreeSet<ProductId>,
        missing: &mut BTreeMap<ProductId, Units>,
        levels: &mut Levels,
        now: DateTime<Utc>,
    ) -> Option<OrderEvent> {
        if !self.is_open() {
            return None;
        }
        let document = self.document(Some(BusinessDate::of(now)));
        let warehouse = self.warehouse_id?;
        let mut gave_some = false;
        let lines = (1..).zip(&mut self.lines).filter(|(_, line)| products.contains(&line.product_id));
        for (position, line) in lines.collect::<Vec<_>>().into_iter().rev() {
            let Some(left) = missing.get_mut(&line.product_id) else { continue };
            let part = left.at_most(&line.reserved);
            let level = levels.get_mut(warehouse, line.product_id).filter(|_| !part.is_zero());
            let Some(level) = level else { continue };
            level.revoke(&part, &document.at(position));
            line.reserved = line.reserved.less(&part);
            line.waiting = line.waiting.plus(&part);
            *left = left.less(&part);
            gave_some = true;
        }
        gave_some.then(|| {
            self.raise(now);
            OrderEvent::BackOrdered(Box::new(self.clone()))
        })
    }

    /// Takes back all that is reserved for it, and what it waits for.
    fn release(&mut self, levels: &mut Levels, now: DateTime<Utc>) {
        let document = self.document(Some(BusinessDate::of(now)));
        let warehouse = self.warehouse_id;
        for (position, line) in (1..).zip(&mut self.lines) {
            let held = Held {
                reserved: std::mem::replace(&mut line.reserved, Units::zero()),
                waiting: std::mem::replace(&mut line.waiting, Units::zero()),
            };
            let level = warehouse.and_then(|warehouse| levels.get_mut(warehouse, line.product_id));
            if let Some(level) = level.filter(|_| !held.is_nothing()) {
                level.release(&held, &document.at(position));
            }
        }
    }

    /// What can leave now: what is reserved, and what needs no goods from stock.
    pub fn ready(&self) -> Vec<LinePart> {
        self.parts(OrderLine::ready)
    }

    /// What has not left, and was not cancelled.
    pub fn outstanding(&self) -> Vec<LinePart> {
        self.parts(OrderLine::outstanding)
    }

    fn parts(&self, units: impl Fn(&OrderLine) -> Units) -> Vec<LinePart> {
        let part = |(position, line)| LinePart { position, units: units(line) };
        (1..).zip(&self.lines).map(part).filter(|part| !part.units.is_zero()).collect()
    }

    /// Has parts of its lines leave. The order is shipped when nothing is outstanding; until then it stays confirmed.
    ///
    /// # Errors
    /// Fails if the order is not confirmed, or waits for approval, or with every part that is more than is outstanding, or than is reserved.
    pub(crate) fn dispatch(
        &mut self,
        parts: &[LinePart],
        shipment: ShipmentId,
        tracking_number: Option<TrackingNumber>,
        on: BusinessDate,
        levels: &mut Levels,
        now: DateTime<Utc>,
    ) -> Result<OrderEvent, Error> {
        self.check_not_held()?;
        self.check_state("shipped", &[OrderStatus::Confirmed])?;
        if parts.is_empty() {
            return Err(OrderError::Waiting(positions(&self.lines, |line| !line.waiting.is_zero())).into());
        }
        self.check_parts(parts)?;
        let too_many = self.beyond(parts, OrderLine::outstanding);
        if !too_many.is_empty() {
            return Err(OrderError::ShipsTooMuch(too_many).into());
        }
        let not_there = self.beyond(parts, OrderLine::ready);
        if !not_there.is_empty() {
            return Err(OrderError::NotThere(not_there).into());
        }
        let document =
            DocumentRef { kind: DocumentType::Shipment, id: shipment.uuid(), ..self.document(Some(on)) };
        let warehouse = self.warehouse_id;
        for LinePart { position, units } in parts {
            let Some(line) = line_at(&mut self.lines, *position) else { continue };
            if line.stocked {
                let product = line.product_id;
                let level = warehouse.and_then(|warehouse| levels.get_mut(warehouse, product));
                level.ok_or(StockError::Unreserved { product })?.issue(units, &document.at(*position))?;
                line.reserved = line.reserved.less(units);
            }
            line.shipped = line.shipped.plus(units);
        }
        self.tracking_number = tracking_number.or_else(|| self.tracking_number.take());
        Ok(self.left(now))
    }

    /// Cancels what has not left. If something has left, the order is shipped with that.
    ///
    /// # Errors
    /// Fails if the order is shipped, delivered or cancelled already.
    pub(crate) fn cancel_rest(
        &mut self,
        reason: CancellationReason,
        levels: &mut Levels,
        now: DateTime<Utc>,
    ) -> Result<OrderEvent, OrderError> {
        if !self.has_left() {
            return self.cancel(reason, levels, now);
        }
        self.check_state("cancelled", &[OrderStatus::Confirmed])?;
        self.held_for_approval = false;
        self.release(levels, now);
        for line in &mut self.lines {
            line.cancelled = line.cancelled.plus(&line.outstanding());
        }
        self.cancellation_reason = Some(reason);
        self.cancelled_at = Some(now);
        Ok(self.left(now))
    }

    /// Notes that something has left, or that no more will.
    fn left(&mut self, now: DateTime<Utc>) -> OrderEvent {
        self.raise(now);
        if self.lines.iter().any(|line| !line.outstanding().is_zero()) {
            return OrderEvent::PartlyShipped(Box::new(self.clone()));
        }
        self.status = OrderStatus::Shipped;
        self.shipped_at = Some(now);
        OrderEvent::Shipped(Box::new(self.clone()))
    }

    /// Takes goods back that had left. What can be sold again comes back at the average cost of now; what cannot comes back too, and
    /// is written off at once.
    ///
    /// # Errors
    /// Fails with every part that is more than has left and not come back.
    pub(crate) fn take_back(
        &mut self,
        parts: &[ReturnedPart],
        id: ReturnId,
        on: BusinessDate,
        levels: &mut Levels,
        now: DateTime<Utc>,
    ) -> Result<OrderEvent, Error> {
        let units: Vec<LinePart> = parts.iter().map(|returned| returned.part.clone()).collect();
        let unknown = self.unknown(&units);
        if !unknown.is_empty() {
            return Err(OrderError::LinesUnknown(unknown).into());
        }
        let too_many = self.beyond(&units, OrderLine::returnable);
        if !too_many.is_empty() {
            return Err(OrderError::ReturnsTooMuch(too_many).into());
        }
        let document = DocumentRef { kind: DocumentType::Return, id: id.uuid(), ..self.document(Some(on)) };
        let warehouse = self.warehouse_id;
        for ReturnedPart { part: LinePart { position, units }, restocked, reason } in parts {
            let Some(line) = line_at(&mut self.lines, *position) else { continue };
            line.returned = line.returned.plus(units);
            if !line.stocked {
                continue;
            }
            let product = line.product_id;
            let level = warehouse.and_then(|warehouse| levels.get_mut(warehouse, product));
            let level = level.ok_or(StockError::Unreserved { product })?;
            let document = DocumentRef { reason: reason.clone(), ..document.at(*position) };
            level.receive(MovementKind::Return, units, None, &document)?;
            if !restocked {
                level.remove(MovementKind::WriteOff, units, &document)?;
            }
        }
        self.raise(now);
        Ok(OrderEvent::Returned(Box::new(self.clone())))
    }

    /// # Errors
    /// Fails if a part names a line that is not there, or one that another part names.
    fn check_parts(&self, parts: &[LinePart]) -> Result<(), OrderError> {
        let unknown = self.unknown(parts);
        if !unknown.is_empty() {
            return Err(OrderError::LinesUnknown(unknown));
        }
        let mut named = HashSet::new();
        let again: Vec<usize> = (0..)
            .zip(parts)
            .filter(|(_, part)| !named.insert(part.position))
            .map(|(index, _)| index)
            .collect();
        if again.is_empty() { Ok(()) } else { Err(OrderError::LinesTwice(again)) }
    }

    fn unknown(&self, parts: &[LinePart]) -> Vec<usize> {
        positions(parts, |part| self.line(part.position).is_none())
    }

    /// Returns the line at this position, which counts from 1.
    pub fn line(&self, position: i16) -> Option<&OrderLine> {
        self.lines.get(usize::try_from(position).ok()?.checked_sub(1)?)
    }

    /// Returns the products of the parts that are finer than their lines. Any other part was permitted when its line was ordered, so only
    /// these products have to be asked how fine a part may be.
    pub(crate) fn finer(&self, parts: &[LinePart]) -> Vec<ProductId> {
        self.finer_parts(parts).map(|(_, _, line)| line.product_id).collect()
    }

    /// Checks parts by how their products are measured now: those that [`Order::finer`] has named. A part that is no finer than its line
    /// passes, even if the product has become coarser since: otherwise the rest of the line could never leave.
    ///
    /// # Errors
    /// Fails if a part has more decimals than its line and its product.
    pub(crate) fn check_decimals(
        &self,
        parts: &[LinePart],
        measures: &HashMap<ProductId, (QuantityDecimals, Unit)>,
    ) -> Result<(), OrderError> {
        let too_precise = self.finer_parts(parts).filter_map(|(index, part, line)| {
            let (decimals, unit) = measures.get(&line.product_id)?;
            (!part.units.has_at_most(*decimals)).then(|| (index, *decimals, unit.clone()))
        });
        let too_precise: Vec<_> = too_precise.collect();
        if too_precise.is_empty() { Ok(()) } else { Err(OrderError::PartsTooPrecise(too_precise)) }
    }

    fn finer_parts<'a>(
        &'a self,
        parts: &'a [LinePart],
    ) -> impl Iterator<Item = (usize, &'a LinePart, &'a OrderLine)> {
        parts.iter().enumerate().filter_map(move |(index, part)| {
            let line = self.line(part.position)?;
            (part.units.decimals() > line.decimals()).then_some((index, part, line))
        })
    }

    /// Returns the parts that together with those before them are more than `most` of their line.
    fn beyond(&self, parts: &[LinePart], most: impl Fn(&OrderLine) -> Units) -> Vec<Beyond> {
        let mut taken: HashMap<i16, Units> = HashMap::new();
        let mut beyond = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            let Some(line) = self.line(part.position) else { continue };
            let before = taken.entry(part.position).or_insert_with(Units::zero);
            let available = most(line).less(before);
            *before = before.plus(&part.units);
            if part.units > available {
                beyond.push(Beyond { index, wanted: part.units.clone(), available });
            }
        }
        beyond
    }

    /// Where its goods lie: the places to lock before anything is done to what it has.
    pub(crate) fn places(&self) -> Vec<(WarehouseId, ProductId)> {
        let Some(warehouse) = self.warehouse_id else { return Vec::new() };
        self.lines.iter().filter(|line| line.stocked).map(|line| (warehouse, line.product_id)).collect()
    }

    pub(super) fn document(&self, on: Option<BusinessDate>) -> DocumentRef {
        DocumentRef {
            kind: DocumentType::Order,
            id: self.id.uuid(),
            line: None,
            reason: None,
            business_date: on.unwrap_or_else(|| BusinessDate::of(self.placed_at)),
        }
    }

    /// Whether its goods are still here.
    pub fn is_open(&self) -> bool {
        matches!(self.status, OrderStatus::Pending | OrderStatus::Confirmed)
    }

    /// Whether a part of it has left.
    pub fn has_left(&self) -> bool {
        self.lines.iter().any(|line| !line.shipped.is_zero())
    }

    /// Whether its status alone does not say what became of each line: then the lines are written.
    pub(crate) fn is_divided(&self) -> bool {
        let whole = |line: &OrderLine| match self.status {
            OrderStatus::Pending | OrderStatus::Confirmed => {
                line.shipped.is_zero() && line.cancelled.is_zero()
            }
            OrderStatus::Shipped | OrderStatus::Delivered => line.cancelled.is_zero(),
            OrderStatus::Cancelled => true,
        };
        !self.lines.iter().all(|line| whole(line) && line.returned.is_zero())
    }

    /// Whether a line waits for goods.
    pub fn is_waiting(&self) -> bool {
        self.lines.iter().any(|line| !line.waiting.is_zero())
    }

    /// # Errors
    /// Fails if there are no lines, or more than [`MAX_LINES`].
    pub fn check_line_count(count: usize) -> Result<(), OrderError> {
        if (1..=MAX_LINES).contains(&count) { Ok(()) } else { Err(OrderError::LineCount(count)) }
    }

    /// # Errors
    /// Fails if the order is not pending, or waits for approval.
    pub fn confirm(&mut self, now: DateTime<Utc>) -> Result<OrderEvent, OrderError> {
        self.check_not_held()?;
        self.advance("confirmed", &[OrderStatus::Pending], OrderStatus::Confirmed, now)?;
        self.confirmed_at = Some(now);
        Ok(OrderEvent::Confirmed(Box::new(self.clone())))
    }

    /// # Errors
    /// Fails if the order is not confirmed, or waits for approval, or if a line waits for goods.
    pub(crate) fn check_whole(&self) -> Result<(), OrderError> {
        self.check_not_held()?;
        self.check_state("shipped", &[OrderStatus::Confirmed])?;
        let waiting = positions(&self.lines, |line| !line.waiting.is_zero());
        if waiting.is_empty() { Ok(()) } else { Err(OrderError::Waiting(waiting)) }
    }

    /// # Errors
    /// Fails if the order is not shipped.
    pub fn deliver(&mut self, now: DateTime<Utc>) -> Result<OrderEvent, OrderError> {
        self.advance("delivered", &[OrderStatus::Shipped], OrderStatus::Delivered, now)?;
        self.delivered_at = Some(now);
        Ok(OrderEvent::Delivered(Box::new(self.clone())))
    }

    /// Cancels the order; its goods are free again.
    ///
    /// # Errors
    /// Fails if the order is shipped, delivered or cancelled already, or if a part of it has left.
    pub(crate) fn cancel(
        &mut self,
        reason: CancellationReason,
        levels: &mut Levels,
        now: DateTime<Utc>,
    ) -> Result<OrderEvent, OrderError> {
        let previous_status = self.status;
        if self.is_open() && self.has_left() {
            return Err(OrderError::PartlyShipped(self.id));
        }
        self.advance(
            "cancelled",
            &[OrderStatus::Pending, OrderStatus::Confirmed],
            OrderStatus::Cancelled,
            now,
        )?;
        self.release(levels, now);
        for line in &mut self.lines {
            line.cancelled = line.outstanding();
        }
        self.held_for_approval = false;
        self.cancellation_reason = Some(reason);
        self.cancelled_at = Some(now);
        Ok(OrderEvent::Cancelled { order: Box::new(self.clone()), previous_status })
    }

    fn advance(
        &mut self,
        action: &'static str,
        from: &'static [OrderStatus],
        to: OrderStatus,
        now: DateTime<Utc>,
    ) -> Result<(), OrderError> {
        self.check_state(action, from)?;
        self.status = to;
        self.raise(now);
        Ok(())
    }

    pub(super) fn check_state(
        &self,
        action: &'static str,
        from: &'static [OrderStatus],
    ) -> Result<(), OrderError> {
        if from.contains(&self.status) {
            return Ok(());
        }
        Err(OrderError::State { id: self.id, status: self.status, action, from })
    }

    pub(super) fn raise(&mut self, now: DateTime<Utc>) {
        self.version += 1;
        self.updated_at = now;
    }

    pub fn warehouse_id(&self) -> Option<WarehouseId> {
        self.warehouse_id
    }

    pub fn is_back_order(&self) -> bool {
        self.back_order
    }

    pub fn is_held_for_approval(&self) -> bool {
        self.held_for_approval
    }

    pub fn ordered_on(&self) -> Option<BusinessDate> {
        self.ordered_on
    }

    pub fn delivery_address(&self) -> Option<&PostalAddress> {
        self.delivery_address.as_ref()
    }

    pub fn promised_on(&self) -> Option<BusinessDate> {
        self.promised_on
    }

    pub fn external_id(&self) -> Option<&ExternalId> {
        self.external_id.as_ref()
    }

    pub fn reference(&self) -> Option<&OrderReference> {
        self.reference.as_ref()
    }

    pub fn customer_id(&self) -> CustomerId {
        self.customer_id
    }

    pub fn status(&self) -> OrderStatus {
        self.status
    }

    pub fn currency(&self) -> &Currency {
        &self.currency
    }

    pub fn lines(&self) -> &[OrderLine] {
        &self.lines
    }

    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    pub fn tracking_number(&self) -> Option<&TrackingNumber> {
        self.tracking_number.as_ref()
    }

    pub fn cancellation_reason(&self) -> Option<&CancellationReason> {
        self.cancellation_reason.as_ref()
    }

    pub fn placed_at(&self) -> DateTime<Utc> {
        self.placed_at
    }
}

fn line_at(lines: &mut [OrderLine], position: i16) -> Option<&mut OrderLine> {
    lines.get_mut(usize::try_from(position).ok()?.checked_sub(1)?)
}

impl OrderLine {
    /// Prices a line: at the price that was agreed for it, or else at that of a list, or else at the product's own. The name and the VAT
    /// rate are the product's present ones.
    pub(super) fn priced(draft: DraftLine<'_>) -> Self {
        let details = draft.product.details();
        let (unit_price, price) = match (draft.unit_price, draft.listed) {
            (Some(given), _) => (given, PriceOrigin::GIVEN),
            (None, Some(listed)) => (listed.unit_price, PriceOrigin::list(listed.list)),
            (None, None) => (details.unit_price.clone(), PriceOrigin::PRODUCT),
        };
        Self {
            product_id: draft.product.id(),
            sku: details.sku.as_str().to_owned(),
            name: details.name.as_str().to_owned(),
            net_amount: unit_price.times(&draft.quantity),
            quantity: draft.quantity,
            unit_price,
            vat_rate: details.vat_rate.clone(),
            stocked: details.stocked,
            reserved: Units::zero(),
            waiting: Units::zero(),
            shipped: Units::zero(),
            cancelled: Units::zero(),
            returned: Units::zero(),
            price: Some(price),
        }
    }

    /// How many decimals the finest of its amounts has. What is left of it has no more: a difference has no more than both of its parts.
    fn decimals(&self) -> i64 {
        let became = [&self.reserved, &self.waiting, &self.shipped, &self.cancelled, &self.returned];
        let became = became.into_iter().map(Units::decimals);
        became.fold(Units::from(&self.quantity).decimals(), i64::max)
    }

    /// What can leave now: what is reserved, or all that is outstanding if it needs no goods from stock.
    pub fn ready(&self) -> Units {
        if self.stocked { self.reserved.clone() } else { self.outstanding() }
    }

    /// What has not left, and was not cancelled.
    pub fn outstanding(&self) -> Units {
        Units::from(&self.quantity).less(&self.shipped).less(&self.cancelled)
    }

    /// What has left, and has not come back.
    pub fn returnable(&self) -> Units {
        self.shipped.less(&self.returned)
    }
}

/// # Errors
/// Fails if the goods were promised for a day before they were ordered.
pub(super) fn check_promise(
    promised_on: Option<BusinessDate>,
    ordered_on: BusinessDate,
) -> Result<(), OrderError> {
    match promised_on {
        Some(day) if day < ordered_on => Err(OrderError::PromisedBefore(ordered_on)),
        _ => Ok(()),
    }
}

/// # Errors
/// Fails if the total reaches the limit.
pub(super) fn check_total(totals: &Totals) -> Result<(), OrderError> {
    if totals.gross_total.value() < &BigDecimal::from(TOTAL_LIMIT) {
        Ok(())
    } else {
        Err(OrderError::TotalTooLarge)
    }
}

/// Returns what is wrong with the quantity of a line, counted from 0, if it has more decimals than its product allows.
pub(super) fn too_precise(
    index: usize,
    quantity: &Quantity,
    product: &Product,
) -> Option<(usize, QuantityDecimals, Unit)> {
    let details = product.details();
    let fits = quantity.fits(details.quantity_decimals);
    (!fits).then(|| (index, details.quantity_decimals, details.unit.clone()))
}

/// Returns the positions, counted from 0, of the items for which `holds` is true.
pub(crate) fn positions<T>(items: &[T], mut holds: impl FnMut(&T) -> bool) -> Vec<usize> {
    items.iter().enumerate().filter(|(_, item)| holds(item)).map(|(position, _)| position).collect()
}

/// A part that is more than there is of its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beyond {
    /// Of the part, counted from 0.
    pub index: usize,
    pub wanted: Units,
    pub available: Units,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    #[error("there is no order {0}")]
    NotFound(OrderId),
    #[error("order {id} is {status} and cannot be {action}; it would have to be {}", names(from))]
    State { id: OrderId, status: OrderStatus, action: &'static str, from: &'static [OrderStatus] },
    #[error("an order has 1 to {MAX_LINES} lines, not {0}")]
    LineCount(usize),
    #[error("some lines name products that do not exist")]
    ProductsUnknown(Vec<usize>),
    #[error("some lines name products that are archived and no longer sold")]
    ProductsArchived(Vec<usize>),
    /// The lines, with how many decimals their products allow, and in which unit.
    #[error("some quantities have more decimals than their products allow")]
    QuantitiesTooPrecise(Vec<(usize, QuantityDecimals, Unit)>),
    #[error("there is no customer {0}, or it was anonymised")]
    CustomerUnknown(CustomerId),
    #[error("some lines wait for goods; the order is shipped when they are there")]
    Waiting(Vec<usize>),
    #[error(
        "some lines are not reserved to that amount; ship what is reserved, the rest when its goods are there"
    )]
    NotThere(Vec<Beyond>),
    #[error("more is to be shipped of some lines than is outstanding")]
    ShipsTooMuch(Vec<Beyond>),
    #[error("more comes back of some lines than has left and not come back")]
    ReturnsTooMuch(Vec<Beyond>),
    #[error("a part of order {0} has left; cancel the rest of it instead")]
    PartlyShipped(OrderId),
    #[error("some lines are not in the order")]
    LinesUnknown(Vec<usize>),
    #[error("some lines are named twice")]
    LinesTwice(Vec<usize>),
    /// The parts, with how many decimals their products allow, and in which unit.
    #[error("some parts have more decimals than their lines and their products")]
    PartsTooPrecise(Vec<(usize, QuantityDecimals, Unit)>),
    #[error(
        "a line is one of the order's, named once by its position, or a new one with its product and quantity"
    )]
    LinesWrong(Vec<WrongLine>),
    #[error(
        "order {0} passes its customer's credit limit and waits for approval (POST /orders/{{id}}/approve); it can be cancelled"
    )]
    Held(OrderId),
    #[error("order {0} does not wait for approval")]
    NotHeld(OrderId),
    #[error("there is no warehouse {0} that is in use")]
    WarehouseUnknown(WarehouseId),
    #[error(
        "warehouse {0}, where the order's goods come from, is archived: the order gets no more goods, place another one for them"
    )]
    WarehouseArchived(WarehouseId),
    #[error("{}", .0.message)]
    OrderedOn(Invalid),
    #[error("{}", .0.message)]
    ShippedOn(Invalid),
    #[error("it cannot be promised for a day before it was ordered, on {0}")]
    PromisedBefore(BusinessDate),
    #[error("the order's total must stay below {TOTAL_LIMIT}")]
    TotalTooLarge,
    #[error("the reference {0:?} belongs to another order; references are unique")]
    ReferenceTaken(String),
    #[error("the external id {0:?} belongs to another order; external ids are unique")]
    ExternalIdTaken(String),
}

impl Beyond {
    fn field(&self, code: &'static str) -> FieldError {
        let message = format!("{} are wanted, {} are possible", self.wanted, self.available);
        let available = Some(self.available.to_string().into());
        FieldError { available, ..Invalid::new(code, message).at(format!("/lines/{}/quantity", self.index)) }
    }
}

fn names(statuses: &[OrderStatus]) -> String {
    statuses.iter().map(|status| status.as_str()).collect::<Vec<_>>().join(" or ")
}

impl DomainError for OrderError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::State { .. }
            | Self::Waiting(_)
            | Self::NotThere(_)
            | Self::ShipsTooMuch(_)
            | Self::ReturnsTooMuch(_)
            | Self::PartlyShipped(_)
            | Self::Held(_)
            | Self::NotHeld(_)
            | Self::ReferenceTaken(_)
            | Self::ExternalIdTaken(_) => Category::Conflict,
            Self::LineCount(_)
            | Self::LinesUnknown(_)
            | Self::LinesTwice(_)
            | Self::PartsTooPrecise(_)
            | Self::LinesWrong(_)
            | Self::ProductsUnknown(_)
            | Self::ProductsArchived(_)
            | Self::QuantitiesTooPrecise(_)
            | Self::CustomerUnknown(_)
            | Self::WarehouseUnknown(_)
            | Self::WarehouseArchived(_)
            | Self::OrderedOn(_)
            | Self::ShippedOn(_)
            | Self::PromisedBefore(_)
            | Self::TotalTooLarge => Category::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "order_not_found",
            Self::State { .. } => "order_state_conflict",
            Self::Waiting(_) | Self::NotThere(_) => "order_waits_for_goods",
            Self::ShipsTooMuch(_) => "shipment_exceeds_order",
            Self::ReturnsTooMuch(_) => "return_exceeds_shipment",
            Self::PartlyShipped(_) => "order_partly_shipped",
            Self::LinesUnknown(_) | Self::LinesTwice(_) | Self::LinesWrong(_) | Self::PartsTooPrecise(_) => {
                "invalid_lines"
            }
            Self::Held(_) => "order_held",
            Self::NotHeld(_) => "order_not_held",
            Self::ReferenceTaken(_) => "order_reference_taken",
            Self::ExternalIdTaken(_) => "order_external_id_taken",
            Self::LineCount(_)
            | Self::ProductsUnknown(_)
            | Self::ProductsArchived(_)
            | Self::QuantitiesTooPrecise(_)
            | Self::CustomerUnknown(_)
            | Self::WarehouseUnknown(_)
            | Self::WarehouseArchived(_)
            | Self::OrderedOn(_)
            | Self::ShippedOn(_)
            | Self::PromisedBefore(_)
            | Self::TotalTooLarge => "invalid_order",
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        let field = |pointer: &str, code| vec![Invalid::new(code, self.to_string()).at(pointer)];
        let lines = |positions: &[usize], code, message: &str| {
            let at = |position| Invalid::new(code, message).at(format!("/lines/{position}/product_id"));
            positions.iter().map(at).collect()
        };
        let parts = |indices: &[usize], code, message: &str| {
            let at = |index| Invalid::new(code, message).at(format!("/lines/{index}/position"));
            indices.iter().map(at).collect()
        };
        let beyond = |parts: &[Beyond]| parts.iter().map(|part| part.field(self.code())).collect();
        match self {
            Self::LineCount(_) => field("/lines", "line_count"),
            Self::ProductsUnknown(at) => lines(at, "unknown_product", "there is no such product"),
            Self::ProductsArchived(at) => {
                lines(at, "product_archived", "this product is archived and no longer sold")
            }
            Self::QuantitiesTooPrecise(at) | Self::PartsTooPrecise(at) => at
                .iter()
                .map(|(position, decimals, unit)| {
                    let message = format!(
                        "a quantity of this product, in {} ({}), may have {} digits after the point",
                        unit.code(),
                        unit.name(),
                        decimals.value()
                    );
                    Invalid::new("too_precise", message).at(format!("/lines/{position}/quantity"))
                })
                .collect(),
            Self::CustomerUnknown(_) => field("/customer_id", "unknown_customer"),
            Self::WarehouseUnknown(_) => field("/warehouse_id", "unknown_warehouse"),
            // Of an order that is amended, which keeps its warehouse.
            Self::WarehouseArchived(_) => field("/lines", "warehouse_archived"),
            Self::OrderedOn(invalid) => field("/ordered_on", invalid.code),
            Self::ShippedOn(invalid) => field("/shipped_on", invalid.code),
            Self::PromisedBefore(_) => field("/promised_on", "out_of_range"),
            Self::LinesWrong(wrong) => wrong.iter().map(|line| line.field()).collect(),
            Self::Waiting(at) => lines(at, "waits_for_goods", "this line waits for goods"),
            Self::TotalTooLarge => field("/lines", "total_too_large"),
            Self::LinesUnknown(at) => parts(at, "unknown_line", "the order has no such line"),
            Self::LinesTwice(at) => {
                parts(at, "line_twice", "this line is named before: add the quantities up")
            }
            Self::NotThere(at) | Self::ShipsTooMuch(at) | Self::ReturnsTooMuch(at) => beyond(at),
            Self::NotFound(_)
            | Self::PartlyShipped(_)
            | Self::Held(_)
            | Self::NotHeld(_)
            | Self::State { .. }
            | Self::ReferenceTaken(_)
            | Self::ExternalIdTaken(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
#[path = "aggregate_tests.rs"]
mod tests;
