//! The objects that the relay declares at the broker: when it connects, and again if they are deleted while it is connected.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, Error, ErrorKind, ExchangeKind};

use crate::config::BrokerConfig;
use crate::error::BrokerFault;
use crate::message::short;
use crate::metrics;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Object {
    Exchange,
    DeadLetterExchange,
    DeadLetterQueue,
}

/// All objects, in the order of their dependencies.
const ALL: [Object; 3] = [Object::Exchange, Object::DeadLetterExchange, Object::DeadLetterQueue];

impl Object {
    /// A stable word for metrics and log lines.
    fn word(self) -> &'static str {
        match self {
            Self::Exchange => "exchange",
            Self::DeadLetterExchange => "dead-letter-exchange",
            Self::DeadLetterQueue => "dead-letter-queue",
        }
    }

    fn name(self, config: &BrokerConfig) -> &str {
        match self {
            Self::Exchange => &config.exchange,
            Self::DeadLetterExchange => &config.dead_letter_exchange,
            Self::DeadLetterQueue => &config.dead_letter_queue,
        }
    }

    /// Creates the object unless it exists with the same properties. If it exists with others (an alternate exchange, another
    /// type), that is the operator's decision, and an error here that says so.
    async fn declare(self, channel: &Channel, config: &BrokerConfig) -> Result<(), Error> {
        let name = short(self.name(config));
        if self != Self::DeadLetterQueue {
            let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
            return channel.exchange_declare(name, ExchangeKind::Topic, durable, FieldTable::default()).await;
        }
        let durable = QueueDeclareOptions { durable: true, ..Default::default() };
        channel.queue_declare(name, durable, dead_letter_queue_arguments()).await?;
        bind(channel, config).await
    }

    /// Whether an object of this name exists, with any properties. If not, the channel is closed.
    ///
    /// A queue that is being deleted is still found, and gone before the answer comes. Declaring it then would create it anew
    /// without a warning that its messages are lost. So the queue is bound instead, as it should be anyway: that needs a queue.
    async fn is_there(self, channel: &Channel, config: &BrokerConfig) -> Result<bool, Error> {
        let name = short(self.name(config));
        let asked = if self == Self::DeadLetterQueue {
            let passive = QueueDeclareOptions { passive: true, ..Default::default() };
            match channel.queue_declare(name, passive, FieldTable::default()).await {
                Ok(_) => bind(channel, config).await,
                Err(error) => Err(error),
            }
        } else {
            let passive = ExchangeDeclareOptions { passive: true, ..Default::default() };
            channel.exchange_declare(name, ExchangeKind::Topic, passive, FieldTable::default()).await
        };
        match asked {
            Ok(()) => Ok(true),
            Err(error) if soft_error(&error) == Some(AMQPSoftError::NOTFOUND) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Returns the arguments with which the relay declares the queue for dead letters.
pub(crate) fn dead_letter_queue_arguments() -> FieldTable {
    let mut quorum = FieldTable::default();
    quorum.insert(short("x-queue-type"), AMQPValue::LongString("quorum".into()));
    quorum
}

/// Creates the objects that do not exist yet.
pub(super) async fn declare(channel: &Channel, config: &BrokerConfig) -> Result<(), Error> {
    for object in ALL {
        object.declare(channel, config).await?;
    }
    Ok(())
}

/// Checks that all objects are still as they were declared. A deleted object is declared again, with a line in the log,
/// because its messages and bindings are lost. `channel` is used for this only, and opened when there is none.
///
/// # Errors
/// Fails if an object exists with other properties than the relay declares, or if the connection is lost.
pub(super) async fn inspect(
    connection: &Connection,
    channel: &mut Option<Channel>,
    config: &BrokerConfig,
) -> Result<(), BrokerFault> {
    for object in ALL {
        if !object.is_there(opened(connection, channel).await?, config).await.map_err(fault)? {
            *channel = None;
            report_missing(object, config);
        }
        match object.declare(opened(connection, channel).await?, config).await {
            Ok(()) => {}
            // Deleted between its declaration and its binding: the next check declares it.
            Err(error) if soft_error(&error) == Some(AMQPSoftError::NOTFOUND) => {
                *channel = None;
                report_missing(object, config);
            }
            Err(error) => {
                if is_about_a_channel(&error) {
                    metrics::topology_fault(object.word(), "different");
                }
                return Err(fault(error));
            }
        }
    }
    Ok(())
}

fn report_missing(object: Object, config: &BrokerConfig) {
    metrics::topology_fault(object.word(), "missing");
    tracing::warn!(
        object = object.word(),
        name = object.name(config),
        "deleted at the broker: it is declared again, and its bindings are gone with it"
    );
}

async fn bind(channel: &Channel, config: &BrokerConfig) -> Result<(), Error> {
    let (queue, exchange) = (Object::DeadLetterQueue.name(config), Object::DeadLetterExchange.name(config));
    let options = QueueBindOptions::default();
    channel.queue_bind(short(queue), short(exchange), short("#"), options, FieldTable::default()).await
}

async fn opened<'a>(
    connection: &Connection,
    channel: &'a mut Option<Channel>,
) -> Result<&'a Channel, BrokerFault> {
    Ok(match channel {
        Some(open) => open,
        closed => closed.insert(connection.create_channel().await?),
    })
}

/// Converts an error of the check: an exception of its channel is about the objects, not about a message.
fn fault(error: Error) -> BrokerFault {
    if is_about_a_channel(&error) { BrokerFault::Topology(error) } else { BrokerFault::Client(error) }
}

/// Whether the broker closes only the channel for this error, and not the connection.
pub(super) fn is_about_a_channel(error: &Error) -> bool {
    soft_error(error).is_some()
}

fn soft_error(error: &Error) -> Option<AMQPSoftError> {
    match error.kind() {
        ErrorKind::ProtocolError(answer) => match answer.kind() {
            AMQPErrorKind::Soft(soft) => Some(soft.clone()),
            AMQPErrorKind::Hard(_) => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use lapin::protocol::{AMQPError, AMQPHardError};

    use super::*;

    /// Otherwise the messages in flight would be suspects ([`super::super::suspects`]).
    #[test]
    fn what_the_broker_says_of_an_object_is_no_complaint_about_a_message() {
        let said =
            |kind| Error::from(ErrorKind::ProtocolError(AMQPError::new(kind, "inequivalent arg".into())));
        let soft = said(AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED));
        assert!(matches!(fault(soft), BrokerFault::Topology(_)));
        let hard = said(AMQPErrorKind::Hard(AMQPHardError::CONNECTIONFORCED));
        assert!(matches!(fault(hard), BrokerFault::Client(_)));
    }
}
