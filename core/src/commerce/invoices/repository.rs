//! Invoices in the database, as commands read and write them.

use std::collections::{BTreeSet, HashMap};

use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel::sql_types::{
    Array, BigInt, Binary, Bool, Date, Jsonb, Nullable, Numeric, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use super::aggregate::{Invoice, InvoiceError, InvoiceState, Numbered};
use super::chain::{Beside, LinkKind, digest, validated_text};
use super::claims::Claim;
use super::content::{Content, InvoiceKind};
use super::deposit_rows;
use super::draft::{Draft, DraftLine, LineRole, Source};
use super::events::InvoiceEvent;
use super::moving::{DisputeReason, Moving};
use super::queries::InvoiceAudited;
use crate::application::Locked;
use crate::application::aggregate::{Aggregate, Creatable, Deletable, LockMode, find};
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::commerce::addresses::postal_from_json;
use crate::platform::schema::{
    invoice_claims, invoice_contents, invoice_drafts, invoices, orders, shipment_lines, shipments,
};
use crate::values::business_date::BusinessDate;
use crate::values::channel::Channel;
use crate::values::contact::PostalAddress;
use crate::values::goods::Units;
use crate::values::ids::{CustomerId, InvoiceId, OrderId, PriceListId, ProductId, ShipmentId, TenantId};
use crate::values::money::{Money, VatRate};
use crate::values::series::SeriesCode;

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = invoices, primary_key(tenant_id, id), treat_none_as_null = true, treat_none_as_default_value = false)]
pub(crate) struct InvoiceRow {
    pub(super) tenant_id: Uuid,
    pub(super) id: Uuid,
    pub(super) version: i64,
    pub(super) kind: String,
    pub(super) state: String,
    pub(super) customer_id: Uuid,
    pub(super) reference: Option<String>,
    pub(super) number: Option<String>,
    pub(super) series: Option<String>,
    pub(super) issue_date: Option<NaiveDate>,
    pub(super) due_on: Option<NaiveDate>,
    pub(super) gross_total: Option<BigDecimal>,
    pub(super) paid: BigDecimal,
    pub(super) credited: BigDecimal,
    pub(super) sent_at: Option<DateTime<Utc>>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) sent_by: Option<String>,
    pub(super) dispute: Option<String>,
    pub(super) overdue_on: Option<NaiveDate>,
    pub(super) corrects: Option<Uuid>,
}

impl InvoiceRow {
    fn of(tenant: TenantId, invoice: &Invoice) -> Self {
        let numbered = invoice.numbered.as_ref();
        Self {
            tenant_id: tenant.uuid(),
            id: invoice.id.uuid(),
            version: invoice.version,
            kind: invoice.kind.name().to_owned(),
            state: invoice.state.as_str().to_owned(),
            customer_id: invoice.customer_id.uuid(),
            reference: invoice.reference.clone(),
            number: numbered.map(|numbered| numbered.number.clone()),
            series: numbered.map(|numbered| numbered.series.as_str().to_owned()),
            issue_date: numbered.map(|numbered| numbered.issue_date.date()),
            due_on: numbered.map(|numbered| numbered.due_on.date()),
            gross_total: numbered.map(|numbered| numbered.gross_total.value().clone()),
            paid: invoice.paid.value().clone(),
            credited: invoice.credited.value().clone(),
            sent_at: invoice.sent_at,
            created_at: invoice.created_at,
            updated_at: invoice.updated_at,
            sent_by: invoice.moving.sent_by.map(|channel| channel.name().to_owned()),
            dispute: invoice.moving.dispute.as_ref().map(|reason| reason.as_str().to_owned()),
            overdue_on: invoice.moving.overdue_on.map(BusinessDate::date),
            corrects: invoice.corrects.map(InvoiceId::uuid),
        }
    }

