//! Seen: requests of one company that waited in the database took every connection of the pool, and those of other
//! companies were answered 503.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Answer, Api, Tenant, World, order_body, until};

/// A machine that is busy may take long for what is free.
const PATIENT: [(&str, &str); 3] = [
    ("COMPTOIR__DATABASE__WAIT_TIMEOUT_MS", "8000"),
    ("COMPTOIR__DATABASE__LOCK_TIMEOUT_MS", "9000"),
    ("COMPTOIR__DATABASE__CONNECT_TIMEOUT_MS", "8000"),
];
const WAITING: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'";

/// Every one of these requests is answered with success.
async fn all_succeed(requests: impl Iterator<Item = impl Future<Output = Result<Answer>>>) -> Result<()> {
    for answer in futures::future::join_all(requests).await {
        let answer = answer?;
        ensure!(answer.status < 300, "{} {}", answer.status, answer.text);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_company_takes_all_connections() {
    World::run(async |world| {
        let api = Api::start(world, &PATIENT).await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        let sql = world.sql().await?;
        let elsewhere = Tenant::create(&sql, "Maison Ailleurs").await?;
        // Every order of the product waits for it, and no path names it.
        let id = product["id"].as_str().unwrap_or_default();
        sql.batch_execute(&format!("BEGIN; SELECT FROM products WHERE id = '{id}' FOR UPDATE")).await?;
        let order = order_body(&customer, &product);
        let orders: Vec<_> = (0..40)
            .map(|_| {
                let (http, order) = (api.http.clone(), order.clone());
                tokio::spawn(async move { http.post("/orders", &order).await })
            })
            .collect();
        let watcher = world.administrator().await?;
        until("the company to use up its share", Duration::from_secs(20), async || {
            let waiting: i64 = watcher.query_one(WAITING, &[]).await?.get(0);
            ensure!(waiting >= 12, "{waiting} wait");
            Ok(())
        })
        .await?;
        let other = api.http.with_credential(&elsewhere.api_key);
        for _ in 0..6 {
            all_succeed((0..6).map(|_| other.get("/customers"))).await?;
        }
        let ready = api.operations.get("//health/ready").await?;
        assert_eq!(ready.status, 200, "{}", ready.text);
        sql.batch_execute("COMMIT").await?;
        for order in orders {
            let answer = order.await??;
            ensure!([201, 503].contains(&answer.status), "{} {}", answer.status, answer.text);
            if answer.status == 503 {
                assert!(answer.header("retry-after").is_some());
            }
        }
        Ok(())
    })
    .await;
}
