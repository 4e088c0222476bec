//! From an HTTP request to a consumer.

use std::time::Duration;

use anyhow::Result;
use comptoir_tests::harness::{Relay, World};
use reqwest::Method;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_over_http_arrives_as_events_in_order() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let (api, _relay) = (world.api().await?, world.relay().await?);
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        for number in 0..5 {
            let order = api.order(&customer, &product).await?;
            let path = format!("/orders/{}", order["id"].as_str().unwrap());
            api.http.command(&format!("{path}/confirm")).await?;
            if number % 2 == 0 {
                api.http.post(&format!("{path}/ship"), &json!({"tracking_number": "T"})).await?;
                api.http.command(&format!("{path}/deliver")).await?;
            } else {
                api.http.post(&format!("{path}/cancel"), &json!({"reason": "r"})).await?;
            }
        }
        let findings = world.everything_arrives(&consumer, LIMIT).await?;
        // A delivered order has four events, and its shipment two.
        assert_eq!(findings.committed, 2 + 3 * (4 + 2) + 2 * 3);
        let placed = &consumer.of_type("order.placed")[0];
        let body: Value = serde_json::from_str(&placed.body)?;
        assert_eq!(placed.header("aggregate-type").as_deref(), Some("order"));
        assert_eq!(placed.header("aggregate-version").as_deref(), Some("1"));
        assert!(body.to_string().contains("\"24.00\""), "money is a decimal string: {body}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn correlation_and_trace_travel_from_the_request_to_the_message() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let (api, _relay) = (world.api().await?, world.relay().await?);
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let traceparent = format!("00-{trace}-00f067aa0ba902b7-01");
        let headers = [
            ("X-Request-Id", "request-7"),
            ("X-Correlation-Id", "correlation-7"),
            ("traceparent", traceparent.as_str()),
        ];
        let body = json!({"code": "C-1", "name": "N", "email": "e@example.com"});
        let answer = api.http.send(Method::POST, "/customers", &headers, Some(&body)).await?;
        assert_eq!((answer.status, answer.header("x-request-id")), (201, Some("request-7")));
        consumer.wait_for(1, LIMIT).await?;
        let message = &consumer.messages()[0];
        assert_eq!(message.header("correlation-id").as_deref(), Some("correlation-7"));
        assert_eq!(message.header("causation-id").as_deref(), Some("request-7"));
        let carried = message.header("traceparent").unwrap();
        assert!(carried.starts_with(&format!("00-{trace}-")), "{carried}");
        Ok(())
    })
    .await;
}

/// The relay polls so seldom that only a wake-up explains what arrives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_relay_is_woken_by_the_api() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let seldom = [("COMPTOIR__RELAY__POLL_MIN_MS", "600000"), ("COMPTOIR__RELAY__POLL_MAX_MS", "600000")];
        let (api, _relay) = (world.api().await?, Relay::start(world, &seldom).await?);
        for number in 1..=5 {
            api.customer(&format!("C-{number}")).await?;
            consumer.wait_for(number, LIMIT).await?;
        }
        Ok(())
    })
    .await;
}

/// Events of concurrent changes of one customer: each has the next version, and they arrive in that order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_changes_of_one_aggregate_arrive_in_the_order_of_their_versions() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let (api, _one, _two) = (world.api().await?, world.relay().await?, world.relay().await?);
        let customer = api.customer("C-1").await?;
        let path = format!("/customers/{}", customer["id"].as_str().unwrap());
        let changes = (0..40).map(async |number| -> Result<()> {
            let body = json!({"code": "C-1", "name": format!("Name {number}"), "email": "e@example.com"});
            let answer = api.http.send(Method::PATCH, &path, &[("If-Match", "*")], Some(&body)).await?;
            anyhow::ensure!(matches!(answer.status, 200 | 412 | 503), "{}", answer.text);
            Ok(())
        });
        futures::future::join_all(changes).await.into_iter().collect::<Result<Vec<()>>>()?;
        world.everything_arrives(&consumer, LIMIT).await?;
        let versions: Vec<i64> = consumer
            .messages()
            .iter()
            .filter_map(|message| message.header("aggregate-version")?.parse().ok())
            .collect();
        assert!(versions.len() > 1, "{versions:?}");
        assert!(versions.iter().zip(1..).all(|(version, expected)| *version == expected), "{versions:?}");
        Ok(())
    })
    .await;
}
