//! The mailer: takes e-mails that are due, sends each outside of any transaction, and writes down how it went.

mod held;
mod send;
mod service;

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::held::Held;
use self::send::{Done, Sender};
use super::config::MailConfig;
use super::queue;
use super::transport::Transport;
use super::turns::{Shares, Turns};
use crate::application::error::Error;
use crate::platform::backoff::Backoff;
use crate::platform::config::ConfigError;
use crate::platform::database::Database;
use crate::platform::said::Said;

const ATTEMPTS: &str = "comptoir_mail_attempts_total";
const SECONDS: &str = "comptoir_mail_attempt_seconds";
const EMAILS: &str = "comptoir_mail_emails";
const OLDEST: &str = "comptoir_mail_oldest_waiting_seconds";
/// How long a process that stops waits for the answers to e-mails that a server has already.
const STOP_LIMIT: Duration = Duration::from_secs(5);
/// How often the gauges are set.
const COUNT_EVERY: Duration = Duration::from_secs(15);
/// How much longer the queue is left alone than a look at it took.
const REST: u32 = 3;
/// The pauses after faults of the database, in milliseconds.
const PAUSES: (u64, u64) = (1_000, 30_000);

/// What one run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Attempts.
    pub attempted: u64,
    pub accepted: u64,
    /// For good.
    pub refused: u64,
    /// For now.
    pub failed: u64,
    /// The server may have accepted them.
    pub unknown: u64,
    /// Their cause was over.
    pub over: u64,
    /// Not sent by their deadline.
    pub late: u64,
}

/// What waits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Overview {
    pub waiting: i64,
    pub sending: i64,
    pub dead: i64,
    pub oldest_waiting_seconds: Option<i64>,
}

/// Which e-mails a run sends; all where nothing is said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Filter {
    /// Those of this company.
    pub tenant_id: Option<Uuid>,
    /// Those to addresses of this domain.
    pub destination: Option<String>,
}

/// Sends the e-mails of all tenants.
#[derive(Debug)]
pub struct Mailer {
    services: Database,
    settings: MailConfig,
    sender: Arc<Sender>,
    bell: Arc<Notify>,
}

impl Mailer {
    /// `services` is the services' log-in. `bell` is notified when an e-mail was queued in this process.
    ///
    /// # Errors
    /// Fails if the configuration is not usable.
    pub fn new(services: Database, settings: MailConfig, bell: Arc<Notify>) -> Result<Self, ConfigError> {
        metrics::describe_counter!(ATTEMPTS, "Attempts to send an e-mail, by their outcome");
        metrics::describe_histogram!(SECONDS, "How long an attempt to send an e-mail took");
        metrics::describe_gauge!(EMAILS, "E-mails that wait, are being sent, or are dead letters");
        metrics::describe_gauge!(OLDEST, "How long the oldest e-mail has waited that is not sent");
        for outcome in ["accepted", "refused", "failed", "unknown", "over"] {
            metrics::counter!(ATTEMPTS, "outcome" => outcome).increment(0);
        }
        let sender = Arc::new(Sender::new(services.clone(), Transport::new(&settings)?, &settings));
        Ok(Self { services, sender, bell, settings })
    }

    /// Where e-mails go, without secrets.
    pub fn destination(&self) -> String {
        self.sender.destination()
    }

    /// Sends what is due, and whatever becomes due, until `stop` is cancelled. Then it waits [`STOP_LIMIT`] at most for what a
    /// server has already; the rest is left to another process. A database that is away is waited for.
    ///
    /// # Errors
    /// None so far.
    pub async fn run(&self, stop: &CancellationToken) -> Result<Counts, Error> {
        self.work(stop, None, Filter::default()).await
    }

    /// Sends what is due now and passes the filter, at most `most`, and waits until all of it is done.
    ///
    /// # Errors
    /// Fails if the database does. What was begun is then ended.
    pub async fn run_once(
        &self,
        stop: &CancellationToken,
        most: usize,
        filter: Filter,
    ) -> Result<Counts, Error> {
        self.work(stop, Some(most), filter).await
    }

