//! The envelope of CloudEvents, judged by CloudEvents' own library.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use cloudevents::event::ExtensionValue;
use cloudevents::{AttributesReader, Event};
use comptoir_tests::harness::{Consumer, Message, QueueOptions, World, run};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

const LIMIT: Duration = Duration::from_secs(30);
const ENVELOPE: [(&str, &str); 3] = [
    ("COMPTOIR__RELAY__ENVELOPE", "cloudevents"),
    ("COMPTOIR__RELAY__CLOUDEVENTS_SOURCE", "https://shop.example/events"),
    ("COMPTOIR__RELAY__CLOUDEVENTS_DATASCHEMA_BASE", "https://shop.example/schemas/"),
];

async fn once(world: &World, arguments: &[&str]) -> Result<Option<i32>> {
    let mut command = world.relay_command(arguments)?;
    command.envs(ENVELOPE);
    let exit = run(command, LIMIT).await?;
    eprintln!("{}", exit.stderr);
    Ok(exit.code)
}

fn parsed(message: &Message) -> Result<Event> {
    let content_type = message.properties.content_type().as_ref().map(ToString::to_string);
    ensure!(
        content_type.as_deref() == Some("application/cloudevents+json; charset=utf-8"),
        "{content_type:?}"
    );
    serde_json::from_str(&message.body).with_context(|| message.body.clone())
}

