//! What the API's roles can do, and cannot.

use diesel::QueryResult;
use diesel::sql_types::{Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::trial::{self, Failure, Step};

/// The role that a session of the API works as.
#[derive(Debug, Clone, diesel::Queryable)]
pub(super) struct RoleState {
    /// Who logged in.
    pub log_in: String,
    /// What the session became.
    pub role: String,
    /// What hides one tenant's rows from another one holds for it.
    pub is_bound: bool,
    /// `row_security`: off turns what would be hidden into an error.
    pub row_security: bool,
}

const KEPT_APART: &str = "its rows are kept apart";
const NOT_FOR_OTHERS: &str = "nothing is written for others";

impl Failure {
    /// That one company is kept from another is not so where row-level security does not hold.
    pub(super) fn is_about_isolation(&self) -> bool {
        self.step == KEPT_APART || self.step == NOT_FOR_OTHERS || self.problem == trial::ALLOWED
    }
}

crate::statement! {
    struct AskRole<'a> {} -> (Text, Text, Bool, Bool)
    = "SELECT session_user::text, current_user::text,
        NOT (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user)
            AND NOT (SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'customers'::regclass),
        current_setting('row_security')::boolean"
}

/// # Errors
/// The connection's own.
pub(super) async fn runtime_role(connection: &mut AsyncPgConnection) -> QueryResult<RoleState> {
    AskRole::new().get_result(connection).await
}

crate::statement! {
    struct AskMembership<'a> { role: &'a str => Text } -> (Bool,)
    = "SELECT pg_has_role($1::name, session_user, 'MEMBER')"
}

/// Whether that role may become the one that this connection logged in as.
///
/// # Errors
/// The connection's own; there is no such role.
pub(super) async fn may_become_me(connection: &mut AsyncPgConnection, role: &str) -> QueryResult<bool> {
    let (may,): (bool,) = AskMembership::new(role).get_result(connection).await?;
    Ok(may)
}

/// What the API does, as the runtime role: writes and reads for one tenant, which another one does not see.
pub(super) fn runtime_trial() -> Vec<Step> {
    let (own, other, id) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    let bind = |tenant: Uuid| format!("SET LOCAL comptoir.tenant_id = '{tenant}'");
    let customer = format!(
        "INSERT INTO customers (tenant_id, id, version, code, name, email, created_at, updated_at)
        VALUES ('{own}', '{id}', 1, 'CHECK', 'api check', 'check@example.com', now(), now())"
    );
    let seen = format!("EXISTS (SELECT FROM customers WHERE id = '{id}')");
    let event = format!(
        "DO $$ BEGIN PERFORM outbox_append(ARRAY['{id}'::uuid], ARRAY['api_check'], ARRAY['{id}'], ARRAY[1::bigint],
            ARRAY['api.check'], ARRAY[1::smallint], ARRAY['{{}}'], ARRAY['{{}}'], ARRAY[now()]); END $$"
    );
    vec![
        Step::new("work for one company", bind(own)),
        Step::new("write a customer", customer.clone()),
        Step::holds("read it again", &seen, "the row that was just written is not seen"),
        Step::new("append an event to the outbox", event),
        Step::refused("events of others stay unseen", "PERFORM FROM outbox_events"),
        Step::refused("the audit trail is written by its function alone", "DELETE FROM audit_events"),
        Step::new("work for another company", bind(other)),
        Step::holds(
            KEPT_APART,
            &format!("NOT {seen}"),
            "the row of one company is seen by another one: row-level security is off",
        ),
        Step::refused(NOT_FOR_OTHERS, &customer.replace(&id.to_string(), &own.to_string())),
    ]
}

/// What the services do across tenants, with the privileges of their own log-in.
pub(super) fn services_trial() -> Vec<Step> {
    vec![
        // So old that there is nothing.
        Step::new(
            "delete old idempotency records",
            "DO $$ BEGIN PERFORM prune_idempotency_records(876000, 1); END $$",
        ),
        Step::new("delete old sessions", "DO $$ BEGIN PERFORM prune_sessions(36500, 1); END $$"),
        Step::new(
            "read the outbox",
            "DO $$ BEGIN PERFORM FROM outbox_events LIMIT 1; PERFORM FROM outbox_history LIMIT 1; END $$",
        ),
        Step::refused("tenants' data is changed by commands alone", "UPDATE customers SET version = version"),
    ]
}
