//! The queries on payments.

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Numeric, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::{Payment, PaymentError, PaymentMethod};
use super::repository::{PaymentRow, method};
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::commerce::customers::CustomerError;
use crate::platform::paging::row_comparison::{compared, of};
use crate::platform::paging::{Listed, Page, PageRequest, SortKey, SortValue, walk};
use crate::platform::schema::{customers, payments};
use crate::values::business_date::BusinessDate;
use crate::values::ids::{CustomerId, InvoiceId, PaymentId};
use crate::values::money::Money;

/// A payment without what it pays.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PaymentSummary)]
pub struct PaymentSummary {
    #[schema(value_type = Uuid)]
    pub id: PaymentId,
    #[schema(value_type = Uuid)]
    pub customer_id: CustomerId,
    pub method: PaymentMethod,
    /// When it came, as the business counts.
    #[schema(value_type = chrono::NaiveDate)]
    pub received_on: BusinessDate,
    /// In your company's currency; less than zero in a reversal.
    #[schema(value_type = String, example = "120.00")]
    pub amount: Money,
    #[schema(example = "FA-2026-000123")]
    pub reference: Option<String>,
    /// The payment that it undoes; null if it is no reversal.
    #[schema(value_type = Option<Uuid>)]
    pub reverses: Option<PaymentId>,
    /// Why it was reversed.
    pub reason: Option<String>,
    #[schema(example = "ada@docks.example")]
    pub created_by: String,
    pub created_at: DateTime<Utc>,
}

/// A payment with what it pays by now.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Payment)]
pub struct PaymentView {
    #[serde(flatten)]
    pub summary: PaymentSummary,
    /// Each invoice once.
    pub allocations: Vec<AllocationView>,
    /// What pays nothing yet: credit of the customer.
    #[schema(value_type = String, example = "0.00")]
    pub rest: Money,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PaymentAllocation)]
pub struct AllocationView {
    #[schema(value_type = Uuid)]
    pub invoice_id: InvoiceId,
    /// Less than zero in a reversal.
    #[schema(value_type = String, example = "120.00")]
    pub amount: Money,
}

/// How a customer stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CustomerBalance)]
pub struct BalanceView {
    /// What is to be paid of invoices.
    #[schema(value_type = String, example = "120.00")]
    pub open: Money,
    /// What was paid or credited and pays nothing yet.
    #[schema(value_type = String, example = "0.00")]
    pub credit: Money,
}

impl PaymentView {
    pub(super) fn of(payment: &Payment, rest: &Money) -> Self {
        let summary = PaymentSummary {
            id: payment.id,
            customer_id: payment.customer_id,
            method: payment.method,
            received_on: payment.received_on,
            amount: payment.amount.clone(),
            reference: payment.reference.as_ref().map(ToString::to_string),
            reverses: payment.reverses,
            reason: payment.reason.as_ref().map(ToString::to_string),
            created_by: payment.created_by.clone(),
            created_at: payment.created_at,
        };
        let allocation = |one: &super::aggregate::Allocation| AllocationView {
            invoice_id: one.invoice_id,
            amount: one.amount.clone(),
        };
        Self {
            summary,
            allocations: payment.allocations.iter().map(allocation).collect(),
            rest: rest.clone(),
        }
    }
}

