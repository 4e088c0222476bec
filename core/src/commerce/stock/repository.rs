//! Stock in the database, as commands read and write it.

use std::collections::BTreeMap;

use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel::sql_types::{
    Array, BigInt, Bool, Date, Nullable, Numeric, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::aggregate::{Movement, ReorderRule, StockError, StockLevel};
use super::events::StockEvent;
use super::gate::{self, Moved};
use super::places::{Place, PlaceMovement, PlaceRef};
use crate::application::Locked;
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::commerce::products::{self, Product};
use crate::platform::schema::{locations, stock_levels, stock_places};
use crate::values::goods::Units;
use crate::values::ids::{CategoryId, LocationId, ProductId, StockId, TenantId, WarehouseId};
use crate::values::money::UnitPrice;

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = stock_levels, treat_none_as_default_value = false)]
pub(crate) struct StockRow {
    pub(super) tenant_id: Uuid,
    pub(super) id: Uuid,
    pub(super) version: i64,
    pub(super) warehouse_id: Uuid,
    pub(super) product_id: Uuid,
    pub(super) sku: String,
    pub(super) name: String,
    pub(super) on_hand: BigDecimal,
    pub(super) reserved: BigDecimal,
    pub(super) waiting: BigDecimal,
    pub(super) average_cost: BigDecimal,
    pub(super) reorder_point: Option<BigDecimal>,
    pub(super) reorder_quantity: Option<BigDecimal>,
    pub(super) low: bool,
    pub(super) told_at: Option<DateTime<Utc>>,
    pub(super) untold: bool,
    pub(super) movements: i64,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) located: BigDecimal,
    pub(super) category_id: Option<Uuid>,
}

impl StockRow {
    fn of(tenant: TenantId, level: &StockLevel) -> Self {
        Self {
            tenant_id: tenant.uuid(),
            id: level.id.uuid(),
            version: level.version,
            warehouse_id: level.warehouse_id.uuid(),
            product_id: level.product_id.uuid(),
            sku: level.sku.clone(),
            name: level.name.clone(),
            on_hand: level.on_hand.value().clone(),
            reserved: level.reserved.value().clone(),
            waiting: level.waiting.value().clone(),
            average_cost: level.average_cost.value().clone(),
            reorder_point: level.reorder.as_ref().map(|rule| rule.point.value().clone()),
            reorder_quantity: level.reorder.as_ref().map(|rule| rule.quantity.value().clone()),
            low: level.low,
            told_at: level.told_at,
            untold: level.untold,
            movements: level.movements,
            created_at: level.created_at,
            updated_at: level.updated_at,
            located: level.located.value().clone(),
            category_id: level.category_id.map(CategoryId::uuid),
        }
    }

    pub(super) fn into_level(self) -> StockLevel {
        let reorder = self.reorder_point.zip(self.reorder_quantity);
        StockLevel {
            id: StockId::from_uuid(self.id),
            version: self.version,
            warehouse_id: WarehouseId::from_uuid(self.warehouse_id),
            product_id: ProductId::from_uuid(self.product_id),
            sku: self.sku,
            name: self.name,
            on_hand: Units::stored(self.on_hand),
            reserved: Units::stored(self.reserved),
            waiting: Units::stored(self.waiting),
            average_cost: UnitPrice::stored(self.average_cost),
            reorder: reorder.map(|(point, quantity)| ReorderRule {
                point: Units::stored(point),
                quantity: Units::stored(quantity),
            }),
            low: self.low,
            told_at: self.told_at,
            untold: self.untold,
            movements: self.movements,
            category_id: self.category_id.map(CategoryId::from_uuid),
            located: Units::stored(self.located),
            places: Vec::new(),
            created_at: self.created_at,
            updated_at: self.updated_at,
            posted: Vec::new(),
            relocated: Vec::new(),
            changed: false,
        }
    }
}

/// The levels that a unit of work has locked, by warehouse and product.
#[derive(Debug, Clone, Default)]
pub(crate) struct Levels(BTreeMap<(WarehouseId, ProductId), StockLevel>);

/// What of a level lies in a location, and what that is called: level, location, code, on hand.
pub(super) type PlaceRow = (Uuid, Uuid, String, BigDecimal);

/// The places of these levels: a query for [`PlaceRow`]s.
macro_rules! places_of {
    ($tenant:expr, $stock:expr) => {
        stock_places::table
            .inner_join(
                locations::table.on(locations::tenant_id
                    .eq(stock_places::tenant_id)
                    .and(locations::id.eq(stock_places::location_id))),
            )
            .filter(stock_places::tenant_id.eq($tenant).and(stock_places::stock_id.eq_any($stock)))
            .select((
                stock_places::stock_id,
                stock_places::location_id,
                locations::code,
                stock_places::on_hand,
            ))
    };
}
pub(super) use places_of;

