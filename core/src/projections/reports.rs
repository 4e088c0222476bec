//! The reports: what the projections hold, of the live generation.

use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::CONSUMER;
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::platform::paging::{Listed, Page, PageRequest, Period, SortKey, SortValue, walk};
use crate::platform::schema::{
    customer_activity as activity, order_timeline as timeline, projection_state as state, sales_by_day as days,
    sales_by_product as products,
};
use crate::values::ids::{CustomerId, OrderId, ProductId};
use crate::values::money::{Money, Quantity};

/// The generation that readers see. Read in the transaction of the page, which has one snapshot.
async fn live(mut connection: &AsyncPgConnection) -> Result<i32, Error> {
    Ok(state::table.find(CONSUMER).select(state::generation).first(&mut connection).await?)
}

/// A step of an order.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = OrderTimelineEntry)]
pub struct TimelineView {
    #[serde(skip)]
    id: Uuid,
    #[schema(value_type = Uuid)]
    pub order_id: OrderId,
    /// Of the order, after this step.
    pub version: i64,
    #[schema(example = "order.shipped")]
    pub event: String,
    pub occurred_at: DateTime<Utc>,
    pub reference: Option<String>,
    #[schema(value_type = Uuid)]
    pub customer_id: CustomerId,
    /// Of a shipment, if it has one.
    pub tracking_number: Option<String>,
    /// Of a cancellation.
    pub reason: Option<String>,
    /// Of the request that caused it: the audit trail has who sent it.
    pub request_id: Option<String>,
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = timeline)]
struct TimelineRow {
    id: Uuid,
    order_id: Uuid,
    version: i64,
    event: String,
    occurred_at: DateTime<Utc>,
    reference: Option<String>,
    customer_id: Uuid,
    tracking_number: Option<String>,
    reason: Option<String>,
    request_id: Option<String>,
}

impl From<TimelineRow> for TimelineView {
    fn from(row: TimelineRow) -> Self {
        Self {
            id: row.id,
            order_id: OrderId::from_uuid(row.order_id),
            version: row.version,
            event: row.event,
            occurred_at: row.occurred_at,
            reference: row.reference,
            customer_id: CustomerId::from_uuid(row.customer_id),
            tracking_number: row.tracking_number,
            reason: row.reason,
            request_id: row.request_id,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimelineSort {
    OccurredAt,
}

impl SortKey for TimelineSort {
    const NAMES: &'static [(&'static str, Self)] = &[("occurred_at", Self::OccurredAt)];
    const DEFAULT: &'static str = "-occurred_at";

    fn is_time(self) -> bool {
        true
    }
}

impl Listed<TimelineSort> for TimelineView {
    fn id(&self) -> Uuid {
        self.id
    }

    fn sort_value(&self, _: TimelineSort) -> SortValue {
        self.occurred_at.into()
    }
}

#[derive(Debug, Clone, Default)]
pub struct TimelineFilter {
    pub order_id: Option<OrderId>,
    pub customer_id: Option<CustomerId>,
    pub occurred: Period,
}

/// What happened to the tenant's orders, step by step.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn order_timelines(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &TimelineFilter,
    request: &PageRequest<TimelineSort>,
) -> Result<Page<TimelineView>, Error> {
    use timeline::{customer_id, generation, id, occurred_at, order_id};
    let rows: Vec<TimelineRow> = db
        .read(context, async |mut connection| {
            let live = live(connection).await?;
            let start = request.times().within(filter.occurred);
            // The walk sets the start; where it ends is said again.
            let mut rows = timeline::table
                .filter(timeline::tenant_id.eq(context.tenant_id().uuid()))
                .filter(generation.eq(live))
                .select(TimelineRow::as_select())
                .limit(request.rows())
                .into_boxed();
            if let Some(from) = filter.occurred.from {
                rows = rows.filter(occurred_at.ge(from));
            }
            if let Some(before) = filter.occurred.before {
                rows = rows.filter(occurred_at.lt(before));
            }
            let order = filter.order_id.map(OrderId::uuid);
            let customer = filter.customer_id.map(CustomerId::uuid);
            if let Some(customer) = customer {
                rows = rows.filter(customer_id.eq(customer));
            }
            if let Some(order) = order {
                rows = rows.filter(order_id.eq(order));
            }
            let rows = match (order, customer) {
                // An order has few steps, whoever its customer is.
                (Some(order), _) => {
                    walk!(rows, start, [generation => live, order_id => order], occurred_at, id)
                }
                (None, Some(customer)) => {
                    walk!(rows, start, [generation => live, customer_id => customer], occurred_at, id)
                }
                (None, None) => walk!(rows, start, [generation => live], occurred_at, id),
            };
            Ok(rows.load(&mut connection).await?)
        })
        .await?;
    Ok(request.page(rows.into_iter().map(TimelineView::from).collect()))
}

