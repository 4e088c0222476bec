//! What customers owe: their statements, and the aged balance

mod dto;
mod handlers;

use comptoir_core::application::Permission::PaymentsRead;

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(crate) use dto::{AgedFilters, StatementDays};
pub(crate) use handlers::{export_aged_balance, export_statement, print_statement};

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(PaymentsRead), handlers::__path_aged_balance, handlers::aged_balance)
        .with(Needs(PaymentsRead), handlers::__path_export_aged_balance, handlers::export_aged_balance)
        .with(Needs(PaymentsRead), handlers::__path_statement, handlers::statement)
        .problems(&["customer_not_found", "invalid_statement"])
        .with(Needs(PaymentsRead), handlers::__path_export_statement, handlers::export_statement)
        .problems(&["customer_not_found", "invalid_statement"])
        .with(Needs(PaymentsRead), handlers::__path_print_statement, handlers::print_statement)
        .problems(&["customer_not_found", "invalid_statement"])
}