/// Returns the place, and whose it is.
pub(super) fn into_place((stock, location, code, on_hand): PlaceRow) -> (Uuid, Place) {
    let location = PlaceRef { id: LocationId::from_uuid(location), code };
    (stock, Place { location, on_hand: Units::stored(on_hand) })
}

impl Levels {
    /// Those of which something lies in locations.
    fn located(&self) -> impl Iterator<Item = &StockLevel> {
        self.0.values().filter(|level| !level.located.is_zero())
    }

    /// Gives each level its places, in the order in which goods are taken from them.
    fn place(&mut self, rows: Vec<PlaceRow>) {
        let mut places: BTreeMap<Uuid, Vec<Place>> = BTreeMap::new();
        for (stock, place) in rows.into_iter().map(into_place) {
            places.entry(stock).or_default().push(place);
        }
        for level in self.0.values_mut() {
            level.places = places.remove(&level.id.uuid()).unwrap_or_default();
            level.places.sort_by(|a, b| a.location.cmp(&b.location));
        }
    }

    fn of(rows: Vec<StockRow>) -> Self {
        Self::of_levels(rows.into_iter().map(StockRow::into_level))
    }

    pub(crate) fn of_levels(levels: impl IntoIterator<Item = StockLevel>) -> Self {
        Self(levels.into_iter().map(|level| ((level.warehouse_id, level.product_id), level)).collect())
    }

    pub(crate) fn get_mut(&mut self, warehouse: WarehouseId, product: ProductId) -> Option<&mut StockLevel> {
        self.0.get_mut(&(warehouse, product))
    }

    pub(crate) fn get(&self, warehouse: WarehouseId, product: ProductId) -> Option<&StockLevel> {
        self.0.get(&(warehouse, product))
    }

    /// Saves what was done to the levels, with their movements, and records what is told of them.
    ///
    /// # Errors
    /// `Frozen` if goods were moved that are being counted. Fails if the database cannot be reached.
    pub(crate) async fn save(self, work: &mut UnitOfWork<'_>) -> Result<Self, Error> {
        let closed = self.close(work);
        closed.write(work).await?;
        closed.tell(work).await
    }

    /// Ends what was done to the levels. The caller has it written and told: for a caller who writes something else in the same round trip.
    pub(crate) fn close(mut self, work: &mut UnitOfWork<'_>) -> Closed {
        let now = match self.0.values().map(StockLevel::updated_at).max() {
            Some(latest) => work.now_after(latest),
            None => work.now(),
        };
        let moved = self.0.values().filter(|level| level.moves_goods() || level.moves_between_places());
        let moved: Vec<Moved> = moved.map(Moved::by).collect();
        let (mut changed, mut events) = (Vec::new(), Vec::new());
        for (place, level) in self.0.iter_mut().filter(|(_, level)| level.changed) {
            events.extend(level.close(now));
            changed.push(*place);
        }
        Closed { levels: self, now, moved, changed, events }
    }
}

/// Levels whose change has ended, and is neither written nor told yet.
#[derive(Debug)]
#[must_use]
pub(crate) struct Closed {
    levels: Levels,
    now: DateTime<Utc>,
    moved: Vec<Moved>,
    changed: Vec<(WarehouseId, ProductId)>,
    events: Vec<StockEvent>,
}

impl Closed {
    /// Writes the levels and their movements, in one round trip.
    ///
    /// # Errors
    /// `Frozen` if goods were moved that are being counted. Fails if the database cannot be reached.
    pub(crate) async fn write(&self, work: &UnitOfWork<'_>) -> Result<(), Error> {
        let levels: Vec<&StockLevel> =
            self.changed.iter().filter_map(|place| self.levels.0.get(place)).collect();
        // At once: whoever wants these levels waits meanwhile. If goods are being counted, nothing of it is committed.
        futures::try_join!(
            gate::check(work, &self.moved),
            write(work, &levels, self.now),
            write_places(work, &levels, self.now),
        )?;
        Ok(())
    }

    /// Records what is told of the levels.
    ///
    /// # Errors
    /// Fails if a reaction fails.
    pub(crate) async fn tell(self, work: &mut UnitOfWork<'_>) -> Result<Levels, Error> {
        for event in self.events {
            work.record(event).await?;
        }
        Ok(self.levels)
    }
}

