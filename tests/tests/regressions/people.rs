//! People for these tests: users who can log in, what they send and what they are told.

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Answer, Api, Http, Tenant, World};
use reqwest::Method;
use serde_json::{Value, json};

pub(crate) const PASSWORD: &str = "quatre chevaux bleus";
pub(crate) const WRONG: &str = "quatre chevaux verts";
pub(crate) const BEHIND_A_PROXY: (&str, &str) = ("COMPTOIR__API__TRUSTED_PROXIES", "127.0.0.0/8");

/// A user of whoever's company it is who can log in; the id.
pub(crate) async fn user(world: &World, http: &Http, email: &str, role: &str) -> Result<String> {
    let body = json!({"email": email, "name": "Ada", "role": role, "password": PASSWORD});
    let created = http.post("/users", &body).await?;
    ensure!(created.status == 201, "{}", created.text);
    let id = created.field("id").to_owned();
    let verify = "UPDATE users SET email_verified_at = now() WHERE id = $1::text::uuid";
    world.sql().await?.execute(verify, &[&id]).await?;
    Ok(id)
}

pub(crate) async fn login(http: &Http, body: &Value) -> Result<Answer> {
    http.anonymous().post("/auth/login", body).await
}

/// Logs in from an address of one's own; the API must trust the proxy that says so.
pub(crate) async fn login_from(http: &Http, address: &str, email: &str, password: &str) -> Result<Answer> {
    let body = json!({"email": email, "password": password});
    let headers = [("X-Forwarded-For", address)];
    http.anonymous().send(Method::POST, "/auth/login", &headers, Some(&body)).await
}

/// Somebody who has logged in, and their refresh token.
pub(crate) async fn logged_in(http: &Http, email: &str) -> Result<(Http, String)> {
    let answer = login(http, &json!({"email": email, "password": PASSWORD})).await?;
    ensure!(answer.status == 200, "{} {}", answer.status, answer.text);
    Ok((http.with_credential(answer.field("access_token")), answer.field("refresh_token").to_owned()))
}

/// A token to set a password, as an operator makes it.
pub(crate) async fn reset_token(world: &World, email: &str) -> Result<String> {
    let exit = world.run_api(&["users", "reset-token", email]).await?;
    ensure!(exit.code == Some(0), "{exit:?}");
    Ok(exit.stdout.trim().to_owned())
}

pub(crate) async fn reset(http: &Http, token: &str, password: &str) -> Result<Answer> {
    let body = json!({"token": token, "password": password});
    http.anonymous().post("/auth/password-reset/confirm", &body).await
}

/// An active administrator of the world's company, made at the command line; the id and the password.
pub(crate) async fn administrator(world: &World, email: &str) -> Result<(String, String)> {
    let tenant = world.tenant().await?.id.to_string();
    let arguments = ["create-admin", "--email", email, "--name", "Ada", "--tenant", &tenant, "--json"];
    let exit = world.run_api(&arguments).await?;
    ensure!(exit.code == Some(0), "{exit:?}");
    let created: Value = serde_json::from_str(&exit.stdout)?;
    let text = |field: &str| created[field].as_str().map(str::to_owned).context(field.to_owned());
    Ok((text("user_id")?, text("password")?))
}

/// Another company, and its own way into the API.
pub(crate) async fn another_company(world: &World, api: &Api, name: &str) -> Result<(Tenant, Http)> {
    let tenant = Tenant::create(&world.sql().await?, name).await?;
    let http = api.http.with_credential(&tenant.api_key);
    Ok((tenant, http))
}

/// Locks whatever failed to log in so far, for longer than the test lasts.
pub(crate) async fn lock(world: &World, at_least: f64) -> Result<u64> {
    let lock = "UPDATE login_throttles SET locked_until = now() + interval '10 minutes' WHERE failures >= $1";
    Ok(world.sql().await?.execute(lock, &[&at_least]).await?)
}
