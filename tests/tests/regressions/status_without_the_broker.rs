//! Seen: with RabbitMQ gone for an hour `relay status` showed replicas that are alive and a backlog that grows, and not a word about
//! the broker. The replicas know; status says that it is away, and since when.

use std::time::Duration;

use anyhow::ensure;
use comptoir_tests::harness::{Proxy, Relay, World, address, until, with_address};

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_says_that_the_broker_is_away_and_since_when() {
    World::run(async |world| {
        assert_eq!(world.relay_status().await?["broker"]["state"], "unknown", "nobody can tell");
        let broker = Proxy::start(address(&world.vhost().url)?).await?;
        let url = with_address(&world.vhost().url, &broker.address())?;
        let _relay = Relay::start(world, &[("AMQP_URL", &url)]).await?;
        let says = async |state: &'static str| {
            until(format!("the broker to be {state}"), LIMIT, async || {
                let status = world.relay_status().await?;
                ensure!(status["broker"]["state"] == state, "{}", status["broker"]);
                Ok(status)
            })
            .await
        };
        let status = says("reached").await?;
        assert!(status["broker"]["away_since"].is_null(), "{status}");
        assert!(status["replicas"][0]["broker_away_since"].is_null(), "{status}");
        broker.cut();
        let status = says("away").await?;
        assert!(status["broker"]["away_since"].is_string(), "{status}");
        assert!(status["replicas"][0]["broker_away_since"].is_string(), "{status}");
        let table = world.run_relay(&["status"]).await?;
        assert!(table.stdout.contains("nobody has heard it for"), "{}", table.stdout);
        assert!(table.stdout.contains("no broker for"), "{}", table.stdout);
        broker.heal();
        says("reached").await?;
        Ok(())
    })
    .await;
}
