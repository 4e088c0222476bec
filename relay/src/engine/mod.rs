//! The drain loop. One task owns all state: there are no locks, and what happens next is on one page ([`Engine::run`]).
//!
//! Reading and settling run as tasks beside it, each with a connection of its own, so that the next page is read and the
//! previous events are settled while the current ones are on their way to the broker.

mod backlog;
mod cursors;
mod event;
mod fetcher;
mod outcome;
mod settler;
mod timing;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use comptoir_core::outbox::SHARDS;
use comptoir_core::outbox::settle::Fence;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::backlog::{Backlog, Limits};
use self::cursors::{Cursors, Next};
use self::fetcher::{Fetcher, Finished, Found, Read};
use self::outcome::Decisions;
use self::settler::{Settled, Settlement, Settler};
use self::timing::Timing;
use crate::config::Config;
use crate::error::{BrokerFault, DatabaseFault};
use crate::leases::{Holdings, Leases};
use crate::metrics::{self, Metrics};
use crate::publisher::{BrokerEvent, Message, Publisher};

pub(crate) use self::event::Event;
#[cfg(test)]
pub(crate) use self::event::sample;

/// Aggregates whose rest is read in one statement.
const REFILLS_PER_READ: usize = 64;
/// Events that one statement settles.
const SETTLE_LIMIT: usize = 4096;
/// A read for fewer events than this share of the buffer is not worth its round trip while others are in memory.
const READ_SHARE: usize = 4;
/// With more events ready than fit into the window, they are published in batches of at least this share of it.
const BATCH_SHARE: usize = 8;

/// How far to drain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Goal {
    /// No event after this one.
    pub(crate) last_seq: i64,
    /// No more events than this.
    pub(crate) max_events: u64,
}

impl Goal {
    /// Everything, for ever.
    pub(crate) fn everything() -> Self {
        Self { last_seq: i64::MAX, max_events: u64::MAX }
    }
}

/// What the drain loop tells others about itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Condition {
    pub(crate) database_up: bool,
    pub(crate) broker_up: bool,
    pub(crate) blocked: bool,
    pub(crate) shards_held: usize,
    /// Nothing in memory and nothing left to read in the shards that are held.
    pub(crate) idle: bool,
    /// The goal's `max_events` are used up, and all of them are settled.
    pub(crate) limit_reached: bool,
    /// When the loop last turned.
    pub(crate) turned_at: Instant,
}

/// What the engine is given to work with.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) leases: Leases,
    pub(crate) wake_up: Arc<Notify>,
    /// Read by the leases' task, for `relay status`.
    pub(crate) blocked: Arc<AtomicBool>,
    pub(crate) stop: CancellationToken,
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
    decisions: Decisions,
    publisher: Publisher,
    fetcher: Option<Fetcher>,
    reading: Option<JoinHandle<(Fetcher, Finished)>>,
    settler: Option<Settler>,
    settling: Option<JoinHandle<(Settler, Settled)>>,
    /// A settlement whose write failed and is made again.
    unsettled: Option<Settlement>,
    leases: Leases,
    held: Holdings,
    /// Events by shard that were taken from the backlog and are not settled.
    busy: [usize; SHARDS],
    wake_up: Arc<Notify>,
    timing: Timing,
    goal: Goal,
    taken: u64,
    condition: watch::Sender<Condition>,
    blocked: Arc<AtomicBool>,
    database_up: bool,
    stop: CancellationToken,
    metrics: Metrics,
}

enum Happened {
    Broker(BrokerEvent),
    Read(Result<(Fetcher, Finished), tokio::task::JoinError>),
    Settled(Result<(Settler, Settled), tokio::task::JoinError>),
    WakeUp,
    Other,
}

