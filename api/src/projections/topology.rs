//! The objects that the projections declare at the broker: their queue and its bindings, and where a message goes that ends the process
//! each time it comes.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, Connection, Error, ErrorKind, ExchangeKind};

use super::config::ProjectionsConfig;

/// What the queue is bound to.
const PATTERNS: [&str; 6] =
    ["order.*", "customer.*", "product.*", "invoice.validated", "credit_note.issued", "payment.*"];
/// A message that was delivered so often without an acknowledgement becomes a dead letter. It is not the message's fault if a connection
/// ends, so this is far away: RabbitMQ 3 has no limit by default, RabbitMQ 4 has 20.
const DELIVERY_LIMIT: i32 = 1_000;

/// What the broker has of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Queue {
    /// Messages that wait in it.
    pub(super) messages: u32,
    pub(super) consumers: u32,
}

/// Returns the state of the queue; `None` if there is none.
///
/// # Errors
/// Fails if the broker does not say.
pub(super) async fn look(connection: &Connection, queue: &str) -> Result<Option<Queue>, Error> {
    // If it is not there, the broker closes the channel.
    let channel = connection.create_channel().await?;
    let passive = QueueDeclareOptions { passive: true, ..Default::default() };
    match channel.queue_declare(queue.into(), passive, FieldTable::default()).await {
        Ok(found) => Ok(Some(Queue { messages: found.message_count(), consumers: found.consumer_count() })),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_missing(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(answer)
        if matches!(answer.kind(), AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND)))
}

/// Declares what is not there.
///
/// # Errors
/// Fails if the broker refuses, such as if an object exists with other properties.
pub(super) async fn declare(connection: &Connection, config: &ProjectionsConfig) -> Result<(), Error> {
    let queue = config.queue.as_str();
    let channel = connection.create_channel().await?;
    let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
    let exchange = ShortString::from(config.exchange.as_str());
    // As the relay declares it: whoever comes first makes it.
    channel.exchange_declare(exchange.clone(), ExchangeKind::Topic, durable, FieldTable::default()).await?;
    let dead = format!("{queue}.dlx");
    channel
        .exchange_declare(dead.as_str().into(), ExchangeKind::Fanout, durable, FieldTable::default())
        .await?;
    let dead_letters = format!("{queue}.dead-letters");
    declare_queue(&channel, &dead_letters, [("x-queue-type", text("quorum"))]).await?;
    bind(&channel, &dead_letters, dead.as_str().into(), "").await?;
    let arguments = [
        ("x-queue-type", text("quorum")),
        // One process receives, in the order of the queue; the next takes over when that one ends.
        ("x-single-active-consumer", AMQPValue::Boolean(true)),
        ("x-delivery-limit", AMQPValue::LongInt(DELIVERY_LIMIT)),
        ("x-dead-letter-exchange", text(&dead)),
        ("x-dead-letter-strategy", text("at-least-once")),
        ("x-overflow", text("reject-publish")),
    ];
    declare_queue(&channel, queue, arguments).await?;
    for pattern in PATTERNS {
        bind(&channel, queue, exchange.clone(), pattern).await?;
    }
    channel.close(200, "OK".into()).await
}

async fn declare_queue<const N: usize>(
    channel: &Channel,
    name: &str,
    arguments: [(&str, AMQPValue); N],
) -> Result<(), Error> {
    let durable = QueueDeclareOptions { durable: true, ..Default::default() };
    let mut table = FieldTable::default();
    for (key, value) in arguments {
        table.insert(key.into(), value);
    }
    channel.queue_declare(name.into(), durable, table).await?;
    Ok(())
}

async fn bind(channel: &Channel, queue: &str, exchange: ShortString, pattern: &str) -> Result<(), Error> {
    channel
        .queue_bind(
            queue.into(),
            exchange,
            pattern.into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        )
        .await
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}