    /// # Errors
    /// Fails if a newer version wrote a kind, a state or a draft that this version does not know.
    pub(super) fn into_invoice(self, draft: Option<Value>) -> Result<Invoice, Error> {
        let draft = draft.map(serde_json::from_value::<Draft>).transpose();
        let numbered = match (self.series, self.number, self.issue_date, self.due_on, self.gross_total) {
            (Some(series), Some(number), Some(issue_date), Some(due_on), Some(gross_total)) => {
                Some(Numbered {
                    series: SeriesCode::stored(series),
                    number,
                    issue_date: BusinessDate::stored(issue_date),
                    due_on: BusinessDate::stored(due_on),
                    gross_total: Money::rounded(&gross_total),
                })
            }
            _ => None,
        };
        Ok(Invoice {
            id: InvoiceId::from_uuid(self.id),
            version: self.version,
            kind: kind(&self.kind)?,
            state: state(&self.state)?,
            customer_id: CustomerId::from_uuid(self.customer_id),
            reference: self.reference,
            corrects: self.corrects.map(InvoiceId::from_uuid),
            draft: draft.map_err(|cause| Error::Serialize { what: "a stored draft", cause })?,
            numbered,
            paid: Money::rounded(&self.paid),
            credited: Money::rounded(&self.credited),
            sent_at: self.sent_at,
            moving: Moving {
                sent_by: self.sent_by.map(channel).transpose()?,
                dispute: self.dispute.map(DisputeReason::stored),
                overdue_on: self.overdue_on.map(BusinessDate::stored),
            },
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

/// Reads a stored state.
///
/// # Errors
/// Fails if a newer version wrote one that this version does not know.
pub(super) fn state(name: &str) -> Result<InvoiceState, Error> {
    InvoiceState::from_name(name)
        .ok_or_else(|| Error::Stored { what: "a state of an invoice", value: name.to_owned() })
}

/// Reads a stored kind.
///
/// # Errors
/// Fails if a newer version wrote one that this version does not know.
pub(super) fn kind(name: &str) -> Result<InvoiceKind, Error> {
    InvoiceKind::from_name(name)
        .ok_or_else(|| Error::Stored { what: "a kind of invoice", value: name.to_owned() })
}

/// Reads a stored channel.
///
/// # Errors
/// Fails if a newer version wrote one that this version does not know.
pub(super) fn channel(name: String) -> Result<Channel, Error> {
    Channel::stored(&name).ok_or(Error::Stored { what: "a channel of invoices", value: name })
}

/// Loads an invoice, with its draft, and locks it until the unit of work ends.
///
/// # Errors
/// `NotFound` if the tenant has no such invoice. Fails if the database cannot be reached.
pub(crate) async fn load(work: &mut UnitOfWork<'_>, id: InvoiceId, lock: LockMode) -> Result<Invoice, Error> {
    let query = invoices::table.find((work.tenant().uuid(), id.uuid())).select(InvoiceRow::as_select());
    let row: Option<InvoiceRow> = find(work, Locked::Invoice, lock, query).await?;
    with_draft(work, row.ok_or(InvoiceError::NotFound(id))?).await
}

/// Loads the invoices that exist among `ids`, without their drafts, in the order of their ids, and locks them until the unit of work ends.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn load_several(
    work: &mut UnitOfWork<'_>,
    ids: &[InvoiceId],
) -> Result<Vec<Invoice>, Error> {
    work.locks(Locked::Invoice);
    let (tenant, ids): (Uuid, Vec<Uuid>) = (work.tenant().uuid(), ids.iter().map(|id| id.uuid()).collect());
    let rows: Vec<InvoiceRow> = invoices::table
        .filter(invoices::tenant_id.eq(tenant).and(invoices::id.eq_any(ids)))
        .select(InvoiceRow::as_select())
        .order(invoices::id)
        .for_no_key_update()
        .load(work.connection())
        .await?;
    rows.into_iter().map(|row| row.into_invoice(None)).collect()
}

/// Loads an invoice with its draft, and others without theirs, in the order of their ids, and locks them all until the unit of work ends.
///
/// # Errors
/// `NotFound` if the tenant has no such invoice. Fails if the database cannot be reached.
pub(super) async fn load_with(
    work: &mut UnitOfWork<'_>,
    id: InvoiceId,
    others: &[InvoiceId],
) -> Result<(Invoice, Vec<Invoice>), Error> {
    let ids: Vec<InvoiceId> = others.iter().copied().chain([id]).collect();
    let mut found = load_several(work, &ids).await?;
    let index = found.iter().position(|invoice| invoice.id == id).ok_or(InvoiceError::NotFound(id))?;
    let mut invoice = found.remove(index);
    let key = (work.tenant().uuid(), id.uuid());
    let query = invoice_drafts::table.find(key).select(invoice_drafts::content);
    let draft: Option<Value> = query.first(work.connection()).await.optional()?;
    let draft = draft.map(serde_json::from_value::<Draft>).transpose();
    invoice.draft = draft.map_err(|cause| Error::Serialize { what: "a stored draft", cause })?;
    Ok((invoice, found))
}

/// The invoices of a customer of which something is open, those that have been due for the longest time, at most `most`. Nobody pays them meanwhile: the
/// customer is locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn open_of(
    work: &mut UnitOfWork<'_>,
    customer: CustomerId,
    most: i64,
) -> Result<Vec<InvoiceId>, Error> {
    let open = ["validated", "sent", "partly_paid"];
    let of_customer =
        invoices::tenant_id.eq(work.tenant().uuid()).and(invoices::customer_id.eq(customer.uuid()));
    let ids: Vec<Uuid> = invoices::table
        .filter(of_customer.and(invoices::state.eq_any(open)).and(invoices::kind.ne("credit_note")))
        .order((invoices::due_on, invoices::id))
        .select(invoices::id)
        .limit(most)
        .load(work.connection())
        .await?;
    Ok(ids.into_iter().map(InvoiceId::from_uuid).collect())
}

/// Appends a link to the chain of a series. From here to the commit nobody else does: call it last, for several series in the order of their codes.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn link(
    work: &mut UnitOfWork<'_>,
    series: &SeriesCode,
    kind: LinkKind,
    subject: Uuid,
    text: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    work.locks(Locked::InvoiceSeries);
    let digest = digest(text);
    AppendLink::new(series.as_str(), kind.name(), subject, now, &digest).execute(work.connection()).await?;
    Ok(())
}

/// Reads an invoice without a lock, to find out what has to be locked before it.
///
/// # Errors
/// `NotFound` if the tenant has no such invoice. Fails if the database cannot be reached.
pub(crate) async fn look_at(work: &mut UnitOfWork<'_>, id: InvoiceId) -> Result<Invoice, Error> {
    let query = invoices::table.find((work.tenant().uuid(), id.uuid())).select(InvoiceRow::as_select());
    let row: Option<InvoiceRow> = query.first(work.connection()).await.optional()?;
    with_draft(work, row.ok_or(InvoiceError::NotFound(id))?).await
}

async fn with_draft(work: &mut UnitOfWork<'_>, row: InvoiceRow) -> Result<Invoice, Error> {
    let query = invoice_drafts::table.find((row.tenant_id, row.id)).select(invoice_drafts::content);
    let draft: Option<Value> = query.first(work.connection()).await.optional()?;
    row.into_invoice(draft)
}

fn draft_json(draft: &Draft) -> Result<Value, Error> {
    serde_json::to_value(draft).map_err(|cause| Error::Serialize { what: "a draft", cause })
}

crate::statement! {
    struct DrawNumber<'a> { series: &'a str => Text, issue_date: NaiveDate => Date, in_order: bool => Bool }
        -> (Nullable<BigInt>, Nullable<Date>)
    = "SELECT drawn, latest_date FROM invoice_draw($1, $2, $3)"
}

