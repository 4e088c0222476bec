//! Locations in the database, as commands read and write them.

use chrono::{DateTime, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::aggregate::{Location, LocationCode, LocationDetails, LocationError, LocationName};
use super::events::LocationEvent;
use super::queries::LocationView;
use crate::application::Locked;
use crate::application::aggregate::{Aggregate, Creatable, LockMode, find};
use crate::application::error::{Error, unless_held, unless_taken};
use crate::application::unit_of_work::UnitOfWork;
use crate::platform::schema::locations;
use crate::values::external_id::ExternalId;
use crate::values::ids::{LocationId, TenantId, WarehouseId};

/// The constraints that make codes and external ids unique.
const CODE_KEY: &str = "locations_code_key";
const EXTERNAL_ID_KEY: &str = "locations_external_id_key";

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = locations, primary_key(tenant_id, id), treat_none_as_null = true, treat_none_as_default_value = false)]
pub(crate) struct LocationRow {
    tenant_id: Uuid,
    id: Uuid,
    version: i64,
    warehouse_id: Uuid,
    external_id: Option<String>,
    code: String,
    name: Option<String>,
    archived_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl LocationRow {
    fn of(tenant: TenantId, location: &Location) -> Self {
        let details = &location.details;
        Self {
            tenant_id: tenant.uuid(),
            id: location.id.uuid(),
            version: location.version,
            warehouse_id: location.warehouse_id.uuid(),
            external_id: details.external_id.as_ref().map(|id| id.as_str().to_owned()),
            code: details.code.to_string(),
            name: details.name.as_ref().map(ToString::to_string),
            archived_at: location.archived_at,
            created_at: location.created_at,
            updated_at: location.updated_at,
        }
    }

    pub(super) fn into_location(self) -> Location {
        Location {
            id: LocationId::from_uuid(self.id),
            version: self.version,
            warehouse_id: WarehouseId::from_uuid(self.warehouse_id),
            details: LocationDetails {
                external_id: self.external_id.map(ExternalId::stored),
                code: LocationCode::stored(self.code),
                name: self.name.map(LocationName::stored),
            },
            archived_at: self.archived_at,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

/// Loads a location and locks it.
///
/// # Errors
/// `NotFound` if the tenant has no such location. Fails if the database cannot be reached.
pub(super) async fn load(
    work: &mut UnitOfWork<'_>,
    id: LocationId,
    lock: LockMode,
) -> Result<Location, Error> {
    let query = locations::table.find((work.tenant().uuid(), id.uuid())).select(LocationRow::as_select());
    let row: Option<LocationRow> = find(work, Locked::Location, lock, query).await?;
    Ok(row.ok_or(LocationError::NotFound(id))?.into_location())
}

/// Loads these locations, as far as they exist, with a key-share lock on each, in the order of their ids: until the unit of work ends,
/// no command can archive them, and no count of them can start. Whoever puts goods into a location, or takes some out of one that they
/// name, holds it.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn share(work: &mut UnitOfWork<'_>, ids: &[LocationId]) -> Result<Vec<Location>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    work.locks(Locked::Location);
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let rows: Vec<LocationRow> = locations::table
        .filter(locations::tenant_id.eq(work.tenant().uuid()).and(locations::id.eq_any(ids)))
        .select(LocationRow::as_select())
        .order(locations::id)
        .for_key_share()
        .load(work.connection())
        .await?;
    Ok(rows.into_iter().map(LocationRow::into_location).collect())
}

/// Returns what these locations are called. Nothing is locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn codes(
    work: &mut UnitOfWork<'_>,
    ids: &[LocationId],
) -> Result<Vec<(LocationId, String)>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let found: Vec<(Uuid, String)> = locations::table
        .filter(locations::tenant_id.eq(work.tenant().uuid()).and(locations::id.eq_any(ids)))
        .select((locations::id, locations::code))
        .load(work.connection())
        .await?;
    Ok(found.into_iter().map(|(id, code)| (LocationId::from_uuid(id), code)).collect())
}

/// Loads locations with a lock that waits for all who hold them, and keeps others from it.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn withdraw(work: &mut UnitOfWork<'_>, ids: &[LocationId]) -> Result<Vec<Location>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    work.locks(Locked::Location);
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let rows: Vec<LocationRow> = locations::table
        .filter(locations::tenant_id.eq(work.tenant().uuid()).and(locations::id.eq_any(ids)))
        .select(LocationRow::as_select())
        .order(locations::id)
        .for_update()
        .load(work.connection())
        .await?;
    Ok(rows.into_iter().map(LocationRow::into_location).collect())
}

impl Location {
    /// Returns the refusal for a violation of this constraint.
    fn taken(&self, constraint: &str) -> Option<LocationError> {
        let details = &self.details;
        match constraint {
            CODE_KEY => Some(LocationError::CodeTaken(details.code.as_str().to_owned())),
            EXTERNAL_ID_KEY => {
                details.external_id.as_ref().map(|id| LocationError::ExternalIdTaken(id.as_str().to_owned()))
            }
            _ => None,
        }
    }

    /// Refuses a code that another location of its warehouse has, or an external id that another location has: see [`unless_held`].
    async fn refuse_held(&self, work: &mut UnitOfWork<'_>, row: &LocationRow) -> Result<(), Error> {
        let others =
            locations::table.filter(locations::tenant_id.eq(row.tenant_id).and(locations::id.ne(row.id)));
        let code = exists(
            others
                .filter(locations::warehouse_id.eq(row.warehouse_id))
                .filter(locations::code.eq(row.code.as_str())),
        );
        let external_id = exists(others.filter(locations::external_id.eq(row.external_id.as_deref())));
        let (code, external_id): (bool, bool) =
            diesel::select((code, external_id)).get_result(work.connection()).await?;
        unless_held([(CODE_KEY, code), (EXTERNAL_ID_KEY, external_id)], |key| self.taken(key))
    }
}

impl Creatable for Location {
    async fn insert(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        // The foreign key locks the warehouse.
        work.locks(Locked::Warehouse);
        let row = LocationRow::of(work.tenant(), self);
        let inserted = diesel::insert_into(locations::table).values(&row).execute(work.connection()).await;
        unless_taken(inserted, |constraint| self.taken(constraint))
    }
}

impl Aggregate for Location {
    type Id = LocationId;
    type Event = LocationEvent;
    type Audited = LocationView;
    const NAME: &'static str = "location";

    fn id(&self) -> LocationId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn updated_at(&self) -> DateTime<Utc> {
        self.updated_at
    }

    fn audited(&self) -> LocationView {
        LocationView::of(self)
    }

    async fn save(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let row = LocationRow::of(work.tenant(), self);
        self.refuse_held(work, &row).await?;
        let updated = diesel::update(locations::table.find((row.tenant_id, row.id)))
            .set(&row)
            .execute(work.connection())
            .await;
        unless_taken(updated, |constraint| self.taken(constraint))
    }
}
