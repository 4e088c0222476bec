//! Seen: on a database whose default isolation level is `serializable`, 221 of 600 flows met a 503.

use comptoir_tests::harness::{Api, World, order_body};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_sets_its_own_isolation_level() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let serializable = "SET default_transaction_isolation = 'serializable'";
        sql.batch_execute(&format!("ALTER DATABASE {} {serializable}", world.database.name())).await?;
        let patient = [
            // A machine that is busy may take long for what is free.
            ("COMPTOIR__DATABASE__WAIT_TIMEOUT_MS", "10000"),
            ("COMPTOIR__DATABASE__LOCK_TIMEOUT_MS", "10000"),
            ("COMPTOIR__DATABASE__CONNECT_TIMEOUT_MS", "10000"),
        ];
        let api = Api::start(world, &patient).await?;
        let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
        let order = order_body(&customer, &product);
        for _ in 0..5 {
            for answer in futures::future::join_all((0..16).map(|_| api.http.post("/orders", &order))).await {
                let answer = answer?;
                assert_eq!(answer.status, 201, "{}", answer.text);
            }
        }
        let used: i64 =
            sql.query_one("SELECT count(*) FROM pg_locks WHERE mode = 'SIReadLock'", &[]).await?.get(0);
        assert_eq!(used, 0, "nobody works serializable");
        Ok(())
    })
    .await;
}
