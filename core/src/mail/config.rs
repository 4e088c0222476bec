//! The section `[mail]`.

use std::time::Duration;

use chrono::TimeDelta;
use serde::Deserialize;

use super::transport::Server;
use crate::platform::config::{ConfigError, SecretUrl, word};
use crate::values::contact::Email;

/// Where a link of an e-mail has its token.
const TOKEN: &str = "{token}";
const MAX_SECONDS: u64 = 86_400;
const MAX_CONNECTIONS: usize = 1_000;
const MAX_HOURS: u32 = 720;
const MAX_RETENTION_DAYS: i32 = 3_650;

/// How e-mails leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransportKind {
    /// To a mail server.
    Smtp,
    /// As files, for development.
    File,
    /// As log lines, which leave out what they say.
    Log,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    #[serde(deserialize_with = "word")]
    pub transport: TransportKind,
    /// Of the mail server.
    pub url: SecretUrl,
    /// In PEM; empty for the system's authorities.
    pub tls_ca_file: String,
    /// For files.
    pub directory: String,
    pub from: String,
    /// Empty for no link.
    pub verify_url: String,
    pub password_url: String,
    pub connections: usize,
    pub connect_timeout_seconds: u64,
    pub command_timeout_seconds: u64,
    pub accept_timeout_seconds: u64,
    pub retry_first_seconds: u64,
    pub retry_longest_seconds: u64,
    pub notice_hours: u32,
    pub tenant_per_minute: u32,
    pub destination_per_minute: u32,
    pub look_interval_ms: u64,
    pub lease_seconds: u64,
    pub retention_days: i32,
}

/// The pages of a front end on which tokens are used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    verify: String,
    password: String,
}

impl Links {
    pub(super) fn verify(&self, token: &str) -> Option<String> {
        link(&self.verify, token)
    }

    pub(super) fn password(&self, token: &str) -> Option<String> {
        link(&self.password, token)
    }
}

fn link(template: &str, token: &str) -> Option<String> {
    (!template.is_empty()).then(|| template.replace(TOKEN, token))
}

impl MailConfig {
    /// # Errors
    /// Fails if a setting makes no sense, with what would.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let refuse = |key, problem: String| Err(ConfigError::value(key, problem));
        if let Err(invalid) = Email::parse(&self.from) {
            return refuse("mail.from", invalid.message);
        }
        match self.transport {
            TransportKind::Smtp => drop(self.server()?),
            TransportKind::File if self.directory.is_empty() => {
                return refuse(
                    "mail.directory",
                    "must name a directory for mail.transport = \"file\"".to_owned(),
                );
            }
            TransportKind::File | TransportKind::Log => {}
        }
        for (key, url) in [("mail.verify_url", &self.verify_url), ("mail.password_url", &self.password_url)] {
            let is_link = ["https://", "http://"].iter().any(|scheme| url.starts_with(scheme))
                && url.contains(TOKEN)
                && !url.chars().any(|c| c.is_whitespace() || c.is_control());
            if !url.is_empty() && !is_link {
                let example = "https://shop.example/verify#token={token}";
                return refuse(
                    key,
                    format!("must be empty or an address with {TOKEN} in it, such as {example}"),
                );
            }
        }
        if !(1..=MAX_CONNECTIONS).contains(&self.connections) {
            return refuse("mail.connections", format!("must be at least 1 and at most {MAX_CONNECTIONS}"));
        }
        let seconds = [
            ("mail.connect_timeout_seconds", self.connect_timeout_seconds),
            ("mail.command_timeout_seconds", self.command_timeout_seconds),
            ("mail.accept_timeout_seconds", self.accept_timeout_seconds),
            ("mail.retry_first_seconds", self.retry_first_seconds),
            ("mail.retry_longest_seconds", self.retry_longest_seconds),
            ("mail.lease_seconds", self.lease_seconds),
        ];
        if let Some((key, _)) = seconds.into_iter().find(|(_, value)| !(1..=MAX_SECONDS).contains(value)) {
            return refuse(key, format!("must be at least 1 and at most {MAX_SECONDS} seconds, a day"));
        }
        if self.retry_longest_seconds < self.retry_first_seconds {
            return refuse(
                "mail.retry_longest_seconds",
                "must not be shorter than mail.retry_first_seconds".to_owned(),
            );
        }
        if !(1..=MAX_HOURS).contains(&self.notice_hours) {
            return refuse("mail.notice_hours", format!("must be at least 1 and at most {MAX_HOURS} hours"));
        }
        if !(10..=60_000).contains(&self.look_interval_ms) {
            return refuse("mail.look_interval_ms", "must be at least 10 and at most 60000 ms".to_owned());
        }
        if !(1..=MAX_RETENTION_DAYS).contains(&self.retention_days) {
            return refuse(
                "mail.retention_days",
                format!("must be at least 1 and at most {MAX_RETENTION_DAYS} days"),
            );
        }
        Ok(())
    }

    /// Returns the mail server.
    ///
    /// # Errors
    /// Fails if the URL is not one of a mail server. The error has nothing of the URL.
    pub(super) fn server(&self) -> Result<Server, ConfigError> {
        Server::parse(&self.url)
    }

    pub fn links(&self) -> Links {
        Links { verify: self.verify_url.clone(), password: self.password_url.clone() }
    }

    /// How long an e-mail without a token is of use.
    pub fn notices(&self) -> TimeDelta {
        TimeDelta::hours(self.notice_hours.into())
    }

    pub(super) fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_seconds)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::mail) fn config() -> MailConfig {
        MailConfig {
            transport: TransportKind::Log,
            url: SecretUrl::new(""),
            tls_ca_file: String::new(),
            directory: String::new(),
            from: "comptoir@docks.example".to_owned(),
            verify_url: String::new(),
            password_url: String::new(),
            connections: 4,
            connect_timeout_seconds: 1,
            command_timeout_seconds: 1,
            accept_timeout_seconds: 1,
            retry_first_seconds: 1,
            retry_longest_seconds: 60,
            notice_hours: 1,
            tenant_per_minute: 0,
            destination_per_minute: 0,
            look_interval_ms: 100,
            lease_seconds: 10,
            retention_days: 1,
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        config().validate().expect("valid");
        let cases = [
            ("mail.url", MailConfig { transport: TransportKind::Smtp, ..config() }),
            ("mail.directory", MailConfig { transport: TransportKind::File, ..config() }),
            ("mail.from", MailConfig { from: "nobody".to_owned(), ..config() }),
            ("mail.verify_url", MailConfig { verify_url: "https://shop.example/".to_owned(), ..config() }),
            ("mail.password_url", MailConfig { password_url: "javascript:{token}".to_owned(), ..config() }),
            ("mail.connections", MailConfig { connections: 0, ..config() }),
            ("mail.accept_timeout_seconds", MailConfig { accept_timeout_seconds: 0, ..config() }),
            ("mail.retry_longest_seconds", MailConfig { retry_first_seconds: 61, ..config() }),
            ("mail.retention_days", MailConfig { retention_days: 0, ..config() }),
        ];
        for (key, config) in cases {
            let error = config.validate().expect_err(key).to_string();
            assert!(error.contains(key), "{key}: {error}");
        }
    }

    #[test]
    fn a_link_has_its_token() {
        let config = MailConfig { verify_url: "https://shop.example/v#t={token}".to_owned(), ..config() };
        config.validate().expect("valid");
        assert_eq!(config.links().verify("cot_x").as_deref(), Some("https://shop.example/v#t=cot_x"));
        assert_eq!(config.links().password("cot_x"), None);
    }
}
