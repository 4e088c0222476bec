//! The relay's settings: `default.toml` documents every one of them. They are checked before anything starts.

use std::path::Path;
use std::time::Duration;

use comptoir_core::platform::config::{self, ConfigError, LogConfig, SecretUrl, without_secrets};
use comptoir_core::platform::database::DatabaseConfig;
use comptoir_core::platform::spans::TelemetryConfig;
use comptoir_core::platform::tls::{ServerCheck, TlsError, TlsFiles};
use comptoir_core::services::ServicesConfig;
use lapin::uri::AMQPScheme;
use rustls::ClientConfig;
use serde::Deserialize;

use crate::history::HistoryConfig;
use crate::message::{self, EnvelopeFormat, Routing, SHORT_STRING_BYTES};

const DEFAULTS: &str = include_str!("default.toml");
const EXPECTED_URL: &str = "amqp(s)://user:password@host:port/vhost (or set AMQP_URL, or AMQP_URL_FILE)";
/// A crash repeats the events of one interval: a longer interval, in milliseconds, would repeat too many.
const MAX_SETTLE_INTERVAL_MS: u64 = 1000;
/// Bytes of a frame, where neither the URL nor the broker asks for less. lapin's buffers are multiples of it: RabbitMQ's own
/// 128 KiB would take 1 MiB more. A much smaller frame could not hold the headers that the table permits.
const FRAME_BYTES: u32 = 112 * 1024;
const SECTIONS: &[&str] =
    &["database", "log", "telemetry", "broker", "relay", "history", "routing", "services"];

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) database: DatabaseConfig,
    pub(crate) log: LogConfig,
    pub(crate) telemetry: TelemetryConfig,
    pub(crate) broker: BrokerConfig,
    pub(crate) relay: RelayConfig,
    pub(crate) history: HistoryConfig,
    #[serde(default)]
    pub(crate) routing: Routing,
    #[serde(default)]
    pub(crate) services: ServicesConfig,
}

/// `[broker]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BrokerConfig {
    pub(crate) url: SecretUrl,
    pub(crate) management_url: SecretUrl,
    pub(crate) tls_ca_file: String,
    pub(crate) tls_cert_file: String,
    pub(crate) tls_key_file: String,
    pub(crate) exchange: String,
    pub(crate) dead_letter_exchange: String,
    pub(crate) dead_letter_queue: String,
    pub(crate) connect_timeout_ms: u64,
    pub(crate) heartbeat_seconds: u16,
    pub(crate) confirm_timeout_ms: u64,
    pub(crate) verify_interval_ms: u64,
    pub(crate) reconnect_min_ms: u64,
    pub(crate) reconnect_max_ms: u64,
    pub(crate) max_message_bytes: usize,
}

/// `[relay]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RelayConfig {
    pub(crate) http_listen: String,
    pub(crate) name: String,
    pub(crate) window: usize,
    pub(crate) buffer_events: usize,
    pub(crate) buffer_bytes: usize,
    pub(crate) aggregate_events: usize,
    pub(crate) max_in_flight_per_aggregate: usize,
    #[serde(deserialize_with = "config::word")]
    pub(crate) envelope: EnvelopeFormat,
    pub(crate) cloudevents_source: String,
    pub(crate) cloudevents_dataschema_base: String,
    #[serde(deserialize_with = "config::word")]
    pub(crate) unroutable: UnroutablePolicy,
    #[serde(deserialize_with = "config::word")]
    pub(crate) dead_letter_policy: DeadLetterPolicy,
    pub(crate) max_retries: i32,
    pub(crate) retry_min_ms: u64,
    pub(crate) retry_max_ms: u64,
    pub(crate) lease_ttl_ms: u64,
    pub(crate) lease_renewal_ms: u64,
    pub(crate) handover_after_ms: u64,
    pub(crate) poll_min_ms: u64,
    pub(crate) poll_max_ms: u64,
    pub(crate) settle_interval_ms: u64,
    pub(crate) sweep_interval_ms: u64,
    pub(crate) shutdown_timeout_ms: u64,
    pub(crate) once_connect_deadline_ms: u64,
}

/// The treatment of an event for which no queue is bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum UnroutablePolicy {
    /// It becomes a dead letter at once; its aggregate goes on.
    DeadLetter,
    /// It is tried again like an event that the broker refuses, and its aggregate waits.
    Retry,
    /// It is deleted and counted.
    Discard,
}

