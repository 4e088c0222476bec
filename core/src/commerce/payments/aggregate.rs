//! The payment and its rules. It is written once: what was wrong is reversed by another one.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::allocation::Spread;
use super::events::PaymentEvent;
use crate::application::error::{Category, DomainError};
use crate::values::business_date::BusinessDate;
use crate::values::ids::{CustomerId, InvoiceId, PaymentId};
use crate::values::invalid::{FieldError, Invalid};
use crate::values::money::Money;
use crate::values::text::text;

text!(
    /// What the bank or the customer calls the payment.
    PaymentReference, "a payment's reference", 140
);
text!(PaymentReason, "the reason of a reversal", 200);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentMethod {
    Transfer,
    Card,
    Cheque,
    Cash,
    DirectDebit,
    Other,
}

impl PaymentMethod {
    pub const ALL: [Self; 6] =
        [Self::Transfer, Self::Card, Self::Cheque, Self::Cash, Self::DirectDebit, Self::Other];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Transfer => "transfer",
            Self::Card => "card",
            Self::Cheque => "cheque",
            Self::Cash => "cash",
            Self::DirectDebit => "direct_debit",
            Self::Other => "other",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }
}

/// What a payment pays of an invoice; less than zero in a reversal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Allocation {
    pub invoice_id: InvoiceId,
    pub amount: Money,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Payment {
    pub(super) id: PaymentId,
    pub(super) customer_id: CustomerId,
    pub(super) method: PaymentMethod,
    pub(super) received_on: BusinessDate,
    /// Less than zero in a reversal.
    pub(super) amount: Money,
    pub(super) reference: Option<PaymentReference>,
    pub(super) reverses: Option<PaymentId>,
    pub(super) reason: Option<PaymentReason>,
    pub(super) created_by: String,
    pub(super) allocations: Vec<Allocation>,
    pub(super) created_at: DateTime<Utc>,
}

/// What is known of a payment when it comes.
#[derive(Debug, Clone)]
pub(super) struct NewPayment {
    pub(super) customer_id: CustomerId,
    pub(super) method: PaymentMethod,
    pub(super) received_on: BusinessDate,
    pub(super) amount: Money,
    pub(super) reference: Option<PaymentReference>,
    pub(super) created_by: String,
}

impl Payment {
    pub(super) fn receive(
        id: PaymentId,
        new: NewPayment,
        spread: &Spread,
        now: DateTime<Utc>,
    ) -> (Self, PaymentEvent) {
        let allocation = |(invoice_id, amount): &(InvoiceId, Money)| Allocation {
            invoice_id: *invoice_id,
            amount: amount.clone(),
        };
        let payment = Self {
            id,
            customer_id: new.customer_id,
            method: new.method,
            received_on: new.received_on,
            amount: new.amount,
            reference: new.reference,
            reverses: None,
            reason: None,
            created_by: new.created_by,
            allocations: spread.parts.iter().map(allocation).collect(),
            created_at: now,
        };
        let event = PaymentEvent::Received(Box::new(payment.clone()));
        (payment, event)
    }

    /// Makes the payment that undoes this one, with all that it pays by now.
    ///
    /// # Errors
    /// Fails if this one is a reversal.
    pub(crate) fn reverse(
        &self,
        id: PaymentId,
        reason: PaymentReason,
        created_by: String,
        now: DateTime<Utc>,
    ) -> Result<(Self, PaymentEvent), PaymentError> {
        if self.reverses.is_some() {
            return Err(PaymentError::IsReversal(self.id));
        }
        let opposite =
            |one: &Allocation| Allocation { invoice_id: one.invoice_id, amount: one.amount.negated() };
        let reversal = Self {
            id,
            amount: self.amount.negated(),
            reverses: Some(self.id),
            reason: Some(reason),
            created_by,
            allocations: self.allocations.iter().map(opposite).collect(),
            created_at: now,
            ..self.clone()
        };
        let event = PaymentEvent::Reversed(Box::new(reversal.clone()));
        Ok((reversal, event))
    }

    pub fn id(&self) -> PaymentId {
        self.id
    }

    pub fn customer_id(&self) -> CustomerId {
        self.customer_id
    }

