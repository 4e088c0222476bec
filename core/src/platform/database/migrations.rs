//! Brings the schema up to date with two sets of migrations. The outbox's set does not depend on the other.

use std::time::Duration;

use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel::sql_types::{Bool, Nullable, Text};
use diesel_async::{AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use tokio_postgres::error::SqlState;

use super::{ConnectFault, DatabaseConfig, RuntimeRole, connect, sqlstate};

const OUTBOX: EmbeddedMigrations = embed_migrations!("../schema/outbox");
const COMMERCE: EmbeddedMigrations = embed_migrations!("../schema/commerce");

/// Takes the right to create objects in the schema from other roles. Refuses a schema in which others left an object that could
/// be called by mistake.
const GUARD: &str = include_str!("../../../../schema/guard.sql");

/// Creates the table of versions as Diesel would.
const MAKE_VERSIONS: &str = "
    DO $$ BEGIN
        CREATE TABLE IF NOT EXISTS __diesel_schema_migrations (
            version varchar(50) PRIMARY KEY NOT NULL, run_on timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP);
    -- Another run makes it, or its type, at the same time.
    EXCEPTION WHEN unique_violation OR duplicate_table OR duplicate_object THEN
        NULL;
    END $$";

/// A lock that allows reads and writes but excludes another run, which takes the same lock. Not an advisory lock: every role
/// that may connect can take one, and keep it.
const LOCK_VERSIONS: &str =
    "BEGIN; LOCK TABLE __diesel_schema_migrations IN SHARE UPDATE EXCLUSIVE MODE NOWAIT";
/// The pause until a run that waits for another asks again.
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// The migrations that a program needs. Both sets are recorded in one table, under versions that differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migrations {
    /// The relay's: the outbox and nothing else. Makes no role.
    Outbox,
    /// The API's: the outbox and everything else.
    All,
}

impl Migrations {
    fn sets(self) -> Vec<EmbeddedMigrations> {
        match self {
            Self::Outbox => vec![OUTBOX],
            Self::All => vec![OUTBOX, COMMERCE],
        }
    }
}

/// Brings the database up to date, as its owner, and returns the names of the migrations applied now. Two runs at the same
/// time are safe: the second waits for the first, then finds nothing to do.
///
/// Blocks its thread in places: call it as a step of its own on a multi-threaded runtime.
///
/// # Errors
/// Fails if there is no connection, if others left objects in the schema, or if a migration fails (it is rolled back).
pub async fn migrate(config: &DatabaseConfig, migrations: Migrations) -> Result<Vec<String>, MigrationError> {
    // This connection ends with the function, and its lock with it.
    let mut other_runs_wait = patient_connection(config).await?;
    other_runs_wait.batch_execute(GUARD).await.map_err(|error| MigrationError::Refused(error.to_string()))?;
    other_runs_wait.batch_execute(MAKE_VERSIONS).await?;
    lock_versions(&mut other_runs_wait).await?;
    let mut harness = AsyncMigrationHarness::new(patient_connection(config).await?);
    let mut names = Vec::new();
    for set in migrations.sets() {
        let applied = harness.run_pending_migrations(set).map_err(MigrationError::Failed)?;
        names.extend(applied.iter().map(ToString::to_string));
    }
    Ok(names)
}

/// Waits for another run outside of any statement: one that waits within would be waited for by `CREATE INDEX CONCURRENTLY` of the
/// other run, for ever.
async fn lock_versions(connection: &mut AsyncPgConnection) -> Result<(), MigrationError> {
    loop {
        match connection.batch_execute(LOCK_VERSIONS).await {
            Err(error) if sqlstate(&error).is_some_and(|state| state == SqlState::LOCK_NOT_AVAILABLE) => {
                connection.batch_execute("ROLLBACK").await?;
                tokio::time::sleep(ASK_AGAIN).await;
            }
            locked => return Ok(locked?),
        }
    }
}

