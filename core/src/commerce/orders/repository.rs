//! Orders in the database, as commands read and write them.

use std::collections::HashMap;

use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel::sql_types::{
    Array, BigInt, Bool, Date, Jsonb, Nullable, Numeric, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use super::aggregate::{
    CancellationReason, Order, OrderError, OrderLine, OrderReference, OrderStatus, TrackingNumber,
};
use super::events::OrderEvent;
use super::queries::OrderSummary;
use super::totals::{Totals, vat_breakdown};
use crate::accounts::tenants::TimeZone;
use crate::application::Locked;
use crate::application::aggregate::Aggregate;
use crate::application::error::{Error, unless_taken};
use crate::application::unit_of_work::UnitOfWork;
use crate::commerce::addresses::{postal_from_json, postal_to_json};
use crate::commerce::customers::CreditLimit;
use crate::commerce::prices::PriceOrigin;
use crate::commerce::products::{self, Product};
use crate::commerce::warehouses;
use crate::platform::schema::{order_lines, order_steps, orders, stock_reservations};
use crate::values::business_date::BusinessDate;
use crate::values::external_id::ExternalId;
use crate::values::goods::Units;
use crate::values::ids::{CustomerId, OrderId, PriceListId, ProductId, TenantId, WarehouseId};
use crate::values::money::{Currency, Money, Quantity, UnitPrice, VatRate};

/// The constraint that makes references unique.
const REFERENCE_KEY: &str = "orders_reference_key";

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = orders, treat_none_as_default_value = false)]
pub(crate) struct OrderRow {
    pub(super) tenant_id: Uuid,
    pub(super) id: Uuid,
    pub(super) version: i64,
    pub(super) reference: Option<String>,
    pub(super) customer_id: Uuid,
    pub(super) status: String,
    pub(super) currency: String,
    pub(super) net_total: BigDecimal,
    pub(super) vat_total: BigDecimal,
    pub(super) gross_total: BigDecimal,
    pub(super) tracking_number: Option<String>,
    pub(super) cancellation_reason: Option<String>,
    pub(super) placed_at: DateTime<Utc>,
    pub(super) confirmed_at: Option<DateTime<Utc>>,
    pub(super) shipped_at: Option<DateTime<Utc>>,
    pub(super) delivered_at: Option<DateTime<Utc>>,
    pub(super) cancelled_at: Option<DateTime<Utc>>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) external_id: Option<String>,
    pub(super) warehouse_id: Option<Uuid>,
    pub(super) back_order: bool,
    pub(super) ordered_on: Option<NaiveDate>,
    pub(super) delivery_address: Option<Value>,
    pub(super) promised_on: Option<NaiveDate>,
    pub(super) held_for_approval: bool,
}

crate::statement! {
    /// Saves the columns that can change after an order was placed. Diesel's own `UPDATE` is parsed and planned at each call.
    struct Save<'a> {
        version: i64 => BigInt,
        status: &'a str => Text,
        tracking_number: Option<&'a str> => Nullable<Text>,
        cancellation_reason: Option<&'a str> => Nullable<Text>,
        confirmed_at: Option<DateTime<Utc>> => Nullable<Timestamptz>,
        shipped_at: Option<DateTime<Utc>> => Nullable<Timestamptz>,
        delivered_at: Option<DateTime<Utc>> => Nullable<Timestamptz>,
        cancelled_at: Option<DateTime<Utc>> => Nullable<Timestamptz>,
        updated_at: DateTime<Utc> => Timestamptz,
        waits: bool => Bool,
        // By an amendment.
        reference: Option<&'a str> => Nullable<Text>,
        net_total: &'a BigDecimal => Numeric,
        vat_total: &'a BigDecimal => Numeric,
        gross_total: &'a BigDecimal => Numeric,
        warehouse: Option<Uuid> => Nullable<SqlUuid>,
        delivery_address: Option<&'a Value> => Nullable<Jsonb>,
        promised_on: Option<NaiveDate> => Nullable<Date>,
        held_for_approval: bool => Bool,
        tenant: Uuid => SqlUuid,
        id: Uuid => SqlUuid,
    }
    = "UPDATE orders SET version = $1, status = $2, tracking_number = $3, cancellation_reason = $4, confirmed_at = $5, shipped_at = $6,
        delivered_at = $7, cancelled_at = $8, updated_at = $9, waits = $10, reference = $11, net_total = $12, vat_total = $13,
        gross_total = $14, warehouse_id = $15, delivery_address = $16, promised_on = $17, held_for_approval = $18
     WHERE tenant_id = $19 AND id = $20"
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = order_lines)]
pub(super) struct OrderLineRow {
    product_id: Uuid,
    sku: String,
    name: String,
    quantity: BigDecimal,
    unit_price: BigDecimal,
    vat_rate: BigDecimal,
    net_amount: BigDecimal,
    stocked: bool,
    shipped: BigDecimal,
    cancelled: BigDecimal,
    returned: BigDecimal,
    price_source: Option<String>,
    price_list_id: Option<Uuid>,
}

