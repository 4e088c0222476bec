//! The database: reachable, migrated, writable, and with the privileges that the relay needs.

use chrono::{DateTime, TimeDelta, Utc};
use comptoir_core::database;
use comptoir_core::outbox::history;
use comptoir_core::outbox::inspection::{self, Privilege, Server};
use diesel_async::AsyncPgConnection;

use super::report::Report;
use crate::config::Config;
use crate::error::DatabaseFault;

const AREA: &str = "database";

/// What the relay does with its tables while it drains. Without one of these it does not work.
const NEEDED: &[(&str, &str)] = &[
    ("outbox_events", "SELECT"),
    ("outbox_events", "UPDATE"),
    ("outbox_events", "DELETE"),
    ("outbox_history", "INSERT"),
    ("outbox_dead_letters", "SELECT"),
    ("outbox_dead_letters", "INSERT"),
    ("outbox_dead_letters", "UPDATE"),
    ("relay_shards", "SELECT"),
    ("relay_shards", "UPDATE"),
    ("relay_replicas", "SELECT"),
    ("relay_replicas", "INSERT"),
    ("relay_replicas", "UPDATE"),
    ("relay_replicas", "DELETE"),
];
/// What `dead-letters`, `replay` and `tail` do, perhaps as another role.
const OPERATORS: &[(&str, &str)] = &[
    ("outbox_events", "INSERT"),
    ("outbox_history", "SELECT"),
    ("outbox_dead_letters", "DELETE"),
    ("outbox_operations", "SELECT"),
    ("outbox_operations", "INSERT"),
    ("outbox_operations", "UPDATE"),
    ("outbox_operation_events", "INSERT"),
];
/// The clocks of this machine and of the database may differ by so much.
const CLOCK_BOUND: TimeDelta = TimeDelta::milliseconds(1000);
/// Connections of a replica, with the one that keeps the history.
const CONNECTIONS: i64 = 5;

/// A connection, if there is a database that the rest can ask.
pub(super) async fn check(config: &Config, report: &mut Report) -> Option<AsyncPgConnection> {
    let mut connection = match database::connect(&config.database).await {
        Ok(connection) => connection,
        Err(fault) => {
            let fix = match fault.reason() {
                "credentials" => "give the right user and password in DATABASE_URL, and look at pg_hba.conf",
                "tls" => "look at the certificates and at sslmode",
                "refused" => {
                    "look whether the database of DATABASE_URL exists and the server takes connections"
                }
                _ => "start PostgreSQL, or give the right host and port in DATABASE_URL",
            };
            report.fail(AREA, "reachable", format!("{}: {fault}", config.database.url), fix);
            return None;
        }
    };
    match ask(config, &mut connection, report).await {
        Ok(true) => Some(connection),
        Ok(false) => None,
        Err(fault) => {
            report.fail(AREA, "readable", fault.to_string(), "look at the server's log");
            None
        }
    }
}

/// True if the tables are there and may be read.
async fn ask(
    config: &Config,
    connection: &mut AsyncPgConnection,
    report: &mut Report,
) -> Result<bool, DatabaseFault> {
    let asked = Utc::now();
    let server = inspection::server(connection).await?;
    let answered = Utc::now();
    let schema = server.schema.clone().unwrap_or_default();
    report.ok(
        AREA,
        "reachable",
        format!("PostgreSQL {} as {}, schema {schema}", server.version, server.user),
    );
    check_server(&server, report);
    check_clock(&server, asked, answered, report);
    if !check_schema(connection, report).await? {
        return Ok(false);
    }
    let needed = inspection::privileges(connection, NEEDED).await?;
    let operators = inspection::privileges(connection, OPERATORS).await?;
    if needed.iter().any(|privilege| privilege.is_granted.is_none()) {
        return Ok(false);
    }
    check_privileges(&server.user, &needed, &operators, report);
    check_history(config, connection, &server, report).await?;
    Ok(needed.iter().filter(|p| p.privilege == "SELECT").all(|p| p.is_granted == Some(true)))
}

