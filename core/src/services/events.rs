//! What happens in services, as a stream for whoever subscribes.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::broadcast;
use uuid::Uuid;

use super::state::now;

/// The events that a slow subscriber may be behind. It then misses the oldest, and is told how many.
const BUFFERED: usize = 1024;

/// Something that happened in a service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub service: String,
    /// The process in which it happened.
    pub process: Uuid,
    pub at: DateTime<Utc>,
    /// The run or the action in which it happened.
    pub correlation_id: Option<Uuid>,
    #[serde(flatten)]
    pub happening: Happening,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Happening {
    Started,
    Completed {
        figures: Value,
        duration_ms: u64,
    },
    Failed {
        error: String,
    },
    Progress {
        done: u64,
        total: Option<u64>,
    },
    /// A continuous service can do its work: it has a connection, for instance.
    Ready,
    Stopped,
    /// Something of the service's own.
    Own {
        name: String,
        body: Value,
    },
}

/// Carries the events of a process, and those of others while somebody here listens to them.
#[derive(Debug, Clone)]
pub(super) struct Hub {
    process: Uuid,
    events: broadcast::Sender<Event>,
}

impl Hub {
    pub(super) fn new(process: Uuid) -> Self {
        Self { process, events: broadcast::Sender::new(BUFFERED) }
    }

    pub(super) fn tell(&self, service: &str, correlation_id: Option<Uuid>, happening: Happening) {
        let process = self.process;
        self.forward(Event { service: service.to_owned(), process, at: now(), correlation_id, happening });
    }

    /// Passes on an event of another process.
    pub(super) fn forward(&self, event: Event) {
        // Nobody listens: it is nobody's.
        let _ = self.events.send(event);
    }

    /// Returns everything that is told, for the link.
    pub(super) fn listen(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// `service`: of this one alone.
    pub(super) fn subscribe(&self, service: Option<&'static str>) -> Subscription {
        Subscription {
            events: self.events.subscribe(),
            service,
            chosen: Vec::new(),
            missed: 0,
            interest: None,
        }
    }
}

type Choice = Box<dyn Fn(&Event) -> bool + Send + Sync>;

/// A stream of events. Whoever drops it has unsubscribed.
pub struct Subscription {
    events: broadcast::Receiver<Event>,
    service: Option<&'static str>,
    chosen: Vec<Choice>,
    missed: u64,
    /// Held while other processes are listened to.
    pub(super) interest: Option<Interest>,
}

/// Counts the subscriptions to events of other processes.
pub(super) type Interest = std::sync::Arc<()>;

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription").field("service", &self.service).finish_non_exhaustive()
    }
}

impl Subscription {
    /// Passes only events for which `choice` is true, too.
    #[must_use]
    pub fn filter(mut self, choice: impl Fn(&Event) -> bool + Send + Sync + 'static) -> Self {
        self.chosen.push(Box::new(choice));
        self
    }

    /// Returns the next event; `None` when the process's services have gone.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            match self.events.recv().await {
                Ok(event) if self.wants(&event) => return Some(event),
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(missed)) => self.missed += missed,
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    /// Takes one event and unsubscribes.
    pub async fn one(mut self) -> Option<Event> {
        self.next().await
    }

    /// Returns how many events were missed because this subscriber was too slow.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    fn wants(&self, event: &Event) -> bool {
        self.service.is_none_or(|service| service == event.service)
            && self.chosen.iter().all(|choice| choice(event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed() -> Happening {
        Happening::Completed { figures: Value::Null, duration_ms: 1 }
    }

    #[tokio::test]
    async fn a_subscriber_gets_what_it_asked_for_and_nothing_after_it_is_dropped() {
        let hub = Hub::new(Uuid::nil());
        let mut failures =
            hub.subscribe(Some("a")).filter(|event| matches!(event.happening, Happening::Failed { .. }));
        hub.tell("a", None, completed());
        hub.tell("b", None, Happening::Failed { error: "of another".to_owned() });
        hub.tell("a", None, Happening::Failed { error: "wanted".to_owned() });
        let event = failures.next().await.expect("an event");
        assert_eq!(event.happening, Happening::Failed { error: "wanted".to_owned() });
        drop(failures);
        assert_eq!(hub.events.receiver_count(), 0);
    }

    #[tokio::test]
    async fn a_slow_subscriber_is_told_how_much_it_missed() {
        let hub = Hub::new(Uuid::nil());
        let mut slow = hub.subscribe(None);
        for _ in 0..BUFFERED + 10 {
            hub.tell("a", None, completed());
        }
        slow.next().await.expect("an event");
        assert_eq!(slow.missed(), 10);
    }
}
