//! Whose e-mail is sent next: tenants take turns, and so do the domains to which each of them writes.
//!
//! A tenant with many e-mails, or a domain whose server answers slowly, uses its share of the connections and no more. What was
//! slow lately gets one connection at a time, and all that is slow together no more than half: the others are never held up.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use crate::values::ids::TenantId;

/// The e-mails of one tenant to one domain, which are sent in their order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Lane {
    pub(super) tenant: TenantId,
    pub(super) destination: String,
}

/// How many e-mails may be under way together, and how many may begin in a minute (0 is without limit).
#[derive(Debug, Clone, Copy)]
pub(super) struct Shares {
    pub(super) all: usize,
    pub(super) tenant: usize,
    pub(super) destination: usize,
    pub(super) tenant_per_minute: usize,
    pub(super) destination_per_minute: usize,
}

impl Shares {
    /// Half of the connections for one tenant, a quarter for one domain.
    pub(super) fn of(connections: usize, tenant_per_minute: usize, destination_per_minute: usize) -> Self {
        Self {
            all: connections,
            tenant: connections.div_ceil(2),
            destination: connections.div_ceil(4),
            tenant_per_minute,
            destination_per_minute,
        }
    }

    fn slow(&self) -> usize {
        (self.all / 2).max(1)
    }
}

/// What is under way, and when somebody had their last turn.
#[derive(Debug)]
pub(super) struct Turns {
    shares: Shares,
    lanes: Counts<Lane>,
    tenants: Counts<TenantId>,
    destinations: Counts<String>,
    slow: HashSet<String>,
    turn: u64,
    tenants_turns: HashMap<TenantId, u64>,
    lanes_turns: HashMap<Lane, u64>,
}

/// How many e-mails are under way, of each.
#[derive(Debug)]
struct Counts<K>(HashMap<K, usize>);

impl<K: Eq + Hash> Counts<K> {
    fn add(&mut self, key: K) {
        *self.0.entry(key).or_default() += 1;
    }

    fn remove(&mut self, key: &K) {
        if let Some(count) = self.0.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(key);
            }
        }
    }
}

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl Turns {
    pub(super) fn new(shares: Shares) -> Self {
        Self {
            shares,
            lanes: Counts::default(),
            tenants: Counts::default(),
            destinations: Counts::default(),
            slow: HashSet::new(),
            turn: 0,
            tenants_turns: HashMap::new(),
            lanes_turns: HashMap::new(),
        }
    }

    pub(super) fn under_way(&self) -> usize {
        self.lanes.0.values().sum()
    }

    pub(super) fn is_full(&self) -> bool {
        self.under_way() >= self.shares.all
    }

    pub(super) fn counts_minutes(&self) -> bool {
        self.shares.tenant_per_minute > 0 || self.shares.destination_per_minute > 0
    }

    /// Chooses whose e-mails to send now, at most `most`, and how many of each lane. `due` is what waits, `recent` what began
    /// in the last minute.
    pub(super) fn choose(
        &mut self,
        due: &[(Lane, usize)],
        recent: &[(Lane, usize)],
        most: usize,
    ) -> Vec<(Lane, usize)> {
        let mut plan = Plan::new(self, recent);
        let mut chosen: HashMap<Lane, usize> = HashMap::new();
        let free = self.shares.all.saturating_sub(self.under_way()).min(most);
        for _ in 0..free {
            let best = due
                .iter()
                .filter(|(lane, number)| {
                    chosen.get(lane).copied().unwrap_or_default() < *number && plan.may(self, lane)
                })
                .min_by_key(|(lane, _)| plan.rank(self, lane));
            let Some((lane, _)) = best else { break };
            plan.take(self, lane);
            *chosen.entry(lane.clone()).or_default() += 1;
        }
        // Whoever has nothing to send is forgotten.
        let known: HashSet<&Lane> = due.iter().map(|(lane, _)| lane).collect();
        self.lanes_turns.retain(|lane, _| known.contains(lane));
        let known: HashSet<TenantId> = due.iter().map(|(lane, _)| lane.tenant).collect();
        self.tenants_turns.retain(|tenant, _| known.contains(tenant));
        chosen.into_iter().collect()
    }

    pub(super) fn begin(&mut self, lane: &Lane) {
        self.lanes.add(lane.clone());
        self.tenants.add(lane.tenant);
        self.destinations.add(lane.destination.clone());
    }

    pub(super) fn end(&mut self, lane: &Lane, was_slow: bool) {
        self.lanes.remove(lane);
        self.tenants.remove(&lane.tenant);
        self.destinations.remove(&lane.destination);
        if was_slow {
            self.slow.insert(lane.destination.clone());
        } else {
            self.slow.remove(&lane.destination);
        }
    }
}

