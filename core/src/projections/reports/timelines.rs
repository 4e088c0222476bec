//! The time lines of orders.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::live;
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::platform::paging::row_comparison::{compared, of};
use crate::platform::paging::{Listed, Page, PageRequest, Period, SortKey, SortValue, walk};
use crate::platform::schema::order_timeline as timeline;
use crate::values::ids::{CustomerId, OrderId};

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
    /// Of a shipment, if it or one before has one.
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
            // A period that ends before it begins has no rows: it is looked for where it ends.
            let Period { from, before } = filter.occurred;
            let occurred =
                Period { from: from.map(|from| before.map_or(from, |before| from.min(before))), before };
            let start = request.times().within(occurred);
            // The walk sets the start; where it ends is said again.
            let mut rows = timeline::table
                .filter(timeline::tenant_id.eq(context.tenant_id().uuid()))
                .filter(generation.eq(live))
                .select(TimelineRow::as_select())
                .limit(request.rows())
                .into_boxed();
            if let Some(from) = occurred.from {
                rows = rows.filter(occurred_at.ge(from));
            }
            if let Some(before) = occurred.before {
                rows = rows.filter(occurred_at.lt(before));
            }
            let order = filter.order_id.map(OrderId::uuid);
            let customer = filter.customer_id.map(CustomerId::uuid);
            if let Some(order) = order {
                rows = rows.filter(order_id.eq(order));
            }
            let rows = match (order, customer) {
                // An order has few steps, whoever its customer is.
                (Some(order), customer) => {
                    let rows = match customer {
                        Some(customer) => rows.filter(customer_id.eq(customer)),
                        None => rows,
                    };
                    walk!(rows, start, [order_id => order], occurred_at, id)
                }
                // Beside the start of the walk this is an equality. PostgreSQL does not take it for one, and so walks the index that
                // begins with the customer, not one that finds them among all others.
                (None, Some(customer)) => {
                    let Period { from, before } = occurred;
                    let end = request.end();
                    let rows = match (end, from, before) {
                        // Nothing lies in it.
                        (_, Some(from), Some(before)) if from >= before => {
                            rows.filter(customer_id.eq(customer))
                        }
                        (">=", Some(from), _) => {
                            let last = (of(customer_id, customer), of(occurred_at, from));
                            rows.filter(compared((customer_id, occurred_at), ">=", last))
                        }
                        ("<=", _, Some(before)) => {
                            let last = (of(customer_id, customer), of(occurred_at, before));
                            rows.filter(compared((customer_id, occurred_at), "<", last))
                        }
                        _ => rows.filter(compared((customer_id,), end, (of(customer_id, customer),))),
                    };
                    walk!(rows, start, [customer_id => customer], occurred_at, id)
                }
                (None, None) => walk!(rows, start, [], occurred_at, id),
            };
            Ok(rows.load(&mut connection).await?)
        })
        .await?;
    Ok(request.page(rows.into_iter().map(TimelineView::from).collect()))
}
