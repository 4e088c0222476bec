//! One aggregate as the [`Backlog`](super::backlog::Backlog) knows it: its events in memory, and what of it is not.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use comptoir_core::outbox::{AggregateRange, OutboxRow};

use super::event::Event;

#[derive(Debug, Default)]
pub(super) struct Aggregate {
    pub(super) shard: usize,
    pub(super) lease: u64,
    /// Events that were taken and are not settled yet.
    pub(super) in_flight: usize,
    /// When the oldest of them occurred.
    pub(super) in_flight_since: DateTime<Utc>,
    pub(super) queued: bool,
    /// It came back with a refused event, and what follows that was not read yet.
    pub(super) resumed: bool,
    pub(super) chain: VecDeque<Event>,
    pub(super) rest: Option<Rest>,
}

/// The events of an aggregate that are not in memory.
#[derive(Debug)]
pub(super) struct Rest {
    pub(super) from_seq: i64,
    /// The last of them that was counted; a later read of everything sees them again.
    pub(super) last_seq: i64,
    /// How many there are, for the metrics.
    pub(super) events: usize,
    pub(super) state: RestState,
    pub(super) range: AggregateRange,
}

/// How far the read of a rest has come. When an event joins the rest it starts anew: a read under way may leave it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RestState {
    /// The first of them was refused: the database knows how long it waits. It is not left alone if it waits for a decision, or
    /// if later ones were in flight at that time: somebody may have decided about it meanwhile, unseen.
    SetAside {
        alone: bool,
    },
    NotAsked,
    Asked(Extent),
    UnderWay(Extent),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// One event, which was refused and is due: its successors matter only when it is settled.
    Head,
    /// All that was read of its shard.
    ToCursor,
}

impl Rest {
    /// So many events more are not in memory.
    pub(super) fn join(&mut self, events: usize, last_seq: i64) {
        self.events += events;
        self.last_seq = self.last_seq.max(last_seq);
    }

    pub(super) fn is_set_aside(&self) -> bool {
        matches!(self.state, RestState::SetAside { .. })
    }

    /// A read under way may leave out what joined.
    pub(super) fn start_anew(&mut self) {
        if !self.is_set_aside() {
            self.state = RestState::NotAsked;
        }
    }
}

impl Aggregate {
    /// At its place by seq.
    pub(super) fn insert(&mut self, event: Event) {
        let before = self.chain.iter().rposition(|other| other.row.seq < event.row.seq);
        self.chain.insert(before.map_or(0, |before| before + 1), event);
    }

    /// The rest, if it begins with this seq or before.
    pub(super) fn rest_from(&mut self, seq: i64) -> Option<&mut Rest> {
        self.rest.as_mut().filter(|rest| rest.from_seq <= seq)
    }

    /// Takes out the events that come after `seq`.
    pub(super) fn take_chain_from(&mut self, seq: i64) -> VecDeque<Event> {
        let kept = self.chain.partition_point(|event| event.row.seq < seq);
        self.chain.split_off(kept)
    }
}

pub(super) fn range_of(row: &OutboxRow) -> AggregateRange {
    AggregateRange {
        shard: row.shard,
        tenant_id: row.tenant_id,
        aggregate_type: row.aggregate_type.clone(),
        aggregate_id: row.aggregate_id.clone(),
        from_seq: row.seq,
        to_seq: row.seq,
    }
}
