//! The integration events of warehouses.

use serde::Serialize;

use super::addresses::PostalAddressV1;
use super::{IntegrationEvent, integration_event, payload, time};
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;
use crate::commerce::warehouses::{Warehouse, WarehouseEvent};

/// A warehouse was created: the warehouse as it is from now on. Each company has one from its beginning.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct WarehouseCreatedV1 {
    warehouse_id: String,
    external_id: Option<String>,
    /// The short name in the company's own books.
    code: String,
    name: String,
    /// Null if it is not known.
    address: Option<PostalAddressV1>,
    /// Whether it is meant where no warehouse is named.
    is_default: bool,
    /// RFC 3339, UTC.
    created_at: String,
}
payload!(WarehouseCreatedV1, "warehouse", "warehouse.created", 1);

/// A warehouse was updated: the warehouse as it is from now on, whatever changed. Where another one becomes the default, both are.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct WarehouseUpdatedV1 {
    warehouse_id: String,
    external_id: Option<String>,
    /// The short name in the company's own books.
    code: String,
    name: String,
    /// Null if it is not known.
    address: Option<PostalAddressV1>,
    /// Whether it is meant where no warehouse is named.
    is_default: bool,
    /// RFC 3339, UTC.
    updated_at: String,
}
payload!(WarehouseUpdatedV1, "warehouse", "warehouse.updated", 1);

/// The warehouse was closed for good.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct WarehouseArchivedV1 {
    warehouse_id: String,
    external_id: Option<String>,
    /// The short name in the company's own books.
    code: String,
    /// RFC 3339, UTC.
    archived_at: String,
}
payload!(WarehouseArchivedV1, "warehouse", "warehouse.archived", 1);

pub(super) fn translate(event: &WarehouseEvent) -> Result<IntegrationEvent, Error> {
    match event {
        WarehouseEvent::Created(warehouse) => integration_event(warehouse, &created(warehouse)),
        WarehouseEvent::Updated(warehouse) => integration_event(warehouse, &updated(warehouse)),
        WarehouseEvent::Archived(warehouse) => integration_event(warehouse, &archived(warehouse)),
    }
}

fn created(warehouse: &Warehouse) -> WarehouseCreatedV1 {
    let WarehouseUpdatedV1 { warehouse_id, external_id, code, name, address, is_default, .. } =
        updated(warehouse);
    let created_at = time(warehouse.created_at());
    WarehouseCreatedV1 { warehouse_id, external_id, code, name, address, is_default, created_at }
}

fn updated(warehouse: &Warehouse) -> WarehouseUpdatedV1 {
    let details = warehouse.details();
    WarehouseUpdatedV1 {
        warehouse_id: warehouse.id().to_string(),
        external_id: super::external_id(details.external_id.as_ref()),
        code: details.code.to_string(),
        name: details.name.to_string(),
        address: details.address.as_ref().map(PostalAddressV1::of),
        is_default: warehouse.is_default(),
        updated_at: time(warehouse.updated_at()),
    }
}

fn archived(warehouse: &Warehouse) -> WarehouseArchivedV1 {
    let details = warehouse.details();
    WarehouseArchivedV1 {
        warehouse_id: warehouse.id().to_string(),
        external_id: super::external_id(details.external_id.as_ref()),
        code: details.code.to_string(),
        archived_at: time(warehouse.updated_at()),
    }
}
