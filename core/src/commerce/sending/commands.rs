//! The commands that send invoices, and those that record what became of them.

use chrono::{DateTime, TimeDelta, Utc};

use super::aggregate::{Sending, SendingError, SendingState};
use super::life_cycle::LifeCycle;
use super::platform::Deposit;
use super::queries::{SendingView, TransmissionView};
use super::repository::{self, NewTransmission};
use crate::accounts::tenants;
use crate::application::aggregate::{Aggregate, LockMode};
use crate::application::error::{Error, check_version};
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::commerce::customers::{self, Customer};
use crate::commerce::invoices::{self, DisputeReason, Invoice, InvoiceSummary};
use crate::mail::{self, Fate, InvoiceMail, Policies};
use crate::values::channel::Channel;
use crate::values::ids::{EmailId, InvoiceId, SendingId, TransmissionId};
use crate::values::text::text;

text!(
    /// What a platform or a person says of a step.
    TransmissionDetail, "the detail of a step", 1000
);

/// A platform's clock may be ahead of ours by so much.
const MAX_AHEAD: TimeDelta = TimeDelta::hours(24);

/// Sends an invoice: by e-mail as soon as its document is there, or to the platform.
#[derive(Debug)]
pub struct SendInvoice {
    pub id: InvoiceId,
    /// `None` stands for the customer's, or for e-mail.
    pub channel: Option<Channel>,
    pub policies: Policies,
}

impl Command for SendInvoice {
    type Outcome = SendingView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<SendingView, Error> {
        let invoice = invoices::repository::load(work, self.id, LockMode::Change).await?;
        invoice.check_numbered("sent")?;
        let customer = customers::repository::look_at(work, invoice.customer_id()).await?;
        let channel = self.channel.or(customer.details().invoicing.channel).unwrap_or(Channel::Email);
        if channel == Channel::Download {
            return Err(SendingError::Downloaded.into());
        }
        let now = work.now();
        let asked_by = work.context().principal.name.clone();
        let mut sending = Sending::ask(self.id, channel, asked_by, now);
        if channel == Channel::Email && repository::has_document(work, self.id).await? {
            queue_email(work, &self.policies, &invoice, &customer, &mut sending).await?;
        }
        repository::insert(work, &sending).await?;
        repository::append(work, &invoice, step(&sending, "asked", None), now).await?;
        let view = SendingView::of(&sending);
        work.audit("invoice.send", (Invoice::NAME, self.id), None, Some(&view))?;
        Ok(view)
    }
}

/// Records that somebody got an invoice otherwise than by us: that it was downloaded.
#[derive(Debug)]
pub struct MarkSent {
    pub id: InvoiceId,
    pub expected_version: Option<i64>,
    pub channel: Channel,
}

impl Command for MarkSent {
    type Outcome = InvoiceSummary;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<InvoiceSummary, Error> {
        let mut invoice = invoices::repository::load(work, self.id, LockMode::Change).await?;
        check_version(self.expected_version, invoice.version())?;
        handed_over(work, &mut invoice, self.channel, None, None).await?;
        Ok(InvoiceSummary::of(&invoice))
    }
}

/// Records what a platform says of an invoice that it was given.
#[derive(Debug)]
pub struct RecordPlatformStatus {
    pub id: InvoiceId,
    pub status: LifeCycle,
    pub detail: Option<TransmissionDetail>,
    /// As the platform says; `None` stands for now.
    pub occurred_at: Option<DateTime<Utc>>,
}

