//! Verifies what is frozen of invoices. Every hash is recalculated here, not by the database: its functions may have been changed together with the rows.
//!
//! The links of a series are streamed, each series in its own snapshot, with the texts that they are about.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, Utc};
use diesel::OptionalExtension;
use diesel::sql_types::{BigInt, Binary, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures::TryStreamExt;
use uuid::Uuid;

use super::follower::{Fault, Follower, Rule, StoredLink};
use super::{verify_credits, verify_documents, verify_rows};
use crate::application::audit::sight::{self, Sight};
use crate::application::audit::{Anchors, Head};
use crate::commerce::{payments, sending};
use crate::platform::database::{self, ConnectFault, DatabaseConfig};
use crate::values::ids::TenantId;

/// The number of links after which `progress` is called again.
const PROGRESS_EVERY: u64 = 1_000;
/// What must be seen as a whole.
const TABLES: [&str; 17] = [
    "tenants",
    "invoices",
    "invoice_contents",
    "invoice_documents",
    "invoice_transmissions",
    "invoice_lines",
    "invoice_vat",
    "invoice_claims",
    "invoice_series",
    "invoice_counters",
    "invoice_chain",
    "payments",
    "payment_allocations",
    "customer_credits",
    "invoice_credits",
    "credit_allocations",
    "returns",
];

/// Whole tables are compared. The planner believes that 100 faults are found at once, and may not know yet how many rows were written: it would take nested loops, which
/// read one table again for each row of another. Sound books have no fault, so all rows would be read like that.
const WHOLE_TABLES: &str = "SET enable_nestloop = off; SET jit = off";

/// One of a company's series.
pub type SeriesId = (TenantId, String);

/// The heads of series, as they were kept outside of the database.
pub type SeriesAnchors = Anchors<String>;

/// What breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    pub tenant_id: TenantId,
    /// `None` if it is an invoice, beside its chain; with the year if it is about numbers.
    pub series: Option<String>,
    /// The link; `None` if it is about none.
    pub position: Option<i64>,
    /// The invoice, the payment or the step of a sending; `None` if it is about none.
    pub subject_id: Option<Uuid>,
    pub rule: Rule,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tenant_id, series, position, subject_id, rule } = self;
        write!(f, "tenant {tenant_id}")?;
        if let Some(series) = series {
            write!(f, ", series {series}")?;
        }
        if let Some(position) = position {
            write!(f, ", link {position}")?;
        }
        if let Some(id) = subject_id {
            write!(f, ", id {id}")?;
        }
        write!(f, ": {rule}")
    }
}

/// The result of a verification.
#[derive(Debug, Default)]
pub struct Verification {
    /// The number of links that were verified.
    pub links: u64,
    /// The last sound link of every series.
    pub heads: BTreeMap<SeriesId, Head>,
    /// At most one for each series. If there is none, what is stored of invoices besides: at most 100 for each rule.
    pub broken: Vec<Broken>,
}

impl Verification {
    pub fn anchors(&self) -> SeriesAnchors {
        Anchors(self.heads.clone())
    }
}

#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error("cannot connect to PostgreSQL: {0}")]
    Connection(#[from] ConnectFault),
    #[error("cannot read the invoices: {0}")]
    Statement(#[from] diesel::result::Error),
    #[error(
        "this database user does not see the invoices of all tenants, to it a chain without links would look sound: verify as the \
         owner of the tables (docs/invoices.md)"
    )]
    NotEverything,
    #[error("there is no tenant {0}: api tenants list names those that there are")]
    UnknownTenant(TenantId),
    #[error("nothing is anchored of what is to be verified: the file of anchors names no series of it")]
    NothingAnchored,
}

crate::statement! {
    struct Known<'a> { tenant: Uuid => SqlUuid } -> (SqlUuid,) = "SELECT id FROM tenants WHERE id = $1"
}

crate::statement! {
    struct Total<'a> { tenant: Option<Uuid> => Nullable<SqlUuid> } -> (Nullable<BigInt>,)
    = "SELECT sum(position)::bigint FROM invoice_series WHERE $1 IS NULL OR tenant_id = $1"
}

