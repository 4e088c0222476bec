//! The return and its rules. It is received once and never changes.

use chrono::{DateTime, Utc};

use super::events::ReturnEvent;
use crate::application::aggregate::Aggregate;
use crate::application::error::{Category, DomainError, Error};
use crate::commerce::orders::{MAX_LINES, Order, ReturnedPart, positions};
use crate::commerce::stock::{DocumentRef, DocumentType, Levels, PlaceRef, StockError, StockReason};
use crate::values::business_date::BusinessDate;
use crate::values::goods::Units;
use crate::values::ids::{OrderId, ProductId, ReturnId};
use crate::values::invalid::{FieldError, Invalid};
use crate::values::text::text;

text!(
    /// The return's number in the company's own books; unique in a tenant where it is given.
    ReturnReference, "a return reference", 100
);
text!(
    /// Why the customer sent it back.
    ReturnReason, "a reason", 500
);

impl ReturnReason {
    /// The same as the reason of a movement, which may be as long: the ledger says it of a line without one of its own.
    pub(super) fn of_stock(&self) -> StockReason {
        StockReason::stored(self.as_str().to_owned())
    }
}

/// What came back of a line of the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BroughtBack {
    /// Of the order's line; counts from 1.
    pub(super) position: i16,
    pub(super) product_id: ProductId,
    pub(super) sku: String,
    pub(super) name: String,
    pub(super) quantity: Units,
    pub(super) restocked: bool,
    pub(super) reason: Option<StockReason>,
    /// Where it was put. `None` is no location.
    pub(super) location: Option<PlaceRef>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Return {
    pub(super) id: ReturnId,
    pub(super) order_id: OrderId,
    pub(super) reference: Option<ReturnReference>,
    pub(super) reason: ReturnReason,
    pub(super) received_on: BusinessDate,
    pub(super) created_by: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) lines: Vec<BroughtBack>,
}

/// What is said of a return.
#[derive(Debug, Clone)]
pub struct NewReturn {
    pub reference: Option<ReturnReference>,
    pub reason: ReturnReason,
    pub received_on: BusinessDate,
    pub created_by: String,
    /// Where each line is put, in the order of the lines. `None` is no location, and so is what is missing at the end.
    pub locations: Vec<Option<PlaceRef>>,
}

impl Return {
    /// # Errors
    /// Fails if there are no lines, or more than an order has.
    pub fn check_line_count(count: usize) -> Result<(), ReturnError> {
        if (1..=MAX_LINES).contains(&count) { Ok(()) } else { Err(ReturnError::LineCount(count)) }
    }

    /// Notes what has come back of an order, which [`Order::take_back`] has permitted.
    pub(crate) fn receive(
        id: ReturnId,
        order: &Order,
        parts: &[ReturnedPart],
        new: NewReturn,
        now: DateTime<Utc>,
    ) -> (Self, ReturnEvent) {
        let locations = new.locations.into_iter().chain(std::iter::repeat_with(|| None));
        let line = |(returned, location): (&ReturnedPart, Option<PlaceRef>)| {
            let ReturnedPart { part, restocked, reason } = returned;
            let line = order.line(part.position)?;
            Some(BroughtBack {
                position: part.position,
                product_id: line.product_id,
                sku: line.sku.clone(),
                name: line.name.clone(),
                quantity: part.units.clone(),
                restocked: *restocked,
                reason: reason.clone(),
                location,
            })
        };
        let received = Self {
            id,
            order_id: order.id(),
            reference: new.reference,
            reason: new.reason,
            received_on: new.received_on,
            created_by: new.created_by,
            created_at: now,
            lines: parts.iter().zip(locations).filter_map(line).collect(),
        };
        let event = ReturnEvent::Received(Box::new(received.clone()));
        (received, event)
    }

    /// Puts what came back into the locations that its lines name. [`Order::take_back`] has received it: it lies in no location.
    ///
    /// # Errors
    /// `NothingToPutAway` if a line names a location of which nothing comes on hand. Fails if a product lies in too many locations.
    pub(crate) fn put_away(&self, order: &Order, levels: &mut Levels) -> Result<(), Error> {
        let comes = |line: &BroughtBack| {
            line.restocked && order.line(line.position).is_some_and(|ordered| ordered.stocked)
        };
        let nothing = positions(&self.lines, |line| line.location.is_some() && !comes(line));
        if !nothing.is_empty() {
            return Err(ReturnError::NothingToPutAway(nothing).into());
        }
        for line in &self.lines {
            let Some(location) = &line.location else { continue };
            let product = line.product_id;
            let level = order.warehouse_id().and_then(|warehouse| levels.get_mut(warehouse, product));
            let level = level.ok_or(StockError::Unreserved { product })?;
            let document = DocumentRef {
                kind: DocumentType::Return,
                id: self.id.uuid(),
                line: Some(line.position),
                reason: Some(line.reason.clone().unwrap_or_else(|| self.reason.of_stock())),
                business_date: self.received_on,
            };
            level.put_away(location, &line.quantity, &document)?;
        }
        Ok(())
    }