/// The treatment of an aggregate's later events after one event has failed for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DeadLetterPolicy {
    /// They are published as if nothing had happened.
    Skip,
    /// They wait until an operator requeues or discards the dead letter.
    Hold,
}

impl Config {
    /// # Errors
    /// Fails if the settings cannot be read, or `validate` refuses one.
    pub(crate) fn load(file: Option<&Path>, overrides: &[(&str, String)]) -> Result<Self, ConfigError> {
        let config: Self = config::load(DEFAULTS, file, SECTIONS, overrides)?;
        config.validate()?;
        Ok(config)
    }

    /// # Errors
    /// Fails if a setting would stop the relay from doing its work; names the first one.
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        self.database.validate()?;
        self.telemetry.validate()?;
        self.broker.validate()?;
        self.relay.validate()?;
        self.history.validate()?;
        self.services.validate()
    }
}

impl BrokerConfig {
    fn validate(&self) -> Result<(), ConfigError> {
        self.url.check("broker.url", &["amqp", "amqps"], EXPECTED_URL)?;
        let uri = self.uri().map_err(|problem| {
            ConfigError::value("broker.url", format!("{problem}; expected {EXPECTED_URL}"))
        })?;
        self.validate_tls(uri.scheme)?;
        for (key, name) in [
            ("broker.exchange", &self.exchange),
            ("broker.dead_letter_exchange", &self.dead_letter_exchange),
            ("broker.dead_letter_queue", &self.dead_letter_queue),
        ] {
            if name.is_empty() || name.len() > SHORT_STRING_BYTES {
                return Err(ConfigError::value(key, "must have 1 to 255 bytes"));
            }
        }
        if self.exchange == self.dead_letter_exchange {
            return Err(ConfigError::value(
                "broker.dead_letter_exchange",
                "must differ from broker.exchange",
            ));
        }
        ascending(
            "broker.reconnect_min_ms, broker.reconnect_max_ms",
            self.reconnect_min_ms,
            self.reconnect_max_ms,
        )?;
        positive("broker.connect_timeout_ms", self.connect_timeout_ms)?;
        positive("broker.confirm_timeout_ms", self.confirm_timeout_ms)?;
        positive("broker.verify_interval_ms", self.verify_interval_ms)?;
        positive("broker.max_message_bytes", self.max_message_bytes as u64)
    }

    fn validate_tls(&self, scheme: AMQPScheme) -> Result<(), ConfigError> {
        if scheme == AMQPScheme::AMQPS {
            // Reads the files, so that a bad one is reported before anything starts.
            return self.tls().map(drop);
        }
        if self.tls_files().are_given() {
            return Err(ConfigError::value(
                "broker.tls_ca_file, broker.tls_cert_file, broker.tls_key_file",
                "are for amqps://, and broker.url is amqp://, which is not encrypted",
            ));
        }
        Ok(())
    }

    /// Reads the TLS files.
    ///
    /// # Errors
    /// Fails if a file cannot be used; names its setting.
    pub(crate) fn tls(&self) -> Result<ClientConfig, ConfigError> {
        self.tls_files().client_config(ServerCheck::ChainAndName).map_err(|error| {
            let key = match &error {
                TlsError::Ca(_) => "broker.tls_ca_file",
                TlsError::Certificate(_) => "broker.tls_cert_file",
                TlsError::Key(_) => "broker.tls_key_file",
                TlsError::Library(_) => "broker.url",
            };
            ConfigError::value(key, error.to_string())
        })
    }

    fn tls_files(&self) -> TlsFiles {
        TlsFiles::from_settings(&self.tls_ca_file, &self.tls_cert_file, &self.tls_key_file)
    }

    /// Returns the URL with the configured heartbeat and [`FRAME_BYTES`], unless the URL has its own.
    pub(crate) fn uri(&self) -> Result<lapin::uri::AMQPUri, String> {
        let parsed: Result<lapin::uri::AMQPUri, String> = self.url.expose().parse();
        let mut uri = parsed.map_err(|problem| without_secrets(&problem))?;
        uri.query.heartbeat.get_or_insert(self.heartbeat_seconds);
        uri.query.frame_max.get_or_insert(FRAME_BYTES);
        Ok(uri)
    }
}

