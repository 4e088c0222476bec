//! The invoice and its rules.
//!
//! ```text
//! draft ──validate──► validated ──► sent ──► partly paid ──► paid
//!   └──delete
//! ```

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::content::{Content, InvoiceKind};
use super::draft::{Draft, check_deposits};
use super::events::InvoiceEvent;
use super::moving::Moving;
use crate::application::error::{Category, DomainError};
use crate::values::business_date::BusinessDate;
use crate::values::ids::{CustomerId, InvoiceId, OrderId};
use crate::values::invalid::{FieldError, Invalid};
use crate::values::money::Money;
use crate::values::series::SeriesCode;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceState {
    /// It has no number, and can be changed.
    Draft,
    /// It has a number, and never changes.
    Validated,
    /// The customer has it.
    Sent,
    PartlyPaid,
    Paid,
}

impl InvoiceState {
    pub const ALL: [Self; 5] = [Self::Draft, Self::Validated, Self::Sent, Self::PartlyPaid, Self::Paid];

    /// Returns the name that is stored and published.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Validated => "validated",
            Self::Sent => "sent",
            Self::PartlyPaid => "partly_paid",
            Self::Paid => "paid",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

impl fmt::Display for InvoiceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an invoice has from its validation on, of all that it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered {
    pub series: SeriesCode,
    pub number: String,
    pub issue_date: BusinessDate,
    pub due_on: BusinessDate,
    pub gross_total: Money,
}

/// An invoice, a credit note or a deposit, as far as it moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    pub(super) id: InvoiceId,
    pub(super) version: i64,
    pub(super) kind: InvoiceKind,
    pub(super) state: InvoiceState,
    pub(super) customer_id: CustomerId,
    pub(super) reference: Option<String>,
    /// The invoice that a credit note corrects.
    pub(super) corrects: Option<InvoiceId>,
    /// As long as it is a draft.
    pub(super) draft: Option<Draft>,
    /// From its validation on.
    pub(super) numbered: Option<Numbered>,
    pub(super) paid: Money,
    pub(super) credited: Money,
    /// When the customer got it.
    pub(super) sent_at: Option<DateTime<Utc>>,
    pub(super) moving: Moving,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

impl Invoice {
    /// # Errors
    /// Fails if there are no lines, or too many of something.
    pub fn draft(
        id: InvoiceId,
        draft: Draft,
        now: DateTime<Utc>,
    ) -> Result<(Self, InvoiceEvent), InvoiceError> {
        check(&draft)?;
        let invoice = Self {
            id,
            version: 1,
            kind: draft.kind(),
            state: InvoiceState::Draft,
            customer_id: draft.customer_id,
            reference: draft.reference.as_ref().map(ToString::to_string),
            corrects: draft.correction.as_ref().map(|correction| correction.invoice_id),
            draft: Some(draft),
            numbered: None,
            paid: Money::zero(),
            credited: Money::zero(),
            sent_at: None,
            moving: Moving::default(),
            created_at: now,
            updated_at: now,
        };
        let event = InvoiceEvent::Drafted(Box::new(invoice.clone()));
        Ok((invoice, event))
    }

    /// Returns `None` if nothing changes.
    ///
    /// # Errors
    /// Fails if it has a number, if it is no invoice, or if there are no lines, or too many of something.
    pub fn change(&mut self, draft: Draft, now: DateTime<Utc>) -> Result<Option<InvoiceEvent>, InvoiceError> {
        self.check_draft("changed")?;
        if self.kind != InvoiceKind::Invoice {
            return Err(InvoiceError::MadeOnce { id: self.id, kind: self.kind });
        }
        check(&draft)?;
        if self.draft.as_ref() == Some(&draft) {
            return Ok(None);
        }
        self.customer_id = draft.customer_id;
        self.reference = draft.reference.as_ref().map(ToString::to_string);
        self.draft = Some(draft);
        self.raise(now);
        Ok(Some(InvoiceEvent::DraftChanged(Box::new(self.clone()))))
    }

    /// # Errors
    /// Fails if it has a number.
    pub fn delete(mut self, now: DateTime<Utc>) -> Result<InvoiceEvent, InvoiceError> {
        self.check_draft("deleted")?;
        self.raise(now);
        Ok(InvoiceEvent::DraftDeleted(Box::new(self)))
    }

