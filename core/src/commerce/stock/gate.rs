//! The gate of the warehouses: while goods are being counted, nothing on hand of them moves (ADR 28).
//!
//! Everything that changes a level locks its row first. A count that starts locks every level in its scope, so it waits for whoever
//! changes one of them, and whoever comes later waits for it; once it has committed, they find it. A level that is made meanwhile
//! has no row yet to wait for: who makes one shares the row of the warehouse, which the count takes for itself.
//!
//! A count of locations keeps still what lies in them, and nothing else: what changes in them is known once the command has decided. Whoever
//! names a location holds its row; a count that starts waits for them, and then for everybody who holds a level of which something lies there.
//!
//! Reservations pass: they move nothing.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::aggregate::{StockError, StockLevel};
use crate::application::Locked;
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::platform::schema::warehouses;
use crate::values::ids::{CategoryId, InventoryCountId, LocationId, ProductId, WarehouseId};

/// What a command moves of a level.
#[derive(Debug)]
pub(super) struct Moved {
    warehouse: WarehouseId,
    product: ProductId,
    /// Where what lies there changes.
    locations: Vec<LocationId>,
}

impl Moved {
    pub(super) fn by(level: &StockLevel) -> Self {
        let locations = level.relocated().iter().map(|movement| movement.location_id).collect();
        Self { warehouse: level.warehouse_id(), product: level.product_id(), locations }
    }
}

/// Stands for no location where only what lies in none moves: no location has it.
const NOWHERE: Uuid = Uuid::nil();

crate::statement! {
    /// A count that is under way and has something of this in its scope: one of the products, on a line or in one of its categories; or
    /// one of the locations.
    struct UnderWay<'a> {
        tenant: Uuid => SqlUuid,
        warehouses: &'a [Uuid] => Array<SqlUuid>,
        products: &'a [Uuid] => Array<SqlUuid>,
        locations: &'a [Uuid] => Array<SqlUuid>,
    } -> (SqlUuid,)
    = "WITH tenant AS MATERIALIZED (SELECT $1 AS id)
    SELECT c.id
    FROM tenant CROSS JOIN unnest($2, $3, $4) AS moved (warehouse_id, product_id, location_id)
    JOIN inventory_counts AS c ON c.tenant_id = tenant.id AND c.warehouse_id = moved.warehouse_id AND c.status IN ('counting', 'review')
    WHERE CASE WHEN c.location_ids IS NOT NULL THEN moved.location_id = ANY (c.location_ids)
        ELSE c.scope IS NULL
            OR EXISTS (
                SELECT FROM inventory_count_lines AS l
                WHERE l.tenant_id = tenant.id AND l.count_id = c.id AND l.product_id = moved.product_id
            )
            OR EXISTS (
                SELECT FROM products AS p
                WHERE p.tenant_id = tenant.id AND p.id = moved.product_id AND p.category_id = ANY (c.scope)
            )
        END
    LIMIT 1"
}

/// Lets goods move, whose levels are locked. `Closed::write` (repository.rs) asks for every movement there is.
///
/// # Errors
/// `Frozen` if some are being counted. Fails if the database cannot be reached.
pub(super) async fn check(work: &UnitOfWork<'_>, moved: &[Moved]) -> Result<(), Error> {
    let mut connection = work.pipeline();
    if moved.is_empty() {
        return Ok(());
    }
    let (mut warehouses, mut products, mut locations) = (Vec::new(), Vec::new(), Vec::new());
    for one in moved {
        let places = one.locations.iter().map(|location| location.uuid());
        for location in places.chain(one.locations.is_empty().then_some(NOWHERE)) {
            warehouses.push(one.warehouse.uuid());
            products.push(one.product.uuid());
            locations.push(location);
        }
    }
    // A statement of its own, after the locks: it sees a count for whose start they waited.
    let found: Option<(Uuid,)> = UnderWay::new(work.tenant().uuid(), &warehouses, &products, &locations)
        .get_result(&mut connection)
        .await
        .optional()?;
    match found {
        Some((id,)) => Err(StockError::Frozen { count: InventoryCountId::from_uuid(id) }.into()),
        None => Ok(()),
    }
}

