//! The unit of work: one transaction, which commits as a whole or not at all. A command loads, decides and saves, the
//! reactions run, the events go to the outbox, and the idempotency record and the audit row are written.
//!
//! The transaction is bound to the tenant of the principal, and begins by checking that the principal is still current.
//!
//! It runs as a task of its own on the main runtime: a client that hangs up cancels the handler that waits, never the
//! transaction. Contention (a deadlock, a serialization failure, two requests at once with one idempotency key) is
//! retried a few times, a command that was overtaken more often; then the error goes to the caller.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use diesel_async::AsyncPgConnection;
use scopeguard::ScopeGuard;
use serde::Serialize;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;
use tracing::Instrument;
use uuid::Uuid;

use super::audit::{self, AuditEntry};
use super::context::RequestContext;
use super::error::Error;
use super::events::{Event, EventCatalogue};
use super::idempotency::{self, Answer, IdempotencyKey, Scope, StoredResponse};
use super::lock_order::{LockOrder, Locked};
use super::operators::{OfOperators, OperatorCommand, OperatorContext};
use super::tenant_database::{self, TenantDatabase};
use crate::outbox::{self, NewOutboxEvent, Notifier};
use crate::platform::database::PooledConnection;
use crate::values::ids::{PrincipalId, TenantId};

const RETRIES: &str = "comptoir_unit_of_work_retries_total";
/// The maximum number of attempts of a unit of work. After the last one, the caller must handle the contention.
const MAX_ATTEMPTS: u32 = 5;
/// The same of a command that was overtaken ([`Error::Overtaken`]). On a product that everybody orders, another order may commit between
/// what the command reads and what it locks, time after time: nothing is wrong, and each attempt has its own chance.
const MAX_OVERTAKEN_ATTEMPTS: u32 = 20;
/// The pause before the second attempt, in milliseconds; it doubles each time, up to the longest, with jitter.
const FIRST_PAUSE_MS: u64 = 2;
const LONGEST_PAUSE_MS: u64 = 32;

/// An intention. It goes through an aggregate, which checks its invariants, and leaves events behind.
pub trait Command: Send + Sync + 'static {
    /// The result that the caller gets.
    type Outcome: Send + 'static;

    /// Runs inside the transaction, perhaps more than once: it must not touch anything outside `work`.
    fn execute(&self, work: &mut UnitOfWork<'_>)
    -> impl Future<Output = Result<Self::Outcome, Error>> + Send;
}

/// One open transaction and the events that it will leave behind.
pub struct UnitOfWork<'a> {
    connection: &'a mut AsyncPgConnection,
    context: &'a RequestContext,
    executor: &'a Executor,
    events: Vec<NewOutboxEvent>,
    audit: Option<AuditEntry>,
    /// Whether it only tells of what others have changed, and audited.
    only_tells: bool,
    locks: LockOrder,
    /// Who is woken once it is committed.
    wakes: Vec<Arc<Notify>>,
    /// The time of the command, in the precision that the database keeps (microseconds).
    now: Option<DateTime<Utc>>,
}

impl fmt::Debug for UnitOfWork<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnitOfWork")
            .field("context", self.context)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}

