//! Services and commands as people and programs see them: over HTTP, at the command line.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::health::{HealthStatus, contribution};
use super::state::{Offer, State, Status};
use super::store::commands::Command;

/// A service, in all processes that have it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Service)]
pub struct ServiceView {
    #[schema(example = "pruning")]
    pub name: String,
    /// What it does, in one sentence.
    #[schema(example = "Deletes what is too old")]
    pub about: String,
    /// `continuous`, `periodic`, `start-up` or `on-demand`.
    #[schema(example = "periodic")]
    pub kind: String,
    /// `every 600 s`, or a cron expression; null if it is not periodic.
    #[schema(example = "every 600 s")]
    pub schedule: Option<String>,
    /// `every-process`, or `one-of-all`: in one process at a time, under a lease.
    #[schema(example = "one-of-all")]
    pub scope: String,
    /// Whether a process is not ready while it fails there.
    pub critical: bool,
    /// The state that tells most, of all processes: `failing` before `running`, `waiting`, `starting`, `finished`, `standby`, `stopped`
    /// and `off`.
    #[schema(example = "waiting")]
    pub state: String,
    /// Why it is failing or off.
    pub reason: Option<String>,
    /// The worst of all processes, by its last run and its own judgement: `ok`, `degraded` or `failing`.
    #[schema(example = "ok")]
    pub health: String,
    /// Why it is not `ok`.
    pub health_reason: Option<String>,
    /// In whichever process.
    pub last_started_at: Option<DateTime<Utc>>,
    pub last_ended_at: Option<DateTime<Utc>>,
    pub last_error: Option<String>,
    pub last_error_at: Option<DateTime<Utc>>,
    /// The next of all processes; null if it runs all the time, or when it is asked to.
    pub next_run_at: Option<DateTime<Utc>>,
    /// What can be asked of it.
    pub actions: Vec<Offer>,
    pub processes: Vec<ServiceInProcess>,
}

/// A service in one process, as the process last said. Times are of that process's clock.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ServiceInProcess {
    /// Random at each start.
    pub process: Uuid,
    /// `api` or `relay`.
    #[schema(example = "api")]
    pub program: String,
    /// For people: host and process id, or the name that is configured.
    #[schema(example = "docks-4711")]
    pub process_name: String,
    /// `running`, `waiting`, `standby` (another process has its lease), `failing`, `starting`, `finished`, `stopped` or `off`.
    #[schema(example = "waiting")]
    pub state: String,
    /// Why it is failing or off.
    pub reason: Option<String>,
    /// `ok`, `degraded` or `failing`, by its own judgement; `starting` while it has none.
    #[schema(example = "ok")]
    pub health: String,
    pub health_reason: Option<String>,
    pub checked_at: DateTime<Utc>,
    /// Of the lease that this process has.
    pub epoch: Option<i64>,
    pub runs: u64,
    pub failures: u64,
    pub last_started_at: Option<DateTime<Utc>>,
    pub last_ended_at: Option<DateTime<Utc>>,
    pub last_duration_ms: Option<u64>,
    /// What the last run counted.
    #[schema(value_type = Object, example = json!({"deleted": 12}))]
    pub last_figures: Value,
    pub last_error: Option<String>,
    pub last_error_at: Option<DateTime<Utc>>,
    pub next_run_at: Option<DateTime<Utc>>,
    /// Figures of the service's own.
    #[schema(value_type = Object, example = json!({}))]
    pub info: Value,
}

impl ServiceInProcess {
    fn of(status: Status) -> Self {
        let object = |value: Value| if value.is_object() { value } else { serde_json::json!({}) };
        Self {
            state: status.shown_state().word().to_owned(),
            process: status.process,
            program: status.program,
            process_name: status.process_name,
            reason: status.reason,
            health: status.health,
            health_reason: status.health_reason,
            checked_at: status.checked_at,
            epoch: status.epoch,
            runs: status.runs,
            failures: status.failures,
            last_started_at: status.last_started_at,
            last_ended_at: status.last_ended_at,
            last_duration_ms: status.last_duration_ms,
            last_figures: object(status.last_figures),
            last_error: status.last_error,
            last_error_at: status.last_error_at,
            next_run_at: status.next_run_at,
            info: object(status.info),
        }
    }
}

/// Puts what the processes say together, by service.
pub fn grouped(services: Vec<Status>) -> Vec<ServiceView> {
    let mut by_name: BTreeMap<String, Vec<Status>> = BTreeMap::new();
    for status in services {
        by_name.entry(status.service.clone()).or_default().push(status);
    }
    by_name.into_values().filter_map(together).collect()
}

