//! The order and its rules.
//!
//! ```text
//! pending ──confirm──► confirmed ──ship──► shipped ──deliver──► delivered
//!    └──────cancel──────────┴──► cancelled
//! ```

use std::fmt;

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::events::OrderEvent;
use super::totals::Totals;
use crate::application::aggregate::Aggregate;
use crate::application::error::{Category, DomainError, Error};
use crate::commerce::products::Product;
use crate::commerce::stock::{DocumentRef, DocumentType, Held, Levels, StockError};
use crate::values::business_date::BusinessDate;
use crate::values::external_id::ExternalId;
use crate::values::goods::Units;
use crate::values::ids::{CustomerId, OrderId, ProductId, WarehouseId};
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
}

/// A requested line. Without a price of its own, it takes the product's price.
#[derive(Debug, Clone)]
pub struct DraftLine<'a> {
    pub product: &'a Product,
    pub quantity: Quantity,
    pub unit_price: Option<UnitPrice>,
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
}

impl Order {
    /// # Errors
    /// Fails if there are no lines or too many, if a product is archived, if a quantity has more decimals than its product
    /// allows, or if the total reaches the limit.
    pub fn place(
        id: OrderId,
        new: NewOrder<'_>,
        now: DateTime<Utc>,
    ) -> Result<Self, OrderError> {
        Self::check_line_count(new.lines.len())?;
        new.ordered_on.check(now).map_err(OrderError::OrderedOn)?;
        let archived: Vec<_> = positions(&new.lines, |line| line.product.is_archived());
        if !archived.is_empty() {
            return Err(OrderError::ProductsArchived(archived));
        }
        let is_too_precise =
            |line: &DraftLine<'_>| !line.quantity.fits(line.product.details().quantity_decimals);
        let too_precise: Vec<_> = positions(&new.lines, is_too_precise)
            .into_iter()
            .filter_map(|position| {
                let details = new.lines.get(position)?.product.details();
                Some((position, details.quantity_decimals, details.unit.clone()))
            })
            .collect();
        if !too_precise.is_empty() {
            return Err(OrderError::QuantitiesTooPrecise(too_precise));
        }
        let lines: Vec<_> = new.lines.into_iter().map(OrderLine::priced).collect();
        let totals = Totals::of(&lines);
        if totals.gross_total.value() >= &BigDecimal::from(TOTAL_LIMIT) {
            return Err(OrderError::TotalTooLarge);
        }
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
        })
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

    /// Gives what is available to the lines that wait, up to what each waits for. Returns `None` if it gets nothing.
    pub(crate) fn serve(&mut self, levels: &mut Levels, now: DateTime<Utc>) -> Option<OrderEvent> {
        if !self.is_open() {
            return None;
        }
        let document = self.document(Some(BusinessDate::of(now)));
        let warehouse = self.warehouse_id?;
        let mut got_some = false;
        for (position, line) in (1..).zip(&mut self.lines).filter(|(_, line)| !line.waiting.is_zero()) {
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

    /// Takes back up to `units` of what is reserved of a product, from the last line first; the order waits for them instead. Returns
    /// what was taken, and `None` in place of the event if that is nothing.
    pub(crate) fn give_back(
        &mut self,
        product: ProductId,
        units: &Units,
        levels: &mut Levels,
        now: DateTime<Utc>,
    ) -> (Units, Option<OrderEvent>) {
        let mut taken = Units::zero();
        let level = self.warehouse_id.and_then(|warehouse| levels.get_mut(warehouse, product));
        let Some(level) = level.filter(|_| self.is_open()) else { return (taken, None) };
        let document = self.document(Some(BusinessDate::of(now)));
        let lines = (1..).zip(&mut self.lines).filter(|(_, line)| line.product_id == product);
        for (position, line) in lines.collect::<Vec<_>>().into_iter().rev() {
            let left = units.less(&taken);
            let part = left.less(&left.less(&line.reserved));
            if part.is_zero() {
                continue;
            }
            level.revoke(&part, &document.at(position));
            line.reserved = line.reserved.less(&part);
            line.waiting = line.waiting.plus(&part);
            taken = taken.plus(&part);
        }
        if taken.is_zero() {
            return (taken, None);
        }
        self.raise(now);
        (taken, Some(OrderEvent::BackOrdered(Box::new(self.clone()))))
    }

    /// Takes back all that is reserved for it, and what it waits for.
    pub(crate) fn release(&mut self, levels: &mut Levels, now: DateTime<Utc>) {
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

    /// Ships the order: the goods that are reserved for it leave.
    ///
    /// # Errors
    /// Fails as [`Self::ship`] does, or if its goods were not reserved.
    pub(crate) fn issue_and_ship(
        &mut self,
        levels: &mut Levels,
        tracking_number: Option<TrackingNumber>,
        on: BusinessDate,
        now: DateTime<Utc>,
    ) -> Result<OrderEvent, Error> {
        let event = self.ship(tracking_number, now)?;
        self.issue(levels, on)?;
        Ok(event)
    }

    /// Notes that the goods which are reserved for it have left.
    ///
    /// # Errors
    /// Fails if they were not reserved.
    fn issue(&mut self, levels: &mut Levels, on: BusinessDate) -> Result<(), StockError> {
        let document = self.document(Some(on));
        let warehouse = self.warehouse_id;
        for (position, line) in (1..).zip(&mut self.lines).filter(|(_, line)| !line.reserved.is_zero()) {
            let units = std::mem::replace(&mut line.reserved, Units::zero());
            let level = warehouse.and_then(|warehouse| levels.get_mut(warehouse, line.product_id));
            let level = level.ok_or(StockError::Unreserved { product: line.product_id })?;
            level.issue(&units, &document.at(position))?;
        }
        Ok(())
    }

    /// Where its goods lie: the places to lock before anything is done to what it has.
    pub(crate) fn places(&self) -> Vec<(WarehouseId, ProductId)> {
        let Some(warehouse) = self.warehouse_id else { return Vec::new() };
        self.lines.iter().filter(|line| line.stocked).map(|line| (warehouse, line.product_id)).collect()
    }

    fn document(&self, on: Option<BusinessDate>) -> DocumentRef {
        DocumentRef {
            kind: DocumentType::Order,
            id: self.id.uuid(),
            line: None,
            reason: None,
            business_date: on.unwrap_or_else(|| BusinessDate::of(self.placed_at)),
        }
    }

    /// Whether something of a product is reserved for it.
    pub(crate) fn holds(&self, product: ProductId) -> bool {
        self.lines.iter().any(|line| line.product_id == product && !line.reserved.is_zero())
    }

    /// Whether its goods are still here.
    pub fn is_open(&self) -> bool {
        matches!(self.status, OrderStatus::Pending | OrderStatus::Confirmed)
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
    /// Fails if the order is not pending.
    pub fn confirm(&mut self, now: DateTime<Utc>) -> Result<OrderEvent, OrderError> {
        self.advance("confirmed", &[OrderStatus::Pending], OrderStatus::Confirmed, now)?;
        self.confirmed_at = Some(now);
        Ok(OrderEvent::Confirmed(Box::new(self.clone())))
    }

    /// Ships the order; without a tracking number if the company delivers it itself.
    ///
    /// # Errors
    /// Fails if the order is not confirmed, or waits for goods.
    pub fn ship(
        &mut self,
        tracking_number: Option<TrackingNumber>,
        now: DateTime<Utc>,
    ) -> Result<OrderEvent, OrderError> {
        if self.is_waiting() && self.status == OrderStatus::Confirmed {
            return Err(OrderError::Waiting(positions(&self.lines, |line| !line.waiting.is_zero())));
        }
        self.advance("shipped", &[OrderStatus::Confirmed], OrderStatus::Shipped, now)?;
        self.tracking_number = tracking_number;
        self.shipped_at = Some(now);
        Ok(OrderEvent::Shipped(Box::new(self.clone())))
    }

    /// # Errors
    /// Fails if the order is not shipped.
    pub fn deliver(&mut self, now: DateTime<Utc>) -> Result<OrderEvent, OrderError> {
        self.advance("delivered", &[OrderStatus::Shipped], OrderStatus::Delivered, now)?;
        self.delivered_at = Some(now);
        Ok(OrderEvent::Delivered(Box::new(self.clone())))
    }

    /// # Errors
    /// Fails if the order is shipped, delivered or cancelled already.
    pub fn cancel(
        &mut self,
        reason: CancellationReason,
        now: DateTime<Utc>,
    ) -> Result<OrderEvent, OrderError> {
        let previous_status = self.status;
        self.advance(
            "cancelled",
            &[OrderStatus::Pending, OrderStatus::Confirmed],
            OrderStatus::Cancelled,
            now,
        )?;
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
        if !from.contains(&self.status) {
            return Err(OrderError::State { id: self.id, status: self.status, action, from });
        }
        self.status = to;
        self.raise(now);
        Ok(())
    }

    fn raise(&mut self, now: DateTime<Utc>) {
        self.version += 1;
        self.updated_at = now;
    }

    pub fn warehouse_id(&self) -> Option<WarehouseId> {
        self.warehouse_id
    }

    pub fn is_back_order(&self) -> bool {
        self.back_order
    }

    pub fn ordered_on(&self) -> Option<BusinessDate> {
        self.ordered_on
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

impl OrderLine {
    /// Prices a line: at the price that was agreed for it, or else at the product's own. The name and the VAT rate are
    /// the product's present ones.
    fn priced(draft: DraftLine<'_>) -> Self {
        let details = draft.product.details();
        let unit_price = draft.unit_price.unwrap_or_else(|| details.unit_price.clone());
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
        }
    }
}

/// Returns the positions, counted from 0, of the items for which `holds` is true.
pub(crate) fn positions<T>(items: &[T], holds: impl Fn(&T) -> bool) -> Vec<usize> {
    items.iter().enumerate().filter(|(_, item)| holds(item)).map(|(position, _)| position).collect()
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
    #[error("there is no customer {0}")]
    CustomerUnknown(CustomerId),
    #[error("some lines wait for goods; the order is shipped when they are there")]
    Waiting(Vec<usize>),
    #[error("there is no warehouse {0} that is in use")]
    WarehouseUnknown(WarehouseId),
    #[error("{}", .0.message)]
    OrderedOn(Invalid),
    #[error("{}", .0.message)]
    ShippedOn(Invalid),
    #[error("the order's total must stay below {TOTAL_LIMIT}")]
    TotalTooLarge,
    #[error("the reference {0:?} belongs to another order; references are unique")]
    ReferenceTaken(String),
    #[error("the external id {0:?} belongs to another order; external ids are unique")]
    ExternalIdTaken(String),
}

fn names(statuses: &[OrderStatus]) -> String {
    statuses.iter().map(|status| status.as_str()).collect::<Vec<_>>().join(" or ")
}

impl DomainError for OrderError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::State { .. } | Self::Waiting(_) | Self::ReferenceTaken(_) | Self::ExternalIdTaken(_) => {
                Category::Conflict
            }
            Self::LineCount(_)
            | Self::ProductsUnknown(_)
            | Self::ProductsArchived(_)
            | Self::QuantitiesTooPrecise(_)
            | Self::CustomerUnknown(_)
            | Self::WarehouseUnknown(_)
            | Self::OrderedOn(_)
            | Self::ShippedOn(_)
            | Self::TotalTooLarge => Category::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "order_not_found",
            Self::State { .. } => "order_state_conflict",
            Self::Waiting(_) => "order_waits_for_goods",
            Self::ReferenceTaken(_) => "order_reference_taken",
            Self::ExternalIdTaken(_) => "order_external_id_taken",
            Self::LineCount(_)
            | Self::ProductsUnknown(_)
            | Self::ProductsArchived(_)
            | Self::QuantitiesTooPrecise(_)
            | Self::CustomerUnknown(_)
            | Self::WarehouseUnknown(_)
            | Self::OrderedOn(_)
            | Self::ShippedOn(_)
            | Self::TotalTooLarge => "invalid_order",
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        let field = |pointer: &str, code| {
            vec![Invalid::new(code, self.to_string()).at(pointer)]
        };
        let lines = |positions: &[usize], code, message: &str| {
            let at = |position| Invalid::new(code, message).at(format!("/lines/{position}/product_id"));
            positions.iter().map(at).collect()
        };
        match self {
            Self::LineCount(_) => field("/lines", "line_count"),
            Self::ProductsUnknown(at) => lines(at, "unknown_product", "there is no such product"),
            Self::ProductsArchived(at) => {
                lines(at, "product_archived", "this product is archived and no longer sold")
            }
            Self::QuantitiesTooPrecise(at) => at
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
            Self::OrderedOn(invalid) => field("/ordered_on", invalid.code),
            Self::ShippedOn(invalid) => field("/shipped_on", invalid.code),
            Self::Waiting(at) => lines(at, "waits_for_goods", "this line waits for goods"),
            Self::TotalTooLarge => field("/lines", "total_too_large"),
            Self::NotFound(_)
            | Self::State { .. }
            | Self::ReferenceTaken(_)
            | Self::ExternalIdTaken(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::commerce::products::ProductDetails;
    use crate::commerce::products::tests::details;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 0).expect("a valid time")
    }

    fn product(price: &str) -> Product {
        Product::create(ProductId::generate(), details("T-1", price, "20"), at(0)).0
    }

    fn draft<'a>(product: &'a Product, quantity: &str, unit_price: Option<&str>) -> DraftLine<'a> {
        DraftLine {
            product,
            quantity: Quantity::parse(quantity).expect("a quantity"),
            unit_price: unit_price.map(|price| UnitPrice::parse(price).expect("a price")),
        }
    }

    fn new(lines: Vec<DraftLine<'_>>) -> NewOrder<'_> {
        NewOrder {
            external_id: None,
            reference: None,
            customer_id: CustomerId::generate(),
            currency: Currency::euro(),
            warehouse_id: None,
            back_order: false,
            ordered_on: BusinessDate::of(at(0)),
            lines,
        }
    }

    fn pending() -> Order {
        let product = product("10");
        Order::place(OrderId::generate(), new(vec![draft(&product, "1", None)]), at(0)).expect("valid")
    }

    fn tracking() -> TrackingNumber {
        TrackingNumber::parse("1Z 999").expect("valid")
    }

    fn reason() -> CancellationReason {
        CancellationReason::parse("no longer needed").expect("valid")
    }

    #[test]
    fn placing_an_order_takes_the_price_of_the_product_unless_the_line_has_its_own() {
        let product = product("10");
        let lines = vec![draft(&product, "2", None), draft(&product, "2", Some("7.5"))];
        let order = Order::place(OrderId::generate(), new(lines), at(0)).expect("valid");
        let amounts: Vec<_> = order.lines().iter().map(|line| line.net_amount.to_string()).collect();
        assert_eq!(amounts, ["20.00", "15.00"]);
        assert_eq!(order.totals().gross_total.to_string(), "42.00");
        assert_eq!((order.status(), order.version()), (OrderStatus::Pending, 1));
    }

    #[test]
    fn an_order_without_lines_is_rejected() {
        assert_eq!(
            Order::place(OrderId::generate(), new(vec![]), at(0)).map(drop),
            Err(OrderError::LineCount(0))
        );
    }

    #[test]
    fn an_order_with_too_many_lines_is_rejected() {
        let product = product("1");
        let lines = vec![draft(&product, "1", None); MAX_LINES + 1];
        let refused = Order::place(OrderId::generate(), new(lines), at(0)).map(drop);
        assert_eq!(refused, Err(OrderError::LineCount(MAX_LINES + 1)));
    }

    #[test]
    fn an_archived_product_cannot_be_ordered_and_the_line_is_named() {
        let (sold, mut archived) = (product("1"), product("1"));
        archived.archive(at(1)).expect("allowed");
        let lines = vec![draft(&sold, "1", None), draft(&archived, "1", None)];
        let refused = Order::place(OrderId::generate(), new(lines), at(2)).map(drop).expect_err("rejected");
        assert_eq!(refused, OrderError::ProductsArchived(vec![1]));
        assert_eq!(refused.fields()[0].pointer, "/lines/1/product_id");
    }

    #[test]
    fn a_quantity_has_no_more_decimals_than_its_product_allows() {
        let product = |decimals| {
            let quantity_decimals = QuantityDecimals::new(decimals).expect("valid");
            let details = ProductDetails { quantity_decimals, ..details("T-1", "1", "20") };
            Product::create(ProductId::generate(), details, at(0)).0
        };
        let (counted, weighed) = (product(0), product(3));
        let lines = vec![
            draft(&counted, "2.000", None),
            draft(&counted, "1.5", None),
            draft(&weighed, "1.125", None),
            draft(&weighed, "1.1255", None),
        ];
        let refused = Order::place(OrderId::generate(), new(lines), at(0)).map(drop).expect_err("rejected");
        let fields = refused.fields();
        let told: Vec<_> = fields.iter().map(|field| (field.pointer.as_str(), field.code)).collect();
        assert_eq!(told, [("/lines/1/quantity", "too_precise"), ("/lines/3/quantity", "too_precise")]);
        assert_eq!(refused.code(), "invalid_order");
        assert!(fields[1].message.contains("C62 (one), may have 3 digits"), "{}", fields[1].message);
    }

    #[test]
    fn a_total_that_no_column_could_hold_is_rejected() {
        let product = product("999999999");
        let refused =
            Order::place(OrderId::generate(), new(vec![draft(&product, "999999999", None)]), at(0)).map(drop);
        assert_eq!(refused, Err(OrderError::TotalTooLarge));
    }

    #[test]
    fn an_order_goes_from_pending_to_delivered_and_each_step_raises_its_version() {
        let mut order = pending();
        assert!(matches!(order.confirm(at(1)), Ok(OrderEvent::Confirmed(_))));
        assert!(matches!(order.ship(Some(tracking()), at(2)), Ok(OrderEvent::Shipped(_))));
        assert!(matches!(order.deliver(at(3)), Ok(OrderEvent::Delivered(_))));
        assert_eq!((order.status(), order.version(), order.updated_at()), (OrderStatus::Delivered, 4, at(3)));
        assert_eq!(order.tracking_number(), Some(&tracking()));
    }

    #[test]
    fn confirming_a_cancelled_order_is_rejected() {
        let mut order = pending();
        order.cancel(reason(), at(1)).expect("allowed");
        assert!(matches!(
            order.confirm(at(2)),
            Err(OrderError::State { status: OrderStatus::Cancelled, .. })
        ));
    }

    #[test]
    fn a_confirmed_order_can_be_cancelled_and_the_event_says_where_it_stood() {
        let mut order = pending();
        order.confirm(at(1)).expect("allowed");
        let event = order.cancel(reason(), at(2)).expect("allowed");
        assert!(matches!(event, OrderEvent::Cancelled { previous_status: OrderStatus::Confirmed, .. }));
    }

    #[test]
    fn a_shipped_order_cannot_be_cancelled() {
        let mut order = pending();
        order.confirm(at(1)).expect("allowed");
        order.ship(Some(tracking()), at(2)).expect("allowed");
        assert!(matches!(order.cancel(reason(), at(3)), Err(OrderError::State { .. })));
    }

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Confirm,
        Ship,
        Deliver,
        Cancel,
    }

    /// The state machine written a second time, as a table.
    fn expected(status: OrderStatus, step: Step) -> Option<OrderStatus> {
        match (status, step) {
            (OrderStatus::Pending, Step::Confirm) => Some(OrderStatus::Confirmed),
            (OrderStatus::Confirmed, Step::Ship) => Some(OrderStatus::Shipped),
            (OrderStatus::Shipped, Step::Deliver) => Some(OrderStatus::Delivered),
            (OrderStatus::Pending | OrderStatus::Confirmed, Step::Cancel) => Some(OrderStatus::Cancelled),
            _ => None,
        }
    }

    proptest! {
        #[test]
        fn any_sequence_of_steps_follows_the_table(
            steps in prop::collection::vec(
                prop::sample::select(vec![Step::Confirm, Step::Ship, Step::Deliver, Step::Cancel]), 0..12)
        ) {
            let mut order = pending();
            for (second, step) in (1..).zip(steps) {
                let before = order.clone();
                let result = match step {
                    Step::Confirm => order.confirm(at(second)),
                    Step::Ship => order.ship(Some(tracking()), at(second)),
                    Step::Deliver => order.deliver(at(second)),
                    Step::Cancel => order.cancel(reason(), at(second)),
                };
                match expected(before.status(), step) {
                    Some(status) => {
                        prop_assert!(result.is_ok());
                        prop_assert_eq!((order.status(), order.version()), (status, before.version() + 1));
                    }
                    None => {
                        prop_assert!(result.is_err());
                        prop_assert_eq!(&order, &before);
                    }
                }
            }
        }
    }
}
