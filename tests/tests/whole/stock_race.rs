//! The last units of a few products, for many clients at once, who place, amend, ship and cancel orders, and receive and lose goods. At
//! first nobody is disturbed, then processes are killed: nothing is sold twice, nothing is lost, the proof holds at every look, there is
//! no deadlock, and no answer but those that docs/http.md states.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use comptoir_tests::harness::{Answer, Api, Http, World, until};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

const LIMIT: Duration = Duration::from_secs(60);
const PRODUCTS: usize = 10;
/// Of each product, in the beginning.
const UNITS: i64 = 10;
/// The longest time between two kills, and after it.
const LONGEST_PAUSE_MS: u64 = 1_500;
/// How long a process that takes the place of a killed one may need.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long a killed process may be in the way after it: until its sessions end that wait for a lock (`database.lock_timeout_ms`).
const AFTERMATH: Duration = Duration::from_secs(5);
/// What docs/http.md states as the one price of many requests at once: a connection was waited for in vain, and nothing happened.
const NO_CONNECTION: &str = "no database connection could be had";
/// For so long, everybody who wants a reference wants the same one, or the one before.
const REFERENCE_TIME: Duration = Duration::from_millis(250);
/// Before a request is repeated that another one is in the way of, or that nobody answered.
const PAUSE: Duration = Duration::from_millis(20);

/// How many units went a way, by the ids of their products.
type Units = BTreeMap<String, i64>;

/// What clients know to be done: each request was answered in the end.
#[derive(Debug, Default)]
struct Books {
    received: Units,
    lost: Units,
    shipped: Units,
    /// How often each request had each answer.
    answers: BTreeMap<String, usize>,
}

#[derive(Debug)]
struct Market {
    /// A client of each of the two processes.
    doors: [Http; 2],
    customer: Value,
    products: Vec<String>,
    /// Orders that may still be confirmed, shipped and cancelled: by anybody, also by two at once.
    open: Mutex<Vec<String>>,
    books: Mutex<Books>,
    opened: Instant,
    closed: AtomicBool,
    looks: AtomicUsize,
    kills: AtomicUsize,
    /// Until when a 503 may be due to a process that was killed; nothing as long as none was.
    shaken_until: Mutex<Option<Instant>>,
}

