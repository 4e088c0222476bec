//! Seen (read): a product was archived while an order of it was being placed: neither waited for the other, and the order was
//! placed after the archiving.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{World, order_body, until};

const LIMIT: Duration = Duration::from_secs(20);
const WAITING: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn archiving_waits_for_orders_and_orders_wait_for_it() {
    World::run(async |world| {
        let api = world.api().await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        let id = product["id"].as_str().unwrap_or_default().to_owned();
        let (other, watch) = (world.sql().await?, world.administrator().await?);
        let somebody_waits = async || -> Result<()> {
            until("somebody to wait for a lock", LIMIT, async || {
                let waiting: i64 = watch.query_one(WAITING, &[]).await?.get(0);
                ensure!(waiting == 1, "{waiting} wait");
                Ok(())
            })
            .await
        };
        // An order that is being placed holds its products so.
        let hold = format!("BEGIN; SELECT 1 FROM products WHERE id = '{id}' FOR KEY SHARE");
        other.batch_execute(&hold).await?;
        let archive = format!("/products/{id}/archive");
        let (archived, waited) = tokio::join!(api.http.command(&archive), async {
            let waited = somebody_waits().await;
            other.batch_execute("COMMIT").await?;
            waited
        });
        waited?;
        assert_eq!(archived?.status, 200);

        // Archiving that is not committed yet, of another product.
        let product = api.product("P-2").await?;
        let order = order_body(&customer, &product);
        let id = product["id"].as_str().unwrap_or_default();
        let hold = format!(
            "BEGIN; SELECT 1 FROM products WHERE id = '{id}' FOR UPDATE;
            UPDATE products SET archived_at = now(), version = 2 WHERE id = '{id}'"
        );
        other.batch_execute(&hold).await?;
        let (placed, waited) = tokio::join!(api.http.post("/orders", &order), async {
            let waited = somebody_waits().await;
            other.batch_execute("COMMIT").await?;
            waited
        });
        waited?;
        let placed = placed?;
        assert!(placed.status == 422 || placed.status == 409, "{} {}", placed.status, placed.text);
        Ok(())
    })
    .await;
}
