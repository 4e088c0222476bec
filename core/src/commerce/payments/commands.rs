//! The commands on payments. Whoever spreads money of a customer over invoices locks the customer first: of two at once, the second sees what the first has paid.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::aggregate::{
    Allocation, NewPayment, Payment, PaymentError, PaymentMethod, PaymentReason, PaymentReference,
};
use super::allocation::{Open, Spread, Wanted, spread};
use super::queries::{BalanceView, PaymentView};
use super::{queries, repository};
use crate::accounts::tenants;
use crate::application::aggregate::{Aggregate, LockMode};
use crate::application::error::Error;
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::commerce::customers::{self, CustomerError};
use crate::commerce::invoices::chain::LinkKind;
use crate::commerce::invoices::{self, Invoice, InvoiceError, InvoiceEvent, InvoiceKind};
use crate::values::business_date::BusinessDate;
use crate::values::ids::{CustomerId, InvoiceId, PaymentId};
use crate::values::money::Money;
use crate::values::series::SeriesCode;

/// The maximum number of invoices that one payment pays: they are locked together.
pub const MAX_INVOICES: usize = 500;
/// The same for the payments whose rests are used together.
const MAX_CREDITS: i64 = 500;

#[derive(Debug)]
pub struct RecordPayment {
    pub customer_id: CustomerId,
    pub method: PaymentMethod,
    /// `None` stands for today, in the company's time zone.
    pub received_on: Option<BusinessDate>,
    /// More than zero.
    pub amount: Money,
    pub reference: Option<PaymentReference>,
    pub wanted: Wanted,
}

impl Command for RecordPayment {
    type Outcome = PaymentView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<PaymentView, Error> {
        lock_customer(work, self.customer_id).await?;
        let now = work.now();
        let received_on = match self.received_on {
            Some(day) => day,
            // VAT on payments, entries and statements count it on that day, as they count reversals where the company is.
            None => tenants::repository::today(work).await?,
        };
        received_on.check(now).map_err(PaymentError::ReceivedOn)?;
        let mut paid = Paid::lock(work, self.customer_id, &self.wanted, &[]).await?;
        let spread = spread(&self.amount, &self.wanted, &paid.open()).map_err(PaymentError::Spread)?;
        let new = NewPayment {
            customer_id: self.customer_id,
            method: self.method,
            received_on,
            amount: self.amount.clone(),
            reference: self.reference.clone(),
            created_by: work.context().principal.name.clone(),
        };
        let (payment, event) = Payment::receive(PaymentId::generate(), new, &spread, now);
        repository::insert(work, &payment).await?;
        repository::keep_rest(work, &payment, &spread.rest).await?;
        work.record(event).await?;
        paid.apply(work, payment.allocations(), now).await?;
        let one = Use::new(LinkKind::Payment, payment.id().uuid(), payment.allocations(), &payment)?;
        paid.link(work, &[one], now).await?;
        let view = PaymentView::of(&payment, &spread.rest);
        work.audit("payment.record", ("payment", payment.id()), None, Some(&view))?;
        Ok(view)
    }
}

/// Undoes a payment with all that it pays, by another one.
#[derive(Debug)]
pub struct ReversePayment {
    pub id: PaymentId,
    pub reason: PaymentReason,
}

impl Command for ReversePayment {
    type Outcome = PaymentView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<PaymentView, Error> {
        // Whose it is never changes; what it pays is read again under the lock.
        let customer_id = repository::look_at(work, self.id).await?.customer_id();
        lock_customer(work, customer_id).await?;
        let payment = repository::look_at(work, self.id).await?;
        if repository::is_reversed(work, self.id).await? {
            return Err(PaymentError::Reversed(self.id).into());
        }
        let now = work.now_after(payment.created_at());
        let created_by = work.context().principal.name.clone();
        let (reversal, event) =
            payment.reverse(PaymentId::generate(), self.reason.clone(), created_by, now)?;
        let ids: Vec<InvoiceId> = payment.allocations().iter().map(|one| one.invoice_id).collect();
        let mut paid = Paid { invoices: invoices::repository::load_several(work, &ids).await? };
        repository::insert(work, &reversal).await?;
        repository::lower_rest(work, payment.id(), &Money::zero()).await?;
        work.record(event).await?;
        paid.apply(work, reversal.allocations(), now).await?;
        let one = Use::new(LinkKind::Reversal, reversal.id().uuid(), reversal.allocations(), &reversal)?;
        paid.link(work, &[one], now).await?;
        let view = PaymentView::of(&reversal, &Money::zero());
        work.audit("payment.reverse", ("payment", reversal.id()), None, Some(&view))?;
        Ok(view)
    }
}

