//! Payments in the database, as commands read and write them.

use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::dsl::{exists, max};
use diesel::prelude::*;
use diesel::sql_types::{Array, Numeric, SmallInt, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::aggregate::{Allocation, Payment, PaymentError, PaymentMethod, PaymentReason, PaymentReference};
use crate::application::error::{Error, unless_taken};
use crate::application::unit_of_work::UnitOfWork;
use crate::platform::schema::{customer_credits, payment_allocations, payments};
use crate::values::business_date::BusinessDate;
use crate::values::ids::{CustomerId, InvoiceId, PaymentId, TenantId};
use crate::values::money::Money;

/// The constraint that lets a payment be reversed once.
const REVERSED_ONCE: &str = "payments_reversed_once";

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = payments, treat_none_as_default_value = false)]
pub(crate) struct PaymentRow {
    pub(super) tenant_id: Uuid,
    pub(super) id: Uuid,
    pub(super) customer_id: Uuid,
    pub(super) method: String,
    pub(super) received_on: NaiveDate,
    pub(super) amount: BigDecimal,
    pub(super) reference: Option<String>,
    pub(super) reverses: Option<Uuid>,
    pub(super) reason: Option<String>,
    pub(super) created_by: String,
    pub(super) created_at: DateTime<Utc>,
}

/// Reads a stored method.
///
/// # Errors
/// Fails if a newer version wrote one that this version does not know.
pub(super) fn method(name: &str) -> Result<PaymentMethod, Error> {
    PaymentMethod::from_name(name)
        .ok_or_else(|| Error::Stored { what: "a method of payment", value: name.to_owned() })
}

impl PaymentRow {
    fn of(tenant: TenantId, payment: &Payment) -> Self {
        Self {
            tenant_id: tenant.uuid(),
            id: payment.id.uuid(),
            customer_id: payment.customer_id.uuid(),
            method: payment.method.name().to_owned(),
            received_on: payment.received_on.date(),
            amount: payment.amount.value().clone(),
            reference: payment.reference.as_ref().map(|reference| reference.as_str().to_owned()),
            reverses: payment.reverses.map(PaymentId::uuid),
            reason: payment.reason.as_ref().map(|reason| reason.as_str().to_owned()),
            created_by: payment.created_by.clone(),
            created_at: payment.created_at,
        }
    }

    pub(super) fn into_payment(self, allocations: Vec<Allocation>) -> Result<Payment, Error> {
        Ok(Payment {
            id: PaymentId::from_uuid(self.id),
            customer_id: CustomerId::from_uuid(self.customer_id),
            method: method(&self.method)?,
            received_on: BusinessDate::stored(self.received_on),
            amount: Money::rounded(&self.amount),
            reference: self.reference.map(PaymentReference::stored),
            reverses: self.reverses.map(PaymentId::from_uuid),
            reason: self.reason.map(PaymentReason::stored),
            created_by: self.created_by,
            allocations,
            created_at: self.created_at,
        })
    }
}

crate::statement! {
    struct InsertAllocations<'a> {
        tenant: Uuid => SqlUuid,
        payment: Uuid => SqlUuid,
        allocated_at: DateTime<Utc> => Timestamptz,
        numbers: &'a [i16] => Array<SmallInt>,
        invoices: &'a [Uuid] => Array<SqlUuid>,
        amounts: &'a [&'a BigDecimal] => Array<Numeric>,
    }
    = "INSERT INTO payment_allocations (tenant_id, payment_id, allocated_at, number, invoice_id, amount)
     SELECT $1, $2, $3, one.* FROM unnest($4, $5, $6) AS one"
}

/// Reads a payment with all that it pays by now, each invoice once. It never changes but for what its rest pays later, under the lock of its customer.
///
/// # Errors
/// `NotFound` if the tenant has no such payment. Fails if the database cannot be reached.
pub(super) async fn look_at(work: &mut UnitOfWork<'_>, id: PaymentId) -> Result<Payment, Error> {
    let key = (work.tenant().uuid(), id.uuid());
    let query = payments::table.find(key).select(PaymentRow::as_select());
    let row: Option<PaymentRow> = query.first(work.connection()).await.optional()?;
    let row = row.ok_or(PaymentError::NotFound(id))?;
    let of_payment = payment_allocations::tenant_id.eq(key.0).and(payment_allocations::payment_id.eq(key.1));
    let rows: Vec<(Uuid, BigDecimal)> = payment_allocations::table
        .filter(of_payment)
        .order(payment_allocations::number)
        .select((payment_allocations::invoice_id, payment_allocations::amount))
        .load(work.connection())
        .await?;
    let mut allocations: Vec<Allocation> = Vec::new();
    for (invoice, amount) in rows {
        let (invoice_id, amount) = (InvoiceId::from_uuid(invoice), Money::rounded(&amount));
        match allocations.iter_mut().find(|one| one.invoice_id == invoice_id) {
            Some(one) => one.amount = one.amount.plus(&amount),
            None => allocations.push(Allocation { invoice_id, amount }),
        }
    }
    row.into_payment(allocations)
}

