//! The main job from end to end: goods, orders and invoices over HTTP, their events through the relay to an independent consumer,
//! and a comparison of the committed events with those that arrived, and of the stock and the invoices with the file. See docs/demo.md.

mod books;
mod company;
mod documents;
mod expected;
mod expected_days;
mod expected_invoices;
mod invoices;
mod left;
mod stock;
mod summary;
mod supervisor;

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use chrono::Utc;

use crate::harness::{Api, Consumer, QueueOptions, Relay, Services, World, connect, root};
use crate::loader::{self, Progress, Report};
use crate::year;

pub use books::BookFindings;
pub use company::introduce_company;
pub use documents::{draw, judge};
pub use expected::Expected;
pub use expected_invoices::{Due, ExpectedInvoices, Sums};
pub use invoices::{Documents, InvoiceFindings};
pub use stock::StockFindings;

use summary::{Checked, Summary};
use supervisor::Supervisor;

/// The longest time without an arrival while events are missing.
const STANDSTILL_LIMIT: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The time in which a delivery that should not come may still come.
const AFTERMATH: Duration = Duration::from_millis(300);
/// The folder of the documents that are judged, within that of the demo.
const DRAWN: &str = "drawn";
/// The VAT of all products, in percent. The file does not say.
const VAT_RATE: &str = "20";

#[derive(Debug, Clone)]
pub struct Options {
    /// A sales file.
    pub orders: PathBuf,
    /// Load a year that is made of this file: the day that it is of, again and again ([`crate::year`]).
    pub year: bool,
    /// Invoices that are loaded at the same time.
    pub concurrency: usize,
    /// How many documents, drawn at random, the schematrons and other readers judge at the end.
    pub judged: u32,
    /// Leave the database and the virtual host in place.
    pub keep: bool,
}

/// The sales file that the project ships.
pub fn sample() -> PathBuf {
    root().join("tests/data/orders-sample.csv")
}

/// Runs the demo. Returns true if every committed event arrived, and no other, in order, and the stock and the invoices are what the file says.
///
/// # Errors
/// Fails if a part of it cannot be started, or at Ctrl-C.
#[expect(clippy::print_stdout, reason = "the summary is what the demo is for")]
pub async fn run(options: &Options) -> Result<bool> {
    let folder = root().join(".dev/demo");
    let orders = if options.year { year_of(&options.orders, &folder)? } else { options.orders.clone() };
    let size = std::fs::metadata(&orders).with_context(|| format!("cannot read {}", orders.display()))?.len();
    let services = tokio::task::spawn_blocking(Services::from_environment).await??;
    let mut world = World::lasting(services, folder.clone()).await?;
    documents::clear(&folder)?;
    let queue = QueueOptions { keep_messages: false, contracts: true, ..QueueOptions::default() };
    let consumer = Consumer::attach(&world.vhost().url, queue).await?;
    let credential = world.found_tenant("Demo").await?.api_key.clone();
    let api = Api::start(&world, supervisor::QUIET).await?;
    introduce_company(&api.http).await?;
    let relay = Relay::start(&world, &[]).await?;
    introduce(&world, &api, &relay, &orders);

    let load = loader::Options {
        api: api.http.root().to_owned(),
        credential,
        orders,
        refused: folder.join("refused-rows.csv"),
        concurrency: options.concurrency,
        vat_rate: VAT_RATE.to_owned(),
        invoices: true,
        patience: loader::DEFAULT_PATIENCE,
    };
    // The loader's last day, even if the demo runs over midnight.
    let today = Utc::now().date_naive();
    let progress = Progress::new("orders", size);
    let supervisor = Supervisor::new(&world, api, relay);
    let outcome = tokio::select! {
        outcome = main_job(&load, options.judged, &world, &consumer, &progress) => outcome,
        error = supervisor.run(&progress) => Err(error),
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
    };
    progress.finish();
    let Done { report, elapsed, mut books, left, drawn } = outcome?;
    let stock = StockFindings::of(&world, &load.orders, &load.refused).await?;
    let invoices = InvoiceFindings::of(&world, &load.orders, &load.refused, VAT_RATE, today).await?;
    if let Some(due) = &invoices.due {
        books.compare_due(due);
    }
    let checked = Checked { stock, invoices, books, left };
    if drawn > 0 {
        eprintln!("judging {drawn} documents, which are in {}", folder.join(DRAWN).display());
        documents::judge(&folder.join(DRAWN), drawn).await?;
        println!("{drawn} documents, drawn at random, pass the schematrons and three readers");
    }
    let summary = Summary::new(&world, &consumer, report, checked, load.refused, elapsed).await?;
    println!("{summary}");
    if options.keep {
        println!("kept: {} and {}", world.database.url, world.vhost().url);
        world.keep();
    } else if summary.is_sound() && world.services.superuser_url.is_some() {
        println!("{}", left::to_run(&mut world, &folder).await?);
    }
    Ok(summary.is_sound())
}

