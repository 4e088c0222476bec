//! The API's settings. The defaults, with a comment each, are in `default.toml`.

use std::net::SocketAddr;
use std::path::Path;

use chrono::TimeDelta;
use comptoir_core::accounts::identity::IdentityConfig;
use comptoir_core::accounts::rate_limits::RateLimitsConfig;
use comptoir_core::mail::{self, MailConfig};
use comptoir_core::platform::config::{ConfigError, LogConfig, SecretUrl, load, word};
use comptoir_core::platform::database::{DatabaseConfig, RuntimeRole};
use comptoir_core::platform::spans::TelemetryConfig;
use comptoir_core::services::ServicesConfig;
use serde::Deserialize;

use crate::client_address::{ProxyHeader, TrustedProxies};
use crate::cors::AllowedOrigins;
use crate::projections::ProjectionsConfig;

const DEFAULTS: &str = include_str!("default.toml");

const MAX_DRAIN_SECONDS: u64 = 3_600;
const MAX_RETENTION_HOURS: i32 = 87_600;
const MAX_RETENTION_DAYS: i32 = 3_650;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub database: DatabaseConfig,
    pub log: LogConfig,
    pub telemetry: TelemetryConfig,
    pub identity: IdentityConfig,
    pub api: ApiConfig,
    pub rate_limits: RateLimitsConfig,
    pub notifications: NotificationsConfig,
    pub(crate) projections: ProjectionsConfig,
    pub mail: MailConfig,
    #[serde(default)]
    pub services: ServicesConfig,
}

/// `[notifications]`
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotificationsConfig {
    pub streams_per_session: usize,
    pub streams_per_tenant: usize,
    pub streams_per_address: usize,
    pub queue_events: usize,
    pub queue_kib: usize,
    pub catch_up_events: usize,
    pub keep_alive_seconds: u64,
}

impl NotificationsConfig {
    const MAX_KEEP_ALIVE_SECONDS: u64 = 60;

    fn validate(&self) -> Result<(), ConfigError> {
        let positive = [
            ("notifications.streams_per_session", self.streams_per_session),
            ("notifications.streams_per_tenant", self.streams_per_tenant),
            ("notifications.streams_per_address", self.streams_per_address),
            ("notifications.queue_events", self.queue_events),
            ("notifications.queue_kib", self.queue_kib),
            ("notifications.catch_up_events", self.catch_up_events),
        ];
        if let Some((key, _)) = positive.into_iter().find(|(_, value)| *value == 0) {
            return Err(ConfigError::value(key, "must be at least 1"));
        }
        if !(1..=Self::MAX_KEEP_ALIVE_SECONDS).contains(&self.keep_alive_seconds) {
            let problem =
                format!("must be 1 to {} s: proxies close what is silent", Self::MAX_KEEP_ALIVE_SECONDS);
            return Err(ConfigError::value("notifications.keep_alive_seconds", problem));
        }
        Ok(())
    }
}

/// `[api]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiConfig {
    pub listen: SocketAddr,
    /// `off`, or an address: [`Self::operations_address`].
    pub operations_listen: String,
    pub database_role: RuntimeRole,
    /// If it is empty, the services that work across tenants do not run.
    pub services_database_url: SecretUrl,
    pub trusted_proxies: TrustedProxies,
    #[serde(deserialize_with = "word")]
    pub proxy_header: ProxyHeader,
    pub allowed_origins: AllowedOrigins,
    /// Whether the console may be used without TLS, which only a listener on the loopback interface allows.
    pub console_without_tls: bool,
    /// 0 stands for one per core.
    pub workers: usize,
    pub max_connections: usize,
    pub keep_alive_seconds: u64,
    pub client_request_timeout_ms: u64,
    pub request_timeout_ms: u64,
    pub body_timeout_ms: u64,
    pub send_timeout_ms: u64,
    pub drain_seconds: u64,
    pub shutdown_timeout_seconds: u64,
    pub max_body_bytes: usize,
    pub max_import_bytes: usize,
    pub import_timeout_seconds: u64,
    pub import_retention_days: i32,
    pub max_headers: usize,
    pub idempotency_retention_hours: i32,
    pub refusals_interval_seconds: u64,
    pub notify_interval_ms: u64,
}

impl ApiConfig {
    /// Returns the address of the listener that serves metrics and health to operators; `None` if there is none.
    ///
    /// # Errors
    /// Fails if the setting is neither `off` nor an address.
    pub fn operations_address(&self) -> Result<Option<SocketAddr>, ConfigError> {
        if self.operations_listen == "off" {
            return Ok(None);
        }
        self.operations_listen.parse().map(Some).map_err(|_| {
            ConfigError::value("api.operations_listen", "must be `off` or an address such as 127.0.0.1:9463")
        })
    }
}

impl Settings {
    /// # Errors
    /// Fails if a setting cannot be read, is unknown, or contradicts another one.
    pub fn load(file: Option<&Path>, overrides: &[(&str, String)]) -> Result<Self, ConfigError> {
        let sections = [
            "database",
            "log",
            "telemetry",
            "identity",
            "api",
            "rate_limits",
            "notifications",
            "mail",
            "services",
            "projections",
        ];
        let settings: Self = load(DEFAULTS, file, &sections, overrides)?;
        settings.validate()?;
        Ok(settings)
    }

    /// Returns the database settings of the services that work across tenants, if they are configured.
    pub fn services_database(&self) -> Option<DatabaseConfig> {
        let url = self.api.services_database_url.clone();
        (!url.expose().is_empty()).then(|| DatabaseConfig { url, ..self.database.clone() })
    }

