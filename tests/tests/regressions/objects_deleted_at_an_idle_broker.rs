//! Seen: the queue of the dead letters was deleted, or the exchange replaced by one of another type, while the relay had nothing
//! to publish. Nobody was told before the next event, the next dead letter, or the next connection. Now a connected relay looks.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{EXCHANGE, Http, Management, Relay, Scrape, World, until};
use reqwest::Method;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(60);
const OFTEN: (&str, &str) = ("COMPTOIR__BROKER__VERIFY_INTERVAL_MS", "500");

async fn faults(http: &Http, object: &str, fault: &str) -> Result<f64> {
    let scrape = Scrape::of(http).await?;
    let wanted = scrape.samples.iter().filter(|sample| {
        sample.name == "comptoir_relay_topology_faults_total"
            && sample.labels.get("object").is_some_and(|label| label == object)
            && sample.labels.get("fault").is_some_and(|label| label == fault)
    });
    Ok(wanted.map(|sample| sample.value).sum())
}

async fn ready(http: &Http) -> Result<()> {
    until("the relay to be ready", LIMIT, async || {
        let answer = http.get("//health/ready").await?;
        ensure!(answer.status == 200, "{}", answer.text);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_of_dead_letters_that_was_deleted_is_declared_again_with_a_warning() {
    World::run(async |world| {
        let (relay, http) = Relay::with_http(world, &[OFTEN]).await?;
        ready(&http).await?;
        let management = Management::new(&world.services.management_url)?;
        let queue = format!("queues/{}/commercial-management.dead-letters", world.vhost().name());
        management.call(Method::DELETE, &queue, None).await?;
        until("the relay to notice", LIMIT, async || {
            let counted = faults(&http, "dead-letter-queue", "missing").await?;
            if counted == 0.0 && management.call(Method::GET, &queue, None).await.is_ok() {
                // It went in the moment between the look and the declaration, and was made anew: once more.
                let _ = management.call(Method::DELETE, &queue, None).await;
            }
            ensure!(counted >= 1.0, "nothing is counted; it says: {}", relay.daemon.output());
            Ok(())
        })
        .await?;
        let binding = format!("{queue}/bindings");
        until("the queue to be there again, and bound", LIMIT, async || {
            let bindings = management.call(Method::GET, &binding, None).await?;
            let bound = bindings.as_array().into_iter().flatten().any(|one| one["routing_key"] == "#");
            ensure!(bound, "{bindings}");
            Ok(())
        })
        .await?;
        let output = relay.daemon.output();
        ensure!(output.contains("deleted at the broker"), "{output}");
        // What the broker says of the queue is no reason to publish again what is in flight. RabbitMQ itself may fail where the queue is
        // declared in the moment in which it is deleted: its channel crashes, and it ends the connection with this error.
        let lost = output.lines().filter(|line| line.contains("no connection to the broker"));
        let lost: Vec<_> = lost.filter(|line| !line.contains("INTERNAL-ERROR")).collect();
        ensure!(lost.is_empty(), "{output}");
        relay.stop().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exchange_of_another_type_makes_an_idle_relay_unready_until_it_is_put_right() {
    World::run(async |world| {
        let (relay, http) = Relay::with_http(world, &[OFTEN]).await?;
        ready(&http).await?;
        let management = Management::new(&world.services.management_url)?;
        let exchange = format!("exchanges/{}/{EXCHANGE}", world.vhost().name());
        let replace = async |kind: &str| -> Result<Value> {
            management.call(Method::DELETE, &exchange, None).await?;
            management.call(Method::PUT, &exchange, Some(json!({"type": kind, "durable": true}))).await
        };
        until("the relay to notice", LIMIT, async || {
            // The relay may declare it again between the two.
            let _ = replace("fanout").await;
            tokio::time::sleep(Duration::from_secs(2)).await;
            let answer = http.get("//health/ready").await?;
            ensure!(answer.status == 503 && answer.text.contains("precondition"), "{}", answer.text);
            Ok(())
        })
        .await?;
        ensure!(faults(&http, "exchange", "different").await? >= 1.0, "nothing is counted");
        replace("topic").await?;
        ready(&http).await?;
        relay.stop().await
    })
    .await;
}
