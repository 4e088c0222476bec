//! The broker's queue of dead letters has a copy of each. The table decides and the queue informs: what somebody has
//! decided about is taken out of it, or it would grow for ever where nobody consumes it.
//!
//! Copies are taken *before* the decision is written down and acknowledged *after* it. So none is taken that belongs to a
//! later failure of the same event, and whatever happens in between (a crash, a lost connection, a decision that fails) the
//! broker puts all of them back. Other consumers of the queue do not see them meanwhile, and lose nothing. What is left,
//! because the broker was away or the queue is long, [`sweep`] takes out later: whatever was decided about and is in no table
//! of the outbox any more.

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

/// Messages that are looked at, unless somebody says otherwise.
const MESSAGES: u32 = 10_000;
/// Bytes of their bodies, which come along.
const BYTES: usize = 64 * 1024 * 1024;
/// The broker's answers to all that is asked.
const TIME: Duration = Duration::from_secs(30);
/// Ids in one statement.
const BATCH: usize = 500;
/// RabbitMQ 4.0 to 4.2 delete a message that was put back more than 20 times, by default. One that was put back so often is
/// left to somebody else.
const RETURNS: i64 = 10;
/// Messages that are acknowledged before the queue is asked whether it has heard. The broker keeps acknowledgements to itself
/// where a quorum queue has not written down 32 others yet, and forgets them when the channel is closed: of 200 that were sent
/// at once, up to 167 were put back.
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

/// What was found in the queue and is held, until it is acknowledged or put back.
pub(super) struct Copies {
    connection: Link,
    channel: Channel,
    queue: ShortString,
    held: Vec<Held>,
    /// There are more that were not looked at.
    is_cut: bool,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    event: Uuid,
    tag: u64,
}

/// What became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Swept {
    pub(super) looked_at: usize,
    pub(super) removed: usize,
    /// The queue may have more of them.
    pub(super) is_cut: bool,
}

impl Copies {
    /// Takes messages out of the queue, up to the limits; those that are no copies of events of ours are put back with the
    /// others.
    ///
    /// # Errors
    /// The broker's own; then nothing is held.
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
        // What arrives meanwhile is none of ours.
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

    /// How many messages are in the queue; none where there is no such queue.
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
    /// The broker's or the database's: then it is unknown which were acknowledged; the broker puts the others back.
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

    /// Where there is nothing to acknowledge, the queue may be missing, and then there is no channel any more.
    async fn acknowledge(self, tags: Vec<u64>) -> Result<(), BrokerFault> {
        if !self.held.is_empty() {
            for batch in tags.chunks(AT_ONCE) {
                for tag in batch {
                    self.channel.basic_ack(*tag, BasicAckOptions::default()).await?;
                }
                // The queue answers when it has done what it was sent before. What it answers with goes back with the others.
                self.channel.basic_get(self.queue.clone(), BasicGetOptions::default()).await?;
            }
            // All that are left. From RabbitMQ 4.3 on this does not count as a failed delivery, as closing the channel might.
            let all = BasicNackOptions { multiple: true, requeue: true };
            self.channel.basic_nack(0, all).await?;
            // The answer says that all of this was done.
            self.channel.close(200, "done".into()).await?;
        }
        // What is not acknowledged goes back when the connection goes.
        self.connection.close().await;
        Ok(())
    }

    /// The events whose copies are held.
    pub(super) fn events(&self) -> HashSet<Uuid> {
        self.held.iter().map(|copy| copy.event).collect()
    }
}

/// Where nobody answers any more, the broker puts back what is held when the connection goes.
async fn bounded<T>(work: impl Future<Output = Result<T, BrokerFault>>) -> Result<T, BrokerFault> {
    let limit_ms = u64::try_from(TIME.as_millis()).unwrap_or(u64::MAX);
    tokio::time::timeout(TIME, work).await.unwrap_or(Err(BrokerFault::ConnectTimeout(limit_ms)))
}

fn copy(message: &Delivery) -> Option<Held> {
    let id = message.properties.message_id().as_ref()?;
    Some(Held { event: id.as_str().parse().ok()?, tag: message.delivery_tag })
}

/// How often a quorum queue had the message back.
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
/// The database or the broker is not reached.
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
