//! Reports the relay's state to systemd (sd_notify(3)): that it is ready, that the drain loop turns, what it waits for, and
//! that it stops. Does nothing if `NOTIFY_SOCKET` is not set.
//!
//! Only a turn of the drain loop feeds the watchdog. So a loop that hangs is killed and started again. A loop that waits for a
//! slow database or a lost broker still turns at least once a second.

use std::time::{Duration, Instant};

use comptoir_core::outbox::SHARDS;
use comptoir_core::services::{Description, Fault, Run, Service, Summary};
use futures::future::BoxFuture;
use sd_notify::NotifyState;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::engine::Condition;

/// How often the loop's condition is checked.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How many times the watchdog is fed within its limit.
const FEEDS_PER_LIMIT: u32 = 4;

/// The service `service_manager`.
#[derive(Debug)]
pub(crate) struct ServiceManager(pub(crate) watch::Receiver<Condition>);

impl Service for ServiceManager {
    fn describe(&self) -> Description {
        Description::continuous("service_manager", "Reports the state of the drain loop to systemd").quiet()
    }

    fn run<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, Result<Summary, Fault>> {
        Box::pin(async move {
            if std::env::var_os("NOTIFY_SOCKET").is_none() {
                return Ok(Summary::finished());
            }
            keep_informed(self.0.clone(), run.stop().clone()).await;
            Ok(Summary::done())
        })
    }
}

async fn keep_informed(condition: watch::Receiver<Condition>, stop: CancellationToken) {
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

/// The state that was reported to systemd.
#[derive(Debug, Default)]
struct Reported {
    ready: bool,
    status: String,
    /// The turn of the drain loop for which the watchdog was last fed, and when it was fed.
    fed: Option<(Instant, Instant)>,
}

impl Reported {
    /// Returns the messages that are due now; `limit` is the watchdog's.
    fn due(&mut self, condition: &Condition, limit: Option<Duration>, now: Instant) -> Vec<NotifyState<'_>> {
        let mut due = Vec::new();
        // The relay is ready without a broker too: outlasting the broker's absence is its purpose.
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

/// Returns one line for `systemctl status`.
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
