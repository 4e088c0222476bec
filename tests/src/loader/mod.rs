//! Loads a sales file over HTTP. First it receives what the file sells; then each invoice number becomes an order, which is
//! placed, confirmed, shipped and delivered; then what the invoices of `C` take back is returned, and what was lost is written
//! off. If it is asked to, it invoices what was shipped, credits what came back, and pays most of it. Customers and products are
//! created as they are needed.
//!
//! It streams in bounded memory, for files of any size: it reads the file once for each of these phases. Running it again changes
//! nothing. Rows that are refused are listed and counted, never dropped silently. See docs/demo.md.

mod amounts;
mod books;
mod calendar;
mod catalogue;
mod client;
mod countries;
mod identities;
mod invoices;
mod orders;
mod outcome;
mod parts;
mod payments;
mod plan;
mod progress;
mod receipts;
mod refusals;
mod returns;
mod rows;
mod sales;
mod shelf;
mod steps;
mod stripes;
mod turns;
mod write_offs;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub use countries::code as country_code;
pub use progress::Progress;
pub use rows::{COLUMNS, InputError, Invoice, Piece, Pieces, RefusedRow, Row};

use books::Books;
use calendar::Calendar;
use catalogue::Catalogue;
use client::Client;
use outcome::{Outcome, Problem};
use parts::Parts;
use plan::Plan;
use refusals::Refusals;
use returns::Returning;
use sales::Sales;
use shelf::Shelf;
use stripes::Stripes;
use write_offs::Losing;

/// The most failures that are kept with their message; the others are only counted.
const FAILURES_KEPT: usize = 20;
/// How long the loader waits, each time, for an API or a database that is not reached.
pub const DEFAULT_PATIENCE: Duration = Duration::from_secs(120);
/// What is sold and lies on no shelf: the codes of the "Online Retail" file (Chen, Sain, Guo 2012) for postage and carriage, fees,
/// discounts, samples, and corrections of amounts.
const SERVICES: [&str; 10] = ["AMAZONFEE", "B", "BANK CHARGES", "C2", "CRUK", "D", "DOT", "M", "POST", "S"];

/// Whether a code is one of something that is not kept in stock, in upper or lower case. Its VAT is that of the goods with which it is charged.
pub fn is_service(sku: &str) -> bool {
    SERVICES.iter().any(|service| service.eq_ignore_ascii_case(sku))
}

#[derive(Debug, Clone)]
pub struct Options {
    /// The API's root, such as `http://127.0.0.1:8080`.
    pub api: String,
    /// An API key, or an access token that lives long enough, which may write customers, products, orders and stock, and ship.
    pub credential: String,
    pub orders: PathBuf,
    /// The file for the list of refused rows.
    pub refused: PathBuf,
    /// Invoices that are loaded at the same time.
    pub concurrency: usize,
    /// The VAT rate, in percent, of every product that is created.
    pub vat_rate: String,
    /// Whether what was shipped is invoiced, credited and paid as well. The company must have what its invoices say of it.
    pub invoices: bool,
    pub patience: Duration,
}

/// The result of a load.
#[derive(Debug, Default, Clone)]
pub struct Report {
    pub rows: u64,
    pub invoices: u64,
    /// Documents by which goods were received, came back, and were written off.
    pub receipts: u64,
    pub returns: u64,
    pub write_offs: u64,
    /// Invoices that have a number, credit notes, and payments.
    pub numbered: u64,
    pub credit_notes: u64,
    pub payments: u64,
    /// Orders that could not be invoiced, returns that could not be credited, and invoices that could not be paid, by the reason why.
    pub not_documented: BTreeMap<String, u64>,
    /// Orders by their final state.
    pub orders: BTreeMap<String, u64>,
    /// Invoices of which no row was accepted.
    pub refused_invoices: u64,
    /// Rows by the reason why they are in no document, or not with all of their quantity.
    pub refused_rows: BTreeMap<String, u64>,
    /// Answered HTTP requests.
    pub requests: u64,
    /// Requests that had to be sent again.
    pub retries: u64,
    pub elapsed: Duration,
    /// How much of it went into invoices, credit notes and payments.
    pub invoicing: Duration,
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

/// What a reading of the whole file is for. Each phase takes its part of each piece, and is over before the next one begins: a
/// return finds all sales shipped, and what is written off is not taken from an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Orders,
    Returns,
    WriteOffs,
}

impl Phase {
    fn title(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Returns => "returns",
            Self::WriteOffs => "losses",
        }
    }
}

