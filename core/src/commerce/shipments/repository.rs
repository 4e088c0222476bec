//! Shipments in the database, as commands read and write them.

use std::collections::HashMap;

use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::dsl::{exists, max};
use diesel::prelude::*;
use diesel::sql_types::{
    Array, BigInt, Date, Jsonb, Nullable, Numeric, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use super::aggregate::{Parcel, Shipment, ShipmentError, ShipmentStatus, ShippedLine};
use super::events::ShipmentEvent;
use super::queries::{ParcelView, ShipmentView};
use crate::application::Locked;
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::commerce::orders::{Order, TrackingNumber};
use crate::platform::schema::shipments;
use crate::values::business_date::BusinessDate;
use crate::values::goods::Units;
use crate::values::ids::{OrderId, ShipmentId, TenantId};
use crate::values::money::Quantity;

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = shipments, treat_none_as_default_value = false)]
pub(crate) struct ShipmentRow {
    pub(super) tenant_id: Uuid,
    pub(super) id: Uuid,
    pub(super) version: i64,
    pub(super) order_id: Uuid,
    pub(super) number: i16,
    pub(super) status: String,
    pub(super) tracking_number: Option<String>,
    pub(super) parcels: Value,
    pub(super) shipped_on: NaiveDate,
    pub(super) delivered_on: Option<NaiveDate>,
    pub(super) created_by: String,
    pub(super) dispatched_at: DateTime<Utc>,
    pub(super) delivered_at: Option<DateTime<Utc>>,
    pub(super) updated_at: DateTime<Utc>,
}

pub(super) fn status(name: &str) -> Result<ShipmentStatus, Error> {
    ShipmentStatus::from_name(name)
        .ok_or_else(|| Error::Stored { what: "the status of a shipment", value: name.to_owned() })
}

pub(super) fn parcels(stored: Value) -> Result<Vec<ParcelView>, Error> {
    serde_json::from_value(stored).map_err(|cause| Error::Serialize { what: "stored parcels", cause })
}

impl ShipmentRow {
    fn of(tenant: TenantId, shipment: &Shipment) -> Result<Self, Error> {
        let parcels: Vec<ParcelView> = shipment.parcels.iter().map(ParcelView::of).collect();
        Ok(Self {
            tenant_id: tenant.uuid(),
            id: shipment.id.uuid(),
            version: shipment.version,
            order_id: shipment.order_id.uuid(),
            number: shipment.number,
            status: shipment.status.as_str().to_owned(),
            tracking_number: shipment.tracking_number.as_ref().map(|number| number.as_str().to_owned()),
            parcels: serde_json::to_value(parcels)
                .map_err(|cause| Error::Serialize { what: "parcels", cause })?,
            shipped_on: shipment.shipped_on.date(),
            delivered_on: shipment.delivered_on.map(BusinessDate::date),
            created_by: shipment.created_by.clone(),
            dispatched_at: shipment.dispatched_at,
            delivered_at: shipment.delivered_at,
            updated_at: shipment.updated_at,
        })
    }

    fn into_shipment(self, lines: Vec<ShippedLine>) -> Result<Shipment, Error> {
        let parcel = |stored: ParcelView| {
            let weight = stored.weight_kg.map(|weight| weight.parse().map(Quantity::stored));
            let wrong = |_| Error::Stored { what: "the weight of a parcel", value: self.id.to_string() };
            Ok(Parcel {
                tracking_number: stored.tracking_number.map(TrackingNumber::stored),
                weight_kg: weight.transpose().map_err(wrong)?,
            })
        };
        Ok(Shipment {
            id: ShipmentId::from_uuid(self.id),
            version: self.version,
            order_id: OrderId::from_uuid(self.order_id),
            number: self.number,
            status: status(&self.status)?,
            tracking_number: self.tracking_number.map(TrackingNumber::stored),
            parcels: parcels(self.parcels)?.into_iter().map(parcel).collect::<Result<_, Error>>()?,
            shipped_on: BusinessDate::stored(self.shipped_on),
            delivered_on: self.delivered_on.map(BusinessDate::stored),
            created_by: self.created_by,
            dispatched_at: self.dispatched_at,
            delivered_at: self.delivered_at,
            updated_at: self.updated_at,
            lines,
        })
    }
}

/// Returns the number of the last shipment of an order, which is locked; 0 if it has none.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn last_number(work: &UnitOfWork<'_>, order: OrderId) -> Result<i16, Error> {
    let mut connection = work.pipeline();
    let last: Option<i16> = shipments::table
        .filter(shipments::tenant_id.eq(work.tenant().uuid()).and(shipments::order_id.eq(order.uuid())))
        .select(max(shipments::number))
        .get_result(&mut connection)
        .await?;
    Ok(last.unwrap_or_default())
}

