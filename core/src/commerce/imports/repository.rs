//! Imports and their rows in the database, as commands read and write them.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Integer, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use super::aggregate::{
    Import, ImportCredential, ImportError, ImportKind, ImportMode, ImportState, Outcome, Progress,
};
use crate::application::Locked;
use crate::application::aggregate::{LockMode, find};
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::platform::schema::{import_rows, imports};
use crate::values::ids::{ApiKeyId, ImportId, SessionId, TenantId};

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = imports, primary_key(tenant_id, id), treat_none_as_null = true, treat_none_as_default_value = false)]
pub(super) struct ImportRecord {
    tenant_id: Uuid,
    id: Uuid,
    version: i64,
    kind: String,
    mode: String,
    file_name: Option<String>,
    state: String,
    reason: Option<String>,
    rows: i32,
    created: i32,
    updated: i32,
    unchanged: i32,
    refused: i32,
    session_id: Option<Uuid>,
    api_key_id: Option<Uuid>,
    created_by: String,
    correlation_id: String,
    worker: Option<Uuid>,
    leased_until: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    updated_at: DateTime<Utc>,
}

impl ImportRecord {
    fn of(tenant: TenantId, import: &Import) -> Self {
        let (session_id, api_key_id) = match import.credential {
            ImportCredential::Session(id) => (Some(id.uuid()), None),
            ImportCredential::ApiKey(id) => (None, Some(id.uuid())),
            ImportCredential::Operator => (None, None),
        };
        let Progress { rows, created, updated, unchanged, refused } = import.progress;
        Self {
            tenant_id: tenant.uuid(),
            id: import.id.uuid(),
            version: import.version,
            kind: import.kind.name().to_owned(),
            mode: import.mode.name().to_owned(),
            file_name: import.file_name.clone(),
            state: import.state.name().to_owned(),
            reason: import.reason.clone(),
            rows,
            created,
            updated,
            unchanged,
            refused,
            session_id,
            api_key_id,
            created_by: import.created_by.clone(),
            correlation_id: import.correlation_id.clone(),
            worker: import.worker,
            leased_until: import.leased_until,
            created_at: import.created_at,
            started_at: import.started_at,
            finished_at: import.finished_at,
            updated_at: import.updated_at,
        }
    }

    pub(super) fn into_import(self) -> Result<Import, Error> {
        let (rows, created, updated) = (self.rows, self.created, self.updated);
        Ok(Import {
            id: ImportId::from_uuid(self.id),
            version: self.version,
            kind: stored("a kind of import", &self.kind, &ImportKind::ALL, ImportKind::name)?,
            mode: stored("a mode of import", &self.mode, &ImportMode::ALL, ImportMode::name)?,
            file_name: self.file_name,
            state: stored("a state of import", &self.state, &ImportState::ALL, ImportState::name)?,
            reason: self.reason,
            progress: Progress { rows, created, updated, unchanged: self.unchanged, refused: self.refused },
            credential: match (self.session_id, self.api_key_id) {
                (Some(id), _) => ImportCredential::Session(SessionId::from_uuid(id)),
                (None, Some(id)) => ImportCredential::ApiKey(ApiKeyId::from_uuid(id)),
                (None, None) => ImportCredential::Operator,
            },
            created_by: self.created_by,
            correlation_id: self.correlation_id,
            worker: self.worker,
            leased_until: self.leased_until,
            created_at: self.created_at,
            started_at: self.started_at,
            finished_at: self.finished_at,
            updated_at: self.updated_at,
        })
    }
}

fn stored<T: Copy>(
    what: &'static str,
    text: &str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Result<T, Error> {
    let found = all.iter().copied().find(|one| name(*one) == text);
    found.ok_or_else(|| Error::Stored { what, value: text.to_owned() })
}

/// # Errors
/// `NotFound` if the tenant has no such import. Fails if the database cannot be reached.
pub(super) async fn load(work: &mut UnitOfWork<'_>, id: ImportId) -> Result<Import, Error> {
    let query = imports::table.find((work.tenant().uuid(), id.uuid())).select(ImportRecord::as_select());
    let row: Option<ImportRecord> = find(work, Locked::Import, LockMode::Change, query).await?;
    row.ok_or(ImportError::NotFound(id))?.into_import()
}

pub(super) async fn insert(work: &mut UnitOfWork<'_>, import: &Import) -> Result<(), Error> {
    let row = ImportRecord::of(work.tenant(), import);
    diesel::insert_into(imports::table).values(&row).execute(work.connection()).await?;
    Ok(())
}

pub(super) async fn save(work: &mut UnitOfWork<'_>, import: &Import) -> Result<(), Error> {
    let row = ImportRecord::of(work.tenant(), import);
    diesel::update(imports::table.find((row.tenant_id, row.id))).set(&row).execute(work.connection()).await?;
    Ok(())
}

/// Deletes an import that has not arrived as a whole.
pub(super) async fn delete_unfinished(work: &mut UnitOfWork<'_>, id: ImportId) -> Result<(), Error> {
    work.locks(Locked::Import);
    let import = imports::table.find((work.tenant().uuid(), id.uuid()));
    diesel::delete(import.filter(imports::state.eq(ImportState::Receiving.name())))
        .execute(work.connection())
        .await?;
    Ok(())
}

crate::statement! {
    struct InsertRows<'a> {
        tenant: Uuid => SqlUuid,
        import: Uuid => SqlUuid,
        numbers: &'a [i32] => Array<Integer>,
        contents: &'a [String] => Array<Text>,
    }
    = "INSERT INTO import_rows (tenant_id, import_id, number, content) SELECT $1, $2, row.* FROM unnest($3, $4) AS row"
}

