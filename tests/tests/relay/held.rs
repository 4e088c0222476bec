//! `dead_letter_policy = "hold"`, and more than one event of an aggregate in flight.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Relay, World, insert_event, insert_many, narrow_queue, run, until};
use lapin::options::QueuePurgeOptions;

use super::refused::{orders_only, wait_for_dead_letters};

const LIMIT: Duration = Duration::from_secs(30);
const HOLD: [(&str, &str); 2] =
    [("COMPTOIR__RELAY__DEAD_LETTER_POLICY", "hold"), ("COMPTOIR__RELAY__MAX_RETRIES", "0")];

/// What was published, in that order: aggregate and event type.
async fn published(world: &World) -> Result<Vec<(String, String)>> {
    let rows = world
        .sql()
        .await?
        .query("SELECT aggregate_id, event_type FROM outbox_history ORDER BY published_at, seq", &[])
        .await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_holds_its_aggregate_until_somebody_decides() {
    World::run(async |world| {
        let consumer = orders_only(world).await?;
        let (_connection, channel) = narrow_queue(&world.vhost().url, "narrow.#").await?;
        let relay = Relay::start(world, &HOLD).await?;
        let sql = world.sql().await?;
        insert_event(&sql, "filler", "narrow.fits", "1").await?;
        world.drained(LIMIT).await?;
        let mut held = Vec::new();
        for aggregate in ["t-1", "t-2"] {
            held.push(insert_event(&sql, aggregate, "narrow.refused", "1").await?.to_string());
            insert_event(&sql, aggregate, "order.placed", "1").await?;
        }
        insert_event(&sql, "t-3", "order.placed", "1").await?;
        let dead = wait_for_dead_letters(world, 2).await?;
        assert_eq!(dead.iter().map(|row| row.0.clone()).collect::<Vec<_>>(), held);
        consumer.wait_for(1, LIMIT).await?;
        let status = world.relay_status().await?;
        assert_eq!(
            (&status["held"], &status["pending"], &status["retrying"]),
            (&2.into(), &4.into(), &0.into())
        );

        // Another replica, later, must hold them as well; and a run of `--once` says that something waits.
        relay.stop().await?;
        let mut command = world.relay_command(&["--once"])?;
        command.envs(HOLD);
        let once = run(command, LIMIT).await?;
        assert_eq!(once.code, Some(3), "{once:?}");
        let relay = Relay::start(world, &HOLD).await?;
        insert_event(&sql, "t-3", "order.confirmed", "1").await?;
        consumer.wait_for(2, LIMIT).await?;
        assert!(
            consumer
                .messages()
                .iter()
                .all(|message| message.header("aggregate-id").as_deref() == Some("t-3"))
        );

        // One is published after all, before its successor; the other is given up, and its aggregate goes on.
        channel.queue_purge("narrow".into(), QueuePurgeOptions::default()).await?;
        sql.execute("UPDATE outbox_events SET retry_count = 7 WHERE id::text = $1", &[&held[0]]).await?;
        for (decision, id) in [("requeue", &held[0]), ("discard", &held[1])] {
            let exit = world.run_relay(&["dead-letters", decision, "--yes", id]).await?;
            assert_eq!(exit.code, Some(0), "{exit:?}");
        }
        world.drained(LIMIT).await?;
        let retries = "SELECT retry_count FROM outbox_history WHERE id::text = $1";
        let retries: i32 = sql.query_one(retries, &[&held[0]]).await?.get(0);
        assert_eq!(retries, 0, "whoever decided starts anew");
        let published = published(world).await?;
        let of = |aggregate: &str| -> Vec<&str> {
            published.iter().filter(|row| row.0 == aggregate).map(|row| row.1.as_str()).collect()
        };
        assert_eq!(of("t-1"), ["narrow.refused", "order.placed"]);
        assert_eq!(of("t-2"), ["order.placed"]);
        let status = world.relay_status().await?;
        assert_eq!((&status["held"], &status["dead_letters"]), (&0.into(), &0.into()));
        relay.stop().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unroutable_event_holds_nothing_even_so() {
    World::run(async |world| {
        let consumer = orders_only(world).await?;
        let _relay = Relay::start(world, &HOLD).await?;
        let sql = world.sql().await?;
        insert_event(&sql, "t-1", "nobody.cares", "1").await?;
        insert_event(&sql, "t-1", "order.placed", "1").await?;
        consumer.wait_for(1, LIMIT).await?;
        world.drained(LIMIT).await?;
        wait_for_dead_letters(world, 1).await?;
        Ok(())
    })
    .await;
}

/// An aggregate whose events are all due at once keeps their order, with many of them on their way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_more_events_of_an_aggregate_in_flight_their_order_is_kept() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        insert_many(&world.sql().await?, 3_000, 2).await?;
        let environment = [("COMPTOIR__RELAY__MAX_IN_FLIGHT_PER_AGGREGATE", "50")];
        let mut relay = Relay::start(world, &environment).await?;
        consumer.wait_for(1_000, LIMIT).await?;
        relay.daemon.kill()?;
        let _relay = Relay::start(world, &environment).await?;
        let findings = world.everything_arrives(&consumer, LIMIT).await?;
        assert_eq!(findings.committed, 3_000);
        assert!(findings.repeats <= 100, "{} repeats of 2 aggregates", findings.repeats);
        Ok(())
    })
    .await;
}

/// Rows that no message could carry are refused when they are written, not found by the relay.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_that_cannot_be_written_as_rfc_3339_is_refused_and_an_odd_wait_stops_nobody() {
    World::run(async |world| {
        let sql = world.sql().await?;
        for time in ["infinity", "-infinity", "12026-01-01", "0001-01-01 BC"] {
            let insert = format!(
                "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload, occurred_at)
                 VALUES ('thing', 't', 'thing.happened', '1', '{time}')"
            );
            let error = sql.execute(&insert, &[]).await.expect_err(time);
            let constraint = error.as_db_error().and_then(|error| error.constraint().map(str::to_owned));
            assert_eq!(constraint.as_deref(), Some("outbox_events_occurred_at_range"), "{time}");
        }
        let consumer = world.consumer().await?;
        for (aggregate, wait) in [("a", "infinity"), ("b", "-infinity"), ("c", "1970-01-01")] {
            insert_event(&sql, aggregate, "thing.happened", "1").await?;
            let update =
                "UPDATE outbox_events SET next_attempt_at = $2::text::timestamptz WHERE aggregate_id = $1";
            sql.execute(update, &[&aggregate, &wait]).await?;
        }
        let _relay = world.relay().await?;
        consumer.wait_for(2, LIMIT).await?;
        until("all but the first to be settled", LIMIT, async || {
            let left: Vec<String> = sql
                .query("SELECT aggregate_id FROM outbox_events", &[])
                .await?
                .iter()
                .map(|row| row.get(0))
                .collect();
            ensure!(left == ["a"], "{left:?}");
            Ok(())
        })
        .await
    })
    .await;
}
