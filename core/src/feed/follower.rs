//! Follows the log of all tenants while somebody in this process listens, on one connection, and shares it out.
//!
//! With nobody to listen there is no connection and nothing is read. A `NOTIFY` wakes the follower; it also looks by itself,
//! because other writers need not notify.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use futures::StreamExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::sync::{Notify, oneshot, watch};

use super::event::{Entry, EventRow};
use super::listener::{Listener, Queue, Whose};
use super::live::{self, ReadError, answered};
use super::position::{Mark, Position};
use super::sight::Selection;
use crate::outbox;
use crate::platform::backoff::Backoff;
use crate::platform::database::{self, ConnectFault, DatabaseConfig};
use crate::services::{Description, Fault, Health, Run, Service, Summary};
use crate::values::ids::TenantId;

const LISTENERS: &str = "comptoir_feed_listeners";
const READS: &str = "comptoir_feed_reads_total";
const EVENTS: &str = "comptoir_feed_events_total";
const FAILURES: &str = "comptoir_feed_failures_total";

/// How long the follower goes on when the last listener has gone: the next one may come at once.
const LINGER: Duration = Duration::from_secs(5);
/// How long it waits for a wake-up before it looks by itself.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The longest pause after a read. It pauses for as long as the read took, so that a busy database is asked less often.
const LONGEST_PAUSE: Duration = Duration::from_millis(10);
/// After so many reads in a row that took too long, what they should have read is given up: the listeners are told to load again.
const MAX_TOO_LONG: u32 = 3;
/// The first and the longest wait between attempts to connect, in milliseconds.
const RECONNECT_MS: (u64, u64) = (100, 5000);
/// How long somebody who wants to listen waits for the follower.
const JOIN_LIMIT: Duration = Duration::from_secs(3);

/// The limits of what waits for one listener.
#[derive(Debug, Clone, Copy)]
pub struct QueueLimits {
    pub events: usize,
    pub bytes: usize,
}

/// Why nobody can listen now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    #[error("the log cannot be read now")]
    Unavailable,
    #[error("nobody follows the log of events in this process")]
    NotFollowed,
}

/// Where listeners join. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Feed(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    listeners: Mutex<Listeners>,
    /// Somebody wants to join, or left.
    changed: Notify,
    position: watch::Sender<Option<Arc<Position>>>,
    limits: QueueLimits,
    /// Whether the follower runs.
    is_followed: AtomicBool,
}

#[derive(Debug, Default)]
struct Listeners {
    of_tenants: HashMap<TenantId, Vec<Arc<Queue>>>,
    count: usize,
    joining: Vec<Joining>,
}

type Joining = (Arc<Queue>, oneshot::Sender<Position>);

impl Feed {
    /// Nobody can listen until the [`Self::follower`] runs.
    pub fn new(limits: QueueLimits) -> Self {
        describe_metrics();
        Self(Arc::new(Shared {
            listeners: Mutex::default(),
            changed: Notify::new(),
            position: watch::Sender::new(None),
            limits,
            is_followed: AtomicBool::new(false),
        }))
    }

    /// Returns the service that follows the log for this feed; `database` is the log-in that reads the outbox of all tenants.
    pub fn follower(&self, database: DatabaseConfig) -> Follower {
        Follower {
            feed: self.clone(),
            database,
            reached: tokio::sync::Mutex::default(),
            fault: Mutex::default(),
        }
    }

    /// Listens from now on.
    ///
    /// # Errors
    /// Fails if nobody follows the log here, or if it cannot be read within three seconds.
    pub async fn join(&self, whose: Whose, selection: Selection) -> Result<Listener, JoinError> {
        if !self.is_followed() {
            return Err(JoinError::NotFollowed);
        }
        let queue = Arc::new(Queue::new(whose, selection, self.0.limits));
        let (sender, joined) = oneshot::channel();
        self.listeners().joining.push((Arc::clone(&queue), sender));
        self.0.changed.notify_one();
        // From here on, dropping the listener makes it leave.
        let mut listener = Listener { queue, feed: self.clone(), since: Position::start() };
        let since = tokio::time::timeout(JOIN_LIMIT, joined).await;
        listener.since = since.ok().and_then(Result::ok).ok_or(JoinError::Unavailable)?;
        Ok(listener)
    }

    /// Whether there is somebody who follows the log whenever it is listened to.
    pub fn is_followed(&self) -> bool {
        self.0.is_followed.load(Ordering::Relaxed)
    }

    /// Returns how far the follower has come; `None` while nobody listens.
    pub fn position(&self) -> Option<Arc<Position>> {
        self.0.position.borrow().clone()
    }

    pub(super) fn leave(&self, queue: &Arc<Queue>) {
        let mut listeners = self.listeners();
        listeners.joining.retain(|(joining, _)| !Arc::ptr_eq(joining, queue));
        let tenant = queue.whose.tenant();
        let mut left = 0;
        if let Some(queues) = listeners.of_tenants.get_mut(&tenant) {
            let before = queues.len();
            queues.retain(|other| !Arc::ptr_eq(other, queue));
            left = before - queues.len();
            if queues.is_empty() {
                listeners.of_tenants.remove(&tenant);
            }
        }
        listeners.count -= left;
        metrics::gauge!(LISTENERS).set(listeners.count as f64);
        drop(listeners);
        self.0.changed.notify_one();
    }

