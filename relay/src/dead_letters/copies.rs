//! The copies of dead letters in the broker's queue. The table decides; the queue only informs. When an operator has requeued
//! or discarded a dead letter, its copy is removed: without a consumer the queue would grow for ever.
//!
//! Copies are taken *before* the decision is written down and acknowledged *after* it. So no copy of a later failure of the
//! same event is taken. After a crash, a lost connection or a failed decision in between, the broker puts all copies back.
//! Other consumers do not see the copies meanwhile, and lose none. Some copies may be left, because the broker was not reached
//! or the queue is long. [`sweep`] removes them later: copies of decided events that are in no table of the outbox any more.

use std::collections::HashSet;
use std::io::Write;
use std::time::{Duration, Instant};

use comptoir_core::outbox::operations;
use comptoir_core::platform::database;
use diesel_async::AsyncPgConnection;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicNackOptions, QueueDeclareOptions};
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, ErrorKind};
use serde::Serialize;
use uuid::Uuid;

use crate::config::Config;
use crate::error::{BrokerFault, DatabaseFault, RelayError};
use crate::message::short;
use crate::notes;
use crate::publisher::{self, Link};

/// The default of `--limit`: messages to look at.
const MESSAGES: u32 = 10_000;
/// The limit on the bytes of their bodies, which the broker sends as well.
const BYTES: usize = 64 * 1024 * 1024;
/// The limit on all of the broker's answers together.
const TIME: Duration = Duration::from_secs(30);
/// Ids in one statement.
const BATCH: usize = 500;
/// RabbitMQ 4.0 to 4.2 delete a message that was put back more than 20 times, by default. The command stops at a message that
/// was put back this often.
const RETURNS: i64 = 10;
/// Messages that are acknowledged before the next answer of the queue is awaited. The broker holds acknowledgements back while
/// a quorum queue has not written down 32 others, and forgets them when the channel is closed. For example, of 200
/// acknowledgements that were sent at once, up to 167 messages were put back.
const AT_ONCE: usize = 16;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Messages to look at, at most
    #[arg(long, value_name = "N", default_value_t = MESSAGES, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// What was done, as one JSON object
    #[arg(long)]
    json: bool,
}

/// Copies that were taken out of the queue and are held until they are acknowledged or put back.
pub(super) struct Copies {
    connection: Link,
    channel: Channel,
    queue: ShortString,
    held: Vec<Held>,
    /// Whether the queue has messages that were not looked at.
    is_cut: bool,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    event: Uuid,
    tag: u64,
}

/// The result of [`Copies::settle`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Swept {
    pub(super) looked_at: usize,
    pub(super) removed: usize,
    /// Whether the queue may have more copies.
    pub(super) is_cut: bool,
}

impl Copies {
    /// Takes messages out of the queue, up to the limits. Messages that are not copies of the relay's events are put back with
    /// the others.
    ///
    /// # Errors
    /// Fails if the broker fails; then nothing is held.
    pub(super) async fn take(config: &Config, limit: Option<u32>) -> Result<Self, BrokerFault> {
        bounded(Self::take_unbounded(config, limit.unwrap_or(MESSAGES))).await
    }

    async fn take_unbounded(config: &Config, limit: u32) -> Result<Self, BrokerFault> {
        let connection = publisher::connect(&config.broker, "comptoir relay dead-letters").await?;
        let channel = connection.create_channel().await?;
        let queue = short(&config.broker.dead_letter_queue);
        let mut copies = Self { connection, channel, queue, held: Vec::new(), is_cut: false };
        let Some(waiting) = copies.count().await? else { return Ok(copies) };
        let (began, mut bytes) = (Instant::now(), 0);
        // Messages that arrive meanwhile are not taken.
        for _ in 0..waiting.min(limit) {
            if bytes >= BYTES || began.elapsed() >= TIME / 2 {
                copies.is_cut = true;
                break;
            }
            let queue = copies.queue.clone();
            let Some(message) = copies.channel.basic_get(queue, BasicGetOptions::default()).await? else {
                break;
            };
            bytes += message.data.len();
            copies.held.extend(copy(&message));
            if times_returned(&message) >= RETURNS {
                copies.is_cut = true;
                break;
            }
        }
        copies.is_cut |= waiting > limit;
        Ok(copies)
    }

