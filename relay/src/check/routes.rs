//! Event types without a queue, and what of the broker only its management interface shows.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use comptoir_core::outbox::inspection::{self, EVENTS_READ_AT_MOST, TypeCount};
use comptoir_core::outbox::operations;
use diesel_async::AsyncPgConnection;

use super::management::Management;
use super::report::{Report, Route};
use super::topology::Topology;
use crate::config::{Config, UnroutablePolicy};
use crate::error::DatabaseFault;

const AREA: &str = "events";
/// Events that were published before that do not count as traffic.
const TRAFFIC: TimeDelta = TimeDelta::hours(24);
/// Dead letters from before that may have been repaired.
const RECENT: TimeDelta = TimeDelta::days(7);

/// The event types of the outbox, of the history, and those that were asked for.
pub(super) async fn event_types(
    connection: &mut AsyncPgConnection,
    asked: &[String],
    report: &mut Report,
) -> Result<BTreeMap<String, (i64, i64)>, DatabaseFault> {
    let now = operations::clock(connection).await?;
    let mut types: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for name in asked {
        types.entry(name.clone()).or_default();
    }
    let pending = inspection::pending_types(connection).await?;
    // To read the history is not necessary for draining.
    let published = inspection::published_types(connection, now - TRAFFIC).await.unwrap_or_default();
    for TypeCount { event_type, count } in &pending {
        types.entry(event_type.clone()).or_default().0 = *count;
    }
    for TypeCount { event_type, count } in &published {
        types.entry(event_type.clone()).or_default().1 = *count;
    }
    let total = |counts: &[TypeCount]| counts.iter().map(|count| count.count).sum::<i64>();
    let is_cut = total(&pending) >= EVENTS_READ_AT_MOST || total(&published) >= EVENTS_READ_AT_MOST;
    let detail = format!(
        "{} known: {} wait, {} were published in the last {} hours{}",
        types.len(),
        pending.len(),
        published.len(),
        TRAFFIC.num_hours(),
        if is_cut { format!(" (of {EVENTS_READ_AT_MOST} events; there are more)") } else { String::new() },
    );
    let quiet: Vec<&str> =
        asked.iter().filter(|name| types.get(*name) == Some(&(0, 0))).map(String::as_str).collect();
    if quiet.is_empty() {
        report.ok(AREA, "types", detail);
    } else {
        report.warn(
            AREA,
            "types",
            format!("{detail}; no traffic: {}", quiet.join(", ")),
            "look whether the writers write them, and how they spell them",
        );
    }
    Ok(types)
}

/// What came back from the broker as unroutable.
pub(super) async fn check_dead_letters(
    connection: &mut AsyncPgConnection,
    report: &mut Report,
) -> Result<(), DatabaseFault> {
    let since = operations::clock(connection).await? - RECENT;
    let unroutable = inspection::dead_types(connection, "unroutable", since).await?;
    if unroutable.is_empty() {
        report.ok(AREA, "unroutable", format!("no dead letter of {} days had no queue", RECENT.num_days()));
        return Ok(());
    }
    let listed: Vec<String> =
        unroutable.iter().map(|count| format!("{} ({})", count.event_type, count.count)).collect();
    report.warn(
        AREA,
        "unroutable",
        format!(
            "dead letters of {} days that no queue was bound for: {}",
            RECENT.num_days(),
            listed.join(", ")
        ),
        "bind a queue, then relay dead-letters requeue --event-type …; or discard them",
    );
    Ok(())
}

/// Asks the management interface; without one, says what was not checked.
pub(super) async fn check_bindings(
    config: &Config,
    management: Option<&Management>,
    types: BTreeMap<String, (i64, i64)>,
    report: &mut Report,
) {
    let topology = match management {
        None => {
            report.warn(
                AREA,
                "bindings",
                "not checked: AMQP shows neither bindings nor alternate exchanges",
                "give --management-url or broker.management_url, with a user that may read",
            );
            None
        }
        Some(management) => match management.topology().await {
            Ok(topology) => Some(topology),
            Err(fault) => {
                report.fail(
                    AREA,
                    "bindings",
                    fault.to_string(),
                    "correct broker.management_url, or leave it out",
                );
                None
            }
        },
    };
    if let Some(topology) = &topology {
        check_topology(config, topology, report);
    }
    let mut unbound = Vec::new();
    for (event_type, (pending, published)) in types {
        let reach = topology.as_ref().map(|topology| topology.reach(&config.broker.exchange, &event_type));
        let queues = reach.and_then(|reach| match (reach.queues.is_empty(), reach.is_uncertain) {
            (true, true) => None,
            _ => Some(reach.queues.into_iter().collect::<Vec<_>>()),
        });
        if queues.as_ref().is_some_and(Vec::is_empty) {
            unbound.push(event_type.clone());
        }
        report.routes.push(Route { event_type, pending, published, queues });
    }
    if topology.is_some() {
        report_unbound(config, &unbound, report);
    }
}

fn check_topology(config: &Config, topology: &Topology, report: &mut Report) {
    let broker = &config.broker;
    if let Some(alternate) = topology.alternate(&broker.exchange) {
        report.warn(
            AREA,
            "alternate-exchange",
            format!(
                "{} hands what it cannot route to {alternate}: the relay never learns that an event has no queue",
                broker.exchange
            ),
            "remove the policy, or see to it that nothing is lost there",
        );
    }
    if !topology.is_bound(&broker.dead_letter_exchange, &broker.dead_letter_queue, "#") {
        report.warn(
            AREA,
            "dead-letter-binding",
            format!("{} is not bound to {} with #", broker.dead_letter_queue, broker.dead_letter_exchange),
            "none, if no relay ran here yet: it is bound when the relay connects",
        );
    }
}

fn report_unbound(config: &Config, unbound: &[String], report: &mut Report) {
    if unbound.is_empty() {
        report.ok(AREA, "bindings", "every event type that is known reaches a queue");
        return;
    }
    let detail = format!("no queue is bound for: {}", unbound.join(", "));
    let fix = format!("bind a queue to {} with such a key", config.broker.exchange);
    if config.relay.unroutable == UnroutablePolicy::Discard {
        report.warn(AREA, "bindings", format!("{detail}; they are discarded, as relay.unroutable says"), fix);
    } else {
        report.fail(AREA, "bindings", detail, fix);
    }
}
