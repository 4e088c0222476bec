//! Compares what credit notes give back with their lines and those of the invoices that they correct, what invoices claim of orders with their lines, the times of documents
//! with their links, and the numbers of what payments and credit notes pay: what no digest is of.

use diesel::sql_types::{Nullable, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

crate::statement! {
    struct Credits<'a> { tenant: Option<Uuid> => Nullable<SqlUuid> } -> (SqlUuid, SqlUuid)
    = "SELECT k.tenant_id, k.invoice_id FROM invoice_credits AS k
    LEFT JOIN invoices AS i ON i.tenant_id = k.tenant_id AND i.id = k.invoice_id
    LEFT JOIN invoice_lines AS own ON own.tenant_id = k.tenant_id AND own.invoice_id = k.invoice_id AND own.position = k.line
    LEFT JOIN invoice_lines AS sold ON sold.tenant_id = k.tenant_id AND sold.invoice_id = k.original_id AND sold.position = k.original_line
    LEFT JOIN returns AS r ON r.tenant_id = k.tenant_id AND r.id = k.return_id
    WHERE ($1 IS NULL OR k.tenant_id = $1) AND (
        k.original_id IS DISTINCT FROM i.corrects
        OR k.net IS DISTINCT FROM own.net
        OR (k.quantity IS NOT NULL AND k.quantity IS DISTINCT FROM abs(own.quantity))
        OR (k.original_line IS NOT NULL AND sold.invoice_id IS NULL)
        OR (k.order_id, k.order_position) IS DISTINCT FROM (sold.order_id, sold.order_position)
        OR (k.return_id IS NOT NULL AND r.order_id IS DISTINCT FROM k.order_id))
    ORDER BY k.tenant_id, k.invoice_id LIMIT 100"
}

crate::statement! {
    /// Invoices that claim something else of orders than their lines invoice of them. A credit note has lines of orders, and claims nothing.
    struct Claims<'a> { tenant: Option<Uuid> => Nullable<SqlUuid> } -> (SqlUuid, SqlUuid)
    = "SELECT DISTINCT COALESCE(said.tenant_id, kept.tenant_id) AS tenant_id, COALESCE(said.invoice_id, kept.invoice_id) AS invoice_id
    FROM (
        SELECT l.tenant_id, l.invoice_id, l.position, l.order_id, l.order_position, l.quantity
        FROM invoice_lines AS l JOIN invoices AS i ON i.tenant_id = l.tenant_id AND i.id = l.invoice_id
        WHERE i.kind = 'invoice' AND l.order_id IS NOT NULL
    ) AS said
    FULL JOIN (
        SELECT c.tenant_id, c.invoice_id, c.line, c.order_id, c.position, c.quantity
        FROM invoice_claims AS c JOIN invoices AS i ON i.tenant_id = c.tenant_id AND i.id = c.invoice_id
        WHERE i.number IS NOT NULL
    ) AS kept ON kept.tenant_id = said.tenant_id AND kept.invoice_id = said.invoice_id AND kept.line = said.position
    WHERE ($1 IS NULL OR COALESCE(said.tenant_id, kept.tenant_id) = $1)
        AND (said.order_id, said.order_position, said.quantity) IS DISTINCT FROM (kept.order_id, kept.position, kept.quantity)
    ORDER BY tenant_id, invoice_id LIMIT 100"
}

crate::statement! {
    struct Documents<'a> { tenant: Option<Uuid> => Nullable<SqlUuid> } -> (SqlUuid, SqlUuid)
    = "SELECT d.tenant_id, d.invoice_id FROM invoice_documents AS d
    LEFT JOIN invoice_chain AS l ON l.tenant_id = d.tenant_id AND l.subject_id = d.invoice_id AND l.kind = 'document'
    WHERE ($1 IS NULL OR d.tenant_id = $1) AND d.rendered_at IS DISTINCT FROM l.occurred_at
    ORDER BY d.tenant_id, d.invoice_id LIMIT 100"
}

crate::statement! {
    struct Allocations<'a> { tenant: Option<Uuid> => Nullable<SqlUuid> } -> (SqlUuid, SqlUuid)
    = "SELECT tenant_id, id FROM (
        SELECT tenant_id, payment_id AS id, number FROM payment_allocations
        UNION ALL SELECT tenant_id, credit_note_id, number FROM credit_allocations
    ) AS a
    WHERE $1 IS NULL OR tenant_id = $1
    GROUP BY tenant_id, id HAVING min(number) <> 1 OR max(number) <> count(*)
    ORDER BY tenant_id, id LIMIT 100"
}

/// Finds invoices, credit notes and payments of which such a column is not what it must be, at most 100 of each kind.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn rows(
    connection: &mut AsyncPgConnection,
    tenant: Option<Uuid>,
) -> Result<Vec<(Uuid, Uuid)>, diesel::result::Error> {
    let mut found: Vec<(Uuid, Uuid)> = Credits::new(tenant).load(connection).await?;
    let claims: Vec<(Uuid, Uuid)> = Claims::new(tenant).load(connection).await?;
    let documents: Vec<(Uuid, Uuid)> = Documents::new(tenant).load(connection).await?;
    let allocations: Vec<(Uuid, Uuid)> = Allocations::new(tenant).load(connection).await?;
    found.extend(claims);
    found.extend(documents);
    found.extend(allocations);
    Ok(found)
}
