//! Inventory counts: planned, started, counted, reviewed, closed. Every test ends with the proof.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{
    Answer, Api, Http, World, amounts_of, api_key, events_of, id, main_warehouse, order_of, rows, until,
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_postgres::Client;

/// An id that nothing has.
const NOBODY: &str = "01900000-0000-7000-8000-0000000000ff";
const LIMIT: Duration = Duration::from_secs(20);
/// A command that waits for a lock waits as long as the test needs.
const PATIENT: [(&str, &str); 3] = [
    ("COMPTOIR__DATABASE__LOCK_TIMEOUT_MS", "60000"),
    ("COMPTOIR__DATABASE__STATEMENT_TIMEOUT_MS", "60000"),
    ("COMPTOIR__DATABASE__WORK_TIMEOUT_MS", "90000"),
];

async fn planned(api: &Api, more: Value) -> Result<Value> {
    let mut body = more;
    body["warehouse_id"] = main_warehouse(api).await?["id"].clone();
    api.created("/inventory-counts", &body).await
}

async fn step(http: &Http, count: &Value, step: &str, body: Value) -> Result<Answer> {
    http.post(&format!("/inventory-counts/{}/{step}", id(count)), &body).await
}

/// Takes a step that must succeed. Returns what it answers.
async fn stepped(api: &Api, count: &Value, name: &str, body: Value) -> Result<Value> {
    let answer = step(&api.http, count, name, body).await?;
    ensure!(answer.status == 200, "{name}: {} {}", answer.status, answer.text);
    Ok(answer.json)
}

async fn started(api: &Api, more: Value) -> Result<Value> {
    let count = planned(api, more).await?;
    stepped(api, &count, "start", json!({})).await
}

fn entries(counted: &[(&Value, &str)]) -> Value {
    let entry =
        |(product, counted): &(&Value, &str)| json!({"product_id": product["id"], "counted": counted});
    json!({"entries": counted.iter().map(entry).collect::<Vec<_>>()})
}

async fn lines(http: &Http, count: &Value, filter: &str) -> Result<Vec<Value>> {
    rows(&http.get(&format!("/inventory-counts/{}/lines{filter}", id(count))).await?)
}

/// Of each line: SKU, state, counted, expected, difference.
fn told(lines: &[Value]) -> Vec<String> {
    let told = |line: &Value| {
        let names = ["sku", "state", "counted", "expected", "difference"];
        names.map(|name| line[name].as_str().unwrap_or("-")).join(" ")
    };
    lines.iter().map(told).collect()
}

fn receipt_of(product: &Value) -> Value {
    json!({"lines": [{"product_id": product["id"], "quantity": "1"}]})
}

