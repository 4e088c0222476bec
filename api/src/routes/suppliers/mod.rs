//! `/api/v1/suppliers`

mod dto;
mod handlers;

use comptoir_core::application::Permission::{SuppliersRead, SuppliersWrite};

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(crate) use dto::{SupplierFilters, SupplierRequest};
pub(crate) use handlers::export;

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(SuppliersRead), handlers::__path_list, handlers::list)
        .with(Needs(SuppliersRead), handlers::__path_export, handlers::export)
        .with(Needs(SuppliersWrite), handlers::__path_create, handlers::create)
        .problems(&["supplier_code_taken", "supplier_external_id_taken"])
        .with(Needs(SuppliersRead), handlers::__path_get, handlers::get)
        .problems(&["supplier_not_found"])
        .with(Needs(SuppliersWrite), handlers::__path_replace, handlers::replace)
        .problems(&["supplier_not_found", "supplier_code_taken", "supplier_external_id_taken"])
        .with(Needs(SuppliersWrite), handlers::__path_update, handlers::update)
        .problems(&["supplier_not_found", "supplier_code_taken", "supplier_external_id_taken"])
        .with(Needs(SuppliersWrite), handlers::__path_delete, handlers::delete)
        .problems(&["supplier_not_found", "supplier_in_use"])
}
