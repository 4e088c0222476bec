//! The routes for operators and their tools: health, metrics, the API's description.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use comptoir_core::accounts::rate_limits::RateLimiter;
use comptoir_core::application;
use comptoir_core::application::error::Error;
use comptoir_core::platform::database::{ConnectError, Database};
use comptoir_core::platform::telemetry::MetricsHandle;
use comptoir_core::services::{Contributor, Handle, HealthReport, HealthStatus};
use serde::Serialize;
use tokio::sync::{Mutex, OnceCell};
use tokio::time::Instant;
use utoipa::ToSchema;

use crate::access::Access::Public;
use crate::endpoints::Endpoints;
use crate::error::ApiError;
use crate::server::stopping::Stopping;

fn health() -> Endpoints {
    Endpoints::default().with(Public, __path_live, live).with(Public, __path_ready, ready)
}

pub(super) fn endpoints() -> Endpoints {
    health().with(Public, __path_openapi, openapi)
}

/// Of the listener for operations, which the document does not describe.
pub(super) fn operator_endpoints() -> Endpoints {
    health().with(Public, __path_whole, whole).with(Public, __path_metrics, metrics)
}

/// Longer than this, and the database counts as not answering.
const READY_TIMEOUT: Duration = Duration::from_secs(2);
/// How long what was found counts: whoever asks more often costs the database nothing.
const READINESS_TTL: Duration = Duration::from_secs(1);

/// Whether the process can do its work, and if not, why.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok` or `failing`.
    #[schema(example = "ok")]
    status: &'static str,
    #[schema(example = json!([]))]
    reasons: Vec<String>,
}

/// The process answers
///
/// For probes that restart a process which hangs. It says nothing about the database.
#[utoipa::path(get, path = "/health/live", tag = "operations", operation_id = "getLiveness", responses((status = 200, body = Health)))]
pub(crate) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "ok", reasons: Vec::new() })
}

/// Whether the database is usable, asked once for all who want to know.
#[derive(Debug, Default)]
pub(crate) struct Readiness(Mutex<Option<Found>>);

/// How the database was when it was asked.
#[derive(Debug, Clone)]
struct Found {
    at: Instant,
    checked_at: DateTime<Utc>,
    /// What is wrong, if anything is.
    problem: Option<String>,
}

impl Readiness {
    async fn look(&self, database: &Database) -> Found {
        let mut found = self.0.lock().await;
        if let Some(found) = found.as_ref().filter(|found| found.at.elapsed() < READINESS_TTL) {
            return found.clone();
        }
        let problem = match application::ready(database, READY_TIMEOUT).await {
            Ok(()) => None,
            Err(error) => {
                let problem = match &error {
                    Error::TookTooLong { .. } => {
                        format!("the database did not answer within {} s", READY_TIMEOUT.as_secs())
                    }
                    Error::Connect(ConnectError::Exhausted) => {
                        format!("no database connection came free within {} s", READY_TIMEOUT.as_secs())
                    }
                    Error::Connect(_) => "the database cannot be reached".to_owned(),
                    _ => "the database does not take what is written".to_owned(),
                };
                // Whoever asks, asks again and again.
                if found.as_ref().is_none_or(|before| before.problem.as_ref() != Some(&problem)) {
                    tracing::warn!(%error, "not ready");
                }
                Some(problem)
            }
        };
        let now = Found { at: Instant::now(), checked_at: Utc::now(), problem };
        *found = Some(now.clone());
        now
    }
}

/// The database answers, and takes what is written
///
/// RabbitMQ does not matter here: orders are accepted while it is down. 503 also once the process has been told to stop.
#[utoipa::path(get, path = "/health/ready", tag = "operations", operation_id = "getReadiness",
    responses((status = 200, body = Health), (status = 503, body = Health)))]
