//! A consumer of the events of orders, as docs/consumers.md describes it. Its dependencies, in Cargo.toml:
//! anyhow = "1", futures = "0.3", lapin = "4", serde_json = "1", tokio-postgres = "0.7",
//! tokio = { version = "1", features = ["macros", "rt", "signal", "time"] }
//!
//! AMQP_URL       the broker
//! DATABASE_URL   the consumer's own database, with the tables of ../schema.sql
//! QUEUE          the name of its queue, and the beginning of all other names
//! PATTERNS       what it wants, "order.*" by default; several are separated by commas
//! EXCHANGE       "commercial-management" by default
//! PARTITIONS     1 by default; with 4, the queues are QUEUE.0 to QUEUE.3, and PARTITION says which one this process reads
//!
//! Run two processes for each queue: one works, the other one takes over when the first one dies.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use futures::StreamExt;
use lapin::message::Delivery;
use lapin::options::*;
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ConnectionProperties, ErrorKind, ExchangeKind};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_postgres::{Client, NoTls};

/// Messages in the hands of this process; the same for every process of a queue.
const PREFETCH: u16 = 16;
/// After so many crashes with the message in hand, it becomes a dead letter.
const DELIVERY_LIMIT: i32 = 100;
/// How long one message is tried while the database does not answer.
const RETRY: Duration = Duration::from_secs(300);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long the database may take for one message, and for a connection.
const DATABASE_LIMIT: Duration = Duration::from_secs(30);
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

struct Settings {
    amqp_url: String,
    database_url: String,
    queue: String,
    patterns: Vec<String>,
    exchange: String,
    partitions: u32,
    partition: u32,
}

impl Settings {
    fn from_environment() -> Result<Self> {
        let get = |name: &str| std::env::var(name).with_context(|| format!("{name} is not set"));
        let or = |name: &str, otherwise: &str| std::env::var(name).unwrap_or_else(|_| otherwise.to_owned());
        Ok(Self {
            amqp_url: get("AMQP_URL")?,
            database_url: get("DATABASE_URL")?,
            queue: get("QUEUE")?,
            patterns: or("PATTERNS", "order.*").split(',').map(str::to_owned).collect(),
            exchange: or("EXCHANGE", "commercial-management"),
            partitions: or("PARTITIONS", "1").parse().context("PARTITIONS")?,
            partition: or("PARTITION", "0").parse().context("PARTITION")?,
        })
    }
}