crate::statement! {
    /// Locks levels in the order of the arrays, which is that of their warehouses and products. The planner has no choice: each level is found
    /// by its key, also before it has statistics of a young table, where it takes all levels of a company for one and reads them all. Nor does
    /// it see in `(SELECT $1)` how many there are: one plan is kept, where a list of products and one of warehouses had a plan for each call.
    struct Lock<'a> { warehouses: &'a [Uuid] => Array<SqlUuid>, products: &'a [Uuid] => Array<SqlUuid>, tenant: Uuid => SqlUuid } -> (
        SqlUuid, SqlUuid, BigInt, SqlUuid, SqlUuid, Text, Text, Numeric, Numeric, Numeric, Numeric, Nullable<Numeric>, Nullable<Numeric>,
        Bool, Nullable<Timestamptz>, Bool, BigInt, Timestamptz, Timestamptz, Numeric, Nullable<SqlUuid>,
    )
    = "SELECT s.tenant_id, s.id, s.version, s.warehouse_id, s.product_id, s.sku, s.name, s.on_hand, s.reserved, s.waiting, s.average_cost,
        s.reorder_point, s.reorder_quantity, s.low, s.told_at, s.untold, s.movements, s.created_at, s.updated_at, s.located, s.category_id
     FROM unnest((SELECT $1), (SELECT $2)) AS wanted (warehouse_id, product_id), LATERAL (
         SELECT * FROM stock_levels AS l
         WHERE l.tenant_id = $3 AND l.warehouse_id = wanted.warehouse_id AND l.product_id = wanted.product_id FOR NO KEY UPDATE
     ) AS s"
}

/// Locks the levels of these products in a warehouse, as far as there are any. Every unit of work locks them in the order of their
/// warehouses and products.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn lock(
    work: &mut UnitOfWork<'_>,
    places: &[(WarehouseId, ProductId)],
) -> Result<Levels, Error> {
    if places.is_empty() {
        return Ok(Levels::default());
    }
    work.locks(Locked::Stock);
    lock_noted(work, places).await
}

/// The same for a caller who asks something else in the same round trip, and has noted the lock ([`UnitOfWork::locks`]).
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn lock_noted(
    work: &UnitOfWork<'_>,
    places: &[(WarehouseId, ProductId)],
) -> Result<Levels, Error> {
    let mut connection = work.pipeline();
    if places.is_empty() {
        return Ok(Levels::default());
    }
    let mut keys: Vec<(Uuid, Uuid)> =
        places.iter().map(|(warehouse, product)| (warehouse.uuid(), product.uuid())).collect();
    // Each once, although two lines may name one product, and in the one order of all: PostgreSQL compares ids as Rust does, byte by byte.
    keys.sort_unstable();
    keys.dedup();
    let (warehouses, products): (Vec<Uuid>, Vec<Uuid>) = keys.into_iter().unzip();
    let tenant = work.tenant().uuid();
    let rows: Vec<StockRow> = Lock::new(&warehouses, &products, tenant).load(&mut connection).await?;
    let mut levels = Levels::of(rows);
    let of: Vec<Uuid> = levels.located().map(|level| level.id.uuid()).collect();
    if !of.is_empty() {
        // After the locks, which nobody who changes a place does without.
        let rows: Vec<PlaceRow> = places_of!(tenant, of).load(&mut connection).await?;
        levels.place(rows);
    }
    Ok(levels)
}

/// Reads levels without locking them, to find out what else has to be locked first.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn look(
    work: &mut UnitOfWork<'_>,
    warehouses: &[WarehouseId],
    products: &[ProductId],
) -> Result<Levels, Error> {
    if products.is_empty() {
        return Ok(Levels::default());
    }
    let warehouses: Vec<Uuid> = warehouses.iter().map(|warehouse| warehouse.uuid()).collect();
    let products: Vec<Uuid> = products.iter().map(|product| product.uuid()).collect();
    let rows: Vec<StockRow> = stock_levels::table
        .filter(stock_levels::tenant_id.eq(work.tenant().uuid()))
        .filter(stock_levels::warehouse_id.eq_any(warehouses).and(stock_levels::product_id.eq_any(products)))
        .select(StockRow::as_select())
        .load(work.connection())
        .await?;
    Ok(Levels::of(rows))
}

/// Locks the levels of these products in these warehouses; those that are not there yet are made. The products are locked against
/// deletion, and noted as used.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn lock_or_open(
    work: &mut UnitOfWork<'_>,
    warehouses: &[WarehouseId],
    products: &[&Product],
) -> Result<Levels, Error> {
    open(work, warehouses, products).await?;
    let places =
        warehouses.iter().flat_map(|place| products.iter().map(move |product| (*place, product.id())));
    let places: Vec<(WarehouseId, ProductId)> = places.collect();
    lock(work, &places).await
}