impl Command for RecordPlatformStatus {
    type Outcome = TransmissionView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<TransmissionView, Error> {
        let mut invoice = invoices::repository::load(work, self.id, LockMode::Change).await?;
        if !repository::is_on_platform(work, self.id).await? {
            return Err(SendingError::NotOnPlatform(self.id).into());
        }
        let now = work.now_after(invoice.updated_at());
        if self.occurred_at.is_some_and(|at| at > now + MAX_AHEAD) {
            return Err(SendingError::InTheFuture.into());
        }
        let new = NewTransmission {
            invoice_id: self.id,
            channel: Channel::Platform,
            status: self.status.name(),
            code: Some(self.status.code()),
            detail: self.detail.as_ref().map(ToString::to_string),
            email_id: None,
            occurred_at: self.occurred_at,
        };
        let id = repository::append(work, &invoice, new.clone(), now).await?;
        // Nobody is reminded of what is disputed.
        if self.status == LifeCycle::Disputed && invoice.dispute_reason().is_none() {
            let said = new.detail.as_deref().unwrap_or("the platform says so");
            let reason = DisputeReason::parse(&said.chars().take(DisputeReason::MAX).collect::<String>());
            if let Ok(reason) = reason
                && let Some(event) = invoice.dispute(reason, now)?
            {
                invoice.save(work).await?;
                work.record(event).await?;
            }
        }
        let view = shown(work, id, new, now);
        work.audit("invoice.platform_status", (Invoice::NAME, self.id), None, Some(&view))?;
        Ok(view)
    }
}

fn shown(
    work: &UnitOfWork<'_>,
    id: TransmissionId,
    new: NewTransmission,
    now: DateTime<Utc>,
) -> TransmissionView {
    TransmissionView {
        id: id.uuid(),
        channel: new.channel.name().to_owned(),
        status: new.status.to_owned(),
        code: new.code,
        detail: new.detail,
        email_id: new.email_id.map(EmailId::uuid),
        recorded_by: work.context().principal.name.clone(),
        occurred_at: new.occurred_at.unwrap_or(now),
        recorded_at: now,
    }
}

/// Moves a sending on, as far as that needs no platform. Returns whether it did.
#[derive(Debug)]
pub(super) struct AdvanceSending {
    pub(super) id: SendingId,
    pub(super) policies: Policies,
}

impl Command for AdvanceSending {
    type Outcome = bool;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<bool, Error> {
        let Some((invoice, mut sending)) = locked(work, self.id).await? else { return Ok(false) };
        match (sending.channel, sending.state) {
            (Channel::Email, SendingState::Waiting) => {
                if !repository::has_document(work, sending.invoice_id).await? {
                    return Ok(false);
                }
                let customer = customers::repository::look_at(work, invoice.customer_id()).await?;
                queue_email(work, &self.policies, &invoice, &customer, &mut sending).await?;
                repository::save(work, &sending).await?;
                Ok(true)
            }
            (Channel::Email, SendingState::Queued | SendingState::Failed) => {
                settle_email(work, invoice, sending).await
            }
            _ => Ok(false),
        }
    }
}

/// Reads what is to be given to the platform; `None` if there is nothing to give.
#[derive(Debug)]
pub(super) struct TakeDeposit {
    pub(super) id: SendingId,
}

impl Command for TakeDeposit {
    type Outcome = Option<Deposit>;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<Option<Deposit>, Error> {
        let Some(sending) = repository::find(work, self.id).await? else { return Ok(None) };
        if (sending.channel, sending.state) != (Channel::Platform, SendingState::Waiting) {
            return Ok(None);
        }
        let invoice = invoices::repository::look_at(work, sending.invoice_id).await?;
        let pdf = repository::document(work, sending.invoice_id).await?;
        let (Some(numbered), Some(pdf)) = (invoice.numbered(), pdf) else { return Ok(None) };
        Ok(Some(Deposit { tenant: work.tenant(), number: numbered.number.clone(), pdf }))
    }
}

/// How it went to give an invoice to the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Given {
    /// With what it said.
    Taken(String),
    /// With what is wrong for now.
    NotNow(String),
    /// With what is wrong, until somebody changes it.
    Never(String),
}

/// Writes down how it went to give an invoice to the platform. Returns whether it was still to be given.
#[derive(Debug)]
pub(super) struct NoteDeposit {
    pub(super) id: SendingId,
    pub(super) given: Given,
}

impl Command for NoteDeposit {
    type Outcome = bool;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<bool, Error> {
        let Some((mut invoice, mut sending)) = locked(work, self.id).await? else { return Ok(false) };
        if (sending.channel, sending.state) != (Channel::Platform, SendingState::Waiting) {
            return Ok(false);
        }
        let now = work.now_after(invoice.updated_at());
        let failed = match &self.given {
            Given::Taken(said) => {
                sending.become_state(SendingState::Sent, now);
                repository::save(work, &sending).await?;
                handed_over(work, &mut invoice, Channel::Platform, None, Some(said.clone())).await?;
                return Ok(true);
            }
            Given::NotNow(problem) => (!sending.try_later(now)).then(|| problem.clone()),
            Given::Never(problem) => {
                sending.become_state(SendingState::Failed, now);
                Some(problem.clone())
            }
        };
        repository::save(work, &sending).await?;
        if failed.is_some() {
            repository::append(work, &invoice, step(&sending, "failed", failed), now).await?;
        }
        Ok(true)
    }
}

