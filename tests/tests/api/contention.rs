//! Transactions that get in each other's way: they are tried again, and not for ever.

use std::time::Duration;

use anyhow::{Context, Result};
use comptoir_tests::harness::{Api, Scrape, World};
use serde_json::json;
use tokio_postgres::Client;

/// The first `times` transactions that insert a customer fail as those that cannot be serialized do. A sequence is not rolled back.
async fn contend(sql: &Client, times: i64) -> Result<()> {
    let contention = format!(
        "CREATE SEQUENCE tries;
        GRANT USAGE ON tries TO PUBLIC;
        CREATE FUNCTION contend() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF nextval('tries') <= {times} THEN
                RAISE EXCEPTION 'could not serialize access' USING ERRCODE = 'serialization_failure';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER contend BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION contend()"
    );
    Ok(sql.batch_execute(&contention).await?)
}

async fn retries(api: &Api) -> Result<f64> {
    let scrape = Scrape::of(&api.operations).await?;
    scrape.sum("comptoir_unit_of_work_retries_total").context("no retries are counted")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contention_that_passes_is_not_seen_by_the_client() {
    World::run(async |world| {
        let api = world.api().await?;
        let sql = world.sql().await?;
        contend(&sql, 4).await?;
        api.customer("C-1").await?;
        let counts = "SELECT (SELECT count(*) FROM customers), (SELECT count(*) FROM outbox_events), (SELECT count(*) FROM audit_events)";
        let row = sql.query_one(counts, &[]).await?;
        assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1), row.get::<_, i64>(2)), (1, 1, 1));
        assert_eq!(retries(&api).await?, 4.0);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contention_that_does_not_pass_is_answered_after_five_attempts() {
    World::run(async |world| {
        let api = world.api().await?;
        contend(&world.sql().await?, 1_000_000).await?;
        let body = json!({"code": "C-1", "name": "A customer", "email": "c@example.com"});
        let answer =
            tokio::time::timeout(Duration::from_secs(60), api.http.post("/customers", &body)).await??;
        assert_eq!((answer.status, answer.code()), (503, "unavailable"), "{}", answer.text);
        assert!(answer.header("retry-after").is_some(), "{}", answer.text);
        assert_eq!(retries(&api).await?, 4.0);
        Ok(())
    })
    .await;
}

/// The first `times` orders find that their customer has got a credit limit since they looked, and begin anew.
async fn overtake(sql: &Client, times: i64) -> Result<()> {
    let overtaking = format!(
        "CREATE SEQUENCE tries;
        CREATE FUNCTION overtake() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
            IF nextval('tries') <= {times} THEN
                UPDATE customers SET credit_limit = 1000000 WHERE tenant_id = NEW.tenant_id AND id = NEW.customer_id;
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER overtake BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION overtake()"
    );
    Ok(sql.batch_execute(&overtaking).await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_overtaken_tries_twenty_times() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        overtake(&world.sql().await?, 19).await?;
        api.order(&customer, &product).await?;
        assert_eq!(retries(&api).await?, 19.0);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_overtaken_each_time_is_told_to_come_back() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        overtake(&world.sql().await?, 1_000_000).await?;
        let line = json!({"product_id": product["id"], "quantity": "2"});
        let body = json!({"customer_id": customer["id"], "lines": [line]});
        let answer = api.http.post("/orders", &body).await?;
        assert_eq!((answer.status, answer.code()), (503, "unavailable"), "{}", answer.text);
        assert!(answer.header("retry-after").is_some(), "{}", answer.text);
        assert_eq!(retries(&api).await?, 19.0);
        Ok(())
    })
    .await;
}
