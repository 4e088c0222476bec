//! Seen: a refresh token was exchanged for new tokens without a look at its user, who had been disabled.

use comptoir_tests::harness::World;
use serde_json::json;

use super::people::{logged_in, user};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_refreshed_for_somebody_who_is_disabled() {
    World::run(async |world| {
        let api = world.api().await?;
        let id = user(world, &api.http, "ada@docks.example", "sales").await?;
        let (_, token) = logged_in(&api.http, "ada@docks.example").await?;
        // In SQL, so that the session is still open.
        let sql = world.sql().await?;
        sql.execute("UPDATE users SET disabled_at = now() WHERE id::text = $1", &[&id]).await?;
        let body = json!({"refresh_token": token});
        let refused = api.http.anonymous().post("/auth/refresh", &body).await?;
        assert_eq!((refused.status, refused.code()), (401, "invalid_refresh_token"), "{}", refused.text);
        sql.execute("UPDATE users SET disabled_at = NULL WHERE id::text = $1", &[&id]).await?;
        let again = api.http.anonymous().post("/auth/refresh", &body).await?;
        assert_eq!(again.status, 200, "a refusal has not used the token up: {}", again.text);
        Ok(())
    })
    .await;
}