crate::statement! {
    /// Finds all series, from links, heads and contents: any of them may have been removed.
    struct Series<'a> { tenant: Option<Uuid> => Nullable<SqlUuid> } -> (SqlUuid, Text)
    = "SELECT tenant_id, series FROM (
        SELECT tenant_id, series FROM invoice_chain
        UNION SELECT tenant_id, code FROM invoice_series
        UNION SELECT tenant_id, series FROM invoice_contents
    ) AS known
    WHERE $1 IS NULL OR tenant_id = $1"
}

crate::statement! {
    struct HeadOf<'a> { tenant: Uuid => SqlUuid, series: &'a str => Text } -> (BigInt, Binary)
    = "SELECT position, hash FROM invoice_series WHERE tenant_id = $1 AND code = $2"
}

crate::statement! {
    /// The links of a series, those of validations with what their digests are of ([`super::chain::validated_text`]).
    struct LinksOf<'a> { tenant: Uuid => SqlUuid, series: &'a str => Text }
        -> (BigInt, Text, SqlUuid, Timestamptz, Binary, Binary, Binary, Nullable<Text>)
    = "SELECT l.position, l.kind, l.subject_id, l.occurred_at, l.digest, l.previous_hash, l.hash,
        c.content || chr(10) || i.customer_id || COALESCE((
            SELECT string_agg(chr(10) || COALESCE(r.product_id::text, '-') || ' ' || COALESCE(r.order_id::text, '-') || ' '
                || COALESCE(r.order_position::text, '-') || ' ' || r.nature || ' ' || r.deposit::text
                || ' ' || COALESCE(r.price_source, '-') || ' ' || COALESCE(r.price_list_id::text, '-') || ' ' || r.why, '' ORDER BY r.position)
            FROM invoice_lines AS r WHERE r.tenant_id = c.tenant_id AND r.invoice_id = c.invoice_id), '')
    FROM invoice_chain AS l
    LEFT JOIN invoice_contents AS c ON l.kind = 'validated' AND c.tenant_id = l.tenant_id AND c.invoice_id = l.subject_id
    LEFT JOIN invoices AS i ON i.tenant_id = c.tenant_id AND i.id = c.invoice_id
    WHERE l.tenant_id = $1 AND l.series = $2 ORDER BY l.position"
}

type LinkRow = (i64, String, Uuid, DateTime<Utc>, Vec<u8>, Vec<u8>, Vec<u8>, Option<String>);

impl From<LinkRow> for StoredLink {
    fn from(row: LinkRow) -> Self {
        let (position, kind, subject_id, occurred_at, digest, previous_hash, hash, text) = row;
        Self { position, kind, subject_id, occurred_at, digest, previous_hash, hash, text }
    }
}

crate::statement! {
    /// Series and years whose numbers are not 1 to the last one. No two are the same: there is a constraint.
    struct Numbers<'a> { tenant: Option<Uuid> => Nullable<SqlUuid> } -> (SqlUuid, Text, SmallInt)
    = "SELECT tenant_id, series, year
    FROM (SELECT tenant_id, series, year, count(*) AS number, max(position) AS last FROM invoice_contents GROUP BY tenant_id, series, year) AS n
    FULL JOIN invoice_counters AS c USING (tenant_id, series, year)
    WHERE ($1 IS NULL OR tenant_id = $1) AND (n.number IS DISTINCT FROM c.last OR n.last IS DISTINCT FROM c.last)
    ORDER BY tenant_id, series, year LIMIT 100"
}

