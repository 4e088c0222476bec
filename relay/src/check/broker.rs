//! Checks over AMQP that the broker is reachable, has the objects that the relay declares, and grants the permissions that
//! it needs.
//!
//! Changes nothing: an object is declared only if it exists already, and the binding that is removed to try a permission
//! never existed. AMQP shows neither bindings nor policies; the management interface does.

use lapin::options::{ExchangeDeclareOptions, ExchangeUnbindOptions, QueueDeclareOptions};
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ErrorKind, ExchangeKind};

use super::report::Report;
use crate::config::Config;
use crate::error::BrokerFault;
use crate::message::short;
use crate::publisher;

const AREA: &str = "broker";

/// The broker's answer to a declaration.
#[derive(Debug)]
enum Answer {
    Yes,
    Absent,
    /// The object exists with other properties, or is in exclusive use. Holds the broker's text.
    Different(String),
    Forbidden(String),
}

/// Returns false if the broker was not reached.
pub(super) async fn check(config: &Config, report: &mut Report) -> bool {
    let connection = match publisher::connect(&config.broker, "comptoir relay check").await {
        Ok(connection) => connection,
        Err(fault) => {
            let detail = format!("{}: {fault}", config.broker.url.named("AMQP_URL"));
            report.fail(AREA, "reachable", detail, fault.fix().unwrap_or("look at the broker's log"));
            return false;
        }
    };
    report.ok(AREA, "reachable", config.broker.url.named("AMQP_URL"));
    if let Err(fault) = check_objects(config, &connection, report).await {
        report.fail(AREA, "answers", fault.to_string(), "look at the broker's log");
    }
    connection.close().await;
    true
}

async fn check_objects(
    config: &Config,
    connection: &Connection,
    report: &mut Report,
) -> Result<(), BrokerFault> {
    let broker = &config.broker;
    let mut exist = true;
    for (check, name) in
        [("exchange", &broker.exchange), ("dead-letter-exchange", &broker.dead_letter_exchange)]
    {
        let answer = exchange(connection, name).await?;
        exist &= !matches!(answer, Answer::Absent);
        note(report, check, name, "a durable topic exchange", answer);
    }
    let answer = dead_letter_queue(connection, &broker.dead_letter_queue).await?;
    note(report, "dead-letter-queue", &broker.dead_letter_queue, "a durable quorum queue", answer);
    if exist {
        for name in [&broker.exchange, &broker.dead_letter_exchange] {
            check_write(config, connection, name, report).await?;
        }
    }
    Ok(())
}

fn note(report: &mut Report, check: &'static str, name: &str, what: &str, answer: Answer) {
    match answer {
        Answer::Yes => report.ok(AREA, check, format!("{name} is {what}")),
        Answer::Absent => report.warn(
            AREA,
            check,
            format!("{name} does not exist yet"),
            "none, if no relay ran here yet: it is declared when the relay connects",
        ),
        Answer::Different(words) => report.fail(
            AREA,
            check,
            format!("{name} is not {what} as the relay declares it: {words}"),
            "delete it and let the relay declare it, or give another name in the configuration",
        ),
        Answer::Forbidden(words) => report.fail(
            AREA,
            check,
            format!("{name} may not be declared: {words}"),
            "rabbitmqctl set_permissions: this user needs `configure` on it",
        ),
    }
}

async fn exchange(connection: &Connection, name: &str) -> Result<Answer, BrokerFault> {
    let declare = async |passive: bool| {
        let options = ExchangeDeclareOptions { durable: true, passive, ..Default::default() };
        let channel = connection.create_channel().await?;
        channel.exchange_declare(short(name), ExchangeKind::Topic, options, FieldTable::default()).await
    };
    // The first, passive declaration creates nothing, and does not compare properties. The second compares them.
    match answer(declare(true).await.map(drop))? {
        Answer::Yes => answer(declare(false).await.map(drop)),
        other => Ok(other),
    }
}

async fn dead_letter_queue(connection: &Connection, name: &str) -> Result<Answer, BrokerFault> {
    let declare = async |passive: bool| {
        let options = QueueDeclareOptions { durable: true, passive, ..Default::default() };
        let channel = connection.create_channel().await?;
        channel.queue_declare(short(name), options, publisher::dead_letter_queue_arguments()).await
    };
    match answer(declare(true).await.map(drop))? {
        Answer::Yes => answer(declare(false).await.map(drop)),
        other => Ok(other),
    }
}

/// Tries the permission to write without publishing, because a consumer would receive the message. Removing a binding that
/// never existed asks for the same permission, `write` on the destination, and does nothing.
async fn check_write(
    config: &Config,
    connection: &Connection,
    name: &str,
    report: &mut Report,
) -> Result<(), BrokerFault> {
    let channel: Channel = connection.create_channel().await?;
    let never_bound = format!("relay-check-{}", uuid::Uuid::new_v4());
    let unbound = channel
        .exchange_unbind(
            short(name),
            short(config.broker.dead_letter_exchange.as_str()),
            short(never_bound.as_str()),
            ExchangeUnbindOptions::default(),
            FieldTable::default(),
        )
        .await;
    match answer(unbound)? {
        Answer::Forbidden(words) => report.fail(
            AREA,
            "permissions",
            words,
            "rabbitmqctl set_permissions: this user needs `write` on both exchanges and `read` on the dead-letter exchange",
        ),
        _ => report.ok(AREA, "permissions", format!("may publish to {name}")),
    }
    Ok(())
}

/// After any answer but [`Answer::Yes`] the channel is closed.
fn answer(result: Result<(), lapin::Error>) -> Result<Answer, BrokerFault> {
    let error = match result {
        Ok(()) => return Ok(Answer::Yes),
        Err(error) => error,
    };
    let ErrorKind::ProtocolError(said) = error.kind() else { return Err(error.into()) };
    let words = said.get_message().to_string();
    match said.kind() {
        AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND) => Ok(Answer::Absent),
        AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED | AMQPSoftError::RESOURCELOCKED) => {
            Ok(Answer::Different(words))
        }
        AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => Ok(Answer::Forbidden(words)),
        _ => Err(error.into()),
    }
}
