//! Seen: the database's address led to a standby for a moment. The pool kept the sessions that were opened there: 523 of
//! 523 POSTs were answered 503 until the API was started again, and `/health/ready` said 200.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{World, until};
use serde_json::json;
use tokio_postgres::Client;

const LIMIT: Duration = Duration::from_secs(20);

/// New sessions behave as those of a standby do, and the old ones end, as when an address leads elsewhere.
async fn lead_to(world: &World, sql: &Client, is_standby: bool) -> Result<()> {
    let setting = if is_standby {
        "SET default_transaction_read_only = on"
    } else {
        "RESET default_transaction_read_only"
    };
    sql.batch_execute(&format!("ALTER DATABASE {} {setting}", world.database.name())).await?;
    if is_standby {
        let others = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = '{}' AND pid <> pg_backend_pid() AND usename <> '{}'",
            world.database.name(),
            sql.query_one("SELECT current_user::text", &[]).await?.get::<_, String>(0)
        );
        world.administrator().await?.execute(&others, &[]).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writing_goes_on_once_the_address_leads_back() {
    World::run(async |world| {
        let api = world.api().await?;
        // Opened before, and therefore able to write all the time.
        let sql = world.sql().await?;
        api.customer("C-0").await?;
        lead_to(world, &sql, true).await?;
        until("it to say that nothing can be written", LIMIT, async || {
            let body = json!({"code": "C-1", "name": "Anna", "email": "a@example.com"});
            let answer = api.http.post("/customers", &body).await?;
            ensure!(answer.status == 503, "POST: {} {}", answer.status, answer.text);
            ensure!(answer.header("retry-after").is_some(), "without Retry-After");
            let ready = api.operations.get("//health/ready").await?;
            ensure!(ready.status == 503, "ready: {}", ready.text);
            // Several sessions are open there by now.
            let reads = (0..8).map(|_| api.http.get("/customers"));
            for read in futures::future::join_all(reads).await {
                ensure!(read?.status == 200, "what is there can be read");
            }
            Ok(())
        })
        .await?;
        lead_to(world, &sql, false).await?;
        // All sessions are replaced once a second at most.
        until("writing to go on", LIMIT, async || api.customer("D-0").await).await?;
        for number in 1..=20 {
            let code = format!("D-{number}");
            api.customer(&code).await?;
        }
        until("it to be ready", LIMIT, async || {
            ensure!(api.operations.get("//health/ready").await?.status == 200, "not ready");
            Ok(())
        })
        .await
    })
    .await;
}
