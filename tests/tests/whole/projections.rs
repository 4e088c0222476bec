//! The reports, from the commands over RabbitMQ to what is read: what they say is what the write model says, whatever happens on the way.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{
    Api, Http, PrivateServices, Relay, Tenant, World, projections_are_right, until, wrong_with_projections,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

const LIMIT: Duration = Duration::from_secs(60);

/// An API that keeps projections, with short waits.
async fn api(world: &World) -> Result<Api> {
    Api::start(world, &environment(world)).await
}

fn environment(world: &World) -> [(&'static str, &str); 6] {
    [
        ("AMQP_URL", &world.vhost().url),
        ("COMPTOIR__PROJECTIONS__POLL_INTERVAL_MS", "200"),
        ("COMPTOIR__PROJECTIONS__MAX_ATTEMPTS", "3"),
        ("COMPTOIR__PROJECTIONS__RETRY_MIN_MS", "100"),
        ("COMPTOIR__PROJECTIONS__RETRY_MAX_MS", "200"),
        ("COMPTOIR__PROJECTIONS__VERIFY_INTERVAL_MS", "500"),
    ]
}

/// Before anything is published: an event that no queue is bound for becomes a dead letter of the relay.
async fn built(sql: &Client) -> Result<()> {
    until("the projections to be built", LIMIT, async || {
        let built = "SELECT built_at IS NOT NULL AND wanted IS NULL FROM projection_state";
        ensure!(sql.query_one(built, &[]).await?.get::<_, bool>(0), "they are not");
        Ok(())
    })
    .await
}

fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap()
}

/// Moves an order on by a number of steps.
async fn moved(http: &Http, order: &Value, steps: usize) -> Result<()> {
    let path = format!("/orders/{}", id(order));
    for step in ["confirm", "ship", "deliver"].into_iter().take(steps) {
        let body = if step == "ship" { json!({"tracking_number": "T-1"}) } else { json!({}) };
        let answer = http.post(&format!("{path}/{step}"), &body).await?;
        ensure!(answer.status == 200, "{step}: {}", answer.text);
    }
    Ok(())
}

async fn cancelled(http: &Http, order: &Value) -> Result<()> {
    let answer =
        http.post(&format!("/orders/{}/cancel", id(order)), &json!({"reason": "the customer left"})).await?;
    ensure!(answer.status == 200, "{}", answer.text);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reports_say_what_happened_and_a_replay_changes_nothing() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let api = api(world).await?;
        built(&sql).await?;
        let _relay = world.relay().await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        let (idle, gone) = (api.customer("C-2").await?, api.product("P-2").await?);
        for steps in 0..4 {
            let order = api.order(&customer, &product).await?;
            moved(&api.http, &order, steps).await?;
            if steps < 2 {
                cancelled(&api.http, &order).await?;
            }
        }
        let headers = [("If-Match", "*")];
        let renamed = json!({"name": "Another name"});
        api.http
            .send(Method::PATCH, &format!("/products/{}", id(&product)), &headers, Some(&renamed))
            .await?;
        api.http.send(Method::DELETE, &format!("/products/{}", id(&gone)), &headers, None).await?;
        projections_are_right(world, LIMIT).await?;

        let days = api.http.get("/reports/sales-by-day").await?.json;
        assert_eq!(days["data"][0]["orders"], 2, "{days}");
        assert_eq!(days["data"][0]["gross_total"], "48.00", "{days}");
        assert_eq!(days["data"][0]["cancelled_orders"], 2, "{days}");
        let products = api.http.get("/reports/sales-by-product").await?.json;
        assert_eq!(
            (products["data"].as_array().unwrap().len(), &products["data"][0]["quantity"]),
            (1, &json!("4"))
        );
        assert_eq!(products["data"][0]["name"], "Another name");
        let path = format!("/reports/customer-activity?customer_id={}", id(&idle));
        assert_eq!(api.http.get(&path).await?.json["data"][0]["orders"], 0);
        let steps = api.http.get("/reports/order-timelines?limit=3&sort=occurred_at").await?.json;
        let next = format!(
            "/reports/order-timelines?sort=occurred_at&cursor={}",
            steps["next_cursor"].as_str().unwrap()
        );
        let rest = api.http.get(&next).await?.json;
        let events = |page: &Value| page["data"].as_array().unwrap().len();
        assert_eq!(events(&steps) + events(&rest), 4 + 1 + 2 + 3 + 2, "{steps} {rest}");
        let csv = api.http.get("/reports/sales-by-product.csv").await?;
        assert!(
            csv.text.starts_with("product_id,sku,name,archived,currency,orders,quantity,net_total"),
            "{}",
            csv.text
        );
        let request: String = steps["data"][0]["request_id"].as_str().unwrap().to_owned();
        let audited = "SELECT count(*) FROM audit_events WHERE request_id = $1 AND action = 'order.place'";
        assert_eq!(sql.query_one(audited, &[&request]).await?.get::<_, i64>(0), 1, "who did it can be found");

        let before: i64 = sql.query_one("SELECT count(*) FROM projection_inbox", &[]).await?.get(0);
        let applied: i64 = sql.query_one("SELECT applied FROM projection_state", &[]).await?.get(0);
        let exit = world.run_relay(&["replay", "--since", "2000-01-01T00:00:00Z"]).await?;
        ensure!(exit.code == Some(0), "{exit:?}");
        api.customer("C-3").await?;
        until("what was published behind the replay", LIMIT, async || {
            let after: i64 = sql.query_one("SELECT applied FROM projection_state", &[]).await?.get(0);
            ensure!(after == applied + 1, "{after}");
            Ok(())
        })
        .await?;
        let after: i64 = sql.query_one("SELECT count(*) FROM projection_inbox", &[]).await?.get(0);
        assert_eq!(after, before + 1, "each message is there once");
        projections_are_right(world, LIMIT).await
    })
    .await;
}

