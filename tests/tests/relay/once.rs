//! `relay --once`: drains, stops, and says by its exit code how it went.

use std::time::Duration;

use comptoir_tests::harness::{
    Consumer, Exit, QueueOptions, World, free_port, insert_event, insert_many, program, run,
};

const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_drains_everything_and_exits_with_0() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let exit = world.run_relay(&["--once"]).await?;
        assert_eq!(exit.code, Some(0), "nothing to do: {exit:?}");
        insert_many(&world.sql().await?, 3_000, 100).await?;
        let exit = world.run_relay(&["--once"]).await?;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        let findings = world.everything_arrives(&consumer, LIMIT).await?;
        assert_eq!((findings.committed, findings.repeats), (3_000, 0));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_at_a_time_share_the_work_and_each_says_0() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        insert_many(&world.sql().await?, 5_000, 200).await?;
        let once = async || world.run_relay(&["--once"]).await;
        let exits: [anyhow::Result<Exit>; 4] = futures::future::join_all([once(), once(), once(), once()])
            .await
            .try_into()
            .map_err(|_| anyhow::anyhow!("four were started"))?;
        for exit in exits {
            let exit = exit?;
            assert_eq!(exit.code, Some(0), "{exit:?}");
        }
        let findings = world.everything_arrives(&consumer, LIMIT).await?;
        assert_eq!((findings.committed, findings.repeats), (5_000, 0));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_beside_a_daemon_waits_for_what_the_daemon_holds() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let _relay = world.relay().await?;
        insert_many(&world.sql().await?, 2_000, 100).await?;
        let exit = world.run_relay(&["--once", "--deadline", "30"]).await?;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        world.everything_arrives(&consumer, LIMIT).await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_at_its_limit_it_exits_with_3() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        insert_many(&world.sql().await?, 1_000, 50).await?;
        let exit = world.run_relay(&["--once", "--max-events", "100"]).await?;
        assert_eq!(exit.code, Some(3), "{exit:?}");
        consumer.wait_for(100, LIMIT).await?;
        let left: i64 = world.sql().await?.query_one("SELECT count(*) FROM outbox_events", &[]).await?.get(0);
        assert_eq!(left, 900);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_dead_letter_or_a_retry_left_it_exits_with_3() {
    World::run(async |world| {
        let orders = QueueOptions { binding: "order.#".into(), ..QueueOptions::default() };
        let _consumer = Consumer::attach(&world.vhost().url, orders).await?;
        let sql = world.sql().await?;
        insert_event(&sql, "t-1", "nobody.cares", "1").await?;
        let exit = world.run_relay(&["--once"]).await?;
        assert_eq!(exit.code, Some(3), "a dead letter: {exit:?}");
        let exit = world.run_relay(&["--once"]).await?;
        assert_eq!(exit.code, Some(0), "a dead letter of an earlier run does not count: {exit:?}");
        insert_event(&sql, "t-1", "order.placed", "1").await?;
        sql.execute(
            "UPDATE outbox_events SET retry_count = 1, next_attempt_at = now() + interval '1 hour'",
            &[],
        )
        .await?;
        let exit = world.run_relay(&["--once"]).await?;
        assert_eq!(exit.code, Some(3), "a retry that is not due: {exit:?}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_database_or_broker_it_exits_with_1_at_its_deadline() {
    World::run(async |world| {
        insert_many(&world.sql().await?, 10, 1).await?;
        let nobody = free_port()?;
        for (name, url) in [
            ("AMQP_URL", format!("amqp://guest:guest@127.0.0.1:{nobody}/%2f")),
            ("DATABASE_URL", format!("postgres://comptoir@127.0.0.1:{nobody}/x")),
        ] {
            let mut command = std::process::Command::new(program("relay")?);
            command
                .args(["--once", "--deadline", "2"])
                .env("DATABASE_URL", &world.database.relay_url)
                .env("AMQP_URL", &world.vhost().url)
                .env("COMPTOIR__RELAY__HTTP_LISTEN", "off")
                .env(name, url);
            let begin = std::time::Instant::now();
            let exit = run(command, LIMIT).await?;
            assert_eq!(exit.code, Some(1), "{name}: {exit:?}");
            assert!(begin.elapsed() < LIMIT, "{name}: {:?}", begin.elapsed());
            assert!(!exit.stderr.is_empty(), "{name}: it says why");
        }
        Ok(())
    })
    .await;
}
