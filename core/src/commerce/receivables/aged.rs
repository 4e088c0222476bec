//! What each customer owes, by how long it has been due.

use std::collections::HashMap;

use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Date, Numeric, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::accounts::tenants::TimeZone;
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::platform::paging::{Listed, Page, PageRequest, SortKey, SortValue, walk};
use crate::platform::schema::{customers, tenants};
use crate::values::business_date::BusinessDate;
use crate::values::ids::CustomerId;
use crate::values::money::Money;

/// Customers that are looked at for one page: most owe nothing.
const LOOKED_AT: i64 = 500;
/// When a day begins first on earth, before it does in UTC.
const EARLIEST: TimeDelta = TimeDelta::hours(14);

/// What a customer owes on a day. All amounts are what is open then, in your company's currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AgedBalance)]
pub struct AgedView {
    #[schema(value_type = Uuid)]
    pub customer_id: CustomerId,
    #[schema(example = "C-1042")]
    pub customer_code: String,
    #[schema(example = "Librairie des Carmes")]
    pub customer_name: String,
    /// The day on which it stood so.
    #[schema(value_type = chrono::NaiveDate)]
    pub at: BusinessDate,
    /// Due on that day or later.
    #[schema(value_type = String, example = "120.00")]
    pub not_due: Money,
    #[schema(value_type = String, example = "0.00")]
    pub days_1_30: Money,
    #[schema(value_type = String, example = "0.00")]
    pub days_31_60: Money,
    #[schema(value_type = String, example = "0.00")]
    pub days_61_90: Money,
    #[schema(value_type = String, example = "0.00")]
    pub over_90: Money,
    /// All of it.
    #[schema(value_type = String, example = "120.00")]
    pub open: Money,
    /// What was paid or credited and pays nothing yet.
    #[schema(value_type = String, example = "0.00")]
    pub credit: Money,
    /// What is open without that; less than zero if the customer has paid more.
    #[schema(value_type = String, example = "120.00")]
    pub balance: Money,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgedSort {
    Code,
}

impl SortKey for AgedSort {
    const NAMES: &'static [(&'static str, Self)] = &[("customer_code", Self::Code)];
    const DEFAULT: &'static str = "customer_code";

    fn is_time(self) -> bool {
        false
    }
}

impl Listed<AgedSort> for AgedView {
    fn id(&self) -> Uuid {
        self.customer_id.uuid()
    }

    fn sort_value(&self, _: AgedSort) -> SortValue {
        self.customer_code.as_str().into()
    }
}

#[derive(Debug, Clone, Copy, Default)]
pub struct AgedFilter {
    /// `None` stands for today, in the company's time zone.
    pub at: Option<BusinessDate>,
}

/// From what is open (`late`, `open`) and what is left (`credit`) to a row for each customer.
macro_rules! by_age {
    ($open:literal, $credit:literal) => {
        concat!(
            "SELECT one.id, a.not_due, a.to_30, a.to_60, a.to_90, a.older, (",
            $credit,
            ") FROM given, one, LATERAL (
        SELECT COALESCE(sum(o.open) FILTER (WHERE o.late <= 0), 0::numeric) AS not_due,
            COALESCE(sum(o.open) FILTER (WHERE o.late BETWEEN 1 AND 30), 0::numeric) AS to_30,
            COALESCE(sum(o.open) FILTER (WHERE o.late BETWEEN 31 AND 60), 0::numeric) AS to_60,
            COALESCE(sum(o.open) FILTER (WHERE o.late BETWEEN 61 AND 90), 0::numeric) AS to_90,
            COALESCE(sum(o.open) FILTER (WHERE o.late > 90), 0::numeric) AS older
        FROM (",
            $open,
            ") AS o) AS a"
        )
    };
}

crate::statement! {
    /// As it is now: what is open of each invoice and what is left of each payment stands beside them.
    struct AgedNow<'a> { tenant: Uuid => SqlUuid, at: NaiveDate => Date, customers: &'a [Uuid] => Array<SqlUuid> }
        -> (SqlUuid, Numeric, Numeric, Numeric, Numeric, Numeric, Numeric)
    = concat!(
        "WITH given AS MATERIALIZED (SELECT $1::uuid AS tenant_id, $2::date AS at),
        one AS MATERIALIZED (SELECT u.id FROM unnest($3::uuid[]) AS u (id)) ",
        by_age!(
            "SELECT given.at - i.due_on AS late, i.gross_total - i.paid - i.credited AS open FROM invoices AS i
            WHERE i.tenant_id = given.tenant_id AND i.customer_id = one.id AND i.state IN ('validated', 'sent', 'partly_paid')
                AND i.kind <> 'credit_note'",
            "COALESCE((SELECT sum(c.amount) FROM customer_credits AS c
                WHERE c.tenant_id = given.tenant_id AND c.customer_id = one.id), 0::numeric)
            + COALESCE((SELECT sum(i.gross_total - i.paid - i.credited) FROM invoices AS i
                WHERE i.tenant_id = given.tenant_id AND i.customer_id = one.id AND i.state IN ('validated', 'sent', 'partly_paid')
                    AND i.kind = 'credit_note'), 0::numeric)"
        )
    )
}

