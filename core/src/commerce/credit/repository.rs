//! Credit in the database, as commands on orders ask for it.

use bigdecimal::BigDecimal;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Numeric, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::aggregate::{Admission, Applicant, Exposure};
use crate::accounts::tenants;
use crate::application::aggregate::{LockMode, find};
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::application::{Locked, Permission};
use crate::commerce::customers::CreditLimit;
use crate::platform::schema::customers;
use crate::values::ids::{CustomerId, TenantId};
use crate::values::money::Money;

crate::statement! {
    /// Orders that have not arrived, with their gross total, and how many of them wait for approval. Of each, what is invoiced counts with its invoice: its quantity
    /// at the order's price, without what credit notes gave back, and deposits that no invoice has taken off yet. Then what is open of invoices, less what payments
    /// and credit notes have left. The states are literals: PostgreSQL could not prove the conditions of the indexes `orders_exposure_idx` and
    /// `invoices_open_idx` of parameters.
    struct ReadExposure<'a> { tenant: Uuid => SqlUuid, customer: Uuid => SqlUuid } -> (Numeric, BigInt)
    = "WITH uninvoiced AS (
        SELECT COALESCE(sum(greatest(0::numeric, o.gross_total - i.gross - d.gross)), 0::numeric) AS amount,
            count(*) FILTER (WHERE o.held_for_approval) AS held
        FROM orders AS o
        CROSS JOIN LATERAL (
            SELECT COALESCE(round(sum(q.quantity * l.unit_price * (100::numeric + l.vat_rate) / 100::numeric), 2), 0::numeric) AS gross
            FROM (
                SELECT c.position, c.quantity FROM invoice_claims AS c
                JOIN invoices AS n ON n.tenant_id = c.tenant_id AND n.id = c.invoice_id AND n.number IS NOT NULL
                WHERE c.tenant_id = o.tenant_id AND c.order_id = o.id
                UNION ALL
                SELECT k.order_position, -k.quantity FROM invoice_credits AS k
                WHERE k.tenant_id = o.tenant_id AND k.order_id = o.id AND k.quantity IS NOT NULL
            ) AS q
            JOIN order_lines AS l ON l.tenant_id = o.tenant_id AND l.order_id = o.id AND l.position = q.position
        ) AS i
        CROSS JOIN LATERAL (
            SELECT COALESCE(sum(n.gross_total - COALESCE(k.gross, 0::numeric)), 0::numeric) AS gross
            FROM order_deposits AS p
            JOIN invoices AS n ON n.tenant_id = p.tenant_id AND n.id = p.invoice_id AND n.number IS NOT NULL
            LEFT JOIN invoices AS t ON t.tenant_id = p.tenant_id AND t.id = p.taken_by
            LEFT JOIN LATERAL (
                SELECT sum(c.gross_total) AS gross FROM invoices AS c WHERE c.tenant_id = p.tenant_id AND c.corrects = p.invoice_id
            ) AS k ON true
            WHERE p.tenant_id = o.tenant_id AND p.order_id = o.id AND t.number IS NULL
        ) AS d
        WHERE o.tenant_id = $1 AND o.customer_id = $2 AND o.status IN ('pending', 'confirmed', 'shipped')
     )
     SELECT u.amount
        + COALESCE((SELECT sum(CASE WHEN i.kind = 'credit_note' THEN -1 ELSE 1 END * (i.gross_total - i.paid - i.credited)) FROM invoices AS i
            WHERE i.tenant_id = $1 AND i.customer_id = $2 AND i.state IN ('validated', 'sent', 'partly_paid')), 0::numeric)
        - COALESCE((SELECT sum(c.amount) FROM customer_credits AS c
            WHERE c.tenant_id = $1 AND c.customer_id = $2), 0::numeric),
        u.held
     FROM uninvoiced AS u"
}

/// Returns what a customer owes and will owe: open orders that are not invoiced, and open invoices, without what is left of payments and credit notes. All that
/// is committed, and what this transaction has done.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn exposure(
    mut connection: &AsyncPgConnection,
    tenant: TenantId,
    customer: CustomerId,
) -> Result<Exposure, Error> {
    let (amount, held_orders): (BigDecimal, i64) =
        ReadExposure::new(tenant.uuid(), customer.uuid()).get_result(&mut connection).await?;
    Ok(Exposure { amount: Money::rounded(&amount), held_orders })
}