impl RelayConfig {
    fn validate(&self) -> Result<(), ConfigError> {
        positive("relay.window", self.window as u64)?;
        if self.buffer_events < self.window {
            return Err(ConfigError::value("relay.buffer_events", "must not be less than relay.window"));
        }
        positive("relay.buffer_bytes", self.buffer_bytes as u64)?;
        positive("relay.aggregate_events", self.aggregate_events as u64)?;
        positive("relay.max_in_flight_per_aggregate", self.max_in_flight_per_aggregate as u64)?;
        if self.max_in_flight_per_aggregate > self.window {
            return Err(ConfigError::value(
                "relay.max_in_flight_per_aggregate",
                "must not be more than relay.window",
            ));
        }
        message::validate_cloud_events(&self.cloudevents_source, &self.cloudevents_dataschema_base)?;
        if self.max_retries < 0 {
            return Err(ConfigError::value("relay.max_retries", "must not be negative"));
        }
        ascending("relay.retry_min_ms, relay.retry_max_ms", self.retry_min_ms, self.retry_max_ms)?;
        ascending("relay.poll_min_ms, relay.poll_max_ms", self.poll_min_ms, self.poll_max_ms)?;
        if self.settle_interval_ms > MAX_SETTLE_INTERVAL_MS {
            return Err(ConfigError::value(
                "relay.settle_interval_ms",
                format!("must be {MAX_SETTLE_INTERVAL_MS} at most: a crash repeats what is not written down"),
            ));
        }
        positive("relay.sweep_interval_ms", self.sweep_interval_ms)?;
        positive("relay.lease_renewal_ms", self.lease_renewal_ms)?;
        if self.lease_ttl_ms < 3 * self.lease_renewal_ms {
            return Err(ConfigError::value(
                "relay.lease_ttl_ms",
                "must be at least 3 times relay.lease_renewal_ms, or one slow renewal loses every shard",
            ));
        }
        if self.handover_after_ms < 2 * self.lease_renewal_ms + 1000 {
            return Err(ConfigError::value(
                "relay.handover_after_ms",
                "must be at least 2 times relay.lease_renewal_ms and a second: replicas hear of one another that late",
            ));
        }
        if self.http_listen != "off" && self.http_listen.parse::<std::net::SocketAddr>().is_err() {
            return Err(ConfigError::value(
                "relay.http_listen",
                "must be `off` or an address such as 127.0.0.1:9464",
            ));
        }
        Ok(())
    }

    pub(crate) fn lease_ttl(&self) -> Duration {
        Duration::from_millis(self.lease_ttl_ms)
    }

    /// Returns how long before a lease expires in the database this replica stops using it. The margin is for messages on their
    /// way to the broker, and for clocks that run at different speeds.
    pub(crate) fn lease_margin(&self) -> Duration {
        Duration::from_millis(self.lease_ttl_ms / 5)
    }
}

fn positive(key: &'static str, value: u64) -> Result<(), ConfigError> {
    if value == 0 {
        return Err(ConfigError::value(key, "must be at least 1"));
    }
    Ok(())
}

fn ascending(keys: &'static str, min: u64, max: u64) -> Result<(), ConfigError> {
    if min == 0 || min > max {
        return Err(ConfigError::value(keys, "must be at least 1 ms, the first not above the second"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(overrides: &[(&str, String)]) -> Result<Config, ConfigError> {
        Config::load(None, overrides)
    }

    #[test]
    fn the_embedded_defaults_are_valid() {
        loaded(&[]).expect("valid");
    }

    #[test]
    fn a_lease_that_one_slow_renewal_would_lose_is_refused() {
        let error = loaded(&[("relay.lease_ttl_ms", "1000".to_owned())]).expect_err("refused");
        assert!(error.to_string().contains("relay.lease_ttl_ms"), "{error}");
    }

    #[test]
    fn an_interval_that_would_let_a_crash_repeat_a_lot_is_refused() {
        loaded(&[("relay.settle_interval_ms", "1000".to_owned())]).expect("accepted");
        let error = loaded(&[("relay.settle_interval_ms", "1001".to_owned())]).expect_err("refused");
        assert!(error.to_string().contains("relay.settle_interval_ms: must be 1000 at most"), "{error}");
    }

    #[test]
    fn an_unknown_policy_is_refused_by_name() {
        let error = loaded(&[("relay.unroutable", "drop".to_owned())]).expect_err("refused");
        assert!(error.to_string().contains("drop"), "{error}");
    }

    #[test]
    fn certificates_without_encryption_are_refused() {
        let error = loaded(&[("broker.tls_ca_file", "/ca.pem".to_owned())]).expect_err("refused");
        assert!(error.to_string().contains("amqps://"), "{error}");
    }

    #[test]
    fn a_buffer_smaller_than_the_window_is_refused() {
        loaded(&[("relay.buffer_events", "10".to_owned())]).expect_err("refused");
    }
}