/// Makes the levels of these products in these warehouses that are not there yet; none is locked. The products are locked against
/// deletion, and noted as used.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn open(
    work: &mut UnitOfWork<'_>,
    warehouses: &[WarehouseId],
    products: &[&Product],
) -> Result<(), Error> {
    if products.is_empty() {
        return Ok(());
    }
    let ids: Vec<ProductId> = products.iter().map(|product| product.id()).collect();
    let there = look(work, warehouses, &ids).await?;
    let places = warehouses.iter().flat_map(|place| ids.iter().map(move |product| (*place, *product)));
    let missing: Vec<(WarehouseId, ProductId)> =
        places.filter(|(warehouse, product)| there.get(*warehouse, *product).is_none()).collect();
    let without: Vec<ProductId> = missing.iter().map(|(_, product)| *product).collect();
    // As they are called by now: who renames one of them does not see the new level yet, and waits for it.
    let current = products::repository::hold_unchanged(work, &without).await?;
    let now = work.now();
    let mut opened: Vec<StockRow> = Vec::new();
    for (warehouse, product) in missing {
        let Some(details) = current.get(&product).map(Product::details) else { continue };
        let texts = (details.sku.as_str().to_owned(), details.name.as_str().to_owned());
        let level = StockLevel {
            category_id: details.category_id,
            ..StockLevel::open(StockId::generate(), warehouse, product, texts, now)
        };
        opened.push(StockRow::of(work.tenant(), &level));
    }
    // Before any level is locked: whoever makes the same one at the same time waits here for the other, and then finds it. Nobody
    // who waits here holds a level that is there already.
    opened.sort_by_key(|row| (row.warehouse_id, row.product_id));
    let opened_in: Vec<Uuid> = opened.iter().map(|row| row.warehouse_id).collect();
    gate::hold_open(work, &opened_in).await?;
    for rows in opened.chunks(ROWS_OF_A_STATEMENT) {
        diesel::insert_into(stock_levels::table)
            .values(rows)
            .on_conflict((stock_levels::tenant_id, stock_levels::warehouse_id, stock_levels::product_id))
            .do_nothing()
            .execute(work.connection())
            .await?;
    }
    Ok(())
}

/// A statement has at most 65,535 parameters.
const ROWS_OF_A_STATEMENT: usize = 1_000;

crate::statement! {
    /// Saves levels, which are locked, and their movements, in one statement. Each level is found by its key, and updated where it lies: nobody
    /// else moves it meanwhile. A join by the id alone would read all levels of the company, as long as these fill few pages. `(SELECT $7)` as
    /// in [`Lock`].
    struct Write<'a> {
        tenant: Uuid => SqlUuid,
        now: DateTime<Utc> => Timestamptz,
        actor_type: &'a str => Text,
        actor_id: Option<Uuid> => Nullable<SqlUuid>,
        actor_name: &'a str => Text,
        correlation_id: &'a str => Text,
        ids: &'a [Uuid] => Array<SqlUuid>,
        versions: &'a [i64] => Array<BigInt>,
        skus: &'a [&'a str] => Array<Text>,
        names: &'a [&'a str] => Array<Text>,
        on_hand: &'a [&'a BigDecimal] => Array<Numeric>,
        reserved: &'a [&'a BigDecimal] => Array<Numeric>,
        waiting: &'a [&'a BigDecimal] => Array<Numeric>,
        average_costs: &'a [&'a BigDecimal] => Array<Numeric>,
        reorder_points: &'a [Option<&'a BigDecimal>] => Array<Nullable<Numeric>>,
        reorder_quantities: &'a [Option<&'a BigDecimal>] => Array<Nullable<Numeric>>,
        low: &'a [bool] => Array<Bool>,
        told_at: &'a [Option<DateTime<Utc>>] => Array<Nullable<Timestamptz>>,
        untold: &'a [bool] => Array<Bool>,
        movements: &'a [i64] => Array<BigInt>,
        located: &'a [&'a BigDecimal] => Array<Numeric>,
        categories: &'a [Option<Uuid>] => Array<Nullable<SqlUuid>>,
        stock_ids: &'a [Uuid] => Array<SqlUuid>,
        positions: &'a [i64] => Array<BigInt>,
        movement_ids: &'a [Uuid] => Array<SqlUuid>,
        warehouses: &'a [Uuid] => Array<SqlUuid>,
        products: &'a [Uuid] => Array<SqlUuid>,
        kinds: &'a [&'a str] => Array<Text>,
        on_hand_changes: &'a [&'a BigDecimal] => Array<Numeric>,
        reserved_changes: &'a [&'a BigDecimal] => Array<Numeric>,
        unit_costs: &'a [Option<&'a BigDecimal>] => Array<Nullable<Numeric>>,
        on_hand_after: &'a [&'a BigDecimal] => Array<Numeric>,
        reserved_after: &'a [&'a BigDecimal] => Array<Numeric>,
        average_cost_after: &'a [&'a BigDecimal] => Array<Numeric>,
        reasons: &'a [Option<&'a str>] => Array<Nullable<Text>>,
        document_types: &'a [&'a str] => Array<Text>,
        document_ids: &'a [Uuid] => Array<SqlUuid>,
        document_lines: &'a [Option<i16>] => Array<Nullable<SmallInt>>,
        business_dates: &'a [NaiveDate] => Array<Date>,
    }
    = "WITH common AS (
        SELECT $1 AS tenant, $2 AS now, $3 AS actor_type, $4 AS actor_id, $5 AS actor_name, $6 AS correlation_id
    ),
    changed AS (
        UPDATE stock_levels AS s SET version = n.version, sku = n.sku, name = n.name, on_hand = n.on_hand, reserved = n.reserved,
            waiting = n.waiting, average_cost = n.average_cost, reorder_point = n.reorder_point, reorder_quantity = n.reorder_quantity,
            low = n.low, told_at = n.told_at, untold = n.untold, movements = n.movements, located = n.located,
            category_id = n.category_id, updated_at = common.now
        FROM common,
            unnest((SELECT $7), (SELECT $8), (SELECT $9), (SELECT $10), (SELECT $11), (SELECT $12), (SELECT $13), (SELECT $14),
                (SELECT $15), (SELECT $16), (SELECT $17), (SELECT $18), (SELECT $19), (SELECT $20), (SELECT $21), (SELECT $22))
                AS n (id, version, sku, name, on_hand, reserved, waiting, average_cost, reorder_point, reorder_quantity, low, told_at,
                untold, movements, located, category_id),
            LATERAL (SELECT l.ctid FROM stock_levels AS l WHERE l.tenant_id = common.tenant AND l.id = n.id OFFSET 0) AS at
        WHERE s.tenant_id = common.tenant AND s.ctid = at.ctid
    )
    INSERT INTO stock_movements (tenant_id, stock_id, position, id, warehouse_id, product_id, kind, on_hand_change, reserved_change,
        unit_cost, on_hand, reserved, average_cost, reason, document_type, document_id, document_line, business_date, actor_type, actor_id,
        actor_name, correlation_id, recorded_at)
    SELECT common.tenant, m.*, common.actor_type, common.actor_id, common.actor_name, common.correlation_id, common.now
    FROM common, unnest($23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39) AS m"
}

