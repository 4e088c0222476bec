//! The floor of the drain: a program that only publishes, with a pipelined window of confirms, as fast as the library and the
//! broker permit.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, PublisherConfirm};

use crate::harness::{EXCHANGE, declare_exchange};

pub(super) const QUEUE: &str = "bench";

/// One message, before it becomes an AMQP message.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) aggregate_id: String,
    pub(super) occurred_at: String,
    pub(super) payload: String,
}

/// A connection to a virtual host with its exchange and a durable quorum queue that is bound to all events.
pub(super) struct Broker {
    // Kept alive: the channel ends with its connection.
    _connection: Connection,
    pub(super) channel: Channel,
}

impl Broker {
    pub(super) async fn open(amqp_url: &str) -> Result<Self> {
        Self::open_with(amqp_url, None).await
    }

    /// Like [`Self::open`] with a queue that keeps only its newest messages, for backlogs that should not fill the broker's
    /// disk.
    pub(super) async fn open_forgetful(amqp_url: &str, messages: i64) -> Result<Self> {
        Self::open_with(amqp_url, Some(messages)).await
    }

    async fn open_with(amqp_url: &str, max_length: Option<i64>) -> Result<Self> {
        let connection = Connection::connect(amqp_url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        declare_exchange(&channel, EXCHANGE).await?;
        let broker = Self { _connection: connection, channel };
        broker.declare_queue(false, max_length).await?;
        let everything = (QUEUE.into(), EXCHANGE.into(), "thing.#".into());
        broker
            .channel
            .queue_bind(
                everything.0,
                everything.1,
                everything.2,
                QueueBindOptions::default(),
                FieldTable::default(),
            )
            .await?;
        Ok(broker)
    }

    async fn declare_queue(&self, passive: bool, max_length: Option<i64>) -> Result<u32> {
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        if let Some(messages) = max_length {
            arguments.insert("x-max-length".into(), AMQPValue::LongLongInt(messages));
        }
        let options = QueueDeclareOptions { durable: true, passive, ..Default::default() };
        Ok(self.channel.queue_declare(QUEUE.into(), options, arguments).await?.message_count())
    }

    /// Returns the number of messages in the queue.
    pub(super) async fn depth(&self) -> Result<u32> {
        self.declare_queue(true, None).await
    }

    /// Publishes all events with at most `unconfirmed` unconfirmed messages. Returns the time until the last confirm.
    pub(super) async fn publish(&self, events: &[Event], unconfirmed: usize) -> Result<Duration> {
        let begin = Instant::now();
        let mut window: VecDeque<PublisherConfirm> = VecDeque::with_capacity(unconfirmed);
        for event in events {
            if window.len() >= unconfirmed
                && let Some(oldest) = window.pop_front()
            {
                confirmed(oldest).await?;
            }
            let confirm = publish(&self.channel, event).await?;
            window.push_back(confirm);
        }
        for confirm in window {
            confirmed(confirm).await?;
        }
        Ok(begin.elapsed())
    }
}

/// Publishes one message. Its confirm can be awaited.
pub(super) async fn publish(channel: &Channel, event: &Event) -> Result<PublisherConfirm> {
    let options = BasicPublishOptions { mandatory: true, ..Default::default() };
    let (key, body) = ("thing.happened".into(), event.payload.as_bytes());
    Ok(channel.basic_publish(EXCHANGE.into(), key, options, body, properties(event)).await?)
}

pub(super) async fn confirmed(confirm: PublisherConfirm) -> Result<()> {
    let confirmation = confirm.await?;
    ensure!(matches!(confirmation, Confirmation::Ack(None)), "not confirmed: {confirmation:?}");
    Ok(())
}

/// Returns the same properties and headers as the relay's messages have.
fn properties(event: &Event) -> BasicProperties {
    let text = |text: &str| AMQPValue::LongString(text.into());
    let mut headers = FieldTable::default();
    headers.insert("event-id".into(), text(&event.id));
    headers.insert("event-type".into(), text("thing.happened"));
    headers.insert("aggregate-type".into(), text("thing"));
    headers.insert("aggregate-id".into(), text(&event.aggregate_id));
    headers.insert("tenant-id".into(), text("00000000-0000-0000-0000-000000000000"));
    headers.insert("schema-version".into(), AMQPValue::LongInt(1));
    headers.insert("occurred-at".into(), text(&event.occurred_at));
    headers.insert("retry-count".into(), AMQPValue::LongInt(0));
    BasicProperties::default()
        .with_content_type("application/json".into())
        .with_delivery_mode(2)
        .with_message_id(ShortString::from(event.id.as_str()))
        .with_type("thing.happened".into())
        .with_timestamp(1_700_000_000)
        .with_app_id("comptoir".into())
        .with_headers(headers)
}