/// What a line has reserved, and what it waits for.
pub(super) type HeldRow = Option<(BigDecimal, BigDecimal)>;

/// Returns what a line has reserved, and what it waits for: nothing, if it has no row.
pub(super) fn held_units(held: HeldRow) -> (Units, Units) {
    held.map_or_else(
        || (Units::zero(), Units::zero()),
        |(reserved, waiting)| (Units::stored(reserved), Units::stored(waiting)),
    )
}

impl OrderLineRow {
    /// Of an order in this state. What became of the lines of an order that left as a whole, or was cancelled as a whole, is not
    /// written in them: its status says it. That is so for orders of before, too.
    pub(super) fn into_line(self, status: OrderStatus, held: HeldRow) -> OrderLine {
        let (mut shipped, mut cancelled) = (Units::stored(self.shipped), Units::stored(self.cancelled));
        if shipped.is_zero() && cancelled.is_zero() {
            match status {
                OrderStatus::Pending | OrderStatus::Confirmed => {}
                OrderStatus::Shipped | OrderStatus::Delivered => {
                    shipped = Units::stored(self.quantity.clone());
                }
                OrderStatus::Cancelled => cancelled = Units::stored(self.quantity.clone()),
            }
        }
        let (reserved, waiting) = held_units(held);
        let price_list = self.price_list_id.map(PriceListId::from_uuid);
        OrderLine {
            product_id: ProductId::from_uuid(self.product_id),
            sku: self.sku,
            name: self.name,
            quantity: Quantity::stored(self.quantity),
            unit_price: UnitPrice::stored(self.unit_price),
            vat_rate: VatRate::stored(self.vat_rate),
            net_amount: Money::rounded(&self.net_amount),
            stocked: self.stocked,
            reserved,
            waiting,
            shipped,
            cancelled,
            returned: Units::stored(self.returned),
            price: PriceOrigin::stored(self.price_source.as_deref(), price_list),
        }
    }
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

/// Parses a stored status. The table's check constraint permits only these names; a status that a newer version wrote
/// would be an error here, not a panic.
pub(crate) fn status(name: &str) -> Result<OrderStatus, Error> {
    OrderStatus::from_name(name).ok_or_else(|| {
        diesel::result::Error::DeserializationError(format!("order status {name:?}").into()).into()
    })
}

impl OrderRow {
    fn of(tenant: TenantId, order: &Order) -> Result<Self, Error> {
        Ok(Self {
            tenant_id: tenant.uuid(),
            id: order.id.uuid(),
            version: order.version,
            reference: order.reference.as_ref().map(|reference| reference.as_str().to_owned()),
            customer_id: order.customer_id.uuid(),
            status: order.status.as_str().to_owned(),
            currency: order.currency.code().to_owned(),
            net_total: order.totals.net_total.value().clone(),
            vat_total: order.totals.vat_total.value().clone(),
            gross_total: order.totals.gross_total.value().clone(),
            tracking_number: order.tracking_number.as_ref().map(|number| number.as_str().to_owned()),
            cancellation_reason: order.cancellation_reason.as_ref().map(|reason| reason.as_str().to_owned()),
            placed_at: order.placed_at,
            confirmed_at: order.confirmed_at,
            shipped_at: order.shipped_at,
            delivered_at: order.delivered_at,
            cancelled_at: order.cancelled_at,
            updated_at: order.updated_at,
            external_id: order.external_id.as_ref().map(|id| id.as_str().to_owned()),
            warehouse_id: order.warehouse_id.map(WarehouseId::uuid),
            back_order: order.back_order,
            ordered_on: order.ordered_on.map(BusinessDate::date),
            delivery_address: postal_to_json(order.delivery_address.as_ref())?,
            promised_on: order.promised_on.map(BusinessDate::date),
            held_for_approval: order.held_for_approval,
        })
    }