    /// Returns how many messages are in the queue; `None` if there is no such queue.
    async fn count(&mut self) -> Result<Option<u32>, BrokerFault> {
        let passive = QueueDeclareOptions { passive: true, ..Default::default() };
        match self.channel.queue_declare(self.queue.clone(), passive, FieldTable::default()).await {
            Ok(queue) => Ok(Some(queue.message_count())),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Acknowledges the copies of events that were decided about, just now or before, and puts the others back.
    ///
    /// # Errors
    /// Fails if the broker or the database fails. Then it is unknown which copies were acknowledged; the broker puts the others
    /// back.
    pub(super) async fn settle(
        self,
        connection: &mut AsyncPgConnection,
        decided: &HashSet<Uuid>,
    ) -> Result<Swept, RelayError> {
        let others: Vec<Uuid> =
            self.held.iter().map(|copy| copy.event).filter(|event| !decided.contains(event)).collect();
        let mut closed = HashSet::new();
        for batch in others.chunks(BATCH) {
            closed.extend(operations::closed(connection, batch).await.map_err(DatabaseFault::from)?);
        }
        let is_done = |copy: &&Held| decided.contains(&copy.event) || closed.contains(&copy.event);
        let done: Vec<u64> = self.held.iter().filter(is_done).map(|copy| copy.tag).collect();
        let (looked_at, is_cut, removed) = (self.held.len(), self.is_cut, done.len());
        bounded(self.acknowledge(done)).await?;
        Ok(Swept { looked_at, removed, is_cut })
    }

    /// If no copies are held, the queue may be missing; then the channel is closed already.
    async fn acknowledge(self, tags: Vec<u64>) -> Result<(), BrokerFault> {
        if !self.held.is_empty() {
            for batch in tags.chunks(AT_ONCE) {
                for tag in batch {
                    self.channel.basic_ack(*tag, BasicAckOptions::default()).await?;
                }
                // The queue answers after it has handled the acknowledgements. The message that it returns goes back as well.
                self.channel.basic_get(self.queue.clone(), BasicGetOptions::default()).await?;
            }
            // All remaining copies. From RabbitMQ 4.3 on a nack does not count as a failed delivery; closing the channel might.
            let all = BasicNackOptions { multiple: true, requeue: true };
            self.channel.basic_nack(0, all).await?;
            // The answer to the close says that all of this was done.
            self.channel.close(200, "done".into()).await?;
        }
        // The broker puts unacknowledged copies back when the connection closes.
        self.connection.close().await;
        Ok(())
    }

    /// The events whose copies are held.
    pub(super) fn events(&self) -> HashSet<Uuid> {
        self.held.iter().map(|copy| copy.event).collect()
    }
}

/// Limits the work to [`TIME`]. If the broker does not answer, it puts the held copies back when the connection is closed.
async fn bounded<T>(work: impl Future<Output = Result<T, BrokerFault>>) -> Result<T, BrokerFault> {
    let limit_ms = u64::try_from(TIME.as_millis()).unwrap_or(u64::MAX);
    tokio::time::timeout(TIME, work).await.unwrap_or(Err(BrokerFault::ConnectTimeout(limit_ms)))
}

fn copy(message: &Delivery) -> Option<Held> {
    let id = message.properties.message_id().as_ref()?;
    Some(Held { event: id.as_str().parse().ok()?, tag: message.delivery_tag })
}

/// Returns how often the message was put back into a quorum queue.
fn times_returned(message: &Delivery) -> i64 {
    let headers = message.properties.headers().as_ref();
    match headers.and_then(|headers| headers.inner().get("x-delivery-count")) {
        Some(AMQPValue::LongLongInt(count)) => *count,
        Some(AMQPValue::LongInt(count)) => (*count).into(),
        Some(AMQPValue::LongUInt(count)) => (*count).into(),
        _ => 0,
    }
}

fn is_missing(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(said)
        if matches!(said.kind(), AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND)))
}

/// `relay dead-letters sweep`.
///
/// # Errors
/// Fails if the database or the broker is not reached.
pub(super) async fn sweep(config: &Config, arguments: &Arguments) -> Result<(), RelayError> {
    let mut connection = database::connect(&config.database).await.map_err(DatabaseFault::from)?;
    let copies = Copies::take(config, Some(arguments.limit)).await?;
    let swept = copies.settle(&mut connection, &HashSet::new()).await?;
    // A reader that has gone away, such as `head`, is not an error.
    let _ = if arguments.json {
        // A struct of plain values always serialises.
        writeln!(std::io::stdout(), "{}", serde_json::to_string(&swept).unwrap_or_default())
    } else {
        let Swept { removed, looked_at, .. } = swept;
        writeln!(std::io::stdout(), "taken out of the broker's queue: {removed} of {looked_at} copies")
    };
    if swept.is_cut {
        notes::say("the queue has more: --limit N looks at more of them");
    }
    Ok(())
}
