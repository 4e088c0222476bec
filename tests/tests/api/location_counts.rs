//! Counts of locations: what lies in them stays there, and is counted and posted by place. Every test ends with the proof.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Answer, Api, Http, Tenant, World, api_key, until};
use serde_json::{Value, json};

/// An id that nothing has.
const NOBODY: &str = "01900000-0000-7000-8000-0000000000ff";
const LIMIT: Duration = Duration::from_secs(20);
const WAITING: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";

fn id(resource: &Value) -> &str {
    resource["id"].as_str().unwrap_or_default()
}

fn rows(answer: &Answer) -> Result<Vec<Value>> {
    ensure!(answer.status == 200, "{} {}", answer.status, answer.text);
    answer.json["data"].as_array().cloned().with_context(|| answer.text.clone())
}

/// A warehouse with two shelves, and a tea: six in A-01, four in B-01, two in no location.
struct Shelves {
    api: Api,
    main: Value,
    tea: Value,
    near: Value,
    far: Value,
}

impl Shelves {
    async fn fill(world: &World) -> Result<Self> {
        let api = world.api().await?;
        let main =
            rows(&api.http.get("/warehouses?code=MAIN").await?)?.pop().context("no default warehouse")?;
        let tea = api.stocked_product("TEA").await?;
        let (near, far) = (api.location(&main, "A-01").await?, api.location(&main, "B-01").await?);
        let shelves = Self { api, main, tea, near, far };
        shelves.receive(&shelves.tea, "6", &shelves.near).await?;
        shelves.receive(&shelves.tea, "4", &shelves.far).await?;
        shelves.receive(&shelves.tea, "2", &Value::Null).await?;
        Ok(shelves)
    }

    async fn receive(&self, product: &Value, quantity: &str, location: &Value) -> Result<Value> {
        self.api.created("/stock-receipts", &receipt(product, quantity, location)).await
    }

    /// Plans a count of these locations and starts it; it is not blind.
    async fn count(&self, locations: &[&Value]) -> Result<Value> {
        let ids: Vec<&Value> = locations.iter().map(|location| &location["id"]).collect();
        let body = json!({"warehouse_id": self.main["id"], "location_ids": ids, "blind": false});
        let count = self.api.created("/inventory-counts", &body).await?;
        assert_eq!((&count["location_ids"], &count["category_ids"]), (&json!(ids), &Value::Null));
        self.step(&count, "start", json!({})).await
    }

    async fn step(&self, count: &Value, name: &str, body: Value) -> Result<Value> {
        let answer = step(&self.api.http, count, name, &body).await?;
        ensure!(answer.status == 200, "{name}: {} {}", answer.status, answer.text);
        Ok(answer.json)
    }

    async fn lines(&self, count: &Value, filter: &str) -> Result<Vec<String>> {
        let path = format!("/inventory-counts/{}/lines{filter}", id(count));
        Ok(told(&rows(&self.api.http.get(&path).await?)?))
    }

    /// What lies in the shelves, and what is on hand, reserved and waited for.
    async fn stock(&self, product: &Value) -> Result<String> {
        let path = format!("/stock?product_id={}", id(product));
        let stock = rows(&self.api.http.get(&path).await?)?.pop().context("no stock")?;
        let stock = self.api.http.get(&format!("/stock/{}", id(&stock))).await?.json;
        let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
        let mut told = ["on_hand", "reserved", "waiting"].map(|name| text(&stock[name])).to_vec();
        for place in stock["places"].as_array().context("no places")? {
            told.push(format!("{}={}", text(&place["code"]), text(&place["on_hand"])));
        }
        Ok(told.join(" "))
    }

    fn order(&self, customer: &Value, quantity: &str) -> Value {
        json!({"customer_id": customer["id"], "lines": [{"product_id": self.tea["id"], "quantity": quantity}]})
    }
}

fn receipt(product: &Value, quantity: &str, location: &Value) -> Value {
    json!({"lines": [{"product_id": product["id"], "quantity": quantity, "unit_cost": "2.00", "location_id": location["id"]}]})
}

