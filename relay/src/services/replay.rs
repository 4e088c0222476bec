//! Publishing the history again, when somebody asks.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use comptoir_core::outbox::EventTypes;
use comptoir_core::services::faces::{self, CancelReplay, ReplayCancelled, ReplayHistory, Replayed};
use comptoir_core::services::{ActionKind, Call, Description, Face, Fault, Run, Service, Summary};
use futures::future::BoxFuture;
use indicatif::ProgressBar;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::operator;
use crate::config::Config;
use crate::replay;

/// A day of a busy company takes minutes; a year of it, hours.
const TIME_LIMIT: Duration = Duration::from_secs(86_400);
const TELL_EVERY: Duration = Duration::from_secs(1);
const CANCEL: &str = "cancel";

/// The service `replay`. It does nothing by itself.
#[derive(Debug)]
pub(super) struct Replay {
    config: Config,
    /// What ends each replay that goes on in this process, by the id of its command.
    running: Mutex<HashMap<Uuid, CancellationToken>>,
}

/// Forgets a replay when it is over, however it ended.
struct Entry<'a> {
    replay: &'a Replay,
    id: Uuid,
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.replay.running().remove(&self.id);
    }
}

impl Replay {
    pub(super) fn new(config: Config) -> Self {
        Self { config, running: Mutex::default() }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<Uuid, CancellationToken>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a replay of this process end. It answers whoever asked for it how far it came, and how to go on.
    fn cancel(&self, call: &Call) -> Result<ReplayCancelled, Fault> {
        let CancelReplay { command } = call.parameters()?;
        let stop = self.running().get(&command).cloned();
        if let Some(stop) = &stop {
            stop.cancel();
        }
        Ok(ReplayCancelled { cancelled: stop.is_some() })
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
        self.running().insert(call.id, stop.clone());
        let _entry = Entry { replay: self, id: call.id };
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
        let cancel = ActionKind::new::<CancelReplay>(
            CANCEL,
            "Ends a replay that goes on in this process: what is in flight is finished",
        );
        Description::on_demand(faces::Replay::NAME, "Publishes the history again, when asked")
            .action(replay.time_limit(TIME_LIMIT))
            .action(cancel.repeatable())
    }

    fn run<'a>(&'a self, _run: &'a Run) -> BoxFuture<'a, Result<Summary, Fault>> {
        Box::pin(async { Ok(Summary::done()) })
    }

    fn act<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Value, Fault>> {
        Box::pin(async move {
            let answer = match call.action.as_str() {
                CANCEL => serde_json::to_value(self.cancel(call)?),
                _ => serde_json::to_value(self.replay(call).await?),
            };
            answer.map_err(Fault::new)
        })
    }
}
