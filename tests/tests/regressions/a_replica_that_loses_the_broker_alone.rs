//! Seen: of two replicas one loses the broker for 15 s (its TCP connection stalls), the other does not. The events of its
//! shards waited 15.1 s: it kept its leases, since the database answered. Now who cannot publish while others can gives its
//! shards up, within 8 s. Where nobody can, nothing changes hands.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Proxy, Relay, World, address, insert_many, until, with_address};
use tokio_postgres::Client;

const LIMIT: Duration = Duration::from_secs(120);

/// A relay that reaches the broker through a proxy of its own, with the settings for production, but for leases that outlive the
/// pauses of a busy machine.
async fn replica(world: &World) -> Result<(Relay, Proxy)> {
    let proxy = Proxy::start(address(&world.vhost().url)?).await?;
    let amqp_url = with_address(&world.vhost().url, &proxy.address())?;
    let environment = [("AMQP_URL", amqp_url.as_str()), ("COMPTOIR__RELAY__LEASE_TTL_MS", "20000")];
    Ok((Relay::start(world, &environment).await?, proxy))
}

/// By shard: who holds it, and under which epoch.
async fn leases(sql: &Client) -> Result<BTreeMap<i16, (String, i64)>> {
    let rows = sql
        .query(
            "SELECT shard, owner::text, epoch FROM relay_shards WHERE owner IS NOT NULL AND expires_at > now()",
            &[],
        )
        .await?;
    Ok(rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect())
}

/// Waits until so many replicas reach the broker and share all shards evenly.
async fn shared_by(sql: &Client, replicas: usize) -> Result<()> {
    until(format!("{replicas} replicas to share the shards"), LIMIT, async || {
        let row = sql
            .query_one(
                "SELECT count(*) FROM relay_replicas WHERE broker_heard_at > now() - interval '2 seconds'",
                &[],
            )
            .await?;
        let connected: i64 = row.get(0);
        let mut shares: BTreeMap<String, usize> = BTreeMap::new();
        for (owner, _) in leases(sql).await?.into_values() {
            *shares.entry(owner).or_default() += 1;
        }
        let even = shares.len() == replicas && shares.values().all(|share| *share == 64 / replicas);
        ensure!(even && connected == i64::try_from(replicas)?, "{shares:?}, {connected} connected");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_events_are_published_by_the_other_while_its_connection_is_stalled() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let ((one, stalled), (other, _healthy)) = (replica(world).await?, replica(world).await?);
        let sql = world.sql().await?;
        shared_by(&sql, 2).await?;
        // Both have published, and some of what is in flight when the connection stalls is not confirmed.
        insert_many(&sql, 500, 250).await?;
        consumer.wait_for(100, LIMIT).await?;
        stalled.swallow_requests();
        stalled.swallow_answers();
        let begin = Instant::now();
        insert_many(&sql, 500, 250).await?;
        consumer.wait_for(1000, LIMIT).await?;
        // About 6 s on a machine that is not busy. The stall itself has no end yet: before, this was never reached.
        eprintln!("published {:?} after one of two connections had stalled", begin.elapsed());
        // What was on its way arrives late now: repeats, and nothing out of order.
        stalled.resume();
        shared_by(&sql, 2).await?;
        insert_many(&sql, 500, 250).await?;
        world.everything_arrives(&consumer, LIMIT).await?;
        one.stop().await?;
        other.stop().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn where_no_replica_reaches_the_broker_nothing_changes_hands() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let ((_one, first), (_other, second)) = (replica(world).await?, replica(world).await?);
        let sql = world.sql().await?;
        shared_by(&sql, 2).await?;
        let before = leases(&sql).await?;
        for proxy in [&first, &second] {
            proxy.swallow_requests();
            proxy.swallow_answers();
        }
        insert_many(&sql, 200, 100).await?;
        // Longer than it takes to give shards up, and than it takes to notice that the connection is gone.
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(30) {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let now = leases(&sql).await?;
            ensure!(now == before, "after {:?}: {now:?}, before: {before:?}", begin.elapsed());
        }
        first.heal();
        second.heal();
        world.everything_arrives(&consumer, LIMIT).await?;
        Ok(())
    })
    .await;
}