/// Why a message was not processed.
enum Failure {
    /// It can never be processed.
    Rejected(String),
    /// Trying again may help.
    Database(anyhow::Error),
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

fn table<const N: usize>(entries: [(&str, AMQPValue); N]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in entries {
        table.insert(name.into(), value);
    }
    table
}

/// Declares what this consumer needs. What is there already stays as it is. Returns the queue to read.
async fn declare(connection: &Connection, settings: &Settings) -> Result<(Channel, String)> {
    let Settings { queue, exchange, patterns, .. } = settings;
    let none = FieldTable::default;
    let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
    let mut channel = connection.create_channel().await?;
    // Only looking needs no right to configure it.
    let look = ExchangeDeclareOptions { passive: true, ..Default::default() };
    if let Err(error) =
        channel.exchange_declare(exchange.as_str().into(), ExchangeKind::Topic, look, none()).await
    {
        let missing = matches!(error.kind(), ErrorKind::ProtocolError(answer)
            if matches!(answer.kind(), AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND)));
        if !missing {
            return Err(error.into());
        }
        channel = connection.create_channel().await?;
        // Exactly as the relay does.
        channel.exchange_declare(exchange.as_str().into(), ExchangeKind::Topic, durable, none()).await?;
    }
    let (dlx, dead_letters) = (format!("{queue}.dlx"), format!("{queue}.dead-letters"));
    let durable_queue = QueueDeclareOptions { durable: true, ..Default::default() };
    let quorum = table([("x-queue-type", text("quorum"))]);
    channel.exchange_declare(dlx.as_str().into(), ExchangeKind::Fanout, durable, none()).await?;
    channel.queue_declare(dead_letters.as_str().into(), durable_queue, quorum).await?;
    let bind = QueueBindOptions::default();
    channel.queue_bind(dead_letters.as_str().into(), dlx.as_str().into(), "".into(), bind, none()).await?;
    let arguments = table([
        ("x-queue-type", text("quorum")),
        ("x-single-active-consumer", AMQPValue::Boolean(true)),
        ("x-delivery-limit", AMQPValue::LongInt(DELIVERY_LIMIT)),
        ("x-dead-letter-exchange", text(&dlx)),
        ("x-dead-letter-strategy", text("at-least-once")),
        ("x-overflow", text("reject-publish")), // at-least-once requires it
    ]);
    if settings.partitions == 1 {
        channel.queue_declare(queue.as_str().into(), durable_queue, arguments).await?;
        for pattern in patterns {
            let (to, from) = (queue.as_str().into(), exchange.as_str().into());
            channel.queue_bind(to, from, pattern.as_str().into(), bind, none()).await?;
        }
        return Ok((channel, queue.clone()));
    }
    let hash = format!("{queue}.hash");
    let kind = ExchangeKind::Custom("x-consistent-hash".into());
    let header = table([("hash-header", text("aggregate-id"))]);
    channel.exchange_declare(hash.as_str().into(), kind, durable, header).await?;
    for number in 0..settings.partitions {
        let partition = format!("{queue}.{number}");
        channel.queue_declare(partition.as_str().into(), durable_queue, arguments.clone()).await?;
        // The key is its weight.
        channel.queue_bind(partition.as_str().into(), hash.as_str().into(), "1".into(), bind, none()).await?;
    }
    // Last: an event that came while queues were missing would be in the queue of another aggregate.
    for pattern in patterns {
        let (to, from) = (hash.as_str().into(), exchange.as_str().into());
        channel
            .exchange_bind(to, from, pattern.as_str().into(), ExchangeBindOptions::default(), none())
            .await?;
    }
    Ok((channel, format!("{queue}.{}", settings.partition)))
}

async fn connect(settings: &Settings) -> Result<Client> {
    let connecting = tokio_postgres::connect(&settings.database_url, NoTls);
    let (client, connection) = tokio::time::timeout(CONNECT_LIMIT, connecting).await??;
    tokio::spawn(connection); // if it ends, the next statement fails
    Ok(client)
}

fn header_text(delivery: &Delivery, name: &str) -> Option<String> {
    match delivery.properties.headers().as_ref()?.inner().get(name)? {
        AMQPValue::LongString(text) => Some(text.to_string()),
        _ => None,
    }
}

fn header_number(delivery: &Delivery, name: &str) -> Option<i64> {
    match *delivery.properties.headers().as_ref()?.inner().get(name)? {
        AMQPValue::ShortInt(number) => Some(number.into()),
        AMQPValue::LongInt(number) => Some(number.into()),
        AMQPValue::LongLongInt(number) => Some(number),
        _ => None,
    }
}

