//! API keys: made, used, revoked.

use std::time::Duration;

use comptoir_tests::harness::{Tenant, World, api_key};
use serde_json::{Value, json};

fn request(permissions: &[&str]) -> Value {
    json!({"name": "Web shop", "permissions": permissions})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_shown_once_opens_what_it_may_and_is_revoked_at_once() {
    World::run(async |world| {
        let api = world.api().await?;
        let created = api.http.post("/api-keys", &request(&["orders:read", "customers:read"])).await?;
        assert_eq!(created.status, 201, "{}", created.text);
        assert_eq!(created.header("cache-control"), Some("no-store"));
        let (id, key) = (created.field("id").to_owned(), created.field("key").to_owned());
        assert!(key.starts_with(created.field("prefix")) && key.len() == 61, "{key}");
        let path = format!("/api-keys/{id}");
        assert!(created.header("location").is_some_and(|location| location.ends_with(&path)));

        let shop = api.http.with_credential(&key);
        assert_eq!(shop.get("/orders").await?.status, 200);
        assert_eq!(shop.get("/products").await?.status, 403);
        let me = shop.get("/me").await?;
        assert_eq!((me.field("kind"), me.field("id")), ("api_key", id.as_str()), "{}", me.text);

        let read = api.http.get(&path).await?;
        assert_eq!((read.status, read.json["key"].is_null()), (200, true), "{}", read.text);
        assert!(!api.http.get("/api-keys").await?.text.contains(&key));

        let revoked = api.http.command(&format!("{path}/revoke")).await?;
        assert_eq!((revoked.status, revoked.header("etag")), (200, Some("\"2\"")), "{}", revoked.text);
        // What it never was allowed is no reason to look at it differently.
        assert_eq!(shop.get("/products").await?.status, 401);
        assert_eq!(shop.get("/orders").await?.status, 401);
        let again = api.http.command(&format!("{path}/revoke")).await?;
        assert_eq!((again.status, again.header("etag")), (200, Some("\"2\"")), "{}", again.text);
        assert_eq!(api.http.get("/api-keys?revoked=true").await?.json["data"][0]["id"], id.as_str());

        let rows = world
            .sql()
            .await?
            .query(
                "SELECT event_type, payload::text FROM outbox_events WHERE aggregate_id = $1 ORDER BY seq",
                &[&id],
            )
            .await?;
        let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(names, ["api_key.created", "api_key.revoked"]);
        assert!(rows.iter().all(|row| !row.get::<_, String>(1).contains(&key)));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_a_key_was_last_used_is_known_when_the_api_has_stopped() {
    World::run(async |world| {
        let mut api = world.api().await?;
        let created = api.http.post("/api-keys", &request(&["orders:read"])).await?;
        let (path, key) = (format!("/api-keys/{}", created.field("id")), created.field("key").to_owned());
        assert!(created.json["last_used_at"].is_null(), "{}", created.text);
        assert_eq!(api.http.with_credential(&key).get("/orders").await?.status, 200);
        assert!(api.daemon.terminate(Duration::from_secs(20)).await?.success());
        api.start_again(world, &[]).await?;
        let read = api.http.get(&path).await?;
        assert!(read.json["last_used_at"].is_string(), "{}", read.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gives_a_key_more_than_they_have() {
    World::run(async |world| {
        let api = world.api().await?;
        let tenant = world.tenant().await?.id;
        let few = api_key(&world.sql().await?, tenant, &["api_keys:write", "orders:read"]).await?;
        let few = api.http.with_credential(&few);
        assert_eq!(few.post("/api-keys", &request(&["orders:read"])).await?.status, 201);
        let refused = few.post("/api-keys", &request(&["orders:read", "users:write"])).await?;
        assert_eq!((refused.status, refused.code()), (403, "permission_not_held"), "{}", refused.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_input_is_named() {
    World::run(async |world| {
        let api = world.api().await?;
        let with = |field: &str, value: Value| {
            let mut body = request(&["orders:read"]);
            body[field] = value;
            body
        };
        let cases = [
            (with("name", json!("")), "/name"),
            (with("permissions", json!([])), "/permissions"),
            (with("permissions", json!(["orders:read", "moon:walk"])), "/permissions/1"),
            (with("expires_at", json!("tomorrow")), "/expires_at"),
            (with("expires_at", json!("2020-01-01T00:00:00Z")), "/expires_at"),
            (with("expires_at", json!("2199-01-01T00:00:00Z")), "/expires_at"),
        ];
        for (body, pointer) in cases {
            let refused = api.http.post("/api-keys", &body).await?;
            assert_eq!((refused.status, refused.pointers()), (422, vec![pointer]), "{}", refused.text);
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_request_makes_one_key_and_does_not_show_it_again() {
    World::run(async |world| {
        let api = world.api().await?;
        let first = api.http.post_with_key("/api-keys", "k-1", &request(&["orders:read"])).await?;
        let again = api.http.post_with_key("/api-keys", "k-1", &request(&["orders:read"])).await?;
        assert_eq!((first.status, again.status), (201, 201), "{}", again.text);
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        assert_eq!(first.field("id"), again.field("id"));
        assert!(first.json["key"].is_string() && again.json["key"].is_null(), "{}", again.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_has_expired_and_the_key_of_another_company_open_nothing() {
    World::run(async |world| {
        let api = world.api().await?;
        let created = api.http.post("/api-keys", &request(&["orders:read", "api_keys:read"])).await?;
        let shop = api.http.with_credential(created.field("key"));
        assert_eq!(shop.get("/orders").await?.status, 200);
        let sql = world.sql().await?;
        let other = Tenant::create(&sql, "Other").await?;
        let stranger = api.http.with_credential(&other.api_key);
        assert_eq!(stranger.get(&format!("/api-keys/{}", created.field("id"))).await?.status, 404);
        assert_eq!(stranger.get("/api-keys").await?.json["data"].as_array().map(Vec::len), Some(1));
        let ended = "UPDATE api_keys SET expires_at = now() WHERE prefix = $1";
        sql.execute(ended, &[&created.field("prefix")]).await?;
        assert_eq!(shop.get("/products").await?.status, 401);
        assert_eq!(shop.get("/orders").await?.status, 401);
        Ok(())
    })
    .await;
}