    /// Returns what waits, and sets the gauges.
    ///
    /// # Errors
    /// Fails if the database cannot be reached.
    pub async fn overview(&self) -> Result<Overview, Error> {
        let mut overview = Overview::default();
        for (state, number, oldest) in queue::overview(&self.services).await? {
            match state.as_str() {
                "waiting" => {
                    overview.waiting = number;
                    overview.oldest_waiting_seconds =
                        oldest.map(|at| (chrono::Utc::now() - at).num_seconds().max(0));
                }
                "sending" => overview.sending = number,
                _ => overview.dead = number,
            }
        }
        for (state, number) in
            [("waiting", overview.waiting), ("sending", overview.sending), ("dead", overview.dead)]
        {
            metrics::gauge!(EMAILS, "state" => state).set(number as f64);
        }
        metrics::gauge!(OLDEST).set(overview.oldest_waiting_seconds.unwrap_or_default() as f64);
        Ok(overview)
    }

    async fn work(
        &self,
        stop: &CancellationToken,
        most: Option<usize>,
        filter: Filter,
    ) -> Result<Counts, Error> {
        let turns = Turns::new(Shares::of(
            self.settings.connections,
            self.settings.tenant_per_minute as usize,
            self.settings.destination_per_minute as usize,
        ));
        let (counts, sends) = (Counts::default(), JoinSet::new());
        let (worker, held, goes_on) = (Uuid::new_v4(), Arc::<Held>::default(), most.is_none());
        let mut round = Round {
            mailer: self,
            stop,
            most,
            filter,
            counts,
            sends,
            turns,
            worker,
            held: Arc::clone(&held),
            next_look: Instant::now(),
            looked_at: Instant::now(),
            rest: Duration::ZERO,
            backoff: Backoff::new(PAUSES.0, PAUSES.1),
            trouble: Said::default(),
        };
        let whole = async {
            let worked = round.work().await;
            round.end().await;
            worked
        };
        let worked = tokio::select! {
            worked = whole => worked,
            // These never end.
            () = self.keep(worker, &held) => Ok(()),
            () = self.count(), if goes_on => Ok(()),
        };
        worked?;
        Ok(round.counts)
    }

    /// Prolongs the leases of what a run is at: beside its work, so that nothing that takes long there costs it an e-mail.
    async fn keep(&self, worker: Uuid, held: &Held) {
        let lease = self.settings.lease();
        let mut renew = every(lease / 3);
        let mut trouble = Said::default();
        loop {
            renew.tick().await;
            let asked = held.attempts();
            if asked.is_empty() {
                continue;
            }
            let until = std::time::Instant::now() + lease;
            match queue::renew(&self.services, worker, lease).await {
                Ok(own) => {
                    held.renew(&asked, &own, until);
                    trouble.is_over();
                }
                Err(error) if trouble.is_news(&error) => {
                    tracing::warn!(%error, "the leases of e-mails cannot be prolonged now");
                }
                Err(_) => {}
            }
        }
    }

    /// Sets the gauges, at once and then every [`COUNT_EVERY`].
    async fn count(&self) {
        let mut count = every(COUNT_EVERY);
        count.reset_immediately();
        let mut trouble = Said::default();
        loop {
            count.tick().await;
            match self.overview().await {
                Ok(_) => {
                    trouble.is_over();
                }
                Err(error) if trouble.is_news(&error) => {
                    tracing::warn!(%error, "e-mails cannot be counted now");
                }
                Err(_) => {}
            }
        }
    }
}

/// One run of the mailer, with what it has under way.
struct Round<'a> {
    mailer: &'a Mailer,
    stop: &'a CancellationToken,
    /// How many e-mails it sends; `None` for one that goes on until it is stopped.
    most: Option<usize>,
    filter: Filter,
    counts: Counts,
    sends: JoinSet<Done>,
    turns: Turns,
    /// Who this run is, to the leases of e-mails.
    worker: Uuid,
    held: Arc<Held>,
    next_look: Instant,
    looked_at: Instant,
    /// How long the queue is left alone after a look at it: the longer the queue, the longer a look takes.
    rest: Duration,
    /// Of looks that fail.
    backoff: Backoff,
    trouble: Said,
}

