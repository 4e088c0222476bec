//! The drain loop. One task owns all state: there are no locks, and the order of the steps is in one place ([`Engine::run`]).
//!
//! Reading and settling run as tasks beside the loop, each with a connection of its own. So the next batch is read and the
//! previous events are settled while the current ones are on their way to the broker.

mod aggregate;
mod backlog;
mod cursors;
mod event;
mod fetcher;
mod outcome;
mod reactions;
mod retry_schedule;
mod settler;
mod steps;
mod timing;
mod turns;

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use comptoir_core::outbox::overview::Unread;
use comptoir_core::outbox::{SHARDS, WaitingCount};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::backlog::{Backlog, Limits};
use self::cursors::Cursors;
use self::fetcher::{Fetcher, Finished};
use self::outcome::Decisions;
use self::retry_schedule::RetrySchedule;
use self::settler::{Settled, Settlement, Settler};
use self::timing::Timing;
use self::turns::Turns;
use crate::config::Config;
use crate::error::{BrokerFault, Trouble};
use crate::leases::{Holdings, Leases};
use crate::metrics::Metrics;
use crate::publisher::{BrokerEvent, Publisher, Pulse};
use comptoir_core::services::Tasks;

pub(crate) use self::event::Event;
#[cfg(test)]
pub(crate) use self::event::sample;

/// Refused events that are tried again may take one part in this many of the window.
const RESUME_SHARE: usize = 4;

/// How far to drain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Goal {
    /// No event after this one.
    pub(crate) last_seq: i64,
    /// No more events than this.
    pub(crate) max_events: u64,
}

impl Goal {
    /// Returns the goal to drain everything, for ever.
    pub(crate) fn everything() -> Self {
        Self { last_seq: i64::MAX, max_events: u64::MAX }
    }
}

/// The state of the drain loop, for health checks, the service manager and `--once`.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub(crate) database_up: bool,
    pub(crate) database_trouble: Option<Trouble>,
    pub(crate) broker_up: bool,
    pub(crate) broker_trouble: Option<Trouble>,
    pub(crate) blocked: bool,
    pub(crate) shards_held: usize,
    /// Whether there is nothing in memory and nothing left to read in the shards that are held.
    pub(crate) idle: bool,
    /// Whether the goal's `max_events` are used up, and all of them are settled.
    pub(crate) limit_reached: bool,
    /// When the loop last turned.
    pub(crate) turned_at: Instant,
}

/// For so long after the start, what was not reached yet is no trouble.
const STARTING: Duration = Duration::from_secs(10);

impl Condition {
    /// Returns the state before the loop has turned.
    pub(crate) fn unknown() -> Self {
        Self {
            database_up: false,
            database_trouble: None,
            broker_up: false,
            broker_trouble: None,
            blocked: false,
            shards_held: 0,
            idle: false,
            limit_reached: false,
            turned_at: Instant::now(),
        }
    }

    /// Whether there is nothing more to do: the broker is reached and no event is left, or the goal is reached.
    pub(crate) fn is_done(&self) -> bool {
        self.idle && self.broker_up || self.limit_reached
    }

    /// Whether the relay began a moment ago, and has not heard from the database or the broker yet, good or bad.
    pub(crate) fn is_starting(&self, began: Instant) -> bool {
        let unheard = |up: bool, trouble: &Option<Trouble>| !up && trouble.is_none();
        let has_trouble = self.database_trouble.is_some() || self.broker_trouble.is_some() || self.blocked;
        let is_unheard = unheard(self.database_up, &self.database_trouble)
            || unheard(self.broker_up, &self.broker_trouble);
        began.elapsed() < STARTING && is_unheard && !has_trouble
    }

