//! Limits how many connections of the pool are used for one tenant, and for one row.
//!
//! A request over the share waits here and holds no connection meanwhile. Without this, all commands that change the same row
//! would wait for its lock in the database, each with a connection. As they run one after the other anyway, two at a time are
//! as fast: one works, one waits.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use uuid::Uuid;

use crate::values::ids::TenantId;

/// Connections that commands on one row may have.
pub(super) const OF_A_ROW: usize = 2;

/// The tenant or the row to which a share belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Claim {
    OfTenant(TenantId),
    OfRow(TenantId, Uuid),
}

impl Claim {
    /// Returns the word for metrics and errors.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::OfTenant(_) => "tenant",
            Self::OfRow(..) => "row",
        }
    }
}

/// The shares that are in use. Cheap to clone. There is no entry for a claim that has no connection and waits for none.
#[derive(Debug, Clone, Default)]
pub(super) struct Shares(Arc<State>);

#[derive(Debug, Default)]
struct State {
    in_use: Mutex<HashMap<Claim, Shared>>,
    waiting: AtomicUsize,
}

#[derive(Debug)]
struct Shared {
    semaphore: Arc<Semaphore>,
    /// How many requests have or want a connection. Counted under the lock: of two that end at once, exactly one is the last.
    places: usize,
}

/// The right to one connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    // Fields are dropped in this order.
    _permit: OwnedSemaphorePermit,
    _place: Place,
}

impl Shares {
    /// Waits until fewer than `limit` connections are in use for this claim. Returns `None` if that does not happen before
    /// `until`. First come, first served.
    pub(super) async fn take(&self, claim: Claim, limit: usize, until: Instant) -> Option<Share> {
        let (place, semaphore) = self.place(claim, limit);
        if let Ok(permit) = Arc::clone(&semaphore).try_acquire_owned() {
            return Some(Share { _permit: permit, _place: place });
        }
        let _waiting = Waiting::begin(&self.0.waiting);
        let permit = tokio::time::timeout_at(until, semaphore.acquire_owned()).await;
        Some(Share { _permit: permit.ok()?.ok()?, _place: place })
    }

    /// Returns how many requests wait.
    pub(super) fn waiting(&self) -> usize {
        self.0.waiting.load(Ordering::Relaxed)
    }

    fn place(&self, claim: Claim, limit: usize) -> (Place, Arc<Semaphore>) {
        let mut in_use = self.0.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Shared { semaphore: Arc::new(Semaphore::new(limit)), places: 0 };
        let entry = in_use.entry(claim).or_insert_with(new);
        entry.places += 1;
        (Place { claim, state: Arc::clone(&self.0) }, Arc::clone(&entry.semaphore))
    }
}

/// Keeps the claim's entry for as long as a request has or wants a connection.
#[derive(Debug)]
struct Place {
    claim: Claim,
    state: Arc<State>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut in_use = self.state.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut entry) = in_use.entry(self.claim) {
            entry.get_mut().places -= 1;
            if entry.get().places == 0 {
                entry.remove();
            }
        }
    }
}

/// Counts a request for as long as it waits, or until it gives up.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SHORT: Duration = Duration::from_millis(200);

    fn tenant(number: u128) -> Claim {
        Claim::OfTenant(TenantId::from_uuid(Uuid::from_u128(number)))
    }

    fn soon() -> Instant {
        Instant::now() + SHORT
    }

    #[tokio::test]
    async fn whoever_is_over_their_share_waits_and_nobody_else_does() {
        let shares = Shares::default();
        let one = shares.take(tenant(1), 2, soon()).await.expect("free");
        let _two = shares.take(tenant(1), 2, soon()).await.expect("free");
        let begun = Instant::now();
        assert!(shares.take(tenant(1), 2, soon()).await.is_none());
        assert!(begun.elapsed() >= SHORT);
        shares.take(tenant(2), 2, soon()).await.expect("another tenant");
        drop(one);
        shares.take(tenant(1), 2, soon()).await.expect("given back");
    }

    #[tokio::test]
    async fn nothing_is_kept_about_whoever_has_gone() {
        let shares = Shares::default();
        let share = shares.take(tenant(1), 1, soon()).await.expect("free");
        let (first, second) =
            tokio::join!(shares.take(tenant(1), 1, soon()), shares.take(tenant(1), 1, soon()));
        assert!(first.is_none() && second.is_none());
        assert_eq!(shares.waiting(), 0);
        assert_eq!(shares.0.in_use.lock().expect("sound").len(), 1);
        drop(share);
        assert_eq!(shares.0.in_use.lock().expect("sound").len(), 0);
    }

    #[test]
    fn of_two_that_go_at_once_one_is_the_last() {
        let shares = Shares::default();
        for round in 0..2_000 {
            let (one, other) = (shares.place(tenant(1), 2), shares.place(tenant(1), 2));
            let together = std::sync::Barrier::new(2);
            let go = |place: (Place, Arc<Semaphore>)| {
                together.wait();
                drop(place);
            };
            std::thread::scope(|scope| {
                scope.spawn(|| go(one));
                go(other);
            });
            assert_eq!(shares.0.in_use.lock().expect("sound").len(), 0, "after round {round}");
        }
    }

    async fn use_again_and_again(shares: Shares, in_use: Arc<AtomicUsize>) {
        for _ in 0..200 {
            let until = Instant::now() + Duration::from_secs(60);
            let share = shares.take(tenant(1), 3, until).await.expect("in time");
            assert!(in_use.fetch_add(1, Ordering::SeqCst) < 3);
            tokio::task::yield_now().await;
            in_use.fetch_sub(1, Ordering::SeqCst);
            drop(share);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn never_more_than_the_share_are_in_use() {
        let (shares, in_use) = (Shares::default(), Arc::new(AtomicUsize::new(0)));
        let users: Vec<_> =
            (0..16).map(|_| tokio::spawn(use_again_and_again(shares.clone(), Arc::clone(&in_use)))).collect();
        for user in users {
            user.await.expect("no panic");
        }
        assert_eq!(shares.0.in_use.lock().expect("sound").len(), 0);
    }
}
