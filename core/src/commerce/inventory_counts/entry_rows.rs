//! What somebody counted, in the database: entries, which are kept for ever, and what they say into their lines.

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, Nullable, Numeric, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::aggregate::InventoryCount;
use super::line_rows::{NO_LOCATION, key_of};
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::values::goods::Units;
use crate::values::ids::{InventoryCountId, LocationId, ProductId};

/// What somebody counted, and what was on hand at that moment.
#[derive(Debug)]
pub(super) struct Entered<'a> {
    pub(super) product_id: ProductId,
    pub(super) location_id: Option<LocationId>,
    pub(super) counted: &'a Units,
    pub(super) expected: Units,
}

crate::statement! {
    /// Writes entries, and what they say into their lines.
    struct Enter<'a> {
        tenant: Uuid => SqlUuid,
        count: Uuid => SqlUuid,
        now: DateTime<Utc> => Timestamptz,
        actor_type: &'a str => Text,
        actor_id: Option<Uuid> => Nullable<SqlUuid>,
        actor_name: &'a str => Text,
        correlation_id: &'a str => Text,
        ids: &'a [Uuid] => Array<SqlUuid>,
        products: &'a [Uuid] => Array<SqlUuid>,
        lines: &'a [Uuid] => Array<SqlUuid>,
        locations: &'a [Option<Uuid>] => Array<Nullable<SqlUuid>>,
        counted: &'a [&'a BigDecimal] => Array<Numeric>,
        expected: &'a [&'a BigDecimal] => Array<Numeric>,
    }
    = "WITH common AS (
        SELECT $1 AS tenant, $2 AS count_id, $3 AS now, $4 AS actor_type, $5 AS actor_id, $6 AS actor_name, $7 AS correlation_id
    ),
    entry AS (SELECT * FROM unnest($8, $9, $10, $11, $12, $13) AS e (id, product_id, line_location, location_id, counted, expected)),
    changed AS (
        UPDATE inventory_count_lines AS l
        SET state = 'counted', expected = entry.expected, counted = entry.counted, entries = l.entries + 1, counted_at = common.now
        FROM common, entry
        WHERE l.tenant_id = common.tenant AND l.count_id = common.count_id AND l.product_id = entry.product_id
            AND l.location_id = entry.line_location
    )
    INSERT INTO inventory_count_entries (tenant_id, count_id, id, product_id, location_id, counted, expected, actor_type, actor_id,
        actor_name, correlation_id, recorded_at)
    SELECT common.tenant, common.count_id, entry.id, entry.product_id, entry.location_id, entry.counted, entry.expected,
        common.actor_type, common.actor_id, common.actor_name, common.correlation_id, common.now
    FROM common, entry"
}

/// Writes what somebody counted. The lines are there, and locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn enter(
    work: &mut UnitOfWork<'_>,
    count: InventoryCountId,
    entries: &[Entered<'_>],
) -> Result<(), Error> {
    let now = work.now();
    let context = work.context().clone();
    let principal = &context.principal;
    let ids: Vec<_> = entries.iter().map(|_| Uuid::now_v7()).collect();
    let products: Vec<_> = entries.iter().map(|entry| entry.product_id.uuid()).collect();
    let lines: Vec<_> = entries.iter().map(|entry| key_of(entry.location_id)).collect();
    let locations: Vec<_> = entries.iter().map(|entry| entry.location_id.map(LocationId::uuid)).collect();
    let counted: Vec<_> = entries.iter().map(|entry| entry.counted.value()).collect();
    let expected: Vec<_> = entries.iter().map(|entry| entry.expected.value()).collect();
    Enter::new(
        work.tenant().uuid(),
        count.uuid(),
        now,
        principal.actor.kind(),
        principal.id().map(|id| id.uuid()),
        &principal.name,
        &context.correlation_id,
        &ids,
        &products,
        &lines,
        &locations,
        &counted,
        &expected,
    )
    .execute(work.connection())
    .await?;
    Ok(())
}

crate::statement! {
    /// Enters zero for every line that nobody has counted.
    struct EnterNothing<'a> {
        tenant: Uuid => SqlUuid,
        count: Uuid => SqlUuid,
        warehouse: Uuid => SqlUuid,
        no_location: Uuid => SqlUuid,
        now: DateTime<Utc> => Timestamptz,
        actor_type: &'a str => Text,
        actor_id: Option<Uuid> => Nullable<SqlUuid>,
        actor_name: &'a str => Text,
        correlation_id: &'a str => Text,
    }
    = "WITH common AS (
        SELECT $1 AS tenant, $2 AS count_id, $3 AS warehouse_id, $4 AS no_location, $5 AS now, $6 AS actor_type, $7 AS actor_id,
            $8 AS actor_name, $9 AS correlation_id
    ),
    entry AS MATERIALIZED (
        SELECT l.product_id, l.location_id AS line_location, NULLIF(l.location_id, common.no_location) AS location_id,
            COALESCE(CASE WHEN l.location_id = common.no_location THEN s.on_hand ELSE p.on_hand END, 0) AS expected
        FROM common
        JOIN inventory_count_lines AS l ON l.tenant_id = common.tenant AND l.count_id = common.count_id AND l.state = 'to_count'
        LEFT JOIN stock_levels AS s
            ON s.tenant_id = common.tenant AND s.warehouse_id = common.warehouse_id AND s.product_id = l.product_id
        LEFT JOIN stock_places AS p ON p.tenant_id = common.tenant AND p.stock_id = s.id AND p.location_id = l.location_id
    ),
    changed AS (
        UPDATE inventory_count_lines AS l
        SET state = 'counted', expected = entry.expected, counted = 0, entries = l.entries + 1, counted_at = common.now
        FROM common, entry
        WHERE l.tenant_id = common.tenant AND l.count_id = common.count_id AND l.product_id = entry.product_id
            AND l.location_id = entry.line_location
    )
    INSERT INTO inventory_count_entries (tenant_id, count_id, id, product_id, location_id, counted, expected, actor_type, actor_id,
        actor_name, correlation_id, recorded_at)
    SELECT common.tenant, common.count_id, gen_random_uuid(), entry.product_id, entry.location_id, 0, entry.expected, common.actor_type,
        common.actor_id, common.actor_name, common.correlation_id, common.now
    FROM common, entry"
}

/// Enters that nothing is there of what nobody has counted. The count is locked: nobody else enters anything.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn enter_nothing(work: &mut UnitOfWork<'_>, count: &InventoryCount) -> Result<(), Error> {
    let now = work.now();
    let context = work.context().clone();
    let principal = &context.principal;
    EnterNothing::new(
        work.tenant().uuid(),
        count.id.uuid(),
        count.warehouse_id.uuid(),
        NO_LOCATION,
        now,
        principal.actor.kind(),
        principal.id().map(|id| id.uuid()),
        &principal.name,
        &context.correlation_id,
    )
    .execute(work.connection())
    .await?;
    Ok(())
}