/// Versions that commands on shipments and returns cause are steps of the order, live as after a rebuild.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_line_of_an_order_that_leaves_in_parts_is_the_same_after_a_rebuild() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let api = api(world).await?;
        built(&sql).await?;
        let _relay = world.relay().await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        let one = json!({"tracking_number": "T-1", "lines": [{"position": 1, "quantity": "1"}]});
        let reason = json!({"reason": "the customer left"});
        let line = json!({"position": 1, "quantity": "1", "restock": true});
        let back = json!({"reason": "wrong size", "lines": [line]});
        for rest in ["shipments", "ship", "cancel-rest"] {
            let order = api.order(&customer, &product).await?;
            moved(&api.http, &order, 1).await?;
            let path = format!("/orders/{}", id(&order));
            let shipment = api.created(&format!("{path}/shipments"), &one).await?;
            let body = if rest == "cancel-rest" { reason.clone() } else { json!({}) };
            let answer = api.http.post(&format!("{path}/{rest}"), &body).await?;
            ensure!(answer.status < 300, "{rest}: {}", answer.text);
            api.created(&format!("{path}/returns"), &back).await?;
            let arrived = api.http.command(&format!("/shipments/{}/deliver", id(&shipment))).await?;
            ensure!(arrived.status == 200, "{}", arrived.text);
        }
        projections_are_right(world, LIMIT).await?;
        let compared = world.run_api(&["projections", "rebuild", "--compare"]).await?;
        ensure!(compared.code == Some(0) && compared.stdout.contains(" 0 rows differ"), "{compared:?}");
        Ok(())
    })
    .await;
}

