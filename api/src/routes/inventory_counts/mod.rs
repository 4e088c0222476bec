//! `/api/v1/inventory-counts`

mod dto;
mod handlers;

use comptoir_core::application::Permission::{InventoryClose, InventoryCount, InventoryRead};

use crate::access::Access::Needs;
use crate::endpoints::Endpoints;

pub(crate) use dto::{
    CancelInventoryCountRequest, CloseInventoryCountRequest, CountLineFilters, CreateInventoryCountRequest,
    InventoryCountFilters, RecordCountsRequest, RecountRequest, ReviewInventoryCountRequest,
};
pub(crate) use handlers::export_lines;

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Needs(InventoryRead), handlers::__path_list, handlers::list)
        .with(Needs(InventoryRead), handlers::__path_export, handlers::export)
        .with(Needs(InventoryCount), handlers::__path_create, handlers::create)
        .problems(&["invalid_inventory_count", "inventory_count_reference_taken"])
        .with(Needs(InventoryRead), handlers::__path_get, handlers::get)
        .problems(&["inventory_count_not_found"])
        .with(Needs(InventoryRead), handlers::__path_progress, handlers::progress)
        .problems(&["inventory_count_not_found"])
        .with(Needs(InventoryRead), handlers::__path_lines, handlers::lines)
        .problems(&["inventory_count_not_found", "inventory_count_blind"])
        .with(Needs(InventoryRead), handlers::__path_export_lines, handlers::export_lines)
        .problems(&["inventory_count_not_found", "inventory_count_blind"])
        .with(Needs(InventoryClose), handlers::__path_entries, handlers::entries)
        .problems(&["inventory_count_not_found"])
        .with(Needs(InventoryClose), handlers::__path_export_entries, handlers::export_entries)
        .problems(&["inventory_count_not_found"])
        .with(Needs(InventoryCount), handlers::__path_start, handlers::start)
        .problems(&[
            "inventory_count_not_found",
            "inventory_count_state_conflict",
            "inventory_count_under_way",
            "inventory_count_too_large",
            "location_archived",
        ])
        .with(Needs(InventoryCount), handlers::__path_record, handlers::record)
        .problems(&[
            "inventory_count_not_found",
            "inventory_count_state_conflict",
            "inventory_count_too_large",
            "invalid_inventory_count",
        ])
        .with(Needs(InventoryCount), handlers::__path_review, handlers::review)
        .problems(&[
            "inventory_count_not_found",
            "inventory_count_state_conflict",
            "inventory_count_incomplete",
        ])
        .with(Needs(InventoryClose), handlers::__path_recount, handlers::recount)
        .problems(&["inventory_count_not_found", "inventory_count_state_conflict", "invalid_inventory_count"])
        .with(Needs(InventoryClose), handlers::__path_close, handlers::close)
        .problems(&[
            "inventory_count_not_found",
            "inventory_count_state_conflict",
            "inventory_count_too_large",
            "inventory_count_outdated",
            "invalid_inventory_count",
            "stock_too_large",
            "too_many_reservations",
            "too_many_places",
        ])
        .with(Needs(InventoryClose), handlers::__path_cancel, handlers::cancel)
        .problems(&["inventory_count_not_found", "inventory_count_state_conflict"])
}