/// Whether a payment was reversed. Its customer is locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn is_reversed(work: &mut UnitOfWork<'_>, id: PaymentId) -> Result<bool, Error> {
    let reversal = payments::table
        .filter(payments::tenant_id.eq(work.tenant().uuid()).and(payments::reverses.eq(id.uuid())));
    Ok(diesel::select(exists(reversal)).get_result(work.connection()).await?)
}

/// Inserts a payment with what it pays. Its customer is locked.
///
/// # Errors
/// `Reversed` if it reverses one that was reversed already. Fails if the database cannot be reached.
pub(super) async fn insert(work: &mut UnitOfWork<'_>, payment: &Payment) -> Result<(), Error> {
    let row = PaymentRow::of(work.tenant(), payment);
    let inserted = diesel::insert_into(payments::table).values(&row).execute(work.connection()).await;
    unless_taken(inserted, |constraint| {
        payment.reverses.filter(|_| constraint == REVERSED_ONCE).map(PaymentError::Reversed)
    })?;
    insert_allocations(work, payment.id, 0, &payment.allocations, payment.created_at).await
}

async fn insert_allocations(
    work: &mut UnitOfWork<'_>,
    id: PaymentId,
    last: i16,
    allocations: &[Allocation],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if allocations.is_empty() {
        return Ok(());
    }
    let numbers: Vec<i16> = (last.saturating_add(1)..).take(allocations.len()).collect();
    let invoices: Vec<_> = allocations.iter().map(|one| one.invoice_id.uuid()).collect();
    let amounts: Vec<_> = allocations.iter().map(|one| one.amount.value()).collect();
    InsertAllocations::new(work.tenant().uuid(), id.uuid(), now, &numbers, &invoices, &amounts)
        .execute(work.connection())
        .await?;
    Ok(())
}

/// Adds what the rest of a payment pays now. Its customer is locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn allocate(
    work: &mut UnitOfWork<'_>,
    id: PaymentId,
    allocations: &[Allocation],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let of_payment = payment_allocations::tenant_id
        .eq(work.tenant().uuid())
        .and(payment_allocations::payment_id.eq(id.uuid()));
    let last: Option<i16> = payment_allocations::table
        .filter(of_payment)
        .select(max(payment_allocations::number))
        .first(work.connection())
        .await?;
    insert_allocations(work, id, last.unwrap_or(0), allocations, now).await
}

/// What payments of a customer have that pays nothing yet, the oldest first, at most `most`. The customer is locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn credits(
    work: &mut UnitOfWork<'_>,
    customer: CustomerId,
    most: i64,
) -> Result<Vec<(NaiveDate, PaymentId, Money)>, Error> {
    let of_customer = customer_credits::tenant_id
        .eq(work.tenant().uuid())
        .and(customer_credits::customer_id.eq(customer.uuid()));
    let rows: Vec<(NaiveDate, Uuid, BigDecimal)> = customer_credits::table
        .filter(of_customer)
        .order((customer_credits::received_on, customer_credits::payment_id))
        .select((customer_credits::received_on, customer_credits::payment_id, customer_credits::amount))
        .limit(most)
        .load(work.connection())
        .await?;
    let one = |(day, id, amount): (NaiveDate, Uuid, BigDecimal)| {
        (day, PaymentId::from_uuid(id), Money::rounded(&amount))
    };
    Ok(rows.into_iter().map(one).collect())
}

/// Keeps what of a new payment pays nothing yet, if there is something. Its customer is locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn keep_rest(
    work: &mut UnitOfWork<'_>,
    payment: &Payment,
    rest: &Money,
) -> Result<(), Error> {
    if rest.is_zero() {
        return Ok(());
    }
    diesel::insert_into(customer_credits::table)
        .values((
            customer_credits::tenant_id.eq(work.tenant().uuid()),
            customer_credits::payment_id.eq(payment.id.uuid()),
            customer_credits::customer_id.eq(payment.customer_id.uuid()),
            customer_credits::received_on.eq(payment.received_on.date()),
            customer_credits::amount.eq(rest.value()),
        ))
        .execute(work.connection())
        .await?;
    Ok(())
}

/// Writes what of a payment still pays nothing. Its customer is locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn lower_rest(work: &mut UnitOfWork<'_>, id: PaymentId, rest: &Money) -> Result<(), Error> {
    let row = customer_credits::table.find((work.tenant().uuid(), id.uuid()));
    if rest.is_zero() {
        diesel::delete(row).execute(work.connection()).await?;
    } else {
        let amount = customer_credits::amount.eq(rest.value());
        diesel::update(row).set(amount).execute(work.connection()).await?;
    }
    Ok(())
}
