//! Inventory counts in the database, as commands read and write them.

use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::aggregate::{CountCancellation, CountReference, CountStatus, CountTotals, InventoryCount};
use super::error::InventoryCountError;
use super::events::InventoryCountEvent;
use super::queries::InventoryCountView;
use crate::application::Locked;
use crate::application::aggregate::{Aggregate, Creatable, LockMode, find};
use crate::application::error::{Error, unless_taken};
use crate::application::unit_of_work::UnitOfWork;
use crate::platform::schema::inventory_counts;
use crate::values::business_date::BusinessDate;
use crate::values::ids::{CategoryId, InventoryCountId, LocationId, TenantId, WarehouseId};
use crate::values::money::Money;

/// The constraint that makes references unique.
const REFERENCE_KEY: &str = "inventory_counts_reference_key";
/// The constraint that lets one count of a warehouse be under way.
const RUNNING_KEY: &str = "inventory_counts_running_key";

type Ids = Vec<Option<Uuid>>;

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = inventory_counts, primary_key(tenant_id, id), treat_none_as_null = true, treat_none_as_default_value = false)]
pub(crate) struct InventoryCountRow {
    tenant_id: Uuid,
    id: Uuid,
    version: i64,
    reference: Option<String>,
    warehouse_id: Uuid,
    category_ids: Option<Ids>,
    scope: Option<Ids>,
    blind: bool,
    status: String,
    created_by: String,
    business_date: Option<NaiveDate>,
    differing: Option<i32>,
    value_gained: Option<BigDecimal>,
    value_lost: Option<BigDecimal>,
    cancellation_reason: Option<String>,
    started_at: Option<DateTime<Utc>>,
    closed_at: Option<DateTime<Utc>>,
    cancelled_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    location_ids: Option<Ids>,
}

fn written<T: Copy>(ids: Option<&Vec<T>>, uuid: fn(T) -> Uuid) -> Option<Ids> {
    ids.map(|ids| ids.iter().map(|id| Some(uuid(*id))).collect())
}

fn read<T>(ids: Option<Ids>, from_uuid: fn(Uuid) -> T) -> Option<Vec<T>> {
    ids.map(|ids| ids.into_iter().flatten().map(from_uuid).collect())
}

impl InventoryCountRow {
    fn of(tenant: TenantId, count: &InventoryCount) -> Self {
        let totals = count.totals.as_ref();
        Self {
            tenant_id: tenant.uuid(),
            id: count.id.uuid(),
            version: count.version,
            reference: count.reference.as_ref().map(|reference| reference.as_str().to_owned()),
            warehouse_id: count.warehouse_id.uuid(),
            category_ids: written(count.categories.as_ref(), CategoryId::uuid),
            scope: written(count.scope.as_ref(), CategoryId::uuid),
            blind: count.blind,
            status: count.status.as_str().to_owned(),
            created_by: count.created_by.clone(),
            business_date: totals.map(|totals| totals.business_date.date()),
            // `close` refuses more than an i32 counts.
            differing: totals.map(|totals| i32::try_from(totals.differing).unwrap_or(i32::MAX)),
            value_gained: totals.map(|totals| totals.gained.value().clone()),
            value_lost: totals.map(|totals| totals.lost.value().clone()),
            cancellation_reason: count.cancellation_reason.as_ref().map(|reason| reason.as_str().to_owned()),
            started_at: count.started_at,
            closed_at: count.closed_at,
            cancelled_at: count.cancelled_at,
            created_at: count.created_at,
            updated_at: count.updated_at,
            location_ids: written(count.locations.as_ref(), LocationId::uuid),
        }
    }

