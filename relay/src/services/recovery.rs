//! An example of a workflow: a service that listens to one and asks another.
//!
//! When a relay has its broker again, this asks the relays to publish what piled up meanwhile, and says when that is done: the moment
//! from which consumers are up to date again.

use std::time::{Duration, Instant};

use comptoir_core::platform::backoff::Backoff;
use comptoir_core::services::faces::{Broker, Drain, DrainNow, Drained};
use comptoir_core::services::{
    AskError, Description, Event, Fault, Happening, Priority, Run, Service, Summary,
};
use futures::future::BoxFuture;
use serde_json::json;

/// The longest that it waits until everything is published.
const LIMIT: Duration = Duration::from_secs(3600);
/// The first and the longest wait until it asks again, in milliseconds.
const ASK_AGAIN_MS: (u64, u64) = (1_000, 60_000);

/// The service `recovery`.
#[derive(Debug)]
pub(super) struct Recovery;

impl Recovery {
    async fn follow(&self, run: &Run) -> Result<Summary, Fault> {
        let mut events =
            run.services().of::<Broker>().events().filter(|event| is_lost(event) || is_ready(event));
        let mut backoff = Backoff::new(ASK_AGAIN_MS.0, ASK_AGAIN_MS.1);
        // Since when not everything is published, until it is, whatever fails meanwhile.
        let mut lost_at: Option<Instant> = None;
        let mut ask_at: Option<Instant> = None;
        loop {
            let wait = ask_at.map_or(Duration::ZERO, |at| at.saturating_duration_since(Instant::now()));
            let is_time = tokio::select! {
                () = run.stopping() => return Ok(Summary::done()),
                event = events.next() => {
                    let Some(event) = event else { return Ok(Summary::done()) };
                    if is_lost(&event) {
                        lost_at.get_or_insert_with(Instant::now);
                    }
                    is_ready(&event)
                }
                () = tokio::time::sleep(wait), if ask_at.is_some() => true,
            };
            // The first connection of a relay is no recovery.
            let Some(since) = lost_at.filter(|_| is_time) else { continue };
            ask_at = None;
            let drained = tokio::select! {
                () = run.stopping() => return Ok(Summary::done()),
                drained = publish(run) => drained,
            };
            match drained {
                Ok(drained) => {
                    lost_at = None;
                    backoff.reset();
                    let seconds = since.elapsed().as_secs();
                    tracing::info!(
                        seconds,
                        waiting = drained.waiting,
                        "everything that was committed is published again: seconds since the broker was lost"
                    );
                    run.tell("recovered", json!({ "seconds": seconds, "waiting": drained.waiting }));
                }
                Err(error) => {
                    tracing::warn!(%error, "whether everything is published again is not known: it is asked again");
                    ask_at = Some(Instant::now() + backoff.advance());
                }
            }
        }
    }
}

/// Has everything published, and waits for the end of that.
async fn publish(run: &Run) -> Result<Drained, AskError> {
    let draining = run.services().of::<Drain>().ask(DrainNow {}).priority(Priority::High).time_limit(LIMIT);
    draining.by("recovery").correlation_id(run.correlation_id()).answer().await
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
