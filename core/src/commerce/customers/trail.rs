//! Erases what the audit trail says of anonymised customers, for good (GDPR, article 17). Only the owner of the tables may: the API cannot change the trail.

use diesel::sql_types::{Array, BigInt, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::commands::ANONYMISE;
use crate::application::audit::EraseError;
use crate::application::audit::erase::{ERASE, erase_on};
use crate::application::audit::sight::{self, Sight};
use crate::application::context::RequestContext;
use crate::platform::database::{self, DatabaseConfig};
use crate::values::ids::TenantId;

/// How many resources are found at once.
const BATCH: i64 = 500;
/// What must be seen as a whole.
const TABLES: [&str; 7] =
    ["customers", "orders", "shipments", "returns", "invoices", "payments", "audit_events"];

crate::statement! {
    /// Anonymised customers, and what is of them, of which the trail still has texts. All were anonymised because no law keeps them.
    struct FindTexts<'a> { tenant: Option<Uuid> => Nullable<SqlUuid>, kept: &'a [&'a str] => Array<Text>, most: i64 => BigInt } -> (SqlUuid, Text, Text)
    = "WITH given AS (
        SELECT $1::uuid AS tenant, $2::text[] AS kept
    ), forgotten AS (
        SELECT c.tenant_id, c.id FROM customers AS c CROSS JOIN given AS g
        WHERE c.anonymised_at IS NOT NULL AND (g.tenant IS NULL OR c.tenant_id = g.tenant)
    ), ordered AS (
        SELECT o.tenant_id, o.id FROM forgotten AS f JOIN orders AS o ON o.tenant_id = f.tenant_id AND o.customer_id = f.id
    ), resources AS (
        SELECT tenant_id, 'customer'::text AS kind, id::text AS id FROM forgotten
        UNION ALL SELECT tenant_id, 'order'::text, id::text FROM ordered
        UNION ALL SELECT s.tenant_id, 'shipment'::text, s.id::text FROM ordered AS o
            JOIN shipments AS s ON s.tenant_id = o.tenant_id AND s.order_id = o.id
        UNION ALL SELECT r.tenant_id, 'return'::text, r.id::text FROM ordered AS o
            JOIN returns AS r ON r.tenant_id = o.tenant_id AND r.order_id = o.id
        UNION ALL SELECT i.tenant_id, 'invoice'::text, i.id::text FROM forgotten AS f
            JOIN invoices AS i ON i.tenant_id = f.tenant_id AND i.customer_id = f.id
        UNION ALL SELECT p.tenant_id, 'payment'::text, p.id::text FROM forgotten AS f
            JOIN payments AS p ON p.tenant_id = f.tenant_id AND p.customer_id = f.id
    )
    SELECT r.tenant_id, r.kind, r.id FROM resources AS r CROSS JOIN given AS g
    WHERE EXISTS (
        SELECT FROM audit_events AS a WHERE a.tenant_id = r.tenant_id AND a.resource_id = r.id AND a.resource_type = r.kind
            AND a.salt IS NOT NULL AND a.action <> ALL (g.kept))
    LIMIT $3"
}

/// What was erased.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct ErasedTexts {
    /// Customers, and what was of them.
    pub resources: usize,
    /// The rows of the trail that had a text.
    pub rows: usize,
}

/// Erases what the trail says of anonymised customers, of their orders, shipments, returns, invoices and payments: of one tenant, or of all. That they
/// were anonymised, and why, stays. `context` is on whose behalf, for a tenant.
///
/// # Errors
/// Fails if the database cannot be reached, or if the database user is not the owner of the tables.
pub async fn erase_anonymised(
    config: &DatabaseConfig,
    tenant: Option<TenantId>,
    context: impl Fn(TenantId) -> RequestContext,
) -> Result<ErasedTexts, EraseError> {
    let patient = DatabaseConfig { statement_timeout_ms: 0, ..config.clone() };
    let mut connection = database::connect(&patient).await?;
    if sight::of(&mut connection, &TABLES).await? == Sight::Hidden {
        return Err(EraseError::NotEverything);
    }
    let mut erased = ErasedTexts::default();
    loop {
        let find = FindTexts::new(tenant.map(TenantId::uuid), &[ERASE, ANONYMISE], BATCH);
        let found: Vec<(Uuid, String, String)> = find.load(&mut connection).await?;
        if found.is_empty() {
            return Ok(erased);
        }
        for (tenant, kind, id) in &found {
            let context = context(TenantId::from_uuid(*tenant));
            // One that has nothing any more ends this: somebody else erases at the same time.
            erased.rows += erase_on(&mut connection, &context, (kind, id), &[ANONYMISE]).await?;
            erased.resources += 1;
        }
    }
}
