//! The service that makes the documents of invoices. Every process has it: whose turn a document is, its lease decides.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::Utc;
use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::commands::{KeepDocument, PutOffDocument, ReadInput};
use super::port::Documents;
use super::repository::{self, Claimed, Input};
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::unit_of_work::Executor;
use crate::platform::database::Database;
use crate::services::{ActionKind, Call, Description, Fault, Health, NoParameters, Run, Service, Summary};

const NAME: &str = "invoice_documents";
const CHECK_QUEUE: &str = "check-queue";
const PROCESS_BATCH: &str = "process-batch";
const REQUEUE: &str = "requeue";
const MADE: &str = "comptoir_invoice_documents_total";

/// How often the queue is looked at.
const EVERY: Duration = Duration::from_millis(500);
/// How long a document is one process's. The largest takes some seconds; after this, another process takes it.
const LEASE: Duration = Duration::from_secs(60);
/// Documents that one process makes at the same time, at most; it is half of the processors. Each takes up to 110 MB.
const MOST_AT_ONCE: usize = 8;
/// After so many attempts a document is given up, until somebody requeues it. One whose process ended counts, too.
const MAX_ATTEMPTS: i32 = 5;
/// How long a document is left alone after its first attempt that came to nothing; twice as long after each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// Documents that one action makes or requeues, at most.
const MAX_BATCH: usize = 10_000;
const BATCH_LIMIT: Duration = Duration::from_secs(1_800);
/// How long a process that stops waits for the documents that it is at.
const STOP_LIMIT: Duration = Duration::from_secs(5);

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Batch {
    /// Documents at most; 1 to 10,000.
    #[serde(default = "default_batch")]
    #[schemars(range(min = 1, max = 10_000))]
    batch_size: usize,
}

const fn default_batch() -> usize {
    100
}

/// What one run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct Counts {
    made: u64,
    /// Another process had made it.
    dropped: u64,
    /// For now.
    failed: u64,
    /// For good.
    dead: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Made,
    Dropped,
    Failed,
    Dead,
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Made, Self::Dropped, Self::Failed, Self::Dead];

    const fn name(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Dropped => "dropped",
            Self::Failed => "failed",
            Self::Dead => "dead",
        }
    }
}

impl Counts {
    fn note(&mut self, outcome: Outcome) {
        metrics::counter!(MADE, "outcome" => outcome.name()).increment(1);
        match outcome {
            Outcome::Made => self.made += 1,
            Outcome::Dropped => self.dropped += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Dead => self.dead += 1,
        }
    }
}

/// The service `invoice_documents`.
#[derive(Debug)]
pub struct InvoiceDocuments {
    /// As the log-in of the services.
    services: Database,
    maker: Maker,
    at_once: usize,
    /// Documents that could not be made; less than zero before the first look.
    dead: AtomicI64,
}

/// What makes one document.
#[derive(Debug, Clone)]
struct Maker {
    executor: Executor,
    documents: Arc<dyn Documents>,
}

impl InvoiceDocuments {
    /// `services` is the services' log-in.
    pub fn new(services: Database, executor: Executor, documents: Arc<dyn Documents>) -> Self {
        metrics::describe_counter!(MADE, "Attempts to make the document of an invoice, by their outcome");
        for outcome in Outcome::ALL {
            metrics::counter!(MADE, "outcome" => outcome.name()).increment(0);
        }
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let at_once = (processors / 2).clamp(1, MOST_AT_ONCE);
        Self { services, maker: Maker { executor, documents }, at_once, dead: AtomicI64::new(-1) }
    }

    /// Makes what is due, `most` at most, until nothing is. A document that cannot be made keeps no other from it.
    async fn work(&self, most: usize, stop: &CancellationToken) -> Result<Counts, Fault> {
        let (mut counts, mut begun, mut is_empty) = (Counts::default(), 0, false);
        let mut fault: Option<Fault> = None;
        let mut under_way: JoinSet<Result<Outcome, Error>> = JoinSet::new();
        loop {
            let free = self.at_once.saturating_sub(under_way.len()).min(most.saturating_sub(begun));
            if free > 0 && !is_empty && !stop.is_cancelled() {
                match repository::claim(&self.services, free, LEASE).await {
                    Ok(claimed) => {
                        is_empty = claimed.is_empty();
                        begun += claimed.len();
                        for one in claimed {
                            under_way.spawn(self.maker.clone().make(one));
                        }
                    }
                    Err(error) => {
                        is_empty = true;
                        fault = fault.or_else(|| Some(Fault::new(error)));
                    }
                }
                continue;
            }
            match under_way.join_next().await {
                None => break,
                Some(Ok(Ok(outcome))) => counts.note(outcome),
                // Its lease ends, and it is taken again.
                Some(Ok(Err(error))) => fault = fault.or_else(|| Some(Fault::new(error))),
                Some(Err(error)) => fault = fault.or_else(|| Some(Fault::new(error))),
            }
        }
        // As long as some could not be made, whoever requeues them is seen to have done so.
        if counts.dead > 0 || self.dead.load(Ordering::Relaxed) != 0 {
            self.look().await.map_err(Fault::new)?;
        }
        fault.map_or(Ok(counts), Err)
    }

