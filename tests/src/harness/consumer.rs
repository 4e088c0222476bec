//! An independent consumer: a durable quorum queue of its own, bound to every event, read with acknowledgements.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use futures::StreamExt;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicQosOptions, ExchangeDeclareOptions, QueueBindOptions,
    QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ConnectionProperties, ExchangeKind};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::ledger::{Ledger, Receipt};

use super::contracts::Contracts;
use super::wait::until;

/// The exchange to which the relay publishes by default.
pub const EXCHANGE: &str = "commercial-management";
const PREFETCH: u16 = 500;
const CONNECT_LIMIT: Duration = Duration::from_secs(30);
const RECONNECT_PAUSE: Duration = Duration::from_millis(200);
/// The most messages that do not fit their contracts of which it is kept why not.
const MISFITS_AT_MOST: usize = 100;
/// Messages are acknowledged in groups of at most this many.
const ACK_AT_MOST: usize = 100;

/// A message as it arrived.
#[derive(Debug, Clone)]
pub struct Message {
    pub id: String,
    pub routing_key: String,
    pub body: String,
    pub redelivered: bool,
    pub properties: lapin::BasicProperties,
}

impl Message {
    /// Returns a header as text; numbers as digits.
    pub fn header(&self, name: &str) -> Option<String> {
        header(&self.properties, name)
    }
}

fn header(properties: &lapin::BasicProperties, name: &str) -> Option<String> {
    match properties.headers().as_ref()?.inner().get(name)? {
        AMQPValue::LongString(text) => Some(text.to_string()),
        AMQPValue::ShortString(text) => Some(text.to_string()),
        AMQPValue::Boolean(value) => Some(value.to_string()),
        AMQPValue::ShortShortInt(value) => Some(value.to_string()),
        AMQPValue::ShortInt(value) => Some(value.to_string()),
        AMQPValue::LongInt(value) => Some(value.to_string()),
        AMQPValue::LongLongInt(value) => Some(value.to_string()),
        other => Some(format!("{other:?}")),
    }
}

/// Options of the consumer's queue.
#[derive(Debug, Clone)]
pub struct QueueOptions {
    pub name: String,
    pub exchange: String,
    pub binding: String,
    /// Whether to keep whole messages, not only the ledger: for tests, not for loads.
    pub keep_messages: bool,
    /// Whether to compare every message with the contract of its event: where all events are the API's.
    pub contracts: bool,
}

impl Default for QueueOptions {
    fn default() -> Self {
        Self {
            name: "independent-consumer".to_owned(),
            exchange: EXCHANGE.to_owned(),
            binding: "#".to_owned(),
            keep_messages: true,
            contracts: false,
        }
    }
}

#[derive(Debug, Default)]
struct Received {
    ledger: Ledger,
    messages: Vec<Message>,
    misfits: Misfits,
}

/// Messages that are not as the contracts of their events say.
#[derive(Debug, Clone, Default)]
pub struct Misfits {
    pub count: u64,
    /// What is wrong with the first ones; at most 100.
    pub first: Vec<String>,
}

/// A consumer that reads until it is dropped, and reconnects when the connection is lost.
#[derive(Debug)]
pub struct Consumer {
    received: Arc<Mutex<Received>>,
    task: JoinHandle<()>,
}

impl Consumer {
    /// Declares the exchange (as the relay does), the queue and the binding, and begins to read.
    ///
    /// # Errors
    /// Fails if the broker refuses.
    pub async fn attach(amqp_url: &str, options: QueueOptions) -> Result<Self> {
        let received = Arc::new(Mutex::new(Received::default()));
        let what = format!("a consumer on {}", options.name);
        let first = until(what, CONNECT_LIMIT, async || Ok(Reader::open(amqp_url, &options).await?)).await?;
        let task = tokio::spawn(read(first, amqp_url.to_owned(), options, Arc::clone(&received)));
        Ok(Self { received, task })
    }

    fn received(&self) -> MutexGuard<'_, Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `look` with the ledger. It must be quick: nothing is received meanwhile.
    pub fn with_ledger<T>(&self, look: impl FnOnce(&Ledger) -> T) -> T {
        look(&self.received().ledger)
    }

    /// Returns how many different events have arrived.
    pub fn distinct(&self) -> usize {
        self.received().ledger.distinct()
    }

    /// Returns the messages that are not as the contracts of their events say, repeats included; none unless [`QueueOptions::contracts`] is set.
    pub fn misfits(&self) -> Misfits {
        self.received().misfits.clone()
    }

    /// Returns all messages in the order of arrival, repeats included.
    pub fn messages(&self) -> Vec<Message> {
        self.received().messages.clone()
    }

    /// Returns the messages of one event type.
    pub fn of_type(&self, event_type: &str) -> Vec<Message> {
        let received = self.received();
        received.messages.iter().filter(|message| message.routing_key == event_type).cloned().collect()
    }

