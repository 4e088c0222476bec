//! Gives invoices, credit notes and deposits their numbers: everything that can refuse is asked first, then what is frozen is written.

use chrono::{DateTime, Utc};

use super::aggregate::{Invoice, InvoiceError};
use super::chain::LinkKind;
use super::claims::{self, Extent};
use super::commands::{buyer, seller};
use super::compose::{Composed, Named, compose};
use super::content::Content;
use super::credit::{self, Original};
use super::credit_notes::{self, made};
use super::draft::{Correction, Draft};
use super::events::InvoiceEvent;
use super::queries::{InvoiceAudited, InvoiceView};
use super::shipped::claim;
use super::{corrections, deposit_rows, deposits, repository};
use crate::accounts::tenants::{self, Tenant};
use crate::application::aggregate::{Aggregate, LockMode};
use crate::application::error::{Error, check_version};
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::commerce::credit::Reopens;
use crate::commerce::credit::repository::count_to_invoice;
use crate::commerce::customers::{self, Customer};
use crate::commerce::payments::Allocation;
use crate::values::business_date::BusinessDate;
use crate::values::ids::{InvoiceId, OrderId};
use crate::values::invalid::FieldError;
use crate::values::money::Money;
use crate::values::series::SeriesCode;

/// Gives an invoice its number, and freezes what it says.
#[derive(Debug)]
pub struct ValidateInvoice {
    pub id: InvoiceId,
    pub expected_version: Option<i64>,
}

impl Command for ValidateInvoice {
    type Outcome = InvoiceView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<InvoiceView, Error> {
        // What is locked before it or together with it follows from its draft: read without a lock, locked in order, and looked at again.
        let seen = repository::look_at(work, self.id).await?;
        check_version(self.expected_version, seen.version())?;
        let draft = seen.check_draft("validated")?.clone();
        if draft.correction.is_some() {
            // What it gives back pays invoices of the customer.
            customers::repository::load(work, draft.customer_id, LockMode::Change).await?;
        }
        let named =
            draft.correction.as_ref().map_or_else(|| draft.deposits.clone(), |of| vec![of.invoice_id]);
        let (invoice, others) = repository::load_with(work, self.id, &named).await?;
        if invoice.version() != seen.version() {
            return Err(Error::Overtaken);
        }
        let before = invoice.audited();
        let audit = Audit { action: "invoice.validate", before: Some(before) };
        match draft.correction.clone() {
            Some(correction) => {
                let original =
                    others.into_iter().next().ok_or(InvoiceError::NotFound(correction.invoice_id))?;
                give_back(work, invoice, draft, &correction, original, audit).await
            }
            None => invoiced(work, invoice, draft, &others, audit).await,
        }
    }
}

/// What the audit trail is to say of it.
pub(super) struct Audit {
    pub(super) action: &'static str,
    pub(super) before: Option<InvoiceAudited>,
}

/// Validates an invoice or a deposit. It is locked, and so are the deposits that it takes off.
async fn invoiced(
    work: &mut UnitOfWork<'_>,
    invoice: Invoice,
    mut draft: Draft,
    deposits: &[Invoice],
    audit: Audit,
) -> Result<InvoiceView, Error> {
    let extent = if draft.unshipped { Extent::Reserved } else { Extent::Left };
    // Once more: goods may have come back, or a payment been reversed.
    let claims = claims::claims(&draft);
    claim(work, invoice.id(), &draft, &claims, extent).await.map_err(of_draft)?;
    if let Some(order_id) = draft.deposit_of {
        deposits::check_order(work, invoice.id(), order_id).await?;
    }
    let parties = Parties::look_at(work, &draft).await?;
    let language = draft
        .language
        .or(parties.customer.details().invoicing.language)
        .unwrap_or(parties.tenant.details().language);
    let mut named = Named { leaves_from: repository::leaves_from(work, &draft).await?, ..Named::default() };
    for id in &draft.deposits {
        let deposit = deposits.iter().find(|one| one.id() == *id).ok_or(InvoiceError::NotFound(*id))?;
        let original = corrections::original(work, deposit).await?;
        named.preceding.push(original.preceding());
        draft.lines.extend(credit::taking_off(&original, language));
    }
    let now = work.now_after(invoice.updated_at());
    let composed = parties.compose(&draft, &named, now)?;
    let series = parties.tenant.details().invoicing.series.clone();
    let dates_in_order = parties.tenant.details().invoicing.dates_in_order;
    ask(work, &composed, &series).await?;
    let orders = claims::orders_of(&claims);
    count_to_invoice(work, &orders, &claims::moved(&claims), Reopens::No).await?;
    let (mut invoice, content) =
        number(work, invoice, &draft, &composed, (&series, dates_in_order), now).await?;
    if let Some(settled) = invoice.settle_at_once(now) {
        invoice.save(work).await?;
        work.record(settled).await?;
    }
    work.audit(audit.action, (Invoice::NAME, invoice.id()), audit.before.as_ref(), Some(&invoice.audited()))?;
    Ok(InvoiceView::validated(&invoice, content, &draft))
}

