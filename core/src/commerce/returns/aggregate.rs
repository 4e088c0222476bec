//! The return and its rules. It is received once and never changes.

use chrono::{DateTime, Utc};

use super::events::ReturnEvent;
use crate::application::aggregate::Aggregate;
use crate::application::error::{Category, DomainError};
use crate::commerce::orders::{MAX_LINES, Order, ReturnedPart};
use crate::commerce::stock::StockReason;
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
        let line = |ReturnedPart { part, restocked, reason }: &ReturnedPart| {
            let line = order.line(part.position)?;
            Some(BroughtBack {
                position: part.position,
                product_id: line.product_id,
                sku: line.sku.clone(),
                name: line.name.clone(),
                quantity: part.units.clone(),
                restocked: *restocked,
                reason: reason.clone(),
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
            lines: parts.iter().filter_map(line).collect(),
        };
        let event = ReturnEvent::Received(Box::new(received.clone()));
        (received, event)
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
    #[error("the reference {0:?} belongs to another return; references are unique")]
    ReferenceTaken(String),
}

impl DomainError for ReturnError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::ReferenceTaken(_) => Category::Conflict,
            Self::LineCount(_) | Self::ReceivedOn(_) => Category::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "return_not_found",
            Self::ReferenceTaken(_) => "return_reference_taken",
            Self::LineCount(_) | Self::ReceivedOn(_) => "invalid_return",
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        match self {
            Self::NotFound(_) | Self::ReferenceTaken(_) => Vec::new(),
            Self::LineCount(_) => vec![Invalid::new("line_count", self.to_string()).at("/lines")],
            Self::ReceivedOn(invalid) => vec![invalid.clone().at("/received_on")],
        }
    }
}
