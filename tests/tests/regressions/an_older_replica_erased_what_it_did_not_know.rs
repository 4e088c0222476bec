//! Seen: a log-in through an older replica wrote its user back without the permissions that this version did not know, those
//! that had been revoked as well.

use anyhow::Result;
use comptoir_tests::harness::World;
use serde_json::json;

use super::people::{logged_in, user};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn permissions_of_a_newer_version_stay_whatever_else_changes() {
    World::run(async |world| {
        let api = world.api().await?;
        let id = user(world, &api.http, "ada@docks.example", "sales").await?;
        let sql = world.sql().await?;
        let store = "UPDATE users SET granted = '{moon:walk,orders:ship}', revoked = '{moon:sit}' WHERE id::text = $1";
        sql.execute(store, &[&id]).await?;
        let stored = async || -> Result<(Vec<String>, Vec<String>)> {
            let row = "SELECT ARRAY(SELECT unnest(granted) ORDER BY 1), ARRAY(SELECT unnest(revoked) ORDER BY 1) FROM users
                WHERE id::text = $1";
            let row = sql.query_one(row, &[&id]).await?;
            Ok((row.get(0), row.get(1)))
        };
        logged_in(&api.http, "ada@docks.example").await?;
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(stored().await?, (names(&["moon:walk", "orders:ship"]), names(&["moon:sit"])));
        let lists = json!({"granted": [], "revoked": ["customers:write"]});
        let changed = api.http.post(&format!("/users/{id}/change-permissions"), &lists).await?;
        assert_eq!(changed.status, 200, "{}", changed.text);
        assert_eq!(stored().await?, (names(&["moon:walk"]), names(&["customers:write", "moon:sit"])));
        Ok(())
    })
    .await;
}