/// What was sold on one day. A day begins at midnight, UTC.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SalesOfDay)]
pub struct DayView {
    #[serde(skip)]
    id: Uuid,
    #[serde(skip)]
    begins: DateTime<Utc>,
    pub day: NaiveDate,
    /// ISO 4217.
    #[schema(example = "EUR")]
    pub currency: String,
    /// Orders that were placed on this day, without those that were cancelled.
    pub orders: i64,
    #[schema(value_type = String, example = "25.00")]
    pub net_total: Money,
    #[schema(value_type = String, example = "5.00")]
    pub vat_total: Money,
    #[schema(value_type = String, example = "30.00")]
    pub gross_total: Money,
    /// Orders that were placed on this day and cancelled, on whatever day.
    pub cancelled_orders: i64,
    #[schema(value_type = String, example = "0.00")]
    pub cancelled_gross_total: Money,
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = days)]
struct DayRow {
    id: Uuid,
    day: DateTime<Utc>,
    currency: String,
    orders: i64,
    net_total: BigDecimal,
    vat_total: BigDecimal,
    gross_total: BigDecimal,
    cancelled_orders: i64,
    cancelled_gross_total: BigDecimal,
}

impl From<DayRow> for DayView {
    fn from(row: DayRow) -> Self {
        Self {
            id: row.id,
            begins: row.day,
            day: row.day.date_naive(),
            currency: row.currency,
            orders: row.orders,
            net_total: Money::rounded(&row.net_total),
            vat_total: Money::rounded(&row.vat_total),
            gross_total: Money::rounded(&row.gross_total),
            cancelled_orders: row.cancelled_orders,
            cancelled_gross_total: Money::rounded(&row.cancelled_gross_total),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DaySort {
    Day,
}

impl SortKey for DaySort {
    const NAMES: &'static [(&'static str, Self)] = &[("day", Self::Day)];
    const DEFAULT: &'static str = "-day";

    fn is_time(self) -> bool {
        true
    }
}

impl Listed<DaySort> for DayView {
    fn id(&self) -> Uuid {
        self.id
    }

    fn sort_value(&self, _: DaySort) -> SortValue {
        self.begins.into()
    }
}

#[derive(Debug, Clone, Default)]
pub struct DayFilter {
    /// Of the beginnings of the days.
    pub period: Period,
}

/// What the tenant sold, day by day.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn sales_by_day(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &DayFilter,
    request: &PageRequest<DaySort>,
) -> Result<Page<DayView>, Error> {
    use days::{day, generation, id};
    let rows: Vec<DayRow> = db
        .read(context, async |mut connection| {
            let live = live(connection).await?;
            let start = request.times().within(filter.period);
            let mut rows = days::table
                .filter(days::tenant_id.eq(context.tenant_id().uuid()))
                .filter(generation.eq(live))
                .select(DayRow::as_select())
                .limit(request.rows())
                .into_boxed();
            if let Some(from) = filter.period.from {
                rows = rows.filter(day.ge(from));
            }
            if let Some(before) = filter.period.before {
                rows = rows.filter(day.lt(before));
            }
            Ok(walk!(rows, start, [generation => live], day, id).load(&mut connection).await?)
        })
        .await?;
    Ok(request.page(rows.into_iter().map(DayView::from).collect()))
}