fn together(of_processes: Vec<Status>) -> Option<ServiceView> {
    let told = of_processes.iter().min_by_key(|status| rank(status.shown_state()))?.clone();
    let worst = of_processes
        .iter()
        .map(contribution)
        .reduce(|worst, one| if one.status > worst.status { one } else { worst })?;
    let latest = |time: fn(&Status) -> Option<DateTime<Utc>>| of_processes.iter().filter_map(time).max();
    let last_failed = of_processes.iter().max_by_key(|status| status.last_error_at);
    Some(ServiceView {
        last_started_at: latest(|status| status.last_started_at),
        last_ended_at: latest(|status| status.last_ended_at),
        last_error: last_failed.and_then(|status| status.last_error.clone()),
        last_error_at: latest(|status| status.last_error_at),
        next_run_at: of_processes.iter().filter_map(|status| status.next_run_at).min(),
        state: told.shown_state().word().to_owned(),
        name: told.service,
        about: told.about,
        kind: told.kind,
        schedule: told.schedule,
        scope: told.scope,
        critical: told.critical,
        reason: told.reason,
        health: worst.status.word().to_owned(),
        health_reason: worst.reason.filter(|_| worst.status != HealthStatus::Ok),
        actions: told.actions,
        processes: of_processes.into_iter().map(ServiceInProcess::of).collect(),
    })
}

/// The place of a state: the first tells most.
fn rank(state: State) -> u8 {
    match state {
        State::Failing => 0,
        State::Running => 1,
        State::Waiting => 2,
        State::Starting => 3,
        State::Finished => 4,
        State::Standby => 5,
        State::Stopped => 6,
        State::Off => 7,
    }
}

/// What was asked of a service, as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = ServiceCommand)]
pub struct CommandView {
    pub id: Uuid,
    #[schema(example = "pruning")]
    pub service: String,
    #[schema(example = "trigger")]
    pub action: String,
    #[schema(value_type = Object, example = json!({}))]
    pub parameters: Value,
    /// The only process that may do it; null: any.
    pub process: Option<Uuid>,
    /// What log lines and events of the action are found by.
    pub correlation_id: Uuid,
    #[schema(example = "ops@comptoir.example")]
    pub asked_by: String,
    pub asked_at: DateTime<Utc>,
    /// Not begun by then: expired. Not ended by then: failed.
    pub deadline: DateTime<Utc>,
    /// `waiting`, `running`, `done`, `failed` or `expired`.
    #[schema(example = "done")]
    pub state: String,
    /// The process that does it now.
    pub running_in: Option<Uuid>,
    /// The process that began it last; null if none has.
    pub ran_in: Option<RanIn>,
    /// How many times it was begun.
    pub attempts: i64,
    pub started_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    pub progress: Option<Progress>,
    /// What the action answered; of any form.
    #[schema(value_type = Option<Object>, example = json!({"deleted": 12}))]
    pub answer: Option<Value>,
    /// Why it failed or expired.
    pub error: Option<String>,
}

/// The process that carried a command out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ServiceCommandProcess)]
pub struct RanIn {
    pub id: Uuid,
    /// For people: host and process id, or the name that is configured.
    #[schema(example = "docks-4711")]
    pub name: Option<String>,
}

impl std::fmt::Display for RanIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} ({})", self.id),
            None => write!(f, "{}", self.id),
        }
    }
}

/// How far an action is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ServiceProgress)]
pub struct Progress {
    pub done: i64,
    pub total: Option<i64>,
}

impl CommandView {
    pub fn of(command: Command) -> Self {
        let total = command.progress_total;
        Self {
            id: command.id,
            service: command.service,
            action: command.action,
            parameters: command.parameters,
            process: command.process,
            correlation_id: command.correlation_id,
            asked_by: command.asked_by,
            asked_at: command.asked_at,
            deadline: command.deadline,
            state: command.state,
            running_in: command.owner,
            ran_in: command.ran_in.map(|id| RanIn { id, name: command.ran_in_name }),
            attempts: command.epoch,
            started_at: command.started_at,
            ended_at: command.ended_at,
            progress: command.progress_done.map(|done| Progress { done, total }),
            answer: command.answer,
            error: command.error,
        }
    }

