//! The dead letters that wait for a decision: counted, and decided about by actions.

use std::time::Duration;

use comptoir_core::outbox::dead_letters::Filter;
use comptoir_core::outbox::operations::Operation;
use comptoir_core::outbox::{EventTypes, overview};
use comptoir_core::platform::database::{self, DatabaseConfig};
use comptoir_core::services::faces::{self, Decided, Discard, ProcessBatch, Requeue, Selection};
use comptoir_core::services::{
    ActionKind, Call, Description, Face, Fault, NoParameters, Run, Service, Summary,
};
use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::operator;
use crate::answer_timeout::answered;
use crate::config::Config;
use crate::dead_letters::{Wish, decide};
use crate::error::DatabaseFault;
use crate::metrics;

const EVERY: Duration = Duration::from_secs(15);
/// The count stops here: beyond this number the exact value does not matter.
const MOST: i64 = 100_000;
/// Much more than is needed: reading [`MOST`] entries of an index takes some ten milliseconds.
const STATEMENT_TIMEOUT_MS: u64 = 5000;
/// Deciding about all dead letters of a bad day takes minutes.
const DECISION_LIMIT: Duration = Duration::from_secs(3600);
const LARGEST_BATCH: u32 = 10_000;

/// The service `dead_letters`. It uses a connection of its own, which is open only while it counts: draining never waits for it.
#[derive(Debug)]
pub(super) struct DeadLetters {
    config: Config,
    /// Whether anybody can read the gauge.
    is_measured: bool,
}

impl DeadLetters {
    pub(super) fn new(config: Config, is_measured: bool) -> Self {
        Self { config, is_measured }
    }

    async fn count(&self) -> Result<i64, DatabaseFault> {
        let database =
            DatabaseConfig { statement_timeout_ms: STATEMENT_TIMEOUT_MS, ..self.config.database.clone() };
        let mut connection = database::connect(&database).await?;
        answered(&database, overview::dead_letters(&mut connection, MOST)).await
    }

    async fn decide(
        &self,
        call: &Call,
        operation: Operation,
        selection: Selection,
        most: u64,
    ) -> Result<Value, Fault> {
        let asked = asked(&selection);
        let dry_run = selection.dry_run;
        let filter = filter(selection)?;
        let wish = Wish { operation, filter, asked, keep_copies: false, most };
        let mut matching = 0;
        let confirm = |count: i64| {
            matching = count;
            (!dry_run).then(|| operator(call))
        };
        let tell = |done: u64, all: i64| call.progress(done, Some(all.unsigned_abs()));
        let decided = match decide(&self.config, wish, confirm, tell).await {
            Ok((done, _)) => Decided { count: done.count, operation_id: done.operation_id, left: done.left },
            Err(_) if dry_run && matching > 0 => {
                Decided { count: matching.unsigned_abs(), operation_id: None, left: Vec::new() }
            }
            Err(error) => return Err(Fault::new(error)),
        };
        serde_json::to_value(decided).map_err(Fault::new)
    }
}

/// Returns the selection as JSON, without what was not given.
fn asked(selection: &Selection) -> Value {
    let mut asked = serde_json::to_value(selection).unwrap_or_default();
    if let Value::Object(entries) = &mut asked {
        entries.retain(|_, value| *value != Value::Bool(false));
    }
    asked
}

fn filter(selection: Selection) -> Result<Filter, Fault> {
    let Selection { ids, event_type, aggregate_id, since, until, all, .. } = selection;
    let is_everything = ids.is_none() && event_type.is_none() && aggregate_id.is_none() && since.is_none();
    if is_everything != all {
        return Err(Fault::new("give a filter (ids, event_type, aggregate_id, since), or `all`: true"));
    }
    let event_types = event_type.map(|text| text.parse::<EventTypes>()).transpose().map_err(Fault::new)?;
    Ok(Filter { ids, event_types, aggregate_id, since, until })
}

impl Service for DeadLetters {
    fn describe(&self) -> Description {
        let requeue = ActionKind::new::<Requeue>("requeue", "Publishes dead letters again");
        let discard = ActionKind::new::<Discard>("discard", "Deletes dead letters");
        let batch = ActionKind::new::<ProcessBatch<Selection>>(
            "process-batch",
            "Publishes some dead letters again, the oldest first",
        );
        let check = ActionKind::new::<NoParameters>(
            "check-queue",
            "Counts the dead letters that wait for a decision",
        );
        Description::every(
            faces::DeadLetters::NAME,
            "Counts the dead letters, and decides about them when asked",
            EVERY,
        )
        .at_start()
        .quiet()
        // What matches a filter now may be other events in a minute: it is not begun anew by another process.
        .action(requeue.time_limit(DECISION_LIMIT))
        .action(discard.time_limit(DECISION_LIMIT))
        .action(batch.time_limit(DECISION_LIMIT))
        .action(check.repeatable())
    }

    fn run<'a>(&'a self, _run: &'a Run) -> BoxFuture<'a, Result<Summary, Fault>> {
        Box::pin(async move {
            if !self.is_measured {
                return Ok(Summary::done());
            }
            let count = self.count().await.map_err(Fault::new)?;
            metrics::waiting_dead_letters(count);
            Ok(Summary::of(json!({ "waiting": count })))
        })
    }

    fn act<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Value, Fault>> {
        Box::pin(async move {
            match call.action.as_str() {
                "requeue" => {
                    let Requeue(selection) = call.parameters()?;
                    self.decide(call, Operation::Requeue, selection, u64::MAX).await
                }
                "discard" => {
                    let Discard(selection) = call.parameters()?;
                    self.decide(call, Operation::Discard, selection, u64::MAX).await
                }
                "process-batch" => {
                    let ProcessBatch::<Selection> { batch_size, filter } = call.parameters()?;
                    if !(1..=LARGEST_BATCH).contains(&batch_size) {
                        return Err(Fault::new("`batch_size` must be 1 to 10000"));
                    }
                    self.decide(call, Operation::Requeue, filter, batch_size.into()).await
                }
                _ => {
                    call.parameters::<NoParameters>()?;
                    let count = self.count().await.map_err(Fault::new)?;
                    Ok(json!({ "waiting": count, "or_more": count == MOST }))
                }
            }
        })
    }
}
