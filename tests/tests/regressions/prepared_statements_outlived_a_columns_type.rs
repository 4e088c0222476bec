//! Seen: after a column's type was changed, statements that were prepared before failed with "cached plan must not change
//! result type" for as long as their sessions lived: 571 of 571 GETs were answered 500.

use comptoir_tests::harness::{Api, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_notices_that_a_columns_type_changes() {
    World::run(async |world| {
        let patient = [
            // A machine that is busy may take long for what is free.
            ("COMPTOIR__DATABASE__WAIT_TIMEOUT_MS", "10000"),
            ("COMPTOIR__DATABASE__LOCK_TIMEOUT_MS", "10000"),
            ("COMPTOIR__DATABASE__CONNECT_TIMEOUT_MS", "10000"),
        ];
        let api = Api::start(world, &patient).await?;
        let customer = api.customer("C-1").await?;
        let path = format!("/customers/{}", customer["id"].as_str().unwrap_or_default());
        // In several sessions.
        for answer in futures::future::join_all((0..16).map(|_| api.http.get(&path))).await {
            assert_eq!(answer?.status, 200);
        }
        world.sql().await?.batch_execute("ALTER TABLE customers ALTER COLUMN name TYPE varchar(500)").await?;
        for _ in 0..3 {
            for answer in futures::future::join_all((0..16).map(|_| api.http.get(&path))).await {
                let answer = answer?;
                assert_eq!(answer.status, 200, "{}", answer.text);
            }
        }
        let code = format!("C-{}", 2);
        api.customer(&code).await?;
        Ok(())
    })
    .await;
}