crate::statement! {
    struct AppendLink<'a> {
        series: &'a str => Text,
        kind: &'a str => Text,
        subject: Uuid => SqlUuid,
        occurred_at: DateTime<Utc> => Timestamptz,
        digest: &'a [u8] => Binary,
    }
    = "SELECT invoice_link($1, $2, $3, $4, $5)"
}

crate::statement! {
    /// Inserts all lines of one invoice. Positions count from 1.
    struct InsertLines<'a> {
        tenant: Uuid => SqlUuid,
        invoice: Uuid => SqlUuid,
        positions: &'a [i16] => Array<SmallInt>,
        products: &'a [Option<Uuid>] => Array<Nullable<SqlUuid>>,
        orders: &'a [Option<Uuid>] => Array<Nullable<SqlUuid>>,
        order_positions: &'a [Option<i16>] => Array<Nullable<SmallInt>>,
        natures: &'a [&'a str] => Array<Text>,
        quantities: &'a [&'a BigDecimal] => Array<Numeric>,
        nets: &'a [&'a BigDecimal] => Array<Numeric>,
        categories: &'a [&'a str] => Array<Text>,
        rates: &'a [Option<&'a BigDecimal>] => Array<Nullable<Numeric>>,
        whys: &'a [&'a str] => Array<Text>,
        deposits: &'a [bool] => Array<Bool>,
        price_sources: &'a [Option<&'a str>] => Array<Nullable<Text>>,
        price_lists: &'a [Option<Uuid>] => Array<Nullable<SqlUuid>>,
    }
    = "INSERT INTO invoice_lines
        (tenant_id, invoice_id, position, product_id, order_id, order_position, nature, quantity, net, category, rate, why, deposit,
        price_source, price_list_id)
     SELECT $1, $2, line.* FROM unnest($3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) AS line"
}

