//! The queries on shipments.

use bigdecimal::{BigDecimal, Zero};
use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::{Parcel, Shipment, ShipmentError, ShipmentStatus, ShippedLine};
use super::repository::{ShipmentRow, parcels, status};
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::commerce::addresses;
use crate::commerce::orders::repository::status as order_status;
use crate::commerce::orders::{OrderError, OrderStatus};
use crate::commerce::stock::places::Taken;
use crate::commerce::stock::{self, Shelves};
use crate::platform::paging::row_comparison::{compared, of};
use crate::platform::paging::{Listed, Page, PageRequest, SortKey, SortValue, walk};
use crate::platform::schema::{
    customers, order_lines, orders, products, shipment_lines, shipments, stock_reservations,
};
use crate::values::business_date::BusinessDate;
use crate::values::contact::PostalAddress;
use crate::values::goods::Units;
use crate::values::gtin::Gtin;
use crate::values::ids::{CustomerId, LocationId, OrderId, ProductId, ShipmentId, WarehouseId};

/// A shipment without its lines.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ShipmentSummary)]
pub struct ShipmentSummary {
    #[schema(value_type = Uuid)]
    pub id: ShipmentId,
    /// Rises with every change; the ETag.
    pub version: i64,
    #[schema(value_type = Uuid)]
    pub order_id: OrderId,
    /// Counts from 1 within the order.
    pub number: i16,
    pub status: ShipmentStatus,
    pub tracking_number: Option<String>,
    /// When it left, as the business counts.
    #[schema(value_type = NaiveDate)]
    pub shipped_on: BusinessDate,
    /// When it arrived, as the business counts.
    #[schema(value_type = Option<NaiveDate>)]
    pub delivered_on: Option<BusinessDate>,
    #[schema(example = "bob@carmes.example")]
    pub created_by: String,
    pub dispatched_at: DateTime<Utc>,
    pub delivered_at: Option<DateTime<Utc>>,
    pub updated_at: DateTime<Utc>,
}

/// What of an order left together.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Shipment)]
pub struct ShipmentView {
    #[serde(flatten)]
    pub summary: ShipmentSummary,
    pub parcels: Vec<ParcelView>,
    pub lines: Vec<ShipmentLine>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = ShippedParcel)]
pub struct ParcelView {
    /// Null if it has none of its own.
    #[schema(example = "1Z999AA10123456784")]
    pub tracking_number: Option<String>,
    #[schema(example = "2.5")]
    pub weight_kg: Option<String>,
}

impl ParcelView {
    pub(super) fn of(parcel: &Parcel) -> Self {
        Self {
            tracking_number: parcel.tracking_number.as_ref().map(|number| number.as_str().to_owned()),
            weight_kg: parcel.weight_kg.as_ref().map(ToString::to_string),
        }
    }
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ShipmentLine)]
pub struct ShipmentLine {
    /// Of the order's line; counts from 1.
    pub position: i16,
    #[schema(value_type = Uuid)]
    pub product_id: ProductId,
    #[schema(example = "TEA-EG-250")]
    pub sku: String,
    #[schema(example = "Earl Grey, 250 g")]
    pub name: String,
    /// What left of it.
    #[schema(value_type = String, example = "2")]
    pub quantity: Units,
}

/// A line of a shipment or a picking list, with the product as the order calls it.
type LineRow = (i16, Uuid, String, String, BigDecimal);

fn into_line((position, product, sku, name, quantity): LineRow) -> ShippedLine {
    ShippedLine {
        position,
        product_id: ProductId::from_uuid(product),
        sku,
        name,
        quantity: Units::stored(quantity),
    }
}

impl From<ShippedLine> for ShipmentLine {
    fn from(line: ShippedLine) -> Self {
        let ShippedLine { position, product_id, sku, name, quantity } = line;
        Self { position, product_id, sku, name, quantity }
    }
}