async fn write(work: &UnitOfWork<'_>, levels: &[&StockLevel], now: DateTime<Utc>) -> Result<(), Error> {
    if levels.is_empty() {
        return Ok(());
    }
    let mut connection = work.pipeline();
    let (principal, correlation_id) = (&work.context().principal, &work.context().correlation_id);
    let posted: Vec<(&StockLevel, &Movement)> =
        levels.iter().flat_map(|level| level.posted.iter().map(move |movement| (*level, movement))).collect();
    let ids: Vec<_> = levels.iter().map(|level| level.id.uuid()).collect();
    let versions: Vec<_> = levels.iter().map(|level| level.version).collect();
    let skus: Vec<_> = levels.iter().map(|level| level.sku.as_str()).collect();
    let names: Vec<_> = levels.iter().map(|level| level.name.as_str()).collect();
    let on_hand: Vec<_> = levels.iter().map(|level| level.on_hand.value()).collect();
    let reserved: Vec<_> = levels.iter().map(|level| level.reserved.value()).collect();
    let waiting: Vec<_> = levels.iter().map(|level| level.waiting.value()).collect();
    let average_costs: Vec<_> = levels.iter().map(|level| level.average_cost.value()).collect();
    let rules: Vec<_> = levels.iter().map(|level| level.reorder.as_ref()).collect();
    let points: Vec<_> = rules.iter().map(|rule| rule.map(|rule| rule.point.value())).collect();
    let quantities: Vec<_> = rules.iter().map(|rule| rule.map(|rule| rule.quantity.value())).collect();
    let low: Vec<_> = levels.iter().map(|level| level.low).collect();
    let told_at: Vec<_> = levels.iter().map(|level| level.told_at).collect();
    let untold: Vec<_> = levels.iter().map(|level| level.untold).collect();
    let movements: Vec<_> = levels.iter().map(|level| level.movements).collect();
    let located: Vec<_> = levels.iter().map(|level| level.located.value()).collect();
    let categories: Vec<_> = levels.iter().map(|level| level.category_id.map(CategoryId::uuid)).collect();
    let stock_ids: Vec<_> = posted.iter().map(|(level, _)| level.id.uuid()).collect();
    let positions: Vec<_> = posted.iter().map(|(_, movement)| movement.position).collect();
    let movement_ids: Vec<_> = posted.iter().map(|_| Uuid::now_v7()).collect();
    let warehouses: Vec<_> = posted.iter().map(|(level, _)| level.warehouse_id.uuid()).collect();
    let products: Vec<_> = posted.iter().map(|(level, _)| level.product_id.uuid()).collect();
    let kinds: Vec<_> = posted.iter().map(|(_, movement)| movement.kind.as_str()).collect();
    let on_hand_changes: Vec<_> =
        posted.iter().map(|(_, movement)| movement.on_hand_change.value()).collect();
    let reserved_changes: Vec<_> =
        posted.iter().map(|(_, movement)| movement.reserved_change.value()).collect();
    let unit_costs: Vec<_> =
        posted.iter().map(|(_, movement)| movement.unit_cost.as_ref().map(UnitPrice::value)).collect();
    let on_hand_after: Vec<_> = posted.iter().map(|(_, movement)| movement.on_hand.value()).collect();
    let reserved_after: Vec<_> = posted.iter().map(|(_, movement)| movement.reserved.value()).collect();
    let average_cost_after: Vec<_> =
        posted.iter().map(|(_, movement)| movement.average_cost.value()).collect();
    let documents: Vec<_> = posted.iter().map(|(_, movement)| &movement.document).collect();
    let reasons: Vec<_> =
        documents.iter().map(|document| document.reason.as_ref().map(|reason| reason.as_str())).collect();
    let document_types: Vec<_> = documents.iter().map(|document| document.kind.as_str()).collect();
    let document_ids: Vec<_> = documents.iter().map(|document| document.id).collect();
    let document_lines: Vec<_> = documents.iter().map(|document| document.line).collect();
    let business_dates: Vec<_> = documents.iter().map(|document| document.business_date.date()).collect();
    Write::new(
        work.tenant().uuid(),
        now,
        principal.actor.kind(),
        principal.id().map(|id| id.uuid()),
        &principal.name,
        correlation_id,
        &ids,
        &versions,
        &skus,
        &names,
        &on_hand,
        &reserved,
        &waiting,
        &average_costs,
        &points,
        &quantities,
        &low,
        &told_at,
        &untold,
        &movements,
        &located,
        &categories,
        &stock_ids,
        &positions,
        &movement_ids,
        &warehouses,
        &products,
        &kinds,
        &on_hand_changes,
        &reserved_changes,
        &unit_costs,
        &on_hand_after,
        &reserved_after,
        &average_cost_after,
        &reasons,
        &document_types,
        &document_ids,
        &document_lines,
        &business_dates,
    )
    .execute(&mut connection)
    .await?;
    Ok(())
}

