//! The cost of the audit trail for the writers of one tenant: the statements of placing an order, without and with the trail's
//! row, over 16 connections. For comparison also with one chain, where each writer waits for the commit of the one before it:
//! this shows the use of the 64 chains.

use anyhow::{Context, Result};

use crate::harness::Services;

use super::orders::{PRODUCTS, seeded};
use super::pgbench::THREE_LINES;
use super::report::{Claim, Measurement, Series, Wanted};
use super::{Effort, progress};

const ONE_CHAIN: &str = "SELECT pg_advisory_xact_lock(1);";

pub(super) async fn measure(services: &Services, effort: Effort) -> Result<Vec<Measurement>> {
    let seconds = effort.pick(4, 10);
    let script = THREE_LINES.text();
    let row = script.lines().find(|line| line.starts_with("SELECT audit_append"));
    let row = row.context("placing an order writes no audit row")?;
    let without_trail = script.replace(row, "");
    let in_one_chain = script.replace(row, &format!("{ONE_CHAIN}\n{row}"));
    let mut without = Series::new("without the trail");
    let mut with = Series::new("with the trail");
    let mut one_chain = Series::new("with the trail in one chain");
    for round in effort.rounds() {
        for (series, text) in
            [(&mut without, &without_trail), (&mut with, &script), (&mut one_chain, &in_one_chain)]
        {
            progress(format!("audit, round {round}"));
            let world = seeded(services).await?;
            series.push(THREE_LINES.run_changed(text, &world, PRODUCTS, seconds).await?);
        }
    }
    let claims = [
        Claim::ratio("audit: orders with the trail / without", &with, &without, Wanted::AtLeast(0.6)),
        Claim::ratio("audit: in one chain / without", &one_chain, &without, Wanted::Nothing),
    ];
    let measurement =
        Measurement::new("orders of three lines of one tenant, 16 connections, pgbench", "orders/s")
            .series([without, with, one_chain])
            .claims(claims);
    Ok(vec![measurement])
}
