//! `api projections`: how they stand, what could not be applied, and building them anew.

use std::io::Write;
use std::time::{Duration, Instant};

use comptoir_core::platform::database::Database;
use comptoir_core::platform::table::{self, Column};
use comptoir_core::projections::{
    self, Advance, DecideMessage, Decision, MessageState, MessageView, OperatorFilter, Projector, RebuildView,
};
use comptoir_core::values::ids::TenantId;
use comptoir_core::values::money::Currency;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::operator::Operator;
use crate::config::Settings;
use crate::projections::projector;

/// The maximum number of events that a list shows, or that one call decides about.
const MAX_ROWS: i64 = 10_000;
/// How often it is looked how far a rebuild is that another process goes on with.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Rebuilds that `status` shows.
const MAX_REBUILDS: i64 = 5;
const EVENTS: &[Column] = &[
    Column::whole("tenant"),
    Column::whole("id"),
    Column::whole("state"),
    Column::text("event", 12),
    Column::text("aggregate", 8),
    Column::number("version"),
    Column::number("attempts"),
    Column::text("error", 16),
];

#[derive(Debug, clap::Subcommand)]
pub(super) enum Projections {
    /// How the inbox stands, and the latest rebuilds
    Status {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// List events that could not be applied
    List {
        #[command(flatten)]
        selection: Selection,
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Show one event with its payload, as JSON
    Show {
        #[arg(value_name = "ID")]
        id: Uuid,
    },
    /// Try events again, at once and as often as new ones
    Requeue {
        #[command(flatten)]
        selection: Selection,
    },
    /// Pass over events: they are not applied, and the later ones of their aggregates go on
    Discard {
        #[command(flatten)]
        selection: Selection,
    },
    /// Build the reports anew from the write model, beside those that are read, which it then replaces
    Rebuild {
        /// Only compare what it comes to with the reports, and throw it away: exit 1 if they differ
        #[arg(long)]
        compare: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Selection {
    /// These events
    #[arg(value_name = "ID")]
    ids: Vec<Uuid>,
    /// Only of this company
    #[arg(long, value_name = "ID")]
    tenant: Option<TenantId>,
    /// Only in this state
    #[arg(long, value_name = "STATE", value_parser = ["waiting", "applied", "dead", "discarded"], default_value = "dead")]
    state: String,
    /// Only of this type
    #[arg(long, value_name = "TYPE")]
    event_type: Option<String>,
    /// Only of this aggregate
    #[arg(long, value_name = "ID")]
    aggregate_id: Option<String>,
}

impl Selection {
    fn filter(self) -> OperatorFilter {
        let state = MessageState::ALL.into_iter().find(|state| state.name() == self.state);
        OperatorFilter {
            // Ids say which, whatever their state.
            state: state.filter(|_| self.ids.is_empty()),
            ids: self.ids,
            tenant: self.tenant,
            event_type: self.event_type,
            aggregate_id: self.aggregate_id,
        }
    }
}

/// Returns whether everything is as it should be.
pub(super) async fn run(command: Projections, settings: &Settings) -> anyhow::Result<bool> {
    let services = settings.services_database().map(|config| Database::new(&config)).transpose()?;
    let projector = projector(settings, services.as_ref()).map_err(|off| {
        anyhow::anyhow!(
            "{}: projections belong to all companies, and need the services' log-in (docs/roles.md)",
            off.reason()
        )
    })?;
    match command {
        Projections::Status { json } => status(&projector, json).await?,
        Projections::List { selection, json } => list(&projector, &selection.filter(), json).await?,
        Projections::Show { id } => show(&projector, id).await?,
        Projections::Requeue { selection } => {
            decide(settings, &projector, &selection.filter(), Decision::Requeue).await?;
        }
        Projections::Discard { selection } => {
            decide(settings, &projector, &selection.filter(), Decision::Discard).await?;
        }
        Projections::Rebuild { compare, json } => return rebuild(&projector, compare, json).await,
    }
    Ok(true)
}

fn print(value: &impl Serialize) -> anyhow::Result<()> {
    // A reader that has gone away, such as `head`, is not an error.
    let _ = writeln!(std::io::stdout(), "{}", serde_json::to_string(value)?);
    Ok(())
}

async fn status(projector: &Projector, json: bool) -> anyhow::Result<()> {
    let (standing, rebuilds) = (projector.standing().await?, projector.rebuilds(MAX_REBUILDS).await?);
    if json {
        return print(&json!({"inbox": standing, "rebuilds": rebuilds}));
    }
    let mut out = std::io::stdout();
    let built = standing.built_at.map_or_else(|| "never".to_owned(), |at| at.to_rfc3339());
    let _ = writeln!(out, "generation {}, built {built}", standing.generation);
    if let Some(reason) = &standing.rebuild_wanted {
        let _ = writeln!(out, "to be built: {reason}");
    }
    let _ = writeln!(
        out,
        "waiting {}, of these {} behind a version that has not arrived; dead {}; the oldest waits for {:.0} s",
        standing.waiting, standing.behind_a_hole, standing.dead, standing.oldest_waiting_seconds
    );
    for rebuild in &rebuilds {
        let _ = writeln!(out, "{}", line(rebuild));
    }
    Ok(())
}

fn line(rebuild: &RebuildView) -> String {
    let RebuildView { generation, state, phase, done, reason, .. } = rebuild;
    let what = if rebuild.only_compare { "comparison" } else { "rebuild" };
    let more = match (rebuild.differences, &rebuild.error) {
        (Some(number), _) => format!(", {number} rows differ"),
        (None, Some(error)) => format!(": {error}"),
        (None, None) => String::new(),
    };
    let at = rebuild.started_at.to_rfc3339();
    let of = known(rebuild.total).map(|total| format!(" of about {total}")).unwrap_or_default();
    format!("{what} {generation} of {at} ({reason}): {state}, {phase}, {done}{of}{more}")
}

/// Roughly how many aggregates there are; `None` where the database cannot say, because it was never analysed.
fn known(total: i64) -> Option<u64> {
    u64::try_from(total).ok().filter(|total| *total > 0)
}

#[derive(Serialize)]
struct Listed<'a> {
    tenant_id: TenantId,
    #[serde(flatten)]
    event: &'a MessageView,
}

async fn list(projector: &Projector, filter: &OperatorFilter, json: bool) -> anyhow::Result<()> {
    let found = projections::list_of_all(projector, filter, MAX_ROWS).await?;
    if json {
        let listed = found.iter().map(|(tenant_id, event, _)| Listed { tenant_id: *tenant_id, event });
        return print(&listed.collect::<Vec<_>>());
    }
    let row = |(tenant, event, _): &(TenantId, MessageView, Vec<u8>)| {
        vec![
            tenant.to_string(),
            event.id.to_string(),
            event.state.name().to_owned(),
            event.event_type.clone(),
            event.aggregate_id.clone(),
            event.aggregate_version.map(|version| version.to_string()).unwrap_or_default(),
            event.attempts.to_string(),
            event.last_error.clone().unwrap_or_default(),
        ]
    };
    table::print(EVENTS, &found.iter().map(row).collect::<Vec<_>>());
    if i64::try_from(found.len()).is_ok_and(|number| number >= MAX_ROWS) {
        eprintln!("there may be more than these {MAX_ROWS}");
    }
    Ok(())
}

async fn show(projector: &Projector, id: Uuid) -> anyhow::Result<()> {
    let filter = OperatorFilter { ids: vec![id], ..OperatorFilter::default() };
    let found = projections::list_of_all(projector, &filter, 1).await?;
    let Some((tenant_id, event, payload)) = found.first() else {
        anyhow::bail!("there is no event {id} in the inbox of the projections");
    };
    let payload = serde_json::from_slice(payload)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(payload).into_owned()));
    let mut shown = json!(Listed { tenant_id: *tenant_id, event });
    shown["payload"] = payload;
    let _ = writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&shown)?);
    Ok(())
}

