//! Compares payments, and what they and credit notes pay, with the digests of their links in the chains of invoices (docs/invoices.md, "The chain"); and what payments have
//! left with what they paid.

use std::collections::{BTreeMap, BTreeSet};

use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::sql_types::{Array, Binary, Date, Nullable, Numeric, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures::TryStreamExt;
use uuid::Uuid;

use super::aggregate::Allocation;
use super::repository::PaymentRow;
use crate::commerce::invoices::chain::{LinkKind, digest};
use crate::values::ids::InvoiceId;
use crate::values::money::Money;

/// The maximum number of faults that are told.
const MOST: usize = 100;

/// What a link says: its kind, when it was made, the digest of what it is about.
type Said = (String, DateTime<Utc>, Vec<u8>);

crate::statement! {
    /// Each payment with what it pays and with its links.
    struct Payments<'a> { tenant: Option<Uuid> => Nullable<SqlUuid> } -> (
        SqlUuid, SqlUuid, SqlUuid, Text, Date, Numeric, Nullable<Text>, Nullable<SqlUuid>, Nullable<Text>, Text, Timestamptz,
        Array<SqlUuid>, Array<Numeric>, Array<Timestamptz>, Array<Text>, Array<Timestamptz>, Array<Binary>,
    )
    = "SELECT p.tenant_id, p.id, p.customer_id, p.method, p.received_on, p.amount, p.reference, p.reverses, p.reason, p.created_by, p.created_at,
        COALESCE(a.invoices, '{}'::uuid[]), COALESCE(a.amounts, '{}'::numeric[]), COALESCE(a.times, '{}'::timestamptz[]),
        COALESCE(l.kinds, '{}'::text[]), COALESCE(l.times, '{}'::timestamptz[]), COALESCE(l.digests, '{}'::bytea[])
    FROM payments AS p
    LEFT JOIN (
        SELECT tenant_id, payment_id, array_agg(invoice_id ORDER BY number) AS invoices, array_agg(amount ORDER BY number) AS amounts,
            array_agg(allocated_at ORDER BY number) AS times
        FROM payment_allocations GROUP BY tenant_id, payment_id
    ) AS a ON a.tenant_id = p.tenant_id AND a.payment_id = p.id
    LEFT JOIN (
        SELECT tenant_id, subject_id, array_agg(kind ORDER BY series, position) AS kinds, array_agg(occurred_at ORDER BY series, position) AS times,
            array_agg(digest ORDER BY series, position) AS digests
        FROM invoice_chain WHERE kind IN ('payment', 'reversal') GROUP BY tenant_id, subject_id
    ) AS l ON l.tenant_id = p.tenant_id AND l.subject_id = p.id
    WHERE $1 IS NULL OR p.tenant_id = $1"
}

type Row = (
    Uuid,
    Uuid,
    Uuid,
    String,
    NaiveDate,
    BigDecimal,
    Option<String>,
    Option<Uuid>,
    Option<String>,
    String,
    DateTime<Utc>,
    Vec<Uuid>,
    Vec<BigDecimal>,
    Vec<DateTime<Utc>>,
    Vec<String>,
    Vec<DateTime<Utc>>,
    Vec<Vec<u8>>,
);

crate::statement! {
    /// What credit notes pay, with its links.
    struct Credits<'a> { tenant: Option<Uuid> => Nullable<SqlUuid> } -> (
        SqlUuid, SqlUuid, Array<SqlUuid>, Array<Numeric>, Array<Timestamptz>, Array<Text>, Array<Timestamptz>, Array<Binary>,
    )
    = "SELECT COALESCE(a.tenant_id, l.tenant_id), COALESCE(a.id, l.id),
        COALESCE(a.invoices, '{}'::uuid[]), COALESCE(a.amounts, '{}'::numeric[]), COALESCE(a.times, '{}'::timestamptz[]),
        COALESCE(l.kinds, '{}'::text[]), COALESCE(l.times, '{}'::timestamptz[]), COALESCE(l.digests, '{}'::bytea[])
    FROM (
        SELECT tenant_id, credit_note_id AS id, array_agg(invoice_id ORDER BY number) AS invoices, array_agg(amount ORDER BY number) AS amounts,
            array_agg(allocated_at ORDER BY number) AS times
        FROM credit_allocations GROUP BY tenant_id, credit_note_id
    ) AS a
    FULL JOIN (
        SELECT tenant_id, subject_id AS id, array_agg(kind ORDER BY series, position) AS kinds,
            array_agg(occurred_at ORDER BY series, position) AS times, array_agg(digest ORDER BY series, position) AS digests
        FROM invoice_chain WHERE kind = 'credit' GROUP BY tenant_id, subject_id
    ) AS l ON l.tenant_id = a.tenant_id AND l.id = a.id
    WHERE $1 IS NULL OR COALESCE(a.tenant_id, l.tenant_id) = $1"
}

