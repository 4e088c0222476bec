//! Counts of a warehouse in which everybody works: from the start of a count to its end nothing on hand moves, whatever was in flight, and
//! afterwards the ledger explains every unit.
//!
//! What is compared are the sums of the ledger, read by SQL when the start was answered and before the end is asked for. The times of
//! movements would not do: a command takes its time when it begins, and may be recorded after the end of a count that ended meanwhile.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Answer, Api, Http, World, id, main_warehouse, until};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

const LIMIT: Duration = Duration::from_secs(60);
const PRODUCTS: usize = 12;
/// Of each product, in the beginning.
const UNITS: i64 = 200;
const COUNTS: usize = 8;
const COUNTERS: u64 = 3;
/// How long a count goes on at least after all is counted, for others to run against it.
const FROZEN_FOR: Duration = Duration::from_millis(300);
const PAUSE: Duration = Duration::from_millis(10);

/// On hand by product, as the ledger says.
type Ledger = BTreeMap<String, String>;

#[derive(Debug)]
struct Warehouse {
    /// A client of each of the two processes.
    doors: [Http; 2],
    id: String,
    customer: Value,
    products: Vec<String>,
    /// Orders that may be shipped or cancelled, by anybody.
    open: Mutex<Vec<String>>,
    /// Odd from the answer to a start to the request for its end: whoever sees the same odd number before and after a command has run
    /// against a count all the time.
    phase: AtomicUsize,
    is_over: AtomicBool,
    /// How often each command had each answer, during a count and besides.
    answers: Mutex<BTreeMap<String, usize>>,
    news: AtomicUsize,
}