crate::statement! {
    /// Inserts the VAT of one invoice, by category and rate.
    struct InsertVat<'a> {
        tenant: Uuid => SqlUuid,
        invoice: Uuid => SqlUuid,
        positions: &'a [i16] => Array<SmallInt>,
        categories: &'a [&'a str] => Array<Text>,
        rates: &'a [Option<&'a BigDecimal>] => Array<Nullable<Numeric>>,
        bases: &'a [&'a BigDecimal] => Array<Numeric>,
        taxes: &'a [&'a BigDecimal] => Array<Numeric>,
    }
    = "INSERT INTO invoice_vat (tenant_id, invoice_id, position, category, rate, base, tax)
     SELECT $1, $2, one.* FROM unnest($3, $4, $5, $6, $7) AS one"
}

crate::statement! {
    /// Inserts what one invoice claims of orders.
    struct InsertClaims<'a> {
        tenant: Uuid => SqlUuid,
        invoice: Uuid => SqlUuid,
        lines: &'a [i16] => Array<SmallInt>,
        orders: &'a [Uuid] => Array<SqlUuid>,
        positions: &'a [i16] => Array<SmallInt>,
        quantities: &'a [&'a BigDecimal] => Array<Numeric>,
    }
    = "INSERT INTO invoice_claims (tenant_id, invoice_id, line, order_id, position, quantity)
     SELECT $1, $2, claim.* FROM unnest($3, $4, $5, $6) AS claim"
}

crate::statement! {
    /// What all invoices and drafts but one claim of the lines of orders, without what credit notes gave back.
    pub(super) struct Claimed<'a> { tenant: Uuid => SqlUuid, orders: &'a [Uuid] => Array<SqlUuid>, except: Uuid => SqlUuid }
        -> (SqlUuid, SmallInt, Numeric)
    = "SELECT order_id, position, sum(quantity) FROM (
        SELECT order_id, position, quantity FROM invoice_claims
        WHERE tenant_id = $1 AND order_id = ANY($2) AND invoice_id <> $3
        UNION ALL
        SELECT order_id, order_position, -quantity FROM invoice_credits
        WHERE tenant_id = $1 AND order_id = ANY($2) AND quantity IS NOT NULL
     ) AS claimed GROUP BY order_id, position"
}

/// What invoices and drafts claim of the lines of these orders, but for this one. The orders are locked.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn claimed(
    work: &mut UnitOfWork<'_>,
    orders: &[OrderId],
    except: InvoiceId,
) -> Result<HashMap<Source, Units>, Error> {
    let (tenant, ids): (Uuid, Vec<Uuid>) =
        (work.tenant().uuid(), orders.iter().map(|id| id.uuid()).collect());
    let rows: Vec<(Uuid, i16, BigDecimal)> =
        Claimed::new(tenant, &ids, except.uuid()).load(work.connection()).await?;
    let claim = |(order, position, quantity)| {
        (Source { order_id: OrderId::from_uuid(order), position }, Units::stored(quantity))
    };
    Ok(rows.into_iter().map(claim).collect())
}

/// Replaces what an invoice claims.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn replace_claims(
    work: &mut UnitOfWork<'_>,
    id: InvoiceId,
    claims: &[Claim],
) -> Result<(), Error> {
    delete_claims(work, id).await?;
    if claims.is_empty() {
        return Ok(());
    }
    let lines: Vec<_> = claims.iter().map(|claim| claim.line).collect();
    let orders: Vec<_> = claims.iter().map(|claim| claim.source.order_id.uuid()).collect();
    let positions: Vec<_> = claims.iter().map(|claim| claim.source.position).collect();
    let quantities: Vec<_> = claims.iter().map(|claim| claim.quantity.value()).collect();
    InsertClaims::new(work.tenant().uuid(), id.uuid(), &lines, &orders, &positions, &quantities)
        .execute(work.connection())
        .await?;
    Ok(())
}

