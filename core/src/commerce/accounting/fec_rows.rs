//! What an accounting export reads: documents and payments day by day, and what closes what. All of it in one snapshot.

use std::collections::HashMap;

use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Date, Nullable, Numeric, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::entries::{Customer, Document, Paid};
use super::error::AccountingError;
use super::group::{Group, Taxed};
use super::letters::{Item, Letter, letters as letters_of};
use super::period::AccountingPeriod;
use super::repository::{group_of, lines_of_group};
use crate::application::error::Error;
use crate::commerce::invoices::InvoiceKind;
use crate::commerce::payments::PaymentMethod;
use crate::values::money::Money;

/// Documents, or payments, that one statement reads.
const BATCH: i64 = 500;
/// Customers whose accounts are lettered together.
const CUSTOMERS: i64 = 200;

/// Whose export it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Of<'a> {
    pub(super) tenant: Uuid,
    /// The company's time zone, in which a moment has its day.
    pub(super) zone: &'a str,
    pub(super) period: AccountingPeriod,
}

crate::statement! {
    /// The first document of the period whose VAT does not add up to its total.
    struct Unbalanced<'a> { tenant: Uuid => SqlUuid, first: NaiveDate => Date, last: NaiveDate => Date } -> (Text, Numeric, Numeric)
    = "WITH asked AS (SELECT $1 AS tenant_id, $2 AS first, $3 AS last)
        SELECT i.number, i.gross_total, v.total
        FROM asked JOIN invoice_contents AS c ON c.tenant_id = asked.tenant_id AND c.issue_date BETWEEN asked.first AND asked.last
        JOIN invoices AS i ON i.tenant_id = c.tenant_id AND i.id = c.invoice_id
        CROSS JOIN LATERAL (
            SELECT COALESCE(sum(one.base + one.tax), 0::numeric) AS total FROM invoice_vat AS one
            WHERE one.tenant_id = c.tenant_id AND one.invoice_id = c.invoice_id
        ) AS v
        WHERE i.gross_total <> v.total ORDER BY c.issue_date, c.series, c.position LIMIT 1"
}

/// Looks for an entry that would not balance, before anything is sent.
///
/// # Errors
/// `Unbalanced` with the first one. Fails if the database cannot be reached.
pub(super) async fn check(mut connection: &AsyncPgConnection, of: Of<'_>) -> Result<(), Error> {
    let statement = Unbalanced::new(of.tenant, of.period.first(), of.period.last());
    let found: Option<(String, BigDecimal, BigDecimal)> =
        statement.get_result(&mut connection).await.optional()?;
    let Some((number, gross, parts)) = found else { return Ok(()) };
    let text = |amount: &BigDecimal| Money::rounded(amount).to_string();
    Err(AccountingError::Unbalanced { number, debit: text(&gross), credit: text(&parts) }.into())
}

crate::statement! {
    /// The groups of the next documents of a day. The customer has the name that the document says: the lines of a year that is over stay as they were.
    struct DocumentRows<'a> {
        tenant: Uuid => SqlUuid, day: NaiveDate => Date, series: &'a str => Text, position: i64 => BigInt, zone: &'a str => Text, most: i64 => BigInt,
    } -> (
        SqlUuid, Text, BigInt, Text, Text, Date, Date, Text, Text, Numeric, Bool, Text, Nullable<Numeric>, Numeric, Numeric, Numeric, Numeric, Numeric,
        Numeric,
    )
    = concat!("WITH asked AS (SELECT $1 AS tenant_id, $2 AS day, $3 AS series, $4 AS position, $5 AS zone),
        documents AS (
            SELECT c.tenant_id, c.invoice_id, c.series, c.position, c.issue_date, (c.validated_at AT TIME ZONE asked.zone)::date AS validated_on,
                c.content::jsonb ->> 'operations' IS NOT DISTINCT FROM 'services' AS only_services, c.content::jsonb #>> '{buyer,name}' AS buyer
            FROM asked JOIN invoice_contents AS c ON c.tenant_id = asked.tenant_id AND c.issue_date = asked.day
                AND (c.series, c.position) > (asked.series, asked.position)
            ORDER BY c.series, c.position LIMIT $6
        )
        SELECT d.invoice_id, d.series, d.position, i.kind, i.number, d.issue_date, d.validated_on, u.code, COALESCE(d.buyer, u.name), i.gross_total,
            d.only_services,
            v.category, v.rate, v.base, v.tax, l.goods, l.services, l.goods_deposits, l.service_deposits
        FROM documents AS d JOIN invoices AS i ON i.tenant_id = d.tenant_id AND i.id = d.invoice_id
        JOIN customers AS u ON u.tenant_id = i.tenant_id AND u.id = i.customer_id
        JOIN invoice_vat AS v ON v.tenant_id = d.tenant_id AND v.invoice_id = d.invoice_id ", lines_of_group!(), "
        ORDER BY d.series, d.position, v.position")
}

