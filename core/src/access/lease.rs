//! A lease on what is remembered of principals: while this process holds it, nobody can withdraw a credential, so that one
//! which was found to hold goes on holding and is not looked up again.
//!
//! It is an advisory lock of PostgreSQL, shared by all processes and held by a connection of its own. Whoever ends a
//! session, raises its stamp or revokes a key waits first, by a trigger, until each holder has seen that and has let go. A
//! holder that stalls or is cut off is no obstacle for long: PostgreSQL ends its session, and some time before that the
//! holder itself does not rely on the lease any more.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use diesel::QueryResult;
use diesel_async::SimpleAsyncConnection;
use tokio::time::MissedTickBehavior;

use super::queries;
use crate::database::{self, ConnectFault, DatabaseConfig};
use crate::error::Error;

/// How often the lease is renewed; whoever withdraws a credential waits for that long at most, as a rule.
const RENEW_EVERY: Duration = Duration::from_millis(100);
/// How long after a renewal was asked for the lease counts.
const VALID_FOR: Duration = Duration::from_secs(1);
/// How long PostgreSQL lets the session live without a renewal. It starts to count later than the holder, and is longer.
const SESSION_ENDS_AFTER_MS: u64 = 2_000;
/// Between two attempts to get a connection.
const RECONNECT_EVERY: Duration = Duration::from_secs(1);
/// How long a principal counts without being looked up, although nothing has changed: less than the two minutes for
/// which the look-up says that the credential lasts.
const CONFIRMED_FOR_MS: u64 = 60_000;

const HELD: &str = "comptoir_principal_lease_held";
pub(super) const CHECKS: &str = "comptoir_principal_checks_total";

/// Cheap to clone. Nobody holds it before [`Lease::keep`] runs.
#[derive(Debug, Clone)]
pub struct Lease(Arc<State>);

#[derive(Debug)]
struct State {
    /// The number of the present term. 0 while the lease is not held.
    term: AtomicU64,
    /// In milliseconds since `start`.
    valid_until: AtomicU64,
    start: Instant,
}

/// Within one, no credential is withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Term {
    number: u64,
    /// When it was seen to be under way, in milliseconds since the lease's start.
    now: u64,
}

/// In which term a principal was found to be current.
#[derive(Debug, Default)]
pub(crate) struct Confirmation {
    term: AtomicU64,
    /// In milliseconds since the lease's start.
    until: AtomicU64,
}

impl Confirmation {
    pub(super) fn holds(&self, at: Term) -> bool {
        // In this order, which is not that of `give`: the end of a later term comes with its number or after it.
        self.term.load(Ordering::Acquire) == at.number && at.now < self.until.load(Ordering::Relaxed)
    }

    /// The principal was looked up after the term was seen, and holds for a minute if nobody withdraws it.
    pub(super) fn give(&self, at: Term) {
        self.until.store(at.now + CONFIRMED_FOR_MS, Ordering::Relaxed);
        self.term.store(at.number, Ordering::Release);
    }
}

impl Default for Lease {
    fn default() -> Self {
        Self(Arc::new(State {
            term: AtomicU64::new(0),
            valid_until: AtomicU64::new(0),
            start: Instant::now(),
        }))
    }
}

impl Lease {
    /// The term that is under way, if this process holds the lease.
    pub(crate) fn term(&self) -> Option<Term> {
        let number = self.0.term.load(Ordering::Acquire);
        let now = self.since_start(Instant::now());
        (number != 0 && now < self.0.valid_until.load(Ordering::Relaxed)).then_some(Term { number, now })
    }

    fn since_start(&self, at: Instant) -> u64 {
        u64::try_from((at - self.0.start).as_millis()).unwrap_or(u64::MAX)
    }

    /// Agent: takes the lease and renews it. Without it, or without a database, everybody is looked up every time.
    pub async fn keep(self, config: DatabaseConfig) {
        metrics::describe_gauge!(HELD, "1 while principals that were looked up need not be looked up again");
        metrics::describe_counter!(CHECKS, "Principals looked up in a transaction of theirs");
        metrics::gauge!(HELD).set(0);
        metrics::counter!(CHECKS).increment(0);
        let mut terms = 0;
        let mut told_of = None;
        loop {
            let Err(error) = self.keep_by_one_connection(&config, &mut terms).await;
            self.lose();
            // Once, not every second for as long as the database is away.
            if told_of.replace(terms) != Some(terms) {
                tracing::warn!(%error, "no lease on principals: each is looked up every time");
            }
            tokio::time::sleep(RECONNECT_EVERY).await;
        }
    }

    /// `terms` counts those that there have been, so that no two have one number.
    async fn keep_by_one_connection(
        &self,
        config: &DatabaseConfig,
        terms: &mut u64,
    ) -> Result<Infallible, Error> {
        let mut connection = database::connect(config).await.map_err(database::ConnectError::from)?;
        let limit = format!("SET idle_session_timeout = {SESSION_ENDS_AFTER_MS}");
        connection.batch_execute(&limit).await?;
        let mut interval = tokio::time::interval(RENEW_EVERY);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut held = false;
        loop {
            interval.tick().await;
            let asked = Instant::now();
            // Another holder who renews at the same moment is in the way, too, but not twice.
            let granted = answered(queries::renew_lease(&mut connection, held)).await?
                || held && answered(queries::renew_lease(&mut connection, held)).await?;
            if granted {
                self.0.valid_until.store(self.since_start(asked + VALID_FOR), Ordering::Relaxed);
            }
            match (held, granted) {
                (false, true) => {
                    *terms += 1;
                    self.0.term.store(*terms, Ordering::Release);
                    metrics::gauge!(HELD).set(1);
                }
                (true, false) => {
                    // First nobody here relies on it any more, then others may go on.
                    self.lose();
                    answered(connection.batch_execute(queries::RETURN_LEASE)).await?;
                }
                (true, true) | (false, false) => {}
            }
            held = granted;
        }
    }

    fn lose(&self) {
        self.0.term.store(0, Ordering::Release);
        metrics::gauge!(HELD).set(0);
    }
}

/// What takes longer than the lease lasts is taken for a lost connection.
async fn answered<T>(statement: impl Future<Output = QueryResult<T>>) -> Result<T, Error> {
    let limit_ms = VALID_FOR.as_millis() as u64;
    let answer = tokio::time::timeout(VALID_FOR, statement).await;
    Ok(answer.map_err(|_| database::ConnectError::from(ConnectFault::Timeout { limit_ms }))??)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(term: u64, valid_until: u64) -> Lease {
        let lease = Lease::default();
        lease.0.valid_until.store(valid_until, Ordering::Relaxed);
        lease.0.term.store(term, Ordering::Relaxed);
        lease
    }

    #[test]
    fn a_lease_that_is_not_renewed_ends_by_itself() {
        assert!(Lease::default().term().is_none());
        assert!(held(1, 60_000).term().is_some());
        assert!(held(1, 0).term().is_none(), "its time is over");
        assert!(held(0, 60_000).term().is_none(), "it was given back");
    }

    #[test]
    fn a_principal_is_confirmed_for_one_term_and_a_minute() {
        let confirmation = Confirmation::default();
        let term = |number, now| Term { number, now };
        assert!(!confirmation.holds(term(1, 0)));
        confirmation.give(term(1, 10));
        assert!(confirmation.holds(term(1, 60_009)));
        assert!(!confirmation.holds(term(1, 60_010)), "a minute is over");
        assert!(!confirmation.holds(term(2, 20)), "something may have been withdrawn");
    }
}