/// What an amendment changes is counted by the difference, and is the same after a rebuild: the amounts, the products, those that are in
/// no line any more, and what the steps of before are called.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_amended_order_counts_as_it_is_now() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let api = api(world).await?;
        built(&sql).await?;
        let _relay = world.relay().await?;
        let (customer, one) = (api.customer("C-1").await?, api.product("P-1").await?);
        let (other, third) = (api.product("P-2").await?, api.product("P-3").await?);
        let order = api.order(&customer, &one).await?;
        let path = format!("/orders/{}", id(&order));
        let amend = async |body: Value| -> Result<()> {
            let answer = api.http.send(Method::PATCH, &path, &[("If-Match", "*")], Some(&body)).await?;
            ensure!(answer.status == 200, "{}", answer.text);
            Ok(())
        };
        let lines =
            json!([{"position": 1, "quantity": "3"}, {"product_id": other["id"], "quantity": "1", "unit_price": "5"}]);
        amend(json!({"reference": "FIRST", "lines": lines})).await?;
        // Two of them are in no line any more.
        let lines = json!([{"product_id": third["id"], "quantity": "2", "unit_price": "5"}]);
        amend(json!({"reference": "SECOND", "lines": lines})).await?;
        projections_are_right(world, LIMIT).await?;
        let days = api.http.get("/reports/sales-by-day").await?.json;
        assert_eq!((&days["data"][0]["orders"], &days["data"][0]["net_total"]), (&json!(1), &json!("10.00")), "{days}");
        let products = api.http.get("/reports/sales-by-product?sort=sku").await?.json;
        let sold = |product: &Value| format!("{} {} {}", product["sku"], product["orders"], product["quantity"]);
        let sold: Vec<String> = products["data"].as_array().into_iter().flatten().map(sold).collect();
        assert_eq!(sold, [r#""P-1" 0 "0""#, r#""P-2" 0 "0""#, r#""P-3" 1 "2""#]);
        let steps = api.http.get(&format!("/reports/order-timelines?order_id={}&sort=occurred_at", id(&order))).await?.json;
        let step = |step: &Value| format!("{} {}", step["event"], step["reference"]);
        let steps: Vec<String> = steps["data"].as_array().into_iter().flatten().map(step).collect();
        let amended = r#""order.amended" "SECOND""#;
        assert_eq!(steps, [r#""order.placed" "SECOND""#, amended, amended]);
        let compared = world.run_api(&["projections", "rebuild", "--compare"]).await?;
        ensure!(compared.code == Some(0) && compared.stdout.contains(" 0 rows differ"), "{compared:?}");

        // A cancelled order takes back what it was last.
        cancelled(&api.http, &order).await?;
        projections_are_right(world, LIMIT).await?;
        let compared = world.run_api(&["projections", "rebuild", "--compare"]).await?;
        ensure!(compared.code == Some(0), "{compared:?}");
        Ok(())
    })
    .await;
}

/// Invoices and payments are told once each, at whatever version.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_invoiced_and_paid_is_the_same_after_a_rebuild() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let api = api(world).await?;
        built(&sql).await?;
        let _relay = world.relay().await?;
        api.seller().await?;
        let (customer, other, tea) =
            (api.buyer("C-1").await?, api.buyer("C-2").await?, api.product("TEA").await?);
        for buyer in [&customer, &customer, &other] {
            let draft = api.invoice(buyer, &tea).await?;
            // Drafts that are changed raise the version, and nothing is told of them.
            let path = format!("/invoices/{}", id(&draft));
            let note = json!({"note": "Merci"});
            api.http.send(Method::PATCH, &format!("{path}/draft"), &[("If-Match", "*")], Some(&note)).await?;
            let answer = api.http.command(&format!("{path}/validate")).await?;
            ensure!(answer.status == 200, "{}", answer.text);
        }
        let payment = json!({"customer_id": customer["id"], "method": "transfer", "amount": "30.00"});
        api.created("/payments", &payment).await?;
        let wrong = api.created("/payments", &payment).await?;
        let path = format!("/payments/{}/reverse", id(&wrong));
        api.created(&path, &json!({"reason": "unpaid"})).await?;
        projections_are_right(world, LIMIT).await?;
        let owed = api.http.get("/reports/receivables").await?.json;
        let of =
            |row: &Value| format!("{} {} {} {}", row["invoiced"], row["credited"], row["paid"], row["open"]);
        let owed: Vec<String> = owed["data"].as_array().into_iter().flatten().map(of).collect();
        assert_eq!(owed, [r#""24.00" "0.00" "0.00" "24.00""#, r#""48.00" "0.00" "30.00" "18.00""#]);
        let months =
            api.http.get(&format!("/reports/sales-by-month?customer_id={}", id(&customer))).await?.json;
        let month = &months["data"][0];
        assert_eq!(
            (&month["documents"], &month["net_total"], &month["vat_total"]),
            (&json!(2), &json!("40.00"), &json!("8.00"))
        );
        let compared = world.run_api(&["projections", "rebuild", "--compare"]).await?;
        ensure!(compared.code == Some(0) && compared.stdout.contains(" 0 rows differ"), "{compared:?}");
        let rebuilt = world.run_api(&["projections", "rebuild"]).await?;
        ensure!(rebuilt.code == Some(0), "{rebuilt:?}");
        projections_are_right(world, LIMIT).await
    })
    .await;
}

/// Writes an event as another program may.
async fn written(
    sql: &Client,
    tenant: Uuid,
    aggregate: Uuid,
    version: i64,
    event: &str,
    payload: &Value,
) -> Result<String> {
    let kind = event.split('.').next().unwrap();
    let row = sql
        .query_one(
            "INSERT INTO outbox_events (tenant_id, aggregate_type, aggregate_id, aggregate_version, event_type, payload)
            VALUES ($1::text::uuid, $2, $3, $4, $5, $6::text::json) RETURNING id::text",
            &[&tenant.to_string(), &kind, &aggregate.to_string(), &version, &event, &payload.to_string()],
        )
        .await?;
    Ok(row.get(0))
}

fn known_customer(number: i64) -> Value {
    json!({"code": "X", "name": format!("Name {number}"), "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"})
}

async fn states(sql: &Client, aggregate: Uuid) -> Result<String> {
    let states =
        "SELECT COALESCE(string_agg(aggregate_version || ' ' || state, ', ' ORDER BY aggregate_version), '')
        FROM projection_inbox WHERE aggregate_id = $1";
    Ok(sql.query_one(states, &[&aggregate.to_string()]).await?.get(0))
}

