//! `/api/v1/accounting`: what the accounts need to know of sales.

mod dto;
mod handlers;

use comptoir_core::application::Permission::{AccountingRead, AccountingWrite};

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(crate) use dto::{AccountsRequest, PeriodParameters, SalesParameters};
pub(crate) use handlers::{export_sales, export_vat_due, fec};

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(AccountingRead), handlers::__path_vat_due, handlers::vat_due)
        .with(Needs(AccountingRead), handlers::__path_export_vat_due, handlers::export_vat_due)
        .with(Needs(AccountingRead), handlers::__path_sales, handlers::sales)
        .with(Needs(AccountingRead), handlers::__path_export_sales, handlers::export_sales)
        .with(Needs(AccountingRead), handlers::__path_fec, handlers::fec)
        .problems(&["accounting_export_impossible", "entry_unbalanced"])
        .with(Needs(AccountingRead), handlers::__path_accounts, handlers::accounts)
        .with(Needs(AccountingWrite), handlers::__path_set_accounts, handlers::set_accounts)
        .problems(&["invalid_accounts"])
}
