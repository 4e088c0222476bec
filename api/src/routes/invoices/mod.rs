//! `/api/v1/invoices`

mod corrections;
mod documents;
mod dto;
mod handlers;

use comptoir_core::application::Permission::{InvoicesRead, InvoicesValidate, InvoicesWrite};

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(crate) use corrections::{CreditNoteRequest, DepositRequest};
pub(crate) use documents::{pdf, xml};
pub(crate) use dto::{
    InvoiceFilters, InvoiceMonthRequest, InvoiceOrdersRequest, InvoiceRequest, InvoiceShipmentsRequest,
};
pub(crate) use handlers::export;

/// The problems of who asks for a document.
const DOCUMENT: &[&str] =
    &["invoice_not_found", "not_validated", "document_not_ready", "document_failed", "range_not_satisfiable"];

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(InvoicesRead), handlers::__path_list, handlers::list)
        .with(Needs(InvoicesRead), handlers::__path_export, handlers::export)
        .with(Needs(InvoicesWrite), handlers::__path_create, handlers::create)
        .problems(&["invalid_invoice", "invoice_exceeds_shipped", "deposit_taken", "deposit_not_paid"])
        // Before the others: their paths could be taken for ids.
        .with(Needs(InvoicesWrite), handlers::__path_from_orders, handlers::from_orders)
        .problems(&["invalid_invoice", "nothing_to_invoice", "deposit_not_paid"])
        .with(Needs(InvoicesWrite), handlers::__path_from_shipments, handlers::from_shipments)
        .problems(&["invalid_invoice", "nothing_to_invoice", "deposit_not_paid"])
        .with(Needs(InvoicesWrite), handlers::__path_from_month, handlers::from_month)
        .problems(&["invalid_invoice", "nothing_to_invoice", "deposit_not_paid"])
        .with(Needs(InvoicesRead), handlers::__path_get, handlers::get)
        .problems(&["invoice_not_found"])
        .with(Needs(InvoicesWrite), handlers::__path_delete, handlers::delete)
        .problems(&["invoice_not_found", "invoice_state_conflict"])
        .with(Needs(InvoicesRead), handlers::__path_get_draft, handlers::get_draft)
        .problems(&["invoice_not_found", "invoice_has_no_draft"])
        .with(Needs(InvoicesWrite), handlers::__path_replace_draft, handlers::replace_draft)
        .problems(&[
            "invoice_not_found",
            "invoice_state_conflict",
            "invalid_invoice",
            "invoice_exceeds_shipped",
            "deposit_taken",
            "deposit_not_paid",
        ])
        .with(Needs(InvoicesWrite), handlers::__path_update_draft, handlers::update_draft)
        .problems(&[
            "invoice_not_found",
            "invoice_state_conflict",
            "invalid_invoice",
            "invoice_exceeds_shipped",
            "deposit_taken",
            "deposit_not_paid",
        ])
        .with(Needs(InvoicesValidate), handlers::__path_validate, handlers::validate)
        .problems(&[
            "invoice_not_found",
            "invoice_state_conflict",
            "invoice_incomplete",
            "invalid_invoice",
            "invoice_exceeds_shipped",
            "insufficient_stock",
            "exceeds_invoice",
            "nothing_to_credit",
            "deposit_taken",
            "deposit_not_paid",
        ])
        .with(Needs(InvoicesWrite), corrections::__path_draft_credit_note, corrections::draft_credit_note)
        .problems(&[
            "invoice_not_found",
            "invoice_state_conflict",
            "invalid_invoice",
            "exceeds_invoice",
            "nothing_to_credit",
            "deposit_taken",
        ])
        .with(Needs(InvoicesValidate), corrections::__path_credit_return, corrections::credit_return)
        .problems(&["return_not_found", "invoice_incomplete", "exceeds_invoice", "nothing_to_credit"])
        .with(Needs(InvoicesWrite), corrections::__path_draft_deposit, corrections::draft_deposit)
        .problems(&["order_not_found", "invalid_invoice", "deposit_exceeds_order"])
        .with(Needs(InvoicesRead), documents::__path_pdf, documents::pdf)
        .problems(DOCUMENT)
        .with(Needs(InvoicesRead), documents::__path_xml, documents::xml)
        .problems(DOCUMENT)
}
