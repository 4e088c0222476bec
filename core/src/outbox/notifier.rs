//! Wakes the relay after commits.
//!
//! `NOTIFY` takes a database-wide lock at commit, so it is never part of a business transaction. It is sent afterwards, on
//! a connection of its own, once for all commits since the previous one. A lost notification costs only latency, because
//! the relay also polls; so nothing here can fail or delay a caller.

use std::time::{Duration, Instant};

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use futures_timer::Delay;
use tokio::sync::{Mutex, mpsc};

use super::NOTIFY_CHANNEL;
use crate::platform::backoff::Backoff;
use crate::platform::database::{self, ConnectFault, DatabaseConfig};

/// The first and the longest wait between attempts to reconnect, in milliseconds.
const RECONNECT_MS: (u64, u64) = (100, 5000);

/// How long a wake-up may take; it usually takes a millisecond. A connection that does not answer is replaced, even if a proxy
/// in between still acknowledges the bytes sent on it.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// How often an idle connection is tested, so that a broken one is replaced before the next wake-up needs it.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(5);
const HEARTBEAT: &str = "SELECT 1";

/// The longest pause after a notification, however long the database took.
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

#[derive(Debug, Clone)]
pub struct NotifierConfig {
    pub database: DatabaseConfig,
    /// The shortest pause after a notification; all commits during the pause share the next one.
    pub shortest_pause: Duration,
}

const NOTIFICATIONS: &str = "comptoir_outbox_notifications_total";

/// Sends wake-ups to the relay. Cheap to clone. When the last clone is dropped, a wake-up that is still due is sent and the
/// task ends, unless it is ended before.
#[derive(Debug, Clone)]
pub struct Notifier {
    // Capacity 1: a wake-up that is already due stands for every later one.
    due: mpsc::Sender<()>,
}

impl Notifier {
    /// Returns the notifier, and what sends for it, which connects when there is something to send.
    pub fn new(config: NotifierConfig) -> (Self, Sending) {
        metrics::describe_counter!(NOTIFICATIONS, "Wake-ups sent to the relay");
        metrics::counter!(NOTIFICATIONS).increment(0);
        let (due, received) = mpsc::channel(1);
        (Self { due }, Sending { config, due: Mutex::new(received) })
    }

    /// Starts the task on the current runtime, where nothing watches it: for commands and tests.
    pub fn spawn(config: NotifierConfig) -> Self {
        let (notifier, sending) = Self::new(config);
        tokio::spawn(async move { sending.send().await });
        notifier
    }

    /// Requests a wake-up after a commit. Neither blocks nor fails.
    pub fn wake(&self) {
        // Full: a wake-up is already due. Closed: the runtime is shutting down.
        let _ = self.due.try_send(());
    }
}

/// Sends the wake-ups.
#[derive(Debug)]
pub struct Sending {
    config: NotifierConfig,
    /// Held by the one task that sends.
    due: Mutex<mpsc::Receiver<()>>,
}

impl Sending {
    /// Sends until every [`Notifier`] is dropped.
    pub async fn send(&self) {
        send_notifications(&self.config, &mut *self.due.lock().await).await;
    }
}

async fn send_notifications(config: &NotifierConfig, due: &mut mpsc::Receiver<()>) {
    // A notification is a transaction. Without `synchronous_commit = off`, listeners get it only once that is on disk.
    let statement = format!("BEGIN; SET LOCAL synchronous_commit = off; NOTIFY {NOTIFY_CHANNEL}; COMMIT");
    let mut connection = None;
    while is_due(due, &mut connection).await {
        let begin = Instant::now();
        while let Err(error) = send(&mut connection, &config.database, &statement).await {
            connection = None;
            tracing::warn!(%error, "cannot wake the relay, which will find the events by polling");
            if !reconnect(&mut connection, &config.database, due).await {
                return;
            }
        }
        metrics::counter!(NOTIFICATIONS).increment(1);
        // Pauses as long as the database took, so that a busy database is asked less often. That is usually a fraction of
        // a millisecond, which tokio's timer would round up to two milliseconds.
        Delay::new(begin.elapsed().min(LONGEST_PAUSE).max(config.shortest_pause)).await;
    }
}

/// Waits for a wake-up, and tests the connection meanwhile. Returns false once every [`Notifier`] is dropped.
async fn is_due(due: &mut mpsc::Receiver<()>, connection: &mut Option<AsyncPgConnection>) -> bool {
    loop {
        if let Ok(asked) = tokio::time::timeout(HEARTBEAT_EVERY, due.recv()).await {
            return asked.is_some();
        }
        if let Some(open) = connection
            && let Err(error) = answered(open, HEARTBEAT).await
        {
            tracing::debug!(%error, "the connection for wake-ups is gone");
            *connection = None;
        }
    }
}

async fn send(
    connection: &mut Option<AsyncPgConnection>,
    database: &DatabaseConfig,
    statement: &str,
) -> Result<(), database::ConnectError> {
    let open = match connection {
        Some(open) => open,
        closed => closed.insert(database::connect(database).await?),
    };
    Ok(answered(open, statement).await?)
}

async fn answered(connection: &mut AsyncPgConnection, statement: &str) -> Result<(), ConnectFault> {
    match tokio::time::timeout(ANSWER_LIMIT, connection.batch_execute(statement)).await {
        Ok(done) => done.map_err(|error| ConnectFault::Unreachable(error.to_string())),
        Err(_) => Err(ConnectFault::Timeout { limit_ms: ANSWER_LIMIT.as_millis() as u64 }),
    }
}

/// Tries to connect until it succeeds. Returns false once every [`Notifier`] is dropped.
async fn reconnect(
    connection: &mut Option<AsyncPgConnection>,
    database: &DatabaseConfig,
    due: &mpsc::Receiver<()>,
) -> bool {
    let mut backoff = Backoff::new(RECONNECT_MS.0, RECONNECT_MS.1);
    while !due.is_closed() {
        tokio::time::sleep(backoff.advance()).await;
        match database::connect(database).await {
            Ok(open) => {
                *connection = Some(open);
                return true;
            }
            Err(error) => tracing::debug!(%error, "cannot connect to wake the relay"),
        }
    }
    false
}
