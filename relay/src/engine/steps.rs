//! The steps of the drain loop's every turn: follow the leases, publish, settle, read. Nothing here waits.

use std::time::{Duration, Instant};

use comptoir_core::outbox::settle::Fence;
use comptoir_core::outbox::{ReadLimits, SHARDS};
use rustc_hash::FxHashMap;

use super::fetcher::Read;
use super::settler::Settlement;
use super::turns::Kind;
use super::{Engine, Event};
use crate::error::BrokerFault;
use crate::leases::Holdings;
use crate::publisher::Message;

/// The most aggregates whose rest is read in one statement.
pub(super) const REFILLS_PER_READ: usize = 64;
/// The fewest: if a statement for so few is still slow, their number is not the cause.
const MIN_REFILLS_PER_READ: usize = 16;
/// A statement that takes longer is for too many aggregates: the read of new events waits behind it.
const REFILL_TIME: Duration = Duration::from_millis(50);
/// The most events that one statement reads: its result is in memory twice while it is taken in.
const BATCH_LIMIT: usize = 1024;
/// The most published events that one statement settles.
const SETTLE_LIMIT: usize = 4096;
/// While events are in memory, a read for fewer than one part in this many of them is not worth its round trip, unless it is for as
/// many as a read takes.
const READ_SHARE: usize = 4;
/// The window is filled in batches of one part in this many of it.
const BATCH_SHARE: usize = 8;

impl Engine {
    /// Drops the events of leases that ended, starts reading the shards of new ones, and gives surplus shards back.
    pub(super) fn follow_leases(&mut self) {
        let mut holdings = self.leases.holdings.borrow_and_update().clone();
        if Instant::now() >= holdings.until {
            holdings.shards = [None; SHARDS];
        }
        if self.is_cut_off(&holdings) {
            self.reset_publisher(BrokerFault::Silent);
        }
        let published_under_lost_lease = self.adopt(holdings);
        if published_under_lost_lease && self.publisher.in_flight() > 0 && self.publisher.is_up() {
            self.reset_publisher(BrokerFault::LeaseLost);
        }
    }