    /// Gives it its number, and what it says from now on.
    ///
    /// # Errors
    /// Fails if it has a number already.
    pub fn validate(
        &mut self,
        series: SeriesCode,
        content: &Content,
        now: DateTime<Utc>,
    ) -> Result<InvoiceEvent, InvoiceError> {
        self.check_draft("validated")?;
        self.numbered = Some(Numbered {
            series,
            number: content.number.clone(),
            issue_date: content.issue_date,
            due_on: content.due_date,
            gross_total: content.totals.gross.clone(),
        });
        self.draft = None;
        // Nothing is to be paid of an invoice of nothing.
        self.state = if content.totals.due.is_zero() { InvoiceState::Paid } else { InvoiceState::Validated };
        self.raise(now);
        let invoice = Box::new(self.clone());
        Ok(InvoiceEvent::Validated { invoice, content: Box::new(content.clone()) })
    }

    /// Pays a part of it, or what is open.
    ///
    /// # Errors
    /// Fails if it is a draft, or if that is more than is open.
    pub fn pay(&mut self, amount: &Money, now: DateTime<Utc>) -> Result<InvoiceEvent, InvoiceError> {
        if self.numbered.is_none() || amount.value() > self.open().value() {
            return Err(InvoiceError::ExceedsOpen { id: self.id, open: self.open() });
        }
        self.paid = self.paid.plus(amount);
        self.settle(now);
        Ok(InvoiceEvent::Settled(Box::new(self.clone())))
    }

    /// Takes off what a credit note gives back.
    ///
    /// # Errors
    /// Fails if it is no invoice or deposit with a number, or if that is more than is open.
    pub fn credit(&mut self, amount: &Money, now: DateTime<Utc>) -> Result<InvoiceEvent, InvoiceError> {
        if !self.is_owed() || amount.value() > self.open().value() {
            return Err(InvoiceError::ExceedsOpen { id: self.id, open: self.open() });
        }
        self.credited = self.credited.plus(amount);
        self.settle(now);
        Ok(InvoiceEvent::Settled(Box::new(self.clone())))
    }

    /// Settles what nobody has to pay, such as what a deposit has paid whole: no payment will come that does. Returns `None` if something is open of it, and for
    /// what no customer owes.
    pub fn settle_at_once(&mut self, now: DateTime<Utc>) -> Option<InvoiceEvent> {
        if !self.is_owed() || !self.open().is_zero() {
            return None;
        }
        self.settle(now);
        Some(InvoiceEvent::Settled(Box::new(self.clone())))
    }

    /// Whether it has a number, and a customer owes it: it is no credit note.
    pub fn is_owed(&self) -> bool {
        self.numbered.is_some() && self.kind != InvoiceKind::CreditNote
    }

    /// # Errors
    /// Fails if it is a draft or a credit note.
    pub fn check_correctable(&self) -> Result<&Numbered, InvoiceError> {
        let refused = InvoiceError::NotCorrectable { id: self.id, kind: self.kind, state: self.state };
        self.numbered.as_ref().filter(|_| self.is_owed()).ok_or(refused)
    }

    /// Takes back what a payment paid, which was reversed.
    ///
    /// # Errors
    /// Fails if so much was never paid.
    pub fn take_back(&mut self, amount: &Money, now: DateTime<Utc>) -> Result<InvoiceEvent, InvoiceError> {
        let paid = self.paid.minus(amount);
        if paid.is_negative() {
            return Err(InvoiceError::ExceedsOpen { id: self.id, open: self.open() });
        }
        self.paid = paid;
        self.settle(now);
        Ok(InvoiceEvent::Settled(Box::new(self.clone())))
    }

    /// Its state follows from what is open.
    fn settle(&mut self, now: DateTime<Utc>) {
        let settled = self.paid.plus(&self.credited);
        self.state = if self.open().is_zero() {
            InvoiceState::Paid
        } else if !settled.is_zero() {
            InvoiceState::PartlyPaid
        } else if self.sent_at.is_some() {
            InvoiceState::Sent
        } else {
            InvoiceState::Validated
        };
        self.raise(now);
    }

    /// # Errors
    /// Fails if it has a number.
    pub fn check_draft(&self, action: &'static str) -> Result<&Draft, InvoiceError> {
        let state = self.state;
        self.draft.as_ref().ok_or(InvoiceError::State { id: self.id, state, action })
    }

    pub(super) fn raise(&mut self, now: DateTime<Utc>) {
        self.version += 1;
        self.updated_at = now;
    }

    pub fn kind(&self) -> InvoiceKind {
        self.kind
    }

    pub fn state(&self) -> InvoiceState {
        self.state
    }

    pub fn customer_id(&self) -> CustomerId {
        self.customer_id
    }

