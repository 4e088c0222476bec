//! The metrics of the projections.

use std::time::Duration;

use super::inbox::Standing;

const RECEIVED: &str = "comptoir_projections_received_total";
const SETTLED: &str = "comptoir_projections_settled_total";
const FAILURES: &str = "comptoir_projections_failures_total";
const HOLES: &str = "comptoir_projections_holes_total";
const DELAY: &str = "comptoir_projections_delay_seconds";
const BATCH: &str = "comptoir_projections_batch_seconds";
const OPEN: &str = "comptoir_projections_open";
const OLDEST: &str = "comptoir_projections_oldest_waiting_seconds";

pub(super) fn describe() {
    metrics::describe_counter!(RECEIVED, "Messages that arrived, by whether they were known already");
    metrics::describe_counter!(SETTLED, "Messages that are done with, by what became of them");
    metrics::describe_counter!(FAILURES, "Attempts to apply a message that failed");
    metrics::describe_counter!(HOLES, "Messages before which a version of their aggregate had not arrived");
    metrics::describe_histogram!(DELAY, "From an event to what the projections show of it");
    metrics::describe_histogram!(BATCH, "How long the messages of one transaction took to be applied");
    metrics::describe_gauge!(OPEN, "Messages that are not done with, by what they wait for");
    metrics::describe_gauge!(OLDEST, "How long the oldest message has waited");
    for repeated in ["false", "true"] {
        metrics::counter!(RECEIVED, "repeated" => repeated).increment(0);
    }
    for outcome in ["applied", "repeated", "discarded"] {
        metrics::counter!(SETTLED, "outcome" => outcome).increment(0);
    }
    metrics::counter!(FAILURES).increment(0);
    metrics::counter!(HOLES).increment(0);
}

pub(super) fn received(new: usize, repeated: usize) {
    metrics::counter!(RECEIVED, "repeated" => "false").increment(new as u64);
    metrics::counter!(RECEIVED, "repeated" => "true").increment(repeated as u64);
}

pub(super) fn settled(outcome: &'static str, delay: Option<Duration>) {
    metrics::counter!(SETTLED, "outcome" => outcome).increment(1);
    if let Some(delay) = delay {
        metrics::histogram!(DELAY).record(delay);
    }
}

pub(super) fn failed() {
    metrics::counter!(FAILURES).increment(1);
}

pub(super) fn holes(number: usize) {
    metrics::counter!(HOLES).increment(number as u64);
}

pub(super) fn batch(took: Duration) {
    metrics::histogram!(BATCH).record(took);
}

pub(super) fn standing(standing: &Standing) {
    let waiting = standing.waiting - standing.behind_a_hole;
    for (state, number) in
        [("waiting", waiting), ("behind_a_hole", standing.behind_a_hole), ("dead", standing.dead)]
    {
        metrics::gauge!(OPEN, "state" => state).set(number as f64);
    }
    metrics::gauge!(OLDEST).set(standing.oldest_waiting_seconds);
}
