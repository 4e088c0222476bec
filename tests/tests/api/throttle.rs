//! Guessing passwords: who fails waits, exactly, on every replica.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Answer, Api, Http, World};
use serde_json::json;
use tokio_postgres::Client;

const PASSWORD: &str = "quatre chevaux bleus";
const WRONG: &str = "quatre chevaux verts";
const BEHIND_A_PROXY: (&str, &str) = ("COMPTOIR__API__TRUSTED_PROXIES", "127.0.0.0/8");

/// A user of the world's tenant who can log in.
async fn user(world: &World, api: &Api, email: &str) -> Result<()> {
    let body = json!({"email": email, "name": "Ada", "role": "sales", "password": PASSWORD});
    api.created("/users", &body).await?;
    let sql = world.sql().await?;
    sql.execute("UPDATE users SET email_verified_at = now() WHERE email = $1", &[&email]).await?;
    Ok(())
}

async fn login(http: &Http, address: &str, email: &str, password: &str) -> Result<Answer> {
    let body = json!({"email": email, "password": password});
    let http = http.anonymous();
    http.send(reqwest::Method::POST, "/auth/login", &[("X-Forwarded-For", address)], Some(&body)).await
}

fn seconds_to_wait(locked: &Answer) -> Result<u64> {
    ensure!((locked.status, locked.code()) == (429, "too_many_attempts"), "{}", locked.text);
    locked.header("retry-after").and_then(|seconds| seconds.parse().ok()).context("no Retry-After")
}

/// How many seconds the latest lock was made for. It lasts ten minutes from now, since a busy machine may need longer for the
/// next request than it would last.
async fn held_lock(sql: &Client) -> Result<f64> {
    let seconds =
        "SELECT extract(epoch FROM locked_until - attempted_at)::double precision FROM login_throttles
        WHERE locked_until IS NOT NULL ORDER BY attempted_at DESC LIMIT 1";
    let seconds = sql.query_opt(seconds, &[]).await?.context("nothing is locked")?.get(0);
    let hold = "UPDATE login_throttles SET locked_until = now() + interval '10 minutes' WHERE locked_until IS NOT NULL";
    sql.execute(hold, &[]).await?;
    Ok(seconds)
}

