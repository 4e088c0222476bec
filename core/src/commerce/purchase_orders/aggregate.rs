//! The purchase order and its rules.
//!
//! ```text
//! ordered ──receive──► partly received ──receive──► received
//!    └────────cancel──────────┴──► cancelled
//! ```

use std::fmt;

use bigdecimal::{BigDecimal, Zero};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::events::PurchaseOrderEvent;
use crate::application::aggregate::Aggregate;
use crate::application::error::{Category, DomainError};
use crate::commerce::orders::positions;
use crate::commerce::products::Product;
use crate::values::business_date::BusinessDate;
use crate::values::goods::Units;
use crate::values::ids::{ProductId, PurchaseOrderId, StockDocumentId, SupplierId, WarehouseId};
use crate::values::invalid::{FieldError, Invalid};
use crate::values::money::{Quantity, UnitPrice};
use crate::values::text::text;

text!(
    /// The purchase order's number in the company's own books; unique where it is given.
    PurchaseOrderReference, "a purchase order's reference", 100
);

/// The maximum number of lines of one purchase order.
pub const MAX_LINES: usize = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PurchaseOrderState {
    /// Nothing of it has come.
    Ordered,
    PartlyReceived,
    /// All of it has come.
    Received,
    /// What has not come is not expected any more.
    Cancelled,
}

impl PurchaseOrderState {
    pub const ALL: [Self; 4] = [Self::Ordered, Self::PartlyReceived, Self::Received, Self::Cancelled];

    /// Returns the name that is stored and published.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ordered => "ordered",
            Self::PartlyReceived => "partly_received",
            Self::Received => "received",
            Self::Cancelled => "cancelled",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

impl fmt::Display for PurchaseOrderState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The data of a purchase order in a request that makes or changes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurchaseOrderDetails {
    pub reference: Option<PurchaseOrderReference>,
    pub supplier_id: SupplierId,
    /// Where the goods are to come; `None` stands for the company's default.
    pub warehouse_id: Option<WarehouseId>,
    /// `None` stands for today.
    pub ordered_on: Option<BusinessDate>,
    pub expected_on: Option<BusinessDate>,
    pub lines: Vec<DraftPurchaseLine>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftPurchaseLine {
    pub product_id: ProductId,
    pub quantity: Quantity,
    /// `None` if nothing was agreed.
    pub unit_cost: Option<UnitPrice>,
    /// Where the line has another day than the order.
    pub expected_on: Option<BusinessDate>,
}

/// A purchase order as it is to be, with all that its details stand for.
#[derive(Debug, Clone)]
pub struct NewPurchaseOrder<'a> {
    pub reference: Option<PurchaseOrderReference>,
    pub supplier_id: SupplierId,
    pub warehouse_id: WarehouseId,
    pub ordered_on: BusinessDate,
    pub expected_on: Option<BusinessDate>,
    pub lines: Vec<NewPurchaseLine<'a>>,
}

#[derive(Debug, Clone)]
pub struct NewPurchaseLine<'a> {
    pub product: &'a Product,
    pub quantity: Quantity,
    pub unit_cost: Option<UnitPrice>,
    pub expected_on: Option<BusinessDate>,
}

/// A line of a purchase order: a product as it was called when it was ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurchaseLine {
    pub product_id: ProductId,
    pub sku: String,
    pub name: String,
    pub quantity: Quantity,
    pub unit_cost: Option<UnitPrice>,
    pub expected_on: Option<BusinessDate>,
    /// What has come; perhaps more than was ordered.
    pub received: Units,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurchaseOrder {
    pub(super) id: PurchaseOrderId,
    pub(super) version: i64,
    pub(super) reference: Option<PurchaseOrderReference>,
    pub(super) supplier_id: SupplierId,
    pub(super) warehouse_id: WarehouseId,
    pub(super) state: PurchaseOrderState,
    pub(super) ordered_on: BusinessDate,
    pub(super) expected_on: Option<BusinessDate>,
    pub(super) lines: Vec<PurchaseLine>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

impl NewPurchaseOrder<'_> {
    /// # Errors
    /// Fails if a line names a product that is archived or not kept in stock, if a quantity has more decimals than its product
    /// allows, or if a day cannot be right.
    fn check(&self, now: DateTime<Utc>) -> Result<(), PurchaseOrderError> {
        PurchaseOrder::check_line_count(self.lines.len())?;
        self.ordered_on.check(now).map_err(PurchaseOrderError::OrderedOn)?;
        if self.expected_on.is_some_and(|day| day < self.ordered_on) {
            return Err(PurchaseOrderError::ExpectedBefore(self.ordered_on));
        }
        let refused = |at: Vec<usize>, refusal: fn(Vec<usize>) -> PurchaseOrderError| {
            if at.is_empty() { Ok(()) } else { Err(refusal(at)) }
        };
        let archived = positions(&self.lines, |line| line.product.is_archived());
        refused(archived, PurchaseOrderError::ProductsArchived)?;
        let not_kept = positions(&self.lines, |line| !line.product.details().stocked);
        refused(not_kept, PurchaseOrderError::ProductsNotStocked)?;
        let too_precise =
            positions(&self.lines, |line| !line.quantity.fits(line.product.details().quantity_decimals));
        refused(too_precise, PurchaseOrderError::TooPrecise)?;
        let too_early =
            positions(&self.lines, |line| line.expected_on.is_some_and(|day| day < self.ordered_on));
        refused(too_early, PurchaseOrderError::LinesExpectedBefore)
    }
}

