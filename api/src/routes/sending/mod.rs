//! `/api/v1/invoices/{id}/send` and what becomes of it

mod dto;
mod handlers;

use comptoir_core::application::Permission::{InvoicesRead, InvoicesWrite};

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(crate) use dto::{DisputeInvoiceRequest, InvoiceSentRequest, SendInvoiceRequest};

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(InvoicesWrite), handlers::__path_send, handlers::send)
        .problems(&["invoice_not_found", "invoice_not_validated", "sending_under_way", "channel_is_download"])
        .with(Needs(InvoicesWrite), handlers::__path_mark_sent, handlers::mark_sent)
        .problems(&["invoice_not_found", "invoice_not_validated"])
        .with(Needs(InvoicesWrite), handlers::__path_platform_status, handlers::platform_status)
        .problems(&["invoice_not_found", "not_on_platform", "invalid_platform_status"])
        .with(Needs(InvoicesRead), handlers::__path_transmissions, handlers::transmissions)
        .problems(&["invoice_not_found"])
        .with(Needs(InvoicesWrite), handlers::__path_dispute, handlers::dispute)
        .problems(&["invoice_not_found", "invoice_not_validated"])
        .with(Needs(InvoicesWrite), handlers::__path_end_dispute, handlers::end_dispute)
        .problems(&["invoice_not_found"])
}
