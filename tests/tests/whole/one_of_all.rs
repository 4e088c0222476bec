//! Services that run in one of all processes: once in each period, to the end, and not twice.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_core::services::{ActionKind, Description, NoParameters, Wish};
use comptoir_tests::harness::{World, connect, until};
use serde_json::json;

use crate::background_services::{LIMIT, Sample, holds, process};

/// Longer than the time from one renewal of a lease to the next (4 s).
const PERIOD: Duration = Duration::from_secs(5);
const WEEK: Duration = Duration::from_secs(604_800);

/// Seen: it ran a second time at once, because its next time was read before it was written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_runs_once_in_each_period() {
    World::run(async |world| {
        let often = Sample::new(Description::every("often", "Runs often", PERIOD).at_start().one_of_all());
        let services = process(world, "one", vec![often.clone()], json!({}))?;
        until("three runs", LIMIT, async || holds(often.runs() >= 3)).await?;
        services.stop().await;
        let times = often.times.lock().map_err(|error| anyhow::anyhow!("{error}"))?;
        let gaps: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        ensure!(gaps.iter().all(|gap| *gap >= PERIOD - Duration::from_millis(500)), "{gaps:?}");
        Ok(())
    })
    .await;
}

/// Seen: a nightly check that a deployment cut off was written down as done, and ran the night after.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_was_cut_off_is_made_up_for_by_the_next_process() {
    World::run(async |world| {
        let weekly =
            Sample::new(Description::every("weekly", "Runs every week", WEEK).at_start().one_of_all())
                .lasting_first();
        let one = process(world, "one", vec![weekly.clone()], json!({}))?;
        until("it runs", LIMIT, async || holds(weekly.runs() == 1)).await?;
        one.stop().await;
        let two = process(world, "two", vec![weekly.clone()], json!({}))?;
        until("it runs there", LIMIT, async || holds(weekly.runs() == 2)).await?;
        two.stop().await;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_runs_it_now_and_a_shorter_interval_holds_at_once() {
    World::run(async |world| {
        let weekly = || Description::every("weekly", "Runs every week", WEEK).at_start().one_of_all();
        let sample = Sample::new(weekly()).lasting_first();
        let one = process(world, "one", vec![sample.clone()], json!({}))?;
        until("it runs", LIMIT, async || holds(sample.runs() == 1)).await?;
        let restart = Wish::new("weekly", "restart", json!({}), "a test");
        let id = one.handle().send(restart).await?;
        one.handle().answer(id, LIMIT).await?;
        until("it runs anew", LIMIT, async || holds(sample.runs() == 2)).await?;
        one.stop().await;

        let config = json!({"weekly": {"interval_seconds": 1}});
        let two = process(world, "two", vec![sample.clone()], config)?;
        until("it runs by the new interval", LIMIT, async || holds(sample.runs() > 3)).await?;
        two.stop().await;
        Ok(())
    })
    .await;
}

/// Seen: its first time was counted from the start of each process, and a process that ended before never came to it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_run_that_is_far_away_stays_where_it_is_when_processes_begin_anew() {
    World::run(async |world| {
        let weekly = || Sample::new(Description::every("weekly", "Runs every week", WEEK).one_of_all());
        let sql = connect(&world.database.url).await?;
        let planned = async || -> Result<std::time::SystemTime> {
            let query = "SELECT next_run_at FROM service_leases WHERE service = 'weekly'";
            let row = sql.query_opt(query, &[]).await?.context("no lease yet")?;
            row.get::<_, Option<std::time::SystemTime>>(0).context("no time yet")
        };
        let one = process(world, "one", vec![weekly()], json!({}))?;
        let first = until("its first time to be written down", LIMIT, planned).await?;
        one.stop().await;
        let two = process(world, "two", vec![weekly()], json!({}))?;
        until("the other to have it", LIMIT, async || {
            let listed = two.handle().list().await?;
            holds(
                listed
                    .iter()
                    .any(|status| status.service == "weekly" && status.epoch.is_some_and(|epoch| epoch > 1)),
            )
        })
        .await?;
        ensure!(planned().await? == first);
        two.stop().await;
        Ok(())
    })
    .await;
}

/// Seen: a renewal that met a transaction of its own service took the lease for lost, and the run was dropped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_transaction_under_its_lease_does_not_lose_it() {
    World::run(async |world| {
        let shared = Sample::new(Description::continuous("shared", "Runs once in all").one_of_all());
        let services = process(world, "one", vec![shared.clone()], json!({}))?;
        until("it runs", LIMIT, async || holds(shared.runs() == 1)).await?;
        let (holder, sql) = (connect(&world.database.url).await?, connect(&world.database.url).await?);
        holder
            .batch_execute("BEGIN; SELECT FROM service_leases WHERE service = 'shared' FOR KEY SHARE")
            .await?;
        let ends = async || -> Result<f64> {
            let query =
                "SELECT extract(epoch FROM expires_at)::float8 FROM service_leases WHERE service = 'shared'";
            Ok(sql.query_one(query, &[]).await?.get(0))
        };
        let before = ends().await?;
        until("two renewals", LIMIT, async || holds(ends().await? > before + 7.0)).await?;
        holder.batch_execute("COMMIT").await?;
        ensure!(shared.runs() == 1, "it was run anew");
        services.stop().await;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_stops_waits_for_the_ends_of_its_actions() {
    World::run(async |world| {
        let finisher =
            Sample::new(Description::continuous("finisher", "Finishes").action(ActionKind::new::<
                NoParameters,
            >(
                "finish", "Ends late"
            )));
        let (here, there) =
            (process(world, "one", vec![], json!({}))?, process(world, "two", vec![finisher], json!({}))?);
        until("it is listed", LIMIT, async || {
            holds(here.handle().list().await?.iter().any(|status| status.service == "finisher"))
        })
        .await?;
        let id = here.handle().send(Wish::new("finisher", "finish", json!({}), "a test")).await?;
        let sql = connect(&world.database.url).await?;
        until("it to be under way", LIMIT, async || {
            let query = "SELECT count(*) FROM service_commands WHERE state = 'running'";
            holds(sql.query_one(query, &[]).await?.get::<_, i64>(0) == 1)
        })
        .await?;
        there.stop().await;
        let answer = here.handle().answer(id, LIMIT).await?;
        ensure!(answer == json!("finished"), "{answer}");
        here.stop().await;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_that_cannot_be_stored_keeps_no_other_state_away() {
    World::run(async |world| {
        let samples = || {
            let every = |name| Description::every(name, "Runs every week", WEEK).at_start();
            vec![Sample::new(every("odd")).failing_first("says NUL"), Sample::new(every("even"))]
        };
        let (one, two) =
            (process(world, "one", samples(), json!({}))?, process(world, "two", vec![], json!({}))?);
        until("both states are seen by another process", LIMIT, async || {
            let listed = two.handle().list().await?;
            let of = |name: &str| listed.iter().find(|status| status.service == name).context("not listed");
            let error = of("odd")?.last_error.clone().unwrap_or_default();
            ensure!(error.contains("cannot be stored") && !error.contains('\0'), "{error:?}");
            holds(of("even")?.runs == 1)
        })
        .await?;
        one.stop().await;
        two.stop().await;
        Ok(())
    })
    .await;
}
