//! What credit notes give back, and what they pay, in the database.

use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::dsl::max;
use diesel::prelude::*;
use diesel::sql_types::{
    Array, BigInt, Date, Nullable, Numeric, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::aggregate::Invoice;
use super::content::{InvoiceKind, Vat};
use super::credit::{CreditEntry, GroupCredit, LineCredit, Original, OriginalLine};
use super::draft::Source;
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::commerce::vat::{Category, Nature};
use crate::platform::schema::{credit_allocations, invoice_contents, returns};
use crate::values::goods::Units;
use crate::values::ids::{CustomerId, InvoiceId, OrderId, ProductId, ReturnId};
use crate::values::money::{Money, VatRate};

crate::statement! {
    /// The lines of an invoice, with what credit notes gave back of each.
    struct LinesOf<'a> { tenant: Uuid => SqlUuid, invoice: Uuid => SqlUuid }
        -> (Nullable<SqlUuid>, Nullable<SqlUuid>, Nullable<SmallInt>, Text, Numeric, Numeric, Numeric)
    = "WITH credited AS (
        SELECT original_line, sum(quantity) AS quantity, sum(net) AS net, sum(net) FILTER (WHERE quantity IS NOT NULL) AS by_quantity
        FROM invoice_credits WHERE tenant_id = $1 AND original_id = $2 AND original_line IS NOT NULL GROUP BY original_line
     )
     SELECT l.product_id, l.order_id, l.order_position, l.nature,
        COALESCE(c.quantity, 0::numeric), COALESCE(c.net, 0::numeric), COALESCE(c.by_quantity, 0::numeric)
     FROM invoice_lines AS l LEFT JOIN credited AS c ON c.original_line = l.position
     WHERE l.tenant_id = $1 AND l.invoice_id = $2 ORDER BY l.position"
}

type LineRow = (Option<Uuid>, Option<Uuid>, Option<i16>, String, BigDecimal, BigDecimal, BigDecimal);

crate::statement! {
    /// What credit notes gave back of an invoice, by category and rate.
    struct GroupsOf<'a> { tenant: Uuid => SqlUuid, invoice: Uuid => SqlUuid } -> (Text, Nullable<Numeric>, Numeric, Numeric)
    = "SELECT v.category, v.rate, sum(v.base), sum(v.tax) FROM invoices AS i
     JOIN invoice_vat AS v ON v.tenant_id = i.tenant_id AND v.invoice_id = i.id
     WHERE i.tenant_id = $1 AND i.corrects = $2 GROUP BY v.category, v.rate"
}

/// An invoice as it was validated, with what credit notes gave back of it. It is locked.
///
/// # Errors
/// `NotCorrectable` if it is a draft or a credit note. Fails if the database cannot be reached, or if a newer version wrote what this one does not know.
pub(super) async fn original(work: &mut UnitOfWork<'_>, invoice: &Invoice) -> Result<Original, Error> {
    invoice.check_correctable()?;
    let (tenant, id) = (work.tenant().uuid(), invoice.id().uuid());
    let text: String = invoice_contents::table
        .find((tenant, id))
        .select(invoice_contents::content)
        .first(work.connection())
        .await?;
    let content = serde_json::from_str(&text)
        .map_err(|cause| Error::Serialize { what: "the stored content of an invoice", cause })?;
    let lines: Vec<LineRow> = LinesOf::new(tenant, id).load(work.connection()).await?;
    let groups: Vec<(String, Option<BigDecimal>, BigDecimal, BigDecimal)> =
        GroupsOf::new(tenant, id).load(work.connection()).await?;
    Ok(Original {
        content,
        lines: lines.into_iter().map(line).collect::<Result<_, Error>>()?,
        groups: groups.into_iter().map(group).collect::<Result<_, Error>>()?,
        is_deposit: invoice.kind() == InvoiceKind::Prepayment,
    })
}

fn line(
    (product, order, position, nature, quantity, net, by_quantity): LineRow,
) -> Result<OriginalLine, Error> {
    let known = Nature::stored(&nature);
    let source = |(order, position): (Uuid, i16)| Source { order_id: OrderId::from_uuid(order), position };
    Ok(OriginalLine {
        product_id: product.map(ProductId::from_uuid),
        source: order.zip(position).map(source),
        nature: known.ok_or(Error::Stored { what: "the nature of a line", value: nature })?,
        credited: LineCredit {
            quantity: Units::stored(quantity),
            net: Money::rounded(&net),
            by_quantity: Money::rounded(&by_quantity),
        },
    })
}

