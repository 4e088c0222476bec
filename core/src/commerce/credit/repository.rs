//! Credit in the database, as commands on orders ask for it.

use bigdecimal::BigDecimal;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Numeric, SmallInt, Uuid as SqlUuid};
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
use crate::values::ids::{CustomerId, OrderId, TenantId};
use crate::values::money::Money;

crate::statement! {
    /// Orders of which something is to be invoiced, with their gross total less what is not: what invoices claim (without what credit notes gave back), what was
    /// cancelled or came back, all at the order's price, and deposits that no invoice has taken off yet; and how many orders wait for approval. Then what is open of
    /// invoices, less what payments and credit notes have left. The lines are read only of orders of which a part is gone. The states are literals: PostgreSQL could
    /// not prove the conditions of the indexes `orders_to_invoice_idx` and `invoices_open_idx` of parameters.
    struct ReadExposure<'a> { tenant: Uuid => SqlUuid, customer: Uuid => SqlUuid } -> (Numeric, BigInt)
    = "WITH uninvoiced AS (
        SELECT COALESCE(sum(CASE WHEN o.to_invoice = 'none' THEN 0::numeric ELSE greatest(0::numeric, o.gross_total - g.gross - d.gross) END), 0::numeric) AS amount,
            count(*) FILTER (WHERE o.held_for_approval) AS held
        FROM orders AS o
        CROSS JOIN LATERAL (
            SELECT COALESCE(round(sum(least(l.quantity, l.cancelled + l.returned + COALESCE(q.quantity, 0::numeric))
                * l.unit_price * (100::numeric + l.vat_rate) / 100::numeric), 2), 0::numeric) AS gross
            FROM order_lines AS l
            LEFT JOIN (
                SELECT one.position, sum(one.quantity) AS quantity FROM (
                    SELECT c.position, c.quantity FROM invoice_claims AS c
                    JOIN invoices AS n ON n.tenant_id = c.tenant_id AND n.id = c.invoice_id AND n.number IS NOT NULL
                    WHERE c.tenant_id = o.tenant_id AND c.order_id = o.id
                    UNION ALL
                    SELECT k.order_position, -k.quantity FROM invoice_credits AS k
                    WHERE k.tenant_id = o.tenant_id AND k.order_id = o.id AND k.quantity IS NOT NULL
                ) AS one GROUP BY one.position
            ) AS q ON q.position = l.position
            WHERE o.to_invoice = 'some' AND l.tenant_id = o.tenant_id AND l.order_id = o.id
        ) AS g
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
        WHERE o.tenant_id = $1 AND o.customer_id = $2 AND (o.to_invoice <> 'none' OR o.held_for_approval) AND o.status <> 'cancelled'
     )
     SELECT u.amount
        + COALESCE((SELECT sum(CASE WHEN i.kind = 'credit_note' THEN -1 ELSE 1 END * (i.gross_total - i.paid - i.credited)) FROM invoices AS i
            WHERE i.tenant_id = $1 AND i.customer_id = $2 AND i.state IN ('validated', 'sent', 'partly_paid')), 0::numeric)
        - COALESCE((SELECT sum(c.amount) FROM customer_credits AS c
            WHERE c.tenant_id = $1 AND c.customer_id = $2), 0::numeric),
        u.held
     FROM uninvoiced AS u"
}

crate::statement! {
    /// Counts anew how much of orders may still be invoiced, by invoices that have a number and by what is about to be written. What is invoiced elsewhere, or wholly
    /// here, stays so unless `reopens`.
    struct CountToInvoice<'a> {
        tenant: Uuid => SqlUuid,
        orders: &'a [Uuid] => Array<SqlUuid>,
        moved_orders: &'a [Uuid] => Array<SqlUuid>,
        positions: &'a [i16] => Array<SmallInt>,
        quantities: &'a [&'a BigDecimal] => Array<Numeric>,
        reopens: bool => Bool,
    }
    = "WITH asked AS (SELECT $1 AS tenant_id, $2 AS orders),
     invoiced AS (
        SELECT one.order_id, one.position, sum(one.quantity) AS quantity FROM (
            SELECT m.order_id, m.position, m.quantity FROM unnest($3, $4, $5) AS m (order_id, position, quantity)
            UNION ALL
            SELECT c.order_id, c.position, c.quantity FROM asked JOIN invoice_claims AS c ON c.tenant_id = asked.tenant_id AND c.order_id = ANY (asked.orders)
            JOIN invoices AS n ON n.tenant_id = c.tenant_id AND n.id = c.invoice_id AND n.number IS NOT NULL
            UNION ALL
            SELECT k.order_id, k.order_position, -k.quantity
            FROM asked JOIN invoice_credits AS k ON k.tenant_id = asked.tenant_id AND k.order_id = ANY (asked.orders) AND k.quantity IS NOT NULL
        ) AS one GROUP BY one.order_id, one.position
     ),
     counted AS (
        SELECT l.order_id, CASE
            WHEN bool_and(l.cancelled + l.returned + COALESCE(i.quantity, 0::numeric) >= l.quantity) THEN 'none'
            WHEN bool_and(l.cancelled + l.returned + COALESCE(i.quantity, 0::numeric) <= 0::numeric) THEN 'all'
            ELSE 'some' END AS to_invoice
        FROM asked JOIN order_lines AS l ON l.tenant_id = asked.tenant_id AND l.order_id = ANY (asked.orders)
        LEFT JOIN invoiced AS i ON i.order_id = l.order_id AND i.position = l.position
        GROUP BY l.order_id
     )
     UPDATE orders AS o SET to_invoice = n.to_invoice FROM counted AS n
     WHERE ($6 OR o.to_invoice <> 'none') AND o.tenant_id = $1 AND o.id = ANY ($2) AND o.id = n.order_id AND o.to_invoice <> n.to_invoice"
}

/// What an invoice takes of a line of an order, or, less than zero, what a credit note gives back of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) order_id: OrderId,
    /// The order's line.
    pub(crate) position: i16,
    pub(crate) quantity: BigDecimal,
}

/// Whether an order that is wholly invoiced may have something to invoice again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reopens {
    /// By what a credit note gives back, or an amendment adds.
    Yes,
    /// Goods that come back, rests that are cancelled and invoices leave less to invoice. An order that was invoiced elsewhere stays invoiced.
    No,
}

/// Notes how much of these orders may still be invoiced. They are locked. `moved` is of the invoice or credit note that is about to be written: call it before that gets
/// its number, while nobody waits for the series.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn count_to_invoice(
    work: &UnitOfWork<'_>,
    orders: &[OrderId],
    moved: &[Moved],
    reopens: Reopens,
) -> Result<(), Error> {
    let mut connection = work.pipeline();
    if orders.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = orders.iter().map(|id| id.uuid()).collect();
    let moved_orders: Vec<Uuid> = moved.iter().map(|one| one.order_id.uuid()).collect();
    let positions: Vec<i16> = moved.iter().map(|one| one.position).collect();
    let quantities: Vec<&BigDecimal> = moved.iter().map(|one| &one.quantity).collect();
    let reopens = reopens == Reopens::Yes;
    CountToInvoice::new(work.tenant().uuid(), &ids, &moved_orders, &positions, &quantities, reopens)
        .execute(&mut connection)
        .await?;
    Ok(())
}

/// Returns what a customer owes and will owe: what is to be invoiced of orders, and open invoices, without what is left of payments and credit notes. All that
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
