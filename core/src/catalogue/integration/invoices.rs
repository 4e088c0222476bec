//! The integration events of invoices. Nothing is told of drafts.

use serde::Serialize;

use super::{IntegrationEvent, integration_event, payload, time};
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;
use crate::commerce::invoices::content::{Content, Line, VatGroup};
use crate::commerce::invoices::{Invoice, InvoiceEvent, InvoiceKind, InvoiceState};

/// An invoice or a deposit got its number: it is from now on as it is here. Amounts have two decimals.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct InvoiceValidatedV1 {
    invoice_id: String,
    /// `invoice` (380) or `prepayment` (386).
    kind: String,
    number: String,
    customer_id: String,
    /// What the customer calls the order that is invoiced.
    reference: Option<String>,
    /// RFC 3339, full-date.
    issue_date: String,
    /// RFC 3339, full-date.
    due_on: String,
    /// When the goods were delivered, or the service was done: RFC 3339, full-date; null for a deposit.
    delivered_on: Option<String>,
    /// ISO 4217.
    currency: String,
    lines: Vec<InvoicedLineV1>,
    vat: Vec<InvoicedVatV1>,
    net_total: String,
    vat_total: String,
    gross_total: String,
    /// RFC 3339, UTC.
    validated_at: String,
}
payload!(InvoiceValidatedV1, "invoice", "invoice.validated", 1);

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct InvoicedLineV1 {
    sku: Option<String>,
    name: String,
    quantity: String,
    /// UN/ECE recommendation 20 or 21.
    unit: String,
    unit_price: String,
    /// With discounts and charges.
    net: String,
    /// `S`, `Z`, `E`, `AE`, `K`, `G` or `O` (UNTDID 5305).
    vat_category: String,
    /// Percent; null if and only if the category is `O`.
    vat_rate: Option<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct InvoicedVatV1 {
    category: String,
    /// Percent; null if and only if the category is `O`.
    rate: Option<String>,
    base: String,
    tax: String,
}

/// A credit note got its number: it is from now on as it is here. Amounts are above zero, with two decimals.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct CreditNoteIssuedV1 {
    /// Of the credit note.
    invoice_id: String,
    number: String,
    customer_id: String,
    /// The invoice or the deposit that it corrects.
    corrects: Option<String>,
    corrected_number: Option<String>,
    /// RFC 3339, full-date.
    issue_date: String,
    /// ISO 4217.
    currency: String,
    /// With a quantity below zero where a deposit is given back that the invoice had taken off.
    lines: Vec<InvoicedLineV1>,
    vat: Vec<InvoicedVatV1>,
    net_total: String,
    vat_total: String,
    gross_total: String,
    /// RFC 3339, UTC.
    issued_at: String,
}
payload!(CreditNoteIssuedV1, "invoice", "credit_note.issued", 1);

/// Nothing is open of an invoice any more.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct InvoicePaidV1 {
    invoice_id: String,
    number: String,
    customer_id: String,
    gross_total: String,
    /// By payments; the rest by credit notes.
    paid: String,
    /// RFC 3339, UTC.
    paid_at: String,
}
payload!(InvoicePaidV1, "invoice", "invoice.paid", 1);

pub(super) fn translate(event: &InvoiceEvent) -> Result<Option<IntegrationEvent>, Error> {
    match event {
        InvoiceEvent::Validated { invoice, content } => match content.kind {
            InvoiceKind::CreditNote => integration_event(&**invoice, &issued(invoice, content)).map(Some),
            InvoiceKind::Invoice | InvoiceKind::Prepayment => {
                integration_event(&**invoice, &validated(invoice, content)).map(Some)
            }
        },
        // Of a credit note: it pays something now.
        InvoiceEvent::Settled(invoice) if invoice.kind() == InvoiceKind::CreditNote => Ok(None),
        InvoiceEvent::Settled(invoice) if invoice.state() == InvoiceState::Paid => {
            paid(invoice).map(|payload| integration_event(&**invoice, &payload)).transpose()
        }
        InvoiceEvent::Settled(_) => Ok(None),
        InvoiceEvent::Drafted(_) | InvoiceEvent::DraftChanged(_) | InvoiceEvent::DraftDeleted(_) => Ok(None),
    }
}

fn paid(invoice: &Invoice) -> Option<InvoicePaidV1> {
    let numbered = invoice.numbered()?;
    Some(InvoicePaidV1 {
        invoice_id: invoice.id().to_string(),
        number: numbered.number.clone(),
        customer_id: invoice.customer_id().to_string(),
        gross_total: numbered.gross_total.to_string(),
        paid: invoice.paid().to_string(),
        paid_at: time(invoice.updated_at()),
    })
}

fn validated(invoice: &Invoice, content: &Content) -> InvoiceValidatedV1 {
    InvoiceValidatedV1 {
        invoice_id: invoice.id().to_string(),
        kind: content.kind.name().to_owned(),
        number: content.number.clone(),
        customer_id: invoice.customer_id().to_string(),
        reference: content.references.buyer_order.clone(),
        issue_date: content.issue_date.to_string(),
        due_on: content.due_date.to_string(),
        delivered_on: content.delivery.date.map(|date| date.to_string()),
        currency: content.currency.clone(),
        lines: content.lines.iter().map(line).collect(),
        vat: content.vat.iter().map(vat).collect(),
        net_total: content.totals.net.to_string(),
        vat_total: content.totals.vat.to_string(),
        gross_total: content.totals.gross.to_string(),
        validated_at: time(invoice.updated_at()),
    }
}

fn issued(invoice: &Invoice, content: &Content) -> CreditNoteIssuedV1 {
    CreditNoteIssuedV1 {
        invoice_id: invoice.id().to_string(),
        number: content.number.clone(),
        customer_id: invoice.customer_id().to_string(),
        corrects: invoice.corrects().map(|id| id.to_string()),
        corrected_number: content.references.preceding.first().map(|one| one.number.clone()),
        issue_date: content.issue_date.to_string(),
        currency: content.currency.clone(),
        lines: content.lines.iter().map(line).collect(),
        vat: content.vat.iter().map(vat).collect(),
        net_total: content.totals.net.to_string(),
        vat_total: content.totals.vat.to_string(),
        gross_total: content.totals.gross.to_string(),
        issued_at: time(invoice.updated_at()),
    }
}

fn line(line: &Line) -> InvoicedLineV1 {
    InvoicedLineV1 {
        sku: line.sku.clone(),
        name: line.name.clone(),
        quantity: line.quantity.to_string(),
        unit: line.unit.code.clone(),
        unit_price: line.unit_price.to_string(),
        net: line.net.to_string(),
        vat_category: line.vat.category.code().to_owned(),
        vat_rate: line.vat.rate.as_ref().map(ToString::to_string),
    }
}

fn vat(group: &VatGroup) -> InvoicedVatV1 {
    InvoicedVatV1 {
        category: group.vat.category.code().to_owned(),
        rate: group.vat.rate.as_ref().map(ToString::to_string),
        base: group.base.to_string(),
        tax: group.tax.to_string(),
    }
}