/// Returns the day on which the first goods of an order left; `None` if it has no shipment. The order is locked: the answer holds until the
/// unit of work ends.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn first_shipped_on(
    work: &UnitOfWork<'_>,
    order: OrderId,
) -> Result<Option<BusinessDate>, Error> {
    let mut connection = work.pipeline();
    // All days of the order, which are few: for the first alone, the planner might look through those of all orders by day.
    let days: Vec<NaiveDate> = shipments::table
        .filter(shipments::tenant_id.eq(work.tenant().uuid()).and(shipments::order_id.eq(order.uuid())))
        .select(shipments::shipped_on)
        .load(&mut connection)
        .await?;
    Ok(days.into_iter().min().map(BusinessDate::stored))
}

/// Returns whose shipment it is.
///
/// # Errors
/// `NotFound` if the tenant has no such shipment. Fails if the database cannot be reached.
pub(super) async fn order_of(work: &mut UnitOfWork<'_>, id: ShipmentId) -> Result<OrderId, Error> {
    let order: Option<Uuid> = shipments::table
        .find((work.tenant().uuid(), id.uuid()))
        .select(shipments::order_id)
        .first(work.connection())
        .await
        .optional()?;
    Ok(order.map(OrderId::from_uuid).ok_or(ShipmentError::NotFound(id))?)
}

/// Whether a shipment of an order has not arrived. The order is locked: the answer holds until the unit of work ends.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn has_open(work: &mut UnitOfWork<'_>, order: OrderId) -> Result<bool, Error> {
    let open = shipments::table
        .filter(shipments::tenant_id.eq(work.tenant().uuid()).and(shipments::order_id.eq(order.uuid())))
        .filter(shipments::status.eq(ShipmentStatus::Dispatched.as_str()));
    Ok(diesel::select(exists(open)).get_result(work.connection()).await?)
}

crate::statement! {
    /// `status || ''` is in no index. Otherwise the planner may take that of the status, before it has statistics of a young table: it holds an
    /// entry of each shipment that was ever under way, until a vacuum removes those that have arrived.
    struct LockOpen<'a> { tenant: Uuid => SqlUuid, order: Uuid => SqlUuid, status: &'a str => Text } -> (
        SqlUuid, SqlUuid, BigInt, SqlUuid, SmallInt, Text, Nullable<Text>, Jsonb, Date, Nullable<Date>, Text, Timestamptz,
        Nullable<Timestamptz>, Timestamptz,
    )
    = "SELECT tenant_id, id, version, order_id, number, status, tracking_number, parcels, shipped_on, delivered_on, created_by,
        dispatched_at, delivered_at, updated_at
     FROM shipments WHERE tenant_id = $1 AND order_id = $2 AND status || '' = $3 ORDER BY number FOR NO KEY UPDATE"
}

crate::statement! {
    /// The lines of these shipments. They are read by shipment (`OFFSET 0`): before it has statistics of a young table, the planner may read
    /// all lines of a company for a join.
    struct OpenLines<'a> { tenant: Uuid => SqlUuid, order: Uuid => SqlUuid, status: &'a str => Text } -> (SqlUuid, SmallInt, Numeric)
    = "SELECT s.id, l.position, l.quantity
     FROM shipments AS s, LATERAL (
         SELECT * FROM shipment_lines AS l WHERE l.tenant_id = s.tenant_id AND l.shipment_id = s.id OFFSET 0
     ) AS l
     WHERE s.tenant_id = $1 AND s.order_id = $2 AND s.status || '' = $3
     ORDER BY s.id, l.position"
}

/// Loads the shipments of an order that have not arrived, and locks them in the order of their numbers. The order is locked already.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn load_open(work: &mut UnitOfWork<'_>, order: &Order) -> Result<Vec<Shipment>, Error> {
    work.locks(Locked::Shipment);
    let (tenant, id, status) = (work.tenant().uuid(), order.id().uuid(), ShipmentStatus::Dispatched.as_str());
    // At once: whoever wants to change them or to add some has to lock the order, so both find the same ones. Lines never change.
    let (rows, found) = futures::try_join!(
        lock_open(work.pipeline(), LockOpen::new(tenant, id, status)),
        open_lines(work.pipeline(), OpenLines::new(tenant, id, status)),
    )?;
    let mut lines: HashMap<Uuid, Vec<ShippedLine>> = HashMap::new();
    for (shipment, position, quantity) in found {
        let missing =
            || Error::Stored { what: "the line of an order that was shipped", value: position.to_string() };
        let line = order.line(position).ok_or_else(missing)?;
        lines.entry(shipment).or_default().push(ShippedLine {
            position,
            product_id: line.product_id,
            sku: line.sku.clone(),
            name: line.name.clone(),
            quantity: Units::stored(quantity),
        });
    }
    rows.into_iter()
        .map(|row| {
            let lines = lines.remove(&row.id).unwrap_or_default();
            row.into_shipment(lines)
        })
        .collect()
}

