//! How a command works on an aggregate: loaded under its lock, its version compared, asked to decide, saved, what happened recorded,
//! and a row left in the audit trail. The steps are the same for all of them; what they decide is their own.

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

/// A thing with an identity and a version, in the hands of a command. Its `repository.rs` implements it.
pub(crate) trait Aggregate: Sized + Send + Sync {
    type Id: Copy + Display + Send;
    type Event: Event;
    /// What the audit trail keeps of a change, before and after: as clients see it, without secrets.
    type Audited: Serialize + Send;
    /// What the audit trail calls it.
    const NAME: &'static str;

    fn id(&self) -> Self::Id;
    fn version(&self) -> i64;
    fn updated_at(&self) -> DateTime<Utc>;
    fn audited(&self) -> Self::Audited;

    fn save(&self, work: &mut UnitOfWork<'_>) -> impl Future<Output = Result<(), Error>> + Send;
}

/// How long a row that is loaded is held, and against whom, until the unit of work ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lock {
    /// Against other changes, so that events are appended in the order of changes (`FOR NO KEY UPDATE`).
    Change,
    /// Also against whoever begins to refer to it, and waits for those who do (`FOR UPDATE`): to delete it, or to take it off the market.
    Withdraw,
}

/// Loads an aggregate's row, which `query` finds by its key, under a lock that holds until the unit of work ends.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn find<Q, R>(
    work: &mut UnitOfWork<'_>,
    kind: Locked,
    lock: Lock,
    query: Q,
) -> Result<Option<R>, Error>
where
    ForNoKeyUpdate<Q>: LoadQuery<'static, AsyncPgConnection, R> + 'static,
    ForUpdate<Q>: LoadQuery<'static, AsyncPgConnection, R> + 'static,
    R: Send + 'static,
{
    work.locks(kind);
    let row = match lock {
        Lock::Change => ForNoKeyUpdate(query).get_result(work.connection()).await,
        Lock::Withdraw => ForUpdate(query).get_result(work.connection()).await,
    };
    Ok(row.optional()?)
}

/// An aggregate that a command makes.
pub(crate) trait Creatable: Aggregate {
    fn insert(&self, work: &mut UnitOfWork<'_>) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Keeps a new aggregate. Its view is what the audit trail keeps, and what is returned.
///
/// # Errors
/// What the repository refuses, such as a code that is taken; no database.
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

/// Changes an aggregate that was loaded under its lock. `decide` may find that nothing changes: then nothing is saved, recorded or
/// audited.
///
/// # Errors
/// `VersionMismatch`; what the aggregate or the repository refuses; no database.
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
pub(crate) trait Removable: Aggregate {
    fn delete(id: Self::Id, work: &mut UnitOfWork<'_>) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Deletes an aggregate that was loaded with [`Lock::Withdraw`] and whose version was compared, unless it refuses.
///
/// # Errors
/// What the aggregate refuses; no database.
pub(crate) async fn remove<A: Removable, E: Into<Error>>(
    work: &mut UnitOfWork<'_>,
    action: &'static str,
    aggregate: A,
    decide: impl FnOnce(A, DateTime<Utc>) -> Result<A::Event, E>,
) -> Result<(), Error> {
    let now = work.now_after(aggregate.updated_at());
    let (id, before) = (aggregate.id(), aggregate.audited());
    let event = decide(aggregate, now).map_err(Into::into)?;
    A::delete(id, work).await?;
    work.record(event).await?;
    work.audit(action, (A::NAME, id), Some(&before), None)
}
