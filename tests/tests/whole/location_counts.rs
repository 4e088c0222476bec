//! Counts of locations in a warehouse in which everybody works: from the start of a count to its end nothing is put into its locations or
//! taken out of them, whatever was in flight, everything else goes on, and afterwards both ledgers explain every unit.
//!
//! As in `counts`, sums of the ledger of the locations are compared, read when the start was answered and before the end is asked for.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Answer, Api, Http, World};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

const LIMIT: Duration = Duration::from_secs(60);
const PRODUCTS: usize = 6;
const LOCATIONS: usize = 4;
/// Of each product in each location, in the beginning, and as many in none.
const UNITS: i64 = 40;
/// How long a count goes on at least after all is counted, for others to run against it.
const FROZEN_FOR: Duration = Duration::from_millis(300);
const PAUSE: Duration = Duration::from_millis(10);

/// What lies of each product in each location, as their ledger says: by product and location.
type Ledger = BTreeMap<(String, String), String>;

struct Floor {
    /// A client of each of the two processes.
    doors: [Http; 2],
    warehouse: Value,
    customer: Value,
    products: Vec<String>,
    locations: Vec<String>,
    is_over: AtomicBool,
    /// How often each command had each answer.
    answers: Mutex<BTreeMap<String, usize>>,
}

impl Floor {
    async fn open(api: &Api, other: &Api) -> Result<Self> {
        let main = api.http.get("/warehouses?code=MAIN").await?.json["data"][0].clone();
        let mut locations = Vec::new();
        for number in 0..LOCATIONS {
            let location = api.location(&main, &format!("A-{number:02}")).await?;
            locations.push(location["id"].as_str().context("no id")?.to_owned());
        }
        let mut products = Vec::new();
        for number in 0..PRODUCTS {
            let product = api.stocked_product(&format!("P-{number:02}")).await?;
            let places = locations.iter().map(|location| json!(location)).chain([Value::Null]);
            let line = |place| json!({"product_id": product["id"], "quantity": UNITS.to_string(), "location_id": place});
            api.created("/stock-receipts", &json!({"lines": places.map(line).collect::<Vec<_>>()})).await?;
            products.push(product["id"].as_str().context("no id")?.to_owned());
        }
        Ok(Self {
            doors: [api.http.clone(), other.http.clone()],
            warehouse: main["id"].clone(),
            customer: api.customer("C-1").await?,
            products,
            locations,
            is_over: AtomicBool::new(false),
            answers: Mutex::default(),
        })
    }