async fn decide(
    settings: &Settings,
    projector: &Projector,
    filter: &OperatorFilter,
    decision: Decision,
) -> anyhow::Result<()> {
    let found = projections::list_of_all(projector, filter, MAX_ROWS).await?;
    anyhow::ensure!(
        !found.is_empty() || filter.ids.is_empty(),
        "there is no such event in the inbox of the projections"
    );
    let operator = Operator::new(settings)?;
    for (tenant, event, _) in &found {
        // Amounts play no part.
        let context = operator.context(*tenant, Currency::euro());
        operator.run(context, DecideMessage { id: event.id, decision }).await?;
    }
    let done = if decision == Decision::Requeue { "requeued" } else { "to be passed over" };
    let _ = writeln!(std::io::stdout(), "{} {done}", found.len());
    Ok(())
}

/// Makes the steps itself, beside whichever process does.
async fn rebuild(projector: &Projector, compare: bool, json: bool) -> anyhow::Result<bool> {
    let begun = projector.begin_rebuild(Some("asked for at the command line"), compare).await?;
    let bar = match known(begun.total) {
        Some(total) => ProgressBar::new(total)
            .with_style(ProgressStyle::with_template("{bar:30} {pos} of about {len} {msg}")?),
        None => ProgressBar::no_length().with_style(ProgressStyle::with_template("{spinner} {pos} {msg}")?),
    };
    // Before which no step is due.
    let mut due = Instant::now();
    let done = loop {
        let advance = if Instant::now() < due { Advance::Elsewhere } else { projector.advance().await? };
        let latest = match advance {
            Advance::Progress(view) | Advance::Over(view) => Some(view),
            Advance::Waits(view, wait) => {
                due = Instant::now() + wait;
                Some(view)
            }
            Advance::Elsewhere | Advance::Nothing => {
                // Another process may have come to its end meanwhile.
                tokio::time::sleep(LOOK_EVERY).await;
                None
            }
        };
        let latest = match latest {
            Some(view) if view.id == begun.id => view,
            _ => {
                let rebuilds = projector.rebuilds(MAX_REBUILDS).await?;
                let own = rebuilds.into_iter().find(|view| view.id == begun.id);
                own.ok_or_else(|| anyhow::anyhow!("the rebuild is not there any more"))?
            }
        };
        bar.set_position(latest.done.unsigned_abs());
        bar.set_message(latest.phase.clone());
        if latest.state != "running" {
            break latest;
        }
    };
    bar.finish_and_clear();
    projector.forget().await?;
    if json {
        print(&done)?;
    } else {
        let _ = writeln!(std::io::stdout(), "{}", line(&done));
    }
    Ok(done.state == "done" && done.differences.unwrap_or_default() == 0)
}
