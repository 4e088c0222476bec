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
use crate::commerce::stock::Levels;
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
    /// The orders that have reserved a product last, as many as have so much of it together, and the ones before them.
    struct Newest<'a> {
        tenant: Uuid => SqlUuid,
        warehouse: Uuid => SqlUuid,
        product: Uuid => SqlUuid,
        units: &'a BigDecimal => Numeric,
    } -> (SqlUuid,)
    = "SELECT DISTINCT order_id
     FROM (
         SELECT r.order_id, sum(r.reserved) OVER (ORDER BY r.placed_at DESC, r.order_id DESC, r.position DESC) - r.reserved AS newer
         FROM stock_reservations AS r
         WHERE r.tenant_id = $1 AND r.warehouse_id = $2 AND r.product_id = $3 AND r.reserved > 0::numeric
     ) AS reserving
     WHERE newer < $4"
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

/// Locks the orders that would have to give back so many units of a product, the newest first.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn lock_newest(
    work: &mut UnitOfWork<'_>,
    warehouse: WarehouseId,
    wanted: &[(ProductId, Units)],
) -> Result<Vec<Order>, Error> {
    let mut found: Vec<(Uuid,)> = Vec::new();
    for (product, units) in wanted {
        let tenant = work.tenant().uuid();
        let orders: Vec<(Uuid,)> = Newest::new(tenant, warehouse.uuid(), product.uuid(), units.value())
            .load(work.connection())
            .await?;
        found.extend(orders);
    }
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
