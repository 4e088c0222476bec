//! E-mails of all tenants, as an operator finds them with the services' log-in. What is decided about them is decided in the name of
//! their tenant.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::email::{EmailKind, EmailState};
use super::queries::{EmailFilter, EmailView};
use super::queue;
use crate::application::error::Error;
use crate::platform::database::Database;
use crate::values::ids::{EmailId, TenantId};

crate::statement! {
    struct OfAll<'a> {
        kinds: &'a [&'a str] => Array<Text>,
        state: Option<&'a str> => Nullable<Text>,
        recipient: Option<&'a str> => Nullable<Text>,
        destination: Option<&'a str> => Nullable<Text>,
        most: i64 => BigInt,
    } -> (
        SqlUuid, SqlUuid, BigInt, Text, Text, Text, Text, Nullable<SqlUuid>, Integer, Nullable<Text>, Nullable<Text>,
        Timestamptz, Timestamptz, Text, Timestamptz, Nullable<Timestamptz>, Timestamptz,
    )
    = "SELECT tenant_id, id, version, kind, state, recipient, recipient_name, user_id, attempts, last_error, reason,
        due_at, deadline, correlation_id, created_at, finished_at, updated_at
        FROM emails_of_all($1, $2, $3, $4, $5)"
}

crate::statement! {
    struct Owners<'a> { ids: &'a [Uuid] => Array<SqlUuid> } -> (SqlUuid, SqlUuid)
    = "SELECT id, tenant_id FROM email_tenants($1)"
}

#[derive(diesel::Queryable)]
struct Row {
    tenant_id: Uuid,
    id: Uuid,
    version: i64,
    kind: String,
    state: String,
    recipient: String,
    recipient_name: String,
    user_id: Option<Uuid>,
    attempts: i32,
    last_error: Option<String>,
    reason: Option<String>,
    due_at: DateTime<Utc>,
    deadline: DateTime<Utc>,
    correlation_id: String,
    created_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    updated_at: DateTime<Utc>,
}

impl Row {
    fn into_view(self) -> Result<(TenantId, EmailView), Error> {
        let kind = EmailKind::named(&self.kind)
            .ok_or(Error::Stored { what: "a kind of an e-mail", value: self.kind })?;
        let state = EmailState::named(&self.state)
            .ok_or(Error::Stored { what: "a state of an e-mail", value: self.state })?;
        let view = EmailView {
            id: EmailId::from_uuid(self.id),
            version: self.version,
            kind,
            state,
            recipient: self.recipient,
            recipient_name: self.recipient_name,
            user_id: self.user_id,
            attempts: self.attempts,
            last_error: self.last_error.filter(|_| state != EmailState::Sent),
            reason: self.reason,
            due_at: self.due_at,
            deadline: self.deadline,
            correlation_id: self.correlation_id,
            created_at: self.created_at,
            finished_at: self.finished_at,
            updated_at: self.updated_at,
        };
        Ok((TenantId::from_uuid(self.tenant_id), view))
    }
}

/// Lists up to `most` e-mails of all tenants that pass the filter, of the kinds that this version knows, the newest first.
///
/// # Errors
/// Fails if the database cannot be reached, or if the role may not.
pub async fn list_of_all(
    services: &Database,
    filter: &EmailFilter,
    most: i64,
) -> Result<Vec<(TenantId, EmailView)>, Error> {
    let kinds: Vec<&str> = match filter.kind {
        Some(kind) => vec![kind.name()],
        None => EmailKind::ALL.iter().map(|kind| kind.name()).collect(),
    };
    let state = filter.state.map(EmailState::name);
    let of_all = OfAll::new(&kinds, state, filter.recipient.as_deref(), filter.destination.as_deref(), most);
    let mut connection = services.connection().await?;
    let rows: Vec<Row> = of_all.load(&mut connection).await?;
    rows.into_iter().map(Row::into_view).collect()
}

/// E-mails in one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateCount {
    pub state: EmailState,
    pub number: i64,
    /// When the oldest of them was queued.
    pub oldest: Option<DateTime<Utc>>,
}

/// E-mails of one tenant to one domain that are due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueLane {
    pub tenant: TenantId,
    pub destination: String,
    pub number: usize,
}

/// Counts the e-mails of all tenants in each state that the queue has.
///
/// # Errors
/// Fails if the database cannot be reached, or if the role may not.
pub async fn counts_of_all(services: &Database) -> Result<Vec<StateCount>, Error> {
    let found = queue::overview(services).await?;
    let known = found.into_iter().filter_map(|(state, number, oldest)| {
        // A newer version may know others.
        Some(StateCount { state: EmailState::named(&state)?, number, oldest })
    });
    Ok(known.collect())
}

/// Returns which e-mails are due, by tenant and domain.
///
/// # Errors
/// Fails if the database cannot be reached, or if the role may not.
pub async fn due_lanes(services: &Database) -> Result<Vec<DueLane>, Error> {
    let due = queue::due(services, None, None).await?;
    let lane = |(lane, number): queue::Numbered| DueLane {
        tenant: lane.tenant,
        destination: lane.destination,
        number,
    };
    Ok(due.into_iter().map(lane).collect())
}

/// Returns whose these e-mails are. One that no tenant has is missing.
///
/// # Errors
/// Fails if the database cannot be reached, or if the role may not.
pub async fn owners(services: &Database, ids: &[EmailId]) -> Result<HashMap<EmailId, TenantId>, Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let mut connection = services.connection().await?;
    let found: Vec<(Uuid, Uuid)> = Owners::new(&ids).load(&mut connection).await?;
    Ok(found.into_iter().map(|(id, tenant)| (EmailId::from_uuid(id), TenantId::from_uuid(tenant))).collect())
}
