//! The lines with which a count begins: one for each product in its scope of which something is on hand, in a count of locations for each
//! of its places.

use diesel::sql_types::{Array, BigInt, Nullable, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::aggregate::{InventoryCount, MAX_LINES};
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::values::ids::CategoryId;

crate::statement! {
    /// Makes a line for each product in the scope of which something is on hand.
    struct OpenLines<'a> {
        tenant: Uuid => SqlUuid,
        count: Uuid => SqlUuid,
        warehouse: Uuid => SqlUuid,
        categories: Option<&'a [Uuid]> => Nullable<Array<SqlUuid>>,
        most: i64 => BigInt,
    }
    = "WITH scope AS MATERIALIZED (SELECT $1 AS tenant_id, $2 AS count_id, $3 AS warehouse_id, $4 AS categories)
    INSERT INTO inventory_count_lines (tenant_id, count_id, product_id, sku, name, state, entries, id)
    SELECT scope.tenant_id, scope.count_id, s.product_id, s.sku, s.name, 'to_count', 0, s.product_id
    FROM scope JOIN stock_levels AS s ON s.tenant_id = scope.tenant_id AND s.warehouse_id = scope.warehouse_id
    WHERE s.on_hand > 0 AND (scope.categories IS NULL OR EXISTS (
        SELECT FROM products AS p WHERE p.tenant_id = s.tenant_id AND p.id = s.product_id AND p.category_id = ANY (scope.categories)
    ))
    LIMIT $5"
}

crate::statement! {
    /// Makes a line for each product that lies in one of these locations, for each of these.
    struct OpenPlaces<'a> {
        tenant: Uuid => SqlUuid,
        count: Uuid => SqlUuid,
        locations: &'a [Uuid] => Array<SqlUuid>,
        most: i64 => BigInt,
    }
    = "WITH scope AS MATERIALIZED (SELECT $1 AS tenant_id, $2 AS count_id, $3 AS locations)
    INSERT INTO inventory_count_lines (tenant_id, count_id, product_id, location_id, location_code, sku, name, state, entries, id)
    SELECT scope.tenant_id, scope.count_id, p.product_id, p.location_id, l.code, s.sku, s.name, 'to_count', 0, gen_random_uuid()
    FROM scope JOIN stock_places AS p ON p.tenant_id = scope.tenant_id AND p.location_id = ANY (scope.locations)
        JOIN stock_levels AS s ON s.tenant_id = p.tenant_id AND s.id = p.stock_id
        JOIN locations AS l ON l.tenant_id = p.tenant_id AND l.id = p.location_id
    LIMIT $4"
}

crate::statement! {
    /// How many lines [`OpenLines`] would make.
    struct CountLevels<'a> {
        tenant: Uuid => SqlUuid,
        warehouse: Uuid => SqlUuid,
        categories: Option<&'a [Uuid]> => Nullable<Array<SqlUuid>>,
        most: i64 => BigInt,
    } -> (BigInt,)
    = "WITH scope AS MATERIALIZED (SELECT $1 AS tenant_id, $2 AS warehouse_id, $3 AS categories)
    SELECT count(*) FROM (
        SELECT FROM scope JOIN stock_levels AS s ON s.tenant_id = scope.tenant_id AND s.warehouse_id = scope.warehouse_id
        WHERE s.on_hand > 0 AND (scope.categories IS NULL OR EXISTS (
            SELECT FROM products AS p WHERE p.tenant_id = s.tenant_id AND p.id = s.product_id AND p.category_id = ANY (scope.categories)
        ))
        LIMIT $4
    ) AS line"
}

crate::statement! {
    /// How many lines [`OpenPlaces`] would make.
    struct CountPlaces<'a> {
        tenant: Uuid => SqlUuid,
        locations: &'a [Uuid] => Array<SqlUuid>,
        most: i64 => BigInt,
    } -> (BigInt,)
    = "WITH scope AS MATERIALIZED (SELECT $1 AS tenant_id, $2 AS locations)
    SELECT count(*) FROM (
        SELECT FROM scope JOIN stock_places AS p ON p.tenant_id = scope.tenant_id AND p.location_id = ANY (scope.locations)
        LIMIT $3
    ) AS line"
}

/// One line more than there may be.
fn too_many() -> i64 {
    i64::try_from(MAX_LINES + 1).unwrap_or(i64::MAX)
}

/// Returns how many lines [`open_lines`] would make now, and locks nothing; one more than there may be, if there would be more.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn lines_to_open(
    work: &mut UnitOfWork<'_>,
    count: &InventoryCount,
    scope: Option<&[CategoryId]>,
) -> Result<usize, Error> {
    let tenant = work.tenant().uuid();
    let (lines,): (i64,) = if let Some(locations) = &count.locations {
        let locations: Vec<Uuid> = locations.iter().map(|id| id.uuid()).collect();
        CountPlaces::new(tenant, &locations, too_many()).get_result(work.connection()).await?
    } else {
        let categories: Option<Vec<Uuid>> = scope.map(|scope| scope.iter().map(|id| id.uuid()).collect());
        let warehouse = count.warehouse_id.uuid();
        CountLevels::new(tenant, warehouse, categories.as_deref(), too_many())
            .get_result(work.connection())
            .await?
    };
    Ok(usize::try_from(lines).unwrap_or(usize::MAX))
}

/// Makes the lines of a count whose scope is frozen. Returns how many: one more than there may be, if there would be more.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn open_lines(
    work: &mut UnitOfWork<'_>,
    count: &InventoryCount,
    scope: Option<&[CategoryId]>,
) -> Result<usize, Error> {
    let categories: Option<Vec<Uuid>> = scope.map(|scope| scope.iter().map(|id| id.uuid()).collect());
    let most = too_many();
    let (tenant, warehouse) = (work.tenant().uuid(), count.warehouse_id.uuid());
    if let Some(locations) = &count.locations {
        let locations: Vec<Uuid> = locations.iter().map(|id| id.uuid()).collect();
        return Ok(OpenPlaces::new(tenant, count.id.uuid(), &locations, most)
            .execute(work.connection())
            .await?);
    }
    let lines = OpenLines::new(tenant, count.id.uuid(), warehouse, categories.as_deref(), most)
        .execute(work.connection())
        .await?;
    Ok(lines)
}