    fn into_order(self, lines: Vec<OrderLine>) -> Result<Order, Error> {
        Ok(Order {
            id: OrderId::from_uuid(self.id),
            version: self.version,
            external_id: self.external_id.map(ExternalId::stored),
            reference: self.reference.map(OrderReference::stored),
            customer_id: CustomerId::from_uuid(self.customer_id),
            status: status(&self.status)?,
            currency: Currency::stored(self.currency),
            // The totals as they were agreed, even if the rules of calculation have changed since.
            totals: Totals {
                vat: vat_breakdown(&lines),
                net_total: Money::rounded(&self.net_total),
                vat_total: Money::rounded(&self.vat_total),
                gross_total: Money::rounded(&self.gross_total),
            },
            lines,
            tracking_number: self.tracking_number.map(TrackingNumber::stored),
            cancellation_reason: self.cancellation_reason.map(CancellationReason::stored),
            placed_at: self.placed_at,
            confirmed_at: self.confirmed_at,
            shipped_at: self.shipped_at,
            delivered_at: self.delivered_at,
            cancelled_at: self.cancelled_at,
            updated_at: self.updated_at,
            warehouse_id: self.warehouse_id.map(WarehouseId::from_uuid),
            back_order: self.back_order,
            ordered_on: self.ordered_on.map(BusinessDate::stored),
            delivery_address: postal_from_json(self.delivery_address)?,
            promised_on: self.promised_on.map(BusinessDate::stored),
            held_for_approval: self.held_for_approval,
        })
    }
}

/// Loads an order and locks it until the unit of work ends, so that its events are appended in the order of its
/// changes.
///
/// # Errors
/// `NotFound` if the tenant has no such order. Fails if the database cannot be reached.
pub(crate) async fn load(work: &mut UnitOfWork<'_>, id: OrderId) -> Result<Order, Error> {
    work.locks(Locked::Order);
    let (tenant, connection) = (work.tenant(), work.pipeline());
    // The lines are read by a statement that begins when the order is locked.
    let (row, lines) =
        futures::try_join!(lock_row(connection, tenant, id), read_lines(connection, tenant, id))?;
    with_lines(row.ok_or(OrderError::NotFound(id))?, lines)
}

/// Reads an order without locking it, to find out what else has to be locked together with it.
///
/// # Errors
/// `NotFound` if the tenant has no such order. Fails if the database cannot be reached.
pub(crate) async fn look(work: &mut UnitOfWork<'_>, id: OrderId) -> Result<Order, Error> {
    let (tenant, connection) = (work.tenant(), work.pipeline());
    let (row, lines) =
        futures::try_join!(look_at_row(connection, tenant, id), read_lines(connection, tenant, id))?;
    with_lines(row.ok_or(OrderError::NotFound(id))?, lines)
}

async fn lock_row(
    mut connection: &AsyncPgConnection,
    tenant: TenantId,
    id: OrderId,
) -> Result<Option<OrderRow>, Error> {
    let row: Option<OrderRow> = orders::table
        .find((tenant.uuid(), id.uuid()))
        .select(OrderRow::as_select())
        .for_no_key_update()
        .get_result(&mut connection)
        .await
        .optional()?;
    Ok(row)
}

async fn look_at_row(
    mut connection: &AsyncPgConnection,
    tenant: TenantId,
    id: OrderId,
) -> Result<Option<OrderRow>, Error> {
    let row: Option<OrderRow> = orders::table
        .find((tenant.uuid(), id.uuid()))
        .select(OrderRow::as_select())
        .get_result(&mut connection)
        .await
        .optional()?;
    Ok(row)
}

async fn read_lines(
    mut connection: &AsyncPgConnection,
    tenant: TenantId,
    order: OrderId,
) -> Result<Vec<(OrderLineRow, HeldRow)>, Error> {
    let lines: Vec<(OrderLineRow, HeldRow)> = order_lines::table
        .left_join(stock_reservations::table.on(of_line!()))
        .filter(order_lines::tenant_id.eq(tenant.uuid()).and(order_lines::order_id.eq(order.uuid())))
        .order(order_lines::position)
        .select((OrderLineRow::as_select(), held!()))
        .load(&mut connection)
        .await?;
    Ok(lines)
}

fn with_lines(row: OrderRow, lines: Vec<(OrderLineRow, HeldRow)>) -> Result<Order, Error> {
    let status = status(&row.status)?;
    row.into_order(lines.into_iter().map(|(line, held)| line.into_line(status, held)).collect())
}

/// Loads orders and locks them, in the order of their ids. Those that are not there are left out.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn load_several(work: &mut UnitOfWork<'_>, ids: &[OrderId]) -> Result<Vec<Order>, Error> {
    work.locks(Locked::Order);
    let (tenant, ids): (Uuid, Vec<Uuid>) = (work.tenant().uuid(), ids.iter().map(|id| id.uuid()).collect());
    let rows: Vec<OrderRow> = orders::table
        .filter(orders::tenant_id.eq(tenant).and(orders::id.eq_any(&ids)))
        .select(OrderRow::as_select())
        .order(orders::id)
        .for_no_key_update()
        .load(work.connection())
        .await?;
    let found: Vec<(Uuid, OrderLineRow, HeldRow)> = order_lines::table
        .left_join(stock_reservations::table.on(of_line!()))
        .filter(order_lines::tenant_id.eq(tenant).and(order_lines::order_id.eq_any(&ids)))
        .order((order_lines::order_id, order_lines::position))
        .select((order_lines::order_id, OrderLineRow::as_select(), held!()))
        .load(work.connection())
        .await?;
    let mut lines: HashMap<Uuid, Vec<(OrderLineRow, HeldRow)>> = HashMap::new();
    for (order, line, held) in found {
        lines.entry(order).or_default().push((line, held));
    }
    rows.into_iter()
        .map(|row| {
            let status = status(&row.status)?;
            let lines = lines.remove(&row.id).unwrap_or_default();
            row.into_order(lines.into_iter().map(|(line, held)| line.into_line(status, held)).collect())
        })
        .collect()
}

