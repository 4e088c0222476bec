//! Sales by day.

use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::live;
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::platform::paging::{Listed, Page, PageRequest, Period, SortKey, SortValue, walk};
use crate::platform::schema::sales_by_day as days;
use crate::values::money::Money;

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
            Ok(walk!(rows, start, [], day, id).load(&mut connection).await?)
        })
        .await?;
    Ok(request.page(rows.into_iter().map(DayView::from).collect()))
}
