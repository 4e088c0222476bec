//! Orders that wait for goods: who gets what comes, and who gives back what is missing. Who changes the stock reads without locks which
//! orders are concerned, and by which of their products; locks them, then the stock; and looks again: who holds a level changes what is
//! reserved and waited for of it, and nobody else. If others are concerned by then, the unit of work begins anew.

use std::collections::{BTreeMap, BTreeSet};

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Nullable, Numeric, SmallInt, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::aggregate::Order;
use super::events::OrderEvent;
use super::{repository, reservation_rows};
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::commerce::stock::{self, Levels, MAX_LINES_TAKEN_BACK, MAX_TAKEN_BACK, StockError};
use crate::values::goods::Units;
use crate::values::ids::{OrderId, ProductId, WarehouseId};

/// The maximum number of waiting orders that a unit of work serves, of all its products together. The service `back_orders` serves the
/// rest.
const SERVED_AT_ONCE: i64 = 200;
/// The maximum number of lines that these orders have together, which are loaded with them.
const LINES_AT_ONCE: i64 = 20_000;

crate::statement! {
    /// The orders that wait for these products, each with the product for which it waits, and when it was placed: the oldest of all, so of
    /// each product those who come first. The lines of an order count from 1.
    struct Oldest<'a> {
        tenant: Uuid => SqlUuid,
        warehouse: Uuid => SqlUuid,
        orders: i64 => BigInt,
        lines: i64 => BigInt,
        products: &'a [Uuid] => Array<SqlUuid>,
    } -> (SqlUuid, SqlUuid, Timestamptz)
    = "WITH place AS MATERIALIZED (SELECT $1 AS tenant_id, $2 AS warehouse_id, $3 AS orders, $4 AS lines),
     waiting AS MATERIALIZED (
         SELECT product.id AS product_id, first.order_id, first.placed_at
         FROM place, unnest($5) AS product (id), LATERAL (
             SELECT r.order_id, r.placed_at FROM stock_reservations AS r
             WHERE r.tenant_id = place.tenant_id AND r.warehouse_id = place.warehouse_id AND r.product_id = product.id
                 AND r.waiting > 0::numeric
             ORDER BY r.placed_at, r.order_id, r.position LIMIT place.orders
         ) AS first
     ),
     oldest AS MATERIALIZED (
         SELECT w.order_id, w.placed_at FROM waiting AS w GROUP BY w.order_id, w.placed_at
         ORDER BY w.placed_at, w.order_id LIMIT (SELECT orders FROM place)
     ),
     counted AS MATERIALIZED (
         SELECT o.order_id, sum(line.number) OVER (ORDER BY o.placed_at, o.order_id) AS lines
         FROM place, oldest AS o, LATERAL (
             SELECT max(l.position) AS number FROM order_lines AS l WHERE l.tenant_id = place.tenant_id AND l.order_id = o.order_id
         ) AS line
     )
     SELECT DISTINCT w.product_id, w.order_id, w.placed_at
     FROM place, waiting AS w JOIN counted AS c ON c.order_id = w.order_id
     WHERE c.lines <= place.lines"
}

crate::statement! {
    /// The reservations of each of these products that were made last, as many as have so much of it together, and the ones before them:
    /// of which product, of which order, and how many lines that has, which count from 1.
    struct Newest<'a> {
        tenant: Uuid => SqlUuid,
        warehouse: Uuid => SqlUuid,
        most: i64 => BigInt,
        products: &'a [Uuid] => Array<SqlUuid>,
        units: &'a [&'a BigDecimal] => Array<Numeric>,
    } -> (SqlUuid, SqlUuid, Nullable<SmallInt>)
    = "WITH place AS MATERIALIZED (SELECT $1 AS tenant_id, $2 AS warehouse_id, $3 AS most),
     giving AS MATERIALIZED (
         SELECT wanted.product_id, reserving.order_id
         FROM place, unnest($4, $5) AS wanted (product_id, units), LATERAL (
             SELECT r.order_id, sum(r.reserved) OVER (ORDER BY r.placed_at DESC, r.order_id DESC, r.position DESC) - r.reserved AS newer
             FROM (
                 SELECT s.order_id, s.placed_at, s.position, s.reserved FROM stock_reservations AS s
                 WHERE s.tenant_id = place.tenant_id AND s.warehouse_id = place.warehouse_id AND s.product_id = wanted.product_id
                     AND s.reserved > 0::numeric
                 ORDER BY s.placed_at DESC, s.order_id DESC, s.position DESC LIMIT place.most
             ) AS r
         ) AS reserving
         WHERE reserving.newer < wanted.units
         LIMIT (SELECT most FROM place)
     )
     SELECT g.product_id, g.order_id,
         (SELECT max(l.position) FROM order_lines AS l WHERE l.tenant_id = place.tenant_id AND l.order_id = g.order_id)
     FROM place, giving AS g"
}

/// By which of its products each order is concerned.
type Concerned = BTreeMap<OrderId, BTreeSet<ProductId>>;

