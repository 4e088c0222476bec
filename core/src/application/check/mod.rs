//! Checks the database as the API and its services use it.

use diesel_async::AsyncPgConnection;

use crate::platform::database::{self, DatabaseConfig, MigrationError, Migrations, RuntimeRole};

mod roles;

use self::roles::{
    RoleState, is_about_isolation, may_become_me, runtime_role, runtime_trial, services_trial,
};
use crate::platform::check::{Failure, Findings, attempt, check_server, server};

const DATABASE: &str = "database";
const RUNTIME: &str = "runtime role";
const SERVICES: &str = "services";
/// Connections beside the pool: those that wake the relay, and those of the services across tenants.
const MORE_CONNECTIONS: i64 = 4;

/// The log-ins and the role with which the API and its services use the database.
#[derive(Debug, Clone)]
pub struct ApiSetup {
    pub database: DatabaseConfig,
    pub runtime_role: RuntimeRole,
    /// `None` where the services that work across tenants are off.
    pub services: Option<DatabaseConfig>,
}

/// Tries everything that the API does in the database, as each role that is configured, and undoes it.
pub async fn check_api(setup: &ApiSetup) -> Findings {
    let mut findings = Findings::default();
    if let Err(error) = check_database(setup, &mut findings).await {
        findings.fail(DATABASE, "readable", error.to_string(), "look at the server's log");
    }
    findings
}

async fn check_database(setup: &ApiSetup, findings: &mut Findings) -> Result<(), MigrationError> {
    // First as the log-in, without its role: a fault of the role must not hide other faults.
    let Some(mut log_in) = connection(DATABASE, &setup.database, findings).await else { return Ok(()) };
    let server = server(&mut log_in).await?;
    let schema = server.schema.clone().unwrap_or_default();
    let user = &server.user;
    findings.ok(DATABASE, "reachable", format!("PostgreSQL {} as {user}, schema {schema}", server.version));
    let pool = i64::try_from(setup.database.pool_size).unwrap_or(i64::MAX);
    check_server(&server, pool.saturating_add(MORE_CONNECTIONS), findings);
    drop(log_in);
    let as_runtime = setup.database.clone().with_role(&setup.runtime_role);
    if let Some(mut runtime) = connection(RUNTIME, &as_runtime, findings).await
        && check_schema(&mut runtime, findings).await?
    {
        check_runtime(&mut runtime, findings).await?;
    }
    check_services(setup, &server.user, findings).await
}

async fn connection(
    area: &'static str,
    config: &DatabaseConfig,
    findings: &mut Findings,
) -> Option<AsyncPgConnection> {
    let fault = match database::connect(config).await {
        Ok(connection) => return Some(connection),
        Err(fault) => fault,
    };
    let setting = if area == SERVICES { "SERVICES_DATABASE_URL" } else { "DATABASE_URL" };
    let detail = format!("{}: {fault}", config.url.named(setting));
    findings.fail(
        area,
        "reachable",
        detail,
        fault.fix(setting).unwrap_or_else(|| "docs/roles.md".to_owned()),
    );
    None
}

/// Whether the schema's version can be read and includes all migrations that this program knows.
async fn check_schema(
    connection: &mut AsyncPgConnection,
    findings: &mut Findings,
) -> Result<bool, MigrationError> {
    let state = database::migration_state(connection, Migrations::All).await?;
    if !state.is_readable {
        findings.fail(
            DATABASE,
            "schema",
            "the runtime role may not read __diesel_schema_migrations: the version is unknown",
            "api migrate, as the owner, grants the role what it needs",
        );
    } else if !state.pending.is_empty() {
        findings.fail(
            DATABASE,
            "schema",
            format!("not applied: {}", state.pending.join(", ")),
            "api migrate",
        );
    } else if !state.unknown.is_empty() {
        let newer = state.unknown.join(", ");
        findings.warn(DATABASE, "schema", format!("newer than this program: {newer}"), "upgrade the API");
    } else {
        findings.ok(DATABASE, "schema", format!("all {} migrations are applied", state.known));
    }
    Ok(state.pending.is_empty() && state.is_readable)
}

async fn check_runtime(
    connection: &mut AsyncPgConnection,
    findings: &mut Findings,
) -> Result<(), MigrationError> {
    let RoleState { log_in, role, is_bound, row_security } = runtime_role(connection).await?;
    findings.ok(RUNTIME, "role", format!("{log_in} becomes {role}"));
    if !is_bound {
        findings.warn(
            RUNTIME,
            "row-level-security",
            format!(
                "it does not hold for {role}, which is a superuser, has BYPASSRLS or owns the tables: one company's data is \
                 kept from another by the API's own queries alone"
            ),
            "set api.database_role to a role of its own (empty is <database>_runtime), and log in as docs/roles.md says",
        );
    }
    if !row_security {
        findings.fail(
            RUNTIME,
            "row-security",
            "row_security is off for this session: every query is refused that a policy concerns",
            format!("ALTER ROLE \"{log_in}\" RESET row_security (and look at the database's and the server's settings)"),
        );
    }
    let failures = attempt(connection, &runtime_trial()).await?;
    // Reported above, with its fix.
    let expected = |failure: &Failure| !is_bound && is_about_isolation(failure);
    report(RUNTIME, failures.into_iter().filter(|failure| !expected(failure)).collect(), findings);
    Ok(())
}

async fn check_services(
    setup: &ApiSetup,
    log_in: &str,
    findings: &mut Findings,
) -> Result<(), MigrationError> {
    let Some(config) = setup.services.clone() else {
        findings.warn(
            SERVICES,
            "off",
            "api.services_database_url is not set: old idempotency records and sessions are not deleted",
            "give the services a log-in of their own (docs/roles.md)",
        );
        return Ok(());
    };
    let Some(mut services) = connection(SERVICES, &config, findings).await else { return Ok(()) };
    if may_become_me(&mut services, log_in).await? {
        findings.warn(
            SERVICES,
            "log-in",
            format!(
                "the API's log-in {log_in} may become the services': it could reach what works across tenants"
            ),
            "give them log-ins of their own, of which neither is a member of the other",
        );
    }
    let failures = attempt(&mut services, &services_trial()).await?;
    report(SERVICES, failures, findings);
    connection(SERVICES, &config.with_role(&setup.runtime_role), findings).await;
    Ok(())
}

fn report(area: &'static str, failures: Vec<Failure>, findings: &mut Findings) {
    if failures.is_empty() {
        findings.ok(area, "work", "everything that it does was tried, and undone");
    }
    for Failure { step, problem } in failures {
        findings.fail(
            area,
            "work",
            format!("{step}: {problem}"),
            "api migrate, as the owner; then see docs/roles.md",
        );
    }
}