async fn become_so(sql: &Client, aggregate: Uuid, expected: &str) -> Result<()> {
    until(expected, LIMIT, async || {
        let found = states(sql, aggregate).await?;
        ensure!(found == expected, "{found}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_fails_holds_its_own_aggregate_until_somebody_decides() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let (api, tenant) = (api(world).await?, world.tenant().await?.id);
        built(&sql).await?;
        let _relay = world.relay().await?;
        let [bad, worse] = [Uuid::now_v7(), Uuid::now_v7()];
        let broken = written(&sql, tenant, bad, 1, "customer.created", &json!({"code": 1})).await?;
        written(&sql, tenant, bad, 2, "customer.updated", &known_customer(2)).await?;
        let unreadable = written(&sql, tenant, worse, 1, "customer.created", &json!([])).await?;
        let customer = api.customer("C-1").await?;
        become_so(&sql, bad, "1 dead, 2 waiting").await?;
        become_so(&sql, worse, "1 dead").await?;
        become_so(&sql, Uuid::try_parse(id(&customer))?, "1 applied").await?;

        let dead = api.http.get("/projection-events?state=dead").await?.json;
        assert_eq!(dead["data"].as_array().unwrap().len(), 2, "{dead}");
        let one = api.http.get(&format!("/projection-events/{broken}")).await?.json;
        assert_eq!((&one["state"], &one["attempts"]), (&json!("dead"), &json!(3)), "{one}");
        assert!(one["last_error"].as_str().unwrap().contains("not what its type says"), "{one}");
        let stranger = api.http.with_credential(&Tenant::create(&sql, "Other").await?.api_key);
        assert_eq!(stranger.get(&format!("/projection-events/{broken}")).await?.status, 404);
        assert_eq!(stranger.command(&format!("/projection-events/{broken}/discard")).await?.status, 404);

        let again = api.http.command(&format!("/projection-events/{broken}/requeue")).await?;
        assert_eq!((again.status, &again.json["state"]), (200, &json!("waiting")), "{}", again.text);
        until("it to be dead again", LIMIT, async || {
            let one = api.http.get(&format!("/projection-events/{broken}")).await?.json;
            ensure!(one["state"] == "dead" && one["attempts"] == 3, "{one}");
            Ok(())
        })
        .await?;
        assert_eq!(api.http.command(&format!("/projection-events/{broken}/discard")).await?.status, 200);
        become_so(&sql, bad, "1 discarded, 2 applied").await?;
        let done = api.http.command(&format!("/projection-events/{broken}/requeue")).await?;
        assert_eq!((done.status, done.code()), (409, "projection_event_state_conflict"));

        let listed = world.run_api(&["projections", "list", "--json"]).await?;
        let listed: Value = serde_json::from_str(&listed.stdout).context(listed.stderr)?;
        assert_eq!(
            (&listed[0]["id"], &listed[0]["tenant_id"]),
            (&json!(unreadable), &json!(tenant)),
            "{listed}"
        );
        let shown = world.run_api(&["projections", "show", &unreadable]).await?;
        assert!(shown.stdout.contains("\"payload\": []"), "{shown:?}");
        let decided = world.run_api(&["projections", "discard", &unreadable]).await?;
        ensure!(decided.code == Some(0), "{decided:?}");
        become_so(&sql, worse, "1 discarded").await?;
        let audited = "SELECT count(*) FROM audit_events WHERE action LIKE 'projection_event.%'";
        assert_eq!(sql.query_one(audited, &[]).await?.get::<_, i64>(0), 3);

        // The write model knows nothing of those customers.
        let rebuilt = world.run_api(&["projections", "rebuild"]).await?;
        ensure!(rebuilt.code == Some(0) && !rebuilt.stdout.contains("of about 0"), "{rebuilt:?}");
        projections_are_right(world, LIMIT).await
    })
    .await;
}

/// What `api services status projections` says of each process: its state, its health, whether it is connected.
async fn processes(world: &World) -> Result<Vec<(String, String, bool)>> {
    let said = world.run_api(&["services", "status", "projections", "--json"]).await?;
    let said: Value = serde_json::from_str(&said.stdout).context(said.stderr)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut found: Vec<_> = said["processes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| (text(&one["state"]), text(&one["health"]), one["info"]["connected"] == true))
        .collect();
    found.sort();
    Ok(found)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_stands_by_is_well() {
    World::run(async |world| {
        let [first, second] = [api(world).await?, api(world).await?];
        let expected =
            [("running".to_owned(), "ok".to_owned(), true), ("standby".to_owned(), "ok".to_owned(), false)];
        until("one to receive, and the other to stand by", LIMIT, async || {
            let found = processes(world).await?;
            ensure!(found == expected, "{found:?}");
            for api in [&first, &second] {
                let health = api.operations.get("//health").await?;
                ensure!(health.json["status"] == "ok", "{}", health.text);
            }
            Ok(())
        })
        .await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_has_not_arrived_is_noticed_and_waited_for() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let (api, tenant) = (api(world).await?, world.tenant().await?.id);
        built(&sql).await?;
        let _relay = world.relay().await?;
        let customer = Uuid::now_v7();
        written(&sql, tenant, customer, 1, "customer.created", &known_customer(1)).await?;
        let third = written(&sql, tenant, customer, 3, "customer.updated", &known_customer(3)).await?;
        written(&sql, tenant, customer, 4, "customer.updated", &known_customer(4)).await?;
        until("the hole to be noticed", LIMIT, async || {
            let one = api.http.get(&format!("/projection-events/{third}")).await?.json;
            ensure!(one["missing_version"] == 2 && one["attempts"] == 0, "{one}");
            Ok(())
        })
        .await?;
        let status = world.run_api(&["projections", "status", "--json"]).await?;
        let status: Value = serde_json::from_str(&status.stdout).context(status.stderr)?;
        assert_eq!(
            (&status["inbox"]["waiting"], &status["inbox"]["behind_a_hole"]),
            (&json!(2), &json!(1)),
            "{status}"
        );
        assert_eq!(states(&sql, customer).await?, "1 applied, 3 waiting, 4 waiting");
        written(&sql, tenant, customer, 2, "customer.updated", &known_customer(2)).await?;
        become_so(&sql, customer, "1 applied, 2 applied, 3 applied, 4 applied").await?;
        let path = format!("/reports/customer-activity?customer_id={customer}");
        assert_eq!(api.http.get(&path).await?.json["data"][0]["name"], "Name 4");
        Ok(())
    })
    .await;
}

/// Clients of a company that never stop: they place orders, move them on, and change and delete what is there.
struct Traffic<'a> {
    http: &'a Http,
    stop: &'a AtomicBool,
    commands: &'a AtomicUsize,
}

impl Traffic<'_> {
    /// An answer that is none, because a process was killed, is one of the faults.
    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Option<Value> {
        let answer = self.http.send(method, path, &[("If-Match", "*")], body).await.ok()?;
        self.commands.fetch_add(usize::from(answer.status < 300), Ordering::Relaxed);
        (answer.status < 300).then_some(answer.json)
    }

    async fn run(&self, seed: u64) {
        let mut dice = StdRng::seed_from_u64(seed);
        let (mut customers, mut products, mut orders) = (Vec::new(), Vec::new(), Vec::<String>::new());
        while !self.stop.load(Ordering::Relaxed) {
            let name = format!("{seed}-{}", dice.random_range(0..u64::MAX));
            let pick = |dice: &mut StdRng, from: &[String]| {
                from.get(dice.random_range(0..from.len().max(1))).cloned()
            };
            match dice.random_range(0..22) {
                0 => {
                    let body = json!({"code": name, "name": name, "email": "a@b.example"});
                    let made = self.send(Method::POST, "/customers", Some(&body)).await;
                    customers.extend(made.and_then(|made| made["id"].as_str().map(str::to_owned)));
                }
                1 => {
                    let body = json!({
                        "sku": name, "name": name, "unit_price": "3.33", "vat_rate": "5.5", "stocked": false, "quantity_decimals": 1,
                    });
                    let made = self.send(Method::POST, "/products", Some(&body)).await;
                    products.extend(made.and_then(|made| made["id"].as_str().map(str::to_owned)));
                }
                2 => {
                    let Some(id) = pick(&mut dice, &customers) else { continue };
                    self.send(Method::PATCH, &format!("/customers/{id}"), Some(&json!({"name": name}))).await;
                }
                3 => {
                    let Some(id) = pick(&mut dice, &products) else { continue };
                    self.send(Method::PATCH, &format!("/products/{id}"), Some(&json!({"name": name}))).await;
                }
                // Refused where there are orders.
                4 => {
                    let Some(id) = pick(&mut dice, &customers) else { continue };
                    self.send(Method::DELETE, &format!("/customers/{id}"), None).await;
                }
                5 => {
                    let Some(id) = pick(&mut dice, &products) else { continue };
                    let (method, path) = if dice.random_bool(0.5) {
                        (Method::DELETE, format!("/products/{id}"))
                    } else {
                        (Method::POST, format!("/products/{id}/archive"))
                    };
                    self.send(method, &path, None).await;
                }
                6..12 => {
                    let Some(customer) = pick(&mut dice, &customers) else { continue };
                    let lines = dice.random_range(1..4);
                    let line = |dice: &mut StdRng| {
                        Some(json!({"product_id": pick(dice, &products)?, "quantity": "1.5"}))
                    };
                    let lines: Vec<Value> = (0..lines).filter_map(|_| line(&mut dice)).collect();
                    let body = json!({"customer_id": customer, "lines": lines});
                    let made = self.send(Method::POST, "/orders", Some(&body)).await;
                    orders.extend(made.and_then(|made| made["id"].as_str().map(str::to_owned)));
                }
                // Refused once it has left or is cancelled.
                20 | 21 => {
                    let (Some(id), Some(product)) = (pick(&mut dice, &orders), pick(&mut dice, &products))
                    else {
                        continue;
                    };
                    let line = if dice.random_bool(0.5) {
                        json!({"position": 1, "quantity": "2.5"})
                    } else {
                        json!({"product_id": product, "quantity": "2.5"})
                    };
                    let body = json!({"reference": name, "lines": [line]});
                    self.send(Method::PATCH, &format!("/orders/{id}"), Some(&body)).await;
                }
                step => {
                    let Some(id) = pick(&mut dice, &orders) else { continue };
                    let (verb, body) = match step {
                        12..15 => ("confirm", json!({})),
                        15 | 16 => ("ship", json!({"tracking_number": name})),
                        17 => ("deliver", json!({})),
                        _ => ("cancel", json!({"reason": name})),
                    };
                    self.send(Method::POST, &format!("/orders/{id}/{verb}"), Some(&body)).await;
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_under_load_is_what_the_write_model_says_and_readers_see_no_gap() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let api = api(world).await?;
        built(&sql).await?;
        let _relay = world.relay().await?;
        let (stop, commands) = (AtomicBool::new(false), AtomicUsize::new(0));
        let traffic = Traffic { http: &api.http, stop: &stop, commands: &commands };
        let readers = async {
            while !stop.load(Ordering::Relaxed) {
                let days = api.http.get("/reports/sales-by-day").await?;
                ensure!(days.status == 200, "{}", days.text);
                let orders = days.json["data"].as_array().map_or(0, Vec::len);
                ensure!(orders > 0 || commands.load(Ordering::Relaxed) < 500, "the reports are empty");
            }
            Ok::<_, anyhow::Error>(())
        };
        let rebuilds = async {
            let result = async {
                for number in 1..=3 {
                    let at_least = 300 * number;
                    until("some commands", LIMIT, async || {
                        ensure!(commands.load(Ordering::Relaxed) >= at_least, "{commands:?}");
                        Ok(())
                    })
                    .await?;
                    let exit = world.run_api(&["projections", "rebuild"]).await?;
                    ensure!(exit.code == Some(0), "{exit:?}");
                    // Meanwhile more was applied: at one moment both are the same.
                    let exit = world.run_api(&["projections", "rebuild", "--compare"]).await?;
                    ensure!(exit.code == Some(0) && exit.stdout.contains(" 0 rows differ"), "{exit:?}");
                }
                Ok::<_, anyhow::Error>(())
            };
            let result = result.await;
            stop.store(true, Ordering::Relaxed);
            result
        };
        let (read, rebuilt, ..) =
            futures::join!(readers, rebuilds, traffic.run(1), traffic.run(2), traffic.run(3));
        read?;
        rebuilt?;
        projections_are_right(world, LIMIT).await?;
        let generation: i32 = sql.query_one("SELECT generation FROM projection_state", &[]).await?.get(0);
        until("the other generations to be gone", LIMIT, async || {
            let left = "SELECT count(*) FROM order_timeline WHERE generation <> $1";
            ensure!(sql.query_one(left, &[&generation]).await?.get::<_, i64>(0) == 0, "they are there");
            Ok(())
        })
        .await
    })
    .await;
}

async fn a_comparison_to_wait(sql: &Client) -> Result<()> {
    until("the comparison to wait", LIMIT, async || {
        let waits =
            "SELECT count(*) FROM projection_rebuilds WHERE waits_since IS NOT NULL AND state = 'running'";
        ensure!(sql.query_one(waits, &[]).await?.get::<_, i64>(0) == 1, "it does not");
        Ok(())
    })
    .await
}

/// The write model is ahead of the reports as long as an event is on its way. That is no difference.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_comparison_waits_for_what_is_on_its_way() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let api = api(world).await?;
        built(&sql).await?;
        let relay = world.relay().await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        api.order(&customer, &product).await?;
        projections_are_right(world, LIMIT).await?;
        relay.stop().await?;
        api.order(&customer, &product).await?;
        let go_on = async {
            a_comparison_to_wait(&sql).await?;
            world.relay().await
        };
        let (compared, _relay) =
            futures::try_join!(world.run_api(&["projections", "rebuild", "--compare"]), go_on)?;
        ensure!(compared.code == Some(0) && compared.stdout.contains(" 0 rows differ"), "{compared:?}");
        Ok(())
    })
    .await;
}