fn concerned(found: impl IntoIterator<Item = (Uuid, Uuid)>) -> Concerned {
    let mut concerned = Concerned::new();
    for (product, order) in found {
        let products = concerned.entry(OrderId::from_uuid(order)).or_default();
        products.insert(ProductId::from_uuid(product));
    }
    concerned
}

/// Orders that are locked, the oldest first, and for which products it is whose turn. An order may wait for others as well, for which older
/// orders wait that are not here.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// `None` if nobody waits.
    warehouse: Option<WarehouseId>,
    orders: Vec<Order>,
    turns: Concerned,
}

impl Waiting {
    pub(crate) fn order_mut(&mut self, id: OrderId) -> Option<&mut Order> {
        self.orders.iter_mut().find(|order| order.id() == id)
    }

    /// Gives what is available to the orders whose turn it is, now that the levels are locked. Returns those that got something.
    ///
    /// # Errors
    /// `Overtaken` if older orders have begun to wait meanwhile. Fails if the database cannot be reached.
    pub(crate) async fn serve(
        &mut self,
        levels: &mut Levels,
        work: &mut UnitOfWork<'_>,
    ) -> Result<Vec<OrderEvent>, Error> {
        self.check_turns(levels, work).await?;
        let mut events = Vec::new();
        for order in &mut self.orders {
            let Some(products) = self.turns.get(&order.id()) else { continue };
            let now = work.now_after(order.updated_at());
            events.extend(order.serve(products, levels, now));
        }
        Ok(events)
    }

    /// Looks again who waits, where somebody is about to get goods and there are too few for all. An older order may have begun to wait
    /// since whose turn it is was read: it was amended, or had to give something back, or was placed first and committed last. A product
    /// for which nobody waited then is given to nobody here, so nobody is passed over: the service serves who waits.
    async fn check_turns(&self, levels: &Levels, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let Some(warehouse) = self.warehouse else { return Ok(()) };
        let is_short = |product: &ProductId| {
            levels.get(warehouse, *product).is_some_and(|level| {
                let available = level.available();
                !available.is_zero() && available < *level.waiting()
            })
        };
        let short: BTreeSet<ProductId> = self.turns.values().flatten().copied().filter(is_short).collect();
        let short: Vec<ProductId> = short.into_iter().collect();
        let has_turn = |order: OrderId, product: ProductId| {
            self.turns.get(&order).is_some_and(|products| products.contains(&product))
        };
        for (product, order, placed_at) in oldest(work, warehouse, &short).await? {
            let (product, place) = (ProductId::from_uuid(product), (placed_at, OrderId::from_uuid(order)));
            let is_passed_over = |younger: &Order| {
                has_turn(younger.id(), product) && (younger.placed_at(), younger.id()) > place
            };
            if !has_turn(place.1, product) && self.orders.iter().any(is_passed_over) {
                return Err(Error::Overtaken);
            }
        }
        Ok(())
    }
}

/// Locks the orders that wait for these products in this warehouse: the oldest, as many as are served at once.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn lock_waiting(
    work: &mut UnitOfWork<'_>,
    warehouse: WarehouseId,
    products: &[ProductId],
) -> Result<Waiting, Error> {
    let turns = waiting(work, warehouse, products).await?;
    let orders = lock(work, turns.keys().copied().collect()).await?;
    Ok(Waiting { warehouse: Some(warehouse), orders, turns })
}

async fn waiting(
    work: &mut UnitOfWork<'_>,
    warehouse: WarehouseId,
    products: &[ProductId],
) -> Result<Concerned, Error> {
    let found = oldest(work, warehouse, products).await?;
    Ok(concerned(found.into_iter().map(|(product, order, _)| (product, order))))
}

/// Returns who waits for these products, each with the product, and when it was placed: the oldest, as many as are served at once.
async fn oldest(
    work: &mut UnitOfWork<'_>,
    warehouse: WarehouseId,
    products: &[ProductId],
) -> Result<Vec<(Uuid, Uuid, DateTime<Utc>)>, Error> {
    if products.is_empty() {
        return Ok(Vec::new());
    }
    let products: BTreeSet<ProductId> = products.iter().copied().collect();
    let products: Vec<Uuid> = products.iter().map(|product| product.uuid()).collect();
    let (tenant, warehouse) = (work.tenant().uuid(), warehouse.uuid());
    Ok(Oldest::new(tenant, warehouse, SERVED_AT_ONCE, LINES_AT_ONCE, &products)
        .load(work.connection())
        .await?)
}

/// Locks an order together with those that wait for these products in this warehouse. Of its own goods it is among those who wait, or has
/// no turn. Without a warehouse, nobody waits.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn lock_with_waiting(
    work: &mut UnitOfWork<'_>,
    order: OrderId,
    warehouse: Option<WarehouseId>,
    products: &[ProductId],
) -> Result<Waiting, Error> {
    let turns = match warehouse {
        Some(warehouse) => waiting(work, warehouse, products).await?,
        None => Concerned::new(),
    };
    let orders = lock(work, turns.keys().copied().chain([order]).collect()).await?;
    Ok(Waiting { warehouse, orders, turns })
}

