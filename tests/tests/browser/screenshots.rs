//! The pictures of docs/console.md. `make screenshots` writes them; otherwise the test shows that they can be made.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Api, World, id, projections_are_right, until};
use reqwest::Method;
use serde_json::{Value, json};

use crate::company::{console_with, dead_letter, enter, enter_as_operator, furnished, services_are_told};
use crate::page::{Browser, Look};

/// The folder to write them to.
const FOLDER: &str = "COMPTOIR_SCREENSHOTS";
const CUSTOMERS: [&str; 6] = [
    "Épicerie Graslin",
    "Hôtel du Port",
    "La Cantine des Carmes",
    "Librairie Ventadour",
    "Maison Keravel",
    "Salon de thé Zola",
];
const PRODUCTS: [(&str, &str, &str); 5] = [
    ("CAF-250", "Café moulu 250 g", "4.20"),
    ("THE-100", "Thé vert sencha 100 g", "6.90"),
    ("CHO-070", "Chocolat noir 70 %", "2.80"),
    ("MIE-500", "Miel de sarrasin 500 g", "8.50"),
    ("SEL-125", "Fleur de sel 125 g", "3.60"),
];
const ORDERS: usize = 24;
const LIMIT: Duration = Duration::from_secs(120);

/// The file, the page, its width and whether it is dark.
type Shot = (&'static str, &'static str, u32, bool);
const OF_COMPANY: &[Shot] = &[
    ("home-1280", "/console/", 1280, false),
    ("home-1280-dark", "/console/", 1280, true),
    ("home-390", "/console/", 390, false),
    ("orders-1280", "/console/orders", 1280, false),
    ("orders-1280-dark", "/console/orders", 1280, true),
    ("orders-390", "/console/orders", 390, false),
    ("order-1280", "/console/orders/{order}", 1280, false),
    ("ship-390-dark", "/console/orders/{order}/ship", 390, true),
    ("invoice-1280", "/console/invoices/{invoice}", 1280, false),
    ("stock-1280", "/console/stock", 1280, false),
    ("stock-390-dark", "/console/stock", 390, true),
];
const OF_OPERATORS: &[Shot] = &[
    ("dead-letters-1280", "/console/operators/dead-letters?letter={letter}", 1280, false),
    ("outbox-1280-dark", "/console/operators/outbox", 1280, true),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn the_pages_of_the_documentation_are_photographed() {
    World::run(async |world| {
        // The reports and the documents are part of the pictures.
        let environment = [
            ("AMQP_URL", world.vhost().url.as_str()),
            ("COMPTOIR__PROJECTIONS__POLL_INTERVAL_MS", "200"),
            ("COMPTOIR__SERVICES__INVOICE_DOCUMENTS__ENABLED", "true"),
        ];
        let api = console_with(world, &environment).await?;
        // Before anything is published: an event that no queue is bound for becomes a dead letter.
        let _consumer = world.consumer().await?;
        let sql = world.sql().await?;
        until("the projections to be built", LIMIT, async || {
            let built = "SELECT built_at IS NOT NULL AND wanted IS NULL FROM projection_state";
            ensure!(sql.query_one(built, &[]).await?.get::<_, bool>(0), "they are not");
            Ok(())
        })
        .await?;
        let relay = world.relay().await?;
        services_are_told(world).await?;
        let things = furnished(&api).await?;
        let order = trade(&api).await?;
        projections_are_right(world, LIMIT).await?;
        let letter = dead_letter(world).await?.to_string();
        let of_company = "UPDATE outbox_dead_letters SET aggregate_id = $1, last_error = 'basic.nack',
            tenant_id = (SELECT tenant_id FROM orders LIMIT 1)";
        sql.execute(of_company, &[&"CMD-2026-0017"]).await?;
        let look = Look { width: 1280, is_dark: false, language: "fr" };
        let mut browser = Browser::open(world, &api, look).await?;
        enter(world, &api, &browser, "admin").await?;
        browser.go(&things.path("/console/invoices/{invoice}")).await?;
        browser.sees_later("Ouvrir le PDF", LIMIT).await?;
        for (file, path, width, is_dark) in OF_COMPANY {
            let path = things.path(path).replace("{order}", &order);
            photograph(&browser, file, &path, Look { width: *width, is_dark: *is_dark, ..look }).await?;
        }
        browser.look(look).await?;
        enter_as_operator(world, &browser).await?;
        for (file, path, width, is_dark) in OF_OPERATORS {
            let path = path.replace("{letter}", &letter);
            photograph(&browser, file, &path, Look { width: *width, is_dark: *is_dark, ..look }).await?;
        }
        browser.nothing_wrong().await?;
        relay.stop().await
    })
    .await;
}

async fn photograph(browser: &Browser, file: &str, path: &str, look: Look) -> Result<()> {
    browser.look(look).await?;
    browser.go(path).await?;
    ensure!(browser.status().await? == 200, "{path}: {}", browser.text().await?);
    let picture = browser.driver.client.screenshot().await?;
    ensure!(picture.starts_with(b"\x89PNG"), "no picture of {path}");
    if let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) {
        tokio::fs::create_dir_all(&folder).await?;
        let file = folder.join(format!("{file}.png"));
        tokio::fs::write(&file, picture).await.with_context(|| file.display().to_string())?;
    }
    Ok(())
}

/// A day of a small wholesaler; the id of an order that can be shipped.
async fn trade(api: &Api) -> Result<String> {
    let mut confirmed = None;
    let mut customers = Vec::new();
    for (index, name) in CUSTOMERS.iter().enumerate() {
        let body = json!({"code": format!("CLI-{index:03}"), "name": name, "email": "achats@example.com"});
        customers.push(api.created("/customers", &body).await?);
    }
    let mut products = Vec::new();
    for (sku, name, price) in PRODUCTS {
        let body = json!({"sku": sku, "name": name, "unit_price": price, "vat_rate": "5.5", "stocked": true});
        let product = api.created("/products", &body).await?;
        api.receive(&product, "400", "2.00").await?;
        products.push(product);
    }
    for number in 0..ORDERS {
        let line = |step: usize| -> Value {
            json!({"product_id": products[(number + step) % products.len()]["id"], "quantity": (number % 9 + step + 1).to_string()})
        };
        let body = json!({
            "customer_id": customers[number % customers.len()]["id"], "reference": format!("CMD-2026-{:04}", number + 1),
            "lines": [line(0), line(1), line(2)],
        });
        let order = api.created("/orders", &body).await?;
        let path = format!("/orders/{}", id(&order));
        let shipped = json!({"tracking_number": format!("6A{number:08}")});
        let steps = [("confirm", None), ("ship", Some(&shipped))];
        for (step, body) in steps.into_iter().take(number % 3) {
            let answer = api.http.send(Method::POST, &format!("{path}/{step}"), &[], body).await?;
            ensure!((200..300).contains(&answer.status), "{step}: {} {}", answer.status, answer.text);
        }
        if number % 3 == 1 {
            confirmed = Some(id(&order).to_owned());
        }
    }
    confirmed.context("no order is confirmed")
}
