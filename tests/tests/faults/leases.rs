//! Who publishes, when replicas die, leave and stall, and when their clocks are wrong.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use comptoir_tests::faults::{Fault, Options, Side, Stage, Strike};
use comptoir_tests::harness::{faketime, insert_many, until};
use nix::sys::signal::Signal;

use super::{RECOVERY_LIMIT, endure, on_stage, replicas};

/// By shard: who holds it, and under which epoch.
type Leases = HashMap<i16, (String, i64)>;

async fn leases(stage: &Stage) -> Result<Leases> {
    let rows = stage
        .world
        .sql()
        .await?
        .query("SELECT shard, owner::text, epoch FROM relay_shards WHERE expires_at > now()", &[])
        .await?;
    Ok(rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect())
}

/// Waits until all shards are held, and those that were `theirs` were taken over, which their epochs say for ever: whoever held
/// them may come back and be given some again.
async fn taken_over(stage: &Stage, before: &Leases, theirs: &str) -> Result<()> {
    until("other replicas to take the shards over", RECOVERY_LIMIT, async || {
        let now = leases(stage).await?;
        ensure!(now.len() == 64, "{} shards are held", now.len());
        for (shard, (owner, epoch)) in before {
            let (new_owner, new_epoch) = &now[shard];
            ensure!(owner != theirs || epoch < new_epoch, "shard {shard} is still with its former holder");
            ensure!(owner == new_owner || epoch < new_epoch, "shard {shard} changed hands, not its epoch");
        }
        Ok(())
    })
    .await
}

/// The replica's id: its name ends with that of its process.
async fn id_of(stage: &Stage, replica: usize) -> Result<String> {
    let pid = stage.replicas[replica].pid().await;
    let sql = stage.world.sql().await?;
    let row = sql
        .query_opt(
            "SELECT id::text FROM relay_replicas WHERE name LIKE '%-' || $1::text",
            &[&pid.to_string()],
        )
        .await?;
    Ok(row.context("the replica is not in the list")?.get(0))
}

/// In one statement, so that what is measured is not the writing.
async fn some_events_for_every_shard(stage: &Stage) -> Result<()> {
    insert_many(&stage.world.sql().await?, 500, 500).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shards_of_a_replica_that_is_killed_are_taken_over_when_its_leases_have_run_out() {
    on_stage(Options { replicas: 3, ..Options::default() }, async |stage| {
        let (before, dead) = (leases(stage).await?, id_of(stage, 0).await?);
        stage.replicas[0].signal(Signal::SIGKILL).await?;
        let killed = Instant::now();
        some_events_for_every_shard(stage).await?;
        stage.consumer.wait_for(500, RECOVERY_LIMIT).await?;
        eprintln!("failover after SIGKILL: {:?}", killed.elapsed());
        taken_over(stage, &before, &dead).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shards_of_a_replica_that_is_told_to_stop_are_taken_over_at_once() {
    // Longer than the test may take: a lease that had to run out would be noticed.
    let lease = ("COMPTOIR__RELAY__LEASE_TTL_MS".to_owned(), "120000".to_owned());
    let options = Options { replicas: 3, environments: vec![vec![lease]; 3], ..Options::default() };
    on_stage(options, async |stage| {
        let (before, gone) = (leases(stage).await?, id_of(stage, 1).await?);
        stage.replicas[1].signal(Signal::SIGTERM).await?;
        let stopped = Instant::now();
        some_events_for_every_shard(stage).await?;
        stage.consumer.wait_for(500, RECOVERY_LIMIT).await?;
        eprintln!("hand-over after SIGTERM: {:?}", stopped.elapsed());
        taken_over(stage, &before, &gone).await
    })
    .await;
}

/// Its leases are over, and its connections are as they were.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_stalls_publishes_nothing_more_from_shards_that_it_lost() {
    stalls_for(Duration::from_secs(6), 41).await;
}

/// The broker has closed its connection as well, after missing its heartbeats for 20 to 30 s.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn a_replica_that_stalls_for_long_publishes_nothing_more_from_shards_that_it_lost() {
    stalls_for(Duration::from_secs(40), 43).await;
}

/// A frozen replica has events in memory and in flight. Others publish these and their successors; woken up, it may add
/// what it had handed over to the connection, and nothing else.
async fn stalls_for(lasting: Duration, seed: u64) {
    on_stage(Options { replicas: 2, ..Options::default() }, async |stage| {
        let (before, stalled) = (leases(stage).await?, id_of(stage, 0).await?);
        let stall = Strike { fault: Fault::Stalled, replica: 0, lasting };
        let watch = async {
            // While it sleeps, and before it can be given others.
            tokio::time::sleep(Duration::from_secs(5)).await;
            taken_over(stage, &before, &stalled).await
        };
        let stalls = [stall];
        let (verdict, watched) = tokio::join!(endure(stage, seed, &stalls), watch);
        watched?;
        let verdict = verdict?;
        // What was on its way, of which there is little at this load; it holds more.
        eprintln!("repeats after a stall of {lasting:?}: {}", verdict.findings.republished);
        ensure!(verdict.findings.republished <= 1000, "{verdict}");
        Ok(())
    })
    .await;
}

/// Two replicas an hour off in either direction, under load, with leases that change hands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_that_are_wrong_by_an_hour_change_nothing() {
    let environments = vec![faketime("+1h").unwrap(), faketime("-1h").unwrap()];
    on_stage(Options { replicas: 3, environments, ..Options::default() }, async |stage| {
        let strike = |fault, replica, ms| Strike { fault, replica, lasting: Duration::from_millis(ms) };
        let strikes = [
            strike(Fault::Terminated, 0, 0),
            strike(Fault::Killed, 1, 0),
            strike(Fault::Cut(Side::Database), 0, 4000),
        ];
        endure(stage, 42, &strikes).await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn leases_from_the_future_are_no_leases() {
    on_stage(replicas(1), async |stage| {
        // As after a database's clock was set back: somebody who is gone has leases and a sign of life from later on.
        let sql = stage.world.sql().await?;
        let ghost = "00000000-0000-0000-0000-00000000dead";
        sql.batch_execute(&format!(
            "INSERT INTO relay_replicas (id, name, last_seen_at) VALUES ('{ghost}', 'gone', now() + interval '1 hour');
             UPDATE relay_shards SET owner = '{ghost}', epoch = epoch + 1, expires_at = now() + interval '1 hour'
             WHERE shard < 32",
        ))
        .await?;
        some_events_for_every_shard(stage).await?;
        stage.consumer.wait_for(500, RECOVERY_LIMIT).await?;
        stage.recovered(RECOVERY_LIMIT).await
    })
    .await;
}