/// It would wait for the end of the comparison, and take that for its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_beside_a_comparison_is_refused_and_what_is_wanted_stays_so() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let api = api(world).await?;
        built(&sql).await?;
        let relay = world.relay().await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        projections_are_right(world, LIMIT).await?;
        relay.stop().await?;
        api.order(&customer, &product).await?;
        let meanwhile = async {
            a_comparison_to_wait(&sql).await?;
            sql.execute("UPDATE projection_state SET wanted = 'a test wants it'", &[]).await?;
            let refused = world.run_api(&["projections", "rebuild"]).await?;
            assert_eq!(refused.code, Some(1), "{refused:?}");
            assert!(refused.stderr.contains("a comparison is under way: wait for its end"), "{refused:?}");
            let wanted: Option<String> =
                sql.query_one("SELECT wanted FROM projection_state", &[]).await?.get(0);
            assert_eq!(wanted.as_deref(), Some("a test wants it"));
            world.relay().await
        };
        let compare = ["projections", "rebuild", "--compare"];
        let (compared, _relay) = futures::try_join!(world.run_api(&compare), meanwhile)?;
        ensure!(compared.code == Some(0) && compared.stdout.contains(" 0 rows differ"), "{compared:?}");
        until("what was wanted to be built", LIMIT, async || {
            let done = "SELECT count(*) FROM projection_rebuilds WHERE reason = 'a test wants it' AND NOT only_compare AND state = 'done'";
            ensure!(sql.query_one(done, &[]).await?.get::<_, i64>(0) == 1, "it is not");
            Ok(())
        })
        .await?;
        projections_are_right(world, LIMIT).await
    })
    .await;
}

