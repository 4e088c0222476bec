//! The connection of a process's services with those of other processes, by the database: leases, commands, states, events.
//!
//! One task owns one connection and does one short statement after the other, so nothing here needs a lock. If the database is away,
//! leases end by this process's own clock, before the database gives them to another process.

use std::collections::{HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use futures::{FutureExt, StreamExt};
use serde_json::Value;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::contract::Fault;
use super::events::{Event, Hub, Interest};
use super::run::{Fence, Progress};
use super::schedule::Schedule;
use super::state::{Board, Status};
use super::store::commands::{Command, Ending, NewCommand, Taken};
use super::store::processes::Process;
use super::store::{CHANNEL, LEASE_FREE, commands, events, leases, processes};
use super::supervisor::message_of;
use crate::platform::backoff::Backoff;
use crate::platform::database::{self, ConnectFault, DatabaseConfig, StatementFault};

/// A lease, and the word of a process that it lives, are worth this long.
pub(super) const TTL: Duration = Duration::from_secs(15);
/// How long before a lease ends in the database this process stops using it.
const MARGIN: Duration = Duration::from_secs(4);
/// How often leases are renewed, states written and commands looked for. Commands also announce themselves.
const BEAT_EVERY: Duration = Duration::from_secs(4);
/// A statement that takes longer has lost its connection.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);
/// How often events of other processes are read while somebody listens to them.
const FOLLOW_EVERY: Duration = Duration::from_millis(200);
/// How long events are gathered before they are written.
const GATHER: Duration = Duration::from_millis(100);
/// The most events that wait to be written or that one statement reads, the most requests that wait, and the most results that
/// wait for the database to come back. Beyond them, events are dropped and counted, and requests wait.
const EVENTS: usize = 1000;
const REQUESTS: usize = 64;
const UNSENT: usize = 256;
/// The most commands that a process carries out at once.
const COMMANDS: usize = 16;
/// States are written as a whole every so many beats, though nothing changed: their ages are seen.
const WHOLE_EVERY: u32 = 15;

/// How long a process that stops waits for the ends of actions that it carries out. Shorter than their leases.
pub(super) const LAST_ACTIONS: Duration = Duration::from_secs(10);

const DROPPED: &str = "comptoir_service_events_dropped_total";

/// Why a statement of the link came to nothing.
#[derive(Debug, thiserror::Error)]
enum LinkFault {
    /// The connection is of no use any more.
    #[error(transparent)]
    Lost(#[from] ConnectFault),
    /// The database does not take what the statement says. The connection goes on.
    #[error("{0}")]
    Refused(String),
}

/// A lease that this process holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Lease {
    pub(super) fence: Fence,
    /// It is not used after this.
    pub(super) until: Instant,
    /// When the service ran, and when it runs next, as it stood in the database at `read`.
    last_run_at: Option<DateTime<Utc>>,
    next_run_at: Option<DateTime<Utc>>,
    read: (Instant, DateTime<Utc>),
    /// How much the database's clock is ahead of this machine's.
    pub(super) ahead: TimeDelta,
}

impl Lease {
    /// Returns when the service runs next; `None`: no process has said so yet. A schedule that is shorter now holds at once.
    pub(super) fn next_run(&self, schedule: &Schedule) -> Option<Instant> {
        let (read, now) = self.read;
        let by_schedule = self
            .last_run_at
            .and_then(|last| last.checked_add_signed(TimeDelta::from_std(schedule.wait(last)).ok()?));
        let at = self.next_run_at.map(|at| by_schedule.map_or(at, |other| other.min(at)))?;
        Some(read + (at - now).to_std().unwrap_or_default())
    }
}

pub(super) type Leases = HashMap<&'static str, Lease>;

/// What the link is asked for.
#[derive(Debug)]
pub(super) enum Request {
    Ask(Box<NewCommand>, Reply<()>),
    Find(Uuid, Reply<Option<Command>>),
    /// The newest commands, so many at most.
    Commands(i64, Reply<Vec<Command>>),
    List(Reply<Vec<Status>>),
    Write(Write),
}

pub(super) type Reply<T> = oneshot::Sender<Result<T, Fault>>;

/// What must reach the database, also if it is away just now.
#[derive(Debug)]
pub(super) enum Write {
    Ended(Ending),
    /// The service runs after the wait, and ran now or did not.
    Next {
        fence: Fence,
        wait: Option<Duration>,
        ran: bool,
    },
    /// A command is not this process's any more. What becomes of it, whoever looks for such commands decides.
    Forgotten {
        id: Uuid,
        epoch: i64,
    },
}

/// The handle to the link's task. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) requests: mpsc::Sender<Request>,
    pub(super) leases: watch::Receiver<Leases>,
    /// Held by whoever listens to events of other processes.
    pub(super) interest: Interest,
}