    pub fn method(&self) -> PaymentMethod {
        self.method
    }

    pub fn received_on(&self) -> BusinessDate {
        self.received_on
    }

    pub fn amount(&self) -> &Money {
        &self.amount
    }

    pub fn reference(&self) -> Option<&PaymentReference> {
        self.reference.as_ref()
    }

    pub fn reverses(&self) -> Option<PaymentId> {
        self.reverses
    }

    pub fn reason(&self) -> Option<&PaymentReason> {
        self.reason.as_ref()
    }

    pub fn allocations(&self) -> &[Allocation] {
        &self.allocations
    }

    pub fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PaymentError {
    #[error("there is no payment {0}")]
    NotFound(PaymentId),
    #[error("there is no customer {0}, or it was anonymised")]
    CustomerUnknown(CustomerId),
    #[error("{}", .0.message)]
    ReceivedOn(Invalid),
    #[error("the payment cannot be spread like this")]
    Spread(Vec<FieldError>),
    #[error("payment {0} was reversed already")]
    Reversed(PaymentId),
    #[error("payment {0} reverses another one, and is not reversed itself: record the payment anew")]
    IsReversal(PaymentId),
    #[error("the customer has no credit")]
    NoCredit,
}

impl DomainError for PaymentError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::CustomerUnknown(_) | Self::ReceivedOn(_) => Category::Invalid,
            Self::Spread(_) | Self::Reversed(_) | Self::IsReversal(_) | Self::NoCredit => Category::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "payment_not_found",
            Self::CustomerUnknown(_) | Self::ReceivedOn(_) => "invalid_payment",
            Self::Spread(_) => "payment_exceeds_open",
            Self::Reversed(_) | Self::IsReversal(_) => "payment_reversed",
            Self::NoCredit => "no_credit",
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        match self {
            Self::CustomerUnknown(_) => {
                vec![Invalid::new("unknown_customer", self.to_string()).at("/customer_id")]
            }
            Self::ReceivedOn(invalid) => vec![invalid.clone().at("/received_on")],
            Self::Spread(faults) => faults.clone(),
            Self::NotFound(_) | Self::Reversed(_) | Self::IsReversal(_) | Self::NoCredit => Vec::new(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use uuid::Uuid;

    use super::*;

    pub(crate) fn payment(amount: &str, paid: &[(u128, &str)]) -> (Payment, PaymentEvent) {
        let money = |text: &str| Money::parse(text).expect("an amount");
        let new = NewPayment {
            customer_id: CustomerId::from_uuid(Uuid::from_u128(1)),
            method: PaymentMethod::Transfer,
            received_on: BusinessDate::parse("2026-12-15").expect("a date"),
            amount: money(amount),
            reference: PaymentReference::parse("FA-2026-000123").ok(),
            created_by: "ada@docks.example".to_owned(),
        };
        let parts = paid.iter().map(|(id, part)| (InvoiceId::from_uuid(Uuid::from_u128(*id)), money(part)));
        let spread = Spread { parts: parts.collect(), rest: Money::zero() };
        let id = PaymentId::from_uuid(Uuid::from_u128(7));
        Payment::receive(id, new, &spread, DateTime::from_timestamp(1_796_000_000, 0).expect("a time"))
    }

    #[test]
    fn a_reversal_is_the_opposite_and_is_not_reversed() {
        let (payment, _) = payment("12", &[(1, "10"), (2, "2")]);
        let reason = PaymentReason::parse("unpaid cheque").expect("valid");
        let reverse = |payment: &Payment| {
            payment.reverse(PaymentId::generate(), reason.clone(), "bob".to_owned(), payment.created_at)
        };
        let (reversal, event) = reverse(&payment).expect("allowed");
        assert_eq!((reversal.amount.to_string(), reversal.reverses), ("-12.00".to_owned(), Some(payment.id)));
        let amounts: Vec<_> = reversal.allocations.iter().map(|one| one.amount.to_string()).collect();
        assert_eq!(amounts, ["-10.00", "-2.00"]);
        assert_eq!(event, PaymentEvent::Reversed(Box::new(reversal.clone())));
        assert_eq!(reverse(&reversal).map_err(|error| error.code()), Err("payment_reversed"));
    }
}
