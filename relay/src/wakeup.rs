//! Listens for wake-ups of writers and of other relays, on a connection of its own. If it is lost, only latency suffers:
//! events are also found by polling, and free shards by the next renewal.

use std::sync::Arc;
use std::time::Duration;

use comptoir_core::outbox::{NOTIFY_CHANNEL, leases::LEASES_CHANNEL};
use comptoir_core::platform::database::{self, DatabaseConfig};
use diesel_async::SimpleAsyncConnection;
use futures::StreamExt;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::answer_timeout::answered_within;
use crate::error::DatabaseFault;
use crate::metrics;
use comptoir_core::platform::backoff::Backoff;
use comptoir_core::services::{Description, Fault, Run, Service, Summary};
use futures::future::BoxFuture;

/// How long the connection may be silent before it is tested, and how long the answer to the test may take. So a broken
/// connection is noticed within the sum of both, even if a load balancer in between goes on acknowledging.
const SILENCE: Duration = Duration::from_secs(2);
const ANSWER_LIMIT: Duration = Duration::from_secs(3);
const HEARTBEAT: &str = "SELECT 1";

/// The wake-ups that can be awaited. One that comes while no task waits is kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct WakeUps {
    pub(crate) events: Arc<Notify>,
    pub(crate) leases: Arc<Notify>,
}

/// The service `wake_ups`.
#[derive(Debug)]
pub(crate) struct Listening {
    database: DatabaseConfig,
    heard: WakeUps,
}

/// Returns the wake-ups, and the service that listens for them.
pub(crate) fn listening(database: DatabaseConfig) -> (WakeUps, Listening) {
    let heard = WakeUps::default();
    (heard.clone(), Listening { database, heard })
}

impl Listening {
    /// Listens until `stop`.
    pub(crate) async fn work(&self, stop: CancellationToken) {
        run(self.database.clone(), self.heard.clone(), stop).await;
    }
}

impl Service for Listening {
    fn describe(&self) -> Description {
        Description::continuous("wake_ups", "Listens for the wake-ups of writers and of other relays").quiet()
    }

    fn run<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, Result<Summary, Fault>> {
        Box::pin(async move {
            self.work(run.stop().clone()).await;
            Ok(Summary::done())
        })
    }
}

async fn run(database: DatabaseConfig, heard: WakeUps, stop: CancellationToken) {
    let mut backoff = Backoff::new(100, 5000);
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => return,
            ended = listen_once(&database, &heard, &mut backoff) => {
                if let Err(fault) = ended {
                    let reason = fault.reason();
                    metrics::database_failed(reason);
                    tracing::debug!(reason, %fault, "not listening for wake-ups");
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(backoff.advance()) => {}
        }
    }
}

async fn listen_once(
    database: &DatabaseConfig,
    heard: &WakeUps,
    backoff: &mut Backoff,
) -> Result<(), DatabaseFault> {
    let mut connection = database::connect(database).await?;
    let listen = format!("LISTEN {NOTIFY_CHANNEL}; LISTEN {LEASES_CHANNEL}");
    answered_within(ANSWER_LIMIT, connection.batch_execute(&listen)).await?;
    backoff.reset();
    // Events that were committed before LISTEN took effect were not announced to this connection.
    heard.events.notify_one();
    loop {
        {
            let mut notifications = std::pin::pin!(connection.notifications_stream());
            while let Ok(next) = tokio::time::timeout(SILENCE, notifications.next()).await {
                let Some(notification) = next else { return Ok(()) };
                match notification?.channel.as_str() {
                    LEASES_CHANNEL => heard.leases.notify_one(),
                    _ => heard.events.notify_one(),
                }
            }
        }
        // Notifications that arrive meanwhile wait in the connection.
        answered_within(ANSWER_LIMIT, connection.batch_execute(HEARTBEAT)).await?;
    }
}
