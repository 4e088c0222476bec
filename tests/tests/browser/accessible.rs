//! Every page for everybody: judged by axe-core, as wide as the screen, and with a focus that one sees.

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Api, World};

use crate::axe::findings;
use crate::company::{console, dead_letter, enter, enter_as_operator, furnished, services_are_told};
use crate::looks::{of_operators, of_role, of_strangers};
use crate::page::{Browser, DESK, Look};

/// Looks at pages, and tells everything that is wrong with all of them at once.
async fn judge(browser: &mut Browser, pages: &[(String, Look)]) -> Result<()> {
    let mut wrong = Vec::new();
    for (path, look) in pages {
        browser.look(*look).await?;
        browser.go(path).await?;
        let mut found = findings(browser).await?;
        let status = browser.status().await?;
        if status != 200 && !(status == 404 && path == "/console/nowhere") {
            found.push(format!("it answers {status}"));
        }
        if look.width < 600 {
            let wide = browser.run("sideways", &[]).await?;
            if wide.as_array().is_some_and(|wide| !wide.is_empty()) {
                found.push(format!("it is wider than the screen: {wide}"));
            }
        } else {
            found.extend(
                browser
                    .unseen_stops()
                    .await?
                    .into_iter()
                    .map(|stop| format!("one does not see the focus: {stop}")),
            );
        }
        found.extend(browser.nothing_wrong().await.err().map(|error| error.to_string()));
        wrong.extend(found.into_iter().map(|what| format!("{path} {look:?}: {what}")));
    }
    ensure!(wrong.is_empty(), "{} findings on {} looks:\n{}", wrong.len(), pages.len(), wrong.join("\n"));
    Ok(())
}

async fn judge_as(role: &str) {
    World::run(async |world| {
        let api = console(world).await?;
        let things = furnished(&api).await?;
        let mut browser = Browser::open(world, &api, DESK).await?;
        browser.allow(404);
        enter(world, &api, &browser, role).await?;
        let pages: Vec<_> = of_role(role).into_iter().map(|(path, look)| (things.path(path), look)).collect();
        judge(&mut browser, &pages).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn administrators_find_no_barrier() {
    judge_as("admin").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn managers_find_no_barrier() {
    judge_as("management").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn sales_people_find_no_barrier() {
    judge_as("sales").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn warehouse_people_find_no_barrier() {
    judge_as("warehouse").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn operators_and_strangers_find_no_barrier() {
    World::run(async |world| {
        let api: Api = console(world).await?;
        services_are_told(world).await?;
        let letter = dead_letter(world).await?;
        let mut browser = Browser::open(world, &api, DESK).await?;
        // A link that does not hold any more.
        browser.allow(422);
        let owned = |pages: Vec<(&str, Look)>| {
            pages.into_iter().map(|(path, look)| (path.to_owned(), look)).collect::<Vec<_>>()
        };
        judge(&mut browser, &owned(of_strangers())).await?;
        browser.look(DESK).await?;
        enter_as_operator(world, &browser).await?;
        let mut pages = owned(of_operators());
        for path in ["/console/operators/dead-letters?letter=", "/console/operators/outbox/"] {
            let looks = [DESK, Look { width: 390, is_dark: true, language: "en" }];
            pages.extend(looks.map(|look| (format!("{path}{letter}"), look)));
        }
        judge(&mut browser, &pages).await
    })
    .await;
}
