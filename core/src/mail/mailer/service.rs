//! The mailer as a service of every process: who takes which e-mail, the leases of the e-mails decide.

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

use super::{Filter, Mailer, STOP_LIMIT};
use crate::services::{ActionKind, Call, Description, Fault, Health, NoParameters, Run, Service, Summary};

const CHECK_QUEUE: &str = "check-queue";
const PROCESS_BATCH: &str = "process-batch";
/// How long a batch may take: as long as a server that answers late to all of it.
const BATCH_LIMIT: Duration = Duration::from_secs(1_800);
const MAX_BATCH: usize = 10_000;
/// After so many attempts in a row that came to nothing it is the mail server, not an e-mail.
const IN_VAIN: u32 = 5;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ProcessBatch {
    /// The e-mails to send, at most; 1 to 10,000.
    #[serde(default = "default_batch")]
    #[schemars(range(min = 1, max = 10_000))]
    batch_size: usize,
    #[serde(default)]
    filter: Filter,
}

const fn default_batch() -> usize {
    100
}

impl Service for Mailer {
    fn describe(&self) -> Description {
        let about = "Sends e-mails of all companies";
        let check = ActionKind::new::<NoParameters>(CHECK_QUEUE, "Counts the e-mails that wait, or are dead");
        let batch = ActionKind::new::<ProcessBatch>(
            PROCESS_BATCH,
            "Sends e-mails that are due, and tells how it went",
        );
        Description::continuous("mailer", about)
            // The server may have an e-mail already.
            .stop_within(STOP_LIMIT + Duration::from_secs(2))
            .action(check.repeatable())
            .action(batch.repeatable().time_limit(BATCH_LIMIT))
    }

    fn run<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, Result<Summary, Fault>> {
        Box::pin(async move {
            tracing::info!(to = self.destination(), "e-mails are sent");
            run.ready();
            let counts = Mailer::run(self, run.stop()).await.map_err(Fault::new)?;
            Ok(Summary::of(json!(counts)))
        })
    }

    fn act<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Value, Fault>> {
        Box::pin(async move {
            match call.action.as_str() {
                CHECK_QUEUE => {
                    call.parameters::<NoParameters>()?;
                    Ok(json!(self.overview().await.map_err(Fault::new)?))
                }
                PROCESS_BATCH => {
                    let ProcessBatch { batch_size, filter } = call.parameters()?;
                    if !(1..=MAX_BATCH).contains(&batch_size) {
                        let problem =
                            format_args!("batch_size must be at least 1 and at most {MAX_BATCH}").to_string();
                        return Err(Fault::new(problem));
                    }
                    let stop = CancellationToken::new();
                    let sending = self.run_once(&stop, batch_size, filter);
                    tokio::pin!(sending);
                    let counts = tokio::select! {
                        done = &mut sending => done,
                        () = call.stopping() => {
                            stop.cancel();
                            sending.await
                        }
                    };
                    Ok(json!(counts.map_err(Fault::new)?))
                }
                other => Err(Fault::new(format_args!("there is no action `{other}`"))),
            }
        })
    }

    fn health(&self) -> Health {
        match self.sender.in_vain() {
            0..IN_VAIN => Health::Ok,
            attempts => Health::Degraded(format_args!(
                "the last {attempts} attempts to send an e-mail came to nothing: `api emails list` says why"
            )
            .to_string()),
        }
    }

    fn info(&self) -> Value {
        json!({ "to": self.destination() })
    }
}
