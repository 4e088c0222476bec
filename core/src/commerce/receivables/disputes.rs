//! The commands that begin and end the dispute of an invoice.

use crate::application::aggregate::{LockMode, change};
use crate::application::error::Error;
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::commerce::invoices::{self, DisputeReason, Invoice, InvoiceError, InvoiceSummary};
use crate::values::ids::InvoiceId;

/// Notes why a customer does not pay an invoice. It gets no reminders of it until that is over.
#[derive(Debug)]
pub struct DisputeInvoice {
    pub id: InvoiceId,
    pub expected_version: Option<i64>,
    pub reason: DisputeReason,
}

impl Command for DisputeInvoice {
    type Outcome = InvoiceSummary;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<InvoiceSummary, Error> {
        let invoice = invoices::repository::load(work, self.id, LockMode::Change).await?;
        let reason = self.reason.clone();
        let decide = |invoice: &mut Invoice, now| invoice.dispute(reason, now);
        let invoice = change(work, "invoice.dispute", invoice, self.expected_version, decide).await?;
        Ok(InvoiceSummary::of(&invoice))
    }
}

#[derive(Debug)]
pub struct EndDispute {
    pub id: InvoiceId,
    pub expected_version: Option<i64>,
}

impl Command for EndDispute {
    type Outcome = InvoiceSummary;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<InvoiceSummary, Error> {
        let invoice = invoices::repository::load(work, self.id, LockMode::Change).await?;
        let decide = |invoice: &mut Invoice, now| Ok::<_, InvoiceError>(invoice.end_dispute(now));
        let invoice = change(work, "invoice.end_dispute", invoice, self.expected_version, decide).await?;
        Ok(InvoiceSummary::of(&invoice))
    }
}
