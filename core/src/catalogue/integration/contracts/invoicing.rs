//! Examples of the events of invoices, credit notes and payments.

use super::super::invoices::{
    CreditNoteIssuedV1, InvoiceDocumentReadyV1, InvoiceOverdueV1, InvoicePaidV1, InvoiceSentV1,
    InvoiceValidatedV1,
};
use super::super::payments::{PaymentReceivedV1, PaymentReversedV1};
use super::examples::{Contracts, at, happened, uuid};
use super::schema::contract;
use crate::application::aggregate::Aggregate;
use crate::application::events::Event;
use crate::commerce::documents::{FileFacts, ReadyDocument, digest_of};
use crate::commerce::invoices::content::Preceding;
use crate::commerce::invoices::draft::{Correction, Draft, WantedCredit};
use crate::commerce::invoices::{self, Invoice, InvoiceEvent, InvoiceKind};
use crate::commerce::payments::PaymentReason;
use crate::commerce::payments::tests::payment as payment_of;
use crate::values::business_date::BusinessDate;
use crate::values::channel::Channel;
use crate::values::ids::{InvoiceId, PaymentId};
use crate::values::series::SeriesCode;

pub(super) fn add_to(contracts: &mut Contracts) {
    let (mut an_invoice, validated) = validated_invoice();
    contracts.add(validated, contract::<InvoiceValidatedV1>);
    contracts.add(ready_document(&an_invoice), contract::<InvoiceDocumentReadyV1>);
    contracts.add(
        happened(an_invoice.hand_over(Channel::Email, at(70)).expect("a number")),
        contract::<InvoiceSentV1>,
    );
    let much_later = BusinessDate::parse("2030-01-01").expect("a date");
    let overdue = an_invoice.become_overdue(much_later, at(80)).expect("due and open");
    contracts.add(happened(overdue), contract::<InvoiceOverdueV1>);
    let whole = an_invoice.open();
    contracts.add(happened(an_invoice.pay(&whole, at(90)).expect("open")), contract::<InvoicePaidV1>);

    contracts.add(issued_credit_note(), contract::<CreditNoteIssuedV1>);

    let (received, reversed) = payments();
    contracts.add(received, contract::<PaymentReceivedV1>);
    contracts.add(reversed, contract::<PaymentReversedV1>);
}

fn validated_invoice() -> (Invoice, Box<dyn Event>) {
    let lines = vec![invoices::draft::tests::line("Earl Grey, 250 g", "1", "10", "20")];
    let draft = invoices::draft::tests::draft(lines);
    let id = InvoiceId::from_uuid(uuid(19));
    let (mut invoice, _) = Invoice::draft(id, draft, at(0)).expect("valid");
    let content = invoices::content::tests::content("FA-2026-000123");
    let series = SeriesCode::parse("FA").expect("valid");
    let event = invoice.validate(series, &content, at(60)).expect("a draft");
    (invoice, happened(event))
}

fn ready_document(invoice: &Invoice) -> Box<dyn Event> {
    let file = |content: &[u8], bytes| FileFacts { sha256: digest_of(content).to_vec(), bytes };
    happened(InvoiceEvent::DocumentReady(Box::new(ReadyDocument {
        invoice_id: invoice.id(),
        number: "FA-2026-000123".to_owned(),
        customer_id: invoice.customer_id(),
        pages: 1,
        pdf: file(b"%PDF-1.7", 49_152),
        xml: file(b"<xml/>", 8_192),
        rendered_at: at(61),
    })))
}

fn issued_credit_note() -> Box<dyn Event> {
    let lines = vec![invoices::draft::tests::line("Earl Grey, 250 g", "1", "10", "20")];
    let corrected = InvoiceId::from_uuid(uuid(19));
    let correction = Correction { invoice_id: corrected, wanted: WantedCredit::Rest, return_id: None };
    let draft = Draft { correction: Some(correction), ..invoices::draft::tests::draft(lines) };
    let id = InvoiceId::from_uuid(uuid(24));
    let (mut note, _) = Invoice::draft(id, draft, at(0)).expect("valid");
    let mut content = invoices::content::tests::content("AV-2026-000001");
    content.kind = InvoiceKind::CreditNote;
    let preceding = Preceding {
        kind: InvoiceKind::Invoice,
        number: "FA-2026-000123".to_owned(),
        issue_date: content.issue_date,
    };
    content.references.preceding = vec![preceding];
    let series = SeriesCode::parse("AV").expect("valid");
    happened(note.validate(series, &content, at(60)).expect("a draft"))
}

fn payments() -> (Box<dyn Event>, Box<dyn Event>) {
    let (payment, received) = payment_of("12.00", &[(19, "12.00")]);
    let reason = PaymentReason::parse("unpaid cheque").expect("valid");
    let id = PaymentId::from_uuid(uuid(21));
    let reversal = payment.reverse(id, reason, "ada@docks.example".to_owned(), at(120));
    (happened(received), happened(reversal.expect("allowed").1))
}