    /// Returns the reasons why nothing can be published now.
    pub(crate) fn hindrances(&self) -> Vec<String> {
        let blocked = || "the broker blocks publishing (memory or disk alarm)".to_owned();
        let reasons = [
            (!self.database_up).then(|| unreached("the database", self.database_trouble.as_ref())),
            (!self.broker_up).then(|| unreached("the broker", self.broker_trouble.as_ref())),
            self.blocked.then(blocked),
        ];
        reasons.into_iter().flatten().collect()
    }
}

/// `the broker cannot be reached (tls: invalid peer certificate: …)`
fn unreached(what: &str, trouble: Option<&Trouble>) -> String {
    match trouble {
        Some(trouble) => format!("{what} cannot be reached ({trouble})"),
        None => format!("{what} cannot be reached"),
    }
}

/// The parts that the engine works with.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) leases: Leases,
    pub(crate) wake_up: Arc<Notify>,
    /// The connection to the broker is to be made anew.
    pub(crate) reconnect: Arc<Notify>,
    /// Where the state of the loop is reported.
    pub(crate) condition: watch::Sender<Condition>,
    /// The leases' service reads it, for the other replicas.
    pub(crate) pulse: Arc<Pulse>,
    pub(crate) tasks: Tasks,
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Engine {
    id: Uuid,
    window: usize,
    chain: usize,
    shutdown_timeout: Duration,
    backlog: Backlog,
    cursors: Cursors,
    waiting: RetrySchedule,
    decisions: Decisions,
    publisher: Publisher,
    fetcher: Option<Fetcher>,
    max_payload_bytes: i32,
    /// The number of aggregates whose rest is read in one statement.
    refills: usize,
    turns: Turns,
    reading: Option<JoinHandle<(Fetcher, Finished)>>,
    settler: Option<Settler>,
    settling: Option<JoinHandle<(Settler, Settled)>>,
    /// A settlement whose write failed; it is written again.
    unsettled: Option<Settlement>,
    leases: Leases,
    /// Whether the leases' task has ended: it sends no more holdings.
    leases_ended: bool,
    held: Holdings,
    /// For each shard, the lease that was given back last. The holdings still contain it until the leases' task has handled the
    /// return.
    returned: [Option<u64>; SHARDS],
    handover_after: Duration,
    /// For each shard, the number of events that were taken from the backlog and are not settled.
    busy: [usize; SHARDS],
    wake_up: Arc<Notify>,
    reconnect: Arc<Notify>,
    timing: Timing,
    goal: Goal,
    taken: u64,
    condition: watch::Sender<Condition>,
    pulse: Arc<Pulse>,
    /// Whether the last read was answered.
    read_answered: bool,
    read_trouble: Option<Trouble>,
    write_trouble: Option<Trouble>,
    /// The last count of the events in front of the cursors.
    unread: Unread,
    /// The last count of the events that wait.
    waiting_count: WaitingCount,
    stop: CancellationToken,
    tasks: Tasks,
    metrics: Metrics,
}

enum Happened {
    Broker(BrokerEvent),
    Read(Result<Box<(Fetcher, Finished)>, tokio::task::JoinError>),
    Settled(Result<Box<(Settler, Settled)>, tokio::task::JoinError>),
    WakeUp,
    Reconnect,
    Other,
}