impl Round<'_> {
    async fn work(&mut self) -> Result<(), Error> {
        while !self.stop.is_cancelled() {
            let may_begin = self.left() > 0 && !self.turns.is_full();
            if may_begin && Instant::now() >= self.next_look && self.look().await? > 0 {
                continue;
            }
            if self.most.is_some() && self.sends.is_empty() {
                return Ok(());
            }
            let may_begin = self.left() > 0 && !self.turns.is_full();
            tokio::select! {
                () = self.stop.cancelled() => {}
                Some(done) = self.sends.join_next() => {
                    self.note(done);
                    // A connection is free.
                    self.next_look = self.looked_at + self.rest;
                }
                () = self.mailer.bell.notified() => self.next_look = Instant::now(),
                () = tokio::time::sleep_until(self.next_look), if may_begin => {}
            }
        }
        Ok(())
    }

    /// How many more e-mails this run may begin to send.
    fn left(&self) -> usize {
        let attempted = usize::try_from(self.counts.attempted).unwrap_or(usize::MAX);
        self.most.map_or(usize::MAX, |most| most.saturating_sub(attempted))
    }

    /// Begins to send what is due. A run that goes on waits for a database that is away: what is under way goes on, too.
    async fn look(&mut self) -> Result<usize, Error> {
        let began = Instant::now();
        let begun = self.begin().await;
        (self.looked_at, self.rest) = (Instant::now(), began.elapsed() * REST);
        if begun.is_ok() {
            self.backoff.reset();
            if self.trouble.is_over() {
                tracing::info!("the queue of e-mails can be read again");
            }
        }
        match begun {
            Ok(0) => {
                let pause = Duration::from_millis(self.mailer.settings.look_interval_ms);
                self.next_look = Instant::now() + pause;
                Ok(0)
            }
            Err(error) if self.most.is_none() => {
                if self.trouble.is_news(&error) {
                    tracing::warn!(%error, "the queue of e-mails cannot be read now: it is tried again and again");
                }
                self.rest = self.backoff.advance();
                self.next_look = Instant::now() + self.rest;
                Ok(0)
            }
            result => result,
        }
    }

    /// Begins to send what is due, as far as connections are free. Returns how many it began.
    async fn begin(&mut self) -> Result<usize, Error> {
        let mailer = self.mailer;
        self.counts.late += u64::try_from(queue::expire(&mailer.services).await?).unwrap_or_default();
        let destination = self.filter.destination.as_deref().map(str::to_ascii_lowercase);
        let due = queue::due(&mailer.services, self.filter.tenant_id, destination.as_deref()).await?;
        if due.is_empty() {
            return Ok(0);
        }
        let counts_minutes = self.turns.counts_minutes();
        let recent = if counts_minutes { queue::recent(&mailer.services).await? } else { Vec::new() };
        let wanted = self.turns.choose(&due, &recent, self.left());
        if wanted.is_empty() {
            return Ok(0);
        }
        let lease = mailer.settings.lease();
        let until = std::time::Instant::now() + lease;
        let claimed = queue::claim(&mailer.services, self.worker, lease, &wanted).await?;
        let begun = claimed.len();
        for email in claimed {
            self.held.hold(email.attempt(), until);
            self.turns.begin(&email.lane());
            self.counts.attempted += 1;
            let (sender, held) = (Arc::clone(&mailer.sender), Arc::clone(&self.held));
            self.sends.spawn(sender.attempt(email, held, self.stop.clone()));
        }
        Ok(begun)
    }

    fn note(&mut self, done: Result<Done, JoinError>) {
        // None of them panics or is aborted as long as it is waited for.
        let Ok(Done { lane, outcome, is_slow }) = done else { return };
        self.turns.end(&lane, is_slow);
        match outcome {
            "accepted" => self.counts.accepted += 1,
            "refused" => self.counts.refused += 1,
            "unknown" => self.counts.unknown += 1,
            "over" => self.counts.over += 1,
            _ => self.counts.failed += 1,
        }
    }

    /// Waits for what is under way, each within its own limits. A process that stops does not wait for long.
    async fn end(&mut self) {
        while !self.sends.is_empty() && !self.stop.is_cancelled() {
            tokio::select! {
                () = self.stop.cancelled() => {}
                Some(done) = self.sends.join_next() => self.note(done),
            }
        }
        let deadline = Instant::now() + STOP_LIMIT;
        while let Ok(Some(done)) = tokio::time::timeout_at(deadline, self.sends.join_next()).await {
            self.note(done);
        }
        let left = self.sends.len();
        if left > 0 {
            tracing::warn!(left, "mail servers did not answer in time: these e-mails may be sent again");
        }
    }
}

fn every(period: Duration) -> Interval {
    let mut interval = tokio::time::interval_at(Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
