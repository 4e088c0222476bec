//! Seen: every dead letter left a copy in the broker's queue `commercial-management.dead-letters`, also when it had been
//! requeued or discarded long ago: where nobody consumes that queue, it grew for ever. A decision takes the copies out.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{World, free_port, insert_event, insert_many, run, until};
use lapin::options::{BasicGetOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(60);
const QUEUE: &str = "commercial-management.dead-letters";

async fn channel(world: &World) -> Result<(Connection, Channel)> {
    let connection = Connection::connect(&world.vhost().url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    Ok((connection, channel))
}

async fn waiting(channel: &Channel) -> Result<u32> {
    let passive = QueueDeclareOptions { passive: true, ..Default::default() };
    Ok(channel.queue_declare(QUEUE.into(), passive, FieldTable::default()).await?.message_count())
}

/// Waits until so many copies are in the queue: what was put back may take a moment.
async fn copies(channel: &Channel, expected: u32) -> Result<()> {
    until(format!("{expected} copies in the queue"), LIMIT, async || {
        let count = waiting(channel).await?;
        ensure!(count == expected, "there are {count}");
        Ok(())
    })
    .await
}

async fn dead(world: &World, aggregates: &[&str]) -> Result<Vec<String>> {
    let sql = world.sql().await?;
    let mut ids = Vec::new();
    for aggregate in aggregates {
        ids.push(insert_event(&sql, aggregate, "nobody.cares", "1").await?.to_string());
    }
    let exit = world.run_relay(&["--once"]).await?;
    ensure!(exit.code == Some(3), "dead letters: {exit:?}");
    Ok(ids)
}

async fn done(world: &World, arguments: &[&str]) -> Result<Value> {
    let exit = world.run_relay(&[&["dead-letters"], arguments, &["--json"]].concat()).await?;
    ensure!(exit.code == Some(0), "{exit:?}");
    serde_json::from_str(&exit.stdout).with_context(|| exit.stdout.clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_decided_leaves_no_copy_and_what_is_not_keeps_its_own() {
    World::run(async |world| {
        let ids = dead(world, &["a", "b", "c", "d"]).await?;
        let (_connection, channel) = channel(world).await?;
        copies(&channel, 4).await?;
        let discarded = done(world, &["discard", "--yes", &ids[1]]).await?;
        assert_eq!((&discarded["count"], &discarded["copies_removed"]), (&1.into(), &1.into()));
        copies(&channel, 3).await?;
        // It fails again at once, and its new copy is not the old one's.
        let requeued = done(world, &["requeue", "--yes", &ids[2]]).await?;
        assert_eq!((&requeued["count"], &requeued["copies_removed"]), (&1.into(), &1.into()));
        copies(&channel, 2).await?;
        assert_eq!(world.run_relay(&["--once"]).await?.code, Some(3));
        copies(&channel, 3).await?;
        let swept = done(world, &["sweep"]).await?;
        assert_eq!((&swept["looked_at"], &swept["removed"]), (&3.into(), &0.into()), "{swept}");
        copies(&channel, 3).await?;
        let mut left = HashSet::new();
        for _ in 0..3 {
            let got =
                channel.basic_get(QUEUE.into(), BasicGetOptions { no_ack: true }).await?.context("a copy")?;
            left.insert(got.properties.message_id().as_ref().context("an id")?.to_string());
        }
        assert_eq!(left, HashSet::from([ids[0].clone(), ids[2].clone(), ids[3].clone()]));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_away_does_not_hold_up_the_decision_and_a_sweep_takes_the_copies_out_later() {
    World::run(async |world| {
        let ids = dead(world, &["a", "b"]).await?;
        let (_connection, channel) = channel(world).await?;
        copies(&channel, 2).await?;
        let mut command = world.relay_command(&["dead-letters", "discard", "--yes", "--json", &ids[0]])?;
        command.env("AMQP_URL", format!("amqp://guest:guest@127.0.0.1:{}/%2f", free_port()?));
        let exit = run(command, LIMIT).await?;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        assert!(exit.stderr.contains("relay dead-letters sweep"), "it says what is left: {exit:?}");
        let discarded: Value = serde_json::from_str(&exit.stdout)?;
        assert_eq!((&discarded["count"], &discarded["copies_removed"]), (&1.into(), &Value::Null));
        copies(&channel, 2).await?;
        let swept = done(world, &["sweep"]).await?;
        assert_eq!((&swept["looked_at"], &swept["removed"]), (&2.into(), &1.into()), "{swept}");
        copies(&channel, 1).await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_requeued_event_that_was_published_leaves_nothing_and_somebody_elses_messages_stay() {
    World::run(async |world| {
        dead(world, &["a"]).await?;
        let (_connection, channel) = channel(world).await?;
        // Neither is a copy of an event of this database.
        for id in ["not-an-id", "11111111-2222-4333-8444-555555555555"] {
            let properties = lapin::BasicProperties::default().with_message_id(id.into());
            let options = lapin::options::BasicPublishOptions::default();
            channel.basic_publish("".into(), QUEUE.into(), options, b"1", properties).await?.await?;
        }
        copies(&channel, 3).await?;
        let kept = done(world, &["requeue", "--all", "--yes", "--keep-copies"]).await?;
        assert_eq!(kept["copies_removed"], Value::Null, "{kept}");
        let swept = done(world, &["sweep"]).await?;
        assert_eq!(swept["removed"], 0, "it waits in the outbox, and may fail again: {swept}");
        let _consumer = world.consumer().await?;
        assert_eq!(world.run_relay(&["--once"]).await?.code, Some(0));
        let swept = done(world, &["sweep"]).await?;
        assert_eq!(swept["removed"], 1, "{swept}");
        copies(&channel, 2).await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_queue_is_swept_in_bounded_steps_beside_a_consumer() {
    World::run(async |world| {
        insert_many(&world.sql().await?, 300, 7).await?;
        assert_eq!(world.run_relay(&["--once"]).await?.code, Some(3));
        let (_connection, channel) = channel(world).await?;
        // One that was confirmed late is there twice.
        let all = waiting(&channel).await?;
        ensure!(all >= 300, "there are {all}");
        let discarded = done(world, &["discard", "--all", "--yes", "--keep-copies"]).await?;
        assert_eq!(discarded["count"], 300, "{discarded}");
        // Somebody has taken some, and will put them back.
        let (other, busy) = self::channel(world).await?;
        for _ in 0..50 {
            busy.basic_get(QUEUE.into(), BasicGetOptions::default()).await?.context("a copy")?;
        }
        let exit = world.run_relay(&["dead-letters", "sweep", "--limit", "100", "--json"]).await?;
        let swept: Value = serde_json::from_str(&exit.stdout)?;
        assert_eq!((&swept["removed"], &swept["is_cut"]), (&100.into(), &true.into()), "{exit:?}");
        assert!(exit.stderr.contains("--limit"), "it says that there are more: {exit:?}");
        other.close(200, "done".into()).await?;
        copies(&channel, all - 100).await?;
        let swept = done(world, &["sweep"]).await?;
        assert_eq!((&swept["removed"], &swept["is_cut"]), (&(all - 100).into(), &false.into()), "{swept}");
        copies(&channel, 0).await?;
        Ok(())
    })
    .await;
}
