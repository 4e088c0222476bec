//! The integration events of invoices. Nothing is told of drafts.

use serde::Serialize;

use super::{IntegrationEvent, event_of, integration_event, payload, time};
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;
use crate::commerce::documents::{FileFacts, ReadyDocument};
use crate::commerce::invoices::content::{Content, Line, VatGroup};
use crate::commerce::invoices::{Invoice, InvoiceEvent, InvoiceKind, InvoiceState};
use crate::values::channel::Channel;

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
    /// When the goods were delivered, or the service was done: RFC 3339, full-date; null for a deposit, and for what had not left when it was invoiced.
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
    /// `invoice` or `prepayment`: a credit note of a deposit takes off no sale.
    corrected_kind: Option<String>,
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

/// The document of an invoice was made, once, and can be fetched: `GET /api/v1/invoices/{id}/pdf` and `…/xml`. It is an aggregate of its own, with the id of its
/// invoice, and has one version: the events of the invoice itself may arrive later.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct InvoiceDocumentReadyV1 {
    invoice_id: String,
    number: String,
    customer_id: String,
    /// A4 pages.
    pages: i32,
    /// PDF/A-3 with the XML in it.
    pdf: DocumentFileV1,
    /// Factur-X, profile EN 16931.
    xml: DocumentFileV1,
    /// RFC 3339, UTC.
    rendered_at: String,
}
payload!(InvoiceDocumentReadyV1, "invoice_document", "invoice.document_ready", 1);

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct DocumentFileV1 {
    /// In hexadecimal digits.
    sha256: String,
    bytes: u64,
}

/// The customer got an invoice: the mail server or the platform took it, or somebody downloaded it. Again each time that it is sent again.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct InvoiceSentV1 {
    invoice_id: String,
    number: String,
    customer_id: String,
    /// `email`, `download` or `platform`.
    channel: String,
    /// RFC 3339, UTC.
    sent_at: String,
}
payload!(InvoiceSentV1, "invoice", "invoice.sent", 1);

/// An invoice was not paid by its due date. Once, however long it takes then.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct InvoiceOverdueV1 {
    invoice_id: String,
    number: String,
    customer_id: String,
    /// RFC 3339, full-date.
    due_on: String,
    /// The first day on which it was found so, in the company's time zone: RFC 3339, full-date.
    overdue_on: String,
    gross_total: String,
    /// What is still to be paid.
    open: String,
    /// RFC 3339, UTC.
    noted_at: String,
}
payload!(InvoiceOverdueV1, "invoice", "invoice.overdue", 1);

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
        InvoiceEvent::Settled(_) | InvoiceEvent::DisputeChanged(_) => Ok(None),
        InvoiceEvent::Sent { invoice, channel } => {
            sent(invoice, *channel).map(|payload| integration_event(&**invoice, &payload)).transpose()
        }
        InvoiceEvent::Overdue(invoice) => {
            overdue(invoice).map(|payload| integration_event(&**invoice, &payload)).transpose()
        }
        InvoiceEvent::DocumentReady(document) => {
            event_of(document.invoice_id.to_string(), 1, &document_ready(document)).map(Some)
        }
        InvoiceEvent::Drafted(_)
        | InvoiceEvent::DraftChanged(_)
        | InvoiceEvent::DraftDeleted(_)
        | InvoiceEvent::Composed(_) => Ok(None),
    }
}

fn document_ready(document: &ReadyDocument) -> InvoiceDocumentReadyV1 {
    let file = |facts: &FileFacts| DocumentFileV1 { sha256: hex::encode(&facts.sha256), bytes: facts.bytes };
    InvoiceDocumentReadyV1 {
        invoice_id: document.invoice_id.to_string(),
        number: document.number.clone(),
        customer_id: document.customer_id.to_string(),
        pages: document.pages,
        pdf: file(&document.pdf),
        xml: file(&document.xml),
        rendered_at: time(document.rendered_at),
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

fn sent(invoice: &Invoice, channel: Channel) -> Option<InvoiceSentV1> {
    Some(InvoiceSentV1 {
        invoice_id: invoice.id().to_string(),
        number: invoice.numbered()?.number.clone(),
        customer_id: invoice.customer_id().to_string(),
        channel: channel.name().to_owned(),
        sent_at: time(invoice.updated_at()),
    })
}

fn overdue(invoice: &Invoice) -> Option<InvoiceOverdueV1> {
    let numbered = invoice.numbered()?;
    Some(InvoiceOverdueV1 {
        invoice_id: invoice.id().to_string(),
        number: numbered.number.clone(),
        customer_id: invoice.customer_id().to_string(),
        due_on: numbered.due_on.to_string(),
        overdue_on: invoice.overdue_on()?.to_string(),
        gross_total: numbered.gross_total.to_string(),
        open: invoice.open().to_string(),
        noted_at: time(invoice.updated_at()),
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
    let corrected = content.references.preceding.first();
    CreditNoteIssuedV1 {
        invoice_id: invoice.id().to_string(),
        number: content.number.clone(),
        customer_id: invoice.customer_id().to_string(),
        corrects: invoice.corrects().map(|id| id.to_string()),
        corrected_number: corrected.map(|one| one.number.clone()),
        corrected_kind: corrected.map(|one| one.kind.name().to_owned()),
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
