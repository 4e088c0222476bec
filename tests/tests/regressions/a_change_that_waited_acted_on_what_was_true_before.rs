//! Seen: whoever changed a password was asked for the current one, and then waited for the user's row; a reset that was under way
//! set another one meanwhile, and the change of whoever knew the old password overwrote it. In the same way whoever decided
//! about people and waited for the company's row decided with a session that had ended meanwhile. And an API key that was
//! being made while its maker was disabled was not revoked with the others: nobody saw it yet.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Answer, Api, World, api_key, until};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use super::people::{PASSWORD, logged_in, login, user};

const ADA: &str = "ada@docks.example";
/// Of the reset.
const NEW: &str = "sept chevaux noirs";
const THIEFS: &str = "huit chevaux gris";
/// A busy machine may take long until the test has seen that somebody waits.
const PATIENT: [(&str, &str); 2] =
    [("COMPTOIR__DATABASE__LOCK_TIMEOUT_MS", "60000"), ("COMPTOIR__DATABASE__STATEMENT_TIMEOUT_MS", "15000")];
const WAITING: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'";

/// Changes something in the transaction that holds the row, once the request waits for it; the request's answer.
async fn answered_after(
    world: &World,
    holder: &Client,
    request: JoinHandle<Result<Answer>>,
    change: &str,
) -> Result<Answer> {
    let watcher = world.administrator().await?;
    until("the request to wait for the row", Duration::from_secs(10), async || {
        let waiting: i64 = watcher.query_one(WAITING, &[]).await?.get(0);
        ensure!(waiting == 1, "{waiting} wait");
        Ok(())
    })
    .await?;
    holder.batch_execute(&format!("{change}; COMMIT")).await?;
    request.await?
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_was_set_meanwhile_stays() {
    World::run(async |world| {
        let api = Api::start(world, &PATIENT).await?;
        let id = user(world, &api.http, ADA, "sales").await?;
        // Whose hash becomes Ada's below.
        let body = json!({"email": "bob@docks.example", "name": "Bob", "role": "sales", "password": NEW});
        assert_eq!(api.http.post("/users", &body).await?.status, 201);
        let (thief, _) = logged_in(&api.http, ADA).await?;

        let sql = world.sql().await?;
        sql.batch_execute(&format!("BEGIN; SELECT FROM users WHERE id = '{id}' FOR NO KEY UPDATE")).await?;
        let request = tokio::spawn(async move {
            let body = json!({"current_password": PASSWORD, "new_password": THIEFS});
            thief.post("/auth/password", &body).await
        });
        let reset = format!(
            "UPDATE users SET password_hash =
                (SELECT password_hash FROM users WHERE email = 'bob@docks.example') WHERE id = '{id}'"
        );
        let refused = answered_after(world, &sql, request, &reset).await?;
        assert_eq!(
            (refused.status, refused.pointers()),
            (422, vec!["/current_password"]),
            "{}",
            refused.text
        );
        assert_eq!(login(&api.http, &json!({"email": ADA, "password": THIEFS})).await?.status, 401);
        assert_eq!(login(&api.http, &json!({"email": ADA, "password": NEW})).await?.status, 200);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_session_ended_meanwhile_decides_nothing() {
    World::run(async |world| {
        let api = Api::start(world, &PATIENT).await?;
        let ada = user(world, &api.http, ADA, "admin").await?;
        let bob = user(world, &api.http, "bob@docks.example", "sales").await?;
        let (http, _) = logged_in(&api.http, ADA).await?;

        let sql = world.sql().await?;
        let tenant = world.tenant().await?.id;
        sql.batch_execute(&format!("BEGIN; SELECT FROM tenants WHERE id = '{tenant}' FOR NO KEY UPDATE"))
            .await?;
        let path = format!("/users/{bob}/change-role");
        let request = tokio::spawn(async move { http.post(&path, &json!({"role": "admin"})).await });
        let end = format!(
            "UPDATE sessions SET ended_at = now(), end_reason = 'logged_out' WHERE user_id = '{ada}'"
        );
        let refused = answered_after(world, &sql, request, &end).await?;
        assert_eq!((refused.status, refused.code()), (401, "unauthenticated"), "{}", refused.text);
        let seen = api.http.get(&format!("/users/{bob}")).await?;
        assert_eq!(seen.field("role"), "sales", "{}", seen.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_role_was_taken_away_meanwhile_decides_nothing() {
    World::run(async |world| {
        let api = Api::start(world, &PATIENT).await?;
        let ada = user(world, &api.http, ADA, "admin").await?;
        let bob = user(world, &api.http, "bob@docks.example", "sales").await?;
        let (http, _) = logged_in(&api.http, ADA).await?;

        let sql = world.sql().await?;
        let row = format!("BEGIN; SELECT FROM users WHERE id = '{bob}' FOR NO KEY UPDATE");
        sql.batch_execute(&row).await?;
        let path = format!("/users/{bob}/disable");
        let request = tokio::spawn(async move { http.command(&path).await });
        // As a program that changes roles: the session gets another stamp.
        let demote = format!(
            "UPDATE users SET role = 'sales' WHERE id = '{ada}';
            UPDATE sessions SET stamp = stamp + 1 WHERE user_id = '{ada}'"
        );
        let refused = answered_after(world, &sql, request, &demote).await?;
        assert_eq!((refused.status, refused.code()), (403, "forbidden"), "{}", refused.text);
        let seen = api.http.get(&format!("/users/{bob}")).await?;
        assert_eq!(seen.field("status"), "active", "{}", seen.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_disabled_meanwhile_leaves_no_key_behind() {
    World::run(async |world| {
        let api = Api::start(world, &PATIENT).await?;
        let ada = user(world, &api.http, ADA, "admin").await?;
        let (http, _) = logged_in(&api.http, ADA).await?;
        let makers = json!({"name": "Maker", "permissions": ["api_keys:write", "orders:read"]});
        let makers = http.post("/api-keys", &makers).await?;
        assert_eq!(makers.status, 201, "{}", makers.text);
        let key = api.http.with_credential(makers.field("key"));

        // In the end as DisableUser leaves it: no session, no key.
        let disable = format!(
            "UPDATE users SET disabled_at = now() WHERE id = '{ada}';
            UPDATE sessions SET ended_at = now(), end_reason = 'user_disabled' WHERE user_id = '{ada}';
            UPDATE api_keys SET revoked_at = now() WHERE owner_id = '{ada}' AND revoked_at IS NULL"
        );
        let enable = format!(
            "UPDATE users SET disabled_at = NULL WHERE id = '{ada}';
            UPDATE sessions SET ended_at = NULL, end_reason = NULL WHERE user_id = '{ada}';
            UPDATE api_keys SET revoked_at = NULL WHERE owner_id = '{ada}'"
        );
        let sql = world.sql().await?;
        for maker in [http, key] {
            sql.batch_execute(&format!("BEGIN; SELECT FROM users WHERE id = '{ada}' FOR NO KEY UPDATE"))
                .await?;
            let request = tokio::spawn(async move {
                let body = json!({"name": "Left behind", "permissions": ["orders:read"]});
                maker.post("/api-keys", &body).await
            });
            let refused = answered_after(world, &sql, request, &disable).await?;
            assert_eq!((refused.status, refused.code()), (401, "unauthenticated"), "{}", refused.text);
            let left = "SELECT count(*) FROM api_keys WHERE name = 'Left behind'";
            assert_eq!(sql.query_one(left, &[]).await?.get::<_, i64>(0), 0);
            // For the next one.
            sql.batch_execute(&enable).await?;
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_was_revoked_meanwhile_makes_no_other_one() {
    World::run(async |world| {
        let api = Api::start(world, &PATIENT).await?;
        // An operator's, for which no user answers.
        let sql = world.sql().await?;
        let tenant = world.tenant().await?.id;
        let key = api_key(&sql, tenant, &["api_keys:write", "orders:read"]).await?;
        let key = api.http.with_credential(&key);
        let id = key.get("/me").await?.field("id").to_owned();
        sql.batch_execute(&format!("BEGIN; SELECT FROM api_keys WHERE id = '{id}' FOR NO KEY UPDATE"))
            .await?;
        let request = tokio::spawn(async move {
            key.post("/api-keys", &json!({"name": "Left behind", "permissions": ["orders:read"]})).await
        });
        let revoke = format!("UPDATE api_keys SET revoked_at = now() WHERE id = '{id}'");
        let refused = answered_after(world, &sql, request, &revoke).await?;
        assert_eq!((refused.status, refused.code()), (401, "unauthenticated"), "{}", refused.text);
        Ok(())
    })
    .await;
}