/// Pays invoices with what earlier payments and credit notes have left, the oldest first.
#[derive(Debug)]
pub struct UseCredit {
    pub customer_id: CustomerId,
    pub wanted: Wanted,
}

impl Command for UseCredit {
    type Outcome = BalanceView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<BalanceView, Error> {
        customers::repository::load(work, self.customer_id, LockMode::Change).await?;
        let now = work.now();
        let credits = credits(work, self.customer_id).await?;
        let total: Money = credits.iter().map(|(_, rest)| rest).sum();
        if total.is_zero() {
            return Err(PaymentError::NoCredit.into());
        }
        let before = queries::balance_in(work, self.customer_id).await?;
        let notes: Vec<InvoiceId> = credits.iter().filter_map(|(source, _)| source.credit_note()).collect();
        let mut paid = Paid::lock(work, self.customer_id, &self.wanted, &notes).await?;
        let spread = spread(&total, &self.wanted, &paid.open()).map_err(PaymentError::Spread)?;
        let shares = shared(&credits, spread);
        for (source, allocations, rest) in &shares {
            match source {
                Source::Payment(id) => {
                    repository::allocate(work, *id, allocations, now).await?;
                    repository::lower_rest(work, *id, rest).await?;
                    paid.apply(work, allocations, now).await?;
                }
                Source::CreditNote(id) => paid.credit(work, *id, allocations, now).await?,
            }
        }
        let uses: Result<Vec<_>, _> =
            shares.iter().map(|(source, allocations, _)| source.used(allocations)).collect();
        paid.link(work, &uses?, now).await?;
        let balance = queries::balance_in(work, self.customer_id).await?;
        work.audit("customer.use_credit", ("customer", self.customer_id), Some(&before), Some(&balance))?;
        Ok(balance)
    }
}

/// What has something left that pays nothing yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Payment(PaymentId),
    CreditNote(InvoiceId),
}

impl Source {
    fn credit_note(self) -> Option<InvoiceId> {
        match self {
            Self::Payment(_) => None,
            Self::CreditNote(id) => Some(id),
        }
    }

    fn used(self, allocations: &[Allocation]) -> Result<Use<'_>, Error> {
        match self {
            Self::Payment(id) => Use::new(LinkKind::Payment, id.uuid(), allocations, &allocations),
            Self::CreditNote(id) => Use::new(LinkKind::Credit, id.uuid(), allocations, &allocations),
        }
    }
}

/// What payments and credit notes of a customer have left, the oldest first. The customer is locked.
async fn credits(work: &mut UnitOfWork<'_>, customer: CustomerId) -> Result<Vec<(Source, Money)>, Error> {
    let payments = repository::credits(work, customer, MAX_CREDITS).await?;
    let notes = invoices::corrections::open_credits(work, customer, MAX_CREDITS).await?;
    let payments = payments.into_iter().map(|(day, id, rest)| (day, Source::Payment(id), rest));
    let notes = notes.into_iter().map(|(day, id, rest)| (day, Source::CreditNote(id), rest));
    let mut all: Vec<_> = payments.chain(notes).collect();
    all.sort_by_key(|(day, source, _)| (*day, *source));
    all.truncate(usize::try_from(MAX_CREDITS).unwrap_or(usize::MAX));
    Ok(all.into_iter().map(|(_, source, rest)| (source, rest)).collect())
}

