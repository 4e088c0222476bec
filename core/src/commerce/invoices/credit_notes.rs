//! Credit notes: drafted for an invoice, or made and validated for what came back of an order.

use std::collections::HashMap;

use super::aggregate::{Invoice, InvoiceError};
use super::commands::{created, inserted};
use super::content::InvoiceKind;
use super::credit::{Credit, Original};
use super::draft::{Correction, CreditPart, Draft, InvoiceNote, OrderReference, WantedCredit};
use super::queries::InvoiceView;
use super::validation::{Audit, give_back};
use super::{corrections, deposit_rows, repository};
use crate::application::aggregate::{Aggregate, LockMode};
use crate::application::error::Error;
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::commerce::returns::ReturnError;
use crate::commerce::{customers, orders};
use crate::values::business_date::BusinessDate;
use crate::values::goods::Units;
use crate::values::ids::{InvoiceId, OrderId, ReturnId};
use crate::values::invalid::FieldError;
use crate::values::money::Quantity;

/// Drafts a credit note of an invoice, or of a deposit.
#[derive(Debug)]
pub struct DraftCreditNote {
    /// What it corrects.
    pub id: InvoiceId,
    pub wanted: WantedCredit,
    pub issue_date: Option<BusinessDate>,
    /// Why, for the customer.
    pub note: Option<InvoiceNote>,
}

impl Command for DraftCreditNote {
    type Outcome = InvoiceView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<InvoiceView, Error> {
        // Whose it is never changes once it has a number.
        let seen = repository::look_at(work, self.id).await?;
        seen.check_correctable()?;
        if !customers::repository::hold(work, seen.customer_id()).await? {
            return Err(InvoiceError::CustomerUnknown(seen.customer_id()).into());
        }
        let invoice = repository::load(work, self.id, LockMode::Change).await?;
        let original = corrections::original(work, &invoice).await?;
        let credit = made(original.credit(&self.wanted))?;
        check_deposits(work, &invoice, &credit).await?;
        let correction = Correction { invoice_id: self.id, wanted: self.wanted.clone(), return_id: None };
        let draft = Draft {
            issue_date: self.issue_date,
            note: self.note.clone(),
            ..draft(&invoice, &original, credit, correction)
        };
        created(work, InvoiceId::generate(), draft, &[]).await
    }
}

fn draft(invoice: &Invoice, original: &Original, credit: Credit, correction: Correction) -> Draft {
    let content = &original.content;
    Draft {
        customer_id: invoice.customer_id(),
        issue_date: None,
        due_on: None,
        delivered_on: content.delivery.date,
        language: Some(content.language),
        reference: content.references.buyer_order.clone().map(OrderReference::stored),
        note: None,
        delivery_address: None,
        period: None,
        lines: credit.lines,
        adjustments: credit.adjustments,
        unshipped: false,
        deposits: Vec::new(),
        correction: Some(correction),
        deposit_of: None,
    }
}

/// # Errors
/// `ExceedsInvoice` if more is to be given back than is left, `Lines` if the invoice does not have it, `NothingToCredit` if nothing is left.
pub(super) fn made(credit: Result<Option<Credit>, Vec<FieldError>>) -> Result<Credit, InvoiceError> {
    let refused = |faults: Vec<FieldError>| {
        if faults.iter().all(|fault| fault.code == "exceeds_invoice") {
            InvoiceError::ExceedsInvoice(faults)
        } else {
            InvoiceError::Lines(faults)
        }
    };
    credit.map_err(refused)?.ok_or(InvoiceError::NothingToCredit)
}

/// Locks the orders whose deposits are concerned, or that can be invoiced anew, and checks that a deposit that is to be given back is not taken off an invoice.
///
/// # Errors
/// `DepositTaken` if it is. Fails if the database cannot be reached.
pub(super) async fn check_deposits(
    work: &mut UnitOfWork<'_>,
    original: &Invoice,
    credit: &Credit,
) -> Result<(), Error> {
    let id = original.id();
    let is_deposit = original.kind() == InvoiceKind::Prepayment;
    let mut orders: Vec<OrderId> = credit.moved().into_iter().map(|moved| moved.order_id).collect();
    if credit.gives_deposits_back() {
        orders.extend(deposit_rows::orders_of_taken(work, id).await?);
    }
    if is_deposit {
        // Of which order it is never changes.
        let rows = deposit_rows::find(work, &[id], &[]).await?;
        orders.extend(rows.iter().map(|deposit| deposit.order_id));
    }
    // Together, so that they are locked in their order.
    if !orders.is_empty() {
        orders::repository::lock_several(work, &orders).await?;
    }
    if !is_deposit {
        return Ok(());
    }
    let rows = deposit_rows::find(work, &[id], &[]).await?;
    if rows.iter().any(|deposit| deposit.taken_by.is_some()) {
        Err(InvoiceError::DepositTaken(id).into())
    } else {
        Ok(())
    }
}