/// As a decision about a message locks it, and hangs.
async fn locked(sql: &Client, aggregate: Uuid, version: i64) -> Result<()> {
    let lock = format!(
        "BEGIN; SELECT FROM projection_inbox WHERE aggregate_id = '{aggregate}' AND aggregate_version = {version} FOR UPDATE"
    );
    Ok(sql.batch_execute(&lock).await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_somebody_has_locked_holds_up_no_other_company_and_keeps_its_place() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let (_api, tenant) = (api(world).await?, world.tenant().await?.id);
        built(&sql).await?;
        let _relay = world.relay().await?;
        // Its turn comes behind the other's.
        let other = Tenant::create(&sql, "Other").await?.id;
        let (applying, deciding) = (world.sql().await?, world.sql().await?);
        let [here, there] = [Uuid::now_v7(), Uuid::now_v7()];
        // Nobody applies until one is locked.
        applying.batch_execute("BEGIN; SELECT FROM projection_state FOR UPDATE").await?;
        written(&sql, tenant, here, 1, "customer.created", &known_customer(1)).await?;
        written(&sql, tenant, here, 2, "customer.updated", &known_customer(2)).await?;
        become_so(&sql, here, "1 waiting, 2 waiting").await?;
        locked(&deciding, here, 1).await?;
        applying.batch_execute("COMMIT").await?;
        written(&sql, other, there, 1, "customer.created", &known_customer(1)).await?;
        become_so(&sql, there, "1 applied").await?;
        assert_eq!(states(&sql, here).await?, "1 waiting, 2 waiting");
        deciding.batch_execute("COMMIT").await?;
        become_so(&sql, here, "1 applied, 2 applied").await?;

        // One that is not applied itself, but has to be told that the version before it arrived.
        let [here, there] = [Uuid::now_v7(), Uuid::now_v7()];
        written(&sql, tenant, here, 1, "customer.created", &known_customer(1)).await?;
        written(&sql, tenant, here, 3, "customer.updated", &known_customer(3)).await?;
        until("the hole to be noticed", LIMIT, async || {
            let noticed =
                "SELECT count(*) FROM projection_inbox WHERE aggregate_id = $1 AND missing_version = 2";
            ensure!(sql.query_one(noticed, &[&here.to_string()]).await?.get::<_, i64>(0) == 1, "it is not");
            Ok(())
        })
        .await?;
        locked(&deciding, here, 3).await?;
        written(&sql, tenant, here, 2, "customer.updated", &known_customer(2)).await?;
        become_so(&sql, here, "1 applied, 2 waiting, 3 waiting").await?;
        written(&sql, other, there, 1, "customer.created", &known_customer(1)).await?;
        become_so(&sql, there, "1 applied").await?;
        assert_eq!(states(&sql, here).await?, "1 applied, 2 waiting, 3 waiting");
        deciding.batch_execute("COMMIT").await?;
        become_so(&sql, here, "1 applied, 2 applied, 3 applied").await
    })
    .await;
}