/// The time for which they were locked is over.
async fn unlock(sql: &Client) -> Result<u64> {
    Ok(sql.execute("UPDATE login_throttles SET locked_until = now() WHERE locked_until > now()", &[]).await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_locked_after_five_failures_whether_it_exists_or_not_and_longer_every_time() {
    World::run(async |world| {
        let api = Api::start(world, &[BEHIND_A_PROXY]).await?;
        user(world, &api, "ada@docks.example").await?;
        let sql = world.sql().await?;
        let mut answers = Vec::new();
        for email in ["ada@docks.example", "nobody@docks.example"] {
            for failures in 0..5 {
                let answer = login(&api.http, "203.0.113.1", email, WRONG).await?;
                assert_eq!(answer.status, 401, "{email} after {failures}: {}", answer.text);
            }
            assert_eq!(held_lock(&sql).await?, 1.0, "{email}");
            let locked = login(&api.http, "203.0.113.1", email, WRONG).await?;
            assert!((300..=600).contains(&seconds_to_wait(&locked)?), "{email}: {}", locked.text);
            answers.push(locked.field("detail").replace(char::is_numeric, ""));
        }
        assert_eq!(answers[0], answers[1], "nothing tells whether there is such an account");
        // Locked, for the right password and from everywhere else too, in whatever case it is written.
        let refused = login(&api.http, "203.0.113.2", " ADA@docks.example", PASSWORD).await?;
        assert_eq!(refused.status, 429, "{}", refused.text);
        // One more failure when it is open again: two seconds.
        assert_eq!(unlock(&sql).await?, 2, "the two accounts");
        assert_eq!(login(&api.http, "203.0.113.2", "ada@docks.example", WRONG).await?.status, 401);
        assert_eq!(held_lock(&sql).await?, 2.0);
        assert_eq!(login(&api.http, "203.0.113.2", "ada@docks.example", WRONG).await?.status, 429);
        // After the eighteenth it would be hours, and is a quarter of one.
        sql.execute("UPDATE login_throttles SET failures = 17, locked_until = NULL WHERE failures = 6", &[])
            .await?;
        assert_eq!(login(&api.http, "203.0.113.2", "ada@docks.example", WRONG).await?.status, 401);
        assert_eq!(held_lock(&sql).await?, 900.0);
        let longest = login(&api.http, "203.0.113.2", "ada@docks.example", PASSWORD).await?;
        seconds_to_wait(&longest)?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_right_password_begins_anew() {
    World::run(async |world| {
        let api = Api::start(world, &[BEHIND_A_PROXY]).await?;
        user(world, &api, "ada@docks.example").await?;
        for _ in 0..3 {
            for _ in 0..4 {
                assert_eq!(login(&api.http, "203.0.113.1", "ada@docks.example", WRONG).await?.status, 401);
            }
            let answer = login(&api.http, "203.0.113.1", "ada@docks.example", PASSWORD).await?;
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
        let left = world.sql().await?.query("SELECT failures FROM login_throttles", &[]).await?;
        assert_eq!(left.len(), 1, "of the account nothing is left");
        let failures: f64 = left[0].get(0);
        assert!((11.5..=12.0).contains(&failures), "of the address all failures are: {failures}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_guesses_at_the_same_time_on_two_replicas_five_are_made() {
    World::run(async |world| {
        let (one, other) =
            tokio::try_join!(Api::start(world, &[BEHIND_A_PROXY]), Api::start(world, &[BEHIND_A_PROXY]))?;
        user(world, &one, "ada@docks.example").await?;
        let guesses = (0..60).map(|number| {
            let http = if number % 2 == 0 { &one.http } else { &other.http };
            // Each from an address of its own: only the account is what they have in common.
            async move { login(http, &format!("203.0.113.{number}"), "ada@docks.example", WRONG).await }
        });
        let began = Instant::now();
        let answers = futures::future::try_join_all(guesses).await?;
        let took = began.elapsed();
        let verified = answers.iter().filter(|answer| answer.status == 401).count();
        let locked = answers.iter().filter(|answer| answer.status == 429).count();
        // One more for each lock, of 1, 2, 4, … seconds, that can have ended while the last of them were still on their way.
        let locks_over = (0..8).take_while(|lock| took >= Duration::from_secs((1 << (lock + 1)) - 1)).count();
        assert!(verified <= 5 + locks_over, "{verified} were verified in {took:?}");
        // On a busy machine some wait too long for a processor or for a connection.
        let given_up = answers.iter().filter(|answer| answer.status == 503).count();
        assert!(verified >= 5 || given_up > 0, "{verified} were verified");
        assert_eq!(verified + locked + given_up, 60);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_tries_many_accounts_is_locked_and_others_are_not() {
    World::run(async |world| {
        let api = Api::start(world, &[BEHIND_A_PROXY]).await?;
        user(world, &api, "ada@docks.example").await?;
        for number in 0..20 {
            let email = format!("user-{number}@docks.example");
            assert_eq!(login(&api.http, "203.0.113.1", &email, WRONG).await?.status, 401, "{email}");
        }
        assert_eq!(held_lock(&world.sql().await?).await?, 1.0);
        let locked = login(&api.http, "203.0.113.1", "ada@docks.example", PASSWORD).await?;
        seconds_to_wait(&locked)?;
        let elsewhere = login(&api.http, "203.0.113.2", "ada@docks.example", PASSWORD).await?;
        assert_eq!(elsewhere.status, 200, "{}", elsewhere.text);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_to_log_in_have_a_stricter_limit_than_others() {
    World::run(async |world| {
        let limit = ("COMPTOIR__RATE_LIMITS__SIGN_IN_REQUESTS_PER_MINUTE", "4");
        let api = Api::start(world, &[BEHIND_A_PROXY, limit]).await?;
        super::limits::in_one_window(Duration::from_secs(5), async |_| {
            for path in ["/auth/login", "/auth/refresh", "/auth/verify-email", "/auth/password-reset"] {
                let answer = api.http.anonymous().post(path, &json!({})).await?;
                assert_eq!(answer.status, 422, "{path}: {}", answer.text);
                assert_eq!(answer.header("ratelimit-limit"), Some("4"), "{path}");
            }
            let refused = api.http.anonymous().post("/auth/password-reset/confirm", &json!({})).await?;
            assert_eq!((refused.status, refused.code()), (429, "rate_limited"), "{}", refused.text);
            assert_eq!(api.http.get("/orders").await?.status, 200);
            Ok(())
        })
        .await
    })
    .await;
}
