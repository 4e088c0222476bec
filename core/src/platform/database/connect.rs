//! Opens connections: the one way in which both binaries reach PostgreSQL.

use std::sync::Arc;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use tokio::net::UnixStream;
use tokio_postgres::config::{Host, SslMode, SslNegotiation};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, NoTls, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::encryption::Beginning;
use super::fitness::Fitness;
use super::tls::{TlsMode, TlsSettings};
use super::{ConnectFault, DatabaseConfig, pooling};
use crate::values::printable::without_error_number;

type Stream = <Beginning as MakeTlsConnect<Socket>>::Stream;

/// Opens one connection outside any pool, for a background task that keeps it. Its driver runs on the calling runtime.
///
/// # Errors
/// Fails if PostgreSQL does not answer within `connect_timeout_ms` or refuses, if the required encryption is not possible,
/// or if a pooler does not give each connection a session of its own.
pub async fn connect(config: &DatabaseConfig) -> Result<AsyncPgConnection, ConnectFault> {
    let opening = async {
        let server = Server::of(config, Arc::new(Fitness::alone()))?;
        pooling::check(&server).await?;
        let (client, connection) = server.open().await?;
        let connection = AsyncPgConnection::try_from_client_and_connection(client, connection).await?;
        limited(connection, config).await
    };
    in_time(config, opening).await
}

/// Opens a connection for the pool.
///
/// # Errors
/// Fails as [`connect`] does.
pub(super) async fn open(
    config: &DatabaseConfig,
    fitness: Arc<Fitness>,
) -> Result<AsyncPgConnection, ConnectFault> {
    let opening = async {
        let server = Server::of(config, fitness)?;
        pooling::check(&server).await?;
        let connection = match server.socket() {
            Some(path) => server.open_socket(&path).await?,
            None => {
                let (client, connection) = server.open().await?;
                AsyncPgConnection::try_from_client_and_connection(client, connection).await?
            }
        };
        limited(connection, config).await
    };
    in_time(config, opening).await
}

async fn limited(
    mut connection: AsyncPgConnection,
    config: &DatabaseConfig,
) -> Result<AsyncPgConnection, ConnectFault> {
    let limits = config.session_limits();
    connection.batch_execute(&limits).await.map_err(|error| ConnectFault::Refused(error.to_string()))?;
    if let Some(take_role) = config.take_role() {
        connection.batch_execute(&take_role).await.map_err(|error| ConnectFault::Role(error.to_string()))?;
    }
    Ok(connection)
}

async fn in_time<T>(
    config: &DatabaseConfig,
    opening: impl Future<Output = Result<T, ConnectFault>>,
) -> Result<T, ConnectFault> {
    tokio::time::timeout(config.connect_timeout(), opening)
        .await
        .unwrap_or(Err(ConnectFault::Timeout { limit_ms: config.connect_timeout_ms }))
}

/// The server's address and the settings to connect to it, with the certificates as they are now.
pub(super) struct Server {
    settings: Config,
    beginning: Beginning,
}

impl Server {
    fn of(config: &DatabaseConfig, fitness: Arc<Fitness>) -> Result<Self, ConnectFault> {
        let tls = TlsSettings::of(config).map_err(|error| ConnectFault::Settings(error.to_string()))?;
        let settings = config.parsed(&tls)?;
        let files = tls.client_config().map_err(|error| ConnectFault::Settings(error.to_string()))?;
        let beginning = Beginning {
            mode: tls.mode,
            tls: MakeRustlsConnect::new(files),
            fitness,
            answer_limit: config.answer_limit(),
        };
        Ok(Self { settings, beginning })
    }

    pub(super) async fn open(&self) -> Result<(Client, Connection<Socket, Stream>), ConnectFault> {
        let mut settings = self.settings.clone();
        if !self.is_local() {
            settings.ssl_mode(SslMode::Require).ssl_negotiation(SslNegotiation::Direct);
        }
        let opened = settings.connect(self.beginning.clone()).await.map_err(ConnectFault::from);
        match opened {
            // As libpq: `prefer` falls back to a plain connection.
            Err(ConnectFault::Tls(problem)) if self.beginning.mode == TlsMode::Prefer => {
                tracing::debug!(problem, "no encrypted connection to PostgreSQL: connecting without");
                let plain = Beginning { mode: TlsMode::Disable, ..self.beginning.clone() };
                Ok(settings.connect(plain).await?)
            }
            opened => opened,
        }
    }

    /// Opens a Unix-domain socket here, because the driver's own stream cannot be watched. The driver then passes no
    /// notifications on, which the pool does not need.
    async fn open_socket(&self, path: &std::path::Path) -> Result<AsyncPgConnection, ConnectFault> {
        let stream = UnixStream::connect(path).await.map_err(|error| {
            let problem = without_error_number(&error.to_string());
            ConnectFault::Unreachable(format!("{}: {problem}", path.display()))
        })?;
        let (client, connection) = self
            .settings
            .connect_raw(self.beginning.watch(stream), NoTls)
            .await
            .map_err(ConnectFault::from)?;
        // This task ends with the client.
        tokio::spawn(connection);
        Ok(AsyncPgConnection::try_from(client).await?)
    }

    /// Whether nothing leaves the machine. The same check in `DatabaseConfig::parsed` turns encryption off.
    fn is_local(&self) -> bool {
        self.settings.get_hostaddrs().is_empty()
            && self.settings.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)))
    }

    /// Returns the path of the first Unix-domain socket, if there are no other hosts.
    fn socket(&self) -> Option<std::path::PathBuf> {
        match self.settings.get_hosts().first() {
            Some(Host::Unix(directory)) if self.is_local() => {
                Some(directory.join(format!(".s.PGSQL.{}", self.port())))
            }
            _ => None,
        }
    }

    /// Returns the hosts and ports as a text, for comparisons.
    pub(super) fn address(&self) -> String {
        format!("{:?} {:?}", self.settings.get_hosts(), self.settings.get_ports())
    }

    /// Returns the port, which is that of the first host if there are several.
    pub(super) fn port(&self) -> u16 {
        self.settings.get_ports().first().copied().unwrap_or(5432)
    }
}