/// Checks that the answer says that this count is in the way.
fn is_frozen(answer: &Answer, count: &Value) {
    assert_eq!((answer.status, answer.code()), (409, "stock_frozen"), "{}", answer.text);
    assert_eq!(answer.json["errors"][0]["inventory_count_id"], count["id"]);
    assert!(answer.field("detail").contains(id(count)), "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_differs_is_posted_and_what_agrees_is_left_alone() {
    World::run(async |world| {
        let api = world.api().await?;
        let (tea, pot, cup) =
            (api.stocked_product("A-TEA").await?, api.stocked_product("B-POT").await?, api.stocked_product("C-CUP").await?);
        for product in [&tea, &pot, &cup] {
            api.receive(product, "24", "2.50").await?;
        }
        let count = planned(&api, json!({"reference": " INV-1 ", "blind": false})).await?;
        assert_eq!((&count["status"], &count["reference"], &count["version"]), (&json!("open"), &json!("INV-1"), &json!(1)));
        assert_eq!(lines(&api.http, &count, "").await?, [] as [Value; 0], "nothing is to be counted before it is started");
        let begun = stepped(&api, &count, "start", json!({})).await?;
        assert_eq!((&begun["status"], &begun["version"]), (&json!("counting"), &json!(2)));
        assert_eq!(
            told(&lines(&api.http, &count, "").await?),
            ["A-TEA to_count - - -", "B-POT to_count - - -", "C-CUP to_count - - -"]
        );
        let entered = stepped(&api, &count, "entries", entries(&[(&tea, "21.5"), (&pot, "24"), (&cup, "26")])).await?;
        let expected = ["A-TEA counted 21.5 24 -2.5", "B-POT counted 24 24 0", "C-CUP counted 26 24 2"];
        assert_eq!(told(entered["lines"].as_array().unwrap()), expected);
        stepped(&api, &count, "review", json!({})).await?;
        assert_eq!(told(&lines(&api.http, &count, "?differs=true").await?), [expected[0], expected[2]]);
        let progress = api.http.get(&format!("/inventory-counts/{}/progress", id(&count))).await?.json;
        assert_eq!(
            progress,
            json!({"status": "review", "lines": 3, "to_count": 0, "to_recount": 0, "counted": 3, "differing": 2})
        );
        let ancient = step(&api.http, &count, "close", json!({"business_date": "1999-12-31"})).await?;
        assert_eq!((ancient.status, ancient.pointers()), (422, vec!["/business_date"]), "{}", ancient.text);
        let closed = stepped(&api, &count, "close", json!({})).await?;
        assert_eq!((&closed["status"], &closed["differing"]), (&json!("closed"), &json!(2)));
        assert!(closed["business_date"].is_string(), "{closed}");
        assert_eq!((&closed["value_gained"], &closed["value_lost"]), (&json!("5.00"), &json!("6.25")));
        for (product, expected) in [(&tea, "21.5 0 0"), (&pot, "24 0 0"), (&cup, "26 0 0")] {
            assert_eq!(amounts_of(&api, product).await?, expected);
        }
        let moved = rows(&api.http.get(&format!("/stock-movements?document_id={}", id(&count))).await?)?;
        assert_eq!(moved.len(), 2, "{moved:?}");
        assert!(moved.iter().all(|row| row["kind"] == "adjustment" && row["document_type"] == "inventory_count"));
        let kept = lines(&api.http, &count, "?differs=true").await?;
        assert_eq!((&kept[0]["average_cost"], &kept[0]["value"]), (&json!("2.50"), &json!("-6.25")));

        let sql = world.sql().await?;
        assert_eq!(events_of(&sql, &count).await?, "inventory_count.started inventory_count.closed");
        let payload = "SELECT payload::text FROM outbox_events WHERE event_type = 'inventory_count.closed'";
        let payload: Value = serde_json::from_str(&sql.query_one(payload, &[]).await?.get::<_, String>(0))?;
        assert_eq!((&payload["differing"], payload["lines"].as_array().map(Vec::len)), (&json!(2), Some(2)));
        let trail = api.http.get(&format!("/audit-events?resource_id={}&sort=occurred_at", id(&count))).await?;
        let actions: Vec<_> = rows(&trail)?.iter().map(|row| row["action"].clone()).collect();
        let expected = ["create", "start", "record", "review", "close"].map(|step| json!(format!("inventory_count.{step}")));
        assert_eq!(actions, expected);
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_goods_are_counted_they_stay_where_they_are_and_orders_go_on() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.stocked_product("TEA").await?);
        let (new, elsewhere) = (api.stocked_product("NEW").await?, api.warehouse("W-2").await?);
        api.receive(&tea, "24", "2.00").await?;
        let order = api.created("/orders", &order_of(&customer, &[(&tea, "4")])).await?;
        let path = format!("/orders/{}", id(&order));
        api.http.command(&format!("{path}/confirm")).await?;
        let count = started(&api, json!({})).await?;

        let line = json!([{"product_id": tea["id"], "quantity": "1"}]);
        let to = elsewhere["id"].clone();
        let main = main_warehouse(&api).await?["id"].clone();
        for (path, body) in [
            ("/stock-receipts", receipt_of(&tea)),
            ("/stock-receipts", receipt_of(&new)),
            ("/stock-write-offs", json!({"reason": "lost", "lines": line})),
            (
                "/stock-adjustments",
                json!({"reason": "counted", "lines": [{"product_id": tea["id"], "change": "-1"}]}),
            ),
            ("/stock-transfers", json!({"to_warehouse_id": to, "lines": line})),
        ] {
            is_frozen(&api.http.post(path, &body).await?, &count);
        }
        is_frozen(&api.http.command(&format!("{path}/ship")).await?, &count);
        // In another warehouse they move, but not into this one.
        let there = json!({"warehouse_id": to, "lines": line});
        api.created("/stock-receipts", &there).await?;
        let back = json!({"warehouse_id": to, "to_warehouse_id": main, "lines": line});
        is_frozen(&api.http.post("/stock-transfers", &back).await?, &count);

        let second = api.created("/orders", &order_of(&customer, &[(&tea, "5")])).await?;
        let waiting = json!({"customer_id": customer["id"], "back_order": true, "warehouse_id": main,
            "lines": [{"product_id": new["id"], "quantity": "1"}]});
        api.created("/orders", &waiting).await?;
        let cancelled =
            api.http.post(&format!("/orders/{}/cancel", id(&second)), &json!({"reason": "a test"})).await?;
        assert_eq!(cancelled.status, 200, "{}", cancelled.text);
        step(&api.http, &count, "entries", entries(&[(&tea, "24")])).await?;
        stepped(&api, &count, "review", json!({})).await?;
        is_frozen(&api.http.command(&format!("{path}/ship")).await?, &count);

        let ended = stepped(&api, &count, "cancel", json!({"reason": "a delivery came too early"})).await?;
        assert_eq!(
            (&ended["status"], &ended["cancellation_reason"]),
            (&json!("cancelled"), &json!("a delivery came too early"))
        );
        let shipped = api.http.command(&format!("{path}/ship")).await?;
        assert_eq!(shipped.status, 200, "{}", shipped.text);
        api.created("/stock-receipts", &receipt_of(&new)).await?;
        let stock = format!("/stock?product_id={}&warehouse_id={}", id(&tea), main.as_str().unwrap());
        assert_eq!(rows(&api.http.get(&stock).await?)?[0]["on_hand"], "20", "nothing was posted");
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_count_of_categories_leaves_the_others_alone() {
    World::run(async |world| {
        let api = world.api().await?;
        let tea = api.category("TEA", None).await?;
        let green = api.category("GREEN", Some(&tea)).await?;
        let within = async |sku: &str, category: &Value| -> Result<Value> {
            let product = api.stocked_product(sku).await?;
            let path = format!("/products/{}", id(&product));
            let body = json!({"category_id": category});
            let changed = api.http.send(Method::PATCH, &path, &[], Some(&body)).await?;
            ensure!(changed.status == 200, "{}", changed.text);
            Ok(changed.json)
        };
        let sencha = within("SENCHA", &green["id"]).await?;
        let earl = within("EARL", &tea["id"]).await?;
        let pot = within("POT", &Value::Null).await?;
        // Nothing of it is there, but it is in the scope.
        let empty = within("EMPTY", &green["id"]).await?;
        for product in [&sencha, &earl, &pot] {
            api.receive(product, "10", "1.00").await?;
        }
        let count = started(&api, json!({"category_ids": [tea["id"]], "blind": false})).await?;
        let expected = ["EARL to_count - - -", "SENCHA to_count - - -"];
        assert_eq!(told(&lines(&api.http, &count, "").await?), expected, "what is below it too");
        api.created("/stock-receipts", &receipt_of(&pot)).await?;
        for product in [&sencha, &earl, &empty] {
            is_frozen(&api.http.post("/stock-receipts", &receipt_of(product)).await?, &count);
        }
        let refused = step(&api.http, &count, "entries", entries(&[(&earl, "10"), (&pot, "10")])).await?;
        assert_eq!((refused.status, refused.code()), (422, "invalid_inventory_count"), "{}", refused.text);
        assert_eq!(refused.pointers(), ["/entries/1/product_id"]);
        stepped(&api, &count, "entries", entries(&[(&earl, "10"), (&sencha, "9"), (&empty, "2")])).await?;
        // What comes into the categories is frozen, and what leaves them stays so: it has a line.
        let later = within("LATER", &green["id"]).await?;
        let path = format!("/products/{}", id(&earl));
        let out = api.http.send(Method::PATCH, &path, &[], Some(&json!({"category_id": null}))).await?;
        ensure!(out.status == 200, "{}", out.text);
        for product in [&later, &earl] {
            is_frozen(&api.http.post("/stock-receipts", &receipt_of(product)).await?, &count);
        }
        stepped(&api, &count, "review", json!({})).await?;
        stepped(&api, &count, "close", json!({})).await?;
        assert_eq!(
            (amounts_of(&api, &sencha).await?, amounts_of(&api, &empty).await?),
            ("9 0 0".into(), "2 0 0".into())
        );
        assert_eq!(amounts_of(&api, &pot).await?, "11 0 0");
        let unknown = json!({"warehouse_id": count["warehouse_id"], "category_ids": [tea["id"], NOBODY]});
        let refused = api.http.post("/inventory-counts", &unknown).await?;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/category_ids/1"]), "{}", refused.text);
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_counts_blindly_sees_nothing_of_what_is_expected() {
    World::run(async |world| {
        let api = world.api().await?;
        let tea = api.stocked_product("TEA").await?;
        api.receive(&tea, "24", "2.00").await?;
        let key =
            api_key(&world.sql().await?, world.tenant().await?.id, &["inventory:read", "inventory:count"])
                .await?;
        let counter = api.http.with_credential(&key);
        let count = started(&api, json!({})).await?;
        assert_eq!(count["blind"], json!(true), "unless somebody wants it otherwise");
        let entered = step(&counter, &count, "entries", entries(&[(&tea, "20")])).await?;
        assert_eq!(told(entered.json["lines"].as_array().unwrap()), ["TEA counted 20 - -"]);
        assert_eq!(told(&lines(&counter, &count, "").await?), ["TEA counted 20 - -"]);
        assert_eq!(
            told(&lines(&api.http, &count, "").await?),
            ["TEA counted 20 24 -4"],
            "who may close it sees it"
        );
        let path = format!("/inventory-counts/{}", id(&count));
        for file in ["lines?differs=true", "lines.csv?differs=true"] {
            let refused = counter.get(&format!("{path}/{file}")).await?;
            assert_eq!(
                (refused.status, refused.code()),
                (409, "inventory_count_blind"),
                "{file}: {}",
                refused.text
            );
        }
        assert_eq!(counter.get(&format!("{path}/progress")).await?.json["differing"], Value::Null);
        for (method, what) in [(Method::GET, "entries"), (Method::POST, "close"), (Method::POST, "recount")] {
            let refused = counter.send(method, &format!("{path}/{what}"), &[], None).await?;
            assert_eq!((refused.status, refused.code()), (403, "forbidden"), "{what}");
        }
        assert_eq!(step(&counter, &count, "review", json!({})).await?.status, 200);
        let shown = lines(&counter, &count, "?differs=true").await?;
        assert_eq!(told(&shown), ["TEA counted 20 24 -4"]);
        assert_eq!(shown[0]["average_cost"], Value::Null);

        // Who counts it again sees neither.
        stepped(&api, &count, "recount", json!({"product_ids": [tea["id"]]})).await?;
        assert_eq!(told(&lines(&counter, &count, "?state=to_recount").await?), ["TEA to_recount - - -"]);
        step(&counter, &count, "entries", entries(&[(&tea, "23")])).await?;
        let entered = rows(&api.http.get(&format!("{path}/entries?sort=recorded_at")).await?)?;
        let counted: Vec<_> = entered.iter().map(|entry| entry["counted"].clone()).collect();
        assert_eq!(counted, ["20", "23"], "both are kept");
        stepped(&api, &count, "review", json!({})).await?;
        let closed = stepped(&api, &count, "close", json!({})).await?;
        assert_eq!((&closed["value_lost"], amounts_of(&api, &tea).await?), (&json!("2.00"), "23 0 0".into()));
        assert_eq!(
            counter.get(&path).await?.json["value_lost"],
            Value::Null,
            "costs are for those who may see them"
        );
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_people_count_at_the_same_time() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut products = Vec::new();
        for number in 0..20 {
            let product = api.stocked_product(&format!("P-{number:02}")).await?;
            api.receive(&product, "5", "1.00").await?;
            products.push(product);
        }
        products.push(api.stocked_product("P-FOUND").await?);
        let count = started(&api, json!({"blind": false})).await?;
        // Each counts everything, from another end, one by one and together.
        let count_all = async |turn: usize| -> Result<()> {
            let mut turned = products.clone();
            turned.rotate_left(turn * 5);
            let counted = (5 + turn).to_string();
            for product in &turned {
                stepped(&api, &count, "entries", entries(&[(product, &counted)])).await?;
            }
            let together: Vec<(&Value, &str)> = turned.iter().map(|product| (product, counted.as_str())).collect();
            stepped(&api, &count, "entries", entries(&together)).await.map(drop)
        };
        tokio::try_join!(count_all(0), count_all(1), count_all(2), count_all(3))?;
        let sql = world.sql().await?;
        let kept = "SELECT count(*), count(DISTINCT product_id) FROM inventory_count_entries";
        let kept = sql.query_one(kept, &[]).await?;
        assert_eq!((kept.get::<_, i64>(0), kept.get::<_, i64>(1)), (4 * 2 * 21, 21));
        let last = "SELECT count(*) FROM inventory_count_lines AS l WHERE entries <> 8 OR counted <> (SELECT e.counted
            FROM inventory_count_entries AS e WHERE e.product_id = l.product_id ORDER BY e.recorded_at DESC, e.id DESC LIMIT 1)";
        assert_eq!(sql.query_one(last, &[]).await?.get::<_, i64>(0), 0, "the last one counts");
        for statement in [
            "UPDATE inventory_count_entries SET counted = 0",
            "DELETE FROM inventory_count_entries",
            "TRUNCATE inventory_count_entries",
        ] {
            let refused = sql.execute(statement, &[]).await.expect_err("kept for ever");
            assert_eq!(refused.code().map(|code| code.code()), Some("23001"), "{statement}: {refused:?}");
        }
        stepped(&api, &count, "review", json!({})).await?;
        let lines = lines(&api.http, &count, "?limit=200").await?;
        stepped(&api, &count, "close", json!({})).await?;
        for product in &products {
            let line = lines.iter().find(|line| line["product_id"] == product["id"]).context("no line")?;
            assert_eq!(amounts_of(&api, product).await?, format!("{} 0 0", line["counted"].as_str().unwrap()));
        }
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_counted_is_nothing_or_unknown() {
    World::run(async |world| {
        let api = world.api().await?;
        let (tea, pot) = (api.stocked_product("TEA").await?, api.stocked_product("POT").await?);
        api.receive(&tea, "10", "1.00").await?;
        api.receive(&pot, "10", "1.00").await?;
        let count = started(&api, json!({"blind": false})).await?;
        stepped(&api, &count, "entries", entries(&[(&tea, "9")])).await?;
        let refused = step(&api.http, &count, "review", json!({})).await?;
        assert_eq!((refused.status, refused.code()), (409, "inventory_count_incomplete"), "{}", refused.text);
        assert!(refused.field("detail").starts_with("one line is not counted yet"), "{}", refused.text);
        let wrong = step(&api.http, &count, "review", json!({"uncounted": "ignore"})).await?;
        assert_eq!((wrong.status, wrong.pointers()), (422, vec!["/uncounted"]), "{}", wrong.text);
        stepped(&api, &count, "review", json!({"uncounted": "leave"})).await?;
        assert_eq!(told(&lines(&api.http, &count, "?state=to_count").await?), ["POT to_count - - -"]);
        stepped(&api, &count, "close", json!({})).await?;
        assert_eq!(
            (amounts_of(&api, &tea).await?, amounts_of(&api, &pot).await?),
            ("9 0 0".into(), "10 0 0".into())
        );

        let count = started(&api, json!({"blind": false})).await?;
        stepped(&api, &count, "entries", entries(&[(&tea, "8")])).await?;
        stepped(&api, &count, "review", json!({"uncounted": "zero"})).await?;
        // What is to be counted again keeps what was counted, whatever becomes of the others.
        stepped(&api, &count, "recount", json!({"product_ids": [tea["id"]]})).await?;
        stepped(&api, &count, "review", json!({"uncounted": "zero"})).await?;
        assert_eq!(
            told(&lines(&api.http, &count, "").await?),
            ["POT counted 0 10 -10", "TEA counted 8 9 -1"]
        );
        let entered = rows(
            &api.http
                .get(&format!("/inventory-counts/{}/entries?product_id={}", id(&count), id(&pot)))
                .await?,
        )?;
        assert_eq!((entered.len(), &entered[0]["counted"]), (1, &json!("0")), "somebody has said so");
        stepped(&api, &count, "close", json!({})).await?;
        assert_eq!(
            (amounts_of(&api, &tea).await?, amounts_of(&api, &pot).await?),
            ("8 0 0".into(), "0 0 0".into())
        );
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_is_taken_back_from_the_newest_orders() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.stocked_product("TEA").await?);
        let pot = api.stocked_product("POT").await?;
        api.receive(&tea, "10", "1.00").await?;
        api.receive(&pot, "10", "1.00").await?;
        let first = api.created("/orders", &order_of(&customer, &[(&tea, "4")])).await?;
        let lines =
            json!([{"product_id": tea["id"], "quantity": "5"}, {"product_id": pot["id"], "quantity": "10"}]);
        let second = api.created("/orders", &json!({"customer_id": customer["id"], "lines": lines})).await?;
        let count = started(&api, json!({})).await?;
        stepped(&api, &count, "entries", entries(&[(&tea, "6"), (&pot, "7")])).await?;
        stepped(&api, &count, "review", json!({})).await?;
        stepped(&api, &count, "close", json!({})).await?;
        assert_eq!(
            (amounts_of(&api, &tea).await?, amounts_of(&api, &pot).await?),
            ("6 6 3".into(), "7 7 3".into())
        );
        for (order, expected) in [(&first, vec!["4 0"]), (&second, vec!["2 3", "7 3"])] {
            let order = api.http.get(&format!("/orders/{}", id(order))).await?.json;
            let held = order["lines"].as_array().unwrap().iter();
            let held: Vec<_> = held
                .map(|line| ["reserved", "waiting"].map(|name| line[name].as_str().unwrap_or("?")).join(" "))
                .collect();
            assert_eq!(held, expected);
        }
        let sql = world.sql().await?;
        let events = "SELECT string_agg(event_type, ' ' ORDER BY seq) FROM outbox_events
            WHERE event_type IN ('inventory_count.closed', 'order.back_ordered')";
        let events: String = sql.query_one(events, &[]).await?.get(0);
        // One order gives back of both products in one step.
        assert_eq!(events, "inventory_count.closed order.back_ordered", "the cause comes first");
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_count_goes_its_way_and_a_warehouse_has_one_at_a_time() {
    World::run(async |world| {
        let api = world.api().await?;
        let tea = api.stocked_product("TEA").await?;
        api.receive(&tea, "10", "1.00").await?;
        let (count, other) =
            (planned(&api, json!({"reference": "INV-1"})).await?, planned(&api, json!({})).await?);
        let again = json!({"reference": "INV-1", "warehouse_id": count["warehouse_id"]});
        let taken = api.http.post("/inventory-counts", &again).await?;
        assert_eq!((taken.status, taken.code()), (409, "inventory_count_reference_taken"));
        for (name, body) in [
            ("entries", entries(&[(&tea, "1")])),
            ("review", json!({})),
            ("recount", json!({"product_ids": [tea["id"]]})),
            ("close", json!({})),
        ] {
            let refused = step(&api.http, &count, name, body).await?;
            let expected = if name == "recount" {
                (422, "invalid_inventory_count")
            } else {
                (409, "inventory_count_state_conflict")
            };
            assert_eq!((refused.status, refused.code()), expected, "{name}: {}", refused.text);
        }
        let path = format!("/inventory-counts/{}", id(&count));
        let stale =
            api.http.send(Method::POST, &format!("{path}/start"), &[("If-Match", "\"7\"")], None).await?;
        assert_eq!((stale.status, stale.code()), (412, "version_mismatch"));
        stepped(&api, &count, "start", json!({})).await?;
        let refused = step(&api.http, &other, "start", json!({})).await?;
        assert_eq!((refused.status, refused.code()), (409, "inventory_count_under_way"), "{}", refused.text);
        for (body, pointers) in [
            (json!({"entries": []}), vec!["/entries"]),
            (entries(&[(&tea, "1"), (&tea, "2")]), vec!["/entries/1/product_id"]),
            (json!({"entries": [{"product_id": NOBODY, "counted": "1"}]}), vec!["/entries/0/product_id"]),
            (entries(&[(&tea, "-1")]), vec!["/entries/0/counted"]),
            (json!({"entries": [{"product_id": tea["id"], "counted": 1}]}), vec!["/entries/0/counted"]),
        ] {
            let refused = step(&api.http, &count, "entries", body.clone()).await?;
            assert_eq!((refused.status, refused.pointers()), (422, pointers), "{body}: {}", refused.text);
        }
        let plain = api.product("PLAIN").await?;
        let refused = step(&api.http, &count, "entries", entries(&[(&plain, "1")])).await?;
        assert_eq!(
            (refused.status, &refused.json["errors"][0]["code"]),
            (422, &json!("not_stocked")),
            "{}",
            refused.text
        );
        stepped(&api, &count, "entries", entries(&[(&tea, "10")])).await?;
        stepped(&api, &count, "review", json!({})).await?;
        stepped(&api, &count, "close", json!({})).await?;
        stepped(&api, &other, "start", json!({})).await?;
        stepped(&api, &other, "cancel", json!({"reason": "a test"})).await?;
        for name in ["start", "close"] {
            let refused = step(&api.http, &other, name, json!({})).await?;
            assert_eq!((refused.status, refused.code()), (409, "inventory_count_state_conflict"), "{name}");
        }

        for (filter, number) in [
            ("", 2),
            ("?status=closed", 1),
            ("?status=open", 0),
            (&format!("?warehouse_id={}", id(&main_warehouse(&api).await?)), 2),
            (&format!("?status=cancelled&warehouse_id={NOBODY}"), 0),
            ("?sort=created_at&limit=1", 1),
        ] {
            assert_eq!(
                rows(&api.http.get(&format!("/inventory-counts{filter}")).await?)?.len(),
                number,
                "{filter}"
            );
        }
        for (file, number) in [
            ("/inventory-counts.csv".to_owned(), 3),
            (format!("{path}/lines.csv"), 2),
            (format!("{path}/entries.csv"), 2),
        ] {
            let csv = api.http.get(&file).await?;
            assert_eq!((csv.status, csv.text.lines().count()), (200, number), "{file}: {}", csv.text);
        }
        let unknown = api.http.get(&format!("/inventory-counts/{NOBODY}/lines")).await?;
        assert_eq!((unknown.status, unknown.code()), (404, "inventory_count_not_found"));
        let nowhere = api.http.post("/inventory-counts", &json!({"warehouse_id": NOBODY})).await?;
        assert_eq!((nowhere.status, nowhere.pointers()), (422, vec!["/warehouse_id"]), "{}", nowhere.text);
        api.proof().await?;
        Ok(())
    })
    .await;
}

/// Locks the level of a product until the transaction ends, as who moves goods of it does. Returns who holds it.
async fn hold_level(sql: &Client, product: &Value) -> Result<i32> {
    let hold =
        format!("BEGIN; SELECT FROM stock_levels WHERE product_id = '{}' FOR NO KEY UPDATE", id(product));
    sql.batch_execute(&hold).await?;
    Ok(sql.query_one("SELECT pg_backend_pid()", &[]).await?.get(0))
}

async fn until_waited_for(watch: &Client, holder: i32) -> Result<()> {
    until("somebody to wait for the lock", LIMIT, async || {
        let query = "SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND $1 = ANY (pg_blocking_pids(pid))";
        let waiting: i64 = watch.query_one(query, &[&holder]).await?.get(0);
        ensure!(waiting == 1, "{waiting} wait");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_that_comes_into_a_category_while_its_count_starts_is_waited_for_too() {
    World::run(async |world| {
        let api = Api::start(world, &PATIENT).await?;
        let category = api.category("K-1", None).await?;
        let into = async |product: &Value| -> Result<()> {
            let path = format!("/products/{}", id(product));
            let body = json!({"category_id": category["id"]});
            let changed = api.http.send(Method::PATCH, &path, &[], Some(&body)).await?;
            ensure!(changed.status == 200, "{}", changed.text);
            Ok(())
        };
        let (tea, pot) =
            (api.product_in_stock("A-TEA", "5").await?, api.product_in_stock("B-POT", "3").await?);
        into(&tea).await?;
        let count = planned(&api, json!({"category_ids": [category["id"]]})).await?;
        let (first, second, watch) = (world.sql().await?, world.sql().await?, world.administrator().await?);
        let holder = hold_level(&first, &tea).await?;
        let (http, of_task) = (api.http.clone(), count.clone());
        let starting = tokio::spawn(async move { step(&http, &of_task, "start", json!({})).await });
        until_waited_for(&watch, holder).await?;
        into(&pot).await?;
        let holder = hold_level(&second, &pot).await?;
        first.batch_execute("COMMIT").await?;
        until_waited_for(&watch, holder).await.context("nobody waits for who moves the pots")?;
        second.batch_execute("COMMIT").await?;
        let begun = starting.await??;
        assert_eq!(begun.status, 200, "{}", begun.text);
        let expected = ["A-TEA to_count - - -", "B-POT to_count - - -"];
        assert_eq!(told(&lines(&api.http, &count, "").await?), expected);
        api.proof().await?;
        Ok(())
    })
    .await;
}

/// It waited for that product while it held what comes behind it in the order in which all are locked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_count_that_waits_for_a_product_holds_none_that_is_locked_after_it() {
    World::run(async |world| {
        let api = Api::start(world, &PATIENT).await?;
        let category = api.category("K-1", None).await?;
        let into = async |product: &Value| -> Result<()> {
            let path = format!("/products/{}", id(product));
            let body = json!({"category_id": category["id"]});
            let changed = api.http.send(Method::PATCH, &path, &[], Some(&body)).await?;
            ensure!(changed.status == 200, "{}", changed.text);
            Ok(())
        };
        // Levels are locked in the order of their products' ids, which is that in which these were made.
        let (tea, pot) =
            (api.product_in_stock("A-TEA", "5").await?, api.product_in_stock("B-POT", "3").await?);
        into(&pot).await?;
        let count = planned(&api, json!({"category_ids": [category["id"]]})).await?;
        let (first, second, watch) = (world.sql().await?, world.sql().await?, world.administrator().await?);
        let holder = hold_level(&first, &pot).await?;
        let (http, of_task) = (api.http.clone(), count.clone());
        let starting = tokio::spawn(async move { step(&http, &of_task, "start", json!({})).await });
        until_waited_for(&watch, holder).await?;
        into(&tea).await?;
        let holder = hold_level(&second, &tea).await?;
        first.batch_execute("COMMIT").await?;
        until_waited_for(&watch, holder).await.context("nobody waits for who moves the tea")?;
        // Who moves both locks the pots after the tea.
        until("the pots to be free for who holds the tea", LIMIT, async || {
            let pots = format!(
                "SELECT FROM stock_levels WHERE product_id = '{}' FOR NO KEY UPDATE SKIP LOCKED",
                id(&pot)
            );
            let free = second.query(&pots, &[]).await?.len();
            ensure!(free == 1, "the count has them");
            Ok(())
        })
        .await?;
        second.batch_execute("COMMIT").await?;
        let begun = starting.await??;
        assert_eq!(begun.status, 200, "{}", begun.text);
        let expected = ["A-TEA to_count - - -", "B-POT to_count - - -"];
        assert_eq!(told(&lines(&api.http, &count, "").await?), expected);
        api.proof().await?;
        Ok(())
    })
    .await;
}

/// Without the proof: the goods of this test came from nowhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_count_of_too_much_is_refused_before_it_waits_for_anybody() {
    World::run(async |world| {
        let api = world.api().await?;
        let (sql, tenant) = (world.sql().await?, world.tenant().await?.id);
        let main = main_warehouse(&api).await?;
        let fill = format!(
            "INSERT INTO products (tenant_id, id, version, sku, name, unit_price, vat_rate, created_at, updated_at, stocked)
            SELECT '{tenant}', gen_random_uuid(), 1, 'P-' || n, 'P', 1, 20, now(), now(), true FROM generate_series(1, 50001) AS n;
            INSERT INTO stock_levels (tenant_id, id, version, warehouse_id, product_id, sku, name, on_hand, reserved, waiting, average_cost,
                low, untold, movements, created_at, updated_at)
            SELECT tenant_id, gen_random_uuid(), 1, '{}', id, sku, name, 1, 0, 0, 1, false, false, 0, now(), now() FROM products",
            id(&main)
        );
        sql.batch_execute(&fill).await?;
        let count = planned(&api, json!({})).await?;
        sql.batch_execute("BEGIN; SELECT FROM stock_levels WHERE sku = 'P-17' FOR NO KEY UPDATE").await?;
        let refused = step(&api.http, &count, "start", json!({})).await?;
        assert_eq!((refused.status, refused.code()), (409, "inventory_count_too_large"), "{}", refused.text);
        sql.batch_execute("DELETE FROM stock_levels WHERE sku = 'P-18'; COMMIT").await?;
        let begun = step(&api.http, &count, "start", json!({})).await?;
        assert_eq!(begun.status, 200, "as many as there may be: {}", begun.text);
        Ok(())
    })
    .await;
}