crate::statement! {
    /// Saves what lies in locations, and what was put into them or taken out, in one statement.
    struct WritePlaces<'a> {
        tenant: Uuid => SqlUuid,
        now: DateTime<Utc> => Timestamptz,
        actor_type: &'a str => Text,
        actor_id: Option<Uuid> => Nullable<SqlUuid>,
        actor_name: &'a str => Text,
        correlation_id: &'a str => Text,
        stock_ids: &'a [Uuid] => Array<SqlUuid>,
        location_ids: &'a [Uuid] => Array<SqlUuid>,
        warehouses: &'a [Uuid] => Array<SqlUuid>,
        products: &'a [Uuid] => Array<SqlUuid>,
        on_hand: &'a [&'a BigDecimal] => Array<Numeric>,
        movement_ids: &'a [Uuid] => Array<SqlUuid>,
        moved_stock: &'a [Uuid] => Array<SqlUuid>,
        moved_locations: &'a [Uuid] => Array<SqlUuid>,
        moved_warehouses: &'a [Uuid] => Array<SqlUuid>,
        moved_products: &'a [Uuid] => Array<SqlUuid>,
        changes: &'a [&'a BigDecimal] => Array<Numeric>,
        on_hand_after: &'a [&'a BigDecimal] => Array<Numeric>,
        reasons: &'a [Option<&'a str>] => Array<Nullable<Text>>,
        document_types: &'a [&'a str] => Array<Text>,
        document_ids: &'a [Uuid] => Array<SqlUuid>,
        document_lines: &'a [Option<i16>] => Array<Nullable<SmallInt>>,
        business_dates: &'a [NaiveDate] => Array<Date>,
    }
    = "WITH common AS (
        SELECT $1 AS tenant, $2 AS now, $3 AS actor_type, $4 AS actor_id, $5 AS actor_name, $6 AS correlation_id
    ),
    place AS (
        SELECT * FROM unnest($7, $8, $9, $10, $11) AS p (stock_id, location_id, warehouse_id, product_id, on_hand)
    ),
    emptied AS (
        DELETE FROM stock_places AS s USING common, place AS p
        WHERE s.tenant_id = common.tenant AND s.stock_id = p.stock_id AND s.location_id = p.location_id AND p.on_hand = 0::numeric
    ),
    kept AS (
        INSERT INTO stock_places AS s (tenant_id, stock_id, location_id, warehouse_id, product_id, on_hand)
        SELECT common.tenant, p.* FROM common, place AS p WHERE p.on_hand > 0::numeric
        ON CONFLICT (tenant_id, stock_id, location_id) DO UPDATE SET on_hand = EXCLUDED.on_hand
    )
    INSERT INTO stock_location_movements (tenant_id, id, stock_id, location_id, warehouse_id, product_id, change, on_hand, reason,
        document_type, document_id, document_line, business_date, actor_type, actor_id, actor_name, correlation_id, recorded_at)
    SELECT common.tenant, m.*, common.actor_type, common.actor_id, common.actor_name, common.correlation_id, common.now
    FROM common, unnest($12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23) AS m"
}

