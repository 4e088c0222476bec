//! Inventory counts: the list, a new one, one of them with what differs, and the page by which they are counted.

mod actions;
mod ask;
mod list;
mod new;
mod one;
mod sheet;

use comptoir_core::application::Permission::{InventoryClose, InventoryCount, InventoryRead};

use super::pages::Pages;
use crate::access::Access::Needs;
use crate::routes::inventory_counts::export_lines;

pub(super) fn pages() -> Pages {
    Pages::default()
        .get(Needs(InventoryRead), "/console/counts", list::show)
        .get(Needs(InventoryRead), "/console/counts.csv", list::export)
        // Before the others: its path could be taken for an id.
        .get(Needs(InventoryCount), "/console/counts/new", new::show)
        .post(Needs(InventoryCount), "/console/counts/new", new::create)
        .get(Needs(InventoryRead), "/console/counts/{id}", one::show)
        .get(Needs(InventoryRead), "/console/counts/{id}/lines.csv", export_lines)
        .post(Needs(InventoryCount), "/console/counts/{id}/start", actions::start)
        .post(Needs(InventoryClose), "/console/counts/{id}/recount", actions::recount)
        .get(Needs(InventoryCount), "/console/counts/{id}/review", ask::show_review)
        .post(Needs(InventoryCount), "/console/counts/{id}/review", ask::review)
        .get(Needs(InventoryClose), "/console/counts/{id}/close", ask::show_close)
        .post(Needs(InventoryClose), "/console/counts/{id}/close", ask::close)
        .get(Needs(InventoryClose), "/console/counts/{id}/cancel", ask::show_cancel)
        .post(Needs(InventoryClose), "/console/counts/{id}/cancel", ask::cancel)
        .get(Needs(InventoryCount), "/console/counts/{id}/sheet", sheet::show)
        .post(Needs(InventoryCount), "/console/counts/{id}/entries", sheet::record)
}
