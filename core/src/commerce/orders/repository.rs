//! Orders in the database, as commands read and write them.

use std::collections::HashMap;

use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Date, Jsonb, Nullable, Numeric, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use super::aggregate::{CancellationReason, Order, OrderReference, OrderStatus, TrackingNumber};
use super::error::OrderError;
use super::events::OrderEvent;
pub(crate) use super::line_rows::write_progress;
use super::line_rows::{OrderLineRow, read_lines};
use super::lines::OrderLine;
use super::queries::OrderSummary;
use super::reservation_rows::{HeldRow, held, of_line, replace_held};
use super::totals::{Totals, vat_breakdown};
use crate::application::Locked;
use crate::application::aggregate::Aggregate;
use crate::application::error::{Error, unless_held, unless_taken};
use crate::application::unit_of_work::UnitOfWork;
use crate::commerce::addresses::{postal_from_json, postal_to_json};
use crate::platform::schema::{order_lines, order_steps, orders, stock_reservations};
use crate::values::business_date::BusinessDate;
use crate::values::external_id::ExternalId;
use crate::values::ids::{CustomerId, OrderId, ProductId, TenantId, WarehouseId};
use crate::values::money::{Currency, Money};

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

/// Parses a stored status. The table's check constraint permits only these names; a status that a newer version wrote
/// would be an error here, not a panic.
pub(crate) fn status(name: &str) -> Result<OrderStatus, Error> {
    OrderStatus::from_name(name).ok_or_else(|| {
        diesel::result::Error::DeserializationError(format!("order status {name:?}").into()).into()
    })
}

impl OrderRow {
    pub(super) fn of(tenant: TenantId, order: &Order) -> Result<Self, Error> {
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
            let lines = lines.remove(&row.id).unwrap_or_default();
            with_lines(row, lines)
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

/// Writes what an order that is locked is called from now on. Whoever writes a reference that somebody else is writing waits for them. Whoever
/// writes one that another order has does not wait whether that gives it up: see [`unless_held`].
///
/// # Errors
/// `ReferenceTaken` if another order has it. Fails if the database cannot be reached.
pub(super) async fn write_reference(
    work: &mut UnitOfWork<'_>,
    id: OrderId,
    reference: Option<&OrderReference>,
) -> Result<(), Error> {
    if let Some(wanted) = reference {
        let others = orders::table
            .filter(orders::tenant_id.eq(work.tenant().uuid()).and(orders::id.ne(id.uuid())))
            .filter(orders::reference.eq(wanted.as_str()));
        let held: bool = diesel::select(exists(others)).get_result(work.connection()).await?;
        unless_held([(REFERENCE_KEY, held)], |_| Some(OrderError::ReferenceTaken(wanted.to_string())))?;
    }
    let written = diesel::update(orders::table.find((work.tenant().uuid(), id.uuid())))
        .set(orders::reference.eq(reference.map(OrderReference::as_str)))
        .execute(work.connection())
        .await;
    unless_taken(written, |constraint| {
        let taken = reference.filter(|_| constraint == REFERENCE_KEY)?;
        Some(OrderError::ReferenceTaken(taken.to_string()))
    })
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

pub(super) fn write_error(error: diesel::result::Error, order: &Order) -> Error {
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