/// A service, as far as the link needs it.
#[derive(Debug, Clone)]
pub(super) struct Linked {
    pub(super) name: &'static str,
    pub(super) one_of_all: bool,
    pub(super) quiet: bool,
    pub(super) actions: Vec<&'static str>,
    pub(super) board: Board,
}

/// Carries a command out: the answer, or why there is none.
pub(super) type CarryOut = Arc<
    dyn Fn(
            Taken,
            Arc<Progress>,
            CancellationToken,
        ) -> futures::future::BoxFuture<'static, Result<Value, Fault>>
        + Send
        + Sync,
>;

struct Running {
    epoch: i64,
    progress: Arc<Progress>,
    /// Until when this process may go on; moved by each renewal.
    until: watch::Sender<Instant>,
}

pub(super) struct LinkTask {
    database: DatabaseConfig,
    process: Process,
    services: Vec<Linked>,
    hub: Hub,
    carry_out: CarryOut,
    requests: mpsc::Receiver<Request>,
    ended: mpsc::Sender<Request>,
    leases: watch::Sender<Leases>,
    told: broadcast::Receiver<Event>,
    outbox: VecDeque<Event>,
    /// The number of the last event that was written.
    number: i64,
    interest: Weak<()>,
    read: Option<HashMap<Uuid, i64>>,
    running: HashMap<Uuid, Running>,
    unsent: VecDeque<Write>,
    beats: u32,
    stopping: CancellationToken,
}

impl std::fmt::Debug for LinkTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LinkTask").field("process", &self.process).finish_non_exhaustive()
    }
}

impl LinkTask {
    pub(super) fn new(
        database: DatabaseConfig,
        process: Process,
        services: Vec<Linked>,
        hub: Hub,
        carry_out: CarryOut,
        stopping: CancellationToken,
    ) -> (Self, Link) {
        metrics::describe_counter!(
            DROPPED,
            "Events of services that were not written for other processes, because there were too many"
        );
        metrics::counter!(DROPPED).increment(0);
        let (sender, requests) = mpsc::channel(REQUESTS);
        let (leases, held) = watch::channel(Leases::new());
        let interest = Interest::default();
        let limit = u64::try_from(ANSWER_LIMIT.as_millis()).unwrap_or(u64::MAX);
        let database = DatabaseConfig { statement_timeout_ms: limit, lock_timeout_ms: limit, ..database };
        let task = Self {
            database,
            process,
            services,
            told: hub.listen(),
            hub,
            carry_out,
            requests,
            ended: sender.clone(),
            leases,
            outbox: VecDeque::new(),
            number: 0,
            interest: Arc::downgrade(&interest),
            read: None,
            running: HashMap::new(),
            unsent: VecDeque::new(),
            beats: 0,
            stopping,
        };
        (task, Link { requests: sender, leases: held, interest })
    }

    /// Works until `end`; then gives everything back.
    pub(super) async fn run(mut self, end: CancellationToken) {
        let mut backoff = Backoff::new(200, 5000);
        loop {
            let began = Instant::now();
            let ended = AssertUnwindSafe(self.session(&end)).catch_unwind().await;
            let ended = ended.unwrap_or_else(|panic| {
                tracing::error!(
                    error = message_of(&*panic),
                    "the connection of services panicked: it begins anew"
                );
                Err(unreachable("this program failed: see its log"))
            });
            let Err(fault) = ended else { return };
            if end.is_cancelled() {
                tracing::warn!(%fault, "cannot give the leases of services back: they will expire");
                return;
            }
            if began.elapsed() > TTL {
                backoff.reset();
            }
            tracing::warn!(%fault, "services cannot reach those of other processes; tried again");
            self.forget_ended_leases();
            self.refuse_requests_until(Instant::now() + backoff.advance(), &fault, &end).await;
        }
    }