impl Engine {
    pub(crate) fn new(config: &Config, goal: Goal, parts: Parts) -> (Self, watch::Receiver<Condition>) {
        let relay = &config.relay;
        let (condition, observed) = watch::channel(Condition {
            database_up: false,
            broker_up: false,
            blocked: false,
            shards_held: 0,
            idle: false,
            limit_reached: false,
            turned_at: Instant::now(),
        });
        let engine = Self {
            id: parts.id,
            window: relay.window,
            chain: relay.aggregate_events,
            shutdown_timeout: Duration::from_millis(relay.shutdown_timeout_ms),
            backlog: Backlog::new(Limits {
                events: relay.buffer_events,
                bytes: relay.buffer_bytes,
                chain: relay.aggregate_events,
                waiting_aggregates: relay.waiting_aggregates,
            }),
            cursors: Cursors::new(goal.last_seq),
            decisions: Decisions::new(relay),
            publisher: Publisher::new(config.broker.clone(), parts.name),
            fetcher: Some(Fetcher::new(config.database.clone())),
            reading: None,
            settler: Some(Settler::new(config.database.clone())),
            settling: None,
            unsettled: None,
            held: Holdings::nothing(),
            leases: parts.leases,
            busy: [0; SHARDS],
            wake_up: parts.wake_up,
            timing: Timing::new(relay),
            goal,
            taken: 0,
            condition,
            blocked: parts.blocked,
            database_up: false,
            stop: parts.stop,
            metrics: Metrics::new(),
        };
        (engine, observed)
    }

    /// Drains until told to stop, then finishes what is in flight and gives the shards back.
    pub(crate) async fn run(mut self) {
        let mut deadline = None;
        loop {
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
            self.wait(deadline).await;
        }
        self.leases.leave().await;
    }

    /// Drops what belongs to leases that ended, begins what belongs to new ones, gives back what is too much.
    fn follow_leases(&mut self) {
        let mut holdings = self.leases.holdings.borrow_and_update().clone();
        if Instant::now() >= holdings.until {
            holdings.shards = [None; SHARDS];
        }
        let mut published_under_lost_lease = false;
        let mut returned = Vec::new();
        for shard in 0..SHARDS {
            let (before, now) = (self.held.shards[shard], holdings.shards[shard]);
            if before.map(|holding| holding.lease) != now.map(|holding| holding.lease) {
                if let Some(before) = before {
                    published_under_lost_lease |= self.busy[shard] > 0 && !before.surplus;
                    self.cursors.stop(shard);
                    self.backlog.drop_shard(shard);
                }
            }
            let Some(now) = now else { continue };
            let wanted = !now.surplus && !self.stop.is_cancelled();
            if wanted && !self.cursors.holds(shard) {
                self.cursors.start(shard);
                self.timing.poll_now();
            } else if !wanted && self.cursors.holds(shard) {
                self.cursors.stop(shard);
                self.backlog.drop_shard(shard);
            }
            if now.surplus && self.busy[shard] == 0 {
                returned.push((shard, now.lease));
            }
        }
        self.held = holdings;
        if !returned.is_empty() {
            for (shard, _) in &returned {
                self.held.shards[*shard] = None;
            }
            self.leases.give_back(returned);
        }
        if published_under_lost_lease && self.publisher.is_up() {
            let lost = self.publisher.reset(BrokerFault::LeaseLost);
            self.on_broker(lost);
        }
    }

    /// Fills the window, in batches: each is decided by itself, so that the window never runs empty.
    fn publish(&mut self) {
        if !self.publisher.is_up() || self.publisher.is_blocked() {
            return;
        }
        let dead_letters = self.decisions.take_dead_letters(self.window.saturating_sub(self.publisher.in_flight()));
        self.hand_over(dead_letters);
        let room = self.window.saturating_sub(self.publisher.in_flight());
        let batch_size = (self.window / BATCH_SHARE).max(1);
        if room < batch_size && room < self.backlog.ready_len() {
            return;
        }
        let mut room = room.min(usize::try_from(self.goal.max_events - self.taken).unwrap_or(usize::MAX));
        while room > 0 && Instant::now() < self.held.until {
            let batch = self.take_ready(room.min(batch_size));
            if batch.is_empty() {
                return;
            }
            room -= batch.len();
            self.hand_over(batch);
        }
    }

