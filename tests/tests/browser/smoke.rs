//! The shortest way through the console, with every commit: log in, look, send a form, log out.

use anyhow::{Result, ensure};
use comptoir_tests::harness::World;

use crate::axe::findings;
use crate::company::{PASSWORD, console, log_in, user};
use crate::page::{Browser, DESK};

async fn is_sound(browser: &mut Browser) -> Result<()> {
    let found = findings(browser).await?;
    ensure!(found.is_empty(), "{}:\n{}", browser.path().await?, found.join("\n"));
    browser.nothing_wrong().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_logs_in_looks_sends_a_form_and_logs_out() {
    World::run(async |world| {
        let api = console(world).await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        let email = user(world, &api, "sales").await?;
        let mut browser = Browser::open(world, &api, DESK).await?;
        browser.allow(422);

        browser.go("/console/orders").await?;
        browser.sees("Connexion").await?;
        is_sound(&mut browser).await?;
        log_in(&browser, &email, PASSWORD).await?;
        assert_eq!(browser.path().await?, "/console/orders", "where the person was going");
        browser.sees("Aucune commande pour l'instant").await?;
        is_sound(&mut browser).await?;
        browser.follow("Accueil").await?;
        is_sound(&mut browser).await?;

        browser.go("/console/orders/new").await?;
        browser.fill("Votre numéro", "CMD-1").await?;
        browser.follow("Passer la commande").await?;
        browser.hears("à corriger").await?;
        assert_eq!(browser.focused().await?.as_deref(), Some("summary"), "the focus goes to what is wrong");
        assert_eq!(browser.value("Votre numéro").await?, "CMD-1", "what was typed is kept");
        is_sound(&mut browser).await?;
        browser.choose("Client", "C-1", "Customer C-1").await?;
        browser.choose("Article", "P-1", "Product P-1").await?;
        browser.fill("Quantité", "2").await?;
        browser.follow("Passer la commande").await?;
        browser.hears("La commande est passée.").await?;
        browser.sees("24,00 €").await?;
        is_sound(&mut browser).await?;
        // Nobody has listened before: the first page that is opened is told as well.
        browser.follow("Commandes").await?;
        api.order(&customer, &product).await?;
        browser.hears("1 nouvelle").await?;

        browser.go("/console/profile").await?;
        is_sound(&mut browser).await?;
        browser.follow("Se déconnecter").await?;
        browser.hears("Vous êtes déconnecté.").await?;
        browser.go("/console/orders").await?;
        browser.sees("Connexion").await?;
        browser.nothing_wrong().await
    })
    .await;
}

/// A judge that finds nothing anywhere would be no judge.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_page_is_found() {
    World::run(async |world| {
        let api = console(world).await?;
        let mut browser = Browser::open(world, &api, DESK).await?;
        browser.go("/console/sign-in").await?;
        // A text that is too pale, two targets that are too small and too near, and a script that the policy forbids.
        let spoil = "
            const main = document.querySelector('main');
            main.innerHTML = '<h1>Spoilt</h1><p>Nobody can read this text.</p><div><button>a</button><button>b</button></div>';
            main.querySelector('p').style.color = '#999';
            for (const button of main.querySelectorAll('button')) {
                button.style.cssText = 'all: unset; display: inline-block; width: 9px; height: 9px; font-size: 6px';
            }
            const script = document.createElement('script');
            script.textContent = 'window.ran = 1';
            document.body.append(script);
            console.error('ouch');";
        browser.driver.client.execute(spoil, Vec::new()).await?;
        let found = findings(&browser).await?.join("\n");
        ensure!(found.contains("target-size") && found.contains("color-contrast"), "found only: {found}");
        let said = browser.nothing_wrong().await.err().map(|error| error.to_string()).unwrap_or_default();
        ensure!(said.contains("Content Security Policy") && said.contains("ouch"), "heard only: {said}");
        Ok(())
    })
    .await;
}