crate::statement! {
    struct CountsIn<'a> { tenant: Uuid => SqlUuid, location: Uuid => SqlUuid } -> (Bool, Nullable<SqlUuid>)
    = "WITH wanted AS MATERIALIZED (SELECT $1 AS tenant_id, $2 AS location_id)
    SELECT
        EXISTS (SELECT FROM stock_places AS p WHERE p.tenant_id = wanted.tenant_id AND p.location_id = wanted.location_id),
        (
            SELECT c.id FROM inventory_counts AS c
            WHERE c.tenant_id = wanted.tenant_id AND c.status IN ('counting', 'review') AND wanted.location_id = ANY (c.location_ids)
            LIMIT 1
        )
    FROM wanted"
}

/// Whether something lies in a location, which is locked against those who name it.
///
/// # Errors
/// `Frozen` if it is being counted: something may be found there. Fails if the database cannot be reached.
pub(crate) async fn is_used(work: &mut UnitOfWork<'_>, location: LocationId) -> Result<bool, Error> {
    // Both in one snapshot: a count that is closed meanwhile is still seen, or what it has put there.
    let (used, count): (bool, Option<Uuid>) =
        CountsIn::new(work.tenant().uuid(), location.uuid()).get_result(work.connection()).await?;
    match count {
        Some(id) => Err(StockError::Frozen { count: InventoryCountId::from_uuid(id) }.into()),
        None => Ok(used),
    }
}

/// Keeps counts from being started in these warehouses until the unit of work ends, which is about to make new levels there. A level is
/// made once: few are held at the same time, and a count does not wait for long.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn hold_open(work: &mut UnitOfWork<'_>, opened_in: &[Uuid]) -> Result<(), Error> {
    if opened_in.is_empty() {
        return Ok(());
    }
    work.locks(Locked::OpenedStock);
    let _: Vec<Uuid> = warehouses::table
        .filter(warehouses::tenant_id.eq(work.tenant().uuid()).and(warehouses::id.eq_any(opened_in)))
        .select(warehouses::id)
        .order(warehouses::id)
        .for_share()
        .load(work.connection())
        .await?;
    Ok(())
}

crate::statement! {
    /// Locks all levels of a warehouse, or those of products in these categories, in the order in which everybody locks them.
    struct LockLevels<'a> {
        tenant: Uuid => SqlUuid,
        warehouse: Uuid => SqlUuid,
        categories: Option<&'a [Uuid]> => Nullable<Array<SqlUuid>>,
    } -> (BigInt,)
    = "WITH scope AS MATERIALIZED (SELECT $1 AS tenant_id, $2 AS warehouse_id, $3 AS categories),
    locked AS MATERIALIZED (
        SELECT s.id
        FROM scope JOIN stock_levels AS s ON s.tenant_id = scope.tenant_id AND s.warehouse_id = scope.warehouse_id
        WHERE scope.categories IS NULL OR EXISTS (
            SELECT FROM products AS p
            WHERE p.tenant_id = s.tenant_id AND p.id = s.product_id AND p.category_id = ANY (scope.categories)
        )
        ORDER BY s.warehouse_id, s.product_id
        FOR NO KEY UPDATE OF s
    )
    SELECT count(*) FROM locked"
}

/// Waits for everybody who moves goods in this scope, and keeps others from it until the unit of work ends. From then on its count keeps
/// them. What is read of the levels is read by later statements: the snapshot of this one is older than the locks.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn freeze(
    work: &mut UnitOfWork<'_>,
    warehouse: WarehouseId,
    categories: Option<&[CategoryId]>,
) -> Result<(), Error> {
    work.locks(Locked::OpenedStock);
    let tenant = work.tenant().uuid();
    let _: Vec<Uuid> = warehouses::table
        .filter(warehouses::tenant_id.eq(tenant).and(warehouses::id.eq(warehouse.uuid())))
        .select(warehouses::id)
        .for_no_key_update()
        .load(work.connection())
        .await?;
    work.locks(Locked::Stock);
    let categories: Option<Vec<Uuid>> =
        categories.map(|categories| categories.iter().map(|id| id.uuid()).collect());
    let _: (i64,) = LockLevels::new(tenant, warehouse.uuid(), categories.as_deref())
        .get_result(work.connection())
        .await?;
    Ok(())
}