async fn delete_claims(work: &mut UnitOfWork<'_>, id: InvoiceId) -> Result<(), Error> {
    let of_invoice =
        invoice_claims::tenant_id.eq(work.tenant().uuid()).and(invoice_claims::invoice_id.eq(id.uuid()));
    diesel::delete(invoice_claims::table.filter(of_invoice)).execute(work.connection()).await?;
    Ok(())
}

/// What a shipment took of an order's line: order, position, quantity, when it left.
pub(super) type ShippedPart = (OrderId, i16, Units, BusinessDate);

type ShippedRow = (Uuid, i16, BigDecimal, NaiveDate);

fn shipped((order, position, quantity, day): ShippedRow) -> ShippedPart {
    (OrderId::from_uuid(order), position, Units::stored(quantity), BusinessDate::stored(day))
}

/// Lines of shipments, with their order and the day on which they left: a query for [`ShippedRow`]s.
macro_rules! shipped_parts {
    ($tenant:expr) => {
        shipments::table
            .inner_join(
                shipment_lines::table.on(shipment_lines::tenant_id
                    .eq(shipments::tenant_id)
                    .and(shipment_lines::shipment_id.eq(shipments::id))),
            )
            .filter(shipments::tenant_id.eq($tenant))
            .order((shipments::shipped_on, shipments::order_id, shipments::number, shipment_lines::position))
            .select((
                shipments::order_id,
                shipment_lines::position,
                shipment_lines::quantity,
                shipments::shipped_on,
            ))
    };
}

/// What these shipments took.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn shipped_by(
    work: &mut UnitOfWork<'_>,
    ids: &[ShipmentId],
) -> Result<Vec<ShippedPart>, Error> {
    let (tenant, ids): (Uuid, Vec<Uuid>) = (work.tenant().uuid(), ids.iter().map(|id| id.uuid()).collect());
    let query = shipped_parts!(tenant).filter(shipments::id.eq_any(ids));
    let rows: Vec<ShippedRow> = query.load(work.connection()).await?;
    Ok(rows.into_iter().map(shipped).collect())
}

/// What left of these orders.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn shipped_of(
    work: &mut UnitOfWork<'_>,
    ids: &[OrderId],
) -> Result<Vec<ShippedPart>, Error> {
    let (tenant, ids): (Uuid, Vec<Uuid>) = (work.tenant().uuid(), ids.iter().map(|id| id.uuid()).collect());
    let query = shipped_parts!(tenant).filter(shipments::order_id.eq_any(ids));
    let rows: Vec<ShippedRow> = query.load(work.connection()).await?;
    Ok(rows.into_iter().map(shipped).collect())
}

/// What left for a customer on these days, at most `most` lines.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn shipped_between(
    work: &mut UnitOfWork<'_>,
    customer: CustomerId,
    (first, last): (BusinessDate, BusinessDate),
    most: i64,
) -> Result<Vec<ShippedPart>, Error> {
    let tenant = work.tenant().uuid();
    let of_customer = orders::table
        .filter(orders::tenant_id.eq(tenant).and(orders::customer_id.eq(customer.uuid())))
        .select(orders::id);
    let query = shipped_parts!(tenant)
        .filter(shipments::shipped_on.between(first.date(), last.date()))
        .filter(shipments::order_id.eq_any(of_customer))
        .limit(most);
    let rows: Vec<ShippedRow> = query.load(work.connection()).await?;
    Ok(rows.into_iter().map(shipped).collect())
}

/// Which orders there are among these, and whose they are.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn customers_of(
    work: &mut UnitOfWork<'_>,
    ids: &[OrderId],
) -> Result<HashMap<OrderId, CustomerId>, Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let rows: Vec<(Uuid, Uuid)> = orders::table
        .filter(orders::tenant_id.eq(work.tenant().uuid()).and(orders::id.eq_any(ids)))
        .select((orders::id, orders::customer_id))
        .load(work.connection())
        .await?;
    let pair = |(order, customer)| (OrderId::from_uuid(order), CustomerId::from_uuid(customer));
    Ok(rows.into_iter().map(pair).collect())
}

crate::statement! {
    struct LeavesFrom<'a> { tenant: Uuid => SqlUuid, orders: &'a [Uuid] => Array<SqlUuid> } -> (SqlUuid, Nullable<Jsonb>)
    = "SELECT o.id, w.address FROM orders AS o JOIN warehouses AS w ON w.tenant_id = o.tenant_id AND w.id = o.warehouse_id
     WHERE o.tenant_id = $1 AND o.id = ANY($2)"
}

