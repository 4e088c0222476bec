//! Brings the schema up to date.

use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel::sql_types::{Bool, Nullable, Text};
use diesel_async::{AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{ConnectFault, DatabaseConfig, connect};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../schema/migrations");

/// Two `migrate` at the same time must not both apply a migration; the number is arbitrary but must never change.
const MIGRATION_LOCK: i64 = 0x636f_6d70_746f_6972;

/// Brings the database up to date and returns the names of the migrations applied now. Two runs at the same time
/// are safe: the second waits for the first, then finds nothing to do.
///
/// Blocks its thread in places: call it as a step of its own on a multi-threaded runtime.
///
/// # Errors
/// No connection, or a migration that fails (it is rolled back).
pub async fn migrate(config: &DatabaseConfig) -> Result<Vec<String>, MigrationError> {
    // A migration may rightly run for minutes.
    let patient = DatabaseConfig { statement_timeout_ms: 0, lock_timeout_ms: 0, ..config.clone() };
    let mut connection = connect(&patient).await?;
    connection.batch_execute(&format!("SELECT pg_advisory_lock({MIGRATION_LOCK})")).await?;
    // The lock goes with the session.
    let mut harness = AsyncMigrationHarness::new(connection);
    let applied = harness.run_pending_migrations(MIGRATIONS).map_err(MigrationError::Failed)?;
    Ok(applied.iter().map(ToString::to_string).collect())
}

/// How the database stands to the migrations of this program.
#[derive(Debug, Clone, Default)]
pub struct MigrationState {
    /// How many this program has.
    pub known: usize,
    /// Names of those that are not applied.
    pub pending: Vec<String>,
    /// Versions that are applied and that this program does not know: it is the older one.
    pub unknown: Vec<String>,
    /// False if the connected role may not see which are applied.
    pub is_readable: bool,
}

crate::statement! {
    struct AskTable<'a> { table: &'a str => Text } -> (Bool, Nullable<Bool>)
    = "SELECT to_regclass(name) IS NOT NULL, has_table_privilege(to_regclass(name), 'SELECT')
    FROM (SELECT $1::text AS name) AS wanted"
}

crate::statement! {
    struct Applied<'a> {} -> (Text,) = "SELECT version::text FROM __diesel_schema_migrations ORDER BY version"
}

/// Compares the migrations; applies none.
///
/// # Errors
/// The connection's own.
pub async fn migration_state(connection: &mut AsyncPgConnection) -> Result<MigrationState, MigrationError> {
    let (exists, readable): (bool, Option<bool>) =
        AskTable::new("__diesel_schema_migrations").get_result(connection).await?;
    let is_readable = !exists || readable == Some(true);
    let mut applied: Vec<(String,)> = Vec::new();
    if exists && is_readable {
        applied = Applied::new().load(connection).await?;
    }
    let known = MigrationSource::<Pg>::migrations(&MIGRATIONS).map_err(MigrationError::Failed)?;
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
            .filter(|v| !versions.contains(v))
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
    #[error("migration failed: {0}")]
    Failed(Box<dyn std::error::Error + Send + Sync>),
}
