//! Seen: something between the API and PostgreSQL forgot the session that wakes the relay, and went on acknowledging what was
//! sent on it. The next wake-up waited for its answer without an end, and none was ever sent again. Now each has a limit, and
//! the session a heartbeat.

use std::time::Duration;

use anyhow::{Context, Result};
use comptoir_core::outbox::{NOTIFY_CHANNEL, Notifier, NotifierConfig};
use comptoir_core::platform::config;
use comptoir_core::platform::database::DatabaseConfig;
use comptoir_tests::harness::{Proxy, World, address, with_address};
use futures::StreamExt;
use serde_json::Value;
use tokio_postgres::{AsyncMessage, NoTls};

/// How long a wake-up may take; the relay would find the event by itself within a second.
const LIMIT: Duration = Duration::from_secs(30);
const DEFAULTS: &str = include_str!("../../../relay/src/default.toml");

/// Counts what is announced on the channel, until the connection ends.
async fn listen(database_url: &str) -> Result<(tokio_postgres::Client, tokio::sync::mpsc::Receiver<()>)> {
    let (client, mut connection) = tokio_postgres::connect(database_url, NoTls).await?;
    let (heard, hearing) = tokio::sync::mpsc::channel(1000);
    tokio::spawn(async move {
        let mut messages = futures::stream::poll_fn(move |cx| connection.poll_message(cx));
        while let Some(Ok(message)) = messages.next().await {
            if matches!(message, AsyncMessage::Notification(_)) {
                let _ = heard.send(()).await;
            }
        }
    });
    client.batch_execute(&format!("LISTEN {NOTIFY_CHANNEL}")).await?;
    Ok((client, hearing))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn is_replaced_and_the_relay_is_woken_again() {
    World::run(async |world| {
        let proxy = Proxy::start(address(&world.database.api_url)?).await?;
        let database_url = with_address(&world.database.api_url, &proxy.address())?;
        let overrides = [("database.url", database_url)];
        let settings: Value = config::load(DEFAULTS, None, &["database"], &overrides)?;
        let database: DatabaseConfig = serde_json::from_value(settings["database"].clone())?;
        let notifier = Notifier::spawn(NotifierConfig { database, shortest_pause: Duration::from_millis(1) });
        let (_client, mut hearing) = listen(&world.database.url).await?;
        notifier.wake();
        tokio::time::timeout(LIMIT, hearing.recv()).await.context("the first wake-up")?;
        proxy.strand();
        notifier.wake();
        tokio::time::timeout(LIMIT, hearing.recv())
            .await
            .context("a wake-up after the session went silent")?;
        Ok(())
    })
    .await;
}