impl Market {
    async fn open(api: &Api, other: &Api) -> Result<Self> {
        let mut products = Vec::new();
        for number in 0..PRODUCTS {
            let product = api.stocked_product(&format!("P-{number}")).await?;
            api.receive(&product, &UNITS.to_string(), "2.00").await?;
            products.push(product["id"].as_str().context("no id")?.to_owned());
        }
        Ok(Self {
            doors: [api.http.clone(), other.http.clone()],
            customer: api.customer("C-1").await?,
            products,
            open: Mutex::default(),
            books: Mutex::default(),
            opened: Instant::now(),
            closed: AtomicBool::new(false),
            looks: AtomicUsize::new(0),
            kills: AtomicUsize::new(0),
            shaken_until: Mutex::default(),
        })
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Calls `note` with what is known so far.
    fn books<T>(&self, note: impl FnOnce(&mut Books) -> T) -> Result<T> {
        let mut books = self.books.lock().map_err(|error| anyhow::anyhow!("{error}"))?;
        Ok(note(&mut books))
    }

    /// Sends a request until it is known what became of it. If a process dies meanwhile, the other one is asked. `header` has the key
    /// under which a command is done once, or the version after which it is not done again.
    async fn send(
        &self,
        dice: &mut StdRng,
        method: Method,
        path: &str,
        header: Option<(&str, &str)>,
        body: Option<&Value>,
    ) -> Result<Answer> {
        let (headers, began) = (header.as_slice(), Instant::now());
        let mut door = dice.random_range(0..2_usize);
        loop {
            let asked = Instant::now();
            match self.doors[door].send(method.clone(), path, headers, body).await {
                Ok(answer) if answer.status == 503 => self.excuse(&answer, asked)?,
                Ok(answer) if answer.code() == "idempotency_key_in_use" => {}
                Ok(answer) => {
                    ensure!(
                        matches!(answer.status, 200 | 201 | 409 | 412),
                        "{path} {body:?}: {} {}",
                        answer.status,
                        answer.text
                    );
                    return Ok(answer);
                }
                // Nobody knows whether it was done.
                Err(error) if error.downcast_ref::<reqwest::Error>().is_some() => door = 1 - door,
                Err(error) => return Err(error),
            }
            ensure!(began.elapsed() < LIMIT, "no answer to {path} {body:?}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// A 503 is noted if a killed process may be the reason, or if nothing but the pool's limit is. Contention is no excuse: it may cost
    /// a wait, and no answer.
    fn excuse(&self, answer: &Answer, asked: Instant) -> Result<()> {
        let shaken_until = *self.shaken_until.lock().map_err(|error| anyhow::anyhow!("{error}"))?;
        let reason = if answer.field("detail").starts_with(NO_CONNECTION) {
            "503 no connection became free"
        } else {
            ensure!(
                shaken_until.is_some_and(|until| asked <= until),
                "503, and nobody was killed: {}",
                answer.text
            );
            "503 somebody was killed"
        };
        self.note(reason.to_owned())
    }

    fn note(&self, entry: String) -> Result<()> {
        self.books(|books| *books.answers.entry(entry).or_default() += 1)
    }

    /// Posts a command under a key of its own, and notes the answer under this name.
    async fn noted(&self, dice: &mut StdRng, name: &str, path: &str, body: &Value) -> Result<Answer> {
        let key = Uuid::new_v4().to_string();
        let answer =
            self.send(dice, Method::POST, path, Some(("Idempotency-Key", key.as_str())), Some(body)).await?;
        self.note(format!("{name} {} {}", answer.status, answer.code()))?;
        Ok(answer)
    }

    /// A reference that others want at the same time, or the one that they wanted just before: so some exchange theirs.
    fn reference(&self, dice: &mut StdRng) -> String {
        let time = self.opened.elapsed().as_millis() / REFERENCE_TIME.as_millis();
        format!("R-{}", time.saturating_sub(dice.random_range(0..2_u128)))
    }

    /// Lines of a few products, in any order.
    fn lines(&self, dice: &mut StdRng, most: i64) -> Vec<(String, i64)> {
        let mut products = self.products.clone();
        products.shuffle(dice);
        products.truncate(dice.random_range(1..=3));
        products.into_iter().map(|product| (product, dice.random_range(1..=most))).collect()
    }

    /// One of the open orders. Mostly it is taken; otherwise somebody else may do something to it at the same time.
    fn any_order(&self, dice: &mut StdRng) -> Result<Option<String>> {
        let mut open = self.open.lock().map_err(|error| anyhow::anyhow!("{error}"))?;
        if open.is_empty() {
            return Ok(None);
        }
        let number = dice.random_range(0..open.len());
        Ok(if dice.random_bool(0.7) { Some(open.swap_remove(number)) } else { open.get(number).cloned() })
    }

    fn put_back(&self, order: String) -> Result<()> {
        self.open.lock().map_err(|error| anyhow::anyhow!("{error}"))?.push(order);
        Ok(())
    }

    async fn client(&self, seed: u64) -> Result<()> {
        let mut dice = StdRng::seed_from_u64(seed);
        while !self.is_closed() {
            match dice.random_range(0..24) {
                0..10 => self.order(&mut dice).await?,
                10..14 => {
                    let Some(order) = self.any_order(&mut dice)? else { continue };
                    let body = json!({"reason": "changed their mind"});
                    self.noted(&mut dice, "cancel", &format!("/orders/{order}/cancel"), &body).await?;
                }
                14..17 => self.ship(&mut dice).await?,
                17..19 => self.receive(&mut dice).await?,
                19..23 => self.amend(&mut dice).await?,
                _ => self.lose(&mut dice).await?,
            }
        }
        Ok(())
    }

    async fn order(&self, dice: &mut StdRng) -> Result<()> {
        let lines = body_of(&self.lines(dice, 3));
        let waits = dice.random_bool(0.2);
        let reference = dice.random_bool(0.1).then(|| self.reference(dice));
        let body = json!({"customer_id": self.customer["id"], "reference": reference, "back_order": waits, "lines": lines});
        let answer = self.noted(dice, "order", "/orders", &body).await?;
        if answer.status == 409 {
            let is_taken = answer.code() == "order_reference_taken" && reference.is_some();
            let is_short = answer.code() == "insufficient_stock" && !waits;
            ensure!(is_taken || is_short, "{body}: {}", answer.text);
            return Ok(());
        }
        self.put_back(answer.field("id").to_owned())
    }

    async fn ship(&self, dice: &mut StdRng) -> Result<()> {
        let Some(order) = self.any_order(dice)? else { return Ok(()) };
        // Somebody else may have confirmed it.
        self.noted(dice, "confirm", &format!("/orders/{order}/confirm"), &json!({})).await?;
        let answer = self.noted(dice, "ship", &format!("/orders/{order}/ship"), &json!({})).await?;
        if answer.code() == "order_waits_for_goods" {
            return self.put_back(order);
        }
        if answer.status == 200 {
            let mut lines = Vec::new();
            for line in answer.json["lines"].as_array().context("no lines")? {
                let product = line["product_id"].as_str().context("no product")?.to_owned();
                lines.push((product, line["quantity"].as_str().context("no quantity")?.parse()?));
            }
            self.books(|books| add(&mut books.shipped, lines))?;
        }
        Ok(())
    }

    /// Other quantities and other products for an order as it was just read, and sometimes a reference, or none any more.
    async fn amend(&self, dice: &mut StdRng) -> Result<()> {
        let Some(order) = self.any_order(dice)? else { return Ok(()) };
        let path = format!("/orders/{order}");
        let seen = self.send(dice, Method::GET, &path, None, None).await?;
        let etag = seen.header("etag").context("no ETag")?.to_owned();
        let mut lines = body_of(&self.lines(dice, 3));
        if dice.random_bool(0.7) {
            lines.push(json!({"position": 1, "quantity": dice.random_range(1..=4).to_string()}));
        }
        let mut body = json!({"lines": lines});
        if dice.random_bool(0.3) {
            let has_one = !seen.json["reference"].is_null();
            body["reference"] =
                if has_one && dice.random_bool(0.5) { Value::Null } else { json!(self.reference(dice)) };
        }
        let answer =
            self.send(dice, Method::PATCH, &path, Some(("If-Match", etag.as_str())), Some(&body)).await?;
        self.note(format!("amend {} {}", answer.status, answer.code()))?;
        match (answer.status, answer.code()) {
            (200, _) | (409, "insufficient_stock" | "order_reference_taken") | (412, _) => {
                self.put_back(order)
            }
            // Somebody else has shipped or cancelled it.
            (409, "order_state_conflict" | "order_partly_shipped") => Ok(()),
            _ => bail!("{body}: {} {}", answer.status, answer.text),
        }
    }

    async fn receive(&self, dice: &mut StdRng) -> Result<()> {
        let lines = self.lines(dice, 2);
        let answer =
            self.noted(dice, "receive", "/stock-receipts", &json!({"lines": body_of(&lines)})).await?;
        ensure!(answer.status == 201, "{}", answer.text);
        self.books(|books| add(&mut books.received, lines))
    }

    async fn lose(&self, dice: &mut StdRng) -> Result<()> {
        let lines = self.lines(dice, 1);
        let body = json!({"reason": "broken", "lines": body_of(&lines)});
        let answer = self.noted(dice, "lose", "/stock-write-offs", &body).await?;
        if answer.status == 409 {
            ensure!(answer.code() == "insufficient_stock", "{}", answer.text);
            return Ok(());
        }
        self.books(|books| add(&mut books.lost, lines))
    }

    /// Looks at the proof, again and again.
    async fn watch(&self) -> Result<()> {
        let mut door = 0;
        while !self.is_closed() {
            let asked = Instant::now();
            match self.doors[door].get("/stock/proof").await {
                Ok(answer) if answer.status == 503 => self.excuse(&answer, asked)?,
                Ok(answer) => {
                    ensure!(answer.status == 200, "{} {}", answer.status, answer.text);
                    ensure!(answer.json["holds"] == true, "{}", answer.text);
                    self.looks.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) if error.downcast_ref::<reqwest::Error>().is_some() => {}
                Err(error) => return Err(error),
            }
            door = 1 - door;
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// SIGKILL for one of the processes at any moment, and another one in its place; but first a time in which nobody is killed.
    async fn kill(&self, world: &World, apis: &mut [Api; 2], seed: u64, calm: Duration) -> Result<()> {
        let mut dice = StdRng::seed_from_u64(seed);
        tokio::time::sleep(calm).await;
        while !self.is_closed() {
            // Not a wait for anything: the moment of the blow is random.
            tokio::time::sleep(Duration::from_millis(dice.random_range(200..LONGEST_PAUSE_MS))).await;
            let api = &mut apis[dice.random_range(0..2_usize)];
            self.shaken_for(START_LIMIT)?;
            api.daemon.kill()?;
            api.start_again(world, &[]).await?;
            self.shaken_for(AFTERMATH)?;
            self.kills.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn shaken_for(&self, time: Duration) -> Result<()> {
        let mut until = self.shaken_until.lock().map_err(|error| anyhow::anyhow!("{error}"))?;
        *until = Some(Instant::now() + time);
        Ok(())
    }

    /// Closes after this time, but not before everything has happened that the test is about.
    async fn close(&self, time: Duration) -> Result<()> {
        tokio::time::sleep(time).await;
        let needed = [
            "order 201 ",
            "order 409 insufficient_stock",
            "cancel 200 ",
            "amend 200 ",
            "amend 409 insufficient_stock",
            "amend 409 order_reference_taken",
            "ship 200 ",
            "receive 201 ",
            "lose 201 ",
        ];
        until("everything to have happened", LIMIT, async || {
            let answers = self.books(|books| books.answers.clone())?;
            let missing: Vec<_> = needed.iter().filter(|entry| !answers.contains_key(**entry)).collect();
            let (looks, kills) = (self.looks.load(Ordering::Relaxed), self.kills.load(Ordering::Relaxed));
            ensure!(
                missing.is_empty() && looks > 5 && kills > 0,
                "{missing:?}, {looks} looks, {kills} kills: {answers:?}"
            );
            Ok(())
        })
        .await?;
        self.closed.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// What is there is what came and has not left.
    async fn is_sound(&self, world: &World) -> Result<()> {
        let sql = world.sql().await?;
        let query = "SELECT product_id::text, on_hand::bigint, reserved::bigint,
                (SELECT COALESCE(sum(l.quantity), 0)::bigint FROM order_lines AS l JOIN orders AS o
                    ON (o.tenant_id, o.id) = (l.tenant_id, l.order_id)
                WHERE l.product_id = s.product_id AND o.status = 'shipped'),
                (SELECT COALESCE(sum(r.reserved), 0)::bigint FROM stock_reservations AS r WHERE r.product_id = s.product_id)
            FROM stock_levels AS s";
        let levels = sql.query(query, &[]).await?;
        ensure!(levels.len() == PRODUCTS, "{} levels", levels.len());
        for row in levels {
            let (product, on_hand, reserved): (String, i64, i64) = (row.get(0), row.get(1), row.get(2));
            let (left, promised): (i64, i64) = (row.get(3), row.get(4));
            let count = |units: &Units| units.get(&product).copied().unwrap_or_default();
            let (received, lost, shipped) =
                self.books(|books| (count(&books.received), count(&books.lost), count(&books.shipped)))?;
            let expected = UNITS + received - lost - shipped;
            ensure!(
                on_hand == expected,
                "{product}: {on_hand} on hand, {UNITS} + {received} - {lost} - {shipped}"
            );
            ensure!(left == shipped, "{product}: {left} are in shipped orders, {shipped} were shipped");
            ensure!(0 <= reserved && reserved <= on_hand, "{product}: {reserved} of {on_hand} are reserved");
            ensure!(promised == reserved, "{product}: {reserved} are reserved, {promised} of it for orders");
        }
        Ok(())
    }
}

fn add(units: &mut Units, lines: Vec<(String, i64)>) {
    for (product, number) in lines {
        *units.entry(product).or_default() += number;
    }
}

fn body_of(lines: &[(String, i64)]) -> Vec<Value> {
    lines
        .iter()
        .map(|(product, units)| json!({"product_id": product, "quantity": units.to_string()}))
        .collect()
}

async fn race(world: &World, clients: u64, time: Duration) -> Result<()> {
    let seed: u64 = rand::random();
    eprintln!("seed {seed}");
    let mut apis = [world.api().await?, world.api().await?];
    let market = Market::open(&apis[0], &apis[1]).await?;
    let everybody = (1..=clients).map(|number| market.client(seed.wrapping_add(number)));
    let everybody = async { futures::future::try_join_all(everybody).await.map(drop) };
    tokio::try_join!(
        everybody,
        market.watch(),
        market.kill(world, &mut apis, seed, time / 2),
        market.close(time)
    )?;
    let (looks, kills) = (market.looks.load(Ordering::Relaxed), market.kills.load(Ordering::Relaxed));
    market.books(|books| eprintln!("{looks} looks, {kills} kills, {:?}", books.answers))?;

    apis[0].proof().await?;
    market.is_sound(world).await?;
    // What is available is not kept from those who wait.
    let administrator = world.administrator().await?;
    let number = async |query: &str| -> Result<i64> { Ok(administrator.query_one(query, &[]).await?.get(0)) };
    let sql = world.sql().await?;
    until("who waits to be served", LIMIT, async || {
        let query = "SELECT count(*) FROM stock_levels WHERE waiting > 0 AND on_hand > reserved";
        let left: i64 = sql.query_one(query, &[]).await?.get(0);
        ensure!(left == 0, "of {left} products there is something that somebody waits for");
        Ok(())
    })
    .await?;
    drop(sql);
    apis[1].proof().await?;
    market.is_sound(world).await?;

    for api in &mut apis {
        api.daemon.terminate(LIMIT).await?;
        ensure!(!api.daemon.output().contains("panicked"), "{}", api.daemon.output());
    }
    // A session counts its deadlocks at its end at the latest. Those that were tried again are seen nowhere else.
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_units_are_sold_once_whatever_is_killed() {
    World::run(async |world| race(world, 16, Duration::from_secs(5)).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn the_last_units_are_sold_once_to_sixty_four_clients() {
    World::run(async |world| race(world, 64, Duration::from_secs(60)).await).await;
}