    /// While the database is away, whoever asks is told so.
    async fn refuse_requests_until(&mut self, until: Instant, fault: &LinkFault, end: &CancellationToken) {
        loop {
            let request = tokio::select! {
                () = tokio::time::sleep_until(until.into()) => return,
                () = end.cancelled() => return,
                request = self.requests.recv() => request,
            };
            let away = || Fault::new(format_args!("the database cannot be reached: {fault}"));
            match request {
                None => return,
                Some(Request::Ask(_, reply)) => drop(reply.send(Err(away()))),
                Some(Request::Find(_, reply)) => drop(reply.send(Err(away()))),
                Some(Request::Commands(_, reply)) => drop(reply.send(Err(away()))),
                Some(Request::List(reply)) => drop(reply.send(Err(away()))),
                Some(Request::Write(write)) => self.keep(write),
            }
        }
    }

    fn keep(&mut self, write: Write) {
        if self.unsent.len() == UNSENT {
            self.unsent.pop_front();
        }
        self.unsent.push_back(write);
    }

    async fn session(&mut self, end: &CancellationToken) -> Result<(), LinkFault> {
        let mut open = database::connect(&self.database).await?;
        answered(open.batch_execute(&format!("LISTEN {CHANNEL}"))).await?;
        let shared: Vec<&str> = self.shared().collect();
        answered(leases::know(&mut open, &shared)).await?;
        self.beats = 0;
        let (mut beat, mut follow, mut gathered) = (Instant::now(), Instant::now(), None);
        loop {
            while let Some(write) = self.unsent.pop_front() {
                if let Err(fault) = self.write(&mut open, &write).await {
                    self.unsent.push_front(write);
                    return Err(fault);
                }
            }
            if Instant::now() >= beat {
                self.beat(&mut open).await?;
                beat = Instant::now() + BEAT_EVERY;
            }
            self.take(&mut open).await?;
            if gathered.is_some_and(|at| Instant::now() >= at) {
                self.flush(&mut open).await?;
                gathered = None;
            }
            if self.interest.strong_count() <= 1 {
                self.read = None;
            } else if Instant::now() >= follow || self.read.is_none() {
                self.follow(&mut open).await?;
                follow = Instant::now() + FOLLOW_EVERY;
            }
            let listens = self.read.is_some();
            let wake = beat.min(gathered.unwrap_or(beat)).min(if listens { follow } else { beat });
            let request = {
                let mut notifications = std::pin::pin!(open.notifications_stream());
                tokio::select! {
                    () = end.cancelled() => None,
                    request = self.requests.recv() => Some(request),
                    told = self.told.recv() => {
                        self.note(told);
                        gathered = gathered.or((!self.outbox.is_empty()).then(|| Instant::now() + GATHER));
                        continue;
                    }
                    next = notifications.next() => match next {
                        Some(Ok(heard)) => {
                            if heard.payload == LEASE_FREE {
                                beat = Instant::now();
                            }
                            continue;
                        }
                        Some(Err(error)) => return Err(unreachable(error)),
                        None => return Err(unreachable("the connection was closed")),
                    },
                    () = tokio::time::sleep_until(wake.into()) => continue,
                }
            };
            match request {
                None => return self.leave(&mut open).await,
                Some(None) => return Ok(()),
                Some(Some(request)) => self.handle(&mut open, request).await?,
            }
        }
    }