/// What was sold of one product, cancelled orders not counted.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SalesOfProduct)]
pub struct ProductSales {
    #[schema(value_type = Uuid)]
    pub product_id: ProductId,
    #[schema(example = "TEA-EG-250")]
    pub sku: String,
    #[schema(example = "Earl Grey, 250 g")]
    pub name: String,
    pub archived: bool,
    /// ISO 4217; null until it was ordered.
    #[schema(example = "EUR")]
    pub currency: Option<String>,
    /// Orders that have it.
    pub orders: i64,
    #[schema(example = "2.5")]
    pub quantity: String,
    #[schema(value_type = String, example = "25.00")]
    pub net_total: Money,
    /// By whatever order, cancelled ones too.
    pub last_ordered_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = products)]
struct ProductRow {
    product_id: Uuid,
    sku: String,
    name: String,
    archived: bool,
    currency: Option<String>,
    orders: i64,
    quantity: BigDecimal,
    net_total: BigDecimal,
    last_ordered_at: Option<DateTime<Utc>>,
}

impl From<ProductRow> for ProductSales {
    fn from(row: ProductRow) -> Self {
        Self {
            product_id: ProductId::from_uuid(row.product_id),
            sku: row.sku,
            name: row.name,
            archived: row.archived,
            currency: row.currency,
            orders: row.orders,
            quantity: Quantity::stored(row.quantity).to_string(),
            net_total: Money::rounded(&row.net_total),
            last_ordered_at: row.last_ordered_at,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProductSort {
    Sku,
    Name,
    NetTotal,
}

impl SortKey for ProductSort {
    const NAMES: &'static [(&'static str, Self)] =
        &[("sku", Self::Sku), ("name", Self::Name), ("net_total", Self::NetTotal)];
    const DEFAULT: &'static str = "-net_total";

    fn is_time(self) -> bool {
        false
    }
}

impl Listed<ProductSort> for ProductSales {
    fn id(&self) -> Uuid {
        self.product_id.uuid()
    }

