//! `relay tail`: what is published is shown, once, and the reader may go at any time.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Daemon, World, insert_event, insert_many, run, until};
use nix::sys::signal::Signal;
use serde_json::Value;
use tokio_postgres::Client;

const LIMIT: Duration = Duration::from_secs(30);

/// A row of the history, as a relay writes it.
async fn insert_history(sql: &Client, aggregate: &str, event_type: &str) -> Result<()> {
    sql.execute(
        "INSERT INTO outbox_history (seq, id, tenant_id, aggregate_type, aggregate_id, event_type, schema_version,
            payload, headers, occurred_at, shard, retry_count)
         VALUES (1, gen_random_uuid(), gen_random_uuid(), 'thing', $1, $2, 1, '1', '{}', now(), 0, 0)",
        &[&aggregate, &event_type],
    )
    .await?;
    Ok(())
}

fn objects(daemon: &Daemon) -> Result<Vec<Value>> {
    daemon.output().lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
}

fn aggregates(daemon: &Daemon) -> Result<Vec<String>> {
    Ok(objects(daemon)?
        .iter()
        .map(|event| event["aggregate_id"].as_str().unwrap_or_default().to_owned())
        .collect())
}

/// Starts to follow, and returns when it does: events from before are not shown, these are.
async fn following(world: &World, arguments: &[&str]) -> Result<Daemon> {
    let tail = world.start_relay(&[&["tail", "--json"], arguments].concat())?;
    let sql = world.sql().await?;
    until("the tail to follow", LIMIT, async || {
        insert_history(&sql, "probe", "probe").await?;
        ensure!(aggregates(&tail)?.contains(&"probe".to_owned()), "{}", tail.output());
        Ok(())
    })
    .await?;
    Ok(tail)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_shows_what_is_published_from_now_on_and_ends_at_a_signal() {
    World::run(async |world| {
        let sql = world.sql().await?;
        insert_history(&sql, "before", "thing.happened").await?;
        let mut tail = following(world, &["--payload"]).await?;
        let _consumer = world.consumer().await?;
        let relay = world.relay().await?;
        let id = insert_event(&sql, "t-1", "order.placed", "{\"amount\":\n 1.10}").await?.to_string();
        until("the event to be shown", LIMIT, async || {
            let events = objects(&tail)?;
            let event = events.iter().find(|event| event["id"] == id.as_str()).context("not yet")?;
            ensure!(event["event_type"] == "order.placed" && event["aggregate_type"] == "thing", "{event}");
            ensure!(event["delay_ms"].as_i64().is_some_and(|delay| (0..30_000).contains(&delay)), "{event}");
            Ok(())
        })
        .await?;
        assert!(
            tail.output().contains("\"payload\":{\"amount\":  1.10}"),
            "digit by digit: {}",
            tail.output()
        );
        assert!(!aggregates(&tail)?.contains(&"before".to_owned()));
        tail.signal(Signal::SIGINT)?;
        assert_eq!(tail.wait(LIMIT).await?.code(), Some(0));
        // Nothing but events.
        objects(&tail)?;
        relay.stop().await
    })
    .await;
}

/// The row of the transaction that commits last has the earlier `published_at`, and neither the time nor the order of the
/// commits may hide it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_settle_that_is_committed_late_is_shown_once() {
    World::run(async |world| {
        let (slow, quick) = (world.sql().await?, world.sql().await?);
        let mut tail = following(world, &[]).await?;
        slow.batch_execute("BEGIN").await?;
        insert_history(&slow, "slow", "thing.happened").await?;
        for number in 0..3 {
            insert_history(&quick, &format!("quick-{number}"), "thing.happened").await?;
        }
        let shown = async |name: &'static str| {
            until(format!("{name} to be shown"), LIMIT, async || {
                ensure!(aggregates(&tail)?.contains(&name.to_owned()), "{}", tail.output());
                Ok(())
            })
            .await
        };
        shown("quick-2").await?;
        slow.batch_execute("COMMIT").await?;
        shown("slow").await?;
        insert_history(&quick, "last", "thing.happened").await?;
        shown("last").await?;
        let mut order = aggregates(&tail)?;
        order.retain(|name| name != "probe");
        assert_eq!(order, ["quick-0", "quick-1", "quick-2", "slow", "last"]);
        tail.signal(Signal::SIGTERM)?;
        assert_eq!(tail.wait(LIMIT).await?.code(), Some(0));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_goes_on_after_the_database_was_gone() {
    World::run(async |world| {
        let tail = following(world, &[]).await?;
        let sql = world.sql().await?;
        let ended: i64 = world
            .administrator()
            .await?
            .query_one(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                 WHERE datname = current_database() AND application_name = 'comptoir'",
                &[],
            )
            .await?
            .get(0);
        assert!(ended >= 1, "the tail was connected");
        insert_history(&sql, "meanwhile", "thing.happened").await?;
        until("what was published meanwhile to be shown", LIMIT, async || {
            ensure!(tail.output().matches("\"meanwhile\"").count() == 1, "{}", tail.output());
            Ok(())
        })
        .await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_published_since_then_is_shown_first_filtered_and_no_more_than_asked_for() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let _consumer = world.consumer().await?;
        insert_many(&sql, 1_203, 7).await?;
        insert_event(&sql, "odd", "odd.happened", "1").await?;
        assert_eq!(world.run_relay(&["--once"]).await?.code, Some(0));
        let nil = uuid::Uuid::nil().to_string();
        for (arguments, expected) in [
            (&["--limit", "1204"][..], 1_204),
            (&["--limit", "5"], 5),
            (&["--event-type", "odd.happened", "--tenant", &nil, "--limit", "1"], 1),
            (&["--aggregate-id", "bulk-3", "--limit", "172", "--payload"], 172),
        ] {
            let exit = world.run_relay(&[&["tail", "--since", "1h", "--json"], arguments].concat()).await?;
            assert_eq!(
                (exit.code, exit.stdout.lines().count()),
                (Some(0), expected),
                "{arguments:?}: {exit:?}"
            );
        }
        let exit = world
            .run_relay(&["tail", "--since", "1h", "--limit", "1", "--event-type", "odd.happened"])
            .await?;
        assert!(exit.stdout.contains("odd.happened thing odd ") && exit.stdout.ends_with("ms\n"), "{exit:?}");
        assert!(!exit.stdout.contains('\x1b'), "colours are for terminals: {exit:?}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_goes_away_ends_the_tail_without_a_complaint() {
    World::run(async |world| {
        insert_many(&world.sql().await?, 3_000, 7).await?;
        let _consumer = world.consumer().await?;
        assert_eq!(world.run_relay(&["--once"]).await?.code, Some(0));
        // With something to write, and with nothing.
        for (arguments, reader, lines) in [("--since 1h", "head -n 2", 2), ("", "true", 0)] {
            let relay = world.relay_command(&[])?;
            let mut shell = Command::new("bash");
            shell.args(["-c", &format!("set -o pipefail; \"$RELAY\" tail {arguments} | {reader}")]);
            shell.envs(relay.get_envs().filter_map(|(name, value)| Some((name, value?))));
            shell.env("RELAY", relay.get_program());
            let exit = run(shell, LIMIT).await?;
            assert_eq!((exit.code, exit.stdout.lines().count()), (Some(0), lines), "{exit:?}");
            assert_eq!(exit.stderr.lines().count(), 1, "{exit:?}");
            assert!(exit.stderr.contains("following events that are published"), "{exit:?}");
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_shows_what_becomes_a_dead_letter_and_why() {
    World::run(async |world| {
        let tail = following(world, &[]).await?;
        let id = insert_event(&world.sql().await?, "t-1", "nobody.cares", "1").await?.to_string();
        assert_eq!(world.run_relay(&["--once"]).await?.code, Some(3));
        until("the dead letter to be shown", LIMIT, async || {
            let events = objects(&tail)?;
            let event = events.iter().find(|event| event["id"] == id.as_str()).context("not yet")?;
            ensure!(event["reason"] == "unroutable" && event["failed_at"].is_string(), "{event}");
            ensure!(event.get("published_at").is_none(), "{event}");
            Ok(())
        })
        .await?;
        let exit =
            world.run_relay(&["tail", "--since", "1h", "--event-type", "nobody.#", "--limit", "1"]).await?;
        assert!(exit.stdout.contains("dead letter: unroutable (no queue is bound"), "{exit:?}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_history_there_is_nothing_to_follow() {
    World::run(async |world| {
        let mut command = world.relay_command(&["tail"])?;
        command.env("COMPTOIR__HISTORY__RETENTION_DAYS", "0");
        let exit = run(command, LIMIT).await?;
        assert_eq!(exit.code, Some(2), "{exit:?}");
        assert!(
            exit.stderr.contains("history.retention_days") && exit.stderr.trim().lines().count() == 1,
            "{exit:?}"
        );
        let exit = world.run_relay(&["tail", "--database-url", "postgres://127.0.0.1:1/none"]).await?;
        assert_eq!(exit.code, Some(1), "{exit:?}");
        Ok(())
    })
    .await;
}
