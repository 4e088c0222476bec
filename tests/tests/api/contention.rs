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