/// The guard itself: a row that is wrong is seen, by the test and by the program.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_is_wrong_is_found_and_a_rebuild_puts_it_right() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let api = api(world).await?;
        built(&sql).await?;
        let _relay = world.relay().await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        api.order(&customer, &product).await?;
        projections_are_right(world, LIMIT).await?;
        sql.batch_execute("UPDATE sales_by_day SET orders = orders + 1; DELETE FROM customer_activity")
            .await?;
        assert_eq!(wrong_with_projections(&sql).await?.len(), 3, "two of the day, one of the customer");
        let compared = world.run_api(&["projections", "rebuild", "--compare"]).await?;
        assert!(compared.code == Some(1) && compared.stdout.contains(" 3 rows differ"), "{compared:?}");
        let rebuilt = world.run_api(&["projections", "rebuild"]).await?;
        assert_eq!(rebuilt.code, Some(0), "{rebuilt:?}");
        projections_are_right(world, LIMIT).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_some_faults_the_projections_are_what_the_write_model_says() {
    suffer(Duration::from_secs(20), 7).await;
}

/// PROJECTIONS_SECONDS=1800 is what the product promises.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn after_a_long_time_of_mixed_faults_the_projections_are_what_the_write_model_says() {
    let given = std::env::var("PROJECTIONS_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    suffer(Duration::from_secs(given.unwrap_or(120)), 11).await;
}