    pub fn numbered(&self) -> Option<&Numbered> {
        self.numbered.as_ref()
    }

    pub fn paid(&self) -> &Money {
        &self.paid
    }

    /// The invoice that a credit note corrects.
    pub fn corrects(&self) -> Option<InvoiceId> {
        self.corrects
    }

    /// What is still to be paid; nothing of a draft.
    pub fn open(&self) -> Money {
        let total = self.numbered.as_ref().map_or_else(Money::zero, |numbered| numbered.gross_total.clone());
        total.minus(&self.paid).minus(&self.credited)
    }
}

fn check(draft: &Draft) -> Result<(), InvoiceError> {
    Draft::check_sizes(draft.lines.len(), draft.adjustments.len()).map_err(InvoiceError::Sizes)?;
    let deposits = check_deposits(draft.deposits.len());
    deposits.map_err(|invalid| InvoiceError::Lines(vec![invalid.at("/deposits")]))
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvoiceError {
    #[error("there is no invoice {0}")]
    NotFound(InvoiceId),
    #[error("invoice {id} is {state} and cannot be {action}: only a draft can")]
    State { id: InvoiceId, state: InvoiceState, action: &'static str },
    #[error("invoice {id} is a draft and cannot be {action}: validate it first")]
    NotValidated { id: InvoiceId, action: &'static str },
    #[error("invoice {0} has a number: it has no draft any more")]
    NoDraft(InvoiceId),
    #[error("{}", .0.message)]
    Sizes(Invalid),
    #[error("the draft {id} is one of a {what}: it is not changed, but deleted and made anew", what = .kind.words())]
    MadeOnce { id: InvoiceId, kind: InvoiceKind },
    #[error("the {what} {id} is {state} and cannot be corrected: a credit note is of an invoice or a deposit that has a number", what = .kind.words())]
    NotCorrectable { id: InvoiceId, kind: InvoiceKind, state: InvoiceState },
    #[error("more is to be given back than is left of the invoice")]
    ExceedsInvoice(Vec<FieldError>),
    #[error("nothing is left of it to be given back")]
    NothingToCredit,
    #[error("deposit {0} is taken off an invoice: give that back first, or delete its draft")]
    DepositTaken(InvoiceId),
    #[error("some deposits are not paid whole, or were credited: they cannot be taken off")]
    DepositNotPaid(Vec<FieldError>),
    #[error(
        "the deposits of an order are at most what it comes to: {available} without VAT is left of order {order}"
    )]
    DepositExceedsOrder { order: OrderId, available: Money },
    #[error("some of what has not left is not there, and cannot be reserved")]
    InsufficientStock(Vec<FieldError>),
    #[error("there is no customer {0}, or it was anonymised")]
    CustomerUnknown(CustomerId),
    #[error("some lines cannot be invoiced like this")]
    Lines(Vec<FieldError>),
    #[error("{open} is open of invoice {id}, and no more can be paid of it")]
    ExceedsOpen { id: InvoiceId, open: Money },
    #[error("more is to be invoiced than can be: it has not left yet, or is invoiced already")]
    ExceedsShipped(Vec<FieldError>),
    #[error("nothing of it has left that is not invoiced yet")]
    NothingToInvoice,
    #[error("the invoice cannot be validated: {} things are missing or wrong", .0.len())]
    Incomplete(Vec<FieldError>),
    #[error("the last invoice of the series {series} is dated {latest}: this one cannot be dated before it")]
    BeforeTheLast { series: SeriesCode, latest: BusinessDate },
}

impl DomainError for InvoiceError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) | Self::NoDraft(_) => Category::NotFound,
            Self::State { .. }
            | Self::NotValidated { .. }
            | Self::MadeOnce { .. }
            | Self::NotCorrectable { .. }
            | Self::ExceedsInvoice(_)
            | Self::NothingToCredit
            | Self::DepositTaken(_)
            | Self::DepositNotPaid(_)
            | Self::DepositExceedsOrder { .. }
            | Self::InsufficientStock(_)
            | Self::ExceedsOpen { .. }
            | Self::ExceedsShipped(_)
            | Self::NothingToInvoice => Category::Conflict,
            _ => Category::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "invoice_not_found",
            Self::NoDraft(_) => "invoice_has_no_draft",
            Self::State { .. } | Self::MadeOnce { .. } | Self::NotCorrectable { .. } => {
                "invoice_state_conflict"
            }
            Self::ExceedsInvoice(_) => "exceeds_invoice",
            Self::NothingToCredit => "nothing_to_credit",
            Self::DepositTaken(_) => "deposit_taken",
            Self::DepositNotPaid(_) => "deposit_not_paid",
            Self::DepositExceedsOrder { .. } => "deposit_exceeds_order",
            Self::InsufficientStock(_) => "insufficient_stock",
            Self::NotValidated { .. } => "invoice_not_validated",
            Self::ExceedsOpen { .. } => "exceeds_open",
            Self::ExceedsShipped(_) => "invoice_exceeds_shipped",
            Self::NothingToInvoice => "nothing_to_invoice",
            Self::Incomplete(_) | Self::BeforeTheLast { .. } => "invoice_incomplete",
            Self::Sizes(_) | Self::CustomerUnknown(_) | Self::Lines(_) => "invalid_invoice",
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        let field = |pointer: &str, code| vec![Invalid::new(code, self.to_string()).at(pointer)];
        match self {
            Self::NotFound(_)
            | Self::NoDraft(_)
            | Self::State { .. }
            | Self::NotValidated { .. }
            | Self::MadeOnce { .. }
            | Self::NotCorrectable { .. }
            | Self::NothingToCredit
            | Self::DepositTaken(_)
            | Self::ExceedsOpen { .. }
            | Self::NothingToInvoice => Vec::new(),
            Self::DepositExceedsOrder { available, .. } => {
                let field = Invalid::new("exceeds_order", self.to_string()).at("/amount");
                vec![FieldError { available: Some(available.to_string().into()), ..field }]
            }
            Self::Sizes(invalid) => vec![invalid.clone().at("/lines")],
            Self::CustomerUnknown(_) => field("/customer_id", "unknown_customer"),
            Self::Lines(faults)
            | Self::ExceedsShipped(faults)
            | Self::ExceedsInvoice(faults)
            | Self::DepositNotPaid(faults)
            | Self::InsufficientStock(faults)
            | Self::Incomplete(faults) => faults.clone(),
            Self::BeforeTheLast { .. } => field("/draft/issue_date", "before_the_last"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::content::tests::content;
    use super::super::draft::tests::{draft, line};
    use super::super::draft::{Correction, WantedCredit};
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 0).expect("a time")
    }

