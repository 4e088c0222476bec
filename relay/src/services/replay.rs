//! Publishing the history again, when somebody asks.

use std::time::Duration;

use comptoir_core::outbox::EventTypes;
use comptoir_core::services::faces::{self, ReplayHistory, Replayed};
use comptoir_core::services::{ActionKind, Call, Description, Face, Fault, Run, Service, Summary};
use futures::future::BoxFuture;
use indicatif::ProgressBar;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::operator;
use crate::config::Config;
use crate::replay;

/// A day of a busy company takes minutes; a year of it, hours.
const TIME_LIMIT: Duration = Duration::from_secs(86_400);
const TELL_EVERY: Duration = Duration::from_secs(1);

/// The service `replay`. It does nothing by itself.
#[derive(Debug)]
pub(super) struct Replay {
    config: Config,
}

impl Replay {
    pub(super) fn new(config: Config) -> Self {
        Self { config }
    }

    async fn replay(&self, call: &Call) -> Result<Replayed, Fault> {
        let ReplayHistory { since, until, event_type, aggregate_id, tenant, rate, dry_run } =
            call.parameters()?;
        if rate == Some(0) {
            return Err(Fault::new("`rate` must be at least 1 event a second"));
        }
        let event_types =
            event_type.map(|text| text.parse::<EventTypes>()).transpose().map_err(Fault::new)?;
        let stop = CancellationToken::new();
        let _end = stop.clone().drop_guard();
        let bar = ProgressBar::hidden();
        let wish = replay::Wish { since, until, event_types, aggregate_id, tenant_id: tenant, rate, dry_run };
        let working = replay::publish_again(&self.config, wish, operator(call), &bar, stop.clone());
        let mut working = std::pin::pin!(working);
        loop {
            tokio::select! {
                done = &mut working => return done.map_err(Fault::new),
                () = tokio::time::sleep(TELL_EVERY) => call.progress(bar.position(), bar.length()),
                // What is in flight is finished; the rest is for another replay.
                () = call.stopping(), if !stop.is_cancelled() => stop.cancel(),
            }
        }
    }
}

impl Service for Replay {
    fn describe(&self) -> Description {
        let replay = ActionKind::new::<ReplayHistory>(
            "replay",
            "Publishes events of the history again, with the same ids",
        );
        Description::on_demand(faces::Replay::NAME, "Publishes the history again, when asked")
            .action(replay.time_limit(TIME_LIMIT))
    }

    fn run<'a>(&'a self, _run: &'a Run) -> BoxFuture<'a, Result<Summary, Fault>> {
        Box::pin(async { Ok(Summary::done()) })
    }

    fn act<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Value, Fault>> {
        Box::pin(async move { serde_json::to_value(self.replay(call).await?).map_err(Fault::new) })
    }
}
