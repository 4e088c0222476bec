//! Inventory counts in the database, as commands read and write them.

use std::collections::{HashMap, HashSet};

use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Numeric, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::aggregate::{
    CountCancellation, CountReference, CountStatus, CountTotals, InventoryCount, LineState, MAX_DEVIATIONS,
    MAX_LINES,
};
use super::deviations::Deviation;
use super::error::InventoryCountError;
use super::events::InventoryCountEvent;
use super::queries::{CountLineRow, CountLineView, InventoryCountView};
use crate::application::Locked;
use crate::application::aggregate::{Aggregate, Creatable, LockMode, find};
use crate::application::error::{Error, unless_taken};
use crate::application::unit_of_work::UnitOfWork;
use crate::commerce::products::Product;
use crate::commerce::stock::PlaceRef;
use crate::platform::schema::{inventory_count_lines, inventory_counts, stock_places};
use crate::values::business_date::BusinessDate;
use crate::values::goods::Units;
use crate::values::ids::{CategoryId, InventoryCountId, LocationId, ProductId, TenantId, WarehouseId};
use crate::values::money::{Money, UnitPrice};

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

/// Stands for no location in the key of lines.
const NO_LOCATION: Uuid = Uuid::nil();

fn key_of(location: Option<LocationId>) -> Uuid {
    location.map_or(NO_LOCATION, LocationId::uuid)
}

pub(super) fn location_of(key: Uuid) -> Option<LocationId> {
    (key != NO_LOCATION).then(|| LocationId::from_uuid(key))
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

/// Returns in which lines of the count these products are: each with its location, in a count of locations.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn known(
    work: &mut UnitOfWork<'_>,
    count: InventoryCountId,
    products: &[ProductId],
) -> Result<HashSet<(ProductId, Option<LocationId>)>, Error> {
    use inventory_count_lines::{count_id, location_id, product_id, table, tenant_id};
    let products: Vec<Uuid> = products.iter().map(|id| id.uuid()).collect();
    let found: Vec<(Uuid, Uuid)> = table
        .filter(tenant_id.eq(work.tenant().uuid()).and(count_id.eq(count.uuid())))
        .filter(product_id.eq_any(products))
        .select((product_id, location_id))
        .load(work.connection())
        .await?;
    Ok(found.into_iter().map(|(product, key)| (ProductId::from_uuid(product), location_of(key))).collect())
}

/// Returns what of these products lies in these locations, which are frozen; nothing of what is not in it.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn on_hand_in(
    work: &mut UnitOfWork<'_>,
    locations: &[LocationId],
    products: &[ProductId],
) -> Result<HashMap<(ProductId, LocationId), Units>, Error> {
    let locations: Vec<Uuid> = locations.iter().map(|id| id.uuid()).collect();
    let products: Vec<Uuid> = products.iter().map(|id| id.uuid()).collect();
    let found: Vec<(Uuid, Uuid, BigDecimal)> = stock_places::table
        .filter(stock_places::tenant_id.eq(work.tenant().uuid()))
        .filter(stock_places::location_id.eq_any(locations).and(stock_places::product_id.eq_any(products)))
        .select((stock_places::product_id, stock_places::location_id, stock_places::on_hand))
        .load(work.connection())
        .await?;
    let there = |(product, location, on_hand): (Uuid, Uuid, BigDecimal)| {
        ((ProductId::from_uuid(product), LocationId::from_uuid(location)), Units::stored(on_hand))
    };
    Ok(found.into_iter().map(there).collect())
}