    /// Sends a command until it is decided: others may be in its way, or the database too busy.
    async fn send(&self, dice: &mut StdRng, path: &str, body: &Value) -> Result<Answer> {
        let (key, began) = (Uuid::new_v4().to_string(), Instant::now());
        loop {
            let answer = self.doors[dice.random_range(0..2_usize)].post_with_key(path, &key, body).await?;
            if answer.status != 503 && answer.code() != "idempotency_key_in_use" {
                return Ok(answer);
            }
            ensure!(began.elapsed() < LIMIT, "no answer to {path} {body}: {}", answer.text);
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn act(&self, dice: &mut StdRng, name: &str, path: &str, body: &Value) -> Result<Answer> {
        let answer = self.send(dice, path, body).await?;
        let known = match answer.status {
            200 | 201 => true,
            409 => matches!(answer.code(), "stock_frozen" | "insufficient_stock" | "order_waits_for_goods"),
            _ => false,
        };
        ensure!(known, "{name}: {} {}", answer.status, answer.text);
        let entry = format!("{name} {} {}", answer.status, answer.code());
        *self.answers.lock().map_err(|error| anyhow::anyhow!("{error}"))?.entry(entry).or_default() += 1;
        Ok(answer)
    }

    fn any_product(&self, dice: &mut StdRng) -> &str {
        &self.products[dice.random_range(0..PRODUCTS)]
    }

    /// A location, or none.
    fn any_place(&self, dice: &mut StdRng) -> Value {
        self.locations.get(dice.random_range(0..=LOCATIONS)).map_or(Value::Null, |location| json!(location))
    }

    async fn work(&self, seed: u64) -> Result<()> {
        let mut dice = StdRng::seed_from_u64(seed);
        while !self.is_over.load(Ordering::SeqCst) {
            let dice = &mut dice;
            let (product, place) = (self.any_product(dice).to_owned(), self.any_place(dice));
            let quantity = dice.random_range(1..6_i64).to_string();
            match dice.random_range(0..10) {
                0..3 => {
                    let line = json!({"product_id": product, "quantity": quantity, "location_id": place});
                    self.act(dice, "receive", "/stock-receipts", &json!({"lines": [line]})).await?;
                }
                3..6 => {
                    let to = self.any_place(dice);
                    if to == place {
                        continue;
                    }
                    let line = json!({"product_id": product, "quantity": quantity, "from_location_id": place, "to_location_id": to});
                    self.act(dice, "relocate", "/stock-relocations", &json!({"lines": [line]})).await?;
                }
                6 => {
                    let line = json!({"product_id": product, "quantity": quantity, "location_id": place});
                    let body = json!({"reason": "broken", "lines": [line]});
                    self.act(dice, "lose", "/stock-write-offs", &body).await?;
                }
                _ => {
                    let line = json!({"product_id": product, "quantity": quantity});
                    let body = json!({"customer_id": self.customer["id"], "lines": [line]});
                    let order = self.act(dice, "order", "/orders", &body).await?;
                    if order.status == 201 {
                        let path = format!("/orders/{}", order.field("id"));
                        self.act(dice, "confirm", &format!("{path}/confirm"), &json!({})).await?;
                        let shipped = self.act(dice, "ship", &format!("{path}/ship"), &json!({})).await?;
                        if shipped.status == 409 {
                            let body = json!({"reason": "changed their mind"});
                            self.act(dice, "cancel", &format!("{path}/cancel"), &body).await?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    async fn step(&self, dice: &mut StdRng, count: &str, name: &str, body: Value) -> Result<Value> {
        let answer = self.send(dice, &format!("/inventory-counts/{count}/{name}"), &body).await?;
        ensure!(answer.status == 200, "{name}: {} {}", answer.status, answer.text);
        Ok(answer.json)
    }

    /// Starts counts of some locations, has them counted, a little more or less of some products, and ends them.
    async fn count(&self, sql: &Client, seed: u64, counts: usize) -> Result<()> {
        let mut dice = StdRng::seed_from_u64(seed);
        for round in 0..counts {
            let named: Vec<&String> =
                self.locations.iter().cycle().skip(round).take(1 + round % (LOCATIONS - 1)).collect();
            let body = json!({"warehouse_id": self.warehouse, "location_ids": named, "blind": false});
            let planned = self.send(&mut dice, "/inventory-counts", &body).await?;
            ensure!(planned.status == 201, "{}", planned.text);
            let count = planned.field("id").to_owned();
            self.step(&mut dice, &count, "start", json!({})).await?;
            let there = ledger(sql, &named).await?;
            let lines = self.doors[0].get(&format!("/inventory-counts/{count}/lines?limit=200")).await?;
            let lines = lines.json["data"].as_array().context("no lines")?.clone();
            ensure!(lines.len() == there.len(), "{} lines of {}", lines.len(), there.len());
            let mut entries = Vec::new();
            for ((product, location), on_hand) in &there {
                let on_hand: i64 = on_hand.parse()?;
                let counted = (on_hand + [0, 0, 1, -1, -3][dice.random_range(0..5_usize)]).max(0);
                entries.push(
                    json!({"product_id": product, "location_id": location, "counted": counted.to_string()}),
                );
            }
            // What was found where nothing was expected.
            let anywhere = (self.products[round % PRODUCTS].clone(), named[0].clone());
            if !there.contains_key(&anywhere) {
                entries.push(json!({"product_id": anywhere.0, "location_id": anywhere.1, "counted": "2"}));
            }
            let entered = self.step(&mut dice, &count, "entries", json!({"entries": entries})).await?;
            for line in entered["lines"].as_array().context("no lines")? {
                let key = (line["product_id"].as_str(), line["location_id"].as_str());
                let key =
                    key.0.zip(key.1).map(|(product, location)| (product.to_owned(), location.to_owned()));
                let expected = there.get(&key.context("no key")?).map_or("0", String::as_str);
                ensure!(line["expected"] == expected, "{line}: {expected}");
            }
            tokio::time::sleep(FROZEN_FOR).await;
            self.step(&mut dice, &count, "review", json!({})).await?;
            let still = ledger(sql, &named).await?;
            ensure!(there == still, "goods moved while they were counted: {there:?}, then {still:?}");
            if round % 4 == 3 {
                self.step(&mut dice, &count, "cancel", json!({"reason": "a test"})).await?;
            } else {
                self.step(&mut dice, &count, "close", json!({})).await?;
            }
        }
        self.is_over.store(true, Ordering::SeqCst);
        Ok(())
    }
}

/// What lies in these locations, as the movements say; what is nothing is not in it.
async fn ledger(sql: &Client, locations: &[&String]) -> Result<Ledger> {
    let query = "SELECT product_id::text, location_id::text, trim_scale(sum(change))::text FROM stock_location_movements
        WHERE location_id::text = ANY ($1) GROUP BY product_id, location_id HAVING sum(change) <> 0";
    let rows = sql.query(query, &[&locations]).await?;
    Ok(rows.iter().map(|row| ((row.get(0), row.get(1)), row.get(2))).collect())
}

async fn race(counts: usize) {
    World::run(async |world| {
        let seed: u64 = rand::random();
        eprintln!("seed {seed}");
        let (api, other) = (world.api().await?, world.api().await?);
        let floor = Floor::open(&api, &other).await?;
        let sql = world.sql().await?;
        let workers = (1..=10).map(|number| floor.work(seed.wrapping_add(number)));
        let workers = async { futures::future::try_join_all(workers).await.map(drop) };
        tokio::try_join!(workers, floor.count(&sql, seed, counts))?;
        let answers = floor.answers.lock().map_err(|error| anyhow::anyhow!("{error}"))?.clone();
        eprintln!("{answers:?}");
        for needed in [
            "receive 409 stock_frozen",
            "relocate 409 stock_frozen",
            "receive 201 ",
            "relocate 201 ",
            "ship 200 ",
            "lose 201 ",
        ] {
            ensure!(answers.contains_key(needed), "never: {needed}: {answers:?}");
        }
        api.proof().await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_in_a_location_moves_while_it_is_counted() {
    race(6).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "slow: make test-all"]
async fn nothing_in_a_location_moves_while_it_is_counted_for_long() {
    race(60).await;
}
