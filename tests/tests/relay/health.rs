//! `/health/live` and `/health/ready`: what is wrong, in words.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Http, Proxy, Relay, World, address, until, with_address};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(30);

async fn ready_says(http: &Http, status: u16, reasons: &[&str]) -> Result<()> {
    until(format!("/health/ready to answer {status} {reasons:?}"), LIMIT, async || {
        let answer = http.get("//health/ready").await?;
        let said = answer.json["reasons"].as_array().cloned().unwrap_or_default();
        ensure!(answer.status == status, "{} {}", answer.status, answer.text);
        // After the reason comes what the fault was.
        let begins =
            |(said, reason): (&Value, &&str)| said.as_str().is_some_and(|said| said.starts_with(*reason));
        ensure!(said.len() == reasons.len() && said.iter().zip(reasons).all(begins), "{said:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_without_database_or_broker_is_live_and_not_ready_and_says_why() {
    World::run(async |world| {
        let (database, broker) = (
            Proxy::start(address(&world.database.url)?).await?,
            Proxy::start(address(&world.vhost().url)?).await?,
        );
        let database_url = with_address(&world.database.relay_url, &database.address())?;
        let broker_url = with_address(&world.vhost().url, &broker.address())?;
        let environment = [("DATABASE_URL", database_url.as_str()), ("AMQP_URL", broker_url.as_str())];
        let (_relay, http) = Relay::with_http(world, &environment).await?;
        ready_says(&http, 200, &[]).await?;
        broker.cut();
        ready_says(&http, 503, &["the broker cannot be reached"]).await?;
        broker.heal();
        ready_says(&http, 200, &[]).await?;
        database.cut();
        until("the database to be missed", LIMIT, async || {
            let answer = http.get("//health/ready").await?;
            ensure!(answer.status == 503, "{}", answer.status);
            ensure!(answer.text.contains("the database cannot be reached"), "{}", answer.text);
            Ok(())
        })
        .await?;
        assert_eq!(http.get("//health/live").await?.status, 200, "starting it again would not help");
        database.heal();
        ready_says(&http, 200, &[]).await
    })
    .await;
}