/// Makes lines for products that were not expected, in a count of locations each in its location. Whoever makes the same one at the same
/// time waits for the other, and then finds it.
///
/// # Errors
/// `TooManyLines` if there are too many then. Fails if the database cannot be reached.
pub(super) async fn add_lines(
    work: &mut UnitOfWork<'_>,
    count: InventoryCountId,
    lines: &[(&Product, Option<PlaceRef>)],
) -> Result<(), Error> {
    use inventory_count_lines::{
        count_id, entries, id, location_code, location_id, name, product_id, sku, state, table, tenant_id,
    };
    let tenant = work.tenant().uuid();
    let mut sorted: Vec<(&Product, Option<LocationId>, Option<&str>)> = lines
        .iter()
        .map(|(product, place)| {
            (*product, place.as_ref().map(|place| place.id), place.as_ref().map(|place| place.code.as_str()))
        })
        .collect();
    sorted.sort_by_key(|(product, location, _)| (product.id(), key_of(*location)));
    let rows: Vec<_> = sorted
        .into_iter()
        .map(|(product, location, code)| {
            let details = product.details();
            let own = location.map_or_else(|| product.id().uuid(), |_| Uuid::now_v7());
            (
                tenant_id.eq(tenant),
                count_id.eq(count.uuid()),
                product_id.eq(product.id().uuid()),
                location_id.eq(key_of(location)),
                location_code.eq(code),
                id.eq(own),
                sku.eq(details.sku.as_str()),
                name.eq(details.name.as_str()),
                state.eq(LineState::ToCount.as_str()),
                entries.eq(0),
            )
        })
        .collect();
    diesel::insert_into(table).values(rows).on_conflict_do_nothing().execute(work.connection()).await?;
    let of_count = table.filter(tenant_id.eq(tenant).and(count_id.eq(count.uuid())));
    let lines: i64 = of_count.count().get_result(work.connection()).await?;
    let fits = usize::try_from(lines).is_ok_and(|lines| lines <= MAX_LINES);
    if fits { Ok(()) } else { Err(InventoryCountError::TooManyLines.into()) }
}

/// Locks the lines of products, in the order of their products and locations. Who counts the same line at the same time waits. What is entered now is later than what
/// was entered before.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn lock_lines(
    work: &mut UnitOfWork<'_>,
    count: InventoryCountId,
    products: &[ProductId],
) -> Result<(), Error> {
    use inventory_count_lines::{count_id, counted_at, location_id, product_id, table, tenant_id};
    work.locks(Locked::InventoryCountLine);
    let products: Vec<Uuid> = products.iter().map(|id| id.uuid()).collect();
    let times: Vec<Option<DateTime<Utc>>> = table
        .filter(tenant_id.eq(work.tenant().uuid()).and(count_id.eq(count.uuid())))
        .filter(product_id.eq_any(products))
        .select(counted_at)
        .order((product_id, location_id))
        .for_no_key_update()
        .load(work.connection())
        .await?;
    if let Some(latest) = times.into_iter().flatten().max() {
        work.now_after(latest);
    }
    Ok(())
}

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

/// Returns how many lines are to be counted, or to be counted again. The count is locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn uncounted(work: &mut UnitOfWork<'_>, count: InventoryCountId) -> Result<usize, Error> {
    use inventory_count_lines::{count_id, state, table, tenant_id};
    let lines: i64 = table
        .filter(tenant_id.eq(work.tenant().uuid()).and(count_id.eq(count.uuid())))
        .filter(state.eq_any([LineState::ToCount.as_str(), LineState::ToRecount.as_str()]))
        .count()
        .get_result(work.connection())
        .await?;
    Ok(usize::try_from(lines).unwrap_or_default())
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

/// Lets lines that were to be counted again keep their last count. The count is locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn keep_last(work: &mut UnitOfWork<'_>, count: InventoryCountId) -> Result<(), Error> {
    use inventory_count_lines::{count_id, state, table, tenant_id};
    let asked = table
        .filter(tenant_id.eq(work.tenant().uuid()).and(count_id.eq(count.uuid())))
        .filter(state.eq(LineState::ToRecount.as_str()));
    diesel::update(asked).set(state.eq(LineState::Counted.as_str())).execute(work.connection()).await?;
    Ok(())
}

/// Has the lines of these products counted again, in one location or in all; those that nobody has counted yet are to be counted anyway. The count is locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn ask_recount(
    work: &mut UnitOfWork<'_>,
    count: InventoryCountId,
    products: &[ProductId],
    location: Option<LocationId>,
) -> Result<(), Error> {
    use inventory_count_lines::{count_id, location_id, product_id, state, table, tenant_id};
    let products: Vec<Uuid> = products.iter().map(|id| id.uuid()).collect();
    let counted = table
        .filter(tenant_id.eq(work.tenant().uuid()).and(count_id.eq(count.uuid())))
        .filter(product_id.eq_any(products))
        .filter(state.eq(LineState::Counted.as_str()));
    let again = state.eq(LineState::ToRecount.as_str());
    match location {
        Some(location) => {
            let there = counted.filter(location_id.eq(location.uuid()));
            diesel::update(there).set(again).execute(work.connection()).await?
        }
        None => diesel::update(counted).set(again).execute(work.connection()).await?,
    };
    Ok(())
}