    fn take_ready(&mut self, limit: usize) -> Vec<Message> {
        let mut batch = Vec::with_capacity(limit.min(self.backlog.ready_len()));
        let held = &self.held.shards;
        while batch.len() < limit
            && let Some(event) = self.backlog.take(|shard| held[shard].is_some())
        {
            self.taken += 1;
            self.busy[event.shard()] += 1;
            match self.publisher.refuse(&event) {
                None => batch.push(Message::Event(event)),
                Some(fault) => self.decisions.fail_for_good(event, &fault, &self.metrics),
            }
        }
        batch
    }

    fn hand_over(&mut self, batch: Vec<Message>) {
        if !batch.is_empty() {
            self.metrics.published_batch.record(batch.len() as f64);
            self.publisher.publish(batch);
        }
    }

    /// Writes down what was decided since the last write began.
    fn settle(&mut self) {
        if self.settling.is_some() || !self.timing.database_may_be_tried() {
            return;
        }
        let Some(settler) = self.settler.take() else { return };
        let settlement = self.unsettled.take().unwrap_or_else(|| self.decisions.take(SETTLE_LIMIT, &self.fence()));
        if settlement.is_empty() {
            self.settler = Some(settler);
        } else {
            self.metrics.settled.record(settlement.len() as f64);
            self.settling = Some(tokio::spawn(settler.write(settlement)));
        }
    }

    /// Reads on, if there is room and reason.
    fn read(&mut self) {
        if self.reading.is_some() || self.stop.is_cancelled() || !self.timing.database_may_be_tried() {
            return;
        }
        let now = Instant::now();
        self.timing.resume_at = self.backlog.resume(now);
        let (rows, bytes) = self.backlog.room();
        let Some(fetcher) = self.fetcher.take() else { return };
        let read = self.next_refill().or_else(|| {
            let enough = rows * READ_SHARE >= self.backlog.len() && rows > 0 && bytes > 0;
            let reason = !self.cursors.caught_up() || self.timing.poll_is_due(now);
            if !enough || !reason || self.taken >= self.goal.max_events {
                return None;
            }
            if self.cursors.caught_up() && self.timing.sweep_is_due(now) {
                self.cursors.restart();
            }
            self.cursors.next(rows, bytes).map(Read::Next)
        });
        match read {
            None => self.fetcher = Some(fetcher),
            Some(read) => {
                self.timing.read_began(now);
                self.cursors.ask();
                self.backlog.read_began();
                self.reading = Some(tokio::spawn(fetcher.read(read)));
            }
        }
    }

    /// The rest of aggregates whose turn has come goes before anything new; it needs no room of its own, because the
    /// number of such aggregates in one read is small.
    fn next_refill(&mut self) -> Option<Read> {
        if !self.backlog.has_refills() || self.taken >= self.goal.max_events {
            return None;
        }
        let cursors = &self.cursors;
        let wanted = self.backlog.take_refills(REFILLS_PER_READ, |shard| cursors.at(shard));
        let limit = i64::try_from(self.chain).unwrap_or(i64::MAX);
        let max_bytes = i64::try_from(self.backlog.room().1.max(1)).unwrap_or(i64::MAX);
        (!wanted.is_empty()).then_some(Read::Rest { wanted, limit, max_bytes })
    }

    async fn wait(&mut self, deadline: Option<Instant>) {
        let wake_at = self.timing.next(self.held.until, deadline);
        let happened = {
            let Self { publisher, reading, settling, leases, wake_up, stop, .. } = &mut *self;
            tokio::select! {
                event = publisher.next() => Happened::Broker(event),
                read = ended(reading) => Happened::Read(read),
                settled = ended(settling) => Happened::Settled(settled),
                changed = leases.holdings.changed() => {
                    if changed.is_err() {
                        stop.cancel();
                    }
                    Happened::Other
                }
                () = wake_up.notified() => Happened::WakeUp,
                () = stop.cancelled(), if deadline.is_none() => Happened::Other,
                () = tokio::time::sleep_until(wake_at.into()) => Happened::Other,
            }
        };
        match happened {
            Happened::Broker(event) => self.on_broker(event),
            Happened::Read(Ok((fetcher, finished))) => {
                self.fetcher = Some(fetcher);
                self.on_read(finished);
            }
            Happened::Settled(Ok((settler, settled))) => {
                self.settler = Some(settler);
                self.on_settled(settled);
            }
            // A task of ours panicked: a bug, and its state is unknown. Stopping loses nothing.
            Happened::Read(Err(error)) | Happened::Settled(Err(error)) => {
                tracing::error!(%error, "a task of the relay ended: the relay stops");
                self.stop.cancel();
            }
            Happened::WakeUp => self.timing.poll_now(),
            Happened::Other => {}
        }
    }

