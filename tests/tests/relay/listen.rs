//! `relay listen`: messages are shown as a consumer gets them, and the queue goes with the command.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Daemon, World, insert_event, until};
use nix::sys::signal::Signal;
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(30);

fn objects(daemon: &Daemon) -> Result<Vec<Value>> {
    daemon.output().lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
}

/// Starts to listen, and returns when the queue is bound: probes from before become dead letters.
async fn listening(world: &World, arguments: &[&str]) -> Result<Daemon> {
    let listen = world.start_relay(&[&["listen"], arguments].concat())?;
    let sql = world.sql().await?;
    until("the queue to be bound", LIMIT, async || {
        insert_event(&sql, "probe", "order.probe", "{}").await?;
        ensure!(listen.output().contains("order.probe"), "{}", listen.output());
        Ok(())
    })
    .await?;
    Ok(listen)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_matches_is_shown_with_its_headers_and_its_body() {
    World::run(async |world| {
        let _relay = world.relay().await?;
        let sql = world.sql().await?;
        let mut listen = listening(world, &["order.*", "--json"]).await?;
        insert_event(&sql, "c-1", "customer.created", "{}").await?;
        let id = insert_event(&sql, "o-1", "order.placed", "{\"amount\": \"1.10\"}").await?.to_string();
        until("the event to be shown", LIMIT, async || {
            let shown = objects(&listen)?;
            let event = shown.iter().find(|event| event["message_id"] == id.as_str()).context("not yet")?;
            ensure!(event["routing_key"] == "order.placed" && event["body"]["amount"] == "1.10", "{event}");
            let headers = &event["headers"];
            ensure!(headers["aggregate-id"] == "o-1" && headers["retry-count"] == 0, "{headers}");
            Ok(())
        })
        .await?;
        assert!(!listen.output().contains("customer.created"), "another pattern: {}", listen.output());
        listen.signal(Signal::SIGINT)?;
        assert_eq!(listen.wait(LIMIT).await?.code(), Some(0));

        // Nobody listens any more: the next event has no consumer.
        let dead = world.dead_letter_consumer().await?;
        insert_event(&sql, "o-2", "order.placed", "{}").await?;
        until("the event to be a dead letter", LIMIT, async || {
            ensure!(
                dead.messages()
                    .iter()
                    .any(|message| message.header("aggregate-id").as_deref() == Some("o-2")),
                "not yet"
            );
            Ok(())
        })
        .await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_get_a_line_and_the_command_ends_at_its_limit() {
    World::run(async |world| {
        let _relay = world.relay().await?;
        let mut listen = listening(world, &["--limit", "1"]).await?;
        assert_eq!(listen.wait(LIMIT).await?.code(), Some(0));
        let output = listen.output();
        let lines: Vec<_> = output.lines().collect();
        assert_eq!(lines.len(), 3, "{output}");
        assert!(lines[0].contains("listening to # on exchange commercial-management"), "{output}");
        assert!(lines[1].contains("order.probe thing probe") && lines[2].trim() == "{}", "{output}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_exchange_or_the_broker_it_says_what_to_do() {
    World::run(async |world| {
        let missing = world.run_relay(&["listen"]).await?;
        assert_eq!(missing.code, Some(2), "{missing:?}");
        assert!(
            missing.stderr.contains("there is no exchange") && missing.stderr.contains("start relay"),
            "{missing:?}"
        );
        let away = world.run_relay(&["listen", "--amqp-url", "amqp://guest:secret@127.0.0.1:1/%2f"]).await?;
        assert_eq!(away.code, Some(1), "{away:?}");
        assert!(
            away.stderr.starts_with("error: RabbitMQ at amqp://guest:***@127.0.0.1:1/%2f: ")
                && !away.stderr.contains("secret"),
            "{away:?}"
        );
        let long = world.run_relay(&["listen", &"x".repeat(256)]).await?;
        assert_eq!(long.code, Some(2), "{long:?}");
        Ok(())
    })
    .await;
}
