//! The commands on locations.

use super::aggregate::{Location, LocationDetails, LocationError};
use super::queries::LocationView;
use super::repository;
use crate::application::Edit;
use crate::application::aggregate::{LockMode, change, create};
use crate::application::error::Error;
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::commerce::{stock, warehouses};
use crate::values::ids::{LocationId, WarehouseId};

#[derive(Debug)]
pub struct CreateLocation {
    pub warehouse_id: WarehouseId,
    pub details: LocationDetails,
}

impl Command for CreateLocation {
    type Outcome = LocationView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<LocationView, Error> {
        let id = self.warehouse_id;
        let warehouse = warehouses::repository::share(work, id).await?;
        if warehouse.ok_or(LocationError::WarehouseUnknown(id))?.is_archived() {
            return Err(LocationError::WarehouseArchived(id).into());
        }
        let created = Location::create(LocationId::generate(), id, self.details.clone(), work.now());
        create(work, "location.create", created, LocationView::of).await
    }
}

#[derive(Debug)]
pub struct UpdateLocation {
    pub id: LocationId,
    pub expected_version: Option<i64>,
    pub edit: Edit<LocationView, LocationDetails>,
}

impl Command for UpdateLocation {
    type Outcome = LocationView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<LocationView, Error> {
        let location = repository::load(work, self.id, LockMode::Change).await?;
        let decide = |location: &mut Location, now| {
            let details = self.edit.apply(&LocationView::of(location))?;
            Ok::<_, Error>(location.update(details, now)?)
        };
        let location = change(work, "location.update", location, self.expected_version, decide).await?;
        Ok(LocationView::of(&location))
    }
}

#[derive(Debug)]
pub struct ArchiveLocation {
    pub id: LocationId,
    pub expected_version: Option<i64>,
}

impl Command for ArchiveLocation {
    type Outcome = LocationView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<LocationView, Error> {
        let location = repository::load(work, self.id, LockMode::Withdraw).await?;
        let has_stock = stock::gate::is_used(work, self.id).await?;
        let decide = |location: &mut Location, now| location.archive(has_stock, now).map(Some);
        let location = change(work, "location.archive", location, self.expected_version, decide).await?;
        Ok(LocationView::of(&location))
    }
}