type CreditRow = (
    Uuid,
    Uuid,
    Vec<Uuid>,
    Vec<BigDecimal>,
    Vec<DateTime<Utc>>,
    Vec<String>,
    Vec<DateTime<Utc>>,
    Vec<Vec<u8>>,
);

crate::statement! {
    /// Links of payments that are gone.
    struct Gone<'a> { tenant: Option<Uuid> => Nullable<SqlUuid> } -> (SqlUuid, SqlUuid)
    = "SELECT DISTINCT l.tenant_id, l.subject_id FROM invoice_chain AS l
    LEFT JOIN payments AS p ON p.tenant_id = l.tenant_id AND p.id = l.subject_id
    WHERE ($1 IS NULL OR l.tenant_id = $1) AND l.kind IN ('payment', 'reversal') AND p.id IS NULL
    ORDER BY l.tenant_id, l.subject_id LIMIT 100"
}

crate::statement! {
    /// Payments of which something else is kept as a rest than what they do not pay. What was reversed has none, and a reversal neither.
    struct Rests<'a> { tenant: Option<Uuid> => Nullable<SqlUuid> } -> (SqlUuid, SqlUuid)
    = "SELECT p.tenant_id, p.id FROM payments AS p
    LEFT JOIN (
        SELECT tenant_id, payment_id, sum(amount) AS paid FROM payment_allocations GROUP BY tenant_id, payment_id
    ) AS a ON a.tenant_id = p.tenant_id AND a.payment_id = p.id
    LEFT JOIN payments AS r ON r.tenant_id = p.tenant_id AND r.reverses = p.id
    LEFT JOIN customer_credits AS c ON c.tenant_id = p.tenant_id AND c.payment_id = p.id
    WHERE ($1 IS NULL OR p.tenant_id = $1) AND (
        COALESCE(c.amount, 0::numeric) <>
            CASE WHEN p.reverses IS NULL AND r.id IS NULL THEN p.amount - COALESCE(a.paid, 0::numeric) ELSE 0::numeric END
        OR (c.payment_id IS NOT NULL AND (c.customer_id, c.received_on) IS DISTINCT FROM (p.customer_id, p.received_on)))
    ORDER BY p.tenant_id, p.id LIMIT 100"
}

/// Payments and credit notes, with their companies, that are not what their links say, or of which another rest is kept than they have: at most 100.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn differing(
    connection: &mut AsyncPgConnection,
    tenant: Option<Uuid>,
) -> Result<Vec<(Uuid, Uuid)>, diesel::result::Error> {
    let mut found: Vec<(Uuid, Uuid)> = Gone::new(tenant).load(connection).await?;
    let rests: Vec<(Uuid, Uuid)> = Rests::new(tenant).load(connection).await?;
    {
        let mut stream = Payments::new(tenant).load_stream::<Row>(connection).await?;
        while let Some(row) = stream.try_next().await? {
            let key = (row.0, row.1);
            if !is_as_linked(row) {
                found.push(key);
            }
            if found.len() >= MOST {
                break;
            }
        }
    }
    {
        let mut stream = Credits::new(tenant).load_stream::<CreditRow>(connection).await?;
        while let Some(row) = stream.try_next().await? {
            let (tenant, id, invoices, amounts, times, kinds, link_times, digests) = row;
            if expected(by_time(invoices, amounts, times), LinkKind::Credit)
                != Some(said(kinds, link_times, digests))
            {
                found.push((tenant, id));
            }
            if found.len() >= MOST {
                break;
            }
        }
    }
    // A payment is named once.
    for key in rests {
        if !found.contains(&key) {
            found.push(key);
        }
    }
    found.truncate(MOST);
    Ok(found)
}

fn is_as_linked(row: Row) -> bool {
    let (
        tenant_id,
        id,
        customer_id,
        method,
        received_on,
        amount,
        reference,
        reverses,
        reason,
        created_by,
        created_at,
        invoices,
        amounts,
        times,
        kinds,
        link_times,
        digests,
    ) = row;
    if !is_enough(&amount, &amounts) {
        return false;
    }
    let row = PaymentRow {
        tenant_id,
        id,
        customer_id,
        method,
        received_on,
        amount,
        reference,
        reverses,
        reason,
        created_by,
        created_at,
    };
    let mut later = by_time(invoices, amounts, times);
    let at_once = later.remove(&created_at).unwrap_or_default();
    let kind = if reverses.is_some() { LinkKind::Reversal } else { LinkKind::Payment };
    let Ok(payment) = row.into_payment(at_once) else { return false };
    let Ok(text) = serde_json::to_string(&payment) else { return false };
    let Some(mut expected) = expected(later, LinkKind::Payment) else { return false };
    expected.insert((kind.name().to_owned(), created_at, digest(&text).to_vec()));
    expected == said(kinds, link_times, digests)
}

