//! Tells systemd how the relay does (sd_notify(3)): that it takes part, that the drain loop turns, what it waits for, and
//! that it stops. Does nothing where nobody asks (`NOTIFY_SOCKET` is not set).
//!
//! Only a turn of the drain loop feeds the watchdog. A loop that hangs is thus killed and started again, while one that
//! waits for a slow database or a broker that is gone still turns, at least once a second.

use std::time::{Duration, Instant};

use comptoir_core::outbox::SHARDS;
use sd_notify::NotifyState;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::engine::Condition;

/// How often the loop's condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// The watchdog is fed so many times within its limit.
const FEEDS_PER_LIMIT: u32 = 4;

/// Agent: reports until `stop`.
pub(crate) async fn keep_informed(condition: watch::Receiver<Condition>, stop: CancellationToken) {
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return;
    }
    let limit = sd_notify::watchdog_enabled();
    let look_every = limit.map_or(LOOK_EVERY, |limit| LOOK_EVERY.min(limit / FEEDS_PER_LIMIT));
    let mut looks = tokio::time::interval(look_every.max(Duration::from_millis(1)));
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut reported = Reported::default();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = looks.tick() => {}
        }
        let now = condition.borrow().clone();
        send(&reported.due(&now, limit, Instant::now()));
    }
    send(&[NotifyState::Stopping, NotifyState::Status("stopping: finishing what is in flight")]);
}

/// What systemd knows.
#[derive(Debug, Default)]
struct Reported {
    ready: bool,
    status: String,
    /// The turn of the drain loop for which the watchdog was fed last, and when that was.
    fed: Option<(Instant, Instant)>,
}

impl Reported {
    /// What is to be said now, `limit` being the watchdog's.
    fn due(&mut self, condition: &Condition, limit: Option<Duration>, now: Instant) -> Vec<NotifyState<'_>> {
        let mut due = Vec::new();
        // A broker that is gone does not keep the relay from taking part: it is what a relay is there to outlast.
        if !self.ready && condition.database_up {
            self.ready = true;
            due.push(NotifyState::Ready);
        }
        let hungry = limit.is_some_and(|limit| {
            self.fed.is_none_or(|(turn, fed_at)| {
                turn != condition.turned_at && now.duration_since(fed_at) >= limit / (2 * FEEDS_PER_LIMIT)
            })
        });
        if hungry {
            self.fed = Some((condition.turned_at, now));
            due.push(NotifyState::Watchdog);
        }
        let status = describe(condition);
        if status != self.status {
            self.status = status;
            due.push(NotifyState::Status(&self.status));
        }
        due
    }
}

/// One line for `systemctl status`.
fn describe(condition: &Condition) -> String {
    let reasons = condition.hindrances();
    if reasons.is_empty() {
        format!("draining {} of {SHARDS} shards", condition.shards_held)
    } else {
        reasons.join(", ")
    }
}

fn send(states: &[NotifyState<'_>]) {
    if states.is_empty() {
        return;
    }
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "cannot reach the service manager");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Option<Duration> = Some(Duration::from_secs(8));

    fn condition(database_up: bool, turned_at: Instant) -> Condition {
        Condition {
            database_up,
            database_trouble: None,
            broker_up: false,
            broker_trouble: None,
            blocked: false,
            shards_held: 0,
            idle: false,
            limit_reached: false,
            turned_at,
        }
    }

    fn said(reported: &mut Reported, condition: &Condition, now: Instant) -> String {
        reported.due(condition, LIMIT, now).iter().map(|state| format!("{state};")).collect()
    }

    #[test]
    fn a_loop_that_does_not_turn_feeds_no_watchdog() {
        let (mut reported, start) = (Reported::default(), Instant::now());
        let turned = condition(true, start);
        assert!(said(&mut reported, &turned, start).contains("WATCHDOG=1"));
        assert_eq!(said(&mut reported, &turned, start + Duration::from_secs(5)), "");
        let later = condition(true, start + Duration::from_secs(6));
        assert!(said(&mut reported, &later, start + Duration::from_secs(6)).contains("WATCHDOG=1"));
    }

    #[test]
    fn it_is_ready_once_the_database_answers_and_says_so_once() {
        let (mut reported, now) = (Reported::default(), Instant::now());
        assert!(!said(&mut reported, &condition(false, now), now).contains("READY=1"));
        assert!(said(&mut reported, &condition(true, now), now).contains("READY=1"));
        assert!(!said(&mut reported, &condition(true, now), now).contains("READY=1"));
    }
}