fn check_server(server: &Server, report: &mut Report) {
    if server.is_standby {
        report.fail(AREA, "writable", "the server is a standby", "connect to the primary");
    } else if server.is_read_only {
        report.fail(
            AREA,
            "writable",
            "transactions are read-only by default",
            format!("ALTER ROLE {} SET default_transaction_read_only = off", quoted(&server.user)),
        );
    } else {
        report.ok(AREA, "writable", "the server is a primary");
    }
    if server.isolation != "read committed" {
        report.warn(
            AREA,
            "isolation",
            format!("transactions are {} by default: settling may fail and be tried again", server.isolation),
            format!(
                "ALTER ROLE {} SET default_transaction_isolation = 'read committed'",
                quoted(&server.user)
            ),
        );
    }
    if server.fsync != "on" || server.synchronous_commit == "off" {
        report.warn(
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
    let free = i64::from(server.max_connections) - server.connections;
    if free < CONNECTIONS {
        report.warn(
            AREA,
            "connections",
            format!(
                "{} of {} are in use; a replica needs {CONNECTIONS}",
                server.connections, server.max_connections
            ),
            "raise max_connections, or close what nobody needs",
        );
    } else {
        let (open, most) = (server.connections, server.max_connections);
        report.ok(AREA, "connections", format!("{open} of {most} in use; a replica needs {CONNECTIONS}"));
    }
}

/// The difference is known to half of the time that the answer took.
fn check_clock(server: &Server, asked: DateTime<Utc>, answered: DateTime<Utc>, report: &mut Report) {
    let middle = asked + (answered - asked) / 2;
    let difference = server.clock - middle;
    let detail = format!(
        "the database's clock is {} ms {} this machine's (known to {} ms)",
        difference.num_milliseconds().abs(),
        if difference < TimeDelta::zero() { "behind" } else { "ahead of" },
        (answered - asked).num_milliseconds() / 2 + 1,
    );
    if difference.abs() > CLOCK_BOUND {
        report.warn(
            AREA,
            "clock",
            format!(
                "{detail}: leases go by the database's clock alone, so exclusivity does not depend on it; ages and \
                 delays in metrics and --since 10m on the command line are wrong by as much"
            ),
            "run a time service (chrony, systemd-timesyncd) on both machines",
        );
    } else {
        report.ok(AREA, "clock", detail);
    }
}

/// False if this program knows more of the schema than there is.
async fn check_schema(
    connection: &mut AsyncPgConnection,
    report: &mut Report,
) -> Result<bool, DatabaseFault> {
    let state = match database::migration_state(connection).await {
        Ok(state) => state,
        Err(database::MigrationError::Statement(error)) => return Err(error.into()),
        Err(error) => {
            report.fail(AREA, "schema", error.to_string(), "look at the table __diesel_schema_migrations");
            return Ok(false);
        }
    };
    if !state.is_readable {
        report.warn(
            AREA,
            "schema",
            "this role may not read __diesel_schema_migrations: the version is unknown",
            "GRANT SELECT ON __diesel_schema_migrations to it",
        );
    } else if !state.pending.is_empty() {
        report.fail(AREA, "schema", format!("not applied: {}", state.pending.join(", ")), "relay migrate");
    } else if !state.unknown.is_empty() {
        report.warn(
            AREA,
            "schema",
            format!("newer than this program: {}", state.unknown.join(", ")),
            "upgrade the relay; until then it works, because migrations expand before they contract",
        );
    } else {
        report.ok(AREA, "schema", format!("all {} migrations are applied", state.known));
    }
    Ok(state.pending.is_empty())
}

fn check_privileges(user: &str, needed: &[Privilege], operators: &[Privilege], report: &mut Report) {
    let missing = grants(user, needed);
    if missing.is_empty() {
        report.ok(AREA, "privileges", "everything that draining needs");
    } else {
        report.fail(AREA, "privileges", format!("missing: {}", names(needed)), missing);
    }
    let missing = grants(user, operators);
    if missing.is_empty() {
        report.ok(AREA, "operator-privileges", "dead-letters, replay and tail work as this role");
    } else {
        report.warn(
            AREA,
            "operator-privileges",
            format!("dead-letters, replay or tail need, as this role or another: {}", names(operators)),
            missing,
        );
    }
}

fn missing(privileges: &[Privilege]) -> impl Iterator<Item = &Privilege> {
    privileges.iter().filter(|privilege| privilege.is_granted == Some(false))
}

fn names(privileges: &[Privilege]) -> String {
    let names: Vec<String> = missing(privileges).map(|p| format!("{} on {}", p.privilege, p.table)).collect();
    names.join(", ")
}

/// One statement for each table.
fn grants(user: &str, privileges: &[Privilege]) -> String {
    let mut statements: Vec<(&str, Vec<&str>)> = Vec::new();
    for privilege in missing(privileges) {
        match statements.iter_mut().find(|(table, _)| *table == privilege.table) {
            Some((_, granted)) => granted.push(&privilege.privilege),
            None => statements.push((&privilege.table, vec![&privilege.privilege])),
        }
    }
    let user = quoted(user);
    let statements: Vec<String> = statements
        .into_iter()
        .map(|(table, granted)| format!("GRANT {} ON {table} TO {user};", granted.join(", ")))
        .collect();
    statements.join(" ")
}

/// Attaching a partition needs the ownership of the history, dropping one that of the partition, and a new one is a
/// table in the schema.
async fn check_history(
    config: &Config,
    connection: &mut AsyncPgConnection,
    server: &Server,
    report: &mut Report,
) -> Result<(), DatabaseFault> {
    const CHECK: &str = "history";
    let role = quoted(&server.user);
    let foreign: Vec<_> =
        inspection::history_tables(connection).await?.into_iter().filter(|table| !table.is_ours).collect();
    if let Some(first) = foreign.first() {
        let names: Vec<&str> = foreign.iter().map(|table| table.name.as_str()).collect();
        report.warn(
            AREA,
            CHECK,
            format!(
                "{} belong to {}: no days are made or dropped, everything stays in the default partition",
                names.join(", "),
                first.owner
            ),
            format!("GRANT {} TO {role};", quoted(&first.owner)),
        );
        return Ok(());
    }
    let schema = server.schema.as_deref().unwrap_or("public");
    if config.history.retention_days > 0 && !inspection::may_create_tables(connection).await? {
        report.warn(
            AREA,
            CHECK,
            format!("this role may not create tables in the schema {schema}: no days are made"),
            format!("GRANT CREATE ON SCHEMA {} TO {role};", quoted(schema)),
        );
        return Ok(());
    }
    let days = history::days(connection).await?.len();
    report.ok(AREA, CHECK, format!("{days} days have a partition; they can be made and dropped"));
    Ok(())
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn privilege(table: &str, privilege: &str, granted: bool) -> Privilege {
        Privilege { table: table.to_owned(), privilege: privilege.to_owned(), is_granted: Some(granted) }
    }

    #[test]
    fn what_is_missing_is_granted_and_nothing_else() {
        let privileges = [
            privilege("a", "SELECT", false),
            privilege("a", "UPDATE", true),
            privilege("b", "INSERT", false),
            privilege("a", "DELETE", false),
        ];
        assert_eq!(
            grants("o\"dd", &privileges),
            "GRANT SELECT, DELETE ON a TO \"o\"\"dd\"; GRANT INSERT ON b TO \"o\"\"dd\";"
        );
    }
}
