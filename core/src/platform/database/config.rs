//! The settings of `[database]`.

use std::time::Duration;

use serde::Deserialize;
use tokio_postgres::config::{Host, SslMode};

use super::Limits;
use super::fault::describe;
use super::tls::{self, TlsMode, TlsSettings};
use crate::platform::config::{ConfigError, SecretUrl};

const EXPECTED_URL: &str =
    "postgres://user:password@host:port/database (or set DATABASE_URL, or DATABASE_URL_FILE)";
/// Between two signs of life on a quiet connection; three that stay unanswered end it.
const KEEPALIVE: Duration = Duration::from_secs(5);
/// How long what was sent may stay unacknowledged.
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);

/// Beyond what PostgreSQL allows a statement: for the way there and back, and for a cancellation that takes its time.
const WAY: Duration = Duration::from_secs(5);

/// `[database]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    pub url: SecretUrl,
    /// libpq's `sslmode`; empty is what the URL says, or else `prefer`. What each mode checks is in
    /// docs/connections.md.
    pub tls_mode: String,
    /// Files in PEM; empty is what the URL says, or else none.
    pub tls_ca_file: String,
    pub tls_cert_file: String,
    pub tls_key_file: String,
    /// Connections in the pool at most. Requests beyond it wait for `wait_timeout_ms`, then are told to come back.
    pub pool_size: usize,
    /// How much of the pool one tenant may use, in percent; rounded down, and at least one connection.
    pub tenant_share_percent: usize,
    /// How long a request waits for a connection of the pool, its tenant's share included.
    pub wait_timeout_ms: u64,
    /// How long opening one connection may take.
    pub connect_timeout_ms: u64,
    /// PostgreSQL ends a statement that runs longer. 0 is without limit; then `work_timeout_ms` alone bounds what the pool's
    /// connections do, and nothing bounds the relay's own.
    pub statement_timeout_ms: u64,
    /// PostgreSQL ends a statement that waits longer for a row lock. 0 is without limit.
    pub lock_timeout_ms: u64,
    /// How long a unit of work or a read may take in all, as the API sees it. Then its connection is closed.
    pub work_timeout_ms: u64,
    /// PostgreSQL ends a session that sits in an open transaction longer, and with it the locks that it holds.
    pub idle_in_transaction_timeout_ms: u64,
    /// The role that every session takes on, instead of that of its log-in. Not a setting of `[database]`, which both
    /// binaries may share.
    #[serde(skip)]
    pub role: Option<RuntimeRole>,
}

/// The role that row-level security binds to a tenant; empty is that of the database, `<database>_runtime`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct RuntimeRole(String);

impl RuntimeRole {
    /// An expression of SQL that gives its name. Roles belong to the whole server, so one database's role has its name in it. It is
    /// evaluated by the owner as well: what it calls has exactly these types, so that nothing in the schema can fit better. A name
    /// that is too long is not cut off here: there is no such role, and `comptoir_make_runtime` says why it makes none.
    pub(super) fn name_in_sql(&self) -> String {
        match self.0.as_str() {
            "" => "pg_catalog.current_database()::text || '_runtime'::text".to_owned(),
            name => format!("'{}'::text", name.replace('\'', "''")),
        }
    }
}

impl DatabaseConfig {
    #[must_use]
    pub fn with_role(self, role: &RuntimeRole) -> Self {
        Self { role: Some(role.clone()), ..self }
    }

    /// # Errors
    /// A size or a timeout that would stop everything, a URL that does not parse.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.pool_size == 0 {
            return Err(ConfigError::value("database.pool_size", "must be at least 1"));
        }
        if self.connect_timeout_ms == 0 || self.wait_timeout_ms == 0 {
            return Err(ConfigError::value(
                "database.connect_timeout_ms, database.wait_timeout_ms",
                "must be at least 1 ms",
            ));
        }
        if !(1..=100).contains(&self.tenant_share_percent) {
            return Err(ConfigError::value("database.tenant_share_percent", "must be between 1 and 100"));
        }
        self.validate_url("database.url")
    }

    /// The URL, which this setting gives, and what is needed to connect to it.
    ///
    /// # Errors
    /// The first thing that makes no sense.
    pub fn validate_url(&self, setting: &'static str) -> Result<(), ConfigError> {
        self.url.check(setting, &["postgres", "postgresql"], EXPECTED_URL)?;
        let tls = TlsSettings::of(self)?;
        self.parsed(&tls).map_err(|error| {
            ConfigError::value(setting, format!("{}; expected {EXPECTED_URL}", describe(&error)))
        })?;
        // Files that are not as they should be are found before anything starts.
        tls.client_config().map(drop)
    }

    /// For the driver, without the session's limits, which are set once it is open.
    pub(super) fn parsed(&self, tls: &TlsSettings) -> Result<tokio_postgres::Config, tokio_postgres::Error> {
        let (url, _) = tls::split(self.url.expose());
        let mut config: tokio_postgres::Config = url.parse()?;
        let local = config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)));
        // Of what leaves the machine, the connection decides itself: `encryption.rs`.
        config.ssl_mode(match tls.mode {
            TlsMode::Disable => SslMode::Disable,
            // As libpq: what does not leave the machine is not encrypted.
            _ if local && config.get_hostaddrs().is_empty() => SslMode::Disable,
            TlsMode::Prefer => SslMode::Prefer,
            TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => SslMode::Require,
        });
        config.connect_timeout(self.connect_timeout());
        // A server that went away without a word is noticed within these, not within the kernel's quarter of an hour.
        config.keepalives_idle(KEEPALIVE).keepalives_interval(KEEPALIVE).keepalives_retries(3);
        config.tcp_user_timeout(UNACKNOWLEDGED);
        if config.get_application_name().is_none() {
            config.application_name("comptoir");
        }
        Ok(config)
    }

    /// The limits that every session has. Not sent with the start of the connection: poolers refuse or ignore them there.
    pub(super) fn session_limits(&self) -> String {
        // Whatever the database's default is: the units of work lock what they decide on and need no more than this.
        format!(
            "SET default_transaction_isolation = 'read committed'; \
             SET statement_timeout = {}; SET lock_timeout = {}; SET idle_in_transaction_session_timeout = {}",
            self.statement_timeout_ms, self.lock_timeout_ms, self.idle_in_transaction_timeout_ms,
        )
    }

    /// Takes the role on, if there is one to take on.
    pub(super) fn take_role(&self) -> Option<String> {
        // As `SET ROLE`, which knows no expression.
        self.role
            .as_ref()
            .map(|role| format!("SELECT pg_catalog.set_config('role', {}, false)", role.name_in_sql()))
    }

    /// How long nothing may come where a statement was sent: PostgreSQL would have ended it by then.
    pub(super) fn answer_limit(&self) -> Option<Duration> {
        let limit = Duration::from_millis(self.statement_timeout_ms);
        (!limit.is_zero()).then_some(limit + WAY)
    }

    pub(super) fn limits(&self) -> Limits {
        Limits {
            wait: Duration::from_millis(self.wait_timeout_ms),
            tenant: (self.pool_size * self.tenant_share_percent / 100).max(1),
            work: Duration::from_millis(self.work_timeout_ms),
        }
    }

    pub(super) fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }
}
