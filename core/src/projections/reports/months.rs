//! Sales by month and customer.

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
use crate::platform::schema::sales_by_month as months;
use crate::values::ids::CustomerId;
use crate::values::money::Money;

/// What was invoiced to a customer in one month.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SalesOfMonth)]
pub struct MonthView {
    #[serde(skip)]
    begins: DateTime<Utc>,
    /// The first day of the month in which the documents were issued.
    pub month: NaiveDate,
    #[schema(value_type = Uuid)]
    pub customer_id: CustomerId,
    /// ISO 4217.
    #[schema(example = "EUR")]
    pub currency: String,
    /// Invoices, deposits and credit notes.
    pub documents: i64,
    /// Without deposits, and less credit notes.
    #[schema(value_type = String, example = "25.00")]
    pub net_total: Money,
    /// As the documents say, that of deposits too.
    #[schema(value_type = String, example = "5.00")]
    pub vat_total: Money,
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = months)]
struct MonthRow {
    month: DateTime<Utc>,
    customer_id: Uuid,
    currency: String,
    documents: i64,
    net_total: BigDecimal,
    vat_total: BigDecimal,
}

impl From<MonthRow> for MonthView {
    fn from(row: MonthRow) -> Self {
        Self {
            begins: row.month,
            month: row.month.date_naive(),
            customer_id: CustomerId::from_uuid(row.customer_id),
            currency: row.currency,
            documents: row.documents,
            net_total: Money::rounded(&row.net_total),
            vat_total: Money::rounded(&row.vat_total),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MonthSort {
    Month,
}

impl SortKey for MonthSort {
    const NAMES: &'static [(&'static str, Self)] = &[("month", Self::Month)];
    const DEFAULT: &'static str = "-month";

    fn is_time(self) -> bool {
        true
    }
}

impl Listed<MonthSort> for MonthView {
    fn id(&self) -> Uuid {
        self.customer_id.uuid()
    }

    fn sort_value(&self, _: MonthSort) -> SortValue {
        self.begins.into()
    }
}

#[derive(Debug, Clone, Default)]
pub struct MonthFilter {
    pub customer_id: Option<CustomerId>,
    /// Of the beginnings of the months.
    pub period: Period,
}

/// What the tenant invoiced, month by month and customer by customer.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn sales_by_month(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &MonthFilter,
    request: &PageRequest<MonthSort>,
) -> Result<Page<MonthView>, Error> {
    use months::{customer_id, generation, month};
    let rows: Vec<MonthRow> = db
        .read(context, async |mut connection| {
            let live = live(connection).await?;
            let start = request.times().within(filter.period);
            let mut rows = months::table
                .filter(months::tenant_id.eq(context.tenant_id().uuid()))
                .filter(generation.eq(live))
                .select(MonthRow::as_select())
                .limit(request.rows())
                .into_boxed();
            if let Some(from) = filter.period.from {
                rows = rows.filter(month.ge(from));
            }
            if let Some(before) = filter.period.before {
                rows = rows.filter(month.lt(before));
            }
            let rows = match filter.customer_id.map(CustomerId::uuid) {
                Some(customer) => {
                    let rows = rows.filter(customer_id.eq(customer));
                    walk!(rows, start, [customer_id => customer], month, customer_id)
                }
                None => walk!(rows, start, [], month, customer_id),
            };
            Ok(rows.load(&mut connection).await?)
        })
        .await?;
    Ok(request.page(rows.into_iter().map(MonthView::from).collect()))
}
