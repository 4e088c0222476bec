//! `[projections]`

use std::time::Duration;

use comptoir_core::platform::config::{ConfigError, SecretUrl, without_secrets};
use comptoir_core::platform::tls::{ServerCheck, TlsError, TlsFiles};
use comptoir_core::projections::ProjectorConfig;
use lapin::tcp::RustlsConnector;
use lapin::uri::{AMQPScheme, AMQPUri};
use serde::Deserialize;

const EXPECTED_URL: &str = "amqp(s)://user:password@host:port/vhost (or set AMQP_URL, or AMQP_URL_FILE)";
/// AMQP permits so many bytes for a name.
const NAME_BYTES: usize = 255;
/// What is derived from the queue's name is longer.
const QUEUE_BYTES: usize = 200;
const MAX_RETENTION_DAYS: i32 = 3_650;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProjectionsConfig {
    /// Empty: there are none.
    pub(crate) url: SecretUrl,
    tls_ca_file: String,
    tls_cert_file: String,
    tls_key_file: String,
    pub(crate) exchange: String,
    pub(crate) queue: String,
    pub(crate) prefetch: u16,
    connect_timeout_ms: u64,
    heartbeat_seconds: u16,
    verify_interval_ms: u64,
    pub(crate) reconnect_min_ms: u64,
    pub(crate) reconnect_max_ms: u64,
    silence_seconds: u64,
    poll_interval_ms: u64,
    max_attempts: i32,
    retry_min_ms: u64,
    retry_max_ms: u64,
    pub(crate) inbox_retention_days: i32,
}

impl ProjectionsConfig {
    pub(crate) fn is_on(&self) -> bool {
        !self.url.expose().is_empty()
    }

    pub(crate) fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }

    pub(crate) fn verify_interval(&self) -> Duration {
        Duration::from_millis(self.verify_interval_ms)
    }

    /// After so long without a message, it is said; `None`: never.
    pub(crate) fn silence(&self) -> Option<Duration> {
        (self.silence_seconds > 0).then(|| Duration::from_secs(self.silence_seconds))
    }

    pub(crate) fn poll_interval(&self) -> Duration {
        Duration::from_millis(self.poll_interval_ms)
    }

    pub(crate) fn projector(&self) -> ProjectorConfig {
        ProjectorConfig {
            max_attempts: self.max_attempts,
            retry_min: Duration::from_millis(self.retry_min_ms),
            retry_max: Duration::from_millis(self.retry_max_ms),
        }
    }

    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        if self.is_on() {
            self.url.check("projections.url", &["amqp", "amqps"], EXPECTED_URL)?;
            let uri = self.uri().map_err(|problem| {
                ConfigError::value("projections.url", format!("{problem}; expected {EXPECTED_URL}"))
            })?;
            self.validate_tls(uri.scheme)?;
        }
        for (key, name, most) in [
            ("projections.exchange", &self.exchange, NAME_BYTES),
            ("projections.queue", &self.queue, QUEUE_BYTES),
        ] {
            if name.is_empty() || name.len() > most {
                return Err(ConfigError::value(key, format!("must have 1 to {most} bytes")));
            }
        }
        let positive = [
            ("projections.prefetch", u64::from(self.prefetch)),
            ("projections.connect_timeout_ms", self.connect_timeout_ms),
            ("projections.verify_interval_ms", self.verify_interval_ms),
            ("projections.reconnect_min_ms", self.reconnect_min_ms),
            ("projections.poll_interval_ms", self.poll_interval_ms),
            ("projections.max_attempts", u64::try_from(self.max_attempts).unwrap_or(0)),
            ("projections.retry_min_ms", self.retry_min_ms),
            ("projections.inbox_retention_days", u64::try_from(self.inbox_retention_days).unwrap_or(0)),
        ];
        if let Some((key, _)) = positive.into_iter().find(|(_, value)| *value == 0) {
            return Err(ConfigError::value(key, "must be at least 1"));
        }
        for (key, least, most) in [
            ("projections.reconnect_max_ms", self.reconnect_min_ms, self.reconnect_max_ms),
            ("projections.retry_max_ms", self.retry_min_ms, self.retry_max_ms),
        ] {
            if most < least {
                return Err(ConfigError::value(key, "must not be less than the first wait"));
            }
        }
        if self.inbox_retention_days > MAX_RETENTION_DAYS {
            let problem = format!("must be at most {MAX_RETENTION_DAYS} days, ten years");
            return Err(ConfigError::value("projections.inbox_retention_days", problem));
        }
        Ok(())
    }

    fn validate_tls(&self, scheme: AMQPScheme) -> Result<(), ConfigError> {
        if scheme == AMQPScheme::AMQPS {
            // Reads the files, so that a bad one is reported before anything starts.
            return self.tls().map(drop);
        }
        if self.tls_files().are_given() {
            return Err(ConfigError::value(
                "projections.tls_ca_file, projections.tls_cert_file, projections.tls_key_file",
                "are for amqps://, and projections.url is amqp://, which is not encrypted",
            ));
        }
        Ok(())
    }

    /// Reads the TLS files.
    ///
    /// # Errors
    /// Fails if a file cannot be used; names its setting.
    pub(super) fn tls(&self) -> Result<RustlsConnector, ConfigError> {
        let config = self.tls_files().client_config(ServerCheck::ChainAndName).map_err(|error| {
            let key = match &error {
                TlsError::Ca(_) => "projections.tls_ca_file",
                TlsError::Certificate(_) => "projections.tls_cert_file",
                TlsError::Key(_) => "projections.tls_key_file",
                TlsError::Library(_) => "projections.url",
            };
            ConfigError::value(key, error.to_string())
        })?;
        Ok(RustlsConnector::from(config))
    }

    fn tls_files(&self) -> TlsFiles {
        TlsFiles::from_settings(&self.tls_ca_file, &self.tls_cert_file, &self.tls_key_file)
    }

    /// Returns the URL with the configured heartbeat, unless it has its own.
    pub(super) fn uri(&self) -> Result<AMQPUri, String> {
        let parsed: Result<AMQPUri, String> = self.url.expose().parse();
        let mut uri = parsed.map_err(|problem| without_secrets(&problem))?;
        uri.query.heartbeat.get_or_insert(self.heartbeat_seconds);
        Ok(uri)
    }
}
