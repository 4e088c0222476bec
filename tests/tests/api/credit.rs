//! Credit limits: who sets them, what they stop, and that two orders at once never pass one together. A unit of every product comes to
//! 12.00 with its VAT.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Answer, Api, Http, World, api_key, until};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use crate::credit_notes::{is_sound, validated};

const LIMIT: Duration = Duration::from_secs(20);
const WAITING: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
/// The test holds locks for as long as it looks around.
pub(crate) const PATIENT: [(&str, &str); 3] = [
    ("COMPTOIR__DATABASE__LOCK_TIMEOUT_MS", "60000"),
    ("COMPTOIR__DATABASE__STATEMENT_TIMEOUT_MS", "60000"),
    ("COMPTOIR__DATABASE__WORK_TIMEOUT_MS", "90000"),
];

fn id(resource: &Value) -> &str {
    resource["id"].as_str().unwrap_or_default()
}

async fn limited(api: &Api, code: &str, limit: &str) -> Result<Value> {
    let body = json!({"code": code, "name": "A customer", "email": "c@example.com", "credit_limit": limit});
    api.created("/customers", &body).await
}

async fn set_limit(api: &Api, customer: &Value, limit: Option<&str>) -> Result<()> {
    let path = format!("/customers/{}", id(customer));
    let answer = api.http.send(Method::PATCH, &path, &[], Some(&json!({"credit_limit": limit}))).await?;
    ensure!(answer.status == 200, "{} {}", answer.status, answer.text);
    Ok(())
}

async fn hold_orders(api: &Api) -> Result<()> {
    let body = json!({"credit_limit_action": "hold"});
    let answer = api.http.send(Method::PATCH, "/tenant", &[], Some(&body)).await?;
    ensure!((answer.status, answer.field("credit_limit_action")) == (200, "hold"), "{}", answer.text);
    Ok(())
}

/// The limit, what the open orders come to, what is left, and how many orders are held.
async fn credit(api: &Api, customer: &Value) -> Result<String> {
    let answer = api.http.get(&format!("/customers/{}/credit", id(customer))).await?;
    ensure!(answer.status == 200, "{} {}", answer.status, answer.text);
    ensure!(answer.field("currency") == "EUR", "{}", answer.text);
    let amount = |name: &str| answer.json[name].as_str().unwrap_or("-").to_owned();
    let [limit, exposure, available] = ["credit_limit", "exposure", "available"].map(amount);
    Ok(format!("{limit} {exposure} {available} {}", answer.json["held_orders"]))
}

fn order_of(customer: &Value, lines: &[(&Value, &str)]) -> Value {
    let line =
        |(product, quantity): &(&Value, &str)| json!({"product_id": product["id"], "quantity": quantity});
    json!({"customer_id": customer["id"], "lines": lines.iter().map(line).collect::<Vec<_>>()})
}

async fn step(api: &Api, order: &Value, step: &str) -> Result<Answer> {
    let body = (step == "cancel").then(|| json!({"reason": "changed their mind"}));
    api.http.send(Method::POST, &format!("/orders/{}/{step}", id(order)), &[], body.as_ref()).await
}

async fn done(api: &Api, order: &Value, name: &str) -> Result<Value> {
    let answer = step(api, order, name).await?;
    ensure!(answer.status == 200, "{name}: {} {}", answer.status, answer.text);
    Ok(answer.json)
}

/// What is on hand of a product, and what of it is reserved.
async fn stock_of(api: &Api, product: &Value) -> Result<String> {
    let found = api.http.get(&format!("/stock?product_id={}", id(product))).await?.json;
    let level = found["data"].get(0).context("no stock")?;
    Ok(["on_hand", "reserved"].map(|name| level[name].as_str().unwrap_or("?")).join(" "))
}

/// How many answers have each status and code, such as `201  5, 409 credit_limit_exceeded 11`.
fn tally(answers: &[Answer]) -> String {
    let mut found = std::collections::BTreeMap::new();
    for answer in answers {
        *found.entry(format!("{} {}", answer.status, answer.code())).or_insert(0) += 1;
    }
    found.iter().map(|(kind, number)| format!("{kind} {number}")).collect::<Vec<_>>().join(", ")
}

pub(crate) fn place(api: &Api, body: Value) -> JoinHandle<Result<Answer>> {
    let http = api.http.clone();
    tokio::spawn(async move { http.post("/orders", &body).await })
}

