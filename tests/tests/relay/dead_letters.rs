//! Dead letters: listed, shown, published again, given up.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Exit, Relay, World, insert_event, insert_many, until};
use serde_json::Value;
use tokio_postgres::Client;
use uuid::Uuid;

const LIMIT: Duration = Duration::from_secs(30);

/// Events without a queue, drained: as many dead letters, in the order of these aggregates.
async fn dead_letters(world: &World, aggregates: &[&str]) -> Result<Vec<String>> {
    let sql = world.sql().await?;
    let mut ids = Vec::new();
    for aggregate in aggregates {
        ids.push(insert_event(&sql, aggregate, "nobody.cares", r#"{"amount": 1.10}"#).await?.to_string());
    }
    let exit = world.run_relay(&["--once"]).await?;
    ensure!(exit.code == Some(3), "dead letters: {exit:?}");
    Ok(ids)
}

async fn list(world: &World, arguments: &[&str]) -> Result<Vec<Value>> {
    let exit = world.run_relay(&[&["dead-letters", "list", "--json"], arguments].concat()).await?;
    ensure!(exit.code == Some(0), "{exit:?}");
    serde_json::from_str(&exit.stdout).with_context(|| exit.stdout.clone())
}

async fn count(sql: &Client, table: &str) -> Result<i64> {
    Ok(sql.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await?.get(0))
}

fn one_line(exit: &Exit) -> Result<&str> {
    ensure!(exit.stderr.trim().lines().count() == 1, "one line: {exit:?}");
    Ok(exit.stderr.trim())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_are_listed_shown_and_filtered() {
    World::run(async |world| {
        let empty = world.run_relay(&["dead-letters", "list", "--json"]).await?;
        assert_eq!((empty.code, empty.stdout.trim()), (Some(0), "[]"));
        let ids = dead_letters(world, &["a", "b", "a"]).await?;

        let listed = list(world, &[]).await?;
        assert_eq!(listed.len(), 3);
        let fields =
            ["aggregate_id", "aggregate_type", "event_type", "failed_at", "id", "last_error", "reason"];
        for letter in &listed {
            let names: Vec<&String> = letter.as_object().context("an object")?.keys().collect();
            assert_eq!(names, [&fields[..], &["retry_count"]].concat());
            assert_eq!((&letter["reason"], &letter["retry_count"]), (&"unroutable".into(), &0.into()));
            assert!(letter["failed_at"].as_str().is_some_and(|at| at.ends_with('Z')), "{letter}");
        }
        for (arguments, expected) in [
            (&["--aggregate-id", "a"][..], 2),
            (&["--event-type", "other"], 0),
            (&["--event-type", "nobody.*"], 3),
            (&["--since", "1h"], 3),
            (&["--since", "2100-01-01"], 0),
            (&["--aggregate-id", "a", &ids[2]], 1),
            (&["--limit", "2"], 2),
        ] {
            assert_eq!(list(world, arguments).await?.len(), expected, "{arguments:?}");
        }

        let shown = world.run_relay(&["dead-letters", "show", "--json", &ids[1]]).await?;
        assert!(shown.stdout.contains(r#""payload":{"amount": 1.10}"#), "digit by digit: {shown:?}");
        let shown = world.run_relay(&["dead-letters", "show", &ids[1]]).await?;
        assert!(shown.code == Some(0) && shown.stdout.contains(&ids[1]), "{shown:?}");
        let table = world.run_relay(&["dead-letters", "list", "--limit", "2"]).await?;
        assert!(table.stdout.contains(&ids[2]) && table.stderr.contains("more"), "{table:?}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_requeued_event_is_published_again_as_a_new_one_with_its_own_id() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let ids = dead_letters(world, &["a", "a", "b", "a"]).await?;
        sql.execute("UPDATE outbox_dead_letters SET retry_count = 7, aggregate_version = 5", &[]).await?;
        let consumer = world.consumer().await?;
        // Polls seldom: it is woken.
        let slow = [("COMPTOIR__RELAY__POLL_MIN_MS", "60000"), ("COMPTOIR__RELAY__POLL_MAX_MS", "60000")];
        let relay = Relay::start(world, &slow).await?;
        let requeue = ["dead-letters", "requeue", "--all", "--yes", "--json", "--operator", "ada"];
        let exit = world.run_relay(&requeue).await?;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        let done: Value = serde_json::from_str(&exit.stdout)?;
        assert_eq!((&done["count"], &done["left"]), (&4.into(), &Value::Array(vec![])));

        consumer.wait_for(4, LIMIT).await?;
        let of_a: Vec<String> =
            consumer.messages().into_iter().filter(|m| m.header("aggregate-id").as_deref() == Some("a")).map(|m| m.id).collect();
        assert_eq!(of_a, [&ids[0][..], &ids[1], &ids[3]], "in their order");
        for message in consumer.messages() {
            assert_eq!(message.header("retry-count").as_deref(), Some("0"));
            assert_eq!(message.header("aggregate-version").as_deref(), Some("5"));
            assert_eq!(message.body, r#"{"amount": 1.10}"#);
        }
        assert_eq!(count(&sql, "outbox_dead_letters").await?, 0);

        let trail = sql
            .query_one(
                "SELECT o.operator, o.operation, o.filter::text, o.count, o.finished_at IS NOT NULL, count(e.event_id)
                 FROM outbox_operations o JOIN outbox_operation_events e ON e.operation_id = o.id GROUP BY o.id",
                &[],
            )
            .await?;
        let trail: (String, String, String, i64, bool, i64) =
            (trail.get(0), trail.get(1), trail.get(2), trail.get(3), trail.get(4), trail.get(5));
        assert_eq!(trail, ("ada".into(), "requeue".into(), r#"{"all": true}"#.into(), 4, true, 4));
        relay.stop().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_dead_letters_than_fit_into_one_statement_are_requeued_once_each() {
    World::run(async |world| {
        let sql = world.sql().await?;
        insert_many(&sql, 1_234, 7).await?;
        let exit = world.run_relay(&["--once"]).await?;
        assert_eq!((exit.code, count(&sql, "outbox_dead_letters").await?), (Some(3), 1_234), "{exit:?}");
        // Many died in one statement, at the same moment: still each is on one page of the list.
        let listed = list(world, &["--limit", "2000"]).await?;
        let listed: BTreeSet<_> = listed.iter().map(|letter| letter["id"].to_string()).collect();
        assert_eq!(listed.len(), 1_234);
        // It cannot end while they die again as fast as they are requeued, unless it knows which were there.
        let relay = world.relay().await?;
        let exit =
            world.run_relay(&["dead-letters", "requeue", "--event-type", "thing.happened", "--yes"]).await?;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        let requeued: i64 = sql.query_one("SELECT count FROM outbox_operations", &[]).await?.get(0);
        assert_eq!(requeued, 1_234);
        world.drained(LIMIT).await?;
        assert_eq!(count(&sql, "outbox_dead_letters").await?, 1_234, "nobody listens yet");
        let consumer = world.consumer().await?;
        let exit = world.run_relay(&["dead-letters", "requeue", "--all", "--yes"]).await?;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        world.everything_arrives(&consumer, LIMIT).await?;
        relay.stop().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_waits_already_is_not_requeued_and_its_dead_letter_stays() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let ids = dead_letters(world, &["a", "b"]).await?;
        sql.execute(
            "INSERT INTO outbox_events (id, aggregate_type, aggregate_id, event_type, payload)
             VALUES ($1::text::uuid, 'thing', 'a', 'order.placed', '2')",
            &[&ids[0]],
        )
        .await?;
        let exit = world.run_relay(&["dead-letters", "requeue", "--all", "--yes"]).await?;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        assert!(exit.stdout.contains("left") && exit.stdout.contains(&ids[0]), "{}", exit.stdout);
        assert_eq!((count(&sql, "outbox_dead_letters").await?, count(&sql, "outbox_events").await?), (1, 2));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_discarded_is_gone_and_nothing_else_is() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let ids = dead_letters(world, &["a", "b", "a"]).await?;
        let nobody = Uuid::nil().to_string();
        let exit = world.run_relay(&["dead-letters", "discard", "--yes", &ids[1], &nobody]).await?;
        assert_eq!(exit.code, Some(1), "{exit:?}");
        assert!(one_line(&exit)?.contains(&nobody), "{exit:?}");
        assert_eq!(list(world, &[]).await?.len(), 2, "what is known was discarded");
        for call in ["list", "show"] {
            let exit = world.run_relay(&["dead-letters", call, &nobody]).await?;
            assert_eq!(exit.code, Some(1), "{exit:?}");
            assert!(one_line(&exit)?.contains(&nobody), "{exit:?}");
        }
        let exit = world.run_relay(&["dead-letters", "discard", "--yes", "--aggregate-id", "a"]).await?;
        assert_eq!((exit.code, count(&sql, "outbox_dead_letters").await?), (Some(0), 0), "{exit:?}");
        let events = count(&sql, "outbox_operation_events").await?;
        assert_eq!((events, count(&sql, "outbox_events").await?), (3, 0));
        Ok(())
    })
    .await;
}

/// Five dead letters that differ in what they can be chosen by. The last one will die when the decision was already made.
const LETTERS: &str = "
    DELETE FROM outbox_dead_letters;
    DELETE FROM outbox_events;
    INSERT INTO outbox_dead_letters (id, seq, tenant_id, aggregate_type, aggregate_id, event_type, schema_version, payload, headers,
        occurred_at, shard, retry_count, reason, failed_at)
    SELECT ('00000000-0000-4000-8000-00000000000' || n)::uuid, n, '00000000-0000-0000-0000-000000000000', 'thing', aggregate, type,
        1, '1', '{}', now(), 0, 0, 'unroutable', failed_at
    FROM (VALUES (1, 'a', 'one.happened', now()), (2, 'b', 'one.happened', now()), (3, 'b', 'other.happened', now()),
        (4, 'b', 'one.happened', '2026-01-01Z'), (5, 'b', 'one.happened', now() + interval '1 hour'))
        AS letter (n, aggregate, type, failed_at)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_is_about_what_was_chosen_and_was_there_when_it_was_made() {
    World::run(async |world| {
        let sql = world.sql().await?;
        // The relay has declared its queue of dead letters.
        dead_letters(world, &["a"]).await?;
        let last_digits = "SELECT COALESCE(string_agg(right(id::text, 1), '' ORDER BY id), '') FROM";
        for (arguments, chosen, left) in [
            (&["--all"][..], "1234", "5"),
            (&["--aggregate-id", "a"], "1", "2345"),
            (&["--event-type", "other.*"], "3", "1245"),
            (&["--since", "1h"], "123", "45"),
            (&["--since", "2026-01-01T00:00:00Z"], "1234", "5"),
            (&["00000000-0000-4000-8000-000000000002"], "2", "1345"),
        ] {
            for (decision, published) in [("requeue", chosen), ("discard", "")] {
                sql.batch_execute(LETTERS).await?;
                let exit =
                    world.run_relay(&[&["dead-letters", decision, "--yes"], arguments].concat()).await?;
                assert_eq!(exit.code, Some(0), "{decision} {arguments:?}: {exit:?}");
                for (table, expected) in [("outbox_dead_letters", left), ("outbox_events", published)] {
                    let row = sql.query_one(&format!("{last_digits} {table}"), &[]).await?;
                    assert_eq!(row.get::<_, String>(0), expected, "{decision} {arguments:?}: {table}");
                }
            }
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_clearly_meant_is_not_done() {
    World::run(async |world| {
        let ids = dead_letters(world, &["a"]).await?;
        let id = ids[0].as_str();
        for arguments in [
            &["requeue"][..],
            &["requeue", "--yes"],
            &["discard", "--yes"],
            &["discard", "--yes", "--all", id],
            &["discard", "--yes", "not-an-id"],
            &["discard", "--yes", "--since", "yesterday"],
            &["list", "--limit", "0"],
            &["show"],
        ] {
            let exit = world.run_relay(&[&["dead-letters"], arguments].concat()).await?;
            assert_eq!(exit.code, Some(2), "{arguments:?}: {exit:?}");
            one_line(&exit)?;
        }
        for arguments in [
            &["replay"][..],
            &["replay", "--since", "2100-01-01"],
            &["replay", "--since", "1h", "--rate", "0"],
        ] {
            let exit = world.run_relay(arguments).await?;
            assert_eq!(exit.code, Some(2), "{arguments:?}: {exit:?}");
            one_line(&exit)?;
        }
        assert_eq!(list(world, &[]).await?.len(), 1);
        Ok(())
    })
    .await;
}

/// The id is the event's: what is written a second time and fails again takes the place of the first failure.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_is_written_again_and_fails_again_is_the_dead_letter_that_stays() {
    for policy in ["skip", "hold"] {
        World::run(async |world| {
            let environment = [
                ("COMPTOIR__RELAY__UNROUTABLE", "retry"),
                ("COMPTOIR__RELAY__MAX_RETRIES", "0"),
                ("COMPTOIR__RELAY__DEAD_LETTER_POLICY", policy),
            ];
            let _relay = Relay::start(world, &environment).await?;
            let sql = world.sql().await?;
            let payload = async |expected: &str| {
                until(format!("the dead letter with payload {expected}"), LIMIT, async || {
                    let rows = sql.query("SELECT payload::text FROM outbox_dead_letters", &[]).await?;
                    let found: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
                    ensure!(found == [expected], "{policy}: {found:?}");
                    Ok(())
                })
                .await
            };
            let id = insert_event(&sql, "t-1", "nobody.cares", "1").await?;
            payload("1").await?;
            sql.batch_execute("DELETE FROM outbox_events").await?;
            sql.batch_execute(&format!(
                "INSERT INTO outbox_events (id, aggregate_type, aggregate_id, event_type, payload)
                 VALUES ('{id}', 'thing', 't-2', 'nobody.cares', '2')"
            ))
            .await?;
            payload("2").await
        })
        .await;
    }
}