    fn drafted() -> Invoice {
        let lines = vec![line("Tea", "1", "10", "20")];
        Invoice::draft(InvoiceId::generate(), draft(lines), at(0)).expect("valid").0
    }

    fn series() -> SeriesCode {
        SeriesCode::parse("FA").expect("valid")
    }

    #[test]
    fn a_draft_is_changed_and_deleted() {
        let mut invoice = drafted();
        let same = invoice.draft.clone().expect("a draft");
        assert_eq!(invoice.change(same, at(1)), Ok(None));
        let event = invoice.change(draft(vec![line("Pot", "1", "20", "20")]), at(1)).expect("allowed");
        assert_eq!((invoice.version, invoice.updated_at), (2, at(1)));
        assert_eq!(event, Some(InvoiceEvent::DraftChanged(Box::new(invoice.clone()))));
        let Ok(InvoiceEvent::DraftDeleted(deleted)) = invoice.delete(at(2)) else { panic!("not deleted") };
        assert_eq!(deleted.version, 3);
    }

    #[test]
    fn what_has_a_number_is_neither_changed_nor_deleted_nor_validated_again() {
        let mut invoice = drafted();
        let event = invoice.validate(series(), &content("FA-2026-000001"), at(1)).expect("allowed");
        assert!(matches!(event, InvoiceEvent::Validated { .. }));
        assert_eq!(
            (invoice.state, invoice.open().to_string()),
            (InvoiceState::Validated, "12.00".to_owned())
        );
        let refused = invoice.change(draft(vec![line("Pot", "1", "20", "20")]), at(2));
        assert_eq!(refused.map_err(|error| error.code()), Err("invoice_state_conflict"));
        assert!(invoice.validate(series(), &content("FA-2026-000002"), at(2)).is_err());
        assert!(invoice.clone().delete(at(2)).is_err());
        assert_eq!(invoice.version, 2);
    }

