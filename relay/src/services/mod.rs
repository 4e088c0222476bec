//! The services that the relay hosts: the drain loop and what it needs, upkeep, and what operators ask for.

mod broker;
mod command;
mod dead_letters;
mod drain;
mod recovery;
mod replay;

use std::sync::Arc;
use std::time::Instant;

use comptoir_core::outbox::operations::Operator;
use comptoir_core::platform::config::ConfigError;
use comptoir_core::platform::database::Migrations;
use comptoir_core::platform::telemetry::MetricsHandle;
use comptoir_core::services::{Call, Services, metrics_upkeep, schema_check};
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use self::broker::BrokerLink;
pub(crate) use self::command::{ServicesCommand, run};
use self::dead_letters::DeadLetters;
use self::drain::Drain;
use self::recovery::Recovery;
use self::replay::Replay;
use crate::config::Config;
use crate::daemon;
use crate::engine::Condition;
use crate::history::HistoryUpkeep;
use crate::leases::Leases;
use crate::publisher::Pulse;
use crate::service_manager::ServiceManager;
use crate::wakeup;

/// The most characters of a name in the log of operations.
const OPERATOR_CHARS: usize = 200;

/// Starts the services of a daemon. They stop in the reverse order: systemd is told first, then the drain loop finishes what is in
/// flight and gives its shards back. `metrics`: only where they can be read.
///
/// # Errors
/// Fails if the settings of a service are wrong.
pub(crate) fn start(
    config: &Config,
    metrics: Option<MetricsHandle>,
) -> Result<(Services, watch::Receiver<Condition>), ConfigError> {
    let link = Ok(config.database.clone());
    let (id, name) = (Uuid::now_v7(), daemon::replica_name(&config.relay.name));
    let builder = Services::builder("relay", env!("CARGO_PKG_VERSION"), &config.services, link)?;
    let mut builder = builder.named(&name);
    builder.add(schema_check(config.database.clone(), Migrations::Outbox, "relay migrate"))?;
    let is_measured = metrics.is_some();
    if let Some(metrics) = metrics {
        builder.add(metrics_upkeep(metrics))?;
    }
    builder.add(HistoryUpkeep::new(config.history.clone(), config.database.clone()))?;
    builder.add(DeadLetters::new(config.clone(), is_measured))?;
    builder.add(Replay::new(config.clone()))?;
    let (wake_ups, listening) = wakeup::listening(config.database.clone());
    builder.add(listening)?;
    let pulse = Arc::new(Pulse::default());
    let (leases, leasing) = Leases::new(
        config.database.clone(),
        &config.relay,
        id,
        name.clone(),
        wake_ups.leases,
        Arc::clone(&pulse),
    );
    builder.add(leasing)?;
    let (condition, observed) = watch::channel(Condition::unknown());
    let reconnect = Arc::new(Notify::new());
    builder.add(BrokerLink::new(observed.clone(), Arc::clone(&reconnect)))?;
    let (config, wake_up) = (config.clone(), wake_ups.events);
    let began = Instant::now();
    builder.add(Drain { config, id, name, leases, pulse, wake_up, reconnect, condition, began })?;
    builder.add(Recovery)?;
    builder.add(ServiceManager(observed.clone()))?;
    Ok((builder.start(), observed))
}

/// Returns who asked for an action, for the log of operations.
fn operator(call: &Call) -> Operator {
    Operator {
        name: call.asked_by.chars().take(OPERATOR_CHARS).collect(),
        host: "an action of a service".to_owned(),
    }
}