type DeviationRow = (Uuid, Uuid, Option<String>, String, String, Option<BigDecimal>, Option<BigDecimal>);

/// Returns the lines that differ, by SKU: one more than can be posted, if there are more. The count is locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn deviations(
    work: &mut UnitOfWork<'_>,
    count: InventoryCountId,
) -> Result<Vec<Deviation>, Error> {
    use inventory_count_lines::{
        count_id, counted, expected, id, location_code, location_id, name, product_id, sku, table, tenant_id,
    };
    let rows: Vec<DeviationRow> = table
        .filter(tenant_id.eq(work.tenant().uuid()).and(count_id.eq(count.uuid())))
        .filter(counted.ne(expected))
        .order((sku, id))
        .select((product_id, location_id, location_code, sku, name, expected, counted))
        .limit(i64::try_from(MAX_DEVIATIONS + 1).unwrap_or(i64::MAX))
        .load(work.connection())
        .await?;
    Ok(rows.into_iter().filter_map(deviation).collect())
}

fn deviation(row: DeviationRow) -> Option<Deviation> {
    let (product, key, code, sku, name, expected, counted) = row;
    Some(Deviation {
        product_id: ProductId::from_uuid(product),
        location: location_of(key).map(|id| PlaceRef { id, code: code.unwrap_or_default() }),
        sku,
        name,
        expected: Units::stored(expected?),
        counted: Units::stored(counted?),
        average_cost: UnitPrice::zero(),
    })
}

crate::statement! {
    struct KeepCosts<'a> {
        tenant: Uuid => SqlUuid,
        count: Uuid => SqlUuid,
        products: &'a [Uuid] => Array<SqlUuid>,
        costs: &'a [&'a BigDecimal] => Array<Numeric>,
    }
    = "WITH common AS (SELECT $1 AS tenant, $2 AS count_id)
    UPDATE inventory_count_lines AS l SET average_cost = posted.cost
    FROM common, unnest($3, $4) AS posted (product_id, cost)
    WHERE l.tenant_id = common.tenant AND l.count_id = common.count_id AND l.product_id = posted.product_id
        AND l.counted <> l.expected"
}

/// Keeps what a unit cost of the lines that were posted.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn keep_costs(
    work: &mut UnitOfWork<'_>,
    count: InventoryCountId,
    costs: &[(ProductId, UnitPrice)],
) -> Result<(), Error> {
    let products: Vec<_> = costs.iter().map(|(product, _)| product.uuid()).collect();
    let costs: Vec<_> = costs.iter().map(|(_, cost)| cost.value()).collect();
    KeepCosts::new(work.tenant().uuid(), count.uuid(), &products, &costs).execute(work.connection()).await?;
    Ok(())
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

/// Returns these lines as they are now, by SKU: of each product, that of its location.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn lines(
    work: &mut UnitOfWork<'_>,
    count: InventoryCountId,
    wanted: &[(ProductId, Option<LocationId>)],
) -> Result<Vec<CountLineView>, Error> {
    use inventory_count_lines::{count_id, id, product_id, sku, table, tenant_id};
    let products: Vec<Uuid> = wanted.iter().map(|(product, _)| product.uuid()).collect();
    let rows: Vec<CountLineRow> = table
        .filter(tenant_id.eq(work.tenant().uuid()).and(count_id.eq(count.uuid())))
        .filter(product_id.eq_any(products))
        .order((sku, id))
        .select(CountLineRow::as_select())
        .load(work.connection())
        .await?;
    let wanted: HashSet<(ProductId, Option<LocationId>)> = wanted.iter().copied().collect();
    let lines: Vec<CountLineView> = rows.into_iter().map(CountLineView::of).collect::<Result<_, _>>()?;
    Ok(lines.into_iter().filter(|line| wanted.contains(&(line.product_id, line.location_id))).collect())
}