/// Locks the invoice of a sending, and reads the sending under that lock.
async fn locked(work: &mut UnitOfWork<'_>, id: SendingId) -> Result<Option<(Invoice, Sending)>, Error> {
    let Some(seen) = repository::find(work, id).await? else { return Ok(None) };
    let invoice = invoices::repository::load(work, seen.invoice_id, LockMode::Change).await?;
    let sending = repository::find(work, id).await?;
    Ok(sending.map(|sending| (invoice, sending)))
}

/// Queues the e-mail with the document, which is there.
async fn queue_email(
    work: &mut UnitOfWork<'_>,
    policies: &Policies,
    invoice: &Invoice,
    customer: &Customer,
    sending: &mut Sending,
) -> Result<(), Error> {
    let Some(numbered) = invoice.numbered() else { return Ok(()) };
    let tenant = tenants::repository::look_at(work).await?;
    let details = customer.details();
    let told = InvoiceMail {
        language: details.invoicing.language.unwrap_or(tenant.details().language),
        document: invoice.kind().name().to_owned(),
        number: numbered.number.clone(),
        issue_date: numbered.issue_date.date(),
        due_on: numbered.due_on.date(),
        gross_total: numbered.gross_total.to_string(),
        currency: tenant.currency().code().to_owned(),
    };
    let to = (&details.email, details.name.as_str());
    let email = policies.invoice(work, to, invoice.id(), told).await?;
    sending.queue(email, work.now());
    Ok(())
}

/// Writes down what has become of an e-mail, if the mail server has decided.
async fn settle_email(
    work: &mut UnitOfWork<'_>,
    mut invoice: Invoice,
    mut sending: Sending,
) -> Result<bool, Error> {
    let Some(email) = sending.email_id else { return Ok(false) };
    let now = work.now_after(invoice.updated_at());
    match (mail::fate(work, email).await?, sending.state) {
        (Fate::Accepted(said), _) => {
            sending.become_state(SendingState::Sent, now);
            repository::save(work, &sending).await?;
            handed_over(work, &mut invoice, Channel::Email, Some(email), Some(said)).await?;
            Ok(true)
        }
        (Fate::GivenUp(why), SendingState::Queued) => {
            sending.become_state(SendingState::Failed, now);
            repository::save(work, &sending).await?;
            repository::append(work, &invoice, step(&sending, "failed", Some(why)), now).await?;
            Ok(true)
        }
        (Fate::GivenUp(_) | Fate::Open, _) => Ok(false),
    }
}

/// The customer got an invoice.
async fn handed_over(
    work: &mut UnitOfWork<'_>,
    invoice: &mut Invoice,
    channel: Channel,
    email_id: Option<EmailId>,
    said: Option<String>,
) -> Result<(), Error> {
    let now = work.now_after(invoice.updated_at());
    let before = invoice.audited();
    let event = invoice.hand_over(channel, now)?;
    invoice.save(work).await?;
    let (status, code) = match channel {
        Channel::Platform => (LifeCycle::Deposited.name(), Some(LifeCycle::Deposited.code())),
        Channel::Email | Channel::Download => ("sent", None),
    };
    let invoice_id = invoice.id();
    let new =
        NewTransmission { invoice_id, channel, status, code, detail: said, email_id, occurred_at: None };
    repository::append(work, invoice, new, now).await?;
    work.record(event).await?;
    work.audit("invoice.sent", (Invoice::NAME, invoice_id), Some(&before), Some(&invoice.audited()))
}

fn step(sending: &Sending, status: &'static str, detail: Option<String>) -> NewTransmission {
    NewTransmission {
        invoice_id: sending.invoice_id,
        channel: sending.channel,
        status,
        code: None,
        detail,
        email_id: sending.email_id,
        occurred_at: None,
    }
}