crate::statement! {
    /// As it was at the end of an earlier day. What a payment pays from its beginning it pays on its own day; what was allocated later, and reversals,
    /// count from the day on which they were recorded.
    struct AgedThen<'a> {
        tenant: Uuid => SqlUuid,
        at: NaiveDate => Date,
        since: DateTime<Utc> => Timestamptz,
        zone: &'a str => Text,
        customers: &'a [Uuid] => Array<SqlUuid>,
    } -> (SqlUuid, Numeric, Numeric, Numeric, Numeric, Numeric, Numeric)
    = concat!(
        "WITH given AS MATERIALIZED (SELECT $1::uuid AS tenant_id, $2::date AS at, $3::timestamptz AS since, $4::text AS zone),
        one AS MATERIALIZED (SELECT u.id FROM unnest($5::uuid[]) AS u (id)) ",
        by_age!(
            "SELECT given.at - i.due_on AS late, i.gross_total
                - COALESCE((SELECT sum(l.amount) FROM payment_allocations AS l
                    JOIN payments AS p ON p.tenant_id = l.tenant_id AND p.id = l.payment_id
                    WHERE l.tenant_id = i.tenant_id AND l.invoice_id = i.id
                        AND CASE WHEN p.reverses IS NULL AND l.allocated_at = p.created_at THEN p.received_on
                            ELSE (l.allocated_at AT TIME ZONE given.zone)::date END <= given.at), 0::numeric)
                - COALESCE((SELECT sum(l.amount) FROM credit_allocations AS l
                    WHERE l.tenant_id = i.tenant_id AND l.invoice_id = i.id
                        AND (l.allocated_at AT TIME ZONE given.zone)::date <= given.at), 0::numeric) AS open
            FROM (
                SELECT * FROM invoices AS x WHERE x.tenant_id = given.tenant_id AND x.customer_id = one.id
                    AND x.state IN ('validated', 'sent', 'partly_paid') AND x.issue_date <= given.at
                UNION ALL
                SELECT * FROM invoices AS x WHERE x.tenant_id = given.tenant_id AND x.customer_id = one.id
                    AND x.state = 'paid' AND x.updated_at >= given.since AND x.issue_date <= given.at
            ) AS i WHERE i.kind <> 'credit_note'",
            "COALESCE((SELECT sum(p.amount) FROM payments AS p WHERE p.tenant_id = given.tenant_id AND p.customer_id = one.id
                AND CASE WHEN p.reverses IS NULL THEN p.received_on ELSE (p.created_at AT TIME ZONE given.zone)::date END <= given.at), 0::numeric)
            - COALESCE((SELECT sum(l.amount) FROM payments AS p
                JOIN payment_allocations AS l ON l.tenant_id = p.tenant_id AND l.payment_id = p.id
                WHERE p.tenant_id = given.tenant_id AND p.customer_id = one.id
                    AND CASE WHEN p.reverses IS NULL AND l.allocated_at = p.created_at THEN p.received_on
                        ELSE (l.allocated_at AT TIME ZONE given.zone)::date END <= given.at), 0::numeric)
            + COALESCE((SELECT sum(i.gross_total - COALESCE((SELECT sum(l.amount) FROM credit_allocations AS l
                    WHERE l.tenant_id = i.tenant_id AND l.credit_note_id = i.id
                        AND (l.allocated_at AT TIME ZONE given.zone)::date <= given.at), 0::numeric))
                FROM invoices AS i WHERE i.tenant_id = given.tenant_id AND i.customer_id = one.id AND i.kind = 'credit_note'
                    AND i.issue_date <= given.at), 0::numeric)"
        )
    )
}