impl NewPurchaseLine<'_> {
    fn line(self) -> PurchaseLine {
        let details = self.product.details();
        PurchaseLine {
            product_id: self.product.id(),
            sku: details.sku.as_str().to_owned(),
            name: details.name.as_str().to_owned(),
            quantity: self.quantity,
            unit_cost: self.unit_cost,
            expected_on: self.expected_on,
            received: Units::zero(),
        }
    }
}

impl PurchaseOrder {
    /// # Errors
    /// Fails if a line or a day cannot be right.
    pub fn order(
        id: PurchaseOrderId,
        new: NewPurchaseOrder<'_>,
        now: DateTime<Utc>,
    ) -> Result<(Self, PurchaseOrderEvent), PurchaseOrderError> {
        new.check(now)?;
        let order = Self {
            id,
            version: 1,
            reference: new.reference,
            supplier_id: new.supplier_id,
            warehouse_id: new.warehouse_id,
            state: PurchaseOrderState::Ordered,
            ordered_on: new.ordered_on,
            expected_on: new.expected_on,
            lines: new.lines.into_iter().map(NewPurchaseLine::line).collect(),
            created_at: now,
            updated_at: now,
        };
        let event = PurchaseOrderEvent::Ordered(Box::new(order.clone()));
        Ok((order, event))
    }

    /// Returns `None` if nothing changes.
    ///
    /// # Errors
    /// Fails if something of it has come, if it is cancelled, or if a line or a day cannot be right.
    pub fn change(
        &mut self,
        new: NewPurchaseOrder<'_>,
        now: DateTime<Utc>,
    ) -> Result<Option<PurchaseOrderEvent>, PurchaseOrderError> {
        self.check_state("changed", &[PurchaseOrderState::Ordered])?;
        new.check(now)?;
        let changed = Self {
            reference: new.reference,
            supplier_id: new.supplier_id,
            warehouse_id: new.warehouse_id,
            ordered_on: new.ordered_on,
            expected_on: new.expected_on,
            lines: new.lines.into_iter().map(NewPurchaseLine::line).collect(),
            ..self.clone()
        };
        if changed == *self {
            return Ok(None);
        }
        *self = changed;
        self.raise(now);
        Ok(Some(PurchaseOrderEvent::Changed(Box::new(self.clone()))))
    }

    /// Ends it: what has not come is not expected any more.
    ///
    /// # Errors
    /// Fails if all of it has come, or if it is cancelled already.
    pub fn cancel(&mut self, now: DateTime<Utc>) -> Result<PurchaseOrderEvent, PurchaseOrderError> {
        self.check_state("cancelled", &[PurchaseOrderState::Ordered, PurchaseOrderState::PartlyReceived])?;
        self.state = PurchaseOrderState::Cancelled;
        self.raise(now);
        Ok(PurchaseOrderEvent::Cancelled(Box::new(self.clone())))
    }

    /// # Errors
    /// Fails if it is cancelled. More than was ordered may come.
    pub fn check_receivable(&self) -> Result<(), PurchaseOrderError> {
        let from =
            &[PurchaseOrderState::Ordered, PurchaseOrderState::PartlyReceived, PurchaseOrderState::Received];
        self.check_state("received", from)
    }

