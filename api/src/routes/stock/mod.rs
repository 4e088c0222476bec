//! `/api/v1/stock`, `/api/v1/stock-movements` and `/api/v1/stock-location-movements`

mod dto;
mod handlers;

use comptoir_core::application::Permission::{StockRead, StockWrite};

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(crate) use dto::{MovementFilters, ReorderRuleRequest, StockFilters};

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(StockRead), handlers::__path_list, handlers::list)
        .with(Needs(StockRead), handlers::__path_export, handlers::export)
        // Before `{id}`: the router takes the first path that fits.
        .with(Needs(StockRead), handlers::__path_proof, handlers::proof)
        .with(Needs(StockRead), handlers::__path_get, handlers::get)
        .problems(&["stock_not_found"])
        .with(Needs(StockWrite), handlers::__path_set_reorder_rule, handlers::set_reorder_rule)
        .problems(&["stock_not_found", "invalid_reorder_rule"])
        .with(Needs(StockWrite), handlers::__path_remove_reorder_rule, handlers::remove_reorder_rule)
        .problems(&["stock_not_found"])
        .with(Needs(StockRead), handlers::__path_movements, handlers::movements)
        .with(Needs(StockRead), handlers::__path_export_movements, handlers::export_movements)
        .with(Needs(StockRead), handlers::__path_location_movements, handlers::location_movements)
        .with(
            Needs(StockRead),
            handlers::__path_export_location_movements,
            handlers::export_location_movements,
        )
}
