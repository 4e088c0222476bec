//! The floor of the drain: a program that does nothing but publish, with a pipelined window of confirms, as fast as the
//! library and the broker let it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, PublisherConfirm};

use crate::harness::{EXCHANGE, declare_exchange};

/// Unconfirmed messages at most, as the relay's own window.
const WINDOW: usize = 1000;
const QUEUE: &str = "bench";

/// One message, before it is made into AMQP.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) aggregate_id: String,
    pub(super) occurred_at: String,
    pub(super) payload: String,
}

/// A connection to a virtual host, its exchange, and a durable quorum queue that is bound to everything.
pub(super) struct Broker {
    // Held: the channel ends with its connection.
    _connection: Connection,
    channel: Channel,
}

impl Broker {
    pub(super) async fn open(amqp_url: &str) -> Result<Self> {
        let connection = Connection::connect(amqp_url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        declare_exchange(&channel, EXCHANGE).await?;
        let broker = Self { _connection: connection, channel };
        broker.declare_queue(false).await?;
        let everything = (QUEUE.into(), EXCHANGE.into(), "#".into());
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

    async fn declare_queue(&self, passive: bool) -> Result<u32> {
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        let options = QueueDeclareOptions { durable: true, passive, ..Default::default() };
        Ok(self.channel.queue_declare(QUEUE.into(), options, arguments).await?.message_count())
    }

    /// Messages in the queue.
    pub(super) async fn depth(&self) -> Result<u32> {
        self.declare_queue(true).await
    }

    /// Publishes all, and returns how long it took until the last confirm.
    pub(super) async fn publish(&self, events: &[Event]) -> Result<Duration> {
        let begin = Instant::now();
        let mut window: VecDeque<PublisherConfirm> = VecDeque::with_capacity(WINDOW);
        for event in events {
            if window.len() >= WINDOW
                && let Some(oldest) = window.pop_front()
            {
                confirmed(oldest).await?;
            }
            let options = BasicPublishOptions { mandatory: true, ..Default::default() };
            let confirm = self
                .channel
                .basic_publish(
                    EXCHANGE.into(),
                    "thing.happened".into(),
                    options,
                    event.payload.as_bytes(),
                    properties(event),
                )
                .await?;
            window.push_back(confirm);
        }
        for confirm in window {
            confirmed(confirm).await?;
        }
        Ok(begin.elapsed())
    }
}

async fn confirmed(confirm: PublisherConfirm) -> Result<()> {
    let confirmation = confirm.await?;
    ensure!(matches!(confirmation, Confirmation::Ack(None)), "not confirmed: {confirmation:?}");
    Ok(())
}

/// The same properties and headers as the relay's.
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