impl PaymentSummary {
    fn of_row(row: PaymentRow) -> Result<Self, Error> {
        Ok(Self {
            id: PaymentId::from_uuid(row.id),
            customer_id: CustomerId::from_uuid(row.customer_id),
            method: method(&row.method)?,
            received_on: BusinessDate::stored(row.received_on),
            amount: Money::rounded(&row.amount),
            reference: row.reference,
            reverses: row.reverses.map(PaymentId::from_uuid),
            reason: row.reason,
            created_by: row.created_by,
            created_at: row.created_at,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentSort {
    CreatedAt,
}

impl SortKey for PaymentSort {
    const NAMES: &'static [(&'static str, Self)] = &[("created_at", Self::CreatedAt)];
    const DEFAULT: &'static str = "-created_at";

    fn is_time(self) -> bool {
        true
    }
}

impl Listed<PaymentSort> for PaymentSummary {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_value(&self, _: PaymentSort) -> SortValue {
        self.created_at.into()
    }
}

#[derive(Debug, Clone, Default)]
pub struct PaymentFilter {
    pub customer_id: Option<CustomerId>,
}

crate::statement! {
    /// What a payment pays by now, each invoice once.
    struct Paid<'a> { tenant: Uuid => SqlUuid, payment: Uuid => SqlUuid } -> (SqlUuid, Numeric)
    = "SELECT invoice_id, sum(amount) FROM payment_allocations WHERE tenant_id = $1 AND payment_id = $2
     GROUP BY invoice_id ORDER BY min(number)"
}

crate::statement! {
    struct Rest<'a> { tenant: Uuid => SqlUuid, payment: Uuid => SqlUuid } -> (Nullable<Numeric>,)
    = "SELECT (SELECT amount FROM customer_credits WHERE tenant_id = $1 AND payment_id = $2)"
}

crate::statement! {
    struct Balance<'a> { tenant: Uuid => SqlUuid, customer: Uuid => SqlUuid } -> (Numeric, Numeric)
    = "WITH one AS (SELECT $1 AS tenant_id, $2 AS customer_id)
     SELECT
        COALESCE((SELECT sum(i.gross_total - i.paid - i.credited) FROM invoices AS i, one
            WHERE i.tenant_id = one.tenant_id AND i.customer_id = one.customer_id
                AND i.state IN ('validated', 'sent', 'partly_paid') AND i.kind <> 'credit_note'), 0::numeric),
        COALESCE((SELECT sum(c.amount) FROM customer_credits AS c, one
            WHERE c.tenant_id = one.tenant_id AND c.customer_id = one.customer_id), 0::numeric)
        + COALESCE((SELECT sum(i.gross_total - i.paid - i.credited) FROM invoices AS i, one
            WHERE i.tenant_id = one.tenant_id AND i.customer_id = one.customer_id
                AND i.state IN ('validated', 'sent', 'partly_paid') AND i.kind = 'credit_note'), 0::numeric)"
}

fn balance_of((open, credit): (BigDecimal, BigDecimal)) -> BalanceView {
    BalanceView { open: Money::rounded(&open), credit: Money::rounded(&credit) }
}

/// The same in a unit of work that has locked the customer.
pub(super) async fn balance_in(work: &mut UnitOfWork<'_>, id: CustomerId) -> Result<BalanceView, Error> {
    let statement = Balance::new(work.tenant().uuid(), id.uuid());
    let row: (BigDecimal, BigDecimal) = statement.get_result(work.connection()).await?;
    Ok(balance_of(row))
}

/// # Errors
/// `NotFound` if the tenant has no such customer. Fails if the database cannot be reached.
pub async fn balance(
    db: &TenantDatabase,
    context: &RequestContext,
    id: CustomerId,
) -> Result<BalanceView, Error> {
    let tenant = context.tenant_id().uuid();
    let found: Option<BalanceView> = db
        .read(context, async |mut connection| {
            let customer: Option<Uuid> = customers::table
                .find((tenant, id.uuid()))
                .select(customers::id)
                .first(&mut connection)
                .await
                .optional()?;
            let Some(customer) = customer else { return Ok(None) };
            let row: (BigDecimal, BigDecimal) =
                Balance::new(tenant, customer).get_result(&mut connection).await?;
            Ok(Some(balance_of(row)))
        })
        .await?;
    Ok(found.ok_or(CustomerError::NotFound(id))?)
}

/// A payment, what it pays of each invoice, and what is left of it; null if nothing is.
type Found = (PaymentRow, Vec<(Uuid, BigDecimal)>, Option<BigDecimal>);

/// # Errors
/// `NotFound` if the tenant has no such payment. Fails if the database cannot be reached.
pub async fn get(db: &TenantDatabase, context: &RequestContext, id: PaymentId) -> Result<PaymentView, Error> {
    let tenant = context.tenant_id().uuid();
    let found: Option<Found> = db
        .read(context, async |mut connection| {
            let row: Option<PaymentRow> = payments::table
                .find((tenant, id.uuid()))
                .select(PaymentRow::as_select())
                .first(&mut connection)
                .await
                .optional()?;
            let Some(row) = row else { return Ok(None) };
            let paid: Vec<(Uuid, BigDecimal)> = Paid::new(tenant, row.id).load(&mut connection).await?;
            let (rest,): (Option<BigDecimal>,) =
                Rest::new(tenant, row.id).get_result(&mut connection).await?;
            Ok(Some((row, paid, rest)))
        })
        .await?;
    let (row, paid, rest) = found.ok_or(PaymentError::NotFound(id))?;
    let allocation = |(invoice, amount): (Uuid, BigDecimal)| AllocationView {
        invoice_id: InvoiceId::from_uuid(invoice),
        amount: Money::rounded(&amount),
    };
    Ok(PaymentView {
        summary: PaymentSummary::of_row(row)?,
        allocations: paid.into_iter().map(allocation).collect(),
        rest: rest.as_ref().map_or_else(Money::zero, Money::rounded),
    })
}

/// # Errors
/// Fails if the database cannot be reached.
pub async fn list(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &PaymentFilter,
    request: &PageRequest<PaymentSort>,
) -> Result<Page<PaymentSummary>, Error> {
    let query = || {
        let rows = payments::table
            .filter(payments::tenant_id.eq(context.tenant_id().uuid()))
            .select(PaymentRow::as_select())
            .limit(request.rows())
            .into_boxed();
        match filter.customer_id.map(CustomerId::uuid) {
            Some(customer) => {
                // Beside the start of the walk this is an equality. PostgreSQL does not take it for one, and so walks the index that
                // begins with the customer, not one that finds their payments among all others.
                let last = (of(payments::customer_id, customer),);
                let rows = rows.filter(compared((payments::customer_id,), request.end(), last));
                walk!(
                    rows,
                    request.times(),
                    [payments::customer_id => customer],
                    payments::created_at,
                    payments::id
                )
            }
            None => walk!(rows, request.times(), [], payments::created_at, payments::id),
        }
    };
    db.page(context, request, query, PaymentSummary::of_row).await
}
