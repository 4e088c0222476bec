//! What must not happen, whatever a person or another site does.

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{World, rows};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::company::{PASSWORD, console, end_sessions, enter, log_in};
use crate::page::{Browser, DESK};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn a_session_that_ends_under_an_open_page_leads_to_the_log_in_and_back() {
    World::run(async |world| {
        let api = console(world).await?;
        let mut browser = Browser::open(world, &api, DESK).await?;
        // The stream of the open page is refused.
        browser.allow(401);
        enter(world, &api, &browser, "sales").await?;
        browser.go("/console/orders?status=pending").await?;
        end_sessions(&api, "sales").await?;

        browser.follow("Filtrer").await?;
        browser.sees("Votre session est terminée.").await?;
        log_in(&browser, "sales@docks.example", PASSWORD).await?;
        let path = browser.path().await?;
        ensure!(
            path.starts_with("/console/orders?") && path.contains("status=pending"),
            "back where it was: {path}"
        );
        browser.nothing_wrong().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn a_session_that_ends_while_a_form_is_filled_takes_nothing_of_it_away() {
    World::run(async |world| {
        let api = console(world).await?;
        api.customer("C-1").await?;
        api.product("P-1").await?;
        let mut browser = Browser::open(world, &api, DESK).await?;
        // The search of the choices is refused.
        browser.allow(401);
        enter(world, &api, &browser, "sales").await?;
        browser.go("/console/orders/new").await?;
        browser.fill("Votre numéro", "CMD-1").await?;
        end_sessions(&api, "sales").await?;
        browser.fill("Client", "C-1").await?;
        browser.hears("Votre session est terminée").await?;
        assert_eq!(browser.value("Votre numéro").await?, "CMD-1", "what was typed");

        let form = browser.tab().await?;
        browser.open_tab(DESK).await?;
        browser.go("/console/sign-in").await?;
        log_in(&browser, "sales@docks.example", PASSWORD).await?;
        browser.close_tab(&form).await?;
        browser.choose("Client", "C-1", "Customer C-1").await?;
        browser.choose("Article", "P-1", "Product P-1").await?;
        browser.fill("Quantité", "2").await?;
        browser.follow("Passer la commande").await?;
        browser.hears("La commande est passée.").await?;
        browser.sees("CMD-1").await?;
        browser.nothing_wrong().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn a_form_of_another_origin_changes_nothing_even_with_the_right_token() {
    World::run(async |world| {
        let api = console(world).await?;
        let browser = Browser::open(world, &api, DESK).await?;
        enter(world, &api, &browser, "sales").await?;
        browser.go("/console/profile").await?;
        let token = browser.run("hidden", &["form_token".into()]).await?;
        let token = token.as_str().context("a token")?;
        // Another port of the same host: the browser sends the cookies there.
        let page = format!(
            "<!doctype html><html lang=\"en\"><title>Prize</title><form method=\"post\" action=\"{}/console/profile/language\">\
            <input type=\"hidden\" name=\"form_token\" value=\"{token}\"><input type=\"hidden\" name=\"language\" value=\"en\">\
            <button>Take the prize</button></form></html>",
            api.http.root()
        );
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let foreign = format!("http://{}/", listener.local_addr()?);
        let serving = tokio::spawn(serve(listener, page));
        browser.driver.client.goto(&foreign).await?;
        browser.follow("Take the prize").await?;
        assert_eq!((browser.path().await?.as_str(), browser.status().await?), ("/console/profile/language", 403));
        serving.abort();

        browser.go("/console/profile").await?;
        browser.sees("Votre profil").await?;
        // From its own page the same form does it.
        browser.select("Langue", "English").await?;
        browser.follow("Enregistrer la langue").await?;
        browser.sees("Your profile").await
    })
    .await;
}

async fn serve(listener: TcpListener, page: String) -> Result<()> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        page.len()
    );
    loop {
        let (mut socket, _) = listener.accept().await?;
        let answer = format!("{head}{page}");
        tokio::spawn(async move {
            let mut request = [0; 4096];
            let _ = socket.read(&mut request).await;
            let _ = socket.write_all(answer.as_bytes()).await;
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn a_double_click_places_one_order() {
    World::run(async |world| {
        let api = console(world).await?;
        api.customer("C-1").await?;
        api.product("P-1").await?;
        let mut browser = Browser::open(world, &api, DESK).await?;
        enter(world, &api, &browser, "sales").await?;
        browser.go("/console/orders/new").await?;
        browser.choose("Client", "C-1", "Customer C-1").await?;
        browser.choose("Article", "P-1", "Product P-1").await?;
        browser.fill("Quantité", "2").await?;
        browser.double_press("Passer la commande").await?;
        browser.hears("La commande est passée.").await?;
        let orders: Vec<Value> = rows(&api.http.get("/orders").await?)?;
        assert_eq!(orders.len(), 1, "{orders:?}");
        browser.nothing_wrong().await
    })
    .await;
}