/// Saves the places of levels that were locked, as far as they changed.
async fn write_places(
    work: &UnitOfWork<'_>,
    levels: &[&StockLevel],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let moved: Vec<(&StockLevel, &PlaceMovement)> = levels
        .iter()
        .flat_map(|level| level.relocated.iter().map(move |movement| (*level, movement)))
        .collect();
    if moved.is_empty() {
        return Ok(());
    }
    // What lies in each place in the end: the last movement says it.
    let mut last: BTreeMap<(StockId, LocationId), (&StockLevel, &PlaceMovement)> = BTreeMap::new();
    for (level, movement) in &moved {
        last.insert((level.id, movement.location_id), (*level, *movement));
    }
    let mut connection = work.pipeline();
    let (principal, correlation_id) = (&work.context().principal, &work.context().correlation_id);
    let stock_ids: Vec<_> = last.keys().map(|(stock, _)| stock.uuid()).collect();
    let location_ids: Vec<_> = last.keys().map(|(_, location)| location.uuid()).collect();
    let warehouses: Vec<_> = last.values().map(|(level, _)| level.warehouse_id.uuid()).collect();
    let products: Vec<_> = last.values().map(|(level, _)| level.product_id.uuid()).collect();
    let on_hand: Vec<_> = last.values().map(|(_, movement)| movement.on_hand.value()).collect();
    let movement_ids: Vec<_> = moved.iter().map(|_| Uuid::now_v7()).collect();
    let moved_stock: Vec<_> = moved.iter().map(|(level, _)| level.id.uuid()).collect();
    let moved_locations: Vec<_> = moved.iter().map(|(_, movement)| movement.location_id.uuid()).collect();
    let moved_warehouses: Vec<_> = moved.iter().map(|(level, _)| level.warehouse_id.uuid()).collect();
    let moved_products: Vec<_> = moved.iter().map(|(level, _)| level.product_id.uuid()).collect();
    let changes: Vec<_> = moved.iter().map(|(_, movement)| movement.change.value()).collect();
    let on_hand_after: Vec<_> = moved.iter().map(|(_, movement)| movement.on_hand.value()).collect();
    let documents: Vec<_> = moved.iter().map(|(_, movement)| &movement.document).collect();
    let reasons: Vec<_> =
        documents.iter().map(|document| document.reason.as_ref().map(|reason| reason.as_str())).collect();
    let document_types: Vec<_> = documents.iter().map(|document| document.kind.as_str()).collect();
    let document_ids: Vec<_> = documents.iter().map(|document| document.id).collect();
    let document_lines: Vec<_> = documents.iter().map(|document| document.line).collect();
    let business_dates: Vec<_> = documents.iter().map(|document| document.business_date.date()).collect();
    WritePlaces::new(
        work.tenant().uuid(),
        now,
        principal.actor.kind(),
        principal.id().map(|id| id.uuid()),
        &principal.name,
        correlation_id,
        &stock_ids,
        &location_ids,
        &warehouses,
        &products,
        &on_hand,
        &movement_ids,
        &moved_stock,
        &moved_locations,
        &moved_warehouses,
        &moved_products,
        &changes,
        &on_hand_after,
        &reasons,
        &document_types,
        &document_ids,
        &document_lines,
        &business_dates,
    )
    .execute(&mut connection)
    .await?;
    Ok(())
}

/// Returns in which warehouse a level is: that never changes. Nothing is locked.
///
/// # Errors
/// `NotFound` if the tenant has no such level. Fails if the database cannot be reached.
pub(super) async fn warehouse_of(work: &mut UnitOfWork<'_>, id: StockId) -> Result<WarehouseId, Error> {
    let warehouse: Option<Uuid> = stock_levels::table
        .find((work.tenant().uuid(), id.uuid()))
        .select(stock_levels::warehouse_id)
        .first(work.connection())
        .await
        .optional()?;
    Ok(warehouse.map(WarehouseId::from_uuid).ok_or(StockError::NotFound(id))?)
}

