//! What those who run the installation do.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{World, until};

use crate::axe::findings;
use crate::company::{console, dead_letter, enter_as_operator, services_are_told};
use crate::page::{Browser, DESK};

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn a_dead_letter_is_read_and_requeued() {
    World::run(async |world| {
        // It has a queue for every event: what is requeued does not become a dead letter again.
        let _consumer = world.consumer().await?;
        let (api, relay) = (console(world).await?, world.relay().await?);
        let id = dead_letter(world).await?;
        services_are_told(world).await?;
        let mut browser = Browser::open(world, &api, DESK).await?;
        enter_as_operator(world, &browser).await?;

        browser.follow("Lettres mortes").await?;
        browser.follow("order.amended").await?;
        browser.sees("<b>bold</b>").await?; // The payload is text.
        // The relay says what it can do soon after its start.
        let letter = browser.path().await?;
        browser.go(&format!("/console/operators/dead-letters/decide?verb=requeue&id={id}")).await?;
        wait_for_the_relay(&browser).await?;
        browser.go(&letter).await?;
        browser.follow("Remettre en file").await?;
        browser.sees_later("Fait", LIMIT).await?;
        browser.sees_later("Réponse entière, JSON", LIMIT).await?;
        let found = findings(&browser).await?;
        ensure!(found.is_empty(), "{}", found.join("\n"));
        browser.follow("Lettres mortes").await?;
        browser.sees("Aucune lettre morte").await?;
        browser.nothing_wrong().await?;

        let left: i64 =
            world.sql().await?.query_one("SELECT count(*) FROM outbox_dead_letters", &[]).await?.get(0);
        ensure!(left == 0, "{left} dead letters are left");
        world.drained(LIMIT).await?;
        relay.stop().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn events_come_as_they_happen_and_nothing_moves_by_itself() {
    World::run(async |world| {
        let _consumer = world.consumer().await?;
        let (api, relay) = (console(world).await?, world.relay().await?);
        let first = api.customer("C-1").await?;
        let mut browser = Browser::open(world, &api, DESK).await?;
        enter_as_operator(world, &browser).await?;
        browser.go("/console/operators/outbox/tail").await?;
        browser.sees(first["id"].as_str().unwrap_or_default()).await?;

        let second = api.customer("C-2").await?;
        let id = second["id"].as_str().unwrap_or_default();
        browser.hears("nouvelle").await?;
        browser.lacks(id).await?;
        let shifts = browser.shifts().await?;
        ensure!(shifts.is_empty(), "the page moved by itself: {shifts:?}");
        browser.press("Afficher").await?;
        browser.sees(id).await?;
        browser.press("Suspendre").await?;
        browser.hears("Suspendu depuis").await?;
        browser.press("Reprendre").await?;
        browser.nothing_wrong().await?;
        relay.stop().await
    })
    .await;
}

/// Without a relay that can do it, the page shows a command instead of a button.
async fn wait_for_the_relay(browser: &Browser) -> Result<()> {
    until("a relay that can requeue", LIMIT, async || {
        browser.reload().await?;
        browser.lacks("Aucun relais ne répond.").await
    })
    .await
}
