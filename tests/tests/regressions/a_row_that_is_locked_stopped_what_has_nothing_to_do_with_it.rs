//! Seen: somebody held one row's lock, and 40 requests to change it took every connection of the pool: 15 of 36 requests for
//! other things were answered 503.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Answer, Api, Http, World, until};
use reqwest::Method;
use serde_json::json;

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

async fn rename(http: Http, id: String, number: u32) -> Result<Answer> {
    let body = json!({"code": "C-1", "name": format!("Name {number}"), "email": "a@example.com"});
    http.send(Method::PATCH, &format!("/customers/{id}"), &[("If-Match", "*")], Some(&body)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forty_writers_of_a_locked_row_leave_room_for_everybody_else() {
    World::run(async |world| {
        let api = Api::start(world, &PATIENT).await?;
        let customer = api.customer("C-1").await?;
        let id = customer["id"].as_str().unwrap_or_default().to_owned();
        let (other, product) = (api.customer("C-2").await?, api.product("P-1").await?);
        let sql = world.sql().await?;
        sql.batch_execute(&format!("BEGIN; SELECT FROM customers WHERE id = '{id}' FOR UPDATE")).await?;
        let writers: Vec<_> = (0..40).map(|number| tokio::spawn(rename(api.http.clone(), id.clone(), number))).collect();
        let watcher = world.administrator().await?;
        until("somebody to wait for the row", Duration::from_secs(20), async || {
            let waiting: i64 =
                watcher.query_one(WAITING, &[]).await?.get(0);
            ensure!(waiting > 0, "nobody waits");
            Ok(())
        })
        .await?;
        for _ in 0..3 {
            all_succeed((0..6).map(|_| api.http.get("/customers"))).await?;
            let order = json!({"customer_id": other["id"], "lines": [{"product_id": product["id"], "quantity": "2"}]});
            all_succeed((0..6).map(|_| api.http.post("/orders", &order))).await?;
        }
        let waiting: i64 = watcher.query_one(WAITING, &[]).await?.get(0);
        assert!(waiting <= 2, "{waiting} connections wait for one row");
        // Most have given up by now, as they were told to.
        sql.batch_execute("COMMIT").await?;
        let mut refused = 0;
        for writer in writers {
            let answer = writer.await??;
            ensure!([200, 503].contains(&answer.status), "{} {}", answer.status, answer.text);
            if answer.status == 503 {
                refused += 1;
                assert!(answer.header("retry-after").is_some());
            }
        }
        let again = rename(api.http.clone(), id, 41).await?;
        assert_eq!(again.status, 200, "{refused} were refused; then: {}", again.text);
        Ok(())
    })
    .await;
}
