//! Checks of the server and the schema that both programs need.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::Findings;

const AREA: &str = "database";

#[derive(Debug, Clone, Queryable)]
pub struct Server {
    pub version: String,
    pub user: String,
    pub schema: Option<String>,
    pub is_standby: bool,
    pub is_read_only: bool,
    pub isolation: String,
    pub synchronous_commit: String,
    pub fsync: String,
    /// The maximum of connections, and those that are open.
    pub max_connections: i32,
    pub connections: i64,
    /// The time of its clock at some moment between the question and the answer.
    pub clock: DateTime<Utc>,
    pub is_superuser: bool,
    /// Whether everybody may create objects in the schema.
    pub public_may_create: bool,
}

crate::statement! {
    struct AskServer<'a> {}
        -> (Text, Text, Nullable<Text>, Bool, Bool, Text, Text, Text, Integer, BigInt, Timestamptz, Bool, Bool)
    = "SELECT current_setting('server_version'), current_user::text, current_schema()::text, pg_is_in_recovery(),
        current_setting('transaction_read_only')::boolean,
        (SELECT reset_val FROM pg_settings WHERE name = 'default_transaction_isolation'),
        current_setting('synchronous_commit'), current_setting('fsync'), current_setting('max_connections')::integer,
        (SELECT sum(numbackends) FROM pg_stat_database)::bigint, clock_timestamp(),
        (SELECT rolsuper FROM pg_roles WHERE rolname = session_user),
        EXISTS (SELECT FROM pg_namespace AS n, aclexplode(COALESCE(n.nspacl, acldefault('n', n.nspowner))) AS held
            WHERE n.nspname = current_schema() AND held.grantee = 0 AND held.privilege_type = 'CREATE')"
}

/// Asks the server for its settings. Changes nothing.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn server(connection: &mut AsyncPgConnection) -> QueryResult<Server> {
    RunQueryDsl::get_result(AskServer::new(), connection).await
}

/// Checks whether the server accepts writes and keeps them, and who may create objects in the schema. `connections` is how
/// many this program needs.
pub fn check_server(server: &Server, connections: i64, findings: &mut Findings) {
    let user = quoted(&server.user);
    if server.is_standby {
        findings.fail(AREA, "writable", "the server is a standby", "connect to the primary");
    } else if server.is_read_only {
        findings.fail(
            AREA,
            "writable",
            "transactions are read-only by default",
            format!("ALTER ROLE {user} SET default_transaction_read_only = off"),
        );
    } else {
        findings.ok(AREA, "writable", "the server is a primary");
    }
    if server.isolation != "read committed" {
        findings.warn(
            AREA,
            "isolation",
            format!("transactions of other programs as this role are {} by default", server.isolation),
            format!("ALTER ROLE {user} SET default_transaction_isolation = 'read committed'"),
        );
    }
    if server.fsync != "on" || server.synchronous_commit == "off" {
        findings.warn(
            AREA,
            "durability",
            format!(
                "fsync = {}, synchronous_commit = {}: a crash of the server can undo transactions whose events were \
                 published",
                server.fsync, server.synchronous_commit
            ),
            "set both to on, for the writers' roles as well",
        );
    }
    if server.public_may_create {
        let schema = server.schema.as_deref().unwrap_or("public");
        findings.warn(
            AREA,
            "schema-create",
            format!("everybody may create objects in the schema {schema}, which can stand in for what programs mean"),
            format!("REVOKE CREATE ON SCHEMA {} FROM PUBLIC, as its owner", quoted(schema)),
        );
    }
    if server.is_superuser {
        findings.warn(
            AREA,
            "superuser",
            format!("{user} is a superuser: nothing holds for it, row-level security least of all"),
            "log in as a role of docs/roles.md",
        );
    }
    let free = i64::from(server.max_connections) - server.connections;
    let (open, most) = (server.connections, server.max_connections);
    if free < connections {
        findings.warn(
            AREA,
            "connections",
            format!("{open} of {most} are in use; this program needs {connections}"),
            "raise max_connections, or close what nobody needs",
        );
    } else {
        findings.ok(
            AREA,
            "connections",
            format!("{open} of {most} in use; this program needs {connections}"),
        );
    }
}

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