crate::statement! {
    /// Locks all levels of which something lies in these locations, in the order in which everybody locks them.
    struct LockPlaced<'a> { tenant: Uuid => SqlUuid, locations: &'a [Uuid] => Array<SqlUuid> } -> (BigInt,)
    = "WITH scope AS MATERIALIZED (SELECT $1 AS tenant_id, $2 AS locations),
    locked AS MATERIALIZED (
        SELECT s.id
        FROM scope JOIN stock_levels AS s ON s.tenant_id = scope.tenant_id
        WHERE s.id IN (
            SELECT p.stock_id FROM stock_places AS p WHERE p.tenant_id = $1 AND p.location_id = ANY ($2)
        )
        ORDER BY s.warehouse_id, s.product_id
        FOR NO KEY UPDATE OF s
    )
    SELECT count(*) FROM locked"
}

/// The same as [`freeze`] of locations whose rows are locked: nobody puts anything there who has not done so already, so every level
/// that could change there has a place there by now.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn freeze_locations(
    work: &mut UnitOfWork<'_>,
    locations: &[LocationId],
) -> Result<(), Error> {
    work.locks(Locked::Stock);
    let locations: Vec<Uuid> = locations.iter().map(|location| location.uuid()).collect();
    let _: (i64,) = LockPlaced::new(work.tenant().uuid(), &locations).get_result(work.connection()).await?;
    Ok(())
}

crate::statement! {
    /// Locks all levels of which a count has a line, but those that somebody else has locked. How many lines there are, and how many levels
    /// it has locked.
    struct LockCounted<'a> { tenant: Uuid => SqlUuid, count: Uuid => SqlUuid, warehouse: Uuid => SqlUuid } -> (BigInt, BigInt)
    = "WITH scope AS MATERIALIZED (SELECT $1 AS tenant_id, $2 AS count_id, $3 AS warehouse_id),
    locked AS MATERIALIZED (
        SELECT s.id
        FROM scope JOIN inventory_count_lines AS l ON l.tenant_id = scope.tenant_id AND l.count_id = scope.count_id
            JOIN stock_levels AS s ON s.tenant_id = l.tenant_id AND s.warehouse_id = scope.warehouse_id AND s.product_id = l.product_id
        ORDER BY s.warehouse_id, s.product_id
        FOR NO KEY UPDATE OF s SKIP LOCKED
    )
    SELECT
        (SELECT count(*) FROM scope JOIN inventory_count_lines AS l ON l.tenant_id = scope.tenant_id AND l.count_id = scope.count_id),
        (SELECT count(*) FROM locked)"
}

/// Locks what a count has just got a line of, behind [`freeze`] of its categories: while that waited, somebody may have put a product into
/// one of them, whose level it has not locked. All others are locked already. It waits for nobody: a level that it waited for now would be
/// locked out of order, and two units of work could wait for each other.
///
/// # Errors
/// `Overtaken` if somebody else has locked such a level: the next attempt finds its product in the category, and waits for it in order. Fails if
/// the database cannot be reached.
pub(crate) async fn freeze_lines(
    work: &mut UnitOfWork<'_>,
    count: InventoryCountId,
    warehouse: WarehouseId,
) -> Result<(), Error> {
    work.locks(Locked::Stock);
    let (lines, locked): (i64, i64) = LockCounted::new(work.tenant().uuid(), count.uuid(), warehouse.uuid())
        .get_result(work.connection())
        .await?;
    if locked == lines { Ok(()) } else { Err(Error::Overtaken) }
}
