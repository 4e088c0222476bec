//! Seen: `relay --once` with nothing to drain said "drained", exit 0, though nobody listened on the broker's port or the
//! broker refused the password. A timer that runs it would never have told anybody. 0 says that the broker was reached.

use std::time::Duration;

use comptoir_tests::harness::{World, free_port, run, with_user};

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_with_nothing_to_drain_says_whether_the_broker_was_reached() {
    World::run(async |world| {
        let nobody = format!("amqp://guest:guest@127.0.0.1:{}/%2f", free_port()?);
        let stranger = with_user(&world.vhost().url, "stranger", "wrong")?;
        for (url, code, said) in [
            (nobody.as_str(), 1, "connection-refused"),
            (stranger.as_str(), 1, "credentials"),
            (world.vhost().url.as_str(), 0, ""),
        ] {
            // Long enough for a machine that is busy; where it is reached, it ends at once.
            let seconds = if code == 0 { "30" } else { "3" };
            let mut command = world.relay_command(&["--once", "--deadline", seconds])?;
            command.env("AMQP_URL", url);
            let exit = run(command, LIMIT).await?;
            assert_eq!(exit.code, Some(code), "{url}: {exit:?}");
            assert!(exit.stderr.contains(said), "{url}: it says why: {exit:?}");
        }
        Ok(())
    })
    .await;
}

/// A replica for which no shard is left reads nothing. It must not take that for a database that it did not reach.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_without_a_shard_of_its_own_is_drained_when_everything_is() {
    World::run(async |world| {
        let sql = world.sql().await?;
        // As many replicas as there are shards, which hold them.
        sql.batch_execute(
            "INSERT INTO relay_replicas (id, name, lease_ttl_ms, last_seen_at, broker_heard_at)
             SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, 'replica ' || n, 3000, now() + interval '2 s', now() + interval '3 s'
             FROM generate_series(0, 63) n;
             UPDATE relay_shards SET owner = ('00000000-0000-0000-0000-' || lpad(shard::text, 12, '0'))::uuid,
                expires_at = now() + interval '25 s'",
        )
        .await?;
        let exit = world.run_relay(&["--once", "--deadline", "20"]).await?;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        Ok(())
    })
    .await;
}
