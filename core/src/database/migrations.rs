//! Brings the schema up to date.

use diesel_async::{AsyncMigrationHarness, SimpleAsyncConnection};
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

#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    #[error("cannot connect to PostgreSQL: {0}")]
    Connection(#[from] ConnectFault),
    #[error("cannot take the migration lock: {0}")]
    Lock(#[from] diesel::result::Error),
    #[error("migration failed: {0}")]
    Failed(Box<dyn std::error::Error + Send + Sync>),
}