/// What is under way and what has just been chosen, together.
struct Plan {
    tenants: HashMap<TenantId, usize>,
    destinations: HashMap<String, usize>,
    tenants_minute: HashMap<TenantId, usize>,
    destinations_minute: HashMap<String, usize>,
    slow: usize,
}

impl Plan {
    fn new(turns: &Turns, recent: &[(Lane, usize)]) -> Self {
        let (mut tenants_minute, mut destinations_minute) = (HashMap::new(), HashMap::new());
        for (lane, number) in recent {
            *tenants_minute.entry(lane.tenant).or_default() += number;
            *destinations_minute.entry(lane.destination.clone()).or_default() += number;
        }
        let slow = turns.destinations.0.iter().filter(|(name, _)| turns.slow.contains(*name));
        Self {
            tenants: turns.tenants.0.clone(),
            destinations: turns.destinations.0.clone(),
            tenants_minute,
            destinations_minute,
            slow: slow.map(|(_, number)| number).sum(),
        }
    }

    fn may(&self, turns: &Turns, lane: &Lane) -> bool {
        let shares = &turns.shares;
        let within = |used: Option<&usize>, limit: usize| used.copied().unwrap_or_default() < limit;
        let per_minute = |used: Option<&usize>, limit: usize| limit == 0 || within(used, limit);
        let is_slow = turns.slow.contains(&lane.destination);
        let at_once = if is_slow { 1 } else { shares.destination };
        within(self.tenants.get(&lane.tenant), shares.tenant)
            && within(self.destinations.get(&lane.destination), at_once)
            && (!is_slow || self.slow < shares.slow())
            && per_minute(self.tenants_minute.get(&lane.tenant), shares.tenant_per_minute)
            && per_minute(self.destinations_minute.get(&lane.destination), shares.destination_per_minute)
    }

    /// The lowest comes first: the tenant whose turn is longest ago, and of it the domain whose turn is.
    fn rank(&self, turns: &Turns, lane: &Lane) -> (u64, u64) {
        let of_tenant = turns.tenants_turns.get(&lane.tenant).copied().unwrap_or_default();
        (of_tenant, turns.lanes_turns.get(lane).copied().unwrap_or_default())
    }

