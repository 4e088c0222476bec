//! Orders that wait for goods: who gets what comes, and who gives back what is missing. Who changes the stock reads without locks which
//! orders are concerned, locks them, then the stock, and looks again.

use bigdecimal::BigDecimal;
use diesel::sql_types::{Array, BigInt, Numeric, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::aggregate::Order;
use super::events::OrderEvent;
use super::repository;
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::commerce::stock::{self, Levels};
use crate::values::goods::Units;
use crate::values::ids::{OrderId, ProductId, WarehouseId};

/// The maximum number of waiting orders of one product that a change of its stock serves in its own transaction. The service
/// `back_orders` serves the rest.
const SERVED_AT_ONCE: i64 = 50;

crate::statement! {
    /// The orders that wait for one of these products, the oldest of each.
    struct Waiting<'a> { tenant: Uuid => SqlUuid, warehouse: Uuid => SqlUuid, most: i64 => BigInt, products: &'a [Uuid] => Array<SqlUuid> }
        -> (SqlUuid,)
    = "WITH place AS MATERIALIZED (SELECT $1 AS tenant_id, $2 AS warehouse_id, $3 AS most)
     SELECT DISTINCT waiting.order_id
     FROM place, unnest($4) AS product (id), LATERAL (
         SELECT r.order_id FROM stock_reservations AS r
         WHERE r.tenant_id = place.tenant_id AND r.warehouse_id = place.warehouse_id AND r.product_id = product.id AND r.waiting > 0::numeric
         ORDER BY r.placed_at, r.order_id, r.position LIMIT place.most
     ) AS waiting"
}

crate::statement! {
    /// The orders that have reserved each of these products last, as many as have so much of it together, and the ones before them.
    struct Newest<'a> {
        tenant: Uuid => SqlUuid,
        warehouse: Uuid => SqlUuid,
        products: &'a [Uuid] => Array<SqlUuid>,
        units: &'a [&'a BigDecimal] => Array<Numeric>,
    } -> (SqlUuid,)
    = "WITH place AS MATERIALIZED (SELECT $1 AS tenant_id, $2 AS warehouse_id)
     SELECT DISTINCT reserving.order_id
     FROM place, unnest($3, $4) AS wanted (product_id, units), LATERAL (
         SELECT r.order_id, sum(r.reserved) OVER (ORDER BY r.placed_at DESC, r.order_id DESC, r.position DESC) - r.reserved AS newer
         FROM stock_reservations AS r
         WHERE r.tenant_id = place.tenant_id AND r.warehouse_id = place.warehouse_id AND r.product_id = wanted.product_id
             AND r.reserved > 0::numeric
     ) AS reserving
     WHERE reserving.newer < wanted.units"
}

/// Locks the orders that wait for these products in this warehouse, the oldest first.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn lock_waiting(
    work: &mut UnitOfWork<'_>,
    warehouse: WarehouseId,
    products: &[ProductId],
) -> Result<Vec<Order>, Error> {
    let found = waiting(work, warehouse, products).await?;
    lock(work, found).await
}

async fn waiting(
    work: &mut UnitOfWork<'_>,
    warehouse: WarehouseId,
    products: &[ProductId],
) -> Result<Vec<(Uuid,)>, Error> {
    if products.is_empty() {
        return Ok(Vec::new());
    }
    let products: Vec<Uuid> = products.iter().map(|product| product.uuid()).collect();
    let (tenant, warehouse) = (work.tenant().uuid(), warehouse.uuid());
    Ok(Waiting::new(tenant, warehouse, SERVED_AT_ONCE, &products).load(work.connection()).await?)
}

/// Locks an order together with those that wait for these products in this warehouse, the oldest first.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn lock_with_waiting(
    work: &mut UnitOfWork<'_>,
    order: OrderId,
    warehouse: WarehouseId,
    products: &[ProductId],
) -> Result<Vec<Order>, Error> {
    let mut found = waiting(work, warehouse, products).await?;
    found.push((order.uuid(),));
    lock(work, found).await
}

/// Goods that are to be taken away from a warehouse, and the orders that have to give them back, locked: the newest first.
#[derive(Debug)]
pub(crate) struct TakenAway {
    warehouse: WarehouseId,
    taken: Vec<(ProductId, Units)>,
    givers: Vec<Order>,
}

