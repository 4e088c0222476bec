//! Seen: log-ins that failed and requests that were forbidden left nothing in the audit trail; whoever looked for an attack
//! on an account found the one log-in that succeeded.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Api, Http, World, api_key, until};
use reqwest::Method;
use serde_json::{Value, json};

const EMAIL: &str = "ada@docks.example";
const DEADLINE: Duration = Duration::from_secs(30);

async fn refusals(http: &Http, action: &str) -> Result<Vec<Value>> {
    let answer = http.get(&format!("/audit-events?action={action}")).await?;
    ensure!(answer.status == 200, "{}", answer.text);
    Ok(answer.json["data"].as_array().cloned().unwrap_or_default())
}

/// Of all rows; there may be more than one, since what is counted is written down every second here.
fn attempts(rows: &[Value]) -> i64 {
    rows.iter().filter_map(|row| row["after"]["attempts"].as_i64()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_ins_that_fail_and_requests_that_are_forbidden_are_in_the_trail() {
    World::run(async |world| {
        let api = Api::start(world, &[("COMPTOIR__API__REFUSALS_INTERVAL_SECONDS", "1")]).await?;
        let user = json!({"email": EMAIL, "name": "Ada", "role": "sales"});
        let user = api.created("/users", &user).await?["id"].as_str().context("no id")?.to_owned();
        for number in 0..3 {
            let company = &world.tenant().await?.short_name;
            let body =
                json!({"email": EMAIL, "company": company, "password": format!("wrong password {number}")});
            let answer = api.http.send(Method::POST, "/auth/login", &[], Some(&body)).await?;
            ensure!(answer.status == 401, "{}", answer.text);
        }
        until("the failed log-ins to be in the trail", DEADLINE, async || {
            let rows = refusals(&api.http, "session.refuse").await?;
            ensure!(attempts(&rows) == 3, "{rows:?}");
            for row in &rows {
                ensure!(row["resource_id"] == user.as_str() && row["actor_type"] == "anonymous", "{row}");
                ensure!(row["after"]["reason"] == "invalid_credentials", "{row}");
                ensure!(row["client_address"] == "127.0.0.1", "{row}");
            }
            Ok(())
        })
        .await?;

        let sql = world.sql().await?;
        let reader = api_key(&sql, world.tenant().await?.id, &["orders:read"]).await?;
        let reader = api.http.clone().with_credential(&reader);
        for _ in 0..2 {
            ensure!(reader.get("/users").await?.status == 403);
        }
        until("what was forbidden to be in the trail", DEADLINE, async || {
            let rows = refusals(&api.http, "request.refuse").await?;
            ensure!(attempts(&rows) == 2, "{rows:?}");
            for row in &rows {
                ensure!(row["resource_id"] == "GET /api/v1/users" && row["actor_type"] == "api_key", "{row}");
            }
            Ok(())
        })
        .await?;
        let verdict = world.run_api(&["audit", "verify"]).await?;
        assert_eq!(verdict.code, Some(0), "{verdict:?}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_written_yet_is_written_when_the_api_stops() {
    World::run(async |world| {
        let mut api = Api::start(world, &[]).await?;
        let sql = world.sql().await?;
        let reader = api_key(&sql, world.tenant().await?.id, &["orders:read"]).await?;
        ensure!(api.http.clone().with_credential(&reader).get("/users").await?.status == 403);
        let ended = api.daemon.terminate(DEADLINE).await?;
        ensure!(ended.success(), "{ended}");
        let rows: i64 = sql
            .query_one("SELECT count(*) FROM audit_events WHERE action = 'request.refuse'", &[])
            .await?
            .get(0);
        assert_eq!(rows, 1);
        Ok(())
    })
    .await;
}