    fn sort_value(&self, key: ProductSort) -> SortValue {
        match key {
            ProductSort::Sku => self.sku.as_str().into(),
            ProductSort::Name => self.name.as_str().into(),
            ProductSort::NetTotal => self.net_total.to_string().as_str().into(),
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct ProductFilter {
    pub product_id: Option<ProductId>,
}

/// What the tenant sold, by product.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn sales_by_product(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &ProductFilter,
    request: &PageRequest<ProductSort>,
) -> Result<Page<ProductSales>, Error> {
    use products::{generation, name, net_total, product_id, sku};
    let rows: Vec<ProductRow> = db
        .read(context, async |mut connection| {
            let live = live(connection).await?;
            let mut rows = products::table
                .filter(products::tenant_id.eq(context.tenant_id().uuid()))
                .filter(generation.eq(live))
                .select(ProductRow::as_select())
                .limit(request.rows())
                .into_boxed();
            if let Some(product) = filter.product_id {
                rows = rows.filter(product_id.eq(product.uuid()));
            }
            let rows = match request.key {
                ProductSort::Sku => walk!(rows, request.texts(), [generation => live], sku, product_id),
                ProductSort::Name => walk!(rows, request.texts(), [generation => live], name, product_id),
                ProductSort::NetTotal => {
                    walk!(rows, request.numbers(), [generation => live], net_total, product_id)
                }
            };
            Ok(rows.load(&mut connection).await?)
        })
        .await?;
    Ok(request.page(rows.into_iter().map(ProductSales::from).collect()))
}

/// What a customer ordered, and when something last happened.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = CustomerActivity)]
pub struct ActivityView {
    #[schema(value_type = Uuid)]
    pub customer_id: CustomerId,
    /// Null for a moment, if an order is known before its customer is.
    #[schema(example = "C-1042")]
    pub code: Option<String>,
    #[schema(example = "Librairie des Carmes")]
    pub name: Option<String>,
    /// ISO 4217; null until they ordered.
    #[schema(example = "EUR")]
    pub currency: Option<String>,
    /// Without those that were cancelled.
    pub orders: i64,
    pub cancelled_orders: i64,
    /// Of the orders that were not cancelled.
    #[schema(value_type = String, example = "30.00")]
    pub gross_total: Money,
    /// Cancelled or not.
    pub first_order_at: Option<DateTime<Utc>>,
    pub last_order_at: Option<DateTime<Utc>>,
    /// When the customer or one of their orders last changed.
    pub last_activity_at: DateTime<Utc>,
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = activity)]
struct ActivityRow {
    customer_id: Uuid,
    code: Option<String>,
    name: Option<String>,
    currency: Option<String>,
    orders: i64,
    cancelled_orders: i64,
    gross_total: BigDecimal,
    first_order_at: Option<DateTime<Utc>>,
    last_order_at: Option<DateTime<Utc>>,
    last_activity_at: DateTime<Utc>,
}

impl From<ActivityRow> for ActivityView {
    fn from(row: ActivityRow) -> Self {
        Self {
            customer_id: CustomerId::from_uuid(row.customer_id),
            code: row.code,
            name: row.name,
            currency: row.currency,
            orders: row.orders,
            cancelled_orders: row.cancelled_orders,
            gross_total: Money::rounded(&row.gross_total),
            first_order_at: row.first_order_at,
            last_order_at: row.last_order_at,
            last_activity_at: row.last_activity_at,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActivitySort {
    LastActivityAt,
    GrossTotal,
}

impl SortKey for ActivitySort {
    const NAMES: &'static [(&'static str, Self)] =
        &[("last_activity_at", Self::LastActivityAt), ("gross_total", Self::GrossTotal)];
    const DEFAULT: &'static str = "-last_activity_at";

    fn is_time(self) -> bool {
        self == Self::LastActivityAt
    }
}

impl Listed<ActivitySort> for ActivityView {
    fn id(&self) -> Uuid {
        self.customer_id.uuid()
    }

    fn sort_value(&self, key: ActivitySort) -> SortValue {
        match key {
            ActivitySort::LastActivityAt => self.last_activity_at.into(),
            ActivitySort::GrossTotal => self.gross_total.to_string().as_str().into(),
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct ActivityFilter {
    pub customer_id: Option<CustomerId>,
}

/// What the tenant's customers ordered.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn customer_activity(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &ActivityFilter,
    request: &PageRequest<ActivitySort>,
) -> Result<Page<ActivityView>, Error> {
    use activity::{customer_id, generation, gross_total, last_activity_at};
    let rows: Vec<ActivityRow> = db
        .read(context, async |mut connection| {
            let live = live(connection).await?;
            let mut rows = activity::table
                .filter(activity::tenant_id.eq(context.tenant_id().uuid()))
                .filter(generation.eq(live))
                .select(ActivityRow::as_select())
                .limit(request.rows())
                .into_boxed();
            if let Some(customer) = filter.customer_id {
                rows = rows.filter(customer_id.eq(customer.uuid()));
            }
            let rows = match request.key {
                ActivitySort::LastActivityAt => {
                    walk!(rows, request.times(), [generation => live], last_activity_at, customer_id)
                }
                ActivitySort::GrossTotal => {
                    walk!(rows, request.numbers(), [generation => live], gross_total, customer_id)
                }
            };
            Ok(rows.load(&mut connection).await?)
        })
        .await?;
    Ok(request.page(rows.into_iter().map(ActivityView::from).collect()))
}