/// Gives what is to be paid to what has something left, the oldest first: which pays what, and what is left of it then.
fn shared(credits: &[(Source, Money)], spread: Spread) -> Vec<(Source, Vec<Allocation>, Money)> {
    let mut parts = spread.parts.into_iter();
    let mut current = parts.next();
    let mut shares = Vec::new();
    for (id, rest) in credits {
        let mut left = rest.clone();
        let mut allocations = Vec::new();
        while let Some((invoice_id, wanted)) = current.take() {
            if left.is_zero() {
                current = Some((invoice_id, wanted));
                break;
            }
            let amount = if wanted.value() <= left.value() { wanted.clone() } else { left.clone() };
            left = left.minus(&amount);
            let missing = wanted.minus(&amount);
            allocations.push(Allocation { invoice_id, amount });
            current = if missing.is_zero() { parts.next() } else { Some((invoice_id, missing)) };
        }
        if !allocations.is_empty() {
            shares.push((*id, allocations, left));
        }
    }
    shares
}

/// Locks the customer whose money it is.
async fn lock_customer(work: &mut UnitOfWork<'_>, id: CustomerId) -> Result<(), Error> {
    match customers::repository::load(work, id, LockMode::Change).await {
        Ok(customer) if customer.is_anonymised() => Err(PaymentError::CustomerUnknown(id).into()),
        Ok(_) => Ok(()),
        Err(error) if matches!(error.refusal(), Some(CustomerError::NotFound(_))) => {
            Err(PaymentError::CustomerUnknown(id).into())
        }
        Err(error) => Err(error),
    }
}

/// The invoices that are paid and the credit notes that pay them, locked.
struct Paid {
    invoices: Vec<Invoice>,
}

impl Paid {
    async fn lock(
        work: &mut UnitOfWork<'_>,
        customer: CustomerId,
        wanted: &Wanted,
        credit_notes: &[InvoiceId],
    ) -> Result<Self, Error> {
        let mut ids: Vec<InvoiceId> = match wanted {
            Wanted::Named(named) => named.iter().map(|(id, _)| *id).collect(),
            Wanted::Oldest => {
                let most = i64::try_from(MAX_INVOICES).unwrap_or(i64::MAX);
                invoices::repository::open_of(work, customer, most).await?
            }
        };
        ids.extend(credit_notes);
        let found = invoices::repository::load_several(work, &ids).await?;
        let of_customer = |invoice: &Invoice| invoice.customer_id() == customer;
        Ok(Self { invoices: found.into_iter().filter(of_customer).collect() })
    }

    /// What can be paid of them.
    fn open(&self) -> Vec<Open> {
        let is_paid =
            |invoice: &&Invoice| invoice.kind() != InvoiceKind::CreditNote && !invoice.open().is_zero();
        let open = |invoice: &Invoice| {
            Some(Open { invoice_id: invoice.id(), due_on: invoice.numbered()?.due_on, open: invoice.open() })
        };
        self.invoices.iter().filter(is_paid).filter_map(open).collect()
    }

    async fn apply(
        &mut self,
        work: &mut UnitOfWork<'_>,
        allocations: &[Allocation],
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        for Allocation { invoice_id, amount } in allocations {
            let invoice = self.invoices.iter_mut().find(|invoice| invoice.id() == *invoice_id);
            let invoice = invoice.ok_or(InvoiceError::NotFound(*invoice_id))?;
            // The clocks of two replicas may differ.
            let now = now.max(invoice.updated_at());
            let event: InvoiceEvent = if amount.is_negative() {
                invoice.take_back(&amount.negated(), now)?
            } else {
                invoice.pay(amount, now)?
            };
            invoice.save(work).await?;
            work.record(event).await?;
        }
        Ok(())
    }

