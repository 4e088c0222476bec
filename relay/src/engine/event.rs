//! An event in memory, and the key of its aggregate, whose order it must keep.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::LazyLock;

use comptoir_core::outbox::{AggregateRange, OutboxRow};
use uuid::Uuid;

/// Tenant, aggregate type and aggregate id, as 128 bits of two keyed hashes. Two aggregates that collide, which will
/// not happen, would merely wait for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct AggregateKey(u64, u64);

impl AggregateKey {
    pub(crate) fn of(row: &OutboxRow) -> Self {
        Self::hash((row.tenant_id, &row.aggregate_type, &row.aggregate_id))
    }

    pub(crate) fn of_range(range: &AggregateRange) -> Self {
        Self::hash((range.tenant_id, &range.aggregate_type, &range.aggregate_id))
    }

    fn hash(aggregate: (Uuid, &String, &String)) -> Self {
        static STATES: LazyLock<(RandomState, RandomState)> = LazyLock::new(Default::default);
        Self(STATES.0.hash_one(aggregate), STATES.1.hash_one(aggregate))
    }
}

/// An event that this replica has read under a lease.
#[derive(Debug)]
pub(crate) struct Event {
    /// Boxed, because an event is moved a dozen times between the read and the settle.
    pub(crate) row: Box<OutboxRow>,
    pub(crate) key: AggregateKey,
    /// The lease under which it was read. When that lease is over, the event is dropped, even if the shard was leased again.
    pub(crate) lease: u64,
    /// The bytes that it counts for in the buffer.
    pub(crate) bytes: usize,
}

impl Event {
    pub(crate) fn new(row: OutboxRow, lease: u64) -> Self {
        let key = AggregateKey::of(&row);
        let bytes = row.payload.0.len() + row.headers.0.len();
        Self { row: Box::new(row), key, lease, bytes }
    }

    /// Drops payload and headers when they are not needed any more.
    pub(crate) fn stub(&mut self) {
        self.row.payload.0 = Vec::new();
        self.row.headers.0 = Vec::new();
    }

    pub(crate) fn shard(&self) -> usize {
        usize::from(self.row.shard.unsigned_abs())
    }
}

#[cfg(test)]
pub(crate) fn sample(seq: i64, aggregate: &str) -> OutboxRow {
    OutboxRow {
        seq,
        id: Uuid::from_u128(seq.unsigned_abs().into()),
        shard: 3,
        tenant_id: Uuid::nil(),
        aggregate_type: "order".to_owned(),
        aggregate_id: aggregate.to_owned(),
        aggregate_version: None,
        event_type: "order.placed".to_owned(),
        schema_version: 1,
        payload: comptoir_core::outbox::JsonText(b"{}".to_vec()),
        headers: comptoir_core::outbox::JsonText(b"{}".to_vec()),
        occurred_at: chrono::DateTime::UNIX_EPOCH,
        retry_count: 0,
        turn: comptoir_core::outbox::Turn::Now,
        oversize: None,
    }
}
