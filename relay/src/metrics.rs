//! The relay's metrics. docs/metrics.md lists them; each name is written here once, with its help text for Prometheus.
//!
//! All metrics are registered at the start: a counter that appears only with its first event hides that event from
//! `rate` and `increase`.

use std::time::Duration;

use comptoir_core::platform::telemetry::Buckets;
use metrics::{Counter, Gauge, Histogram};

use crate::error::EventFault;
use crate::history::Upkeep;

const FAILED: &str = "comptoir_relay_failed_total";
const BROKER_LOSSES: &str = "comptoir_relay_broker_losses_total";
const DATABASE_FAULTS: &str = "comptoir_relay_database_faults_total";
const TOPOLOGY_FAULTS: &str = "comptoir_relay_topology_faults_total";
const SETTLE_MISSED: &str = "comptoir_relay_settle_missed_events_total";
const LEASE_LOSSES: &str = "comptoir_relay_lease_losses_total";
const DATABASE_SECONDS: &str = "comptoir_relay_database_seconds";
const PARTITIONS_CREATED: &str = "comptoir_relay_history_partitions_created_total";
const PARTITIONS_DROPPED: &str = "comptoir_relay_history_partitions_dropped_total";
const ROWS_DELETED: &str = "comptoir_relay_history_rows_deleted_total";
const UPKEEP_FAILURES: &str = "comptoir_relay_history_upkeep_failures_total";
const WAITING_DEAD_LETTERS: &str = "comptoir_relay_waiting_dead_letters";
const COMMIT_TO_CONFIRM: &str = "comptoir_relay_commit_to_confirm_seconds";

/// The reasons that alert rules name; the other reasons (docs/metrics.md) appear with their first fault.
const BROKER_LOSS_REASONS: &[&str] =
    &["connection-refused", "connection-lost", "channel-closed", "exchange-missing", "credentials", "tls"];
const DATABASE_FAULT_REASONS: &[&str] = &["unreachable", "connection-lost", "statement-timeout"];

const TOPOLOGY_OBJECTS: &[&str] = &["exchange", "dead-letter-exchange", "dead-letter-queue"];

/// The reason for a dead letter that the broker refuses. It is not an [`EventFault`]: the event has failed already.
pub(crate) const DEAD_LETTER_REFUSED: &str = "dead-letter-refused";

/// Buckets of the histograms for which the general buckets for durations are too coarse.
pub(crate) const BUCKETS: &[Buckets<'static>] = &[
    // Numbers of events: from nothing found to a full buffer.
    Buckets {
        suffix: "_events",
        bounds: &[
            0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0, 8192.0,
        ],
    },
    // Seconds: from a wake-up that is heard at once to an outage of a day.
    Buckets {
        suffix: COMMIT_TO_CONFIRM,
        bounds: &[
            0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
            1800.0, 7200.0, 86_400.0,
        ],
    },
];

/// Handles of the metrics that change often. They must be created after the recorder is installed, or they count nothing.
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
    pub(crate) database_up: Gauge,
    pub(crate) broker_up: Gauge,
    pub(crate) blocked: Gauge,
    pub(crate) pending: Gauge,
    pub(crate) oldest_pending: Gauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        register_rare();
        Self {
            published: counter("comptoir_relay_published_total", "Events confirmed by the broker"),
            retried: counter("comptoir_relay_retried_total", "Events put off to a later attempt"),
            dead_lettered: counter("comptoir_relay_dead_lettered_total", "Events that became dead letters"),
            discarded: counter(
                "comptoir_relay_discarded_total",
                "Unroutable events deleted by the policy discard",
            ),
            unknown: counter(
                "comptoir_relay_unconfirmed_total",
                "Publishes whose outcome was unknown when a connection was lost; each is published again",
            ),
            commit_to_confirm: histogram(
                COMMIT_TO_CONFIRM,
                "From occurred_at, which the writer sets before its commit, to the broker's confirm",
            ),
            fetched: histogram("comptoir_relay_fetched_events", "New events by read"),
            published_batch: histogram("comptoir_relay_published_batch_events", "Messages by batch"),
            settled: histogram("comptoir_relay_settled_events", "Events by settle"),
            in_flight: gauge("comptoir_relay_in_flight", "Messages published and not decided"),
            buffered: gauge("comptoir_relay_buffered_events", "Events in memory, those in flight included"),
            waiting_aggregates: gauge(
                "comptoir_relay_waiting_aggregates",
                "Aggregates that wait for a retry, or whose events do not all fit into memory",
            ),
            held_aggregates: gauge(
                "comptoir_relay_held_aggregates",
                "Aggregates that wait for a decision about a dead letter",
            ),
            shards_held: gauge("comptoir_relay_shards_held", "Shards leased by this replica, of 64"),
            database_up: gauge("comptoir_relay_database_up", "1 while the database answers"),
            broker_up: gauge("comptoir_relay_broker_up", "1 while connected to the broker"),
            blocked: gauge("comptoir_relay_blocked", "1 while the broker blocks publishing"),
            pending: gauge(
                "comptoir_relay_pending_events",
                "Events in the shards of this replica that are not settled",
            ),
            oldest_pending: gauge(
                "comptoir_relay_oldest_pending_seconds",
                "Age of the oldest event in the shards of this replica that is not settled; 0 without any",
            ),
        }
    }
}

