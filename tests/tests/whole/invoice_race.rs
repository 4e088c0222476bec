//! Thirty-two clients validate invoices of one series at once, over two processes that are killed at random: the numbers are 1 to the last one, each once, in the order
//! of their dates; nobody is refused because somebody else draws a number; who dates an invoice before the last one is refused for that, and for nothing else; and the
//! chain is sound. On the first day nobody is killed: there, a 503 is a fault.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use comptoir_tests::bench::Drafts;
use comptoir_tests::harness::{Answer, Api, Http, World, until};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::Method;
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(60);
const CLIENTS: u64 = 32;
/// Days, one after the other, on which invoices are dated.
const DAYS: u64 = 5;
/// One draft in so many of a day is dated the day before, while the others are not: it is refused once one of them has its number.
const EARLY_ONE_IN: u64 = 4;
/// The longest time between two kills.
const LONGEST_PAUSE_MS: u64 = 1_200;
/// How long a process that takes the place of a killed one may need.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long a killed process may be in the way after it: until its sessions end that wait for a lock (`database.lock_timeout_ms`).
const AFTERMATH: Duration = Duration::from_secs(5);
/// What docs/http.md states as the one price of many requests at once: a connection was waited for in vain, and nothing happened.
const NO_CONNECTION: &str = "no database connection could be had";
/// Before a request is repeated that another one is in the way of, or that nobody answered.
const PAUSE: Duration = Duration::from_millis(20);

#[derive(Debug)]
struct Office {
    /// A client of each of the two processes.
    doors: [Http; 2],
    /// The drafts that have not been taken yet, of those that are dated on this day.
    next: AtomicU64,
    last: AtomicU64,
    /// The numbers that clients were told, and of which draft.
    told: Mutex<BTreeMap<String, u64>>,
    /// How many drafts were refused because they are dated before the last one.
    refused: AtomicUsize,
    /// Whether processes are killed by now.
    is_rough: AtomicBool,
    closed: AtomicBool,
    kills: AtomicUsize,
    /// Until when a 503 may be due to a process that was killed; nothing as long as none was.
    shaken: Mutex<Option<Shaken>>,
}

#[derive(Debug, Clone, Copy)]
struct Shaken {
    /// Until a process takes the place of the killed one: all clients are at the other one's, and its connections may be too few.
    down_until: Instant,
    /// Until the sessions of the killed one are gone that wait for a lock.
    until: Instant,
}

/// Whether a draft is dated the day before those of its day.
fn is_early(draft: u64) -> bool {
    draft % EARLY_ONE_IN == EARLY_ONE_IN - 1
}

/// Whether a draft was refused because it is dated before the last one of its series.
fn is_too_early(answer: &Answer) -> bool {
    let code = &answer.json["errors"][0]["code"];
    (answer.status, answer.code(), answer.pointers())
        == (422, "invoice_incomplete", vec!["/draft/issue_date"])
        && code == "before_the_last"
}

impl Office {
    async fn client(&self, seed: u64, end: Instant) -> Result<()> {
        let mut dice = StdRng::seed_from_u64(seed);
        while Instant::now() < end {
            let draft = self.next.fetch_add(1, Ordering::Relaxed);
            if draft > self.last.load(Ordering::Relaxed) {
                break;
            }
            self.validate(&mut dice, draft).await?;
        }
        Ok(())
    }

