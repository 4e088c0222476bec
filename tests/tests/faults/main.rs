//! Each fault of the catalogue once, under load, and what must hold after it. `make torture` mixes them.

mod leases;
mod network;
mod replicas;
mod servers;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::faults::{Load, LoadOptions, Options, Stage, Strike, Verdict};

const RECOVERY_LIMIT: Duration = Duration::from_secs(60);

/// Runs a test on a stage of its own.
#[expect(clippy::panic, reason = "this is how a test fails")]
async fn on_stage(options: Options, test: impl AsyncFnOnce(&Stage) -> Result<()>) {
    let result = match Stage::set(options).await {
        Ok(stage) => test(&stage).await,
        Err(error) => Err(error),
    };
    if let Err(error) = result {
        panic!("{error:?}");
    }
}

/// With leases that outlive the pauses of a busy machine, and no haste to give shards up: a lease that is lost is a fault of its
/// own, and may repeat.
fn replicas(replicas: usize) -> Options {
    let patient =
        [("COMPTOIR__RELAY__LEASE_TTL_MS", "10000"), ("COMPTOIR__RELAY__HANDOVER_AFTER_MS", "15000")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
    Options { replicas, environments: vec![patient.to_vec(); replicas], ..Options::default() }
}

/// A fault that nothing was in the way of proves nothing.
async fn under_way(stage: &Stage) -> Result<()> {
    stage.consumer.wait_for(stage.consumer.distinct() + 50, RECOVERY_LIMIT).await
}

/// Lets the faults happen one after the other under load, recovers from each, and insists on the verdict.
async fn endure(stage: &Stage, seed: u64, strikes: &[Strike]) -> Result<Verdict> {
    // As much as two cores publish beside the faults: a backlog would only make the recovery longer.
    let options = LoadOptions { writers: 4, pause: Duration::from_millis(15), seed };
    let load = Load::start(&stage.world.database.writer_url, options);
    for strike in strikes {
        under_way(stage).await?;
        stage.suffer(*strike).await.with_context(|| strike.to_string())?;
        stage.recovered(RECOVERY_LIMIT).await.with_context(|| format!("after {strike}"))?;
    }
    let verdict = stage.verdict(&load.finish().await?, RECOVERY_LIMIT).await?;
    ensure!(verdict.holds(), "{verdict}");
    let quiet = strikes.iter().all(|strike| strike.fault.promises_no_repeats());
    ensure!(!quiet || verdict.findings.republished == 0, "{verdict}");
    Ok(verdict)
}
