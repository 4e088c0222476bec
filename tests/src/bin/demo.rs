//! `demo`: the main job from end to end, with a summary. Exit code 0 only if every committed event arrived, and no other, in
//! order per aggregate, and the stock and the invoices are what their ledgers and the file say; 2 for a usage error.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use comptoir_tests::demo::{Options, run, sample};
use comptoir_tests::loader::InputError;

/// Loads goods, orders and their invoices over HTTP, relays the events to RabbitMQ, and checks what an independent consumer receives,
/// the stock and the invoices.
#[derive(Debug, Parser)]
#[command(name = "demo")]
struct Arguments {
    /// A sales file (CSV: InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID, Country)
    /// [default: the sample that the project ships].
    #[arg(long)]
    orders: Option<PathBuf>,
    /// Invoices that are loaded at the same time.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    concurrency: u16,
    /// Make a year of the file, which is of one day, and load that: 174 times as many orders. It is left in .dev/demo/year.csv.
    #[arg(long)]
    year: bool,
    /// Have the schematrons and other readers judge so many documents at the end, drawn at random: each takes them about a second. They are left in .dev/demo/drawn.
    #[arg(long, default_value_t = 0)]
    judged: u32,
    /// Leave the database and the virtual host in place.
    #[arg(long)]
    keep: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let options = Options {
        orders: arguments.orders.unwrap_or_else(sample),
        year: arguments.year,
        concurrency: usize::from(arguments.concurrency),
        judged: arguments.judged,
        keep: arguments.keep,
    };
    match run(&options).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            let usage = error.is::<InputError>() || error.root_cause().is::<std::io::Error>();
            ExitCode::from(if usage { 2 } else { 1 })
        }
    }
}
