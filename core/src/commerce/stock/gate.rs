//! The gate of the warehouses: while goods are being counted, nothing on hand of them moves (ADR 28).
//!
//! Everything that changes a level locks its row first. A count that starts locks every level in its scope, so it waits for whoever
//! changes one of them, and whoever comes later waits for it; once it has committed, they find it. A level that is made meanwhile
//! has no row yet to wait for: who makes one shares the row of the warehouse, which the count takes for itself.
//!
//! Reservations pass: they move nothing.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::aggregate::StockError;
use crate::application::Locked;
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::platform::schema::warehouses;
use crate::values::ids::{CategoryId, InventoryCountId, ProductId, WarehouseId};

crate::statement! {
    /// A count that is under way and has one of these products of these warehouses in its scope: on a line, or in one of its categories.
    struct UnderWay<'a> {
        tenant: Uuid => SqlUuid,
        warehouses: &'a [Uuid] => Array<SqlUuid>,
        products: &'a [Uuid] => Array<SqlUuid>,
    } -> (SqlUuid,)
    = "WITH tenant AS MATERIALIZED (SELECT $1 AS id)
    SELECT c.id
    FROM tenant CROSS JOIN unnest($2, $3) AS moved (warehouse_id, product_id)
    JOIN inventory_counts AS c ON c.tenant_id = tenant.id AND c.warehouse_id = moved.warehouse_id AND c.status IN ('counting', 'review')
    WHERE c.scope IS NULL
        OR EXISTS (
            SELECT FROM inventory_count_lines AS l
            WHERE l.tenant_id = tenant.id AND l.count_id = c.id AND l.product_id = moved.product_id
        )
        OR EXISTS (
            SELECT FROM products AS p
            WHERE p.tenant_id = tenant.id AND p.id = moved.product_id AND p.category_id = ANY (c.scope)
        )
    LIMIT 1"
}

/// Lets goods move at these places, whose levels are locked. [`super::Levels::save`] asks for every movement there is.
///
/// # Errors
/// `Frozen` if some are being counted. Fails if the database cannot be reached.
pub(super) async fn check(
    work: &mut UnitOfWork<'_>,
    moved: &[(WarehouseId, ProductId)],
) -> Result<(), Error> {
    if moved.is_empty() {
        return Ok(());
    }
    let warehouses: Vec<Uuid> = moved.iter().map(|(warehouse, _)| warehouse.uuid()).collect();
    let products: Vec<Uuid> = moved.iter().map(|(_, product)| product.uuid()).collect();
    // A statement of its own, after the locks: it sees a count for whose start they waited.
    let found: Option<(Uuid,)> = UnderWay::new(work.tenant().uuid(), &warehouses, &products)
        .get_result(work.connection())
        .await
        .optional()?;
    match found {
        Some((id,)) => Err(StockError::Frozen { count: InventoryCountId::from_uuid(id) }.into()),
        None => Ok(()),
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