    /// Asks until the draft has its number, or is dated too early: under one key, so that it gets one.
    async fn validate(&self, dice: &mut StdRng, draft: u64) -> Result<()> {
        let (path, key) = (Drafts::path(draft), format!("validate-{draft}"));
        let headers = [("Idempotency-Key", key.as_str())];
        let (began, mut door) = (Instant::now(), dice.random_range(0..2_usize));
        loop {
            let asked = Instant::now();
            match self.doors[door].send(Method::POST, &path, &headers, None).await {
                Ok(answer) if answer.status == 200 => return self.note(answer.field("number"), draft),
                Ok(answer) if is_early(draft) && is_too_early(&answer) => {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                    return Ok(());
                }
                Ok(answer) if answer.status == 503 => self.excuse(&answer, asked)?,
                Ok(answer) if answer.code() == "idempotency_key_in_use" => {}
                Ok(answer) => bail!("{path}: {} {}", answer.status, answer.text),
                // Nobody knows whether it was done.
                Err(error) if error.downcast_ref::<reqwest::Error>().is_some() => door = 1 - door,
                Err(error) => return Err(error),
            }
            ensure!(began.elapsed() < LIMIT, "no answer to {path}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn note(&self, number: &str, draft: u64) -> Result<()> {
        let mut told = self.told.lock().map_err(|error| anyhow::anyhow!("{error}"))?;
        let before = told.insert(number.to_owned(), draft);
        ensure!(before.is_none(), "{number} was given to draft {draft}, and to {before:?}");
        Ok(())
    }

    /// A 503 may come if a killed process is the reason; that no connection could be had, only as long as there is one process less. The counter is no excuse:
    /// it may cost a wait, and no answer.
    fn excuse(&self, answer: &Answer, asked: Instant) -> Result<()> {
        let shaken = *self.shaken.lock().map_err(|error| anyhow::anyhow!("{error}"))?;
        let wants_connection = answer.field("detail").starts_with(NO_CONNECTION);
        let is_excused = shaken.is_some_and(|Shaken { down_until, until }| {
            asked <= if wants_connection { down_until } else { until }
        });
        ensure!(is_excused, "503, and nobody was killed: {}", answer.text);
        Ok(())
    }

    /// SIGKILL for one of the processes at any moment, and another one in its place.
    async fn kill(&self, world: &World, apis: &mut [Api; 2], seed: u64) -> Result<()> {
        let mut dice = StdRng::seed_from_u64(seed);
        while !self.closed.load(Ordering::Relaxed) {
            // Not a wait for anything: the moment of the blow is random.
            tokio::time::sleep(Duration::from_millis(dice.random_range(100..LONGEST_PAUSE_MS))).await;
            if !self.is_rough.load(Ordering::Relaxed) {
                continue;
            }
            let api = &mut apis[dice.random_range(0..2_usize)];
            self.shaken_for(START_LIMIT, START_LIMIT)?;
            api.daemon.kill()?;
            api.start_again(world, &[]).await?;
            self.shaken_for(Duration::ZERO, AFTERMATH)?;
            self.kills.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn shaken_for(&self, down: Duration, whole: Duration) -> Result<()> {
        let mut shaken = self.shaken.lock().map_err(|error| anyhow::anyhow!("{error}"))?;
        let now = Instant::now();
        *shaken = Some(Shaken { down_until: now + down, until: now + whole });
        Ok(())
    }

    /// Day after day: all clients are done with one before the next one begins. Nobody is killed before the second one.
    async fn days(&self, drafts_a_day: u64, time_of_a_day: Duration, seed: u64) -> Result<()> {
        for day in 0..DAYS {
            self.next.store(day * drafts_a_day + 1, Ordering::Relaxed);
            // The last one of each day is left over.
            self.last.store((day + 1) * drafts_a_day - 1, Ordering::Relaxed);
            let end = Instant::now() + time_of_a_day;
            let clients =
                (0..CLIENTS).map(|number| self.client(seed.wrapping_add(day * CLIENTS + number), end));
            futures::future::try_join_all(clients).await?;
            self.is_rough.store(true, Ordering::Relaxed);
        }
        self.closed.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// Dates the drafts of each day, the last of which is today, some of them the day before, and gives them a series of their own: another invoice is dated today
/// already.
async fn date(world: &World, api: &Api, drafts_a_day: u64) -> Result<()> {
    let body = json!({"invoicing": {"series": "RA"}});
    let changed = api.http.send(Method::PATCH, "/tenant", &[("If-Match", "*")], Some(&body)).await?;
    ensure!(changed.status == 200, "{}", changed.text);
    let sql = world.sql().await?;
    let query = "UPDATE invoice_drafts SET content = jsonb_set(content, '{issue_date}',
            to_jsonb(((now() AT TIME ZONE 'Europe/Paris')::date - $3::integer - CASE
                WHEN ('x' || right(invoice_id::text, 12))::bit(48)::bigint % $4::bigint = $4::bigint - 1 THEN 1 ELSE 0 END)::text))
        WHERE invoice_id BETWEEN $1::text::uuid AND $2::text::uuid";
    let id = |number: u64| format!("01900000-0000-7000-b200-{number:012x}");
    for day in 0..DAYS {
        let (first, last) = (id(day * drafts_a_day + 1), id((day + 1) * drafts_a_day));
        let back = i32::try_from(DAYS - 1 - day)?;
        sql.execute(query, &[&first, &last, &back, &i64::try_from(EARLY_ONE_IN)?]).await?;
    }
    Ok(())
}

async fn race(world: &World, drafts_a_day: u64, time_of_a_day: Duration) -> Result<()> {
    let seed: u64 = rand::random();
    eprintln!("seed {seed}");
    let mut apis = [world.api().await?, world.api().await?];
    Drafts::prepare(world, &apis[0], DAYS * drafts_a_day).await?;
    date(world, &apis[0], drafts_a_day).await?;
    let office = Office {
        doors: [apis[0].http.clone(), apis[1].http.clone()],
        next: AtomicU64::new(1),
        last: AtomicU64::new(0),
        told: Mutex::default(),
        refused: AtomicUsize::new(0),
        is_rough: AtomicBool::new(false),
        closed: AtomicBool::new(false),
        kills: AtomicUsize::new(0),
        shaken: Mutex::default(),
    };
    tokio::try_join!(office.days(drafts_a_day, time_of_a_day, seed), office.kill(world, &mut apis, seed))?;
    let kills = office.kills.load(Ordering::Relaxed);
    ensure!(kills > 0, "nobody was killed");

    // Who dates an invoice before the last one is refused, and takes no number.
    let answer = apis[0].http.command(&Drafts::path(drafts_a_day)).await?;
    ensure!(is_too_early(&answer), "{}", answer.text);
    let refused = office.refused.load(Ordering::Relaxed);
    ensure!(refused > 0, "nobody came too late with the day before");

    let told = office.told.into_inner().map_err(|error| anyhow::anyhow!("{error}"))?;
    eprintln!("{} invoices, {refused} dated too early, {kills} kills", told.len());
    is_complete(world, &told).await?;
    let exit = world.run_api(&["invoices", "verify"]).await?;
    ensure!(exit.code == Some(0), "{exit:?}");
    for api in &mut apis {
        api.daemon.terminate(LIMIT).await?;
        ensure!(!api.daemon.output().contains("panicked"), "{}", api.daemon.output());
    }
    had_no_deadlock(world).await
}

/// The numbers of each year are 1 to the last one, in the order of dates, and are those that clients were told.
async fn is_complete(world: &World, told: &BTreeMap<String, u64>) -> Result<()> {
    let sql = world.sql().await?;
    let query = "SELECT i.number, c.year::integer, c.position, c.issue_date::text, i.id::text
        FROM invoice_contents AS c JOIN invoices AS i ON i.tenant_id = c.tenant_id AND i.id = c.invoice_id
        WHERE c.series = 'RA' ORDER BY c.year, c.position";
    let (mut year, mut position, mut date, mut count) = (0, 0, String::new(), 0);
    for row in sql.query(query, &[]).await? {
        let (number, its_year, its_position): (String, i32, i64) = (row.get(0), row.get(1), row.get(2));
        let (its_date, id): (String, String) = (row.get(3), row.get(4));
        position = if its_year == year { position + 1 } else { 1 };
        year = its_year;
        ensure!(its_position == position, "{number} comes where {position} should");
        ensure!(number == format!("RA-{year}-{position:06}"), "{number} is the {position}th of {year}");
        ensure!(its_date >= date, "{number} is dated {its_date}, after one of {date}");
        date = its_date;
        let draft = told.get(&number).with_context(|| format!("nobody was told of {number}"))?;
        ensure!(id == format!("01900000-0000-7000-b200-{draft:012x}"), "{number} is not of draft {draft}");
        count += 1;
    }
    ensure!(count == told.len() && count > 0, "{count} invoices, and clients were told of {}", told.len());
    let query = "SELECT sum(last)::bigint FROM invoice_counters WHERE series = 'RA'";
    let drawn: i64 = sql.query_one(query, &[]).await?.get(0);
    ensure!(usize::try_from(drawn)? == count, "{drawn} numbers were drawn for {count} invoices");
    Ok(())
}

async fn had_no_deadlock(world: &World) -> Result<()> {
    let administrator = world.administrator().await?;
    let number = async |query: &str| -> Result<i64> { Ok(administrator.query_one(query, &[]).await?.get(0)) };
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
async fn numbers_have_no_gap_and_no_repeat_whatever_is_killed() {
    World::run(async |world| race(world, 1_000, Duration::from_millis(1_500)).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn numbers_have_no_gap_and_no_repeat_for_a_minute() {
    World::run(async |world| race(world, 10_000, Duration::from_secs(12)).await).await;
}
