//! Compares the steps of invoices on their way with the digests of their links in the chains of invoices (docs/invoices.md, "The chain").

use chrono::{DateTime, Utc};
use diesel::sql_types::{Binary, Bool, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures::TryStreamExt;
use uuid::Uuid;

use super::repository::TransmissionRow;
use crate::commerce::invoices::chain::digest;

/// The maximum number of faults that are told.
const MOST: usize = 100;

crate::statement! {
    /// Each step with the digest of its link, and whether that is the only one, of the invoice's series and of the moment when the step was recorded.
    struct Steps<'a> { tenant: Option<Uuid> => Nullable<SqlUuid> } -> (
        SqlUuid, SqlUuid, SqlUuid, Text, Text, Nullable<SmallInt>, Nullable<Text>, Nullable<SqlUuid>, Text, Timestamptz, Timestamptz,
        Nullable<Binary>, Bool,
    )
    = "SELECT t.tenant_id, t.id, t.invoice_id, t.channel, t.status, t.code, t.detail, t.email_id, t.recorded_by, t.occurred_at, t.recorded_at,
        l.digest, COALESCE(l.links = 1 AND l.series = i.series AND l.occurred_at = t.recorded_at, false)
    FROM invoice_transmissions AS t
    LEFT JOIN invoices AS i ON i.tenant_id = t.tenant_id AND i.id = t.invoice_id
    LEFT JOIN (
        SELECT tenant_id, subject_id, count(*) AS links, min(series) AS series, min(occurred_at) AS occurred_at, (array_agg(digest))[1] AS digest
        FROM invoice_chain WHERE kind = 'transmission' GROUP BY tenant_id, subject_id
    ) AS l ON l.tenant_id = t.tenant_id AND l.subject_id = t.id
    WHERE $1 IS NULL OR t.tenant_id = $1"
}

type Row = (
    Uuid,
    Uuid,
    Uuid,
    String,
    String,
    Option<i16>,
    Option<String>,
    Option<Uuid>,
    String,
    DateTime<Utc>,
    DateTime<Utc>,
    Option<Vec<u8>>,
    bool,
);

crate::statement! {
    /// Links of steps that are gone.
    struct Gone<'a> { tenant: Option<Uuid> => Nullable<SqlUuid> } -> (SqlUuid, SqlUuid)
    = "SELECT DISTINCT l.tenant_id, l.subject_id FROM invoice_chain AS l
    LEFT JOIN invoice_transmissions AS t ON t.tenant_id = l.tenant_id AND t.id = l.subject_id
    WHERE ($1 IS NULL OR l.tenant_id = $1) AND l.kind = 'transmission' AND t.id IS NULL
    ORDER BY l.tenant_id, l.subject_id LIMIT 100"
}

/// Steps, with their companies, that are not what their links say: at most 100.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn differing(
    connection: &mut AsyncPgConnection,
    tenant: Option<Uuid>,
) -> Result<Vec<(Uuid, Uuid)>, diesel::result::Error> {
    let mut found: Vec<(Uuid, Uuid)> = Gone::new(tenant).load(connection).await?;
    let mut stream = Steps::new(tenant).load_stream::<Row>(connection).await?;
    while let Some(row) = stream.try_next().await? {
        let key = (row.0, row.1);
        if !is_as_linked(row) {
            found.push(key);
        }
        if found.len() >= MOST {
            break;
        }
    }
    Ok(found)
}

fn is_as_linked(row: Row) -> bool {
    let (
        tenant_id,
        id,
        invoice_id,
        channel,
        status,
        code,
        detail,
        email_id,
        recorded_by,
        occurred_at,
        recorded_at,
        said,
        is_linked,
    ) = row;
    let row = TransmissionRow {
        tenant_id,
        id,
        invoice_id,
        channel,
        status,
        code,
        detail,
        email_id,
        recorded_by,
        occurred_at,
        recorded_at,
    };
    let Ok(text) = serde_json::to_string(&row) else { return false };
    is_linked && said.is_some_and(|said| said == digest(&text))
}
