//! `/api/v1/payments`, and what customers have open and left

mod dto;
mod handlers;

use comptoir_core::application::Permission::{PaymentsRead, PaymentsWrite};

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(crate) use dto::{PaymentFilters, RecordPaymentRequest, ReversePaymentRequest, UseCreditRequest};
pub(crate) use handlers::export;

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(PaymentsRead), handlers::__path_list, handlers::list)
        .with(Needs(PaymentsRead), handlers::__path_export, handlers::export)
        .with(Needs(PaymentsWrite), handlers::__path_record, handlers::record)
        .problems(&["invalid_payment", "payment_exceeds_open"])
        .with(Needs(PaymentsRead), handlers::__path_get, handlers::get)
        .problems(&["payment_not_found"])
        .with(Needs(PaymentsWrite), handlers::__path_reverse, handlers::reverse)
        .problems(&["payment_not_found", "payment_reversed"])
        .with(Needs(PaymentsRead), handlers::__path_balance, handlers::balance)
        .problems(&["customer_not_found"])
        .with(Needs(PaymentsWrite), handlers::__path_use_credit, handlers::use_credit)
        .problems(&["customer_not_found", "payment_exceeds_open", "no_credit"])
}
