//! The conditions that must hold after any faults: committed = delivered, no ghosts, first deliveries in order per aggregate.
//! Repeats are counted, and no event is blamed for a fault of the broker or the database.

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use anyhow::Result;
use uuid::Uuid;

use crate::harness::committed_events;
use crate::ledger::Findings;

use super::{Stage, Written};

const COMPLAINTS: usize = 20;
/// When no event has arrived for this long, the missing ones count as lost.
const LAST_DELIVERIES: Duration = Duration::from_secs(10);

/// See the module's documentation.
#[derive(Debug)]
pub struct Verdict {
    pub findings: Findings,
    /// Events whose commit was answered, and that are in no table.
    pub lost: usize,
    /// Events that were rolled back, and are in a table all the same.
    pub revived: usize,
    /// Attempts that were counted against an event, and dead letters.
    pub retries: i64,
}

impl Verdict {
    pub fn holds(&self) -> bool {
        self.findings.is_sound() && self.lost == 0 && self.revived == 0 && self.retries == 0
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = &self.findings;
        writeln!(f, "{} events committed, {} deliveries", found.committed, found.deliveries)?;
        write!(
            f,
            "{} published more than once, {} delivered again by the broker",
            found.republished, found.redelivered
        )?;
        for (count, what) in [
            (self.lost, "committed events are in no table any more"),
            (self.revived, "events that were rolled back are in a table"),
        ] {
            if count > 0 {
                write!(f, "\n{count} {what}")?;
            }
        }
        if self.retries > 0 {
            write!(f, "\n{} retries or dead letters, and no event was at fault", self.retries)?;
        }
        for line in found.complaints(COMPLAINTS) {
            write!(f, "\n{line}")?;
        }
        Ok(())
    }
}

impl Stage {
    /// Waits until the outbox is empty, then compares. No writer may be at work, and no fault may last.
    ///
    /// # Errors
    /// Fails if the outbox is not empty at the deadline.
    pub async fn verdict(&self, written: &Written, limit: Duration) -> Result<Verdict> {
        self.world.drained(limit).await?;
        let sql = self.world.sql().await?;
        let committed = committed_events(&sql).await?;
        self.deliveries_end(committed.len()).await;
        let findings = self.consumer.with_ledger(|ledger| ledger.check(&committed));
        let kept: HashSet<Uuid> = committed.iter().map(|event| event.id).collect();
        let retries = sql
            .query_one(
                "SELECT (SELECT coalesce(sum(retry_count), 0) FROM outbox_history)
                      + (SELECT count(*) FROM outbox_dead_letters)",
                &[],
            )
            .await?
            .get(0);
        Ok(Verdict {
            findings,
            lost: written.committed.difference(&kept).count(),
            revived: written.rolled_back.intersection(&kept).count(),
            retries,
        })
    }

    /// Waits until so many events have arrived, or until no more arrive. The relay may be far ahead of the consumer. It is left
    /// to the ledger to report the missing events by name.
    async fn deliveries_end(&self, events: usize) {
        loop {
            let before = self.consumer.distinct();
            let arrived = self.consumer.wait_for(events, LAST_DELIVERIES).await;
            if arrived.is_ok() || self.consumer.distinct() == before {
                return;
            }
        }
    }
}