/// Traffic and faults at random, for a time; then everything must come right.
#[expect(clippy::panic, reason = "this is how a test fails")]
async fn suffer(time: Duration, seed: u64) {
    let mut broker = tokio::task::block_in_place(|| PrivateServices::start_rabbitmq("")).unwrap();
    let mut world = World::new(broker.services.clone()).await.unwrap();
    // It goes away with its broker.
    world.keep_vhost();
    if let Err(error) = suffered(&world, &mut broker, time, seed).await {
        panic!("{error:?}");
    }
}

async fn suffered(world: &World, broker: &mut PrivateServices, time: Duration, seed: u64) -> Result<()> {
    let sql = world.sql().await?;
    // One takes commands; two others keep the projections, and are killed in turns.
    let front = world.api().await?;
    let mut keepers = [api(world).await?, api(world).await?];
    built(&sql).await?;
    let mut relay = Relay::start(world, &[]).await?;
    let (stop, commands) = (AtomicBool::new(false), AtomicUsize::new(0));
    let traffic = Traffic { http: &front.http, stop: &stop, commands: &commands };
    let faults = async {
        let result = async {
            let (mut dice, end) = (StdRng::seed_from_u64(seed), Instant::now() + time);
            while Instant::now() < end {
                let before = commands.load(Ordering::Relaxed);
                until("traffic beside the faults", LIMIT, async || {
                    ensure!(commands.load(Ordering::Relaxed) >= before + 50, "{commands:?}");
                    Ok(())
                })
                .await?;
                fault(world, broker, &sql, &mut keepers, &mut relay, &mut dice).await?;
            }
            Ok::<_, anyhow::Error>(())
        };
        let result = result.await;
        stop.store(true, Ordering::Relaxed);
        result
    };
    let (result, ..) = futures::join!(faults, traffic.run(seed), traffic.run(seed + 1));
    result?;
    projections_are_right(world, LIMIT).await?;
    let compared = world.run_api(&["projections", "rebuild", "--compare"]).await?;
    ensure!(compared.code == Some(0), "{compared:?}");
    eprintln!("{} commands", commands.load(Ordering::Relaxed));
    Ok(())
}

async fn fault(
    world: &World,
    broker: &mut PrivateServices,
    sql: &Client,
    keepers: &mut [Api; 2],
    relay: &mut Relay,
    dice: &mut StdRng,
) -> Result<()> {
    let which = dice.random_range(0..8);
    match which {
        0 | 1 => {
            let keeper = &mut keepers[usize::from(which == 1)];
            keeper.daemon.kill()?;
            keeper.start_again(world, &environment(world)).await?;
        }
        2 => {
            relay.daemon.kill()?;
            *relay = Relay::start(world, &[]).await?;
        }
        3 => {
            world.vhost().close_connections().await?;
        }
        4 => {
            tokio::task::block_in_place(|| broker.kill())?;
            tokio::task::block_in_place(|| broker.start())?;
        }
        5 => {
            let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND usename IN ('comptoir_tests_services', 'comptoir_tests_api')
                    AND query LIKE '%projection_%'";
            world.administrator().await?.batch_execute(end).await?;
        }
        6 => {
            let exit = world.run_api(&["projections", "rebuild"]).await?;
            // Another one was under way, or the sessions of this one were ended.
            ensure!(exit.code == Some(0) || exit.code == Some(1), "{exit:?}");
        }
        _ => {
            let _ = world.run_relay(&["replay", "--since", "2000-01-01T00:00:00Z"]).await?;
        }
    }
    let dead: i64 =
        sql.query_one("SELECT count(*) FROM projection_inbox WHERE state = 'dead'", &[]).await?.get(0);
    ensure!(dead == 0, "after fault {which}, an event was given up, and none was at fault");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_was_deleted_is_made_anew_and_what_it_held_is_read_from_the_write_model() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let api = api(world).await?;
        built(&sql).await?;
        let relay = world.relay().await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        projections_are_right(world, LIMIT).await?;
        let generation: i32 = sql.query_one("SELECT generation FROM projection_state", &[]).await?.get(0);
        let management = comptoir_tests::harness::Management::new(&world.services.management_url)?;
        let path = format!("queues/{}/commercial-management.projections", world.vhost().name());
        management.call(Method::DELETE, &path, None).await?;
        for _ in 0..20 {
            api.order(&customer, &product).await?;
        }
        until("another generation", LIMIT, async || {
            let now: i32 = sql.query_one("SELECT generation FROM projection_state", &[]).await?.get(0);
            ensure!(now > generation, "{now}");
            Ok(())
        })
        .await?;
        projections_are_right(world, LIMIT).await?;
        relay.stop().await
    })
    .await;
}
