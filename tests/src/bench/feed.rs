//! Live notifications: from the commit of an event to its clients, the memory of a client, and what they cost while nobody
//! listens.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::task::JoinSet;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::harness::{Api, EventStream, Scrape, Services, World, until};

use super::report::{Claim, Measurement, Series, Wanted};
use super::usage;
use super::{Effort, outbox, progress};

const CROWDS: [usize; 2] = [1, 1_000];
/// From one event to the next.
const PACE: Duration = Duration::from_millis(50);
const LIMIT: Duration = Duration::from_secs(120);
const LIMITS: [(&str, &str); 1] = [("COMPTOIR__NOTIFICATIONS__STREAMS_PER_SESSION", "2000")];
const BYTES_OF_A_MIB: f64 = 1024.0;

pub(super) async fn measure(services: &Services, effort: Effort) -> Result<Vec<Measurement>> {
    let mut latency = Measurement::new("from commit to client, two replicas", "ms");
    let mut memory = Measurement::new("memory of a listening client", "KiB");
    for clients in CROWDS {
        let (mut p50, mut p99) =
            (Series::new(format!("p50, {clients} clients")), Series::new(format!("p99, {clients} clients")));
        let mut each = Series::new(format!("{clients} clients"));
        for round in effort.rounds() {
            progress(format!("feed: {clients} clients, round {round}"));
            let world = outbox::fresh(services).await?;
            let measured = crowd(&world, clients, effort.pick(40, 200)).await?;
            p50.push(measured.quantile(0.50));
            p99.push(measured.quantile(0.99));
            each.push(measured.kib_of_a_client);
        }
        let what = |name: &str| format!("feed: {name} from commit to client, {clients} clients");
        latency = latency
            .claims([
                Claim::new(what("p50"), p50.median(), "ms", Wanted::Nothing),
                Claim::new(what("p99"), p99.median(), "ms", Wanted::Nothing),
            ])
            .series([p50, p99]);
        if clients > 1 {
            let claim =
                Claim::new("feed: memory of a listening client", each.median(), "KiB", Wanted::AtMost(64.0));
            memory = memory.claims([claim]).series([each]);
        }
    }
    Ok(vec![latency, memory, alone(services).await?])
}

struct Measured {
    /// In ascending order.
    millis: Vec<f64>,
    kib_of_a_client: f64,
}

impl Measured {
    fn quantile(&self, quantile: f64) -> f64 {
        let at = (self.millis.len() as f64 * quantile) as usize;
        self.millis.get(at.min(self.millis.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
    }
}

/// When each event was committed, in nanoseconds since the beginning; 0 until then.
type Commits = Arc<(Instant, Vec<AtomicU64>)>;

async fn crowd(world: &World, clients: usize, events: usize) -> Result<Measured> {
    let replicas = [Api::start(world, &LIMITS).await?, Api::start(world, &LIMITS).await?];
    let resident =
        || -> Result<f64> { replicas.iter().map(|api| usage::resident_mib(api.daemon.pid())).sum() };
    // What the first client costs is not a client's.
    drop(EventStream::open(&replicas[0].http, "", None).await?);
    drop(EventStream::open(&replicas[1].http, "", None).await?);
    let before = resident()?;
    let commits: Commits = Arc::new((Instant::now(), (0..events).map(|_| AtomicU64::new(0)).collect()));
    let (ready, millis) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
    let mut listening = JoinSet::new();
    for number in 0..clients {
        let http = replicas[number % 2].http.clone();
        let (commits, ready, millis) = (Arc::clone(&commits), Arc::clone(&ready), Arc::clone(&millis));
        listening.spawn(async move {
            let mut stream = EventStream::open(&http, "?types=order.measured", None).await?;
            ready.fetch_add(1, Ordering::Relaxed);
            let own = listen(&mut stream, &commits).await?;
            millis.lock().unwrap_or_else(PoisonError::into_inner).extend(own);
            anyhow::Ok(())
        });
    }
    until("everybody to listen", LIMIT, async || {
        let listening = ready.load(Ordering::Relaxed);
        ensure!(listening == clients, "{listening} of {clients}");
        Ok(())
    })
    .await?;
    let kib_of_a_client = (resident()? - before) * BYTES_OF_A_MIB / clients as f64;
    let sql = world.sql().await?;
    let tenant = world.tenant().await?.id;
    for number in 0..events {
        tokio::time::sleep(PACE).await;
        commit(&sql, tenant, number, &commits).await?;
    }
    while let Some(ended) =
        tokio::time::timeout(LIMIT, listening.join_next()).await.context("clients wait")?
    {
        ended??;
    }
    let mut millis = std::mem::take(&mut *millis.lock().unwrap_or_else(PoisonError::into_inner));
    millis.sort_unstable_by(f64::total_cmp);
    Ok(Measured { millis, kib_of_a_client })
}

/// Returns how long each event took to this client.
async fn listen(stream: &mut EventStream, commits: &Commits) -> Result<Vec<f64>> {
    let mut millis = Vec::with_capacity(commits.1.len());
    while millis.len() < commits.1.len() {
        let message = stream.next_message().await?.context("the stream ended")?;
        let arrived = commits.0.elapsed();
        let number = message.data["payload"].as_u64().with_context(|| format!("{message:?}"))?;
        let committed = commits.1.get(number as usize).context("no such event")?.load(Ordering::Acquire);
        // It may arrive before its writer hears of the commit.
        let took = if committed == 0 {
            Duration::ZERO
        } else {
            arrived.saturating_sub(Duration::from_nanos(committed))
        };
        millis.push(took.as_secs_f64() * 1000.0);
    }
    Ok(millis)
}

/// Commits an event, and wakes whoever waits, as the API does.
async fn commit(sql: &Client, tenant: Uuid, number: usize, commits: &Commits) -> Result<()> {
    let insert = format!(
        "INSERT INTO outbox_events (tenant_id, aggregate_type, aggregate_id, event_type, payload)
        VALUES ('{tenant}', 'order', 'a', 'order.measured', '{number}')"
    );
    sql.batch_execute(&insert).await?;
    let now = u64::try_from(commits.0.elapsed().as_nanos())?;
    if let Some(commit) = commits.1.get(number) {
        commit.store(now, Ordering::Release);
    }
    sql.batch_execute("BEGIN; SET LOCAL synchronous_commit = off; NOTIFY comptoir_outbox; COMMIT").await?;
    Ok(())
}

/// What is read of the log while events happen and nobody listens.
async fn alone(services: &Services) -> Result<Measurement> {
    let world = outbox::fresh(services).await?;
    let api = Api::start(&world, &LIMITS).await?;
    for number in 0..20 {
        api.customer(&format!("C-{number}")).await?;
    }
    let mut reads = Series::new("reads of the log");
    reads.push(Scrape::of(&api.operations).await?.sum("comptoir_feed_reads_total").context("no metric")?);
    let claim = Claim::new("feed: reads while nobody listens", reads.median(), "", Wanted::AtMost(0.0));
    Ok(Measurement::new("the log while nobody listens", "reads").claims([claim]).series([reads]))
}
