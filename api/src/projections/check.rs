//! What `api check` finds out about the projections.

use comptoir_core::platform::check::Findings;

use super::connection::{BrokerFault, Link};
use super::topology::{self, Queue};
use crate::config::Settings;

const AREA: &str = "projections";

/// Whether they are on, the broker answers, and the queue is there. Declares nothing.
pub(crate) async fn check(settings: &Settings, findings: &mut Findings) {
    let config = &settings.projections;
    if !config.is_on() {
        findings.warn(
            AREA,
            "off",
            "projections.url (AMQP_URL) is not set: the reports stay as they are",
            "give the API the broker to which the relay publishes (docs/projections.md)",
        );
        return;
    }
    if settings.services_database().is_none() {
        findings.warn(
            AREA,
            "off",
            "api.services_database_url is not set: the reports stay as they are",
            "give the services a log-in of their own (docs/roles.md)",
        );
        return;
    }
    let broker = config.url.named("AMQP_URL");
    match queue(settings).await {
        Err(fault) => findings.fail(
            AREA,
            "reachable",
            format!("{broker}: {fault}"),
            "start RabbitMQ, or correct AMQP_URL (docs/projections.md)",
        ),
        Ok(Some(Queue { messages, consumers })) => {
            let name = &config.queue;
            findings.ok(
                AREA,
                "queue",
                format!("{broker}: {name} has {messages} messages and {consumers} consumers"),
            );
        }
        Ok(None) => {
            findings.ok(AREA, "queue", format!("{broker}: {} is declared when the API starts", config.queue));
        }
    }
}

async fn queue(settings: &Settings) -> Result<Option<Queue>, BrokerFault> {
    let config = &settings.projections;
    let link = Link::open(config, "api check").await?;
    let limit = config.connect_timeout();
    let looked = tokio::time::timeout(limit, topology::look(&link.connection, &config.queue)).await;
    link.close().await;
    Ok(looked.map_err(|_| BrokerFault::NoAnswer(limit.as_millis()))??)
}
