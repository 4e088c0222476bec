//! A client of RabbitMQ's management interface, for the facts that AMQP does not show. Reads only.

use std::time::Duration;

use comptoir_core::platform::config::{ConfigError, SecretUrl};
use reqwest::{StatusCode, Url};
use serde::de::DeserializeOwned;

use super::topology::{Binding, Exchange, Policy, Topology};

const REQUEST_LIMIT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Management {
    client: reqwest::Client,
    base: Url,
    user: String,
    password: String,
    virtual_host: String,
}

/// Why the management interface cannot be asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum ManagementFault {
    #[error("no answer from the management interface: {0}")]
    Unreachable(String),
    #[error("the management interface refuses this user or password")]
    Credentials,
    #[error(
        "this user may not read {0} of the virtual host (needs the tag `management`, and to have permissions there)"
    )]
    Forbidden(&'static str),
    #[error("the management interface answers {0} with status {1}")]
    Status(&'static str, u16),
}

impl Management {
    /// # Errors
    /// Fails if the URL cannot be used.
    pub(super) fn new(url: &SecretUrl, virtual_host: &str) -> Result<Self, ConfigError> {
        const EXPECTED: &str = "http://user:password@host:15672";
        url.check("broker.management_url", &["http"], EXPECTED)?;
        let wrong = |problem: &str| {
            ConfigError::value("broker.management_url", format!("{problem}; expected {EXPECTED}"))
        };
        let mut base = Url::parse(url.expose()).map_err(|error| wrong(&error.to_string()))?;
        let decode = |text: &str| percent_decoded(text).ok_or_else(|| wrong("user or password is not UTF-8"));
        let (user, password) = (decode(base.username())?, decode(base.password().unwrap_or_default())?);
        // User and password are sent as a header. Neither call can fail for a URL that has a host.
        let _ = (base.set_username(""), base.set_password(None));
        let client = reqwest::Client::builder()
            .timeout(REQUEST_LIMIT)
            .build()
            .map_err(|error| wrong(&error.to_string()))?;
        Ok(Self { client, base, user, password, virtual_host: virtual_host.to_owned() })
    }

    /// Loads everything in the virtual host that routing depends on.
    ///
    /// # Errors
    /// Fails if the interface does not answer, or refuses.
    pub(super) async fn topology(&self) -> Result<Topology, ManagementFault> {
        let exchanges: Vec<Exchange> = self.list("exchanges", "name,type,arguments,policy").await?;
        let bindings: Vec<Binding> =
            self.list("bindings", "source,destination,destination_type,routing_key").await?;
        // Reading policies needs more permissions. Without them, exchanges and bindings still show where messages go.
        let policies: Vec<Policy> = match self.list("policies", "name,definition").await {
            Err(ManagementFault::Forbidden(_)) if exchanges.iter().all(|e| e.policy.is_none()) => Vec::new(),
            answer => answer?,
        };
        Ok(Topology::new(exchanges, bindings, policies))
    }

    async fn list<T: DeserializeOwned>(
        &self,
        what: &'static str,
        columns: &str,
    ) -> Result<Vec<T>, ManagementFault> {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["api", what, &self.virtual_host]);
        }
        url.query_pairs_mut().append_pair("columns", columns);
        let unreachable = |error: reqwest::Error| ManagementFault::Unreachable(chain(&error.without_url()));
        let answer = self
            .client
            .get(url)
            .basic_auth(&self.user, Some(&self.password))
            .send()
            .await
            .map_err(unreachable)?;
        match answer.status() {
            StatusCode::OK => answer.json().await.map_err(unreachable),
            StatusCode::UNAUTHORIZED => Err(ManagementFault::Credentials),
            StatusCode::FORBIDDEN => Err(ManagementFault::Forbidden(what)),
            status => Err(ManagementFault::Status(what, status.as_u16())),
        }
    }
}

/// Returns the error's text with its causes, which reqwest's own text leaves out.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

fn percent_decoded(text: &str) -> Option<String> {
    percent_encoding::percent_decode_str(text).decode_utf8().ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_is_not_http_is_refused_by_name() {
        for url in ["amqp://guest@host", "host:15672", "https://host", ""] {
            let error = Management::new(&SecretUrl::new(url), "/").expect_err("refused").to_string();
            assert!(error.contains("broker.management_url"), "{url}: {error}");
        }
    }

    #[test]
    fn user_and_password_are_taken_out_of_the_url() {
        let management =
            Management::new(&SecretUrl::new("http://me:p%40ss@host:15672/"), "/").expect("valid");
        assert_eq!((management.user.as_str(), management.password.as_str()), ("me", "p@ss"));
        assert_eq!(management.base.as_str(), "http://host:15672/");
    }
}
