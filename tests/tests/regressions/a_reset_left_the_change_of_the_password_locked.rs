//! Seen: a thief in a session guessed at the current password until changing it was locked. The user set a new password by a
//! token, which ended the thief's session and opened the log-in, but changing the password went on being answered 429 for up
//! to a quarter of an hour.

use comptoir_tests::harness::World;
use serde_json::json;

use super::people::{PASSWORD, WRONG, lock, logged_in, login, reset, reset_token, user};

const ADA: &str = "ada@docks.example";
const NEW: &str = "sept chevaux noirs";
const NEXT: &str = "huit chevaux gris";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_password_opens_the_change_of_it_as_well() {
    World::run(async |world| {
        let api = world.api().await?;
        user(world, &api.http, ADA, "sales").await?;
        let (thief, _) = logged_in(&api.http, ADA).await?;
        let guess = json!({"current_password": WRONG, "new_password": NEW});
        let mut failures = 0;
        while failures < 5 {
            failures += usize::from(thief.post("/auth/password", &guess).await?.status == 422);
        }
        assert_eq!(lock(world, 5.0).await?, 1, "the user");
        let locked = json!({"current_password": PASSWORD, "new_password": NEW});
        assert_eq!(thief.post("/auth/password", &locked).await?.code(), "too_many_attempts");

        let token = reset_token(world, ADA).await?;
        assert_eq!(reset(&api.http, &token, NEW).await?.status, 204);
        let answer = login(&api.http, &json!({"email": ADA, "password": NEW})).await?;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let ada = api.http.with_credential(answer.field("access_token"));
        let change = json!({"current_password": NEW, "new_password": NEXT});
        let changed = ada.post("/auth/password", &change).await?;
        assert_eq!(changed.status, 204, "{}", changed.text);
        Ok(())
    })
    .await;
}
