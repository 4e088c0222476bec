//! How a customer's account moved in a period: what was invoiced and credited, what was paid, and what that came to.

use bigdecimal::BigDecimal;
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Date, Nullable, Numeric, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::accounts::tenants::TimeZone;
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::{Category, DomainError, Error};
use crate::commerce::customers::CustomerError;
use crate::platform::schema::{customers, tenants};
use crate::values::business_date::BusinessDate;
use crate::values::ids::CustomerId;
use crate::values::invalid::{FieldError, Invalid};
use crate::values::money::Money;

/// The maximum number of entries of a statement: it is read as a whole, in one snapshot.
pub const MAX_ENTRIES: usize = 5_000;

/// The days of a statement.
#[derive(Debug, Clone, Copy, Default)]
pub struct StatementPeriod {
    /// Inclusive; `None` stands for the first day of the year of the last one.
    pub from: Option<BusinessDate>,
    /// Inclusive; `None` stands for today, in the company's time zone.
    pub to: Option<BusinessDate>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = StatementEntryKind)]
pub enum EntryKind {
    Invoice,
    /// A deposit.
    Prepayment,
    CreditNote,
    Payment,
    /// Takes a payment back.
    Reversal,
}

impl EntryKind {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Invoice, "invoice"),
        (Self::Prepayment, "prepayment"),
        (Self::CreditNote, "credit_note"),
        (Self::Payment, "payment"),
        (Self::Reversal, "reversal"),
    ];

    fn named(name: &str) -> Result<Self, Error> {
        let known = Self::ALL.into_iter().find(|(_, known)| *known == name).map(|(kind, _)| kind);
        known.ok_or_else(|| Error::Stored { what: "a kind of invoice", value: name.to_owned() })
    }
}

/// One document or payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StatementEntry {
    /// Of a document, its issue date; of a payment, when it came; of a reversal, when it was recorded.
    #[schema(value_type = chrono::NaiveDate)]
    pub date: BusinessDate,
    pub kind: EntryKind,
    /// Of the invoice, the credit note or the payment.
    pub document_id: Uuid,
    /// The number of the document, or the reference of the payment.
    #[schema(example = "FA-2026-000123")]
    pub reference: Option<String>,
    /// Null unless it is a document.
    #[schema(value_type = Option<chrono::NaiveDate>)]
    pub due_on: Option<BusinessDate>,
    /// What the customer owes more by it; null if it owes less.
    #[schema(value_type = Option<String>, example = "120.00")]
    pub debit: Option<Money>,
    /// What the customer owes less by it; null if it owes more.
    #[schema(value_type = Option<String>, example = "120.00")]
    pub credit: Option<Money>,
    /// What the customer owes after it; less than zero if it has paid more.
    #[schema(value_type = String, example = "120.00")]
    pub balance: Money,
}

/// A customer's account in a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CustomerStatement)]
pub struct StatementView {
    #[schema(value_type = Uuid)]
    pub customer_id: CustomerId,
    #[schema(example = "C-1042")]
    pub customer_code: String,
    #[schema(example = "Librairie des Carmes")]
    pub customer_name: String,
    /// ISO 4217.
    #[schema(example = "EUR")]
    pub currency: String,
    #[schema(value_type = chrono::NaiveDate)]
    pub from: BusinessDate,
    #[schema(value_type = chrono::NaiveDate)]
    pub to: BusinessDate,
    /// What the customer owed before the first day.
    #[schema(value_type = String, example = "0.00")]
    pub opening: Money,
    /// In order of their dates, at most 5,000.
    pub entries: Vec<StatementEntry>,
    /// What the customer owes after the last day.
    #[schema(value_type = String, example = "120.00")]
    pub closing: Money,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    #[error("a statement begins on {from}, and cannot end before that, on {to}")]
    Backwards { from: BusinessDate, to: BusinessDate },
    #[error(
        "a statement has at most {} entries, and there are more between these days: ask for fewer days",
        MAX_ENTRIES
    )]
    TooLong,
}

impl DomainError for StatementError {
    fn category(&self) -> Category {
        Category::Invalid
    }

