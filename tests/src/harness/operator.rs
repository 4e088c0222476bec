//! An operator account for a test.

use anyhow::{Result, ensure};
use serde_json::json;

use super::{Answer, Api, Http, World};

/// An operator account, made at the command line as an operator makes one.
#[derive(Debug, Clone)]
pub struct Operator {
    pub id: String,
    pub email: String,
    pub password: String,
}

impl Operator {
    /// # Errors
    /// Fails if `api create-operator` refuses.
    pub async fn create(world: &World, email: &str) -> Result<Self> {
        let made = ["create-operator", "--email", email, "--name", "An operator", "--json"];
        let exit = world.run_api(&made).await?;
        ensure!(exit.code == Some(0), "{exit:?}");
        let made: serde_json::Value = serde_json::from_str(&exit.stdout)?;
        let text = |name: &str| made[name].as_str().unwrap_or_default().to_owned();
        Ok(Self { id: text("id"), email: email.to_owned(), password: text("password") })
    }

    /// What the API answers to a log-in.
    ///
    /// # Errors
    /// Fails if it does not answer.
    pub async fn try_log_in(&self, http: &Http) -> Result<Answer> {
        let body = json!({"email": self.email, "password": self.password});
        http.anonymous().post("/operators/auth/login", &body).await
    }

    /// A client that has logged in.
    ///
    /// # Errors
    /// Fails if the API refuses.
    pub async fn log_in(&self, api: &Api) -> Result<Http> {
        let answer = self.try_log_in(&api.http).await?;
        ensure!(answer.status == 200, "{} {}", answer.status, answer.text);
        Ok(api.http.with_credential(answer.field("access_token")))
    }
}
