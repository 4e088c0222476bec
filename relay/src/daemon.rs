//! The relay as a daemon: starts its services, waits for a signal, and stops them in order.

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::config::Config;
use crate::engine::{Condition, Engine, Goal, Parts};
use crate::error::RelayError;
use crate::leases::Leases;
use crate::publisher::Pulse;
use crate::{http, services, wakeup};
use comptoir_core::platform::who;
use comptoir_core::services::Tasks;

/// Runs the services until SIGTERM or SIGINT.
///
/// # Errors
/// Fails if the relay cannot start, or if a service of the start failed that it cannot do without.
pub(crate) async fn run(config: &Config) -> Result<(), RelayError> {
    let stop = stop_on_signal()?;
    let http = http::Listener::bind(&config.relay.http_listen)?;
    let (services, condition) = services::start(config, http.as_ref().map(http::Listener::metrics))?;
    let http = http.map(|listener| listener.serve(condition, services.handle().clone())).transpose()?;
    tracing::info!(
        database = config.database.url.named("DATABASE_URL"),
        broker = config.broker.url.named("AMQP_URL"),
        exchange = config.broker.exchange,
        "the relay runs"
    );
    let failed = services.failed();
    tokio::select! { () = stop.cancelled() => {}, () = failed.cancelled() => {} }
    services.stop().await;
    if let Some(http) = http {
        http.stop().await;
    }
    tracing::info!("the relay has stopped");
    if failed.is_cancelled() {
        return Err(RelayError::Startup("a service of the start failed; the log says why".to_owned()));
    }
    Ok(())
}

/// # Errors
/// Fails if a background task panicked: its work is not done, and the relay has stopped because of it.
pub(crate) fn verdict(tasks: &Tasks) -> Result<(), RelayError> {
    tasks.first_panicked().map_or(Ok(()), |name| Err(RelayError::Panicked(name)))
}

/// Builds an engine for one run, and starts the tasks that it needs beside it.
pub(crate) fn prepare(config: &Config, goal: Goal, tasks: &Tasks) -> (Engine, watch::Receiver<Condition>) {
    let (id, name) = (Uuid::now_v7(), replica_name(&config.relay.name));
    let pulse = Arc::new(Pulse::default());
    let (wake_ups, listening) = wakeup::listening(config.database.clone());
    let stop = tasks.stop().clone();
    tasks.start("wake_ups", async move { listening.work(stop).await });
    let (leases, leasing) = Leases::new(
        config.database.clone(),
        &config.relay,
        id,
        name.clone(),
        wake_ups.leases,
        Arc::clone(&pulse),
    );
    tasks.start("leases", async move { leasing.work().await });
    let (condition, observed) = watch::channel(Condition::unknown());
    let parts = Parts {
        id,
        name: format!("comptoir relay {name}"),
        leases,
        wake_up: wake_ups.events,
        reconnect: Arc::default(),
        condition,
        pulse,
        tasks: tasks.clone(),
    };
    (Engine::new(config, goal, parts), observed)
}

/// Returns a token that the first SIGTERM or SIGINT cancels. Then the log says that the relay stops.
pub(crate) fn stop_on_signal() -> Result<CancellationToken, RelayError> {
    let stop = signalled()?;
    let stopping = stop.clone();
    tokio::spawn(async move {
        stopping.cancelled().await;
        tracing::info!("stopping: finishing what is in flight");
    });
    Ok(stop)
}

/// Like [`stop_on_signal`] but without the line in the log, for commands that have nothing to finish.
pub(crate) fn signalled() -> Result<CancellationToken, RelayError> {
    let listen = |kind| signal(kind).map_err(|error| RelayError::Startup(error.to_string()));
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stopping.cancel();
    });
    Ok(stop)
}

/// Returns the configured name, or else the host's name and the process id.
pub(crate) fn replica_name(configured: &str) -> String {
    if configured.is_empty() { who::process_name() } else { configured.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_run_of_which_a_task_panicked_has_failed() {
        let tasks = Tasks::new(CancellationToken::new());
        assert!(verdict(&tasks).is_ok());
        tasks.start("wake_ups", async { panic!("as a test") });
        tasks.stop().cancelled().await;
        assert!(matches!(verdict(&tasks), Err(RelayError::Panicked("wake_ups"))));
    }
}