async fn lock_open(
    mut connection: &AsyncPgConnection,
    locking: LockOpen<'_>,
) -> Result<Vec<ShipmentRow>, Error> {
    Ok(locking.load(&mut connection).await?)
}

async fn open_lines(
    mut connection: &AsyncPgConnection,
    reading: OpenLines<'_>,
) -> Result<Vec<(Uuid, i16, BigDecimal)>, Error> {
    Ok(reading.load(&mut connection).await?)
}

crate::statement! {
    struct InsertLines<'a> {
        tenant: Uuid => SqlUuid,
        shipment: Uuid => SqlUuid,
        positions: &'a [i16] => Array<SmallInt>,
        quantities: &'a [&'a BigDecimal] => Array<Numeric>,
    }
    = "INSERT INTO shipment_lines (tenant_id, shipment_id, position, quantity) SELECT $1, $2, line.* FROM unnest($3, $4) AS line"
}

/// Inserts a shipment of an order that is locked, with its lines, in one round trip.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn insert(work: &UnitOfWork<'_>, shipment: &Shipment) -> Result<(), Error> {
    futures::try_join!(insert_row(work, shipment), insert_lines(work, shipment))?;
    Ok(())
}

async fn insert_row(work: &UnitOfWork<'_>, shipment: &Shipment) -> Result<(), Error> {
    let mut connection = work.pipeline();
    let row = ShipmentRow::of(work.tenant(), shipment)?;
    diesel::insert_into(shipments::table).values(&row).execute(&mut connection).await?;
    Ok(())
}

async fn insert_lines(work: &UnitOfWork<'_>, shipment: &Shipment) -> Result<(), Error> {
    let mut connection = work.pipeline();
    let positions: Vec<_> = shipment.lines.iter().map(|line| line.position).collect();
    let quantities: Vec<_> = shipment.lines.iter().map(|line| line.quantity.value()).collect();
    InsertLines::new(work.tenant().uuid(), shipment.id.uuid(), &positions, &quantities)
        .execute(&mut connection)
        .await?;
    Ok(())
}

crate::statement! {
    /// Saves whether a shipment has arrived. Diesel's own `UPDATE` is parsed and planned at each call.
    struct Save<'a> {
        version: i64 => BigInt,
        status: &'a str => Text,
        delivered_on: Option<NaiveDate> => Nullable<Date>,
        delivered_at: Option<DateTime<Utc>> => Nullable<Timestamptz>,
        updated_at: DateTime<Utc> => Timestamptz,
        tenant: Uuid => SqlUuid,
        id: Uuid => SqlUuid,
    }
    = "UPDATE shipments SET version = $1, status = $2, delivered_on = $3, delivered_at = $4, updated_at = $5
     WHERE tenant_id = $6 AND id = $7"
}

/// Saves whether these shipments have arrived.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn save_all(work: &UnitOfWork<'_>, shipments: &[Shipment]) -> Result<(), Error> {
    for shipment in shipments {
        save(work, shipment).await?;
    }
    Ok(())
}

async fn save(work: &UnitOfWork<'_>, shipment: &Shipment) -> Result<(), Error> {
    let mut connection = work.pipeline();
    let saving = Save::new(
        shipment.version,
        shipment.status.as_str(),
        shipment.delivered_on.map(BusinessDate::date),
        shipment.delivered_at,
        shipment.updated_at,
        work.tenant().uuid(),
        shipment.id.uuid(),
    );
    saving.execute(&mut connection).await?;
    Ok(())
}

impl Aggregate for Shipment {
    type Id = ShipmentId;
    type Event = ShipmentEvent;
    type Audited = ShipmentView;
    const NAME: &'static str = "shipment";

    fn id(&self) -> ShipmentId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn updated_at(&self) -> DateTime<Utc> {
        self.updated_at
    }

    fn audited(&self) -> ShipmentView {
        ShipmentView::of(self)
    }

    /// Only whether it has arrived changes.
    async fn save(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        save(work, self).await
    }
}
