//! `/api/v1/customer-groups`

mod dto;
mod handlers;

use comptoir_core::application::Permission::{PricesRead, PricesWrite};

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(crate) use dto::{CustomerGroupFilters, CustomerGroupRequest};
pub(crate) use handlers::export;

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(PricesRead), handlers::__path_list, handlers::list)
        .with(Needs(PricesRead), handlers::__path_export, handlers::export)
        .with(Needs(PricesWrite), handlers::__path_create, handlers::create)
        .problems(&["customer_group_code_taken"])
        .with(Needs(PricesRead), handlers::__path_get, handlers::get)
        .problems(&["customer_group_not_found"])
        .with(Needs(PricesWrite), handlers::__path_replace, handlers::replace)
        .problems(&["customer_group_not_found", "customer_group_code_taken"])
        .with(Needs(PricesWrite), handlers::__path_update, handlers::update)
        .problems(&["customer_group_not_found", "customer_group_code_taken"])
        .with(Needs(PricesWrite), handlers::__path_delete, handlers::delete)
        .problems(&["customer_group_not_found", "customer_group_in_use"])
}
