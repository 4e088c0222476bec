//! `relay check`: every fault is found and named, the fix that it prints is the right one, and looking changes nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{
    EXCHANGE, Exit, Management, Relay, TestDatabase, World, free_port, insert_event, run, with_address,
    with_user,
};
use lapin::options::{
    BasicGetOptions, BasicPublishOptions, ExchangeBindOptions, ExchangeDeclareOptions, QueueBindOptions,
    QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind};
use reqwest::Method;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(30);
const DURABLE_QUEUE: QueueDeclareOptions = QueueDeclareOptions {
    passive: false,
    durable: true,
    exclusive: false,
    auto_delete: false,
    nowait: false,
};

/// What was found, whatever the exit code.
struct Found(Exit, Value);

async fn check(world: &World, arguments: &[&str], environment: &[(&str, &str)]) -> Result<Found> {
    let mut command = world.relay_command(&[&["check", "--json"], arguments].concat())?;
    command.envs(environment.iter().copied());
    let exit = run(command, LIMIT).await?;
    let report: Value = serde_json::from_str(&exit.stdout).with_context(|| format!("{exit:?}"))?;
    ensure!(exit.code == Some(if report["ok"] == true { 0 } else { 1 }), "{exit:?}");
    Ok(Found(exit, report))
}

impl Found {
    /// The findings of this check.
    fn of(&self, check: &str) -> Vec<&Value> {
        self.1["checks"].as_array().into_iter().flatten().filter(|found| found["check"] == check).collect()
    }

    fn insist(&self, check: &str, status: &str, detail: &str) -> Result<&Value> {
        let found = self.of(check);
        let named = |found: &&&Value| {
            found["status"] == status && found["detail"].as_str().is_some_and(|text| text.contains(detail))
        };
        let found = found.iter().find(named);
        found.copied().with_context(|| format!("{check} {status} {detail:?}: {}", self.0.stdout))
    }

    fn failures(&self) -> Vec<&str> {
        let all = self.1["checks"].as_array().into_iter().flatten();
        all.filter(|found| found["status"] == "fail").filter_map(|found| found["check"].as_str()).collect()
    }
}

