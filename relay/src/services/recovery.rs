//! An example of a workflow: a service that listens to one and asks another.
//!
//! When a relay has its broker again, this asks the relays to publish what piled up meanwhile, and says when that is done: the moment
//! from which consumers are up to date again.

use std::time::{Duration, Instant};

use comptoir_core::services::faces::{Broker, Drain, DrainNow};
use comptoir_core::services::{Description, Event, Fault, Happening, Priority, Run, Service, Summary};
use futures::future::BoxFuture;
use serde_json::json;

/// The longest that it waits until everything is published.
const LIMIT: Duration = Duration::from_secs(3600);

/// The service `recovery`.
#[derive(Debug)]
pub(super) struct Recovery;

impl Recovery {
    async fn follow(&self, run: &Run) -> Result<Summary, Fault> {
        let mut events =
            run.services().of::<Broker>().events().filter(|event| is_lost(event) || is_ready(event));
        let mut lost_at = None;
        loop {
            let event = tokio::select! {
                () = run.stopping() => return Ok(Summary::done()),
                event = events.next() => event,
            };
            let Some(event) = event else { return Ok(Summary::done()) };
            if is_lost(&event) {
                lost_at.get_or_insert_with(Instant::now);
                continue;
            }
            // The first connection of a relay is no recovery.
            let Some(lost_at) = lost_at.take() else { continue };
            let draining =
                run.services().of::<Drain>().ask(DrainNow {}).priority(Priority::High).time_limit(LIMIT);
            let drained = draining
                .by("recovery")
                .correlation_id(run.correlation_id())
                .answer()
                .await
                .map_err(Fault::new)?;
            let seconds = lost_at.elapsed().as_secs();
            tracing::info!(
                seconds,
                waiting = drained.waiting,
                "everything that was committed is published again: seconds since the broker was lost"
            );
            run.tell("recovered", json!({ "seconds": seconds, "waiting": drained.waiting }));
        }
    }
}

fn is_lost(event: &Event) -> bool {
    matches!(&event.happening, Happening::Own { name, .. } if name == "lost")
}

fn is_ready(event: &Event) -> bool {
    event.happening == Happening::Ready
}

impl Service for Recovery {
    fn describe(&self) -> Description {
        let about = "Has everything published when the broker is there again, and says when that is done";
        Description::continuous("recovery", about).one_of_all()
    }

    fn run<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, Result<Summary, Fault>> {
        Box::pin(self.follow(run))
    }
}
