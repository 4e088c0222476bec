//! The deposits of orders, and who takes them off, in the database. Written under the lock of the order.

use bigdecimal::BigDecimal;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Nullable, Numeric, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::aggregate::InvoiceState;
use super::repository::state;
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::platform::schema::order_deposits;
use crate::values::ids::{CustomerId, InvoiceId, OrderId};
use crate::values::money::Money;

/// A deposit, or the draft of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DepositRow {
    pub(super) id: InvoiceId,
    pub(super) order_id: OrderId,
    pub(super) customer_id: CustomerId,
    pub(super) state: InvoiceState,
    /// Without VAT.
    pub(super) net: Money,
    /// What credit notes gave back of it, without VAT.
    pub(super) credited: Money,
    /// Whether there is nothing of it any more. With VAT, because bases that were given back in parts may come to some cents less than the whole (`credit.rs`).
    pub(super) is_given_back: bool,
    pub(super) taken_by: Option<InvoiceId>,
}

impl DepositRow {
    /// Whether an invoice can take it off: it is paid whole, and nothing of it was given back.
    pub(super) fn is_paid(&self) -> bool {
        self.state == InvoiceState::Paid && self.credited.is_zero()
    }
}

crate::statement! {
    struct Deposits<'a> {
        tenant: Uuid => SqlUuid,
        ids: &'a [Uuid] => Array<SqlUuid>,
        orders: &'a [Uuid] => Array<SqlUuid>,
    } -> (SqlUuid, SqlUuid, SqlUuid, Text, Numeric, Numeric, Bool, Nullable<SqlUuid>)
    = "SELECT d.invoice_id, d.order_id, i.customer_id, i.state, d.net,
        (SELECT COALESCE(sum(v.base), 0::numeric) FROM invoices AS c
            JOIN invoice_vat AS v ON v.tenant_id = c.tenant_id AND v.invoice_id = c.id
            WHERE c.tenant_id = d.tenant_id AND c.corrects = d.invoice_id),
        COALESCE((SELECT sum(c.gross_total) FROM invoices AS c
            WHERE c.tenant_id = d.tenant_id AND c.corrects = d.invoice_id) >= i.gross_total, false),
        d.taken_by
     FROM order_deposits AS d JOIN invoices AS i ON i.tenant_id = d.tenant_id AND i.id = d.invoice_id
     WHERE d.tenant_id = $1 AND (d.invoice_id = ANY($2) OR d.order_id = ANY($3)) ORDER BY i.number, d.invoice_id"
}

type Row = (Uuid, Uuid, Uuid, String, BigDecimal, BigDecimal, bool, Option<Uuid>);

/// The deposits with these ids, and all of these orders.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn find(
    work: &mut UnitOfWork<'_>,
    ids: &[InvoiceId],
    orders: &[OrderId],
) -> Result<Vec<DepositRow>, Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let orders: Vec<Uuid> = orders.iter().map(|id| id.uuid()).collect();
    let rows: Vec<Row> = Deposits::new(work.tenant().uuid(), &ids, &orders).load(work.connection()).await?;
    rows.into_iter()
        .map(|(id, order, customer, name, net, credited, is_given_back, taken_by)| {
            Ok(DepositRow {
                id: InvoiceId::from_uuid(id),
                order_id: OrderId::from_uuid(order),
                customer_id: CustomerId::from_uuid(customer),
                state: state(&name)?,
                net: Money::rounded(&net),
                credited: Money::rounded(&credited),
                is_given_back,
                taken_by: taken_by.map(InvoiceId::from_uuid),
            })
        })
        .collect()
}

crate::statement! {
    struct OrdersOfTaken<'a> { tenant: Uuid => SqlUuid, by: Uuid => SqlUuid } -> (SqlUuid,)
    = "SELECT order_id FROM order_deposits WHERE tenant_id = $1 AND taken_by = $2"
}

/// The orders of the deposits that an invoice takes off.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn orders_of_taken(work: &mut UnitOfWork<'_>, by: InvoiceId) -> Result<Vec<OrderId>, Error> {
    let orders: Vec<(Uuid,)> =
        OrdersOfTaken::new(work.tenant().uuid(), by.uuid()).load(work.connection()).await?;
    Ok(orders.into_iter().map(|(order,)| OrderId::from_uuid(order)).collect())
}

/// Notes a draft of a deposit.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn insert(
    work: &mut UnitOfWork<'_>,
    id: InvoiceId,
    order: OrderId,
    net: &Money,
) -> Result<(), Error> {
    diesel::insert_into(order_deposits::table)
        .values((
            order_deposits::tenant_id.eq(work.tenant().uuid()),
            order_deposits::invoice_id.eq(id.uuid()),
            order_deposits::order_id.eq(order.uuid()),
            order_deposits::net.eq(net.value()),
        ))
        .execute(work.connection())
        .await?;
    Ok(())
}

/// Has an invoice take off these deposits, and no others.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn take(
    work: &mut UnitOfWork<'_>,
    by: InvoiceId,
    deposits: &[InvoiceId],
) -> Result<(), Error> {
    give_back(work, by).await?;
    if deposits.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = deposits.iter().map(|id| id.uuid()).collect();
    let of_tenant = order_deposits::tenant_id.eq(work.tenant().uuid());
    diesel::update(order_deposits::table.filter(of_tenant.and(order_deposits::invoice_id.eq_any(ids))))
        .set(order_deposits::taken_by.eq(Some(by.uuid())))
        .execute(work.connection())
        .await?;
    Ok(())
}

crate::statement! {
    struct GiveBack<'a> { tenant: Uuid => SqlUuid, by: Uuid => SqlUuid }
    = "UPDATE order_deposits SET taken_by = NULL WHERE tenant_id = $1 AND taken_by = $2"
}

/// Gives the deposits free that an invoice takes off.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn give_back(work: &mut UnitOfWork<'_>, by: InvoiceId) -> Result<(), Error> {
    GiveBack::new(work.tenant().uuid(), by.uuid()).execute(work.connection()).await?;
    Ok(())
}

/// Forgets a draft: of a deposit, or of an invoice that takes some off.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn forget(work: &mut UnitOfWork<'_>, id: InvoiceId) -> Result<(), Error> {
    give_back(work, id).await?;
    let key = (work.tenant().uuid(), id.uuid());
    diesel::delete(order_deposits::table.find(key)).execute(work.connection()).await?;
    Ok(())
}
