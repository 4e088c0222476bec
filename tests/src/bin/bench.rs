//! `bench`: programs of ours against floors measured in the same run, as ratios. See docs/performance.md.
#![allow(clippy::print_stdout, reason = "a program for people")]

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use comptoir_tests::bench::{Effort, Subject, run};
use comptoir_tests::harness::Services;

/// Measures the relay's drain against a raw publisher, and POST /orders against pgbench.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    /// Only this one.
    #[arg(long, value_enum)]
    only: Option<Name>,
    /// Smaller and shorter.
    #[arg(long)]
    quick: bool,
    /// Rounds of each side.
    #[arg(long)]
    rounds: Option<usize>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Name {
    Drain,
    Orders,
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
    let mut effort = if arguments.quick { Effort::QUICK } else { Effort::FULL };
    effort.rounds = arguments.rounds.unwrap_or(effort.rounds).max(1);
    let subjects = match arguments.only {
        Some(Name::Drain) => vec![Subject::Drain],
        Some(Name::Orders) => vec![Subject::Orders],
        None => vec![Subject::Drain, Subject::Orders],
    };
    for subject in subjects {
        println!("{}\n", run(subject, &services, effort).await?);
    }
    Ok(())
}