/// What is to be done in a phase with a piece of the file.
enum Task {
    Refused(RefusedRow),
    Order(Invoice),
    Return { returning: Returning, rows: usize },
    WriteOff { losing: Losing, rows: usize },
}

impl Task {
    fn rows(&self) -> usize {
        match self {
            Self::Refused(_) => 1,
            Self::Order(invoice) => invoice.rows.len(),
            Self::Return { rows, .. } | Self::WriteOff { rows, .. } => *rows,
        }
    }
}

/// A piece of the file, and the bytes that were read for it.
struct Job {
    piece: Piece,
    bytes: u64,
}

/// A file that a thread of its own reads.
struct Reading {
    jobs: mpsc::Receiver<Result<Job, InputError>>,
    reader: JoinHandle<()>,
    /// Bytes.
    size: u64,
}

struct Load {
    client: Client,
    catalogue: Catalogue,
    calendar: Calendar,
    shelf: Shelf,
    sales: Sales,
    parts: Parts,
    books: Books,
    /// Whether the file sells more products than are received.
    is_full: bool,
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
    let begin = Instant::now();
    let plan = plan::read(options, progress).await?;
    let Plan { products, is_full, returned, parts, countries, calendar, id } = plan;
    let load = Load {
        client: Client::new(&options.api, &options.credential, options.patience)?,
        catalogue: Catalogue::new(&options.vat_rate, countries),
        calendar,
        shelf: Shelf::default(),
        sales: Sales::new(returned),
        parts,
        books: Books::new(options.invoices),
        is_full,
        turns: Stripes::new(),
        report: Mutex::new(Report::default()),
        refusals: Mutex::new(Refusals::create(&options.refused)?),
        stopped: AtomicBool::new(false),
    };
    let received = receipts::receive(&load, products, &id, options.concurrency, progress).await;
    if let Err(problem) = received {
        // Without goods, orders would be refused that are not wrong.
        load.stopped.store(true, Ordering::Relaxed);
        load.fail(&format!("receipts: {}", problem.message()), 0);
    }
    for phase in [Phase::Orders, Phase::Returns, Phase::WriteOffs] {
        if !load.is_stopped() {
            run(&load, phase, options, progress).await?;
        }
        // What comes back has left and is invoiced before it does: a return takes off what can be invoiced.
        let invoicing = Instant::now();
        match phase {
            _ if load.is_stopped() || !load.books.are_kept() => {}
            Phase::Orders => invoices::invoice(&load, options.concurrency, progress).await,
            Phase::Returns => invoices::credit(&load, options.concurrency, progress).await,
            Phase::WriteOffs => payments::pay(&load, options.concurrency, progress).await,
        }
        load.with_report(|report| report.invoicing += invoicing.elapsed());
    }
    let left_out = load.books.left_out();
    if left_out > 0 {
        load.fail(&format!("{left_out} orders, returns or invoices are too many to be remembered"), left_out);
    }
    progress.finish();
    load.finish(begin.elapsed())
}

/// Opens the file, and begins to read it.
fn open(options: &Options) -> Result<Reading> {
    let context = || format!("cannot open {}", options.orders.display());
    let file = File::open(&options.orders).with_context(context)?;
    let metadata = file.metadata().with_context(context)?;
    if !metadata.is_file() {
        return Err(InputError::NotAFile.into());
    }
    let pieces = Pieces::new(BufReader::new(file))?;
    let (sender, jobs) = mpsc::channel(options.concurrency * 2);
    let reader = tokio::task::spawn_blocking(move || read(pieces, &sender));
    Ok(Reading { jobs, reader, size: metadata.len() })
}

/// Sends jobs until the file ends, or until nobody receives them any more.
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

/// Reads the file once, and does what is to be done in this phase.
async fn run(load: &Load, phase: Phase, options: &Options, progress: &Progress) -> Result<()> {
    let Reading { jobs, reader, size } = open(options)?;
    progress.begin(phase.title(), size);
    let jobs = futures::stream::unfold(jobs, async |mut jobs| {
        jobs.recv().await.map(|job: Result<Job, InputError>| (job, jobs))
    });
    // Here the pieces still are in the order of the file.
    jobs.map(|job| Ok(job.map(|Job { piece, bytes }| (load.task(phase, piece), bytes))))
        .try_for_each_concurrent(options.concurrency, |job| work(load, phase, job, progress))
        .await?;
    reader.await.context("the reader panicked")
}

