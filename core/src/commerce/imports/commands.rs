//! The commands on imports.

use std::fmt;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::MAX_OPEN;
use super::aggregate::{
    Import, ImportCredential, ImportError, ImportKind, ImportMode, ImportState, Outcome, Progress,
};
use super::queries::ImportView;
use super::repository;
use crate::application::error::{Error, check_version};
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::application::{Actor, Credential, CredentialKind, Principal};
use crate::values::ids::{ImportId, TenantId};

const RESOURCE: &str = "import";

impl ImportCredential {
    /// # Errors
    /// `Unauthenticated` if the principal has no credential that lasts.
    fn of(principal: &Principal) -> Result<Self, Error> {
        match principal.actor {
            Actor::User { session_id: Some(id), .. } => Ok(Self::Session(id)),
            Actor::User { session_id: None, .. } => Err(Error::Unauthenticated),
            Actor::ApiKey(id) => Ok(Self::ApiKey(id)),
            Actor::Operator => Ok(Self::Operator),
            Actor::OperatorAccount { .. } => Err(Error::NotForOperators),
        }
    }

    /// Returns the credential, to look up its principal; `None` for an operator.
    pub fn credential(self, tenant_id: TenantId) -> Option<Credential> {
        let kind = match self {
            Self::Session(id) => CredentialKind::Session(id),
            Self::ApiKey(id) => CredentialKind::ApiKey(id),
            Self::Operator => return None,
        };
        Some(Credential { tenant_id, kind })
    }
}

/// Begins an import. Its rows follow by [`StageRows`], and [`SubmitImport`] ends them.
#[derive(Debug)]
pub struct BeginImport {
    pub id: ImportId,
    pub kind: ImportKind,
    pub mode: ImportMode,
    pub file_name: Option<String>,
}

impl Command for BeginImport {
    type Outcome = ();

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        if repository::count_open(work).await? >= MAX_OPEN {
            return Err(ImportError::TooMany.into());
        }
        let now = work.now();
        let context = work.context();
        let import = Import {
            id: self.id,
            version: 1,
            kind: self.kind,
            mode: self.mode,
            file_name: self.file_name.clone(),
            state: ImportState::Receiving,
            reason: None,
            progress: Progress::default(),
            credential: ImportCredential::of(&context.principal)?,
            created_by: context.principal.name.clone(),
            correlation_id: context.correlation_id.clone(),
            worker: None,
            leased_until: None,
            created_at: now,
            started_at: None,
            finished_at: None,
            updated_at: now,
        };
        repository::insert(work, &import).await
    }
}

/// Keeps rows of an import, each a JSON object.
#[derive(Debug)]
pub struct StageRows {
    pub import: ImportId,
    /// The number of the first row; the file's first is 1.
    pub first: i32,
    pub rows: Vec<String>,
}

impl Command for StageRows {
    type Outcome = ();

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        repository::insert_rows(work, self.import, self.first, &self.rows).await
    }
}

/// Says that all rows have arrived: a process may work on them.
#[derive(Debug)]
pub struct SubmitImport {
    pub id: ImportId,
    pub rows: i32,
}

impl Command for SubmitImport {
    type Outcome = ImportView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<ImportView, Error> {
        let mut import = repository::load(work, self.id).await?;
        let progress = Progress { rows: self.rows, ..import.progress };
        import.release(progress, work.now_after(import.updated_at));
        repository::save(work, &import).await?;
        let view = ImportView::from(import);
        work.audit("import.create", (RESOURCE, self.id), None, Some(&view))?;
        Ok(view)
    }
}

/// Deletes an import whose rows did not all arrive.
#[derive(Debug)]
pub struct AbandonImport(pub ImportId);

impl Command for AbandonImport {
    type Outcome = ();

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        repository::delete_unfinished(work, self.0).await
    }
}

/// Changes an import by the decision of a client, and counts anew what became of its rows. It has no events, which `change` of
/// the aggregates would record.
async fn decide(
    work: &mut UnitOfWork<'_>,
    id: ImportId,
    expected_version: Option<i64>,
    action: &'static str,
    decision: impl FnOnce(&mut Import, DateTime<Utc>) -> Result<(), ImportError>,
) -> Result<ImportView, Error> {
    let mut import = repository::load(work, id).await?;
    check_version(expected_version, import.version)?;
    let (before, now) = (ImportView::from(import.clone()), work.now_after(import.updated_at));
    decision(&mut import, now)?;
    import.progress = repository::progress(work, id, import.progress.rows).await?;
    repository::save(work, &import).await?;
    let view = ImportView::from(import);
    work.audit(action, (RESOURCE, id), Some(&before), Some(&view))?;
    Ok(view)
}

/// Ends an import where it is: what was done stays.
#[derive(Debug)]
pub struct CancelImport {
    pub id: ImportId,
    pub expected_version: Option<i64>,
}

impl Command for CancelImport {
    type Outcome = ImportView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<ImportView, Error> {
        decide(work, self.id, self.expected_version, "import.cancel", Import::cancel).await
    }
}

/// Lets an import go on that stopped, with the rights of whoever asks.
#[derive(Debug)]
pub struct ResumeImport {
    pub id: ImportId,
    pub expected_version: Option<i64>,
}

