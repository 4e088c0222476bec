//! Two workers on each queue are killed again and again while events flow and are repeated.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Daemon, Relay, World, until};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::shop::{LIMIT, Language, Shop};

const ROUNDS: usize = 20;
const ORDERS: usize = 24;
/// Of one order in a round, at the most. Several that wait together are what two workers would process in a wrong order.
const EVENTS: usize = 6;
/// The history is published again after this round, and once more at the end.
const REPLAY_AFTER: usize = 10;
/// The longest pause between an event and the blow.
const LONGEST_PAUSE_MS: u64 = 120;

/// # Errors
/// Fails if anything was lost, applied twice or out of order.
pub(super) async fn storm(world: &World, language: Language, partitions: usize) -> Result<()> {
    let seed = rand::random();
    eprintln!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut shop = Shop::open(world, language, partitions).await?;
    let mut workers = shop.workers().await?;
    let mut relay = Relay::start(world, &[]).await?;
    for round in 1..=ROUNDS {
        for _ in 0..random.random_range(1..=EVENTS) {
            shop.write(ORDERS).await?;
        }
        // Not a wait for anything: the moment of the blow is random.
        tokio::time::sleep(Duration::from_millis(random.random_range(0..LONGEST_PAUSE_MS))).await;
        match random.random_range(0..10) {
            0..=4 => strike(&shop, &mut workers, random.random_range(0..2 * partitions)).await?,
            5 => {
                for number in 0..workers.len() {
                    strike(&shop, &mut workers, number).await?;
                }
            }
            6..=7 => {
                let number = random.random_range(0..workers.len());
                ended_well(&mut workers[number]).await?;
                workers[number] = shop.worker(number, &[]).await?;
            }
            8 => {
                relay.daemon.kill()?;
                relay = Relay::launch(world, &[])?;
            }
            // Of relay and workers: all connect again.
            _ => drop(world.vhost().close_connections().await?),
        }
        // So that a process which takes long to start does something before it is killed.
        let behind = i64::try_from(ORDERS * random.random_range(0..4))?;
        shop.have_applied(shop.written() - behind).await?;
        if round == REPLAY_AFTER {
            replay(world).await?;
        }
    }
    shop.have_applied(shop.written()).await?;
    replay(world).await?;
    strike(&shop, &mut workers, 0).await?;
    // What is applied now was behind all repeats in its queue.
    shop.write(ORDERS).await?;
    shop.have_applied(shop.written()).await?;
    shop.is_sound().await?;
    let processes = shop.processes().await?;
    ensure!(processes > 2, "only {processes} processes ever applied anything");
    for worker in &mut workers {
        ended_well(worker).await?;
    }
    relay.stop().await
}

/// SIGKILL, and another process in its place.
async fn strike(shop: &Shop<'_>, workers: &mut [Daemon], number: usize) -> Result<()> {
    workers[number].kill()?;
    workers[number] = shop.worker(number, &[]).await?;
    Ok(())
}

/// SIGTERM, once it has begun to read: before, nothing in it may listen to signals.
async fn ended_well(worker: &mut Daemon) -> Result<()> {
    until("the worker to read", LIMIT, async || {
        ensure!(worker.output().contains("reading "), "{}", worker.output());
        Ok(())
    })
    .await?;
    let status = worker.terminate(LIMIT).await?;
    ensure!(status.success(), "the worker ended with {status}: {}", worker.output());
    Ok(())
}

async fn replay(world: &World) -> Result<()> {
    let exit = world.run_relay(&["replay", "--since", "1h", "--yes"]).await?;
    ensure!(exit.code == Some(0), "relay replay: {exit:?}");
    Ok(())
}
