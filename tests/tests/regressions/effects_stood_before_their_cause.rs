//! Seen: what a policy did stood in the outbox before the event for which it did it: a session had ended because its user was
//! disabled, and then the user was disabled.

use anyhow::Result;
use comptoir_tests::harness::World;
use serde_json::json;

use super::people::{logged_in, user};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cause_comes_before_what_it_causes() {
    World::run(async |world| {
        let api = world.api().await?;
        let id = user(world, &api.http, "ada@docks.example", "admin").await?;
        user(world, &api.http, "another@docks.example", "admin").await?;
        let sql = world.sql().await?;
        let events = async || -> Result<Vec<String>> {
            let rows = sql.query("DELETE FROM outbox_events RETURNING seq, event_type", &[]).await?;
            let mut rows: Vec<(i64, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
            rows.sort_unstable();
            Ok(rows.into_iter().map(|(_, name)| name).collect())
        };
        events().await?;
        let (ada, _) = logged_in(&api.http, "ada@docks.example").await?;
        assert_eq!(events().await?, ["user.logged_in", "session.created"]);
        assert_eq!(ada.command("/auth/logout").await?.status, 204);
        assert_eq!(events().await?, ["user.logged_out", "session.ended"]);
        let (ada, _) = logged_in(&api.http, "ada@docks.example").await?;
        let key = json!({"name": "A key", "permissions": ["orders:read"]});
        assert_eq!(ada.post("/api-keys", &key).await?.status, 201);
        events().await?;
        assert_eq!(api.http.command(&format!("/users/{id}/disable")).await?.status, 200);
        assert_eq!(events().await?, ["user.disabled", "session.ended", "api_key.revoked"]);
        Ok(())
    })
    .await;
}
