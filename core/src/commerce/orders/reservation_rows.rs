//! What the lines of orders have reserved, and what they wait for, in the database.

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Numeric, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::aggregate::Order;
use super::events::OrderEvent;
use super::lines::OrderLine;
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::platform::schema::stock_reservations;
use crate::values::goods::Units;
use crate::values::ids::OrderId;

/// What a line has reserved, and what it waits for.
pub(super) type HeldRow = Option<(BigDecimal, BigDecimal)>;

/// Returns what a line has reserved, and what it waits for: nothing, if it has no row.
pub(super) fn held_units(held: HeldRow) -> (Units, Units) {
    held.map_or_else(
        || (Units::zero(), Units::zero()),
        |(reserved, waiting)| (Units::stored(reserved), Units::stored(waiting)),
    )
}

/// The condition that a reservation is one of this line.
macro_rules! of_line {
    () => {
        stock_reservations::tenant_id
            .eq(order_lines::tenant_id)
            .and(stock_reservations::order_id.eq(order_lines::order_id))
            .and(stock_reservations::position.eq(order_lines::position))
    };
}
pub(super) use of_line;

/// The columns of a [`HeldRow`].
macro_rules! held {
    () => {
        (stock_reservations::reserved, stock_reservations::waiting).nullable()
    };
}
pub(super) use held;

crate::statement! {
    struct InsertHeld<'a> {
        tenant: Uuid => SqlUuid,
        order: Uuid => SqlUuid,
        warehouse: Uuid => SqlUuid,
        placed_at: DateTime<Utc> => Timestamptz,
        positions: &'a [i16] => Array<SmallInt>,
        products: &'a [Uuid] => Array<SqlUuid>,
        reserved: &'a [&'a BigDecimal] => Array<Numeric>,
        waiting: &'a [&'a BigDecimal] => Array<Numeric>,
    }
    = "INSERT INTO stock_reservations (tenant_id, order_id, warehouse_id, placed_at, position, product_id, reserved, waiting)
     SELECT $1, $2, $3, $4, line.* FROM unnest($5, $6, $7, $8) AS line"
}

/// Writes what the lines of a new order have, and what they wait for.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn insert_held(work: &UnitOfWork<'_>, order: &Order) -> Result<(), Error> {
    let mut connection = work.pipeline();
    let Some(warehouse) = order.warehouse_id else { return Ok(()) };
    let holds = |line: &OrderLine| !line.reserved.is_zero() || !line.waiting.is_zero();
    let lines: Vec<(i16, &OrderLine)> = (1..).zip(&order.lines).filter(|(_, line)| holds(line)).collect();
    if lines.is_empty() {
        return Ok(());
    }
    let positions: Vec<_> = lines.iter().map(|(position, _)| *position).collect();
    let products: Vec<_> = lines.iter().map(|(_, line)| line.product_id.uuid()).collect();
    let reserved: Vec<_> = lines.iter().map(|(_, line)| line.reserved.value()).collect();
    let waiting: Vec<_> = lines.iter().map(|(_, line)| line.waiting.value()).collect();
    let (tenant, id) = (work.tenant().uuid(), order.id.uuid());
    InsertHeld::new(
        tenant,
        id,
        warehouse.uuid(),
        order.placed_at,
        &positions,
        &products,
        &reserved,
        &waiting,
    )
    .execute(&mut connection)
    .await?;
    Ok(())
}

crate::statement! {
    struct MarkWaiting<'a> { tenant: Uuid => SqlUuid, id: Uuid => SqlUuid }
    = "UPDATE orders SET waits = true WHERE tenant_id = $1 AND id = $2"
}

/// Notes that a new order waits for goods, which was not known yet when it was inserted.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn mark_waiting(work: &UnitOfWork<'_>, order: &Order) -> Result<(), Error> {
    let mut connection = work.pipeline();
    if order.is_waiting() {
        MarkWaiting::new(work.tenant().uuid(), order.id.uuid()).execute(&mut connection).await?;
    }
    Ok(())
}

/// Writes anew what the lines of an order have, and what they wait for.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn replace_held(work: &UnitOfWork<'_>, order: &Order) -> Result<(), Error> {
    // Nothing was ever held for it.
    if order.places().is_empty() {
        return Ok(());
    }
    delete_held(work, order).await?;
    insert_held(work, order).await
}