    fn listeners(&self) -> std::sync::MutexGuard<'_, Listeners> {
        self.0.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_listeners(&self) -> bool {
        let listeners = self.listeners();
        listeners.count > 0 || !listeners.joining.is_empty()
    }

    /// Lets those in who wanted to listen before the last read began: whatever they were sent elsewhere, that read saw it.
    fn admit(&self, joining: Vec<Joining>, position: &Position) {
        let mut listeners = self.listeners();
        for (queue, sender) in joining {
            // Whoever no longer waits has left, or is about to.
            if sender.send(position.clone()).is_ok() {
                listeners.of_tenants.entry(queue.whose.tenant()).or_default().push(queue);
                listeners.count += 1;
            }
        }
        metrics::gauge!(LISTENERS).set(listeners.count as f64);
    }

    /// `before` is what a read that failed shared out already.
    fn share_out(&self, rows: Vec<EventRow>, from: &Mark, upto: &Mark, before: &[(Mark, i64)], cluster: u32) {
        let mut listeners = self.listeners();
        let mut shared = 0_u64;
        let end = Arc::new(Position::at(cluster, upto.clone()));
        for row in rows {
            let is_in = |(upto, seq): &(Mark, i64)| upto.has(row.transaction, row.seq) && row.seq <= *seq;
            if before.iter().any(is_in) {
                continue;
            }
            let tenant = TenantId::from_uuid(row.tenant_id);
            let Some(queues) = listeners.of_tenants.get_mut(&tenant) else { continue };
            let step = Some((upto.clone(), row.seq));
            let position = Position { cluster, base: from.clone(), step };
            let entry = Arc::new(Entry::new(row.into(), &position));
            for queue in queues.iter() {
                queue.offer(&entry, &end);
            }
            shared += 1;
        }
        metrics::counter!(EVENTS).increment(shared);
    }

    fn cut_all(&self, now: &Position) {
        let now = Arc::new(now.clone());
        self.listeners().of_tenants.values().flatten().for_each(|queue| queue.cut(&now));
    }
}

/// The service `feed`.
#[derive(Debug)]
pub struct Follower {
    feed: Feed,
    database: DatabaseConfig,
    /// Kept when a run ends, so that the next one goes on.
    reached: tokio::sync::Mutex<Option<Reached>>,
    /// Why the log is not followed now.
    fault: Mutex<Option<String>>,
}

impl Service for Follower {
    fn describe(&self) -> Description {
        Description::continuous("feed", "Follows the log of events and shares it out, while somebody listens")
    }

    fn run<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, Result<Summary, Fault>> {
        Box::pin(async move {
            self.feed.0.is_followed.store(true, Ordering::Relaxed);
            run.ready();
            tokio::select! {
                () = run.stopping() => {}
                () = self.follow() => {}
            }
            Ok(Summary::done())
        })
    }

    fn health(&self) -> Health {
        match &*self.fault.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(fault) => Health::Degraded(format!("listeners wait: {fault}")),
            None => Health::Ok,
        }
    }

    fn info(&self) -> Value {
        let (listeners, position) = (self.feed.listeners().count, self.feed.position());
        json!({ "listeners": listeners, "position": position.map(|position| position.to_string()) })
    }
}

impl Follower {
    fn note(&self, fault: Option<String>) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// Follows the log whenever somebody listens, and never ends.
    async fn follow(&self) {
        let mut backoff = Backoff::new(RECONNECT_MS.0, RECONNECT_MS.1);
        let mut reached = self.reached.lock().await;
        loop {
            while !self.feed.has_listeners() {
                *reached = None;
                self.note(None);
                self.feed.0.position.send_replace(None);
                self.feed.0.changed.notified().await;
            }
            let Err(error) = self.follow_once(&mut reached, &mut backoff).await else { continue };
            metrics::counter!(FAILURES).increment(1);
            tracing::warn!(%error, "cannot follow the log of events now: listeners wait");
            self.note(Some(error.to_string()));
            tokio::time::sleep(backoff.advance()).await;
        }
    }

