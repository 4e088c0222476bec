//! What the accounts need to know of sales: the VAT that is due, sales as the documents say, the accounts, and the export.

mod accounts;
mod periods;

use comptoir_core::application::Permission::{AccountingRead, AccountingWrite};

use super::pages::Pages;
use crate::access::Access::Needs;
use crate::routes::accounting as api;

pub(super) fn pages() -> Pages {
    Pages::default()
        .get(Needs(AccountingRead), "/console/reports/vat-due", periods::vat_due)
        .get(Needs(AccountingRead), "/console/reports/vat-due.csv", api::export_vat_due)
        .get(Needs(AccountingRead), "/console/reports/sales", periods::sales)
        .get(Needs(AccountingRead), "/console/reports/sales.csv", api::export_sales)
        .get(Needs(AccountingRead), "/console/reports/fec", api::fec)
        .get(Needs(AccountingRead), "/console/reports/accounts", accounts::show)
        .post(Needs(AccountingWrite), "/console/reports/accounts", accounts::set)
}