    #[test]
    fn the_state_follows_from_what_is_paid() {
        let mut invoice = drafted();
        let money = |text: &str| Money::parse(text).expect("an amount");
        assert!(invoice.pay(&money("0.01"), at(1)).is_err(), "a draft is not paid");
        invoice.validate(series(), &content("FA-2026-000001"), at(1)).expect("allowed");
        let mut seen = Vec::new();
        for amount in ["5", "7"] {
            invoice.pay(&money(amount), at(2)).expect("open");
            seen.push((invoice.state.as_str(), invoice.open().to_string()));
        }
        assert_eq!(seen, [("partly_paid", "7.00".to_owned()), ("paid", "0.00".to_owned())]);
        assert_eq!(invoice.pay(&money("0.01"), at(3)).map_err(|error| error.code()), Err("exceeds_open"));
        invoice.take_back(&money("5"), at(4)).expect("paid");
        assert_eq!(
            (invoice.state, invoice.open().to_string()),
            (InvoiceState::PartlyPaid, "5.00".to_owned())
        );
        invoice.take_back(&money("7"), at(5)).expect("paid");
        assert_eq!((invoice.state, invoice.version), (InvoiceState::Validated, 6));
        assert!(invoice.take_back(&money("0.01"), at(6)).is_err());
    }

    /// A credit note of 12.00, with its number.
    fn credit_note() -> Invoice {
        let mut given = draft(vec![line("Tea", "1", "10", "20")]);
        let (invoice_id, wanted) = (InvoiceId::generate(), WantedCredit::Rest);
        given.correction = Some(Correction { invoice_id, wanted, return_id: None });
        let (mut note, _) = Invoice::draft(InvoiceId::generate(), given, at(0)).expect("valid");
        note.validate(series(), &content("AV-2026-000001"), at(1)).expect("allowed");
        note
    }

    #[test]
    fn a_credit_note_takes_off_an_invoice_and_is_used_up() {
        let (mut invoice, mut note) = (drafted(), credit_note());
        let money = |text: &str| Money::parse(text).expect("an amount");
        assert!(invoice.credit(&money("1"), at(1)).is_err(), "a draft owes nothing");
        invoice.validate(series(), &content("FA-2026-000001"), at(1)).expect("allowed");
        invoice.pay(&money("5"), at(2)).expect("open");
        assert!(invoice.credit(&money("7.01"), at(3)).is_err(), "no more than is open");
        invoice.credit(&money("7"), at(3)).expect("open");
        assert_eq!((invoice.state, invoice.open()), (InvoiceState::Paid, Money::zero()));
        invoice.take_back(&money("5"), at(4)).expect("paid");
        assert_eq!((invoice.state, invoice.open()), (InvoiceState::PartlyPaid, money("5")));

        assert_eq!((note.kind, note.open()), (InvoiceKind::CreditNote, money("12")));
        note.pay(&money("7"), at(2)).expect("left");
        assert_eq!((note.state, note.open()), (InvoiceState::PartlyPaid, money("5")));
        assert!(note.credit(&money("1"), at(3)).is_err(), "a credit note is not credited");
        let refused = note.check_correctable().map_err(|error| error.code());
        assert_eq!(refused, Err("invoice_state_conflict"));
        let changed = draft(vec![line("Pot", "1", "20", "20")]);
        let mut given = draft(vec![line("Tea", "1", "10", "20")]);
        given.deposit_of = Some(OrderId::generate());
        let (mut deposit, _) = Invoice::draft(InvoiceId::generate(), given, at(0)).expect("valid");
        assert_eq!(deposit.kind, InvoiceKind::Prepayment);
        assert_eq!(
            deposit.change(changed, at(1)),
            Err(InvoiceError::MadeOnce { id: deposit.id, kind: deposit.kind })
        );
    }

    #[test]
    fn an_invoice_of_nothing_is_paid() {
        let mut invoice = drafted();
        let mut free = content("FA-2026-000001");
        (free.totals.gross, free.totals.due) = (Money::zero(), Money::zero());
        assert_eq!(invoice.settle_at_once(at(1)), None, "a draft owes nothing yet");
        invoice.validate(series(), &free, at(1)).expect("allowed");
        assert_eq!(invoice.state, InvoiceState::Paid);
        let event = invoice.settle_at_once(at(1)).expect("nothing is open");
        assert_eq!((invoice.state, invoice.version), (InvoiceState::Paid, 3));
        assert_eq!(event, InvoiceEvent::Settled(Box::new(invoice)));
        let mut owed = drafted();
        owed.validate(series(), &content("FA-2026-000002"), at(1)).expect("allowed");
        assert_eq!(owed.settle_at_once(at(1)), None);
        assert_eq!((owed.state, owed.version), (InvoiceState::Validated, 2));
    }

    #[test]
    fn an_invoice_has_lines() {
        let refused = Invoice::draft(InvoiceId::generate(), draft(vec![]), at(0)).expect_err("refused");
        assert_eq!((refused.code(), refused.fields()[0].pointer.as_str()), ("invalid_invoice", "/lines"));
    }
}