/// Whether a payment is enough for what it pays. A reversal takes back: all of it is less than zero.
fn is_enough(amount: &BigDecimal, paid: &[BigDecimal]) -> bool {
    let sum: BigDecimal = paid.iter().sum();
    paid.iter().all(|one| one.sign() == amount.sign()) && sum.abs() <= amount.abs()
}

/// What was allocated together has one link, in each series of its invoices.
fn by_time(
    invoices: Vec<Uuid>,
    amounts: Vec<BigDecimal>,
    times: Vec<DateTime<Utc>>,
) -> BTreeMap<DateTime<Utc>, Vec<Allocation>> {
    let mut by_time: BTreeMap<DateTime<Utc>, Vec<Allocation>> = BTreeMap::new();
    for ((invoice, amount), time) in invoices.into_iter().zip(amounts).zip(times) {
        let allocation =
            Allocation { invoice_id: InvoiceId::from_uuid(invoice), amount: Money::rounded(&amount) };
        by_time.entry(time).or_default().push(allocation);
    }
    by_time
}

/// What links must say; `None` if it cannot be written as JSON.
fn expected(parts: BTreeMap<DateTime<Utc>, Vec<Allocation>>, kind: LinkKind) -> Option<BTreeSet<Said>> {
    parts
        .into_iter()
        .map(|(time, allocations)| {
            let text = serde_json::to_string(&allocations).ok()?;
            Some((kind.name().to_owned(), time, digest(&text).to_vec()))
        })
        .collect()
}

fn said(kinds: Vec<String>, times: Vec<DateTime<Utc>>, digests: Vec<Vec<u8>>) -> BTreeSet<Said> {
    kinds.into_iter().zip(times).zip(digests).map(|((kind, time), digest)| (kind, time, digest)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::aggregate::tests::payment;
    use super::*;

    fn stored() -> Row {
        stored_with("2")
    }

    /// A payment of 12 as it is stored, with the links that it must have: it pays 10 of one invoice at once, and this much of another one later.
    fn stored_with(later: &str) -> Row {
        let (payment, _) = payment("12", &[(1, "10")]);
        let amount = Money::parse(later).expect("an amount");
        let paid = amount.value().clone();
        let later = Allocation { invoice_id: InvoiceId::from_uuid(Uuid::from_u128(2)), amount };
        let (at, then) = (payment.created_at(), payment.created_at() + chrono::TimeDelta::days(1));
        let digests = [serde_json::to_string(&payment), serde_json::to_string(&[later])];
        (
            Uuid::from_u128(9),
            payment.id().uuid(),
            payment.customer_id().uuid(),
            payment.method().name().to_owned(),
            payment.received_on().date(),
            payment.amount().value().clone(),
            payment.reference().map(|reference| reference.as_str().to_owned()),
            None,
            None,
            "ada@docks.example".to_owned(),
            at,
            vec![Uuid::from_u128(1), Uuid::from_u128(2)],
            vec!["10.00".parse().expect("a decimal"), paid],
            vec![at, then],
            vec!["payment".to_owned(), "payment".to_owned()],
            vec![at, then],
            digests.map(|text| digest(&text.expect("JSON")).to_vec()).to_vec(),
        )
    }

    #[test]
    fn a_payment_pays_no_more_than_it_is() {
        assert!(is_as_linked(stored_with("1.99")));
        assert!(!is_as_linked(stored_with("2.01")), "its links say so, and it is too much all the same");
        let decimal = |text: &str| text.parse::<BigDecimal>().expect("a decimal");
        let cases: [(&str, &[&str], bool); 6] = [
            ("12", &["12.00"], true),
            ("12", &["20", "-8"], false),
            ("-12", &["-10", "-2"], true),
            ("-12", &["-10", "-2.01"], false),
            ("-12", &["2"], false),
            ("12", &[], true),
        ];
        for (amount, paid, expected) in cases {
            let paid: Vec<_> = paid.iter().map(|one| decimal(one)).collect();
            assert_eq!(is_enough(&decimal(amount), &paid), expected, "{amount} {paid:?}");
        }
    }

    #[test]
    fn a_payment_is_what_its_links_say() {
        assert!(is_as_linked(stored()));
        type Change = fn(&mut Row);
        let changes: [Change; 8] = [
            |row| row.4 = row.4.succ_opt().expect("a day"),
            |row| row.5 = "12.01".parse().expect("a decimal"),
            |row| row.6 = None,
            |row| row.9 = "bob@docks.example".to_owned(),
            |row| row.11[1] = Uuid::from_u128(3),
            |row| row.12[0] = "10.01".parse().expect("a decimal"),
            |row| {
                row.11.pop();
            },
            |row| {
                row.14.pop();
                row.15.pop();
                row.16.pop();
            },
        ];
        for (index, change) in changes.into_iter().enumerate() {
            let mut row = stored();
            change(&mut row);
            assert!(!is_as_linked(row), "change {index}");
        }
    }
}
