//! Single events: what waits and why, where one is, who decided what; and patterns wherever an event type is asked for.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{World, insert_event};
use serde_json::Value;
use uuid::Uuid;

const LIMIT: Duration = Duration::from_secs(60);

async fn json(world: &World, arguments: &[&str]) -> Result<Vec<Value>> {
    let exit = world.run_relay(&[arguments, &["--json"]].concat()).await?;
    ensure!(exit.code == Some(0), "{arguments:?}: {exit:?}");
    serde_json::from_str(&exit.stdout).with_context(|| exit.stdout.clone())
}

fn of<'a>(events: &'a [Value], field: &str) -> Vec<&'a str> {
    events.iter().map(|event| event[field].as_str().unwrap_or_default()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_listed_with_what_it_waits_for() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let mut ids = Vec::new();
        for (aggregate, event_type) in [
            ("free", "order.placed"),
            ("slow", "order.placed"),
            ("slow", "order.paid"),
            ("held", "stock.moved"),
            ("held", "stock.counted"),
        ] {
            ids.push(insert_event(&sql, aggregate, event_type, r#"{"n": 1.10}"#).await?.to_string());
        }
        let wait = "UPDATE outbox_events SET retry_count = 2, last_error = 'the broker refused it (nack)', next_attempt_at = ";
        sql.execute(&format!("{wait} now() + interval '1 hour' WHERE id = $1::text::uuid"), &[&ids[1]]).await?;
        sql.execute(&format!("{wait} 'infinity' WHERE id = $1::text::uuid"), &[&ids[3]]).await?;

        let all = json(world, &["events", "list"]).await?;
        assert_eq!(of(&all, "id"), ids, "the oldest first");
        assert_eq!(of(&all, "state"), ["due", "retrying", "behind", "held", "behind"]);
        assert_eq!(all[1]["last_error"], "the broker refused it (nack)");
        assert!(all[1]["next_attempt_at"].is_string() && all[3]["next_attempt_at"].is_null(), "{all:?}");
        for (arguments, expected) in [
            (&["--retrying"][..], &[1][..]),
            (&["--waiting"], &[1, 2, 3, 4]),
            (&["--waiting", "--event-type", "order.*"], &[1, 2]),
            (&["--event-type", "#.placed"], &[0, 1]),
            (&["--aggregate-id", "held"], &[3, 4]),
            (&["--tenant", "11111111-2222-4333-8444-555555555555"], &[]),
            (&["--limit", "2"], &[0, 1]),
            (&["--event-type", "order.placed", &ids[1]], &[1]),
        ] {
            let listed = json(world, &[&["events", "list"], arguments].concat()).await?;
            let expected: Vec<&str> = expected.iter().map(|index: &usize| ids[*index].as_str()).collect();
            assert_eq!(of(&listed, "id"), expected, "{arguments:?}");
        }
        let page = world.run_relay(&["events", "list", "--limit", "2"]).await?;
        let after = page.stderr.split("--after-seq ").nth(1).and_then(|rest| rest.split(' ').next());
        let after = after.with_context(|| format!("it says how to go on: {page:?}"))?;
        let rest = json(world, &["events", "list", "--after-seq", after]).await?;
        assert_eq!(of(&rest, "id"), ids[2..].iter().map(String::as_str).collect::<Vec<_>>());

        let none = world.run_relay(&["events", "list", "--event-type", "nobody.*"]).await?;
        assert_eq!((none.code, none.stdout.as_str()), (Some(0), ""), "{none:?}");
        assert!(none.stderr.contains("no event in the outbox matches"), "{none:?}");
        let shown = world.run_relay(&["events", "show", "--retrying"]).await?;
        for part in [ids[1].as_str(), "the broker refused it (nack)", r#"{"n": 1.10}"#, "routing key        order.placed"] {
            assert!(shown.stdout.contains(part), "{part}: {shown:?}");
        }
        let check = world.run_relay(&["check", "--json"]).await?;
        let found: Value = serde_json::from_str(&check.stdout)?;
        let retrying = found["checks"].as_array().into_iter().flatten().find(|found| found["check"] == "retrying");
        let retrying = retrying.with_context(|| format!("check warns: {check:?}"))?;
        assert_eq!(retrying["status"], "warn");
        assert!(retrying["detail"].as_str().is_some_and(|detail| detail.contains("(nack) (1)")), "{retrying}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_found_wherever_it_is() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let _consumer = comptoir_tests::harness::Consumer::attach(
            &world.vhost().url,
            comptoir_tests::harness::QueueOptions { binding: "order.#".into(), ..Default::default() },
        )
        .await?;
        let published = insert_event(&sql, "a", "order.placed", r#"{"n": 1.10}"#).await?.to_string();
        let dead = insert_event(&sql, "b", "nobody.cares", "1").await?.to_string();
        ensure!(world.run_relay(&["--once"]).await?.code == Some(3), "a dead letter");
        let pending = insert_event(&sql, "c", "order.placed", "1").await?.to_string();
        let old = Uuid::new_v4().to_string();
        sql.execute(
            "INSERT INTO outbox_history SELECT (h).* FROM (SELECT h FROM outbox_history h WHERE id = $1::text::uuid) AS one",
            &[&published],
        )
        .await?;
        sql.execute(
            "UPDATE outbox_history SET id = $1::text::uuid, published_at = now() - interval '20 days'
             WHERE ctid = (SELECT max(ctid) FROM outbox_history WHERE id = $2::text::uuid)
                AND tableoid = (SELECT max(tableoid) FROM outbox_history WHERE id = $2::text::uuid)",
            &[&old, &published],
        )
        .await?;
        let shown = json(world, &["events", "show", &pending, &dead, &published, &old]).await?;
        assert_eq!(of(&shown, "place"), ["outbox", "dead-letters", "history", "history"], "{shown:?}");
        assert_eq!(of(&shown, "id"), [&pending, &dead, &published, &old].map(String::as_str));
        assert_eq!(shown[1]["reason"], "unroutable");
        assert_eq!(shown[1]["routing_key"], "nobody.cares");
        assert!(shown[2]["published_at"].is_string() && shown[1]["failed_at"].is_string(), "{shown:?}");
        let text = world.run_relay(&["events", "show", &dead]).await?;
        assert!(text.stdout.contains("a dead letter"), "{text:?}");
        let nobody = Uuid::nil().to_string();
        let exit = world.run_relay(&["events", "show", &nobody, &pending]).await?;
        assert_eq!(exit.code, Some(1), "{exit:?}");
        assert!(exit.stdout.contains(&pending) && exit.stderr.contains(&nobody), "{exit:?}");
        assert_eq!(world.run_relay(&["events", "show"]).await?.code, Some(2));
        let dead_letter = world.run_relay(&["dead-letters", "show", &dead]).await?;
        assert!(dead_letter.stdout.contains("routing key        nobody.cares"), "{dead_letter:?}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operations_say_who_did_what() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let none = world.run_relay(&["operations"]).await?;
        assert_eq!((none.code, none.stdout.as_str()), (Some(0), ""), "{none:?}");
        assert!(none.stderr.contains("no operation matches"), "{none:?}");
        let first = insert_event(&sql, "a", "nobody.cares", "1").await?.to_string();
        insert_event(&sql, "b", "nobody.minds", "1").await?;
        ensure!(world.run_relay(&["--once"]).await?.code == Some(3), "dead letters");
        for (operator, filter) in [("ada", &["--event-type", "*.cares"][..]), ("bob", &["--all"])] {
            let discard = [&["dead-letters", "discard", "--yes", "--operator", operator], filter].concat();
            ensure!(world.run_relay(&discard).await?.code == Some(0), "{discard:?}");
        }
        let operations = json(world, &["operations"]).await?;
        assert_eq!(of(&operations, "operator"), ["bob", "ada"], "the newest first");
        assert_eq!(operations[1]["filter"], serde_json::json!({"event_type": "*.cares"}));
        assert_eq!((&operations[1]["count"], &operations[1]["operation"]), (&1.into(), &"discard".into()));
        assert!(operations[1]["finished_at"].is_string());
        let of_event = json(world, &["operations", "--event", &first]).await?;
        assert_eq!(of(&of_event, "operator"), ["ada"]);
        assert_eq!(json(world, &["operations", "--since", "2100-01-01"]).await?.len(), 0);
        let table = world.run_relay(&["operations", "--limit", "1"]).await?;
        assert!(table.stdout.contains("bob") && table.stderr.contains("there are more"), "{table:?}");
        Ok(())
    })
    .await;
}

/// PostgreSQL must find what RabbitMQ would route: by the same table as the unit test of the pattern itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pattern_means_in_the_database_what_it_means_to_the_broker() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let types = [
            "order",
            "order.",
            "order.placed",
            "order.placed.late",
            "orders",
            "placed",
            "shop.order.placed",
            "placed.order",
            "a.order.b.order",
            "a.b.a.a.b",
            "a.b.x.b.c",
            "a.x.c",
            "a.b",
            "a",
            ".",
            "or(d)er.[x]+\\d$",
            "orderxplaced",
            "été.là",
            "a\nb.c",
        ];
        for event_type in types {
            insert_event(&sql, "t", event_type, "1").await?;
        }
        for (pattern, expected) in [
            ("order.placed", &["order.placed"][..]),
            ("order.*", &["order.", "order.placed"]),
            ("order.#", &["order", "order.", "order.placed", "order.placed.late"]),
            ("#.placed", &["order.placed", "placed", "shop.order.placed"]),
            (
                "#.order.#",
                &[
                    "order",
                    "order.",
                    "order.placed",
                    "order.placed.late",
                    "shop.order.placed",
                    "placed.order",
                    "a.order.b.order",
                ],
            ),
            ("#.a.b", &["a.b.a.a.b", "a.b"]),
            ("a.#.b.#.c", &["a.b.x.b.c"]),
            (
                "*.#.*",
                &[
                    "order.",
                    "order.placed",
                    "order.placed.late",
                    "shop.order.placed",
                    "placed.order",
                    "a.order.b.order",
                    "a.b.a.a.b",
                    "a.b.x.b.c",
                    "a.x.c",
                    "a.b",
                    ".",
                    "or(d)er.[x]+\\d$",
                    "été.là",
                    "a\nb.c",
                ],
            ),
            ("*", &["order", "orders", "placed", "a", "orderxplaced"]),
            ("or(d)er.[x]+\\d$", &["or(d)er.[x]+\\d$"]),
            ("été.*", &["été.là"]),
            ("*.c", &["a\nb.c"]),
            ("#", &types),
        ] {
            let listed = json(world, &["events", "list", "--event-type", pattern]).await?;
            assert_eq!(of(&listed, "event_type"), expected, "{pattern}");
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_filter_takes_a_pattern_and_says_when_nothing_matches() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let consumer = world.consumer().await?;
        for event_type in ["order.placed", "order.paid", "stock.moved"] {
            insert_event(&sql, "a", event_type, "1").await?;
        }
        ensure!(world.run_relay(&["--once"]).await?.code == Some(0), "drained");
        let replay = ["replay", "--since", "1h", "--yes", "--event-type"];
        let exit = world.run_relay(&[&replay[..], &["order.*"]].concat()).await?;
        assert!(exit.stdout.starts_with("published again: 2 of 2"), "{exit:?}");
        let exit = world.run_relay(&[&replay[..], &["nobody.#"]].concat()).await?;
        assert_eq!((exit.code, exit.stdout.trim()), (Some(0), "published again: 0"), "{exit:?}");
        assert!(exit.stderr.contains("nothing in the history matches"), "{exit:?}");
        consumer.wait_for(3, LIMIT).await?;
        let tail = ["tail", "--since", "1h", "--json", "--limit", "2", "--event-type", "order.*"];
        let exit = world.run_relay(&tail).await?;
        assert_eq!((exit.code, exit.stdout.lines().count()), (Some(0), 2), "{exit:?}");
        for call in ["list", "show", "requeue", "discard"] {
            let mut arguments = vec!["dead-letters", call, "--event-type", "nobody.*"];
            arguments.extend(["requeue", "discard"].contains(&call).then_some("--yes"));
            let exit = world.run_relay(&arguments).await?;
            assert_eq!(exit.code, Some(0), "{call}: {exit:?}");
            assert!(exit.stderr.contains("no dead letter matches"), "{call}: {exit:?}");
        }
        let exit = world
            .run_relay(&["check", "--event-type", "order.*", "--event-type", "nobody.*", "--json"])
            .await?;
        let found: Value = serde_json::from_str(&exit.stdout)?;
        let types = found["checks"].as_array().into_iter().flatten().find(|found| found["check"] == "types");
        let types = types.with_context(|| format!("{exit:?}"))?;
        assert!(
            types["detail"].as_str().is_some_and(|detail| detail.ends_with("no traffic: nobody.*")),
            "{types}"
        );
        let exit = world.run_relay(&["dead-letters", "list", "--event-type", ""]).await?;
        assert_eq!(exit.code, Some(2), "{exit:?}");
        Ok(())
    })
    .await;
}