    /// Gives goods that came to the lines of their product: the first one first, as much as each still lacks, and what is more than
    /// was ordered to the last one. Returns what a unit costs by these lines, weighted; `None` if none of them says, or if the
    /// product was not ordered.
    pub fn allot(&mut self, product: ProductId, units: &Units) -> Option<UnitPrice> {
        let mut left = units.clone();
        let mut parts: Vec<(Units, Option<UnitPrice>)> = Vec::new();
        let mut of_product: Vec<_> =
            self.lines.iter_mut().filter(|line| line.product_id == product).collect();
        for line in &mut of_product {
            let lacking = Units::from(&line.quantity).less(&line.received);
            let part = left.at_most(&lacking);
            left = left.less(&part);
            line.received = line.received.plus(&part);
            parts.push((part, line.unit_cost.clone()));
        }
        if let Some(last) = of_product.last_mut() {
            last.received = last.received.plus(&left);
            parts.push((left, last.unit_cost.clone()));
        }
        weighted(&parts)
    }

    /// Notes that goods came, which were allotted before.
    pub fn receive(&mut self, receipt: StockDocumentId, now: DateTime<Utc>) -> PurchaseOrderEvent {
        let is_complete = |line: &PurchaseLine| line.received >= Units::from(&line.quantity);
        let nothing_came = self.lines.iter().all(|line| line.received.is_zero());
        self.state = if self.lines.iter().all(is_complete) {
            PurchaseOrderState::Received
        } else if nothing_came {
            PurchaseOrderState::Ordered
        } else {
            PurchaseOrderState::PartlyReceived
        };
        self.raise(now);
        PurchaseOrderEvent::Received { order: Box::new(self.clone()), receipt }
    }

    /// # Errors
    /// Fails if there are no lines, or more than [`MAX_LINES`].
    pub fn check_line_count(count: usize) -> Result<(), PurchaseOrderError> {
        if (1..=MAX_LINES).contains(&count) { Ok(()) } else { Err(PurchaseOrderError::LineCount(count)) }
    }

    fn check_state(
        &self,
        action: &'static str,
        from: &'static [PurchaseOrderState],
    ) -> Result<(), PurchaseOrderError> {
        if from.contains(&self.state) {
            Ok(())
        } else {
            Err(PurchaseOrderError::State { id: self.id, state: self.state, action, from })
        }
    }

    fn raise(&mut self, now: DateTime<Utc>) {
        self.version += 1;
        self.updated_at = now;
    }

    pub fn reference(&self) -> Option<&PurchaseOrderReference> {
        self.reference.as_ref()
    }

    pub fn supplier_id(&self) -> SupplierId {
        self.supplier_id
    }

    pub fn warehouse_id(&self) -> WarehouseId {
        self.warehouse_id
    }

    pub fn state(&self) -> PurchaseOrderState {
        self.state
    }

    pub fn ordered_on(&self) -> BusinessDate {
        self.ordered_on
    }

    pub fn expected_on(&self) -> Option<BusinessDate> {
        self.expected_on
    }

    pub fn lines(&self) -> &[PurchaseLine] {
        &self.lines
    }
}

