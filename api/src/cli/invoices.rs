//! `api invoices verify`

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Subcommand;
use comptoir_core::commerce::invoices::{self, SeriesAnchors, Verification};
use comptoir_core::values::ids::TenantId;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::config::Settings;

#[derive(Debug, Subcommand)]
pub(super) enum Invoices {
    /// Verify that invoices are what they were when they got their numbers, as the owner of the tables: exit 0 if they are sound, 1 with what is broken if not
    Verify {
        /// Only this tenant's
        #[arg(long, value_name = "ID")]
        tenant: Option<TenantId>,
        /// One JSON object instead of lines
        #[arg(long)]
        json: bool,
        /// Compare with the heads that were kept in this file as well
        #[arg(long, value_name = "FILE")]
        anchors: Option<PathBuf>,
        /// If they are sound, write the heads of all series to this file, to be kept elsewhere
        #[arg(long, value_name = "FILE")]
        save_anchors: Option<PathBuf>,
    },
}

/// # Errors
/// Fails if the database cannot be reached, if a file cannot be read or written, or if something is broken.
pub(super) async fn run(command: Invoices, settings: &Settings) -> anyhow::Result<()> {
    let Invoices::Verify { tenant, json, anchors, save_anchors } = command;
    let known = anchors.as_deref().map(read).transpose()?;
    let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template(
        "{bar:30} {human_pos} of {human_len} links, {per_sec}, {eta} left",
    )?);
    let found = invoices::verify(&settings.database, tenant, known.as_ref(), |links, total| {
        bar.set_length(total.max(links));
        bar.set_position(links);
    });
    let found = found.await?;
    bar.finish_and_clear();
    show(&found, json);
    if let Some(first) = found.broken.first() {
        let others = found.broken.len() - 1;
        let others = if others == 0 { String::new() } else { format!("; and {others} more") };
        return Err(anyhow!("the invoices are broken: {first}{others}"));
    }
    if let Some(path) = save_anchors {
        let anchors = found.anchors();
        if anchors.is_empty() {
            return Err(anyhow!("there is nothing to anchor: no invoice has a number yet"));
        }
        std::fs::write(&path, anchors.to_string()).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<SeriesAnchors> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    text.parse().map_err(|problem: String| anyhow!("{}: {problem}", path.display()))
}

#[expect(clippy::print_stdout, reason = "what the command is asked for")]
fn show(found: &Verification, as_json: bool) {
    if as_json {
        println!("{}", json(found));
        return;
    }
    for ((tenant, series), head) in &found.heads {
        println!("tenant {tenant}, series {series}: {} links", head.position);
    }
    for broken in &found.broken {
        println!("broken: {broken}");
    }
    let verdict = if found.broken.is_empty() { "sound" } else { "BROKEN" };
    println!("{verdict}: {} links of {} series verified", found.links, found.heads.len());
}

fn json(found: &Verification) -> Value {
    let series = found.heads.iter().map(
        |((tenant, series), head)| json!({"tenant_id": tenant, "series": series, "links": head.position}),
    );
    let broken = found.broken.iter().map(|one| {
        json!({
            "tenant_id": one.tenant_id,
            "series": one.series,
            "link": one.position,
            "id": one.subject_id,
            "rule": one.rule.code(),
            "message": one.to_string(),
        })
    });
    json!({
        "sound": found.broken.is_empty(),
        "links": found.links,
        "series": series.collect::<Vec<_>>(),
        "broken": broken.collect::<Vec<_>>(),
    })
}
