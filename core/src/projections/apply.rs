//! Receives messages into the inbox and applies them.

use std::time::{Duration, Instant};

use chrono::Utc;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use tokio_postgres::error::SqlState;
use uuid::Uuid;

use super::inbox::{self, Due, Failed, First, MessageState, Standing};
use super::message::Arrived;
use super::metrics;
use super::plan::{Message, Verdict, plan};
use super::store::{self, Place, WriteError};
use crate::application::error::Error;
use crate::platform::database::{Database, sqlstate};

/// Messages that one transaction applies.
const BATCH: i64 = 500;
/// How long a message waits until somebody looks again whether the version before it has arrived. Its arrival ends the wait.
const HOLE_PAUSE: Duration = Duration::from_secs(60);
/// Rows of the inbox that one statement deletes.
const PRUNE_BATCH: usize = 5_000;
/// The longest error that is kept, in characters.
const LONGEST_ERROR: usize = 1_000;

/// How often a message is tried, and how long it waits in between.
#[derive(Debug, Clone, Copy)]
pub struct ProjectorConfig {
    pub max_attempts: i32,
    /// Doubled after each attempt.
    pub retry_min: Duration,
    pub retry_max: Duration,
}

/// Works on the projections of all tenants, in the services' log-in. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Projector {
    pub(super) database: Database,
    config: ProjectorConfig,
}

/// What one round of applying did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Round {
    /// Messages that are done with.
    pub settled: usize,
    /// Attempts that failed.
    pub failed: usize,
    /// Messages before which a version is missing.
    pub missing: usize,
    /// Messages before which others have to come first that are there.
    early: usize,
}

impl Round {
    fn add(&mut self, other: Self) {
        self.settled += other.settled;
        self.failed += other.failed;
        self.missing += other.missing;
    }

    fn is_stuck(&self) -> bool {
        self.settled + self.failed == 0 && self.early > 0
    }
}

/// The outcome of one transaction.
enum Batch {
    Done(Round),
    /// Somebody else applies, or nothing was ever built.
    NotOurs,
    /// Somebody else has locked a message of the tenant. Its turn comes again.
    Locked,
    /// Together, these could not be written.
    Unwritable(Vec<Due>, String),
}

impl Projector {
    pub fn new(database: Database, config: ProjectorConfig) -> Self {
        metrics::describe();
        Self { database, config }
    }

    /// Writes messages down, each once. When this returns, they may be acknowledged. Returns how many were new.
    ///
    /// # Errors
    /// Fails if the database does not take them. It takes any message.
    pub async fn receive(&self, arrived: &[Arrived]) -> Result<usize, Error> {
        let mut connection = self.database.connection().await?;
        let new = inbox::insert(&mut connection, arrived).await?;
        metrics::received(new, arrived.len() - new);
        Ok(new)
    }

    /// Applies all messages whose turn it is, one tenant after the other: many of one do not hold the others up.
    ///
    /// # Errors
    /// Fails if the database cannot be reached. That is no message's fault, and counts as no attempt.
    pub async fn apply(&self) -> Result<Round, Error> {
        let mut round = Round::default();
        loop {
            let (mut next, mut done) = (Some(Uuid::nil()), 0);
            while let Some(from) = next {
                let Some(tenant) = self.next_tenant(from).await? else { break };
                let Some(some) = self.apply_some(tenant).await? else { return Ok(round) };
                done += some.settled + some.failed;
                round.add(some);
                next = tenant.as_u128().checked_add(1).map(Uuid::from_u128);
            }
            if done == 0 {
                return Ok(round);
            }
        }
    }

    async fn next_tenant(&self, from: Uuid) -> Result<Option<Uuid>, Error> {
        let mut connection = self.database.connection().await?;
        Ok(inbox::next_tenant(&mut connection, from).await?)
    }

