//! `api trace`: what one command went through.

use std::io::Write;

use anyhow::{Context, anyhow};
use chrono::{DateTime, SecondsFormat, Utc};
use comptoir_core::catalogue::trace::{self, Step, Window};
use comptoir_core::platform::database;
use comptoir_core::platform::table::{self, Column};
use comptoir_core::platform::when;

use crate::config::Settings;

/// The most steps that are shown.
const MOST: i64 = 1_000;
const COLUMNS: &[Column; 6] = &[
    Column::whole("time"),
    Column::whole("what"),
    Column::whole("name"),
    Column::whole("state"),
    Column::whole("took"),
    Column::text("of", 20),
];

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The correlation id: a request's X-Correlation-Id, or else its answer's X-Request-Id; the header correlation-id of a message; a field of the log
    #[arg(value_name = "CORRELATION_ID")]
    id: String,
    /// Look from here on: RFC 3339, a date, or how long ago (90m, 24h, 7d); otherwise 5 minutes before the id was made, if it is a
    /// UUIDv7, as ours are, and else 24 hours ago
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    since: Option<DateTime<Utc>>,
    /// Look until then; otherwise 24 hours after the id was made, or now
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    until: Option<DateTime<Utc>>,
    /// A JSON array
    #[arg(long)]
    json: bool,
}

/// Shows the steps, as the log-in of the services. Returns false if there are none.
pub(super) async fn run(arguments: &Arguments, settings: &Settings) -> anyhow::Result<bool> {
    let config = settings.services_database().ok_or_else(|| {
        anyhow!("api.services_database_url is not set (or SERVICES_DATABASE_URL): only the services' log-in may see all companies")
    })?;
    let window = Window::of(&arguments.id, arguments.since, arguments.until, Utc::now());
    let mut connection = database::connect(&config).await?;
    let steps = trace::trace(&mut connection, &arguments.id, window, MOST).await?;
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&steps).context("cannot write JSON")?)?;
    } else if !steps.is_empty() {
        drop(out);
        table::print(COLUMNS, &steps.iter().map(row).collect::<Vec<_>>());
    }
    if steps.is_empty() {
        let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        eprintln!("nothing from {} to {} has this correlation id", time(window.since), time(window.until));
    }
    Ok(!steps.is_empty())
}

fn row(step: &Step) -> Vec<String> {
    vec![
        step.at.to_rfc3339_opts(SecondsFormat::Millis, true),
        step.source.clone(),
        step.name.clone(),
        step.state.clone(),
        step.took_ms.map(|took| format!("{took} ms")).unwrap_or_default(),
        step.detail.clone(),
    ]
}
