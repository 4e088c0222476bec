//! `relay listen`: shows messages as a consumer gets them, for people.
//!
//! It binds a queue of its own, which is exclusive and deleted with the connection. While it listens, what it listens to is
//! routable: an event without another consumer is no dead letter then. `relay tail` watches without that.

use std::time::Duration;

use anstyle::{AnsiColor, Style};
use chrono::{SecondsFormat, Utc};
use comptoir_core::values::printable::printable_line;
use futures::StreamExt;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicQosOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Consumer, ErrorKind};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::config::{BrokerConfig, Config};
use crate::error::{BrokerFault, RelayError};
use crate::message::short;
use crate::publisher::Link;
use crate::tail::output;
use crate::{daemon, notes, publisher};

/// Messages that are sent to us and not shown yet, at most.
const PREFETCH: u16 = 10;
/// Messages that wait at the broker for a reader that pauses, at most, and their bytes; then the oldest are dropped.
const MAX_LENGTH: i32 = 10_000;
const MAX_LENGTH_BYTES: i32 = 64 * 1024 * 1024;
/// The interval of looking whether the output is closed while nothing comes.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The longest wait for the broker's answer to what prepares the queue.
const ANSWER: Duration = Duration::from_secs(30);
/// The most characters of a body in a line for people.
const BODY_CHARS: usize = 2000;

const QUIET: Style = AnsiColor::BrightBlack.on_default();
const EVENT: Style = AnsiColor::Cyan.on_default().bold();

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Routing keys: order.* (one word), order.# (any number), # (everything)
    #[arg(value_name = "PATTERN", default_value = "#", value_parser = pattern)]
    pattern: String,
    /// Stop after so many messages
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// One JSON object a line: exchange, routing key, message id, content type, timestamp, headers, and the body digit by digit
    #[arg(long)]
    json: bool,
}

fn pattern(text: &str) -> Result<String, String> {
    // A URL in the wrong place would be shown, and kept by the broker, with its password.
    if text.contains("://") || text.contains('@') {
        return Err("expected routing keys such as order.*, not a URL".to_owned());
    }
    if (1..=255).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err("expected 1 to 255 bytes".to_owned())
    }
}

/// Shows messages until a signal, the limit, or the output is closed.
///
/// # Errors
/// Fails if the broker is not reached or refuses the queue, or if it ends the connection: what came meanwhile would be missing.
pub(crate) async fn run(config: &Config, arguments: &Arguments) -> Result<(), RelayError> {
    let stop = daemon::signalled()?;
    // What is not acknowledged goes with the queue, so it may be dropped at any point.
    tokio::select! {
        () = stop.cancelled() => Ok(()),
        result = listen(&config.broker, arguments) => result,
    }
}

async fn listen(broker: &BrokerConfig, arguments: &Arguments) -> Result<(), RelayError> {
    let link = publisher::connect(broker, "comptoir relay listen").await?;
    let prepared = tokio::time::timeout(ANSWER, consume(&link, broker, &arguments.pattern)).await;
    let mut messages = prepared.map_err(|_| RelayError::NotReached {
        what: format!("RabbitMQ at {} does not answer", broker.url.named("AMQP_URL")),
        seconds: ANSWER.as_secs(),
    })??;
    if !arguments.json {
        notes::say(&format!(
            "listening to {} on exchange {}; Ctrl-C ends it. Meanwhile these events have a consumer, and are no dead letters",
            printable_line(&arguments.pattern),
            broker.exchange
        ));
    }
    let mut left = arguments.limit.unwrap_or(u64::MAX);
    let mut look = tokio::time::interval(LOOK_EVERY);
    while left > 0 {
        let message = tokio::select! {
            message = messages.next() => message,
            _ = look.tick() => {
                if output::is_closed() {
                    break;
                }
                continue;
            }
        };
        let Some(message) = message else {
            let lost = "the broker ended the consumer; what came since is not shown";
            return Err(RelayError::Incomplete(lost.to_owned()));
        };
        let message = message.map_err(BrokerFault::from)?;
        let line = if arguments.json { json(&message) } else { text(&message) };
        if !output::write(line).await {
            break;
        }
        message.ack(BasicAckOptions::default()).await.map_err(BrokerFault::from)?;
        left -= 1;
    }
    link.close().await;
    Ok(())
}