async fn work(
    load: &Load,
    phase: Phase,
    job: Result<(Option<Task>, u64), InputError>,
    progress: &Progress,
) -> Result<()> {
    if load.is_stopped() {
        // Jobs are dropped without work, so that the reader can end.
        return Ok(());
    }
    match job {
        Ok((task, bytes)) => {
            let rows = task.as_ref().map_or(0, Task::rows) as u64;
            if let Some(task) = task {
                load.carry_out(task).await?;
            }
            load.with_report(|report| report.rows += rows);
            progress.advance(bytes, rows, "rows");
        }
        // The later phases meet it again.
        Err(error) if phase == Phase::Orders => load.fail(&error.to_string(), 0),
        Err(_) => {}
    }
    Ok(())
}

impl Load {
    /// Returns what is to be done with a piece in this phase. Pieces must come in the order of the file, because what comes back
    /// and what is written off is decided here.
    fn task(&self, phase: Phase, piece: Piece) -> Option<Task> {
        let mut invoice = match (phase, piece) {
            (Phase::Orders, Piece::Refused(row)) => return Some(Task::Refused(row)),
            (_, Piece::Refused(_)) => return None,
            (_, Piece::Invoice(invoice)) => invoice,
        };
        if invoice.is_cancellation() != (phase == Phase::Returns) {
            return None;
        }
        if phase != Phase::Returns {
            invoice.rows.retain(|row| row.is_write_off() == (phase == Phase::WriteOffs));
        }
        let rows = invoice.rows.len();
        match phase {
            _ if rows == 0 => None,
            Phase::Orders => Some(Task::Order(invoice)),
            Phase::Returns => {
                let mut returning = self.sales.allot(invoice, &self.calendar);
                returning.tell_apart(&self.parts);
                Some(Task::Return { returning, rows })
            }
            Phase::WriteOffs => {
                let mut losing = Losing::allot(invoice, &self.shelf);
                losing.tell_apart(&self.parts);
                Some(Task::WriteOff { losing, rows })
            }
        }
    }

    async fn carry_out(&self, task: Task) -> Result<()> {
        let (number, outcome) = match task {
            Task::Refused(row) => return self.refuse(std::slice::from_ref(&row)),
            Task::Order(invoice) => {
                let number = invoice.number.clone();
                let _turn = self.turns.turn(&number).await;
                let outcome = orders::load_invoice(self, invoice).await;
                (number, outcome)
            }
            Task::Return { returning, .. } => {
                (returning.number.clone(), returns::receive(self, returning).await)
            }
            Task::WriteOff { losing, .. } => {
                (losing.number.clone(), write_offs::write_off(self, losing).await)
            }
        };
        match outcome {
            Ok(outcome) => return self.note(outcome),
            Err(Problem::GaveUp(message)) => {
                self.stopped.store(true, Ordering::Relaxed);
                self.fail(&format!("{number}: gave up: {message}"), 1);
            }
            Err(problem) => self.fail(&format!("{number}: {}", problem.message()), 1),
        }
        Ok(())
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Whether a product of the file is kept in stock.
    fn is_stocked(&self, sku: &str) -> bool {
        !is_service(sku) && (!self.is_full || self.shelf.holds(sku))
    }

    fn with_report(&self, change: impl FnOnce(&mut Report)) {
        change(&mut self.report.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn refuse(&self, rows: &[RefusedRow]) -> Result<()> {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        rows.iter().try_for_each(|row| refusals.add(row))
    }

    fn note(&self, outcome: Outcome) -> Result<()> {
        let Outcome { status, returns, write_offs, refused } = outcome;
        self.refuse(&refused)?;
        self.with_report(|report| {
            report.invoices += 1;
            report.returns += returns;
            report.write_offs += write_offs;
            match status {
                Some(status) => *report.orders.entry(status).or_default() += 1,
                None if returns + write_offs == 0 => report.refused_invoices += 1,
                None => {}
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
        let refused_rows = self.refusals.into_inner().unwrap_or_else(PoisonError::into_inner).finish()?;
        let report = self.report.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Report { refused_rows, requests, retries, elapsed, ..report })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postage_lies_on_no_shelf() {
        for sku in ["POST", "m", "BANK CHARGES"] {
            assert!(is_service(sku), "{sku}");
        }
        for sku in ["22633", "PADS", "POSTER", ""] {
            assert!(!is_service(sku), "{sku}");
        }
    }
}