    fn code(&self) -> &'static str {
        "invalid_statement"
    }

    fn fields(&self) -> Vec<FieldError> {
        let code = match self {
            Self::Backwards { .. } => "out_of_range",
            Self::TooLong => "too_many",
        };
        vec![Invalid::new(code, self.to_string()).at("/query/from")]
    }
}

/// All that moved a customer's account up to a day, by its own day. The company's time zone says on which day a reversal was recorded.
macro_rules! moved {
    () => {
        "WITH given AS MATERIALIZED (SELECT $1::uuid AS tenant_id, $2::uuid AS customer_id, $3::text AS zone, $4::date AS first, $5::date AS last),
    moved AS (
        SELECT i.issue_date AS day, 1 AS place, i.kind, i.id, i.number AS reference, i.due_on,
            CASE WHEN i.kind = 'credit_note' THEN - i.gross_total ELSE i.gross_total END AS amount, i.created_at
        FROM given JOIN invoices AS i ON i.tenant_id = given.tenant_id AND i.customer_id = given.customer_id AND i.issue_date <= given.last
        UNION ALL
        SELECT p.day, 2, p.kind, p.id, p.reference, NULL::date, - p.amount, p.created_at
        FROM given, LATERAL (
            SELECT q.id, q.reference, q.amount, q.created_at,
                CASE WHEN q.reverses IS NULL THEN 'payment' ELSE 'reversal' END AS kind,
                CASE WHEN q.reverses IS NULL THEN q.received_on ELSE (q.created_at AT TIME ZONE given.zone)::date END AS day
            FROM payments AS q WHERE q.tenant_id = given.tenant_id AND q.customer_id = given.customer_id
        ) AS p WHERE p.day <= given.last
    ) "
    };
}

crate::statement! {
    struct Opening<'a> {
        tenant: Uuid => SqlUuid,
        customer: Uuid => SqlUuid,
        zone: &'a str => Text,
        first: NaiveDate => Date,
        last: NaiveDate => Date,
    } -> (Numeric,)
    = concat!(moved!(), "SELECT COALESCE(sum(m.amount), 0::numeric) FROM given, moved AS m WHERE m.day < given.first")
}

crate::statement! {
    struct Entries<'a> {
        tenant: Uuid => SqlUuid,
        customer: Uuid => SqlUuid,
        zone: &'a str => Text,
        first: NaiveDate => Date,
        last: NaiveDate => Date,
        most: i64 => BigInt,
    } -> (Date, Text, SqlUuid, Nullable<Text>, Nullable<Date>, Numeric)
    = concat!(
        moved!(),
        "SELECT m.day, m.kind, m.id, m.reference, m.due_on, m.amount FROM given, moved AS m WHERE m.day >= given.first
        ORDER BY m.day, m.place, m.created_at, m.id LIMIT $6"
    )
}

type EntryRow = (NaiveDate, String, Uuid, Option<String>, Option<NaiveDate>, BigDecimal);

/// Returns how a customer's account moved in a period.
///
/// # Errors
/// `NotFound` if the tenant has no such customer, `Backwards` if the period ends before it begins, `TooLong` if there are more entries than
/// [`MAX_ENTRIES`]. Fails if the database cannot be reached.
pub async fn statement(
    db: &TenantDatabase,
    context: &RequestContext,
    id: CustomerId,
    period: StatementPeriod,
) -> Result<StatementView, Error> {
    let tenant = context.tenant_id().uuid();
    let now = Utc::now();
    db.read(context, async |mut connection| {
        let customer: Option<(String, String)> = customers::table
            .find((tenant, id.uuid()))
            .select((customers::code, customers::name))
            .first(&mut connection)
            .await
            .optional()?;
        let (customer_code, customer_name) = customer.ok_or(CustomerError::NotFound(id))?;
        let (zone, currency): (String, String) = tenants::table
            .find(tenant)
            .select((tenants::time_zone, tenants::currency))
            .first(&mut connection)
            .await?;
        let (from, to) = days(period, &zone, now)?;
        let (first, last) = (from.date(), to.date());
        let opening = Opening::new(tenant, id.uuid(), &zone, first, last);
        let (opening,): (BigDecimal,) = opening.get_result(&mut connection).await?;
        let most = i64::try_from(MAX_ENTRIES).unwrap_or(i64::MAX).saturating_add(1);
        let entries = Entries::new(tenant, id.uuid(), &zone, first, last, most);
        let rows: Vec<EntryRow> = entries.load(&mut connection).await?;
        if rows.len() > MAX_ENTRIES {
            return Err(StatementError::TooLong.into());
        }
        let opening = Money::rounded(&opening);
        let (entries, closing) = with_balances(&opening, rows)?;
        Ok(StatementView {
            customer_id: id,
            customer_code,
            customer_name,
            currency,
            from,
            to,
            opening,
            entries,
            closing,
        })
    })
    .await
}

