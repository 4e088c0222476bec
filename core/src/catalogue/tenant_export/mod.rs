//! Everything that is kept of one company, as JSON Lines with a manifest (docs/retention.md). One snapshot, read by the runtime role, which sees no other
//! company's rows. Rows are streamed: memory does not grow with them.

mod tables;

use std::io;

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, Binary, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures::TryStreamExt;
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

pub use self::tables::{EXPORTED, FILES, Files, LEFT_OUT, SECRETS};

use crate::application::set_tenant;
use crate::platform::database::{self, ConnectFault, DatabaseConfig};
use crate::values::ids::TenantId;

/// The number of rows after which `progress` is called again.
const PROGRESS_EVERY: u64 = 1_000;
/// The version of the export's own form; another one is another form.
const FORMAT: u32 = 1;

/// Where an export goes: one member after the other.
pub trait Sink {
    /// Begins a member with this name: letters, digits, `_`, `-`, `.`, and `/` between folders; at most 100 bytes.
    ///
    /// # Errors
    /// Fails if it cannot be written.
    fn begin(&mut self, name: &str) -> io::Result<()>;

    /// # Errors
    /// Fails if it cannot be written.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Ends the member.
    ///
    /// # Errors
    /// Fails if it cannot be written.
    fn end(&mut self) -> io::Result<()>;
}

/// What is in an export. It stands in it as `manifest.json`, behind all that it names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Manifest {
    pub format: u32,
    pub tenant_id: TenantId,
    /// When the snapshot was taken.
    pub taken_at: DateTime<Utc>,
    /// The last migration of the schema.
    pub schema_version: Option<String>,
    pub tables: Vec<ExportedTable>,
    pub folders: Vec<ExportedFolder>,
    /// Tables of companies that are not in it.
    pub left_out: Vec<LeftOut>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportedTable {
    pub table: &'static str,
    pub file: String,
    pub rows: u64,
    pub bytes: u64,
    /// Of the file, in hexadecimal.
    pub sha256: String,
    /// Columns that are not in it.
    pub left_out: Vec<&'static str>,
}

/// Files that stand for a column. The digest of each is in the row of its table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportedFolder {
    pub folder: &'static str,
    pub table: &'static str,
    pub column: &'static str,
    pub files: u64,
    pub bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    pub table: &'static str,
    pub reason: &'static str,
}

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("cannot connect to PostgreSQL: {0}")]
    Connection(#[from] ConnectFault),
    #[error("cannot read what is to be exported: {0}")]
    Statement(#[from] diesel::result::Error),
    #[error("cannot write the export: {0}")]
    Output(#[from] io::Error),
    #[error("cannot write the export's manifest: {0}")]
    Manifest(#[from] serde_json::Error),
    #[error("there is no tenant {0}: api tenants list names those that there are")]
    UnknownTenant(TenantId),
}

crate::statement! {
    struct About<'a> { tenant: Uuid => SqlUuid } -> (Timestamptz, Nullable<Text>)
    = "SELECT now(), (SELECT max(version)::text FROM __diesel_schema_migrations) FROM tenants WHERE id = $1"
}

crate::statement! {
    /// Makes the statement that reads the rows of a table as JSON, in the order of its key. Numbers with decimals become texts: not every reader of JSON keeps
    /// all of their digits.
    struct Compose<'a> { name: &'a str => Text, without: &'a [&'a str] => Array<Text>, owner: &'a str => Text } -> (Text,)
    = "WITH given AS (
        SELECT $1::text::regclass AS relation, $2::text[] AS without, $3::text AS owner
    )
    SELECT format('SELECT row_to_json(r)::text AS line FROM (SELECT %s FROM %s AS t WHERE t.%I = comptoir_tenant() ORDER BY %s) AS r',
        (SELECT string_agg(
                CASE a.atttypid WHEN 'numeric'::regtype THEN format('t.%I::text AS %I', a.attname, a.attname) ELSE format('t.%I', a.attname) END,
                ', ' ORDER BY a.attnum)
            FROM pg_attribute AS a
            WHERE a.attrelid = g.relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attname::text <> ALL (g.without)),
        g.relation, g.owner,
        (SELECT string_agg(format('t.%I', k.attname), ', ' ORDER BY array_position(i.indkey::smallint[], k.attnum))
            FROM pg_index AS i JOIN pg_attribute AS k ON k.attrelid = i.indrelid AND k.attnum = ANY (i.indkey::smallint[])
            WHERE i.indrelid = g.relation AND i.indisprimary))
    FROM given AS g"
}

#[derive(Debug, QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

#[derive(Debug, QueryableByName)]
struct File {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Binary)]
    content: Vec<u8>,
}

