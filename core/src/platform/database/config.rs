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
/// The time between two keepalive probes on a quiet connection; three unanswered probes end it.
const KEEPALIVE: Duration = Duration::from_secs(5);
/// How long sent bytes may stay unacknowledged.
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);

/// Added to PostgreSQL's time limit for a statement: for the way there and back, and for a slow cancellation.
const WAY: Duration = Duration::from_secs(5);

/// The section `[database]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    pub url: SecretUrl,
    /// libpq's `sslmode`; if empty, the URL's, or else `prefer`. What each mode checks is in docs/connections.md.
    pub tls_mode: String,
    /// PEM files; if empty, the URL's, or else none.
    pub tls_ca_file: String,
    pub tls_cert_file: String,
    pub tls_key_file: String,
    /// The maximum of connections in the pool. Further requests wait for `wait_timeout_ms`, then are told to come back.
    pub pool_size: usize,
    /// How much of the pool one tenant may use, in percent; rounded down, and at least one connection.
    pub tenant_share_percent: usize,
    /// How long a request waits for a connection of the pool, its tenant's share included.
    pub wait_timeout_ms: u64,
    /// How long opening one connection may take.
    pub connect_timeout_ms: u64,
    /// PostgreSQL ends a statement that runs longer. 0 is without limit; then only `work_timeout_ms` limits the statements on
    /// the pool's connections, and nothing limits those on the relay's own.
    pub statement_timeout_ms: u64,
    /// PostgreSQL ends a statement that waits longer for a row lock. 0 is without limit.
    pub lock_timeout_ms: u64,
    /// How long a unit of work or a read may take in all, as the API sees it. Then its connection is closed.
    pub work_timeout_ms: u64,
    /// PostgreSQL ends a session that is idle in an open transaction for longer, which releases its locks.
    pub idle_in_transaction_timeout_ms: u64,
    /// The role that every session takes on, instead of the role of its log-in. Not a setting of `[database]`, which both
    /// binaries may share.
    #[serde(skip)]
    pub role: Option<RuntimeRole>,
}

/// The role that row-level security binds to a tenant; if empty, that of the database, `<database>_runtime`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct RuntimeRole(String);

impl RuntimeRole {
    /// Returns an SQL expression for the role's name. Roles belong to the whole server, so the role of a database has the
    /// database's name in its own.
    ///
    /// The owner evaluates the expression as well. So its operands have exact types: no operator that others put into the
    /// schema can fit better. A name that is too long is not cut off here: there is no such role, and `comptoir_make_runtime`
    /// says why it creates none.
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
    /// Fails if a size or a timeout would stop everything, or if the URL does not parse.
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

    /// Checks the URL, which `setting` gives, and the other settings and files that are needed to connect to it.
    ///
    /// # Errors
    /// Fails with the first setting that makes no sense.
    pub fn validate_url(&self, setting: &'static str) -> Result<(), ConfigError> {
        self.url.check(setting, &["postgres", "postgresql"], EXPECTED_URL)?;
        let tls = TlsSettings::of(self)?;
        self.parsed(&tls).map_err(|error| {
            ConfigError::value(setting, format!("{}; expected {EXPECTED_URL}", describe(&error)))
        })?;
        // Wrong files are found before anything starts.
        tls.client_config().map(drop)
    }

    /// Returns the settings for the driver, without the session's limits, which are set once the session is open.
    pub(super) fn parsed(&self, tls: &TlsSettings) -> Result<tokio_postgres::Config, tokio_postgres::Error> {
        let (url, _) = tls::split(self.url.expose());
        let mut config: tokio_postgres::Config = url.parse()?;
        let local = config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)));
        // A connection that leaves the machine decides this itself: `encryption.rs`.
        config.ssl_mode(match tls.mode {
            TlsMode::Disable => SslMode::Disable,
            // As libpq: a connection that does not leave the machine is not encrypted.
            _ if local && config.get_hostaddrs().is_empty() => SslMode::Disable,
            TlsMode::Prefer => SslMode::Prefer,
            TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => SslMode::Require,
        });
        config.connect_timeout(self.connect_timeout());
        // A server that vanished is noticed within these times, not only after the kernel's quarter of an hour.
        config.keepalives_idle(KEEPALIVE).keepalives_interval(KEEPALIVE).keepalives_retries(3);
        config.tcp_user_timeout(UNACKNOWLEDGED);
        if config.get_application_name().is_none() {
            config.application_name("comptoir");
        }
        Ok(config)
    }

    /// Returns the SQL that sets the limits of a session. They are not sent with the start of the connection, where poolers
    /// refuse or ignore them.
    pub(super) fn session_limits(&self) -> String {
        // Whatever the database's default is: units of work lock the rows that they decide on, and need no more than this. Statements
        // that PostgreSQL believes to be long take 100 ms more where it compiles them first; none is so long that it would pay.
        format!(
            "SET default_transaction_isolation = 'read committed'; SET jit = off; \
             SET statement_timeout = {}; SET lock_timeout = {}; SET idle_in_transaction_session_timeout = {}",
            self.statement_timeout_ms, self.lock_timeout_ms, self.idle_in_transaction_timeout_ms,
        )
    }

    /// Returns the SQL that takes the role on, if there is one.
    pub(super) fn take_role(&self) -> Option<String> {
        // As `SET ROLE`, which accepts no expression.
        self.role
            .as_ref()
            .map(|role| format!("SELECT pg_catalog.set_config('role', {}, false)", role.name_in_sql()))
    }

    /// Returns how long the server may be silent after a statement: PostgreSQL would have ended the statement by then.
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