/// The seller and the customer as they are now: what the document says of them is frozen with it.
struct Parties {
    tenant: Tenant,
    customer: Customer,
}

impl Parties {
    async fn look_at(work: &mut UnitOfWork<'_>, draft: &Draft) -> Result<Self, Error> {
        let tenant = tenants::repository::look_at(work).await?;
        let customer = customers::repository::look_at(work, draft.customer_id).await?;
        Ok(Self { tenant, customer })
    }

    fn compose(&self, draft: &Draft, named: &Named, now: DateTime<Utc>) -> Result<Composed, InvoiceError> {
        let today = BusinessDate::stored(self.tenant.details().time_zone.date_of(now));
        let composed = compose(draft, &seller(&self.tenant), &buyer(&self.customer), today, named);
        // The number has the year, and stays: a mistyped one is found before. What is after today is found already.
        let too_old = draft.issue_date.filter(|on| *on <= today).and_then(|on| on.check(now).err());
        match (composed, too_old.map(|invalid| invalid.at("/draft/issue_date"))) {
            (Ok(composed), None) => Ok(composed),
            (Ok(_), Some(fault)) => Err(InvoiceError::Incomplete(vec![fault])),
            (Err(faults), fault) => Err(InvoiceError::Incomplete(faults.into_iter().chain(fault).collect())),
        }
    }
}

/// Whoever has a reason to refuse it does so now: before anything is locked that others wait for. Whatever the number will be, no document is refused for it.
async fn ask(work: &mut UnitOfWork<'_>, composed: &Composed, series: &SeriesCode) -> Result<(), Error> {
    let longest = series.number(composed.issue_date().year(), i64::MAX);
    work.record(InvoiceEvent::Composed(Box::new(composed.numbered(&longest)))).await
}

/// Draws the number and writes what is frozen. Last, because everybody who validates an invoice of the series waits here, and because nothing may refuse what
/// has a number.
async fn number(
    work: &mut UnitOfWork<'_>,
    mut invoice: Invoice,
    draft: &Draft,
    composed: &Composed,
    (series, dates_in_order): (&SeriesCode, bool),
    now: DateTime<Utc>,
) -> Result<(Invoice, Content), Error> {
    let issue_date = composed.issue_date();
    let position = repository::draw(work, series, issue_date, dates_in_order).await?;
    let content = composed.numbered(&series.number(issue_date.year(), position));
    repository::freeze(work, invoice.id(), (series, position), draft, &composed.whys, &content, now).await?;
    let event = invoice.validate(series.clone(), &content, now)?;
    invoice.save(work).await?;
    work.record(event).await?;
    Ok((invoice, content))
}

