//! Pages that stay open while others work, and while a server is away.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{PrivateServices, World};
use serde_json::json;

use crate::company::{PASSWORD, console, enter, enter_as_operator, log_in};
use crate::page::{Browser, DESK};

const LIMIT: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn two_people_see_each_others_changes_and_nothing_moves_by_itself() {
    World::run(async |world| {
        let api = console(world).await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        let body = json!({"customer_id": customer["id"], "reference": "CMD-1", "lines": [{"product_id": product["id"], "quantity": "1"}]});
        api.created("/orders", &body).await?;
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
        let shifts = one.shifts().await?;
        ensure!(shifts.is_empty(), "the page moved by itself: {shifts:?}");
        one.nothing_wrong().await?;
        other.nothing_wrong().await
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