    /// Applies some messages of a tenant; none if one of them is locked, so that the next tenant has its turn. `None` if somebody else
    /// applies.
    async fn apply_some(&self, tenant: Uuid) -> Result<Option<Round>, Error> {
        let mut first = First::Arrived;
        let mut batch = self.batch(tenant, first, BATCH).await?;
        if matches!(&batch, Batch::Done(round) if round.is_stuck()) {
            // What has to come before these arrived behind so many others.
            first = First::Lowest;
            batch = self.batch(tenant, first, BATCH).await?;
        }
        let whole = match batch {
            Batch::Done(round) => return Ok(Some(round)),
            Batch::Locked => return Ok(Some(Round::default())),
            Batch::NotOurs => return Ok(None),
            Batch::Unwritable(due, _) => due.len(),
        };
        // One of them is at fault: one at a time, it is found, and the others are applied.
        let mut round = Round::default();
        for _ in 0..whole {
            match self.batch(tenant, first, 1).await? {
                Batch::Done(done) if done.settled + done.failed == 0 => break,
                Batch::Done(done) => round.add(done),
                Batch::Locked => break,
                Batch::NotOurs => return Ok(None),
                Batch::Unwritable(due, error) => {
                    let failed: Vec<Failed> = due.iter().map(|due| self.failure(due, &error)).collect();
                    let mut connection = self.database.connection().await?;
                    inbox::fail(&mut connection, tenant, &failed).await?;
                    round.failed += failed.len();
                }
            }
        }
        Ok(Some(round))
    }

    async fn batch(&self, tenant: Uuid, first: First, most: i64) -> Result<Batch, Error> {
        let began = Instant::now();
        let mut connection = self.database.connection().await?;
        let limit = self.database.work_limit();
        let work =
            connection.transaction(async |connection| self.batch_in(connection, tenant, first, most).await);
        let outcome = match tokio::time::timeout(limit, work).await {
            Ok(outcome) => outcome,
            Err(_) => {
                connection.close();
                return Err(Error::TookTooLong { limit_ms: limit.as_millis() });
            }
        };
        match outcome {
            Ok(batch) => {
                metrics::batch(began.elapsed());
                Ok(batch)
            }
            Err(Stop::Failed(error)) => Err(error),
            Err(Stop::Locked) => {
                tracing::debug!(%tenant, "messages for the projections are locked: their turn comes again");
                Ok(Batch::Locked)
            }
            Err(Stop::Unwritable(due, error)) => Ok(Batch::Unwritable(due, error)),
        }
    }

    async fn batch_in(
        &self,
        connection: &mut AsyncPgConnection,
        tenant: Uuid,
        first: First,
        most: i64,
    ) -> Result<Batch, Stop> {
        let Some((generation, applied)) = inbox::lock_state(connection).await? else {
            return Ok(Batch::NotOurs);
        };
        let due = inbox::claim(connection, tenant, first, most).await?;
        let messages: Vec<Message> = due.iter().map(|due| due.message.clone()).collect();
        let place = Place { tenant, generation };
        let known = store::known(connection, place, &messages).await?;
        let (verdicts, changes) = plan(&messages, known);
        if let Err(error) = store::write(connection, place, &changes).await {
            return Err(match error {
                WriteError::Currency => Stop::Unwritable(due, SECOND_CURRENCY.to_owned()),
                WriteError::Database(error) if is_of_the_data(&error) => {
                    Stop::Unwritable(due, error.to_string())
                }
                WriteError::Database(error) => error.into(),
            });
        }
        let judged = self.judged(&due, &verdicts, applied);
        inbox::settle(connection, tenant, &judged.done).await?;
        inbox::fail(connection, tenant, &judged.failed).await?;
        inbox::wake(connection, tenant, &judged.moved).await?;
        let missing = inbox::mark_missing(connection, tenant, &judged.missing, HOLE_PAUSE).await?;
        if !judged.done.is_empty() {
            inbox::set_applied(connection, applied + judged.done.len() as i64).await?;
        }
        let early = judged.missing.len() - missing;
        Ok(Batch::Done(Round { settled: judged.done.len(), failed: judged.failed.len(), missing, early }))
    }