    pub fn has_ended(&self) -> bool {
        self.ended_at.is_some()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::services::Priority;

    fn status(process: u128, state: State, failed_at: Option<i64>) -> Status {
        let at = |second: i64| DateTime::from_timestamp(1_800_000_000 + second, 0);
        Status {
            service: "pruning".to_owned(),
            about: "Deletes".to_owned(),
            program: "api".to_owned(),
            process: Uuid::from_u128(process),
            process_name: format!("docks-{process}"),
            kind: "periodic".to_owned(),
            schedule: Some("every 600 s".to_owned()),
            scope: "one-of-all".to_owned(),
            critical: false,
            state,
            reason: (state == State::Off).then(|| "it is off".to_owned()),
            health: "ok".to_owned(),
            health_reason: None,
            checked_at: Utc::now(),
            epoch: None,
            runs: 1,
            failures: 0,
            last_started_at: at(process as i64),
            last_ended_at: None,
            last_duration_ms: None,
            last_figures: Value::Null,
            last_error: failed_at.map(|second| format!("failed at {second}")),
            last_error_at: failed_at.and_then(at),
            failed_last: false,
            next_run_at: at(100 + process as i64),
            info: Value::Null,
            actions: vec![Offer {
                name: "trigger".to_owned(),
                about: "Runs the service now".to_owned(),
                parameters: json!({}),
                repeatable: true,
                time_limit_seconds: 60,
                priority: Priority::Normal,
            }],
        }
    }

    #[test]
    fn of_a_service_in_several_processes_the_state_that_tells_most_is_shown() {
        let services = grouped(vec![
            status(1, State::Standby, Some(5)),
            status(2, State::Waiting, Some(9)),
            status(3, State::Off, None),
        ]);
        let [service] = services.as_slice() else { panic!("one service: {services:?}") };
        assert_eq!((service.state.as_str(), service.reason.as_deref()), ("waiting", None));
        assert_eq!(service.last_error.as_deref(), Some("failed at 9"));
        assert_eq!(service.last_started_at, DateTime::from_timestamp(1_800_000_003, 0), "the latest");
        assert_eq!(service.next_run_at, DateTime::from_timestamp(1_800_000_101, 0), "the next");
        assert_eq!(service.processes.len(), 3);
        let failing = grouped(vec![status(1, State::Running, None), status(2, State::Failing, Some(1))]);
        assert_eq!(failing[0].state, "failing");
    }

    #[test]
    fn the_list_shows_the_health_of_the_process_that_is_worst_with_its_reason() {
        let health = |word: &str, reason: Option<&str>| Status {
            health: word.to_owned(),
            health_reason: reason.map(str::to_owned),
            ..status(1, State::Running, None)
        };
        let listed = |of: Vec<Status>| {
            let services = grouped(of);
            let [service] = services.as_slice() else { panic!("one service: {services:?}") };
            (service.state.clone(), service.health.clone(), service.health_reason.clone())
        };
        let (ok, starting) = (health("ok", None), health("starting", None));
        let failing = health("failing", Some("the broker cannot be reached"));
        let expected = |state: &str, health: &str, reason: Option<&str>| {
            (state.to_owned(), health.to_owned(), reason.map(str::to_owned))
        };
        assert_eq!(
            listed(vec![ok.clone(), failing, starting.clone()]),
            expected("running", "failing", Some("the broker cannot be reached"))
        );
        assert_eq!(listed(vec![starting]), expected("starting", "degraded", Some("it is starting")));
        assert_eq!(listed(vec![ok]), expected("running", "ok", None));
        // The last run failed, whatever it says of itself.
        let failed = status(1, State::Failing, Some(1));
        assert_eq!(listed(vec![failed]), expected("failing", "failing", Some("failed at 1")));
        assert_eq!(listed(vec![status(1, State::Off, None)]), expected("off", "ok", None));
    }

    #[test]
    fn an_action_is_offered_by_a_service_that_is_not_off() {
        use crate::services::handle::{AskError, offered};
        let (off, on) = (status(1, State::Off, None), status(2, State::Standby, None));
        let reason = "it is off".to_owned();
        let service = "pruning".to_owned();
        assert_eq!(
            offered(std::slice::from_ref(&off), "pruning", "trigger"),
            Err(AskError::Off { service: service.clone(), reason })
        );
        let both = [off, on];
        assert_eq!(offered(&both, "pruning", "trigger").map(|offer| offer.name).as_deref(), Ok("trigger"));
        let known = "trigger".to_owned();
        let unknown = AskError::NoSuchAction { service, action: "drain".to_owned(), known };
        assert!(unknown.to_string().ends_with("no action `drain`; it has: trigger"), "{unknown}");
        assert_eq!(offered(&both, "pruning", "drain"), Err(unknown));
        let start_up = Status { actions: Vec::new(), ..both[1].clone() };
        let none = offered(&[start_up], "pruning", "trigger").expect_err("refused").to_string();
        assert!(none.ends_with("no action `trigger`; it has none"), "{none}");
        assert_eq!(offered(&both, "mailer", "trigger"), Err(AskError::NoSuchService("mailer".to_owned())));
    }
}
