//! Payments: the list, one of them, a new one with what it pays, its reversal, and the use of credit.

mod allocate;
mod list;
mod one;
mod receive;
mod use_credit;

use comptoir_core::application::Permission::{PaymentsRead, PaymentsWrite};

use super::pages::Pages;
use crate::access::Access::Needs;
use crate::routes::payments as api;

pub(super) fn pages() -> Pages {
    Pages::default()
        .get(Needs(PaymentsRead), "/console/payments", list::show)
        .get(Needs(PaymentsRead), "/console/payments.csv", api::export)
        // Before the others: its path could be taken for an id.
        .get(Needs(PaymentsWrite), "/console/payments/new", receive::show)
        .post(Needs(PaymentsWrite), "/console/payments/new", receive::receive)
        .get(Needs(PaymentsWrite), "/console/payments/use-credit/{id}", use_credit::show)
        .post(Needs(PaymentsWrite), "/console/payments/use-credit/{id}", use_credit::use_credit)
        .get(Needs(PaymentsRead), "/console/payments/{id}", one::show)
        .get(Needs(PaymentsWrite), "/console/payments/{id}/reverse", one::show_reverse)
        .post(Needs(PaymentsWrite), "/console/payments/{id}/reverse", one::reverse)
}
