//! Seen: a log-in without the company meant an account that was not verified, or disabled, where no other company had one of the
//! address. Whoever registered somebody's address in their own company learned by the answer, by the throttle and by their
//! own audit trail whether another company knows it: 403 `email_not_verified` was no, 401 was yes.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Http, World};
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::people::{PASSWORD, WRONG, another_company, login, user};

const DEADLINE: Duration = Duration::from_secs(30);
/// Of the attacker's accounts.
const OWN: &str = "neuf chevaux blancs";

/// Somebody's address and, in the attacker's company, an account of it that nobody has verified; its id.
async fn registered(http: &Http, email: &str) -> Result<String> {
    let body = json!({"email": email, "name": "Eve", "role": "sales", "password": OWN});
    let created = http.post("/users", &body).await?;
    ensure!(created.status == 201, "{}", created.text);
    Ok(created.field("id").to_owned())
}

/// What three log-ins without the company and a request for a new password are answered, and what is counted of them.
async fn told(sql: &Client, http: &Http, email: &str, password: &str) -> Result<(Vec<Value>, Vec<i32>)> {
    sql.execute("DELETE FROM login_throttles", &[]).await?;
    let mut answers = Vec::new();
    for _ in 0..3 {
        let answer = login(http, &json!({"email": email, "password": password})).await?;
        answers.push(json!([answer.status, answer.code(), answer.json["detail"]]));
    }
    let reset = http.anonymous().post("/auth/password-reset", &json!({"email": email})).await?;
    answers.push(json!([reset.status, reset.text]));
    let rows = sql.query("SELECT round(failures::numeric)::int FROM login_throttles", &[]).await?;
    Ok((answers, rows.iter().map(|row| row.get(0)).collect()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_active_is_not_meant_without_its_company_whoever_else_knows_the_address() {
    World::run(async |world| {
        let mut api = world.api().await?;
        let sql = world.sql().await?;
        let (other, http) = another_company(world, &api, "Another company").await?;
        user(world, &api.http, "known@docks.example", "sales").await?;
        let mut seen = Vec::new();
        for email in ["known@docks.example", "unknown@docks.example"] {
            let id = registered(&http, email).await?;
            for password in [OWN, WRONG] {
                seen.push(told(&sql, &api.http, email, password).await?);
            }
            let named = json!({"email": email, "company": other.short_name, "password": OWN});
            assert_eq!(login(&api.http, &named).await?.code(), "email_not_verified", "{email}");
            assert_eq!(http.command(&format!("/users/{id}/disable")).await?.status, 200);
            for password in [OWN, WRONG] {
                seen.push(told(&sql, &api.http, email, password).await?);
            }
        }
        assert!(seen.iter().all(|one| *one == seen[0]), "{seen:#?}");
        assert_eq!(seen[0].0[0][1], "invalid_credentials");
        assert_eq!(seen[0].1, [3, 3], "three failures, of the account and of the address");
        let answer = login(&api.http, &json!({"email": "known@docks.example", "password": PASSWORD})).await?;
        assert_eq!(answer.status, 200, "who is active is kept out by nobody: {}", answer.text);

        // What it counted is written when it stops. In the attacker's trail is what named their company, and nothing else.
        let ended = api.daemon.terminate(DEADLINE).await?;
        ensure!(ended.success(), "{ended}");
        let refused = "SELECT after::jsonb ->> 'reason' FROM audit_events
            WHERE action = 'session.refuse' AND tenant_id = $1::text::uuid";
        let reasons = sql.query(refused, &[&other.id.to_string()]).await?;
        let reasons: Vec<String> = reasons.iter().map(|row| row.get(0)).collect();
        assert_eq!(reasons, ["email_not_verified"; 2], "one for each of the accounts");
        Ok(())
    })
    .await;
}