/// Locks orders, in the order of their ids, without reading them.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn lock_several(work: &mut UnitOfWork<'_>, ids: &[OrderId]) -> Result<(), Error> {
    work.locks(Locked::Order);
    let (tenant, ids): (Uuid, Vec<Uuid>) = (work.tenant().uuid(), ids.iter().map(|id| id.uuid()).collect());
    let _: Vec<Uuid> = orders::table
        .filter(orders::tenant_id.eq(tenant).and(orders::id.eq_any(ids)))
        .select(orders::id)
        .order(orders::id)
        .for_no_key_update()
        .load(work.connection())
        .await?;
    Ok(())
}

crate::statement! {
    struct WriteProgress<'a> {
        tenant: Uuid => SqlUuid,
        order: Uuid => SqlUuid,
        positions: &'a [i16] => Array<SmallInt>,
        shipped: &'a [&'a BigDecimal] => Array<Numeric>,
        cancelled: &'a [&'a BigDecimal] => Array<Numeric>,
        returned: &'a [&'a BigDecimal] => Array<Numeric>,
    }
    = "WITH one AS (SELECT $1 AS tenant, $2 AS id)
     UPDATE order_lines AS l SET shipped = n.shipped, cancelled = n.cancelled, returned = n.returned
     FROM one, unnest($3, $4, $5, $6) AS n (position, shipped, cancelled, returned)
     WHERE l.tenant_id = one.tenant AND l.order_id = one.id AND l.position = n.position
        AND (l.shipped, l.cancelled, l.returned) IS DISTINCT FROM (n.shipped, n.cancelled, n.returned)"
}