#[derive(Debug, Queryable)]
struct DocumentRow {
    invoice_id: Uuid,
    series: String,
    position: i64,
    kind: String,
    number: String,
    issue_date: NaiveDate,
    validated_on: NaiveDate,
    code: String,
    name: String,
    gross_total: BigDecimal,
    only_services: bool,
    category: String,
    rate: Option<BigDecimal>,
    base: BigDecimal,
    tax: BigDecimal,
    goods: BigDecimal,
    services: BigDecimal,
    goods_deposits: BigDecimal,
    service_deposits: BigDecimal,
}

/// Behind which document the next ones are: its series and its position.
pub(super) type AfterDocument = (String, i64);

/// The next documents of a day, with their ids; and behind which one there may be more.
///
/// # Errors
/// Fails if the database cannot be reached, or if a newer version wrote a kind that this version does not know.
pub(super) async fn documents(
    mut connection: &AsyncPgConnection,
    of: Of<'_>,
    day: NaiveDate,
    after: Option<AfterDocument>,
) -> Result<(Vec<(Uuid, Document)>, Option<AfterDocument>), Error> {
    // Positions count from 1.
    let (series, position) = after.unwrap_or_default();
    let statement = DocumentRows::new(of.tenant, day, &series, position, of.zone, BATCH);
    let rows: Vec<DocumentRow> = statement.load(&mut connection).await?;
    let last = rows.last().map(|row| (row.series.clone(), row.position));
    let mut documents: Vec<(Uuid, Document)> = Vec::new();
    for row in rows {
        let id = row.invoice_id;
        if documents.last().is_none_or(|(known, _)| *known != id) {
            let kind = InvoiceKind::from_name(&row.kind)
                .ok_or_else(|| Error::Stored { what: "a kind of invoice", value: row.kind.clone() })?;
            let document = Document {
                kind,
                number: row.number.clone(),
                issue_date: row.issue_date,
                validated_on: row.validated_on,
                customer: Customer { code: row.code.clone(), name: row.name.clone() },
                gross: Money::rounded(&row.gross_total),
                groups: Vec::new(),
            };
            documents.push((id, document));
        }
        if let Some((_, document)) = documents.last_mut() {
            document.groups.push(group_of!(row));
        }
    }
    let next = last.filter(|_| documents.len() as i64 == BATCH);
    Ok((documents, next))
}

crate::statement! {
    /// The next payments of a day. A reversal is of the day on which it was recorded: what was exported before stays as it was. So does the name, which is the one on the
    /// first document that the payment pays; where it pays none, that of today.
    struct PaymentRows<'a> {
        tenant: Uuid => SqlUuid, day: NaiveDate => Date, zone: &'a str => Text, after_at: Option<DateTime<Utc>> => Nullable<Timestamptz>,
        after_id: Option<Uuid> => Nullable<SqlUuid>, most: i64 => BigInt,
    } -> (SqlUuid, Text, Text, Date, Date, Bool, Text, Text, Numeric, Timestamptz)
    = "WITH asked AS (SELECT $1 AS tenant_id, $2 AS day, $3 AS zone, $4 AS after_at, $5 AS after_id),
        booked AS (
            SELECT p.* FROM asked JOIN payments AS p ON p.tenant_id = asked.tenant_id AND p.reverses IS NULL AND p.received_on = asked.day
            UNION ALL
            SELECT p.* FROM asked JOIN payments AS p ON p.tenant_id = asked.tenant_id AND p.reverses IS NOT NULL
                AND p.created_at >= (asked.day::timestamp AT TIME ZONE asked.zone)
                AND p.created_at < ((asked.day + 1)::timestamp AT TIME ZONE asked.zone)
        )
        SELECT p.id, p.method, COALESCE(p.reference, p.id::text), p.received_on, (p.created_at AT TIME ZONE asked.zone)::date, p.reverses IS NOT NULL,
            u.code, COALESCE(c.content::jsonb #>> '{buyer,name}', u.name), p.amount, p.created_at
        FROM asked JOIN booked AS p ON asked.after_at IS NULL OR (p.created_at, p.id) > (asked.after_at, asked.after_id)
        JOIN customers AS u ON u.tenant_id = p.tenant_id AND u.id = p.customer_id
        LEFT JOIN payment_allocations AS a ON a.tenant_id = p.tenant_id AND a.payment_id = p.id AND a.number = 1
        LEFT JOIN invoice_contents AS c ON c.tenant_id = a.tenant_id AND c.invoice_id = a.invoice_id
        ORDER BY p.created_at, p.id LIMIT $6"
}

