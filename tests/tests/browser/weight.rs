//! How much a first visit loads.

use anyhow::ensure;
use comptoir_tests::harness::World;
use serde_json::json;

use crate::company::{console, enter};
use crate::page::{Browser, DESK};

const LIMIT: u64 = 100_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn a_first_page_is_small_as_it_is_transferred_and_comes_from_here_alone() {
    World::run(async |world| {
        let api = console(world).await?;
        let mut browser = Browser::open(world, &api, DESK).await?;
        enter(world, &api, &browser, "sales").await?;
        for path in ["/console/", "/console/orders"] {
            browser.driver.cdp("Network.clearBrowserCache", json!({})).await?;
            browser.loads().await?;
            browser.go(path).await?;
            let loads = browser.loads().await?;
            let counted: Vec<_> = loads
                .iter()
                .filter(|load| ["Document", "Stylesheet", "Script"].contains(&load.kind.as_str()))
                .collect();
            ensure!(counted.len() >= 4, "the page, the style and two scripts: {loads:?}");
            let bytes: u64 = counted.iter().map(|load| load.bytes).sum();
            let told = counted
                .iter()
                .map(|load| format!("{} {}: {} ({})", load.kind, load.url, load.bytes, load.encoding));
            let told = told.collect::<Vec<_>>().join("\n");
            ensure!(bytes <= LIMIT, "{path}: {bytes} bytes with the heads of the answers:\n{told}");
        }
        // It also complains of a file of another site.
        browser.nothing_wrong().await
    })
    .await;
}