    /// Follows on one connection, until there are no listeners. `reached` is where the last one got to.
    async fn follow_once(
        &self,
        reached: &mut Option<Reached>,
        backoff: &mut Backoff,
    ) -> Result<(), FollowError> {
        let feed = &self.feed;
        let mut connection = database::connect(&self.database).await?;
        answered(outbox::prepare_reader(&mut connection)).await?;
        answered(live::listen(&mut connection)).await?;
        let (now, cluster) = answered(live::now(&connection)).await?;
        let at = match reached {
            Some(at) if at.can_go_on(cluster, &now) => at,
            // Another server, or one that lost transactions: nothing is known of what comes after. Or more than can be read.
            other => {
                if other.is_some() {
                    feed.cut_all(&Position::at(cluster, now.clone()));
                }
                other.insert(Reached::at(cluster, now))
            }
        };
        let mut is_sure = false;
        let mut alone_since = None;
        loop {
            let begun = Instant::now();
            let joining = std::mem::take(&mut feed.listeners().joining);
            let (from, before) = (at.mark.clone(), at.partly.clone());
            let deliver = |rows: Vec<EventRow>, upto: &Mark| {
                if let Some(last) = rows.last() {
                    at.delivered(upto, last.seq);
                }
                feed.share_out(rows, &from, upto, &before, cluster);
            };
            let read = live::read_unseen(&mut connection, &from, is_sure, deliver).await;
            match read {
                Ok(mark) => *at = Reached::at(cluster, mark),
                Err(error) => {
                    at.too_long += u32::from(error.may_be_too_much());
                    return Err(error.into());
                }
            }
            backoff.reset();
            self.note(None);
            is_sure = true;
            metrics::counter!(READS).increment(1);
            let position = Arc::new(Position::at(cluster, at.mark.clone()));
            feed.admit(joining, &position);
            feed.0.position.send_replace(Some(position));
            if feed.has_listeners() {
                alone_since = None;
            } else if alone_since.get_or_insert(begun).elapsed() > LINGER {
                return Ok(());
            }
            tokio::time::sleep(begun.elapsed().min(LONGEST_PAUSE)).await;
            self.wait(&mut connection).await.map_err(ReadError::from)?;
        }
    }

    /// Waits until there may be something to read, or somebody to let in.
    async fn wait(&self, connection: &mut AsyncPgConnection) -> QueryResult<()> {
        let mut notifications = std::pin::pin!(connection.notifications_stream());
        tokio::select! {
            notification = notifications.next() => match notification {
                Some(notification) => notification.map(drop),
                None => Err(diesel::result::Error::BrokenTransactionManager),
            },
            () = self.feed.0.changed.notified() => Ok(()),
            () = tokio::time::sleep(LOOK_EVERY) => Ok(()),
        }
    }
}

/// How far the log was shared out.
#[derive(Debug)]
struct Reached {
    cluster: u32,
    mark: Mark,
    /// What reads that failed shared out behind the mark: of what a snapshot sees, everything up to a seq.
    partly: Vec<(Mark, i64)>,
    /// How many reads from the mark took too long.
    too_long: u32,
}

impl Reached {
    fn at(cluster: u32, mark: Mark) -> Self {
        Self { cluster, mark, partly: Vec::new(), too_long: 0 }
    }

    /// Whether the next read, on a server that is at `now`, begins here.
    fn can_go_on(&self, cluster: u32, now: &Mark) -> bool {
        self.cluster == cluster
            && self.mark.snapshot.xmax <= now.snapshot.xmax
            && self.too_long < MAX_TOO_LONG
    }

    /// Notes that of what a snapshot sees, everything up to a seq was shared out. All pages of a read have one snapshot.
    fn delivered(&mut self, upto: &Mark, seq: i64) {
        match self.partly.last_mut() {
            Some((mark, last)) if mark == upto => *last = seq,
            _ => self.partly.push((upto.clone(), seq)),
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error(transparent)]
    Connect(#[from] ConnectFault),
    #[error(transparent)]
    Read(#[from] ReadError),
}

fn describe_metrics() {
    metrics::describe_gauge!(LISTENERS, "Streams of notifications that are open");
    metrics::gauge!(LISTENERS).set(0.0);
    for (name, help) in [
        (READS, "Reads of the log of events, while somebody listens"),
        (EVENTS, "Events that were shared out to the listeners of their tenant"),
        (FAILURES, "Times that the log could not be followed, and was again on another connection"),
    ] {
        metrics::describe_counter!(name, help);
        metrics::counter!(name).increment(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::Snapshot;

    fn mark(xmax: i64) -> Mark {
        Mark { snapshot: Snapshot { xmax, in_progress: Vec::new() }, highest: xmax, at: 1_800_000_000 }
    }

    #[test]
    fn the_pages_of_a_read_are_one_entry_and_those_of_another_read_are_another() {
        let mut reached = Reached::at(1, mark(10));
        for (upto, seq) in [(20, 250), (20, 500), (20, 750), (30, 250), (30, 800)] {
            reached.delivered(&mark(upto), seq);
        }
        assert_eq!(reached.partly, [(mark(20), 750), (mark(30), 800)]);
    }

    #[test]
    fn what_cannot_be_read_is_given_up_after_some_reads_that_took_too_long() {
        let mut reached = Reached::at(1, mark(10));
        for _ in 0..MAX_TOO_LONG {
            assert!(reached.can_go_on(1, &mark(10)));
            reached.too_long += u32::from(ReadError::NoAnswer.may_be_too_much());
        }
        assert!(!reached.can_go_on(1, &mark(10)));
        let of_the_line = ReadError::Query(diesel::result::Error::BrokenTransactionManager);
        assert!(!of_the_line.may_be_too_much(), "the line was lost: the next read may be quick");
        let reached = Reached::at(1, mark(10));
        assert!(!reached.can_go_on(2, &mark(10)) && !reached.can_go_on(1, &mark(9)));
    }
}