/// A refusal with pointers into the draft: whoever validates sends none.
fn of_draft(error: Error) -> Error {
    let moved = |faults: &[FieldError]| {
        let one =
            |fault: &FieldError| FieldError { pointer: format!("/draft{}", fault.pointer), ..fault.clone() };
        faults.iter().map(one).collect::<Vec<_>>()
    };
    let refusal = match error.refusal() {
        Some(InvoiceError::ExceedsShipped(faults)) => Some(InvoiceError::ExceedsShipped(moved(faults))),
        Some(InvoiceError::InsufficientStock(faults)) => Some(InvoiceError::InsufficientStock(moved(faults))),
        Some(InvoiceError::DepositNotPaid(faults)) => Some(InvoiceError::DepositNotPaid(moved(faults))),
        Some(InvoiceError::Lines(faults)) => Some(InvoiceError::Lines(moved(faults))),
        _ => None,
    };
    refusal.map_or(error, Error::from)
}

/// Validates a credit note, which pays what it corrects as far as that is open. Both are locked, and so is their customer.
pub(super) async fn give_back(
    work: &mut UnitOfWork<'_>,
    invoice: Invoice,
    draft: Draft,
    correction: &Correction,
    mut original: Invoice,
    audit: Audit,
) -> Result<InvoiceView, Error> {
    let known = corrections::original(work, &original).await?;
    let credit = made(known.credit(&correction.wanted))?;
    credit_notes::check_deposits(work, &original, &credit).await?;
    let gives_deposits_back = credit.gives_deposits_back();
    let draft = Draft { lines: credit.lines.clone(), adjustments: credit.adjustments.clone(), ..draft };
    let named = named_by(&known);
    let parties = Parties::look_at(work, &draft).await?;
    let now = work.now_after(invoice.updated_at().max(original.updated_at()));
    let composed = parties.compose(&draft, &named, now)?;
    let invoicing = &parties.tenant.details().invoicing;
    let (series, of_original) = (&invoicing.credit_note_series, original.check_correctable()?.series.clone());
    let (id, original_id) = (invoice.id(), original.id());
    let pays = smaller(&composed.content().totals.gross, &original.open());
    ask(work, &composed, series).await?;
    let moved = credit.moved();
    let mut orders: Vec<OrderId> = moved.iter().map(|one| one.order_id).collect();
    orders.sort_unstable();
    orders.dedup();
    count_to_invoice(work, &orders, &moved, Reopens::Yes).await?;
    // Heads of series are locked in the order of their codes.
    let is_first = of_original < *series;
    if is_first {
        link(work, &of_original, id, original_id, &pays, now).await?;
    }
    let dated = (series, invoicing.dates_in_order);
    let (mut invoice, content) = number(work, invoice, &draft, &composed, dated, now).await?;
    corrections::insert(work, id, original_id, correction.return_id, &credit.entries).await?;
    if gives_deposits_back {
        deposit_rows::give_back(work, original_id).await?;
    }
    if !is_first {
        link(work, &of_original, id, original_id, &pays, now).await?;
    }
    if !pays.is_zero() {
        corrections::allocate(work, id, &[(original_id, &pays)], now).await?;
        let used = invoice.pay(&pays, now)?;
        invoice.save(work).await?;
        work.record(used).await?;
        let credited = original.credit(&pays, now)?;
        original.save(work).await?;
        work.record(credited).await?;
    }
    work.audit(audit.action, (Invoice::NAME, id), audit.before.as_ref(), Some(&invoice.audited()))?;
    Ok(InvoiceView::validated(&invoice, content, &draft))
}

fn named_by(original: &Original) -> Named {
    let delivery = Some(original.content.delivery.clone());
    Named { preceding: vec![original.preceding()], delivery, ..Named::default() }
}

fn smaller(one: &Money, other: &Money) -> Money {
    if one.value() <= other.value() { one.clone() } else { other.clone() }
}

/// Appends what a credit note pays to the chain of that invoice's series.
async fn link(
    work: &mut UnitOfWork<'_>,
    series: &SeriesCode,
    id: InvoiceId,
    invoice_id: InvoiceId,
    amount: &Money,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if amount.is_zero() {
        return Ok(());
    }
    let pays = [Allocation { invoice_id, amount: amount.clone() }];
    let text = serde_json::to_string(&pays)
        .map_err(|cause| Error::Serialize { what: "what a credit note pays", cause })?;
    repository::link(work, series, LinkKind::Credit, id.uuid(), &text, now).await
}
