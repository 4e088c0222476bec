//! Every page for everybody: judged by axe-core, as wide as the screen, and with a focus that one sees.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Api, World, id};
use reqwest::Method;
use serde_json::json;

use crate::axe::findings;
use crate::company::{
    console, console_with, dead_letter, enter, enter_as_operator, furnished, services_are_told,
};
use crate::looks::{of_operators, of_role, of_strangers};
use crate::page::{Browser, DESK, Look, PHONE};

const LIMIT: Duration = Duration::from_secs(60);

/// What is wrong with the page that is open, seen so.
async fn wrong_here(browser: &mut Browser, look: Look) -> Result<Vec<String>> {
    browser.look(look).await?;
    let mut found = findings(browser).await?;
    if look.width < 600 {
        let wide = browser.run("sideways", &[]).await?;
        if wide.as_array().is_some_and(|wide| !wide.is_empty()) {
            found.push(format!("it is wider than the screen: {wide}"));
        }
    } else {
        let unseen = browser.unseen_stops().await?;
        found.extend(unseen.into_iter().map(|stop| format!("one does not see the focus: {stop}")));
    }
    found.extend(browser.nothing_wrong().await.err().map(|error| error.to_string()));
    Ok(found)
}

/// Looks at pages, and tells everything that is wrong with all of them at once.
async fn judge(browser: &mut Browser, pages: &[(String, Look)]) -> Result<()> {
    let mut wrong = Vec::new();
    for (path, look) in pages {
        browser.look(*look).await?;
        browser.go(path).await?;
        let mut found = wrong_here(browser, *look).await?;
        let status = browser.status().await?;
        if status != 200 && !(status == 404 && path == "/console/nowhere") {
            found.push(format!("it answers {status}"));
        }
        wrong.extend(found.into_iter().map(|what| format!("{path} {look:?}: {what}")));
    }
    ensure!(wrong.is_empty(), "{} findings on {} looks:\n{}", wrong.len(), pages.len(), wrong.join("\n"));
    Ok(())
}

/// Judges the page that a form has led to: loaded again, it would be another one.
async fn judge_here(browser: &mut Browser, status: u64) -> Result<()> {
    ensure!(browser.status().await? == status, "{}", browser.text().await?);
    for look in [DESK, PHONE] {
        let wrong = wrong_here(browser, look).await?;
        ensure!(wrong.is_empty(), "{} {look:?}:\n{}", browser.path().await?, wrong.join("\n"));
    }
    browser.look(DESK).await
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
        // A service is asked for something: the answer has a page.
        browser.go("/console/operators/services/pruning").await?;
        browser.follow("Demander trigger").await?;
        browser.sees_later("Fait", LIMIT).await?;
        let command = browser.path().await?;
        let mut pages = owned(of_operators());
        let letter_beside = format!("/console/operators/dead-letters?letter={letter}");
        for path in [letter_beside, format!("/console/operators/outbox/{letter}"), command] {
            let looks = [DESK, Look { width: 390, is_dark: true, language: "en" }];
            pages.extend(looks.map(|look| (path.clone(), look)));
        }
        judge(&mut browser, &pages).await
    })
    .await;
}

/// What only a form leads to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn a_made_key_and_two_versions_have_no_barrier() {
    World::run(async |world| {
        let api = console(world).await?;
        let customer = api.customer("C-1").await?;
        let mut browser = Browser::open(world, &api, DESK).await?;
        enter(world, &api, &browser, "admin").await?;
        browser.go("/console/keys/new").await?;
        browser.fill("Nom", "Boutique").await?;
        browser.find("field", "Voir les commandes, sans les prix").await?.click().await?;
        browser.follow("Créer la clé").await?;
        browser.sees("La clé est créée").await?;
        judge_here(&mut browser, 200).await?;

        // Somebody else changes the name while the form is filled in.
        browser.go(&format!("/console/customers/{}/edit", id(&customer))).await?;
        let (path, theirs) = (format!("/customers/{}", id(&customer)), json!({"name": "Their name"}));
        let changed = api.http.send(Method::PATCH, &path, &[("If-Match", "*")], Some(&theirs)).await?;
        ensure!(changed.status == 200, "{}", changed.text);
        browser.fill("Nom", "My name").await?;
        browser.allow(409);
        browser.follow("Enregistrer la fiche").await?;
        browser.sees("Their name").await?;
        judge_here(&mut browser, 409).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn operators_of_a_process_without_the_services_log_in_find_no_barrier() {
    World::run(async |world| {
        let api = console_with(world, &[("SERVICES_DATABASE_URL", "")]).await?;
        let mut browser = Browser::open(world, &api, DESK).await?;
        enter_as_operator(world, &browser).await?;
        browser.go("/console/operators/dead-letters").await?;
        judge_here(&mut browser, 200).await
    })
    .await;
}
