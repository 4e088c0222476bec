//! One connection to the broker with one channel in confirm mode, and the objects that the relay declares.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::BoxStream;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ConnectionProperties, Event, ExchangeKind};

use super::dial;
use crate::config::BrokerConfig;
use crate::error::BrokerFault;
use crate::message::{LEAST_FRAME_BYTES, short};

/// A usable connection. Dropping it closes the connection.
pub(super) struct Session {
    pub(super) channel: Arc<Channel>,
    /// The largest frame that was agreed on, in bytes.
    pub(super) frame_max: usize,
    pub(super) opened_at: Instant,
    pub(super) events: BoxStream<'static, Event>,
    // Held: the connection closes when the last of these goes.
    _connection: Connection,
}

impl Session {
    /// Connects, declares, and puts the channel into confirm mode.
    pub(super) async fn open(config: BrokerConfig, name: String) -> Result<Self, BrokerFault> {
        let limit = Duration::from_millis(config.connect_timeout_ms);
        tokio::time::timeout(limit, Self::open_unbounded(&config, name))
            .await
            .unwrap_or(Err(BrokerFault::ConnectTimeout(config.connect_timeout_ms)))
    }

    async fn open_unbounded(config: &BrokerConfig, name: String) -> Result<Self, BrokerFault> {
        let connection = connect_unbounded(config, name).await?;
        let frame_max = connection.configuration().frame_max();
        let frame_max = usize::try_from(frame_max)
            .ok()
            .filter(|bytes| *bytes >= LEAST_FRAME_BYTES)
            .ok_or(BrokerFault::FrameTooSmall(frame_max))?;
        // The only listener: two would share the events between them.
        let events = connection.events_listener().boxed();
        let channel = connection.create_channel().await?;
        declare(&channel, config).await?;
        channel.confirm_select(Default::default()).await?;
        Ok(Self {
            channel: Arc::new(channel),
            frame_max,
            opened_at: Instant::now(),
            events,
            _connection: connection,
        })
    }
}

/// A connection for something else than publishing events.
pub(crate) async fn connect(config: &BrokerConfig, name: &str) -> Result<Connection, BrokerFault> {
    let limit = Duration::from_millis(config.connect_timeout_ms);
    tokio::time::timeout(limit, connect_unbounded(config, name.to_owned()))
        .await
        .unwrap_or(Err(BrokerFault::ConnectTimeout(config.connect_timeout_ms)))
}

async fn connect_unbounded(config: &BrokerConfig, name: String) -> Result<Connection, BrokerFault> {
    // Recovery is the relay's own: lapin's would publish on a channel whose confirms it no longer knows.
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    dial::dial(config, properties).await
}

/// As which kind of queue the relay declares the one for dead letters.
pub(crate) fn dead_letter_queue_arguments() -> FieldTable {
    let mut quorum = FieldTable::default();
    quorum.insert(short("x-queue-type"), AMQPValue::LongString("quorum".into()));
    quorum
}

/// The exchange, the dead-letter exchange, and the queue bound to it. An exchange that exists otherwise (an alternate
/// exchange, another type) is the operator's decision and an error here, which says so.
async fn declare(channel: &Channel, config: &BrokerConfig) -> Result<(), lapin::Error> {
    let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
    for exchange in [&config.exchange, &config.dead_letter_exchange] {
        channel
            .exchange_declare(short(exchange.as_str()), ExchangeKind::Topic, durable, FieldTable::default())
            .await?;
    }
    let durable = QueueDeclareOptions { durable: true, ..Default::default() };
    channel
        .queue_declare(short(config.dead_letter_queue.as_str()), durable, dead_letter_queue_arguments())
        .await?;
    channel
        .queue_bind(
            short(config.dead_letter_queue.as_str()),
            short(config.dead_letter_exchange.as_str()),
            short("#"),
            QueueBindOptions::default(),
            FieldTable::default(),
        )
        .await
}
