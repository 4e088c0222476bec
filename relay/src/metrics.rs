//! The relay's metrics. docs/metrics.md lists them; each name is written here once.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram};

use crate::history::Upkeep;

/// Handles for what is counted often. Made after the recorder is installed, or they count nothing.
#[derive(Debug)]
pub(crate) struct Metrics {
    pub(crate) published: Counter,
    pub(crate) retried: Counter,
    pub(crate) dead_lettered: Counter,
    pub(crate) discarded: Counter,
    pub(crate) unknown: Counter,
    pub(crate) commit_to_confirm: Histogram,
    pub(crate) fetched: Histogram,
    pub(crate) published_batch: Histogram,
    pub(crate) settled: Histogram,
    pub(crate) in_flight: Gauge,
    pub(crate) buffered: Gauge,
    pub(crate) waiting_aggregates: Gauge,
    pub(crate) held_aggregates: Gauge,
    pub(crate) shards_held: Gauge,
    pub(crate) broker_up: Gauge,
    pub(crate) blocked: Gauge,
    pub(crate) pending: Gauge,
    pub(crate) oldest_pending: Gauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self {
            published: metrics::counter!("comptoir_relay_published_total"),
            retried: metrics::counter!("comptoir_relay_retried_total"),
            dead_lettered: metrics::counter!("comptoir_relay_dead_lettered_total"),
            discarded: metrics::counter!("comptoir_relay_discarded_total"),
            unknown: metrics::counter!("comptoir_relay_unconfirmed_total"),
            commit_to_confirm: metrics::histogram!("comptoir_relay_commit_to_confirm_seconds"),
            fetched: metrics::histogram!("comptoir_relay_fetched_events"),
            published_batch: metrics::histogram!("comptoir_relay_published_batch_events"),
            settled: metrics::histogram!("comptoir_relay_settled_events"),
            in_flight: metrics::gauge!("comptoir_relay_in_flight"),
            buffered: metrics::gauge!("comptoir_relay_buffered_events"),
            waiting_aggregates: metrics::gauge!("comptoir_relay_waiting_aggregates"),
            held_aggregates: metrics::gauge!("comptoir_relay_held_aggregates"),
            shards_held: metrics::gauge!("comptoir_relay_shards_held"),
            broker_up: metrics::gauge!("comptoir_relay_broker_up"),
            blocked: metrics::gauge!("comptoir_relay_blocked"),
            pending: metrics::gauge!("comptoir_relay_pending_events"),
            oldest_pending: metrics::gauge!("comptoir_relay_oldest_pending_seconds"),
        }
    }
}

/// An event failed, by the stable word of its fault.
pub(crate) fn event_failed(reason: &'static str) {
    metrics::counter!("comptoir_relay_failed_total", "reason" => reason).increment(1);
}

/// The broker was lost, or not reached, by the stable word of the fault.
pub(crate) fn broker_lost(reason: &'static str) {
    metrics::counter!("comptoir_relay_broker_losses_total", "reason" => reason).increment(1);
}

/// The database was not reached or did not do what it was asked, by the stable word of the fault.
pub(crate) fn database_failed(reason: &'static str) {
    metrics::counter!("comptoir_relay_database_faults_total", "reason" => reason).increment(1);
}

pub(crate) fn lease_losses(shards: usize) {
    metrics::counter!("comptoir_relay_lease_losses_total")
        .increment(u64::try_from(shards).unwrap_or(u64::MAX));
}

/// What an upkeep of the history did.
pub(crate) fn history_kept(upkeep: &Upkeep) {
    metrics::counter!("comptoir_relay_history_partitions_created_total").increment(upkeep.created);
    metrics::counter!("comptoir_relay_history_partitions_dropped_total").increment(upkeep.dropped);
    metrics::counter!("comptoir_relay_history_rows_deleted_total").increment(upkeep.deleted);
    metrics::counter!("comptoir_relay_history_upkeep_failures_total").increment(upkeep.failed);
}

/// A statement was run, and how long it took.
pub(crate) fn database_round_trip(statement: &'static str, duration: Duration, ok: bool) {
    let outcome = if ok { "ok" } else { "error" };
    metrics::histogram!("comptoir_relay_database_seconds", "statement" => statement, "outcome" => outcome)
        .record(duration);
}