/// The addresses of the warehouses from which the goods leave of orders that a draft invoices, or is a deposit of, as far as they are known. A draft of no order
/// costs no statement.
///
/// # Errors
/// Fails if the database cannot be reached, or if a stored address cannot be read.
pub(super) async fn leaves_from(
    work: &mut UnitOfWork<'_>,
    draft: &Draft,
) -> Result<HashMap<OrderId, PostalAddress>, Error> {
    let sources = draft.lines.iter().filter_map(|line| line.source);
    let orders: BTreeSet<OrderId> = sources.map(|source| source.order_id).chain(draft.deposit_of).collect();
    if orders.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<Uuid> = orders.into_iter().map(OrderId::uuid).collect();
    let rows: Vec<(Uuid, Option<Value>)> =
        LeavesFrom::new(work.tenant().uuid(), &ids).load(work.connection()).await?;
    let mut found = HashMap::new();
    for (order, stored) in rows {
        if let Some(address) = postal_from_json(stored)? {
            found.insert(OrderId::from_uuid(order), address);
        }
    }
    Ok(found)
}

/// Draws the next number of a series in the year of the date. From here to the commit nobody else draws one of the series: call it when nothing can
/// refuse any more.
///
/// # Errors
/// `BeforeTheLast` if dates are to go up, and one of the series is later. Fails if the database cannot be reached.
pub(super) async fn draw(
    work: &mut UnitOfWork<'_>,
    series: &SeriesCode,
    issue_date: BusinessDate,
    in_order: bool,
) -> Result<i64, Error> {
    work.locks(Locked::InvoiceSeries);
    let statement = DrawNumber::new(series.as_str(), issue_date.date(), in_order);
    let (drawn, latest): (Option<i64>, Option<NaiveDate>) = statement.get_result(work.connection()).await?;
    drawn.ok_or_else(|| {
        let latest = latest.map_or(issue_date, BusinessDate::stored);
        InvoiceError::BeforeTheLast { series: series.clone(), latest }.into()
    })
}

/// Writes what an invoice says from now on, and the link of its series' chain. `position` is its number in the series and year, `whys` say for each line why
/// it has its VAT.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn freeze(
    work: &mut UnitOfWork<'_>,
    id: InvoiceId,
    (series, position): (&SeriesCode, i64),
    draft: &Draft,
    whys: &[&'static str],
    content: &Content,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let text = serde_json::to_string(content)
        .map_err(|cause| Error::Serialize { what: "the content of an invoice", cause })?;
    let beside: Vec<Beside<'_>> = draft.lines.iter().zip(whys).map(|(line, why)| beside(line, why)).collect();
    let linked = digest(&validated_text(&text, draft.customer_id.uuid(), &beside));
    let digest = digest(&text);
    let (tenant, invoice) = (work.tenant().uuid(), id.uuid());
    let issue_date = content.issue_date.date();
    diesel::insert_into(invoice_contents::table)
        .values((
            invoice_contents::tenant_id.eq(tenant),
            invoice_contents::invoice_id.eq(invoice),
            invoice_contents::series.eq(series.as_str()),
            // No business date has a year that does not fit.
            invoice_contents::year.eq(i16::try_from(content.issue_date.year()).unwrap_or(i16::MAX)),
            invoice_contents::position.eq(position),
            invoice_contents::issue_date.eq(issue_date),
            invoice_contents::content.eq(&text),
            invoice_contents::digest.eq(digest.as_slice()),
            invoice_contents::validated_at.eq(now),
        ))
        .execute(work.connection())
        .await?;

    // `Draft::check_sizes` refuses more lines than an i16 counts.
    let lines = &content.lines;
    let positions: Vec<i16> = (1..).take(lines.len()).collect();
    let products: Vec<_> = draft.lines.iter().map(|line| line.product_id.map(ProductId::uuid)).collect();
    let sources: Vec<_> = draft.lines.iter().map(|line| line.source).collect();
    let orders: Vec<_> = sources.iter().map(|source| source.map(|source| source.order_id.uuid())).collect();
    let order_positions: Vec<_> = sources.iter().map(|source| source.map(|source| source.position)).collect();
    let natures: Vec<_> = draft.lines.iter().map(|line| line.nature.name()).collect();
    let deposits: Vec<_> = draft.lines.iter().map(|line| line.role != LineRole::Sale).collect();
    let price_sources: Vec<_> = beside.iter().map(|line| line.price_source).collect();
    let price_lists: Vec<_> = beside.iter().map(|line| line.price_list_id).collect();
    let quantities: Vec<_> = lines.iter().map(|line| line.quantity.value()).collect();
    let nets: Vec<_> = lines.iter().map(|line| line.net.value()).collect();
    let categories: Vec<_> = lines.iter().map(|line| line.vat.category.code()).collect();
    let rates: Vec<_> = lines.iter().map(|line| line.vat.rate.as_ref().map(VatRate::value)).collect();
    InsertLines::new(
        tenant,
        invoice,
        &positions,
        &products,
        &orders,
        &order_positions,
        &natures,
        &quantities,
        &nets,
        &categories,
        &rates,
        whys,
        &deposits,
        &price_sources,
        &price_lists,
    )
    .execute(work.connection())
    .await?;

    let groups = &content.vat;
    let positions: Vec<i16> = (1..).take(groups.len()).collect();
    let categories: Vec<_> = groups.iter().map(|group| group.vat.category.code()).collect();
    let rates: Vec<_> = groups.iter().map(|group| group.vat.rate.as_ref().map(VatRate::value)).collect();
    let bases: Vec<_> = groups.iter().map(|group| group.base.value()).collect();
    let taxes: Vec<_> = groups.iter().map(|group| group.tax.value()).collect();
    InsertVat::new(tenant, invoice, &positions, &categories, &rates, &bases, &taxes)
        .execute(work.connection())
        .await?;

    AppendLink::new(series.as_str(), LinkKind::Validated.name(), invoice, now, &linked)
        .execute(work.connection())
        .await?;
    Ok(())
}

