//! `/metrics`, `/health`, `/health/live` and `/health/ready`, on a thread of their own.

use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};
use comptoir_core::platform::listening;
use comptoir_core::platform::telemetry::{self, MetricsHandle};
use serde::Serialize;
use tokio::sync::watch;

use crate::engine::Condition;
use crate::error::RelayError;
use crate::metrics::BUCKETS;
use comptoir_core::services::{Handle, HealthStatus};

/// A drain loop that has not turned for this long is stuck: it turns at least once a second, whatever it waits for.
const STUCK_AFTER: Duration = Duration::from_secs(30);

/// A bound address, so that a port in use is reported before anything starts.
pub(crate) struct Listener {
    socket: TcpListener,
    metrics: MetricsHandle,
}

pub(crate) struct Running(ServerHandle);

#[derive(Debug, Serialize)]
struct Health {
    status: &'static str,
    reasons: Vec<String>,
}

impl Listener {
    /// Binds the address; `None` if it is `off`. Also installs the metrics recorder: nothing is counted before.
    pub(crate) fn bind(address: &str) -> Result<Option<Self>, RelayError> {
        if address == "off" {
            return Ok(None);
        }
        let address = address.parse().map_err(|error| RelayError::Startup(format!("{address}: {error}")))?;
        let socket = listening::listen(address, "relay.http_listen")
            .map_err(|error| RelayError::Startup(error.to_string()))?;
        let metrics =
            telemetry::install_metrics(BUCKETS).map_err(|error| RelayError::Startup(error.to_string()))?;
        Ok(Some(Self { socket, metrics }))
    }

    pub(crate) fn metrics(&self) -> MetricsHandle {
        self.metrics.clone()
    }

    pub(crate) fn serve(
        self,
        condition: watch::Receiver<Condition>,
        services: Handle,
    ) -> Result<Running, RelayError> {
        let (condition, metrics) = (web::Data::new(condition), web::Data::new(self.metrics));
        let services = web::Data::new(services);
        let server = HttpServer::new(move || {
            App::new()
                .app_data(condition.clone())
                .app_data(metrics.clone())
                .app_data(services.clone())
                .route("/metrics", web::get().to(render_metrics))
                .route("/health", web::get().to(whole))
                .route("/health/live", web::get().to(live))
                .route("/health/ready", web::get().to(ready))
        })
        .workers(1)
        .disable_signals()
        .shutdown_timeout(1)
        .listen(self.socket)
        .map_err(|error| RelayError::Startup(error.to_string()))?
        .run();
        let handle = server.handle();
        tokio::spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "the HTTP server ended");
            }
        });
        Ok(Running(handle))
    }
}

impl Running {
    pub(crate) async fn stop(self) {
        self.0.stop(true).await;
    }
}

async fn render_metrics(metrics: web::Data<MetricsHandle>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(metrics.render())
}

/// How each service of the process is. One that is degraded does its work.
async fn whole(services: web::Data<Handle>) -> HttpResponse {
    let report = services.health();
    match report.status {
        HealthStatus::Ok | HealthStatus::Degraded => HttpResponse::Ok().json(report),
        HealthStatus::Failing => HttpResponse::ServiceUnavailable().json(report),
    }
}

async fn live(condition: web::Data<watch::Receiver<Condition>>) -> HttpResponse {
    answer(stuck(&condition.borrow()).into_iter().collect())
}

async fn ready(
    condition: web::Data<watch::Receiver<Condition>>,
    services: web::Data<Handle>,
) -> HttpResponse {
    let now = condition.borrow().clone();
    let mut reasons: Vec<String> = stuck(&now).into_iter().chain(now.hindrances()).collect();
    if reasons.is_empty() {
        // What else hinders: a part that fails again and again.
        reasons = services.hindrances();
    }
    answer(reasons)
}

fn stuck(condition: &Condition) -> Option<String> {
    (condition.turned_at.elapsed() > STUCK_AFTER).then(|| "the drain loop does not turn".to_owned())
}

fn answer(reasons: Vec<String>) -> HttpResponse {
    if reasons.is_empty() {
        HttpResponse::Ok().json(Health { status: "ok", reasons })
    } else {
        HttpResponse::ServiceUnavailable().json(Health { status: "failing", reasons })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_loop_that_has_not_turned_for_long_is_stuck() {
        let turned = |ago: Duration| Condition {
            database_up: true,
            database_trouble: None,
            broker_up: true,
            broker_trouble: None,
            blocked: true,
            shards_held: 64,
            idle: true,
            limit_reached: false,
            turned_at: Instant::now().checked_sub(ago).expect("the machine runs for longer"),
        };
        assert_eq!(stuck(&turned(Duration::from_secs(5))), None);
        assert!(stuck(&turned(STUCK_AFTER + Duration::from_secs(1))).is_some());
        let (now, long_ago) = (Instant::now(), turned(Duration::from_secs(60)).turned_at);
        assert!(Condition::unknown().is_starting(now), "nothing was heard yet");
        assert!(!Condition::unknown().is_starting(long_ago), "it takes too long");
        let trouble = crate::error::Trouble::from(&crate::error::BrokerFault::Restarted);
        let unreached = Condition { broker_trouble: Some(trouble), ..Condition::unknown() };
        assert!(!unreached.is_starting(now), "it was heard, and is no good");
        let reasons = turned(Duration::ZERO).hindrances();
        assert!(matches!(&reasons[..], [blocked] if blocked.contains("blocks publishing")), "{reasons:?}");
    }
}