/// Reads the limit of a customer without locking anything; `None` if there is no limit, or no such customer. Whoever is told of one asks
/// [`admit`].
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn look(
    mut connection: &AsyncPgConnection,
    tenant: TenantId,
    customer: CustomerId,
) -> Result<Option<CreditLimit>, Error> {
    let query = customers::table.find((tenant.uuid(), customer.uuid())).select(customers::credit_limit);
    let limit = query.first::<Option<BigDecimal>>(&mut connection).await.optional()?.flatten();
    Ok(limit.as_ref().map(CreditLimit::stored))
}

/// Decides as [`admit`] does about an order that is there already and is to come to more. Of customers without a limit, several are decided
/// about at once: each locks the customer as the foreign key of a new order does, and no more.
///
/// # Errors
/// Fails as [`admit`] does. `Overtaken` if the customer had no limit and has one now.
pub(crate) async fn admit_raised(
    work: &mut UnitOfWork<'_>,
    customer: CustomerId,
    replaced: &Money,
    total: &Money,
) -> Result<Admission, Error> {
    let tenant = work.tenant();
    if look(work.connection(), tenant, customer).await?.is_some() {
        return admit(work, customer, replaced, total).await;
    }
    work.locks(Locked::Customer);
    let _: Option<Uuid> = customers::table
        .find((tenant.uuid(), customer.uuid()))
        .select(customers::id)
        .for_key_share()
        .first(work.connection())
        .await
        .optional()?;
    // This statement begins when the customer is locked. So a limit that was set before is seen here; and whoever decides by one that is
    // set later waits for this order, and counts it as it is then.
    match look(work.connection(), tenant, customer).await? {
        Some(_) => Err(Error::Overtaken),
        None => Ok(Admission::Granted),
    }
}

/// Decides whether an order of this customer may come to `total`, where `replaced` is what it comes to so far: zero if it is new. The
/// customer is locked, in its place before all orders and all stock: of two orders at once, the second is decided about when the first is
/// committed, and then counts it.
///
/// Whoever changes an order reads it without a lock, asks [`admit_raised`], locks it, and begins anew (`Overtaken`) if its version is
/// another one by then: `replaced` would not be what was counted.
///
/// The lock is the one that also waits for orders that refer to the customer already: an order that found no limit does not lock the
/// customer but for its foreign key, and may be under way since before the limit was set.
///
/// # Errors
/// `LimitExceeded` if the limit would be passed, and the company refuses such orders. Fails if the database cannot be reached.
pub(crate) async fn admit(
    work: &mut UnitOfWork<'_>,
    customer: CustomerId,
    replaced: &Money,
    total: &Money,
) -> Result<Admission, Error> {
    let tenant = work.tenant();
    let query = customers::table.find((tenant.uuid(), customer.uuid())).select(customers::credit_limit);
    // What was read before the lock may have changed. A customer who is not there has no limit, and the order will be refused.
    let limit =
        find::<_, Option<BigDecimal>>(work, Locked::Customer, LockMode::Withdraw, query).await?.flatten();
    let Some(limit) = limit.as_ref().map(CreditLimit::stored) else { return Ok(Admission::Granted) };
    // An order that becomes smaller makes nothing worse, even beyond the limit.
    if total.value() <= replaced.value() {
        return Ok(Admission::Granted);
    }
    let exposure = exposure(work.connection(), tenant, customer).await?.amount.minus(replaced);
    let currency = work.context().currency().clone();
    let applicant = Applicant { customer, limit: &limit, exposure, total, currency: &currency };
    if applicant.fits() {
        return Ok(Admission::Granted);
    }
    let action = tenants::repository::credit_limit_action(work).await?;
    let shows_amounts = work.context().principal.may(Permission::OrdersPrices);
    let admission = applicant.beyond(action);
    Ok(admission.map_err(|error| if shows_amounts { error } else { error.without_amounts() })?)
}
