//! The activity of customers.

use bigdecimal::BigDecimal;
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
use crate::platform::paging::{Listed, Page, PageRequest, SortKey, SortValue, walk};
use crate::platform::schema::customer_activity as activity;
use crate::values::ids::CustomerId;
use crate::values::money::Money;

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
                    walk!(rows, request.times(), [], last_activity_at, customer_id)
                }
                ActivitySort::GrossTotal => {
                    walk!(rows, request.numbers(), [], gross_total, customer_id)
                }
            };
            Ok(rows.load(&mut connection).await?)
        })
        .await?;
    Ok(request.page(rows.into_iter().map(ActivityView::from).collect()))
}
