//! The queries on orders.

use chrono::{DateTime, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::{Order, OrderError, OrderLine, OrderStatus};
use super::repository::{OrderLineRow, OrderRow, status};
use super::totals::{VatSubtotal, vat_breakdown};
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::platform::paging::{Filter, Listed, Matching, Page, PageRequest, SortKey, SortValue, walk};
use crate::platform::schema::{order_lines, orders};
use crate::values::ids::{CustomerId, OrderId};
use crate::values::money::Money;

/// An order without its lines.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = OrderSummary)]
pub struct OrderSummary {
    #[schema(value_type = Uuid)]
    pub id: OrderId,
    /// Rises with every change; the ETag.
    pub version: i64,
    pub reference: Option<String>,
    #[schema(value_type = Uuid)]
    pub customer_id: CustomerId,
    pub status: OrderStatus,
    /// ISO 4217.
    #[schema(example = "EUR")]
    pub currency: String,
    #[schema(value_type = String, example = "25.00")]
    pub net_total: Money,
    #[schema(value_type = String, example = "5.00")]
    pub vat_total: Money,
    #[schema(value_type = String, example = "30.00")]
    pub gross_total: Money,
    pub tracking_number: Option<String>,
    pub cancellation_reason: Option<String>,
    pub placed_at: DateTime<Utc>,
    pub confirmed_at: Option<DateTime<Utc>>,
    pub shipped_at: Option<DateTime<Utc>>,
    pub delivered_at: Option<DateTime<Utc>>,
    pub cancelled_at: Option<DateTime<Utc>>,
    pub updated_at: DateTime<Utc>,
}

/// An order with everything that was sold.
#[derive(Debug, Clone, Serialize)]
pub struct OrderView {
    #[serde(flatten)]
    pub summary: OrderSummary,
    pub lines: Vec<OrderLine>,
    pub vat: Vec<VatSubtotal>,
}

impl OrderView {
    pub(super) fn of(order: &Order) -> Self {
        Self { summary: OrderSummary::of(order), lines: order.lines.clone(), vat: order.totals.vat.clone() }
    }
}

impl OrderSummary {
    pub(super) fn of(order: &Order) -> Self {
        let totals = &order.totals;
        Self {
            id: order.id,
            version: order.version,
            reference: order.reference.as_ref().map(|reference| reference.as_str().to_owned()),
            customer_id: order.customer_id,
            status: order.status,
            currency: order.currency.code().to_owned(),
            net_total: totals.net_total.clone(),
            vat_total: totals.vat_total.clone(),
            gross_total: totals.gross_total.clone(),
            tracking_number: order.tracking_number.as_ref().map(|number| number.as_str().to_owned()),
            cancellation_reason: order.cancellation_reason.as_ref().map(|reason| reason.as_str().to_owned()),
            placed_at: order.placed_at,
            confirmed_at: order.confirmed_at,
            shipped_at: order.shipped_at,
            delivered_at: order.delivered_at,
            cancelled_at: order.cancelled_at,
            updated_at: order.updated_at,
        }
    }

    fn from_row(row: OrderRow) -> Result<Self, Error> {
        Ok(Self {
            id: OrderId::from_uuid(row.id),
            version: row.version,
            reference: row.reference,
            customer_id: CustomerId::from_uuid(row.customer_id),
            status: status(&row.status)?,
            currency: row.currency,
            net_total: Money::rounded(&row.net_total),
            vat_total: Money::rounded(&row.vat_total),
            gross_total: Money::rounded(&row.gross_total),
            tracking_number: row.tracking_number,
            cancellation_reason: row.cancellation_reason,
            placed_at: row.placed_at,
            confirmed_at: row.confirmed_at,
            shipped_at: row.shipped_at,
            delivered_at: row.delivered_at,
            cancelled_at: row.cancelled_at,
            updated_at: row.updated_at,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderSort {
    PlacedAt,
}

impl SortKey for OrderSort {
    const NAMES: &'static [(&'static str, Self)] = &[("placed_at", Self::PlacedAt)];
    const DEFAULT: &'static str = "-placed_at";

    fn is_time(self) -> bool {
        true
    }
}

impl Listed<OrderSort> for OrderSummary {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_value(&self, _: OrderSort) -> SortValue {
        self.placed_at.into()
    }
}

#[derive(Debug, Clone, Default)]
pub struct OrderFilter {
    pub status: Option<OrderStatus>,
    pub customer_id: Option<CustomerId>,
    pub reference: Option<String>,
    /// Inclusive.
    pub placed_from: Option<DateTime<Utc>>,
    /// Exclusive.
    pub placed_before: Option<DateTime<Utc>>,
}

type Rows<'a> = orders::BoxedQuery<'a, Pg, SqlTypeOf<AsSelect<OrderRow, Pg>>>;

impl OrderFilter {
    /// Returns a query of the tenant's orders, in the order of the index that serves these filters.
    fn walk(&self, context: &RequestContext, request: &PageRequest<OrderSort>) -> Rows<'_> {
        use orders::{customer_id, id, placed_at, reference, status};
        let of_tenant = orders::tenant_id.eq(context.tenant_id().uuid());
        let query = orders::table.filter(of_tenant).select(OrderRow::as_select()).into_boxed();
        let start = match request.key {
            OrderSort::PlacedAt => request.times().within(self.placed_from, self.placed_before),
        };
        if let Some(wanted) = &self.reference {
            // A reference is unique in its tenant.
            return walk!(query.filter(reference.eq(wanted)), start, [], placed_at, id);
        }
        match (self.customer_id.map(CustomerId::uuid), self.status.map(OrderStatus::as_str)) {
            (Some(customer), Some(state)) => {
                walk!(query, start, [customer_id => customer, status => state], placed_at, id)
            }
            (Some(customer), None) => walk!(query, start, [customer_id => customer], placed_at, id),
            (None, Some(state)) => walk!(query, start, [status => state], placed_at, id),
            (None, None) => walk!(query, start, [], placed_at, id),
        }
    }

    fn matching<'a>(&self, looked_at: Rows<'a>, limit: i64) -> Matching<'a, Rows<'a>, orders::table> {
        use orders::{customer_id, placed_at, status};
        let mut filters: Vec<Filter<'_, orders::table>> = Vec::new();
        if let Some(state) = self.status {
            filters.push(Box::new(status.eq(state.as_str())));
        }
        if let Some(customer) = self.customer_id {
            filters.push(Box::new(customer_id.eq(customer.uuid())));
        }
        if let Some(from) = self.placed_from {
            filters.push(Box::new(placed_at.ge(from)));
        }
        if let Some(before) = self.placed_before {
            filters.push(Box::new(placed_at.lt(before)));
        }
        Matching::of(looked_at, "orders", filters, limit)
    }
}

/// # Errors
/// `NotFound` if the tenant has no such order. Fails if the database cannot be reached.
pub async fn get(db: &TenantDatabase, context: &RequestContext, id: OrderId) -> Result<OrderView, Error> {
    let key = (context.tenant_id().uuid(), id.uuid());
    // The lines never change once the order is placed, so the two reads need no common snapshot.
    let (row, rows): (Option<OrderRow>, Vec<OrderLineRow>) = db
        .read(context, async |connection| {
            let (mut one, mut other) = (connection, connection);
            let order = orders::table.find(key).select(OrderRow::as_select()).first(&mut one);
            let lines = order_lines::table
                .filter(order_lines::tenant_id.eq(key.0).and(order_lines::order_id.eq(key.1)))
                .order(order_lines::position)
                .select(OrderLineRow::as_select())
                .load(&mut other);
            let (order, lines) = futures::join!(order, lines);
            Ok((order.optional()?, lines?))
        })
        .await?;
    let row = row.ok_or(OrderError::NotFound(id))?;
    let lines: Vec<_> = rows.into_iter().map(OrderLineRow::into_line).collect();
    Ok(OrderView { summary: OrderSummary::from_row(row)?, vat: vat_breakdown(&lines), lines })
}

/// # Errors
/// Fails if the database cannot be reached.
pub async fn list(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &OrderFilter,
    request: &PageRequest<OrderSort>,
) -> Result<Page<OrderSummary>, Error> {
    let query = || {
        let rows = filter.walk(context, request).limit(request.rows());
        filter.matching(rows, request.rows())
    };
    db.page(context, request, query, OrderSummary::from_row).await
}
