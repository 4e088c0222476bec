//! `api tenants export`: everything that is kept of a company.

use std::path::{Path, PathBuf};

use anyhow::Context;
use comptoir_core::accounts::tenants::RecordExport;
use comptoir_core::catalogue::tenant_export;
use comptoir_core::values::ids::TenantId;
use comptoir_core::values::money::Currency;
use indicatif::{ProgressBar, ProgressStyle};

use super::archive::Archive;
use super::operator::Operator;
use crate::config::Settings;

#[derive(Debug, clap::Args)]
pub(super) struct ExportTenant {
    /// The company
    #[arg(long, value_name = "ID")]
    tenant: TenantId,
    /// A folder, or a file whose name ends in .tar; it must not be there yet
    #[arg(long, value_name = "PATH")]
    to: PathBuf,
    /// Print the manifest as JSON
    #[arg(long)]
    json: bool,
}

/// # Errors
/// Fails if the tenant does not exist, if the database cannot be reached, or if the export cannot be written. Nothing is left of it then.
pub(super) async fn run(arguments: ExportTenant, settings: &Settings) -> anyhow::Result<()> {
    let ExportTenant { tenant, to, json } = arguments;
    let mut archive = Archive::create(&to).with_context(|| format!("cannot write to {}", to.display()))?;
    match write(&mut archive, tenant, &to, settings).await {
        Ok(manifest) => {
            archive.finish().with_context(|| format!("cannot write {}", to.display()))?;
            show(&manifest, &to, json)
        }
        Err(error) => {
            archive.discard();
            Err(error)
        }
    }
}

async fn write(
    archive: &mut Archive,
    tenant: TenantId,
    to: &Path,
    settings: &Settings,
) -> anyhow::Result<tenant_export::Manifest> {
    let operator = Operator::new(settings)?;
    let context = operator.context(tenant, Currency::euro());
    operator.run(context, RecordExport { to: to.display().to_string() }).await?;
    let bar = ProgressBar::new_spinner().with_style(ProgressStyle::with_template("{spinner} {msg}")?);
    let config = settings.database.clone().with_role(&settings.api.database_role);
    let manifest = tenant_export::export(&config, tenant, archive, |what, number| {
        bar.set_message(format!("{what}: {number}"));
        bar.tick();
    });
    let manifest = manifest.await;
    bar.finish_and_clear();
    Ok(manifest?)
}

#[expect(clippy::print_stdout, reason = "what the command is asked for")]
fn show(manifest: &tenant_export::Manifest, to: &Path, json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string(manifest)?);
        return Ok(());
    }
    let rows: u64 = manifest.tables.iter().map(|table| table.rows).sum();
    let files: u64 = manifest.folders.iter().map(|folder| folder.files).sum();
    println!(
        "exported to {}: {rows} rows of {} tables, {files} files, as of {}; manifest.json says what is in it and what is not",
        to.display(),
        manifest.tables.len(),
        manifest.taken_at.to_rfc3339(),
    );
    Ok(())
}
