//! What the reports, and other consumers, make of a customer who was anonymised.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Api, World, projections_are_right, until};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_anonymised_customer_is_forgotten_by_the_reports_and_consumers_are_told_last() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let consumer = world.consumer().await?;
        let environment =
            [("AMQP_URL", world.vhost().url.as_str()), ("COMPTOIR__PROJECTIONS__POLL_INTERVAL_MS", "200")];
        let api = Api::start(world, &environment).await?;
        // Before anything is published: an event that no queue is bound for becomes a dead letter of the relay.
        until("the projections to be built", LIMIT, async || {
            let built = "SELECT built_at IS NOT NULL AND wanted IS NULL FROM projection_state";
            ensure!(sql.query_one(built, &[]).await?.get::<_, bool>(0), "they are not");
            Ok(())
        })
        .await?;
        let _relay = world.relay().await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        let id = customer["id"].as_str().context("an id")?;
        let order = api.order(&customer, &product).await?;
        let path = format!("/orders/{}/cancel", order["id"].as_str().context("an id")?);
        let cancelled = api.http.post(&path, &json!({"reason": "Customer C-1 moved"})).await?;
        ensure!(cancelled.status == 200, "{}", cancelled.text);
        let reason = async || -> Result<Value> {
            let steps = api.http.get(&format!("/reports/order-timelines?customer_id={id}")).await?.json;
            let steps = steps["data"].as_array().cloned().unwrap_or_default();
            let end = steps.into_iter().find(|step| step["event"] == "order.cancelled");
            Ok(end.context("the end of the order")?["reason"].clone())
        };
        projections_are_right(world, LIMIT).await?;
        assert_eq!(reason().await?, "Customer C-1 moved");

        let body = json!({"reason": "asked for"});
        let done = api.http.post(&format!("/customers/{id}/anonymise"), &body).await?;
        ensure!(done.status == 200, "{}", done.text);
        projections_are_right(world, LIMIT).await?;
        assert_eq!(reason().await?, "anonymised");
        let activity = api.http.get(&format!("/reports/customer-activity?customer_id={id}")).await?.json;
        let known = &activity["data"][0];
        assert_eq!((&known["code"], &known["name"]), (&done.json["code"], &done.json["name"]), "{activity}");
        let compared = world.run_api(&["projections", "rebuild", "--compare"]).await?;
        assert_eq!(compared.code, Some(0), "{compared:?}");

        let told: Vec<_> = consumer
            .messages()
            .into_iter()
            .filter(|one| one.header("aggregate-id").as_deref() == Some(id))
            .collect();
        let last = told.last().context("a message")?;
        assert_eq!((told.len(), consumer.of_type("customer.anonymised").len()), (2, 1));
        assert_eq!(last.id, consumer.of_type("customer.anonymised")[0].id, "it comes last");
        assert!(
            !last.body.contains("Customer C-1") && !last.body.contains("someone@example.com"),
            "{}",
            last.body
        );
        Ok(())
    })
    .await;
}
