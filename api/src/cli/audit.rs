//! `api audit verify|erase`

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Subcommand;
use comptoir_core::application::audit::{self, Anchors, Report};
use comptoir_core::values::ids::TenantId;
use comptoir_core::values::money::Currency;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::operator;
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
    /// Erase what the trail says of a resource (before and after), as the owner of the tables: for good
    Erase {
        #[arg(long, value_name = "ID")]
        tenant: TenantId,
        /// As in the trail, such as `customer`
        #[arg(long, value_name = "TYPE")]
        resource_type: String,
        /// As in the trail
        #[arg(long, value_name = "ID")]
        resource_id: String,
    },
}

/// # Errors
/// Fails if the database cannot be reached, if a file cannot be read or written, if the trail is broken, or if there is
/// nothing to erase.
pub(super) async fn run(command: AuditCommand, settings: &Settings) -> anyhow::Result<()> {
    match command {
        AuditCommand::Verify { tenant, json, anchors, save_anchors } => {
            verify(settings, tenant, json, anchors.as_deref(), save_anchors.as_deref()).await
        }
        AuditCommand::Erase { tenant, resource_type, resource_id } => {
            erase(settings, tenant, &resource_type, &resource_id).await
        }
    }
}

async fn verify(
    settings: &Settings,
    tenant: Option<TenantId>,
    json: bool,
    anchors: Option<&Path>,
    save_anchors: Option<&Path>,
) -> anyhow::Result<()> {
    let known = anchors.map(read).transpose()?;
    let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template(
        "{bar:30} {human_pos} of {human_len} rows, {per_sec}, {eta} left",
    )?);
    let report = audit::verify(&settings.database, tenant, known.as_ref(), |rows, total| {
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
        let anchors = report.anchors();
        if anchors.is_empty() {
            return Err(anyhow!("there is nothing to anchor: the trail has no row yet"));
        }
        std::fs::write(path, anchors.to_string()).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what the command is asked for")]
async fn erase(
    settings: &Settings,
    tenant: TenantId,
    resource_type: &str,
    resource_id: &str,
) -> anyhow::Result<()> {
    let context = operator::context(tenant, Currency::euro(), operator::name());
    let rows = audit::erase(&settings.database, &context, resource_type, resource_id).await?;
    println!(
        "erased: before and after of {rows} rows; PostgreSQL forgets them with the next VACUUM of audit_events, backups \
         and the log that replicas read have them for as long as those are kept"
    );
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<Anchors> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    text.parse().map_err(|problem: String| anyhow!("{}: {problem}", path.display()))
}

#[expect(clippy::print_stdout, reason = "what the command is asked for")]
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
        println!(
            "{}",
            json!({
                "sound": sound,
                "rows": report.rows,
                "erased": report.erased,
                "tenants": tenants,
                "broken": broken,
            })
        );
        return;
    }
    for tenant in &tenants {
        println!("tenant {}: {} rows, digest {}", tenant.tenant_id, tenant.rows, tenant.digest);
    }
    for broken in &report.broken {
        println!("broken: {broken}");
    }
    let verdict = if sound { "sound" } else { "BROKEN" };
    let erased = match report.erased {
        0 => String::new(),
        rows => format!(", before and after erased in {rows}"),
    };
    println!("{verdict}: {} rows of {} tenants verified{erased}", report.rows, tenants.len());
}