    fn on_broker(&mut self, event: BrokerEvent) {
        match event {
            BrokerEvent::Connected => tracing::info!("connected to the broker"),
            BrokerEvent::Blocked(blocked) => self.blocked.store(blocked, Ordering::Relaxed),
            BrokerEvent::Decided(messages) => self.on_decided(messages),
            BrokerEvent::Lost { messages, .. } => {
                metrics::broker_lost();
                self.blocked.store(false, Ordering::Relaxed);
                self.on_decided(messages);
            }
        }
    }

    fn on_decided(&mut self, messages: Vec<(Message, crate::publisher::Verdict)>) {
        let unknown = self.decisions.decide(messages, &self.metrics);
        self.metrics.unknown.increment(unknown.len() as u64);
        for event in unknown {
            self.taken -= 1;
            self.busy[event.shard()] -= 1;
            let shard = event.shard();
            if !self.backlog.unknown(event) {
                self.read_again(shard);
            }
        }
    }

    fn on_read(&mut self, finished: Finished) {
        let elapsed = self.timing.read_ended();
        let Finished { read, result } = finished;
        let (statement, ok) = (read.name(), result.is_ok());
        metrics::database_round_trip(statement, elapsed, ok);
        self.database_answered(result.as_ref().err());
        let new = match (read, result) {
            (Read::Next(Next::Page(request)), Ok(Found::Page(page))) => {
                self.cursors.page_read(&request, &page);
                self.offer(page.late.into_iter().chain(page.next))
            }
            (Read::Next(Next::New { limit, max_bytes, .. }), Ok(Found::Page(mut page))) => {
                if self.cursors.new_read(limit, max_bytes, &page) {
                    page.next.sort_unstable_by_key(|row| row.seq);
                    self.offer(page.next.into_iter())
                } else {
                    0
                }
            }
            (Read::Rest { wanted, limit, max_bytes }, Ok(Found::Rows(rows))) => {
                self.refill(wanted, rows, limit, max_bytes);
                0
            }
            (Read::Rest { wanted, .. }, _) => {
                for (key, _) in wanted {
                    self.backlog.refill_failed(key);
                }
                0
            }
            (Read::Next(_), _) => 0,
        };
        self.backlog.read_ended();
        if ok && statement != "rest" {
            self.timing.polled(new > 0);
            self.metrics.fetched.record(new as f64);
        }
    }

    fn offer(&mut self, rows: impl Iterator<Item = comptoir_core::outbox::OutboxRow>) -> usize {
        let now = Instant::now();
        let mut new = 0;
        for row in rows {
            let shard = usize::from(row.shard.unsigned_abs());
            let Some(holding) = self.held.shards[shard].filter(|_| self.cursors.is_current(shard)) else { continue };
            if row.seq <= self.goal.last_seq {
                new += usize::from(self.backlog.offer(row, holding.lease, now));
            }
        }
        new
    }

