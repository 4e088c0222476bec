//! Seen (read): any text that begins with `ck_` was looked up in the database, however often it was sent.

use comptoir_tests::harness::{Api, Proxy, World, address, with_address};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_a_key_is_refused_without_the_database() {
    World::run(async |world| {
        let proxy = Proxy::start(address(&world.database.url)?).await?;
        let url = with_address(&world.database.api_url, &proxy.address())?;
        let api = Api::start(world, &[("DATABASE_URL", &url)]).await?;
        let key = api.http.credential().unwrap_or_default().to_owned();
        assert_eq!(api.http.get("/orders").await?.status, 200);
        proxy.cut();
        let last = if key.ends_with('A') { "B" } else { "A" };
        let mistyped = format!("{}{last}", &key[..key.len() - 1]);
        for text in ["ck_", "ck_nobody_has_this_key", &format!("ck_{}", "x".repeat(58)), &mistyped] {
            let answer = api.http.with_credential(text).get("/orders").await?;
            assert_eq!((answer.status, answer.code()), (401, "unauthenticated"), "{text}: {}", answer.text);
        }
        assert_eq!(api.http.get("/orders").await?.status, 503, "a real key needs the database");
        Ok(())
    })
    .await;
}
