//! `bench`: compares the project's programs with floors that are measured in the same run. See docs/performance.md.
#![expect(clippy::print_stdout, reason = "a program for people")]

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use comptoir_tests::bench::{Effort, Size, Subject, run, summary};
use comptoir_tests::harness::Services;
use tikv_jemallocator::Jemalloc;

/// The relay's allocator, so that floors in this process do not pay for a slower one.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

const ROUNDS: usize = 3;
const QUICK_ROUNDS: usize = 1;

/// Measures the relay and the API against floors: programs that do nothing but what has to be done.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    /// Only these, such as `drain,latency`
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Subject>,
    /// Smaller and shorter: to see that nothing is badly wrong
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// With 10 million events and 10 million rows of history too, which takes half an hour more
    #[arg(long)]
    full: bool,
    /// Rounds of each side
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: Option<u16>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match measure(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(arguments: &Arguments) -> Result<()> {
    let services = tokio::task::spawn_blocking(Services::from_environment).await??;
    let (size, rounds) = match (arguments.quick, arguments.full) {
        (true, _) => (Size::Quick, QUICK_ROUNDS),
        (_, true) => (Size::Full, ROUNDS),
        _ => (Size::Standard, ROUNDS),
    };
    let effort = Effort { size, rounds: arguments.rounds.map_or(rounds, usize::from) };
    let chosen = if arguments.only.is_empty() { Subject::value_variants() } else { &arguments.only };
    let mut all = Vec::new();
    for subject in chosen {
        for measurement in run(*subject, &services, effort).await? {
            println!("{measurement}");
            all.push(measurement);
        }
    }
    println!("{}", summary(&all));
    Ok(())
}
