//! What operators and their tools ask: health, metrics, the API's description.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use comptoir_core::database::Database;
use comptoir_core::rate_limits::RateLimiter;
use comptoir_core::telemetry::MetricsHandle;
use serde::Serialize;
use utoipa::ToSchema;

/// Longer than this, and the database counts as not answering.
const READY_TIMEOUT: Duration = Duration::from_secs(2);

/// Whether the process can do its work, and if not, why.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok` or `failing`.
    status: &'static str,
    reasons: Vec<String>,
}

/// The process answers
#[utoipa::path(get, path = "/health/live", tag = "operations", responses((status = 200, body = Health)))]
pub(crate) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "ok", reasons: Vec::new() })
}

/// The database answers
///
/// RabbitMQ does not matter here: orders are accepted while it is down.
#[utoipa::path(get, path = "/health/ready", tag = "operations",
    responses((status = 200, body = Health), (status = 503, body = Health)))]
pub(crate) async fn ready(database: web::Data<Database>) -> HttpResponse {
    let problem = match tokio::time::timeout(READY_TIMEOUT, database.ping()).await {
        Ok(Ok(())) => return HttpResponse::Ok().json(Health { status: "ok", reasons: Vec::new() }),
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready");
            "the database cannot be reached".to_owned()
        }
        Err(_) => format!("the database did not answer within {} s", READY_TIMEOUT.as_secs()),
    };
    HttpResponse::ServiceUnavailable().json(Health { status: "failing", reasons: vec![problem] })
}

/// Metrics in Prometheus' text format
#[utoipa::path(get, path = "/metrics", tag = "operations",
    responses((status = 200, content_type = "text/plain; version=0.0.4", body = String)))]
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
#[utoipa::path(get, path = "/api/openapi.json", tag = "operations",
    responses((status = 200, content_type = "application/json", body = Object)))]
pub(crate) async fn openapi(document: web::Data<OpenApiText>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(document.0.clone())
}

/// The OpenAPI document, rendered once.
#[derive(Debug)]
pub(crate) struct OpenApiText(pub(crate) String);