pub(crate) async fn ready(
    readiness: web::Data<Readiness>,
    database: web::Data<Database>,
    stopping: web::Data<Stopping>,
    services: web::Data<Handle>,
) -> HttpResponse {
    let problem = if stopping.has_begun() {
        Some("the process is about to stop".to_owned())
    } else {
        readiness.look(&database).await.problem
    };
    let problem = problem.or_else(|| services.hindrances().into_iter().next());
    match problem {
        None => HttpResponse::Ok().json(Health { status: "ok", reasons: Vec::new() }),
        Some(problem) => {
            HttpResponse::ServiceUnavailable().json(Health { status: "failing", reasons: vec![problem] })
        }
    }
}

/// How the database and each service of the process are, with the reason and the age of that, on the listener for operations only
///
/// 503 if the database or a critical service fails. A process that is degraded does its work.
#[utoipa::path(get, path = "/health", tag = "operations", operation_id = "getHealth",
    responses((status = 200, body = HealthReport), (status = 503, body = HealthReport)))]
pub(crate) async fn whole(
    readiness: web::Data<Readiness>,
    database: web::Data<Database>,
    services: web::Data<Handle>,
) -> HttpResponse {
    let report = with_database(services.health(), readiness.look(&database).await);
    match report.status {
        HealthStatus::Ok | HealthStatus::Degraded => HttpResponse::Ok().json(report),
        HealthStatus::Failing => HttpResponse::ServiceUnavailable().json(report),
    }
}

/// Adds the database, without which no request is answered.
fn with_database(mut report: HealthReport, found: Found) -> HealthReport {
    let status = if found.problem.is_some() { HealthStatus::Failing } else { HealthStatus::Ok };
    report.status = report.status.max(status);
    let name = "database".to_owned();
    let (reason, checked_at) = (found.problem, found.checked_at);
    report.contributors.insert(0, Contributor { name, status, reason, checked_at });
    report
}

/// Metrics in Prometheus' text format, on the listener for operations only
#[utoipa::path(get, path = "/metrics", tag = "operations", operation_id = "getMetrics",
    responses((status = 200, content_type = "text/plain", body = String)))]
pub(crate) async fn metrics(
    handle: web::Data<MetricsHandle>,
    database: web::Data<Database>,
    limiter: web::Data<RateLimiter>,
) -> HttpResponse {
    database.record_metrics();
    limiter.record_metrics();
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(handle.render())
}

/// This document
///
/// OpenAPI 3.1.
#[utoipa::path(get, path = "/api/openapi.json", tag = "operations", operation_id = "getOpenApiDocument",
    responses((status = 200, content_type = "application/json", body = Object)))]
pub(crate) async fn openapi(document: web::Data<OpenApiText>) -> Result<HttpResponse, ApiError> {
    let text = document.0.get_or_try_init(render).await?;
    Ok(HttpResponse::Ok().content_type("application/json").body(text.clone()))
}

/// The OpenAPI document, rendered once: for the first who asks, because to render it takes longer than all else that a process does
/// before it listens.
#[derive(Debug, Default)]
pub(crate) struct OpenApiText(OnceCell<web::Bytes>);

async fn render() -> Result<web::Bytes, ApiError> {
    // On a thread that may be busy for a while: a worker has other requests.
    let text = web::block(crate::openapi::json).await.map_err(not_rendered)?.map_err(not_rendered)?;
    Ok(web::Bytes::from(text))
}

fn not_rendered(cause: impl ToString) -> ApiError {
    let detail = "the description could not be written";
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail).with_cause(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_its_database_a_process_fails_however_well_its_services_are() {
        let found = |problem: Option<&str>| Found {
            at: Instant::now(),
            checked_at: Utc::now(),
            problem: problem.map(str::to_owned),
        };
        let of = |status, problem| {
            let report = with_database(HealthReport { status, contributors: Vec::new() }, found(problem));
            (report.status, report.contributors[0].reason.clone())
        };
        assert_eq!(of(HealthStatus::Ok, None), (HealthStatus::Ok, None));
        assert_eq!(of(HealthStatus::Degraded, None), (HealthStatus::Degraded, None));
        let away = Some("the database cannot be reached");
        assert_eq!(of(HealthStatus::Degraded, away), (HealthStatus::Failing, away.map(str::to_owned)));
    }
}