#[derive(Debug, Queryable)]
struct PaymentRow {
    id: Uuid,
    method: String,
    piece: String,
    received_on: NaiveDate,
    recorded_on: NaiveDate,
    is_reversal: bool,
    code: String,
    name: String,
    amount: BigDecimal,
    created_at: DateTime<Utc>,
}

impl PaymentRow {
    fn into_paid(self, day: NaiveDate) -> Result<Paid, Error> {
        let method = PaymentMethod::from_name(&self.method);
        Ok(Paid {
            method: method.ok_or(Error::Stored { what: "a method of payment", value: self.method })?,
            piece: self.piece,
            received_on: self.received_on,
            date: day,
            recorded_on: self.recorded_on,
            is_reversal: self.is_reversal,
            customer: Customer { code: self.code, name: self.name },
            amount: Money::rounded(&self.amount),
        })
    }
}

/// Behind which payment the next ones are: when it was recorded, and its id.
pub(super) type AfterPayment = (DateTime<Utc>, Uuid);

/// The next payments of a day, with their ids; and behind which one there may be more.
///
/// # Errors
/// Fails if the database cannot be reached, or if a newer version wrote a method that this version does not know.
pub(super) async fn payments(
    mut connection: &AsyncPgConnection,
    of: Of<'_>,
    day: NaiveDate,
    after: Option<AfterPayment>,
) -> Result<(Vec<(Uuid, Paid)>, Option<AfterPayment>), Error> {
    let (at, id) = (after.map(|(at, _)| at), after.map(|(_, id)| id));
    let statement = PaymentRows::new(of.tenant, day, of.zone, at, id, BATCH);
    let rows: Vec<PaymentRow> = statement.load(&mut connection).await?;
    let next = rows.last().map(|row| (row.created_at, row.id)).filter(|_| rows.len() as i64 == BATCH);
    let paid = |row: PaymentRow| Ok::<_, Error>((row.id, row.into_paid(day)?));
    Ok((rows.into_iter().map(paid).collect::<Result<_, _>>()?, next))
}

crate::statement! {
    /// The next customers of whom something is in the export.
    struct CustomersOf<'a> {
        tenant: Uuid => SqlUuid, first: NaiveDate => Date, last: NaiveDate => Date, zone: &'a str => Text, after: Uuid => SqlUuid, most: i64 => BigInt,
    } -> (SqlUuid,)
    = "WITH asked AS (SELECT $1 AS tenant_id, $2 AS first, $3 AS last, $4 AS zone, $5 AS after)
        SELECT u.customer_id FROM (
            SELECT i.customer_id FROM asked JOIN invoices AS i ON i.tenant_id = asked.tenant_id AND i.number IS NOT NULL
                AND i.issue_date BETWEEN asked.first AND asked.last AND i.customer_id > asked.after
            UNION
            SELECT p.customer_id FROM asked JOIN payments AS p ON p.tenant_id = asked.tenant_id AND p.customer_id > asked.after
                AND CASE WHEN p.reverses IS NULL THEN p.received_on ELSE (p.created_at AT TIME ZONE asked.zone)::date END
                    BETWEEN asked.first AND asked.last
        ) AS u ORDER BY u.customer_id LIMIT $6"
}