/// Loads a level and locks it.
///
/// # Errors
/// `NotFound` if the tenant has no such level. Fails if the database cannot be reached.
pub(super) async fn load(
    work: &mut UnitOfWork<'_>,
    id: StockId,
) -> Result<(Levels, (WarehouseId, ProductId)), Error> {
    work.locks(Locked::Stock);
    let row: Option<StockRow> = stock_levels::table
        .find((work.tenant().uuid(), id.uuid()))
        .select(StockRow::as_select())
        .for_no_key_update()
        .get_result(work.connection())
        .await
        .optional()?;
    let row = row.ok_or(StockError::NotFound(id))?;
    let place = (WarehouseId::from_uuid(row.warehouse_id), ProductId::from_uuid(row.product_id));
    Ok((Levels::of(vec![row]), place))
}

/// Locks all levels of a product.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn lock_of_product(work: &mut UnitOfWork<'_>, product: ProductId) -> Result<Levels, Error> {
    work.locks(Locked::Stock);
    let rows: Vec<StockRow> = stock_levels::table
        .filter(
            stock_levels::tenant_id.eq(work.tenant().uuid()).and(stock_levels::product_id.eq(product.uuid())),
        )
        .select(StockRow::as_select())
        .order((stock_levels::warehouse_id, stock_levels::product_id))
        .for_no_key_update()
        .load(work.connection())
        .await?;
    Ok(Levels::of(rows))
}

/// Gives all levels of a product its present name and category. Of one that is archived, or not kept in stock any more, no more is ordered:
/// a rule that says when would find it low for ever.
///
/// # Errors
/// `StillKept` if the product is not kept in stock any more, and there is some. Fails if the database cannot be reached.
pub(crate) async fn follow(work: &mut UnitOfWork<'_>, product: &Product) -> Result<(), Error> {
    let mut levels = lock_of_product(work, product.id()).await?;
    if !product.details().stocked && !levels.0.values().all(StockLevel::is_empty) {
        return Err(StockError::StillKept { product: product.id() }.into());
    }
    let details = product.details();
    for level in levels.0.values_mut() {
        level.describe(details.sku.as_str(), details.name.as_str(), details.category_id);
        if product.is_archived() || !details.stocked {
            level.set_reorder(None);
        }
    }
    levels.save(work).await?;
    Ok(())
}

crate::statement! {
    /// The service `stock_levels` tells of the levels: there may be many.
    struct EndReordering<'a> { tenant: Uuid => SqlUuid, warehouse: Uuid => SqlUuid, now: DateTime<Utc> => Timestamptz }
    = "WITH ruled AS MATERIALIZED (
        SELECT r.tenant_id, r.id FROM stock_levels AS r
        WHERE r.tenant_id = $1 AND r.warehouse_id = $2 AND r.reorder_point IS NOT NULL ORDER BY r.product_id FOR NO KEY UPDATE
    )
    UPDATE stock_levels AS s
    SET reorder_point = NULL, reorder_quantity = NULL, low = false, untold = true, version = s.version + 1,
        updated_at = GREATEST(s.updated_at, $3)
    FROM ruled WHERE s.tenant_id = ruled.tenant_id AND s.id = ruled.id"
}

/// Ends the rules of a warehouse, which is archived and locked: no more is ordered for it.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn end_reordering(work: &mut UnitOfWork<'_>, warehouse: WarehouseId) -> Result<(), Error> {
    work.locks(Locked::Stock);
    let (tenant, now) = (work.tenant().uuid(), work.now());
    EndReordering::new(tenant, warehouse.uuid(), now).execute(work.connection()).await?;
    Ok(())
}

/// Tells what was not told yet of these levels.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn tell(work: &mut UnitOfWork<'_>, ids: &[StockId]) -> Result<usize, Error> {
    work.locks(Locked::Stock);
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let rows: Vec<StockRow> = stock_levels::table
        .filter(stock_levels::tenant_id.eq(work.tenant().uuid()).and(stock_levels::id.eq_any(ids)))
        .filter(stock_levels::untold)
        .select(StockRow::as_select())
        .order((stock_levels::warehouse_id, stock_levels::product_id))
        .for_no_key_update()
        .load(work.connection())
        .await?;
    let Some(latest) = rows.iter().map(|row| row.updated_at).max() else { return Ok(0) };
    let now = work.now_after(latest);
    let mut told: Vec<Uuid> = Vec::new();
    let mut events: Vec<StockEvent> = Vec::new();
    for row in rows {
        let mut level = row.into_level();
        if let Some(event) = level.tell(now) {
            told.push(level.id.uuid());
            events.push(event);
        }
    }
    diesel::update(stock_levels::table)
        .filter(stock_levels::tenant_id.eq(work.tenant().uuid()).and(stock_levels::id.eq_any(told)))
        .set((stock_levels::untold.eq(false), stock_levels::told_at.eq(now)))
        .execute(work.connection())
        .await?;
    work.only_tells();
    let number = events.len();
    for event in events {
        work.record(event).await?;
    }
    Ok(number)
}