impl Engine {
    pub(crate) fn new(config: &Config, goal: Goal, parts: Parts) -> Self {
        let relay = &config.relay;
        parts.leases.join();
        Self {
            id: parts.id,
            window: relay.window,
            chain: relay.aggregate_events,
            shutdown_timeout: Duration::from_millis(relay.shutdown_timeout_ms),
            backlog: Backlog::new(Limits {
                events: relay.buffer_events,
                bytes: relay.buffer_bytes,
                chain: relay.aggregate_events,
                in_flight: relay.max_in_flight_per_aggregate,
                resumed: relay.window.div_ceil(RESUME_SHARE),
            }),
            cursors: Cursors::new(goal.last_seq),
            waiting: RetrySchedule::new(),
            decisions: Decisions::new(config),
            publisher: Publisher::new(config, parts.name, Arc::clone(&parts.pulse)),
            fetcher: Some(Fetcher::new(config.database.clone())),
            max_payload_bytes: fetcher::max_payload_bytes(config.broker.max_message_bytes),
            refills: steps::REFILLS_PER_READ,
            turns: Turns::new(),
            reading: None,
            settler: Some(Settler::new(config.database.clone(), config.history.retention_days > 0)),
            settling: None,
            unsettled: None,
            held: Holdings::nothing(),
            leases: parts.leases,
            leases_ended: false,
            returned: [None; SHARDS],
            handover_after: Duration::from_millis(relay.handover_after_ms),
            busy: [0; SHARDS],
            wake_up: parts.wake_up,
            reconnect: parts.reconnect,
            timing: Timing::new(relay),
            goal,
            taken: 0,
            condition: parts.condition,
            pulse: parts.pulse,
            read_answered: false,
            read_trouble: None,
            write_trouble: None,
            unread: Unread::default(),
            waiting_count: WaitingCount::default(),
            stop: parts.tasks.stop().clone(),
            tasks: parts.tasks,
            metrics: Metrics::new(),
        }
    }

    /// Drains until told to stop, then finishes what is in flight and gives the shards back.
    pub(crate) async fn run(mut self) {
        let mut deadline = None;
        loop {
            let turn = Instant::now();
            self.follow_leases();
            self.publish();
            self.settle();
            self.read();
            self.report();
            if self.stop.is_cancelled() {
                let until = *deadline.get_or_insert_with(|| Instant::now() + self.shutdown_timeout);
                if self.is_drained() || Instant::now() >= until {
                    break;
                }
            }
            self.wait(turn, deadline).await;
        }
        if !self.is_drained() {
            // Other replicas may publish as soon as the shards are given back: this one must not send anything after that.
            self.publisher.reset(BrokerFault::LeaseLost);
        }
        self.leases.leave().await;
        self.publisher.close().await;
    }

    async fn wait(&mut self, turn: Instant, deadline: Option<Instant>) {
        let wake_at = self.timing.next(turn, self.held.until, deadline);
        let happened = {
            let Self { publisher, reading, settling, leases, leases_ended, wake_up, reconnect, stop, .. } =
                &mut *self;
            tokio::select! {
                event = publisher.next() => Happened::Broker(event),
                read = ended(reading) => Happened::Read(read.map(Box::new)),
                settled = ended(settling) => Happened::Settled(settled.map(Box::new)),
                changed = leases.holdings.changed(), if !*leases_ended => {
                    if changed.is_err() {
                        *leases_ended = true;
                        stop.cancel();
                    }
                    Happened::Other
                }
                () = wake_up.notified() => Happened::WakeUp,
                () = reconnect.notified() => Happened::Reconnect,
                () = stop.cancelled(), if deadline.is_none() => Happened::Other,
                () = tokio::time::sleep_until(wake_at.into()) => Happened::Other,
            }
        };
        match happened {
            Happened::Broker(event) => self.on_broker(event),
            Happened::Read(Ok(read)) => {
                let (fetcher, finished) = *read;
                self.fetcher = Some(fetcher);
                self.on_read(finished);
            }
            Happened::Settled(Ok(written)) => {
                let (settler, settled) = *written;
                self.settler = Some(settler);
                self.on_settled(settled);
            }
            Happened::Read(Err(error)) => self.tasks.ended("reader", &error),
            Happened::Settled(Err(error)) => self.tasks.ended("settler", &error),
            Happened::WakeUp => self.timing.announced(),
            Happened::Reconnect => {
                self.reset_publisher(BrokerFault::Restarted);
            }
            Happened::Other => {}
        }
    }

    /// Whether nothing is on its way to the broker or to the database.
    fn is_drained(&self) -> bool {
        self.busy.iter().all(|busy| *busy == 0)
    }

