//! Spans, from the request to the message.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Api, Collector, Relay, Span, World, insert_event, until};
use reqwest::Method;
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(30);
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";
const SERVER: i32 = 2;
const PRODUCER: i32 = 4;

async fn span(collector: &Collector, what: &str, wanted: impl Fn(&Span) -> bool) -> Result<Span> {
    until(format!("the span of {what}"), LIMIT, async || {
        let spans = collector.spans();
        let found = spans.iter().find(|span| wanted(span)).cloned();
        found.with_context(|| format!("{} others", spans.len()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_request_and_the_message_that_it_causes_are_spans_of_the_callers_trace() {
    World::run(async |world| {
        let collector = Collector::start()?;
        let environment = [("COMPTOIR__TELEMETRY__OTLP_ENDPOINT", collector.address())];
        let consumer = world.consumer().await?;
        let api = Api::start(world, &environment).await?;
        let relay = Relay::start(world, &environment).await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        let traceparent = format!("00-{TRACE}-{CALLER}-01");
        let body =
            json!({"customer_id": customer["id"], "lines": [{"product_id": product["id"], "quantity": "2"}]});
        let answer =
            api.http.send(Method::POST, "/orders", &[("traceparent", &traceparent)], Some(&body)).await?;
        assert_eq!(answer.status, 201, "{}", answer.text);

        let server =
            span(&collector, "the request", |span| span.trace_id == TRACE && span.kind == SERVER).await?;
        assert_eq!(server.service, "comptoir-api");
        assert_eq!(server.name, "POST /api/v1/orders");
        assert_eq!(server.parent_span_id, CALLER);
        assert_eq!(server.attributes["http.request.method"], "POST");
        assert_eq!(server.attributes["http.response.status_code"], "201");
        assert!(!server.is_error && server.nanoseconds > 0, "{server:?}");

        consumer.wait_for(3, LIMIT).await?;
        let message = consumer.of_type("order.placed").remove(0);
        let sent = span(&collector, "the message", |span| {
            span.attributes.get("messaging.message.id") == Some(&message.id)
        })
        .await?;
        assert_eq!((sent.service.as_str(), sent.kind), ("comptoir-relay", PRODUCER));
        assert_eq!((sent.trace_id.as_str(), &sent.parent_span_id), (TRACE, &server.span_id));
        for (name, value) in [
            ("messaging.system", "rabbitmq"),
            ("messaging.operation.type", "send"),
            ("messaging.destination.name", "commercial-management:order.placed"),
            ("messaging.rabbitmq.destination.routing_key", "order.placed"),
        ] {
            assert_eq!(sent.attributes.get(name).map(String::as_str), Some(value), "{name}: {sent:?}");
        }
        assert!(!sent.is_error && sent.nanoseconds > 0, "{sent:?}");
        // The row's, whatever the relay exports.
        assert_eq!(message.header("traceparent"), Some(format!("00-{TRACE}-{}-01", server.span_id)));
        relay.stop().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_traces_that_somebody_records_have_spans_and_an_unroutable_message_is_an_error() {
    World::run(async |world| {
        let collector = Collector::start()?;
        let relay =
            Relay::start(world, &[("COMPTOIR__TELEMETRY__OTLP_ENDPOINT", collector.address())]).await?;
        let sql = world.sql().await?;
        insert_event(&sql, "untraced", "thing.happened", "1").await?;
        for (aggregate, flags) in [("unsampled", "00"), ("sampled", "01")] {
            sql.execute(
                "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload, headers)
                 VALUES ('thing', $1, 'thing.happened', '{}', json_build_object('traceparent', $2::text)::jsonb)",
                &[&aggregate, &format!("00-{TRACE}-{CALLER}-{flags}")],
            )
            .await?;
        }
        world.drained(LIMIT).await?;
        relay.stop().await?;
        // What a process has not exported yet, it exports when it ends.
        let spans = collector.spans();
        ensure!(spans.len() == 2, "the event and its dead letter: {spans:?}");
        assert!(spans.iter().all(|span| span.trace_id == TRACE && span.parent_span_id == CALLER));
        let failed: Vec<_> = spans.iter().filter(|span| span.is_error).collect();
        assert_eq!(failed.len(), 1, "{spans:?}");
        assert_eq!(failed[0].attributes["error.type"], "unroutable");
        let letter = spans.iter().find(|span| !span.is_error).context("the dead letter")?;
        assert_eq!(letter.attributes["messaging.destination.name"], "commercial-management.dlx:thing.happened");
        Ok(())
    })
    .await;
}
