//! A user of the broker for each consumer, with the rights that docs/consumers.md gives.

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Management, World, root, until, with_user};
use lapin::options::*;
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ErrorKind};
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::shop::{LIMIT, Language, Shop};

const EXCHANGE: &str = "commercial-management";
/// The consumers of the examples.
const BILLING: &str = "billing";
const DOCKS: &str = "docks";
/// The tenant of the second one.
const TENANT: &str = "11111111-2222-3333-4444-555555555555";

/// The words of the first line of docs/consumers.md that begins so.
fn documented(beginning: &str) -> Result<Vec<String>> {
    let guide = std::fs::read_to_string(root().join("docs/consumers.md"))?;
    let line =
        guide.lines().find(|line| line.starts_with(beginning)).with_context(|| beginning.to_owned())?;
    Ok(line.split_whitespace().map(|word| word.trim_matches('\'').to_owned()).collect())
}

/// Does what the guide's commands for `consumer` do, for a user of another name. Returns the user's URL.
async fn user(world: &World, management: &Management, consumer: &str, name: &str) -> Result<String> {
    let rights = documented(&format!("rabbitmqctl set_permissions -p / {consumer} "))?;
    let [configure, write, read] = &rights[5..] else { anyhow::bail!("{rights:?}") };
    let topics = documented(&format!("rabbitmqctl set_topic_permissions -p / {consumer} "))?;
    let [exchange, topic_write, topic_read] = &topics[5..] else { anyhow::bail!("{topics:?}") };
    let put = async |path: String, body| management.call(Method::PUT, &path, Some(body)).await;
    put(format!("users/{name}"), json!({"password": name, "tags": ""})).await?;
    let vhost = world.vhost().name();
    put(format!("permissions/{vhost}/{name}"), json!({"configure": configure, "write": write, "read": read}))
        .await?;
    let body = json!({"exchange": exchange, "write": topic_write, "read": topic_read});
    put(format!("topic-permissions/{vhost}/{name}"), body).await?;
    with_user(&world.vhost().url, name, name)
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

/// Runs a test with a user of the broker who has the rights of this consumer.
async fn with_user_of(consumer: &str, test: impl AsyncFnOnce(&World, &str) -> Result<()>) {
    World::run(async |world| {
        let management = Management::new(&world.services.management_url)?;
        let name = format!("comptoir-test-{}", Uuid::new_v4().simple());
        let url = user(world, &management, consumer, &name).await?;
        let result = test(world, &url).await;
        management.call(Method::DELETE, &format!("users/{name}"), None).await?;
        result
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_with_rights_of_its_own_works_and_reads_nothing_else() {
    with_user_of(BILLING, limited).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_of_one_tenant_works_and_reads_nothing_of_another() {
    with_user_of(DOCKS, of_one_tenant).await;
}

async fn of_one_tenant(world: &World, url: &str) -> Result<()> {
    let guide = std::fs::read_to_string(root().join("docs/consumers.md"))?;
    let rules =
        guide.split_once("```toml\n").and_then(|(_, rest)| rest.split_once("```")).context("no rules")?.0;
    let file = world.logs().join("routing.toml");
    std::fs::write(&file, rules)?;
    let _everything = world.consumer().await?;
    let shop = Shop::open(world, Language::Rust, 1).await?;
    let pattern = format!("{TENANT}.order.*");
    let worker = shop.worker(0, &[("AMQP_URL", url), ("QUEUE", DOCKS), ("PATTERNS", &pattern)]).await?;
    until("the worker to read", LIMIT, async || {
        ensure!(worker.output().contains("reading "), "{}", worker.output());
        Ok(())
    })
    .await?;
    let insert = format!(
        "INSERT INTO outbox_events (tenant_id, aggregate_type, aggregate_id, aggregate_version, event_type, payload)
         VALUES (gen_random_uuid(), 'order', 'another', 1, 'order.placed', '{{}}'),
                ('{TENANT}', 'user', 'user', 1, 'user.registered', '{{}}'),
                ('{TENANT}', 'order', 'own', 1, 'order.placed', '{{}}')"
    );
    world.sql().await?.batch_execute(&insert).await?;
    let exit = world.run_relay(&["--once", "--config", &file.display().to_string()]).await?;
    ensure!(exit.code == Some(0), "relay --once: {exit:?}");
    shop.have_applied(1).await?;
    let orders: Vec<String> = shop.applied().await?.into_keys().collect();
    assert_eq!(orders, ["own"]);
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    for key in ["*.order.*", "22222222-2222-3333-4444-555555555555.order.*", "#", &format!("{TENANT}.#")] {
        let attempt = async |channel: &Channel| bind(channel, DOCKS, key).await;
        is_refused(&connection, &format!("a binding with {key}"), attempt).await?;
    }
    Ok(())
}

async fn limited(world: &World, url: &str) -> Result<()> {
    let mut shop = Shop::open(world, Language::Rust, 1).await?;
    let worker = shop.worker(0, &[("AMQP_URL", url), ("QUEUE", BILLING)]).await?;
    until("the worker to say that it may not declare the exchange", LIMIT, async || {
        ensure!(worker.output().contains("ACCESS_REFUSED"), "{}", worker.output());
        Ok(())
    })
    .await?;
    // Declares it, and has a queue that is another's.
    let _everything = world.consumer().await?;
    let _relay = world.relay().await?;
    // Its queue may come after them: what it did not get is another's.
    shop.write(1).await?;
    until("its queue to have events", LIMIT, async || {
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
    let administrator = Connection::connect(&world.vhost().url, ConnectionProperties::default()).await?;
    bind(&administrator.create_channel().await?, BILLING, "user.*").await?;
    let insert =
        "INSERT INTO outbox_events (aggregate_type, aggregate_id, aggregate_version, event_type, payload)
        VALUES ('user', 'u-1', 1, 'user.registered', '{}')";
    world.sql().await?.batch_execute(insert).await?;
    until("what was bound for it", LIMIT, async || {
        let applied = shop.applied().await?;
        ensure!(applied.contains_key("u-1"), "it did not arrive");
        Ok(())
    })
    .await
}
