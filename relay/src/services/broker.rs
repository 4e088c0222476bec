//! The drain loop's connection to the broker, as a service: whether there is one, and `restart`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use comptoir_core::services::{Description, Face, Fault, Health, Run, Service, Summary, faces};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};

use crate::engine::Condition;

/// The service `broker`. The loop owns the connection, and connects again by itself.
#[derive(Debug)]
pub(super) struct BrokerLink {
    condition: watch::Receiver<Condition>,
    reconnect: Arc<Notify>,
    has_run: AtomicBool,
    began: Instant,
}

impl BrokerLink {
    pub(super) fn new(condition: watch::Receiver<Condition>, reconnect: Arc<Notify>) -> Self {
        Self { condition, reconnect, has_run: AtomicBool::new(false), began: Instant::now() }
    }

    async fn follow(&self, run: &Run) -> Result<Summary, Fault> {
        // Whoever restarts the service wants another connection.
        if self.has_run.swap(true, Ordering::Relaxed) {
            self.reconnect.notify_one();
        }
        let mut condition = self.condition.clone();
        let mut was_up = false;
        loop {
            let (is_up, trouble) = {
                let now = condition.borrow_and_update();
                (now.broker_up, now.broker_trouble.as_ref().map(ToString::to_string))
            };
            if is_up && !was_up {
                run.ready();
            }
            if was_up && !is_up {
                run.tell("lost", json!({ "trouble": trouble }));
            }
            was_up = is_up;
            tokio::select! {
                () = run.stopping() => return Ok(Summary::done()),
                changed = condition.changed() => if changed.is_err() {
                    run.stopping().await;
                    return Ok(Summary::done());
                },
            }
        }
    }
}

impl Service for BrokerLink {
    fn describe(&self) -> Description {
        Description::continuous(
            faces::Broker::NAME,
            "Watches the connection to the broker; restart makes another one",
        )
    }

    fn run<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, Result<Summary, Fault>> {
        Box::pin(self.follow(run))
    }

    fn health(&self) -> Health {
        let now = self.condition.borrow();
        match (now.broker_up, &now.broker_trouble, now.blocked) {
            (true, _, true) => {
                Health::Failing("the broker blocks publishing (memory or disk alarm)".to_owned())
            }
            (true, _, false) => Health::Ok,
            (false, Some(trouble), _) => Health::Failing(trouble.to_string()),
            (false, None, _) if now.is_starting(self.began) => Health::Starting,
            (false, None, _) => Health::Failing("not connected yet".to_owned()),
        }
    }

    fn info(&self) -> Value {
        let now = self.condition.borrow();
        json!({ "connected": now.broker_up, "blocked": now.blocked })
    }
}