    /// Returns which e-mails are queued, and for how long they are of use.
    pub fn mail_policies(&self) -> mail::Policies {
        mail::Policies::new(mail::Lifetimes {
            verification: TimeDelta::hours(self.identity.verification_token_hours.into()),
            reset: TimeDelta::hours(self.identity.reset_token_hours.into()),
            notices: self.mail.notices(),
        })
    }

    fn validate(&self) -> Result<(), ConfigError> {
        self.database.validate()?;
        if let Some(services) = self.services_database() {
            services.validate_url("api.services_database_url")?;
        }
        self.telemetry.validate()?;
        self.services.validate()?;
        self.identity.validate()?;
        self.rate_limits.validate()?;
        self.notifications.validate()?;
        self.projections.validate()?;
        self.mail.validate()?;
        let api = &self.api;
        let positive = [
            ("api.max_connections", api.max_connections as u64),
            ("api.client_request_timeout_ms", api.client_request_timeout_ms),
            ("api.request_timeout_ms", api.request_timeout_ms),
            ("api.body_timeout_ms", api.body_timeout_ms),
            ("api.send_timeout_ms", api.send_timeout_ms),
            ("api.max_body_bytes", api.max_body_bytes as u64),
            ("api.max_import_bytes", api.max_import_bytes as u64),
            ("api.import_timeout_seconds", api.import_timeout_seconds),
            ("api.import_retention_days", u64::try_from(api.import_retention_days).unwrap_or(0)),
            ("api.max_headers", api.max_headers as u64),
            ("api.refusals_interval_seconds", api.refusals_interval_seconds),
            ("api.idempotency_retention_hours", u64::try_from(api.idempotency_retention_hours).unwrap_or(0)),
        ];
        if let Some((key, _)) = positive.into_iter().find(|(_, value)| *value == 0) {
            return Err(ConfigError::value(key, "must be at least 1"));
        }
        api.operations_address()?;
        if api.console_without_tls && !api.listen.ip().is_loopback() {
            return Err(ConfigError::value(
                "api.console_without_tls",
                "is for development: api.listen must be an address of the loopback interface, such as 127.0.0.1:8080",
            ));
        }
        if api.drain_seconds > MAX_DRAIN_SECONDS {
            let problem = format!("must be at most {MAX_DRAIN_SECONDS} s");
            return Err(ConfigError::value("api.drain_seconds", problem));
        }
        if api.body_timeout_ms >= api.request_timeout_ms {
            return Err(ConfigError::value(
                "api.request_timeout_ms",
                "must be longer than api.body_timeout_ms",
            ));
        }
        if api.idempotency_retention_hours > MAX_RETENTION_HOURS {
            let problem = format!("must be at most {MAX_RETENTION_HOURS} hours, ten years");
            return Err(ConfigError::value("api.idempotency_retention_hours", problem));
        }
        if api.import_retention_days > MAX_RETENTION_DAYS {
            let problem = format!("must be at most {MAX_RETENTION_DAYS} days, ten years");
            return Err(ConfigError::value("api.import_retention_days", problem));
        }
        if self.database.wait_timeout_ms >= api.request_timeout_ms {
            return Err(ConfigError::value(
                "api.request_timeout_ms",
                "must be longer than database.wait_timeout_ms, or a request is given up while it waits for a connection",
            ));
        }
        if self.database.work_timeout_ms <= self.database.statement_timeout_ms {
            return Err(ConfigError::value(
                "database.work_timeout_ms",
                "must be longer than database.statement_timeout_ms, or what PostgreSQL would end is given up before",
            ));
        }
        if (1..self.database.wait_timeout_ms).contains(&self.database.lock_timeout_ms) {
            return Err(ConfigError::value(
                "database.lock_timeout_ms",
                "must be no shorter than database.wait_timeout_ms, or whoever waits in the database is refused before \
                 those who wait behind them",
            ));
        }
        if self.identity.password_wait_ms >= api.request_timeout_ms {
            return Err(ConfigError::value(
                "api.request_timeout_ms",
                "must be longer than identity.password_wait_ms, or a log-in is given up while it waits for its turn",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        Settings::load(None, &[]).expect("valid");
    }

    #[test]
    fn a_console_without_tls_is_for_this_machine_alone() {
        let load = |listen: &str| {
            let given = [("api.listen", listen.to_owned()), ("api.console_without_tls", "true".to_owned())];
            Settings::load(None, &given)
        };
        load("127.0.0.1:8080").expect("valid");
        load("[::1]:8080").expect("valid");
        let error = load("0.0.0.0:8080").expect_err("refused").to_string();
        assert!(error.contains("api.console_without_tls"), "{error}");
    }

    #[test]
    fn timeouts_that_contradict_each_other_are_refused() {
        let error =
            Settings::load(None, &[("api.request_timeout_ms", "2000".to_owned())]).expect_err("refused");
        assert!(error.to_string().contains("api.request_timeout_ms"), "{error}");
    }

    #[test]
    fn a_url_that_makes_no_sense_is_named_by_the_setting_that_gives_it() {
        let wrong = |setting: &str| {
            let given = [(setting, "mysql://u:p4ssw0rd@h/db".to_owned())];
            Settings::load(None, &given).expect_err("refused").to_string()
        };
        for setting in ["database.url", "api.services_database_url"] {
            let error = wrong(setting);
            assert!(error.contains(setting) && !error.contains("p4ssw0rd"), "{error}");
        }
    }
}
