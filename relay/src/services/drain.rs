//! The drain loop as a service. One that panics is begun anew; what it had in flight is published again, under the same ids.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use comptoir_core::outbox::overview::{self, Remainder};
use comptoir_core::platform::database;
use comptoir_core::services::faces::{self, DrainNow, Drained};
use comptoir_core::services::{
    ActionKind, Call, Description, Face, Fault, Health, NoParameters, Run, Service, Summary, Tasks,
};
use diesel_async::AsyncPgConnection;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use crate::answer_timeout::answered;
use crate::config::Config;
use crate::engine::{Condition, Engine, Goal, Parts};
use crate::error::DatabaseFault;
use crate::leases::Leases;
use crate::looks;
use crate::publisher::Pulse;

/// The longest that `drain-now` waits behind a look that failed.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// Added to `relay.shutdown_timeout_ms`: for giving the shards back, and for closing the connection.
const LEAVE: Duration = Duration::from_secs(10);

/// The service `drain`.
#[derive(Debug)]
pub(super) struct Drain {
    pub(super) config: Config,
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) leases: Leases,
    pub(super) pulse: Arc<Pulse>,
    pub(super) wake_up: Arc<Notify>,
    pub(super) reconnect: Arc<Notify>,
    pub(super) condition: watch::Sender<Condition>,
    pub(super) began: Instant,
}

impl Drain {
    async fn drain(&self, run: &Run) -> Result<Summary, Fault> {
        // The parts of the loop stand or fall together.
        let tasks = Tasks::new(run.stop().child_token());
        let _end = tasks.end_on_drop();
        let parts = Parts {
            id: self.id,
            name: format!("comptoir relay {}", self.name),
            leases: self.leases.clone(),
            wake_up: Arc::clone(&self.wake_up),
            reconnect: Arc::clone(&self.reconnect),
            condition: self.condition.clone(),
            pulse: Arc::clone(&self.pulse),
            tasks: tasks.clone(),
        };
        self.leases.held_by(Engine::new(&self.config, Goal::everything(), parts).run()).await;
        how_it_ended(&tasks, run.stop().is_cancelled())
    }

    /// Waits until nothing is due of what was committed when it was asked, in the shards of all relays.
    async fn drain_now(&self, call: &Call) -> Result<Drained, Fault> {
        call.parameters::<DrainNow>()?;
        let config = &self.config.database;
        let mut connection = looks::connect(config).await.map_err(Fault::new)?;
        let (last_seq, began_at) =
            answered(config, overview::run_start(&mut connection)).await.map_err(Fault::new)?;
        self.wake_up.notify_one();
        let mut open = Some(connection);
        let (mut most, mut due) = (0, None::<i64>);
        loop {
            let began = Instant::now();
            let looked = tokio::select! {
                () = call.stopping() => return Err(stopped(due)),
                looked = self.look(&mut open, last_seq, began_at) => looked,
            };
            let pause = looks::pause_after(began.elapsed());
            let pause = match looked {
                Ok(left) if left.due == 0 => {
                    return Ok(Drained { waiting: left.waiting, dead_lettered: left.dead_lettered });
                }
                Ok(left) => {
                    due = Some(left.due);
                    most = left.due.max(most);
                    call.progress((most - left.due).unsigned_abs(), Some(most.unsigned_abs()));
                    pause
                }
                // The publishing goes on. How long this may take is the limit of the action.
                Err(fault) => {
                    open = None;
                    tracing::warn!(%fault, "cannot look what is left to publish: drain-now tries again");
                    pause.min(LOOK_AGAIN)
                }
            };
            tokio::select! {
                () = call.stopping() => return Err(stopped(due)),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Looks what is left of the events up to a seq, on a connection that may have to be opened first.
    async fn look(
        &self,
        open: &mut Option<AsyncPgConnection>,
        last_seq: i64,
        began_at: DateTime<Utc>,
    ) -> Result<Remainder, DatabaseFault> {
        let config = &self.config.database;
        let connection = match open {
            Some(connection) => connection,
            closed => closed.insert(looks::connect(config).await?),
        };
        answered(config, overview::remainder(connection, last_seq, began_at)).await
    }

    async fn check_queue(&self, call: &Call) -> Result<Value, Fault> {
        call.parameters::<NoParameters>()?;
        let config = &self.config.database;
        let mut connection = database::connect(config).await.map_err(Fault::new)?;
        let totals = answered(config, overview::totals(&mut connection)).await.map_err(Fault::new)?;
        Ok(json!({
            "pending": totals.pending,
            "oldest_pending_seconds": totals.oldest_pending_seconds,
            "retrying": totals.retrying,
            "dead_letters": totals.dead_letters,
        }))
    }
}

/// A loop that was not told to stop has failed: it is begun anew.
fn how_it_ended(tasks: &Tasks, was_told_to_stop: bool) -> Result<Summary, Fault> {
    match tasks.first_panicked() {
        Some(part) => Err(Fault::new(format_args!("its {part} panicked"))),
        None if was_told_to_stop => Ok(Summary::done()),
        None => Err(Fault::new("one of its parts ended")),
    }
}

/// The process stops, and so many events were due when it was last looked.
fn stopped(due: Option<i64>) -> Fault {
    match due {
        Some(due) => Fault::new(format_args!("the relay stops; {due} are due")),
        None => Fault::new("the relay stops"),
    }
}

impl Service for Drain {
    fn describe(&self) -> Description {
        let now = ActionKind::new::<DrainNow>(
            "drain-now",
            "Publishes what was committed until now, and answers when it is done",
        );
        let check = ActionKind::new::<NoParameters>("check-queue", "Counts what waits in the outbox");
        let limit = Duration::from_millis(self.config.relay.shutdown_timeout_ms) + LEAVE;
        Description::continuous(faces::Drain::NAME, "Publishes the events of the outbox")
            .critical()
            .stop_within(limit)
            .action(now.repeatable().time_limit(Duration::from_secs(300)))
            .action(check.repeatable())
    }

    fn run<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, Result<Summary, Fault>> {
        Box::pin(self.drain(run))
    }

    fn act<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Value, Fault>> {
        Box::pin(async move {
            match call.action.as_str() {
                "drain-now" => serde_json::to_value(self.drain_now(call).await?).map_err(Fault::new),
                _ => self.check_queue(call).await,
            }
        })
    }

    fn health(&self) -> Health {
        let now = self.condition.borrow();
        match now.hindrances() {
            hindrances if hindrances.is_empty() => Health::Ok,
            _ if now.is_starting(self.began) => Health::Starting,
            hindrances => Health::Failing(hindrances.join(", ")),
        }
    }

    fn info(&self) -> Value {
        let now = self.condition.borrow();
        json!({ "shards": now.shards_held, "idle": now.idle })
    }
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::*;

    #[tokio::test]
    async fn a_loop_that_lost_a_part_has_failed_whether_it_was_told_to_stop_or_not() {
        let tasks = Tasks::new(CancellationToken::new());
        assert_eq!(how_it_ended(&tasks, true), Ok(Summary::done()));
        assert_eq!(how_it_ended(&tasks, false), Err(Fault::new("one of its parts ended")));
        tasks.start("reader", async { panic!("as a test") });
        tasks.stop().cancelled().await;
        for was_told_to_stop in [true, false] {
            assert_eq!(how_it_ended(&tasks, was_told_to_stop), Err(Fault::new("its reader panicked")));
        }
    }
}