impl UnitOfWork<'_> {
    pub fn context(&self) -> &RequestContext {
        self.context
    }

    pub fn tenant(&self) -> TenantId {
        self.context.tenant_id()
    }

    /// Returns the time of the command, the same for everything that it causes. Call it once the aggregate is loaded
    /// and locked: a command that waits for a lock then happens after the command that held it.
    pub fn now(&mut self) -> DateTime<Utc> {
        *self.now.get_or_insert_with(|| Utc::now().trunc_subsecs(6))
    }

    /// Returns [`Self::now`], but never a time before the aggregate's last change: the clocks of two replicas may
    /// differ.
    pub fn now_after(&mut self, last_change: DateTime<Utc>) -> DateTime<Utc> {
        let now = self.now().max(last_change);
        self.now = Some(now);
        now
    }

    /// Notes that a row of this kind is about to be locked. Every query that locks existing rows calls this first.
    pub(crate) fn locks(&mut self, kind: Locked) {
        self.locks.locks(kind);
    }

    /// Notes that rows of a kind that is locked already are about to be locked more strongly.
    pub(crate) fn strengthens_locks(&mut self, kind: Locked) {
        self.locks.strengthens(kind);
    }

    /// Has a background task woken once the unit of work is committed.
    pub(crate) fn wakes(&mut self, whom: &Arc<Notify>) {
        self.wakes.push(Arc::clone(whom));
    }

    pub(crate) fn connection(&mut self) -> &mut AsyncPgConnection {
        self.connection
    }

    /// Returns the connection for statements that are sent at once and answered in one round trip ([`futures::try_join`]). PostgreSQL runs
    /// them one after the other, in the order in which they are polled first, each with a snapshot of its own.
    pub(crate) fn pipeline(&self) -> &AsyncPgConnection {
        self.connection
    }

    /// Checks that the principal is still current. The unit of work may have waited for a lock, held by the transaction
    /// that ended the principal's session or took its role away.
    ///
    /// # Errors
    /// `PrincipalOutdated` if it is not: the unit of work then begins anew, for the principal as it is by then.
    pub(crate) async fn check_principal(&self) -> Result<(), Error> {
        self.executor.database.enter(self.connection, self.context, "").await
    }

    /// Keeps the integration event of a domain event, if there is one, for the outbox, and then runs the reactions: the
    /// cause comes before its effects. Call it after the aggregate was saved: its row is locked then, so the outbox has
    /// its events in order.
    ///
    /// # Errors
    /// Fails if a reaction fails; the whole unit of work fails with it.
    pub async fn record(&mut self, event: impl Event) -> Result<(), Error> {
        let catalogue = &*self.executor.catalogue;
        if let Some(event) = catalogue.translate(&event)? {
            let (context, occurred_at) = (self.context, self.now());
            self.events.push(NewOutboxEvent {
                id: Uuid::now_v7(),
                aggregate_type: event.aggregate_type,
                aggregate_id: event.aggregate_id,
                aggregate_version: event.aggregate_version,
                event_type: event.event_type,
                schema_version: event.schema_version,
                payload: event.payload,
                headers: headers(context)?,
                occurred_at,
            });
        }
        catalogue.react(self, &event).await
    }

    /// Notes for the audit trail what the command did. Every command that makes a change calls it once. `before` and
    /// `after` are the resource as a client would see it, without secrets. `None` stands for a resource that did not
    /// exist yet, or does not exist any more.
    ///
    /// # Errors
    /// Fails if `before` or `after` cannot be written as JSON.
    pub fn audit<T: Serialize>(
        &mut self,
        action: &'static str,
        resource: (&'static str, impl ToString),
        before: Option<&T>,
        after: Option<&T>,
    ) -> Result<(), Error> {
        debug_assert!(self.audit.is_none(), "a command has one row in the audit trail");
        let json = |value: &T| {
            serde_json::to_string(value).map_err(|cause| Error::Serialize { what: "an audit row", cause })
        };
        self.audit = Some(AuditEntry {
            action,
            resource_type: resource.0.into(),
            resource_id: resource.1.to_string(),
            before: before.map(json).transpose()?,
            after: after.map(json).transpose()?,
        });
        Ok(())
    }

    /// Notes that the command changes nothing, and only tells of what others have changed: they have their rows in the audit trail.
    pub(crate) fn only_tells(&mut self) {
        self.only_tells = true;
    }

    /// # Errors
    /// `Unaudited` if the command left an event, but no row for the audit trail.
    fn finish(mut self) -> Result<PendingWrites, Error> {
        let now = self.now();
        match (self.audit, self.events.first()) {
            (None, Some(event)) if !self.only_tells => Err(Error::Unaudited(event.aggregate_type)),
            (audit, _) => Ok(PendingWrites {
                events: self.events,
                audit: audit.map(|entry| (entry, now)),
                wakes: self.wakes,
            }),
        }
    }
}

/// The events and the audit row of a command, beside its changes.
struct PendingWrites {
    events: Vec<NewOutboxEvent>,
    audit: Option<(AuditEntry, DateTime<Utc>)>,
    wakes: Vec<Arc<Notify>>,
}

