//! Checks that the database is reachable, migrated and writable, and permits every statement of the relay.

use chrono::{DateTime, TimeDelta, Utc};
use comptoir_core::outbox::{history, probe};
use comptoir_core::platform::check::{self, Failure, check_server};
use comptoir_core::platform::check::{Server, server};
use comptoir_core::platform::database::{self, Migrations};
use comptoir_core::services::store::probe::host_trial;
use diesel_async::AsyncPgConnection;

use super::report::Report;
use crate::config::Config;
use crate::error::DatabaseFault;

const AREA: &str = "database";
const SETTING: &str = "DATABASE_URL";

/// The largest accepted difference between the clocks of this machine and of the database.
const CLOCK_BOUND: TimeDelta = TimeDelta::milliseconds(1000);
/// The connections of one replica, including the one that maintains the history.
const CONNECTIONS: i64 = 5;

/// Returns a connection for the other checks; `None` if they could not use the database.
pub(super) async fn check(config: &Config, report: &mut Report) -> Option<AsyncPgConnection> {
    let mut connection = match database::connect(&config.database).await {
        Ok(connection) => connection,
        Err(fault) => {
            let detail = format!("{}: {fault}", config.database.url.named(SETTING));
            let fix = fault.fix(SETTING).unwrap_or_else(|| "docs/connections.md".to_owned());
            report.fail(AREA, "reachable", detail, fix);
            return None;
        }
    };
    match ask(&mut connection, report).await {
        Ok(true) => Some(connection),
        Ok(false) => None,
        Err(fault) => {
            report.fail(AREA, "readable", fault.to_string(), "look at the server's log");
            None
        }
    }
}

/// Returns whether the other checks can use the database: its migrations are applied, and the statements of draining work.
async fn ask(connection: &mut AsyncPgConnection, report: &mut Report) -> Result<bool, DatabaseFault> {
    let asked = Utc::now();
    let server = server(connection).await?;
    let answered = Utc::now();
    let schema = server.schema.clone().unwrap_or_default();
    report.ok(
        AREA,
        "reachable",
        format!("PostgreSQL {} as {}, schema {schema}", server.version, server.user),
    );
    check_server(&server, CONNECTIONS, report);
    check_clock(&server, asked, answered, report);
    if !check_schema(connection, report).await? {
        return Ok(false);
    }
    if !try_work(&server.user, connection, report).await? {
        return Ok(false);
    }
    let days = history::days(connection).await?.len();
    report.ok(AREA, "history", format!("{days} days have a partition; they can be made and dropped"));
    Ok(true)
}

/// Runs the statements of draining in a transaction that is rolled back. Returns true if none of them failed.
async fn try_work(
    user: &str,
    connection: &mut AsyncPgConnection,
    report: &mut Report,
) -> Result<bool, DatabaseFault> {
    const CHECK: &str = "work";
    let trial: Vec<_> = probe::relay_trial().into_iter().chain(host_trial()).collect();
    let failures = check::attempt(connection, &trial).await?;
    if failures.is_empty() {
        report.ok(
            AREA,
            CHECK,
            "an event was written, read, put off, published and kept, a service was asked, and all of it undone",
        );
        return Ok(true);
    }
    for Failure { step, problem } in &failures {
        report.fail(
            AREA,
            CHECK,
            format!("cannot {step}: {problem}"),
            format!(
                "as the owner: CALL outbox_grant_relay('{}'::regrole), and see docs/roles.md",
                quoted(user).replace('\'', "''")
            ),
        );
    }
    Ok(false)
}

/// The measured difference is exact to half of the time that the answer took.
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

/// Returns false if this program has migrations that the database lacks.
async fn check_schema(
    connection: &mut AsyncPgConnection,
    report: &mut Report,
) -> Result<bool, DatabaseFault> {
    let state = match database::migration_state(connection, Migrations::Outbox).await {
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

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
