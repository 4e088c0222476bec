//! Orders that are amended before anything of them leaves: their lines and their goods, and what else can be changed. Every test about
//! goods ends with the proof.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Answer, Api, World, until};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};

use crate::credit::{self, PATIENT, until_waiting};
use crate::shipments::{confirmed, ledger, order, told};

const LIMIT: Duration = Duration::from_secs(30);

/// Amends an order as it is now.
async fn amend(api: &Api, id: &str, body: &Value) -> Result<Answer> {
    let version = order(api, id).await?["version"].as_i64().unwrap_or(1);
    amend_version(api, id, version, body).await
}

async fn amend_version(api: &Api, id: &str, version: i64, body: &Value) -> Result<Answer> {
    let etag = format!("\"{version}\"");
    api.http.send(Method::PATCH, &format!("/orders/{id}"), &[("If-Match", &etag)], Some(body)).await
}

/// Ends this API, and looks whether its sessions were in deadlocks: those that were tried again are seen nowhere else. The test's own
/// connections are closed before.
async fn ends_without_deadlocks(world: &World, mut api: Api) -> Result<()> {
    api.daemon.terminate(LIMIT).await?;
    let administrator = world.administrator().await?;
    let number = async |query: &str| -> Result<i64> { Ok(administrator.query_one(query, &[]).await?.get(0)) };
    // A session counts its deadlocks at its end at the latest.
    until("all sessions to end", LIMIT, async || {
        let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
        let others = number(others).await?;
        ensure!(others == 0, "{others} sessions");
        Ok(())
    })
    .await?;
    let deadlocks =
        number("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").await?;
    ensure!(deadlocks == 0, "{deadlocks} deadlocks");
    Ok(())
}

/// Of each line: its SKU, the quantity, what is reserved for it, and what it waits for.
fn held(order: &Value) -> Vec<String> {
    let text = |line: &Value, name: &str| line[name].as_str().unwrap_or("?").to_owned();
    let line =
        |line: &Value| ["sku", "quantity", "reserved", "waiting"].map(|name| text(line, name)).join(" ");
    order["lines"].as_array().into_iter().flatten().map(line).collect()
}

/// What is on hand, reserved and waited for.
async fn amounts(api: &Api, product: &Value) -> Result<String> {
    let path = format!("/stock?product_id={}", product["id"].as_str().unwrap_or_default());
    let stock = api.http.get(&path).await?.json["data"][0].clone();
    Ok(["on_hand", "reserved", "waiting"].map(|name| stock[name].as_str().unwrap_or("?")).join(" "))
}

/// An order of these quantities, pending.
async fn placed(api: &Api, customer: &Value, lines: &[(&Value, &str)], back_order: bool) -> Result<Value> {
    let line =
        |(product, quantity): &(&Value, &str)| json!({"product_id": product["id"], "quantity": quantity});
    let lines: Vec<Value> = lines.iter().map(line).collect();
    let body = json!({"customer_id": customer["id"], "back_order": back_order, "lines": lines});
    api.created("/orders", &body).await
}

/// So many days from today.
fn day(from_today: i64) -> String {
    (chrono::Utc::now() + chrono::TimeDelta::days(from_today)).format("%Y-%m-%d").to_string()
}

