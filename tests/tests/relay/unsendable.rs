//! Rows of which AMQP or RabbitMQ can make no message: each is its own event's fault, found before it is sent.

use std::time::Duration;

use anyhow::Result;
use comptoir_tests::harness::{World, insert_event};
use tokio_postgres::Client;

const LIMIT: Duration = Duration::from_secs(30);

async fn insert_with_headers(sql: &Client, aggregate: &str, headers: &str) -> Result<()> {
    sql.execute(
        "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload, headers)
         VALUES ('thing', $1, 'thing.happened', '1', $2::text::jsonb)",
        &[&aggregate, &headers],
    )
    .await?;
    Ok(())
}

fn nested(depth: usize) -> String {
    format!(r#"{{"deep": {}1{}}}"#, "[".repeat(depth), "]".repeat(depth))
}

/// All of them stand before an ordinary event of the same aggregate, which must arrive.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_that_no_message_can_carry_make_a_dead_letter_without_them_and_the_shard_goes_on() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let letters = world.dead_letter_consumer().await?;
        let sql = world.sql().await?;
        // What the table refuses may come from a table whose owner dropped the checks.
        sql.batch_execute(
            "ALTER TABLE outbox_events DROP CONSTRAINT outbox_events_headers_size, DROP CONSTRAINT outbox_events_headers_names",
        )
        .await?;
        let cases = [
            (format!(r#"{{"h": "{}"}}"#, "v".repeat(200 * 1024)), "204"),
            (format!(r#"{{"h": [{}1]}}"#, "1,".repeat(50_000)), "frame of the broker"),
            (format!(r#"{{"{}": 1}}"#, "n".repeat(256)), "256 bytes"),
            (format!(r#"{{"a": [{{"{}": 1}}]}}"#, "n".repeat(256)), "header `a`"),
            (format!(r#"{{"correlation-id": "{}"}}"#, "c".repeat(256)), "header `correlation-id`"),
            (nested(500), "header `deep`"),
            (r#"{"n": 1e400}"#.to_owned(), "header `n`"),
            (r#"{"n": {"m": 9223372036854775808}}"#.to_owned(), "64 bits"),
            (r#"{"n": -123456789012345678901234567890}"#.to_owned(), "64 bits"),
            (r#"{"CC": "other.key"}"#.to_owned(), "header `CC`"),
            (r#"{"BCC": 5}"#.to_owned(), "header `BCC`"),
        ];
        for (number, (headers, _)) in cases.iter().enumerate() {
            let aggregate = format!("t-{number}");
            insert_with_headers(&sql, &aggregate, headers).await?;
            insert_event(&sql, &aggregate, "thing.happened", "2").await?;
        }
        let exit = world.run_relay(&["--once"]).await?;
        assert_eq!(exit.code, Some(3), "{exit:?}");
        consumer.wait_for(cases.len(), LIMIT).await?;
        letters.wait_for(cases.len(), LIMIT).await?;
        assert!(consumer.messages().iter().all(|message| message.body == "2"));
        let dead = sql.query("SELECT reason, last_error FROM outbox_dead_letters ORDER BY seq", &[]).await?;
        assert_eq!(dead.len(), cases.len());
        for (row, (_, expected)) in dead.iter().zip(&cases) {
            let (reason, error): (&str, &str) = (row.get(0), row.get(1));
            assert_eq!(reason, "unsendable");
            assert!(error.contains(expected), "{expected}: {error}");
        }
        for letter in letters.messages() {
            assert!(letter.header("error").is_some_and(|error| error.starts_with("no message can be made of it")));
            assert_eq!(letter.header("event-type").as_deref(), Some("thing.happened"));
            for name in ["h", "a", "n", "deep", "CC", "BCC", "correlation-id"] {
                assert_eq!(letter.header(name), None);
            }
        }
        assert!(!exit.stderr.contains("no connection to the broker"), "found before it was sent: {exit:?}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_looks_odd_arrives() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let sql = world.sql().await?;
        let name = "é".repeat(127);
        let cases = [
            (r#"{"": "no name"}"#.to_owned(), "", Some("no name")),
            (r#"{"a b\n\"": "odd name"}"#.to_owned(), "a b\n\"", Some("odd name")),
            (format!(r#"{{"{name}": "long name"}}"#), name.as_str(), Some("long name")),
            (r#"{"big": 9223372036854775807}"#.to_owned(), "big", Some("9223372036854775807")),
            (r#"{"CC": ["other.key"]}"#.to_owned(), "event-type", Some("thing.happened")),
            (nested(120), "event-type", Some("thing.happened")),
            (r#"{"none": null, "list": [null, {}, [], -0.0, 1e18]}"#.to_owned(), "none", None),
            (format!(r#"{{"long": "{}"}}"#, "v".repeat(59_000)), "event-type", Some("thing.happened")),
            // The table permits as much: no text grows beyond what a frame has room for.
            (format!(r#"{{"many": [{}1]}}"#, "1,".repeat(19_000)), "event-type", Some("thing.happened")),
            (format!(r#"{{"halves": [{}1]}}"#, "0.5,".repeat(11_000)), "event-type", Some("thing.happened")),
            (r#"{"x-death": 5, "x-delivery-count": "a", "x-opt-y": {}}"#.to_owned(), "x-death", Some("5")),
        ];
        for (number, (headers, ..)) in cases.iter().enumerate() {
            insert_with_headers(&sql, &format!("t-{number}"), headers).await?;
        }
        let control = "a\u{1}b\u{1f}..\u{7f}*#";
        insert_event(&sql, "odd \u{1}", control, "1").await?;
        let exit = world.run_relay(&["--once"]).await?;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        consumer.wait_for(cases.len() + 1, LIMIT).await?;
        let messages = consumer.messages();
        for (number, (_, header, expected)) in cases.iter().enumerate() {
            let aggregate = format!("t-{number}");
            let message = messages
                .iter()
                .find(|message| message.header("aggregate-id").as_ref() == Some(&aggregate))
                .unwrap_or_else(|| panic!("{aggregate}"));
            assert_eq!(message.header(header).as_deref(), *expected, "{header}");
        }
        assert!(messages.iter().any(|message| message.routing_key == control));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_and_the_last_time_of_rfc_3339_arrive() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let consumer = world.consumer().await?;
        for time in ["0001-01-01 00:00:00+00", "1969-12-31 23:59:59.5+00", "9999-12-31 23:59:59.999999+00"] {
            sql.execute(
                "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload, occurred_at)
                 VALUES ('thing', 'a', 'thing.happened', '1', $1::text::timestamptz)",
                &[&time],
            )
            .await?;
        }
        let exit = world.run_relay(&["--once"]).await?;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        consumer.wait_for(3, LIMIT).await?;
        let times: Vec<_> = consumer.messages().iter().map(|message| message.header("occurred-at")).collect();
        let expected =
            ["0001-01-01T00:00:00.000000Z", "1969-12-31T23:59:59.500000Z", "9999-12-31T23:59:59.999999Z"];
        assert_eq!(times, expected.map(|time| Some(time.to_owned())));
        Ok(())
    })
    .await;
}
