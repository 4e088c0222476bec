//! The steps of a command on an aggregate: load it under its lock, compare its version, let it decide, save it, record
//! its event, and leave a row in the audit trail. The steps are the same for all aggregates; only the decisions differ.

use std::fmt::Display;

use chrono::{DateTime, Utc};
use diesel::OptionalExtension;
use diesel_async::methods::LoadQuery;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;

use super::Locked;
use super::error::{Error, check_version};
use super::events::Event;
use super::unit_of_work::UnitOfWork;
use crate::platform::locking::{ForNoKeyUpdate, ForUpdate};

/// An object with an identity and a version, as commands use it. The aggregate's `repository.rs` implements this trait.
pub(crate) trait Aggregate: Sized + Send + Sync {
    type Id: Copy + Display + Send;
    type Event: Event;
    /// The state that the audit trail keeps, before and after a change: as clients see it, without secrets.
    type Audited: Serialize + Send;
    /// The resource type in the audit trail.
    const NAME: &'static str;

    fn id(&self) -> Self::Id;
    fn version(&self) -> i64;
    fn updated_at(&self) -> DateTime<Utc>;
    fn audited(&self) -> Self::Audited;

    fn save(&self, work: &mut UnitOfWork<'_>) -> impl Future<Output = Result<(), Error>> + Send;
}

/// The lock on a loaded row, which holds until the unit of work ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LockMode {
    /// Excludes other changes, so that events are appended in the order of changes (`FOR NO KEY UPDATE`).
    Change,
    /// Also excludes new references to the row, and waits for those that are being made (`FOR UPDATE`). Taken to delete
    /// the aggregate, or to take it off sale.
    Withdraw,
}

/// Loads an aggregate's row, which `query` finds by its key, under a lock that holds until the unit of work ends.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn find<Q, R>(
    work: &mut UnitOfWork<'_>,
    kind: Locked,
    lock: LockMode,
    query: Q,
) -> Result<Option<R>, Error>
where
    ForNoKeyUpdate<Q>: LoadQuery<'static, AsyncPgConnection, R> + 'static,
    ForUpdate<Q>: LoadQuery<'static, AsyncPgConnection, R> + 'static,
    R: Send + 'static,
{
    work.locks(kind);
    let row = match lock {
        LockMode::Change => ForNoKeyUpdate(query).get_result(work.connection()).await,
        LockMode::Withdraw => ForUpdate(query).get_result(work.connection()).await,
    };
    Ok(row.optional()?)
}

/// An aggregate that commands create.
pub(crate) trait Creatable: Aggregate {
    fn insert(&self, work: &mut UnitOfWork<'_>) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Inserts a new aggregate. Returns its view, which the audit trail also keeps.
///
/// # Errors
/// Fails if the repository refuses the aggregate, such as one with a code that is taken, or if the database cannot be
/// reached.
pub(crate) async fn create<A: Creatable, V: Serialize + Send>(
    work: &mut UnitOfWork<'_>,
    action: &'static str,
    (aggregate, event): (A, A::Event),
    view: impl FnOnce(&A) -> V + Send,
) -> Result<V, Error> {
    aggregate.insert(work).await?;
    work.record(event).await?;
    let view = view(&aggregate);
    work.audit(action, (A::NAME, aggregate.id()), None, Some(&view))?;
    Ok(view)
}

/// Changes an aggregate that was loaded under its lock. If `decide` returns no event, nothing is saved, recorded or
/// audited.
///
/// # Errors
/// `VersionMismatch` if the aggregate has another version than expected. Fails if the aggregate or the repository
/// refuses the change, or if the database cannot be reached.
pub(crate) async fn change<A: Aggregate, E: Into<Error>>(
    work: &mut UnitOfWork<'_>,
    action: &'static str,
    mut aggregate: A,
    expected_version: Option<i64>,
    decide: impl FnOnce(&mut A, DateTime<Utc>) -> Result<Option<A::Event>, E>,
) -> Result<A, Error> {
    check_version(expected_version, aggregate.version())?;
    let now = work.now_after(aggregate.updated_at());
    let before = aggregate.audited();
    let Some(event) = decide(&mut aggregate, now).map_err(Into::into)? else { return Ok(aggregate) };
    aggregate.save(work).await?;
    work.record(event).await?;
    work.audit(action, (A::NAME, aggregate.id()), Some(&before), Some(&aggregate.audited()))?;
    Ok(aggregate)
}

/// An aggregate that can be deleted.
pub(crate) trait Deletable: Aggregate {
    fn delete(id: Self::Id, work: &mut UnitOfWork<'_>) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Deletes an aggregate that was loaded with [`LockMode::Withdraw`], unless it refuses.
///
/// # Errors
/// `VersionMismatch` if the aggregate has another version than expected. Fails if the aggregate refuses, or if the
/// database cannot be reached.
pub(crate) async fn delete<A: Deletable, E: Into<Error>>(
    work: &mut UnitOfWork<'_>,
    action: &'static str,
    aggregate: A,
    expected_version: Option<i64>,
    decide: impl FnOnce(A, DateTime<Utc>) -> Result<A::Event, E>,
) -> Result<(), Error> {
    check_version(expected_version, aggregate.version())?;
    let now = work.now_after(aggregate.updated_at());
    let (id, before) = (aggregate.id(), aggregate.audited());
    let event = decide(aggregate, now).map_err(Into::into)?;
    A::delete(id, work).await?;
    work.record(event).await?;
    work.audit(action, (A::NAME, id), Some(&before), None)
}
