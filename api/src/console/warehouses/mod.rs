//! Warehouses and the locations in them.

mod archive;
mod form;
mod list;
mod location;
mod one;

use comptoir_core::application::Permission::{WarehousesRead, WarehousesWrite};

use super::pages::Pages;
use crate::access::Access::Needs;
use crate::routes::{locations, warehouses};

pub(super) fn pages() -> Pages {
    Pages::default()
        .get(Needs(WarehousesRead), "/console/warehouses", list::show)
        .get(Needs(WarehousesRead), "/console/warehouses.csv", warehouses::export)
        // Before the others: their paths could be taken for ids.
        .get(Needs(WarehousesRead), "/console/warehouses/locations.csv", locations::export)
        .get(Needs(WarehousesWrite), "/console/warehouses/new", form::show_new)
        .post(Needs(WarehousesWrite), "/console/warehouses/new", form::create)
        .get(Needs(WarehousesWrite), "/console/warehouses/locations/{id}/edit", location::show_edit)
        .post(Needs(WarehousesWrite), "/console/warehouses/locations/{id}/edit", location::update)
        .get(Needs(WarehousesWrite), "/console/warehouses/locations/{id}/archive", archive::show_location)
        .post(Needs(WarehousesWrite), "/console/warehouses/locations/{id}/archive", archive::location)
        .get(Needs(WarehousesRead), "/console/warehouses/{id}", one::show)
        .get(Needs(WarehousesWrite), "/console/warehouses/{id}/edit", form::show_edit)
        .post(Needs(WarehousesWrite), "/console/warehouses/{id}/edit", form::update)
        .post(Needs(WarehousesWrite), "/console/warehouses/{id}/make-default", one::make_default)
        .get(Needs(WarehousesWrite), "/console/warehouses/{id}/archive", archive::show_warehouse)
        .post(Needs(WarehousesWrite), "/console/warehouses/{id}/archive", archive::warehouse)
        .get(Needs(WarehousesWrite), "/console/warehouses/{id}/locations/new", location::show_new)
        .post(Needs(WarehousesWrite), "/console/warehouses/{id}/locations/new", location::create)
}
