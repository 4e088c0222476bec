//! What customers owe: the aged balance, and a customer's statement.

mod aged;
mod statement;

use comptoir_core::application::Permission::PaymentsRead;

use super::pages::Pages;
use crate::access::Access::Needs;
use crate::routes::receivables as api;

pub(super) fn pages() -> Pages {
    Pages::default()
        .get(Needs(PaymentsRead), "/console/payments/aged-balance", aged::show)
        .get(Needs(PaymentsRead), "/console/payments/aged-balance.csv", api::export_aged_balance)
        .get(Needs(PaymentsRead), "/console/payments/statements/{id}", statement::show)
        .get(Needs(PaymentsRead), "/console/payments/statements/{id}/csv", api::export_statement)
        .get(Needs(PaymentsRead), "/console/payments/statements/{id}/pdf", api::print_statement)
}
