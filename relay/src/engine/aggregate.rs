//! One aggregate of the [`Backlog`](super::backlog::Backlog): its events in memory, and its rest, which is not in memory.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use comptoir_core::outbox::{AggregateRange, OutboxRow};

use super::event::Event;

#[derive(Debug, Default)]
pub(super) struct Aggregate {
    pub(super) shard: usize,
    pub(super) lease: u64,
    /// The number of events that were taken and are not settled yet.
    pub(super) in_flight: usize,
    /// When the oldest of them occurred.
    pub(super) in_flight_since: DateTime<Utc>,
    pub(super) queued: bool,
    /// Whether the aggregate came back with a refused event whose successors were not read yet.
    pub(super) resumed: bool,
    pub(super) chain: VecDeque<Event>,
    /// Boxed, because few aggregates have one, and thousands are in memory.
    pub(super) rest: Option<Box<Rest>>,
}

/// The events of an aggregate that are not in memory.
#[derive(Debug)]
pub(super) struct Rest {
    pub(super) from_seq: i64,
    /// The last event that was counted in `events`: when everything is read again, no event is counted twice.
    pub(super) last_seq: i64,
    /// The number of events in the rest, for the metrics.
    pub(super) events: usize,
    pub(super) state: RestState,
    pub(super) range: AggregateRange,
}

/// The state of the read of a rest. When an event joins the rest, the read starts anew: a read under way may miss the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RestState {
    /// The first event was refused: the database knows how long it waits. If `alone`, the rest stays in the database until
    /// the event is due. Otherwise it is read once more, because an operator may have decided meanwhile: the event waits for
    /// a decision, or other events of the aggregate were in flight when it was refused.
    SetAside {
        alone: bool,
    },
    NotAsked,
    Asked(Extent),
    UnderWay(Extent),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// One event, which was refused and is due: its successors are read after it is settled.
    Head,
    /// All events up to the shard's cursor.
    ToCursor,
}

impl Rest {
    /// Adds `events` that are not in memory.
    pub(super) fn join(&mut self, events: usize, last_seq: i64) {
        self.events += events;
        self.last_seq = self.last_seq.max(last_seq);
    }

    pub(super) fn is_set_aside(&self) -> bool {
        matches!(self.state, RestState::SetAside { .. })
    }

    /// Starts the read anew: a read under way may miss events that joined.
    pub(super) fn start_anew(&mut self) {
        if !self.is_set_aside() {
            self.state = RestState::NotAsked;
        }
    }
}

impl Aggregate {
    /// Inserts the event in the order of seq.
    pub(super) fn insert(&mut self, event: Event) {
        if self.chain.capacity() == 0 {
            // Most aggregates have one event in memory; a deque begins with room for four.
            self.chain.reserve_exact(1);
        }
        let before = self.chain.iter().rposition(|other| other.row.seq < event.row.seq);
        self.chain.insert(before.map_or(0, |before| before + 1), event);
    }

    /// Returns the rest if it begins at or before this seq.
    pub(super) fn rest_from(&mut self, seq: i64) -> Option<&mut Rest> {
        self.rest.as_deref_mut().filter(|rest| rest.from_seq <= seq)
    }

    /// Removes the events from `seq` on, and returns them.
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
