//! The integration events of locations.

use serde::Serialize;

use super::{IntegrationEvent, integration_event, payload, time};
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;
use crate::commerce::locations::{Location, LocationEvent};

/// A location in a warehouse was created: the location as it is from now on.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct LocationCreatedV1 {
    location_id: String,
    warehouse_id: String,
    external_id: Option<String>,
    /// What stands on the shelf; unique in the warehouse.
    code: String,
    /// Null if it was not given.
    name: Option<String>,
    /// RFC 3339, UTC.
    created_at: String,
}
payload!(LocationCreatedV1, "location", "location.created", 1);

/// A location in a warehouse was updated: the location as it is from now on, whatever changed.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct LocationUpdatedV1 {
    location_id: String,
    warehouse_id: String,
    external_id: Option<String>,
    /// What stands on the shelf; unique in the warehouse.
    code: String,
    /// Null if it was not given.
    name: Option<String>,
    /// RFC 3339, UTC.
    updated_at: String,
}
payload!(LocationUpdatedV1, "location", "location.updated", 1);

/// The location is out of use for good.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct LocationArchivedV1 {
    location_id: String,
    warehouse_id: String,
    external_id: Option<String>,
    /// What stands on the shelf; unique in the warehouse.
    code: String,
    /// RFC 3339, UTC.
    archived_at: String,
}
payload!(LocationArchivedV1, "location", "location.archived", 1);

pub(super) fn translate(event: &LocationEvent) -> Result<IntegrationEvent, Error> {
    match event {
        LocationEvent::Created(location) => integration_event(location, &created(location)),
        LocationEvent::Updated(location) => integration_event(location, &updated(location)),
        LocationEvent::Archived(location) => integration_event(location, &archived(location)),
    }
}

fn created(location: &Location) -> LocationCreatedV1 {
    let LocationUpdatedV1 { location_id, warehouse_id, external_id, code, name, .. } = updated(location);
    let created_at = time(location.created_at());
    LocationCreatedV1 { location_id, warehouse_id, external_id, code, name, created_at }
}

fn updated(location: &Location) -> LocationUpdatedV1 {
    let details = location.details();
    LocationUpdatedV1 {
        location_id: location.id().to_string(),
        warehouse_id: location.warehouse_id().to_string(),
        external_id: super::external_id(details.external_id.as_ref()),
        code: details.code.to_string(),
        name: details.name.as_ref().map(ToString::to_string),
        updated_at: time(location.updated_at()),
    }
}

fn archived(location: &Location) -> LocationArchivedV1 {
    let details = location.details();
    LocationArchivedV1 {
        location_id: location.id().to_string(),
        warehouse_id: location.warehouse_id().to_string(),
        external_id: super::external_id(details.external_id.as_ref()),
        code: details.code.to_string(),
        archived_at: time(location.updated_at()),
    }
}