crate::statement! {
    /// Saves orders that have got goods or given some back, with what their lines have and wait for, and keeps their steps: one statement,
    /// however many there are.
    struct WriteHeld<'a> {
        tenant: Uuid => SqlUuid,
        request_id: &'a str => Text,
        orders: &'a [Uuid] => Array<SqlUuid>,
        versions: &'a [i64] => Array<BigInt>,
        events: &'a [&'a str] => Array<Text>,
        updated_at: &'a [DateTime<Utc>] => Array<Timestamptz>,
        waits: &'a [bool] => Array<Bool>,
        orders_of_lines: &'a [Uuid] => Array<SqlUuid>,
        positions: &'a [i16] => Array<SmallInt>,
        reserved: &'a [&'a BigDecimal] => Array<Numeric>,
        waiting: &'a [&'a BigDecimal] => Array<Numeric>,
    }
    = "WITH common AS (SELECT $1 AS tenant, $2 AS request_id),
    changed AS MATERIALIZED (
        SELECT * FROM unnest($3, $4, $5, $6, $7) AS n (id, version, event, updated_at, waits)
    ),
    raised AS (
        UPDATE orders AS o SET version = n.version, updated_at = n.updated_at, waits = n.waits
        FROM common, changed AS n
        WHERE o.tenant_id = common.tenant AND o.id = n.id
    ),
    held AS (
        UPDATE stock_reservations AS r SET reserved = n.reserved, waiting = n.waiting
        FROM common, unnest($8, $9, $10, $11) AS n (order_id, position, reserved, waiting)
        WHERE r.tenant_id = common.tenant AND r.order_id = n.order_id AND r.position = n.position
            AND (r.reserved, r.waiting) IS DISTINCT FROM (n.reserved, n.waiting)
    )
    INSERT INTO order_steps (tenant_id, order_id, version, event, occurred_at, request_id)
    SELECT common.tenant, n.id, n.version, n.event, n.updated_at, common.request_id FROM common, changed AS n"
}

/// Saves orders of which nothing else has changed than what they have and wait for, and keeps their steps
/// ([`keep_step`](super::repository::keep_step)). What a line has and waits for together is as before, so each has its row. No order is in
/// two of the events.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn write_held(work: &mut UnitOfWork<'_>, events: &[OrderEvent]) -> Result<(), Error> {
    if events.is_empty() {
        return Ok(());
    }
    let request_id = work.context().request_id.clone();
    let ids: Vec<_> = events.iter().map(|event| event.order().id.uuid()).collect();
    let versions: Vec<_> = events.iter().map(|event| event.order().version).collect();
    let steps: Vec<_> = events.iter().map(OrderEvent::step).collect();
    let updated_at: Vec<_> = events.iter().map(|event| event.order().updated_at).collect();
    let waits: Vec<_> = events.iter().map(|event| event.order().is_waiting()).collect();
    let holds = |line: &OrderLine| !line.reserved.is_zero() || !line.waiting.is_zero();
    let mut lines: Vec<(OrderId, i16, &OrderLine)> = Vec::new();
    for order in events.iter().map(OrderEvent::order) {
        let held = (1..).zip(&order.lines).filter(|(_, line)| holds(line));
        lines.extend(held.map(|(position, line)| (order.id, position, line)));
    }
    let orders_of_lines: Vec<_> = lines.iter().map(|(order, _, _)| order.uuid()).collect();
    let positions: Vec<_> = lines.iter().map(|(_, position, _)| *position).collect();
    let reserved: Vec<_> = lines.iter().map(|(_, _, line)| line.reserved.value()).collect();
    let waiting: Vec<_> = lines.iter().map(|(_, _, line)| line.waiting.value()).collect();
    WriteHeld::new(
        work.tenant().uuid(),
        &request_id,
        &ids,
        &versions,
        &steps,
        &updated_at,
        &waits,
        &orders_of_lines,
        &positions,
        &reserved,
        &waiting,
    )
    .execute(work.connection())
    .await?;
    Ok(())
}

pub(super) async fn delete_held(work: &UnitOfWork<'_>, order: &Order) -> Result<(), Error> {
    let mut connection = work.pipeline();
    let of_order = stock_reservations::tenant_id
        .eq(work.tenant().uuid())
        .and(stock_reservations::order_id.eq(order.id.uuid()));
    diesel::delete(stock_reservations::table.filter(of_order)).execute(&mut connection).await?;
    Ok(())
}
