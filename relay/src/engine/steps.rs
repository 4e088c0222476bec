//! What the drain loop does at every turn: follow the leases, publish, settle, read. Nothing here waits.

use std::time::Instant;

use comptoir_core::outbox::SHARDS;
use comptoir_core::outbox::settle::Fence;

use super::fetcher::Read;
use super::{Engine, Event};
use crate::error::BrokerFault;
use crate::leases::Holdings;
use crate::publisher::Message;

/// Aggregates whose rest is read in one statement.
const REFILLS_PER_READ: usize = 64;
/// Events that one statement settles.
const SETTLE_LIMIT: usize = 4096;
/// A read for fewer events than this share of the buffer is not worth its round trip while others are in memory.
const READ_SHARE: usize = 4;
/// The window is filled in batches of this share of it.
const BATCH_SHARE: usize = 8;

impl Engine {
    /// Drops what belongs to leases that ended, begins what belongs to new ones, gives back what is too much.
    pub(super) fn follow_leases(&mut self) {
        let mut holdings = self.leases.holdings.borrow_and_update().clone();
        if Instant::now() >= holdings.until {
            holdings.shards = [None; SHARDS];
        }
        if self.is_cut_off(&holdings) {
            self.reset_publisher(BrokerFault::Silent);
        }
        let mut published_under_lost_lease = false;
        let mut to_return = Vec::new();
        for shard in 0..SHARDS {
            if holdings.shards[shard].is_some_and(|holding| self.returned[shard] == Some(holding.lease)) {
                holdings.shards[shard] = None;
            }
            let (before, now) = (self.held.shards[shard], holdings.shards[shard]);
            if before.map(|holding| holding.lease) != now.map(|holding| holding.lease)
                && let Some(before) = before
            {
                published_under_lost_lease |= self.busy[shard] > 0 && !before.surplus;
                self.cursors.stop(shard);
                self.backlog.drop_shard(shard);
            }
            let Some(now) = now else { continue };
            let wanted = !now.surplus && !self.stop.is_cancelled();
            // Not while events are under way that were taken before: what is read anew would know nothing of them, and
            // publish their successors beside them. A shard that was surplus and is kept after all has its old lease.
            if wanted && !self.cursors.holds(shard) && self.busy[shard] == 0 {
                self.cursors.start(shard);
                self.timing.poll_now();
            } else if !wanted && self.cursors.holds(shard) {
                self.cursors.stop(shard);
                self.backlog.drop_shard(shard);
            }
            if now.surplus && self.busy[shard] == 0 {
                to_return.push((shard, now.lease));
            }
        }
        self.held = holdings;
        self.put_back_stale();
        self.give_back(to_return);
        if published_under_lost_lease && self.publisher.in_flight() > 0 && self.publisher.is_up() {
            self.reset_publisher(BrokerFault::LeaseLost);
        }
    }

    /// Each lease once: this replica acts as if it were gone, and the leases' task takes note in its own time.
    fn give_back(&mut self, leases: Vec<(usize, u64)>) {
        if leases.is_empty() {
            return;
        }
        for (shard, _) in &leases {
            self.held.shards[*shard] = None;
        }
        if self.leases.give_back(leases.clone()) {
            for (shard, lease) in leases {
                self.returned[shard] = Some(lease);
            }
        }
    }

    /// The shards are to be given up because the broker is silent, and what is in flight would never be decided. The
    /// connection goes first: nothing that it holds may be sent once another replica publishes (ADR 0005).
    fn is_cut_off(&self, holdings: &Holdings) -> bool {
        !holdings.able
            && self.publisher.is_up()
            && self.pulse.silence().is_some_and(|silence| silence >= self.handover_after / 2)
    }

    fn reset_publisher(&mut self, fault: BrokerFault) {
        let lost = self.publisher.reset(fault);
        self.on_broker(lost);
    }

    /// Fills the window, in batches: each is decided by itself, so that the window never runs empty.
    pub(super) fn publish(&mut self) {
        if !self.publisher.is_up() || self.publisher.is_blocked() {
            return;
        }
        self.publish_dead_letters();
        self.publish_ready();
        // Those of events that turned out to be no messages just now.
        self.publish_dead_letters();
    }

    fn publish_dead_letters(&mut self) {
        let dead_letters = self.decisions.take_dead_letters(self.publisher.room(self.window));
        self.hand_over(dead_letters);
    }

    fn publish_ready(&mut self) {
        let room = self.publisher.room(self.window);
        let batch_size = (self.window / BATCH_SHARE).max(1);
        let is_narrow = room < batch_size && self.publisher.in_flight() > 0;
        if is_narrow && room < self.backlog.ready_len() {
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
            batch.push(Message::Event(event));
        }
        batch
    }

    fn hand_over(&mut self, batch: Vec<Message>) {
        if !batch.is_empty() {
            self.metrics.published_batch.record(batch.len() as f64);
            for (event, fault) in self.publisher.publish(batch) {
                self.decisions.refused(event, &fault, &self.metrics);
            }
        }
    }

    /// Writes down what was decided since the last write began. A write is a flush to disk, for which the writers' commits
    /// and the broker wait as well: what nobody waits for is collected for a while.
    pub(super) fn settle(&mut self) {
        let now = Instant::now();
        if self.settling.is_some() || !self.timing.database_may_be_tried() || !self.settle_is_due(now) {
            return;
        }
        let Some(settler) = self.settler.take() else { return };
        let settlement =
            self.unsettled.take().unwrap_or_else(|| self.decisions.take(SETTLE_LIMIT, &self.fence()));
        if settlement.is_empty() {
            self.settler = Some(settler);
        } else {
            self.metrics.settled.record(settlement.len() as f64);
            self.timing.settle_began(now);
            self.settling = Some(tokio::spawn(settler.write(settlement)));
        }
    }

    fn settle_is_due(&self, now: Instant) -> bool {
        self.timing.settle_is_due(now)
            || self.unsettled.is_some()
            || self.stop.is_cancelled()
            || !self.cursors.caught_up() && !self.has_room()
            || self.decisions.are_urgent(self.window.min(SETTLE_LIMIT), |event| self.is_awaited(event))
    }

    /// By later events of its aggregate, or by its shard, which is to be given back or begun anew.
    fn is_awaited(&self, event: &Event) -> bool {
        self.backlog.is_awaited(event) || !self.cursors.holds(event.shard())
    }

    /// Whether it is worth a round trip to read what fits.
    fn has_room(&self) -> bool {
        let (rows, bytes) = self.backlog.room();
        rows * READ_SHARE >= self.backlog.len() && rows > 0 && bytes > 0
    }

    /// Reads on, if there is room and reason.
    pub(super) fn read(&mut self) {
        if self.reading.is_some() || self.stop.is_cancelled() || !self.timing.database_may_be_tried() {
            return;
        }
        let now = Instant::now();
        self.timing.resume_at = self.backlog.resume(now);
        let (rows, bytes) = self.backlog.room();
        let Some(fetcher) = self.fetcher.take() else { return };
        let read = self.next_count(now).or_else(|| self.next_refill()).or_else(|| {
            let reason = !self.cursors.caught_up() || self.timing.poll_is_due(now);
            if !self.has_room() || !reason || self.taken >= self.goal.max_events {
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

    fn next_count(&mut self, now: Instant) -> Option<Read> {
        if self.cursors.caught_up() || !self.timing.count_is_due(now) {
            return None;
        }
        let (shards, cursors) = self.cursors.held();
        (!shards.is_empty()).then_some(Read::CountUnread { shards, cursors })
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
}
