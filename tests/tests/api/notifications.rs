//! Live notifications, and the same log to pull.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use comptoir_tests::harness::{
    Api, Consumer, EventStream, Http, QueueOptions, Relay, Scrape, StreamMessage, Tenant, World, api_key,
    until,
};
use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

use super::authentication::{PASSWORD, logged_in, user};

const LIMIT: Duration = Duration::from_secs(10);

/// Inserts events as another program would: each with its number as payload.
async fn insert(sql: &Client, tenant: Uuid, event_type: &str, numbers: std::ops::Range<i64>) -> Result<()> {
    sql.execute(
        "INSERT INTO outbox_events (tenant_id, aggregate_type, aggregate_id, event_type, payload)
        SELECT $1::text::uuid, 'order', 'a-' || n % 7, $2, to_json(n) FROM generate_series($3::bigint, $4::bigint - 1) AS n",
        &[&tenant.to_string(), &event_type, &numbers.start, &numbers.end],
    )
    .await?;
    Ok(())
}

/// Pulls the log to its end.
async fn pull(http: &Http, after: Option<&str>, types: &str) -> Result<(Vec<Value>, String)> {
    let (mut all, mut after) = (Vec::new(), after.map(str::to_owned));
    loop {
        let from = after.as_ref().map(|after| format!("&after={after}")).unwrap_or_default();
        let page = http.get(&format!("/events?types={types}&limit=3{from}")).await?;
        ensure!(page.status == 200, "{}", page.text);
        let events = page.json["data"].as_array().context("no data")?;
        let next = page.field("next").to_owned();
        if events.is_empty() {
            return Ok((all, next));
        }
        all.extend_from_slice(events);
        after = Some(next);
    }
}

fn payloads(events: &[Value]) -> Vec<i64> {
    events.iter().filter_map(|event| event["payload"].as_i64()).collect()
}

