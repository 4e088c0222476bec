//! Erases the content of a resource's rows in the trail, for the right to erasure (GDPR, article 17): `before`, `after`
//! and their salt. The action, its time and its author stay, and so do the digests from which the hashes are calculated.

use chrono::Utc;
use diesel::sql_types::{Array, Text, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use serde_json::json;
use uuid::Uuid;

use super::{AuditEntry, append};
use crate::application::context::RequestContext;
use crate::application::set_tenant;
use crate::platform::database::{self, ConnectFault, DatabaseConfig};

/// The action of the row that records an erasure. That row is never erased itself.
pub(crate) const ERASE: &str = "audit.erase";

#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    #[error("cannot connect to PostgreSQL: {0}")]
    Connection(#[from] ConnectFault),
    #[error("cannot erase, which only the owner of the tables may: {0}")]
    Statement(#[from] diesel::result::Error),
    #[error("nothing to erase: this tenant's trail holds no text of such a resource (or not any more)")]
    Nothing,
    #[error("this database user does not see the rows of all tenants: erase as the owner of the tables")]
    NotEverything,
}

crate::statement! {
    struct Erase<'a> { tenant: Uuid => SqlUuid, resource_type: &'a str => Text, resource_id: &'a str => Text, kept: &'a [&'a str] => Array<Text> }
    = "UPDATE audit_events SET before = NULL, after = NULL, salt = NULL
    WHERE tenant_id = $1 AND resource_type = $2 AND resource_id = $3 AND action <> ALL ($4) AND salt IS NOT NULL"
}

/// Erases the texts of all rows of a resource of the context's tenant, and adds a row that records this. Returns how many
/// rows had a text. Only the owner of the tables may do this.
///
/// # Errors
/// Fails if the database cannot be reached, if the database user is not the owner, or if no row has a text.
pub async fn erase(
    config: &DatabaseConfig,
    context: &RequestContext,
    resource_type: &str,
    resource_id: &str,
) -> Result<usize, EraseError> {
    let patient = DatabaseConfig { statement_timeout_ms: 0, ..config.clone() };
    let mut connection = database::connect(&patient).await?;
    erase_on(&mut connection, context, (resource_type, resource_id), &[]).await
}

/// The same on a connection that is open. Rows of the actions `kept` keep their texts.
///
/// # Errors
/// Fails as [`erase`] does.
pub(crate) async fn erase_on(
    connection: &mut AsyncPgConnection,
    context: &RequestContext,
    (resource_type, resource_id): (&str, &str),
    kept: &[&str],
) -> Result<usize, EraseError> {
    let kept = [&[ERASE][..], kept].concat();
    connection
        .transaction(async |connection| {
            let tenant = context.tenant_id();
            connection.batch_execute(&set_tenant(tenant)).await?;
            let erase = Erase::new(tenant.uuid(), resource_type, resource_id, &kept);
            let rows = erase.execute(connection).await?;
            if rows == 0 {
                return Err(EraseError::Nothing);
            }
            let entry = AuditEntry {
                action: ERASE,
                resource_type: resource_type.to_owned().into(),
                resource_id: resource_id.to_owned(),
                before: None,
                after: Some(json!({"rows": rows}).to_string()),
            };
            append(connection, context, Utc::now(), &entry).await?;
            Ok(rows)
        })
        .await
}
