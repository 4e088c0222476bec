//! What is committed arrives as it was written, once, in order; what is not committed does not.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Relay, Scrape, World, Writers, insert_event, insert_many, quick_once, until};

const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_written_with_plain_sql_arrives_with_its_properties() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let _relay = world.relay().await?;
        let sql = world.sql().await?;
        let row = sql
            .query_one(
                r#"INSERT INTO outbox_events (tenant_id, aggregate_type, aggregate_id, aggregate_version, event_type, schema_version, payload, headers)
                   VALUES ('11111111-2222-3333-4444-555555555555', 'invoice', 'F-7', 3, 'invoice.sent', 2, '{"a": 1}',
                           '{"correlation-id": "c-1", "causation-id": "c-0", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                             "region": "eu", "priority": 7, "event-id": "forged", "aggregate-id": "forged"}')
                   RETURNING id::text, to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS'), extract(epoch FROM occurred_at)::bigint"#,
                &[],
            )
            .await?;
        let (id, occurred, epoch): (String, String, i64) = (row.get(0), row.get(1), row.get(2));
        consumer.wait_for(1, LIMIT).await?;
        let message = &consumer.messages()[0];
        assert_eq!(message.routing_key, "invoice.sent");
        assert_eq!(message.body, r#"{"a": 1}"#);
        assert_eq!(message.id, id);
        let properties = &message.properties;
        let text = |value: &Option<lapin::types::ShortString>| value.as_ref().map(ToString::to_string).unwrap_or_default();
        assert_eq!(text(properties.kind()), "invoice.sent");
        assert_eq!(text(properties.content_type()), "application/json");
        assert_eq!(text(properties.app_id()), "comptoir");
        assert_eq!(text(properties.correlation_id()), "c-1");
        assert_eq!(*properties.delivery_mode(), Some(2), "persistent");
        // In whole seconds, as AMQP has it; rounding half a second up would be off by one.
        let timestamp = i64::try_from(properties.timestamp().unwrap())?;
        assert!((timestamp - epoch).abs() <= 1, "{timestamp} {epoch}");
        for (name, expected) in [
            ("event-id", id.as_str()),
            ("event-type", "invoice.sent"),
            ("aggregate-type", "invoice"),
            ("aggregate-id", "F-7"),
            ("aggregate-version", "3"),
            ("tenant-id", "11111111-2222-3333-4444-555555555555"),
            ("correlation-id", "c-1"),
            ("causation-id", "c-0"),
            ("schema-version", "2"),
            ("retry-count", "0"),
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ("region", "eu"),
            ("priority", "7"),
        ] {
            assert_eq!(message.header(name).as_deref(), Some(expected), "{name}");
        }
        let at = message.header("occurred-at").unwrap();
        assert!(at.starts_with(&occurred) && at.ends_with('Z'), "{at} {occurred}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_unknown_is_left_out() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let _relay = world.relay().await?;
        insert_event(&world.sql().await?, "t-1", "thing.happened", "[]").await?;
        consumer.wait_for(1, LIMIT).await?;
        let message = &consumer.messages()[0];
        for name in ["aggregate-version", "correlation-id", "causation-id", "traceparent", "replayed"] {
            assert_eq!(message.header(name), None, "{name}");
        }
        assert_eq!(message.header("tenant-id").as_deref(), Some("00000000-0000-0000-0000-000000000000"));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_digit_of_a_payload_is_kept() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let _relay = world.relay().await?;
        let sql = world.sql().await?;
        let payloads = [
            r#"{"price":1.10,"huge":1e400,"count":123456789012345678901234567890,"tiny":1E-400,"zero":-0.0}"#,
            r#"{ "b" : 1 , "a":2, "b": 3 }"#,
            r#""just text with \u00e9 and é and \u0000""#,
            "42",
            "[]",
        ];
        for payload in payloads {
            insert_event(&sql, "t-1", "thing.happened", payload).await?;
        }
        consumer.wait_for(payloads.len(), LIMIT).await?;
        let bodies: Vec<String> = consumer.messages().into_iter().map(|message| message.body).collect();
        assert_eq!(bodies, payloads);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rolled_back_transactions_publish_nothing() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let _relay = world.relay().await?;
        let sql = world.sql().await?;
        sql.batch_execute("BEGIN").await?;
        insert_many(&sql, 500, 20).await?;
        sql.batch_execute("ROLLBACK").await?;
        insert_many(&sql, 100, 20).await?;
        let findings = world.everything_arrives(&consumer, LIMIT).await?;
        assert_eq!((findings.committed, findings.deliveries), (100, 100));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_replicas_keep_the_order_under_concurrent_writers() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let _relays = [world.relay().await?, world.relay().await?, world.relay().await?];
        let writers = Writers::start(&world.database.writer_url, 6, Duration::from_millis(3), 1);
        writers.have_committed(600, LIMIT).await?;
        let written = writers.finish().await?;
        let findings = world.everything_of_arrives(&written, &consumer, LIMIT).await?;
        assert_eq!(findings.repeats, 0, "nothing failed, so nothing is repeated");
        Ok(())
    })
    .await;
}

