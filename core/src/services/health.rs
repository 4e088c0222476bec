//! The health of a process: what its services say.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::state::{STARTING, State, Status};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    Ok,
    /// It works, but not as it should.
    Degraded,
    Failing,
}

/// What one service contributes to the health of its process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Contributor {
    pub name: String,
    pub status: HealthStatus,
    pub reason: Option<String>,
    pub checked_at: DateTime<Utc>,
}

/// The answer of `/health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HealthReport {
    pub status: HealthStatus,
    pub contributors: Vec<Contributor>,
}

impl HealthReport {
    /// A failing service that is not critical makes the process degraded.
    pub(super) fn of(services: &[Status]) -> Self {
        let judged = services.iter().map(|service| (service, contribution(service)));
        let status = judged.clone().map(|(service, contributor)| match contributor.status {
            HealthStatus::Failing if !service.critical => HealthStatus::Degraded,
            status => status,
        });
        Self {
            status: status.max().unwrap_or(HealthStatus::Ok),
            contributors: judged.map(|(_, it)| it).collect(),
        }
    }

    /// Returns why the process is not ready: the failing critical services. Those that have not run yet count as failing.
    pub(super) fn hindrances(services: &[Status]) -> Vec<String> {
        let critical = services.iter().filter(|service| service.critical);
        critical
            .filter_map(|service| match (service.shown_state(), contribution(service)) {
                (State::Starting, _) => Some(format!("{} has not started yet", service.service)),
                (_, Contributor { status: HealthStatus::Failing, reason, name, .. }) => {
                    Some(format!("{name}: {}", reason.unwrap_or_default()))
                }
                _ => None,
            })
            .collect()
    }
}

impl HealthStatus {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Failing => "failing",
        }
    }
}

/// Returns how a service is, by its last run and by its own judgement.
pub(super) fn contribution(service: &Status) -> Contributor {
    let failed = || service.last_error.clone().or_else(|| service.reason.clone());
    let (status, reason) = match (service.state, service.health.as_str()) {
        (State::Failing, _) => (HealthStatus::Failing, failed()),
        (State::Off, _) => (HealthStatus::Ok, service.reason.clone()),
        (_, "failing") => (HealthStatus::Failing, service.health_reason.clone()),
        (_, "degraded") => (HealthStatus::Degraded, service.health_reason.clone()),
        (_, STARTING) => (HealthStatus::Degraded, Some("it is starting".to_owned())),
        _ => (HealthStatus::Ok, None),
    };
    Contributor { name: service.service.clone(), status, reason, checked_at: service.checked_at }
}
