//! What placing an order reads and writes in the database: what it has to know of the customer, and the new rows.

use std::collections::HashMap;

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Numeric, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::aggregate::Order;
use super::error::OrderError;
use super::line_rows::insert_lines;
use super::repository::{OrderRow, write_error};
use crate::accounts::tenants::TimeZone;
use crate::application::Locked;
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::commerce::customers::CreditLimit;
use crate::commerce::products::{self, Product};
use crate::commerce::warehouses;
use crate::platform::schema::orders;
use crate::values::business_date::BusinessDate;
use crate::values::ids::{CustomerId, ProductId, TenantId, WarehouseId};

/// What placing an order has to know of its customer.
#[derive(Debug, Clone, Default)]
pub(super) struct Buyer {
    /// `None` if there is no limit, or no such customer.
    pub(super) limit: Option<CreditLimit>,
    /// Whether the company has any price list.
    pub(super) has_lists: bool,
    /// Where the company is; `None` if there is no such customer.
    pub(super) zone: Option<TimeZone>,
}

impl Buyer {
    /// The day that it is where the company is.
    pub(super) fn today(&self, now: DateTime<Utc>) -> BusinessDate {
        let there = |zone: &TimeZone| BusinessDate::stored(zone.date_of(now));
        self.zone.as_ref().map_or_else(|| BusinessDate::of(now), there)
    }
}

crate::statement! {
    /// A company without price lists learns it here: its orders cost no other statement.
    struct LookAtBuyer<'a> { tenant: Uuid => SqlUuid, customer: Uuid => SqlUuid } -> (Nullable<Numeric>, Bool, Text)
    = "SELECT c.credit_limit, EXISTS (SELECT FROM price_lists AS l WHERE l.tenant_id = c.tenant_id), t.time_zone
     FROM customers AS c JOIN tenants AS t ON t.id = c.tenant_id WHERE c.tenant_id = $1 AND c.id = $2"
}

async fn look_at_buyer(
    mut connection: &AsyncPgConnection,
    tenant: TenantId,
    customer: CustomerId,
) -> Result<Buyer, Error> {
    let looking = LookAtBuyer::new(tenant.uuid(), customer.uuid());
    let found: Option<(Option<BigDecimal>, bool, String)> =
        looking.get_result(&mut connection).await.optional()?;
    let buyer = |(limit, has_lists, zone): (Option<BigDecimal>, bool, String)| Buyer {
        limit: limit.as_ref().map(CreditLimit::stored),
        has_lists,
        zone: TimeZone::parse(&zone).ok(),
    };
    Ok(found.map(buyer).unwrap_or_default())
}

/// Loads the products of a new order, as [`products::repository::load_for_order`] does, and reads the customer's credit limit without a
/// lock, whether there are price lists, where the company is, and, if `wants_default`, which warehouse is the default. All are asked in one
/// round trip: an order of a customer without a limit costs no other.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn load_for_placing(
    work: &mut UnitOfWork<'_>,
    products: Vec<ProductId>,
    customer: CustomerId,
    wants_default: bool,
) -> Result<(HashMap<ProductId, Product>, Buyer, Option<WarehouseId>), Error> {
    work.locks(Locked::Product);
    let (tenant, connection) = (work.tenant(), work.pipeline());
    let default = async {
        if wants_default {
            warehouses::repository::look_for_default(connection, tenant).await
        } else {
            Ok(None)
        }
    };
    futures::try_join!(
        products::repository::lock_for_order(connection, tenant, products),
        look_at_buyer(connection, tenant, customer),
        default,
    )
}

/// Inserts a new order. `seen` is the customer's credit limit as it was read before; if there was one, the order was admitted
/// ([`crate::commerce::credit::repository::admit`]).
///
/// # Errors
/// `CustomerUnknown`, `ReferenceTaken` or `ExternalIdTaken`. `Overtaken` if the customer had no limit and has one now: the order is to be
/// decided about. Fails if the database cannot be reached.
pub(super) async fn insert(
    work: &mut UnitOfWork<'_>,
    order: &Order,
    seen: Option<&CreditLimit>,
) -> Result<(), Error> {
    // The foreign key locks the customer. From here on nobody decides about another order of theirs by a limit without waiting for this one.
    work.locks(Locked::Customer);
    // The second statement begins when the customer is locked, although both are sent at once. So a limit that was set before is seen by it,
    // and the unit of work begins anew; and whoever decides by one that is set later finds this order, which counts as placed before.
    let work = &*work;
    let ((), (is_limited, is_anonymised)) =
        futures::try_join!(insert_row(work, order), insert_lines(work, order))?;
    if is_anonymised {
        return Err(OrderError::CustomerUnknown(order.customer_id).into());
    }
    if is_limited && seen.is_none() { Err(Error::Overtaken) } else { Ok(()) }
}

async fn insert_row(work: &UnitOfWork<'_>, order: &Order) -> Result<(), Error> {
    let mut connection = work.pipeline();
    let row = OrderRow::of(work.tenant(), order)?;
    diesel::insert_into(orders::table)
        .values(&row)
        .execute(&mut connection)
        .await
        .map_err(|error| write_error(error, order))?;
    Ok(())
}
