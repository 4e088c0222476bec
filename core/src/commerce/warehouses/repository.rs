//! Warehouses in the database, as commands read and write them.

use bigdecimal::{BigDecimal, Zero};
use chrono::{DateTime, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use super::aggregate::{Warehouse, WarehouseCode, WarehouseDetails, WarehouseError, WarehouseName};
use super::events::WarehouseEvent;
use super::queries::WarehouseView;
use crate::application::Locked;
use crate::application::aggregate::{Aggregate, Creatable, LockMode, find};
use crate::application::error::{Error, unless_held, unless_taken};
use crate::application::unit_of_work::UnitOfWork;
use crate::platform::schema::{stock_levels, warehouses};
use crate::values::external_id::ExternalId;
use crate::values::ids::{TenantId, WarehouseId};

/// The constraints that make codes and external ids unique.
const CODE_KEY: &str = "warehouses_code_key";
const EXTERNAL_ID_KEY: &str = "warehouses_external_id_key";

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = warehouses, primary_key(tenant_id, id), treat_none_as_null = true, treat_none_as_default_value = false)]
pub(crate) struct WarehouseRow {
    tenant_id: Uuid,
    id: Uuid,
    version: i64,
    external_id: Option<String>,
    code: String,
    name: String,
    address: Option<Value>,
    is_default: bool,
    archived_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl WarehouseRow {
    fn of(tenant: TenantId, warehouse: &Warehouse) -> Result<Self, Error> {
        let details = &warehouse.details;
        let address = details.address.as_ref().map(serde_json::to_value).transpose();
        Ok(Self {
            tenant_id: tenant.uuid(),
            id: warehouse.id.uuid(),
            version: warehouse.version,
            external_id: details.external_id.as_ref().map(|id| id.as_str().to_owned()),
            code: details.code.to_string(),
            name: details.name.to_string(),
            address: address.map_err(|cause| Error::Serialize { what: "an address", cause })?,
            is_default: warehouse.is_default,
            archived_at: warehouse.archived_at,
            created_at: warehouse.created_at,
            updated_at: warehouse.updated_at,
        })
    }

    pub(super) fn into_warehouse(self) -> Result<Warehouse, Error> {
        let address = self.address.map(serde_json::from_value).transpose();
        Ok(Warehouse {
            id: WarehouseId::from_uuid(self.id),
            version: self.version,
            details: WarehouseDetails {
                external_id: self.external_id.map(ExternalId::stored),
                code: WarehouseCode::stored(self.code),
                name: WarehouseName::stored(self.name),
                address: address.map_err(|cause| Error::Serialize { what: "a stored address", cause })?,
            },
            is_default: self.is_default,
            archived_at: self.archived_at,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

/// Loads a warehouse and locks it. Whoever puts something there holds a key-share lock on it ([`share`]), for which
/// [`LockMode::Withdraw`] waits.
///
/// # Errors
/// `NotFound` if the tenant has no such warehouse. Fails if the database cannot be reached.
pub(super) async fn load(
    work: &mut UnitOfWork<'_>,
    id: WarehouseId,
    lock: LockMode,
) -> Result<Warehouse, Error> {
    let query = warehouses::table.find((work.tenant().uuid(), id.uuid())).select(WarehouseRow::as_select());
    let row: Option<WarehouseRow> = find(work, Locked::Warehouse, lock, query).await?;
    row.ok_or(WarehouseError::NotFound(id))?.into_warehouse()
}

/// Loads a warehouse and, if that is another one, the default, both locked in the order of their ids. The tenant is locked
/// before: otherwise a default that came meanwhile would not be seen.
///
/// # Errors
/// `NotFound` if the tenant has no such warehouse. Fails if the database cannot be reached.
pub(super) async fn load_beside_default(
    work: &mut UnitOfWork<'_>,
    id: WarehouseId,
) -> Result<(Warehouse, Option<Warehouse>), Error> {
    work.locks(Locked::Warehouse);
    let rows: Vec<WarehouseRow> = warehouses::table
        .filter(warehouses::tenant_id.eq(work.tenant().uuid()))
        .filter(warehouses::id.eq(id.uuid()).or(warehouses::is_default))
        .select(WarehouseRow::as_select())
        .order(warehouses::id)
        .for_no_key_update()
        .load(work.connection())
        .await?;
    let (mut wanted, mut default) = (None, None);
    for row in rows {
        let warehouse = row.into_warehouse()?;
        let place = if warehouse.id == id { &mut wanted } else { &mut default };
        *place = Some(warehouse);
    }
    Ok((wanted.ok_or(WarehouseError::NotFound(id))?, default))
}

/// Whether the tenant has a default warehouse. Nothing is locked.
pub(super) async fn has_default(work: &mut UnitOfWork<'_>) -> Result<bool, Error> {
    let default =
        warehouses::table.filter(warehouses::tenant_id.eq(work.tenant().uuid()).and(warehouses::is_default));
    Ok(diesel::select(exists(default)).get_result(work.connection()).await?)
}

/// Whether the warehouse, which is locked, still has stock, or orders that wait for some.
pub(super) async fn in_use(work: &mut UnitOfWork<'_>, id: WarehouseId) -> Result<bool, Error> {
    let of_warehouse =
        stock_levels::tenant_id.eq(work.tenant().uuid()).and(stock_levels::warehouse_id.eq(id.uuid()));
    let zero = BigDecimal::zero();
    let has_some = stock_levels::on_hand.gt(zero.clone()).or(stock_levels::waiting.gt(zero));
    let levels = stock_levels::table.filter(of_warehouse).filter(has_some);
    Ok(diesel::select(exists(levels)).get_result(work.connection()).await?)
}

/// Whether there is such a warehouse, which is not archived. Nothing is locked: orders are placed so often that a lock of their
/// warehouse would be in their way. An order that waits in a warehouse that was archived meanwhile can be cancelled.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn is_open(work: &mut UnitOfWork<'_>, id: WarehouseId) -> Result<bool, Error> {
    let open = warehouses::table
        .filter(warehouses::tenant_id.eq(work.tenant().uuid()).and(warehouses::id.eq(id.uuid())))
        .filter(warehouses::archived_at.is_null());
    Ok(diesel::select(exists(open)).get_result(work.connection()).await?)
}

/// Returns the warehouse that is meant where none is named. Nothing is locked, as by [`is_open`].
///
/// # Errors
/// `NoDefault` if there is none: a replica of a version that knew no warehouses created the company. Fails if the database
/// cannot be reached.
pub(crate) async fn find_default(work: &mut UnitOfWork<'_>) -> Result<WarehouseId, Error> {
    let found = look_for_default(work.pipeline(), work.tenant()).await?;
    Ok(found.ok_or(WarehouseError::NoDefault)?)
}

/// What [`find_default`] asks, on a connection that is asked something else in the same round trip.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn look_for_default(
    mut connection: &AsyncPgConnection,
    tenant: TenantId,
) -> Result<Option<WarehouseId>, Error> {
    let id: Option<Uuid> = warehouses::table
        .filter(warehouses::tenant_id.eq(tenant.uuid()).and(warehouses::is_default))
        .select(warehouses::id)
        .first(&mut connection)
        .await
        .optional()?;
    Ok(id.map(WarehouseId::from_uuid))
}

/// Loads a warehouse with a key-share lock, as a foreign key would take it: until the unit of work ends, no command can
/// archive it.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn share(work: &mut UnitOfWork<'_>, id: WarehouseId) -> Result<Option<Warehouse>, Error> {
    work.locks(Locked::Warehouse);
    let row: Option<WarehouseRow> = warehouses::table
        .find((work.tenant().uuid(), id.uuid()))
        .select(WarehouseRow::as_select())
        .for_key_share()
        .first(work.connection())
        .await
        .optional()?;
    row.map(WarehouseRow::into_warehouse).transpose()
}

/// Whether there is such a warehouse, which is not archived; it is locked as by [`share`].
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn hold_open(work: &mut UnitOfWork<'_>, id: WarehouseId) -> Result<bool, Error> {
    Ok(share(work, id).await?.is_some_and(|warehouse| !warehouse.is_archived()))
}

/// Whether there is such a warehouse, which may be archived; it is locked as by [`share`]. Goods leave an archived warehouse too: those
/// that came back there afterwards.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn hold(work: &mut UnitOfWork<'_>, id: WarehouseId) -> Result<bool, Error> {
    Ok(share(work, id).await?.is_some())
}

impl Warehouse {
    /// Returns the refusal for a violation of this constraint.
    fn taken(&self, constraint: &str) -> Option<WarehouseError> {
        let details = &self.details;
        match constraint {
            CODE_KEY => Some(WarehouseError::CodeTaken(details.code.as_str().to_owned())),
            EXTERNAL_ID_KEY => {
                details.external_id.as_ref().map(|id| WarehouseError::ExternalIdTaken(id.as_str().to_owned()))
            }
            _ => None,
        }
    }