    /// Takes over what is held now. Returns whether a lease is over under which events were taken that are not settled: a lease that
    /// was given back has none.
    fn adopt(&mut self, mut holdings: Holdings) -> bool {
        let mut published_under_lost_lease = false;
        let mut to_return = Vec::new();
        for shard in 0..SHARDS {
            if holdings.shards[shard].is_some_and(|holding| self.returned[shard] == Some(holding.lease)) {
                holdings.shards[shard] = None;
            }
            let (before, now) = (self.held.shards[shard], holdings.shards[shard]);
            if before.map(|holding| holding.lease) != now.map(|holding| holding.lease) && before.is_some() {
                published_under_lost_lease |= self.busy[shard] > 0;
                self.cursors.stop(shard);
                self.backlog.drop_shard(shard);
            }
            let Some(now) = now else { continue };
            let wanted = !now.surplus && !self.stop.is_cancelled();
            // Not while earlier events of the shard are in flight: a new read would not know them, and their successors
            // would be published beside them. A shard that was surplus and is kept after all still has its old lease.
            if wanted && !self.cursors.holds(shard) && self.busy[shard] == 0 {
                self.read_from_the_beginning(shard);
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
        published_under_lost_lease
    }

    /// Gives each lease back once: this replica acts as if it were gone, and the leases' task handles the return later.
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

    /// Whether the shards must be given up because the broker is silent: it would never confirm the messages in flight. The
    /// connection is closed first: it must not send them once another replica publishes (ADR 0005).
    fn is_cut_off(&self, holdings: &Holdings) -> bool {
        !holdings.able
            && self.publisher.is_up()
            && self.pulse.silence().is_some_and(|silence| silence >= self.handover_after / 2)
    }

    pub(super) fn reset_publisher(&mut self, fault: BrokerFault) {
        let lost = self.publisher.reset(fault);
        self.on_broker(lost);
    }

    /// Fills the window in batches. Each batch is confirmed by itself, so that the window never runs empty.
    pub(super) fn publish(&mut self) {
        if !self.publisher.is_up() || self.publisher.is_blocked() {
            return;
        }
        self.publish_dead_letters();
        self.publish_ready();
        // Dead letters of the events of which no message could be made just now.
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

    /// Writes the decisions since the last write began. A write is a flush to disk, for which the writers' commits and the
    /// broker wait as well. So decisions that are not awaited are collected for a while.
    pub(super) fn settle(&mut self) {
        let now = Instant::now();
        if self.settling.is_some() || !self.timing.writes.are_over() || !self.settle_is_due(now) {
            return;
        }
        let Some(settler) = self.settler.take() else { return };
        let settlement = self.unsettled.take().unwrap_or_else(|| {
            let mut settlement = self.decisions.take(SETTLE_LIMIT, &self.fence());
            let_wait_behind(&mut settlement, |event| self.backlog.is_behind(event));
            settlement
        });
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

    /// Whether later events of its aggregate wait for this event, or its shard, which is to be given back or read anew.
    fn is_awaited(&self, event: &Event) -> bool {
        self.backlog.is_awaited(event) || !self.cursors.holds(event.shard())
    }

    /// Whether the free room is worth a round trip.
    fn has_room(&self) -> bool {
        is_worth_reading(self.backlog.room(), self.backlog.len())
    }

    /// Starts the next read, if there is room and reason.
    pub(super) fn read(&mut self) {
        if self.reading.is_some() || self.stop.is_cancelled() || !self.timing.reads.are_over() {
            return;
        }
        let now = Instant::now();
        self.timing.look_at = self.waiting.look_at();
        let Some(fetcher) = self.fetcher.take() else { return };
        let read = self.next_count(now).or_else(|| self.next_in_turn(now));
        match read {
            None => self.fetcher = Some(fetcher),
            Some(read) => {
                self.timing.read_began(now, matches!(read, Read::Next(_)));
                self.cursors.ask();
                self.backlog.read_began();
                self.reading = Some(tokio::spawn(fetcher.read(read)));
            }
        }
    }

    fn next_count(&mut self, now: Instant) -> Option<Read> {
        let waiting = self.waiting.any();
        if self.cursors.caught_up() && !waiting || !self.timing.count_is_due(now) {
            return None;
        }
        let (shards, cursors) = self.cursors.held();
        (!shards.is_empty()).then_some(Read::Count { shards, cursors, waiting })
    }

    fn next_in_turn(&mut self, now: Instant) -> Option<Read> {
        if self.taken >= self.goal.max_events {
            return None;
        }
        let (kind, read) = self.turns.order().into_iter().find_map(|kind| {
            let read = match kind {
                Kind::New => self.next_new(now),
                Kind::Rest => self.next_rest(),
                Kind::Look => self.next_look(now),
            };
            Some(kind).zip(read)
        })?;
        self.turns.reads(kind);
        Some(read)
    }

    fn next_new(&mut self, now: Instant) -> Option<Read> {
        let reason = !self.cursors.caught_up() || self.timing.poll_is_due(now);
        if !self.has_room() || !reason {
            return None;
        }
        if self.cursors.caught_up() && self.timing.sweep_is_due(now) {
            self.read_everything_again();
        }
        let scope = self.scope();
        self.cursors.next(self.backlog.room().0.min(BATCH_LIMIT), scope).map(Read::Next)
    }

    /// Returns the read of the rests of aggregates whose turn has come. It needs no free room, because one read covers few such
    /// aggregates.
    fn next_rest(&mut self) -> Option<Read> {
        if !self.backlog.has_refills() {
            return None;
        }
        let (cursors, last_seq) = (&self.cursors, self.goal.last_seq);
        let wanted = self.backlog.take_refills(self.refills, |shard| cursors.at(shard).min(last_seq));
        let limit = i64::try_from(self.chain).unwrap_or(i64::MAX);
        let scope = self.scope();
        (!wanted.is_empty()).then_some(Read::Rest { wanted, limit, scope })
    }

    /// Returns the read of refused events that are due, when there is room for enough of them to be worth a round trip.
    fn next_look(&mut self, now: Instant) -> Option<Read> {
        let room = self.backlog.resume_room();
        if self.waiting.look_at().is_none_or(|at| at > now) || room < self.backlog.resume_limit().div_ceil(4)
        {
            return None;
        }
        let (shards, _) = self.cursors.held();
        (!shards.is_empty())
            .then(|| Read::Waiting { takes: self.waiting.ask(&shards, room), last_seq: self.goal.last_seq })
    }

    /// Adapts the number of aggregates in one read, so that it takes about [`REFILL_TIME`].
    pub(super) fn adapt_refills(&mut self, took: Duration) {
        self.refills = adapted(self.refills, took);
    }

    /// After a read that failed, for example at the statement timeout: with fewer aggregates, even one, the next may succeed.
    pub(super) fn ask_for_fewer_refills(&mut self) {
        self.refills = (self.refills / 2).max(1);
    }

    fn scope(&self) -> ReadLimits {
        ReadLimits {
            max_bytes: i64::try_from(self.backlog.room().1.max(1)).unwrap_or(i64::MAX),
            max_payload_bytes: self.max_payload_bytes,
            look_behind: self.waiting.any(),
        }
    }

    pub(super) fn read_from_the_beginning(&mut self, shard: usize) {
        self.cursors.start(shard);
        self.backlog.reads_anew(shard);
    }

    pub(super) fn read_everything_again(&mut self) {
        for shard in 0..SHARDS {
            if self.cursors.holds(shard) {
                self.read_from_the_beginning(shard);
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
}

/// Whether a read for so many rows and bytes is worth a round trip while `known` events are in memory.
fn is_worth_reading((rows, bytes): (usize, usize), known: usize) -> bool {
    rows > 0 && bytes > 0 && (rows >= BATCH_LIMIT || rows * READ_SHARE >= known)
}

/// Returns the number of aggregates for the next read, after one for `refills` of them that took this long.
fn adapted(refills: usize, took: Duration) -> usize {
    match took {
        slow if slow > REFILL_TIME => (refills / 2).max(MIN_REFILLS_PER_READ.min(refills)),
        quick if quick < REFILL_TIME / 4 => (refills * 2).min(REFILLS_PER_READ),
        _ => refills,
    }
}

/// With more than one event in flight, several events of an aggregate may be refused. The first gets a time of its own, and the
/// others wait with it. `is_behind` says whether an earlier event of its aggregate was refused before.
fn let_wait_behind(settlement: &mut Settlement, is_behind: impl Fn(&Event) -> bool) {
    settlement.retries.sort_unstable_by_key(|retry| retry.event.row.seq);
    let mut first = FxHashMap::default();
    for event in settlement
        .held
        .iter()
        .map(|held| &held.event)
        .chain(settlement.retries.iter().map(|retry| &retry.event))
    {
        let seq = first.entry(event.key).or_insert(event.row.seq);
        *seq = event.row.seq.min(*seq);
    }
    for retry in &mut settlement.retries {
        let event = &retry.event;
        if is_behind(event) || first.get(&event.key).is_some_and(|first| *first < event.row.seq) {
            retry.wait_ms = None;
        }
    }
}

#[cfg(test)]
#[path = "steps_tests.rs"]
mod engine_tests;

#[cfg(test)]
mod tests {
    use super::super::event::sample;
    use super::super::settler::{Dead, Retry};
    use super::*;

    #[test]
    fn a_slow_read_is_followed_by_a_smaller_one_and_a_quick_one_by_a_larger() {
        let (slow, quick) =
            (REFILL_TIME + Duration::from_nanos(1), REFILL_TIME / 4 - Duration::from_nanos(1));
        for (refills, took, expected) in [
            (64, slow, 32),
            (20, slow, MIN_REFILLS_PER_READ),
            (MIN_REFILLS_PER_READ, slow, MIN_REFILLS_PER_READ),
            (3, slow, 3),
            (64, REFILL_TIME, 64),
            (20, REFILL_TIME / 4, 20),
            (20, quick, 40),
            (40, quick, REFILLS_PER_READ),
            (1, quick, 2),
        ] {
            assert_eq!(adapted(refills, took), expected, "{refills} in {took:?}");
        }
    }

    #[test]
    fn of_several_refused_events_of_an_aggregate_the_first_has_a_time_and_the_others_wait_with_it() {
        let event = |seq: i64, aggregate: &str| Event::new(sample(seq, aggregate), 1);
        let retry = |seq: i64, aggregate: &str| {
            let error = "an error".to_owned();
            Retry { event: event(seq, aggregate), retry_count: 1, wait_ms: Some(seq), error }
        };
        let held = |seq: i64, aggregate: &str| Dead {
            event: event(seq, aggregate),
            reason: "nacked",
            error: "an error".to_owned(),
        };
        let mut settlement = Settlement {
            retries: vec![
                retry(5, "a"),
                retry(2, "a"),
                retry(3, "b"),
                retry(6, "c"),
                retry(7, "d"),
                retry(8, "e"),
            ],
            held: vec![held(4, "c"), held(9, "d")],
            ..Settlement::default()
        };
        // An event of e was refused before.
        let_wait_behind(&mut settlement, |event| event.row.aggregate_id == "e");
        let waits: Vec<_> =
            settlement.retries.iter().map(|retry| (retry.event.row.seq, retry.wait_ms)).collect();
        let expected = [(2, Some(2)), (3, Some(3)), (5, None), (6, None), (7, Some(7)), (8, None)];
        assert_eq!(waits, expected);
    }

    #[test]
    fn a_read_is_worth_its_round_trip_if_it_is_large_or_if_little_is_in_memory() {
        for (rows, bytes, known, expected) in [
            (1, 1, 0, true),
            (0, 1, 0, false),
            (1, 0, 0, false),
            (1, 1, 4, true),
            (1, 1, 5, false),
            (BATCH_LIMIT, 1, 100 * BATCH_LIMIT, true),
            (BATCH_LIMIT - 1, 1, 100 * BATCH_LIMIT, false),
            (BATCH_LIMIT, 0, 100 * BATCH_LIMIT, false),
        ] {
            assert_eq!(is_worth_reading((rows, bytes), known), expected, "{rows} {bytes} {known}");
        }
    }
}
