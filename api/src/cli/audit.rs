//! `api audit verify`

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::Subcommand;
use comptoir_core::audit::{self, Anchors, Report};
use comptoir_core::ids::TenantId;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::config::Settings;

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Verify the audit trail: exit 0 if it is sound, 1 with the first broken row if not
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
        /// If it is sound, write the heads of all chains to this file, to be kept elsewhere
        #[arg(long, value_name = "FILE")]
        save_anchors: Option<PathBuf>,
    },
}

/// # Errors
/// No database, files that cannot be read or written, a trail that is broken.
pub(super) async fn run(command: AuditCommand, settings: &Settings) -> anyhow::Result<()> {
    let AuditCommand::Verify { tenant, json, anchors, save_anchors } = command;
    let known = anchors.as_deref().map_or_else(|| Ok(Anchors::default()), read)?;
    let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template(
        "{bar:30} {human_pos} of {human_len} rows, {per_sec}, {eta} left",
    )?);
    let report = audit::verify(&settings.database, tenant, &known, |rows, total| {
        bar.set_length(total.max(rows));
        bar.set_position(rows);
    });
    let report = report.await?;
    bar.finish_and_clear();
    show(&report, json);
    if let Some(first) = report.broken.first() {
        let others = report.broken.len() - 1;
        let others = if others == 0 { String::new() } else { format!("; {others} more chains are broken") };
        return Err(anyhow!("the audit trail is broken: {first}{others}"));
    }
    if let Some(path) = save_anchors {
        std::fs::write(&path, report.anchors().to_string()).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

fn read(path: &std::path::Path) -> anyhow::Result<Anchors> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    text.parse().map_err(|problem: String| anyhow!("{}: {problem}", path.display()))
}

#[allow(clippy::print_stdout, reason = "what the command is asked for")]
fn show(report: &Report, as_json: bool) {
    let (tenants, sound) = (report.tenants(), report.broken.is_empty());
    if as_json {
        let tenants = tenants
            .iter()
            .map(|one| json!({"tenant_id": one.tenant_id, "rows": one.rows, "digest": one.digest}));
        let broken = report.broken.iter().map(|one| {
            json!({
                "tenant_id": one.tenant_id,
                "chain": one.chain,
                "position": one.position,
                "id": one.id,
                "rule": one.rule.code(),
                "message": one.to_string(),
            })
        });
        let (tenants, broken): (Vec<_>, Vec<_>) = (tenants.collect(), broken.collect());
        println!("{}", json!({"sound": sound, "rows": report.rows, "tenants": tenants, "broken": broken}));
        return;
    }
    for tenant in &tenants {
        println!("tenant {}: {} rows, digest {}", tenant.tenant_id, tenant.rows, tenant.digest);
    }
    for broken in &report.broken {
        println!("broken: {broken}");
    }
    let verdict = if sound { "sound" } else { "BROKEN" };
    println!("{verdict}: {} rows of {} tenants verified", report.rows, tenants.len());
}
