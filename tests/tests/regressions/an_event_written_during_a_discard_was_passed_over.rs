//! Read: `dead_letter_policy = "hold"`. While `dead-letters discard` ran, and waited for a lock, somebody wrote the next event of the
//! aggregate. The relay read it, saw the aggregate still held, and passed it over; the discard freed what its own snapshot
//! had shown, which was nothing. The event stayed until the next sweep read everything again.

use std::time::Duration;

use anyhow::ensure;
use comptoir_tests::harness::{Consumer, QueueOptions, Relay, World, insert_event, narrow_queue, run, until};

const LIMIT: Duration = Duration::from_secs(30);
const HOLD: [(&str, &str); 3] = [
    ("COMPTOIR__RELAY__DEAD_LETTER_POLICY", "hold"),
    ("COMPTOIR__RELAY__MAX_RETRIES", "0"),
    // No sweep comes to help.
    ("COMPTOIR__RELAY__SWEEP_INTERVAL_MS", "3600000"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_published() {
    World::run(async |world| {
        let options = QueueOptions { binding: "thing.#".into(), ..QueueOptions::default() };
        let consumer = Consumer::attach(&world.vhost().url, options).await?;
        let _queue = narrow_queue(&world.vhost().url, "narrow.#").await?;
        let relay = Relay::start(world, &HOLD).await?;
        let sql = world.sql().await?;
        insert_event(&sql, "filler", "narrow.fits", "0").await?;
        world.drained(LIMIT).await?;
        let id = insert_event(&sql, "held", "narrow.refused", "1").await?.to_string();
        until("the aggregate to be held", LIMIT, async || {
            let status = world.relay_status().await?;
            ensure!(status["held"] == 1, "{status}");
            Ok(())
        })
        .await?;

        let other = world.sql().await?;
        let blocking: i32 = other.query_one("SELECT pg_backend_pid()", &[]).await?.get(0);
        other.batch_execute("BEGIN; SELECT FROM outbox_dead_letters FOR UPDATE").await?;
        let discard =
            tokio::spawn(run(world.relay_command(&["dead-letters", "discard", "--yes", &id])?, LIMIT));
        until("the discard to wait for the lock", LIMIT, async || {
            let waiting =
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND $1 = ANY (pg_blocking_pids(pid))";
            let waiting: i64 = sql.query_one(waiting, &[&blocking]).await?.get(0);
            ensure!(waiting > 0, "{waiting} wait");
            Ok(())
        })
        .await?;
        insert_event(&sql, "held", "thing.followed", "2").await?;
        // A later one of another aggregate has arrived: so the relay has read, and passed, the one before it.
        insert_event(&sql, "free", "thing.happened", "3").await?;
        consumer.wait_for(1, LIMIT).await?;
        ensure!(consumer.of_type("thing.followed").is_empty(), "it overtook the event that holds it");
        other.batch_execute("COMMIT").await?;
        let exit = discard.await??;
        ensure!(exit.code == Some(0), "{exit:?}");
        consumer.wait_for(2, LIMIT).await?;
        ensure!(consumer.of_type("thing.followed").len() == 1);
        relay.stop().await
    })
    .await;
}
