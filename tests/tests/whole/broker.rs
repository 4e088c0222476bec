//! RabbitMQ itself stops: a broker of the test's own. `tests/faults` kills one.

use std::time::Duration;

use anyhow::ensure;
use comptoir_tests::harness::{PrivateServices, Relay, Scrape, World, insert_many, until};

const LIMIT: Duration = Duration::from_secs(90);
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(5);

/// Runs a test with a broker that it may stop. The virtual host goes away with its broker.
#[expect(clippy::panic, reason = "this is how a test fails")]
async fn with_broker(test: impl AsyncFnOnce(&World, &mut PrivateServices) -> anyhow::Result<()>) {
    let mut broker = tokio::task::block_in_place(|| PrivateServices::start_rabbitmq("")).unwrap();
    let mut world = World::new(broker.services.clone()).await.unwrap();
    world.keep_vhost();
    if let Err(error) = test(&world, &mut broker).await {
        panic!("{error:?}");
    }
}

fn blocking(
    broker: &mut PrivateServices,
    action: impl FnOnce(&mut PrivateServices) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    tokio::task::block_in_place(|| action(broker))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_rabbitmq_blocks_or_is_stopped_orders_are_accepted_and_then_everything_arrives() {
    with_broker(async |world, broker| {
        let consumer = world.consumer().await?;
        let timeout = CONFIRM_TIMEOUT.as_millis().to_string();
        let environment = [("COMPTOIR__BROKER__CONFIRM_TIMEOUT_MS", timeout.as_str())];
        let (api, (_relay, relay)) = (world.api().await?, Relay::with_http(world, &environment).await?);
        let keeps_its_connection = async || -> anyhow::Result<()> {
            let losses = Scrape::of(&relay).await?.sum("comptoir_relay_broker_losses_total");
            ensure!(losses == Some(0.0), "{losses:?} connections to the broker were lost");
            Ok(())
        };
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        consumer.wait_for(2, LIMIT).await?;
        blocking(broker, |broker| broker.raise_alarm())?;
        api.order(&customer, &product).await?;
        // Many at once: some are on their way, and not confirmed, when the broker says that it blocks.
        insert_many(&world.sql().await?, 200, 200).await?;
        until("the relay to say that it is blocked", LIMIT, async || {
            let ready = relay.get("//health/ready").await?;
            ensure!(ready.status == 503 && ready.text.contains("blocks publishing"), "{}", ready.text);
            ensure!(
                Scrape::of(&relay).await?.sum("comptoir_relay_blocked") == Some(1.0),
                "by its metrics it is not"
            );
            ensure!(world.relay_status().await?["blocked"] == true, "by its status it is not");
            Ok(())
        })
        .await?;
        assert_eq!(relay.get("//health/live").await?.status, 200, "starting it again would not help");
        // That no confirm comes while the broker blocks is no fault of the connection, nor is what comes later than usual then.
        tokio::time::sleep(CONFIRM_TIMEOUT + Duration::from_secs(1)).await;
        keeps_its_connection().await?;
        blocking(broker, |broker| broker.end_alarm())?;
        consumer.wait_for(203, LIMIT).await?;
        world.drained(LIMIT).await?;
        keeps_its_connection().await?;
        until("the relay to be ready", LIMIT, async || {
            let ready = relay.get("//health/ready").await?;
            ensure!(ready.status == 200, "{}", ready.text);
            Ok(())
        })
        .await?;
        blocking(broker, |broker| broker.stop())?;
        for _ in 0..20 {
            api.order(&customer, &product).await?;
        }
        assert_eq!(api.http.get("//health/ready").await?.status, 200);
        let status = world.relay_status().await?;
        assert_eq!((&status["pending"], &status["retrying"]), (&20.into(), &0.into()));
        blocking(broker, PrivateServices::start)?;
        let findings = world.everything_arrives(&consumer, LIMIT).await?;
        assert_eq!(findings.committed, 223);
        let moved: i64 = world
            .sql()
            .await?
            .query_one("SELECT count(*) FROM outbox_history WHERE retry_count > 0", &[])
            .await?
            .get(0);
        assert_eq!(moved, 0, "an outage moves no retry count");
        Ok(())
    })
    .await;
}
