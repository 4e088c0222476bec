//! Watches an open connection, also while nothing is published: checks that the broker still answers, and that its objects
//! still exist.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use lapin::Connection;
use lapin::options::BasicQosOptions;
use tokio::task::JoinHandle;

use super::lapin_task;
use super::pulse::Pulse;
use super::topology;
use crate::config::BrokerConfig;
use crate::error::BrokerFault;

/// How often the broker is asked for an answer, if nothing else was heard from it.
const PULSE_EVERY: Duration = Duration::from_millis(500);

/// The task that watches. It is aborted when this is dropped, and does not keep the connection open.
#[derive(Debug)]
pub(super) struct Watch(JoinHandle<BrokerFault>);

impl Watch {
    pub(super) fn start(connection: Arc<Connection>, config: BrokerConfig, pulse: Arc<Pulse>) -> Self {
        Self(tokio::spawn(async move {
            let Err(fault) = tokio::select! {
                ended = feel(&connection, &pulse) => ended,
                ended = look(&connection, &config) => ended,
            };
            fault
        }))
    }

    /// Waits until the connection fails, and returns why. Nothing is lost if the future is dropped.
    pub(super) async fn failed(&mut self) -> BrokerFault {
        (&mut self.0).await.unwrap_or_else(|stopped| lapin_task(&stopped))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Asks the broker for answers, on a channel of its own, so that no other wait delays them.
async fn feel(connection: &Connection, pulse: &Pulse) -> Result<Infallible, BrokerFault> {
    let channel = connection.create_channel().await?;
    loop {
        tokio::time::sleep(PULSE_EVERY).await;
        // A broker that blocks answers when the block ends, if at all.
        if !pulse.is_blocked() && pulse.silence().is_none_or(|silence| silence >= PULSE_EVERY) {
            // Without consumers on the channel, this changes nothing, needs no permission, and is answered.
            channel.basic_qos(0, BasicQosOptions::default()).await?;
            pulse.hear();
        }
    }
}

async fn look(connection: &Connection, config: &BrokerConfig) -> Result<Infallible, BrokerFault> {
    let limit = Duration::from_millis(config.connect_timeout_ms);
    let mut channel = None;
    loop {
        tokio::time::sleep(Duration::from_millis(config.verify_interval_ms)).await;
        match tokio::time::timeout(limit, topology::inspect(connection, &mut channel, config)).await {
            Ok(looked) => looked?,
            Err(_) => {
                // The channel still expects the answer of this attempt, so the next one opens another.
                channel = None;
                tracing::warn!(
                    limit_ms = config.connect_timeout_ms,
                    "the broker does not say whether its objects are there"
                );
            }
        }
    }
}