async fn numbers(stream: &mut EventStream, count: usize) -> Result<Vec<i64>> {
    let mut found = Vec::new();
    while found.len() < count {
        let message = stream.next(LIMIT).await?.context("the stream ended")?;
        found.push(message.data["payload"].as_i64().with_context(|| format!("{message:?}"))?);
    }
    Ok(found)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_is_told_at_once_with_who_did_it_to_those_who_may_know() {
    World::run(async |world| {
        let (api, sql) = (world.api().await?, world.sql().await?);
        let tenant = world.tenant().await?.id;
        let sales = api.http.with_credential(&api_key(&sql, tenant, &["orders:read", "customers:read"]).await?);
        let other = api.http.with_credential(&Tenant::create(&sql, "Other").await?.api_key);
        let mut everything = EventStream::open(&api.http, "", None).await?;
        let mut of_sales = EventStream::open(&sales, "", None).await?;
        let mut orders = EventStream::open(&api.http, "?types=order.*,nothing", None).await?;
        let mut tab = EventStream::open(&api.http, "?client_id=tab-1", None).await?;
        let mut stranger = EventStream::open(&other, "", None).await?;
        for (name, value) in [
            ("content-type", "text/event-stream"),
            ("cache-control", "no-store"),
            ("x-accel-buffering", "no"),
        ] {
            assert_eq!(everything.header(name), Some(value));
        }
        assert_eq!(everything.header("content-encoding"), None);

        let customer = json!({"code": "C-1", "name": "Ætna", "email": "a@b.example"});
        let headers = [("Comptoir-Client-Id", "tab-1"), ("X-Correlation-Id", "corr-1")];
        let made = api.http.send(reqwest::Method::POST, "/customers", &headers, Some(&customer)).await?.json;
        let product = api.product("P-1").await?;
        let order = api.order(&made, &product).await?;
        let user = json!({"email": "new@example.com", "name": "New", "role": "sales"});
        api.created("/users", &user).await?;
        api.customer("C-2").await?;

        let created = everything.expect("customer.created", LIMIT).await?;
        let data = &created.data;
        assert_eq!((&data["type"], &data["aggregate_id"]), (&json!("customer.created"), &made["id"]));
        assert_eq!((&data["payload"]["name"], &data["correlation_id"]), (&json!("Ætna"), &json!("corr-1")));
        assert_eq!((&data["tenant_id"], &data["aggregate_version"]), (&json!(tenant), &json!(1)));
        assert_eq!(data["actor"]["name"], "a test");
        assert!(data["actor"]["id"].is_string() && data["occurred_at"].is_string());
        for event in ["product.created", "order.placed", "user.registered", "customer.created"] {
            everything.expect(event, LIMIT).await?;
        }
        for event in ["customer.created", "order.placed", "customer.created"] {
            of_sales.expect(event, LIMIT).await?;
        }
        assert_eq!(orders.expect("order.placed", LIMIT).await?.data["aggregate_id"], order["id"]);
        tab.expect("product.created", LIMIT).await?;

        // The row says who it was; what is published does not.
        let row = sql
            .query_one("SELECT headers::text, origin::text FROM outbox_events WHERE event_type = 'customer.created' ORDER BY seq LIMIT 1", &[])
            .await?;
        let (headers, origin): (String, String) = (row.get(0), row.get(1));
        assert!(!headers.contains("origin") && !headers.contains("tab-1"), "{headers}");
        assert!(origin.contains("tab-1") && origin.contains("a test"), "{origin}");

        let (pulled, _) = pull(&sales, None, "%23").await?;
        let kinds: Vec<_> = pulled.iter().map(|event| event["type"].as_str().unwrap_or_default()).collect();
        assert_eq!(kinds, ["customer.created", "order.placed", "customer.created"]);
        assert_eq!(&pulled[0], data, "the log is the same");
        let nothing = tokio::time::timeout(Duration::from_millis(300), stranger.next_message()).await;
        assert!(nothing.is_err(), "another tenant: {nothing:?}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_comes_back_to_any_replica_gets_what_it_missed_and_nothing_twice() {
    World::run(async |world| {
        let (one, other, sql) = (world.api().await?, world.api().await?, world.sql().await?);
        let tenant = world.tenant().await?.id;
        let mut stream = EventStream::open(&one.http, "?types=order.numbered", None).await?;
        // Committed late: it drew its seq before others that were seen.
        let late = world.sql().await?;
        late.batch_execute("BEGIN").await?;
        insert(&late, tenant, "order.numbered", 100..101).await?;
        insert(&sql, tenant, "order.numbered", 0..5).await?;
        assert_eq!(numbers(&mut stream, 3).await?, [0, 1, 2]);
        let middle = stream.last_id.clone();
        assert_eq!(numbers(&mut stream, 2).await?, [3, 4]);
        let position = stream.last_id.clone();
        drop(stream);
        late.batch_execute("COMMIT").await?;
        insert(&sql, tenant, "order.numbered", 5..900).await?;
        let mut expected = vec![100];
        expected.extend(5..900);
        let mut resumed = EventStream::open(&other.http, "?types=order.numbered", Some(&position)).await?;
        assert_eq!(numbers(&mut resumed, expected.len()).await?, expected);
        insert(&sql, tenant, "order.numbered", 900..902).await?;
        assert_eq!(numbers(&mut resumed, 2).await?, [900, 901], "and goes on live");
        // In the middle of a transaction, by the parameter.
        let mut resumed =
            EventStream::open(&one.http, &format!("?types=order.numbered&last_event_id={middle}"), None)
                .await?;
        let mut expected = vec![3, 4, 100];
        expected.extend(5..902);
        let mut found = numbers(&mut resumed, expected.len()).await?;
        found[..3].sort_unstable();
        assert_eq!(found, expected);
        let (pulled, next) = pull(&other.http, Some(&position), "order.numbered").await?;
        assert_eq!(payloads(&pulled).len(), 898);
        assert_eq!(pull(&one.http, Some(&next), "%23").await?.0, Vec::<Value>::new());
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_keep_their_place_whatever_becomes_of_them() {
    World::run(async |world| {
        let (api, sql) = (world.api().await?, world.sql().await?);
        let tenant = world.tenant().await?.id;
        insert(&sql, tenant, "order.lost", 0..4).await?;
        insert(&sql, tenant, "order.kept", 4..8).await?;
        let mut stream = EventStream::open(&api.http, "", None).await?;
        // The others have no queue, and become dead letters.
        let options = QueueOptions { binding: "order.kept".to_owned(), ..QueueOptions::default() };
        let _consumer = Consumer::attach(&world.vhost().url, options).await?;
        let relay = world.relay().await?;
        until("everything to be settled", LIMIT, async || {
            let left: i64 = sql.query_one("SELECT count(*) FROM outbox_events", &[]).await?.get(0);
            ensure!(left == 0, "{left} events are left");
            Ok(())
        })
        .await?;
        let all: Vec<i64> = (0..8).collect();
        assert_eq!(
            payloads(&pull(&api.http, None, "%23").await?.0),
            all,
            "in the history and the dead letters"
        );
        relay.stop().await?;
        let exit = world.run_relay(&["dead-letters", "requeue", "--event-type", "order.lost"]).await?;
        ensure!(exit.code == Some(0), "{exit:?}");
        let (events, next) = pull(&api.http, None, "%23").await?;
        assert_eq!(payloads(&events), all, "waiting again");
        assert_eq!(pull(&api.http, Some(&next), "%23").await?.0, Vec::<Value>::new(), "nothing is new");
        insert(&sql, tenant, "order.kept", 8..9).await?;
        assert_eq!(numbers(&mut stream, 1).await?, [8], "what was requeued is not told again");
        let _relay = world.relay().await?;
        until("the requeued ones to be settled", LIMIT, async || {
            let left: i64 = sql.query_one("SELECT count(*) FROM outbox_events", &[]).await?.get(0);
            ensure!(left == 0, "{left} events are left");
            Ok(())
        })
        .await?;
        let all: Vec<i64> = (0..9).collect();
        assert_eq!(payloads(&pull(&api.http, None, "%23").await?.0), all);

        // Now they have a queue: they are published, and in the history they are where they were written.
        let options = QueueOptions {
            name: "lost".to_owned(),
            binding: "order.lost".to_owned(),
            ..QueueOptions::default()
        };
        let _lost = Consumer::attach(&world.vhost().url, options).await?;
        let exit = world.run_relay(&["dead-letters", "requeue", "--event-type", "order.lost"]).await?;
        ensure!(exit.code == Some(0), "{exit:?}");
        until("all to be in the history", LIMIT, async || {
            let kept: i64 = sql.query_one("SELECT count(*) FROM outbox_history", &[]).await?.get(0);
            ensure!(kept >= 9, "{kept} events");
            Ok(())
        })
        .await?;
        assert_eq!(payloads(&pull(&api.http, None, "%23").await?.0), all);
        Ok(())
    })
    .await;
}

/// Returns a position with its time (its last number) set three days back, and one of another database.
fn spoilt(position: &str) -> Result<(String, String)> {
    let mut bytes = URL_SAFE_NO_PAD.decode(position)?;
    let mut other = bytes.clone();
    other[1] ^= 0xff;
    // The time takes five bytes, the last without the bit that says that more follow.
    let end = bytes.len();
    let at = bytes[end - 5..].iter().rev().fold(0_u64, |number, byte| number << 7 | u64::from(byte & 0x7f));
    let mut older = at - 3 * 86_400;
    for byte in &mut bytes[end - 5..] {
        *byte = (older & 0x7f) as u8 | 0x80;
        older >>= 7;
    }
    bytes[end - 1] &= 0x7f;
    Ok((URL_SAFE_NO_PAD.encode(bytes), URL_SAFE_NO_PAD.encode(other)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_have_missed_something_is_told_so() {
    World::run(async |world| {
        let few = [
            ("COMPTOIR__NOTIFICATIONS__CATCH_UP_EVENTS", "10"),
            ("COMPTOIR__NOTIFICATIONS__QUEUE_EVENTS", "20"),
        ];
        let (api, sql) = (Api::start(world, &few).await?, world.sql().await?);
        let tenant = world.tenant().await?.id;
        sql.execute("UPDATE relay_upkeep SET retention_days = 1", &[]).await?;
        let first = EventStream::open(&api.http, "", None).await?.last_id;
        let (old, foreign) = spoilt(&first)?;
        for (id, reason) in [("nonsense", "unknown"), (&old, "gone"), (&foreign, "gone")] {
            let mut stream = EventStream::open(&api.http, "", Some(id)).await?;
            assert_eq!(stream.expect("reset", LIMIT).await?.data["reason"], reason, "{id}");
            api.customer(&format!("C-{}", Uuid::new_v4())).await?;
            stream.expect("customer.created", LIMIT).await?;
        }
        for (after, status, code) in
            [("nonsense", 422, "invalid_request"), (&old, 410, "events_gone"), (&foreign, 410, "events_gone")]
        {
            let answer = api.http.get(&format!("/events?after={after}")).await?;
            assert_eq!((answer.status, answer.code()), (status, code), "{after}");
        }
        // One that missed too much, and one that does not read quickly enough.
        let mut slow = EventStream::open(&api.http, "?types=order.numbered", None).await?;
        insert(&sql, tenant, "order.numbered", 0..400).await?;
        let mut last = None;
        while let Some(message) = slow.next(LIMIT).await? {
            last = Some(message);
        }
        let last = last.context("no message")?;
        assert_eq!(
            (last.event.as_str(), &last.data["reason"]),
            ("reset", &json!("too_slow")),
            "then it ends"
        );
        let mut late = EventStream::open(&api.http, "?types=order.numbered", Some(&first)).await?;
        loop {
            let message = late.next(LIMIT).await?.context("the stream ended")?;
            if message.event == "reset" {
                assert_eq!(message.data["reason"], "too_many");
                break;
            }
        }
        insert(&sql, tenant, "order.numbered", 400..401).await?;
        assert_eq!(numbers(&mut late, 1).await?, [400]);
        // Where its own reset left it, the slow one goes on.
        let mut back = EventStream::open(&api.http, "?types=order.numbered", Some(&last.id)).await?;
        assert_eq!(numbers(&mut back, 1).await?, [400]);
        Ok(())
    })
    .await;
}

/// Seen: 21 orders of 5,000 lines each, whose texts are 60 times as long as what is stored, made an answer of 96 MiB.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_is_as_large_as_its_texts_and_not_as_what_is_stored() {
    World::run(async |world| {
        let (api, sql) = (Api::start(world, &[]).await?, world.sql().await?);
        let tenant = world.tenant().await?.id;
        let insert = async |table: &str, more: &str, number: i64, length: i64| {
            let values = format!(
                "'{tenant}', 'order', 'a', 'order.large', to_json(repeat('x', {length}) || '{number:04}')"
            );
            sql.batch_execute(&format!(
                "INSERT INTO {table} (tenant_id, aggregate_type, aggregate_id, event_type, payload{}) VALUES ({values}{more})",
                if more.is_empty() { "" } else { ", id, seq, transaction_id, schema_version, headers, occurred_at, shard, retry_count" },
            ))
            .await
        };
        let settled = ", gen_random_uuid(), nextval('outbox_events_seq_seq'), pg_current_xact_id()::text::bigint, 1, '{}', now(), 0, 0";
        for number in 0..40 {
            insert("outbox_history", settled, number, 250_000).await?;
        }
        insert("outbox_history", settled, 40, 5_000_000).await?;
        insert("outbox_events", "", 41, 5_000_000).await?;
        let (mut after, mut seen, mut pages) = (None::<String>, Vec::new(), 0);
        while seen.len() < 42 {
            let query = after.map(|after| format!("&after={after}")).unwrap_or_default();
            let page = api.http.get(&format!("/events?types=order.large&limit=200{query}")).await?;
            ensure!(page.status == 200 && page.text.len() < 5 * 1024 * 1024, "{}: {} bytes", page.status, page.text.len());
            let events = page.json["data"].as_array().context("no events")?;
            ensure!(!events.is_empty(), "{} of 42", seen.len());
            seen.extend(events.iter().map(|event| event["payload"].as_str().map(|text| text.len())));
            after = page.json["next"].as_str().map(ToOwned::to_owned);
            pages += 1;
        }
        assert!(pages > 2);
        assert_eq!(seen, [vec![Some(250_004); 40], vec![None, None]].concat());
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_ends_with_its_key_before_anything_that_follows() {
    World::run(async |world| {
        let api = world.api().await?;
        let key = json!({"name": "A screen", "permissions": ["customers:read"]});
        let key = api.created("/api-keys", &key).await?;
        let screen = api.http.with_credential(key["key"].as_str().context("no key")?);
        let mut stream = EventStream::open(&screen, "", None).await?;
        api.customer("C-1").await?;
        stream.expect("customer.created", LIMIT).await?;
        let id = key["id"].as_str().context("no id")?;
        let revoked = api.http.post(&format!("/api-keys/{id}/revoke"), &json!({})).await?;
        ensure!(revoked.status < 300, "{}", revoked.text);
        api.customer("C-2").await?;
        assert_eq!(stream.next(LIMIT).await?, None::<StreamMessage>);
        let refused = screen.open("/notifications", &[]).await?.status();
        assert_eq!(refused, 401);
        Ok(())
    })
    .await;
}

/// No event tells a stream that began behind it that somebody lost a right.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_begins_where_lost_rights_are_remembered_shows_nothing_by_them() {
    World::run(async |world| {
        let keys = world.run_api(&["keys", "generate"]).await?.stdout;
        let environment = [("COMPTOIR__IDENTITY__SIGNING_KEYS", keys.as_str())];
        let (here, there) = (Api::start(world, &environment).await?, Api::start(world, &environment).await?);
        for (number, comes_back) in [false, true].into_iter().enumerate() {
            let email = format!("ada-{number}@docks.example");
            let id = user(world, &here, &email, "management").await?;
            let ada = logged_in(&here, &email, PASSWORD).await?;
            let elsewhere = there.http.with_credential(ada.http.credential().context("no token")?);
            assert_eq!(elsewhere.get("/suppliers").await?.status, 200, "remembered there");
            let before = EventStream::open(&here.http, "", None).await?.last_id;
            let role = here.http.post(&format!("/users/{id}/change-role"), &json!({"role": "sales"})).await?;
            ensure!(role.status == 200, "{}", role.text);
            let last_id = comes_back.then_some(before.as_str());
            let mut stream = EventStream::open(&elsewhere, "", last_id).await?;
            here.supplier(&format!("S-{number}")).await?;
            here.customer(&format!("C-{number}")).await?;
            stream.expect("customer.created", LIMIT).await?;
        }
        Ok(())
    })
    .await;
}

/// A key that expires is no event, and a company that is never quiet leaves a stream no pause.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_stream_ends_soon_after_its_key_has_expired() {
    World::run(async |world| {
        let api = Api::start(world, &[("COMPTOIR__NOTIFICATIONS__KEEP_ALIVE_SECONDS", "1")]).await?;
        let (sql, tenant) = (world.sql().await?, world.tenant().await?.id);
        let screen = api.http.with_credential(&api_key(&sql, tenant, &["orders:read"]).await?);
        let mut stream = EventStream::open(&screen, "", None).await?;
        let expired = "UPDATE api_keys SET expires_at = now() WHERE permissions = ARRAY['orders:read']";
        ensure!(sql.execute(expired, &[]).await? == 1, "one key");
        let writing = async {
            for number in 0.. {
                insert(&sql, tenant, "order.numbered", number..number + 1).await?;
            }
            anyhow::Ok(())
        };
        let reading = async {
            while let Some(message) = stream.next(LIMIT).await? {
                ensure!(message.event == "order.numbered", "{message:?}");
            }
            anyhow::Ok(())
        };
        tokio::select! {
            ended = reading => ended,
            failed = writing => failed,
            () = tokio::time::sleep(LIMIT * 3) => bail!("it goes on"),
        }
    })
    .await;
}

/// As when there is more to read than can be read: the same read would be tried for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_in_time_is_given_up_and_the_listeners_are_told_to_load_again() {
    World::run(async |world| {
        let api = Api::start(world, &[("COMPTOIR__DATABASE__STATEMENT_TIMEOUT_MS", "500")]).await?;
        let (sql, tenant) = (world.sql().await?, world.tenant().await?.id);
        let mut stream = EventStream::open(&api.http, "", None).await?;
        sql.batch_execute("BEGIN; LOCK TABLE outbox_events IN ACCESS EXCLUSIVE MODE").await?;
        let reset = stream.expect("reset", LIMIT).await?;
        assert_eq!(reset.data["reason"], "too_slow");
        assert_eq!(stream.next(LIMIT).await?, None, "it ends");
        sql.batch_execute("COMMIT").await?;
        let mut back = until("the log to be read again", LIMIT, async || {
            EventStream::open(&api.http, "?types=order.numbered", Some(&reset.id)).await
        })
        .await?;
        insert(&sql, tenant, "order.numbered", 0..1).await?;
        assert_eq!(numbers(&mut back, 1).await?, [0]);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_end_when_the_process_stops_and_it_does_not_wait_for_them() {
    World::run(async |world| {
        let mut api = world.api().await?;
        let mut streams = Vec::new();
        for _ in 0..3 {
            streams.push(EventStream::open(&api.http, "", None).await?);
        }
        let begun = Instant::now();
        let status = api.daemon.terminate(Duration::from_secs(20)).await?;
        assert!(status.success(), "{status}: {}", api.daemon.output());
        assert!(begun.elapsed() < Duration::from_secs(10), "it waited {:?}", begun.elapsed());
        for mut stream in streams {
            assert_eq!(stream.next(LIMIT).await?, None, "ended, not broken off");
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_log_both_say_so_and_a_client_that_comes_back_is_told_not_to() {
    World::run(async |world| {
        let (api, sql) = (world.api().await?, world.sql().await?);
        let position = EventStream::open(&api.http, "", None).await?.last_id;
        let relay = Relay::start(world, &[("COMPTOIR__HISTORY__RETENTION_DAYS", "0")]).await?;
        until("the relay to say that it keeps no history", LIMIT, async || {
            let row = sql.query_one("SELECT retention_days FROM relay_upkeep", &[]).await?;
            ensure!(row.get::<_, Option<i32>>(0) == Some(0), "{row:?}");
            Ok(())
        })
        .await?;
        let answer = api.http.get("/events").await?;
        assert_eq!((answer.status, answer.code()), (409, "notifications_off"));
        assert_eq!(api.http.open("/notifications", &[]).await?.status(), 409);
        let back = api.http.open("/notifications", &[("Last-Event-ID", &position)]).await?;
        assert_eq!(back.status(), 204);
        relay.stop().await?;
        sql.execute("UPDATE relay_upkeep SET retention_days = 30", &[]).await?;
        let alone = Api::start(world, &[("SERVICES_DATABASE_URL", "")]).await?;
        assert_eq!(alone.http.open("/notifications", &[]).await?.status(), 409);
        assert_eq!(alone.http.get("/events").await?.status, 200, "reading needs no log-in of the services");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_listens_at_no_cost_and_there_are_limits_for_those_who_do() {
    World::run(async |world| {
        let limits = [
            ("COMPTOIR__NOTIFICATIONS__STREAMS_PER_SESSION", "2"),
            ("COMPTOIR__NOTIFICATIONS__KEEP_ALIVE_SECONDS", "1"),
        ];
        let (api, sql) = (Api::start(world, &limits).await?, world.sql().await?);
        let reads = async || -> Result<f64> {
            Ok(Scrape::of(&api.operations).await?.sum("comptoir_feed_reads_total").unwrap_or_default())
        };
        let listening = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'";
        api.customer("C-1").await?;
        assert_eq!(reads().await?, 0.0);
        assert_eq!(sql.query_one(listening, &[]).await?.get::<_, i64>(0), 0);
        let mut first = EventStream::open(&api.http, "", None).await?;
        let second = EventStream::open(&api.http, "", None).await?;
        let third = api.http.open("/notifications", &[]).await?;
        assert_eq!(third.status(), 429);
        assert!(third.headers().contains_key("retry-after"));
        drop(second);
        let _third = until("the place to be free", LIMIT, async || {
            EventStream::open(&api.http, "?types=nothing", None).await
        })
        .await?;
        let before = first.last_id.clone();
        let quiet = tokio::time::timeout(Duration::from_secs(2), first.next_message()).await;
        assert!(quiet.is_err() && first.comments >= 1, "{} comments", first.comments);
        assert_ne!(first.last_id, before, "its position moves on, so that it does not grow old");
        Ok(())
    })
    .await;
}
