//! `/api/v1/warehouses`

mod dto;
mod handlers;

use comptoir_core::application::Permission::{WarehousesRead, WarehousesWrite};

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(crate) use dto::{WarehouseFilters, WarehouseRequest};
pub(crate) use handlers::export;

/// What a change of a warehouse can be answered.
const OF_A_CHANGE: &[&str] =
    &["warehouse_not_found", "warehouse_code_taken", "warehouse_external_id_taken", "warehouse_archived"];

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(WarehousesRead), handlers::__path_list, handlers::list)
        .with(Needs(WarehousesRead), handlers::__path_export, handlers::export)
        .with(Needs(WarehousesWrite), handlers::__path_create, handlers::create)
        .problems(&["warehouse_code_taken", "warehouse_external_id_taken"])
        .with(Needs(WarehousesRead), handlers::__path_get, handlers::get)
        .problems(&["warehouse_not_found"])
        .with(Needs(WarehousesWrite), handlers::__path_replace, handlers::replace)
        .problems(OF_A_CHANGE)
        .with(Needs(WarehousesWrite), handlers::__path_update, handlers::update)
        .problems(OF_A_CHANGE)
        .with(Needs(WarehousesWrite), handlers::__path_make_default, handlers::make_default)
        .problems(&["warehouse_not_found", "warehouse_archived"])
        .with(Needs(WarehousesWrite), handlers::__path_archive, handlers::archive)
        .problems(&[
            "warehouse_not_found",
            "warehouse_archived",
            "warehouse_is_default",
            "warehouse_being_counted",
            "warehouse_in_use",
        ])
}
