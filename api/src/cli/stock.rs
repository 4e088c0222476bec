//! `api stock verify`

use std::io::Write;

use anyhow::Context;
use comptoir_core::accounts::tenants;
use comptoir_core::application::TenantDatabase;
use comptoir_core::catalogue;
use comptoir_core::commerce::stock::{self, Difference, Proof};
use comptoir_core::platform::database::{Database, DatabaseConfig};
use comptoir_core::values::ids::TenantId;
use comptoir_core::values::money::Currency;
use serde::Serialize;

use super::operator;
use crate::config::Settings;

/// The maximum number of companies.
const MAX_TENANTS: u32 = 10_000;
/// How long one company's proof may take: an hour. Nobody waits for an answer.
const LIMIT_MS: u64 = 3_600_000;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Stock {
    /// Compare all levels with the ledger and with what open orders have: exit 0 if they agree, 1 with the differences if not
    Verify {
        /// Only of this company; without it of all, which takes the services' log-in
        #[arg(long, value_name = "ID")]
        tenant: Option<TenantId>,
        /// One JSON object instead of lines
        #[arg(long)]
        json: bool,
    },
}

/// Returns whether everything agrees.
pub(super) async fn run(command: Stock, settings: &Settings) -> anyhow::Result<bool> {
    let Stock::Verify { tenant, json } = command;
    let database = DatabaseConfig {
        statement_timeout_ms: LIMIT_MS,
        work_timeout_ms: LIMIT_MS,
        ..settings.database.clone().with_role(&settings.api.database_role)
    };
    let database = catalogue::tenant_database(Database::new(&database)?);
    let of = match tenant {
        Some(tenant) => vec![known(&database, tenant).await?],
        None => all(settings).await?,
    };
    let mut proofs = Vec::new();
    for tenant_id in of {
        let context = operator::context(tenant_id, Currency::euro(), operator::name());
        let proof = stock::prove(&database, &context).await.with_context(|| format!("tenant {tenant_id}"))?;
        let proof = Proven { tenant_id, proof };
        if !json {
            show(&proof)?;
        }
        proofs.push(proof);
    }
    let report = Report::of(proofs);
    let mut out = std::io::stdout();
    if json {
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
    } else {
        let verdict = if report.holds { "holds" } else { "DIFFERS" };
        let Report { levels, movements, tenants, .. } = &report;
        writeln!(
            out,
            "{verdict}: {levels} levels of {} tenants compared with {movements} movements",
            tenants.len()
        )?;
    }
    Ok(report.holds)
}

/// Returns the company, if there is such a one.
async fn known(database: &TenantDatabase, tenant: TenantId) -> anyhow::Result<TenantId> {
    let context = operator::context(tenant, Currency::euro(), operator::name());
    Ok(tenants::get(database, &context).await?.id)
}

async fn all(settings: &Settings) -> anyhow::Result<Vec<TenantId>> {
    let config = settings.services_database().context(
        "api.services_database_url is not set (or SERVICES_DATABASE_URL): only the services' log-in finds all companies \
         (docs/roles.md); give it, or --tenant",
    )?;
    let tenants = tenants::list_all(&Database::new(&config)?, MAX_TENANTS).await?;
    let is_cut = u32::try_from(tenants.len()).is_ok_and(|number| number >= MAX_TENANTS);
    anyhow::ensure!(
        !is_cut,
        "there may be more than {MAX_TENANTS} companies: verify them one by one, with --tenant"
    );
    Ok(tenants.into_iter().map(|tenant| tenant.id).collect())
}

#[derive(Debug, Serialize)]
struct Proven {
    tenant_id: TenantId,
    #[serde(flatten)]
    proof: Proof,
}

#[derive(Debug, Serialize)]
struct Report {
    holds: bool,
    levels: i64,
    movements: i64,
    tenants: Vec<Proven>,
}

impl Report {
    fn of(tenants: Vec<Proven>) -> Self {
        Self {
            holds: tenants.iter().all(|one| one.proof.holds),
            levels: tenants.iter().map(|one| one.proof.levels).sum(),
            movements: tenants.iter().map(|one| one.proof.movements).sum(),
            tenants,
        }
    }
}

fn show(Proven { tenant_id, proof }: &Proven) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    let verdict = if proof.holds { "holds" } else { "differs" };
    writeln!(out, "tenant {tenant_id}: {} levels, {} movements, {verdict}", proof.levels, proof.movements)?;
    for difference in &proof.differences {
        writeln!(out, "  {}", said(difference))?;
    }
    Ok(())
}

fn said(difference: &Difference) -> String {
    let Difference {
        warehouse_id,
        product_id,
        on_hand,
        on_hand_moved,
        reserved,
        reserved_moved,
        reserved_of_orders,
        waiting,
        waiting_of_orders,
        located,
        located_in_places,
        located_moved,
    } = difference;
    format!(
        "product {product_id} in warehouse {warehouse_id}: on hand {on_hand}, by the ledger {on_hand_moved}; reserved {reserved}, by the \
         ledger {reserved_moved}, by open orders {reserved_of_orders}; waiting {waiting}, by open orders {waiting_of_orders}; in locations \
         {located}, by these {located_in_places}, by their ledger {located_moved}"
    )
}
