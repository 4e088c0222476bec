//! The server for operators: metrics and health, on a separate listener. Clients that take all connections of the other
//! listener do not keep a probe out, and the metrics are not public.

use std::net::TcpListener;
use std::time::Duration;

use actix_server::Server;
use actix_web::App;
use actix_web::web::Data;
use comptoir_core::accounts::rate_limits::RateLimiter;
use comptoir_core::platform::database::Database;
use comptoir_core::platform::telemetry::MetricsHandle;
use comptoir_core::services::Handle;

use super::stopping::Stopping;
use super::{Limits, serve};
use crate::routes;
use crate::routes::operations::Readiness;

/// The limits of this server: it has few clients, probes and scrapers.
const LIMITS: Limits = Limits {
    workers: 1,
    max_connections: 64,
    keep_alive: Duration::from_secs(5),
    request_head: Duration::from_secs(5),
    send: Duration::from_secs(5),
    // It is the last server to stop, and no client waits for it.
    shutdown_seconds: 1,
};

/// The parts of the process that this server reports on.
#[derive(Clone)]
pub(crate) struct Subjects {
    pub(crate) metrics: Data<MetricsHandle>,
    pub(crate) database: Data<Database>,
    pub(crate) limiter: Data<RateLimiter>,
    pub(crate) readiness: Data<Readiness>,
    pub(crate) stopping: Data<Stopping>,
    pub(crate) services: Data<Handle>,
}

pub(crate) fn server(listener: TcpListener, subjects: Subjects) -> anyhow::Result<Server> {
    serve(listener, LIMITS, move || {
        App::new()
            .app_data(subjects.metrics.clone())
            .app_data(subjects.database.clone())
            .app_data(subjects.limiter.clone())
            .app_data(subjects.readiness.clone())
            .app_data(subjects.stopping.clone())
            .app_data(subjects.services.clone())
            .configure(routes::operate)
    })
}
