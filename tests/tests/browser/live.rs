//! Pages that stay open while others work, and while a server is away.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Api, PrivateServices, World, id, rows};
use reqwest::Method;
use serde_json::{Value, json};

use crate::company::{PASSWORD, WITHOUT_TLS, console, end_sessions, enter, enter_as_operator, log_in, user};
use crate::page::{Browser, DESK};

const LIMIT: Duration = Duration::from_secs(90);

/// Places an order with this number.
async fn place(api: &Api, customer: &Value, product: &Value, reference: &str) -> Result<()> {
    let line = json!({"product_id": product["id"], "quantity": "1"});
    let body = json!({"customer_id": customer["id"], "reference": reference, "lines": [line]});
    api.created("/orders", &body).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn two_people_see_each_others_changes_and_nothing_moves_by_itself() {
    World::run(async |world| {
        let api = console(world).await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        place(&api, &customer, &product, "CMD-1").await?;
        let mut one = Browser::open(world, &api, DESK).await?;
        enter(world, &api, &one, "sales").await?;
        one.go("/console/orders").await?;
        one.sees("CMD-1").await?;
        // The same person on another machine: another session.
        let mut other = Browser::open(world, &api, DESK).await?;
        other.go("/console/sign-in").await?;
        log_in(&other, "sales@docks.example", PASSWORD).await?;

        other.go("/console/orders/new").await?;
        other.choose("Client", "C-1", "Customer C-1").await?;
        other.fill("Votre numéro", "CMD-2").await?;
        other.choose("Article", "P-1", "Product P-1").await?;
        other.fill("Quantité", "2").await?;
        other.follow("Passer la commande").await?;

        one.hears("1 nouvelle").await?;
        one.lacks("CMD-2").await?;
        let shifts = one.shifts().await?;
        ensure!(shifts.is_empty(), "the page moved by itself: {shifts:?}");
        one.press("Afficher").await?;
        one.lists("CMD-2").await?;
        one.hears("À jour à").await?;

        other.follow("Confirmer la commande").await?;
        one.hears("Cette page a changé").await?;
        one.press("Afficher").await?;
        one.lists("À préparer").await?;
        one.press("Suspendre").await?;
        one.hears("Suspendu depuis").await?;
        one.press("Reprendre").await?;
        one.hears("À jour à").await?;
        let shifts = one.shifts().await?;
        ensure!(shifts.is_empty(), "the page moved by itself: {shifts:?}");
        one.nothing_wrong().await?;
        other.nothing_wrong().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn the_api_ends_under_an_open_list_and_nothing_disappears() {
    World::run(async |world| {
        let mut api = console(world).await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        place(&api, &customer, &product, "CMD-1").await?;
        let mut browser = Browser::open(world, &api, DESK).await?;
        browser.allow_silence();
        // Until it follows the log of events.
        browser.allow(503);
        browser.allow(404);
        enter(world, &api, &browser, "sales").await?;
        browser.go("/console/orders").await?;
        browser.lists("CMD-1").await?;
        place(&api, &customer, &product, "CMD-2").await?;
        browser.hears("1 nouvelle").await?;

        api.daemon.kill()?;
        browser.hears("Hors ligne depuis").await?;
        browser.press("Afficher").await?;
        browser.hears("Non affiché : le serveur ne répond pas").await?;
        browser.lists("CMD-1").await?;

        api.start_again(world, &[WITHOUT_TLS]).await?;
        // What was not shown is still new.
        browser.hears_within("1 nouvelle", LIMIT).await?;
        browser.press("Afficher").await?;
        browser.lists("CMD-2").await?;
        browser.hears("À jour à").await?;

        // It was away, and nothing happened.
        api.daemon.kill()?;
        browser.hears("Hors ligne depuis").await?;
        api.start_again(world, &[WITHOUT_TLS]).await?;
        browser.hears_within("À jour à", LIMIT).await?;
        browser.lists("CMD-2").await?;

        // A page that reads itself again, as that of an import does, is not swapped for an error.
        let swap = "return htmx.ajax('GET', '/console/nowhere', {target: '#rows', select: '#rows', swap: 'outerMorph'})";
        browser.driver.client.execute(swap, Vec::new()).await?;
        browser.lists("CMD-2").await?;
        browser.nothing_wrong().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn what_is_shown_anew_is_the_whole_page_but_what_somebody_types() {
    World::run(async |world| {
        let api = console(world).await?;
        api.seller().await?;
        let (customer, product) = (api.buyer("C-1").await?, api.product("P-1").await?);
        let invoice = api.invoice(&customer, &product).await?;
        let mut browser = Browser::open(world, &api, DESK).await?;
        browser.allow(404);
        browser.allow(409);
        enter(world, &api, &browser, "admin").await?;

        browser.go(&format!("/console/invoices/{}", id(&invoice))).await?;
        browser.sees("Valider la facture").await?;
        let validated = api.http.command(&format!("/invoices/{}/validate", id(&invoice))).await?;
        ensure!((200..300).contains(&validated.status), "{}", validated.text);
        browser.hears("Cette page a changé").await?;
        browser.press("Afficher").await?;
        browser.sees("Enregistrer un paiement…").await?;
        browser.sees("Validée").await?;
        browser.lacks("Valider la facture").await?;

        // The version of the form stays with what was typed: the colleague's name is not written over without a word.
        user(world, &api, "sales").await?;
        let users = rows(&api.http.get("/users?email=sales%40docks.example").await?)?;
        let path = format!("/users/{}", id(&users[0]));
        browser.go(&format!("/console{path}")).await?;
        browser.fill("Nom", "Dominique").await?;
        let name = json!({"name": "Alix Martin"});
        let renamed = api.http.send(Method::PATCH, &path, &[("If-Match", "*")], Some(&name)).await?;
        ensure!(renamed.status == 200, "{}", renamed.text);
        browser.hears("Cette page a changé").await?;
        browser.press("Afficher").await?;
        browser.sees("Alix Martin").await?;
        assert_eq!(browser.value("Nom").await?, "Dominique", "what was typed");
        browser.follow("Enregistrer le nom").await?;
        browser.hears("Quelqu'un a changé cela entre-temps").await?;

        // What is not there any more stays in sight, with the reason.
        let group = api.customer_group("G-1").await?;
        let path = format!("/customer-groups/{}", id(&group));
        browser.go(&format!("/console{path}")).await?;
        let gone = api.http.send(Method::DELETE, &path, &[("If-Match", "*")], None).await?;
        ensure!(gone.status == 204, "{}", gone.text);
        browser.hears("Cette page a changé").await?;
        browser.press("Afficher").await?;
        browser.hears("Non affiché : Il n'y a rien à cette adresse").await?;
        browser.sees("Group G-1").await?;
        browser.nothing_wrong().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn tabs_share_one_stream_and_each_has_it_after_the_others() {
    World::run(async |world| {
        let api = console(world).await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        let mut browser = Browser::open(world, &api, DESK).await?;
        // The stream of a session that is over is refused.
        browser.allow(401);
        enter(world, &api, &browser, "sales").await?;
        browser.go("/console/orders").await?;
        let first = browser.tab().await?;
        browser.open_tab(DESK).await?;
        let second = browser.tab().await?;
        browser.go("/console/orders").await?;
        browser.sees("Aucune commande pour l'instant").await?;
        place(&api, &customer, &product, "CMD-1").await?;
        browser.hears("1 nouvelle").await?;
        browser.press("Afficher").await?;
        browser.lists("CMD-1").await?;
        browser.hears("À jour à").await?;

        // The tab that had the stream goes: the next one goes on where that was, and not where its own page was.
        browser.turn_to(&first).await?;
        browser.close_tab(&second).await?;
        place(&api, &customer, &product, "CMD-2").await?;
        browser.hears("nouvelle").await?;
        browser.lacks("2 nouvelles").await?;

        // The session ends under both: after the next log-in the stream is not held by a tab that cannot have it.
        browser.open_tab(DESK).await?;
        browser.go("/console/orders").await?;
        browser.lists("CMD-2").await?;
        end_sessions(&api, "sales").await?;
        browser.hears("Votre session est terminée").await?;
        browser.go("/console/orders").await?;
        log_in(&browser, "sales@docks.example", PASSWORD).await?;
        browser.lists("CMD-2").await?;
        place(&api, &customer, &product, "CMD-3").await?;
        browser.hears("1 nouvelle").await?;
        browser.nothing_wrong().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn the_broker_stops_under_open_pages_and_both_halves_go_on() -> Result<()> {
    let mut broker = tokio::task::block_in_place(|| PrivateServices::start_rabbitmq(""))?;
    let mut world = World::new(broker.services.clone()).await?;
    // The virtual host goes away with its broker.
    world.keep_vhost();
    let done = under_open_pages(&world, &mut broker).await;
    // A panic shows the logs of the programs.
    assert!(done.is_ok(), "{done:?}");
    Ok(())
}

async fn under_open_pages(world: &World, broker: &mut PrivateServices) -> Result<()> {
    // It has a queue for every event.
    let _consumer = world.consumer().await?;
    let (api, _relay) = (console(world).await?, world.relay().await?);
    let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
    api.order(&customer, &product).await?;
    let (mut person, mut operator) =
        (Browser::open(world, &api, DESK).await?, Browser::open(world, &api, DESK).await?);
    enter(world, &api, &person, "sales").await?;
    enter_as_operator(world, &operator).await?;
    person.go("/console/orders").await?;
    operator.go("/console/operators/outbox").await?;
    operator.sees_later("Rien n'attend.", LIMIT).await?;

    tokio::task::block_in_place(|| broker.stop())?;
    // The database is the log: the company's pages need no broker.
    api.order(&customer, &product).await?;
    person.hears("1 nouvelle").await?;
    person.press("Afficher").await?;
    person.hears("À jour à").await?;
    // It is read again by itself; what is new waits.
    operator.follow("Afficher").await?;
    operator.lacks("Rien n'attend.").await?;
    operator.sees("order.placed").await?;

    tokio::task::block_in_place(|| broker.start())?;
    operator.sees_later("Rien n'attend.", LIMIT).await?;
    person.nothing_wrong().await?;
    operator.nothing_wrong().await
}