    /// Refuses a code or an external id that another warehouse has: see [`unless_held`].
    async fn refuse_held(&self, work: &mut UnitOfWork<'_>, row: &WarehouseRow) -> Result<(), Error> {
        let others =
            warehouses::table.filter(warehouses::tenant_id.eq(row.tenant_id).and(warehouses::id.ne(row.id)));
        let code = exists(others.filter(warehouses::code.eq(row.code.as_str())));
        let external_id = exists(others.filter(warehouses::external_id.eq(row.external_id.as_deref())));
        let (code, external_id): (bool, bool) =
            diesel::select((code, external_id)).get_result(work.connection()).await?;
        unless_held([(CODE_KEY, code), (EXTERNAL_ID_KEY, external_id)], |key| self.taken(key))
    }
}

impl Creatable for Warehouse {
    async fn insert(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let row = WarehouseRow::of(work.tenant(), self)?;
        let inserted = diesel::insert_into(warehouses::table).values(&row).execute(work.connection()).await;
        unless_taken(inserted, |constraint| self.taken(constraint))
    }
}

impl Aggregate for Warehouse {
    type Id = WarehouseId;
    type Event = WarehouseEvent;
    type Audited = WarehouseView;
    const NAME: &'static str = "warehouse";

    fn id(&self) -> WarehouseId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn updated_at(&self) -> DateTime<Utc> {
        self.updated_at
    }

    fn audited(&self) -> WarehouseView {
        WarehouseView::of(self)
    }

    async fn save(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let row = WarehouseRow::of(work.tenant(), self)?;
        self.refuse_held(work, &row).await?;
        let updated = diesel::update(warehouses::table.find((row.tenant_id, row.id)))
            .set(&row)
            .execute(work.connection())
            .await;
        unless_taken(updated, |constraint| self.taken(constraint))
    }
}