crate::statement! {
    /// All documents and payments of these customers until a day.
    struct Items<'a> { tenant: Uuid => SqlUuid, customers: &'a [Uuid] => Array<SqlUuid>, last: NaiveDate => Date, zone: &'a str => Text }
        -> (SqlUuid, Date, Nullable<Text>, Numeric)
    = "WITH asked AS (SELECT $1 AS tenant_id, $2 AS customers, $3 AS last, $4 AS zone)
        SELECT i.id, i.issue_date, i.number, CASE i.kind WHEN 'credit_note' THEN -i.gross_total ELSE i.gross_total END
        FROM asked JOIN invoices AS i ON i.tenant_id = asked.tenant_id AND i.customer_id = ANY (asked.customers)
            AND i.number IS NOT NULL AND i.issue_date <= asked.last
        UNION ALL
        SELECT p.id, p.booked_on, NULL::text, -p.amount FROM asked JOIN (
            SELECT one.*, CASE WHEN one.reverses IS NULL THEN one.received_on ELSE (one.created_at AT TIME ZONE here.zone)::date END AS booked_on
            FROM asked AS here JOIN payments AS one ON one.tenant_id = here.tenant_id AND one.customer_id = ANY (here.customers)
        ) AS p ON p.booked_on <= asked.last"
}

crate::statement! {
    /// What pays or reverses what of these customers until a day. What a credit note pays of what it corrects counts from its date, as its entry does; what it pays of
    /// others, from the day on which it does.
    struct Links<'a> { tenant: Uuid => SqlUuid, customers: &'a [Uuid] => Array<SqlUuid>, last: NaiveDate => Date, zone: &'a str => Text }
        -> (SqlUuid, SqlUuid)
    = "WITH asked AS (SELECT $1 AS tenant_id, $2 AS customers, $3 AS last, $4 AS zone)
        SELECT a.payment_id, a.invoice_id
        FROM asked JOIN payments AS p ON p.tenant_id = asked.tenant_id AND p.customer_id = ANY (asked.customers)
        JOIN payment_allocations AS a ON a.tenant_id = p.tenant_id AND a.payment_id = p.id
            AND CASE WHEN p.reverses IS NULL AND a.allocated_at = p.created_at THEN p.received_on
                ELSE (a.allocated_at AT TIME ZONE asked.zone)::date END <= asked.last
        UNION ALL
        SELECT p.id, p.reverses
        FROM asked JOIN payments AS p ON p.tenant_id = asked.tenant_id AND p.customer_id = ANY (asked.customers) AND p.reverses IS NOT NULL
        UNION ALL
        SELECT a.credit_note_id, a.invoice_id
        FROM asked JOIN invoices AS i ON i.tenant_id = asked.tenant_id AND i.customer_id = ANY (asked.customers) AND i.kind = 'credit_note'
        JOIN invoice_contents AS c ON c.tenant_id = i.tenant_id AND c.invoice_id = i.id
        JOIN credit_allocations AS a ON a.tenant_id = i.tenant_id AND a.credit_note_id = i.id
            AND CASE WHEN a.allocated_at = c.validated_at THEN c.issue_date
                ELSE (a.allocated_at AT TIME ZONE asked.zone)::date END <= asked.last"
}

/// The letters of what is in the export, as it stood at the end of its last day. A group may reach back as far as it wants, so all documents and payments of a customer are
/// read, from the first one on. In memory: some hundred bytes for each closed document and payment of the period, and as much for each one, of all years, of the customers
/// whose accounts are lettered together.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn letters(
    mut connection: &AsyncPgConnection,
    of: Of<'_>,
) -> Result<HashMap<Uuid, Letter>, Error> {
    let (first, last) = (of.period.first(), of.period.last());
    let (mut found, mut after) = (HashMap::new(), Uuid::nil());
    loop {
        let next = CustomersOf::new(of.tenant, first, last, of.zone, after, CUSTOMERS);
        let next: Vec<(Uuid,)> = next.load(&mut connection).await?;
        let customers: Vec<Uuid> = next.into_iter().map(|(id,)| id).collect();
        let Some(end) = customers.last() else { return Ok(found) };
        after = *end;
        let items = Items::new(of.tenant, &customers, last, of.zone);
        let items: Vec<(Uuid, NaiveDate, Option<String>, BigDecimal)> = items.load(&mut connection).await?;
        let links = Links::new(of.tenant, &customers, last, of.zone);
        let links: Vec<(Uuid, Uuid)> = links.load(&mut connection).await?;
        let item = |(id, date, number, amount): (Uuid, NaiveDate, Option<String>, BigDecimal)| Item {
            id,
            date,
            number,
            amount: Money::rounded(&amount),
        };
        let items: Vec<Item> = items.into_iter().map(item).collect();
        let mut of_customers = letters_of(&items, &links);
        let exported = items.iter().filter(|item| of.period.contains(item.date));
        found.extend(exported.filter_map(|item| Some((item.id, of_customers.remove(&item.id)?))));
    }
}
