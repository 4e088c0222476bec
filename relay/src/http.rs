//! `/metrics`, `/health/live` and `/health/ready`, on a thread of their own.

use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};
use comptoir_core::telemetry::{self, MetricsHandle};
use serde::Serialize;
use tokio::sync::watch;

use crate::engine::Condition;
use crate::error::RelayError;

/// The drain loop turns at least once in `relay.poll_max_ms`; one that has not for so long is stuck.
const STUCK_AFTER: Duration = Duration::from_secs(30);

/// A bound address: a port that is taken is found before anything starts.
pub(crate) struct Listener {
    socket: TcpListener,
    metrics: MetricsHandle,
}

pub(crate) struct Running(ServerHandle);

#[derive(Debug, Serialize)]
struct Health {
    status: &'static str,
    reasons: Vec<&'static str>,
}

impl Listener {
    /// None if the configuration says `off`. Installs the metrics recorder: nothing is counted before.
    pub(crate) fn bind(address: &str) -> Result<Option<Self>, RelayError> {
        if address == "off" {
            return Ok(None);
        }
        let socket = TcpListener::bind(address).map_err(|error| {
            RelayError::Startup(format!("cannot listen on {address} (relay.http_listen): {error}"))
        })?;
        let metrics = telemetry::install_metrics().map_err(|error| RelayError::Startup(error.to_string()))?;
        Ok(Some(Self { socket, metrics }))
    }

    pub(crate) fn serve(self, condition: watch::Receiver<Condition>) -> Result<Running, RelayError> {
        tokio::spawn(telemetry::keep_metrics(self.metrics.clone()));
        let (condition, metrics) = (web::Data::new(condition), web::Data::new(self.metrics));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(condition.clone())
                .app_data(metrics.clone())
                .route("/metrics", web::get().to(render_metrics))
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
        tokio::spawn(server);
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

async fn live(condition: web::Data<watch::Receiver<Condition>>) -> HttpResponse {
    let stuck = condition.borrow().turned_at.elapsed() > STUCK_AFTER;
    answer(stuck.then_some("the drain loop does not turn").into_iter().collect())
}

async fn ready(condition: web::Data<watch::Receiver<Condition>>) -> HttpResponse {
    let now = *condition.borrow();
    let reasons = [
        (!now.database_up, "the database is not reached"),
        (!now.broker_up, "the broker is not reached"),
        (now.blocked, "the broker blocks publishing (memory or disk alarm)"),
    ];
    answer(reasons.into_iter().filter_map(|(holds, reason)| holds.then_some(reason)).collect())
}

fn answer(reasons: Vec<&'static str>) -> HttpResponse {
    if reasons.is_empty() {
        HttpResponse::Ok().json(Health { status: "ok", reasons })
    } else {
        HttpResponse::ServiceUnavailable().json(Health { status: "unavailable", reasons })
    }
}