    fn shared(&self) -> impl Iterator<Item = &'static str> {
        self.services.iter().filter(|service| service.one_of_all).map(|service| service.name)
    }

    /// Says that the process lives, renews what it holds, and writes what its services do.
    async fn beat(&mut self, open: &mut AsyncPgConnection) -> Result<(), LinkFault> {
        answered(processes::beat(open, &self.process)).await?;
        self.renew_leases(open).await?;
        self.renew_commands(open).await?;
        for (command, state) in answered(commands::sweep(open)).await? {
            tracing::warn!(%command, state, "a command of a service was not done in time, or its process has gone");
        }
        let all = self.beats.is_multiple_of(WHOLE_EVERY);
        self.beats = self.beats.wrapping_add(1);
        self.write_states(open, all).await
    }

    async fn write_states(&mut self, open: &mut AsyncPgConnection, all: bool) -> Result<(), LinkFault> {
        let changed: Vec<Status> =
            self.services.iter().filter_map(|service| service.board.take_changed(all)).collect();
        if changed.is_empty() {
            return Ok(());
        }
        let states = storable(serde_json::to_value(&changed).unwrap_or_default());
        unless_refused(answered(processes::write(open, self.process.id, &states)).await, "states of services")
    }

    async fn renew_leases(&mut self, open: &mut AsyncPgConnection) -> Result<(), LinkFault> {
        let mut shared: Vec<&'static str> = self.shared().collect();
        if self.stopping.is_cancelled() {
            // What it holds it needs until its services have stopped. Others may have the rest.
            let held = self.leases.borrow();
            shared.retain(|service| held.contains_key(service));
        }
        if shared.is_empty() {
            return Ok(());
        }
        let (asked, time) = (Instant::now(), Utc::now());
        let held = answered(leases::renew_and_claim(open, &shared, self.process.id, millis(TTL))).await?;
        let held = held.into_iter().filter_map(|lease| {
            let service = shared.iter().copied().find(|name| *name == lease.service)?;
            let fence = Fence { service, owner: self.process.id, epoch: lease.epoch };
            let lease = Lease {
                fence,
                until: asked + TTL - MARGIN,
                last_run_at: lease.last_run_at,
                next_run_at: lease.next_run_at,
                read: (asked, lease.now),
                ahead: lease.now - time,
            };
            Some((service, lease))
        });
        // One that could not be renewed just now is this process's own until its time is over.
        self.leases.send_modify(|leases| {
            leases.retain(|_, lease| lease.until > asked);
            leases.extend(held);
        });
        Ok(())
    }

    fn forget_ended_leases(&self) {
        let now = Instant::now();
        self.leases.send_modify(|leases| leases.retain(|_, lease| lease.until > now));
    }

    async fn renew_commands(&mut self, open: &mut AsyncPgConnection) -> Result<(), LinkFault> {
        if self.running.is_empty() {
            return Ok(());
        }
        let running: Vec<_> =
            self.running.iter().map(|(id, running)| (*id, running.progress.read())).collect();
        let asked = Instant::now();
        let held = answered(commands::renew(open, self.process.id, millis(TTL), &running)).await?;
        for (id, running) in &self.running {
            let until = if held.contains(id) { asked + TTL - MARGIN } else { asked };
            running.until.send_replace(until);
        }
        Ok(())
    }

    /// Returns the kinds of commands that this process can carry out now.
    fn kinds(&self) -> Vec<(&'static str, &'static str)> {
        let leases = self.leases.borrow();
        let here =
            self.services.iter().filter(|service| !service.one_of_all || leases.contains_key(service.name));
        here.flat_map(|service| service.actions.iter().map(|action| (service.name, *action))).collect()
    }

    async fn take(&mut self, open: &mut AsyncPgConnection) -> Result<(), LinkFault> {
        if self.stopping.is_cancelled() {
            return Ok(());
        }
        let kinds = self.kinds();
        while !kinds.is_empty() && self.running.len() < COMMANDS {
            let asked = Instant::now();
            let Some(taken) = answered(commands::take(open, self.process.id, millis(TTL), &kinds)).await?
            else {
                break;
            };
            self.begin(taken, asked + TTL - MARGIN);
        }
        Ok(())
    }

    fn begin(&mut self, taken: Taken, until: Instant) {
        let (id, epoch, left) =
            (taken.id, taken.epoch, Duration::from_millis(taken.left_ms.try_into().unwrap_or(0)));
        let progress = Arc::<Progress>::default();
        let (renewed, lease) = watch::channel(until);
        self.running.insert(id, Running { epoch, progress: Arc::clone(&progress), until: renewed });
        let work = (self.carry_out)(taken, Arc::clone(&progress), self.stopping.clone());
        let ended = self.ended.clone();
        tokio::spawn(async move {
            let result = tokio::select! {
                biased;
                result = work => Some(result.map_err(|fault| fault.to_string())),
                () = tokio::time::sleep(left) => Some(Err("its deadline is over".to_owned())),
                () = lapsed(lease) => None,
            };
            let write = match result {
                Some(result) => Write::Ended(Ending { id, epoch, result, progress: progress.read() }),
                None => Write::Forgotten { id, epoch },
            };
            let _ = ended.send(Request::Write(write)).await;
        });
    }

    async fn handle(&mut self, open: &mut AsyncPgConnection, request: Request) -> Result<(), LinkFault> {
        match request {
            Request::Ask(command, reply) => respond(answered(commands::insert(open, &command)).await, reply),
            Request::Find(id, reply) => respond(answered(commands::find(open, id)).await, reply),
            Request::Commands(most, reply) => respond(answered(commands::list(open, most)).await, reply),
            Request::List(reply) => {
                let read = async {
                    self.write_states(open, false).await?;
                    answered(processes::list(open, millis(TTL))).await
                };
                let rows = read.await.map(|rows| {
                    rows.into_iter().filter_map(|row| serde_json::from_value(row).ok()).collect()
                });
                respond(rows, reply)
            }
            Request::Write(write) => {
                let written = self.write(open, &write).await;
                if written.is_err() {
                    self.keep(write);
                }
                written
            }
        }
    }

    async fn write(&mut self, open: &mut AsyncPgConnection, write: &Write) -> Result<(), LinkFault> {
        match write {
            Write::Ended(ending) => {
                let ours = match answered(commands::end(open, self.process.id, ending)).await {
                    // Such as an answer with the character U+0000, which PostgreSQL does not store: whoever asked is told.
                    Err(LinkFault::Refused(why)) => {
                        let result = Err(format!("how it ended cannot be written down: {why}"));
                        let untold = Ending { result, ..ending.clone() };
                        answered(commands::end(open, self.process.id, &untold)).await?
                    }
                    ended => ended?,
                };
                self.forget(ending.id, ending.epoch);
                if !ours {
                    tracing::warn!(command = %ending.id, "a command of a service ended after its lease");
                }
            }
            Write::Next { fence, wait, ran } => {
                answered(leases::note(open, *fence, wait.map(millis), *ran)).await?;
            }
            Write::Forgotten { id, epoch } => self.forget(*id, *epoch),
        }
        Ok(())
    }

    fn forget(&mut self, command: Uuid, epoch: i64) {
        if self.running.get(&command).is_some_and(|running| running.epoch == epoch) {
            self.running.remove(&command);
        }
    }

    fn note(&mut self, told: Result<Event, broadcast::error::RecvError>) {
        match told {
            Ok(event) => {
                let ours = event.process == self.process.id;
                let loud =
                    self.services.iter().any(|service| service.name == event.service && !service.quiet);
                if ours && loud && self.outbox.len() < EVENTS {
                    self.outbox.push_back(event);
                } else if ours && loud {
                    metrics::counter!(DROPPED).increment(1);
                }
            }
            Err(broadcast::error::RecvError::Lagged(missed)) => metrics::counter!(DROPPED).increment(missed),
            Err(broadcast::error::RecvError::Closed) => {}
        }
    }

    async fn flush(&mut self, open: &mut AsyncPgConnection) -> Result<(), LinkFault> {
        let events: Vec<Event> = self.outbox.drain(..).collect();
        let first = self.number + 1;
        let body = storable(serde_json::to_value(&events).unwrap_or_default());
        // Numbers are never used twice, whatever became of the statement.
        self.number += i64::try_from(events.len()).unwrap_or(0);
        unless_refused(
            answered(events::insert(open, self.process.id, first, &body)).await,
            "events of services",
        )
    }

    async fn follow(&mut self, open: &mut AsyncPgConnection) -> Result<(), LinkFault> {
        let most = i64::try_from(EVENTS).unwrap_or(i64::MAX);
        let Some(read) = &mut self.read else {
            self.read = Some(answered(events::last(open)).await?);
            return Ok(());
        };
        for event in answered(events::read(open, self.process.id, read, most)).await? {
            if let Ok(event) = serde_json::from_value(event) {
                self.hub.forward(event);
            }
        }
        Ok(())
    }

    async fn leave(&mut self, open: &mut AsyncPgConnection) -> Result<(), LinkFault> {
        self.leases.send_replace(Leases::new());
        // What ended while the services stopped, and the actions that still work: they have been told.
        self.renew_commands(open).await?;
        let deadline = tokio::time::Instant::now() + LAST_ACTIONS;
        loop {
            let request = if self.running.is_empty() {
                self.requests.try_recv().ok()
            } else {
                tokio::time::timeout_at(deadline, self.requests.recv()).await.ok().flatten()
            };
            match request {
                Some(Request::Write(write)) => self.write(open, &write).await?,
                Some(_) => {}
                None => break,
            }
        }
        if !self.running.is_empty() {
            let left = self.running.len();
            tracing::warn!(left, "actions of services did not end in time: they were cut off");
        }
        if !self.outbox.is_empty() {
            self.flush(open).await?;
        }
        answered(leases::release(open, self.process.id)).await?;
        answered(processes::leave(open, self.process.id)).await
    }
}

