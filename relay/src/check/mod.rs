//! `relay check`: is everything set up, and what is to be done? Changes nothing, and leaves no message anywhere.

mod broker;
mod database;
mod management;
mod replicas;
mod report;
mod routes;
mod topology;

use std::collections::BTreeMap;

use comptoir_core::outbox::EventTypes;

use self::management::Management;
use self::report::Report;
use self::routes::Known;
use crate::config::Config;
use crate::error::{DatabaseFault, RelayError};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Look for queues of this event type as well, and whether there are events of it, or of any that matches a pattern (order.*
    /// or order.#); may be given several times
    #[arg(long = "event-type", value_name = "TYPE")]
    event_types: Vec<EventTypes>,
    /// RabbitMQ's management interface, instead of broker.management_url: it shows bindings, which AMQP does not; a password in it
    /// stands in the machine's list of processes
    #[arg(long, value_name = "URL")]
    pub(crate) management_url: Option<String>,
    /// As one JSON object
    #[arg(long)]
    json: bool,
}

/// Returns true if no check failed.
///
/// # Errors
/// Fails if the management URL cannot be used. A check that fails is not an error.
pub(crate) async fn run(config: &Config, arguments: &Arguments) -> Result<bool, RelayError> {
    let management = match config.broker.management_url.expose() {
        "" => None,
        _ => {
            let virtual_host = config.broker.uri().map_err(RelayError::Usage)?.vhost;
            Some(Management::new(&config.broker.management_url, &virtual_host)?)
        }
    };
    let mut report = Report::default();
    let connection = database::check(config, &mut report).await;
    let broker_is_there = broker::check(config, &mut report).await;
    let asked = arguments.event_types.iter().filter(|types| types.is_exact());
    let asked = asked.map(|types| (types.to_string(), Known::default()));
    let mut types: BTreeMap<String, Known> = asked.collect();
    if let Some(mut connection) = connection {
        let read = async {
            replicas::check(config, &mut connection, &mut report).await?;
            types = routes::event_types(&mut connection, &arguments.event_types, &mut report).await?;
            routes::check_dead_letters(&mut connection, &mut report).await
        };
        if let Err(fault) = read.await as Result<(), DatabaseFault> {
            report.fail("database", "readable", fault.to_string(), "look at the server's log");
        }
    }
    if broker_is_there || management.is_some() {
        routes::check_bindings(config, management.as_ref(), types, &mut report).await;
    }
    report.print(arguments.json);
    Ok(report.is_ok())
}