fn group(
    (category, rate, base, tax): (String, Option<BigDecimal>, BigDecimal, BigDecimal),
) -> Result<GroupCredit, Error> {
    let known = Category::stored(&category);
    let category = known.ok_or(Error::Stored { what: "a category of VAT", value: category })?;
    Ok(GroupCredit {
        vat: Vat { category, rate: rate.map(VatRate::stored) },
        base: Money::rounded(&base),
        tax: Money::rounded(&tax),
    })
}

crate::statement! {
    /// Inserts what the lines of a credit note give back. Lines count from 1.
    struct InsertCredits<'a> {
        tenant: Uuid => SqlUuid,
        invoice: Uuid => SqlUuid,
        original: Uuid => SqlUuid,
        returned: Option<Uuid> => Nullable<SqlUuid>,
        lines: &'a [i16] => Array<SmallInt>,
        original_lines: &'a [Option<i16>] => Array<Nullable<SmallInt>>,
        quantities: &'a [Option<&'a BigDecimal>] => Array<Nullable<Numeric>>,
        nets: &'a [&'a BigDecimal] => Array<Numeric>,
        orders: &'a [Option<Uuid>] => Array<Nullable<SqlUuid>>,
        order_positions: &'a [Option<i16>] => Array<Nullable<SmallInt>>,
    }
    = "INSERT INTO invoice_credits
        (tenant_id, invoice_id, original_id, return_id, line, original_line, quantity, net, order_id, order_position)
     SELECT $1, $2, $3, $4, one.* FROM unnest($5, $6, $7, $8, $9, $10) AS one"
}

/// Writes what a credit note gives back. What it says is frozen already, and what it corrects is locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn insert(
    work: &mut UnitOfWork<'_>,
    id: InvoiceId,
    original: InvoiceId,
    returned: Option<ReturnId>,
    entries: &[CreditEntry],
) -> Result<(), Error> {
    // `credit` refuses more lines than an i16 counts.
    let lines: Vec<i16> = (1..).take(entries.len()).collect();
    let original_lines: Vec<_> = entries.iter().map(|entry| entry.line).collect();
    let quantities: Vec<_> = entries.iter().map(|entry| entry.quantity.as_ref().map(Units::value)).collect();
    let nets: Vec<_> = entries.iter().map(|entry| entry.net.value()).collect();
    let orders: Vec<_> =
        entries.iter().map(|entry| entry.source.map(|source| source.order_id.uuid())).collect();
    let positions: Vec<_> = entries.iter().map(|entry| entry.source.map(|source| source.position)).collect();
    InsertCredits::new(
        work.tenant().uuid(),
        id.uuid(),
        original.uuid(),
        returned.map(ReturnId::uuid),
        &lines,
        &original_lines,
        &quantities,
        &nets,
        &orders,
        &positions,
    )
    .execute(work.connection())
    .await?;
    Ok(())
}

crate::statement! {
    /// What came back by a return, without what credit notes gave back for it.
    struct ReturnLeft<'a> { tenant: Uuid => SqlUuid, returned: Uuid => SqlUuid } -> (SmallInt, Numeric)
    = "WITH credited AS (
        SELECT order_position, sum(quantity) AS quantity FROM invoice_credits
        WHERE tenant_id = $1 AND return_id = $2 GROUP BY order_position
     )
     SELECT l.position, sum(l.quantity) - COALESCE(max(c.quantity), 0::numeric)
     FROM return_lines AS l LEFT JOIN credited AS c ON c.order_position = l.position
     WHERE l.tenant_id = $1 AND l.return_id = $2 GROUP BY l.position ORDER BY l.position"
}

/// The order of a return; `None` if the tenant has no such return.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn order_of_return(
    work: &mut UnitOfWork<'_>,
    id: ReturnId,
) -> Result<Option<OrderId>, Error> {
    let query = returns::table.find((work.tenant().uuid(), id.uuid())).select(returns::order_id);
    let order: Option<Uuid> = query.first(work.connection()).await.optional()?;
    Ok(order.map(OrderId::from_uuid))
}

