//! What moves of an invoice besides what is paid of it: how the customer got it, whether it is overdue, whether the customer disputes it.

use chrono::{DateTime, Utc};

use super::aggregate::{Invoice, InvoiceError, InvoiceState};
use super::content::InvoiceKind;
use super::events::InvoiceEvent;
use crate::values::business_date::BusinessDate;
use crate::values::channel::Channel;
use crate::values::text::text;

text!(
    /// Why a customer does not pay an invoice.
    DisputeReason, "the reason of a dispute", 500
);

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Moving {
    /// By which channel the customer got it first.
    pub(super) sent_by: Option<Channel>,
    pub(super) dispute: Option<DisputeReason>,
    /// The day on which it was found overdue.
    pub(super) overdue_on: Option<BusinessDate>,
}

impl Invoice {
    /// The customer got it by this channel. Since when it is sent, the first time says.
    ///
    /// # Errors
    /// Fails if it has no number.
    pub(crate) fn hand_over(
        &mut self,
        channel: Channel,
        now: DateTime<Utc>,
    ) -> Result<InvoiceEvent, InvoiceError> {
        self.check_numbered("sent")?;
        if self.sent_at.is_none() {
            self.sent_at = Some(now);
            self.moving.sent_by = Some(channel);
        }
        if self.state == InvoiceState::Validated {
            self.state = InvoiceState::Sent;
        }
        self.raise(now);
        Ok(InvoiceEvent::Sent { invoice: Box::new(self.clone()), channel })
    }

    /// Notes that it is overdue. Returns `None` if it is not, if nothing is open of it, or if that was noted before.
    pub(crate) fn become_overdue(&mut self, today: BusinessDate, now: DateTime<Utc>) -> Option<InvoiceEvent> {
        let due_on = self.numbered.as_ref()?.due_on;
        let is_owed = self.kind != InvoiceKind::CreditNote && !self.open().is_zero();
        if !is_owed || due_on >= today || self.moving.overdue_on.is_some() {
            return None;
        }
        self.moving.overdue_on = Some(today);
        self.raise(now);
        Some(InvoiceEvent::Overdue(Box::new(self.clone())))
    }

    /// Notes why the customer does not pay: it gets no reminders of this invoice. Returns `None` if nothing changes.
    ///
    /// # Errors
    /// Fails if it has no number.
    pub(crate) fn dispute(
        &mut self,
        reason: DisputeReason,
        now: DateTime<Utc>,
    ) -> Result<Option<InvoiceEvent>, InvoiceError> {
        self.check_numbered("disputed")?;
        if self.moving.dispute.as_ref() == Some(&reason) {
            return Ok(None);
        }
        self.moving.dispute = Some(reason);
        self.raise(now);
        Ok(Some(InvoiceEvent::DisputeChanged(Box::new(self.clone()))))
    }

    /// The dispute is over. Returns `None` if there is none.
    pub(crate) fn end_dispute(&mut self, now: DateTime<Utc>) -> Option<InvoiceEvent> {
        self.moving.dispute.take()?;
        self.raise(now);
        Some(InvoiceEvent::DisputeChanged(Box::new(self.clone())))
    }

    /// # Errors
    /// Fails if it has no number.
    pub(crate) fn check_numbered(&self, action: &'static str) -> Result<(), InvoiceError> {
        match self.numbered {
            Some(_) => Ok(()),
            None => Err(InvoiceError::NotValidated { id: self.id, action }),
        }
    }

    pub fn sent_at(&self) -> Option<DateTime<Utc>> {
        self.sent_at
    }

    pub fn overdue_on(&self) -> Option<BusinessDate> {
        self.moving.overdue_on
    }

    pub(crate) fn dispute_reason(&self) -> Option<&DisputeReason> {
        self.moving.dispute.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::super::content::tests::content;
    use super::super::draft::tests::{draft, line};
    use super::*;
    use crate::application::error::DomainError;
    use crate::values::ids::InvoiceId;
    use crate::values::money::Money;
    use crate::values::series::SeriesCode;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 0).expect("a time")
    }

    fn drafted() -> Invoice {
        Invoice::draft(InvoiceId::generate(), draft(vec![line("Tea", "1", "10", "20")]), at(0))
            .expect("valid")
            .0
    }

    /// Of 12.00.
    fn validated() -> Invoice {
        let mut invoice = drafted();
        let series = SeriesCode::parse("FA").expect("valid");
        invoice.validate(series, &content("FA-2026-000001"), at(1)).expect("allowed");
        invoice
    }

    fn after_due(invoice: &Invoice, days: u64) -> BusinessDate {
        let due_on = invoice.numbered().expect("a number").due_on.date();
        BusinessDate::stored(due_on.checked_add_days(chrono::Days::new(days)).expect("a date"))
    }

    #[test]
    fn the_first_channel_says_since_when_it_is_sent() {
        let refused = drafted().hand_over(Channel::Email, at(2)).map_err(|error| error.code());
        assert_eq!(refused, Err("invoice_not_validated"));
        let mut invoice = validated();
        let event = invoice.hand_over(Channel::Email, at(2)).expect("a number");
        let InvoiceEvent::Sent { invoice: sent, channel: Channel::Email } = event else { panic!("not sent") };
        assert_eq!((sent.state(), sent.sent_at()), (InvoiceState::Sent, Some(at(2))));
        invoice.hand_over(Channel::Platform, at(3)).expect("a number");
        assert_eq!((invoice.sent_at, invoice.moving.sent_by), (Some(at(2)), Some(Channel::Email)));
    }

    #[test]
    fn what_is_partly_paid_or_paid_stays_so_when_it_is_sent() {
        let mut invoice = validated();
        for (amount, state) in [("5", InvoiceState::PartlyPaid), ("7", InvoiceState::Paid)] {
            invoice.pay(&Money::parse(amount).expect("an amount"), at(2)).expect("open");
            invoice.hand_over(Channel::Download, at(3)).expect("a number");
            assert_eq!(invoice.state, state);
        }
    }

    #[test]
    fn it_is_overdue_once_from_the_day_after_the_due_date_unless_it_is_paid() {
        let mut invoice = validated();
        assert_eq!(invoice.become_overdue(after_due(&invoice, 0), at(2)), None, "it can be paid all day");
        let next = after_due(&invoice, 1);
        assert!(matches!(invoice.become_overdue(next, at(3)), Some(InvoiceEvent::Overdue(_))));
        assert_eq!(invoice.become_overdue(after_due(&invoice, 2), at(4)), None);
        let mut paid = validated();
        paid.pay(&paid.open(), at(2)).expect("open");
        assert_eq!(paid.become_overdue(after_due(&paid, 9), at(3)), None);
        assert_eq!(drafted().become_overdue(next, at(3)), None);
    }

    #[test]
    fn a_dispute_begins_and_ends() {
        let reason = |text: &str| DisputeReason::parse(text).expect("valid");
        let mut invoice = validated();
        assert_eq!(invoice.end_dispute(at(2)), None);
        assert!(invoice.dispute(reason("broken pot"), at(2)).expect("a number").is_some());
        assert_eq!(invoice.dispute(reason("broken pot"), at(3)), Ok(None));
        assert!(invoice.end_dispute(at(4)).is_some());
        assert_eq!((invoice.dispute_reason(), invoice.version), (None, 4));
        assert!(drafted().dispute(reason("x"), at(2)).is_err());
    }
}
