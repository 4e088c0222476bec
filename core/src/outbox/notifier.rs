//! Wakes the relay after commits.
//!
//! `NOTIFY` takes a database-wide lock at commit, so it is never part of a business transaction: it is sent afterwards,
//! on a connection of its own, once for all the commits since the one before. Losing one costs latency and nothing
//! else, because the relay also polls; hence nothing here can fail or delay a caller.

use std::time::{Duration, Instant};

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use futures_timer::Delay;
use tokio::sync::mpsc;

use super::NOTIFY_CHANNEL;
use crate::platform::database::{self, ConnectFault, DatabaseConfig};

/// Waits between attempts to reconnect, doubling from the first to the second.
const RECONNECT_WAIT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// How long a wake-up may take: usually a millisecond. A connection that does not answer is replaced, whatever lies in between
/// goes on acknowledging what is sent on it.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// How often a connection is tried while there is nothing to send, so that the next wake-up does not have to find out.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(5);
const HEARTBEAT: &str = "SELECT 1";

/// However long the database took.
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

#[derive(Debug, Clone)]
pub struct NotifierConfig {
    pub database: DatabaseConfig,
    /// The shortest pause after a notification; the commits meanwhile share the next one.
    pub shortest_pause: Duration,
}

const NOTIFICATIONS: &str = "comptoir_outbox_notifications_total";

/// Cheap to clone. When the last clone is dropped, a wake-up that is still due is sent and the task ends.
#[derive(Debug, Clone)]
pub struct Notifier {
    // One place: a wake-up that is due already stands for every later one.
    due: mpsc::Sender<()>,
}

impl Notifier {
    /// Starts the sender on the current runtime. Connects when there is something to send.
    pub fn spawn(config: NotifierConfig) -> Self {
        metrics::describe_counter!(NOTIFICATIONS, "Wake-ups sent to the relay");
        metrics::counter!(NOTIFICATIONS).increment(0);
        let (due, received) = mpsc::channel(1);
        tokio::spawn(send_notifications(config, received));
        Self { due }
    }

    /// Says that something was committed. Neither blocks nor fails.
    pub fn wake(&self) {
        // Full: one is due already. Closed: the runtime is going down.
        let _ = self.due.try_send(());
    }
}

async fn send_notifications(config: NotifierConfig, mut due: mpsc::Receiver<()>) {
    // A notification is a transaction, and is sent to its listeners when that is on disk, unless nobody asks for that.
    let statement = format!("BEGIN; SET LOCAL synchronous_commit = off; NOTIFY {NOTIFY_CHANNEL}; COMMIT");
    let mut connection = None;
    while is_due(&mut due, &mut connection).await {
        let begin = Instant::now();
        while let Err(error) = send(&mut connection, &config.database, &statement).await {
            connection = None;
            tracing::warn!(%error, "cannot wake the relay, which will find the events by polling");
            if !reconnect(&mut connection, &config.database, &due).await {
                return;
            }
        }
        metrics::counter!(NOTIFICATIONS).increment(1);
        // As long as the database took, so that one that is busy is asked less often. Usually a part of a millisecond,
        // which tokio's timer would round up to two.
        Delay::new(begin.elapsed().min(LONGEST_PAUSE).max(config.shortest_pause)).await;
    }
}

/// Waits for a wake-up, and tries the connection meanwhile. False when nobody is left who could ask for one.
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

/// Tries until it succeeds, or returns false when nobody is left who could ask for a wake-up.
async fn reconnect(
    connection: &mut Option<AsyncPgConnection>,
    database: &DatabaseConfig,
    due: &mpsc::Receiver<()>,
) -> bool {
    let (mut wait, longest) = RECONNECT_WAIT;
    while !due.is_closed() {
        tokio::time::sleep(wait.mul_f64(rand::random_range(0.5..1.0))).await;
        match database::connect(database).await {
            Ok(open) => {
                *connection = Some(open);
                return true;
            }
            Err(error) => tracing::debug!(%error, "cannot connect to wake the relay"),
        }
        wait = (wait * 2).min(longest);
    }
    false
}