/// Writes what has left of the lines of an order, what will not, and what has come back.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn write_progress(work: &UnitOfWork<'_>, order: &Order) -> Result<(), Error> {
    let mut connection = work.pipeline();
    let lines = &order.lines;
    let positions: Vec<_> = (1..).take(lines.len()).collect();
    let shipped: Vec<_> = lines.iter().map(|line| line.shipped.value()).collect();
    let cancelled: Vec<_> = lines.iter().map(|line| line.cancelled.value()).collect();
    let returned: Vec<_> = lines.iter().map(|line| line.returned.value()).collect();
    WriteProgress::new(work.tenant().uuid(), order.id.uuid(), &positions, &shipped, &cancelled, &returned)
        .execute(&mut connection)
        .await?;
    Ok(())
}

/// Saves an order of which something leaves, and what its lines have from then on. `is_divided` says whether the lines tell by themselves
/// what became of them. All is sent at once: the levels of its products are locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn save_dispatched(
    work: &UnitOfWork<'_>,
    order: &Order,
    is_divided: bool,
) -> Result<(), Error> {
    let progress = async { if is_divided { write_progress(work, order).await } else { Ok(()) } };
    futures::try_join!(save(work, order), progress, replace_held(work, order))?;
    Ok(())
}

/// Keeps a version of an order that no row of the audit trail has as its own: the command was one on something else.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn keep_step(work: &mut UnitOfWork<'_>, event: &OrderEvent) -> Result<(), Error> {
    insert_step(work, event, None).await
}

/// Keeps the version of an order that an amendment made, with the products of which the order has no line any more: whoever reads what
/// was sold finds them nowhere else.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn keep_amendment(
    work: &mut UnitOfWork<'_>,
    event: &OrderEvent,
    dropped: &[ProductId],
) -> Result<(), Error> {
    let dropped: Vec<Option<Uuid>> = dropped.iter().map(|product| Some(product.uuid())).collect();
    insert_step(work, event, (!dropped.is_empty()).then_some(dropped)).await
}

async fn insert_step(
    work: &mut UnitOfWork<'_>,
    event: &OrderEvent,
    dropped: Option<Vec<Option<Uuid>>>,
) -> Result<(), Error> {
    let order = event.order();
    let leaves = matches!(event, OrderEvent::PartlyShipped(_) | OrderEvent::Shipped(_));
    let tracking_number = order.tracking_number.as_ref().filter(|_| leaves);
    let step = (
        order_steps::tenant_id.eq(work.tenant().uuid()),
        order_steps::order_id.eq(order.id.uuid()),
        order_steps::version.eq(order.version),
        order_steps::event.eq(event.step()),
        order_steps::occurred_at.eq(order.updated_at),
        order_steps::tracking_number.eq(tracking_number.map(|number| number.as_str().to_owned())),
        order_steps::request_id.eq(work.context().request_id.clone()),
        order_steps::dropped_products.eq(dropped),
    );
    diesel::insert_into(order_steps::table).values(step).execute(work.connection()).await?;
    Ok(())
}

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

/// Saves orders of which nothing else has changed than what they have and wait for, and keeps their steps ([`keep_step`]). What a line has
/// and waits for together is as before, so each has its row. No order is in two of the events.
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

async fn delete_held(work: &UnitOfWork<'_>, order: &Order) -> Result<(), Error> {
    let mut connection = work.pipeline();
    let of_order = stock_reservations::tenant_id
        .eq(work.tenant().uuid())
        .and(stock_reservations::order_id.eq(order.id.uuid()));
    diesel::delete(stock_reservations::table.filter(of_order)).execute(&mut connection).await?;
    Ok(())
}

