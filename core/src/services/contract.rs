//! What a service says of itself, and what it does.

use std::fmt::Display;
use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::Value;

use super::actions::{ActionKind, Priority};
use super::run::{Call, Run};
use super::schedule::Schedule;

/// The time that a service has to stop, unless it says another one.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// Something that runs beside the requests or beside the drain loop.
///
/// One value serves the whole life of a process. `run` is called again and again: by its schedule, after an error, after a restart. So
/// what must survive a failed run is kept in the value, and what must not is made in `run`.
pub trait Service: Send + Sync + 'static {
    /// Returns what the service is. Called once, before anything starts.
    fn describe(&self) -> Description;

    /// Does the work. A continuous service works until [`Run::stopping`]; every other kind does one piece of work and returns.
    /// It may be dropped at any `.await`, when its time to stop is over or its lease is lost.
    ///
    /// # Errors
    /// An error is logged and counted, and the service runs again after a while: 1 s at first, 60 s at most.
    fn run<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, Result<Summary, Fault>>;

    /// Carries out one of the actions that [`Description::actions`] names, beside `run`. Returns the answer.
    ///
    /// # Errors
    /// Whoever asked is told the error.
    fn act<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Value, Fault>> {
        let action = call.action.clone();
        Box::pin(async move { Err(Fault::new(format_args!("there is no action `{action}`"))) })
    }

    /// Does what is left to do when the process stops, after the last run.
    ///
    /// # Errors
    /// An error is logged.
    fn at_stop(&self) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async { Ok(()) })
    }

    /// Returns how the service is, apart from whether its runs succeed, which the supervisor knows.
    fn health(&self) -> Health {
        Health::Ok
    }

    /// Returns figures of its own, as a JSON object, for `status`.
    fn info(&self) -> Value {
        Value::Null
    }
}

/// When a service runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// It runs as long as the process does.
    Continuous,
    /// It runs at times, never twice at once; a time that was missed is made up for once. `at_start`: it also runs when the process
    /// starts. It also runs when it is poked.
    Periodic { schedule: Schedule, initial_delay: Duration, at_start: bool },
    /// It runs once, before the services of all other kinds, in the order of `order`.
    StartUp { order: u16, limit: Duration, on_failure: OnFailure },
    /// It runs when it is poked, and when its process starts.
    OnDemand,
}

impl Kind {
    /// Returns the word of the kind, as lists show it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Continuous => "continuous",
            Self::Periodic { .. } => "periodic",
            Self::StartUp { .. } => "start-up",
            Self::OnDemand => "on-demand",
        }
    }
}

/// What follows when a service of the start fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// The others start all the same.
    Continue,
    /// The program ends, with an error.
    Stop,
}

/// Where a service runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    EveryProcess,
    /// In one of all processes that have it, under a lease with an epoch.
    OneOfAll,
}

impl Scope {
    /// Returns the word of the scope, as lists show it.
    pub fn word(self) -> &'static str {
        match self {
            Self::EveryProcess => "every-process",
            Self::OneOfAll => "one-of-all",
        }
    }
}

/// What a service is.
#[derive(Debug, Clone)]
pub struct Description {
    /// Unique, in `snake_case`; a label of metrics and a key of the configuration.
    pub name: &'static str,
    /// One sentence for lists.
    pub about: &'static str,
    pub kind: Kind,
    pub scope: Scope,
    /// Whether the process is not ready while the service does not run or its last run failed.
    pub critical: bool,
    pub stop_limit: Duration,
    /// Its events are for this process alone, because there are many of them.
    pub quiet: bool,
    /// Of actions that are asked for without one.
    pub priority: Priority,
    pub actions: Vec<ActionKind>,
}

impl Description {
    fn new(name: &'static str, about: &'static str, kind: Kind) -> Self {
        Self {
            name,
            about,
            kind,
            scope: Scope::EveryProcess,
            critical: false,
            stop_limit: STOP_LIMIT,
            quiet: false,
            priority: Priority::default(),
            actions: Vec::new(),
        }
    }

    pub fn continuous(name: &'static str, about: &'static str) -> Self {
        Self::new(name, about, Kind::Continuous)
    }

    /// The first run is an interval after the start; see [`Self::at_start`].
    pub fn every(name: &'static str, about: &'static str, interval: Duration) -> Self {
        let schedule = Schedule::Every(interval);
        Self::new(name, about, Kind::Periodic { schedule, initial_delay: interval, at_start: false })
    }

    pub fn at(name: &'static str, about: &'static str, schedule: Schedule) -> Self {
        let initial_delay = Duration::ZERO;
        Self::new(name, about, Kind::Periodic { schedule, initial_delay, at_start: false })
    }

    pub fn on_demand(name: &'static str, about: &'static str) -> Self {
        Self::new(name, about, Kind::OnDemand)
    }

    pub fn start_up(
        name: &'static str,
        about: &'static str,
        order: u16,
        limit: Duration,
        on_failure: OnFailure,
    ) -> Self {
        Self::new(name, about, Kind::StartUp { order, limit, on_failure })
    }

    /// It also runs when the process starts.
    #[must_use]
    pub fn at_start(mut self) -> Self {
        if let Kind::Periodic { at_start, .. } = &mut self.kind {
            *at_start = true;
        }
        self
    }

    /// Its first run is so long after the start.
    #[must_use]
    pub fn first_after(mut self, delay: Duration) -> Self {
        if let Kind::Periodic { initial_delay, .. } = &mut self.kind {
            *initial_delay = delay;
        }
        self
    }

    #[must_use]
    pub fn one_of_all(mut self) -> Self {
        self.scope = Scope::OneOfAll;
        self
    }

    #[must_use]
    pub fn critical(mut self) -> Self {
        self.critical = true;
        self
    }

    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    #[must_use]
    pub fn stop_within(mut self, limit: Duration) -> Self {
        self.stop_limit = limit;
        self
    }

    #[must_use]
    pub fn action(mut self, action: ActionKind) -> Self {
        self.actions.push(action);
        self
    }
}

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    /// Figures, as a JSON object: `{"deleted": 12}`. Null: none.
    pub figures: Value,
    /// A continuous service that has nothing to do in this process: it does not run again.
    pub finished: bool,
}

impl Summary {
    pub fn done() -> Self {
        Self::default()
    }

    pub fn of(figures: Value) -> Self {
        Self { figures, ..Self::default() }
    }

    /// There was nothing to do, and there never is in this process.
    pub fn finished() -> Self {
        Self { finished: true, ..Self::default() }
    }
}

/// Why a run or an action failed: one line, without secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(String);

impl Fault {
    pub fn new(reason: impl Display) -> Self {
        Self(reason.to_string())
    }
}

/// How a service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    Ok,
    /// It works, but something is amiss: `/health` says `degraded`.
    Degraded(String),
    /// It does not do its work: `/health` says `failing`.
    Failing(String),
    /// It began a moment ago and does not know yet: `/health` says `degraded`, and a process whose critical service it is, is not ready.
    Starting,
}
