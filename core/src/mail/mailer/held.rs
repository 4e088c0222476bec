//! Which e-mails are this process's own, and until when.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::mail::queue::Attempt;

/// The leases of one process, by its own clock, which began before the database's did.
#[derive(Debug, Default)]
pub(super) struct Held(Mutex<HashMap<Attempt, Instant>>);

impl Held {
    fn leases(&self) -> MutexGuard<'_, HashMap<Attempt, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn hold(&self, attempt: Attempt, until: Instant) {
        self.leases().insert(attempt, until);
    }

    /// Returns the attempts that have a lease, over or not.
    pub(super) fn attempts(&self) -> Vec<Attempt> {
        self.leases().keys().copied().collect()
    }

    /// Prolongs the leases that were asked for and are this process's own. The others of those are over: another process has
    /// taken them. What was taken after the question keeps its lease.
    pub(super) fn renew(&self, asked: &[Attempt], own: &[Attempt], until: Instant) {
        let own: HashSet<&Attempt> = own.iter().collect();
        let mut leases = self.leases();
        for attempt in asked {
            if !own.contains(attempt) {
                leases.remove(attempt);
            } else if let Some(lease) = leases.get_mut(attempt) {
                *lease = until;
            }
        }
    }

    pub(super) fn is_own(&self, attempt: Attempt) -> bool {
        self.leases().get(&attempt).is_some_and(|until| Instant::now() < *until)
    }

    pub(super) fn release(&self, attempt: Attempt) {
        self.leases().remove(&attempt);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::values::ids::{EmailId, TenantId};

    #[test]
    fn a_lease_holds_until_it_is_over_or_somebody_else_has_the_e_mail() {
        let attempt = || Attempt { tenant: TenantId::generate(), email: EmailId::generate(), epoch: 1 };
        let (held, one, other) = (Held::default(), attempt(), attempt());
        let (past, future) = (Instant::now(), Instant::now() + Duration::from_secs(60));
        held.hold(one, past);
        held.hold(other, future);
        assert_eq!((held.is_own(one), held.is_own(other)), (false, true));
        held.renew(&[one, other], &[one], future);
        assert_eq!((held.is_own(one), held.is_own(other)), (true, false));
        held.release(one);
        assert!(!held.is_own(one));
    }

    #[test]
    fn what_is_taken_while_leases_are_prolonged_is_kept() {
        let attempt = || Attempt { tenant: TenantId::generate(), email: EmailId::generate(), epoch: 1 };
        let (held, before, meanwhile) = (Held::default(), attempt(), attempt());
        let future = Instant::now() + Duration::from_secs(60);
        held.hold(before, Instant::now());
        let asked = held.attempts();
        held.hold(meanwhile, future);
        held.renew(&asked, &[before], future);
        assert!(held.is_own(before) && held.is_own(meanwhile));
        // One that has ended meanwhile stays ended.
        held.release(before);
        held.renew(&asked, &[before], future);
        assert!(!held.is_own(before));
    }
}
