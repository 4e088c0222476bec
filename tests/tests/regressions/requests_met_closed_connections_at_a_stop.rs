//! Seen: at SIGTERM behind a TCP load balancer, 19 of 23,331 requests met a connection that was just being closed.

use std::time::Duration;

use anyhow::ensure;
use comptoir_tests::harness::{Api, World, until};
use nix::sys::signal::Signal;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_are_asked_to_go_elsewhere_before_anything_closes() {
    World::run(async |world| {
        let mut api = Api::start(world, &[("COMPTOIR__API__DRAIN_SECONDS", "5")]).await?;
        let before = api.http.get("/customers").await?;
        assert_eq!((before.status, before.header("connection")), (200, None));
        api.daemon.signal(Signal::SIGTERM)?;
        until("it to say that it stops", Duration::from_secs(4), async || {
            for http in [&api.http, &api.operations] {
                let ready = http.get("//health/ready").await?;
                ensure!(ready.status == 503, "ready: {}", ready.text);
            }
            Ok(())
        })
        .await?;
        // On the connection of before, and on new ones.
        for path in ["/customers", "/customers", "/nothing"] {
            let answer = api.http.get(path).await?;
            assert_eq!(answer.header("connection"), Some("close"), "{path}");
            assert_eq!(answer.status, if path == "/nothing" { 404 } else { 200 });
        }
        assert_eq!(api.operations.get("//health/live").await?.status, 200, "it lives");
        let status = api.daemon.wait(Duration::from_secs(30)).await?;
        assert!(status.success(), "{status}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_a_terminal_nobody_waits() {
    World::run(async |world| {
        let mut api = Api::start(world, &[("COMPTOIR__API__DRAIN_SECONDS", "3600")]).await?;
        assert_eq!(api.http.get("/customers").await?.status, 200);
        api.daemon.signal(Signal::SIGTERM)?;
        until("it to drain", Duration::from_secs(20), async || {
            ensure!(api.operations.get("//health/ready").await?.status == 503, "ready");
            Ok(())
        })
        .await?;
        api.daemon.signal(Signal::SIGINT)?;
        assert!(api.daemon.wait(Duration::from_secs(30)).await?.success());
        Ok(())
    })
    .await;
}