fn days(
    period: StatementPeriod,
    zone: &str,
    now: DateTime<Utc>,
) -> Result<(BusinessDate, BusinessDate), StatementError> {
    let today = TimeZone::parse(zone).map_or_else(|_| now.date_naive(), |zone| zone.date_of(now));
    let to = period.to.unwrap_or(BusinessDate::stored(today));
    let year_begins = NaiveDate::from_ymd_opt(to.date().year(), 1, 1).unwrap_or(to.date());
    let from = period.from.unwrap_or(BusinessDate::stored(year_begins));
    if from > to { Err(StatementError::Backwards { from, to }) } else { Ok((from, to)) }
}

fn with_balances(opening: &Money, rows: Vec<EntryRow>) -> Result<(Vec<StatementEntry>, Money), Error> {
    let mut balance = opening.clone();
    let mut entries = Vec::with_capacity(rows.len());
    for (day, kind, document_id, reference, due_on, amount) in rows {
        let amount = Money::rounded(&amount);
        balance = balance.plus(&amount);
        let (debit, credit) =
            if amount.is_negative() { (None, Some(amount.negated())) } else { (Some(amount), None) };
        entries.push(StatementEntry {
            date: BusinessDate::stored(day),
            kind: EntryKind::named(&kind)?,
            document_id,
            reference,
            due_on: due_on.map(BusinessDate::stored),
            debit,
            credit,
            balance: balance.clone(),
        });
    }
    Ok((entries, balance))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> BusinessDate {
        BusinessDate::parse(text).expect("a date")
    }

    #[test]
    fn each_entry_has_the_balance_after_it() {
        let row = |kind: &str, amount: &str| {
            let amount: BigDecimal = amount.parse().expect("a decimal");
            (day("2026-11-30").date(), kind.to_owned(), Uuid::nil(), None, None, amount)
        };
        let rows = vec![
            row("invoice", "24.00"),
            row("payment", "-30.00"),
            row("reversal", "30.00"),
            row("credit_note", "-4.00"),
        ];
        let (entries, closing) = with_balances(&Money::parse("10").expect("an amount"), rows).expect("known");
        let shown: Vec<_> = entries
            .iter()
            .map(|entry| {
                let text =
                    |amount: &Option<Money>| amount.as_ref().map(ToString::to_string).unwrap_or_default();
                (text(&entry.debit), text(&entry.credit), entry.balance.to_string())
            })
            .collect();
        let expected =
            [("24.00", "", "34.00"), ("", "30.00", "4.00"), ("30.00", "", "34.00"), ("", "4.00", "30.00")];
        assert_eq!(
            shown,
            expected.map(|(debit, credit, balance)| (
                debit.to_owned(),
                credit.to_owned(),
                balance.to_owned()
            ))
        );
        assert_eq!(closing.to_string(), "30.00");
    }

    #[test]
    fn without_days_it_is_this_year_up_to_today_where_the_company_is() {
        let new_year = DateTime::parse_from_rfc3339("2026-12-31T23:30:00Z").expect("a time").to_utc();
        let period = |from, to| StatementPeriod { from, to };
        let found = days(period(None, None), "Europe/Paris", new_year);
        assert_eq!(found, Ok((day("2027-01-01"), day("2027-01-01"))));
        let found = days(period(None, Some(day("2025-06-30"))), "Europe/Paris", new_year);
        assert_eq!(found, Ok((day("2025-01-01"), day("2025-06-30"))));
        let backwards = days(period(Some(day("2026-02-01")), Some(day("2026-01-31"))), "UTC", new_year);
        assert_eq!(backwards.map_err(|error| error.code()), Err("invalid_statement"));
    }
}