/// Writes what an order that is locked is called from now on. Whoever writes a reference that somebody else is writing waits for them.
///
/// # Errors
/// `ReferenceTaken` if another order has it. Fails if the database cannot be reached.
pub(super) async fn write_reference(
    work: &mut UnitOfWork<'_>,
    id: OrderId,
    reference: Option<&OrderReference>,
) -> Result<(), Error> {
    let written = diesel::update(orders::table.find((work.tenant().uuid(), id.uuid())))
        .set(orders::reference.eq(reference.map(OrderReference::as_str)))
        .execute(work.connection())
        .await;
    unless_taken(written, |constraint| {
        let taken = reference.filter(|_| constraint == REFERENCE_KEY)?;
        Some(OrderError::ReferenceTaken(taken.to_string()))
    })
}

/// Writes the lines of an order anew, of which nothing has left, and what they have and wait for.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn replace_lines(work: &mut UnitOfWork<'_>, order: &Order) -> Result<(), Error> {
    // Also if no line needs goods any more: those of before may have had some.
    delete_held(work, order).await?;
    let of_order =
        order_lines::tenant_id.eq(work.tenant().uuid()).and(order_lines::order_id.eq(order.id.uuid()));
    diesel::delete(order_lines::table.filter(of_order)).execute(work.connection()).await?;
    insert_lines(work, order).await?;
    insert_held(work, order).await
}

/// What placing an order has to know of its customer.
#[derive(Debug, Clone, Default)]
pub(super) struct Buyer {
    /// `None` if there is no limit, or no such customer.
    pub(super) limit: Option<CreditLimit>,
    /// Whether the company has any price list.
    pub(super) has_lists: bool,
    /// Where the company is; `None` if there is no such customer.
    pub(super) zone: Option<TimeZone>,
}

impl Buyer {
    /// The day that it is where the company is.
    pub(super) fn today(&self, now: DateTime<Utc>) -> BusinessDate {
        let there = |zone: &TimeZone| BusinessDate::stored(zone.date_of(now));
        self.zone.as_ref().map_or_else(|| BusinessDate::of(now), there)
    }
}

crate::statement! {
    /// A company without price lists learns it here: its orders cost no other statement.
    struct LookAtBuyer<'a> { tenant: Uuid => SqlUuid, customer: Uuid => SqlUuid } -> (Nullable<Numeric>, Bool, Text)
    = "SELECT c.credit_limit, EXISTS (SELECT FROM price_lists AS l WHERE l.tenant_id = c.tenant_id), t.time_zone
     FROM customers AS c JOIN tenants AS t ON t.id = c.tenant_id WHERE c.tenant_id = $1 AND c.id = $2"
}

async fn look_at_buyer(
    mut connection: &AsyncPgConnection,
    tenant: TenantId,
    customer: CustomerId,
) -> Result<Buyer, Error> {
    let looking = LookAtBuyer::new(tenant.uuid(), customer.uuid());
    let found: Option<(Option<BigDecimal>, bool, String)> =
        looking.get_result(&mut connection).await.optional()?;
    let buyer = |(limit, has_lists, zone): (Option<BigDecimal>, bool, String)| Buyer {
        limit: limit.as_ref().map(CreditLimit::stored),
        has_lists,
        zone: TimeZone::parse(&zone).ok(),
    };
    Ok(found.map(buyer).unwrap_or_default())
}

/// Loads the products of a new order, as [`products::repository::load_for_order`] does, and reads the customer's credit limit without a
/// lock, whether there are price lists, where the company is, and, if `wants_default`, which warehouse is the default. All are asked in one
/// round trip: an order of a customer without a limit costs no other.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn load_for_placing(
    work: &mut UnitOfWork<'_>,
    products: Vec<ProductId>,
    customer: CustomerId,
    wants_default: bool,
) -> Result<(HashMap<ProductId, Product>, Buyer, Option<WarehouseId>), Error> {
    work.locks(Locked::Product);
    let (tenant, connection) = (work.tenant(), work.pipeline());
    let default = async {
        if wants_default {
            warehouses::repository::look_for_default(connection, tenant).await
        } else {
            Ok(None)
        }
    };
    futures::try_join!(
        products::repository::lock_for_order(connection, tenant, products),
        look_at_buyer(connection, tenant, customer),
        default,
    )
}

