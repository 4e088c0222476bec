//! What customers owe.

use bigdecimal::BigDecimal;
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
use crate::platform::schema::receivables;
use crate::values::ids::CustomerId;
use crate::values::money::Money;

/// What was invoiced to a customer, and what of it is paid.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Receivable)]
pub struct ReceivableView {
    #[schema(value_type = Uuid)]
    pub customer_id: CustomerId,
    /// ISO 4217; null until something was invoiced.
    #[schema(example = "EUR")]
    pub currency: Option<String>,
    /// Invoices and deposits, with VAT.
    #[schema(value_type = String, example = "120.00")]
    pub invoiced: Money,
    /// Credit notes, with VAT.
    #[schema(value_type = String, example = "0.00")]
    pub credited: Money,
    /// Payments, less those that were reversed.
    #[schema(value_type = String, example = "100.00")]
    pub paid: Money,
    /// What the customer owes; less than zero if more was paid and credited than invoiced.
    #[schema(value_type = String, example = "20.00")]
    pub open: Money,
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = receivables)]
struct ReceivableRow {
    customer_id: Uuid,
    currency: Option<String>,
    invoiced: BigDecimal,
    credited: BigDecimal,
    paid: BigDecimal,
    open_total: BigDecimal,
}

impl From<ReceivableRow> for ReceivableView {
    fn from(row: ReceivableRow) -> Self {
        Self {
            customer_id: CustomerId::from_uuid(row.customer_id),
            currency: row.currency,
            invoiced: Money::rounded(&row.invoiced),
            credited: Money::rounded(&row.credited),
            paid: Money::rounded(&row.paid),
            open: Money::rounded(&row.open_total),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceivableSort {
    Open,
}

impl SortKey for ReceivableSort {
    const NAMES: &'static [(&'static str, Self)] = &[("open", Self::Open)];
    const DEFAULT: &'static str = "-open";

    fn is_time(self) -> bool {
        false
    }
}

impl Listed<ReceivableSort> for ReceivableView {
    fn id(&self) -> Uuid {
        self.customer_id.uuid()
    }

    fn sort_value(&self, _: ReceivableSort) -> SortValue {
        self.open.to_string().as_str().into()
    }
}

#[derive(Debug, Clone, Default)]
pub struct ReceivableFilter {
    pub customer_id: Option<CustomerId>,
}

/// What the tenant's customers owe.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn receivables(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &ReceivableFilter,
    request: &PageRequest<ReceivableSort>,
) -> Result<Page<ReceivableView>, Error> {
    use receivables::{customer_id, generation, open_total};
    let rows: Vec<ReceivableRow> = db
        .read(context, async |mut connection| {
            let live = live(connection).await?;
            let mut rows = receivables::table
                .filter(receivables::tenant_id.eq(context.tenant_id().uuid()))
                .filter(generation.eq(live))
                .select(ReceivableRow::as_select())
                .limit(request.rows())
                .into_boxed();
            if let Some(customer) = filter.customer_id {
                rows = rows.filter(customer_id.eq(customer.uuid()));
            }
            Ok(walk!(rows, request.numbers(), [], open_total, customer_id).load(&mut connection).await?)
        })
        .await?;
    Ok(request.page(rows.into_iter().map(ReceivableView::from).collect()))
}
