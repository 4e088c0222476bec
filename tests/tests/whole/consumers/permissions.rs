//! A user of the broker for each consumer, with the rights that docs/consumers.md gives.

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Management, World, root, with_user};
use lapin::options::*;
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ErrorKind};
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::shop::{Language, Shop};

const EXCHANGE: &str = "commercial-management";
/// The consumer of the example.
const BILLING: &str = "billing";

/// The words of the first line of docs/consumers.md that begins so.
fn documented(beginning: &str) -> Result<Vec<String>> {
    let guide = std::fs::read_to_string(root().join("docs/consumers.md"))?;
    let line =
        guide.lines().find(|line| line.starts_with(beginning)).with_context(|| beginning.to_owned())?;
    Ok(line.split_whitespace().map(|word| word.trim_matches('\'').to_owned()).collect())
}

/// Does what the guide's commands do, for a user of another name. Returns the user's URL.
async fn user(world: &World, management: &Management, name: &str) -> Result<String> {
    let rights = documented("rabbitmqctl set_permissions -p / billing ")?;
    let [configure, write, read] = &rights[5..] else { anyhow::bail!("{rights:?}") };
    let topics = documented("rabbitmqctl set_topic_permissions -p / billing ")?;
    let [exchange, topic_write, topic_read] = &topics[5..] else { anyhow::bail!("{topics:?}") };
    let put = async |path: String, body| management.call(Method::PUT, &path, Some(body)).await;
    put(format!("users/{name}"), json!({"password": name, "tags": ""})).await?;
    let vhost = world.vhost.name();
    put(format!("permissions/{vhost}/{name}"), json!({"configure": configure, "write": write, "read": read}))
        .await?;
    let body = json!({"exchange": exchange, "write": topic_write, "read": topic_read});
    put(format!("topic-permissions/{vhost}/{name}"), body).await?;
    with_user(&world.vhost.url, name, name)
}

async fn bind(channel: &Channel, queue: &str, key: &str) -> Result<(), lapin::Error> {
    let options = QueueBindOptions::default();
    channel.queue_bind(queue.into(), EXCHANGE.into(), key.into(), options, FieldTable::default()).await
}

/// On a channel of its own, because a refusal closes it.
async fn is_refused(
    connection: &Connection,
    what: &str,
    attempt: impl AsyncFnOnce(&Channel) -> Result<(), lapin::Error>,
) -> Result<()> {
    let channel = connection.create_channel().await?;
    let Err(error) = attempt(&channel).await else { anyhow::bail!("{what} was allowed") };
    let refused = matches!(error.kind(), ErrorKind::ProtocolError(answer)
        if matches!(answer.kind(), AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED)));
    ensure!(refused, "{what}: {error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_with_rights_of_its_own_works_and_reads_nothing_else() {
    World::run(async |world| {
        let management = Management::new(&world.services.management_url)?;
        let name = format!("comptoir-test-{}", Uuid::new_v4().simple());
        let url = user(world, &management, &name).await?;
        let result = limited(world, &url).await;
        management.call(Method::DELETE, &format!("users/{name}"), None).await?;
        result
    })
    .await;
}

async fn limited(world: &World, url: &str) -> Result<()> {
    let _everything = world.consumer().await?; // declares the exchange, and has a queue that is another's
    let mut shop = Shop::open(world, Language::Rust, 1).await?;
    let _worker = shop.worker(0, &[("AMQP_URL", url), ("QUEUE", BILLING)]).await?;
    let _relay = world.relay().await?;
    // Its queue may come after them: what it did not get is another's.
    shop.write(1).await?;
    comptoir_tests::harness::until("its queue to have events", super::shop::LIMIT, async || {
        if shop.distinct().await? > 0 {
            return Ok(());
        }
        shop.write(1).await?;
        anyhow::bail!("none yet")
    })
    .await?;

    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    for key in ["user.*", "user.registered", "#", "*.*", "*.registered"] {
        let attempt = async |channel: &Channel| bind(channel, BILLING, key).await;
        is_refused(&connection, &format!("a binding with {key}"), attempt).await?;
    }
    bind(&connection.create_channel().await?, BILLING, "order.#").await?;
    is_refused(&connection, "to read another's queue", async |channel| {
        let options = BasicConsumeOptions::default();
        channel
            .basic_consume("independent-consumer".into(), "".into(), options, FieldTable::default())
            .await?;
        Ok(())
    })
    .await?;
    is_refused(&connection, "to bind another's queue", async |channel| {
        bind(channel, "independent-consumer", "order.*").await
    })
    .await?;
    is_refused(&connection, "a queue of another name", async |channel| {
        channel.queue_declare("".into(), QueueDeclareOptions::default(), FieldTable::default()).await?;
        Ok(())
    })
    .await?;
    is_refused(&connection, "to delete the exchange", async |channel| {
        channel.exchange_delete(EXCHANGE.into(), ExchangeDeleteOptions::default()).await
    })
    .await?;
    is_refused(&connection, "to publish", async |channel| {
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
        channel
            .basic_publish(EXCHANGE.into(), "order.placed".into(), options, b"{}", properties)
            .await?
            .await?;
        Ok(())
    })
    .await?;

    // Topic permissions are looked at when a binding is made, and at no other time.
    let administrator = Connection::connect(&world.vhost.url, ConnectionProperties::default()).await?;
    bind(&administrator.create_channel().await?, BILLING, "user.*").await?;
    let insert =
        "INSERT INTO outbox_events (aggregate_type, aggregate_id, aggregate_version, event_type, payload)
        VALUES ('user', 'u-1', 1, 'user.registered', '{}')";
    world.sql().await?.batch_execute(insert).await?;
    comptoir_tests::harness::until("what was bound for it", super::shop::LIMIT, async || {
        let applied = shop.applied().await?;
        ensure!(applied.contains_key("u-1"), "it did not arrive");
        Ok(())
    })
    .await
}
