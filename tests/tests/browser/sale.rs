//! From the order to the money, as people do it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{World, rows};

use crate::company::{console_with, enter};
use crate::page::{Browser, DESK, Hands};

const DOCUMENT_LIMIT: Duration = Duration::from_secs(60);

/// Places an order, ships it, invoices it and takes the money.
async fn order_to_cash(world: &World, hands: Hands) -> Result<()> {
    // The document is part of it.
    let api = console_with(world, &[("COMPTOIR__SERVICES__INVOICE_DOCUMENTS__ENABLED", "true")]).await?;
    api.seller().await?;
    api.buyer("C-1").await?;
    api.product_in_stock("P-1", "20").await?;
    let mut browser = Browser::open(world, &api, DESK).await?;
    browser.hands = hands;
    enter(world, &api, &browser, "admin").await?;

    browser.follow("Commandes").await?;
    browser.follow("Passer une commande").await?;
    browser.choose("Client", "C-1", "Customer C-1").await?;
    browser.fill("Votre numéro", "CMD-1").await?;
    browser.choose("Article", "Prod", "20 disponibles").await?;
    browser.fill("Quantité", "3").await?;
    browser.follow("Passer la commande").await?;
    browser.hears("La commande est passée.").await?;
    browser.follow("Confirmer la commande").await?;
    browser.hears("La commande est confirmée.").await?;
    let order = browser.path().await?;

    browser.follow("Expédier…").await?;
    ensure!(browser.value("Product P-1").await? == "3", "what is reserved is proposed");
    browser.fill("Numéro de suivi", "6A12").await?;
    browser.follow("Expédier ces quantités").await?;
    browser.hears("C'est expédié. Imprimez le bon de livraison.").await?;

    browser.follow("Facturer ce qui est parti").await?;
    browser.hears("Le brouillon est là.").await?;
    browser.follow("Valider la facture…").await?;
    browser.sees("Customer C-1").await?;
    browser.follow("Valider la facture").await?;
    browser.hears("La facture a son numéro.").await?;
    let invoice = browser.path().await?;
    browser.sees("36,00 €").await?;
    browser.sees_later("Ouvrir le PDF", DOCUMENT_LIMIT).await?;

    browser.follow("Enregistrer un paiement…").await?;
    ensure!(browser.value("Montant").await? == "36,00", "what is open is proposed");
    browser.follow("Enregistrer le paiement").await?;
    browser.hears("Le paiement est enregistré.").await?;
    browser.go(invoice.split('?').next().unwrap_or_default()).await?;
    browser.sees("Payée").await?;
    browser.go(order.split('?').next().unwrap_or_default()).await?;
    browser.sees("Expédiée").await?;
    browser.nothing_wrong().await?;

    let invoices = rows(&api.http.get("/invoices").await?)?;
    let invoice = invoices.first().context("no invoice")?;
    assert_eq!((invoices.len(), &invoice["state"]), (1, &"paid".into()), "{invoice}");
    api.proof().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn an_order_becomes_money_typed_and_clicked() {
    World::run(async |world| order_to_cash(world, Hands::Pointer).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn an_order_becomes_money_by_the_keyboard_alone() {
    World::run(async |world| order_to_cash(world, Hands::Keyboard).await).await;
}
