//! An inventory count on a telephone, with a scanner that types.

use anyhow::{Result, ensure};
use comptoir_tests::harness::{World, amounts_of};
use fantoccini::key::Key;

use crate::company::{BARCODE, console, enter, tea};
use crate::page::{Browser, PHONE};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn goods_are_counted_on_a_telephone() {
    World::run(async |world| {
        let api = console(world).await?;
        let product = tea(&api, "5").await?;
        let mut browser = Browser::open(world, &api, PHONE).await?;
        // Whoever counts may not close a count: the manager does it, on the same telephone.
        browser.allow(422);
        enter(world, &api, &browser, "management").await?;

        browser.go("/console/counts").await?;
        browser.follow("Préparer un comptage").await?;
        browser.follow("Préparer le comptage").await?;
        browser.hears("Le comptage est préparé.").await?;
        let count = browser.path().await?.split('?').next().unwrap_or_default().to_owned();
        browser.follow("Commencer le comptage").await?;
        browser.follow("Compter").await?;
        ensure!(
            browser.focused().await?.as_deref() == Some("scan"),
            "the field for the scanner has the focus"
        );
        browser.lacks("Attendu").await?;

        scan(&browser, "0000000000000").await?;
        browser.sees("Ni article ni place de ce comptage n'a ce code.").await?;
        scan(&browser, BARCODE).await?;
        browser.sees("Earl Grey").await?;
        browser.find("field", "Quantité comptée").await?;
        browser.fill("Quantité comptée", "4").await?;
        browser.key(Key::Enter).await?;
        browser.hears("Enregistré").await?;
        browser.sees("Derniers comptages").await?;
        let wide = browser.run("sideways", &[]).await?;
        ensure!(wide.as_array().is_some_and(Vec::is_empty), "wider than the screen: {wide}");

        browser.go(&count).await?;
        browser.follow("Terminer le comptage…").await?;
        browser.follow("Terminer le comptage").await?;
        browser.hears("Le comptage est terminé, les écarts sont à décider.").await?;
        browser.follow("Clore le comptage…").await?;
        browser.follow("Clore et corriger le stock").await?;
        browser.hears("Le comptage est clos, le stock est corrigé.").await?;
        browser.nothing_wrong().await?;
        assert_eq!(amounts_of(&api, &product).await?, "4 0 0");
        api.proof().await?;
        Ok(())
    })
    .await;
}

/// A scanner types a code, and Enter.
async fn scan(browser: &Browser, code: &str) -> Result<()> {
    browser.write(code).await?;
    browser.key(Key::Enter).await
}
