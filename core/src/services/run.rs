//! What a service has at hand while it runs, and while it carries out an action.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use diesel::QueryResult;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use futures::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::contract::Fault;
use super::events::{Happening, Hub};
use super::handle::Handle;
use super::store::commands::Done;
use super::store::leases;

/// The proof of a lease: a write that it guards happens only while this process holds the lease. See
/// [`store::leases::hold`](super::store::leases::hold).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    pub service: &'static str,
    pub owner: Uuid,
    pub epoch: i64,
}

/// A run of a service.
#[derive(Debug)]
pub struct Run {
    pub(super) service: &'static str,
    pub(super) stop: CancellationToken,
    pub(super) fence: Option<Fence>,
    pub(super) hub: Hub,
    pub(super) handle: Handle,
    /// Goes from run to run, so that one failing run can be told from the next.
    pub(super) id: Uuid,
}

impl Run {
    /// Resolves when the run is to end: the process stops, or the service is restarted.
    pub async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    /// Returns the token that is cancelled when the run is to end.
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Returns the lease under which the run works; `None` for a service of every process.
    pub fn fence(&self) -> Option<Fence> {
        self.fence
    }

    /// Returns the handle by which it asks other services, and listens to them.
    pub fn services(&self) -> &Handle {
        &self.handle
    }

    /// Tells subscribers that a continuous service can do its work now.
    pub fn ready(&self) {
        self.hub.tell(self.service, Some(self.id), Happening::Ready);
    }

    /// Does `work` in a transaction that holds the lease: what a service that runs in one of all writes is written under its lease,
    /// or not at all.
    ///
    /// # Errors
    /// Fails if the lease is lost, if there is none, or if the database refuses; then nothing is written.
    pub async fn fenced<T: Send + Sync>(
        &self,
        connection: &mut AsyncPgConnection,
        work: impl for<'c> FnOnce(&'c mut AsyncPgConnection) -> BoxFuture<'c, QueryResult<T>> + Send + Sync,
    ) -> Result<T, Fault> {
        let fence = self.fence.ok_or_else(|| Fault::new("the service has no lease"))?;
        let done = connection.transaction(async |connection| {
            if !leases::hold(connection, fence).await? {
                return Ok(None);
            }
            work(connection).await.map(Some)
        });
        let done: QueryResult<Option<T>> = done.await;
        done.map_err(Fault::new)?.ok_or_else(|| Fault::new("the lease was lost"))
    }

    /// Returns what its log lines and events are joined by.
    pub fn correlation_id(&self) -> Uuid {
        self.id
    }

    /// Tells subscribers how far the run is.
    pub fn progress(&self, done: u64, total: Option<u64>) {
        self.hub.tell(self.service, Some(self.id), Happening::Progress { done, total });
    }

    /// Tells subscribers something of the service's own. What does not serialize is not told.
    pub fn tell(&self, name: &'static str, body: impl Serialize) {
        let body = serde_json::to_value(body).unwrap_or_default();
        self.hub.tell(self.service, Some(self.id), Happening::Own { name: name.to_owned(), body });
    }
}

/// An action that is to be carried out.
#[derive(Debug)]
pub struct Call {
    pub id: Uuid,
    pub action: String,
    pub parameters: Value,
    /// Who asked, as the audit shows it.
    pub asked_by: String,
    pub correlation_id: Uuid,
    pub(super) service: &'static str,
    pub(super) stop: CancellationToken,
    pub(super) hub: Hub,
    pub(super) handle: Handle,
    pub(super) progress: Arc<Progress>,
}

/// How far an action is: `done` of `total`, where 0 is unknown.
#[derive(Debug, Default)]
pub(super) struct Progress {
    done: AtomicU64,
    total: AtomicU64,
}

impl Progress {
    /// Returns what the row stores; `None` if nothing was said.
    pub(super) fn read(&self) -> Option<Done> {
        let [done, total] = [&self.done, &self.total]
            .map(|number| i64::try_from(number.load(Ordering::Relaxed)).unwrap_or(i64::MAX));
        (done > 0 || total > 0).then_some((done, (total > 0).then_some(total)))
    }
}

impl Call {
    /// Reads the parameters.
    ///
    /// # Errors
    /// Fails if they are not those of the action.
    pub fn parameters<P: DeserializeOwned>(&self) -> Result<P, Fault> {
        let given = if self.parameters.is_null() {
            Value::Object(serde_json::Map::default())
        } else {
            self.parameters.clone()
        };
        serde_json::from_value(given)
            .map_err(|error| Fault::new(format_args!("the parameters of `{}`: {error}", self.action)))
    }

    /// Returns the handle by which it asks other services.
    pub fn services(&self) -> &Handle {
        &self.handle
    }

    /// Resolves when the process stops. The action may end early, with an error or with what it has done.
    pub async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    /// Tells whoever asked how far the action is.
    pub fn progress(&self, done: u64, total: Option<u64>) {
        self.progress.done.store(done, Ordering::Relaxed);
        self.progress.total.store(total.unwrap_or(0), Ordering::Relaxed);
        self.hub.tell(self.service, Some(self.correlation_id), Happening::Progress { done, total });
    }
}