/// Waits until so many replicas hold all shards, and nobody two more than another.
async fn shared_by(world: &World, replicas: usize) -> Result<()> {
    until(format!("{replicas} replicas to share 64 shards"), LIMIT, async || {
        let status = world.relay_status().await?;
        let shards: Vec<u64> = status["replicas"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|replica| replica["shards"].as_u64())
            .collect();
        let share = 64 / replicas as u64;
        ensure!(shards.len() == replicas, "{shards:?}");
        ensure!(shards.iter().sum::<u64>() == 64, "{shards:?}");
        ensure!(shards.iter().all(|held| (share..=share + 1).contains(held)), "{shards:?}");
        Ok(())
    })
    .await
}

/// Eight shares of eight would leave the ninth replica without any.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nine_replicas_hold_seven_or_eight_shards_each() {
    World::run(async |world| {
        let mut relays = Vec::new();
        for _ in 0..9 {
            relays.push(world.relay().await?);
        }
        shared_by(world, 9).await?;
        for relay in relays {
            relay.stop().await?;
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_share_the_shards_and_hand_them_over() {
    World::run(async |world| {
        let first = world.relay().await?;
        let fair = async |replicas| shared_by(world, replicas).await;
        fair(1).await?;
        let second = world.relay().await?;
        fair(2).await?;
        let third = world.relay().await?;
        fair(3).await?;
        second.stop().await?;
        fair(2).await?;
        first.stop().await?;
        fair(1).await?;
        third.stop().await?;
        Ok(())
    })
    .await;
}

/// A transaction that drew its seq early and commits late: its events were invisible when the relay passed them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_commits_are_not_lost() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let _relay = world.relay().await?;
        let (early, other) = (world.sql().await?, world.sql().await?);
        early.batch_execute("BEGIN").await?;
        for number in 0..5 {
            insert_event(&early, &format!("late-{number}"), "thing.happened", "1").await?;
        }
        for _ in 0..20 {
            insert_many(&other, 100, 64).await?;
        }
        consumer.wait_for(2_000, LIMIT).await?;
        // Once more the relay looks, finds nothing, and moves on.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        for number in 0..5 {
            insert_event(&early, &format!("late-{number}"), "thing.happened", "2").await?;
        }
        early.batch_execute("COMMIT").await?;
        let findings = world.everything_arrives(&consumer, LIMIT).await?;
        assert_eq!((findings.committed, findings.repeats), (2_010, 0));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_open_transactions_of_others_do_not_hold_events_back() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let _relay = world.relay().await?;
        let (reader, writer, sql) = (world.sql().await?, world.sql().await?, world.sql().await?);
        reader
            .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM outbox_events")
            .await?;
        writer
            .batch_execute("BEGIN; CREATE TEMPORARY TABLE mine (id int); INSERT INTO mine VALUES (1)")
            .await?;
        for round in 1..=10 {
            insert_many(&sql, 200, 50).await?;
            consumer.wait_for(200 * round, LIMIT).await?;
        }
        reader.batch_execute("COMMIT").await?;
        writer.batch_execute("COMMIT").await?;
        world.everything_arrives(&consumer, LIMIT).await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_relay_publishes_within_its_poll_interval_without_being_woken() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let _relay = world.relay().await?;
        let sql = world.sql().await?;
        let mut events = 0;
        // 1 s at most, and how long the event itself takes.
        quick_once("an event that nobody announced", Duration::from_secs(2), async || {
            tokio::time::sleep(Duration::from_secs(3)).await;
            insert_event(&sql, "t-1", "thing.happened", "1").await?;
            let written = Instant::now();
            events += 1;
            consumer.wait_for(events, LIMIT).await?;
            Ok(written.elapsed())
        })
        .await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn published_events_move_to_the_history() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let _relay: Relay = world.relay().await?;
        let sql = world.sql().await?;
        let id = insert_event(&sql, "t-1", "thing.happened", r#"{"x": 1.50}"#).await?;
        consumer.wait_for(1, LIMIT).await?;
        world.drained(LIMIT).await?;
        let row = sql
            .query_one(
                "SELECT id::text, aggregate_id, event_type, payload::text, published_at >= occurred_at FROM outbox_history",
                &[],
            )
            .await?;
        let columns: Vec<String> = (0..4).map(|column| row.get(column)).collect();
        assert_eq!(columns, [&id.to_string(), "t-1", "thing.happened", r#"{"x": 1.50}"#]);
        assert!(row.get::<_, bool>(4));
        Ok::<(), anyhow::Error>(())
    })
    .await;
}

/// What could never be published is refused where it is written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_table_refuses_what_could_never_be_published() {
    World::run(async |world| -> Result<()> {
        let sql = world.sql().await?;
        let long_type = "x".repeat(201);
        let wide_type = "é".repeat(150);
        for (aggregate, event_type, payload) in [
            ("a", long_type.as_str(), "1"),
            ("a", wide_type.as_str(), "1"),
            ("a", "", "1"),
            ("", "t.t", "1"),
            (&*"x".repeat(101), "t.t", "1"),
            ("a", "t.t", "null"),
            ("a", "t.t", "{"),
        ] {
            let refused = insert_event(&sql, aggregate, event_type, payload).await;
            assert!(refused.is_err(), "{aggregate:.20} {event_type:.20} {payload}");
        }
        for headers in [
            "[]",
            "1",
            &format!(r#"{{"{}": 1}}"#, "n".repeat(256)),
            &format!(r#"{{"h": "{}"}}"#, "v".repeat(70_000)),
        ] {
            let refused = sql
                .execute(
                    "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload, headers)
                     VALUES ('thing', 'a', 't.t', '1', $1::text::jsonb)",
                    &[&headers],
                )
                .await;
            assert!(refused.is_err(), "{headers:.30}");
        }
        Ok(())
    })
    .await;
}

/// The relay finds late commits by their transaction (ADR 3), which works only if a transaction has its id before it
/// draws its first `seq`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_has_its_id_before_it_draws_a_seq() {
    World::run(async |world| {
        let sql = world.sql().await?;
        // A sequence at its end: drawing fails, and what was done before that remains visible.
        sql.batch_execute(
            "SELECT setval(pg_get_serial_sequence('outbox_events', 'seq'), 9223372036854775807)",
        )
        .await?;
        sql.batch_execute("BEGIN; SAVEPOINT before_the_draw").await?;
        let refused = insert_event(&sql, "a", "a.happened", "{}").await.expect_err("no seq is left");
        assert!(format!("{refused:?}").contains("reached maximum value"), "{refused:?}");
        sql.batch_execute("ROLLBACK TO before_the_draw").await?;
        let assigned: bool =
            sql.query_one("SELECT pg_current_xact_id_if_assigned() IS NOT NULL", &[]).await?.get(0);
        assert!(
            assigned,
            "seq is drawn before the transaction has an id: keep transaction_id in front of seq"
        );
        Ok(())
    })
    .await;
}

/// A settle is a flush to disk. What nobody waits for is collected; an event that its successor waits for is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_settled_together_unless_others_wait_for_them() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let environment = [("COMPTOIR__RELAY__SETTLE_INTERVAL_MS", "1000")];
        let (_relay, http) = Relay::with_http(world, &environment).await?;
        let sql = world.sql().await?;
        let hot = 200_usize;
        // One after another: this would take 200 s if each of them waited for the interval.
        insert_many(&sql, 200, 1).await?;
        consumer.wait_for(hot, LIMIT).await?;
        world.drained(LIMIT).await?;

        let settles = async || -> Result<f64> {
            let scrape = Scrape::of(&http).await?;
            scrape.sum("comptoir_relay_settled_events_count").context("no settles")
        };
        let (before, single, began) = (settles().await?, 100, Instant::now());
        for number in 1..=single {
            insert_event(&sql, &format!("single-{number}"), "thing.happened", "1").await?;
            consumer.wait_for(hot + number, LIMIT).await?;
        }
        world.drained(LIMIT).await?;
        let settles = settles().await? - before;
        // One a second, and some more; each for itself they would be settled at once.
        let most = 2.0 * began.elapsed().as_secs_f64() + 10.0;
        assert!(
            settles < most,
            "{settles} settles for {single} events in {:?}, of which nobody waited for any",
            began.elapsed()
        );
        Ok(())
    })
    .await;
}
