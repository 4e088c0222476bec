//! The history: replayed, kept by day, dropped when it is old.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{
    Consumer, DAY, QueueOptions, Relay, World, early_in, insert_event, insert_many, run, until,
};
use lapin::types::AMQPValue;
use tokio_postgres::Client;
use uuid::Uuid;

const LIMIT: Duration = Duration::from_secs(30);

async fn count(sql: &Client, table: &str) -> Result<i64> {
    Ok(sql.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await?.get(0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_is_replayed_with_the_same_ids_in_order_and_says_so() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let consumer = world.consumer().await?;
        insert_many(&sql, 3_000, 20).await?;
        let odd = insert_event(&sql, "odd", "odd.happened", r#"{"amount": 1.10}"#).await?.to_string();
        assert_eq!(world.run_relay(&["--once"]).await?.code, Some(0));
        consumer.wait_for(3_001, LIMIT).await?;

        let dry = world.run_relay(&["replay", "--since", "1h", "--dry-run"]).await?;
        assert_eq!(dry.code, Some(0), "{dry:?}");
        let words: Vec<Vec<&str>> =
            dry.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(words, [["odd.happened", "1"], ["thing.happened", "3000"], ["total", "3001"]]);
        assert_eq!((consumer.messages().len(), count(&sql, "outbox_operations").await?), (3_001, 0));

        let exit = world.run_relay(&["replay", "--since", "1h"]).await?;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        until("the replay to arrive", LIMIT, async || {
            ensure!(consumer.messages().len() == 6_002, "{} messages", consumer.messages().len());
            Ok(())
        })
        .await?;
        let messages = consumer.messages();
        let (first, again) = messages.split_at(3_001);
        for number in 0..20 {
            let aggregate = Some(format!("bulk-{number}"));
            let ids = |messages: &[comptoir_tests::harness::Message]| -> Vec<String> {
                messages
                    .iter()
                    .filter(|m| m.header("aggregate-id") == aggregate)
                    .map(|m| m.id.clone())
                    .collect()
            };
            assert_eq!(ids(first), ids(again), "{aggregate:?}");
        }
        let replayed = |message: &comptoir_tests::harness::Message| {
            message.properties.headers().as_ref().and_then(|headers| headers.inner().get("replayed").cloned())
        };
        assert!(first.iter().all(|message| replayed(message).is_none()));
        assert!(again.iter().all(|message| replayed(message) == Some(AMQPValue::Boolean(true))));
        assert!(again.iter().any(|message| message.id == odd && message.body == r#"{"amount": 1.10}"#));

        let tenant = Uuid::nil().to_string();
        for (arguments, published) in [
            (&["--event-type", "odd.happened"][..], 1),
            (&["--aggregate-id", "bulk-3", "--tenant", &tenant, "--rate", "2000"], 150),
            (&["--until", "1h"], 0),
        ] {
            let since = if arguments[0] == "--until" { "2h" } else { "1h" };
            let exit = world.run_relay(&[&["replay", "--since", since], arguments].concat()).await?;
            assert_eq!(exit.code, Some(0), "{exit:?}");
            let said = format!("{} ", exit.stdout.trim_end());
            assert!(said.starts_with(&format!("published again: {published} ")), "{exit:?}");
        }
        let noted: i64 = sql
            .query_one("SELECT sum(count)::bigint FROM outbox_operations WHERE operation = 'replay'", &[])
            .await?
            .get(0);
        assert_eq!((noted, count(&sql, "outbox_history").await?), (3_152, 3_001));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_that_does_not_reach_everyone_exits_with_1() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let orders = QueueOptions { binding: "order.#".into(), ..QueueOptions::default() };
        let consumer = Consumer::attach(&world.vhost().url, orders).await?;
        for (seq, event_type) in [(1, "order.placed"), (2, "nobody.cares"), (3, "order.shipped")] {
            insert_history(&sql, seq, "a", event_type, "now()").await?;
        }
        let exit = world.run_relay(&["replay", "--since", "1h"]).await?;
        assert_eq!(exit.code, Some(1), "{exit:?}");
        assert!(exit.stdout.starts_with("published again: 2 of 3"), "{exit:?}");
        consumer.wait_for(2, LIMIT).await?;
        Ok(())
    })
    .await;
}

/// Every connection opens, and is closed at the first message: that is no progress.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_that_the_broker_never_accepts_ends_and_waits_longer_each_time() {
    World::run(async |world| {
        insert_history(&world.sql().await?, 1, "a", "order.placed", "now()").await?;
        let user = world.vhost().user_who_writes_only(r"^commercial-management\..*").await?;
        let mut command = world.relay_command(&["replay", "--since", "1h"])?;
        command.env("AMQP_URL", user).env("COMPTOIR__RELAY__ONCE_CONNECT_DEADLINE_MS", "3000");
        let exit = comptoir_tests::harness::run(command, LIMIT).await?;
        assert_eq!(exit.code, Some(1), "{exit:?}");
        assert!(exit.stderr.contains("not reached within 3 s"), "{exit:?}");
        // 0.1 s, doubling: about five in 3 s, of which jitter makes a few more, and a busy machine fewer.
        let attempts = exit.stderr.matches("no connection to the broker").count();
        assert!((1..=9).contains(&attempts), "{attempts} {exit:?}");
        Ok(())
    })
    .await;
}

/// One row; `published_at` is an SQL expression.
async fn insert_history(
    sql: &Client,
    seq: i64,
    aggregate: &str,
    event_type: &str,
    published_at: &str,
) -> Result<()> {
    let insert = format!(
        "INSERT INTO outbox_history (seq, id, tenant_id, aggregate_type, aggregate_id, event_type, schema_version,
            payload, headers, occurred_at, shard, retry_count, published_at)
         VALUES ($1, gen_random_uuid(), gen_random_uuid(), 'thing', $2, $3, 1, '1', '{{}}', now(), 0, 0, {published_at})"
    );
    sql.execute(&insert, &[&seq, &aggregate, &event_type]).await?;
    Ok(())
}

async fn partitions(sql: &Client) -> Result<Vec<String>> {
    let rows = sql
        .query("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'outbox_history'::regclass ORDER BY 1", &[])
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// The names of the partitions of these days, counted from today.
async fn days(sql: &Client, from: i32, to: i32) -> Result<Vec<String>> {
    let rows = sql
        .query(
            "SELECT to_char(now() AT TIME ZONE 'UTC' + n * interval '1 day', '\"outbox_history_\"YYYY_MM_DD')
             FROM generate_series($1::int, $2::int) AS n",
            &[&from, &to],
        )
        .await?;
    let mut names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    names.push("outbox_history_default".to_owned());
    Ok(names)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_of_history_is_made_before_it_begins_and_dropped_when_it_is_old() {
    World::run(async |world| {
        early_in(DAY, 4 * LIMIT).await?;
        let sql = world.sql().await?;
        sql.batch_execute(
            "CREATE TABLE outbox_history_2020_01_01 PARTITION OF outbox_history
                FOR VALUES FROM ('2020-01-01T00:00:00Z') TO ('2020-01-02T00:00:00Z');
             CREATE TABLE outbox_history_kept_by_hand PARTITION OF outbox_history
                FOR VALUES FROM ('2020-01-02T00:00:00Z') TO ('2020-01-03T00:00:00Z')",
        )
        .await?;
        insert_history(&sql, 1, "a", "thing.happened", "'2020-01-01T12:00:00Z'").await?;
        insert_history(&sql, 2, "a", "thing.happened", "'2020-01-02T12:00:00Z'").await?;
        let environment = [
            ("COMPTOIR__HISTORY__UPKEEP_INTERVAL_SECONDS", "1"),
            ("COMPTOIR__HISTORY__PARTITIONS_AHEAD_DAYS", "2"),
        ];
        let relay = Relay::start(world, &environment).await?;
        let mut expected = days(&sql, 0, 2).await?;
        expected.push("outbox_history_kept_by_hand".to_owned());
        until("the history to be kept", LIMIT, async || {
            let found = partitions(&sql).await?;
            ensure!(found == expected, "{found:?}");
            Ok(())
        })
        .await?;
        // Rows go where they belong, and a partition that disappears comes back.
        let consumer = world.consumer().await?;
        insert_many(&sql, 10, 1).await?;
        consumer.wait_for(10, LIMIT).await?;
        world.drained(LIMIT).await?;
        assert_eq!(count(&sql, &expected[0]).await?, 10);
        sql.batch_execute(&format!("DROP TABLE {}", expected[2])).await?;
        until("the partition to come back", LIMIT, async || {
            ensure!(partitions(&sql).await? == expected, "not yet");
            Ok(())
        })
        .await?;
        relay.stop().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_in_the_default_partition_neither_stop_the_upkeep_nor_stay_for_ever() {
    World::run(async |world| {
        early_in(DAY, 4 * LIMIT).await?;
        let sql = world.sql().await?;
        insert_history(&sql, 1, "a", "thing.happened", "now()").await?;
        for seq in 2..50 {
            insert_history(&sql, seq, "a", "thing.happened", "now() - interval '31 days'").await?;
        }
        // An upkeep that was interrupted.
        sql.batch_execute(
            "ALTER TABLE outbox_history_default ADD CONSTRAINT outbox_history_not_2020_01_01
             CHECK (published_at < '2020-01-01' OR published_at >= '2020-01-02') NOT VALID",
        )
        .await?;
        let exit = world.run_relay(&["--once"]).await?;
        assert_eq!(exit.code, Some(0));
        let said = format!("{}{}", exit.stdout, exit.stderr);
        assert!(
            !said.contains("a day of the history"),
            "a day that has to wait is not tried in vain: {said}"
        );
        // The day that begins within the hour, if any, has to wait as well.
        let found = partitions(&sql).await?;
        let (all, late) = (days(&sql, 1, 7).await?, days(&sql, 2, 7).await?);
        assert!(found == all || found == late, "{found:?}");
        assert_eq!(count(&sql, "outbox_history_default").await?, 1);
        let constraints = count(
            &sql,
            "pg_constraint WHERE conrelid = 'outbox_history_default'::regclass AND contype = 'c'",
        )
        .await?;
        assert_eq!(constraints, 0, "nothing is refused");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_retention_published_events_are_deleted_and_not_moved() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let consumer = world.consumer().await?;
        insert_many(&sql, 100, 10).await?;
        let relay = Relay::start(world, &[("COMPTOIR__HISTORY__RETENTION_DAYS", "0")]).await?;
        consumer.wait_for(100, LIMIT).await?;
        until("the outbox to be empty", LIMIT, async || {
            ensure!(count(&sql, "outbox_events").await? == 0, "events are left");
            Ok(())
        })
        .await?;
        assert_eq!(count(&sql, "outbox_history").await?, 0);
        relay.stop().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upkeep_that_another_relay_has_claimed_is_left_to_it() {
    World::run(async |world| {
        early_in(DAY, 4 * LIMIT).await?;
        let sql = world.sql().await?;
        let once = async || -> Result<()> {
            let mut command = world.relay_command(&["--once"])?;
            command.env("COMPTOIR__HISTORY__RETENTION_DAYS", "3");
            let exit = run(command, LIMIT).await?;
            ensure!(exit.code == Some(0), "{exit:?}");
            Ok(())
        };
        let claimed_for = async |time: &str| {
            let claim = format!(
                "UPDATE relay_upkeep SET claimed_until = now() + interval '{time}', retention_days = 30
                 WHERE task = 'history'"
            );
            sql.batch_execute(&claim).await
        };
        for day in partitions(&sql).await?.iter().filter(|name| *name != "outbox_history_default") {
            sql.batch_execute(&format!("DROP TABLE {day}")).await?;
        }
        claimed_for("10 minutes").await?;
        once().await?;
        assert_eq!(partitions(&sql).await?, ["outbox_history_default"]);
        // Whoever claimed it did not live to end it.
        claimed_for("-1 second").await?;
        once().await?;
        assert_eq!(partitions(&sql).await?, days(&sql, 0, 7).await?);
        let left =
            "SELECT claimed_until = '-infinity', retention_days FROM relay_upkeep WHERE task = 'history'";
        let left = sql.query_one(left, &[]).await?;
        assert_eq!(
            (left.get::<_, bool>(0), left.get::<_, i32>(1)),
            (true, 3),
            "free, and what is kept is said"
        );
        Ok(())
    })
    .await;
}