/// What contents say, each read once: a text that is read as JSON anew for every member takes most of the time. `OFFSET 0` keeps the database from doing so.
macro_rules! said {
    () => {
        "(
        SELECT s.tenant_id, s.invoice_id, s.series, s.year, s.position, s.issue_date, s.validated_at, s.is_digest,
            s.said ->> 'number' AS said_number, s.said ->> 'kind' AS said_kind, (s.said ->> 'issue_date')::date AS said_issue_date,
            (s.said ->> 'due_date')::date AS said_due_date, (s.said #>> '{totals,gross}')::numeric AS said_gross,
            (s.said #>> '{totals,lines}')::numeric AS said_lines_net, (s.said #>> '{totals,net}')::numeric AS said_net,
            (s.said #>> '{totals,vat}')::numeric AS said_vat, jsonb_array_length(s.said -> 'lines')::bigint AS said_lines,
            jsonb_array_length(s.said -> 'vat')::bigint AS said_rates
        FROM (
            SELECT o.tenant_id, o.invoice_id, o.series, o.year, o.position, o.issue_date, o.validated_at, o.content::jsonb AS said,
                o.digest = pg_catalog.sha256(pg_catalog.convert_to(o.content, 'UTF8')) AS is_digest
            FROM invoice_contents AS o WHERE $1 IS NULL OR o.tenant_id = $1 OFFSET 0
        ) AS s OFFSET 0
    ) AS c"
    };
}
pub(super) use said;

crate::statement! {
    /// Invoices of which something else is stored than they say, or that have not exactly one link, of their series.
    struct States<'a> { tenant: Option<Uuid> => Nullable<SqlUuid> } -> (SqlUuid, SqlUuid)
    = concat!("SELECT i.tenant_id, i.id FROM invoices AS i
    LEFT JOIN ", said!(), " ON c.tenant_id = i.tenant_id AND c.invoice_id = i.id
    LEFT JOIN (
        SELECT tenant_id, subject_id, count(*) AS links, min(series) AS series FROM invoice_chain WHERE kind = 'validated'
        GROUP BY tenant_id, subject_id
    ) AS l ON l.tenant_id = i.tenant_id AND l.subject_id = i.id
    LEFT JOIN (
        SELECT tenant_id, invoice_id, sum(amount) AS paid FROM payment_allocations GROUP BY tenant_id, invoice_id
        UNION ALL
        SELECT tenant_id, credit_note_id, sum(amount) FROM credit_allocations GROUP BY tenant_id, credit_note_id
    ) AS p ON p.tenant_id = i.tenant_id AND p.invoice_id = i.id
    LEFT JOIN (
        SELECT tenant_id, invoice_id, sum(amount) AS credited FROM credit_allocations GROUP BY tenant_id, invoice_id
    ) AS k ON k.tenant_id = i.tenant_id AND k.invoice_id = i.id
    WHERE ($1 IS NULL OR i.tenant_id = $1) AND (
        COALESCE(p.paid, 0::numeric) <> i.paid
        OR COALESCE(k.credited, 0::numeric) <> i.credited
        OR (i.number IS NULL) <> (c.invoice_id IS NULL)
        OR COALESCE(l.links, 0) <> (c.invoice_id IS NOT NULL)::integer
        OR (c.series, l.series, c.issue_date, c.said_number, c.said_issue_date, c.said_due_date, c.said_gross)
            IS DISTINCT FROM (i.series, i.series, i.issue_date, i.number, i.issue_date, i.due_on, i.gross_total))
    ORDER BY i.tenant_id, i.id LIMIT 100")
}

crate::statement! {
    /// Invoices whose rows for sums are not what they say.
    struct Rows<'a> { tenant: Option<Uuid> => Nullable<SqlUuid> } -> (SqlUuid, SqlUuid)
    = concat!("SELECT c.tenant_id, c.invoice_id FROM ", said!(), "
    LEFT JOIN (
        SELECT tenant_id, invoice_id, count(*) AS number, sum(net) AS net FROM invoice_lines GROUP BY tenant_id, invoice_id
    ) AS l ON l.tenant_id = c.tenant_id AND l.invoice_id = c.invoice_id
    LEFT JOIN (
        SELECT tenant_id, invoice_id, count(*) AS number, sum(base) AS base, sum(tax) AS tax FROM invoice_vat GROUP BY tenant_id, invoice_id
    ) AS v ON v.tenant_id = c.tenant_id AND v.invoice_id = c.invoice_id
    WHERE (l.number, l.net, v.number, v.base, v.tax) IS DISTINCT FROM (c.said_lines, c.said_lines_net, c.said_rates, c.said_net, c.said_vat)
    ORDER BY c.tenant_id, c.invoice_id LIMIT 100")
}

crate::statement! {
    /// Invoices of which credit notes give back more than they were, and credit notes whose lines give back something else than they say.
    struct Credits<'a> { tenant: Option<Uuid> => Nullable<SqlUuid> } -> (SqlUuid, SqlUuid)
    = "SELECT i.tenant_id, i.id FROM invoices AS i
    LEFT JOIN (
        SELECT tenant_id, corrects, sum(gross_total) AS gross FROM invoices WHERE corrects IS NOT NULL AND number IS NOT NULL
        GROUP BY tenant_id, corrects
    ) AS n ON n.tenant_id = i.tenant_id AND n.corrects = i.id
    LEFT JOIN (
        SELECT tenant_id, invoice_id, count(*) AS number, sum(net) AS net FROM invoice_credits GROUP BY tenant_id, invoice_id
    ) AS k ON k.tenant_id = i.tenant_id AND k.invoice_id = i.id
    LEFT JOIN (
        SELECT tenant_id, invoice_id, count(*) AS number, sum(net) AS net FROM invoice_lines GROUP BY tenant_id, invoice_id
    ) AS l ON l.tenant_id = i.tenant_id AND l.invoice_id = i.id
    WHERE ($1 IS NULL OR i.tenant_id = $1) AND i.number IS NOT NULL AND (
        COALESCE(n.gross, 0::numeric) > i.gross_total
        OR (i.kind = 'credit_note' AND (k.number, k.net) IS DISTINCT FROM (l.number, l.net))
        OR (i.kind <> 'credit_note' AND k.number IS NOT NULL))
    ORDER BY i.tenant_id, i.id LIMIT 100"
}

/// Verifies the invoices of all companies, or of one, and compares their chains with `anchors` if given. `progress` gets the number of links verified so far and
/// the number of links expected.
///
/// # Errors
/// Fails if the database cannot be reached, if the database user does not see every row, if the tenant does not exist, or if `anchors` names no series to be
/// verified. Faults of the invoices are in the result.
pub async fn verify(
    config: &DatabaseConfig,
    tenant: Option<TenantId>,
    anchors: Option<&SeriesAnchors>,
    progress: impl Fn(u64, u64),
) -> Result<Verification, VerifyError> {
    // A chain may take minutes; its transaction only reads.
    let patient =
        DatabaseConfig { statement_timeout_ms: 0, idle_in_transaction_timeout_ms: 0, ..config.clone() };
    let mut connection = database::connect(&patient).await?;
    if sight::of(&mut connection, &TABLES).await? == Sight::Hidden {
        return Err(VerifyError::NotEverything);
    }
    if let Some(tenant) = tenant {
        let known: Option<(Uuid,)> =
            Known::new(tenant.uuid()).get_result(&mut connection).await.optional()?;
        known.ok_or(VerifyError::UnknownTenant(tenant))?;
    }
    let only = tenant.map(TenantId::uuid);
    let (total,): (Option<i64>,) = Total::new(only).get_result(&mut connection).await?;
    let total = total.unwrap_or_default().max(0).cast_unsigned();
    let anchored = chosen(anchors, tenant)?;
    let stored: Vec<(Uuid, String)> = Series::new(only).load(&mut connection).await?;
    let stored = stored.into_iter().map(|(tenant, series)| (TenantId::from_uuid(tenant), series));
    let mut all: BTreeSet<SeriesId> = stored.collect();
    all.extend(anchored.keys().cloned());

    let mut found = Verification::default();
    for id in all {
        let mut follower = Follower::new(id.0.uuid(), &id.1, anchored.get(&id));
        let told = |links| progress(links, total);
        let outcome = follow(&mut connection, &id, &mut follower, &mut found.links, &told).await?;
        let last = follower.last;
        if let Err((position, subject_id, rule)) = outcome {
            let series = Some(id.1.clone());
            let position = Some(position);
            found.broken.push(Broken { tenant_id: id.0, series, position, subject_id, rule });
        }
        found.heads.insert(id, last);
    }
    // What invoices say is compared with what is stored besides only if it is what they always said.
    if found.broken.is_empty() {
        connection.batch_execute(WHOLE_TABLES).await?;
        found.broken = besides(&mut connection, only).await?;
    }
    // A policy may have been made while the rows were read.
    if sight::of(&mut connection, &TABLES).await? == Sight::Hidden {
        return Err(VerifyError::NotEverything);
    }
    progress(found.links, total);
    Ok(found)
}

/// Returns the anchors of the series to be verified.
fn chosen(
    anchors: Option<&SeriesAnchors>,
    tenant: Option<TenantId>,
) -> Result<BTreeMap<SeriesId, Head>, VerifyError> {
    let Some(Anchors(anchors)) = anchors else { return Ok(BTreeMap::new()) };
    let mut chosen = anchors.clone();
    chosen.retain(|(of, _), _| tenant.is_none_or(|tenant| *of == tenant));
    if chosen.is_empty() { Err(VerifyError::NothingAnchored) } else { Ok(chosen) }
}

/// Verifies one series in one snapshot.
async fn follow(
    connection: &mut AsyncPgConnection,
    (tenant, series): &SeriesId,
    follower: &mut Follower<'_>,
    links: &mut u64,
    progress: &impl Fn(u64),
) -> Result<Result<(), Fault>, diesel::result::Error> {
    connection.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?;
    let head: Option<(i64, Vec<u8>)> =
        HeadOf::new(tenant.uuid(), series).get_result(connection).await.optional()?;
    let head = head.map(|(position, hash)| Head { position, hash });
    let mut outcome = Ok(());
    {
        let mut stream = LinksOf::new(tenant.uuid(), series).load_stream::<LinkRow>(connection).await?;
        while let Some(row) = stream.try_next().await? {
            outcome = follower.follow(row.into());
            if outcome.is_err() {
                break;
            }
            *links += 1;
            if links.is_multiple_of(PROGRESS_EVERY) {
                progress(*links);
            }
        }
    }
    connection.batch_execute("COMMIT").await?;
    Ok(outcome.and_then(|()| follower.end(head.as_ref())))
}

/// Compares what invoices say with what is stored besides: numbers, totals, what is paid and credited, the rows for sums, payments, and steps of sending.
async fn besides(
    connection: &mut AsyncPgConnection,
    tenant: Option<Uuid>,
) -> Result<Vec<Broken>, diesel::result::Error> {
    let numbers: Vec<(Uuid, String, i16)> = Numbers::new(tenant).load(connection).await?;
    let mut states: Vec<(Uuid, Uuid)> = States::new(tenant).load(connection).await?;
    states.extend(verify_rows::contents(connection, tenant).await?);
    let mut rows: Vec<(Uuid, Uuid)> = Rows::new(tenant).load(connection).await?;
    rows.extend(verify_rows::rows(connection, tenant).await?);
    rows.extend(verify_credits::rows(connection, tenant).await?);
    let credits: Vec<(Uuid, Uuid)> = Credits::new(tenant).load(connection).await?;
    let payments = payments::proof::differing(connection, tenant).await?;
    let steps = sending::proof::differing(connection, tenant).await?;
    // An invoice is named once for each rule.
    let (states, rows): (BTreeSet<_>, BTreeSet<_>) =
        (states.into_iter().collect(), rows.into_iter().collect());
    let of_numbers = |(tenant, series, year): (Uuid, String, i16)| Broken {
        tenant_id: TenantId::from_uuid(tenant),
        series: Some(format!("{series}-{year}")),
        position: None,
        subject_id: None,
        rule: Rule::Number,
    };
    let of_invoice = |rule: Rule| {
        move |(tenant, invoice): (Uuid, Uuid)| Broken {
            tenant_id: TenantId::from_uuid(tenant),
            series: None,
            position: None,
            subject_id: Some(invoice),
            rule,
        }
    };
    let mut broken: Vec<Broken> = numbers.into_iter().map(of_numbers).collect();
    broken.extend(states.into_iter().map(of_invoice(Rule::State)));
    broken.extend(rows.into_iter().map(of_invoice(Rule::Rows)));
    broken.extend(verify_documents::broken(connection, tenant).await?);
    broken.extend(credits.into_iter().map(of_invoice(Rule::Credit)));
    broken.extend(payments.into_iter().map(of_invoice(Rule::Payment)));
    broken.extend(steps.into_iter().map(of_invoice(Rule::Transmission)));
    Ok(broken)
}