/// Returns the histogram of the time that the broker takes for a batch.
pub(crate) fn confirm_time() -> Histogram {
    histogram(
        "comptoir_relay_confirm_seconds",
        "From handing a batch to the client to the broker's last confirm for it",
    )
}

/// Registers the metrics that are rarely counted, each by name where it happens.
fn register_rare() {
    metrics::describe_counter!(FAILED, "Attempts that were the event's own fault");
    for reason in EventFault::REASONS.iter().chain(&[DEAD_LETTER_REFUSED]) {
        metrics::counter!(FAILED, "reason" => *reason).increment(0);
    }
    metrics::describe_counter!(BROKER_LOSSES, "Connections to the broker lost, and attempts that failed");
    for reason in BROKER_LOSS_REASONS {
        metrics::counter!(BROKER_LOSSES, "reason" => *reason).increment(0);
    }
    metrics::describe_counter!(
        TOPOLOGY_FAULTS,
        "Objects at the broker found deleted or otherwise than declared"
    );
    for object in TOPOLOGY_OBJECTS {
        for fault in ["missing", "different"] {
            metrics::counter!(TOPOLOGY_FAULTS, "object" => *object, "fault" => fault).increment(0);
        }
    }
    metrics::describe_counter!(DATABASE_FAULTS, "Attempts to connect and statements that failed");
    for reason in DATABASE_FAULT_REASONS {
        metrics::counter!(DATABASE_FAULTS, "reason" => *reason).increment(0);
    }
    for (name, help) in [
        (
            SETTLE_MISSED,
            "Decided events whose rows a settle did not find, or was not allowed to touch any more",
        ),
        (LEASE_LOSSES, "Shards lost against this replica's will"),
        (PARTITIONS_CREATED, "Days of the history made ahead"),
        (PARTITIONS_DROPPED, "Days of the history dropped because they were older than the retention"),
        (ROWS_DELETED, "Expired rows deleted from the history's default partition"),
        (UPKEEP_FAILURES, "Days of the history that could not be made or dropped, and upkeeps that failed"),
    ] {
        counter(name, help).increment(0);
    }
    metrics::describe_histogram!(DATABASE_SECONDS, "Round trips to the database");
    gauge(
        WAITING_DEAD_LETTERS,
        "Dead letters that wait for a decision, of all shards; 100,000 at most are counted",
    )
    .set(0.0);
}

/// An event failed, by the stable word of its fault.
pub(crate) fn event_failed(reason: &'static str) {
    metrics::counter!(FAILED, "reason" => reason).increment(1);
}

/// The broker refused a dead letter.
pub(crate) fn dead_letter_refused() {
    event_failed(DEAD_LETTER_REFUSED);
}

/// The broker was lost, or not reached, by the stable word of the fault.
pub(crate) fn broker_lost(reason: &'static str) {
    metrics::counter!(BROKER_LOSSES, "reason" => reason).increment(1);
}

/// One of the broker's objects was found `missing`, or `different` from what the relay declares.
pub(crate) fn topology_fault(object: &'static str, fault: &'static str) {
    metrics::counter!(TOPOLOGY_FAULTS, "object" => object, "fault" => fault).increment(1);
}

/// The database was not reached or did not do what it was asked, by the stable word of the fault.
pub(crate) fn database_failed(reason: &'static str) {
    metrics::counter!(DATABASE_FAULTS, "reason" => reason).increment(1);
}

/// Sets the number of dead letters in the table.
pub(crate) fn waiting_dead_letters(count: i64) {
    metrics::gauge!(WAITING_DEAD_LETTERS).set(count as f64);
}

/// Counts events whose decision could not be written down.
pub(crate) fn settle_missed(events: usize) {
    metrics::counter!(SETTLE_MISSED).increment(u64::try_from(events).unwrap_or(u64::MAX));
}

pub(crate) fn lease_losses(shards: usize) {
    metrics::counter!(LEASE_LOSSES).increment(u64::try_from(shards).unwrap_or(u64::MAX));
}

/// Counts the results of an upkeep of the history.
pub(crate) fn history_kept(upkeep: &Upkeep) {
    metrics::counter!(PARTITIONS_CREATED).increment(upkeep.created);
    metrics::counter!(PARTITIONS_DROPPED).increment(upkeep.dropped);
    metrics::counter!(ROWS_DELETED).increment(upkeep.deleted);
    metrics::counter!(UPKEEP_FAILURES).increment(upkeep.failed);
}

/// Records how long a statement took.
pub(crate) fn database_round_trip(statement: &'static str, duration: Duration, ok: bool) {
    let outcome = if ok { "ok" } else { "error" };
    metrics::histogram!(DATABASE_SECONDS, "statement" => statement, "outcome" => outcome).record(duration);
}

fn counter(name: &'static str, help: &'static str) -> Counter {
    metrics::describe_counter!(name, help);
    metrics::counter!(name)
}

fn gauge(name: &'static str, help: &'static str) -> Gauge {
    metrics::describe_gauge!(name, help);
    metrics::gauge!(name)
}

fn histogram(name: &'static str, help: &'static str) -> Histogram {
    metrics::describe_histogram!(name, help);
    metrics::histogram!(name)
}
