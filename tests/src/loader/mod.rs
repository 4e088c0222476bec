//! Loads the orders of a sales file over HTTP: one order per invoice number, placed, confirmed, shipped and delivered, or
//! placed and cancelled where the number begins with `C`. Customers and products are created as they appear.
//!
//! It streams in bounded memory, for files of any size. Running it again changes nothing. Rows that the API refuses are
//! listed and counted, never dropped silently. See docs/demo.md.

mod catalogue;
mod client;
mod countries;
mod orders;
mod progress;
mod refusals;
mod rows;
mod steps;
mod stripes;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt};
use tokio::sync::mpsc;

pub use progress::Progress;
pub use rows::{COLUMNS, InputError, Invoice, Piece, Pieces, RefusedRow, Row};

use catalogue::Catalogue;
use client::Client;
use orders::{Outcome, Problem, load_invoice};
use refusals::Refusals;
use stripes::Stripes;

/// The most failures that are kept with their message; the others are only counted.
const FAILURES_KEPT: usize = 20;
/// How long the loader waits, each time, for an API or a database that is not reached.
pub const DEFAULT_PATIENCE: Duration = Duration::from_secs(120);

#[derive(Debug, Clone)]
pub struct Options {
    /// The API's root, such as `http://127.0.0.1:8080`.
    pub api: String,
    /// An API key, or an access token that lives long enough, which may write customers, products and orders.
    pub credential: String,
    pub orders: PathBuf,
    /// The file for the list of refused rows.
    pub refused: PathBuf,
    /// Invoices that are loaded at the same time.
    pub concurrency: usize,
    /// The VAT rate, in percent, of every product that is created.
    pub vat_rate: String,
    pub patience: Duration,
}

/// The result of a load.
#[derive(Debug, Default, Clone)]
pub struct Report {
    pub rows: u64,
    pub invoices: u64,
    /// Orders by their final state.
    pub orders: BTreeMap<String, u64>,
    /// Invoices of which no row was accepted.
    pub refused_invoices: u64,
    pub refused_rows: BTreeMap<String, u64>,
    /// Answered HTTP requests.
    pub requests: u64,
    /// Requests that had to be sent again.
    pub retries: u64,
    pub elapsed: Duration,
    pub failed_invoices: u64,
    /// The first failures, with their reasons.
    pub failures: Vec<String>,
}

impl Report {
    /// Whether everything that can be loaded is loaded. Refused rows do not count.
    pub fn is_complete(&self) -> bool {
        self.failed_invoices == 0 && self.failures.is_empty()
    }
}

/// A piece of the file, and the bytes that were read for it.
struct Job {
    piece: Piece,
    bytes: u64,
}

struct Load {
    client: Client,
    catalogue: Catalogue,
    /// Locks by invoice number: of invoices with the same number, the first in the file becomes the order.
    turns: Stripes,
    report: Mutex<Report>,
    refusals: Mutex<Refusals>,
    stopped: AtomicBool,
}

/// Loads a file.
///
/// # Errors
/// Fails if the file cannot be opened or has the wrong format ([`InputError`]), or if the list of refused rows cannot be
/// written. Later failures are in the report.
pub async fn load(options: &Options, progress: &Progress) -> Result<Report> {
    let file =
        File::open(&options.orders).with_context(|| format!("cannot open {}", options.orders.display()))?;
    let pieces = Pieces::new(BufReader::new(file))?;
    let load = Load {
        client: Client::new(&options.api, &options.credential, options.patience)?,
        catalogue: Catalogue::new(&options.vat_rate),
        turns: Stripes::new(),
        report: Mutex::new(Report::default()),
        refusals: Mutex::new(Refusals::create(&options.refused)?),
        stopped: AtomicBool::new(false),
    };
    let begin = Instant::now();
    let (sender, receiver) = mpsc::channel(options.concurrency * 2);
    let reader = tokio::task::spawn_blocking(move || read(pieces, &sender));
    let jobs = futures::stream::unfold(receiver, async |mut receiver| {
        receiver.recv().await.map(|job| (job, receiver))
    });
    jobs.map(Ok).try_for_each_concurrent(options.concurrency, |job| work(&load, job, progress)).await?;
    reader.await.context("the reader panicked")?;
    progress.finish();
    load.finish(begin.elapsed())
}

/// Sends jobs to the workers until the file ends, or until they stop receiving.
fn read<R: std::io::Read>(mut pieces: Pieces<R>, jobs: &mpsc::Sender<Result<Job, InputError>>) {
    let mut before = 0;
    while let Some(piece) = pieces.next() {
        let now = pieces.position_bytes();
        let job = piece.map(|piece| Job { piece, bytes: now - before });
        before = now;
        if jobs.blocking_send(job).is_err() {
            return;
        }
    }
}

async fn work(load: &Load, job: Result<Job, InputError>, progress: &Progress) -> Result<()> {
    if load.stopped.load(Ordering::Relaxed) {
        // Jobs are dropped without work, so that the reader can end.
        return Ok(());
    }
    let job = match job {
        Ok(job) => job,
        Err(error) => {
            load.fail(&error.to_string(), 0);
            return Ok(());
        }
    };
    let rows = match job.piece {
        Piece::Refused(row) => {
            load.refuse(std::slice::from_ref(&row))?;
            1
        }
        Piece::Invoice(invoice) => {
            let (number, rows) = (invoice.number.clone(), invoice.rows.len() as u64);
            let _turn = load.turns.turn(&number).await;
            match load_invoice(&load.client, &load.catalogue, invoice).await {
                Ok(outcome) => load.note(outcome)?,
                Err(Problem::Refused(refusal)) => load.fail(&format!("{number}: {}", refusal.message), 1),
                Err(Problem::Failed(message)) => load.fail(&format!("{number}: {message}"), 1),
                Err(Problem::GaveUp(message)) => {
                    load.stopped.store(true, Ordering::Relaxed);
                    load.fail(&format!("{number}: gave up: {message}"), 1);
                }
            }
            rows
        }
    };
    load.with_report(|report| report.rows += rows);
    progress.advance(job.bytes, rows, "rows");
    Ok(())
}

impl Load {
    fn with_report(&self, change: impl FnOnce(&mut Report)) {
        change(&mut self.report.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }

    fn refuse(&self, rows: &[RefusedRow]) -> Result<()> {
        let mut refusals = self.refusals.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        rows.iter().try_for_each(|row| refusals.add(row))
    }

    fn note(&self, outcome: Outcome) -> Result<()> {
        self.refuse(&outcome.refused)?;
        self.with_report(|report| {
            report.invoices += 1;
            match outcome.status {
                Some(status) => *report.orders.entry(status).or_default() += 1,
                None => report.refused_invoices += 1,
            }
        });
        Ok(())
    }

    fn fail(&self, message: &str, invoices: u64) {
        self.with_report(|report| {
            report.failed_invoices += invoices;
            if report.failures.len() < FAILURES_KEPT {
                report.failures.push(message.to_owned());
            }
        });
    }

    fn finish(self, elapsed: Duration) -> Result<Report> {
        let (requests, retries) = self.client.counts();
        let refused_rows =
            self.refusals.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).finish()?;
        let report = self.report.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(Report { refused_rows, requests, retries, elapsed, ..report })
    }
}
