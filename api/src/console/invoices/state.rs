//! The status of an invoice, as the design shows it, and what people call it.

use chrono::NaiveDate;
use comptoir_core::commerce::invoices::{InvoiceKind, InvoiceState, InvoiceSummary};

use crate::console::status::Status;
use crate::console::typography::Word;
use crate::console::words::Invoices;

pub(in crate::console) fn of(invoice: &InvoiceSummary, today: NaiveDate, w: &'static Invoices) -> Status {
    let is_owed = invoice.kind != InvoiceKind::CreditNote && !invoice.open.is_zero();
    let is_late = is_owed && invoice.due_on.is_some_and(|day| day.date() < today);
    match (invoice.state, invoice.kind) {
        (InvoiceState::Draft, _) => Status::draft(w.draft),
        (InvoiceState::Paid, InvoiceKind::CreditNote) => Status::done(w.used),
        (InvoiceState::Paid, _) => Status::done(w.paid),
        _ if invoice.dispute.is_some() => Status::held(w.disputed),
        _ if is_late => Status::late(w.overdue),
        (InvoiceState::PartlyPaid, InvoiceKind::CreditNote) => Status::half(w.partly_used),
        (InvoiceState::PartlyPaid, _) => Status::half(w.partly_paid),
        (InvoiceState::Sent, _) => Status::done(w.sent),
        (InvoiceState::Validated, _) => Status::done(w.validated),
    }
}

pub(super) fn kind(kind: InvoiceKind, w: &'static Invoices) -> Word {
    match kind {
        InvoiceKind::Invoice => w.kind_invoice,
        InvoiceKind::CreditNote => w.kind_credit_note,
        InvoiceKind::Prepayment => w.kind_deposit,
    }
}

/// What people call an invoice: its number, or what it is as long as it has none.
pub(in crate::console) fn number(invoice: &InvoiceSummary, w: &'static Invoices) -> String {
    match (&invoice.number, invoice.kind) {
        (Some(number), _) => number.clone(),
        (None, InvoiceKind::Invoice) => w.draft_invoice.to_string(),
        (None, InvoiceKind::CreditNote) => w.draft_credit_note.to_string(),
        (None, InvoiceKind::Prepayment) => w.draft_deposit.to_string(),
    }
}
