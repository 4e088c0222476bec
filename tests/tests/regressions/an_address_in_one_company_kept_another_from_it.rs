//! Seen: e-mail addresses were unique over all companies: one registered another's people, who could not be registered by
//! their own company any more, and the refusal told which addresses are known elsewhere.

use comptoir_tests::harness::{Api, World};
use serde_json::{Value, json};

use super::people::{BEHIND_A_PROXY, PASSWORD, WRONG, another_company, login, login_from, user};

const ADA: &str = "ada@docks.example";
const OTHERS: &str = "neuf chevaux blancs";

fn body(company: Option<&str>, password: &str) -> Value {
    match company {
        Some(company) => json!({"email": ADA, "company": company, "password": password}),
        None => json!({"email": ADA, "password": password}),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_in_two_companies_is_two_accounts_with_passwords_of_their_own() {
    World::run(async |world| {
        let api = world.api().await?;
        let first = world.tenant().await?.short_name.clone();
        let (other, http) = another_company(world, &api, "Another company").await?;
        let here = user(world, &api.http, ADA, "sales").await?;
        let answer = login(&api.http, &body(None, PASSWORD)).await?;
        assert_eq!((answer.status, answer.field("user_id")), (200, here.as_str()), "{}", answer.text);

        // Another company's user who never proved that the address is theirs keeps nobody out.
        let registered =
            json!({"email": "ADA@docks.example", "name": "Ada", "role": "sales", "password": OTHERS});
        let there = http.post("/users", &registered).await?;
        assert_eq!(there.status, 201, "{}", there.text);
        let there = there.field("id").to_owned();
        assert_eq!(login(&api.http, &body(None, PASSWORD)).await?.status, 200);
        assert_eq!(
            login(&api.http, &body(Some(&other.short_name), OTHERS)).await?.code(),
            "email_not_verified"
        );
        assert_eq!(api.http.post("/users", &registered).await?.code(), "email_taken", "twice in one company");

        let sql = world.sql().await?;
        sql.execute("UPDATE users SET email_verified_at = now() WHERE id::text = $1", &[&there]).await?;
        for (company, password, expected) in [
            (Some(first.as_str()), PASSWORD, Some(&here)),
            (Some(&other.short_name), OTHERS, Some(&there)),
            (Some(&format!(" {} ", other.short_name.to_uppercase())), OTHERS, Some(&there)),
            (Some(&first), OTHERS, None),
            (Some(&other.short_name), PASSWORD, None),
            (Some("nowhere"), PASSWORD, None),
            (None, PASSWORD, None),
            (None, OTHERS, None),
        ] {
            let answer = login(&api.http, &body(company, password)).await?;
            match expected {
                Some(user) => assert_eq!(answer.field("user_id"), user, "{company:?}: {}", answer.text),
                None => assert_eq!(answer.code(), "invalid_credentials", "{company:?}: {}", answer.text),
            }
        }
        // Each has a password of its own, also when it is set anew.
        let exit = world.run_api(&["users", "reset-token", ADA]).await?;
        assert_eq!(exit.code, Some(1), "{exit:?}");
        assert!(exit.stderr.contains("--company"), "{}", exit.stderr);
        let exit = world.run_api(&["users", "reset-token", ADA, "--company", &other.short_name]).await?;
        let reset = super::people::reset(&api.http, exit.stdout.trim(), WRONG).await?;
        assert_eq!(reset.status, 204, "{exit:?}: {}", reset.text);
        assert_eq!(login(&api.http, &body(Some(&other.short_name), WRONG)).await?.status, 200);
        assert_eq!(login(&api.http, &body(Some(&first), PASSWORD)).await?.status, 200);

        // Who left a company need not name the other one.
        assert_eq!(http.command(&format!("/users/{there}/disable")).await?.status, 200);
        assert_eq!(login(&api.http, &body(None, PASSWORD)).await?.field("user_id"), here);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_and_no_counter_tells_which_companies_know_an_address() {
    World::run(async |world| {
        let api = Api::start(world, &[BEHIND_A_PROXY]).await?;
        let first = world.tenant().await?.short_name.clone();
        let (other, _) = another_company(world, &api, "Another company").await?;
        user(world, &api.http, ADA, "sales").await?;
        let sql = world.sql().await?;
        let mut seen = Vec::new();
        for company in [None, Some(first.as_str()), Some(other.short_name.as_str()), Some("nowhere")] {
            sql.execute("DELETE FROM login_throttles", &[]).await?;
            let mut answers = Vec::new();
            for _ in 0..5 {
                let answer = login(&api.http, &body(company, WRONG)).await?;
                answers.push((answer.status, answer.json["detail"].clone()));
            }
            let reset = json!({"email": ADA, "company": company});
            let reset = api.http.anonymous().post("/auth/password-reset", &reset).await?;
            answers.push((reset.status, reset.text.into()));
            let left = sql.query("SELECT failures >= 4 FROM login_throttles", &[]).await?;
            seen.push((answers, left.iter().map(|row| row.get(0)).collect::<Vec<bool>>()));
        }
        assert!(seen.iter().all(|one| *one == seen[0]), "{seen:#?}");

        // What is locked with one company's name is not locked with another's: else the lock would tell that both mean one.
        let failed = async |company: Option<&str>| {
            let answer = login(&api.http, &body(company, WRONG)).await?;
            Ok::<_, anyhow::Error>(answer.status)
        };
        sql.execute("DELETE FROM login_throttles", &[]).await?;
        for _ in 0..5 {
            failed(Some(&first)).await?;
        }
        sql.execute("UPDATE login_throttles SET locked_until = now() + interval '1 hour' WHERE locked_until IS NOT NULL", &[])
            .await?;
        assert_eq!(failed(Some(&first)).await?, 429);
        assert_eq!(failed(None).await?, 401);
        assert_eq!(login_from(&api.http, "203.0.113.9", ADA, PASSWORD).await?.status, 200);
        Ok(())
    })
    .await;
}
