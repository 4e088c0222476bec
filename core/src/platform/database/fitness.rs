//! Decides whether a session of the pool can be used again. Some faults last as long as the session: its server became a
//! standby, or its prepared statements do not fit the tables any more. Such a session is closed when it comes back to the
//! pool, and so are those that were opened before it: they are at the same server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The shortest time between two replacements of all sessions. While the address leads to a standby, every write fails, and
/// reads must not have to connect again each time.
const REPLACE_ALL_EVERY: Duration = Duration::from_secs(1);

/// The fitness of one session.
#[derive(Debug)]
pub(super) struct Fitness {
    has_failed: AtomicBool,
    opened_in: u64,
    generations: Arc<Generations>,
}

/// The generations of a pool's sessions: sessions of an older generation are not used again.
#[derive(Debug)]
pub(super) struct Generations {
    current: AtomicU64,
    start: Instant,
    /// When the current generation began, in milliseconds since `start`.
    began: AtomicU64,
}

impl Default for Generations {
    fn default() -> Self {
        Self { current: AtomicU64::new(0), start: Instant::now(), began: AtomicU64::new(0) }
    }
}

impl Generations {
    /// Returns the fitness of a session that is about to be opened.
    pub(super) fn member(self: &Arc<Self>) -> Fitness {
        Fitness {
            has_failed: AtomicBool::new(false),
            opened_in: self.current.load(Ordering::Acquire),
            generations: Arc::clone(self),
        }
    }

    fn end(&self, generation: u64) {
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let pause = u64::try_from(REPLACE_ALL_EVERY.as_millis()).unwrap_or(u64::MAX);
        let is_first = generation == 0;
        if !is_first && now.saturating_sub(self.began.load(Ordering::Relaxed)) < pause {
            return;
        }
        // Of many sessions that fail at the same time, one begins a new generation.
        let next =
            self.current.compare_exchange(generation, generation + 1, Ordering::AcqRel, Ordering::Relaxed);
        if next.is_ok() {
            self.began.store(now, Ordering::Relaxed);
            tracing::warn!("the database's sessions are of no use any more and are replaced");
        }
    }
}

impl Fitness {
    /// Returns the fitness of a session that is in no pool.
    pub(super) fn alone() -> Self {
        Arc::new(Generations::default()).member()
    }

    pub(super) fn is_fit(&self) -> bool {
        !self.has_failed.load(Ordering::Acquire)
            && self.opened_in == self.generations.current.load(Ordering::Acquire)
    }

    /// Records that the server answered with an error of this SQLSTATE.
    pub(super) fn note(&self, code: &str) {
        match Scope::of(code) {
            Scope::Statement => {}
            Scope::PooledSession => self.has_failed.store(true, Ordering::Release),
            Scope::Server => {
                self.has_failed.store(true, Ordering::Release);
                self.generations.end(self.opened_in);
            }
        }
    }
}

/// How far the cause of an error reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Statement,
    PooledSession,
    /// The server, or the schema as every session knows it.
    Server,
}

impl Scope {
    fn of(code: &str) -> Self {
        match code {
            // In this order: read-only (a standby); "cached plan must not change result type"; a missing prepared statement.
            "25006" | "0A000" | "26000" => Self::Server,
            // Classes of the connection (08), of an operator's intervention such as a shutdown (57), and of the server's own
            // errors, such as a cached reference to a dropped object (58, XX). Not 57014, a statement that took too long.
            "57014" => Self::Statement,
            _ if ["08", "57", "58", "XX"].iter().any(|class| code.starts_with(class)) => Self::PooledSession,
            _ => Self::Statement,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_leaves_the_session_in_use() {
        // A taken value, a check, a deadlock, a lock and a statement that took too long, an aborted transaction.
        for code in ["23505", "23514", "40P01", "40001", "55P03", "57014", "25P02", "P0001"] {
            let session = Fitness::alone();
            session.note(code);
            assert!(session.is_fit(), "{code}");
        }
    }

    #[test]
    fn a_session_that_broke_is_replaced_alone() {
        let pool = Arc::new(Generations::default());
        let (one, other) = (pool.member(), pool.member());
        one.note("57P01");
        assert!(!one.is_fit());
        assert!(other.is_fit());
    }

    #[test]
    fn a_standby_replaces_all_that_were_opened_before() {
        let pool = Arc::new(Generations::default());
        let (one, other) = (pool.member(), pool.member());
        one.note("25006");
        other.note("25006");
        assert!(!one.is_fit() && !other.is_fit());
        let later = pool.member();
        assert!(later.is_fit());
        let next = pool.member();
        next.note("25006");
        assert!(!next.is_fit());
        assert!(later.is_fit(), "within a second, only what failed is replaced");
    }
}
