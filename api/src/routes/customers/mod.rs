//! `/api/v1/customers`

mod dto;
mod handlers;

use comptoir_core::application::Permission::{
    CustomersAnonymise, CustomersRead, CustomersWrite, OrdersPrices,
};

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(crate) use dto::{CustomerFilters, CustomerRequest};
pub(crate) use handlers::export;

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(CustomersRead), handlers::__path_list, handlers::list)
        .with(Needs(CustomersRead), handlers::__path_export, handlers::export)
        .with(Needs(CustomersWrite), handlers::__path_create, handlers::create)
        .problems(&["customer_code_taken", "customer_external_id_taken"])
        .with(Needs(CustomersRead), handlers::__path_get, handlers::get)
        .problems(&["customer_not_found"])
        .with(Needs(OrdersPrices), handlers::__path_credit, handlers::credit)
        .problems(&["customer_not_found"])
        .with(Needs(CustomersWrite), handlers::__path_replace, handlers::replace)
        .problems(&[
            "customer_not_found",
            "customer_code_taken",
            "customer_external_id_taken",
            "customer_anonymised",
        ])
        .with(Needs(CustomersWrite), handlers::__path_update, handlers::update)
        .problems(&[
            "customer_not_found",
            "customer_code_taken",
            "customer_external_id_taken",
            "customer_anonymised",
        ])
        .with(Needs(CustomersWrite), handlers::__path_delete, handlers::delete)
        .problems(&[
            "customer_not_found",
            "customer_has_orders",
            "customer_has_invoices",
            "customer_has_price_lists",
        ])
        .with(Needs(CustomersAnonymise), handlers::__path_anonymise, handlers::anonymise)
        .problems(&["customer_not_found", "customer_kept"])
}