impl ShipmentView {
    pub(super) fn of(shipment: &Shipment) -> Self {
        let summary = ShipmentSummary {
            id: shipment.id,
            version: shipment.version,
            order_id: shipment.order_id,
            number: shipment.number,
            status: shipment.status,
            tracking_number: shipment.tracking_number.as_ref().map(|number| number.as_str().to_owned()),
            shipped_on: shipment.shipped_on,
            delivered_on: shipment.delivered_on,
            created_by: shipment.created_by.clone(),
            dispatched_at: shipment.dispatched_at,
            delivered_at: shipment.delivered_at,
            updated_at: shipment.updated_at,
        };
        Self {
            summary,
            parcels: shipment.parcels.iter().map(ParcelView::of).collect(),
            lines: shipment.lines.iter().cloned().map(ShipmentLine::from).collect(),
        }
    }
}

impl ShipmentSummary {
    fn of_row(row: ShipmentRow) -> Result<Self, Error> {
        Ok(Self {
            id: ShipmentId::from_uuid(row.id),
            version: row.version,
            order_id: OrderId::from_uuid(row.order_id),
            number: row.number,
            status: status(&row.status)?,
            tracking_number: row.tracking_number,
            shipped_on: BusinessDate::stored(row.shipped_on),
            delivered_on: row.delivered_on.map(BusinessDate::stored),
            created_by: row.created_by,
            dispatched_at: row.dispatched_at,
            delivered_at: row.delivered_at,
            updated_at: row.updated_at,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShipmentSort {
    DispatchedAt,
}

impl SortKey for ShipmentSort {
    const NAMES: &'static [(&'static str, Self)] = &[("dispatched_at", Self::DispatchedAt)];
    const DEFAULT: &'static str = "-dispatched_at";

    fn is_time(self) -> bool {
        true
    }
}

impl Listed<ShipmentSort> for ShipmentSummary {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_value(&self, _: ShipmentSort) -> SortValue {
        self.dispatched_at.into()
    }
}

#[derive(Debug, Clone, Default)]
pub struct ShipmentFilter {
    pub order_id: Option<OrderId>,
    pub status: Option<ShipmentStatus>,
}

/// # Errors
/// `NotFound` if the tenant has no such shipment. Fails if the database cannot be reached.
pub async fn get(
    db: &TenantDatabase,
    context: &RequestContext,
    id: ShipmentId,
) -> Result<ShipmentView, Error> {
    let tenant = context.tenant_id().uuid();
    let (row, lines): (Option<ShipmentRow>, Vec<LineRow>) = db
        .read(context, async |mut connection| {
            let row: Option<ShipmentRow> = shipments::table
                .find((tenant, id.uuid()))
                .select(ShipmentRow::as_select())
                .first(&mut connection)
                .await
                .optional()?;
            let Some(row) = row else { return Ok((None, Vec::new())) };
            let of_order = order_lines::tenant_id
                .eq(shipment_lines::tenant_id)
                .and(order_lines::position.eq(shipment_lines::position))
                .and(order_lines::order_id.eq(row.order_id));
            let lines = shipment_lines::table
                .inner_join(order_lines::table.on(of_order))
                .filter(shipment_lines::tenant_id.eq(tenant).and(shipment_lines::shipment_id.eq(row.id)))
                .order(shipment_lines::position)
                .select((
                    shipment_lines::position,
                    order_lines::product_id,
                    order_lines::sku,
                    order_lines::name,
                    shipment_lines::quantity,
                ))
                .load(&mut connection)
                .await?;
            Ok((Some(row), lines))
        })
        .await?;
    let mut row = row.ok_or(ShipmentError::NotFound(id))?;
    let parcels = parcels(std::mem::take(&mut row.parcels))?;
    let lines = lines.into_iter().map(into_line).map(ShipmentLine::from).collect();
    Ok(ShipmentView { summary: ShipmentSummary::of_row(row)?, parcels, lines })
}

/// # Errors
/// Fails if the database cannot be reached.
pub async fn list(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &ShipmentFilter,
    request: &PageRequest<ShipmentSort>,
) -> Result<Page<ShipmentSummary>, Error> {
    let query = || {
        let rows = shipments::table
            .filter(shipments::tenant_id.eq(context.tenant_id().uuid()))
            .select(ShipmentRow::as_select())
            .limit(request.rows())
            .into_boxed();
        let state = filter.status.map(ShipmentStatus::as_str);
        match (filter.order_id.map(OrderId::uuid), state) {
            // An order has few.
            (Some(order), state) => {
                let rows = rows.filter(shipments::order_id.eq(order));
                let rows = match state {
                    Some(state) => rows.filter(shipments::status.eq(state)),
                    None => rows,
                };
                walk!(rows, request.times(), [shipments::order_id => order], shipments::dispatched_at, shipments::id)
            }
            // Beside the start of the walk this is an equality. PostgreSQL does not take it for one, and so walks the index that
            // begins with the status, not one that finds those among all others.
            (None, Some(state)) => {
                let last = (of(shipments::status, state),);
                let rows = rows.filter(compared((shipments::status,), request.end(), last));
                walk!(rows, request.times(), [shipments::status => state], shipments::dispatched_at, shipments::id)
            }
            (None, None) => walk!(rows, request.times(), [], shipments::dispatched_at, shipments::id),
        }
    };
    db.page(context, request, query, ShipmentSummary::of_row).await
}

/// What goes with the goods: from whom to whom, and what it is. Nothing in it says what it costs.
#[derive(Debug, Clone, Serialize)]
pub struct DeliveryNote {
    pub shipment: ShipmentView,
    pub order_reference: Option<String>,
    pub order_external_id: Option<String>,
    /// When the customer ordered, as the business counts.
    pub ordered_on: Option<BusinessDate>,
    pub customer_id: CustomerId,
    pub customer_name: String,
    /// Where the order goes, or else the customer's first shipping address, or the first billing address.
    pub address: Option<PostalAddress>,
}

/// # Errors
/// `NotFound` if the tenant has no such shipment. Fails if the database cannot be reached.
pub async fn delivery_note(
    db: &TenantDatabase,
    context: &RequestContext,
    id: ShipmentId,
) -> Result<DeliveryNote, Error> {
    type Addressed = (Option<String>, Option<String>, Option<NaiveDate>, Option<Value>, Uuid, String, Value);
    let shipment = get(db, context, id).await?;
    let key = (context.tenant_id().uuid(), shipment.summary.order_id.uuid());
    let found: Option<Addressed> = db
        .read(context, async |mut connection| {
            let of_order =
                customers::tenant_id.eq(orders::tenant_id).and(customers::id.eq(orders::customer_id));
            let found = orders::table
                .inner_join(customers::table.on(of_order))
                .filter(orders::tenant_id.eq(key.0).and(orders::id.eq(key.1)))
                .select((
                    orders::reference,
                    orders::external_id,
                    orders::ordered_on,
                    orders::delivery_address,
                    customers::id,
                    customers::name,
                    customers::addresses,
                ))
                .first(&mut connection)
                .await;
            Ok(found.optional()?)
        })
        .await?;
    // A shipped order is never deleted, and neither is its customer.
    let found = found.ok_or(OrderError::NotFound(shipment.summary.order_id))?;
    let (order_reference, order_external_id, ordered_on, own, customer, customer_name, stored) = found;
    let all = addresses::from_json(stored)?;
    let own = addresses::postal_from_json(own)?;
    Ok(DeliveryNote {
        shipment,
        order_reference,
        order_external_id,
        ordered_on: ordered_on.map(BusinessDate::stored),
        customer_id: CustomerId::from_uuid(customer),
        customer_name,
        address: addresses::deliver_to(own.as_ref(), &all).cloned(),
    })
}

/// What is to be taken from where for an order, now.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PickingList)]
pub struct PickingList {
    #[schema(value_type = Uuid)]
    pub order_id: OrderId,
    pub order_reference: Option<String>,
    /// It can be shipped when it is confirmed.
    pub order_status: OrderStatus,
    /// Where the goods lie; null if no line needs any.
    #[schema(value_type = Option<Uuid>)]
    pub warehouse_id: Option<WarehouseId>,
    /// The lines for which goods are reserved.
    pub lines: Vec<PickingLine>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PickingLine)]
pub struct PickingLine {
    /// Of the order's line; counts from 1.
    pub position: i16,
    #[schema(value_type = Uuid)]
    pub product_id: ProductId,
    #[schema(example = "TEA-EG-250")]
    pub sku: String,
    #[schema(example = "Earl Grey, 250 g")]
    pub name: String,
    /// What is reserved for it.
    #[schema(value_type = String, example = "2")]
    pub quantity: Units,
    /// GTINs of the product as it is now, as they were written; empty if it has none.
    #[schema(value_type = Vec<String>, example = json!(["3017620422003"]))]
    pub barcodes: Vec<Gtin>,
    /// From where it is taken, as things are now: what lies in no location first, then the locations by code. What is shipped is taken from
    /// there in the books. Two orders may be sent to the same place; who ships first has what lies there.
    pub places: Vec<PickingPlace>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = PickingPlace)]