/// The cost of a unit of all parts that have one, rounded half up to six decimals.
fn weighted(parts: &[(Units, Option<UnitPrice>)]) -> Option<UnitPrice> {
    let (mut units, mut value) = (BigDecimal::zero(), BigDecimal::zero());
    for (part, cost) in parts {
        let Some(cost) = cost else { continue };
        units += part.value();
        value += part.value() * cost.value();
    }
    let cost = || UnitPrice::rounded(&(value / &units));
    (!units.is_zero()).then(cost)
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PurchaseOrderError {
    #[error("there is no purchase order {0}")]
    NotFound(PurchaseOrderId),
    #[error("purchase order {id} is {state} and cannot be {action}; it would have to be {}", names(from))]
    State {
        id: PurchaseOrderId,
        state: PurchaseOrderState,
        action: &'static str,
        from: &'static [PurchaseOrderState],
    },
    #[error("a purchase order has 1 to {MAX_LINES} lines, not {0}")]
    LineCount(usize),
    #[error("some lines name products that do not exist")]
    ProductsUnknown(Vec<usize>),
    #[error("some lines name products that are archived and no longer sold")]
    ProductsArchived(Vec<usize>),
    #[error("some lines name products that are not kept in stock")]
    ProductsNotStocked(Vec<usize>),
    #[error("some quantities have more decimals than their products allow")]
    TooPrecise(Vec<usize>),
    #[error("some lines are expected before they were ordered")]
    LinesExpectedBefore(Vec<usize>),
    #[error("there is no supplier {0}")]
    SupplierUnknown(SupplierId),
    #[error("there is no warehouse {0} that is in use")]
    WarehouseUnknown(WarehouseId),
    #[error("{}", .0.message)]
    OrderedOn(Invalid),
    #[error("it cannot be expected before it was ordered, on {0}")]
    ExpectedBefore(BusinessDate),
    #[error("the reference {0:?} belongs to another purchase order; references are unique")]
    ReferenceTaken(String),
}

fn names(states: &[PurchaseOrderState]) -> String {
    states.iter().map(|state| state.as_str()).collect::<Vec<_>>().join(" or ")
}

impl DomainError for PurchaseOrderError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::State { .. } | Self::ReferenceTaken(_) => Category::Conflict,
            _ => Category::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "purchase_order_not_found",
            Self::State { .. } => "purchase_order_state_conflict",
            Self::ReferenceTaken(_) => "purchase_order_reference_taken",
            _ => "invalid_purchase_order",
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        let field = |pointer: &str, code| vec![Invalid::new(code, self.to_string()).at(pointer)];
        let lines = |at: &[usize], member, code, message: &str| {
            let at =
                at.iter().map(|index| Invalid::new(code, message).at(format!("/lines/{index}/{member}")));
            at.collect()
        };
        match self {
            Self::NotFound(_) | Self::State { .. } | Self::ReferenceTaken(_) => Vec::new(),
            Self::LineCount(_) => field("/lines", "line_count"),
            Self::ProductsUnknown(at) => {
                lines(at, "product_id", "unknown_product", "there is no such product")
            }
            Self::ProductsArchived(at) => {
                lines(at, "product_id", "product_archived", "this product is archived and no longer sold")
            }
            Self::ProductsNotStocked(at) => {
                let message = "this product is not kept in stock; set stocked of it first";
                lines(at, "product_id", "not_stocked", message)
            }
            Self::TooPrecise(at) => {
                lines(at, "quantity", "too_precise", "the product allows fewer digits after the point")
            }
            Self::LinesExpectedBefore(at) => {
                lines(at, "expected_on", "out_of_range", "it cannot be expected before it was ordered")
            }
            Self::SupplierUnknown(_) => field("/supplier_id", "unknown_supplier"),
            Self::WarehouseUnknown(_) => field("/warehouse_id", "unknown_warehouse"),
            Self::OrderedOn(invalid) => field("/ordered_on", invalid.code),
            Self::ExpectedBefore(_) => field("/expected_on", "out_of_range"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commerce::products::tests::details;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 0).expect("a valid time")
    }

    fn product() -> Product {
        let details =
            crate::commerce::products::ProductDetails { stocked: true, ..details("T-1", "10", "20") };
        Product::create(ProductId::generate(), details, at(0)).0
    }

    fn line<'a>(product: &'a Product, quantity: &str, cost: Option<&str>) -> NewPurchaseLine<'a> {
        NewPurchaseLine {
            product,
            quantity: Quantity::parse(quantity).expect("a quantity"),
            unit_cost: cost.map(|cost| UnitPrice::parse(cost).expect("a cost")),
            expected_on: None,
        }
    }

    fn new(lines: Vec<NewPurchaseLine<'_>>) -> NewPurchaseOrder<'_> {
        NewPurchaseOrder {
            reference: None,
            supplier_id: SupplierId::from_uuid(uuid::Uuid::from_u128(1)),
            warehouse_id: WarehouseId::from_uuid(uuid::Uuid::from_u128(2)),
            ordered_on: BusinessDate::of(at(0)),
            expected_on: None,
            lines,
        }
    }

    fn ordered(lines: Vec<NewPurchaseLine<'_>>) -> PurchaseOrder {
        PurchaseOrder::order(PurchaseOrderId::generate(), new(lines), at(0)).expect("valid").0
    }

    fn units(text: &str) -> Units {
        Units::parse(text).expect("an amount")
    }

    fn received(order: &PurchaseOrder) -> Vec<String> {
        order.lines.iter().map(|line| line.received.to_string()).collect()
    }

    #[test]
    fn what_comes_goes_to_the_first_line_of_its_product_that_lacks_some() {
        let (tea, pot) = (product(), product());
        let lines = vec![line(&tea, "10", Some("5")), line(&pot, "1", None), line(&tea, "10", Some("6"))];
        let mut order = ordered(lines);
        assert_eq!(order.allot(tea.id(), &units("4")).map(|cost| cost.to_string()), Some("5.00".to_owned()));
        // Six at 5, and six at 6.
        assert_eq!(order.allot(tea.id(), &units("12")).map(|cost| cost.to_string()), Some("5.50".to_owned()));
        assert_eq!(received(&order), ["10", "0", "6"]);
        order.receive(StockDocumentId::generate(), at(1));
        assert_eq!((order.state, order.version), (PurchaseOrderState::PartlyReceived, 2));
    }

    #[test]
    fn more_than_was_ordered_is_noted_and_what_was_not_ordered_is_passed_over() {
        let (tea, pot) = (product(), product());
        let mut order = ordered(vec![line(&tea, "10", Some("5"))]);
        assert_eq!(order.allot(pot.id(), &units("3")), None);
        order.receive(StockDocumentId::generate(), at(1));
        assert_eq!(order.state, PurchaseOrderState::Ordered, "nothing of it has come");
        assert_eq!(order.allot(tea.id(), &units("12")).map(|cost| cost.to_string()), Some("5.00".to_owned()));
        let event = order.receive(StockDocumentId::generate(), at(2));
        assert_eq!((received(&order), order.state), (vec!["12".to_owned()], PurchaseOrderState::Received));
        assert!(matches!(event, PurchaseOrderEvent::Received { order: told, .. } if *told == order));
        assert!(order.check_receivable().is_ok(), "still more may come");
    }

    #[test]
    fn a_line_without_a_cost_says_nothing_of_it() {
        let tea = product();
        let mut order = ordered(vec![line(&tea, "10", None), line(&tea, "10", Some("6"))]);
        assert_eq!(order.allot(tea.id(), &units("10")), None);
        assert_eq!(order.allot(tea.id(), &units("2")).map(|cost| cost.to_string()), Some("6.00".to_owned()));
    }

    #[test]
    fn it_is_changed_while_nothing_has_come() {
        let tea = product();
        let mut order = ordered(vec![line(&tea, "10", None)]);
        assert_eq!(order.change(new(vec![line(&tea, "10", None)]), at(1)), Ok(None));
        let event = order.change(new(vec![line(&tea, "20", None)]), at(1)).expect("allowed");
        assert_eq!((event, order.version), (Some(PurchaseOrderEvent::Changed(Box::new(order.clone()))), 2));
        order.allot(tea.id(), &units("1"));
        order.receive(StockDocumentId::generate(), at(2));
        let refused = order.change(new(vec![line(&tea, "30", None)]), at(3)).expect_err("refused");
        assert_eq!(refused.code(), "purchase_order_state_conflict");
    }

    #[test]
    fn the_rest_can_be_cancelled_and_then_nothing_of_it_is_received() {
        let tea = product();
        let mut order = ordered(vec![line(&tea, "10", None)]);
        order.allot(tea.id(), &units("1"));
        order.receive(StockDocumentId::generate(), at(1));
        let event = order.cancel(at(2)).expect("allowed");
        assert_eq!((event, order.version), (PurchaseOrderEvent::Cancelled(Box::new(order.clone())), 3));
        assert_eq!(order.cancel(at(3)).expect_err("refused").code(), "purchase_order_state_conflict");
        assert_eq!(order.check_receivable().expect_err("refused").code(), "purchase_order_state_conflict");
        let mut complete = ordered(vec![line(&tea, "10", None)]);
        complete.allot(tea.id(), &units("10"));
        complete.receive(StockDocumentId::generate(), at(1));
        assert!(complete.cancel(at(2)).is_err(), "there is no rest");
    }

    #[test]
    fn what_cannot_be_right_is_named_with_its_line() {
        let (tea, service) =
            (product(), Product::create(ProductId::generate(), details("S", "1", "20"), at(0)).0);
        let early = BusinessDate::parse("2023-11-13").ok();
        let pointers = |new: NewPurchaseOrder<'_>| {
            let refused = PurchaseOrder::order(PurchaseOrderId::generate(), new, at(0)).expect_err("refused");
            refused.fields().into_iter().map(|field| field.pointer).collect::<Vec<_>>()
        };
        assert_eq!(pointers(new(vec![])), ["/lines"]);
        assert_eq!(
            pointers(new(vec![line(&tea, "1", None), line(&service, "1", None)])),
            ["/lines/1/product_id"]
        );
        let expected = NewPurchaseOrder { expected_on: early, ..new(vec![line(&tea, "1", None)]) };
        assert_eq!(pointers(expected), ["/expected_on"]);
        let expected = NewPurchaseLine { expected_on: early, ..line(&tea, "1", None) };
        assert_eq!(pointers(new(vec![expected])), ["/lines/0/expected_on"]);
    }
}