type AgedRow = (Uuid, BigDecimal, BigDecimal, BigDecimal, BigDecimal, BigDecimal, BigDecimal);

impl AgedView {
    fn of(at: BusinessDate, (id, code, name): (Uuid, String, String), row: Option<&AgedRow>) -> Self {
        let amount = |value: Option<&BigDecimal>| value.map_or_else(Money::zero, Money::rounded);
        let (not_due, days_1_30) = (amount(row.map(|row| &row.1)), amount(row.map(|row| &row.2)));
        let (days_31_60, days_61_90) = (amount(row.map(|row| &row.3)), amount(row.map(|row| &row.4)));
        let (over_90, credit) = (amount(row.map(|row| &row.5)), amount(row.map(|row| &row.6)));
        let open: Money = [&not_due, &days_1_30, &days_31_60, &days_61_90, &over_90].into_iter().sum();
        Self {
            customer_id: CustomerId::from_uuid(id),
            customer_code: code,
            customer_name: name,
            at,
            not_due,
            days_1_30,
            days_31_60,
            days_61_90,
            over_90,
            balance: open.minus(&credit),
            open,
            credit,
        }
    }

    /// Whether there is nothing to show.
    fn is_empty(&self) -> bool {
        self.open.is_zero() && self.credit.is_zero()
    }
}

/// Returns a page of what customers owe on a day, by their codes. Those that owe nothing and have nothing left are not there. A page is read in one snapshot.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn aged_balance(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: AgedFilter,
    request: &PageRequest<AgedSort>,
) -> Result<Page<AgedView>, Error> {
    let tenant = context.tenant_id().uuid();
    let now = Utc::now();
    let views: Vec<AgedView> = db
        .read(context, async |mut connection| {
            let zone: String =
                tenants::table.find(tenant).select(tenants::time_zone).first(&mut connection).await?;
            let today = TimeZone::parse(&zone).map_or_else(|_| now.date_naive(), |zone| zone.date_of(now));
            let at = filter.at.map_or(today, BusinessDate::date);
            let rows = customers::table
                .filter(customers::tenant_id.eq(tenant))
                .select((customers::id, customers::code, customers::name))
                .limit(LOOKED_AT)
                .into_boxed();
            let rows = walk!(rows, request.texts(), [], customers::code, customers::id);
            let found: Vec<(Uuid, String, String)> = rows.load(&mut connection).await?;
            let ids: Vec<Uuid> = found.iter().map(|(id, _, _)| *id).collect();
            let amounts: Vec<AgedRow> = if at >= today {
                AgedNow::new(tenant, at, &ids).load(&mut connection).await?
            } else {
                // What was paid whole before that day, and not touched since, was not open then.
                let since = at.and_time(NaiveTime::MIN).and_utc() - EARLIEST;
                AgedThen::new(tenant, at, since, &zone, &ids).load(&mut connection).await?
            };
            let amounts: HashMap<Uuid, AgedRow> = amounts.into_iter().map(|row| (row.0, row)).collect();
            let at = BusinessDate::stored(at);
            Ok(found
                .into_iter()
                .map(|customer| AgedView::of(at, customer.clone(), amounts.get(&customer.0)))
                .collect())
        })
        .await?;
    let looked_at_all = i64::try_from(views.len()).is_ok_and(|number| number < LOOKED_AT);
    let edge = views.last().filter(|_| !looked_at_all).cloned();
    let shown = views.into_iter().filter(|view| !view.is_empty()).collect();
    Ok(request.page_up_to(edge, shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_balance_is_what_is_open_without_what_is_left() {
        let at = BusinessDate::parse("2026-11-30").expect("a date");
        let decimal = |text: &str| text.parse::<BigDecimal>().expect("a decimal");
        let row = (
            Uuid::nil(),
            decimal("1"),
            decimal("2"),
            decimal("4"),
            decimal("8"),
            decimal("16"),
            decimal("40"),
        );
        let customer = || (Uuid::nil(), "C-1".to_owned(), "Ada".to_owned());
        let view = AgedView::of(at, customer(), Some(&row));
        assert_eq!(
            (view.open.to_string(), view.balance.to_string()),
            ("31.00".to_owned(), "-9.00".to_owned())
        );
        assert!(!view.is_empty());
        assert!(AgedView::of(at, customer(), None).is_empty());
    }
}