/// Returns the headers of every event: CONTRACT "RabbitMQ", headers that the row supplies. Who caused it is stored beside them, and
/// not published.
fn headers(context: &RequestContext) -> Result<String, Error> {
    #[derive(serde::Serialize)]
    struct Actor<'a> {
        id: Option<PrincipalId>,
        name: &'a str,
    }
    #[derive(serde::Serialize)]
    struct Origin<'a> {
        actor: Actor<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        client_id: Option<&'a str>,
    }
    #[derive(serde::Serialize)]
    struct Headers<'a> {
        #[serde(rename = "correlation-id")]
        correlation_id: &'a str,
        #[serde(rename = "causation-id")]
        causation_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        traceparent: Option<&'a str>,
        #[serde(rename = "comptoir-origin")]
        origin: Origin<'a>,
    }
    let principal = &context.principal;
    let headers = Headers {
        correlation_id: &context.correlation_id,
        causation_id: &context.request_id,
        traceparent: context.traceparent.as_deref(),
        origin: Origin {
            actor: Actor { id: principal.id(), name: &principal.name },
            client_id: context.client_id.as_deref(),
        },
    };
    serde_json::to_string(&headers).map_err(|cause| Error::Serialize { what: "event headers", cause })
}

/// Runs commands, each in a unit of work of its own, and wakes the relay after those that left events.
#[derive(Debug, Clone)]
pub struct Executor {
    database: TenantDatabase,
    notifier: Notifier,
    catalogue: Arc<dyn EventCatalogue>,
    /// The units of work in progress, whether or not a handler still waits for them.
    running: TaskTracker,
}

impl Executor {
    pub fn new(database: TenantDatabase, notifier: Notifier, catalogue: Arc<dyn EventCatalogue>) -> Self {
        metrics::describe_counter!(RETRIES, "Units of work that were tried again");
        metrics::counter!(RETRIES).increment(0);
        Self { database, notifier, catalogue, running: TaskTracker::new() }
    }

    /// Runs a command; with an idempotency key, at most once for that key. `render` turns the outcome into the answer.
    /// The answer is stored in the same transaction, and returned again if the request is repeated.
    ///
    /// # Errors
    /// Fails if the command refuses or the database fails. `IdempotencyKeyReused` if the key stands for another
    /// request, `IdempotencyKeyInUse` if its request is still running. If the connection is lost during the commit, the
    /// outcome is unknown: with an idempotency key, the client can simply ask again. `NotForOperators` if the principal
    /// has no tenant.
    pub async fn execute<C: Command>(
        &self,
        context: RequestContext,
        key: Option<IdempotencyKey>,
        command: C,
        render: impl Fn(C::Outcome) -> Result<StoredResponse, Error> + Send + Sync + 'static,
    ) -> Result<Answer, Error> {
        if context.principal.is_of_operators() {
            return Err(Error::NotForOperators);
        }
        self.execute_bound(context, key, command, render).await
    }

    /// The same for an operator's command.
    ///
    /// # Errors
    /// Fails as [`Self::execute`] does, but for `NotForOperators`.
    pub async fn execute_as_operator<C: OperatorCommand>(
        &self,
        context: OperatorContext,
        key: Option<IdempotencyKey>,
        command: C,
        render: impl Fn(C::Outcome) -> Result<StoredResponse, Error> + Send + Sync + 'static,
    ) -> Result<Answer, Error> {
        self.execute_bound(context.into_request(), key, OfOperators(command), render).await
    }

    async fn execute_bound<C: Command>(
        &self,
        context: RequestContext,
        key: Option<IdempotencyKey>,
        command: C,
        render: impl Fn(C::Outcome) -> Result<StoredResponse, Error> + Send + Sync + 'static,
    ) -> Result<Answer, Error> {
        let this = self.clone();
        let work = async move { this.attempts(&context, key.as_ref(), &command, &render).await };
        self.running.spawn_on(work.in_current_span(), self.database.database().runtime()).await?
    }

    /// Runs a command and returns its outcome, which is never stored as an answer.
    ///
    /// # Errors
    /// Fails if the command refuses or the database fails.
    pub async fn run<C: Command>(&self, context: RequestContext, command: C) -> Result<C::Outcome, Error> {
        if context.principal.is_of_operators() {
            return Err(Error::NotForOperators);
        }
        self.run_bound(context, command).await
    }

    /// Runs an operator's command and returns its outcome.
    ///
    /// # Errors
    /// Fails if the command refuses or the database fails.
    pub async fn run_as_operator<C: OperatorCommand>(
        &self,
        context: OperatorContext,
        command: C,
    ) -> Result<C::Outcome, Error> {
        self.run_bound(context.into_request(), OfOperators(command)).await
    }