    /// Waits until this many different events have arrived.
    ///
    /// # Errors
    /// Fails at the deadline.
    pub async fn wait_for(&self, events: usize, limit: Duration) -> Result<()> {
        until(format!("{events} events to arrive"), limit, async || {
            let arrived = self.distinct();
            anyhow::ensure!(arrived >= events, "{arrived} have arrived");
            Ok(())
        })
        .await
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Reader {
    // Kept alive: the channel ends with its connection.
    _connection: Connection,
    consumer: lapin::Consumer,
}

impl Reader {
    async fn open(url: &str, options: &QueueOptions) -> Result<Self> {
        let connection = Connection::connect(url, ConnectionProperties::default())
            .await
            .context("cannot reach RabbitMQ")?;
        let channel = connection.create_channel().await?;
        declare_exchange(&channel, &options.exchange).await?;
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        let durable = QueueDeclareOptions { durable: true, ..Default::default() };
        channel.queue_declare(options.name.as_str().into(), durable, arguments).await?;
        let (queue, exchange) = (options.name.as_str(), options.exchange.as_str());
        channel
            .queue_bind(
                queue.into(),
                exchange.into(),
                options.binding.as_str().into(),
                QueueBindOptions::default(),
                FieldTable::default(),
            )
            .await?;
        channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
        let consumer = channel
            .basic_consume(queue.into(), "".into(), BasicConsumeOptions::default(), FieldTable::default())
            .await?;
        Ok(Self { _connection: connection, consumer })
    }
}

/// Declares the relay's exchange as the relay does: the first of the two creates it.
///
/// # Errors
/// Fails if the broker has an exchange of that name with other properties.
pub async fn declare_exchange(channel: &Channel, name: &str) -> Result<()> {
    let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
    Ok(channel.exchange_declare(name.into(), ExchangeKind::Topic, durable, FieldTable::default()).await?)
}

/// Declares a queue named `narrow` that refuses all messages but the first.
///
/// # Errors
/// Fails if the broker does not answer, or has another queue of that name.
pub async fn narrow_queue(amqp_url: &str, binding: &str) -> Result<(Connection, Channel)> {
    let connection = Connection::connect(amqp_url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    declare_exchange(&channel, EXCHANGE).await?;
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(1));
    arguments.insert("x-overflow".into(), AMQPValue::LongString("reject-publish".into()));
    let durable = QueueDeclareOptions { durable: true, ..Default::default() };
    channel.queue_declare("narrow".into(), durable, arguments).await?;
    let (options, arguments) = (QueueBindOptions::default(), FieldTable::default());
    channel.queue_bind("narrow".into(), EXCHANGE.into(), binding.into(), options, arguments).await?;
    Ok((connection, channel))
}

async fn read(first: Reader, url: String, options: QueueOptions, received: Arc<Mutex<Received>>) {
    let mut reader = Some(first);
    let mut contracts = options.contracts.then(Contracts::default);
    loop {
        if let Some(mut open) = reader.take() {
            // A group has only messages that are there already, so it never waits for more.
            let mut groups = open.consumer.by_ref().ready_chunks(ACK_AT_MOST);
            while let Some(group) = groups.next().await {
                let whole = group.iter().all(Result::is_ok);
                let deliveries: Vec<Delivery> = group.into_iter().flatten().collect();
                for delivery in &deliveries {
                    let misfit = contracts.as_mut().and_then(|contracts| misfit(contracts, delivery));
                    note(&received, delivery, options.keep_messages, misfit);
                }
                // Messages are acknowledged after they are noted. Others come again after a lost connection, as repeats.
                let acknowledged = match deliveries.last() {
                    Some(last) => last.acker.ack(BasicAckOptions { multiple: true }).await.is_ok(),
                    None => true,
                };
                if !whole || !acknowledged {
                    break;
                }
            }
        }
        tokio::time::sleep(RECONNECT_PAUSE).await;
        reader = Reader::open(&url, &options).await.ok();
    }
}

/// What of a message is not as the contract of its event says.
fn misfit(contracts: &mut Contracts, delivery: &Delivery) -> Option<String> {
    let version = header(&delivery.properties, "schema-version").unwrap_or_default();
    contracts.fault(&delivery.routing_key.to_string(), &version, &delivery.data)
}

fn note(received: &Mutex<Received>, delivery: &Delivery, keep: bool, misfit: Option<String>) {
    let now: DateTime<Utc> = SystemTime::now().into();
    let text = |name: &str| match delivery.properties.headers().as_ref()?.inner().get(name)? {
        AMQPValue::LongString(text) => Some(text.to_string()),
        _ => None,
    };
    let id = delivery.properties.message_id().as_ref().map(ToString::to_string).unwrap_or_default();
    let occurred = text("occurred-at").and_then(|text| DateTime::parse_from_rfc3339(&text).ok());
    let latency = occurred.and_then(|at| (now - at.with_timezone(&Utc)).to_std().ok());
    let mut received = received.lock().unwrap_or_else(PoisonError::into_inner);
    received.ledger.record(Receipt {
        // An id that is not a UUID cannot belong to a committed event: it shows up as a ghost.
        id: Uuid::parse_str(&id).unwrap_or_default(),
        latency,
        redelivered: delivery.redelivered,
    });
    if let Some(misfit) = misfit {
        received.misfits.count += 1;
        if received.misfits.first.len() < MISFITS_AT_MOST {
            received.misfits.first.push(misfit);
        }
    }
    if keep {
        received.messages.push(Message {
            id,
            routing_key: delivery.routing_key.to_string(),
            body: String::from_utf8_lossy(&delivery.data).into_owned(),
            redelivered: delivery.redelivered,
            properties: delivery.properties.clone(),
        });
    }
}
