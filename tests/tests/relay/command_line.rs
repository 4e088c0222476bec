//! The command line: status, migrations, health, and what is refused.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{
    Http, Relay, TestDatabase, World, free_port, insert_event, insert_many, program, run, until,
};

const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_is_one_object_that_says_what_waits_and_who_works() {
    World::run(async |world| {
        let status = world.relay_status().await?;
        assert_eq!(
            (&status["pending"], &status["retrying"], &status["dead_letters"]),
            (&0.into(), &0.into(), &0.into())
        );
        assert_eq!(status["blocked"], false);
        assert!(status["oldest_pending_seconds"].is_null());
        assert_eq!(status["shards"].as_array().map(Vec::len), Some(64));
        assert_eq!(status["replicas"].as_array().map(Vec::len), Some(0));

        insert_many(&world.sql().await?, 7, 7).await?;
        let status = world.relay_status().await?;
        assert_eq!(status["pending"], 7);
        assert!(
            status["oldest_pending_seconds"].as_f64().is_some_and(|age| (0.0..60.0).contains(&age)),
            "{status}"
        );

        let relay = world.relay().await?;
        let _consumer = world.consumer().await?;
        until("the replica to own all shards", LIMIT, async || {
            let status = world.relay_status().await?;
            let replica = &status["replicas"][0];
            ensure!(replica["shards"] == 64, "{replica}");
            for field in ["id", "started_at", "last_seen_at"] {
                ensure!(replica[field].is_string(), "{field}: {replica}");
            }
            let shard = &status["shards"][5];
            ensure!(shard["shard"] == 5 && shard["owner"] == replica["id"], "{shard}");
            ensure!(shard["epoch"].as_i64() > Some(0) && shard["expires_at"].is_string(), "{shard}");
            Ok(())
        })
        .await?;
        relay.stop().await?;
        let table = world.run_relay(&["status"]).await?;
        assert_eq!(table.code, Some(0));
        assert!(table.stdout.contains("pending"), "{}", table.stdout);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daemon_tells_its_health_and_its_metrics() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let listen = format!("127.0.0.1:{}", free_port()?);
        let _relay = Relay::start(world, &[("COMPTOIR__RELAY__HTTP_LISTEN", &listen)]).await?;
        let http = Http::new(&format!("http://{listen}"))?;
        until("the relay to be ready", LIMIT, async || {
            let answer = http.get("//health/ready").await?;
            ensure!(answer.status == 200, "{} {}", answer.status, answer.text);
            Ok(())
        })
        .await?;
        assert_eq!(http.get("//health/live").await?.status, 200);
        insert_event(&world.sql().await?, "t-1", "thing.happened", "1").await?;
        consumer.wait_for(1, LIMIT).await?;
        let metrics = http.get("//metrics").await?;
        assert_eq!(metrics.status, 200);
        assert!(metrics.text.contains("publish"), "{}", metrics.text);
        assert_eq!(http.get("//nothing").await?.status, 404);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_usage_or_configuration_error_is_one_line_and_exit_2() {
    World::run(async |world| {
        let cases: [(&[&str], (&str, &str)); 16] = [
            (&["--nonsense"], ("X", "")),
            (&["nonsense"], ("X", "")),
            (&["--max-events", "5"], ("X", "")),
            (&["--once", "--max-events", "many"], ("X", "")),
            (&["--once", "--deadline", "0"], ("X", "")),
            (&["--once", "--deadline", "-1"], ("X", "")),
            (&["--config", "does-not-exist.toml"], ("X", "")),
            (&["--once", "status"], ("X", "")),
            (&["--http-listen", "off", "status"], ("X", "")),
            (&["dead-letters"], ("X", "")),
            (&[], ("COMPTOIR__RELAY__NONSENSE", "1")),
            (&[], ("COMPTOIR__NONSENSE__X", "1")),
            (&[], ("COMPTOIR__RELAY__WINDOW", "0")),
            (&[], ("COMPTOIR__RELAY__UNROUTABLE", "explode")),
            (&[], ("DATABASE_URL", "not a url")),
            (&[], ("AMQP_URL", "http://example.com")),
        ];
        for (arguments, (name, value)) in cases {
            let mut command = std::process::Command::new(program("relay")?);
            command
                .args(arguments)
                .env("DATABASE_URL", &world.database.relay_url)
                .env("AMQP_URL", &world.vhost().url)
                .env("COMPTOIR__RELAY__HTTP_LISTEN", "off")
                .env(name, value);
            let exit = run(command, Duration::from_secs(20)).await?;
            assert_eq!(exit.code, Some(2), "{arguments:?} {name}={value}: {exit:?}");
            assert_eq!(
                exit.stderr.trim().lines().count(),
                1,
                "{arguments:?} {name}={value}: {}",
                exit.stderr
            );
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrations_run_once_by_whoever_comes_first() {
    World::run(async |world| -> Result<()> {
        let database = TestDatabase::empty(&world.services).await?;
        let migrate = async |name: &str| {
            let mut command = comptoir_tests::harness::command(name)?;
            command.arg("migrate").env("DATABASE_URL", &database.url);
            run(command, LIMIT).await
        };
        let exits = futures::future::join_all([migrate("relay"), migrate("api"), migrate("relay")]).await;
        for exit in exits {
            let exit = exit?;
            assert_eq!(exit.code, Some(0), "{exit:?}");
        }
        let sql = comptoir_tests::harness::connect(&database.url).await?;
        let shards: i64 = sql.query_one("SELECT count(*) FROM relay_shards", &[]).await?.get(0);
        assert_eq!(shards, 64);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_never_printed() {
    World::run(async |world| {
        let secret = "s3cr3t-pa55";
        let port = free_port()?;
        let mut command = std::process::Command::new(program("relay")?);
        command
            .args(["--once", "--deadline", "1"])
            .env("DATABASE_URL", &world.database.relay_url)
            .env("AMQP_URL", format!("amqp://guest:{secret}@127.0.0.1:{port}/%2f"))
            .env("COMPTOIR__LOG__FILTER", "debug");
        let exit = run(command, LIMIT).await?;
        assert!(!exit.stderr.contains(secret) && !exit.stdout.contains(secret), "{exit:?}");
        Ok(())
    })
    .await;
}
