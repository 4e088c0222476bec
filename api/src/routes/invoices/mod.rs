//! `/api/v1/invoices`

mod documents;
mod dto;
mod handlers;

use comptoir_core::application::Permission::{InvoicesRead, InvoicesValidate, InvoicesWrite};

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

/// The problems of who asks for a document.
const DOCUMENT: &[&str] = &[
    "invoice_not_found",
    "not_validated",
    "document_not_ready",
    "document_failed",
    "range_not_satisfiable",
];

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(InvoicesRead), handlers::__path_list, handlers::list)
        .with(Needs(InvoicesRead), handlers::__path_export, handlers::export)
        .with(Needs(InvoicesWrite), handlers::__path_create, handlers::create)
        .problems(&["invalid_invoice", "invoice_exceeds_shipped"])
        // Before the others: their paths could be taken for ids.
        .with(Needs(InvoicesWrite), handlers::__path_from_orders, handlers::from_orders)
        .problems(&["invalid_invoice", "nothing_to_invoice"])
        .with(Needs(InvoicesWrite), handlers::__path_from_shipments, handlers::from_shipments)
        .problems(&["invalid_invoice", "nothing_to_invoice"])
        .with(Needs(InvoicesWrite), handlers::__path_from_month, handlers::from_month)
        .problems(&["invalid_invoice", "nothing_to_invoice"])
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
        ])
        .with(Needs(InvoicesWrite), handlers::__path_update_draft, handlers::update_draft)
        .problems(&[
            "invoice_not_found",
            "invoice_state_conflict",
            "invalid_invoice",
            "invoice_exceeds_shipped",
        ])
        .with(Needs(InvoicesValidate), handlers::__path_validate, handlers::validate)
        .problems(&["invoice_not_found", "invoice_state_conflict", "invoice_incomplete"])
        .with(Needs(InvoicesRead), documents::__path_pdf, documents::pdf)
        .problems(DOCUMENT)
        .with(Needs(InvoicesRead), documents::__path_xml, documents::xml)
        .problems(DOCUMENT)
}
