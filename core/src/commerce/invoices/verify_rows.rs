//! Compares every column of what is frozen of an invoice with what its text says. What the text does not say is in the digest of its link.

use diesel::sql_types::{Nullable, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::verify::said;

crate::statement! {
    /// Invoices whose number, dates, digest or kind are stored otherwise than they say, or that were validated at another time than their link.
    struct Contents<'a> { tenant: Option<Uuid> => Nullable<SqlUuid> } -> (SqlUuid, SqlUuid)
    = concat!("SELECT c.tenant_id, c.invoice_id FROM ", said!(), "
    LEFT JOIN invoices AS i ON i.tenant_id = c.tenant_id AND i.id = c.invoice_id
    LEFT JOIN invoice_chain AS l ON l.tenant_id = c.tenant_id AND l.subject_id = c.invoice_id AND l.kind = 'validated'
    WHERE NOT c.is_digest
        OR c.year <> extract(year FROM c.issue_date)
        OR c.said_number IS DISTINCT FROM
            c.series || '-' || c.year || '-' || lpad(c.position::text, greatest(6, length(c.position::text)), '0')
        OR c.said_kind IS DISTINCT FROM i.kind
        OR c.validated_at IS DISTINCT FROM l.occurred_at
    ORDER BY c.tenant_id, c.invoice_id LIMIT 100")
}

crate::statement! {
    /// Invoices whose lines are stored otherwise than they say.
    struct Lines<'a> { tenant: Option<Uuid> => Nullable<SqlUuid> } -> (SqlUuid, SqlUuid)
    = "SELECT c.tenant_id, c.invoice_id FROM invoice_contents AS c
    WHERE ($1 IS NULL OR c.tenant_id = $1) AND EXISTS (
        SELECT FROM jsonb_array_elements(c.content::jsonb -> 'lines') WITH ORDINALITY AS said (line, position)
        FULL JOIN (SELECT * FROM invoice_lines AS r WHERE r.tenant_id = c.tenant_id AND r.invoice_id = c.invoice_id) AS stored
            ON stored.position = said.position
        WHERE stored.position IS NULL OR (stored.quantity, stored.net, stored.category, stored.rate) IS DISTINCT FROM (
            (said.line ->> 'quantity')::numeric, (said.line ->> 'net')::numeric, said.line #>> '{vat,category}',
            (said.line #>> '{vat,rate}')::numeric))
    ORDER BY c.tenant_id, c.invoice_id LIMIT 100"
}

crate::statement! {
    /// Invoices whose VAT is stored otherwise than they say.
    struct Groups<'a> { tenant: Option<Uuid> => Nullable<SqlUuid> } -> (SqlUuid, SqlUuid)
    = "SELECT c.tenant_id, c.invoice_id FROM invoice_contents AS c
    WHERE ($1 IS NULL OR c.tenant_id = $1) AND EXISTS (
        SELECT FROM jsonb_array_elements(c.content::jsonb -> 'vat') WITH ORDINALITY AS said (vat, position)
        FULL JOIN (SELECT * FROM invoice_vat AS r WHERE r.tenant_id = c.tenant_id AND r.invoice_id = c.invoice_id) AS stored
            ON stored.position = said.position
        WHERE stored.position IS NULL OR (stored.category, stored.rate, stored.base, stored.tax) IS DISTINCT FROM (
            said.vat #>> '{vat,category}', (said.vat #>> '{vat,rate}')::numeric, (said.vat ->> 'base')::numeric,
            (said.vat ->> 'tax')::numeric))
    ORDER BY c.tenant_id, c.invoice_id LIMIT 100"
}

/// Finds invoices of which a column of `invoice_contents` is not what they say, at most 100.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn contents(
    connection: &mut AsyncPgConnection,
    tenant: Option<Uuid>,
) -> Result<Vec<(Uuid, Uuid)>, diesel::result::Error> {
    Contents::new(tenant).load(connection).await
}

/// The same of `invoice_lines` and `invoice_vat`, at most 100 of each.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn rows(
    connection: &mut AsyncPgConnection,
    tenant: Option<Uuid>,
) -> Result<Vec<(Uuid, Uuid)>, diesel::result::Error> {
    let mut found: Vec<(Uuid, Uuid)> = Lines::new(tenant).load(connection).await?;
    let groups: Vec<(Uuid, Uuid)> = Groups::new(tenant).load(connection).await?;
    found.extend(groups);
    Ok(found)
}
