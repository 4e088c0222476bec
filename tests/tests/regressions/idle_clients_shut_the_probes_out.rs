//! Seen: at `api.max_connections`, clients that did nothing shut out `/health/live` for 15 s: a replica that served others
//! would have been ended.

use std::time::Duration;

use anyhow::ensure;
use comptoir_tests::harness::{Api, Http, World, address, until};
use tokio::net::TcpStream;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_and_metrics_answer_when_all_connections_are_taken() {
    World::run(async |world| {
        let limits = [("COMPTOIR__API__WORKERS", "1"), ("COMPTOIR__API__MAX_CONNECTIONS", "4")];
        let api = Api::start(world, &limits).await?;
        let target = address(api.http.root())?.to_owned();
        let mut idle = Vec::new();
        until("all connections to be taken", Duration::from_secs(30), async || {
            idle.push(TcpStream::connect(&target).await?);
            // On a connection of its own.
            let probe = Http::new(api.http.root())?;
            let probe = tokio::time::timeout(Duration::from_millis(500), probe.get("//health/live")).await;
            ensure!(probe.is_err(), "there is room");
            Ok(())
        })
        .await?;
        for path in ["//health/live", "//health/ready", "//metrics"] {
            assert_eq!(api.operations.get(path).await?.status, 200, "{path}");
        }
        Ok(())
    })
    .await;
}
