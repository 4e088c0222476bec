//! Routing keys by rules of the configuration.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{World, insert_event};

const LIMIT: Duration = Duration::from_secs(30);

struct ConfigFile(tempfile::NamedTempFile);

impl ConfigFile {
    fn new(text: &str) -> Result<Self> {
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(text.as_bytes())?;
        Ok(Self(file))
    }

    fn path(&self) -> Result<&str> {
        self.0.path().to_str().context("a path in UTF-8")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_rule_that_matches_makes_the_key_also_of_replays_and_dead_letters() {
    World::run(async |world| {
        let file = ConfigFile::new(
            r##"
            [[routing]]
            event_type = "order.*"
            tenant = "11111111-2222-3333-4444-555555555555"
            key = "vip.{tenant_id}.{event_type}"
            [[routing]]
            event_type = "order.#"
            key = "{aggregate_type}.{event_type}.v{schema_version}.{aggregate_id}"
            [[routing]]
            event_type = "lost.*"
            key = "nowhere.{event_type}"
            "##,
        )?;
        let consumer = world.consumer().await?;
        let letters = world.dead_letter_consumer().await?;
        let sql = world.sql().await?;
        insert_event(&sql, "a-1", "order.placed", "1").await?;
        insert_event(&sql, "a-1", "invoice.sent", "2").await?;
        sql.execute(
            "INSERT INTO outbox_events (tenant_id, aggregate_type, aggregate_id, event_type, payload)
             VALUES ('11111111-2222-3333-4444-555555555555', 'thing', 'a-1', 'order.shipped', '3')",
            &[],
        )
        .await?;
        let exit = world.run_relay(&["--config", file.path()?, "--once"]).await?;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        let exit = world.run_relay(&["--config", file.path()?, "replay", "--since", "1h", "--yes"]).await?;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        comptoir_tests::harness::until("two of each", LIMIT, async || {
            ensure!(consumer.messages().len() == 6, "{}", consumer.messages().len());
            Ok(())
        })
        .await?;
        let mut keys: Vec<_> = consumer
            .messages()
            .into_iter()
            .map(|message| {
                let kind = message.properties.kind().as_ref().map(ToString::to_string).unwrap_or_default();
                (message.routing_key, kind)
            })
            .collect();
        keys.sort();
        keys.dedup();
        let expected = [
            ("invoice.sent", "invoice.sent"),
            ("thing.order.placed.v1.a-1", "order.placed"),
            ("vip.11111111-2222-3333-4444-555555555555.order.shipped", "order.shipped"),
        ];
        assert_eq!(keys, expected.map(|(key, kind)| (key.to_owned(), kind.to_owned())));
        drop(consumer);
        // Unbound from here on: what the dead letter says is the key that found no queue.
        let exchange = world.vhost().url.clone();
        let connection =
            lapin::Connection::connect(&exchange, lapin::ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        channel
            .queue_delete("independent-consumer".into(), lapin::options::QueueDeleteOptions::default())
            .await?;
        insert_event(&sql, "a-1", "lost.thing", "4").await?;
        let exit = world.run_relay(&["--config", file.path()?, "--once"]).await?;
        assert_eq!(exit.code, Some(3), "{exit:?}");
        letters.wait_for(1, LIMIT).await?;
        let letter = &letters.messages()[0];
        assert_eq!(letter.header("original-routing-key").as_deref(), Some("nowhere.lost.thing"));
        assert_eq!(letter.routing_key, "nowhere.lost.thing");
        let error: String = sql.query_one("SELECT last_error FROM outbox_dead_letters", &[]).await?.get(0);
        assert!(error.contains("nowhere.lost.thing"), "{error}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_whose_key_would_be_too_long_is_a_dead_letter_and_the_others_go_on() {
    World::run(async |world| {
        let file = ConfigFile::new(
            "[[routing]]\nkey = \"{aggregate_id}.{aggregate_id}.{aggregate_id}.{event_type}\"\n",
        )?;
        let consumer = world.consumer().await?;
        let letters = world.dead_letter_consumer().await?;
        let sql = world.sql().await?;
        let long = "x".repeat(100);
        insert_event(&sql, &long, "order.placed", "1").await?;
        insert_event(&sql, "short", "order.placed", "2").await?;
        let exit = world.run_relay(&["--config", file.path()?, "--once"]).await?;
        assert_eq!(exit.code, Some(3), "{exit:?}");
        consumer.wait_for(1, LIMIT).await?;
        assert_eq!(consumer.messages()[0].routing_key, "short.short.short.order.placed");
        letters.wait_for(1, LIMIT).await?;
        let letter = &letters.messages()[0];
        let key = format!("{long}.{long}.{long}.order.placed");
        assert_eq!(letter.header("original-routing-key"), Some(key));
        assert_eq!((letter.routing_key.as_str(), letter.body.as_str()), ("order.placed", "1"));
        let row = sql.query_one("SELECT reason, last_error FROM outbox_dead_letters", &[]).await?;
        assert_eq!(row.get::<_, &str>(0), "routing-key-too-long");
        assert!(row.get::<_, &str>(1).contains("315 bytes"), "{}", row.get::<_, &str>(1));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_and_settings_that_make_no_sense_are_refused_in_one_line() {
    World::run(async |world| {
        for (text, expected) in [
            ("[[routing]]\nkey = \"{event_typ}\"", "unknown placeholder {event_typ}"),
            ("[[routing]]\nkey = \"a{b\"", "brace"),
            ("[[routing]]\nkey = \"\"", "key is empty"),
            (
                "[[routing]]\nkey = \"x\"\n[[routing]]\nevent_type = \"a\"\nkey = \"y\"",
                "rule 2 (event_type `a`, key `y`)",
            ),
            ("[[routing]]\nkei = \"x\"", "kei"),
            ("[[routing]]\ntenant = \"7\"\nkey = \"x\"", "tenant"),
            ("[routing]\nkey = \"x\"", "routing"),
            ("[relay]\nenvelope = \"avro\"", "avro"),
            ("[relay]\ncloudevents_source = \"a b\"", "relay.cloudevents_source"),
            ("[relay]\ncloudevents_dataschema_base = \"schemas/\"", "relay.cloudevents_dataschema_base"),
        ] {
            let file = ConfigFile::new(text)?;
            let exit = world.run_relay(&["--config", file.path()?, "--once"]).await?;
            assert_eq!(exit.code, Some(2), "{text}: {exit:?}");
            assert!(exit.stderr.contains(expected), "{expected}: {exit:?}");
            assert_eq!(exit.stderr.trim().lines().count(), 1, "{exit:?}");
        }
        let mut command = world.relay_command(&["--once"])?;
        command.env("COMPTOIR__ROUTING__0__KEY", "x");
        let exit = comptoir_tests::harness::run(command, LIMIT).await?;
        assert_eq!(exit.code, Some(2), "{exit:?}");
        assert!(exit.stderr.contains("routing") && exit.stderr.contains("file"), "{exit:?}");
        Ok(())
    })
    .await;
}
