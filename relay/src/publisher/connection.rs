//! One connection to the broker with one channel in confirm mode.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::BoxStream;
use lapin::{Channel, ConnectionProperties, Event};

use super::link::Link;
use super::pulse::Pulse;
use super::watch::Watch;
use super::{dial, topology};
use crate::config::BrokerConfig;
use crate::error::BrokerFault;
use crate::message::LEAST_FRAME_BYTES;

/// A usable connection. Dropping it resets the connection.
pub(super) struct BrokerConnection {
    pub(super) channel: Arc<Channel>,
    /// The largest frame that was agreed with the broker, in bytes.
    pub(super) frame_max: usize,
    pub(super) opened_at: Instant,
    pub(super) events: BoxStream<'static, Event>,
    pub(super) watch: Watch,
    link: Link,
}

impl BrokerConnection {
    /// Connects, declares the objects, and puts the channel into confirm mode.
    pub(super) async fn open(
        config: BrokerConfig,
        name: String,
        pulse: Arc<Pulse>,
    ) -> Result<Self, BrokerFault> {
        let limit = Duration::from_millis(config.connect_timeout_ms);
        tokio::time::timeout(limit, Self::open_unbounded(&config, name, pulse))
            .await
            .unwrap_or(Err(BrokerFault::ConnectTimeout(config.connect_timeout_ms)))
    }

    async fn open_unbounded(
        config: &BrokerConfig,
        name: String,
        pulse: Arc<Pulse>,
    ) -> Result<Self, BrokerFault> {
        let link = connect_unbounded(config, name).await?;
        let frame_max = link.configuration().frame_max();
        let frame_max = usize::try_from(frame_max)
            .ok()
            .filter(|bytes| *bytes >= LEAST_FRAME_BYTES)
            .ok_or(BrokerFault::FrameTooSmall(frame_max))?;
        // The only listener: two would share the events between them.
        let events = link.events_listener().boxed();
        let channel = link.create_channel().await?;
        topology::declare(&channel, config).await?;
        channel.confirm_select(Default::default()).await?;
        pulse.hear();
        Ok(Self {
            channel: Arc::new(channel),
            frame_max,
            opened_at: Instant::now(),
            events,
            watch: Watch::start(link.connection(), config.clone(), pulse),
            link,
        })
    }

    /// Closes the connection in an orderly way. Nothing may be in flight.
    pub(super) async fn close(self) {
        self.link.close().await;
    }
}

/// Opens a connection for other purposes than publishing events.
pub(crate) async fn connect(config: &BrokerConfig, name: &str) -> Result<Link, BrokerFault> {
    let limit = Duration::from_millis(config.connect_timeout_ms);
    tokio::time::timeout(limit, connect_unbounded(config, name.to_owned()))
        .await
        .unwrap_or(Err(BrokerFault::ConnectTimeout(config.connect_timeout_ms)))
}

async fn connect_unbounded(config: &BrokerConfig, name: String) -> Result<Link, BrokerFault> {
    // The relay recovers by itself: lapin's recovery would publish on a channel whose confirms it no longer knows.
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    dial::dial(config, properties).await
}