/// Creates the runtime role of this database if it is missing, and grants it the privileges that it needs. To be called by the
/// owner, after [`migrate`].
///
/// # Errors
/// Fails if there is no connection, or if the role is missing and the owner may not create it; the text says what to do.
pub async fn make_runtime_role(config: &DatabaseConfig, role: &RuntimeRole) -> Result<(), MigrationError> {
    let mut connection = patient_connection(config).await?;
    let call = format!("DO $$ BEGIN CALL comptoir_make_runtime({}); END $$", role.name_in_sql());
    connection.batch_execute(&call).await.map_err(|error| MigrationError::RuntimeRole(error.to_string()))
}

/// Opens a connection whose statements have no time limit: a migration may rightly run for minutes.
async fn patient_connection(config: &DatabaseConfig) -> Result<AsyncPgConnection, ConnectFault> {
    let patient = DatabaseConfig {
        statement_timeout_ms: 0,
        lock_timeout_ms: 0,
        idle_in_transaction_timeout_ms: 0,
        ..config.clone()
    };
    connect(&patient).await
}

/// The state of the database, compared with the migrations of this program.
#[derive(Debug, Clone, Default)]
pub struct MigrationState {
    /// How many migrations this program has.
    pub known: usize,
    /// Names of the migrations that are not applied.
    pub pending: Vec<String>,
    /// Applied versions that this program does not know, because it is older.
    pub unknown: Vec<String>,
    /// False if the connected role may not see which migrations are applied.
    pub is_readable: bool,
}

crate::statement! {
    struct AskTable<'a> { table: &'a str => Text } -> (Bool, Nullable<Bool>)
    = "SELECT pg_catalog.to_regclass(name) IS NOT NULL,
        pg_catalog.has_table_privilege(pg_catalog.to_regclass(name), 'SELECT')
    FROM (SELECT $1::text AS name) AS wanted"
}

crate::statement! {
    struct Applied<'a> {} -> (Text,) = "SELECT version::text FROM __diesel_schema_migrations ORDER BY version"
}

/// Compares the database with the migrations of this program; applies none.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn migration_state(
    connection: &mut AsyncPgConnection,
    migrations: Migrations,
) -> Result<MigrationState, MigrationError> {
    let (exists, readable): (bool, Option<bool>) =
        AskTable::new("__diesel_schema_migrations").get_result(connection).await?;
    let is_readable = !exists || readable == Some(true);
    let mut applied: Vec<(String,)> = Vec::new();
    if exists && is_readable {
        applied = Applied::new().load(connection).await?;
    }
    let of_set =
        |set: &EmbeddedMigrations| MigrationSource::<Pg>::migrations(set).map_err(MigrationError::Failed);
    let mut known = Vec::new();
    for set in migrations.sets() {
        known.extend(of_set(&set)?);
    }
    // The relay does not need the other set, but knows its versions.
    let mut others = Vec::new();
    if migrations == Migrations::Outbox {
        others = of_set(&COMMERCE)?;
    }
    let others: Vec<String> = others.iter().map(|migration| migration.name().version().to_string()).collect();
    let versions: Vec<String> =
        known.iter().map(|migration| migration.name().version().to_string()).collect();
    let is_applied = |version: &String| applied.iter().any(|(applied,)| applied == version);
    Ok(MigrationState {
        known: known.len(),
        pending: known
            .iter()
            .zip(&versions)
            .filter(|(_, version)| is_readable && !is_applied(version))
            .map(|(migration, _)| migration.name().to_string())
            .collect(),
        unknown: applied
            .iter()
            .map(|(version,)| version)
            .filter(|v| !versions.contains(v) && !others.contains(v))
            .cloned()
            .collect(),
        is_readable,
    })
}

#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    #[error("cannot connect to PostgreSQL: {0}")]
    Connection(#[from] ConnectFault),
    #[error("cannot ask for the migrations: {0}")]
    Statement(#[from] diesel::result::Error),
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    RuntimeRole(String),
    #[error("migration failed: {0}")]
    Failed(Box<dyn std::error::Error + Send + Sync>),
}