/// Goods that are to be taken away from a warehouse, and the orders that have to give them back, locked: the newest first.
#[derive(Debug)]
pub(crate) struct TakenAway {
    warehouse: WarehouseId,
    taken: Vec<(ProductId, Units)>,
    givers: Vec<Order>,
    gives: Concerned,
}

impl TakenAway {
    /// Reads without locks what would be missing, and locks the orders that have it. `taken` names each product once.
    ///
    /// # Errors
    /// `TooManyTakenBack` if more would have to give back than do so at once. Fails if the database cannot be reached.
    pub(crate) async fn lock_givers(
        work: &mut UnitOfWork<'_>,
        warehouse: WarehouseId,
        taken: Vec<(ProductId, Units)>,
    ) -> Result<Self, Error> {
        let products: Vec<ProductId> = taken.iter().map(|(product, _)| *product).collect();
        let levels = stock::repository::look(work, &[warehouse], &products).await?;
        let missing = missing(&taken, warehouse, &levels);
        let gives = newest(work, warehouse, &missing).await?;
        let mut givers = lock(work, gives.keys().copied().collect()).await?;
        givers.reverse();
        Ok(Self { warehouse, taken, givers, gives })
    }

    /// Whether no order has to give anything back.
    pub(crate) fn is_free(&self) -> bool {
        self.givers.is_empty()
    }

    /// Takes back from the orders what is missing, now that the levels are locked. Returns the orders that wait from then on.
    ///
    /// # Errors
    /// `Overtaken` if others are by now the newest that have it: goods were reserved meanwhile. `TooManyTakenBack` as [`Self::lock_givers`].
    /// Fails if the database cannot be reached.
    pub(crate) async fn take_back(
        &mut self,
        levels: &mut Levels,
        work: &mut UnitOfWork<'_>,
    ) -> Result<Vec<OrderEvent>, Error> {
        let missing = missing(&self.taken, self.warehouse, levels);
        // Nothing is asked if nothing is missing.
        let gives = newest(work, self.warehouse, &missing).await?;
        let is_locked = |(order, products): (&OrderId, &BTreeSet<ProductId>)| {
            self.gives.get(order).is_some_and(|locked| products.is_subset(locked))
        };
        if !gives.iter().all(is_locked) {
            return Err(Error::Overtaken);
        }
        let mut missing: BTreeMap<ProductId, Units> = missing.into_iter().collect();
        let mut events = Vec::new();
        for order in &mut self.givers {
            let Some(products) = gives.get(&order.id()) else { continue };
            let now = work.now_after(order.updated_at());
            events.extend(order.give_back(products, &mut missing, levels, now));
        }
        Ok(events)
    }
}

/// How many units of each product orders have that are to be taken away.
fn missing(taken: &[(ProductId, Units)], warehouse: WarehouseId, levels: &Levels) -> Vec<(ProductId, Units)> {
    let missing = taken.iter().filter_map(|(product, units)| {
        let missing = levels.get(warehouse, *product)?.overpromised(units);
        (!missing.is_zero()).then_some((*product, missing))
    });
    missing.collect()
}

/// Returns the orders that would have to give back so many units of these products: the newest.
async fn newest(
    work: &mut UnitOfWork<'_>,
    warehouse: WarehouseId,
    wanted: &[(ProductId, Units)],
) -> Result<Concerned, Error> {
    if wanted.is_empty() {
        return Ok(Concerned::new());
    }
    let products: Vec<Uuid> = wanted.iter().map(|(product, _)| product.uuid()).collect();
    let units: Vec<&BigDecimal> = wanted.iter().map(|(_, units)| units.value()).collect();
    // One more than are taken back at once: so it is seen that there are more.
    let most = i64::from(MAX_TAKEN_BACK) + 1;
    let found: Vec<(Uuid, Uuid, Option<i16>)> =
        Newest::new(work.tenant().uuid(), warehouse.uuid(), most, &products, &units)
            .load(work.connection())
            .await?;
    let lines_of: BTreeMap<Uuid, u16> =
        found.iter().map(|(_, order, lines)| (*order, lines.unwrap_or_default().unsigned_abs())).collect();
    let lines: u32 = lines_of.values().map(|lines| u32::from(*lines)).sum();
    if found.len() > usize::from(MAX_TAKEN_BACK) || lines > MAX_LINES_TAKEN_BACK {
        return Err(StockError::TooManyTakenBack.into());
    }
    Ok(concerned(found.into_iter().map(|(product, order, _)| (product, order))))
}

/// Locks orders in the order of their ids, and returns them, the oldest first.
async fn lock(work: &mut UnitOfWork<'_>, mut ids: Vec<OrderId>) -> Result<Vec<Order>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    ids.sort_unstable();
    ids.dedup();
    let mut orders = repository::load_several(work, &ids).await?;
    orders.sort_by_key(|order| (order.placed_at(), order.id()));
    Ok(orders)
}

/// Saves orders whose goods have changed, and records it. No order is in two of the events.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn save(work: &mut UnitOfWork<'_>, events: Vec<OrderEvent>) -> Result<(), Error> {
    reservation_rows::write_held(work, &events).await?;
    for event in events {
        work.record(event).await?;
    }
    Ok(())
}
