//! The objects that the relay declares at the broker: when it connects, and again if they go while it is connected.

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

/// In the order in which they depend on one another.
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

    /// Makes it, or finds that it is as it would be made. What exists otherwise (an alternate exchange, another type) is the
    /// operator's decision and an error here, which says so.
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

    /// Whether there is one of this name, whatever it is like. Without one, the channel is closed.
    ///
    /// A queue that is just being deleted is found, and gone before the answer comes: declaring it then would make it anew, and
    /// nobody would know that its messages are lost. It is bound instead, as it should be anyway, which needs a queue.
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

/// As which kind of queue the relay declares the one for dead letters.
pub(crate) fn dead_letter_queue_arguments() -> FieldTable {
    let mut quorum = FieldTable::default();
    quorum.insert(short("x-queue-type"), AMQPValue::LongString("quorum".into()));
    quorum
}

/// Makes everything that does not exist yet.
pub(super) async fn declare(channel: &Channel, config: &BrokerConfig) -> Result<(), Error> {
    for object in ALL {
        object.declare(channel, config).await?;
    }
    Ok(())
}

/// Looks whether everything is still as it was declared. What was deleted is declared again, with a line in the log, since
/// messages and bindings went with it. `channel` is the look's own, and opened when there is none.
///
/// # Errors
/// Something exists otherwise than the relay declares it, or the connection is gone.
pub(super) async fn inspect(
    connection: &Connection,
    channel: &mut Option<Channel>,
    config: &BrokerConfig,
) -> Result<(), BrokerFault> {
    for object in ALL {
        if !object.is_there(opened(connection, channel).await?, config).await.map_err(fault)? {
            *channel = None;
            metrics::topology_fault(object.word(), "missing");
            tracing::warn!(
                object = object.word(),
                name = object.name(config),
                "deleted at the broker: it is declared again, and its bindings are gone with it"
            );
        }
        if let Err(error) = object.declare(opened(connection, channel).await?, config).await {
            if is_about_a_channel(&error) {
                metrics::topology_fault(object.word(), "different");
            }
            return Err(fault(error));
        }
    }
    Ok(())
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

/// An exception of the look's channel is about the objects, and not about a message.
fn fault(error: Error) -> BrokerFault {
    if is_about_a_channel(&error) { BrokerFault::Topology(error) } else { BrokerFault::Client(error) }
}

/// The broker closes the channel for it, and not the connection.
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
