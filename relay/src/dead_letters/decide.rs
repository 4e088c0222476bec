//! `relay dead-letters requeue|discard`: changes dead letters in batches, each recorded in the log of operations. Afterwards it
//! removes the broker's copies.

use std::collections::HashSet;
use std::io::Write;

use comptoir_core::outbox::dead_letters::{self, Batch, Filter};
use comptoir_core::outbox::operations::{self, Operation, Operator};
use comptoir_core::platform::database;
use diesel_async::AsyncPgConnection;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::copies::Copies;
use super::{Change, NOTHING, Selection, complain_about, unknown};
use crate::config::Config;
use crate::error::{DatabaseFault, RelayError};
use crate::notes;

/// Dead letters in one statement.
const BATCH: i64 = 500;

/// The result of the command.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Done {
    operation: &'static str,
    /// How many matched.
    #[serde(skip)]
    pub(crate) extent: i64,
    /// The row of `outbox_operations`; `None` if there was nothing to do.
    pub(crate) operation_id: Option<Uuid>,
    pub(crate) count: u64,
    /// Dead letters that were left, because an event with the same id waits in `outbox_events` already.
    pub(crate) left: Vec<Uuid>,
    unknown: Vec<Uuid>,
    /// Copies that were removed from the broker's queue; `None` if it was not reached, or with `--keep-copies`.
    copies_removed: Option<usize>,
    /// The events that were moved or deleted and whose copies are held.
    #[serde(skip)]
    decided: HashSet<Uuid>,
}

pub(super) async fn run(config: &Config, operation: Operation, change: Change) -> Result<(), RelayError> {
    let Change { selection, all, decision, keep_copies, json } = change;
    if selection.is_everything() && !all {
        return Err(RelayError::Usage(format!("{} needs an ID, a filter, or --all", operation.name())));
    }

    let filter = selection.filter();
    let question = |count| question(operation, count);
    let wish = Wish {
        operation,
        filter: filter.clone(),
        asked: asked(&selection, all),
        keep_copies,
        most: u64::MAX,
    };
    let confirm = |count| decision.confirm(&question(count)).then(|| decision.operator());
    let (done, found) = decide(config, wish, confirm, |_, _| {}).await?;
    if done.extent == 0 && filter.ids.is_none() {
        notes::say(NOTHING);
    }
    let done = Done { unknown: unknown(&filter, &found), ..done };
    report(&done, json);
    complain_about(&done.unknown)
}

/// What is to be decided.
pub(crate) struct Wish {
    pub(crate) operation: Operation,
    pub(crate) filter: Filter,
    /// The filter, for the log of operations.
    pub(crate) asked: Value,
    pub(crate) keep_copies: bool,
    /// At most so many; a batch more or less.
    pub(crate) most: u64,
}

/// Decides about all that match now. `confirm` gets their number, and returns who decides, if they do. `tell` gets how many are done,
/// and of how many.
///
/// # Errors
/// Fails if nobody confirms, or if the database fails.
pub(crate) async fn decide(
    config: &Config,
    wish: Wish,
    confirm: impl FnOnce(i64) -> Option<Operator> + Send,
    tell: impl Fn(u64, i64) + Send + Sync,
) -> Result<(Done, HashSet<Uuid>), RelayError> {
    let Wish { operation, filter, asked, keep_copies, most } = wish;
    let mut connection = database::connect(&config.database).await.map_err(DatabaseFault::from)?;
    let extent = dead_letters::extent(&mut connection, &filter).await.map_err(DatabaseFault::from)?;
    let mut done = Done { operation: operation.name(), extent: extent.count, ..Done::default() };
    let mut found = HashSet::new();
    if extent.count == 0 {
        return Ok((done, found));
    }
    let operator =
        confirm(extent.count).ok_or_else(|| RelayError::Incomplete("nothing was done".to_owned()))?;
    let copies = if keep_copies { None } else { take_copies(config).await };
    let id = operations::begin(&mut connection, operation, &operator, &asked)
        .await
        .map_err(DatabaseFault::from)?;
    done.operation_id = Some(id);
    let limit = BATCH.min(i64::try_from(most).unwrap_or(BATCH));
    let batch = Batch { operation: id, until: extent.until, after_seq: i64::MIN, limit };
    let held = copies.as_ref().map(Copies::events).unwrap_or_default();
    let tell = |count| tell(count, extent.count);
    change_all(&mut connection, operation, &filter, batch, (most, &tell), &held, &mut done, &mut found)
        .await?;
    if let Some(copies) = copies {
        done.copies_removed = settle_copies(copies, &mut connection, &done.decided).await;
    }
    Ok((done, found))
}