fn extension(event: &Event, name: &str) -> Option<String> {
    event.extension(name).map(|value| match value {
        ExtensionValue::String(text) => text.clone(),
        ExtensionValue::Boolean(truth) => truth.to_string(),
        ExtensionValue::Integer(number) => number.to_string(),
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_its_replay_and_its_dead_letter_are_cloud_events() {
    World::run(async |world| {
        let orders = QueueOptions { binding: "order.#".into(), ..QueueOptions::default() };
        let consumer = Consumer::attach(&world.vhost().url, orders).await?;
        let letters = world.dead_letter_consumer().await?;
        let sql = world.sql().await?;
        let payload = r#"{"price": 1.10, "huge": 1e300, "count": 123456789012345678901234567890}"#;
        for event_type in ["order.placed", "nobody.cares"] {
            sql.execute(
                r#"INSERT INTO outbox_events (tenant_id, aggregate_type, aggregate_id, aggregate_version, event_type,
                       schema_version, payload, headers, occurred_at)
                   VALUES ('11111111-2222-3333-4444-555555555555', 'order', 'o/7 "ä"', 12, $1, 2, $2::text::json,
                       '{"correlation-id": "c-1", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                         "region": "eu"}', '2026-03-04T05:06:07.000089+02:00')"#,
                &[&event_type, &payload],
            )
            .await?;
        }
        assert_eq!(once(world, &["--once"]).await?, Some(3), "one is a dead letter");
        consumer.wait_for(1, LIMIT).await?;
        letters.wait_for(1, LIMIT).await?;
        assert_eq!(once(world, &["replay", "--since", "1h", "--yes"]).await?, Some(0));
        comptoir_tests::harness::until("the replay to arrive", LIMIT, async || {
            ensure!(consumer.messages().len() == 2, "not yet");
            Ok(())
        })
        .await?;
        let messages = [consumer.messages(), letters.messages()].concat();
        for (message, event_type) in messages.iter().zip(["order.placed", "order.placed", "nobody.cares"]) {
            let event = parsed(message)?;
            assert_eq!(event.id(), message.id);
            assert_eq!(event.ty(), event_type);
            assert_eq!(event.source(), "https://shop.example/events");
            assert_eq!(event.subject(), Some(r#"o/7 "ä""#));
            assert_eq!(event.time().map(|time| time.timestamp_micros()), Some(1_772_593_567_000_089));
            assert_eq!(event.datacontenttype(), Some("application/json"));
            let schema = format!("https://shop.example/schemas/{event_type}.v2.json");
            assert_eq!(event.dataschema().map(ToString::to_string), Some(schema));
            for (name, expected) in [
                ("tenantid", "11111111-2222-3333-4444-555555555555"),
                ("aggregatetype", "order"),
                ("aggregateversion", "12"),
                ("schemaversion", "2"),
                ("sequence", "0000000000000000012"),
                ("correlationid", "c-1"),
                ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ] {
                assert_eq!(extension(&event, name).as_deref(), Some(expected), "{name}");
            }
            // Names are lower-case letters and digits, at most 20 of them.
            for (name, _) in event.iter_extensions() {
                let proper = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
                assert!(proper && name.len() <= 20, "{name}");
            }
            assert!(message.body.ends_with(&format!(r#""data":{payload}}}"#)), "{}", message.body);
            // The headers are those of a plain message.
            assert_eq!(message.header("region").as_deref(), Some("eu"));
            assert_eq!(message.header("aggregate-version").as_deref(), Some("12"));
        }
        assert_eq!(messages[0].body, messages[1].body, "what one delivery adds is in the headers");
        assert_eq!(messages[1].header("replayed").as_deref(), Some("true"));
        assert!(messages[2].header("error").is_some() && messages[2].header("failed-at").is_some());
        Ok(())
    })
    .await;
}

#[derive(Debug, Clone)]
struct OddEvent {
    event_type: String,
    aggregate_type: String,
    aggregate_id: String,
    correlation_id: String,
    payload: String,
}

/// Everything that PostgreSQL stores in a text: all characters but NUL, quotes and backslashes more often.
fn odd_text(longest: usize) -> impl Strategy<Value = String> {
    let character = prop_oneof![
        3 => any::<char>().prop_filter("PostgreSQL has no NUL", |c| *c != '\0'),
        2 => prop::sample::select(vec!['"', '\\', '/', '.', '*', '#', '{', '\u{7f}', '\u{85}', '\n', '\u{2028}', 'é', '😀']),
        2 => prop::char::range('a', 'z'),
    ];
    prop::collection::vec(character, 1..=longest).prop_map(|characters| characters.into_iter().collect())
}

fn odd_event() -> impl Strategy<Value = OddEvent> {
    let event_type = prop_oneof![odd_text(60), "[a-z]{200}"];
    (any::<bool>(), event_type, odd_text(100), odd_text(100), odd_text(60), odd_text(200)).prop_map(
        |(is_proper, event_type, aggregate_type, aggregate_id, correlation_id, text)| {
            let name = |text: String| if is_proper { text.replace(is_forbidden, "x") } else { text };
            OddEvent {
                event_type: name(event_type),
                aggregate_type: name(aggregate_type),
                aggregate_id: name(aggregate_id),
                correlation_id,
                payload: format!(r#"{{"text":  {}, "number": 1.000}}"#, serde_json::Value::from(text)),
            }
        },
    )
}

/// CloudEvents 1.0, section "Type System".
fn is_forbidden(c: char) -> bool {
    let code = u32::from(c);
    code < 0x20
        || (0x7f..0xa0).contains(&code)
        || (0xfdd0..=0xfdef).contains(&code)
        || code % 0x10000 >= 0xfffe
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_an_event_is_called_its_envelope_says_so_or_it_is_a_dead_letter() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let sql = world.sql().await?;
        let mut runner = TestRunner::deterministic();
        let mut odd = Vec::new();
        for number in 0..300_u128 {
            let event = odd_event().new_tree(&mut runner).map_err(anyhow::Error::msg)?.current();
            let headers = serde_json::json!({ "correlation-id": event.correlation_id }).to_string();
            let id = uuid::Uuid::from_u128(number).to_string();
            sql.execute(
                "INSERT INTO outbox_events (id, aggregate_type, aggregate_id, event_type, payload, headers)
                 VALUES ($1::text::uuid, $2, $3, $4, $5::text::json, $6::text::jsonb)",
                &[
                    &id,
                    &event.aggregate_type,
                    &event.aggregate_id,
                    &event.event_type,
                    &event.payload,
                    &headers,
                ],
            )
            .await
            .with_context(|| format!("{event:?}"))?;
            odd.push((id, event));
        }
        assert_eq!(once(world, &["--once"]).await?, Some(3), "some are dead letters");
        let (proper, forbidden): (Vec<_>, Vec<_>) = odd.into_iter().partition(|(_, event)| {
            ![&event.event_type, &event.aggregate_type, &event.aggregate_id]
                .iter()
                .any(|text| text.chars().any(is_forbidden))
        });
        assert!(proper.len() > 20 && forbidden.len() > 20, "{} {}", proper.len(), forbidden.len());
        consumer.wait_for(proper.len(), LIMIT).await?;
        let messages = consumer.messages();
        assert_eq!(messages.len(), proper.len());
        for (id, odd) in &proper {
            let message = messages.iter().find(|message| message.id == *id).context("delivered")?;
            let event = parsed(message)?;
            assert_eq!(event.ty(), odd.event_type);
            assert_eq!(event.subject(), Some(odd.aggregate_id.as_str()));
            assert_eq!(extension(&event, "aggregatetype").as_ref(), Some(&odd.aggregate_type));
            let correlation_id =
                (!odd.correlation_id.chars().any(is_forbidden)).then_some(&odd.correlation_id);
            assert_eq!(extension(&event, "correlationid").as_ref(), correlation_id);
            assert_eq!(message.header("correlation-id").as_ref(), Some(&odd.correlation_id));
            assert!(message.body.ends_with(&format!(r#""data":{}}}"#, odd.payload)), "{}", message.body);
            assert_eq!(message.routing_key, odd.event_type);
        }
        let rows = sql.query("SELECT id::text, reason FROM outbox_dead_letters ORDER BY id", &[]).await?;
        let dead: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let expected: Vec<_> =
            forbidden.iter().map(|(id, _)| (id.clone(), "unsendable".to_owned())).collect();
        assert_eq!(dead, expected);
        Ok(())
    })
    .await;
}
