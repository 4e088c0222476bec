//! The same request twice takes effect once: side by side, one after the other, and when the answer was lost.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Http, Proxy, World, address, order_body, until};
use serde_json::{Value, json};

async fn orders_and_events(world: &World) -> Result<(i64, i64)> {
    let row = world
        .sql()
        .await?
        .query_one(
            "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM outbox_events WHERE event_type = 'order.placed')",
            &[],
        )
        .await?;
    Ok((row.get(0), row.get(1)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_two_identical_posts_make_one_order_and_one_event() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        let body = order_body(&customer, &product);
        let posts = (0..32).map(|_| async {
            // As a client would: one that is still running is asked for again.
            loop {
                let answer = api.http.post_with_key("/orders", "one-key", &body).await?;
                if answer.code() != "idempotency_key_in_use" {
                    return Ok(answer);
                }
                assert_eq!(answer.status, 409);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let answers: Result<Vec<_>> = futures::future::join_all(posts).await.into_iter().collect();
        let answers = answers?;
        assert!(
            answers.iter().all(|answer| answer.status == 201),
            "{:?}",
            answers.iter().map(|a| a.status).collect::<Vec<_>>()
        );
        assert!(answers.iter().all(|answer| answer.text == answers[0].text), "all get the same answer");
        let replayed =
            answers.iter().filter(|answer| answer.header("idempotent-replayed") == Some("true")).count();
        assert_eq!(replayed, 31);
        assert!(answers.iter().all(|answer| answer.header("location") == answers[0].header("location")));
        assert_eq!(orders_and_events(world).await?, (1, 1));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_stands_for_one_request() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        let mut body = order_body(&customer, &product);
        assert_eq!(api.http.post_with_key("/orders", "k", &body).await?.status, 201);
        body["lines"][0]["quantity"] = json!("3");
        let other_body = api.http.post_with_key("/orders", "k", &body).await?;
        assert_eq!((other_body.status, other_body.code()), (422, "idempotency_key_reused"));
        let customer = json!({"code": "C-2", "name": "N", "email": "e@example.com"});
        let other_path = api.http.post_with_key("/customers", "k", &customer).await?;
        assert_eq!((other_path.status, other_path.code()), (422, "idempotency_key_reused"));
        assert_eq!(orders_and_events(world).await?, (1, 1));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_request_does_not_use_up_its_key() {
    World::run(async |world| {
        let api = world.api().await?;
        let customer = api.customer("C-1").await?;
        let wrong = json!({"customer_id": customer["id"], "lines": []});
        assert_eq!(api.http.post_with_key("/orders", "k", &wrong).await?.status, 422);
        let product = api.product("P-1").await?;
        let right = order_body(&customer, &product);
        assert_eq!(api.http.post_with_key("/orders", "k", &right).await?.status, 201);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replayed_command_answers_as_it_did_and_changes_nothing() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        let order = api.order(&customer, &product).await?;
        let path = format!("/orders/{}/cancel", order["id"].as_str().unwrap());
        let reason = json!({"reason": "mistake"});
        let first = api.http.post_with_key(&path, "k", &reason).await?;
        let again = api.http.post_with_key(&path, "k", &reason).await?;
        assert_eq!((first.status, again.status, &first.text), (200, 200, &again.text));
        assert_eq!(first.header("etag"), again.header("etag"));
        assert_eq!(api.http.post(&path, &reason).await?.status, 409, "without the key it is a new command");
        Ok(())
    })
    .await;
}

/// The API commits, and dies before its answer gets through. The client, which cannot know, asks again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_killed_between_commit_and_answer_makes_one_order() {
    World::run(async |world| {
        let mut api = world.api().await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        let body: Value = order_body(&customer, &product);
        let proxy = Proxy::start(address(api.http.root())?).await?;
        let through = Http::new(&format!("http://{}", proxy.address()))?
            .with_credential(&world.tenant().await?.api_key);
        proxy.swallow_answers();
        let lost = tokio::spawn({
            let body = body.clone();
            async move { through.post_with_key("/orders", "k", &body).await }
        });
        until("the order to be committed", Duration::from_secs(10), async || {
            ensure!(orders_and_events(world).await?.0 == 1, "not yet");
            Ok(())
        })
        .await?;
        api.daemon.kill()?;
        drop(proxy);
        assert!(lost.await?.is_err(), "the answer is lost");
        api.start_again(world, &[]).await?;
        let again = api.http.post_with_key("/orders", "k", &body).await?;
        assert_eq!(
            (again.status, again.header("idempotent-replayed")),
            (201, Some("true")),
            "{}",
            again.text
        );
        assert_eq!(orders_and_events(world).await?, (1, 1));
        Ok(())
    })
    .await;
}
