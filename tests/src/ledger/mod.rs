//! The ledger of deliveries: checks that every committed event was delivered, and no other, in order.
//!
//! No I/O: the caller passes the committed events and the deliveries. Repeats are allowed (delivery is at least once) and
//! counted. Order is judged by the *first* delivery of each event: a consumer that drops repeats sees no other.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use hdrhistogram::Histogram;
use uuid::Uuid;

#[cfg(test)]
mod tests;

/// Latencies are kept in microseconds, up to an hour; longer ones count as an hour.
const LONGEST_LATENCY_US: u64 = 3_600_000_000;
const SIGNIFICANT_DIGITS: u8 = 3;

/// The state of an event in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Not settled yet.
    Pending,
    /// Confirmed, by the relay's record.
    Published,
    /// Given up for good.
    DeadLettered,
}

/// An event that was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    pub id: Uuid,
    /// Increases with the commits of one aggregate.
    pub seq: i64,
    /// Type and id.
    pub aggregate: String,
    pub event_type: String,
    pub fate: Fate,
}

/// One delivery.
#[derive(Debug, Clone, Copy)]
pub struct Receipt {
    pub id: Uuid,
    /// The time from the event's occurrence to its arrival, if the message says when it occurred.
    pub latency: Option<Duration>,
    /// Whether the broker marks it as delivered before: then it is the broker's repeat, not the relay's.
    pub redelivered: bool,
}

/// All deliveries.
#[derive(Debug)]
pub struct Ledger {
    /// The position of each event's first delivery among all deliveries.
    first: HashMap<Uuid, u64>,
    deliveries: u64,
    redelivered: u64,
    republished: u64,
    latency: Histogram<u64>,
}

impl Default for Ledger {
    fn default() -> Self {
        // Cannot fail for these constants; an auto-sized histogram would do as well.
        let latency = Histogram::new_with_bounds(1, LONGEST_LATENCY_US, SIGNIFICANT_DIGITS)
            .or_else(|_| Histogram::new(1));
        let Ok(latency) = latency else { unreachable!("one significant digit is allowed") };
        Self { first: HashMap::new(), deliveries: 0, redelivered: 0, republished: 0, latency }
    }
}

impl Ledger {
    pub fn record(&mut self, receipt: Receipt) {
        let position = self.deliveries;
        self.deliveries += 1;
        self.redelivered += u64::from(receipt.redelivered);
        if let std::collections::hash_map::Entry::Vacant(entry) = self.first.entry(receipt.id) {
            entry.insert(position);
            if let Some(latency) = receipt.latency {
                let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
                self.latency.saturating_record(micros.clamp(1, LONGEST_LATENCY_US));
            }
        } else if !receipt.redelivered {
            self.republished += 1;
        }
    }

    /// Returns the number of different events that arrived.
    pub fn distinct(&self) -> usize {
        self.first.len()
    }

    /// Returns the number of deliveries, repeats included.
    pub fn deliveries(&self) -> u64 {
        self.deliveries
    }

    /// Returns the time from occurrence to first delivery, at this quantile (0 to 1). `None` if no message said when its event
    /// occurred.
    pub fn latency(&self, quantile: f64) -> Option<Duration> {
        (!self.latency.is_empty()).then(|| Duration::from_micros(self.latency.value_at_quantile(quantile)))
    }

    /// Compares the deliveries with the committed events, which are sorted by aggregate, then by `seq`.
    pub fn check(&self, committed: &[Committed]) -> Findings {
        let mut findings = Findings {
            committed: committed.len(),
            deliveries: self.deliveries,
            repeats: self.deliveries - self.first.len() as u64,
            redelivered: self.redelivered,
            republished: self.republished,
            ..Findings::default()
        };
        let mut known = HashSet::with_capacity(committed.len());
        // Of the current aggregate, the event that arrived last so far.
        let mut latest: Option<(&Committed, u64)> = None;
        for event in committed {
            known.insert(event.id);
            let Some(&position) = self.first.get(&event.id) else {
                findings.missing.push(event.clone());
                continue;
            };
            if let Some((before, arrived)) = latest
                && before.aggregate == event.aggregate
                && position < arrived
            {
                findings.disorder.push(Disorder { event: event.clone(), overtook: before.clone() });
                continue;
            }
            latest = Some((event, position));
        }
        findings.ghosts = self.first.keys().filter(|id| !known.contains(id)).copied().collect();
        findings.ghosts.sort_unstable();
        findings
    }
}

/// An event that arrived before an earlier event of its aggregate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disorder {
    pub event: Committed,
    pub overtook: Committed,
}

/// The result of a comparison.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    pub committed: usize,
    pub deliveries: u64,
    /// Deliveries of events that had arrived before.
    pub repeats: u64,
    /// Deliveries that the broker marked as repeated.
    pub redelivered: u64,
    /// Repeats that the broker did not mark: the relay's.
    pub republished: u64,
    /// Committed events that did not arrive, dead letters included.
    pub missing: Vec<Committed>,
    /// Events that arrived without a commit.
    pub ghosts: Vec<Uuid>,
    pub disorder: Vec<Disorder>,
}

impl Findings {
    /// Whether every event arrived, and no other, in order.
    pub fn is_sound(&self) -> bool {
        self.missing.is_empty() && self.is_true_and_ordered()
    }

    /// Whether it is sound apart from dead letters, which are checked elsewhere.
    pub fn is_sound_but_for_dead_letters(&self) -> bool {
        self.missing.iter().all(|event| event.fate == Fate::DeadLettered) && self.is_true_and_ordered()
    }

    fn is_true_and_ordered(&self) -> bool {
        self.ghosts.is_empty() && self.disorder.is_empty()
    }

    /// Returns the faults, a line each, at most `limit` of each kind; empty if there are none.
    pub fn complaints(&self, limit: usize) -> Vec<String> {
        let mut lines = Vec::new();
        let mut list = |title: &str, all: Vec<String>| {
            if !all.is_empty() {
                lines.push(format!("{} {title}:", all.len()));
                lines.extend(all.iter().take(limit).map(|line| format!("  {line}")));
                if all.len() > limit {
                    lines.push(format!("  … and {} more", all.len() - limit));
                }
            }
        };
        let name = |event: &Committed| {
            format!("{} {} of {} (seq {})", event.event_type, event.id, event.aggregate, event.seq)
        };
        list(
            "committed but not delivered",
            self.missing
                .iter()
                .map(|event| format!("{}, {:?} in the outbox", name(event), event.fate))
                .collect(),
        );
        list("delivered but never committed", self.ghosts.iter().map(Uuid::to_string).collect());
        list(
            "out of order",
            self.disorder
                .iter()
                .map(|found| format!("{} before {}", name(&found.event), name(&found.overtook)))
                .collect(),
        );
        lines
    }
}
