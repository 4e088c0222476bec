//! The server and the schema, for any program that works with it.

use crate::outbox::inspection::Server;

use super::Findings;

const AREA: &str = "database";

/// Whether it takes writes and keeps them, and who may put something into the schema. `connections` is how many this
/// program needs.
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