/// What is to be credited of what came back: positions of the order's lines, and how much. The customer is locked, so nobody credits it meanwhile.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn left_of_return(
    work: &mut UnitOfWork<'_>,
    id: ReturnId,
) -> Result<Vec<(i16, Units)>, Error> {
    let rows: Vec<(i16, BigDecimal)> =
        ReturnLeft::new(work.tenant().uuid(), id.uuid()).load(work.connection()).await?;
    Ok(rows.into_iter().map(|(position, units)| (position, Units::stored(units))).collect())
}

crate::statement! {
    struct InvoicesOf<'a> { tenant: Uuid => SqlUuid, order: Uuid => SqlUuid } -> (SqlUuid,)
    = "SELECT i.id FROM invoices AS i
     WHERE i.tenant_id = $1 AND i.number IS NOT NULL AND i.id IN (
        SELECT c.invoice_id FROM invoice_claims AS c WHERE c.order_id = $2 AND c.tenant_id = $1)
     ORDER BY i.issue_date, i.number"
}

/// The invoices with a number that invoice something of an order, the oldest first.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn invoices_of(work: &mut UnitOfWork<'_>, order: OrderId) -> Result<Vec<InvoiceId>, Error> {
    let rows: Vec<(Uuid,)> =
        InvoicesOf::new(work.tenant().uuid(), order.uuid()).load(work.connection()).await?;
    Ok(rows.into_iter().map(|(id,)| InvoiceId::from_uuid(id)).collect())
}

crate::statement! {
    struct InsertAllocations<'a> {
        tenant: Uuid => SqlUuid,
        credit_note: Uuid => SqlUuid,
        allocated_at: DateTime<Utc> => Timestamptz,
        numbers: &'a [i16] => Array<SmallInt>,
        invoices: &'a [Uuid] => Array<SqlUuid>,
        amounts: &'a [&'a BigDecimal] => Array<Numeric>,
    }
    = "INSERT INTO credit_allocations (tenant_id, credit_note_id, allocated_at, number, invoice_id, amount)
     SELECT $1, $2, $3, one.* FROM unnest($4, $5, $6) AS one"
}

/// Adds what a credit note pays now. Its customer is locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn allocate(
    work: &mut UnitOfWork<'_>,
    id: InvoiceId,
    allocations: &[(InvoiceId, &Money)],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let of_note = credit_allocations::tenant_id
        .eq(work.tenant().uuid())
        .and(credit_allocations::credit_note_id.eq(id.uuid()));
    let last: Option<i16> = credit_allocations::table
        .filter(of_note)
        .select(max(credit_allocations::number))
        .first(work.connection())
        .await?;
    let numbers: Vec<i16> = (last.unwrap_or(0).saturating_add(1)..).take(allocations.len()).collect();
    let invoices: Vec<_> = allocations.iter().map(|(invoice, _)| invoice.uuid()).collect();
    let amounts: Vec<_> = allocations.iter().map(|(_, amount)| amount.value()).collect();
    InsertAllocations::new(work.tenant().uuid(), id.uuid(), now, &numbers, &invoices, &amounts)
        .execute(work.connection())
        .await?;
    Ok(())
}

crate::statement! {
    /// The condition is that of the index `invoices_open_idx`.
    struct OpenCredits<'a> { tenant: Uuid => SqlUuid, customer: Uuid => SqlUuid, most: i64 => BigInt }
        -> (SqlUuid, Date, Numeric)
    = "SELECT id, due_on, gross_total - paid - credited FROM invoices
     WHERE tenant_id = $1 AND customer_id = $2 AND state IN ('validated', 'sent', 'partly_paid') AND kind = 'credit_note'
     ORDER BY due_on, id LIMIT $3"
}

/// What credit notes of a customer have that pays nothing yet, the oldest first, at most `most`. The customer is locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn open_credits(
    work: &mut UnitOfWork<'_>,
    customer: CustomerId,
    most: i64,
) -> Result<Vec<(NaiveDate, InvoiceId, Money)>, Error> {
    let rows: Vec<(Uuid, NaiveDate, BigDecimal)> =
        OpenCredits::new(work.tenant().uuid(), customer.uuid(), most).load(work.connection()).await?;
    let one = |(id, day, rest): (Uuid, NaiveDate, BigDecimal)| {
        (day, InvoiceId::from_uuid(id), Money::rounded(&rest))
    };
    Ok(rows.into_iter().map(one).collect())
}
