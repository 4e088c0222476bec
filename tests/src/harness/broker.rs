//! RabbitMQ through its management interface: a virtual host per test, policies, connections to cut.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use super::{Services, database::blocking, urls};

const REQUEST_LIMIT: Duration = Duration::from_secs(30);

/// The management interface of one broker.
#[derive(Debug, Clone)]
pub struct Management {
    client: Client,
    base: String,
    user: Option<(String, String)>,
}

impl Management {
    /// # Errors
    /// Fails if the URL is not valid.
    pub fn new(management_url: &str) -> Result<Self> {
        let (base, user) = urls::without_user(management_url)?;
        Ok(Self { client: Client::builder().timeout(REQUEST_LIMIT).build()?, base, user })
    }

    /// Makes one call; the path begins after `/api/`.
    ///
    /// # Errors
    /// Fails if the broker does not answer, or answers with an error.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let mut request = self.client.request(method.clone(), format!("{}/api/{path}", self.base));
        if let Some((name, password)) = &self.user {
            request = request.basic_auth(name, Some(password));
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.with_context(|| format!("RabbitMQ management at {}", self.base))?;
        let status = answer.status();
        let text = answer.text().await?;
        let already_gone = method == Method::DELETE && status == StatusCode::NOT_FOUND;
        if !(status.is_success() || already_gone) {
            bail!("RabbitMQ management: {method} {path}: {status}: {text}");
        }
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }
}

/// A virtual host that is deleted when this is dropped.
#[derive(Debug)]
pub struct VirtualHost {
    management: Management,
    name: String,
    kept: bool,
    /// The AMQP URL of this virtual host.
    pub url: String,
}

impl VirtualHost {
    /// Creates it, where nothing can be awaited, too.
    ///
    /// # Errors
    /// Fails if the broker or its management interface cannot be reached.
    pub fn create(services: &Services) -> Result<Self> {
        let name = format!("comptoir-test-{}", uuid::Uuid::new_v4().simple());
        let (_, user) = urls::without_user(&services.amqp_url)?;
        let user = user.map_or_else(|| "guest".to_owned(), |(name, _)| name);
        let url = urls::with_path(&services.amqp_url, &name)?;
        // A client's connections belong to the runtime that opened them, so this one has a client of its own.
        let (management_url, host) = (services.management_url.clone(), name.clone());
        blocking(async move {
            let management = Management::new(&management_url)?;
            management.call(Method::PUT, &format!("vhosts/{host}"), Some(json!({}))).await?;
            let everything = json!({"configure": ".*", "write": ".*", "read": ".*"});
            management.call(Method::PUT, &format!("permissions/{host}/{user}"), Some(everything)).await
        })?;
        Ok(Self { management: Management::new(&services.management_url)?, name, kept: false, url })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Creates a user of this virtual host who may write only with routing keys that match, and returns the user's URL. The
    /// user stays when the virtual host is deleted.
    ///
    /// # Errors
    /// Fails if the broker refuses.
    pub async fn user_limited_to(&self, exchange: &str, keys: &str) -> Result<String> {
        let user = format!("comptoir-test-{}", uuid::Uuid::new_v4().simple());
        let put = async |path: String, body| self.management.call(Method::PUT, &path, Some(body)).await;
        put(format!("users/{user}"), json!({"password": user, "tags": ""})).await?;
        let everything = json!({"configure": ".*", "write": ".*", "read": ".*"});
        put(format!("permissions/{}/{user}", self.name), everything).await?;
        let topics = json!({"exchange": exchange, "write": keys, "read": ".*"});
        put(format!("topic-permissions/{}/{user}", self.name), topics).await?;
        urls::with_user(&self.url, &user, &user)
    }

    /// Creates a user who may do everything here, but writes only to objects with these names (a regular expression). Returns
    /// the user's URL.
    ///
    /// # Errors
    /// Fails if the broker refuses.
    pub async fn user_who_writes_only(&self, names: &str) -> Result<String> {
        let user = format!("comptoir-test-{}", uuid::Uuid::new_v4().simple());
        let put = async |path: String, body| self.management.call(Method::PUT, &path, Some(body)).await;
        put(format!("users/{user}"), json!({"password": user, "tags": ""})).await?;
        let permissions = json!({"configure": ".*", "write": names, "read": ".*"});
        put(format!("permissions/{}/{user}", self.name), permissions).await?;
        urls::with_user(&self.url, &user, &user)
    }

    /// Closes every connection to this virtual host, as an operator or a failing load balancer would. Returns their number.
    ///
    /// # Errors
    /// Fails if the broker refuses.
    pub async fn close_connections(&self) -> Result<usize> {
        let path = format!("vhosts/{}/connections", self.name);
        let connections = self.management.call(Method::GET, &path, None).await?;
        let mut closed = 0;
        for connection in connections.as_array().into_iter().flatten() {
            let name =
                connection["name"].as_str().unwrap_or_default().replace(' ', "%20").replace('>', "%3E");
            self.management.call(Method::DELETE, &format!("connections/{name}"), None).await?;
            closed += 1;
        }
        Ok(closed)
    }

    /// Leaves the virtual host in place: for inspection, or because its whole broker is removed.
    pub fn keep(&mut self) {
        self.kept = true;
    }
}

impl Drop for VirtualHost {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        // A client's connections belong to the runtime that opened them, so this uses a new client.
        let (base, user, path) =
            (self.management.base.clone(), self.management.user.clone(), format!("vhosts/{}", self.name));
        let deleted = blocking(async move {
            let client = Client::builder().timeout(REQUEST_LIMIT).build()?;
            Management { client, base, user }.call(Method::DELETE, &path, None).await
        });
        if let Err(error) = deleted {
            eprintln!("cannot delete the virtual host {}: {error:#}", self.name);
        }
    }
}