crate::statement! {
    /// Inserts all lines of one order in one statement, however many there are. Positions count from 1. Returns whether the customer has
    /// a credit limit by now, and whether it is anonymised.
    struct InsertLines<'a> {
        tenant: Uuid => SqlUuid,
        order: Uuid => SqlUuid,
        positions: &'a [i16] => Array<SmallInt>,
        products: &'a [Uuid] => Array<SqlUuid>,
        skus: &'a [&'a str] => Array<Text>,
        names: &'a [&'a str] => Array<Text>,
        quantities: &'a [&'a BigDecimal] => Array<Numeric>,
        unit_prices: &'a [&'a BigDecimal] => Array<Numeric>,
        vat_rates: &'a [&'a BigDecimal] => Array<Numeric>,
        net_amounts: &'a [&'a BigDecimal] => Array<Numeric>,
        stocked: &'a [bool] => Array<Bool>,
        price_sources: &'a [Option<&'a str>] => Array<Nullable<Text>>,
        price_lists: &'a [Option<Uuid>] => Array<Nullable<SqlUuid>>,
        of_tenant: Uuid => SqlUuid,
        customer: Uuid => SqlUuid,
    } -> (Bool, Bool)
    = "WITH added AS (
        INSERT INTO order_lines
            (tenant_id, order_id, position, product_id, sku, name, quantity, unit_price, vat_rate, net_amount, stocked, price_source, price_list_id)
        SELECT $1, $2, line.* FROM unnest($3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) AS line
     )
     SELECT credit_limit IS NOT NULL, anonymised_at IS NOT NULL FROM customers WHERE tenant_id = $14 AND id = $15"
}

/// Inserts a new order. `seen` is the customer's credit limit as it was read before; if there was one, the order was admitted
/// ([`crate::commerce::credit::repository::admit`]).
///
/// # Errors
/// `CustomerUnknown`, `ReferenceTaken` or `ExternalIdTaken`. `Overtaken` if the customer had no limit and has one now: the order is to be
/// decided about. Fails if the database cannot be reached.
pub(super) async fn insert(
    work: &mut UnitOfWork<'_>,
    order: &Order,
    seen: Option<&CreditLimit>,
) -> Result<(), Error> {
    // The foreign key locks the customer. From here on nobody decides about another order of theirs by a limit without waiting for this one.
    work.locks(Locked::Customer);
    // The second statement begins when the customer is locked, although both are sent at once. So a limit that was set before is seen by it,
    // and the unit of work begins anew; and whoever decides by one that is set later finds this order, which counts as placed before.
    let work = &*work;
    let ((), (is_limited, is_anonymised)) =
        futures::try_join!(insert_row(work, order), insert_lines(work, order))?;
    if is_anonymised {
        return Err(OrderError::CustomerUnknown(order.customer_id).into());
    }
    if is_limited && seen.is_none() { Err(Error::Overtaken) } else { Ok(()) }
}

async fn insert_row(work: &UnitOfWork<'_>, order: &Order) -> Result<(), Error> {
    let mut connection = work.pipeline();
    let row = OrderRow::of(work.tenant(), order)?;
    diesel::insert_into(orders::table)
        .values(&row)
        .execute(&mut connection)
        .await
        .map_err(|error| write_error(error, order))?;
    Ok(())
}