/// Writes everything that is kept of a company. `config` works as the runtime role. `progress` gets the table and the number of its rows so far.
///
/// # Errors
/// Fails if the tenant does not exist, if the database cannot be reached, or if `sink` cannot write: what it has then is not whole.
pub async fn export(
    config: &DatabaseConfig,
    tenant: TenantId,
    sink: &mut impl Sink,
    progress: impl Fn(&str, u64),
) -> Result<Manifest, ExportError> {
    // A table may take minutes; the transaction only reads.
    let patient =
        DatabaseConfig { statement_timeout_ms: 0, idle_in_transaction_timeout_ms: 0, ..config.clone() };
    let mut connection = database::connect(&patient).await?;
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL TimeZone = 'UTC'";
    connection.batch_execute(&format!("{begin}; {}", set_tenant(tenant))).await?;
    let about: Option<(DateTime<Utc>, Option<String>)> =
        About::new(tenant.uuid()).get_result(&mut connection).await.optional()?;
    let (taken_at, schema_version) = about.ok_or(ExportError::UnknownTenant(tenant))?;
    let mut manifest = Manifest {
        format: FORMAT,
        tenant_id: tenant,
        taken_at,
        schema_version,
        tables: Vec::new(),
        folders: Vec::new(),
        left_out: LEFT_OUT.iter().map(|&(table, reason)| LeftOut { table, reason }).collect(),
    };
    for table in EXPORTED {
        manifest.tables.push(export_table(&mut connection, table, sink, &progress).await?);
    }
    for files in FILES {
        manifest.folders.push(export_files(&mut connection, files, sink, &progress).await?);
    }
    connection.batch_execute("COMMIT").await?;
    sink.begin("manifest.json")?;
    sink.write(&serde_json::to_vec_pretty(&manifest)?)?;
    sink.end()?;
    Ok(manifest)
}

async fn export_table(
    connection: &mut AsyncPgConnection,
    table: &'static str,
    sink: &mut impl Sink,
    progress: &impl Fn(&str, u64),
) -> Result<ExportedTable, ExportError> {
    let left_out = tables::without(table);
    let owner = if table == "tenants" { "id" } else { "tenant_id" };
    let (statement,): (String,) = Compose::new(table, &left_out, owner).get_result(connection).await?;
    let file = format!("{table}.jsonl");
    let (mut digest, mut rows, mut bytes) = (Sha256::new(), 0_u64, 0_u64);
    sink.begin(&file)?;
    {
        let mut lines = diesel::sql_query(statement).load_stream::<Line>(connection).await?;
        while let Some(Line { mut line }) = lines.try_next().await? {
            line.push('\n');
            sink.write(line.as_bytes())?;
            digest.update(line.as_bytes());
            bytes += line.len() as u64;
            rows += 1;
            if rows.is_multiple_of(PROGRESS_EVERY) {
                progress(table, rows);
            }
        }
    }
    sink.end()?;
    progress(table, rows);
    Ok(ExportedTable { table, file, rows, bytes, sha256: hex::encode(digest.finalize()), left_out })
}

async fn export_files(
    connection: &mut AsyncPgConnection,
    &Files { table, column, name, extension, folder }: &Files,
    sink: &mut impl Sink,
    progress: &impl Fn(&str, u64),
) -> Result<ExportedFolder, ExportError> {
    // All of it is written in tables.rs.
    let statement = format!(
        "SELECT ({name})::text AS name, t.{column} AS content FROM {table} AS t WHERE t.tenant_id = comptoir_tenant() ORDER BY 1"
    );
    let (mut files, mut bytes) = (0_u64, 0_u64);
    {
        let mut found = diesel::sql_query(statement).load_stream::<File>(connection).await?;
        while let Some(File { name, content }) = found.try_next().await? {
            sink.begin(&format!("{folder}/{name}.{extension}"))?;
            sink.write(&content)?;
            sink.end()?;
            bytes += content.len() as u64;
            files += 1;
            if files.is_multiple_of(PROGRESS_EVERY) {
                progress(folder, files);
            }
        }
    }
    progress(folder, files);
    Ok(ExportedFolder { folder, table, column, files, bytes })
}