    pub fn id(&self) -> ReturnId {
        self.id
    }

    pub fn order_id(&self) -> OrderId {
        self.order_id
    }

    pub fn reference(&self) -> Option<&ReturnReference> {
        self.reference.as_ref()
    }

    pub fn reason(&self) -> &ReturnReason {
        &self.reason
    }

    pub fn received_on(&self) -> BusinessDate {
        self.received_on
    }

    pub fn lines(&self) -> &[BroughtBack] {
        &self.lines
    }
}

impl BroughtBack {
    pub fn position(&self) -> i16 {
        self.position
    }

    pub fn product_id(&self) -> ProductId {
        self.product_id
    }

    pub fn sku(&self) -> &str {
        &self.sku
    }

    pub fn quantity(&self) -> &Units {
        &self.quantity
    }

    pub fn is_restocked(&self) -> bool {
        self.restocked
    }

    pub fn reason(&self) -> Option<&StockReason> {
        self.reason.as_ref()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReturnError {
    #[error("there is no return {0}")]
    NotFound(ReturnId),
    #[error("a return has 1 to {MAX_LINES} lines, not {0}")]
    LineCount(usize),
    #[error("{}", .0.message)]
    ReceivedOn(Invalid),
    #[error("some lines name locations that are not in use in the order's warehouse")]
    LocationsUnknown(Vec<usize>),
    #[error("some lines name a location although nothing of them comes on hand")]
    NothingToPutAway(Vec<usize>),
    #[error("the reference {0:?} belongs to another return; references are unique")]
    ReferenceTaken(String),
}

impl DomainError for ReturnError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::ReferenceTaken(_) => Category::Conflict,
            Self::LineCount(_)
            | Self::ReceivedOn(_)
            | Self::LocationsUnknown(_)
            | Self::NothingToPutAway(_) => Category::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "return_not_found",
            Self::ReferenceTaken(_) => "return_reference_taken",
            Self::LineCount(_)
            | Self::ReceivedOn(_)
            | Self::LocationsUnknown(_)
            | Self::NothingToPutAway(_) => "invalid_return",
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        let locations = |at: &[usize], code, message: &str| {
            let at = at.iter();
            at.map(|at| Invalid::new(code, message).at(format!("/lines/{at}/location_id"))).collect()
        };
        match self {
            Self::NotFound(_) | Self::ReferenceTaken(_) => Vec::new(),
            Self::LineCount(_) => vec![Invalid::new("line_count", self.to_string()).at("/lines")],
            Self::ReceivedOn(invalid) => vec![invalid.clone().at("/received_on")],
            Self::LocationsUnknown(at) => {
                let message = "there is no such location in the order's warehouse that is in use";
                locations(at, "unknown_location", message)
            }
            Self::NothingToPutAway(at) => {
                let message =
                    "what is written off, or not kept in stock, is put nowhere: leave the location out";
                locations(at, "nothing_to_put_away", message)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commerce::orders::{DraftLine, LinePart, NewOrder};
    use crate::commerce::products::tests::details;
    use crate::commerce::products::{Product, ProductDetails};
    use crate::commerce::stock::{MovementKind, StockLevel};
    use crate::values::ids::{CustomerId, LocationId, ShipmentId, StockId, WarehouseId};
    use crate::values::money::{Currency, Quantity};

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 0).expect("a valid time")
    }

    fn units(text: &str) -> Units {
        Units::parse(text).expect("an amount")
    }

    fn place(code: &str) -> Option<PlaceRef> {
        Some(PlaceRef { id: LocationId::generate(), code: code.to_owned() })
    }

    fn back(position: i16, quantity: &str, restocked: bool) -> ReturnedPart {
        let reason = Some(StockReason::parse("opened").expect("valid"));
        ReturnedPart { part: LinePart { position, units: units(quantity) }, restocked, reason }
    }

    /// Ten of a product that is kept in stock, and one of another, all of which have left; and what remains: five that were there besides.
    fn left() -> (Order, Levels) {
        let product = |stocked| {
            let details = ProductDetails { stocked, ..details("T-1", "10", "20") };
            Product::create(ProductId::generate(), details, at(0)).0
        };
        let (tea, advice) = (product(true), product(false));
        let line = |(product, quantity)| DraftLine {
            product,
            quantity: Quantity::parse(quantity).expect("valid"),
            unit_price: None,
            listed: None,
        };
        let warehouse = WarehouseId::generate();
        let new = NewOrder {
            external_id: None,
            reference: None,
            customer_id: CustomerId::generate(),
            currency: Currency::euro(),
            warehouse_id: Some(warehouse),
            back_order: false,
            ordered_on: BusinessDate::of(at(0)),
            delivery_address: None,
            promised_on: None,
            lines: [(&tea, "10"), (&advice, "1")].map(line).into(),
        };
        let mut order = Order::place(OrderId::generate(), new, at(0)).expect("valid");
        let texts = ("T-1".to_owned(), "A thing".to_owned());
        let mut level = StockLevel::open(StockId::generate(), warehouse, tea.id(), texts, at(0));
        let receipt = DocumentRef {
            kind: DocumentType::Receipt,
            id: uuid::Uuid::nil(),
            line: Some(1),
            reason: None,
            business_date: BusinessDate::of(at(0)),
        };
        level.receive(MovementKind::Receipt, &units("15"), None, &receipt).expect("countable");
        let mut levels = Levels::of_levels([level]);
        order.promise(&mut levels).expect("enough");
        order.confirm(at(1)).expect("allowed");
        let (all, id, on) = (order.ready(), ShipmentId::generate(), BusinessDate::of(at(2)));
        order.dispatch(&all, id, None, on, &mut levels, at(2)).expect("it is there");
        (order, levels)
    }

    /// Takes parts back, each into a location or into none.
    fn received(
        order: &mut Order,
        levels: &mut Levels,
        parts: &[(ReturnedPart, Option<PlaceRef>)],
    ) -> Result<Return, Error> {
        let (parts, locations): (Vec<ReturnedPart>, Vec<Option<PlaceRef>>) = parts.iter().cloned().unzip();
        let (id, on) = (ReturnId::generate(), BusinessDate::of(at(3)));
        order.take_back(&parts, id, on, levels, at(3))?;
        let new = NewReturn {
            reference: None,
            reason: ReturnReason::parse("wrong size").expect("valid"),
            received_on: on,
            created_by: "bob@docks.example".to_owned(),
            locations,
        };
        let (received, _) = Return::receive(id, order, &parts, new, at(3));
        received.put_away(order, levels)?;
        Ok(received)
    }

    #[test]
    fn each_line_is_put_where_it_says_and_the_others_lie_in_no_location() {
        let (mut order, mut levels) = left();
        let (near, far) = (place("A-01"), place("B-01"));
        let parts = [
            (back(1, "2", true), far.clone()),
            (back(1, "1", false), None),
            (back(1, "3", true), None),
            (back(1, "4", true), near.clone()),
            (back(2, "1", true), None),
        ];
        let received = received(&mut order, &mut levels, &parts).expect("it had left");
        let locations: Vec<_> = received.lines.iter().map(|line| line.location.clone()).collect();
        assert_eq!(locations, [far.clone(), None, None, near.clone(), None]);
        let warehouse = order.warehouse_id().expect("it has one");
        let level = levels.get(warehouse, order.lines()[0].product_id).expect("it is there");
        // Five were there, and ten came back, of which one was written off.
        assert_eq!((level.on_hand(), level.loose()), (&units("14"), units("8")));
        let lies_in = |place: &Option<PlaceRef>| place.as_ref().map(|place| level.on_hand_in(place.id));
        assert_eq!((lies_in(&near), lies_in(&far)), (Some(units("4")), Some(units("2"))));
        let moved: Vec<_> = level
            .relocated()
            .iter()
            .map(|moved| {
                (moved.change.to_string(), moved.document.kind, moved.document.id, moved.document.line)
            })
            .collect();
        let (kind, id) = (DocumentType::Return, received.id.uuid());
        assert_eq!(moved, [("2".to_owned(), kind, id, Some(1)), ("4".to_owned(), kind, id, Some(1))]);
    }

    #[test]
    fn what_does_not_come_on_hand_is_put_nowhere() {
        let (mut order, mut levels) = left();
        let parts = [
            (back(1, "1", false), place("A-01")),
            (back(1, "1", true), place("A-01")),
            (back(2, "1", true), place("A-01")),
        ];
        let refused = received(&mut order, &mut levels, &parts).expect_err("nothing of two lines is there");
        let refused: &ReturnError = refused.refusal().expect("a refusal");
        assert_eq!(refused, &ReturnError::NothingToPutAway(vec![0, 2]));
        assert_eq!((refused.category(), refused.code()), (Category::Invalid, "invalid_return"));
        let fields: Vec<_> = refused.fields().into_iter().map(|field| (field.pointer, field.code)).collect();
        let field = |pointer: &str| (pointer.to_owned(), "nothing_to_put_away");
        assert_eq!(fields, [field("/lines/0/location_id"), field("/lines/2/location_id")]);
    }

    #[test]
    fn a_location_that_is_not_there_is_said_of_its_line() {
        let refused = ReturnError::LocationsUnknown(vec![3]);
        let fields = refused.fields();
        assert_eq!(
            (fields[0].pointer.as_str(), fields[0].code),
            ("/lines/3/location_id", "unknown_location")
        );
        assert_eq!((refused.category(), refused.code()), (Category::Invalid, "invalid_return"));
    }
}
