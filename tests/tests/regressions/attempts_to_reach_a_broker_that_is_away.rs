//! Seen: while the broker is away, each attempt to reach it left something behind. Where the port is refused, a task of 10 KiB
//! (222 MiB after 20,000 attempts); where a broker accepts and says nothing, a thread and a file descriptor (7 threads became 18
//! in 180 s with the defaults). Now an attempt that fails leaves nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Http, Relay, Scrape, World, free_port, until, with_address};
use tokio::net::TcpListener;

const LIMIT: Duration = Duration::from_secs(120);

/// What a process holds, by `/proc`.
#[derive(Debug, Clone, Copy)]
struct Usage {
    threads: usize,
    descriptors: usize,
    resident_kib: usize,
}

fn usage(pid: u32) -> Result<Usage> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| -> Result<usize> {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).context(name.to_owned())?;
        Ok(line.split_whitespace().next().unwrap_or_default().parse()?)
    };
    Ok(Usage {
        threads: field("Threads:")?,
        descriptors: std::fs::read_dir(format!("/proc/{pid}/fd"))?.count(),
        resident_kib: field("VmRSS:")?,
    })
}

async fn attempts(http: &Http) -> Result<f64> {
    Scrape::of(http).await?.sum("comptoir_relay_broker_losses_total").context("no attempts are counted")
}

async fn attempted(http: &Http, least: f64) -> Result<()> {
    until(format!("{least} attempts"), LIMIT, async || {
        let made = attempts(http).await?;
        ensure!(made >= least, "{made} so far");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_accepts_and_says_nothing_costs_no_thread_and_no_descriptor() {
    World::run(async |world| {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        let silent = tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                open.push(stream);
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        let amqp_url = with_address(&world.vhost().url, &address.to_string())?;
        let (relay, http) = Relay::with_http(
            world,
            &[
                ("AMQP_URL", &amqp_url),
                ("COMPTOIR__BROKER__CONNECT_TIMEOUT_MS", "100"),
                ("COMPTOIR__BROKER__RECONNECT_MIN_MS", "10"),
                ("COMPTOIR__BROKER__RECONNECT_MAX_MS", "20"),
            ],
        )
        .await?;
        attempted(&http, 10.0).await?;
        let before = usage(relay.daemon.pid())?;
        attempted(&http, 60.0).await?;
        ensure!(accepted.load(Ordering::Relaxed) >= 60, "the attempts went elsewhere");
        // The last attempts may still be under way.
        until("what the attempts held to be free", LIMIT, async || {
            let after = usage(relay.daemon.pid())?;
            ensure!(after.threads <= before.threads + 2, "{before:?}, then {after:?}");
            ensure!(after.descriptors <= before.descriptors + 4, "{before:?}, then {after:?}");
            Ok(())
        })
        .await?;
        relay.stop().await?;
        silent.abort();
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_refused_costs_no_memory() {
    World::run(async |world| {
        let amqp_url = with_address(&world.vhost().url, &format!("127.0.0.1:{}", free_port()?))?;
        let (relay, http) = Relay::with_http(
            world,
            &[
                ("AMQP_URL", &amqp_url),
                ("COMPTOIR__LOG__FILTER", "off"),
                ("COMPTOIR__BROKER__RECONNECT_MIN_MS", "1"),
                ("COMPTOIR__BROKER__RECONNECT_MAX_MS", "2"),
            ],
        )
        .await?;
        attempted(&http, 500.0).await?;
        let before = usage(relay.daemon.pid())?;
        attempted(&http, 3500.0).await?;
        let after = usage(relay.daemon.pid())?;
        eprintln!("{before:?}, and 3,000 attempts later {after:?}");
        // It was 30 MiB.
        ensure!(after.resident_kib <= before.resident_kib + 10 * 1024, "{before:?}, then {after:?}");
        ensure!(after.threads <= before.threads + 2, "{before:?}, then {after:?}");
        relay.stop().await
    })
    .await;
}
