//! Finds event types without a queue, and checks the facts that only the broker's management interface shows.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use comptoir_core::outbox::EventTypes;
use comptoir_core::outbox::inspection::{self, EVENTS_READ_AT_MOST, TypeSample};
use comptoir_core::outbox::operations;
use diesel_async::AsyncPgConnection;
use uuid::Uuid;

use super::management::Management;
use super::report::{Report, Route};
use super::topology::Topology;
use crate::config::{Config, UnroutablePolicy};
use crate::error::DatabaseFault;
use crate::message::RoutingFacts;

const AREA: &str = "events";
/// Events that were published longer ago do not count as traffic.
const TRAFFIC: TimeDelta = TimeDelta::hours(24);
/// Dead letters that are older do not count: the missing queue may exist by now.
const RECENT: TimeDelta = TimeDelta::days(7);

/// The facts about one event type.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    pending: i64,
    published: i64,
    /// The newest event that was found; `None` if the type was only named on the command line.
    sample: Option<TypeSample>,
}

impl Known {
    /// Returns the key of the newest event. Without an event, the key is known only if no rule of `[[routing]]` needs more than
    /// the type.
    fn routing_key(&self, config: &Config, event_type: &str) -> Option<String> {
        let facts = match &self.sample {
            Some(sample) => RoutingFacts {
                event_type,
                aggregate_type: &sample.aggregate_type,
                aggregate_id: &sample.aggregate_id,
                tenant_id: sample.tenant_id,
                schema_version: sample.schema_version,
            },
            None => RoutingFacts {
                event_type,
                aggregate_type: "",
                aggregate_id: "",
                tenant_id: Uuid::nil(),
                schema_version: 1,
            },
        };
        let key = config.routing.key(facts);
        (self.sample.is_some() || key == event_type).then(|| key.into_owned())
    }
}

/// Returns the event types of the outbox, of the history, and those that the command line names.
pub(super) async fn event_types(
    connection: &mut AsyncPgConnection,
    asked: &[EventTypes],
    report: &mut Report,
) -> Result<BTreeMap<String, Known>, DatabaseFault> {
    let now = operations::clock(connection).await?;
    let mut types: BTreeMap<String, Known> = BTreeMap::new();
    for types_asked in asked.iter().filter(|types| types.is_exact()) {
        types.entry(types_asked.to_string()).or_default();
    }
    let pending = inspection::pending_types(connection).await?;
    // An error is ignored: draining does not need to read the history.
    let published = inspection::published_types(connection, now - TRAFFIC).await.unwrap_or_default();
    for sample in &published {
        let known = types.entry(sample.event_type.clone()).or_default();
        *known = Known { published: sample.count, sample: Some(sample.clone()), ..*known };
    }
    for sample in &pending {
        let known = types.entry(sample.event_type.clone()).or_default();
        *known = Known { pending: sample.count, sample: Some(sample.clone()), ..*known };
    }
    let total = |samples: &[TypeSample]| samples.iter().map(|sample| sample.count).sum::<i64>();
    let is_cut = total(&pending) >= EVENTS_READ_AT_MOST || total(&published) >= EVENTS_READ_AT_MOST;
    let detail = format!(
        "{} known: {} wait, {} were published in the last {} hours{}",
        types.len(),
        pending.len(),
        published.len(),
        TRAFFIC.num_hours(),
        if is_cut { format!(" (of {EVENTS_READ_AT_MOST} events; there are more)") } else { String::new() },
    );
    let has_traffic =
        |asked: &EventTypes| types.iter().any(|(name, known)| known.sample.is_some() && asked.matches(name));
    let quiet: Vec<String> =
        asked.iter().filter(|asked| !has_traffic(asked)).map(EventTypes::to_string).collect();
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

/// Reports the events that the broker returned as unroutable.
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

/// Asks the management interface. Without one, reports which checks were left out.
pub(super) async fn check_bindings(
    config: &Config,
    management: Option<&Management>,
    types: BTreeMap<String, Known>,
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
    for (event_type, known) in types {
        let routing_key = known.routing_key(config, &event_type);
        let reach = topology.as_ref().zip(routing_key.as_deref());
        let reach = reach.map(|(topology, key)| topology.reach(&config.broker.exchange, key));
        let queues = reach.and_then(|reach| match (reach.queues.is_empty(), reach.is_uncertain) {
            (true, true) => None,
            _ => Some(reach.queues.into_iter().collect::<Vec<_>>()),
        });
        if queues.as_ref().is_some_and(Vec::is_empty) {
            unbound.push(match &routing_key {
                Some(key) if *key != event_type => format!("{event_type} (key {key})"),
                _ => event_type.clone(),
            });
        }
        let Known { pending, published, .. } = known;
        report.routes.push(Route { event_type, pending, published, routing_key, queues });
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
