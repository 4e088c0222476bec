//! What is known of a service: for lists, for health, for readiness.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, SubsecRound, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::actions::Priority;
use super::contract::{Description, Health, Kind};

/// The word for the health of a service that does not know it yet.
pub(super) const STARTING: &str = "starting";

/// What a service does in a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is turned off by the configuration, or something that it needs is not configured.
    Off,
    /// It has not run yet.
    Starting,
    Running,
    /// It waits for its next run.
    Waiting,
    /// Another process has its lease.
    Standby,
    /// Its last run failed; it is tried again after a while.
    Failing,
    /// It had nothing to do in this process.
    Finished,
    Stopped,
}

impl State {
    /// Returns the word that lists show and that the table stores.
    pub fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Standby => "standby",
            Self::Failing => "failing",
            Self::Finished => "finished",
            Self::Stopped => "stopped",
        }
    }
}

/// A service in one process, as it was last seen. Times are of that process's clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    pub service: String,
    pub about: String,
    pub program: String,
    pub process: Uuid,
    pub process_name: String,
    pub kind: String,
    /// `every 600 s`, a cron expression, or nothing.
    pub schedule: Option<String>,
    pub scope: String,
    pub critical: bool,
    pub state: State,
    /// Why it is off, failing or degraded.
    pub reason: Option<String>,
    /// `ok`, `degraded`, `failing`, by its own judgement; `starting` while it has none.
    pub health: String,
    pub health_reason: Option<String>,
    pub checked_at: DateTime<Utc>,
    /// The epoch of the lease that this process has.
    pub epoch: Option<i64>,
    pub runs: u64,
    pub failures: u64,
    pub last_started_at: Option<DateTime<Utc>>,
    pub last_ended_at: Option<DateTime<Utc>>,
    pub last_duration_ms: Option<u64>,
    pub last_figures: Value,
    pub last_error: Option<String>,
    pub last_error_at: Option<DateTime<Utc>>,
    /// Whether the last run failed.
    #[serde(default)]
    pub failed_last: bool,
    pub next_run_at: Option<DateTime<Utc>>,
    pub info: Value,
    pub actions: Vec<Offer>,
}

impl Status {
    /// Returns the state for lists: a service that runs and does not know yet how it is, is starting.
    pub(super) fn shown_state(&self) -> State {
        match self.state {
            State::Running if self.health == STARTING => State::Starting,
            state => state,
        }
    }
}

/// An action that a service offers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = ServiceAction)]
pub struct Offer {
    #[schema(example = "trigger")]
    pub name: String,
    /// What it does, in one sentence.
    #[schema(example = "Runs the service now")]
    pub about: String,
    /// The JSON Schema of its parameters, which are an object.
    #[schema(value_type = Object, example = json!({"type": "object"}))]
    pub parameters: Value,
    /// Whether another process may begin it anew if the one that did it has gone.
    pub repeatable: bool,
    /// From the moment it is asked for, unless whoever asks says otherwise.
    #[schema(example = 60)]
    pub time_limit_seconds: u64,
    /// Which of several waiting actions goes first, unless whoever asks says otherwise.
    #[serde(default)]
    #[schema(value_type = String, example = "normal")]
    pub priority: Priority,
}

/// Returns the time to the microsecond, as the database keeps it and as all answers have it.
pub(super) fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

/// The status of a service in this process, and whether it changed since it was last written.
#[derive(Debug, Clone)]
pub(super) struct Board(Arc<Mutex<Kept>>);

#[derive(Debug)]
struct Kept {
    status: Status,
    changed: bool,
}

impl Board {
    pub(super) fn new(service: &Description, program: &str, process: Uuid, process_name: &str) -> Self {
        let actions = service.actions.iter().map(|action| Offer {
            name: action.name.to_owned(),
            about: action.about.to_owned(),
            parameters: action.parameters.clone(),
            repeatable: action.repeatable,
            time_limit_seconds: action.time_limit.as_secs(),
            priority: service.priority,
        });
        let status = Status {
            service: service.name.to_owned(),
            about: service.about.to_owned(),
            program: program.to_owned(),
            process,
            process_name: process_name.to_owned(),
            kind: service.kind.word().to_owned(),
            schedule: match &service.kind {
                Kind::Periodic { schedule, .. } => Some(schedule.text()),
                _ => None,
            },
            scope: service.scope.word().to_owned(),
            critical: service.critical,
            state: State::Starting,
            reason: None,
            health: "ok".to_owned(),
            health_reason: None,
            checked_at: now(),
            epoch: None,
            runs: 0,
            failures: 0,
            last_started_at: None,
            last_ended_at: None,
            last_duration_ms: None,
            last_figures: Value::Null,
            last_error: None,
            last_error_at: None,
            failed_last: false,
            next_run_at: None,
            info: Value::Null,
            actions: actions.collect(),
        };
        Self(Arc::new(Mutex::new(Kept { status, changed: true })))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn read(&self) -> Status {
        self.kept().status.clone()
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Status)) {
        let mut kept = self.kept();
        let before = kept.status.clone();
        change(&mut kept.status);
        kept.changed |= kept.status != before;
    }

    pub(super) fn set(&self, state: State) {
        self.change(|status| status.state = state);
    }

    /// Notes what the service says of itself, now.
    pub(super) fn examine(&self, health: Health, info: Value) {
        let mut kept = self.kept();
        let (word, reason) = match health {
            Health::Ok => ("ok", None),
            Health::Degraded(reason) => ("degraded", Some(reason)),
            Health::Failing(reason) => ("failing", Some(reason)),
            Health::Starting => (STARTING, None),
        };
        let status = &mut kept.status;
        // The age is the process's own: writing it down each time would be a write for nothing.
        status.checked_at = now();
        if status.health != word || status.health_reason != reason || status.info != info {
            (status.health, status.health_reason, status.info) = (word.to_owned(), reason, info);
            kept.changed = true;
        }
    }

    /// Returns the status if it was not written since it changed.
    pub(super) fn take_changed(&self, all: bool) -> Option<Status> {
        let mut kept = self.kept();
        (std::mem::take(&mut kept.changed) || all).then(|| kept.status.clone())
    }
}
