//! Seen: attempts that were refused because an account was locked counted against the address, so that somebody who went on
//! trying locked everybody at that address out. The locked-out victim could not get in by setting a new password, nor change
//! it in a session that was open.

use anyhow::Result;
use comptoir_tests::harness::{Api, World};
use serde_json::json;

use super::people::{BEHIND_A_PROXY, PASSWORD, WRONG, lock, logged_in, login_from, reset, reset_token, user};

const OFFICE: &str = "203.0.113.1";
const ADA: &str = "ada@docks.example";
const BOB: &str = "bob@docks.example";
const NEW: &str = "sept chevaux noirs";

/// Ada's account, locked by five guesses from the office.
async fn locked(world: &World, api: &Api) -> Result<()> {
    user(world, &api.http, ADA, "sales").await?;
    guess(world, api).await
}

async fn guess(world: &World, api: &Api) -> Result<()> {
    let mut failures = 0;
    while failures < 5 {
        failures += usize::from(login_from(&api.http, OFFICE, ADA, WRONG).await?.status == 401);
    }
    // The account; the address has 20.
    let sql = world.sql().await?;
    let lock = "UPDATE login_throttles SET locked_until = now() + interval '10 minutes' WHERE locked_until IS NOT NULL";
    sql.execute(lock, &[]).await?;
    assert_eq!(login_from(&api.http, OFFICE, ADA, PASSWORD).await?.status, 429);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_goes_on_trying_a_locked_account_locks_nobody_else_out() {
    World::run(async |world| {
        let api = Api::start(world, &[BEHIND_A_PROXY]).await?;
        locked(world, &api).await?;
        user(world, &api.http, BOB, "sales").await?;
        for number in 0..60 {
            let answer = login_from(&api.http, OFFICE, ADA, WRONG).await?;
            assert_eq!((answer.status, answer.code()), (429, "too_many_attempts"), "attempt {number}");
        }
        let row = "SELECT max(failures) FROM login_throttles WHERE locked_until IS NULL";
        let failures: f64 = world.sql().await?.query_one(row, &[]).await?.get(0);
        assert!(failures <= 5.0, "the address has {failures} failures, of five guesses");
        let colleague = login_from(&api.http, OFFICE, BOB, PASSWORD).await?;
        assert_eq!(colleague.status, 200, "{}", colleague.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_password_opens_a_locked_account() {
    World::run(async |world| {
        let api = Api::start(world, &[BEHIND_A_PROXY]).await?;
        locked(world, &api).await?;
        let token = reset_token(world, ADA).await?;
        assert_eq!(reset(&api.http, &token, NEW).await?.status, 204);
        let opened = login_from(&api.http, OFFICE, ADA, NEW).await?;
        assert_eq!(opened.status, 200, "{}", opened.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_locked_out_changes_the_password_in_a_session_that_is_open() {
    World::run(async |world| {
        let api = Api::start(world, &[BEHIND_A_PROXY]).await?;
        user(world, &api.http, ADA, "sales").await?;
        let (ada, _) = logged_in(&api.http, ADA).await?;
        guess(world, &api).await?;
        let change = async |current: &str| {
            ada.post("/auth/password", &json!({"current_password": current, "new_password": NEW})).await
        };
        // Guesses in the session are counted, by themselves.
        let mut failures = 0;
        while failures < 5 {
            let answer = change(WRONG).await?;
            failures += usize::from(answer.status == 422);
        }
        lock(world, 5.0).await?;
        assert_eq!(change(PASSWORD).await?.code(), "too_many_attempts");
        world.sql().await?.execute("DELETE FROM login_throttles WHERE failures >= 5 AND attempted_at = (SELECT max(attempted_at) FROM login_throttles)", &[]).await?;
        let changed = change(PASSWORD).await?;
        assert_eq!(changed.status, 204, "{}", changed.text);
        let opened = login_from(&api.http, "203.0.113.2", ADA, NEW).await?;
        assert_eq!(opened.status, 200, "the new password is not locked: {}", opened.text);
        Ok(())
    })
    .await;
}