/// Makes and validates a credit note for what came back: of one invoice, the oldest of which something of it is to be given back.
#[derive(Debug)]
pub struct CreditReturn {
    pub id: ReturnId,
    /// `None` is today.
    pub issue_date: Option<BusinessDate>,
}

impl Command for CreditReturn {
    type Outcome = InvoiceView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<InvoiceView, Error> {
        let order_id = corrections::order_of_return(work, self.id).await?;
        let order_id = order_id.ok_or(ReturnError::NotFound(self.id))?;
        let customer_id = orders::repository::look(work, order_id).await?.customer_id();
        customers::repository::load(work, customer_id, LockMode::Change).await?;
        let ids = corrections::invoices_of(work, order_id).await?;
        let mut invoices = repository::load_several(work, &ids).await?;
        // The oldest first.
        invoices.sort_by_key(|invoice| ids.iter().position(|id| *id == invoice.id()));
        let order = orders::repository::load(work, order_id).await?;
        let mut originals = Vec::with_capacity(invoices.len());
        for invoice in invoices {
            let original = corrections::original(work, &invoice).await?;
            originals.push((invoice, original));
        }
        let left = corrections::left_of_return(work, self.id).await?;
        let kept = |position: i16| order.line(position).map_or_else(Units::zero, |line| line.returnable());
        let wanted = beyond(
            &left,
            order_id,
            &originals.iter().map(|(_, original)| original).collect::<Vec<_>>(),
            kept,
        );
        let found = originals.into_iter().find_map(|(invoice, original)| {
            let parts = parts(&original, order_id, &wanted);
            (!parts.is_empty()).then_some((invoice, original, parts))
        });
        let (invoice, original, parts) = found.ok_or(InvoiceError::NothingToCredit)?;
        let wanted = WantedCredit::Parts(parts);
        let credit = made(original.credit(&wanted))?;
        let correction = Correction { invoice_id: invoice.id(), wanted, return_id: Some(self.id) };
        let draft =
            Draft { issue_date: self.issue_date, ..draft(&invoice, &original, credit, correction.clone()) };
        let note = inserted(work, InvoiceId::generate(), draft.clone(), &[]).await?;
        let audit = Audit { action: "return.credit", before: None };
        give_back(work, note, draft, &correction, invoice, audit).await
    }
}

/// How much of what came back was invoiced: of each line of the order, what is invoiced beyond what the customer has.
fn beyond(
    left: &[(i16, Units)],
    order_id: OrderId,
    originals: &[&Original],
    kept: impl Fn(i16) -> Units,
) -> HashMap<i16, Units> {
    let invoiced = |position: i16| {
        let of_line = originals.iter().flat_map(|original| original.of_order(order_id, position));
        of_line.fold(Units::zero(), |sum, (_, units)| sum.plus(&units))
    };
    left.iter()
        .map(|(position, units)| (*position, units.at_most(&invoiced(*position).less(&kept(*position)))))
        .collect()
}

/// What of an invoice is to be given back, as far as it goes.
fn parts(original: &Original, order_id: OrderId, wanted: &HashMap<i16, Units>) -> Vec<CreditPart> {
    let mut positions: Vec<_> = wanted.iter().collect();
    positions.sort_by_key(|(position, _)| **position);
    let mut parts = Vec::new();
    for (position, units) in positions {
        let mut missing = units.clone();
        for (line, there) in original.of_order(order_id, *position) {
            let part = missing.at_most(&there);
            if part.is_zero() {
                continue;
            }
            missing = missing.less(&part);
            parts.push(CreditPart::Quantity { line, quantity: Quantity::stored(part.value().clone()) });
        }
    }
    parts
}
