//! `/api/v1/locations`

mod dto;
mod handlers;

use comptoir_core::application::Permission::{WarehousesRead, WarehousesWrite};

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(crate) use dto::{CreateLocationRequest, LocationFilters, LocationRequest};
pub(crate) use handlers::export;

/// What a change of a location can be answered.
const OF_A_CHANGE: &[&str] =
    &["location_not_found", "location_code_taken", "location_external_id_taken", "location_archived"];

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(WarehousesRead), handlers::__path_list, handlers::list)
        .with(Needs(WarehousesRead), handlers::__path_export, handlers::export)
        .with(Needs(WarehousesWrite), handlers::__path_create, handlers::create)
        .problems(&["invalid_location", "location_code_taken", "location_external_id_taken"])
        .with(Needs(WarehousesRead), handlers::__path_get, handlers::get)
        .problems(&["location_not_found"])
        .with(Needs(WarehousesWrite), handlers::__path_replace, handlers::replace)
        .problems(OF_A_CHANGE)
        .with(Needs(WarehousesWrite), handlers::__path_update, handlers::update)
        .problems(OF_A_CHANGE)
        .with(Needs(WarehousesWrite), handlers::__path_archive, handlers::archive)
        .problems(&["location_not_found", "location_archived", "location_in_use", "stock_frozen"])
}
