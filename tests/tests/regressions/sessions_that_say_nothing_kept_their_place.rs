//! Seen: sessions whose packets were acknowledged and never answered (a load balancer whose server has gone) kept their
//! place in the pool for ever: with two of two, nothing was served in 90 s, and `/health/ready` said 200.

use std::time::Duration;

use anyhow::ensure;
use comptoir_tests::harness::{Api, Proxy, World, address, until, with_address};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_sessions_are_given_up() {
    World::run(async |world| {
        let proxy = Proxy::start(address(&world.database.api_url)?).await?;
        let url = with_address(&world.database.api_url, &proxy.address())?;
        let environment = [
            ("DATABASE_URL", url.as_str()),
            ("COMPTOIR__DATABASE__POOL_SIZE", "2"),
            // A read is over when PostgreSQL should have ended it, a unit of work a little later.
            ("COMPTOIR__DATABASE__STATEMENT_TIMEOUT_MS", "2000"),
            ("COMPTOIR__DATABASE__WORK_TIMEOUT_MS", "3000"),
        ];
        let api = Api::start(world, &environment).await?;
        api.customer("C-1").await?;
        for answer in futures::future::join_all((0..4).map(|_| api.http.get("/customers"))).await {
            assert_eq!(answer?.status, 200);
        }
        proxy.strand();
        let (http, other) = (api.http.clone(), api.http.clone());
        let body = serde_json::json!({"code": "C-2", "name": "Anna", "email": "a@example.com"});
        let (read, written) = tokio::join!(http.get("/customers"), other.post("/customers", &body));
        assert_eq!((read?.status, written?.status), (503, 503), "nobody answers them");
        until("new sessions to serve", Duration::from_secs(30), async || {
            for answer in futures::future::join_all((0..4).map(|_| api.http.get("/customers"))).await {
                let answer = answer?;
                ensure!(answer.status == 200, "{} {}", answer.status, answer.text);
            }
            ensure!(api.operations.get("//health/ready").await?.status == 200, "not ready");
            Ok(())
        })
        .await?;
        api.customer("C-3").await?;
        Ok(())
    })
    .await;
}