    async fn run_bound<C: Command>(&self, context: RequestContext, command: C) -> Result<C::Outcome, Error> {
        let (sender, receiver) = std::sync::mpsc::channel();
        let nothing = StoredResponse { status: 204, location: None, etag: None, body: String::new() };
        let keep = move |outcome| {
            // Sending fails once the caller has gone.
            let _ = sender.send(outcome);
            Ok(nothing.clone())
        };
        self.execute_bound(context, None, command, keep).await?;
        // The outcome of the last attempt, which is the one that was committed.
        receiver.try_iter().last().ok_or(Error::NoOutcome)
    }

    /// Does something beside the request that asked for it. A stopping process waits for it as for units of work.
    pub fn aside(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.running.spawn_on(work.in_current_span(), self.database.database().runtime());
    }

    /// Waits for the units of work under way, for `timeout` at most; call it when no new ones come. Returns how many
    /// did not end in time; PostgreSQL rolls those back.
    pub async fn finish(&self, timeout: Duration) -> usize {
        self.running.close();
        let _ = tokio::time::timeout(timeout, self.running.wait()).await;
        self.running.len()
    }

    async fn attempts<C: Command>(
        &self,
        context: &RequestContext,
        key: Option<&IdempotencyKey>,
        command: &C,
        render: &(impl Fn(C::Outcome) -> Result<StoredResponse, Error> + Send + Sync),
    ) -> Result<Answer, Error> {
        let mut context = Cow::Borrowed(context);
        let mut attempt = 1;
        loop {
            match self.attempt(&context, key, command, render).await {
                Err(Error::PrincipalOutdated) if attempt < MAX_ATTEMPTS => {
                    context = Cow::Owned(self.database.renewed(&context).await?);
                }
                // Other connections have been opened since, or will be.
                Err(error) if error.is_of_session() && attempt == 1 => {
                    tracing::info!(%error, "the session was of no use: the unit of work is tried again on another");
                    metrics::counter!(RETRIES).increment(1);
                }
                Err(error) if error.is_worth_retrying() && attempt < most_attempts(&error) => {
                    tracing::debug!(attempt, %error, "the unit of work is tried again");
                    metrics::counter!(RETRIES).increment(1);
                    let pause = longest_pause_ms(attempt);
                    tokio::time::sleep(Duration::from_millis(rand::random_range(pause / 2..=pause))).await;
                }
                result => return result,
            }
            attempt += 1;
        }
    }

    async fn attempt<C: Command>(
        &self,
        context: &RequestContext,
        key: Option<&IdempotencyKey>,
        command: &C,
        render: &(impl Fn(C::Outcome) -> Result<StoredResponse, Error> + Send + Sync),
    ) -> Result<Answer, Error> {
        let scope =
            context.principal.id().map(|id| Scope { tenant_id: context.tenant_id(), principal_id: id });
        let keyed = scope.zip(key);
        let database = self.database.database();
        let connection = database.connection_to_change(context.tenant_id(), context.target).await?;
        // Whatever cuts the transaction short, the time limit or a panic, closes the connection. PostgreSQL then rolls back.
        let mut connection = scopeguard::guard(connection, PooledConnection::close);
        let work = async {
            let done = self.transaction(&mut connection, context, keyed, command, render).await;
            let ended = tenant_database::leave(&mut connection, done.is_ok()).await;
            (done, ended)
        };
        let limit = database.work_limit();
        let (done, ended) = tokio::time::timeout(limit, work)
            .await
            .map_err(|_| Error::TookTooLong { limit_ms: limit.as_millis() })?;
        if ended.is_ok() {
            // Back to the pool.
            drop(ScopeGuard::into_inner(connection));
        }
        // The command's own error says more than that its transaction could not be rolled back.
        let (answer, has_events, wakes) = done?;
        ended?;
        if has_events {
            self.notifier.wake();
        }
        wakes.iter().for_each(|whom| whom.notify_one());
        Ok(answer)
    }