/// Writes the year of a day's file into the folder. It stays there: to be loaded again, or by another version.
fn year_of(day: &Path, folder: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let file = File::open(day).with_context(|| format!("cannot read {}", day.display()))?;
    let path = folder.join("year.csv");
    let year = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    year::write(BufReader::new(file), BufWriter::new(year)).with_context(|| day.display().to_string())?;
    Ok(path)
}

fn introduce(world: &World, api: &Api, relay: &Relay, orders: &Path) {
    let server = |name: &str, pid: Option<u32>| {
        pid.map(|pid| format!(", {name} is process {pid}")).unwrap_or_default()
    };
    eprintln!(
        "api is process {}, relay is process {}{}{}",
        api.daemon.pid(),
        relay.daemon.pid(),
        server("RabbitMQ", world.services.rabbitmq_pid),
        server("PostgreSQL", world.services.postgres_pid),
    );
    eprintln!("kill -9 any of them if you like: they are started again, and nothing is lost");
    eprintln!("loading {} into {}, logs in {}", orders.display(), api.http.root(), world.logs().display());
}

/// What the main job did.
struct Done {
    report: Report,
    elapsed: Duration,
    books: BookFindings,
    /// The documents that it left.
    left: Vec<PathBuf>,
    /// How many documents were drawn to be judged.
    drawn: usize,
}

async fn main_job(
    load: &loader::Options,
    judged: u32,
    world: &World,
    consumer: &Consumer,
    progress: &Progress,
) -> Result<Done> {
    let begin = Instant::now();
    let report = loader::load(load, progress).await?;
    progress.begin("events", 0);
    let mut last = (consumer.distinct(), Instant::now());
    loop {
        // A new connection each time: the database may have been killed, too.
        let committed = committed_count(&world.database.url).await;
        let arrived = consumer.distinct();
        if arrived != last.0 {
            last = (arrived, Instant::now());
        }
        if let Ok((committed, settled)) = committed {
            progress.reach(arrived as u64, committed, "events arrived");
            if arrived as u64 >= committed && settled {
                let elapsed = begin.elapsed();
                tokio::time::sleep(AFTERMATH).await;
                let (sql, folder) = (connect(&world.database.url).await?, world.logs());
                let left = documents::leave(&sql, &load.api, &load.credential, folder).await?;
                let drawn = match judged {
                    0 => 0,
                    most => {
                        documents::draw(&sql, &load.api, &load.credential, &folder.join(DRAWN), most).await?
                    }
                };
                let books = BookFindings::of(&sql, &load.api, &load.credential).await?;
                return Ok(Done { report, elapsed, books, left, drawn });
            }
        }
        if last.1.elapsed() >= STANDSTILL_LIMIT {
            // Not an error: the comparison names the missing events.
            progress.say(&format!(
                "nothing arrived for {} s: comparing what there is",
                STANDSTILL_LIMIT.as_secs()
            ));
            return Ok(Done {
                report,
                elapsed: begin.elapsed(),
                books: BookFindings::default(),
                left: Vec::new(),
                drawn: 0,
            });
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Returns how many events are committed, and whether the relay has settled them all, no level of stock has yet to be told of, and every
/// invoice has its document.
async fn committed_count(database_url: &str) -> Result<(u64, bool)> {
    let sql = connect(database_url).await?;
    let row = sql
        .query_one(
            "SELECT (SELECT count(*) FROM outbox_events),
                    (SELECT count(*) FROM outbox_history) + (SELECT count(*) FROM outbox_dead_letters),
                    (SELECT count(*) FROM stock_levels WHERE untold),
                    (SELECT count(*) FROM invoices AS i WHERE i.number IS NOT NULL AND NOT EXISTS (
                        SELECT FROM invoice_documents AS d WHERE d.tenant_id = i.tenant_id AND d.invoice_id = i.id))",
            &[],
        )
        .await?;
    let (pending, settled): (i64, i64) = (row.get(0), row.get(1));
    let (untold, unprinted): (i64, i64) = (row.get(2), row.get(3));
    if pending < 0 || settled < 0 {
        bail!("a negative count");
    }
    Ok((u64::try_from(pending + settled)?, pending == 0 && untold == 0 && unprinted == 0))
}