impl Command for ResumeImport {
    type Outcome = ImportView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<ImportView, Error> {
        let credential = ImportCredential::of(&work.context().principal)?;
        let resume = |import: &mut Import, now| import.resume(credential, now);
        decide(work, self.id, self.expected_version, "import.resume", resume).await
    }
}

/// Takes an import for a process, if no other one works on it.
#[derive(Debug)]
pub struct ClaimImport {
    pub id: ImportId,
    /// The process.
    pub worker: Uuid,
}

/// An import that this process works on.
#[derive(Debug, Clone)]
pub struct Claimed {
    pub kind: ImportKind,
    pub mode: ImportMode,
    pub credential: ImportCredential,
    pub correlation_id: String,
    pub progress: Progress,
}

impl Command for ClaimImport {
    type Outcome = Option<Claimed>;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<Option<Claimed>, Error> {
        let mut import = repository::load(work, self.id).await?;
        let now = work.now_after(import.updated_at);
        if !import.is_due(now) {
            return Ok(None);
        }
        import.progress = repository::progress(work, self.id, import.progress.rows).await?;
        import.claim(self.worker, now);
        repository::save(work, &import).await?;
        let Import { kind, mode, credential, correlation_id, progress, .. } = import;
        Ok(Some(Claimed { kind, mode, credential, correlation_id, progress }))
    }
}

/// Notes how far a process has come. Returns `false` if the import is not its own any more: it was cancelled, or another
/// process has taken it over.
#[derive(Debug)]
pub struct KeepImport {
    pub id: ImportId,
    pub worker: Uuid,
    pub progress: Progress,
}

impl Command for KeepImport {
    type Outcome = bool;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<bool, Error> {
        let mut import = repository::load(work, self.id).await?;
        if !import.is_of(self.worker) {
            return Ok(false);
        }
        import.keep(self.progress, work.now_after(import.updated_at));
        repository::save(work, &import).await?;
        Ok(true)
    }
}

/// How a process ends its work on an import.
#[derive(Debug, Clone)]
pub enum Leaving {
    Finished,
    /// It cannot go on, for this reason.
    Stopped(String),
    /// Another process is to go on.
    Released,
}

/// Ends the work of a process on an import, if it is still its own.
#[derive(Debug)]
pub struct LeaveImport {
    pub id: ImportId,
    pub worker: Uuid,
    pub how: Leaving,
}

impl Command for LeaveImport {
    type Outcome = ();

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let mut import = repository::load(work, self.id).await?;
        if !import.is_of(self.worker) {
            return Ok(());
        }
        let progress = repository::progress(work, self.id, import.progress.rows).await?;
        let now = work.now_after(import.updated_at);
        match &self.how {
            Leaving::Finished => import.stop(progress, None, now),
            Leaving::Stopped(reason) => import.stop(progress, Some(reason.clone()), now),
            Leaving::Released => import.release(progress, now),
        }
        repository::save(work, &import).await
    }
}

/// What became of the attempt to mark a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marked<T> {
    Now(T),
    /// It was marked before.
    Before,
    /// The import was cancelled, or another process has taken it over.
    Taken,
}

/// Locks a row and its import. Returns why the row is not to be worked off, if it is not.
async fn not_to_do<T>(
    work: &mut UnitOfWork<'_>,
    import: ImportId,
    worker: Uuid,
    number: i32,
) -> Result<Option<Marked<T>>, Error> {
    if !repository::hold(work, import, worker).await? {
        return Ok(Some(Marked::Taken));
    }
    let is_waiting = repository::take_row(work, import, number).await?;
    Ok((!is_waiting).then_some(Marked::Before))
}

/// Says what a row's command did.
pub type Told<O> = Box<dyn Fn(&O) -> (Outcome, Uuid) + Send + Sync>;

/// Works off one row by a command, and marks the row in the same transaction.
pub struct ImportRow<C: Command> {
    pub import: ImportId,
    pub worker: Uuid,
    pub number: i32,
    pub command: C,
    /// Says what became of the resource, and its id.
    pub told: Told<C::Outcome>,
}

impl<C: Command + fmt::Debug> fmt::Debug for ImportRow<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { import, number, command, .. } = self;
        f.debug_struct("ImportRow")
            .field("import", import)
            .field("number", number)
            .field("command", command)
            .finish_non_exhaustive()
    }
}

impl<C: Command> Command for ImportRow<C> {
    type Outcome = Marked<Outcome>;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<Marked<Outcome>, Error> {
        if let Some(marked) = not_to_do(work, self.import, self.worker, self.number).await? {
            return Ok(marked);
        }
        let outcome = self.command.execute(work).await?;
        let told = (self.told)(&outcome);
        repository::accept_row(work, self.import, self.number, told).await?;
        Ok(Marked::Now(told.0))
    }
}

/// Notes what was wrong with a row.
#[derive(Debug)]
pub struct RefuseRow {
    pub import: ImportId,
    pub worker: Uuid,
    pub number: i32,
    /// As in a problem's `errors`.
    pub errors: Value,
}

impl Command for RefuseRow {
    type Outcome = Marked<()>;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<Marked<()>, Error> {
        if let Some(marked) = not_to_do(work, self.import, self.worker, self.number).await? {
            return Ok(marked);
        }
        repository::refuse_row(work, self.import, self.number, &self.errors).await?;
        Ok(Marked::Now(()))
    }
}
