//! What the keyboard does that no journey shows: a dialog, and a list of choices that was closed.

use std::time::Duration;

use anyhow::ensure;
use comptoir_tests::harness::{World, until};
use fantoccini::key::Key;

use crate::company::{console, enter};
use crate::page::{Browser, DESK};

const LIMIT: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn a_dialog_takes_the_focus_and_gives_it_back_and_a_closed_list_opens_again() {
    World::run(async |world| {
        let api = console(world).await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        api.order(&customer, &product).await?;
        let mut browser = Browser::open(world, &api, DESK).await?;
        enter(world, &api, &browser, "sales").await?;
        browser.go("/console/orders").await?;
        browser.write("j").await?;
        let row = browser.focused().await?;
        ensure!(row.is_some(), "no row has the focus");
        browser.write("?").await?;
        until("the dialog to have the focus", LIMIT, async || {
            let focused = browser.focused().await?;
            ensure!(focused.as_deref() == Some("Fermer"), "{focused:?}");
            Ok(())
        })
        .await?;
        browser.key(Key::Escape).await?;
        until("the row to have it again", LIMIT, async || {
            let focused = browser.focused().await?;
            ensure!(focused == row, "{focused:?}, it was {row:?}");
            Ok(())
        })
        .await?;

        browser.go("/console/orders/new").await?;
        browser.fill("Client", "C-1").await?;
        browser.find("option", "Customer C-1").await?;
        browser.key(Key::Escape).await?;
        ensure!(browser.run("open", &[]).await? == false, "Escape closes the list");
        browser.key(Key::Down).await?;
        browser.find("option", "Customer C-1").await?;
        browser.nothing_wrong().await
    })
    .await;
}