pub struct PickingPlace {
    /// Null for what lies in no location.
    #[schema(value_type = Option<Uuid>)]
    pub location_id: Option<LocationId>,
    /// The location's; null for what lies in none.
    #[schema(example = "A-01-3")]
    pub code: Option<String>,
    #[schema(value_type = String, example = "2")]
    pub quantity: Units,
}

impl PickingPlace {
    fn of(Taken { location, units }: Taken) -> Self {
        let (location_id, code) = location.map(|location| (location.id, location.code)).unzip();
        Self { location_id, code, quantity: units }
    }
}

/// # Errors
/// `NotFound` if the tenant has no such order. Fails if the database cannot be reached.
pub async fn picking(
    db: &TenantDatabase,
    context: &RequestContext,
    id: OrderId,
) -> Result<PickingList, Error> {
    type Head = (Option<String>, String, Option<Uuid>);
    type Row = (LineRow, Vec<Option<String>>);
    let key = (context.tenant_id().uuid(), id.uuid());
    let (head, rows, mut shelves): (Option<Head>, Vec<Row>, Shelves) = db
        .read(context, async |mut connection| {
            let head: Option<Head> = orders::table
                .find(key)
                .select((orders::reference, orders::status, orders::warehouse_id))
                .first(&mut connection)
                .await
                .optional()?;
            let of_line = order_lines::tenant_id
                .eq(stock_reservations::tenant_id)
                .and(order_lines::order_id.eq(stock_reservations::order_id))
                .and(order_lines::position.eq(stock_reservations::position));
            // A product that was ordered is never deleted.
            let of_product =
                products::tenant_id.eq(order_lines::tenant_id).and(products::id.eq(order_lines::product_id));
            let lines: Vec<Row> = stock_reservations::table
                .inner_join(order_lines::table.on(of_line))
                .inner_join(products::table.on(of_product))
                .filter(stock_reservations::tenant_id.eq(key.0).and(stock_reservations::order_id.eq(key.1)))
                .filter(stock_reservations::reserved.gt(BigDecimal::zero()))
                .order(stock_reservations::position)
                .select((
                    (
                        stock_reservations::position,
                        order_lines::product_id,
                        order_lines::sku,
                        order_lines::name,
                        stock_reservations::reserved,
                    ),
                    products::barcodes,
                ))
                .load(&mut connection)
                .await?;
            let warehouse = head.as_ref().and_then(|(_, _, warehouse)| *warehouse);
            let mut shelves = Shelves::default();
            if let Some(warehouse) = warehouse.filter(|_| !lines.is_empty()) {
                let products = lines.iter().map(|(line, _)| line.1).collect();
                shelves = stock::shelves(connection, key.0, warehouse, products).await?;
            }
            Ok((head, lines, shelves))
        })
        .await?;
    let (order_reference, stored, warehouse) = head.ok_or(OrderError::NotFound(id))?;
    let line = |(row, barcodes): Row| {
        let ShippedLine { position, product_id, sku, name, quantity } = into_line(row);
        let barcodes = barcodes.into_iter().flatten().map(Gtin::stored).collect();
        let places = shelves.take(product_id, &quantity).into_iter().map(PickingPlace::of).collect();
        PickingLine { position, product_id, sku, name, quantity, barcodes, places }
    };
    Ok(PickingList {
        order_id: id,
        order_reference,
        order_status: order_status(&stored)?,
        warehouse_id: warehouse.map(WarehouseId::from_uuid),
        lines: rows.into_iter().map(line).collect(),
    })
}