    /// Has a credit note pay invoices.
    async fn credit(
        &mut self,
        work: &mut UnitOfWork<'_>,
        id: InvoiceId,
        allocations: &[Allocation],
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let pays: Vec<_> = allocations.iter().map(|one| (one.invoice_id, &one.amount)).collect();
        invoices::corrections::allocate(work, id, &pays, now).await?;
        let used: Money = allocations.iter().map(|one| &one.amount).sum();
        let note = self.invoices.iter_mut().find(|invoice| invoice.id() == id);
        let note = note.ok_or(InvoiceError::NotFound(id))?;
        let at = now.max(note.updated_at());
        let event = note.pay(&used, at)?;
        note.save(work).await?;
        work.record(event).await?;
        for Allocation { invoice_id, amount } in allocations {
            let invoice = self.invoices.iter_mut().find(|invoice| invoice.id() == *invoice_id);
            let invoice = invoice.ok_or(InvoiceError::NotFound(*invoice_id))?;
            let at = now.max(invoice.updated_at());
            let event = invoice.credit(amount, at)?;
            invoice.save(work).await?;
            work.record(event).await?;
        }
        Ok(())
    }

    /// Appends a link for each use to the chain of each series of which it pays an invoice; where it pays none, to that of the company's invoices. The series are locked in
    /// the order of their codes.
    async fn link(
        &self,
        work: &mut UnitOfWork<'_>,
        uses: &[Use<'_>],
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let series_of = |id: InvoiceId| {
            let invoice = self.invoices.iter().find(|invoice| invoice.id() == id)?;
            Some(invoice.numbered()?.series.clone())
        };
        let mut links: Vec<(SeriesCode, &Use<'_>)> = Vec::new();
        for one in uses {
            let paid = one.allocations.iter().filter_map(|allocation| series_of(allocation.invoice_id));
            let mut series: BTreeSet<SeriesCode> = paid.collect();
            if series.is_empty() {
                let tenant = tenants::repository::look_at(work).await?;
                series.insert(tenant.details().invoicing.series.clone());
            }
            links.extend(series.into_iter().map(|code| (code, one)));
        }
        links.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (code, one) in links {
            invoices::repository::link(work, &code, one.kind, one.id, &one.text, now).await?;
        }
        Ok(())
    }
}

/// What of a payment or a credit note pays something now.
struct Use<'a> {
    kind: LinkKind,
    id: Uuid,
    allocations: &'a [Allocation],
    /// What the link's digest is of.
    text: String,
}

impl<'a> Use<'a> {
    fn new<T: Serialize>(
        kind: LinkKind,
        id: Uuid,
        allocations: &'a [Allocation],
        what: &T,
    ) -> Result<Self, Error> {
        let text =
            serde_json::to_string(what).map_err(|cause| Error::Serialize { what: "a payment", cause })?;
        Ok(Self { kind, id, allocations, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_are_used_up_one_after_the_other() {
        let money = |text: &str| Money::parse(text).expect("an amount");
        let payment = |number: u128| Source::Payment(PaymentId::from_uuid(Uuid::from_u128(number)));
        let note = |number: u128| Source::CreditNote(InvoiceId::from_uuid(Uuid::from_u128(number)));
        let invoice = |number: u128| InvoiceId::from_uuid(Uuid::from_u128(number));
        let credits = [(payment(1), money("5")), (note(2), money("10")), (payment(3), money("4"))];
        let parts = vec![(invoice(1), money("3")), (invoice(2), money("9"))];
        let shares = shared(&credits, Spread { parts, rest: money("7") });
        let found: Vec<_> = shares
            .iter()
            .map(|(source, allocations, rest)| {
                let paid = allocations
                    .iter()
                    .map(|one| format!("{}:{}", one.invoice_id.uuid().as_u128(), one.amount));
                (*source, paid.collect::<Vec<_>>().join(" "), rest.to_string())
            })
            .collect();
        let expected = [(payment(1), "1:3.00 2:2.00", "0.00"), (note(2), "2:7.00", "3.00")];
        assert_eq!(found, expected.map(|(source, paid, rest)| (source, paid.to_owned(), rest.to_owned())));
    }
}