/// Keeps rows as they arrived. `first` is the number of the first.
pub(super) async fn insert_rows(
    work: &mut UnitOfWork<'_>,
    import: ImportId,
    first: i32,
    contents: &[String],
) -> Result<(), Error> {
    // The foreign key locks the import.
    work.locks(Locked::Import);
    let tenant = work.tenant().uuid();
    let numbers: Vec<i32> = (first..).take(contents.len()).collect();
    InsertRows::new(tenant, import.uuid(), &numbers, contents).execute(work.connection()).await?;
    Ok(())
}

/// Counts the imports that are under way.
pub(super) async fn count_open(work: &mut UnitOfWork<'_>) -> Result<i64, Error> {
    let open = [ImportState::Receiving, ImportState::Waiting, ImportState::Running].map(ImportState::name);
    let count = imports::table
        .filter(imports::tenant_id.eq(work.tenant().uuid()).and(imports::state.eq_any(open)))
        .count();
    Ok(count.get_result(work.connection()).await?)
}

/// Keeps an import as it is until the unit of work ends. Returns `false` if this process does not work on it any more.
pub(super) async fn hold(work: &mut UnitOfWork<'_>, id: ImportId, worker: Uuid) -> Result<bool, Error> {
    work.locks(Locked::Import);
    let row: Option<ImportRecord> = imports::table
        .find((work.tenant().uuid(), id.uuid()))
        .select(ImportRecord::as_select())
        .for_share()
        .first(work.connection())
        .await
        .optional()?;
    Ok(row.map(ImportRecord::into_import).transpose()?.is_some_and(|import| import.is_of(worker)))
}

/// Locks a row that is to be worked off. Returns `false` if that has happened.
pub(super) async fn take_row(
    work: &mut UnitOfWork<'_>,
    import: ImportId,
    number: i32,
) -> Result<bool, Error> {
    let query = import_rows::table
        .find((work.tenant().uuid(), import.uuid(), number))
        .select(import_rows::outcome.is_null());
    let is_waiting: Option<bool> = find(work, Locked::ImportRow, LockMode::Change, query).await?;
    Ok(is_waiting.unwrap_or(false))
}

pub(super) async fn accept_row(
    work: &mut UnitOfWork<'_>,
    import: ImportId,
    number: i32,
    (outcome, resource): (Outcome, Uuid),
) -> Result<(), Error> {
    diesel::update(import_rows::table.find((work.tenant().uuid(), import.uuid(), number)))
        .set((
            import_rows::outcome.eq(outcome.name()),
            import_rows::resource_id.eq(resource),
            import_rows::content.eq(None::<String>),
        ))
        .execute(work.connection())
        .await?;
    Ok(())
}

pub(super) async fn refuse_row(
    work: &mut UnitOfWork<'_>,
    import: ImportId,
    number: i32,
    errors: &Value,
) -> Result<(), Error> {
    diesel::update(import_rows::table.find((work.tenant().uuid(), import.uuid(), number)))
        .set((import_rows::outcome.eq("refused"), import_rows::errors.eq(errors)))
        .execute(work.connection())
        .await?;
    Ok(())
}

/// Counts what became of the rows.
pub(super) async fn progress(
    work: &mut UnitOfWork<'_>,
    import: ImportId,
    rows: i32,
) -> Result<Progress, Error> {
    let counts: Vec<(Option<String>, i64)> = import_rows::table
        .filter(import_rows::tenant_id.eq(work.tenant().uuid()))
        .filter(import_rows::import_id.eq(import.uuid()))
        .filter(import_rows::outcome.is_not_null())
        .group_by(import_rows::outcome)
        .select((import_rows::outcome, diesel::dsl::count_star()))
        .load(work.connection())
        .await?;
    let of = |name: &str| {
        let found = counts.iter().find(|(outcome, _)| outcome.as_deref() == Some(name));
        found.map_or(0, |(_, number)| i32::try_from(*number).unwrap_or(i32::MAX))
    };
    Ok(Progress {
        rows,
        created: of("created"),
        updated: of("updated"),
        unchanged: of("unchanged"),
        refused: of("refused"),
    })
}
