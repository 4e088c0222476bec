//! The state of the broker as the live replicas see it; they report it with every heartbeat.

use chrono::{DateTime, TimeDelta, Utc};
use comptoir_core::outbox::overview::ReplicaState;
use serde::Serialize;

/// A replica that has not heard the broker for this long has no connection to it. Replicas report about every second.
const AWAY_AFTER: TimeDelta = TimeDelta::seconds(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// Every live replica reaches it.
    Reached,
    /// Some live replicas reach it, and others do not.
    Partly,
    /// No live replica reaches it.
    Away,
    /// There is no live replica.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Broker {
    pub(crate) state: State,
    /// With `Away`, when a replica last heard it. With `Partly`, when the replica that has not heard it longest last did.
    pub(crate) away_since: Option<DateTime<Utc>>,
    /// The number of live replicas that do not reach it.
    pub(crate) replicas_away: usize,
}

/// Returns the broker's state as the live replicas see it.
pub(crate) fn of(live: &[&ReplicaState], now: DateTime<Utc>) -> Broker {
    let away: Vec<DateTime<Utc>> = live.iter().filter_map(|replica| away_since(replica, now)).collect();
    let (state, away_since) = match (live.len(), away.len()) {
        (0, _) => (State::Unknown, None),
        (_, 0) => (State::Reached, None),
        // The last time that any replica heard it.
        (all, gone) if all == gone => (State::Away, away.iter().max().copied()),
        _ => (State::Partly, away.iter().min().copied()),
    };
    Broker { state, away_since, replicas_away: away.len() }
}

/// Returns since when this replica has not heard the broker (since its start, if it never has); `None` if it reaches it.
pub(crate) fn away_since(replica: &ReplicaState, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let heard = replica.broker_heard_at.unwrap_or(replica.started_at);
    // A broker that blocks does not answer.
    (!replica.blocked && now - heard > AWAY_AFTER).then_some(heard)
}

/// Whether the replica has reported within its own lease time.
pub(crate) fn is_live(replica: &ReplicaState, now: DateTime<Utc>, lease_ttl_ms: u64) -> bool {
    let ttl = replica.lease_ttl_ms.unwrap_or_else(|| i64::try_from(lease_ttl_ms).unwrap_or(i64::MAX));
    (now - replica.last_seen_at).num_milliseconds() <= ttl
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn replica(heard_seconds_ago: Option<i64>) -> ReplicaState {
        let now = DateTime::UNIX_EPOCH + TimeDelta::hours(1);
        ReplicaState {
            id: Uuid::nil(),
            name: "one".to_owned(),
            started_at: now - TimeDelta::minutes(20),
            last_seen_at: now,
            blocked: false,
            version: None,
            lease_ttl_ms: Some(3000),
            broker_heard_at: heard_seconds_ago.map(|seconds| now - TimeDelta::seconds(seconds)),
            publishes: false,
        }
    }

    #[test]
    fn the_broker_is_away_when_nobody_hears_it_and_since_when_anybody_last_did() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::hours(1);
        for (heard, state, seconds) in [
            (&[][..], State::Unknown, None),
            (&[Some(1)], State::Reached, None),
            (&[Some(30)], State::Away, Some(30)),
            (&[Some(30), Some(70)], State::Away, Some(30)),
            (&[Some(1), Some(30), Some(70)], State::Partly, Some(70)),
            (&[None], State::Away, Some(1200)),
        ] {
            let replicas: Vec<_> = heard.iter().map(|ago| replica(*ago)).collect();
            let broker = of(&replicas.iter().collect::<Vec<_>>(), now);
            let since = broker.away_since.map(|since| (now - since).num_seconds());
            assert_eq!((broker.state, since), (state, seconds), "{heard:?}");
        }
    }

    #[test]
    fn a_replica_that_the_broker_blocks_reaches_it() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::hours(1);
        let blocked = ReplicaState { blocked: true, ..replica(Some(60)) };
        assert_eq!(of(&[&blocked], now).state, State::Reached);
    }
}