impl TakenAway {
    /// Reads without locks what would be missing, and locks the orders that have it. `taken` names each product once.
    ///
    /// # Errors
    /// Fails if the database cannot be reached.
    pub(crate) async fn lock_givers(
        work: &mut UnitOfWork<'_>,
        warehouse: WarehouseId,
        taken: Vec<(ProductId, Units)>,
    ) -> Result<Self, Error> {
        let products: Vec<ProductId> = taken.iter().map(|(product, _)| *product).collect();
        let levels = stock::repository::look(work, &[warehouse], &products).await?;
        let missing = taken.iter().filter_map(|(product, units)| {
            let missing = levels.get(warehouse, *product)?.overpromised(units);
            (!missing.is_zero()).then_some((*product, missing))
        });
        let missing: Vec<(ProductId, Units)> = missing.collect();
        let givers = lock_newest(work, warehouse, &missing).await?;
        Ok(Self { warehouse, taken, givers })
    }

    /// Whether no order has to give anything back.
    pub(crate) fn is_free(&self) -> bool {
        self.givers.is_empty()
    }

    /// Takes back from the orders what would be missing, now that the levels are locked. Returns the orders that wait from then on.
    ///
    /// # Errors
    /// `Overtaken` if others have reserved so much meanwhile that these orders do not have it.
    pub(crate) fn take_back(
        &mut self,
        levels: &mut Levels,
        work: &mut UnitOfWork<'_>,
    ) -> Result<Vec<OrderEvent>, Error> {
        let mut events = Vec::new();
        for (product, units) in &self.taken {
            let Some(level) = levels.get(self.warehouse, *product) else { continue };
            let (mut missing, is_there) = (level.overpromised(units), units <= level.on_hand());
            for order in self.givers.iter_mut().filter(|order| order.holds(*product)) {
                if missing.is_zero() {
                    break;
                }
                let now = work.now_after(order.updated_at());
                let (taken, event) = order.give_back(*product, &missing, levels, now);
                missing = missing.less(&taken);
                events.extend(event);
            }
            // What is not there at all is refused when it is taken.
            if is_there && !missing.is_zero() {
                return Err(Error::Overtaken);
            }
        }
        Ok(events)
    }
}

/// Locks the orders that would have to give back so many units of these products, the newest first.
async fn lock_newest(
    work: &mut UnitOfWork<'_>,
    warehouse: WarehouseId,
    wanted: &[(ProductId, Units)],
) -> Result<Vec<Order>, Error> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let products: Vec<Uuid> = wanted.iter().map(|(product, _)| product.uuid()).collect();
    let units: Vec<&BigDecimal> = wanted.iter().map(|(_, units)| units.value()).collect();
    let found: Vec<(Uuid,)> = Newest::new(work.tenant().uuid(), warehouse.uuid(), &products, &units)
        .load(work.connection())
        .await?;
    let mut orders = lock(work, found).await?;
    orders.reverse();
    Ok(orders)
}

async fn lock(work: &mut UnitOfWork<'_>, found: Vec<(Uuid,)>) -> Result<Vec<Order>, Error> {
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let mut ids: Vec<OrderId> = found.into_iter().map(|(id,)| OrderId::from_uuid(id)).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut orders = repository::load_several(work, &ids).await?;
    orders.sort_by_key(|order| (order.placed_at(), order.id()));
    Ok(orders)
}

/// Gives what is available to orders that wait, in this order. Returns the orders that got something.
pub(crate) fn serve(orders: &mut [Order], levels: &mut Levels, work: &mut UnitOfWork<'_>) -> Vec<OrderEvent> {
    let mut events = Vec::new();
    for order in orders {
        let now = work.now_after(order.updated_at());
        events.extend(order.serve(levels, now));
    }
    events
}

/// Saves orders whose goods have changed, and records it.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn save(work: &mut UnitOfWork<'_>, events: Vec<OrderEvent>) -> Result<(), Error> {
    for event in events {
        if let OrderEvent::Reserved(order) | OrderEvent::BackOrdered(order) = &event {
            order.save(work).await?;
            repository::replace_held(work, order).await?;
            repository::keep_step(work, &event).await?;
        }
        work.record(event).await?;
    }
    Ok(())
}
