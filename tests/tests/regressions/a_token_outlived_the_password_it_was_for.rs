//! Seen: a token to set a password still set one after its user had changed the password themselves, and after they had been
//! disabled.

use comptoir_tests::harness::World;
use serde_json::json;

use super::people::{PASSWORD, logged_in, login, reset, reset_token, user};

const ADA: &str = "ada@docks.example";
const NEW: &str = "sept chevaux noirs";
const THIEFS: &str = "huit chevaux gris";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_password_ends_the_tokens_of_before() {
    World::run(async |world| {
        let api = world.api().await?;
        user(world, &api.http, ADA, "sales").await?;
        let token = reset_token(world, ADA).await?;
        let (ada, _) = logged_in(&api.http, ADA).await?;
        let body = json!({"current_password": PASSWORD, "new_password": NEW});
        assert_eq!(ada.post("/auth/password", &body).await?.status, 204);
        let refused = reset(&api.http, &token, THIEFS).await?;
        assert_eq!((refused.status, refused.code()), (422, "invalid_token"), "{}", refused.text);
        assert_eq!(login(&api.http, &json!({"email": ADA, "password": NEW})).await?.status, 200);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_sets_a_password_for_somebody_who_is_disabled() {
    World::run(async |world| {
        let api = world.api().await?;
        let id = user(world, &api.http, ADA, "sales").await?;
        let token = reset_token(world, ADA).await?;
        assert_eq!(api.http.command(&format!("/users/{id}/disable")).await?.status, 200);
        let refused = reset(&api.http, &token, THIEFS).await?;
        assert_eq!((refused.status, refused.code()), (422, "invalid_token"), "{}", refused.text);
        assert_eq!(api.http.command(&format!("/users/{id}/enable")).await?.status, 200);
        let refused = reset(&api.http, &token, THIEFS).await?;
        assert_eq!(refused.code(), "invalid_token", "it does not come back with its user");

        // The same where the token is still there, as with a program that disables users in SQL.
        let token = reset_token(world, ADA).await?;
        let sql = world.sql().await?;
        sql.execute("UPDATE users SET disabled_at = now() WHERE id::text = $1", &[&id]).await?;
        let refused = reset(&api.http, &token, THIEFS).await?;
        assert_eq!((refused.status, refused.code()), (422, "invalid_token"), "{}", refused.text);
        sql.execute("UPDATE users SET disabled_at = NULL WHERE id::text = $1", &[&id]).await?;
        assert_eq!(login(&api.http, &json!({"email": ADA, "password": PASSWORD})).await?.status, 200);
        Ok(())
    })
    .await;
}