    fn report(&mut self) {
        // A replica for which no shard was left has nothing to read.
        let idle = self.backlog.is_empty()
            && (self.cursors.caught_up() || self.held.count() == 0)
            && self.reading.is_none()
            && self.is_drained();
        let trouble = self.read_trouble.as_ref().or(self.write_trouble.as_ref());
        let condition = Condition {
            database_up: self.read_answered && self.write_trouble.is_none() && self.held.reached,
            database_trouble: self.held.trouble.clone().or_else(|| trouble.cloned()),
            broker_up: self.publisher.is_up(),
            broker_trouble: self.publisher.trouble().cloned(),
            blocked: self.publisher.is_blocked(),
            shards_held: self.held.count(),
            idle,
            limit_reached: self.taken >= self.goal.max_events && self.is_drained(),
            turned_at: Instant::now(),
        };
        if self.timing.gauges_are_due(condition.turned_at) {
            self.metrics.in_flight.set(self.publisher.in_flight() as f64);
            self.metrics.buffered.set(self.backlog.len() as f64);
            self.metrics.shards_held.set(condition.shards_held as f64);
            self.metrics.broker_up.set(f64::from(u8::from(condition.broker_up)));
            self.metrics.blocked.set(f64::from(u8::from(condition.blocked)));
            self.metrics.database_up.set(f64::from(u8::from(condition.database_up)));
            self.report_pending();
        }
        self.condition.send_replace(condition);
    }

    /// Reports the pending events: those in memory, those dropped behind waiting ones, the waiting ones, and the unread ones.
    fn report_pending(&mut self) {
        if self.cursors.caught_up() {
            self.unread = Unread::default();
        }
        if !self.waiting.any() {
            self.waiting_count = WaitingCount::default();
        }
        let WaitingCount { events, held, oldest } = self.waiting_count;
        let waiting = usize::try_from(events).unwrap_or(0).saturating_sub(self.backlog.resumed());
        let in_view = self.backlog.len() + self.backlog.dropped_events() + waiting;
        self.metrics.pending.set(in_view as f64 + self.unread.events as f64);
        self.metrics.waiting_aggregates.set((waiting + self.backlog.partial()) as f64);
        self.metrics.held_aggregates.set(held as f64);
        let oldest = self.backlog.oldest().into_iter().chain(oldest).chain(self.unread.oldest).min();
        let age = oldest.map(|oldest| (Utc::now() - oldest).as_seconds_f64().max(0.0));
        self.metrics.oldest_pending.set(age.unwrap_or(0.0));
    }
}

/// Waits until the task ends and returns its result; without a task, waits for ever. Nothing is lost if the future is dropped.
async fn ended<T>(task: &mut Option<JoinHandle<T>>) -> Result<T, tokio::task::JoinError> {
    let result = match task {
        Some(running) => running.await,
        None => std::future::pending().await,
    };
    *task = None;
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_done_when_nothing_is_left_and_the_broker_was_reached_or_when_it_is_at_its_limit() {
        for (idle, broker_up, limit_reached, done) in [
            (true, true, false, true),
            (false, false, true, true),
            (true, false, false, false),
            (false, true, false, false),
        ] {
            let condition = Condition { idle, broker_up, limit_reached, ..Condition::unknown() };
            assert_eq!(condition.is_done(), done, "{condition:?}");
        }
    }

    #[test]
    fn what_stands_in_the_way_is_named() {
        let free = Condition { database_up: true, broker_up: true, ..Condition::unknown() };
        assert!(free.hindrances().is_empty());
        let named = |condition: &Condition, what: &str| {
            let hindrances = condition.hindrances();
            assert!(matches!(hindrances.as_slice(), [one] if one.contains(what)), "{hindrances:?}");
        };
        named(&Condition { database_up: false, ..free.clone() }, "the database cannot be reached");
        named(&Condition { broker_up: false, ..free.clone() }, "the broker cannot be reached");
        named(&Condition { blocked: true, ..free }, "blocks publishing");
    }
}