/// Inserts the lines of an order, and returns whether its customer has a credit limit by now, and whether it is anonymised.
async fn insert_lines(work: &UnitOfWork<'_>, order: &Order) -> Result<(bool, bool), Error> {
    let mut connection = work.pipeline();
    let lines = &order.lines;
    // `check_line_count` refuses more lines than an i16 counts.
    let positions: Vec<_> = (1..).take(lines.len()).collect();
    let products: Vec<_> = lines.iter().map(|line| line.product_id.uuid()).collect();
    let skus: Vec<_> = lines.iter().map(|line| line.sku.as_str()).collect();
    let names: Vec<_> = lines.iter().map(|line| line.name.as_str()).collect();
    let quantities: Vec<_> = lines.iter().map(|line| line.quantity.value()).collect();
    let unit_prices: Vec<_> = lines.iter().map(|line| line.unit_price.value()).collect();
    let vat_rates: Vec<_> = lines.iter().map(|line| line.vat_rate.value()).collect();
    let net_amounts: Vec<_> = lines.iter().map(|line| line.net_amount.value()).collect();
    let stocked: Vec<_> = lines.iter().map(|line| line.stocked).collect();
    let source = |line: &OrderLine| line.price.map(|price| price.price_source.name());
    let price_sources: Vec<Option<&str>> = lines.iter().map(source).collect();
    let list = |line: &OrderLine| line.price.and_then(|price| price.price_list_id).map(PriceListId::uuid);
    let price_lists: Vec<Option<Uuid>> = lines.iter().map(list).collect();
    let tenant = work.tenant().uuid();
    let inserting = InsertLines::new(
        tenant,
        order.id.uuid(),
        &positions,
        &products,
        &skus,
        &names,
        &quantities,
        &unit_prices,
        &vat_rates,
        &net_amounts,
        &stocked,
        &price_sources,
        &price_lists,
        tenant,
        order.customer_id.uuid(),
    );
    Ok(inserting.get_result(&mut connection).await?)
}

/// As the aggregate's own, for a caller who writes something else in the same round trip.
pub(crate) async fn save(work: &UnitOfWork<'_>, order: &Order) -> Result<(), Error> {
    let mut connection = work.pipeline();
    let delivery_address = postal_to_json(order.delivery_address.as_ref())?;
    let saving = Save::new(
        order.version,
        order.status.as_str(),
        order.tracking_number.as_ref().map(TrackingNumber::as_str),
        order.cancellation_reason.as_ref().map(CancellationReason::as_str),
        order.confirmed_at,
        order.shipped_at,
        order.delivered_at,
        order.cancelled_at,
        order.updated_at,
        order.is_waiting(),
        order.reference.as_ref().map(OrderReference::as_str),
        order.totals.net_total.value(),
        order.totals.vat_total.value(),
        order.totals.gross_total.value(),
        order.warehouse_id.map(WarehouseId::uuid),
        delivery_address.as_ref(),
        order.promised_on.map(BusinessDate::date),
        order.held_for_approval,
        work.tenant().uuid(),
        order.id.uuid(),
    );
    saving.execute(&mut connection).await.map_err(|error| write_error(error, order))?;
    Ok(())
}

fn write_error(error: diesel::result::Error, order: &Order) -> Error {
    let diesel::result::Error::DatabaseError(_, info) = &error else { return error.into() };
    let refusal = match info.constraint_name() {
        Some("orders_customer_fkey") => Some(OrderError::CustomerUnknown(order.customer_id)),
        Some(REFERENCE_KEY) => {
            order.reference.as_ref().map(|reference| OrderError::ReferenceTaken(reference.to_string()))
        }
        Some("orders_external_id_key") => {
            order.external_id.as_ref().map(|id| OrderError::ExternalIdTaken(id.to_string()))
        }
        _ => None,
    };
    refusal.map_or_else(|| error.into(), Into::into)
}

impl Aggregate for Order {
    type Id = OrderId;
    type Event = OrderEvent;
    /// The order without its lines: what becomes of them has rows of its own, and an amendment's row names those that it changes.
    type Audited = OrderSummary;
    const NAME: &'static str = "order";

    fn id(&self) -> OrderId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn updated_at(&self) -> DateTime<Utc> {
        self.updated_at
    }

    fn audited(&self) -> OrderSummary {
        OrderSummary::of(self)
    }

    async fn save(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        save(work, self).await
    }
}