/// Returns `None` if the broker is not reached: the decision does not depend on it.
async fn take_copies(config: &Config) -> Option<Copies> {
    match Copies::take(config, None).await {
        Ok(copies) => Some(copies),
        Err(fault) => {
            left_in_queue(&fault);
            None
        }
    }
}

async fn settle_copies(
    copies: Copies,
    connection: &mut AsyncPgConnection,
    decided: &HashSet<Uuid>,
) -> Option<usize> {
    match copies.settle(connection, decided).await {
        Ok(swept) => {
            if swept.is_cut {
                notes::say(
                    "the broker's queue has more: relay dead-letters sweep --limit N looks at more of it",
                );
            }
            Some(swept.removed)
        }
        Err(fault) => {
            left_in_queue(&fault);
            None
        }
    }
}

fn left_in_queue(why: &dyn std::fmt::Display) {
    notes::say(&format!(
        "copies stay in the broker's queue of dead letters ({why}); relay dead-letters sweep takes them out later"
    ));
}

#[expect(clippy::too_many_arguments, reason = "what is asked, and what is found")]
async fn change_all(
    connection: &mut AsyncPgConnection,
    operation: Operation,
    filter: &Filter,
    mut batch: Batch,
    (most, tell): (u64, &(dyn Fn(u64) + Send + Sync)),
    held: &HashSet<Uuid>,
    done: &mut Done,
    found: &mut HashSet<Uuid>,
) -> Result<(), RelayError> {
    let result = loop {
        let decided = match operation {
            Operation::Requeue => dead_letters::requeue(connection, filter, &batch).await,
            _ => dead_letters::discard(connection, filter, &batch).await,
        };
        let decided = match decided {
            Ok(decided) => decided,
            Err(error) => break Err(DatabaseFault::from(error)),
        };
        let Some(last) = decided.last() else { break Ok(()) };
        batch.after_seq = last.seq;
        for row in decided {
            if filter.ids.is_some() {
                found.insert(row.id);
            }
            if row.moved {
                done.count += 1;
                if held.contains(&row.id) {
                    done.decided.insert(row.id);
                }
            } else {
                done.left.push(row.id);
            }
        }
        tell(done.count);
        if done.count >= most {
            break Ok(());
        }
    };
    if let Err(fault) = result {
        return Err(RelayError::Incomplete(format!(
            "{fault}; until then: {} {}",
            done.count,
            operation.name()
        )));
    }
    operations::finish(connection, batch.operation, 0).await.map_err(DatabaseFault::from)?;
    if operation == Operation::Requeue {
        // If the wake-up is lost, the relay finds the events at its next poll.
        let _ = operations::wake_relays(connection).await;
    }
    Ok(())
}

fn question(operation: Operation, count: i64) -> String {
    let letters = if count == 1 { "dead letter" } else { "dead letters" };
    match operation {
        Operation::Discard => format!("Delete {count} {letters} for ever?"),
        _ => format!("Publish {count} {letters} again?"),
    }
}

/// Returns the selection as JSON, without the options that were not given.
fn asked(selection: &Selection, all: bool) -> Value {
    let mut filter = json!({
        "ids": (!selection.ids.is_empty()).then_some(&selection.ids),
        "event_type": selection.event_type.as_ref().map(ToString::to_string),
        "aggregate_id": selection.aggregate_id,
        "since": selection.since,
        "all": all.then_some(true),
    });
    if let Value::Object(entries) = &mut filter {
        entries.retain(|_, value| !value.is_null());
    }
    filter
}

fn report(done: &Done, json: bool) {
    let mut out = std::io::stdout().lock();
    if json {
        if let Ok(text) = serde_json::to_string_pretty(done) {
            let _ = writeln!(out, "{text}");
        }
        return;
    }
    let verb = if done.operation == "requeue" { "requeued" } else { "discarded" };
    let _ = match done.operation_id {
        Some(id) => writeln!(out, "{verb}: {} (operation {id})", done.count),
        None => writeln!(out, "{verb}: 0"),
    };
    if let Some(removed @ 1..) = done.copies_removed {
        let _ = writeln!(out, "taken out of the broker's queue: {removed}");
    }
    for id in &done.left {
        let _ = writeln!(out, "left, because an event with this id waits already: {id}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audit_trail_says_what_was_asked_for_and_nothing_else() {
        let selection = Selection {
            ids: vec![],
            event_type: Some("order.*".parse().expect("a pattern")),
            aggregate_id: None,
            since: None,
        };
        assert_eq!(asked(&selection, false), json!({"event_type": "order.*"}));
    }
}