impl Warehouse {
    async fn open(api: &Api, other: &Api) -> Result<Self> {
        let mut products = Vec::new();
        for number in 0..PRODUCTS {
            let product = api.stocked_product(&format!("P-{number:02}")).await?;
            api.receive(&product, &UNITS.to_string(), "2.00").await?;
            products.push(product["id"].as_str().context("no id")?.to_owned());
        }
        Ok(Self {
            doors: [api.http.clone(), other.http.clone()],
            id: id(&main_warehouse(api).await?).to_owned(),
            customer: api.customer("C-1").await?,
            products,
            open: Mutex::default(),
            phase: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
            answers: Mutex::default(),
            news: AtomicUsize::new(0),
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

    /// Does something, and checks its answer against the count that was under way all the time, if one was.
    async fn act(
        &self,
        dice: &mut StdRng,
        name: &str,
        path: &str,
        body: &Value,
        moves: bool,
    ) -> Result<Answer> {
        let before = self.phase.load(Ordering::SeqCst);
        let answer = self.send(dice, path, body).await?;
        let is_frozen = before % 2 == 1 && self.phase.load(Ordering::SeqCst) == before;
        let known = match answer.status {
            200 | 201 => true,
            409 => matches!(
                answer.code(),
                "stock_frozen" | "insufficient_stock" | "order_waits_for_goods" | "order_state_conflict"
            ),
            _ => false,
        };
        ensure!(known, "{name}: {} {}", answer.status, answer.text);
        ensure!(moves || answer.code() != "stock_frozen", "{name} moves nothing: {}", answer.text);
        ensure!(
            !(moves && is_frozen && answer.status < 300),
            "{name} went through during a count: {}",
            answer.text
        );
        if answer.code() == "stock_frozen" {
            let count = &answer.json["errors"][0]["inventory_count_id"];
            ensure!(count.as_str().is_some_and(|id| Uuid::try_parse(id).is_ok()), "{}", answer.text);
        }
        let when = if is_frozen { "counting" } else { "working" };
        let entry = format!("{when} {name} {} {}", answer.status, answer.code());
        *self.answers.lock().map_err(|error| anyhow::anyhow!("{error}"))?.entry(entry).or_default() += 1;
        Ok(answer)
    }

    fn any_product(&self, dice: &mut StdRng) -> &str {
        &self.products[dice.random_range(0..PRODUCTS)]
    }

    fn any_order(&self, dice: &mut StdRng) -> Result<Option<String>> {
        let mut open = self.open.lock().map_err(|error| anyhow::anyhow!("{error}"))?;
        let number = open.len();
        Ok((number > 0).then(|| open.swap_remove(dice.random_range(0..number))))
    }

    fn put_back(&self, order: String) -> Result<()> {
        self.open.lock().map_err(|error| anyhow::anyhow!("{error}"))?.push(order);
        Ok(())
    }

    /// Lines of a few products: several levels are locked by one command.
    fn lines(&self, dice: &mut StdRng, member: &str, units: &[&str]) -> Vec<Value> {
        (0..dice.random_range(1..4))
            .map(|_| {
                let (product, units) =
                    (self.any_product(dice).to_owned(), units[dice.random_range(0..units.len())]);
                json!({"product_id": product, member: units})
            })
            .collect()
    }

    async fn work(&self, seed: u64) -> Result<()> {
        let mut dice = StdRng::seed_from_u64(seed);
        while !self.is_over.load(Ordering::SeqCst) {
            let dice = &mut dice;
            match dice.random_range(0..20) {
                0..6 => {
                    let lines = self.lines(dice, "quantity", &["1", "2", "3"]);
                    let body = json!({"customer_id": self.customer["id"], "back_order": dice.random_bool(0.2), "lines": lines});
                    let answer = self.act(dice, "order", "/orders", &body, false).await?;
                    if answer.status == 201 {
                        self.put_back(answer.field("id").to_owned())?;
                    }
                }
                6..9 => {
                    let Some(order) = self.any_order(dice)? else { continue };
                    let body = json!({"reason": "changed their mind"});
                    self.act(dice, "cancel", &format!("/orders/{order}/cancel"), &body, false).await?;
                }
                9..13 => {
                    let Some(order) = self.any_order(dice)? else { continue };
                    self.act(dice, "confirm", &format!("/orders/{order}/confirm"), &json!({}), false).await?;
                    let answer =
                        self.act(dice, "ship", &format!("/orders/{order}/ship"), &json!({}), true).await?;
                    if matches!(answer.code(), "stock_frozen" | "order_waits_for_goods") {
                        self.put_back(order)?;
                    }
                }
                13..16 => {
                    let body = json!({"lines": self.lines(dice, "quantity", &["1", "2", "4"])});
                    self.act(dice, "receive", "/stock-receipts", &body, true).await?;
                }
                16..18 => {
                    let body =
                        json!({"reason": "counted", "lines": self.lines(dice, "change", &["-2", "-1", "1"])});
                    self.act(dice, "adjust", "/stock-adjustments", &body, true).await?;
                }
                // Goods that never were there: a count cannot wait for a row that is being made.
                18 => {
                    let number = self.news.fetch_add(1, Ordering::SeqCst);
                    let body = json!({"sku": format!("N-{number}"), "name": "New", "unit_price": "1", "vat_rate": "20",
                        "stocked": true, "quantity_decimals": 0});
                    let product = self.send(dice, "/products", &body).await?;
                    let body = json!({"lines": [{"product_id": product.json["id"], "quantity": "3"}]});
                    self.act(dice, "introduce", "/stock-receipts", &body, true).await?;
                }
                _ => {
                    let body = json!({"reason": "broken", "lines": self.lines(dice, "quantity", &["1"])});
                    self.act(dice, "lose", "/stock-write-offs", &body, true).await?;
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

    async fn lines_of(&self, count: &str) -> Result<Vec<Value>> {
        let (mut lines, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let after = cursor.as_deref().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let page =
                self.doors[0].get(&format!("/inventory-counts/{count}/lines?limit=200{after}")).await?;
            ensure!(page.status == 200, "{}", page.text);
            lines.extend(page.json["data"].as_array().context("no lines")?.clone());
            cursor = page.json["next_cursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                return Ok(lines);
            }
        }
    }

    /// Counts what is there, and a little more or less of some products.
    async fn count_lines(&self, seed: u64, count: &str, lines: &[Value], there: &Ledger) -> Result<()> {
        let mut dice = StdRng::seed_from_u64(seed);
        for lines in lines.chunks(5) {
            let mut entries = Vec::new();
            for line in lines {
                let product = line["product_id"].as_str().context("no product")?;
                let on_hand: i64 = there.get(product).map_or(Ok(0), |units| units.parse())?;
                let counted = (on_hand + [0, 0, 0, 1, -1, -7][dice.random_range(0..6_usize)]).max(0);
                entries.push(json!({"product_id": product, "counted": counted.to_string()}));
            }
            self.step(&mut dice, count, "entries", json!({"entries": entries})).await?;
        }
        Ok(())
    }

    /// Starts counts, has them counted by several, and ends them.
    async fn count(&self, sql: &Client, seed: u64) -> Result<()> {
        let mut dice = StdRng::seed_from_u64(seed);
        for round in 0..COUNTS {
            let body = json!({"warehouse_id": self.id, "blind": round % 2 == 0});
            let planned = self.send(&mut dice, "/inventory-counts", &body).await?;
            ensure!(planned.status == 201, "{}", planned.text);
            let count = planned.field("id").to_owned();
            self.step(&mut dice, &count, "start", json!({})).await?;
            self.phase.fetch_add(1, Ordering::SeqCst);
            let there = ledger(sql).await?;
            let lines = self.lines_of(&count).await?;
            let some = there.values().filter(|units| *units != "0").count();
            ensure!(lines.len() == some, "{} lines, of {some} products something is there", lines.len());
            let counters = (0..COUNTERS)
                .map(|counter| self.count_lines(seed.wrapping_add(100 + counter), &count, &lines, &there));
            futures::future::try_join_all(counters).await?;
            tokio::time::sleep(FROZEN_FOR).await;
            self.step(&mut dice, &count, "review", json!({})).await?;
            if round % 3 == 1 {
                let again: Vec<Value> = lines.iter().take(4).map(|line| line["product_id"].clone()).collect();
                self.step(&mut dice, &count, "recount", json!({"product_ids": again})).await?;
                self.count_lines(seed, &count, &lines[..again.len()], &there).await?;
                self.step(&mut dice, &count, "review", json!({})).await?;
            }
            let still = ledger(sql).await?;
            ensure!(there == still, "goods moved while they were counted: {there:?}, then {still:?}");
            let counted = self.lines_of(&count).await?;
            // What follows may be done while the end is being answered.
            self.phase.fetch_add(1, Ordering::SeqCst);
            if round % 4 == 3 {
                self.step(&mut dice, &count, "cancel", json!({"reason": "a test"})).await?;
                continue;
            }
            self.step(&mut dice, &count, "close", json!({})).await?;
            posted(sql, &count, &there, &counted).await?;
        }
        self.is_over.store(true, Ordering::SeqCst);
        Ok(())
    }
}

/// What is on hand of each product, as the movements say.
async fn ledger(sql: &Client) -> Result<Ledger> {
    let query = "SELECT product_id::text, trim_scale(sum(on_hand_change))::text FROM stock_movements GROUP BY product_id";
    Ok(sql.query(query, &[]).await?.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Checks that the count has posted its differences and nothing else, and that each level was what was counted.
async fn posted(sql: &Client, count: &str, there: &Ledger, counted: &[Value]) -> Result<()> {
    let query = "SELECT product_id::text, trim_scale(on_hand_change)::text, trim_scale(on_hand)::text FROM stock_movements
        WHERE document_id::text = $1 AND on_hand_change <> 0";
    let rows = sql.query(query, &[&count]).await?;
    let mut moved: BTreeMap<String, (String, String)> =
        rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect();
    for line in counted {
        let product = line["product_id"].as_str().context("no product")?;
        let (expected, counted) = (line["expected"].as_str(), line["counted"].as_str());
        ensure!(expected == there.get(product).map(String::as_str), "{line}: {there:?}");
        let posted = moved.remove(product);
        if expected == counted {
            ensure!(posted.is_none(), "{line}: {posted:?}");
            continue;
        }
        let (change, on_hand) = posted.with_context(|| format!("nothing was posted of {line}"))?;
        ensure!(Some(change.as_str()) == line["difference"].as_str(), "{line}: {change}");
        ensure!(Some(on_hand.as_str()) == counted, "{line}: {on_hand}");
    }
    ensure!(moved.is_empty(), "more was posted than was counted: {moved:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_moves_while_it_is_counted_and_the_ledger_explains_the_rest() {
    World::run(async |world| {
        let seed: u64 = rand::random();
        eprintln!("seed {seed}");
        let (api, other) = (world.api().await?, world.api().await?);
        let warehouse = Warehouse::open(&api, &other).await?;
        let sql = world.sql().await?;
        let workers = (1..=12).map(|number| warehouse.work(seed.wrapping_add(number)));
        let workers = async { futures::future::try_join_all(workers).await.map(drop) };
        tokio::try_join!(workers, warehouse.count(&sql, seed))?;
        let answers = warehouse.answers.lock().map_err(|error| anyhow::anyhow!("{error}"))?.clone();
        eprintln!("{answers:?}");
        for needed in [
            "counting receive 409 stock_frozen",
            "counting ship 409 stock_frozen",
            "counting adjust 409 stock_frozen",
            "counting introduce 409 stock_frozen",
            "counting order 201 ",
            "counting cancel 200 ",
            "working receive 201 ",
            "working ship 200 ",
            "working introduce 201 ",
        ] {
            ensure!(answers.contains_key(needed), "never: {needed}: {answers:?}");
        }
        api.proof().await?;
        until("who waits to be served", LIMIT, async || {
            let query = "SELECT count(*) FROM stock_levels WHERE waiting > 0 AND on_hand > reserved";
            let left: i64 = sql.query_one(query, &[]).await?.get(0);
            ensure!(left == 0, "of {left} products there is something that somebody waits for");
            Ok(())
        })
        .await?;
        api.proof().await?;
        Ok(())
    })
    .await;
}
