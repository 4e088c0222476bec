//! `load-orders`: loads the orders of a sales file into a running API. Exit code 0 if everything is loaded (refused rows are
//! reported and do not count), 1 if anything could not be loaded, 2 for a usage error.
#![expect(clippy::print_stdout, reason = "a program for people")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use comptoir_tests::loader::{DEFAULT_PATIENCE, InputError, Options, Progress, Report, load};

/// Loads a sales file (CSV: InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID, Country) into a
/// running API: receives what it sells, ships its orders, takes back what came back, and invoices it if you like. Running it again changes nothing.
#[derive(Debug, Parser)]
#[command(name = "load-orders")]
struct Arguments {
    /// The file to load.
    orders: PathBuf,
    /// The API's address.
    #[arg(long, env = "COMPTOIR_API_URL", default_value = "http://127.0.0.1:8080")]
    api: String,
    /// An API key that may write customers, products, orders and stock, and ship; with --invoices, also validate invoices and write payments.
    #[arg(long, env = "COMPTOIR_API_KEY", hide_env_values = true)]
    api_key: String,
    /// Where the list of refused rows goes [default: ORDERS with .refused.csv].
    #[arg(long)]
    refused: Option<PathBuf>,
    /// Invoices that are loaded at the same time.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    concurrency: u16,
    /// Percent, of every product that is created.
    #[arg(long, default_value = "20")]
    vat_rate: String,
    /// Invoice what is shipped, credit what comes back, and pay most of it. Your company must have what its invoices say of it.
    #[arg(long)]
    invoices: bool,
    /// Seconds to wait for an API that is away, each time.
    #[arg(long, default_value_t = DEFAULT_PATIENCE.as_secs())]
    patience: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let size = std::fs::metadata(&arguments.orders).map_or(0, |file| file.len());
    let refused = arguments.refused.unwrap_or_else(|| arguments.orders.with_extension("refused.csv"));
    let options = Options {
        api: arguments.api,
        credential: arguments.api_key,
        orders: arguments.orders,
        refused,
        concurrency: usize::from(arguments.concurrency),
        vat_rate: arguments.vat_rate,
        invoices: arguments.invoices,
        patience: Duration::from_secs(arguments.patience),
    };
    match load(&options, &Progress::new("orders", size)).await {
        Ok(report) => {
            print(&report, &options);
            if report.is_complete() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            let usage = error.is::<InputError>() || error.root_cause().is::<std::io::Error>();
            ExitCode::from(if usage { 2 } else { 1 })
        }
    }
}

fn print(report: &Report, options: &Options) {
    let seconds = report.elapsed.as_secs_f64().max(0.001);
    println!("{} rows of {} invoices in {seconds:.1} s", report.rows, report.invoices);
    for (status, count) in &report.orders {
        println!("  {count} orders {status}");
    }
    for (what, count) in [
        ("receipts", report.receipts),
        ("returns", report.returns),
        ("write-offs", report.write_offs),
        ("invoices with a number", report.numbered),
        ("credit notes", report.credit_notes),
        ("payments", report.payments),
    ] {
        if count > 0 {
            println!("  {count} {what}");
        }
    }
    if report.refused_invoices > 0 {
        println!("  {} invoices of which all rows were refused", report.refused_invoices);
    }
    for (reason, count) in &report.not_documented {
        println!("  {count} not invoiced, credited or paid: {reason}");
    }
    println!("{} requests, {} sent again", report.requests, report.retries);
    if !report.refused_rows.is_empty() {
        println!("refused rows, listed in {}:", options.refused.display());
        for (reason, count) in &report.refused_rows {
            println!("  {count} {reason}");
        }
    }
    if !report.is_complete() {
        println!("{} invoices could not be loaded; run it again to go on:", report.failed_invoices);
        for failure in &report.failures {
            println!("  {failure}");
        }
    }
}