fn id(resource: &Value) -> &str {
    resource["id"].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_stay_change_come_and_go_and_their_goods_with_them() {
    World::run(async |world| {
        let api = world.api().await?;
        let (tea, pot, cup) =
            (api.product_in_stock("TEA", "10").await?, api.product_in_stock("POT", "10").await?, api.product_in_stock("CUP", "10").await?);
        let order = confirmed(&api, &[(&tea, "4"), (&pot, "3")]).await?;
        // Dearer meanwhile: the line that stays keeps its price.
        let dearer = json!({"unit_price": "12.00"});
        let path = format!("/products/{}", id(&tea));
        assert_eq!(api.http.send(Method::PATCH, &path, &[], Some(&dearer)).await?.status, 200);

        let body = json!({"lines": [
            {"product_id": cup["id"], "quantity": "2", "unit_price": "1.50"},
            {"position": 1, "quantity": "6"},
            {"product_id": tea["id"], "quantity": "1"},
        ]});
        let amended = amend(&api, &order, &body).await?;
        assert_eq!((amended.status, amended.header("etag")), (200, Some("\"3\"")), "{}", amended.text);
        assert_eq!(held(&amended.json), ["CUP 2 2 0", "TEA 6 6 0", "TEA 1 1 0"]);
        let price = |line: &Value| line["unit_price"].as_str().unwrap_or_default().to_owned();
        let prices: Vec<_> = amended.json["lines"].as_array().context("lines")?.iter().map(price).collect();
        assert_eq!(prices, ["1.50", "10.00", "12.00"]);
        // 3.00 + 60.00 + 12.00, and 20 % of it.
        assert_eq!((amended.field("net_total"), amended.field("gross_total")), ("75.00", "90.00"));
        assert_eq!(api.http.get(&format!("/orders/{order}")).await?.json, amended.json, "it is stored so");
        assert_eq!(
            (amounts(&api, &tea).await?, amounts(&api, &pot).await?, amounts(&api, &cup).await?),
            ("10 7 0".to_owned(), "10 0 0".to_owned(), "10 2 0".to_owned())
        );
        assert_eq!(ledger(world, &pot).await?[1..], ["reservation order 0 3", "release order 0 -3"]);
        assert_eq!(ledger(world, &tea).await?[1..], ["reservation order 0 4", "reservation order 0 3"]);

        let expected: Vec<(String, i64)> =
            ["order.placed", "order.confirmed", "order.amended"].map(str::to_owned).into_iter().zip(1..).collect();
        assert_eq!(told(world, &order).await?, expected);
        let sql = world.sql().await?;
        let payload = "SELECT payload::text FROM outbox_events WHERE aggregate_id = $1 AND event_type = 'order.amended'";
        let payload: Value = serde_json::from_str(sql.query_one(payload, &[&order]).await?.get(0))?;
        assert_eq!((&payload["status"], &payload["gross_total"]), (&json!("confirmed"), &json!("90.00")));
        assert_eq!(payload["lines"].as_array().map(Vec::len), Some(3));
        assert_eq!(payload["lines"][1]["reserved"], "6");

        let audited = "SELECT before::text, after::text FROM audit_events WHERE resource_id = $1 AND action = 'order.amend'";
        let row = sql.query_one(audited, &[&order]).await?;
        let (before, after): (Value, Value) =
            (serde_json::from_str(row.get(0))?, serde_json::from_str(row.get(1))?);
        let lines = |state: &Value| -> Vec<String> {
            let line = |line: &Value| format!("{} {} {}", line["position"], line["sku"], line["quantity"]);
            state["changed_lines"].as_array().into_iter().flatten().map(line).collect()
        };
        assert_eq!(lines(&before), [r#"1 "TEA" "4""#, r#"2 "POT" "3""#]);
        assert_eq!(lines(&after), [r#"1 "CUP" "2""#, r#"2 "TEA" "6""#, r#"3 "TEA" "1""#]);
        assert_eq!((&before["gross_total"], &after["gross_total"]), (&json!("84.00"), &json!("90.00")));

        // It leaves as it is now.
        let shipped = api.http.post(&format!("/orders/{order}/ship"), &json!({})).await?;
        assert_eq!((shipped.status, shipped.field("status")), (200, "shipped"), "{}", shipped.text);
        assert_eq!(amounts(&api, &tea).await?, "3 0 0");
        api.proof().await.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_stays_and_what_changes_nothing_is_no_change() {
    World::run(async |world| {
        let api = world.api().await?;
        let tea = api.product_in_stock("TEA", "10").await?;
        let id = confirmed(&api, &[(&tea, "4"), (&tea, "1")]).await?;
        let before = order(&api, &id).await?;
        for body in [
            json!({}),
            json!({"lines": [{"position": 1}, {"position": 2, "quantity": "1.0"}]}),
            json!({"reference": null, "delivery_address": null, "promised_on": null}),
            json!({"version": 2, "status": "confirmed", "vat": before["vat"], "warehouse_id": before["warehouse_id"]}),
        ] {
            let answer = amend(&api, &id, &body).await?;
            assert_eq!((answer.status, &answer.json), (200, &before), "{body}: {}", answer.text);
        }
        let swapped = amend(&api, &id, &json!({"lines": [{"position": 2}, {"position": 1}]})).await?;
        assert_eq!((swapped.status, held(&swapped.json)), (200, vec!["TEA 1 1 0".to_owned(), "TEA 4 4 0".to_owned()]));
        assert_eq!(swapped.json["version"], 3);
        for (body, pointer) in [
            (json!({"lines": null}), "/lines"),
            (json!({"lines": []}), "/lines"),
            (json!({"status": "shipped"}), "/status"),
            (json!({"customer_id": null}), "/customer_id"),
            (json!({"colour": "red"}), "/colour"),
            (json!({"lines": [{"position": 1, "sku": "TEA"}]}), "/lines/0/sku"),
            (json!({"lines": [{"position": 1, "quantity": "0"}]}), "/lines/0/quantity"),
        ] {
            let refused = amend(&api, &id, &body).await?;
            assert_eq!((refused.status, refused.pointers()), (422, vec![pointer]), "{body}: {}", refused.text);
        }
        api.proof().await.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_line_that_is_not_understood_is_named_and_nothing_changes() {
    World::run(async |world| {
        let api = world.api().await?;
        let (tea, pot) = (api.product_in_stock("TEA", "10").await?, api.product_in_stock("POT", "10").await?);
        let id = confirmed(&api, &[(&tea, "4"), (&pot, "1")]).await?;
        let before = order(&api, &id).await?;
        let body = json!({"lines": [
            {"position": 1},
            {"position": 2, "product_id": pot["id"]},
            {"quantity": "1"},
            {"position": 3},
            {"position": 1, "quantity": "1"},
            {"product_id": tea["id"]},
        ]});
        let refused = amend(&api, &id, &body).await?;
        let expected =
            ["/lines/1/product_id", "/lines/2", "/lines/3/position", "/lines/4/position", "/lines/5/quantity"];
        assert_eq!((refused.status, refused.code()), (422, "invalid_lines"), "{}", refused.text);
        assert_eq!(refused.pointers(), expected, "{}", refused.text);

        let whole = json!({"sku": "EACH", "name": "Each", "unit_price": "1", "vat_rate": "20", "quantity_decimals": 0, "stocked": false});
        let (whole, gone) = (api.created("/products", &whole).await?, api.stocked_product("GONE").await?);
        let archived = api.http.command(&format!("/products/{}/archive", self::id(&gone))).await?;
        assert_eq!(archived.status, 200, "{}", archived.text);
        let nobody = "00000000-0000-7000-8000-000000000000";
        for (line, pointer) in [
            (json!({"product_id": nobody, "quantity": "1"}), "/lines/1/product_id"),
            (json!({"product_id": gone["id"], "quantity": "1"}), "/lines/1/product_id"),
            (json!({"product_id": whole["id"], "quantity": "1.5"}), "/lines/1/quantity"),
            (json!({"product_id": whole["id"], "quantity": "999999999", "unit_price": "999999999"}), "/lines"),
        ] {
            let refused = amend(&api, &id, &json!({"lines": [{"position": 1}, line]})).await?;
            assert_eq!((refused.status, refused.code()), (422, "invalid_order"), "{}", refused.text);
            assert_eq!(refused.pointers(), [pointer]);
        }
        assert_eq!(order(&api, &id).await?, before);
        api.proof().await.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_order_gives_up_is_its_own_first_and_then_for_those_who_wait() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.product_in_stock("TEA", "10").await?);
        let mine = placed(&api, &customer, &[(&tea, "6"), (&tea, "4")], false).await?;
        let other = placed(&api, &customer, &[(&tea, "5")], true).await?;
        // Nothing is free. The same goods on other lines are no new ones.
        let moved =
            json!({"lines": [{"product_id": tea["id"], "quantity": "9"}, {"position": 2, "quantity": "1"}]});
        let amended = amend(&api, id(&mine), &moved).await?;
        assert_eq!(
            (amended.status, held(&amended.json)),
            (200, vec!["TEA 9 9 0".to_owned(), "TEA 1 1 0".to_owned()])
        );
        let more = json!({"lines": [{"position": 1}, {"position": 2, "quantity": "2"}]});
        let refused = amend(&api, id(&mine), &more).await?;
        assert_eq!((refused.status, refused.code()), (409, "insufficient_stock"), "{}", refused.text);
        assert_eq!(
            (refused.pointers(), &refused.json["errors"][0]["available"]),
            (vec!["/lines/1/quantity"], &json!("1"))
        );
        // Less: what it gives back is for the one who waits.
        let less = json!({"lines": [{"position": 1, "quantity": "6"}]});
        let amended = amend(&api, id(&mine), &less).await?;
        assert_eq!(
            (amended.status, held(&amended.json)),
            (200, vec!["TEA 6 6 0".to_owned()]),
            "{}",
            amended.text
        );
        let again = json!({"lines": [{"position": 1, "quantity": "7"}]});
        assert_eq!(amend(&api, id(&mine), &again).await?.code(), "insufficient_stock");
        until("who waits to be served", LIMIT, async || {
            let held = held(&order(&api, id(&other)).await?);
            ensure!(held == ["TEA 5 4 1"], "{held:?}");
            Ok(())
        })
        .await?;
        api.proof().await.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_back_order_waits_for_what_it_is_to_have_more_and_gives_that_up_first() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.product_in_stock("TEA", "4").await?);
        // It has no stock anywhere yet.
        let pot = api.stocked_product("POT").await?;
        let mine = placed(&api, &customer, &[(&tea, "3")], true).await?;
        let more =
            json!({"lines": [{"position": 1, "quantity": "9"}, {"product_id": pot["id"], "quantity": "2"}]});
        let amended = amend(&api, id(&mine), &more).await?;
        assert_eq!(
            (amended.status, held(&amended.json)),
            (200, vec!["TEA 9 4 5".to_owned(), "POT 2 0 2".to_owned()])
        );
        let waiting = api.http.get("/orders/back-orders").await?.json;
        assert_eq!(waiting["data"][0]["id"], mine["id"], "it is found among those that wait");
        api.receive(&pot, "2", "4.00").await?;
        let less = json!({"lines": [{"position": 2}, {"position": 1, "quantity": "2"}]});
        let amended = amend(&api, id(&mine), &less).await?;
        assert_eq!(
            (amended.status, held(&amended.json)),
            (200, vec!["POT 2 2 0".to_owned(), "TEA 2 2 0".to_owned()])
        );
        assert_eq!(
            (amounts(&api, &tea).await?, amounts(&api, &pot).await?),
            ("4 2 0".to_owned(), "2 2 0".to_owned())
        );
        let waiting = api.http.get("/orders/back-orders").await?.json;
        assert_eq!(waiting["data"], json!([]), "it waits no more");
        api.proof().await.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_without_goods_gets_some_and_loses_them_again() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, advice) = (api.customer("C-1").await?, api.product("ADVICE").await?);
        let tea = api.product_in_stock("TEA", "4").await?;
        let mine = placed(&api, &customer, &[(&advice, "1")], false).await?;
        assert_eq!(mine["warehouse_id"], Value::Null);
        let with = json!({"lines": [{"position": 1}, {"product_id": tea["id"], "quantity": "3"}]});
        let amended = amend(&api, id(&mine), &with).await?;
        assert_eq!((amended.status, held(&amended.json)[1].as_str()), (200, "TEA 3 3 0"), "{}", amended.text);
        assert!(amended.json["warehouse_id"].is_string(), "{}", amended.text);
        let without = json!({"lines": [{"position": 1}]});
        assert_eq!(amend(&api, id(&mine), &without).await?.status, 200);
        assert_eq!(amounts(&api, &tea).await?, "4 0 0");
        api.proof().await.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_an_order_of_which_nothing_has_left_is_amended_and_a_version_may_be_insisted_on() {
    World::run(async |world| {
        let api = world.api().await?;
        let tea = api.product_in_stock("TEA", "20").await?;
        let id = confirmed(&api, &[(&tea, "4")]).await?;
        let path = format!("/orders/{id}");
        let body = json!({"lines": [{"position": 1, "quantity": "5"}]});
        let stale = amend_version(&api, &id, 1, &body).await?;
        assert_eq!((stale.status, stale.code()), (412, "version_mismatch"), "{}", stale.text);
        let fresh = amend_version(&api, &id, 2, &body).await?;
        assert_eq!((fresh.status, fresh.header("etag")), (200, Some("\"3\"")), "{}", fresh.text);

        let part = json!({"lines": [{"position": 1, "quantity": "1"}]});
        api.created(&format!("{path}/shipments"), &part).await?;
        let partly = amend(&api, &id, &body).await?;
        assert_eq!((partly.status, partly.code()), (409, "order_partly_shipped"), "{}", partly.text);
        for (step, body) in [("ship", json!({})), ("deliver", json!({}))] {
            assert_eq!(api.http.post(&format!("{path}/{step}"), &body).await?.status, 200);
            let refused = amend(&api, &id, &json!({"reference": "R-1"})).await?;
            assert_eq!((refused.status, refused.code()), (409, "order_state_conflict"), "{}", refused.text);
        }
        let other = confirmed(&api, &[(&tea, "1")]).await?;
        let reason = json!({"reason": "a test"});
        assert_eq!(api.http.post(&format!("/orders/{other}/cancel"), &reason).await?.status, 200);
        let refused = amend(&api, &other, &json!({"reference": "R-1"})).await?;
        assert_eq!((refused.status, refused.code()), (409, "order_state_conflict"), "{}", refused.text);
        let nobody = amend(&api, "01900000-0000-7000-8000-0000000000ff", &json!({})).await?;
        assert_eq!((nobody.status, nobody.code()), (404, "order_not_found"));
        api.proof().await.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_are_those_of_one_version() {
    World::run(async |world| {
        let api = world.api().await?;
        let (tea, pot) = (api.product_in_stock("TEA", "9").await?, api.product_in_stock("POT", "9").await?);
        let cup = api.product_in_stock("CUP", "9").await?;
        let id = confirmed(&api, &[(&tea, "1"), (&pot, "1"), (&cup, "1")]).await?;
        // The first line is taken off. So the cup has the position that the pot had.
        let fewer = json!({"lines": [{"position": 2}, {"position": 3}]});
        assert_eq!(amend_version(&api, &id, 2, &fewer).await?.status, 200);
        // Whoever has read the order before means the pot.
        let body = json!({"reference": "R-1", "lines": [{"position": 1}, {"position": 2, "quantity": "5"}]});
        let path = format!("/orders/{id}");
        let blind = api.http.send(Method::PATCH, &path, &[], Some(&body)).await?;
        assert_eq!((blind.status, blind.code()), (428, "precondition_required"), "{}", blind.text);
        let stale = amend_version(&api, &id, 2, &body).await?;
        assert_eq!((stale.status, stale.code()), (412, "version_mismatch"), "{}", stale.text);
        let now = order(&api, &id).await?;
        assert_eq!(held(&now), ["POT 1 1 0", "CUP 1 1 0"]);
        assert_eq!((&now["reference"], &now["version"]), (&Value::Null, &json!(3)));
        // What has no lines needs no version, and whoever says so means any.
        let named = api.http.send(Method::PATCH, &path, &[], Some(&json!({"reference": "R-1"}))).await?;
        assert_eq!((named.status, named.field("reference")), (200, "R-1"), "{}", named.text);
        let any = api.http.send(Method::PATCH, &path, &[("If-Match", "*")], Some(&body)).await?;
        assert_eq!(
            (any.status, held(&any.json)),
            (200, vec!["POT 1 1 0".to_owned(), "CUP 5 5 0".to_owned()])
        );
        api.proof().await.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_gets_no_more_goods_from_an_archived_warehouse() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, advice) = (api.customer("C-1").await?, api.product("ADVICE").await?);
        let (tea, market) = (api.product_in_stock("TEA", "4").await?, api.warehouse("MARKET").await?);
        let lines = json!([{"product_id": advice["id"], "quantity": "1"}]);
        let body = json!({"customer_id": customer["id"], "warehouse_id": market["id"], "lines": lines});
        let mine = api.created("/orders", &body).await?;
        let archived = api.http.command(&format!("/warehouses/{}/archive", id(&market))).await?;
        assert_eq!(archived.status, 200, "{}", archived.text);
        let with = json!({"lines": [{"position": 1}, {"product_id": tea["id"], "quantity": "1"}]});
        let refused = amend(&api, id(&mine), &with).await?;
        assert_eq!((refused.status, refused.code()), (422, "invalid_order"), "{}", refused.text);
        // Where its goods come from is not for the client to change.
        let error = &refused.json["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!("/lines"), &json!("warehouse_archived")));
        let more = json!({"lines": [{"position": 1, "quantity": "2"}]});
        assert_eq!(amend(&api, id(&mine), &more).await?.status, 200, "it needs no goods");
        api.proof().await.map(drop)
    })
    .await;
}

/// An order that is placed has its reference before it has its goods; so has one that is amended. Whether the customers have a limit or not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_and_an_amendment_that_want_one_reference_do_not_wait_for_each_other() {
    World::run(async |world| {
        let api = Api::start(world, &PATIENT).await?;
        for (code, limit) in [("FREE", Value::Null), ("BOUND", json!("1000"))] {
            let other = api.customer(&format!("{code}-1")).await?;
            let body = json!({"code": code, "name": code, "email": "c@example.com", "credit_limit": limit});
            let customer = api.created("/customers", &body).await?;
            // Stock is locked in the order of the products: that of the first before that of the second.
            let first = api.product_in_stock(&format!("{code}-TEA"), "10").await?;
            let second = api.product_in_stock(&format!("{code}-POT"), "10").await?;
            let mine = placed(&api, &customer, &[(&second, "1")], false).await?;
            let (holder, sql) = (world.sql().await?, world.administrator().await?);
            let lock =
                format!("BEGIN; SELECT FROM stock_levels WHERE product_id = '{}' FOR UPDATE", id(&first));
            holder.batch_execute(&lock).await?;
            // It has the reference, and no stock yet.
            let goods =
                [&first, &second].map(|product| json!({"product_id": product["id"], "quantity": "1"}));
            let body = json!({"customer_id": other["id"], "reference": code, "lines": goods});
            let placing = credit::place(&api, body);
            until_waiting(&sql, 1).await?;
            // It waits for the reference, and must not have the stock that the other one still needs.
            let body = json!({"reference": code, "lines": [{"position": 1, "quantity": "2"}]});
            let amending = credit::amend(&api, &mine, body);
            until_waiting(&sql, 2).await?;
            holder.batch_execute("COMMIT").await?;
            let (made, refused) = (placing.await??, amending.await??);
            assert_eq!(made.status, 201, "{}", made.text);
            assert_eq!((refused.status, refused.code()), (409, "order_reference_taken"), "{}", refused.text);
            assert_eq!(amounts(&api, &second).await?, "10 2 0");
        }
        api.proof().await?;
        ends_without_deadlocks(world, api).await
    })
    .await;
}

/// Two orders that exchange their references waited for each other, until PostgreSQL ended one of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_wants_a_reference_that_another_order_is_giving_up_does_not_wait_for_it() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.product("TEA").await?);
        let line = json!({"product_id": tea["id"], "quantity": "1"});
        let mut orders = Vec::new();
        for reference in ["R-1", "R-2"] {
            let body = json!({"customer_id": customer["id"], "reference": reference, "lines": [line]});
            orders.push(api.created("/orders", &body).await?);
        }
        let (mine, other) = (id(&orders[0]), id(&orders[1]));
        let holder = world.sql().await?;
        let give_up = format!("BEGIN; UPDATE orders SET reference = 'R-3' WHERE id = '{other}'");
        holder.batch_execute(&give_up).await?;
        let refused = amend(&api, mine, &json!({"reference": "R-2"})).await?;
        assert_eq!((refused.status, refused.code()), (409, "order_reference_taken"), "{}", refused.text);
        holder.batch_execute("COMMIT").await?;
        let named = amend(&api, mine, &json!({"reference": "R-2"})).await?;
        assert_eq!((named.status, named.field("reference")), (200, "R-2"), "{}", named.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reference_address_and_promised_day_are_set_changed_and_erased() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (api.customer("C-1").await?, api.product_in_stock("TEA", "9").await?);
        let quay = json!({"line1": "3 quai Sud", "line2": null, "postal_code": "44000", "city": "Nantes", "country": "FR"});
        let lines = json!([{"product_id": tea["id"], "quantity": "1"}]);
        let body = json!({"customer_id": customer["id"], "reference": "R-1", "ordered_on": day(-3),
            "delivery_address": quay, "promised_on": day(5), "lines": lines});
        let placed = api.created("/orders", &body).await?;
        assert_eq!((&placed["delivery_address"], &placed["promised_on"]), (&quay, &json!(day(5))));
        let listed = api.http.get("/orders").await?.json["data"][0].clone();
        assert_eq!((&listed["delivery_address"], &listed["promised_on"]), (&quay, &json!(day(5))));
        let csv = api.http.get("/orders.csv").await?;
        assert!(csv.text.contains("delivery_address,promised_on") && csv.text.contains(&day(5)), "{}", csv.text);

        // A part of an address is a part of the merge patch.
        let body = json!({"reference": "R-2", "promised_on": day(9), "delivery_address": {"line1": "4 quai Sud"}});
        let amended = amend(&api, id(&placed), &body).await?;
        let mut moved = quay.clone();
        moved["line1"] = json!("4 quai Sud");
        assert_eq!((amended.status, &amended.json["delivery_address"]), (200, &moved), "{}", amended.text);
        assert_eq!((amended.field("reference"), amended.field("promised_on").to_owned()), ("R-2", day(9)));
        assert_eq!(api.http.get("/orders?reference=R-2").await?.json["data"][0]["id"], placed["id"]);

        // What goes with the goods says where they go.
        api.http.command(&format!("/orders/{}/confirm", id(&placed))).await?;
        let open = api.http.get("/orders/to-prepare").await?.json;
        assert_eq!(open["data"][0]["promised_on"], day(9), "{open}");
        let other = api.created("/orders", &json!({"customer_id": customer["id"], "reference": "R-9", "lines": lines})).await?;
        assert_eq!((&other["delivery_address"], &other["promised_on"]), (&Value::Null, &Value::Null));
        let taken = amend(&api, id(&other), &json!({"reference": "R-2"})).await?;
        assert_eq!((taken.status, taken.code()), (409, "order_reference_taken"), "{}", taken.text);
        for (body, pointer) in [
            (json!({"promised_on": day(-4)}), "/promised_on"),
            (json!({"promised_on": "soon"}), "/promised_on"),
            (json!({"delivery_address": {"country": "Nowhere"}}), "/delivery_address/country"),
        ] {
            let refused = amend(&api, id(&placed), &body).await?;
            assert_eq!((refused.status, refused.pointers()), (422, vec![pointer]), "{}", refused.text);
        }
        let early = json!({"customer_id": customer["id"], "ordered_on": day(-3), "promised_on": day(-4), "lines": lines});
        let refused = api.http.post("/orders", &early).await?;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/promised_on"]), "{}", refused.text);
        let shipment = api.created(&format!("/orders/{}/shipments", id(&placed)), &json!({})).await?;
        let note = api.http.get(&format!("/shipments/{}/delivery-note", id(&shipment))).await?;
        assert_eq!(note.json["address"], moved, "{}", note.text);

        let erased = json!({"reference": null, "delivery_address": null, "promised_on": null});
        let amended = amend(&api, id(&other), &erased).await?;
        assert_eq!((amended.status, &amended.json["reference"]), (200, &Value::Null), "{}", amended.text);
        api.proof().await.map(drop)
    })
    .await;
}

/// What the clients of the race share.
struct Race {
    products: Vec<Value>,
    customer: Value,
    open: Mutex<Vec<String>>,
    end: Instant,
}

impl Race {
    fn any(&self, dice: &mut StdRng) -> Option<String> {
        let open = self.open.lock().ok()?;
        (!open.is_empty()).then(|| open[dice.random_range(0..open.len())].clone())
    }

    fn line(&self, dice: &mut StdRng) -> Value {
        let product = &self.products[dice.random_range(0..self.products.len())];
        json!({"product_id": product["id"], "quantity": dice.random_range(1..5).to_string()})
    }

    fn lines(&self, dice: &mut StdRng) -> Vec<Value> {
        (0..dice.random_range(1..4)).map(|_| self.line(dice)).collect()
    }

    async fn client(&self, api: &Api, seed: u64) -> Result<u32> {
        let (mut dice, mut amended) = (StdRng::seed_from_u64(seed), 0);
        while Instant::now() < self.end {
            let answer = match dice.random_range(0..10) {
                0..3 => {
                    let body = json!({"customer_id": self.customer["id"], "back_order": dice.random_bool(0.3), "lines": self.lines(&mut dice)});
                    let answer = api.http.post("/orders", &body).await?;
                    if answer.status == 201 {
                        let mut open = self.open.lock().map_err(|error| anyhow::anyhow!("{error}"))?;
                        open.push(answer.field("id").to_owned());
                    }
                    answer
                }
                // Other lines, whatever it has.
                3..5 => {
                    let Some(id) = self.any(&mut dice) else { continue };
                    amend(api, &id, &json!({"lines": self.lines(&mut dice)})).await?
                }
                // Lines that somebody has read.
                5..8 => {
                    let Some(id) = self.any(&mut dice) else { continue };
                    let seen = order(api, &id).await?;
                    let quantity = dice.random_range(1..8).to_string();
                    let mut lines = vec![json!({"position": 1, "quantity": quantity}), self.line(&mut dice)];
                    if seen["lines"][1].is_object() && dice.random_bool(0.5) {
                        lines.push(json!({"position": 2}));
                    }
                    let version = seen["version"].as_i64().context("no version")?;
                    amend_version(api, &id, version, &json!({"lines": lines})).await?
                }
                8 => {
                    let Some(id) = self.any(&mut dice) else { continue };
                    api.http.post(&format!("/orders/{id}/cancel"), &json!({"reason": "a test"})).await?
                }
                _ => {
                    let line = self.line(&mut dice);
                    api.http.post("/stock-receipts", &json!({"lines": [line]})).await?
                }
            };
            let ok = matches!(answer.status, 200 | 201 | 409 | 412);
            ensure!(ok, "{} {}", answer.status, answer.text);
            amended += u32::from(answer.status == 200);
        }
        Ok(amended)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn amendments_orders_cancellations_and_receipts_at_once_lose_nothing() {
    World::run(async |world| {
        let api = world.api().await?;
        let mut products = Vec::new();
        for sku in ["TEA", "POT", "CUP"] {
            products.push(api.product_in_stock(sku, "20").await?);
        }
        let customer = api.customer("C-1").await?;
        let end = Instant::now() + Duration::from_secs(4);
        let race = Race { products, customer, open: Mutex::default(), end };
        let seed: u64 = rand::random();
        eprintln!("seed {seed}");
        let clients = (0..8).map(|number| race.client(&api, seed.wrapping_add(number)));
        let amended: u32 = futures::future::try_join_all(clients).await?.into_iter().sum();
        ensure!(amended > 20, "{amended} orders were amended or cancelled");
        api.proof().await?;
        let sql = world.sql().await?;
        // Every line of an order that may still leave has what it needs, or waits for it.
        let wrong = "SELECT count(*) FROM order_lines AS l JOIN orders AS o ON (o.tenant_id, o.id) = (l.tenant_id, l.order_id)
            LEFT JOIN stock_reservations AS r ON (r.tenant_id, r.order_id, r.position) = (l.tenant_id, l.order_id, l.position)
            WHERE o.status = 'pending' AND (COALESCE(r.reserved + r.waiting, 0) <> l.quantity OR r.product_id <> l.product_id)
                OR o.waits <> EXISTS (SELECT FROM stock_reservations AS w
                    WHERE (w.tenant_id, w.order_id) = (o.tenant_id, o.id) AND w.waiting > 0)";
        assert_eq!(sql.query_one(wrong, &[]).await?.get::<_, i64>(0), 0);
        drop(sql);
        ends_without_deadlocks(world, api).await
    })
    .await;
}
