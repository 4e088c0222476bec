//! Seen: an administrator made an API key; when they had lost their role, the key gave it back to them, and when they had been
//! disabled, the key enabled them. Keys outlived whoever had made them.

use anyhow::{Result, ensure};
use comptoir_tests::harness::{EVERYTHING, Http, World};
use serde_json::{Value, json};

use super::people::{administrator, login};

/// A key that may do everything, and another one that was made with it.
async fn keys(maker: &Http) -> Result<[(String, Http); 2]> {
    let make = async |http: &Http, name: &str| {
        let answer = http.post("/api-keys", &json!({"name": name, "permissions": EVERYTHING})).await?;
        ensure!(answer.status == 201, "{}", answer.text);
        Ok((answer.field("id").to_owned(), http.with_credential(answer.field("key"))))
    };
    let first = make(maker, "first").await?;
    let second = make(&first.1, "second").await?;
    Ok([first, second])
}

async fn maker(world: &World, http: &Http) -> Result<(String, Http)> {
    let (id, password) = administrator(world, "ada@docks.example").await?;
    administrator(world, "other@docks.example").await?;
    let answer = login(http, &json!({"email": "ada@docks.example", "password": password})).await?;
    ensure!(answer.status == 200, "{}", answer.text);
    Ok((id, http.with_credential(answer.field("access_token"))))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_decides_about_people_only_what_its_maker_still_may() {
    World::run(async |world| {
        let api = world.api().await?;
        let (ada, maker) = maker(world, &api.http).await?;
        let bob = api
            .created("/users", &json!({"email": "bob@docks.example", "name": "Bob", "role": "sales"}))
            .await?;
        let bob = format!("/users/{}", bob["id"].as_str().unwrap_or_default());
        let own = format!("/users/{ada}");
        let keys = keys(&maker).await?;
        for (_, key) in &keys {
            let refused = key.post(&format!("{own}/change-role"), &json!({"role": "admin"})).await?;
            assert_eq!((refused.status, refused.code()), (403, "own_account"), "{}", refused.text);
            assert_eq!(key.post(&format!("{bob}/change-role"), &json!({"role": "sales"})).await?.status, 200);
        }
        assert_eq!(
            api.http.post(&format!("{own}/change-role"), &json!({"role": "sales"})).await?.status,
            200
        );
        for (id, key) in &keys {
            let decisions: [(String, Value); 5] = [
                (format!("{own}/change-role"), json!({"role": "admin"})),
                (format!("{bob}/change-role"), json!({"role": "warehouse"})),
                (format!("{bob}/disable"), json!({})),
                ("/users".to_owned(), json!({"email": "eve@docks.example", "name": "Eve", "role": "sales"})),
                ("/api-keys".to_owned(), json!({"name": "third", "permissions": ["orders:read"]})),
            ];
            for (path, body) in decisions {
                let refused = key.post(&path, &body).await?;
                assert_eq!((refused.status, refused.code()), (403, "forbidden"), "{path}: {}", refused.text);
            }
            assert_eq!(key.get("/orders").await?.status, 200, "its own business goes on");
            assert_eq!(
                key.command(&format!("/api-keys/{id}/revoke")).await?.status,
                200,
                "it may end itself"
            );
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_end_with_whoever_answers_for_them_unless_that_is_said_otherwise() {
    World::run(async |world| {
        let api = world.api().await?;
        let (ada, maker) = maker(world, &api.http).await?;
        let own = format!("/users/{ada}");
        let kept = keys(&maker).await?;
        let owner = api.http.get(&format!("/api-keys/{}", kept[1].0)).await?;
        assert_eq!(owner.field("owner_id"), ada, "who made the key that made it: {}", owner.text);
        let keep = json!({"keep_api_keys": true});
        assert_eq!(api.http.post(&format!("{own}/disable"), &keep).await?.status, 200);
        for (_, key) in &kept {
            assert_eq!(key.get("/orders").await?.status, 200);
            let refused = key.command(&format!("{own}/enable")).await?;
            assert_eq!((refused.status, refused.code()), (403, "forbidden"), "{}", refused.text);
        }
        assert_eq!(api.http.command(&format!("{own}/enable")).await?.status, 200);
        let disabled = api.http.command(&format!("{own}/disable")).await?;
        assert_eq!(disabled.status, 200, "{}", disabled.text);
        for (_, key) in &kept {
            assert_eq!(key.get("/orders").await?.status, 401, "revoked");
        }
        assert_eq!(api.http.get("/orders").await?.status, 200, "an operator's key has no owner");
        let sql = world.sql().await?;
        let revoked = "SELECT count(*) FROM outbox_events WHERE event_type = 'api_key.revoked'";
        assert_eq!(sql.query_one(revoked, &[]).await?.get::<_, i64>(0), 2);
        let unknown = api.http.post(&format!("{own}/disable"), &json!({"keep": true})).await?;
        assert_eq!((unknown.status, unknown.code()), (422, "invalid_request"), "{}", unknown.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_revokes_a_key_that_may_do_more_but_its_owner() {
    World::run(async |world| {
        let api = world.api().await?;
        let sql = world.sql().await?;
        let tenant = world.tenant().await?.id;
        let few = comptoir_tests::harness::api_key(&sql, tenant, &["api_keys:write", "orders:read"]).await?;
        let few = api.http.with_credential(&few);
        let make = async |permissions: &[&str]| {
            let made =
                api.created("/api-keys", &json!({"name": "A key", "permissions": permissions})).await?;
            Ok::<_, anyhow::Error>(format!("/api-keys/{}/revoke", made["id"].as_str().unwrap_or_default()))
        };
        let refused = few.command(&make(&["orders:read", "orders:write"]).await?).await?;
        assert_eq!((refused.status, refused.code()), (403, "cannot_revoke"), "{}", refused.text);
        assert_eq!(few.command(&make(&["orders:read"]).await?).await?.status, 200);
        Ok(())
    })
    .await;
}
