//! Seen: somebody with `users:write` who was no administrator made an administrator with everything revoked, who counted as
//! one, and then disabled the last real one; and disabled and enabled administrators.

use anyhow::Result;
use comptoir_tests::harness::{Answer, World};
use reqwest::Method;
use serde_json::{Value, json};

use super::people::{administrator, logged_in, login, user};

const EVERYTHING: &[&str] = comptoir_tests::harness::EVERYTHING;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_decides_about_somebody_who_can_do_more() {
    World::run(async |world| {
        let api = world.api().await?;
        let (admin, password) = administrator(world, "ada@docks.example").await?;
        let other = user(world, &api.http, "other@docks.example", "admin").await?;
        let clerk = user(world, &api.http, "clerk@docks.example", "management").await?;
        let grant = json!({"granted": ["users:write"], "revoked": []});
        assert_eq!(api.http.post(&format!("/users/{clerk}/change-permissions"), &grant).await?.status, 200);
        let (http, _) = logged_in(&api.http, "clerk@docks.example").await?;

        let empty =
            json!({"email": "eve@docks.example", "name": "Eve", "role": "admin", "revoked": EVERYTHING});
        let refused = http.post("/users", &empty).await?;
        assert_eq!((refused.status, refused.code()), (403, "cannot_grant"), "{}", refused.text);

        let forbidden = |answer: &Answer, what: &str| {
            assert_eq!((answer.status, answer.code()), (403, "cannot_decide"), "{what}: {}", answer.text);
        };
        let session = login(&api.http, &json!({"email": "ada@docks.example", "password": password})).await?;
        for id in [&admin, &other] {
            let path = format!("/users/{id}");
            let commands: [(&str, Value); 4] = [
                ("disable", json!({})),
                ("enable", json!({})),
                ("change-role", json!({"role": "sales"})),
                ("change-permissions", json!({"granted": [], "revoked": EVERYTHING})),
            ];
            for (command, body) in commands {
                forbidden(&http.post(&format!("{path}/{command}"), &body).await?, command);
            }
            let name = json!({"name": "Eve"});
            forbidden(&http.send(Method::PUT, &path, &[("If-Match", "*")], Some(&name)).await?, "update");
            let sessions = format!("{path}/sessions");
            forbidden(&http.send(Method::DELETE, &sessions, &[], None).await?, "sessions");
            let one = format!("{sessions}/{}", session.field("session_id"));
            forbidden(&http.send(Method::DELETE, &one, &[], None).await?, "one session");
        }
        let ada = api.http.with_credential(session.field("access_token"));
        assert_eq!(ada.get("/me").await?.status, 200, "her session goes on");
        // A disabled administrator is not enabled by them, either.
        assert_eq!(ada.command(&format!("/users/{other}/disable")).await?.status, 200);
        forbidden(&http.command(&format!("/users/{other}/enable")).await?, "enable");
        // About whom they may decide, they do.
        let sales = user(world, &http, "sales@docks.example", "sales").await?;
        assert_eq!(http.command(&format!("/users/{sales}/disable")).await?.status, 200);
        assert_eq!(http.command(&format!("/users/{sales}/enable")).await?.status, 200);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_administrator_is_the_last_who_holds_everything_and_can_log_in() {
    World::run(async |world| {
        let api = world.api().await?;
        let (admin, _) = administrator(world, "ada@docks.example").await?;
        let sql = world.sql().await?;
        // Administrators by name: one with something revoked, one without a password, one who never verified, a disabled one.
        let spoil = async |email: &str, change: &str| -> Result<()> {
            let id = user(world, &api.http, email, "admin").await?;
            sql.execute(&format!("UPDATE users SET {change} WHERE id::text = $1"), &[&id]).await?;
            Ok(())
        };
        spoil("a@docks.example", "revoked = '{audit:read}'").await?;
        spoil("b@docks.example", "password_hash = NULL").await?;
        spoil("c@docks.example", "email_verified_at = NULL").await?;
        spoil("d@docks.example", "disabled_at = now()").await?;
        spoil("e@docks.example", "revoked = '{moon:walk}'").await?;
        let refused = api.http.command(&format!("/users/{admin}/disable")).await?;
        assert_eq!((refused.status, refused.code()), (409, "last_administrator"), "{}", refused.text);
        let less = json!({"granted": [], "revoked": ["audit:read"]});
        let refused = api.http.post(&format!("/users/{admin}/change-permissions"), &less).await?;
        assert_eq!((refused.status, refused.code()), (409, "last_administrator"), "{}", refused.text);
        user(world, &api.http, "f@docks.example", "admin").await?;
        assert_eq!(api.http.command(&format!("/users/{admin}/disable")).await?.status, 200);
        Ok(())
    })
    .await;
}
