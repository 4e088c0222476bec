//! `torture`: relays under load and all known faults, at random. Exit code 0 only if every committed event was delivered, and
//! no other, in order per aggregate; 2 for a usage error.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use comptoir_tests::torture::{Options, run};

/// Lets relays suffer every fault, singly and several at a time, and checks what an independent consumer received.
#[derive(Debug, Parser)]
#[command(name = "torture")]
struct Arguments {
    /// How long, about; the last round and the verdict come on top.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Makes the same load and the same schedule of faults again [default: by chance, and printed].
    #[arg(long)]
    seed: Option<u64>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let options = Options {
        duration: Duration::from_secs(arguments.seconds),
        // Short enough to be typed.
        seed: arguments.seed.unwrap_or_else(|| rand::random_range(0..1_000_000)),
    };
    match run(options).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
