//! The benchmarks. Each compares a program of this project with a floor that is measured in the same run, in turns (floor,
//! program, floor, program, …). It prints every figure and the ratio of the medians: absolute figures depend on the machine,
//! ratios on the programs. See docs/performance.md.

mod audit;
mod authentication;
mod console;
mod cost;
mod decay;
mod documents;
mod drain;
mod feed;
mod growth;
mod hot;
mod http_load;
mod idle;
mod invoices;
mod latency;
mod memory;
mod orders;
mod outbox;
mod pgbench;
mod raw_publisher;
mod report;
mod scale_out;
mod stock;
mod usage;

use anyhow::Result;
use clap::ValueEnum;

use crate::harness::Services;

pub use self::invoices::Drafts;
pub use self::orders::seed;
pub use self::pgbench::{ONE_LINE, Script, THREE_LINES};
pub use self::report::{Claim, Measurement, Series, Wanted, summary};

/// The extent of a measurement.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    pub size: Size,
    /// The number of rounds of each side.
    pub rounds: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Size {
    /// Enough to find a gross regression.
    Quick,
    /// The size of the figures in docs/performance.md.
    Standard,
    /// With the sizes that take minutes each: 10 million events, 10 million rows of history.
    Full,
}

impl Effort {
    fn pick<T>(self, quick: T, standard: T) -> T {
        if self.size == Size::Quick { quick } else { standard }
    }

    fn rounds(self) -> impl Iterator<Item = usize> {
        1..=self.rounds
    }
}

/// Which benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Subject {
    /// The relay's drain rate, against a raw confirmed publisher
    Drain,
    /// From commit to consumer, against a program that publishes directly after its commit
    Latency,
    /// The relay's peak memory while it drains a large backlog
    Memory,
    /// The drain rate beside long transactions and with a large history
    Decay,
    /// Four replicas against one, with a network between relay and broker
    ScaleOut,
    /// All events of one aggregate
    Hot,
    /// Write-ahead log and statements for each event
    Cost,
    /// What a relay, and all services of both programs, use while there is nothing to do
    Idle,
    /// POST /orders, against pgbench
    Orders,
    /// Orders that reserve the same product, and different ones, against pgbench; receipts of one product
    Stock,
    /// Validations of invoices of one series, over 32 connections, against pgbench
    Invoices,
    /// Live notifications: from commit to client, and what a client costs
    Feed,
    /// The documents of invoices: how fast the service makes them, against the crate alone; memory and size
    Documents,
    /// What authentication adds to GET /orders/{id}
    Authentication,
    /// What the audit trail costs the writers of one tenant
    Audit,
    /// The console's lists, against the API's own reads of them, in quiet and beside orders
    Console,
    /// The same requests with ten thousand orders and with a million
    Growth,
}

/// Runs a benchmark.
///
/// # Errors
/// Fails if a part of it cannot be started, or does not do the measured work.
pub async fn run(subject: Subject, services: &Services, effort: Effort) -> Result<Vec<Measurement>> {
    match subject {
        Subject::Drain => drain::measure(services, effort).await,
        Subject::Latency => latency::measure(services, effort).await,
        Subject::Memory => memory::measure(services, effort).await,
        Subject::Decay => decay::measure(services, effort).await,
        Subject::ScaleOut => scale_out::measure(services, effort).await,
        Subject::Hot => hot::measure(services, effort).await,
        Subject::Cost => cost::measure(services, effort).await,
        Subject::Idle => idle::measure(services, effort).await,
        Subject::Feed => feed::measure(services, effort).await,
        Subject::Orders => orders::measure(services, effort).await,
        Subject::Stock => stock::measure(services, effort).await,
        Subject::Documents => documents::measure(services, effort).await,
        Subject::Invoices => invoices::measure(services, effort).await,
        Subject::Authentication => authentication::measure(services, effort).await,
        Subject::Audit => audit::measure(services, effort).await,
        Subject::Console => console::measure(services, effort).await,
        Subject::Growth => growth::measure(services, effort).await,
    }
}

/// Prints what is being measured, because a run takes minutes. Goes to standard error; results go to standard output.
fn progress(what: impl std::fmt::Display) {
    eprintln!("… {what}");
}