    /// Begins a transaction and does everything in it but its end. Returns the answer, whether there are events, and who is to be woken.
    async fn transaction<C: Command>(
        &self,
        connection: &mut AsyncPgConnection,
        context: &RequestContext,
        keyed: Option<(Scope, &IdempotencyKey)>,
        command: &C,
        render: &(impl Fn(C::Outcome) -> Result<StoredResponse, Error> + Send + Sync),
    ) -> Result<(Answer, bool, Vec<Arc<Notify>>), Error> {
        let stored = {
            let shared: &AsyncPgConnection = connection;
            let claiming = async {
                match keyed {
                    Some((scope, key)) => idempotency::claim(shared, scope, key).await,
                    None => Ok(None),
                }
            };
            // At once: the beginning and the binding to the tenant are sent first. Whoever may not act does not learn what is stored.
            let (entered, stored) = futures::join!(self.database.enter(shared, context, "BEGIN; "), claiming);
            entered?;
            stored?
        };
        if let Some(response) = stored {
            return Ok((Answer { response, replayed: true }, false, Vec::new()));
        }
        let mut work = UnitOfWork {
            connection,
            context,
            executor: self,
            events: Vec::new(),
            audit: None,
            only_tells: false,
            locks: LockOrder::default(),
            wakes: Vec::new(),
            now: None,
        };
        let outcome = command.execute(&mut work).await?;
        let left = work.finish()?;
        let response = render(outcome)?;
        write(connection, context, &left, keyed, &response).await?;
        Ok((Answer { response, replayed: false }, !left.events.is_empty(), left.wakes))
    }
}

fn most_attempts(error: &Error) -> u32 {
    if matches!(error, Error::Overtaken) { MAX_OVERTAKEN_ATTEMPTS } else { MAX_ATTEMPTS }
}

/// The longest pause after this attempt, which counts from 1, in milliseconds.
fn longest_pause_ms(attempt: u32) -> u64 {
    let doubled = 2_u64.saturating_pow(attempt.saturating_sub(1));
    FIRST_PAUSE_MS.saturating_mul(doubled).min(LONGEST_PAUSE_MS)
}

/// Writes the command's events, idempotency record and audit row, in one round trip. The audit row comes last, because
/// other writers of its chain wait while the chain is locked.
async fn write(
    connection: &AsyncPgConnection,
    context: &RequestContext,
    left: &PendingWrites,
    keyed: Option<(Scope, &IdempotencyKey)>,
    response: &StoredResponse,
) -> Result<(), Error> {
    let record = async {
        match keyed {
            Some((scope, key)) => idempotency::store(connection, scope, key, response).await,
            None => Ok(()),
        }
    };
    let audit = async {
        match &left.audit {
            Some((entry, at)) => Ok(audit::append(connection, context, *at, entry).await?),
            None => Ok(()),
        }
    };
    let events = async { Ok(outbox::append(connection, &left.events).await?) };
    futures::try_join!(events, record, audit)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit() {
        let pauses: Vec<u64> = (0..=7).map(longest_pause_ms).collect();
        assert_eq!(pauses, [2, 2, 4, 8, 16, 32, 32, 32]);
        assert_eq!(longest_pause_ms(u32::MAX), 32);
    }

    #[test]
    fn a_command_that_was_overtaken_is_tried_more_often_than_others() {
        assert_eq!(most_attempts(&Error::Overtaken), 20);
        assert_eq!(most_attempts(&Error::IdempotencyKeyInUse), 5);
    }

    #[test]
    fn an_event_says_what_caused_it_and_who_and_leaves_out_what_is_unknown() {
        let mut context = RequestContext::of_service("reminders", TenantId::from_uuid(Uuid::nil()));
        (context.correlation_id, context.request_id) = ("the process".to_owned(), "the request".to_owned());
        let written = |context: &RequestContext| -> Value {
            serde_json::from_str(&headers(context).expect("headers")).expect("JSON")
        };
        let actor = json!({ "id": context.principal.id(), "name": "reminders" });
        let least = json!({
            "correlation-id": "the process",
            "causation-id": "the request",
            "comptoir-origin": { "actor": actor },
        });
        assert_eq!(written(&context), least);
        (context.traceparent, context.client_id) = (Some("00-1-2-01".to_owned()), Some("a tab".to_owned()));
        let most = json!({
            "correlation-id": "the process",
            "causation-id": "the request",
            "traceparent": "00-1-2-01",
            "comptoir-origin": { "actor": actor, "client_id": "a tab" },
        });
        assert_eq!(written(&context), most);
    }
}
