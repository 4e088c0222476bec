//! The commands on warehouses.

use futures::FutureExt;
use futures::future::BoxFuture;

use super::aggregate::{Warehouse, WarehouseDetails};
use super::queries::WarehouseView;
use super::repository;
use crate::accounts::tenants;
use crate::application::Edit;
use crate::application::aggregate::{Aggregate, Creatable, LockMode, change, create};
use crate::application::error::{Error, check_version};
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::commerce::inventory_counts;
use crate::values::ids::WarehouseId;
use crate::values::language::Language;

/// Creates a warehouse: the default, if the company has none.
#[derive(Debug)]
pub struct CreateWarehouse {
    pub details: WarehouseDetails,
}

impl Command for CreateWarehouse {
    type Outcome = WarehouseView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<WarehouseView, Error> {
        let mut has_default = repository::has_default(work).await?;
        if !has_default {
            // Of two first ones at once, the second waits here, and sees the first.
            tenants::repository::load(work).await?;
            has_default = repository::has_default(work).await?;
        }
        let details = self.details.clone();
        let created = Warehouse::create(WarehouseId::generate(), details, !has_default, work.now());
        create(work, "warehouse.create", created, WarehouseView::of).await
    }
}

/// Creates the warehouse that every company begins with, in the transaction that creates the company.
pub(crate) fn open_main<'a>(
    work: &'a mut UnitOfWork<'_>,
    language: Language,
) -> BoxFuture<'a, Result<(), Error>> {
    async move {
        let details = WarehouseDetails::main(language);
        let (warehouse, event) = Warehouse::create(WarehouseId::generate(), details, true, work.now());
        warehouse.insert(work).await?;
        work.record(event).await
    }
    .boxed()
}

#[derive(Debug)]
pub struct UpdateWarehouse {
    pub id: WarehouseId,
    pub expected_version: Option<i64>,
    pub edit: Edit<WarehouseView, WarehouseDetails>,
}

impl Command for UpdateWarehouse {
    type Outcome = WarehouseView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<WarehouseView, Error> {
        let warehouse = repository::load(work, self.id, LockMode::Change).await?;
        let decide = |warehouse: &mut Warehouse, now| {
            let details = self.edit.apply(&WarehouseView::of(warehouse))?;
            Ok::<_, Error>(warehouse.update(details, now)?)
        };
        let warehouse = change(work, "warehouse.update", warehouse, self.expected_version, decide).await?;
        Ok(WarehouseView::of(&warehouse))
    }
}

/// Makes a warehouse the default in place of the one that is it.
#[derive(Debug)]
pub struct MakeDefaultWarehouse {
    pub id: WarehouseId,
    pub expected_version: Option<i64>,
}

impl Command for MakeDefaultWarehouse {
    type Outcome = WarehouseView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<WarehouseView, Error> {
        // Of two at once, the second waits here, and sees which is the default by then.
        tenants::repository::load(work).await?;
        let (mut warehouse, former) = repository::load_beside_default(work, self.id).await?;
        check_version(self.expected_version, warehouse.version())?;
        let mut now = work.now_after(warehouse.updated_at());
        if let Some(former) = &former {
            now = work.now_after(former.updated_at());
        }
        let before = WarehouseView::of(&warehouse);
        let Some(gained) = warehouse.make_default(now)? else { return Ok(before) };
        let mut lost = None;
        // Saved first: at no moment are there two.
        if let Some(mut former) = former {
            lost = Some(former.lose_default(now));
            former.save(work).await?;
        }
        warehouse.save(work).await?;
        work.record(gained).await?;
        if let Some(lost) = lost {
            work.record(lost).await?;
        }
        let after = WarehouseView::of(&warehouse);
        work.audit("warehouse.make_default", (Warehouse::NAME, self.id), Some(&before), Some(&after))?;
        Ok(after)
    }
}

#[derive(Debug)]
pub struct ArchiveWarehouse {
    pub id: WarehouseId,
    pub expected_version: Option<i64>,
}

impl Command for ArchiveWarehouse {
    type Outcome = WarehouseView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<WarehouseView, Error> {
        let warehouse = repository::load(work, self.id, LockMode::Withdraw).await?;
        // Whoever plans a count holds the warehouse: none is planned from here on.
        let count = inventory_counts::repository::unfinished_in(work, self.id).await?;
        let has_stock = repository::in_use(work, self.id).await?;
        let decide = |warehouse: &mut Warehouse, now| warehouse.archive(has_stock, count, now).map(Some);
        let warehouse = change(work, "warehouse.archive", warehouse, self.expected_version, decide).await?;
        Ok(WarehouseView::of(&warehouse))
    }
}