    /// Looks at the queue, and keeps how many documents could not be made.
    async fn look(&self) -> Result<Value, Error> {
        let (waiting, dead, oldest) = repository::overview(&self.services).await?;
        self.dead.store(dead, Ordering::Relaxed);
        let oldest = oldest.map(|at| (Utc::now() - at).num_seconds().max(0));
        Ok(json!({ "waiting": waiting, "dead": dead, "oldest_waiting_seconds": oldest }))
    }

    async fn act_on(&self, call: &Call) -> Result<Value, Fault> {
        match call.action.as_str() {
            CHECK_QUEUE => {
                call.parameters::<NoParameters>()?;
                self.look().await.map_err(Fault::new)
            }
            PROCESS_BATCH => {
                let most = batch(call)?;
                let stop = CancellationToken::new();
                let working = self.work(most, &stop);
                tokio::pin!(working);
                let counts = tokio::select! {
                    done = &mut working => done,
                    () = call.stopping() => {
                        stop.cancel();
                        working.await
                    }
                };
                Ok(json!(counts?))
            }
            REQUEUE => {
                let most = i64::try_from(batch(call)?).unwrap_or(i64::MAX);
                let requeued = repository::requeue(&self.services, most).await.map_err(Fault::new)?;
                self.look().await.map_err(Fault::new)?;
                Ok(json!({ "requeued": requeued }))
            }
            other => Err(Fault::new(format_args!("there is no action `{other}`"))),
        }
    }
}

fn batch(call: &Call) -> Result<usize, Fault> {
    let Batch { batch_size } = call.parameters()?;
    if (1..=MAX_BATCH).contains(&batch_size) {
        return Ok(batch_size);
    }
    Err(Fault::new(format_args!("batch_size must be at least 1 and at most {MAX_BATCH}")))
}

/// When a document is tried again after this attempt; `None` if it was the last one.
fn retry_after(attempt: i32) -> Option<Duration> {
    if attempt >= MAX_ATTEMPTS {
        return None;
    }
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or_default();
    Some(FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(doublings)))
}

impl Maker {
    async fn make(self, claimed: Claimed) -> Result<Outcome, Error> {
        let Claimed { tenant, invoice: id, attempt } = claimed;
        let context = || RequestContext::of_service(NAME, tenant);
        // Nobody wrote down why: each time, the process ended, or was away for longer than its lease.
        if attempt > MAX_ATTEMPTS {
            let reason = format!("{MAX_ATTEMPTS} attempts did not come to their end");
            return self.put_off(context(), PutOffDocument { id, attempt, reason, retry: None }).await;
        }
        let Some(Input { about, content, style }) = self.executor.run(context(), ReadInput { id }).await?
        else {
            return Ok(Outcome::Dropped);
        };
        let documents = Arc::clone(&self.documents);
        let rendered = tokio::task::spawn_blocking(move || documents.render(&content, &style)).await;
        let reason = match rendered {
            Ok(Ok(rendered)) => {
                let kept = self.executor.run(context(), KeepDocument { id, about, rendered }).await?;
                return Ok(if kept { Outcome::Made } else { Outcome::Dropped });
            }
            Ok(Err(reason)) => reason,
            // A panic of what draws it: that is the document's own fault.
            Err(error) => error.to_string(),
        };
        tracing::warn!(%tenant, invoice = %id, attempt, %reason, "the document of an invoice could not be made");
        self.put_off(context(), PutOffDocument { id, attempt, reason, retry: retry_after(attempt) }).await
    }

    async fn put_off(&self, context: RequestContext, command: PutOffDocument) -> Result<Outcome, Error> {
        let outcome = if command.retry.is_some() { Outcome::Failed } else { Outcome::Dead };
        self.executor.run(context, command).await?;
        Ok(outcome)
    }
}

impl Service for InvoiceDocuments {
    fn describe(&self) -> Description {
        let about = "Makes the documents of invoices that were validated";
        let check = ActionKind::new::<NoParameters>(
            CHECK_QUEUE,
            "Counts the documents that wait, or could not be made",
        );
        let process = ActionKind::new::<Batch>(PROCESS_BATCH, "Makes documents, and tells how it went");
        let requeue = ActionKind::new::<Batch>(REQUEUE, "Has documents made that could not be made");
        Description::every(NAME, about, EVERY)
            .at_start()
            .quiet()
            .stop_within(STOP_LIMIT)
            .action(check.repeatable())
            .action(process.repeatable().time_limit(BATCH_LIMIT))
            .action(requeue.repeatable())
    }

    fn run<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, Result<Summary, Fault>> {
        Box::pin(async move {
            let counts = self.work(usize::MAX, run.stop()).await?;
            Ok(Summary::of(json!(counts)))
        })
    }

    fn act<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Value, Fault>> {
        Box::pin(self.act_on(call))
    }

    fn health(&self) -> Health {
        match self.dead.load(Ordering::Relaxed) {
            ..=0 => Health::Ok,
            dead => Health::Degraded(format!(
                "{dead} documents of invoices could not be made: the log says why, and the action `requeue` has them made again"
            )),
        }
    }

    fn info(&self) -> Value {
        json!({ "at_once": self.at_once })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_attempts_end() {
        let pauses: Vec<_> =
            (1..=6).map(|attempt| retry_after(attempt).map(|pause| pause.as_secs())).collect();
        assert_eq!(pauses, [Some(5), Some(10), Some(20), Some(40), None, None]);
    }
}
