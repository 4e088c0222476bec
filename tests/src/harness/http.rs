//! A small HTTP client for the API, for tests. It returns every answer whole.

use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, Response};
use serde_json::Value;

use super::documented;

const REQUEST_LIMIT: Duration = Duration::from_secs(30);
/// For answers that are read as they come, whose reader has a limit of its own.
const ENDLESS: Duration = Duration::from_secs(24 * 3600);

/// An HTTP answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    /// The body as JSON, or null.
    pub json: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the `code` of a problem document.
    pub fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or_default()
    }

    /// Returns the pointers of a problem document's errors.
    pub fn pointers(&self) -> Vec<&str> {
        let errors = self.json["errors"].as_array();
        errors.into_iter().flatten().filter_map(|error| error["pointer"].as_str()).collect()
    }

    /// Returns a text field of the body, or an empty text.
    pub fn field(&self, name: &str) -> &str {
        self.json[name].as_str().unwrap_or_default()
    }
}

/// A client of one API. Paths begin after `/api/v1` unless they begin with `//`, which means the server's root.
#[derive(Debug, Clone)]
pub struct Http {
    client: Client,
    root: String,
    /// Sent as `Authorization: Bearer …` unless a request sets that header itself.
    credential: Option<String>,
}

impl Http {
    /// # Errors
    /// Fails if the HTTP client cannot be created.
    pub fn new(root: &str) -> Result<Self> {
        let client = Client::builder().timeout(REQUEST_LIMIT).build()?;
        Ok(Self { client, root: root.trim_end_matches('/').to_owned(), credential: None })
    }

    /// Returns the same client with this access token or API key.
    #[must_use]
    pub fn with_credential(&self, credential: &str) -> Self {
        Self { credential: Some(credential.to_owned()), ..self.clone() }
    }

    /// Returns the same client without a credential.
    #[must_use]
    pub fn anonymous(&self) -> Self {
        Self { credential: None, ..self.clone() }
    }

    pub fn credential(&self) -> Option<&str> {
        self.credential.as_deref()
    }

    pub fn root(&self) -> &str {
        &self.root
    }

    /// # Errors
    /// Fails if no answer comes.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.send(Method::GET, path, &[], None).await
    }

    /// # Errors
    /// Fails if no answer comes.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send(Method::POST, path, &[], Some(body)).await
    }

    /// Sends a POST without a body.
    ///
    /// # Errors
    /// Fails if no answer comes.
    pub async fn command(&self, path: &str) -> Result<Answer> {
        self.send(Method::POST, path, &[], None).await
    }

    /// # Errors
    /// Fails if no answer comes.
    pub async fn post_with_key(&self, path: &str, key: &str, body: &Value) -> Result<Answer> {
        self.send(Method::POST, path, &[("Idempotency-Key", key)], Some(body)).await
    }

    /// # Errors
    /// Fails if no answer comes.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer> {
        let text = body.map(Value::to_string);
        let mut all = headers.to_vec();
        if text.is_some() {
            all.push(("Content-Type", "application/json"));
        }
        self.raw(method, path, &all, text.map(String::into_bytes)).await
    }

    /// Begins a GET whose answer may never end.
    ///
    /// # Errors
    /// Fails if no answer begins.
    pub async fn open(&self, path: &str, headers: &[(&str, &str)]) -> Result<Response> {
        let mut request = self.client.get(format!("{}/api/v1{path}", self.root)).timeout(ENDLESS);
        if let Some(credential) = &self.credential {
            request = request.bearer_auth(credential);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Ok(request.send().await?)
    }

    /// Sends exactly these headers and bytes.
    ///
    /// # Errors
    /// Fails if no answer comes, or one that api/openapi.json does not describe.
    pub async fn raw(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Result<Answer> {
        let path = match path.strip_prefix("//") {
            Some(path) => format!("/{path}"),
            None => format!("/api/v1{path}"),
        };
        let url = format!("{}{path}", self.root);
        let mut request = self.client.request(method.clone(), &url);
        let own = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        if let (false, Some(credential)) = (own, &self.credential) {
            request = request.bearer_auth(credential);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let answer = request.send().await.with_context(|| format!("{method} {url}"))?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.with_context(|| format!("{method} {url}"))?;
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        let answer = Answer { status, headers, text, json };
        documented::check(&method, &path, &answer)?;
        Ok(answer)
    }
}
