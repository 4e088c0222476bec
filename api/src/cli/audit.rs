//! `api audit verify|erase|erase-anonymised`

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Subcommand;
use comptoir_core::application::audit::{self, Anchors, Report, TenantDigest};
use comptoir_core::commerce::customers::{self, ErasedTexts};
use comptoir_core::values::ids::TenantId;
use comptoir_core::values::money::Currency;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::operator;
use crate::config::Settings;

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Verify the audit trail: exit 0 if it is sound, 1 with the first broken row if not
    Verify {
        /// Only this tenant's
        #[arg(long, value_name = "ID")]
        tenant: Option<TenantId>,
        /// Only the operators' own
        #[arg(long, conflicts_with = "tenant")]
        operators: bool,
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
        #[arg(long, value_name = "ID", required_unless_present = "operators")]
        tenant: Option<TenantId>,
        /// What the operators' own trail says
        #[arg(long, conflicts_with = "tenant")]
        operators: bool,
        /// As in the trail, such as `customer`
        #[arg(long, value_name = "TYPE")]
        resource_type: String,
        /// As in the trail
        #[arg(long, value_name = "ID")]
        resource_id: String,
    },
    /// Erase what the trail says of anonymised customers, of their orders, invoices and payments, as the owner of the tables: for good
    EraseAnonymised {
        /// Only this tenant's
        #[arg(long, value_name = "ID")]
        tenant: Option<TenantId>,
    },
}

/// # Errors
/// Fails if the database cannot be reached, if a file cannot be read or written, if the trail is broken, or if there is
/// nothing to erase.
pub(super) async fn run(command: AuditCommand, settings: &Settings) -> anyhow::Result<()> {
    match command {
        AuditCommand::Verify { tenant, operators, json, anchors, save_anchors } => {
            let of = tenant.or(operators.then_some(TenantId::OPERATORS));
            verify(settings, of, json, anchors.as_deref(), save_anchors.as_deref()).await
        }
        AuditCommand::Erase { tenant, operators: _, resource_type, resource_id } => {
            let of = tenant.unwrap_or(TenantId::OPERATORS);
            erase(settings, of, &resource_type, &resource_id).await
        }
        AuditCommand::EraseAnonymised { tenant } => erase_anonymised(settings, tenant).await,
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

#[expect(clippy::print_stdout, reason = "what the command is asked for")]
async fn erase_anonymised(settings: &Settings, tenant: Option<TenantId>) -> anyhow::Result<()> {
    let name = operator::name();
    let context = |tenant| operator::context(tenant, Currency::euro(), name.clone());
    let ErasedTexts { resources, rows } =
        customers::erase_anonymised(&settings.database, tenant, context).await?;
    println!(
        "erased: before and after of {rows} rows about {resources} customers, orders and other documents"
    );
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<Anchors> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    text.parse().map_err(|problem: String| anyhow!("{}: {problem}", path.display()))
}

#[expect(clippy::print_stdout, reason = "what the command is asked for")]
fn show(report: &Report, as_json: bool) {
    let sound = report.broken.is_empty();
    let (operators, tenants): (Vec<_>, Vec<_>) =
        report.tenants().into_iter().partition(|one| one.tenant_id == TenantId::OPERATORS);
    if as_json {
        println!("{}", json(report, &tenants, operators.first()));
        return;
    }
    for tenant in &tenants {
        println!("tenant {}: {} rows, digest {}", tenant.tenant_id, tenant.rows, tenant.digest);
    }
    for operators in &operators {
        println!("operators: {} rows, digest {}", operators.rows, operators.digest);
    }
    for broken in &report.broken {
        println!("broken: {broken}");
    }
    let verdict = if sound { "sound" } else { "BROKEN" };
    let of_operators = if operators.is_empty() { "" } else { " and of operators" };
    let erased = match report.erased {
        0 => String::new(),
        rows => format!(", before and after erased in {rows}"),
    };
    println!("{verdict}: {} rows of {} tenants{of_operators} verified{erased}", report.rows, tenants.len());
}

fn json(report: &Report, tenants: &[TenantDigest], operators: Option<&TenantDigest>) -> Value {
    let tenants: Vec<_> = tenants
        .iter()
        .map(|one| json!({"tenant_id": one.tenant_id, "rows": one.rows, "digest": one.digest}))
        .collect();
    let broken = report.broken.iter().map(|one| {
        json!({
            // Null: of the operators' own.
            "tenant_id": Some(one.tenant_id).filter(|id| *id != TenantId::OPERATORS),
            "chain": one.chain,
            "position": one.position,
            "id": one.id,
            "rule": one.rule.code(),
            "message": one.to_string(),
        })
    });
    let broken: Vec<_> = broken.collect();
    json!({
        "sound": broken.is_empty(),
        "rows": report.rows,
        "erased": report.erased,
        "tenants": tenants,
        "operators": operators.map(|all| json!({"rows": all.rows, "digest": all.digest})),
        "broken": broken,
    })
}