    fn take(&mut self, turns: &mut Turns, lane: &Lane) {
        turns.turn += 1;
        turns.tenants_turns.insert(lane.tenant, turns.turn);
        turns.lanes_turns.insert(lane.clone(), turns.turn);
        *self.tenants.entry(lane.tenant).or_default() += 1;
        *self.destinations.entry(lane.destination.clone()).or_default() += 1;
        *self.tenants_minute.entry(lane.tenant).or_default() += 1;
        *self.destinations_minute.entry(lane.destination.clone()).or_default() += 1;
        if turns.slow.contains(&lane.destination) {
            self.slow += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn lane(tenant: u128, destination: &str) -> Lane {
        Lane { tenant: TenantId::from_uuid(Uuid::from_u128(tenant)), destination: destination.to_owned() }
    }

    fn turns(connections: usize) -> Turns {
        Turns::new(Shares::of(connections, 0, 0))
    }

    fn number(chosen: &[(Lane, usize)], wanted: impl Fn(&Lane) -> bool) -> usize {
        chosen.iter().filter(|(lane, _)| wanted(lane)).map(|(_, number)| number).sum()
    }

    #[test]
    fn a_tenant_with_thousands_of_domains_waits_for_one_with_a_single_e_mail() {
        let mut due: Vec<_> = (0..1_000).map(|n| (lane(1, &format!("d{n}.example")), 5)).collect();
        due.push((lane(2, "small.example"), 1));
        let mut turns = turns(16);
        let chosen = turns.choose(&due, &[], usize::MAX);
        assert_eq!(number(&chosen, |lane| lane.destination == "small.example"), 1);
        assert_eq!(
            number(&chosen, |_| true),
            9,
            "half of the connections for one tenant, and the other's one"
        );
    }

    #[test]
    fn all_domains_of_a_tenant_have_their_turn() {
        let due: Vec<_> = (0..6).map(|n| (lane(1, &format!("d{n}.example")), 100)).collect();
        let mut turns = turns(4);
        let mut served = HashSet::new();
        for _ in 0..3 {
            for (lane, _) in turns.choose(&due, &[], usize::MAX) {
                served.insert(lane);
            }
        }
        assert_eq!(served.len(), 6);
    }

    #[test]
    fn a_domain_that_hangs_uses_its_share_and_then_a_single_connection() {
        let due = [
            (lane(1, "hangs.example"), 100),
            (lane(2, "hangs.example"), 100),
            (lane(3, "fine.example"), 100),
        ];
        let mut turns = turns(16);
        let chosen = turns.choose(&due, &[], usize::MAX);
        assert_eq!(number(&chosen, |lane| lane.destination == "hangs.example"), 4);
        for (lane, number) in &chosen {
            (0..*number).for_each(|_| turns.begin(lane));
        }
        assert_eq!(turns.under_way(), 8);
        for (lane, number) in &chosen {
            (0..*number).for_each(|_| turns.end(lane, lane.destination == "hangs.example"));
        }
        let chosen = turns.choose(&due, &[], usize::MAX);
        assert_eq!(number(&chosen, |lane| lane.destination == "hangs.example"), 1);
        assert_eq!(number(&chosen, |lane| lane.destination == "fine.example"), 4);
        // Until it has answered.
        turns.end(&lane(1, "hangs.example"), false);
        let chosen = turns.choose(&due, &[], usize::MAX);
        assert_eq!(number(&chosen, |lane| lane.destination == "hangs.example"), 4);
    }

    #[test]
    fn many_domains_that_hang_leave_half_of_the_connections() {
        let mut turns = turns(8);
        let mut due: Vec<_> = (0..50).map(|n| (lane(n, &format!("h{n}.example")), 9)).collect();
        for (lane, _) in &due {
            turns.begin(lane);
            turns.end(lane, true);
        }
        assert_eq!(number(&turns.choose(&due, &[], usize::MAX), |_| true), 4);
        due.push((lane(99, "fine.example"), 9));
        let chosen = turns.choose(&due, &[], usize::MAX);
        assert_eq!(number(&chosen, |lane| lane.destination == "fine.example"), 2);
    }

    #[test]
    fn what_began_in_the_last_minute_counts() {
        let mut turns = Turns::new(Shares::of(16, 10, 3));
        let due = [(lane(1, "a.example"), 100), (lane(1, "b.example"), 100), (lane(2, "a.example"), 100)];
        let recent = [(lane(1, "c.example"), 9), (lane(3, "a.example"), 1)];
        let chosen = turns.choose(&due, &recent, usize::MAX);
        assert_eq!(number(&chosen, |lane| lane.tenant == self::lane(1, "").tenant), 1);
        assert!(number(&chosen, |lane| lane.destination == "a.example") <= 2);
    }
}