fn relocation(product: &Value, quantity: &str, from: &Value, to: &Value) -> Value {
    json!({"lines": [{"product_id": product["id"], "quantity": quantity, "from_location_id": from["id"], "to_location_id": to["id"]}]})
}

async fn step(http: &Http, count: &Value, name: &str, body: &Value) -> Result<Answer> {
    http.post(&format!("/inventory-counts/{}/{name}", id(count)), body).await
}

fn entry(product: &Value, location: &Value, counted: &str) -> Value {
    json!({"product_id": product["id"], "location_id": location["id"], "counted": counted})
}

/// Of each line: where, SKU, state, counted, expected, difference; by SKU and place.
fn told(lines: &[Value]) -> Vec<String> {
    let told = |line: &Value| {
        let names = ["sku", "location_code", "state", "counted", "expected", "difference"];
        names.map(|name| line[name].as_str().unwrap_or("-")).join(" ")
    };
    let mut told: Vec<String> = lines.iter().map(told).collect();
    told.sort();
    told
}

fn is_frozen(answer: &Answer, count: &Value) {
    assert_eq!((answer.status, answer.code()), (409, "stock_frozen"), "{}", answer.text);
    assert_eq!(answer.json["errors"][0]["inventory_count_id"], count["id"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lies_in_a_location_is_counted_and_posted_there() {
    World::run(async |world| {
        let shelves = Shelves::fill(world).await?;
        let Shelves { api, tea, near, far, .. } = &shelves;
        let pot = api.stocked_product("POT").await?;
        let count = shelves.count(&[near, far]).await?;
        let expected = ["TEA A-01 to_count - - -", "TEA B-01 to_count - - -"];
        assert_eq!(shelves.lines(&count, "").await?, expected, "what lies in no location is not counted");
        assert_eq!(shelves.lines(&count, &format!("?location_id={}", id(far))).await?, expected[1..]);
        // The pot was never in the warehouse.
        let entries =
            json!({"entries": [entry(tea, near, "5"), entry(tea, far, "4"), entry(&pot, far, "3")]});
        let entered = shelves.step(&count, "entries", entries).await?;
        let expected = ["POT B-01 counted 3 0 3", "TEA A-01 counted 5 6 -1", "TEA B-01 counted 4 4 0"];
        assert_eq!(told(entered["lines"].as_array().context("no lines")?), expected);
        shelves.step(&count, "review", json!({})).await?;
        assert_eq!(shelves.lines(&count, "?differs=true").await?, expected[..2]);
        let of_far = format!("?differs=true&state=counted&location_id={}", id(far));
        assert_eq!(shelves.lines(&count, &of_far).await?, expected[..1]);

        // Counted again in one location only.
        let again = json!({"product_ids": [tea["id"]], "location_id": near["id"]});
        shelves.step(&count, "recount", again).await?;
        assert_eq!(shelves.lines(&count, "?state=to_recount").await?, ["TEA A-01 to_recount 5 6 -1"]);
        shelves.step(&count, "entries", json!({"entries": [entry(tea, near, "4")]})).await?;
        shelves.step(&count, "review", json!({})).await?;
        let closed = shelves.step(&count, "close", json!({})).await?;
        assert_eq!((&closed["differing"], &closed["value_lost"]), (&json!(2), &json!("4.00")));
        assert_eq!(shelves.stock(tea).await?, "10 0 0 A-01=4 B-01=4");
        assert_eq!(shelves.stock(&pot).await?, "3 0 0 B-01=3");
        let ledger = format!("/stock-location-movements?document_id={}", id(&count));
        let mut posted: Vec<String> =
            rows(&api.http.get(&ledger).await?)?.iter().map(|row| row["change"].to_string()).collect();
        posted.sort();
        assert_eq!(posted, [r#""-2""#, r#""3""#]);
        let entries = rows(&api.http.get(&format!("/inventory-counts/{}/entries", id(&count))).await?)?;
        assert!(
            entries.len() == 4 && entries.iter().all(|entry| entry["location_id"].is_string()),
            "{entries:?}"
        );
        let sql = world.sql().await?;
        let payload = "SELECT payload::text FROM outbox_events WHERE event_type = 'inventory_count.started'";
        let payload: Value = serde_json::from_str(&sql.query_one(payload, &[]).await?.get::<_, String>(0))?;
        assert_eq!(payload["location_ids"], json!([near["id"], far["id"]]));
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_touch_a_counted_location_is_refused_and_everything_else_goes_on() {
    World::run(async |world| {
        let shelves = Shelves::fill(world).await?;
        let Shelves { api, tea, near, far, .. } = &shelves;
        let customer = api.customer("C-1").await?;
        let count = shelves.count(&[near]).await?;
        let line = |quantity: &str, location: &Value| {
            json!({"reason": "wet", "lines": [{"product_id": tea["id"], "quantity": quantity, "location_id": location["id"]}]})
        };
        for (path, body) in [
            ("/stock-receipts", receipt(tea, "1", near)),
            ("/stock-write-offs", line("1", near)),
            ("/stock-relocations", relocation(tea, "1", near, far)),
            ("/stock-relocations", relocation(tea, "1", &Value::Null, near)),
            // Three are taken: two from no location, and one from the first by code.
            ("/stock-write-offs", line("3", &Value::Null)),
        ] {
            is_frozen(&api.http.post(path, &body).await?, &count);
        }
        let archive = format!("/locations/{}/archive", id(near));
        is_frozen(&api.http.command(&archive).await?, &count);

        // What the location has no part in goes on, of the same product too.
        shelves.receive(tea, "1", &Value::Null).await?;
        api.created("/stock-write-offs", &line("1", far)).await?;
        let small = api.created("/orders", &shelves.order(&customer, "3")).await?;
        api.http.command(&format!("/orders/{}/confirm", id(&small))).await?;
        let shipped = api.http.command(&format!("/orders/{}/ship", id(&small))).await?;
        assert_eq!(shipped.status, 200, "three lie in no location: {}", shipped.text);
        let next = api.created("/orders", &shelves.order(&customer, "1")).await?;
        api.http.command(&format!("/orders/{}/confirm", id(&next))).await?;
        let path = format!("/orders/{}/ship", id(&next));
        is_frozen(&api.http.command(&path).await?, &count);
        api.created("/stock-relocations", &relocation(tea, "1", far, &Value::Null)).await?;
        let shipped = api.http.command(&path).await?;
        assert_eq!(shipped.status, 200, "it lies in no location now: {}", shipped.text);
        assert_eq!(shelves.stock(tea).await?, "8 0 0 A-01=6 B-01=2");

        shelves.step(&count, "cancel", json!({"reason": "a test"})).await?;
        api.created("/stock-relocations", &relocation(tea, "6", near, far)).await?;
        assert_eq!(api.http.command(&archive).await?.status, 200);
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_warehouse_is_counted_nothing_is_put_elsewhere_in_it() {
    World::run(async |world| {
        let shelves = Shelves::fill(world).await?;
        let Shelves { api, main, tea, near, far } = &shelves;
        let count =
            api.created("/inventory-counts", &json!({"warehouse_id": main["id"], "blind": false})).await?;
        shelves.step(&count, "start", json!({})).await?;
        assert_eq!(
            shelves.lines(&count, "").await?,
            ["TEA - to_count - - -"],
            "by product, wherever it lies"
        );
        is_frozen(&api.http.post("/stock-relocations", &relocation(tea, "1", near, far)).await?, &count);
        let named = step(&api.http, &count, "entries", &json!({"entries": [entry(tea, near, "1")]})).await?;
        assert_eq!((named.status, named.pointers()), (422, vec!["/entries/0/location_id"]), "{}", named.text);
        let counted = json!({"entries": [{"product_id": tea["id"], "counted": "3"}]});
        shelves.step(&count, "entries", counted).await?;
        shelves.step(&count, "review", json!({})).await?;
        shelves.step(&count, "close", json!({})).await?;
        assert_eq!(shelves.stock(tea).await?, "3 0 0 B-01=3", "nine are missing: no location, A-01, B-01");
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_is_missing_of_all_is_taken_back_from_orders() {
    World::run(async |world| {
        let shelves = Shelves::fill(world).await?;
        let Shelves { api, tea, near, far, .. } = &shelves;
        let customer = api.customer("C-1").await?;
        api.created("/orders", &shelves.order(&customer, "12")).await?;
        let count = shelves.count(&[near, far]).await?;
        // Five of the first shelf lie in the second: one is missing in all.
        let entries = json!({"entries": [entry(tea, near, "0"), entry(tea, far, "9")]});
        shelves.step(&count, "entries", entries).await?;
        shelves.step(&count, "review", json!({})).await?;
        let closed = shelves.step(&count, "close", json!({})).await?;
        // One of six and five, at 2.00 each.
        assert_eq!((&closed["value_gained"], &closed["value_lost"]), (&json!("0.00"), &json!("2.00")));
        assert_eq!(closed["differing"], 2);
        assert_eq!(shelves.stock(tea).await?, "11 11 1 B-01=9");
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_counted_is_nothing_in_its_location() {
    World::run(async |world| {
        let shelves = Shelves::fill(world).await?;
        let Shelves { api, tea, near, far, .. } = &shelves;
        let count = shelves.count(&[near, far]).await?;
        shelves.step(&count, "entries", json!({"entries": [entry(tea, near, "6")]})).await?;
        let refused = step(&api.http, &count, "review", &json!({})).await?;
        assert_eq!((refused.status, refused.code()), (409, "inventory_count_incomplete"), "{}", refused.text);
        shelves.step(&count, "review", json!({"uncounted": "zero"})).await?;
        assert_eq!(shelves.lines(&count, "").await?, ["TEA A-01 counted 6 6 0", "TEA B-01 counted 0 4 -4"]);
        shelves.step(&count, "close", json!({})).await?;
        assert_eq!(shelves.stock(tea).await?, "8 0 0 A-01=6");
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_count_of_locations_cannot_be_is_said_of_each_member() {
    World::run(async |world| {
        let shelves = Shelves::fill(world).await?;
        let Shelves { api, main, tea, near, far } = &shelves;
        let other = Tenant::create(&world.sql().await?, "Other").await?;
        let stranger = api.http.with_credential(&other.api_key);
        let elsewhere = rows(&stranger.get("/warehouses?code=MAIN").await?)?.pop().context("no warehouse")?;
        let theirs = json!({"warehouse_id": elsewhere["id"], "code": "A-01"});
        let theirs = stranger.post("/locations", &theirs).await?.json;
        let market = api.warehouse("MARKET").await?;
        let stall = api.location(&market, "S-01").await?;
        let category = api.category("K-1", None).await?;
        let ids = |locations: &[&Value]| locations.iter().map(|location| location["id"].clone()).collect::<Vec<_>>();
        for (locations, pointer) in [
            (ids(&[near, &stall]), "/location_ids/1"),
            (ids(&[&theirs, near]), "/location_ids/0"),
            (ids(&[near, far, near]), "/location_ids/2"),
            (vec![json!(NOBODY)], "/location_ids/0"),
            (Vec::new(), "/location_ids"),
        ] {
            let body = json!({"warehouse_id": main["id"], "location_ids": locations});
            let refused = api.http.post("/inventory-counts", &body).await?;
            assert_eq!((refused.status, refused.pointers()), (422, vec![pointer]), "{}", refused.text);
        }
        let both = json!({"warehouse_id": main["id"], "location_ids": ids(&[near]), "category_ids": [category["id"]]});
        let refused = api.http.post("/inventory-counts", &both).await?;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/location_ids"]), "{}", refused.text);

        let count = shelves.count(&[near]).await?;
        for (entries, pointer) in [
            (json!([{"product_id": tea["id"], "counted": "1"}]), "/entries/0/location_id"),
            (json!([entry(tea, near, "1"), entry(tea, far, "1")]), "/entries/1/location_id"),
            (json!([entry(tea, near, "1"), entry(tea, near, "2")]), "/entries/1/product_id"),
            (json!([entry(&api.product("PLAIN").await?, near, "1")]), "/entries/0/product_id"),
        ] {
            let refused = step(&api.http, &count, "entries", &json!({"entries": entries})).await?;
            assert_eq!((refused.status, refused.pointers()), (422, vec![pointer]), "{}", refused.text);
        }
        shelves.step(&count, "cancel", json!({"reason": "a test"})).await?;

        // One that was archived between the plan and the start.
        let old = api.location(main, "OLD").await?;
        let body = json!({"warehouse_id": main["id"], "location_ids": [old["id"]]});
        let planned = api.created("/inventory-counts", &body).await?;
        ensure!(api.http.command(&format!("/locations/{}/archive", id(&old))).await?.status == 200, "not archived");
        let refused = step(&api.http, &planned, "start", &json!({})).await?;
        assert_eq!((refused.status, refused.code()), (409, "location_archived"), "{}", refused.text);
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_counts_a_location_blindly_sees_nothing_of_what_is_expected() {
    World::run(async |world| {
        let shelves = Shelves::fill(world).await?;
        let Shelves { api, main, tea, near, .. } = &shelves;
        let key =
            api_key(&world.sql().await?, world.tenant().await?.id, &["inventory:read", "inventory:count"])
                .await?;
        let counter = api.http.with_credential(&key);
        let body = json!({"warehouse_id": main["id"], "location_ids": [near["id"]]});
        let count = api.created("/inventory-counts", &body).await?;
        shelves.step(&count, "start", json!({})).await?;
        let entered = step(&counter, &count, "entries", &json!({"entries": [entry(tea, near, "5")]})).await?;
        assert_eq!(told(entered.json["lines"].as_array().context("no lines")?), ["TEA A-01 counted 5 - -"]);
        assert_eq!(step(&counter, &count, "review", &json!({})).await?.status, 200);
        let lines = rows(&counter.get(&format!("/inventory-counts/{}/lines", id(&count))).await?)?;
        assert_eq!(told(&lines), ["TEA A-01 counted 5 6 -1"]);
        shelves.step(&count, "close", json!({})).await?;
        assert_eq!(shelves.stock(tea).await?, "11 0 0 A-01=5 B-01=4");
        api.proof().await?;
        Ok(())
    })
    .await;
}

/// Otherwise the other count would have no line of what this one puts there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_count_is_not_closed_while_another_of_its_locations_starts() {
    World::run(async |world| {
        let shelves = Shelves::fill(world).await?;
        let Shelves { api, tea, near, far, .. } = &shelves;
        let count = shelves.count(&[near]).await?;
        shelves.step(&count, "entries", json!({"entries": [entry(tea, near, "7")]})).await?;
        shelves.step(&count, "review", json!({})).await?;
        let elsewhere = json!({"product_ids": [tea["id"]], "location_id": far["id"]});
        let refused = step(&api.http, &count, "recount", &elsewhere).await?;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/location_id"]), "{}", refused.text);

        let (sql, watch) = (world.sql().await?, world.administrator().await?);
        // A count that starts holds its locations so.
        sql.batch_execute(&format!("BEGIN; SELECT FROM locations WHERE id = '{}' FOR UPDATE", id(near)))
            .await?;
        let body = json!({});
        let (closed, waited) = tokio::join!(step(&api.http, &count, "close", &body), async {
            let waited = until("somebody to wait for a lock", LIMIT, async || {
                let waiting: i64 = watch.query_one(WAITING, &[]).await?.get(0);
                ensure!(waiting == 1, "{waiting} wait");
                Ok(())
            })
            .await;
            sql.batch_execute("COMMIT").await?;
            waited
        });
        waited?;
        let closed = closed?;
        assert_eq!(closed.status, 200, "{}", closed.text);
        assert_eq!(shelves.stock(tea).await?, "13 0 0 A-01=7 B-01=4");
        api.proof().await?;
        Ok(())
    })
    .await;
}
