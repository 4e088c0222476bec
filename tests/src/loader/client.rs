//! An HTTP client that retries a request, for a limited time, while the API, its database or the network is not reached.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rand::Rng;
use reqwest::Method;
use serde_json::Value;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
const ATTEMPTS_AT_MOST: u32 = 500;
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
const REQUEST_LIMIT: Duration = Duration::from_secs(30);

/// A final answer: anything but "try again later".
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Answer {
    /// Returns the code of the first error, or else the problem's code.
    pub(super) fn reason(&self) -> String {
        self.body["errors"][0]["code"].as_str().map_or_else(|| self.code(), str::to_owned)
    }

    /// Returns the problem's code, or the status if there is none.
    pub(super) fn code(&self) -> String {
        self.body["code"].as_str().map_or_else(|| format!("http_{}", self.status), str::to_owned)
    }

    /// Returns the problem's messages in one line.
    pub(super) fn message(&self) -> String {
        let errors = self.body["errors"].as_array().into_iter().flatten();
        let messages: Vec<&str> = errors.filter_map(|error| error["message"].as_str()).collect();
        if messages.is_empty() {
            self.body["detail"].as_str().or(self.body["title"].as_str()).unwrap_or_default().to_owned()
        } else {
            messages.join("; ")
        }
    }
}

/// The API did not come back within the time that the loader waits.
#[derive(Debug)]
pub(super) struct GaveUp(pub(super) String);

#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
    credential: String,
    patience: Duration,
    requests: AtomicU64,
    retries: AtomicU64,
}

impl Client {
    pub(super) fn new(api: &str, credential: &str, patience: Duration) -> reqwest::Result<Self> {
        let http =
            reqwest::Client::builder().connect_timeout(CONNECT_LIMIT).timeout(REQUEST_LIMIT).build()?;
        Ok(Self {
            http,
            base: format!("{}/api/v1", api.trim_end_matches('/')),
            credential: credential.to_owned(),
            patience,
            requests: AtomicU64::new(0),
            retries: AtomicU64::new(0),
        })
    }

    /// Returns the number of answered requests, and of requests that had to be sent again.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.requests.load(Ordering::Relaxed), self.retries.load(Ordering::Relaxed))
    }

    pub(super) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer, GaveUp> {
        let request = self.http.get(format!("{}{path}", self.base)).query(query);
        self.send(request).await
    }

    /// Sends a POST. With `key`, it takes effect once even if it is sent twice.
    pub(super) async fn post(
        &self,
        path: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Answer, GaveUp> {
        let mut request = self.http.request(Method::POST, format!("{}{path}", self.base));
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        self.send(request).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Answer, GaveUp> {
        let request = request.bearer_auth(&self.credential);
        let begin = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let trouble = match request.try_clone() {
                Some(again) => match self.once(again).await {
                    Ok(answer) => return Ok(answer),
                    Err(trouble) => trouble,
                },
                None => return Err(GaveUp("a request that cannot be sent twice".to_owned())),
            };
            if attempt >= ATTEMPTS_AT_MOST || begin.elapsed() >= self.patience {
                let waited = begin.elapsed().as_secs_f64();
                return Err(GaveUp(format!("{trouble} (tried {attempt} times in {waited:.0} s)")));
            }
            self.retries.fetch_add(1, Ordering::Relaxed);
            // Half fixed, half random, so that workers that lost the same server do not all come back at once.
            let chance = rand::rng().random_range(0.5..1.0);
            tokio::time::sleep(pause.mul_f64(chance)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Tries once. An error is temporary: the same request may succeed later.
    async fn once(&self, request: reqwest::RequestBuilder) -> Result<Answer, String> {
        let passing = |error: reqwest::Error| {
            // The report's first line has the address already; this adds the cause.
            let error = error.without_url();
            let cause =
                std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            format!("{error}{cause}")
        };
        let response = request.send().await.map_err(passing)?;
        let status = response.status().as_u16();
        let bytes = response.bytes().await.map_err(passing)?;
        let body: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let answer = Answer { status, body };
        let later = matches!(status, 429 | 502 | 503 | 504)
            || (status == 409 && answer.body["code"] == "idempotency_key_in_use");
        if later {
            return Err(format!("the API answers {status} {}: {}", answer.code(), answer.message()));
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        Ok(answer)
    }
}
