//! A long, random mixture of all faults under load. The seed determines the load and the schedule, not how the machine
//! interleaves them: a seed that failed is likely, but not certain, to fail again.

mod progress;
mod schedule;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::future::try_join_all;

use crate::faults::{Load, LoadOptions, Options as StageOptions, Stage, Verdict};
use crate::harness::root;

use progress::Progress;
use schedule::Round;

const REPLICAS: usize = 3;
const WRITERS: u64 = 6;
const WRITER_PAUSE: Duration = Duration::from_millis(5);
/// The limit, after the faults of a round, for publishing all events that are committed by then.
const RECOVERY_LIMIT: Duration = Duration::from_secs(60);
const VERDICT_LIMIT: Duration = Duration::from_secs(120);

#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub duration: Duration,
    pub seed: u64,
}

/// Runs the torture. Returns true if the verdict holds.
///
/// # Errors
/// Fails if events got stuck, a relay ended by itself, or a fault could not be made.
#[expect(clippy::print_stdout, reason = "the verdict is what the torture is for")]
pub async fn run(options: Options) -> Result<bool> {
    let rounds = schedule::of(options.seed, options.duration, REPLICAS);
    let schedule = schedule::describe(&rounds);
    println!("seed {}, about {} s:\n{schedule}", options.seed, options.duration.as_secs());
    let logs = root().join(format!(".dev/torture-{}", options.seed));
    let outcome = tokio::select! {
        outcome = all_rounds(options, &rounds, logs.clone()) => outcome,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
    };
    if let Ok(verdict) = &outcome {
        println!("{verdict}");
    }
    if outcome.as_ref().is_ok_and(Verdict::holds) {
        println!(
            "everything that was committed was delivered, nothing else, in order (seed {})",
            options.seed
        );
        std::fs::remove_dir_all(&logs).with_context(|| logs.display().to_string())?;
        return Ok(true);
    }
    println!("FAILED, seed {}:\n{schedule}", options.seed);
    println!("the relays' logs are in {}", logs.display());
    outcome.map(|_| false)
}

async fn all_rounds(options: Options, rounds: &[Round], logs: PathBuf) -> Result<Verdict> {
    let stage = Stage::set(StageOptions {
        replicas: REPLICAS,
        private_broker: true,
        private_database: true,
        logs: Some(logs),
        environments: Vec::new(),
    })
    .await?;
    let load = Load::start(
        &stage.world.database.writer_url,
        LoadOptions { writers: WRITERS, pause: WRITER_PAUSE, seed: options.seed },
    );
    let progress = Progress::new(options.duration);
    for (number, round) in rounds.iter().enumerate() {
        if progress.elapsed() >= options.duration {
            break;
        }
        let suffering = suffer(&stage, round, &progress);
        tokio::select! {
            result = suffering => result,
            never = show(&stage, &load, &progress) => never,
        }
        .with_context(|| format!("round {}: {round}", number + 1))?;
        let begin = Instant::now();
        stage
            .recovered(RECOVERY_LIMIT)
            .await
            .with_context(|| format!("no recovery after round {}: {round}", number + 1))?;
        progress.say(&format!(
            "round {:>3}, {:>5.1} s to recover, {} committed, {} delivered: {round}",
            number + 1,
            begin.elapsed().as_secs_f64(),
            load.committed(),
            stage.consumer.distinct(),
        ));
    }
    let written = load.finish().await?;
    progress.finish();
    stage.verdict(&written, VERDICT_LIMIT).await
}

async fn suffer(stage: &Stage, round: &Round, progress: &Progress) -> Result<()> {
    let strikes = round.strikes.iter().map(async |(after, strike)| {
        tokio::time::sleep(*after).await;
        let _shown = progress.fault(strike.to_string());
        stage.suffer(*strike).await.with_context(|| strike.to_string())
    });
    try_join_all(strikes).await.map(drop)
}

async fn show(stage: &Stage, load: &Load, progress: &Progress) -> Result<()> {
    loop {
        progress.show(load.committed(), stage.consumer.distinct());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