    pub(super) fn into_count(self) -> Result<InventoryCount, Error> {
        let status = CountStatus::from_name(&self.status).ok_or_else(|| Error::Stored {
            what: "a status of an inventory count",
            value: self.status.clone(),
        })?;
        let values = self.value_gained.zip(self.value_lost);
        let totals = self.business_date.zip(self.differing).zip(values);
        Ok(InventoryCount {
            id: InventoryCountId::from_uuid(self.id),
            version: self.version,
            reference: self.reference.map(CountReference::stored),
            warehouse_id: WarehouseId::from_uuid(self.warehouse_id),
            categories: read(self.category_ids, CategoryId::from_uuid),
            locations: read(self.location_ids, LocationId::from_uuid),
            scope: read(self.scope, CategoryId::from_uuid),
            blind: self.blind,
            status,
            created_by: self.created_by,
            totals: totals.map(|((date, differing), (gained, lost))| CountTotals {
                business_date: BusinessDate::stored(date),
                differing: usize::try_from(differing).unwrap_or_default(),
                gained: Money::rounded(&gained),
                lost: Money::rounded(&lost),
            }),
            cancellation_reason: self.cancellation_reason.map(CountCancellation::stored),
            started_at: self.started_at,
            closed_at: self.closed_at,
            cancelled_at: self.cancelled_at,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

/// Loads a count and locks it: nobody counts, and nobody else moves it on, until the unit of work ends.
///
/// # Errors
/// `NotFound` if the tenant has no such count. Fails if the database cannot be reached.
pub(super) async fn load(work: &mut UnitOfWork<'_>, id: InventoryCountId) -> Result<InventoryCount, Error> {
    let query = inventory_counts::table
        .find((work.tenant().uuid(), id.uuid()))
        .select(InventoryCountRow::as_select());
    let row: Option<InventoryCountRow> = find(work, Locked::InventoryCount, LockMode::Change, query).await?;
    row.ok_or(InventoryCountError::NotFound(id))?.into_count()
}

/// Returns the locations that a count names, which never change, to lock them before the count.
///
/// # Errors
/// `NotFound` if the tenant has no such count. Fails if the database cannot be reached.
pub(super) async fn locations_of(
    work: &mut UnitOfWork<'_>,
    id: InventoryCountId,
) -> Result<Vec<LocationId>, Error> {
    let ids: Option<Option<Ids>> = inventory_counts::table
        .find((work.tenant().uuid(), id.uuid()))
        .select(inventory_counts::location_ids)
        .first(work.connection())
        .await
        .optional()?;
    let ids = ids.ok_or(InventoryCountError::NotFound(id))?;
    Ok(read(ids, LocationId::from_uuid).unwrap_or_default())
}

/// Returns a count of this warehouse that is not over, if there is one; also one that is only planned. Nothing is locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn unfinished_in(
    work: &mut UnitOfWork<'_>,
    warehouse: WarehouseId,
) -> Result<Option<InventoryCountId>, Error> {
    use inventory_counts::{id, status, table, tenant_id, warehouse_id};
    let unfinished = [CountStatus::Open, CountStatus::Counting, CountStatus::Review].map(CountStatus::as_str);
    let found: Option<Uuid> = table
        .filter(tenant_id.eq(work.tenant().uuid()).and(warehouse_id.eq(warehouse.uuid())))
        .filter(status.eq_any(unfinished))
        .select(id)
        .first(work.connection())
        .await
        .optional()?;
    Ok(found.map(InventoryCountId::from_uuid))
}

/// Loads a count with a lock that others who count may hold too, but nobody who moves it on. People count, some of them at a time: they
/// do not keep those waiting for long who move it on.
///
/// # Errors
/// `NotFound` if the tenant has no such count. Fails if the database cannot be reached.
pub(super) async fn share(work: &mut UnitOfWork<'_>, id: InventoryCountId) -> Result<InventoryCount, Error> {
    work.locks(Locked::InventoryCount);
    let row: Option<InventoryCountRow> = inventory_counts::table
        .find((work.tenant().uuid(), id.uuid()))
        .select(InventoryCountRow::as_select())
        .for_share()
        .first(work.connection())
        .await
        .optional()?;
    row.ok_or(InventoryCountError::NotFound(id))?.into_count()
}

impl InventoryCount {
    /// Returns the refusal for a violation of this constraint.
    fn taken(&self, constraint: &str) -> Option<InventoryCountError> {
        match constraint {
            REFERENCE_KEY => self
                .reference
                .as_ref()
                .map(|reference| InventoryCountError::ReferenceTaken(reference.as_str().to_owned())),
            RUNNING_KEY => Some(InventoryCountError::AlreadyRunning(self.warehouse_id)),
            _ => None,
        }
    }
}

impl Creatable for InventoryCount {
    async fn insert(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        // The command has locked the warehouse, as the foreign key does.
        let row = InventoryCountRow::of(work.tenant(), self);
        let inserted =
            diesel::insert_into(inventory_counts::table).values(&row).execute(work.connection()).await;
        unless_taken(inserted, |constraint| self.taken(constraint))
    }
}

impl Aggregate for InventoryCount {
    type Id = InventoryCountId;
    type Event = InventoryCountEvent;
    /// The count without its lines, which are kept for ever.
    type Audited = InventoryCountView;
    const NAME: &'static str = "inventory_count";

    fn id(&self) -> InventoryCountId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn updated_at(&self) -> DateTime<Utc> {
        self.updated_at
    }

    fn audited(&self) -> InventoryCountView {
        InventoryCountView::of(self)
    }

    async fn save(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let row = InventoryCountRow::of(work.tenant(), self);
        let updated = diesel::update(inventory_counts::table.find((row.tenant_id, row.id)))
            .set(&row)
            .execute(work.connection())
            .await;
        unless_taken(updated, |constraint| self.taken(constraint))
    }
}