    /// Sorts messages by what became of them.
    fn judged<'a>(&self, due: &'a [Due], verdicts: &[Verdict], applied: i64) -> Judged<'a> {
        let mut judged = Judged::default();
        for (due, verdict) in due.iter().zip(verdicts) {
            let message = &due.message;
            let outcome = match verdict {
                Verdict::Held => continue,
                Verdict::Refused(error) => {
                    judged.failed.push(self.failure(due, error));
                    continue;
                }
                Verdict::Missing(version) => {
                    if !due.known_missing {
                        tracing::warn!(
                            %message.aggregate_id, message.event_type, version, "a version of an aggregate has not arrived: the later ones wait"
                        );
                        metrics::holes(1);
                    }
                    judged.missing.push((message.id, *version));
                    continue;
                }
                Verdict::Applied => "applied",
                Verdict::Repeated => "repeated",
                Verdict::Discarded => "discarded",
            };
            let state =
                if *verdict == Verdict::Discarded { MessageState::Discarded } else { MessageState::Applied };
            judged.done.push((message.id, state, applied + 1 + judged.done.len() as i64));
            judged.moved.push(&message.aggregate_id);
            let delay = due.occurred_at.and_then(|at| (Utc::now() - at).to_std().ok());
            metrics::settled(outcome, delay.filter(|_| *verdict == Verdict::Applied));
            tracing::debug!(
                event = message.event_type,
                aggregate = message.aggregate_id,
                version = message.aggregate_version,
                correlation_id = due.correlation_id,
                outcome,
                delay_ms = delay.map(|delay| delay.as_millis()),
                "an event is in the projections"
            );
        }
        judged
    }

    fn failure(&self, due: &Due, error: &str) -> Failed {
        let attempt = due.attempts.saturating_add(1);
        let doubled = 2_u32.saturating_pow(attempt.unsigned_abs().saturating_sub(1).min(31));
        let wait = self.config.retry_min.saturating_mul(doubled).min(self.config.retry_max);
        let wait = (attempt < self.config.max_attempts).then_some(wait);
        metrics::failed();
        tracing::warn!(
            id = %due.message.id,
            event = due.message.event_type,
            aggregate = due.message.aggregate_id,
            correlation_id = due.correlation_id,
            attempt,
            dead = wait.is_none(),
            error,
            "an event could not be applied to the projections"
        );
        Failed {
            id: due.message.id,
            error: error.chars().filter(|c| *c != '\0').take(LONGEST_ERROR).collect(),
            wait,
        }
    }

    /// Returns how the inbox stands, and publishes it as gauges.
    ///
    /// # Errors
    /// Fails if the database cannot be reached.
    pub async fn standing(&self) -> Result<Standing, Error> {
        let mut connection = self.database.connection().await?;
        let standing = inbox::standing(&mut connection).await?;
        metrics::standing(&standing);
        Ok(standing)
    }

    /// Notes that a rebuild is needed, and why: [`Self::advance`] begins it.
    ///
    /// # Errors
    /// Fails if the database cannot be reached.
    pub async fn want_rebuild(&self, reason: &str) -> Result<(), Error> {
        let mut connection = self.database.connection().await?;
        Ok(inbox::want_rebuild(&mut connection, reason).await?)
    }

    /// Deletes messages that are done with and arrived so many days ago.
    ///
    /// # Errors
    /// Fails if the database cannot be reached.
    pub async fn prune(&self, days: i32) -> Result<usize, Error> {
        let mut connection = self.database.connection().await?;
        let mut pruned = 0;
        loop {
            let some = inbox::prune(&mut connection, days, PRUNE_BATCH as i64).await?;
            pruned += some;
            if some < PRUNE_BATCH {
                return Ok(pruned);
            }
        }
    }
}

pub(super) const SECOND_CURRENCY: &str =
    "it is in another currency than the company's other orders: their amounts cannot be added";

#[derive(Debug, Default)]
struct Judged<'a> {
    done: Vec<(Uuid, MessageState, i64)>,
    failed: Vec<Failed>,
    missing: Vec<(Uuid, i64)>,
    /// Aggregates that moved on.
    moved: Vec<&'a str>,
}

/// Why a transaction was rolled back.
enum Stop {
    Failed(Error),
    /// Somebody else has locked a row that was needed.
    Locked,
    Unwritable(Vec<Due>, String),
}

impl From<diesel::result::Error> for Stop {
    fn from(error: diesel::result::Error) -> Self {
        if sqlstate(&error) == Some(SqlState::LOCK_NOT_AVAILABLE) {
            Self::Locked
        } else {
            Self::Failed(error.into())
        }
    }
}

/// Whether the values were at fault, and not the session, the server or the schema.
pub(super) fn is_of_the_data(error: &diesel::result::Error) -> bool {
    sqlstate(error).is_some_and(|state| ["22", "23"].iter().any(|class| state.code().starts_with(class)))
}