/// Processes a message in one transaction, together with the note that it was processed.
async fn apply(database: &mut Client, consumer: &str, delivery: &Delivery) -> Result<(), Failure> {
    let rejected = |reason: &str| Failure::Rejected(reason.to_owned());
    if header_number(delivery, "schema-version") != Some(1) {
        return Err(rejected("its schema-version is not known here"));
    }
    let id = delivery.properties.message_id().as_ref().map(ToString::to_string);
    let event_type = delivery.properties.kind().as_ref().map(ToString::to_string);
    let (order, version) =
        (header_text(delivery, "aggregate-id"), header_number(delivery, "aggregate-version"));
    let (Some(id), Some(event_type), Some(order), Some(version)) = (id, event_type, order, version) else {
        return Err(rejected("properties or headers are missing"));
    };
    let body: serde_json::Value =
        serde_json::from_slice(&delivery.data).map_err(|error| rejected(&error.to_string()))?;
    let total = body["gross_total"].as_str(); // members that are not known are ignored
    let replayed =
        delivery.properties.headers().as_ref().is_some_and(|all| all.inner().contains_key("replayed"));
    let status = event_type.rsplit('.').next().unwrap_or_default();
    let transaction = database.transaction().await?;
    let insert = "INSERT INTO inbox (consumer, message_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    if transaction.execute(insert, &[&consumer, &id]).await? == 0 {
        return Ok(()); // a repeat
    }
    let upsert = "INSERT INTO orders_seen AS seen (order_id, aggregate_version, status, gross_total)
        VALUES ($1, $2, $3, $4::text::numeric)
        ON CONFLICT (order_id) DO UPDATE SET aggregate_version = excluded.aggregate_version, status = excluded.status,
            gross_total = coalesce(excluded.gross_total, seen.gross_total), events = seen.events + 1
        WHERE seen.aggregate_version < excluded.aggregate_version";
    let late = transaction.execute(upsert, &[&order, &version, &status, &total]).await? == 0;
    let log =
        "INSERT INTO applied (message_id, order_id, aggregate_version, event_type, late, replayed, worker)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let worker = std::process::id().to_string();
    transaction.execute(log, &[&id, &order, &version, &event_type, &late, &replayed, &worker]).await?;
    Ok(transaction.commit().await?)
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        // Data exceptions and violated constraints: trying again would change nothing.
        let permanent = error.code().is_some_and(|state| matches!(&state.code()[..2], "22" | "23"));
        if permanent {
            Self::Rejected(format!("the database refuses its values: {error}"))
        } else {
            Self::Database(error.into())
        }
    }
}

/// Tries a message until it is processed: the next one waits, so the order stays. Rejected: why it never will be.
async fn process(
    database: &mut Client,
    settings: &Settings,
    delivery: &Delivery,
    terminate: &mut Signal,
) -> Result<(), String> {
    let (began, mut pause) = (Instant::now(), Duration::from_millis(100));
    loop {
        let applying = apply(database, &settings.queue, delivery);
        let error = match tokio::time::timeout(DATABASE_LIMIT, applying).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(Failure::Rejected(reason))) => return Err(reason),
            Ok(Err(Failure::Database(error))) => error,
            Err(_) => anyhow!("no answer within {DATABASE_LIMIT:?}"),
        };
        eprintln!("the database: {error:#}; trying again in {pause:?}");
        if began.elapsed() > RETRY {
            // The broker gives the message to the next process. Started again, this one waits for the database.
            std::process::exit(1);
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
            _ = terminate.recv() => std::process::exit(0),
        }
        if let Ok(client) = connect(settings).await {
            *database = client;
        }
    }
}

/// Reads until the connection is lost, which is an error, or the process is to stop.
async fn consume(settings: &Settings, terminate: &mut Signal) -> Result<()> {
    let mut database = connect(settings).await?; // first: without a database no message is taken
    let connection = Connection::connect(&settings.amqp_url, ConnectionProperties::default()).await?;
    let (channel, queue) = declare(&connection, settings).await?;
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
    let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
    let mut consumer = channel.basic_consume(queue.as_str().into(), "".into(), options, none).await?;
    eprintln!("reading {queue}");
    loop {
        let delivery = tokio::select! {
            delivery = consumer.next() => delivery.ok_or_else(|| anyhow!("the channel was closed"))??,
            _ = terminate.recv() => break,
        };
        match process(&mut database, settings, &delivery, terminate).await {
            Ok(()) => delivery.acker.ack(BasicAckOptions::default()).await?,
            Err(reason) => {
                eprintln!("dead letter: {:?}: {reason}", delivery.properties.message_id());
                delivery.acker.reject(BasicRejectOptions { requeue: false }).await?
            }
        };
    }
    // Before `consumer` is dropped, which would cancel it: docs/consumers.md, "Stopping".
    Ok(connection.close(200, "stopped".into()).await?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let settings = Settings::from_environment()?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut pause = Duration::from_millis(500);
    loop {
        let began = Instant::now();
        let Err(error) = consume(&settings, &mut terminate).await else { return Ok(()) };
        eprintln!("{error:#}; connecting again in {pause:?}");
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = terminate.recv() => return Ok(()),
        }
        pause = if began.elapsed().as_secs() > 60 {
            Duration::from_millis(500)
        } else {
            (pause * 2).min(LONGEST_PAUSE)
        };
    }
}