/// Makes the queue, binds it, and begins to consume it.
async fn consume(link: &Link, broker: &BrokerConfig, pattern: &str) -> Result<Consumer, RelayError> {
    let channel = link.create_channel().await.map_err(BrokerFault::from)?;
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await.map_err(BrokerFault::from)?;
    let ours = QueueDeclareOptions { exclusive: true, auto_delete: true, ..Default::default() };
    let mut bounds = FieldTable::default();
    bounds.insert(short("x-max-length"), AMQPValue::LongInt(MAX_LENGTH));
    bounds.insert(short("x-max-length-bytes"), AMQPValue::LongInt(MAX_LENGTH_BYTES));
    let queue = channel.queue_declare(short(""), ours, bounds).await.map_err(BrokerFault::from)?;
    let name = queue.name().clone();
    let (exchange, options) = (short(&broker.exchange), QueueBindOptions::default());
    let bound =
        channel.queue_bind(name.clone(), exchange, short(pattern), options, FieldTable::default()).await;
    match bound {
        Ok(()) => {}
        Err(error) if is_not_found(&error) => {
            return Err(RelayError::Usage(format!(
                "RabbitMQ at {}: there is no exchange {:?}; start relay, which declares it, or set broker.exchange",
                broker.url.named("AMQP_URL"),
                broker.exchange
            )));
        }
        Err(error) => return Err(BrokerFault::from(error).into()),
    }
    let exclusive = BasicConsumeOptions { exclusive: true, ..Default::default() };
    let consumer = channel.basic_consume(name, short(""), exclusive, FieldTable::default());
    Ok(consumer.await.map_err(BrokerFault::from)?)
}

fn is_not_found(error: &lapin::Error) -> bool {
    let ErrorKind::ProtocolError(answer) = error.kind() else { return false };
    matches!(answer.kind(), AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND))
}

fn header(message: &Delivery, name: &str) -> Option<Value> {
    let headers = message.properties.headers().as_ref()?;
    headers.inner().get(name).map(plain)
}

/// Returns a header as JSON.
fn plain(value: &AMQPValue) -> Value {
    match value {
        AMQPValue::Boolean(value) => (*value).into(),
        AMQPValue::ShortShortInt(number) => (*number).into(),
        AMQPValue::ShortInt(number) => (*number).into(),
        AMQPValue::LongInt(number) => (*number).into(),
        AMQPValue::LongLongInt(number) => (*number).into(),
        AMQPValue::Double(number) => (*number).into(),
        AMQPValue::LongString(text) => String::from_utf8_lossy(text.as_bytes()).into(),
        AMQPValue::ShortString(text) => text.as_str().into(),
        AMQPValue::FieldArray(values) => values.as_slice().iter().map(plain).collect(),
        AMQPValue::FieldTable(table) => {
            table.inner().iter().map(|(name, value)| (name.to_string(), plain(value))).collect()
        }
        _ => Value::Null,
    }
}

fn text(message: &Delivery) -> String {
    let word = |name: &str| match header(message, name) {
        Some(Value::String(text)) => printable_line(&text),
        Some(value) => value.to_string(),
        None => String::new(),
    };
    let mut line = format!(
        "{QUIET}{}{QUIET:#} {EVENT}{}{EVENT:#} {} {}",
        Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true),
        printable_line(message.routing_key.as_str()),
        word("aggregate-type"),
        word("aggregate-id"),
    );
    let version = word("aggregate-version");
    if !version.is_empty() {
        line += &format!(" v{version}");
    }
    if let Some(id) = message.properties.message_id() {
        line += &format!(" {QUIET}{}{QUIET:#}", printable_line(id.as_str()));
    }
    if word("replayed") == "true" {
        line += " replayed";
    }
    let body = String::from_utf8_lossy(&message.data);
    let mut shown: String = body.chars().take(BODY_CHARS).collect();
    if shown.len() < body.len() {
        shown.push('…');
    }
    format!("{line}\n    {}\n", printable_line(&shown.replace(['\n', '\r'], " ")))
}

#[derive(Serialize)]
struct Line<'a> {
    exchange: &'a str,
    routing_key: &'a str,
    redelivered: bool,
    message_id: Option<&'a str>,
    content_type: Option<&'a str>,
    /// Seconds since 1970.
    timestamp: Option<u64>,
    headers: Value,
    /// A text if it is no JSON.
    body: Box<RawValue>,
}

fn json(message: &Delivery) -> String {
    let properties = &message.properties;
    let text = String::from_utf8_lossy(&message.data);
    // Line breaks occur in JSON only between its tokens.
    let body = RawValue::from_string(text.replace(['\n', '\r'], " ").trim().to_owned());
    let Ok(body) = body.or_else(|_| serde_json::value::to_raw_value(&text)) else { return String::new() };
    let line = Line {
        exchange: message.exchange.as_str(),
        routing_key: message.routing_key.as_str(),
        redelivered: message.redelivered,
        message_id: properties.message_id().as_ref().map(ShortString::as_str),
        content_type: properties.content_type().as_ref().map(ShortString::as_str),
        timestamp: *properties.timestamp(),
        headers: properties
            .headers()
            .as_ref()
            .map_or(Value::Null, |table| plain(&AMQPValue::FieldTable(table.clone()))),
        body,
    };
    // A struct of plain values always serialises.
    serde_json::to_string(&line).unwrap_or_default() + "\n"
}