    fn refill(
        &mut self,
        wanted: Vec<(event::AggregateKey, comptoir_core::outbox::AggregateRange)>,
        rows: Vec<comptoir_core::outbox::OutboxRow>,
        limit: i64,
        max_bytes: i64,
    ) {
        let now = Instant::now();
        let bytes: usize = rows.iter().map(|row| row.payload.0.len() + 8).sum();
        let cut = i64::try_from(bytes).unwrap_or(i64::MAX) >= max_bytes;
        let mut by_key: event::FastMap<_, Vec<_>> = event::FastMap::default();
        for row in rows {
            by_key.entry(event::AggregateKey::of(&row)).or_default().push(row);
        }
        for (key, range) in wanted {
            let rows = by_key.remove(&key).unwrap_or_default();
            if self.cursors.is_current(usize::from(range.shard.unsigned_abs())) {
                let complete = !cut && i64::try_from(rows.len()).is_ok_and(|count| count < limit);
                self.backlog.refilled(key, rows, complete, now);
            } else {
                self.backlog.refill_failed(key);
            }
        }
    }

    fn on_settled(&mut self, settled: Settled) {
        let Settled { settlement, result } = settled;
        self.database_answered(result.as_ref().err());
        if result.is_err() {
            self.unsettled = Some(settlement);
            return;
        }
        let now = Instant::now();
        let Settlement { published, discarded, retries, dead, .. } = settlement;
        for event in published.iter().chain(&discarded).chain(dead.iter().map(|dead| &dead.event)) {
            self.busy[event.shard()] -= 1;
            if !self.backlog.settled(event) {
                self.read_again(event.shard());
            }
        }
        for retry in &retries {
            self.busy[retry.event.shard()] -= 1;
            let wait = Duration::from_millis(retry.wait_ms.unsigned_abs());
            if !self.backlog.retry(&retry.event, now + wait) {
                self.read_again(retry.event.shard());
            }
        }
    }

    /// An event of an earlier lease came back. While it was in flight it was not read under the current one.
    fn read_again(&mut self, shard: usize) {
        if self.cursors.holds(shard) {
            self.cursors.start(shard);
        }
    }

    fn database_answered(&mut self, fault: Option<&DatabaseFault>) {
        self.database_up = fault.is_none();
        match fault {
            None => self.timing.database_answered(),
            Some(fault) => {
                let wait = self.timing.database_failed();
                tracing::warn!(%fault, retry_in_ms = wait.as_millis(), "the database failed");
            }
        }
    }

    fn fence(&self) -> Fence {
        let mut fence = Fence { owner: self.id, ..Fence::default() };
        for (shard, holding) in self.held.shards.iter().enumerate() {
            if let (Some(holding), Ok(shard)) = (holding, i16::try_from(shard)) {
                fence.shards.push(shard);
                fence.epochs.push(holding.epoch);
            }
        }
        fence
    }

    /// Nothing is on its way to the broker or to the database.
    fn is_drained(&self) -> bool {
        self.busy.iter().all(|busy| *busy == 0)
    }

    fn report(&mut self) {
        let idle = self.backlog.is_empty() && self.cursors.caught_up() && self.reading.is_none() && self.is_drained();
        let condition = Condition {
            database_up: self.database_up && self.held.reached,
            broker_up: self.publisher.is_up(),
            blocked: self.publisher.is_blocked(),
            shards_held: self.held.count(),
            idle,
            limit_reached: self.taken >= self.goal.max_events && self.is_drained(),
            turned_at: Instant::now(),
        };
        if self.timing.gauges_are_due(condition.turned_at) {
            self.metrics.in_flight.set(self.publisher.in_flight() as f64);
            self.metrics.buffered.set(self.backlog.len() as f64);
            self.metrics.waiting_aggregates.set(self.backlog.waiting_aggregates() as f64);
            self.metrics.shards_held.set(condition.shards_held as f64);
            self.metrics.broker_up.set(f64::from(u8::from(condition.broker_up)));
            self.metrics.blocked.set(f64::from(u8::from(condition.blocked)));
        }
        self.condition.send_replace(condition);
    }
}

/// The task's result when it ends; never, without a task. Nothing is lost if the future is dropped.
async fn ended<T>(task: &mut Option<JoinHandle<T>>) -> Result<T, tokio::task::JoinError> {
    let result = match task {
        Some(running) => running.await,
        None => std::future::pending().await,
    };
    *task = None;
    result
}