async fn channel(world: &World) -> Result<(Connection, Channel)> {
    let connection = Connection::connect(&world.vhost().url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    Ok((connection, channel))
}

async fn declare(channel: &Channel, name: &str, kind: ExchangeKind, arguments: FieldTable) -> Result<()> {
    let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
    Ok(channel.exchange_declare(name.into(), kind, durable, arguments).await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sound_set_up_passes_and_nothing_is_changed_by_looking() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let consumer = world.consumer().await?;
        let relay = world.relay().await?;
        insert_event(&sql, "t-1", "order.placed", "1").await?;
        consumer.wait_for(1, LIMIT).await?;
        world.drained(LIMIT).await?;
        let management = world.services.management_url.as_str();
        let found = check(world, &["--management-url", management], &[]).await?;
        assert_eq!((found.0.code, found.failures()), (Some(0), vec![]), "{}", found.0.stdout);
        for sound in [
            "reachable",
            "writable",
            "clock",
            "schema",
            "work",
            "history",
            "exchange",
            "dead-letter-exchange",
            "dead-letter-queue",
            "permissions",
            "running",
            "lease-time",
            "bindings",
        ] {
            found.insist(sound, "ok", "")?;
        }
        let route = &found.1["event_types"][0];
        assert_eq!((&route["event_type"], &route["published"]), (&"order.placed".into(), &1.into()));
        assert_eq!(route["queues"], json!(["independent-consumer"]));
        assert_eq!(consumer.messages().len(), 1, "no message is left anywhere");

        let without = check(world, &[], &[]).await?;
        without.insist("bindings", "warn", "not checked")?;
        assert_eq!(without.1["event_types"][0]["queues"], Value::Null);
        let text = world.run_relay(&["check"]).await?;
        assert!(text.code == Some(0) && text.stdout.contains("0 failures"), "{text:?}");
        relay.stop().await?;
        check(world, &[], &[]).await?.insist("running", "warn", "no replica")?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrations_that_are_missing_or_unknown_are_named() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let last: String = sql
            .query_one(
                "DELETE FROM __diesel_schema_migrations WHERE version =
                (SELECT max(version) FROM __diesel_schema_migrations WHERE version < '00000000001000') RETURNING version::text",
                &[],
            )
            .await?
            .get(0);
        let found = check(world, &[], &[]).await?;
        assert_eq!(found.insist("schema", "fail", &last)?["fix"], "relay migrate");
        let insert = "INSERT INTO __diesel_schema_migrations (version) VALUES ($1)";
        sql.execute(insert, &[&last]).await?;
        sql.execute(insert, &[&"99990000000001"]).await?;
        let found = check(world, &[], &[]).await?;
        assert_eq!(found.0.code, Some(0), "newer is no failure");
        found.insist("schema", "warn", "99990000000001")?;

        let empty = TestDatabase::empty(&world.services).await?;
        let found = check(world, &[], &[("DATABASE_URL", &empty.url)]).await?;
        found.insist("schema", "fail", "00000000000001_outbox")?;
        let name = empty.name();
        connect_admin(world)
            .await?
            .batch_execute(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on"))
            .await?;
        check(world, &[], &[("DATABASE_URL", &empty.url)]).await?.insist("writable", "fail", "read-only")?;
        Ok(())
    })
    .await;
}

async fn connect_admin(world: &World) -> Result<tokio_postgres::Client> {
    comptoir_tests::harness::connect(&world.services.database_url).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_do_not_answer_or_do_not_let_us_in_are_told_apart() {
    World::run(async |world| {
        let nowhere = format!("127.0.0.1:{}", free_port()?);
        let gone = with_address(&world.database.relay_url, &nowhere)?;
        let found = check(world, &[], &[("DATABASE_URL", &gone)]).await?;
        found.insist("reachable", "fail", "postgres")?;
        found.insist("reachable", "ok", "amqp")?;
        let absent = comptoir_tests::harness::with_path(&world.database.relay_url, "no_such_database")?;
        check(world, &[], &[("DATABASE_URL", &absent)]).await?.insist(
            "reachable",
            "fail",
            "no_such_database",
        )?;

        let gone = with_address(&world.vhost().url, &nowhere)?;
        let fix = |found: &Found| -> Result<String> {
            Ok(found.insist("reachable", "fail", "amqp")?["fix"].as_str().context("a fix")?.to_owned())
        };
        let found = check(world, &[], &[("AMQP_URL", &gone)]).await?;
        assert!(fix(&found)?.starts_with("start RabbitMQ"), "{}", found.0.stdout);
        found.insist("bindings", "warn", "").expect_err("there is nothing to say about bindings");
        let stranger = with_user(&world.vhost().url, "guest", "wr0ng-s3cret")?;
        let found = check(world, &[], &[("AMQP_URL", &stranger)]).await?;
        assert!(fix(&found)?.contains("password"), "{}", found.0.stdout);
        assert!(!found.0.stdout.contains("wr0ng-s3cret"), "a secret is never printed");
        let absent = comptoir_tests::harness::with_path(&world.vhost().url, "no-such-host")?;
        let found = check(world, &[], &[("AMQP_URL", &absent)]).await?;
        assert!(fix(&found)?.contains("virtual host"), "{}", found.0.stdout);

        let management = with_user(&world.services.management_url, "guest", "wr0ng-s3cret")?;
        let found = check(world, &["--management-url", &management], &[]).await?;
        found.insist("bindings", "fail", "refuses this user")?;
        let found = check(world, &["--management-url", &format!("http://{nowhere}")], &[]).await?;
        found.insist("bindings", "fail", "no answer")?;
        for (arguments, word) in
            [(&["--management-url", "ftp://x"][..], "broker.management_url"), (&["--nonsense"], "--nonsense")]
        {
            let exit = world.run_relay(&[&["check"], arguments].concat()).await?;
            assert!(exit.code == Some(2) && exit.stderr.contains(word), "{exit:?}");
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_of_the_broker_that_are_not_as_the_relay_declares_them_are_named() {
    World::run(async |world| {
        let (_connection, channel) = channel(world).await?;
        declare(&channel, EXCHANGE, ExchangeKind::Direct, FieldTable::default()).await?;
        channel.queue_declare("commercial-management.dead-letters".into(), DURABLE_QUEUE, FieldTable::default()).await?;
        let mut alternate = FieldTable::default();
        alternate.insert("alternate-exchange".into(), AMQPValue::LongString("amq.fanout".into()));
        declare(&channel, "with-alternate", ExchangeKind::Topic, alternate).await?;
        let found = check(world, &[], &[("COMPTOIR__BROKER__DEAD_LETTER_EXCHANGE", "with-alternate")]).await?;
        found.insist("exchange", "fail", "'type'")?;
        found.insist("dead-letter-exchange", "fail", "'alternate-exchange'")?;
        found.insist("dead-letter-queue", "fail", "x-queue-type")?;

        // An alternate exchange by policy is no fault that AMQP shows.
        declare(&channel, "events", ExchangeKind::Topic, FieldTable::default()).await?;
        let management = Management::new(&world.services.management_url)?;
        let policy = json!({"pattern": "^events$", "definition": {"alternate-exchange": "amq.fanout"}, "apply-to": "exchanges"});
        let path = format!("policies/{}/leftovers", world.vhost().name());
        management.call(Method::PUT, &path, Some(policy)).await?;
        let environment = [
            ("COMPTOIR__BROKER__EXCHANGE", "events"),
            ("COMPTOIR__BROKER__MANAGEMENT_URL", world.services.management_url.as_str()),
        ];
        check(world, &[], &environment).await?.insist("alternate-exchange", "warn", "amq.fanout")?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn permissions_that_the_broker_does_not_give_are_named() {
    World::run(async |world| {
        // Makes the objects.
        assert_eq!(world.run_relay(&["--once"]).await?.code, Some(0));
        let management = Management::new(&world.services.management_url)?;
        let user = format!("relay-{}", uuid::Uuid::new_v4().simple());
        let account = json!({"password": "x", "tags": ""});
        management.call(Method::PUT, &format!("users/{user}"), Some(account)).await?;
        let permit = async |configure: &str, write: &str, read: &str| {
            let permissions = json!({"configure": configure, "write": write, "read": read});
            let path = format!("permissions/{}/{user}", world.vhost().name());
            management.call(Method::PUT, &path, Some(permissions)).await
        };
        let url = with_user(&world.vhost().url, &user, "x")?;
        let result: Result<()> = async {
            let environment = [("AMQP_URL", url.as_str())];
            permit("^commercial-management", "^commercial-management", "^commercial-management").await?;
            let found = check(world, &[], &environment).await?;
            assert_eq!((found.failures(), found.of("permissions").len()), (vec![], 2), "{}", found.0.stdout);
            permit("^commercial-management", "^commercial-management\\.", ".*").await?;
            let found = check(world, &[], &environment).await?;
            found.insist("permissions", "fail", "commercial-management'")?;
            found.insist("permissions", "ok", "commercial-management.dlx")?;
            permit("", ".*", ".*").await?;
            let found = check(world, &[], &environment).await?;
            assert_eq!(found.failures(), ["exchange", "dead-letter-exchange", "dead-letter-queue"]);
            found.insist("exchange", "fail", "refused")?;
            Ok(())
        }
        .await;
        management.call(Method::DELETE, &format!("users/{user}"), None).await?;
        result
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_differ_in_their_lease_time_are_named() {
    World::run(async |world| {
        let (one, two) = (
            Relay::start(world, &[("COMPTOIR__RELAY__NAME", "one")]).await?,
            Relay::start(
                world,
                &[("COMPTOIR__RELAY__NAME", "two"), ("COMPTOIR__RELAY__LEASE_TTL_MS", "5000")],
            )
            .await?,
        );
        let found = check(world, &[], &[]).await?;
        let detail = found.insist("lease-time", "fail", "3000 ms (one)")?;
        assert!(detail["detail"].as_str().is_some_and(|text| text.contains("5000 ms (two)")), "{detail}");
        let status = world.relay_status().await?;
        assert_eq!(status["replicas"][1]["lease_ttl_ms"], 5000, "{status}");
        assert!(status["replicas"][0]["version"].is_string(), "{status}");
        one.stop().await?;
        two.stop().await
    })
    .await;
}

/// What the check says about a key is what the broker does with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_matched_as_the_broker_matches_them() {
    const PATTERNS: [&str; 16] = [
        "#",
        "*",
        "order.placed",
        "order.*",
        "order.#",
        "#.placed",
        "*.placed",
        "*.*.placed",
        "order.#.placed",
        "#.#",
        "*.#",
        "#.*",
        "order..placed",
        "a.#.b.#.c",
        "*.#.*",
        "",
    ];
    const KEYS: [&str; 14] = [
        "order.placed",
        "order",
        "placed",
        "order.line.placed",
        "order..placed",
        "order.",
        ".placed",
        "a.b.c",
        "a.b.b.c.c",
        "a.x.c",
        "a.x.b.y.c",
        "inner",
        "Order.Placed",
        "café.placed",
    ];
    World::run(async |world| {
        let (_connection, channel) = channel(world).await?;
        declare(&channel, EXCHANGE, ExchangeKind::Topic, FieldTable::default()).await?;
        declare(&channel, "inner", ExchangeKind::Direct, FieldTable::default()).await?;
        let mut queues = Vec::new();
        for (number, pattern) in PATTERNS.iter().enumerate() {
            let queue = format!("q-{number}");
            bind(&channel, &queue, EXCHANGE, pattern).await?;
            queues.push(queue);
        }
        let options = ExchangeBindOptions::default();
        channel
            .exchange_bind("inner".into(), EXCHANGE.into(), "#".into(), options, FieldTable::default())
            .await?;
        bind(&channel, "by-exchange", "inner", "inner").await?;
        queues.push("by-exchange".to_owned());
        // A queue for what is bound to everything would hide what is bound to nothing.
        let mut arguments = vec!["--management-url", world.services.management_url.as_str()];
        arguments.extend(KEYS.iter().flat_map(|key| ["--event-type", *key]));
        let found = check(world, &arguments, &[]).await?;
        for key in KEYS {
            let options = BasicPublishOptions { mandatory: true, ..Default::default() };
            let body = BasicProperties::default();
            channel.basic_publish(EXCHANGE.into(), key.into(), options, b"x", body).await?.await?;
            let mut reached = BTreeSet::new();
            for queue in &queues {
                if channel.basic_get(queue.as_str().into(), BasicGetOptions { no_ack: true }).await?.is_some()
                {
                    reached.insert(queue.as_str());
                }
            }
            let routes = found.1["event_types"].as_array().context("an array")?;
            let route = routes.iter().find(|route| route["event_type"] == key).context(key)?;
            let said: BTreeSet<&str> =
                route["queues"].as_array().context("queues")?.iter().filter_map(Value::as_str).collect();
            assert_eq!(said, reached, "{key}");
        }
        // One of each left: the check itself had published nothing.
        for queue in &queues {
            let left = channel.basic_get(queue.as_str().into(), BasicGetOptions { no_ack: true }).await?;
            assert!(left.is_none(), "{queue}");
        }
        Ok(())
    })
    .await;
}

async fn bind(channel: &Channel, queue: &str, exchange: &str, key: &str) -> Result<()> {
    channel.queue_declare(queue.into(), DURABLE_QUEUE, FieldTable::default()).await?;
    let options = QueueBindOptions::default();
    Ok(channel.queue_bind(queue.into(), exchange.into(), key.into(), options, FieldTable::default()).await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn event_types_without_a_queue_and_without_traffic_are_named() {
    World::run(async |world| {
        let sql = world.sql().await?;
        insert_event(&sql, "t-1", "nobody.cares", "1").await?;
        assert_eq!(world.run_relay(&["--once"]).await?.code, Some(3));
        insert_event(&sql, "t-1", "nobody.waits", "1").await?;
        let (_connection, channel) = channel(world).await?;
        bind(&channel, "orders", EXCHANGE, "order.#").await?;
        let management = world.services.management_url.as_str();
        let arguments = ["--management-url", management, "--event-type", "order.placed"];
        let found = check(world, &arguments, &[]).await?;
        found.insist("bindings", "fail", "no queue is bound for: nobody.waits")?;
        found.insist("unroutable", "warn", "nobody.cares (1)")?;
        found.insist("types", "warn", "no traffic: order.placed")?;
        assert_eq!(found.failures(), ["bindings"]);
        let found = check(world, &arguments, &[("COMPTOIR__RELAY__UNROUTABLE", "discard")]).await?;
        assert_eq!(found.failures(), Vec::<&str>::new(), "they are meant to be discarded");
        Ok(())
    })
    .await;
}

/// The key is the one of the newest event, by the rules of the configuration.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queues_are_looked_for_with_the_key_that_the_routing_rules_make() {
    World::run(async |world| {
        let sql = world.sql().await?;
        insert_event(&sql, "t-1", "order.placed", "1").await?;
        let (_connection, channel) = channel(world).await?;
        declare(&channel, EXCHANGE, ExchangeKind::Topic, FieldTable::default()).await?;
        bind(&channel, "versioned", EXCHANGE, "order.*.v1.t-1").await?;
        let file = world.logs().join("routing.toml");
        std::fs::write(&file, "[[routing]]\nkey = \"{event_type}.v{schema_version}.{aggregate_id}\"\n")?;
        let file = file.display().to_string();
        let management = world.services.management_url.as_str();
        let arguments = ["--config", &file, "--management-url", management, "--event-type", "order.shipped"];
        let found = check(world, &arguments, &[]).await?;
        let placed = &found.1["event_types"][0];
        assert_eq!(placed["routing_key"], "order.placed.v1.t-1");
        assert_eq!(placed["queues"], json!(["versioned"]));
        let shipped = &found.1["event_types"][1];
        assert_eq!((&shipped["routing_key"], &shipped["queues"]), (&Value::Null, &Value::Null));
        let found = check(world, &["--management-url", management], &[]).await?;
        found.insist("bindings", "fail", "no queue is bound for: order.placed")?;
        Ok(())
    })
    .await;
}