/// Resolves when the lease is over: no renewal moved its end in time.
pub(super) async fn lapsed(mut until: watch::Receiver<Instant>) {
    loop {
        let end = *until.borrow_and_update();
        tokio::select! {
            () = tokio::time::sleep_until(end.into()) => return,
            changed = until.changed() => if changed.is_err() {
                tokio::time::sleep_until(end.into()).await;
                return;
            }
        }
    }
}

/// Passes the result on. A statement that the database refused is told to whoever asked, and the link goes on.
fn respond<T>(result: Result<T, LinkFault>, reply: Reply<T>) -> Result<(), LinkFault> {
    match result {
        Ok(value) => {
            let _ = reply.send(Ok(value));
            Ok(())
        }
        Err(fault) => {
            let _ = reply.send(Err(Fault::new(&fault)));
            match fault {
                LinkFault::Refused(_) => Ok(()),
                fault => Err(fault),
            }
        }
    }
}

/// What the database does not take is not written, and said: the leases matter more.
fn unless_refused(written: Result<(), LinkFault>, what: &str) -> Result<(), LinkFault> {
    match written {
        Err(LinkFault::Refused(why)) => {
            tracing::warn!(error = why, "{what} cannot be written down");
            Ok(())
        }
        written => written,
    }
}

async fn answered<T>(statement: impl Future<Output = QueryResult<T>>) -> Result<T, LinkFault> {
    match tokio::time::timeout(ANSWER_LIMIT, statement).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) if StatementFault::of(&error).is_passing() => Err(unreachable(error)),
        Ok(Err(error)) => Err(LinkFault::Refused(error.to_string())),
        Err(_) => Err(ConnectFault::Timeout {
            limit_ms: u64::try_from(ANSWER_LIMIT.as_millis()).unwrap_or(u64::MAX),
        }
        .into()),
    }
}

/// The same without the character U+0000, which PostgreSQL does not store: one text must not keep the others away.
fn storable(value: Value) -> Value {
    match value {
        Value::String(text) if text.contains('\0') => Value::String(text.replace('\0', "\u{fffd}")),
        Value::Array(values) => values.into_iter().map(storable).collect(),
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, storable(value))).collect(),
        other => other,
    }
}

fn unreachable(error: impl std::fmt::Display) -> LinkFault {
    ConnectFault::Unreachable(error.to_string()).into()
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
