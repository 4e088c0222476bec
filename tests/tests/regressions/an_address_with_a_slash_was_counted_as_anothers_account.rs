//! Seen: the throttle hashed a company's short name, a slash and an e-mail address one after another, so that the address
//! `docks/ada@docks.example` without a company counted as `ada@docks.example` of `docks`. Whoever registered it guessed at Ada's
//! password four times, logged in as themselves, which forgave all of it, and went on: she was never locked.

use anyhow::Result;
use comptoir_tests::harness::{Answer, Api, Http, World};
use reqwest::Method;
use serde_json::{Value, json};

use super::people::{BEHIND_A_PROXY, PASSWORD, WRONG, another_company, lock, user};

const ADA: &str = "ada@docks.example";

/// Each from an address of its own: only the accounts are what they have in common.
async fn sent(http: &Http, number: usize, body: &Value) -> Result<Answer> {
    let address = format!("203.0.113.{number}");
    let headers = [("X-Forwarded-For", address.as_str())];
    http.anonymous().send(Method::POST, "/auth/login", &headers, Some(body)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_logs_in_forgives_no_guesses_at_somebody_else() {
    World::run(async |world| {
        let api = Api::start(world, &[BEHIND_A_PROXY]).await?;
        let docks = world.tenant().await?.short_name.clone();
        user(world, &api.http, ADA, "sales").await?;
        let (_, http) = another_company(world, &api, "Another company").await?;
        let mine = format!("{docks}/{ADA}");
        user(world, &http, &mine, "sales").await?;

        let myself = json!({"email": mine, "password": PASSWORD});
        let guess = json!({"email": ADA, "company": docks, "password": WRONG});
        for number in 0..4 {
            let answer = sent(&api.http, number, &guess).await?;
            assert_eq!(answer.status, 401, "guess {number}: {}", answer.text);
        }
        let answer = sent(&api.http, 100, &myself).await?;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let answer = sent(&api.http, 4, &guess).await?;
        assert_eq!(answer.status, 401, "{}", answer.text);

        assert_eq!(lock(world, 5.0).await?, 1, "five guesses are counted");
        let right = json!({"email": ADA, "company": docks, "password": PASSWORD});
        let answer = sent(&api.http, 101, &right).await?;
        assert_eq!((answer.status, answer.code()), (429, "too_many_attempts"), "{}", answer.text);
        let answer = sent(&api.http, 102, &myself).await?;
        assert_eq!(answer.status, 200, "nobody else is locked: {}", answer.text);
        Ok(())
    })
    .await;
}
