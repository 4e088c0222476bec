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
    /// Orders that have not arrived, with their gross total, and how many of them wait for approval. The states are literals:
    /// PostgreSQL could not prove the condition of the index `orders_exposure_idx` of parameters.
    struct ReadExposure<'a> { tenant: Uuid => SqlUuid, customer: Uuid => SqlUuid } -> (Numeric, BigInt)
    = "SELECT COALESCE(sum(gross_total), 0::numeric), count(*) FILTER (WHERE held_for_approval)
     FROM orders WHERE tenant_id = $1 AND customer_id = $2 AND status IN ('pending', 'confirmed', 'shipped')"
}

/// Returns what a customer's open orders come to: all that is committed, and what this transaction has done.
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