/// Amends an order of which nobody has changed anything yet.
pub(crate) fn amend(api: &Api, order: &Value, body: Value) -> JoinHandle<Result<Answer>> {
    let (http, path) = (api.http.clone(), format!("/orders/{}", id(order)));
    let first = [("If-Match", "\"1\"")];
    tokio::spawn(async move { http.send(Method::PATCH, &path, &first, Some(&body)).await })
}

/// What raises an order whose first line is one unit.
fn two_units() -> Value {
    json!({"lines": [{"position": 1, "quantity": "2"}]})
}

pub(crate) async fn until_waiting(sql: &Client, number: i64) -> Result<()> {
    until(format!("{number} to wait for a lock"), LIMIT, async || {
        let waiting: i64 = sql.query_one(WAITING, &[]).await?.get(0);
        ensure!(waiting == number, "{waiting} wait");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credit_limit_is_set_and_told_and_taken_away() {
    World::run(async |world| {
        let api = world.api().await?;
        let customer = limited(&api, "C-1", "5000").await?;
        assert_eq!(customer["credit_limit"], "5000.00");
        assert_eq!(credit(&api, &customer).await?, "5000.00 0.00 5000.00 0");
        let csv = api.http.get("/customers.csv").await?.text;
        assert!(csv.contains(",credit_limit,") && csv.contains(",5000.00,"), "{csv}");
        let path = format!("/customers/{}", id(&customer));
        for (limit, code) in [(json!("-1"), "negative"), (json!("1.005"), "too_precise"), (json!(5), "wrong_type")] {
            let refused = api.http.send(Method::PATCH, &path, &[], Some(&json!({"credit_limit": limit}))).await?;
            assert_eq!((refused.status, refused.pointers()), (422, vec!["/credit_limit"]), "{}", refused.text);
            assert_eq!(refused.json["errors"][0]["code"], code, "{}", refused.text);
        }
        set_limit(&api, &customer, None).await?;
        assert_eq!(api.http.get(&path).await?.json["credit_limit"], Value::Null);
        assert_eq!(credit(&api, &customer).await?, "- 0.00 - 0");
        let told = "SELECT string_agg(COALESCE(payload ->> 'credit_limit', 'none'), ' ' ORDER BY seq) FROM outbox_events
            WHERE aggregate_type = 'customer'";
        let told: String = world.sql().await?.query_one(told, &[]).await?.get(0);
        assert_eq!(told, "5000.00 none");
        let nobody = api.http.get(&format!("/customers/{}/credit", uuid::Uuid::now_v7())).await?;
        assert_eq!((nobody.status, nobody.code()), (404, "customer_not_found"));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_may_sets_a_credit_limit() {
    World::run(async |world| {
        let api = world.api().await?;
        let sales = ["customers:read", "customers:write", "orders:prices"];
        let key = api_key(&world.sql().await?, world.tenant().await?.id, &sales).await?;
        let sales = api.http.with_credential(&key);
        let customer = limited(&api, "C-1", "100").await?;
        let path = format!("/customers/{}", id(&customer));
        let body = |limit: Value| json!({"code": "C-2", "name": "N", "email": "n@example.com", "credit_limit": limit});
        for refused in [
            sales.post("/customers", &body(json!("1"))).await?,
            sales.send(Method::PATCH, &path, &[], Some(&json!({"credit_limit": "100.01"}))).await?,
            sales.send(Method::PATCH, &path, &[], Some(&json!({"credit_limit": null}))).await?,
        ] {
            assert_eq!((refused.status, refused.code()), (403, "forbidden"), "{}", refused.text);
            assert_eq!(refused.pointers(), ["/credit_limit"], "{}", refused.text);
        }
        assert_eq!(credit(&api, &customer).await?, "100.00 0.00 100.00 0");
        // As it was, it may be sent.
        assert_eq!(sales.post("/customers", &body(Value::Null)).await?.status, 201);
        let mut read = sales.get(&path).await?.json;
        read["name"] = json!("Another name");
        let changed = sales.send(Method::PUT, &path, &[("If-Match", "*")], Some(&read)).await?;
        assert_eq!((changed.status, changed.field("credit_limit")), (200, "100.00"), "{}", changed.text);
        Ok(())
    })
    .await;
}

/// Imports customers, and returns how many were created and how many refused.
async fn imported(http: &Http, file: &str) -> Result<String> {
    let headers = [("Content-Type", "text/csv")];
    let begun =
        http.raw(Method::POST, "/imports?kind=customers", &headers, Some(file.as_bytes().to_vec())).await?;
    ensure!(begun.status == 202, "{} {}", begun.status, begun.text);
    let path = format!("/imports/{}", begun.field("id"));
    until("the import to finish", LIMIT, async || {
        let import = http.get(&path).await?.json;
        ensure!(import["state"] == "finished", "{import}");
        Ok(format!("{} {}", import["progress"]["created"], import["progress"]["refused"]))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_sets_credit_limits_with_the_rights_of_whoever_sent_it() {
    World::run(async |world| {
        let api = world.api().await?;
        let sales = ["customers:read", "customers:write"];
        let key = api_key(&world.sql().await?, world.tenant().await?.id, &sales).await?;
        let sales = api.http.with_credential(&key);
        let file = "code,name,email,credit_limit\nC-1,A,a@example.com,10\nC-2,B,b@example.com,\n";
        // The row that asks for too much is refused, and the next one is not.
        assert_eq!(imported(&sales, file).await?, "1 1");
        assert_eq!(imported(&api.http, file).await?, "1 1", "C-2 is there");
        let limit_of = async |code: &str| {
            let found = api.http.get(&format!("/customers?code={code}")).await?.json;
            anyhow::Ok(found["data"][0]["credit_limit"].clone())
        };
        assert_eq!((limit_of("C-1").await?, limit_of("C-2").await?), (json!("10.00"), Value::Null));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_passes_the_limit_is_refused_with_the_figures() {
    World::run(async |world| {
        let api = world.api().await?;
        assert_eq!(api.http.get("/tenant").await?.field("credit_limit_action"), "refuse");
        let (customer, tea) = (limited(&api, "C-1", "24").await?, api.stocked_product("TEA").await?);
        api.receive(&tea, "10", "2.00").await?;
        let first = api.created("/orders", &order_of(&customer, &[(&tea, "1")])).await?;
        assert_eq!(first["held_for_approval"], false);
        let refused = api.http.post("/orders", &order_of(&customer, &[(&tea, "2")])).await?;
        assert_eq!((refused.status, refused.code()), (409, "credit_limit_exceeded"), "{}", refused.text);
        let error = &refused.json["errors"][0];
        assert_eq!((&error["pointer"], &error["available"]), (&json!("/lines"), &json!("12.00")));
        assert_eq!(error["credit"], json!({"limit": "24.00", "exposure": "12.00", "total": "24.00"}));
        assert_eq!(stock_of(&api, &tea).await?, "10 1", "nothing is reserved for what is refused");
        // To the last cent.
        let second = api.created("/orders", &order_of(&customer, &[(&tea, "1")])).await?;
        assert_eq!(credit(&api, &customer).await?, "24.00 24.00 0.00 0");

        // What is under way counts, and what has arrived, until it is invoiced; what is cancelled does not.
        let one = order_of(&customer, &[(&tea, "1")]);
        for name in ["confirm", "ship", "deliver"] {
            done(&api, &first, name).await?;
            assert_eq!(api.http.post("/orders", &one).await?.code(), "credit_limit_exceeded", "{name}");
        }
        assert_eq!(credit(&api, &customer).await?, "24.00 24.00 0.00 0");
        done(&api, &second, "cancel").await?;
        assert_eq!(credit(&api, &customer).await?, "24.00 12.00 12.00 0");
        let next = api.created("/orders", &one).await?;
        assert_eq!(api.http.post("/orders", &one).await?.code(), "credit_limit_exceeded");
        done(&api, &next, "cancel").await?;
        api.created("/orders", &one).await?;

        // A limit that is lowered stops what is new, and nothing else; of other customers, nothing.
        set_limit(&api, &customer, Some("10")).await?;
        assert_eq!(credit(&api, &customer).await?, "10.00 24.00 -14.00 0");
        assert_eq!(api.http.post("/orders", &one).await?.code(), "credit_limit_exceeded");
        let other = api.customer("C-2").await?;
        api.created("/orders", &order_of(&other, &[(&tea, "3")])).await?;
        set_limit(&api, &customer, None).await?;
        api.created("/orders", &one).await?;
        api.proof().await?;
        Ok(())
    })
    .await;
}

/// How much of the orders may still be invoiced, as it is stored: the oldest first.
async fn to_invoice(sql: &Client) -> Result<String> {
    let states = "SELECT string_agg(to_invoice, ' ' ORDER BY placed_at) FROM orders";
    Ok(sql.query_one(states, &[]).await?.get::<_, Option<String>>(0).unwrap_or_default())
}

/// An order is not paid because it arrived: it counts until it is invoiced, then the invoice counts until it is paid.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_arrived_counts_until_it_is_invoiced_and_then_until_it_is_paid() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let (customer, tea) = (api.buyer("C-1").await?, api.product_in_stock("TEA", "20").await?);
        set_limit(&api, &customer, Some("48")).await?;
        let sql = world.sql().await?;
        let order = api.created("/orders", &order_of(&customer, &[(&tea, "4")])).await?;
        let one = order_of(&customer, &[(&tea, "1")]);
        let stands = async |limit: &str, states: &str| {
            let (now, stored) = (credit(&api, &customer).await?, to_invoice(&sql).await?);
            ensure!((now.as_str(), stored.as_str()) == (limit, states), "{now}; {stored}");
            anyhow::Ok(())
        };
        for name in ["confirm", "ship", "deliver"] {
            done(&api, &order, name).await?;
            stands("48.00 48.00 0.00 0", "all").await?;
        }
        assert_eq!(api.http.post("/orders", &one).await?.code(), "credit_limit_exceeded");

        // A draft moves nothing; with its number, what it invoices counts with it.
        let line = json!({"source": {"order_id": order["id"], "position": 1}, "product_id": tea["id"], "quantity": "1"});
        let body = json!({"customer_id": customer["id"], "lines": [line]});
        let draft = api.created("/invoices", &body).await?;
        stands("48.00 48.00 0.00 0", "all").await?;
        let part = validated(&api, &draft).await?;
        stands("48.00 48.00 0.00 0", "some").await?;
        let pay = async |amount: &str| {
            let body = json!({"customer_id": customer["id"], "method": "transfer", "amount": amount});
            api.created("/payments", &body).await
        };
        let payment = pay("12.00").await?;
        stands("48.00 36.00 12.00 0", "some").await?;

        let rest = json!({"order_ids": [order["id"]]});
        let invoice = validated(&api, &api.created("/invoices/from-orders", &rest).await?).await?;
        assert_eq!(invoice["gross_total"], "36.00");
        stands("48.00 36.00 12.00 0", "none").await?;
        pay("36.00").await?;
        stands("48.00 0.00 48.00 0", "none").await?;
        let reversal = json!({"reason": "unpaid"});
        api.created(&format!("/payments/{}/reverse", id(&payment)), &reversal).await?;
        stands("48.00 12.00 36.00 0", "none").await?;

        // An amount that is given back leaves nothing to invoice; a quantity that the customer keeps can be invoiced anew, and counts again.
        let note = async |body: Value| {
            let path = format!("/invoices/{}/credit-notes", id(&part));
            validated(&api, &api.created(&path, &body).await?).await
        };
        note(json!({"lines": [{"line": 1, "amount": "5.00"}]})).await?;
        stands("48.00 6.00 42.00 0", "none").await?;
        note(json!({})).await?;
        stands("48.00 12.00 36.00 0", "some").await?;
        validated(&api, &api.created("/invoices/from-orders", &rest).await?).await?;
        stands("48.00 12.00 36.00 0", "none").await?;
        is_sound(world).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_back_or_will_not_leave_does_not_count() {
    World::run(async |world| {
        let api = world.api().await?;
        api.seller().await?;
        let (customer, tea) = (api.buyer("C-1").await?, api.product_in_stock("TEA", "20").await?);
        set_limit(&api, &customer, Some("100")).await?;
        let sql = world.sql().await?;
        let stands = async |limit: &str, states: &str| {
            let (now, stored) = (credit(&api, &customer).await?, to_invoice(&sql).await?);
            ensure!((now.as_str(), stored.as_str()) == (limit, states), "{now}; {stored}");
            anyhow::Ok(())
        };
        let order = api.created("/orders", &order_of(&customer, &[(&tea, "5")])).await?;
        done(&api, &order, "confirm").await?;
        let path = format!("/orders/{}", id(&order));
        let lines = json!({"lines": [{"position": 1, "quantity": "3"}]});
        api.created(&format!("{path}/shipments"), &lines).await?;
        stands("100.00 60.00 40.00 0", "all").await?;
        let rest = api.http.post(&format!("{path}/cancel-rest"), &json!({"reason": "sold out"})).await?;
        ensure!(rest.status == 200, "{}", rest.text);
        stands("100.00 36.00 64.00 0", "some").await?;
        let back = async |quantity: &str| {
            let line = json!({"position": 1, "quantity": quantity, "restock": true});
            api.created(&format!("{path}/returns"), &json!({"reason": "too much", "lines": [line]})).await
        };
        back("1").await?;
        stands("100.00 24.00 76.00 0", "some").await?;
        let orders = json!({"order_ids": [order["id"]]});
        let invoice = validated(&api, &api.created("/invoices/from-orders", &orders).await?).await?;
        assert_eq!(invoice["gross_total"], "24.00");
        stands("100.00 24.00 76.00 0", "none").await?;

        // What is given back for what came back is not to be invoiced anew.
        let late = back("1").await?;
        stands("100.00 24.00 76.00 0", "none").await?;
        api.created(&format!("/returns/{}/credit-note", id(&late)), &json!({})).await?;
        stands("100.00 12.00 88.00 0", "none").await?;

        let whole = api.created("/orders", &order_of(&customer, &[(&tea, "2")])).await?;
        for name in ["confirm", "ship", "deliver"] {
            done(&api, &whole, name).await?;
        }
        stands("100.00 36.00 64.00 0", "none all").await?;
        let line = json!({"position": 1, "quantity": "2", "restock": true});
        let body = json!({"reason": "wrong", "lines": [line]});
        api.created(&format!("/orders/{}/returns", id(&whole)), &body).await?;
        stands("100.00 12.00 88.00 0", "none none").await?;
        is_sound(world).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_is_held_has_its_goods_and_goes_on_once_it_is_approved() {
    World::run(async |world| {
        let api = world.api().await?;
        hold_orders(&api).await?;
        let (customer, tea) = (limited(&api, "C-1", "12").await?, api.stocked_product("TEA").await?);
        api.receive(&tea, "10", "2.00").await?;
        let fits = api.created("/orders", &order_of(&customer, &[(&tea, "1")])).await?;
        let held = api.created("/orders", &order_of(&customer, &[(&tea, "2")])).await?;
        assert_eq!((&fits["held_for_approval"], &held["held_for_approval"]), (&json!(false), &json!(true)));
        assert_eq!((stock_of(&api, &tea).await?, credit(&api, &customer).await?), ("10 3".to_owned(), "12.00 36.00 -24.00 1".to_owned()));
        for name in ["confirm", "ship", "shipments"] {
            let refused = step(&api, &held, name).await?;
            assert_eq!((refused.status, refused.code()), (409, "order_held"), "{name}: {}", refused.text);
        }
        let listed = api.http.get("/orders?held=true").await?.json;
        assert_eq!((&listed["data"][0]["id"], listed["data"].as_array().map(Vec::len)), (&held["id"], Some(1)));
        let of_customer = api.http.get(&format!("/orders?held=true&status=pending&customer_id={}", id(&customer))).await?.json;
        assert_eq!((&of_customer["data"][0]["id"], of_customer["data"].as_array().map(Vec::len)), (&held["id"], Some(1)));

        let sql = world.sql().await?;
        let sales = api_key(&sql, world.tenant().await?.id, &["orders:read", "orders:write", "orders:ship"]).await?;
        let path = format!("/orders/{}/approve", id(&held));
        let refused = api.http.with_credential(&sales).command(&path).await?;
        assert_eq!((refused.status, refused.code()), (403, "forbidden"));
        let late = api.http.send(Method::POST, &path, &[("If-Match", "\"7\"")], None).await?;
        assert_eq!((late.status, late.code()), (412, "version_mismatch"));
        let approved = done(&api, &held, "approve").await?;
        assert_eq!((&approved["held_for_approval"], &approved["version"]), (&json!(false), &json!(2)));
        assert_eq!(credit(&api, &customer).await?, "12.00 36.00 -24.00 0");
        let again = step(&api, &held, "approve").await?;
        assert_eq!((again.status, again.code()), (409, "order_not_held"), "{}", again.text);
        done(&api, &held, "confirm").await?;
        done(&api, &held, "ship").await?;
        assert_eq!(stock_of(&api, &tea).await?, "8 1");

        let told = "SELECT string_agg(event_type, ' ' ORDER BY seq), min(payload ->> 'held_for_approval') FROM outbox_events
            WHERE aggregate_id = $1";
        let told = sql.query_one(told, &[&id(&held)]).await?;
        assert_eq!(
            (told.get::<_, &str>(0), told.get::<_, &str>(1)),
            ("order.placed order.approved order.confirmed order.shipped", "true")
        );
        let trail = "SELECT before ->> 'held_for_approval', after ->> 'held_for_approval' FROM audit_events WHERE action = 'order.approve'";
        let trail = sql.query_one(trail, &[]).await?;
        assert_eq!((trail.get::<_, &str>(0), trail.get::<_, &str>(1)), ("true", "false"));

        // A held order is cancelled as any other.
        let unwanted = api.created("/orders", &order_of(&customer, &[(&tea, "4")])).await?;
        assert_eq!((&unwanted["held_for_approval"], stock_of(&api, &tea).await?), (&json!(true), "8 5".to_owned()));
        let cancelled = done(&api, &unwanted, "cancel").await?;
        assert_eq!((&cancelled["held_for_approval"], stock_of(&api, &tea).await?), (&json!(false), "8 1".to_owned()));
        assert_eq!(credit(&api, &customer).await?, "12.00 36.00 -24.00 0");
        assert_eq!(api.http.get("/orders?held=true").await?.json["data"], json!([]));
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_sixteen_orders_at_once_as_many_are_placed_as_fit() {
    World::run(async |world| {
        let api = world.api().await?;
        let (tea, pot) = (api.stocked_product("TEA").await?, api.stocked_product("POT").await?);
        for product in [&tea, &pot] {
            api.receive(product, "100", "2.00").await?;
        }
        // Five fit. In either order of the products: nobody waits for each other.
        let customer = limited(&api, "C-1", "131.99").await?;
        let bodies = (0..16).map(|number| match number % 2 {
            0 => order_of(&customer, &[(&tea, "1"), (&pot, "1")]),
            _ => order_of(&customer, &[(&pot, "1"), (&tea, "1")]),
        });
        let placings = bodies.map(async |body| api.http.post("/orders", &body).await);
        let answers: Vec<Answer> = join_all(placings).await.into_iter().collect::<Result<_>>()?;
        assert_eq!(tally(&answers), "201  5, 409 credit_limit_exceeded 11");
        assert_eq!(credit(&api, &customer).await?, "131.99 120.00 11.99 0");
        assert_eq!(
            (stock_of(&api, &tea).await?, stock_of(&api, &pot).await?),
            ("100 5".to_owned(), "100 5".to_owned())
        );
        api.proof().await?;

        // The same where they are held: all are placed, and all but one wait, because that fits.
        hold_orders(&api).await?;
        let customer = limited(&api, "C-2", "24").await?;
        let body = order_of(&customer, &[(&tea, "1"), (&pot, "1")]);
        let placings = (0..8).map(async |_| api.http.post("/orders", &body).await);
        let answers: Vec<Answer> = join_all(placings).await.into_iter().collect::<Result<_>>()?;
        assert_eq!(tally(&answers), "201  8");
        assert_eq!(credit(&api, &customer).await?, "24.00 192.00 -168.00 7");
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_holds_while_others_are_cancelled() {
    World::run(async |world| {
        let api = world.api().await?;
        let (tea, customer) = (api.stocked_product("TEA").await?, limited(&api, "C-1", "60").await?);
        api.receive(&tea, "100", "2.00").await?;
        let body = order_of(&customer, &[(&tea, "1")]);
        let mut open = Vec::new();
        for _ in 0..5 {
            open.push(api.created("/orders", &body).await?);
        }
        for _ in 0..3 {
            let cancels = open.iter().map(|order| step(&api, order, "cancel"));
            let placings = (0..16).map(async |_| api.http.post("/orders", &body).await);
            let (cancelled, placed) = futures::join!(join_all(cancels), join_all(placings));
            let cancelled: Vec<Answer> = cancelled.into_iter().collect::<Result<_>>()?;
            ensure!(cancelled.iter().all(|answer| answer.status == 200), "{}", tally(&cancelled));
            let placed: Vec<Answer> = placed.into_iter().collect::<Result<_>>()?;
            let is_known =
                |answer: &&Answer| answer.status == 201 || answer.code() == "credit_limit_exceeded";
            ensure!(placed.iter().filter(is_known).count() == 16, "{}", tally(&placed));
            open =
                placed.into_iter().filter(|answer| answer.status == 201).map(|answer| answer.json).collect();
            // All that were open before are cancelled.
            ensure!(open.len() <= 5, "{} orders of 12.00 are open, with a limit of 60.00", open.len());
            while open.len() < 5 {
                open.push(api.created("/orders", &body).await?);
            }
            assert_eq!(credit(&api, &customer).await?, "60.00 60.00 0.00 0");
            assert_eq!(stock_of(&api, &tea).await?, "100 5");
        }
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_that_is_set_while_an_order_is_under_way_counts_it() {
    World::run(async |world| {
        let api = Api::start(world, &PATIENT).await?;
        let (tea, service) = (api.stocked_product("TEA").await?, api.product("CUT").await?);
        let customer = api.customer("C-1").await?;
        api.receive(&tea, "10", "2.00").await?;
        let (holder, sql) = (world.sql().await?, world.administrator().await?);
        let lock = format!("BEGIN; SELECT FROM stock_levels WHERE product_id = '{}' FOR UPDATE", id(&tea));
        holder.batch_execute(&lock).await?;
        // It has found no limit, is inserted, and waits for its goods.
        let first = place(&api, order_of(&customer, &[(&tea, "1")]));
        until_waiting(&sql, 1).await?;
        set_limit(&api, &customer, Some("12")).await?;
        // It needs no goods, and waits for the first.
        let second = place(&api, order_of(&customer, &[(&service, "1")]));
        until_waiting(&sql, 2).await?;
        holder.batch_execute("COMMIT").await?;
        let (first, second) = (first.await??, second.await??);
        assert_eq!(first.status, 201, "it was placed before: {}", first.text);
        assert_eq!((second.status, second.code()), (409, "credit_limit_exceeded"), "{}", second.text);
        assert_eq!(credit(&api, &customer).await?, "12.00 12.00 0.00 0");
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_found_no_limit_does_not_pass_one_that_was_set_since() {
    World::run(async |world| {
        let api = Api::start(world, &PATIENT).await?;
        let (service, customer) = (api.product("CUT").await?, api.customer("C-1").await?);
        let (holder, sql) = (world.sql().await?, world.administrator().await?);
        // Its first order marks a product as ordered, behind the look at the limit and before the order is inserted.
        let lock = format!("BEGIN; SELECT FROM products WHERE id = '{}' FOR NO KEY UPDATE", id(&service));
        holder.batch_execute(&lock).await?;
        let order = place(&api, order_of(&customer, &[(&service, "1")]));
        until_waiting(&sql, 1).await?;
        set_limit(&api, &customer, Some("11.99")).await?;
        holder.batch_execute("COMMIT").await?;
        let refused = order.await??;
        assert_eq!((refused.status, refused.code()), (409, "credit_limit_exceeded"), "{}", refused.text);
        assert_eq!(credit(&api, &customer).await?, "11.99 0.00 11.99 0");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_amendment_that_passes_the_limit_is_refused_or_held_again() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, tea) = (limited(&api, "C-1", "24").await?, api.product_in_stock("TEA", "10").await?);
        let order = api.created("/orders", &order_of(&customer, &[(&tea, "1")])).await?;
        done(&api, &order, "confirm").await?;
        let path = format!("/orders/{}", id(&order));
        let amend = async |quantity: &str| {
            let body = json!({"lines": [{"position": 1, "quantity": quantity}]});
            api.http.send(Method::PATCH, &path, &[("If-Match", "*")], Some(&body)).await
        };
        let refused = amend("3").await?;
        assert_eq!((refused.status, refused.code()), (409, "credit_limit_exceeded"), "{}", refused.text);
        let figures = json!({"limit": "24.00", "exposure": "0.00", "total": "36.00"});
        assert_eq!(refused.json["errors"][0]["credit"], figures, "{}", refused.text);
        assert_eq!(stock_of(&api, &tea).await?, "10 1");
        // To the last cent.
        let fits = amend("2").await?;
        assert_eq!((fits.status, &fits.json["held_for_approval"]), (200, &json!(false)), "{}", fits.text);

        hold_orders(&api).await?;
        let held = amend("3").await?;
        assert_eq!(
            (held.status, held.field("status"), &held.json["held_for_approval"]),
            (200, "confirmed", &json!(true))
        );
        assert_eq!(credit(&api, &customer).await?, "24.00 36.00 -12.00 1");
        let told = "SELECT string_agg(payload ->> 'held_for_approval', ' ' ORDER BY seq) FROM outbox_events
            WHERE aggregate_id = $1 AND event_type = 'order.amended'";
        let told: String = world.sql().await?.query_one(told, &[&id(&order)]).await?.get(0);
        assert_eq!(told, "false true");
        assert_eq!(step(&api, &order, "ship").await?.code(), "order_held");
        done(&api, &order, "approve").await?;
        done(&api, &order, "ship").await?;
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn amendments_and_orders_of_a_customer_without_a_limit_do_not_wait_for_each_other() {
    World::run(async |world| {
        let api = Api::start(world, &PATIENT).await?;
        let (service, customer) = (api.product("CUT").await?, api.customer("C-1").await?);
        let (tea, pot) = (api.product_in_stock("TEA", "10").await?, api.product_in_stock("POT", "10").await?);
        let order = order_of(&customer, &[(&service, "1")]);
        let (mine, other) = (api.created("/orders", &order).await?, api.created("/orders", &order).await?);
        let (holder, sql) = (world.sql().await?, world.administrator().await?);
        let products = format!("'{}', '{}'", id(&tea), id(&pot));
        let lock = format!("BEGIN; SELECT FROM stock_levels WHERE product_id IN ({products}) FOR UPDATE");
        holder.batch_execute(&lock).await?;
        let placing = place(&api, order_of(&customer, &[(&tea, "1")]));
        until_waiting(&sql, 1).await?;
        let raised = tokio::time::timeout(LIMIT, amend(&api, &mine, two_units())).await;
        let raised = raised.context("an amendment waits for an order of the same customer")???;
        assert_eq!((raised.status, raised.field("gross_total")), (200, "24.00"), "{}", raised.text);

        let with_goods = json!({"lines": [{"position": 1}, {"product_id": pot["id"], "quantity": "1"}]});
        let amending = amend(&api, &other, with_goods);
        until_waiting(&sql, 2).await?;
        let placed = tokio::time::timeout(LIMIT, api.http.post("/orders", &order)).await;
        let placed = placed.context("an order waits for an amendment of the same customer")??;
        assert_eq!(placed.status, 201, "{}", placed.text);
        holder.batch_execute("COMMIT").await?;
        let (placed, amended) = (placing.await??, amending.await??);
        assert_eq!((placed.status, amended.status), (201, 200), "{} {}", placed.text, amended.text);
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_that_is_set_while_an_amendment_is_under_way_counts_it() {
    World::run(async |world| {
        let api = Api::start(world, &PATIENT).await?;
        let (service, customer) = (api.product("CUT").await?, api.customer("C-1").await?);
        let pot = api.product_in_stock("POT", "10").await?;
        let order = order_of(&customer, &[(&service, "1")]);
        let mine = api.created("/orders", &order).await?;
        let (holder, sql) = (world.sql().await?, world.administrator().await?);
        let lock = format!("BEGIN; SELECT FROM stock_levels WHERE product_id = '{}' FOR UPDATE", id(&pot));
        holder.batch_execute(&lock).await?;
        // It has found no limit, and waits for its goods.
        let with_goods = json!({"lines": [{"position": 1}, {"product_id": pot["id"], "quantity": "1"}]});
        let amending = amend(&api, &mine, with_goods);
        until_waiting(&sql, 1).await?;
        set_limit(&api, &customer, Some("24")).await?;
        // It would fit beside what the first came to before.
        let second = place(&api, order);
        until_waiting(&sql, 2).await?;
        holder.batch_execute("COMMIT").await?;
        let (amended, second) = (amending.await??, second.await??);
        assert_eq!(amended.status, 200, "it was amended before: {}", amended.text);
        assert_eq!((second.status, second.code()), (409, "credit_limit_exceeded"), "{}", second.text);
        assert_eq!(credit(&api, &customer).await?, "24.00 24.00 0.00 0");
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_amendment_that_found_no_limit_does_not_pass_one_that_was_set_since() {
    World::run(async |world| {
        let api = Api::start(world, &PATIENT).await?;
        let (service, customer) = (api.product("CUT").await?, api.customer("C-1").await?);
        let mine = api.created("/orders", &order_of(&customer, &[(&service, "1")])).await?;
        let (holder, sql) = (world.sql().await?, world.administrator().await?);
        // Between its look at the limit and its lock of the customer.
        let limit = format!(
            "BEGIN; SELECT FROM customers WHERE id = '{0}' FOR UPDATE; UPDATE customers SET credit_limit = 23.99 WHERE id = '{0}'",
            id(&customer)
        );
        holder.batch_execute(&limit).await?;
        let amending = amend(&api, &mine, two_units());
        until_waiting(&sql, 1).await?;
        holder.batch_execute("COMMIT").await?;
        let refused = amending.await??;
        assert_eq!((refused.status, refused.code()), (409, "credit_limit_exceeded"), "{}", refused.text);
        assert_eq!(credit(&api, &customer).await?, "23.99 12.00 11.99 0");
        Ok(())
    })
    .await;
}

/// What open orders come to is what was sold for how much: who only prepares orders does not see it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_exposure_is_for_those_who_see_prices() {
    World::run(async |world| {
        let api = world.api().await?;
        let customer = limited(&api, "C-1", "5000").await?;
        let path = format!("/customers/{}/credit", id(&customer));
        let (sql, tenant) = (world.sql().await?, world.tenant().await?.id);
        for (permissions, status) in
            [(["customers:read", "orders:read"], 403), (["customers:read", "orders:prices"], 200)]
        {
            let key = api_key(&sql, tenant, &permissions).await?;
            let answer = api.http.with_credential(&key).get(&path).await?;
            assert_eq!(answer.status, status, "{permissions:?}: {}", answer.text);
        }
        Ok(())
    })
    .await;
}