fn beside<'a>(line: &DraftLine, why: &'a str) -> Beside<'a> {
    Beside {
        product_id: line.product_id.map(ProductId::uuid),
        source: line.source.map(|source| (source.order_id.uuid(), source.position)),
        nature: line.nature.name(),
        deposit: line.role != LineRole::Sale,
        price_source: line.price.map(|price| price.price_source.name()),
        price_list_id: line.price.and_then(|price| price.price_list_id).map(PriceListId::uuid),
        why,
    }
}

impl Creatable for Invoice {
    /// The foreign key would lock the customer, whom `customers::repository::hold` has locked so already.
    async fn insert(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let row = InvoiceRow::of(work.tenant(), self);
        diesel::insert_into(invoices::table).values(&row).execute(work.connection()).await?;
        let Some(draft) = &self.draft else { return Ok(()) };
        diesel::insert_into(invoice_drafts::table)
            .values((
                invoice_drafts::tenant_id.eq(row.tenant_id),
                invoice_drafts::invoice_id.eq(row.id),
                invoice_drafts::content.eq(draft_json(draft)?),
            ))
            .execute(work.connection())
            .await?;
        Ok(())
    }
}

impl Aggregate for Invoice {
    type Id = InvoiceId;
    type Event = InvoiceEvent;
    type Audited = InvoiceAudited;
    const NAME: &'static str = "invoice";

    fn id(&self) -> InvoiceId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn updated_at(&self) -> DateTime<Utc> {
        self.updated_at
    }

    fn audited(&self) -> InvoiceAudited {
        InvoiceAudited::of(self)
    }

    /// The customer of another draft than before is locked already.
    async fn save(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let row = InvoiceRow::of(work.tenant(), self);
        let key = (row.tenant_id, row.id);
        diesel::update(invoices::table.find(key)).set(&row).execute(work.connection()).await?;
        match &self.draft {
            Some(draft) => {
                let content = invoice_drafts::content.eq(draft_json(draft)?);
                diesel::update(invoice_drafts::table.find(key))
                    .set(content)
                    .execute(work.connection())
                    .await?;
            }
            None => {
                diesel::delete(invoice_drafts::table.find(key)).execute(work.connection()).await?;
            }
        }
        Ok(())
    }
}

impl Deletable for Invoice {
    async fn delete(id: InvoiceId, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let key = (work.tenant().uuid(), id.uuid());
        delete_claims(work, id).await?;
        deposit_rows::forget(work, id).await?;
        diesel::delete(invoice_drafts::table.find(key)).execute(work.connection()).await?;
        diesel::delete(invoices::table.find(key)).execute(work.connection()).await?;
        Ok(())
    }
}
