//! Opens connections: the one way in which both binaries reach PostgreSQL.

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::tls::{TlsMode, TlsSettings};
use super::{ConnectFault, DatabaseConfig, pooling};

type Stream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

/// Opens one connection outside any pool, for an agent that keeps it. Its driver lives on the calling runtime.
///
/// # Errors
/// PostgreSQL does not answer within `connect_timeout_ms`, or refuses; no encrypted connection where one is asked for;
/// a pooler that does not give each connection a session of its own.
pub async fn connect(config: &DatabaseConfig) -> Result<AsyncPgConnection, ConnectFault> {
    let opening = async {
        let server = Server::of(config)?;
        pooling::check(&server).await?;
        let (client, connection) = server.open().await?;
        let mut connection = AsyncPgConnection::try_from_client_and_connection(client, connection).await?;
        let limits = config.session_limits();
        connection.batch_execute(&limits).await.map_err(|error| ConnectFault::Refused(error.to_string()))?;
        if let Some(take_role) = config.take_role() {
            connection
                .batch_execute(&take_role)
                .await
                .map_err(|error| ConnectFault::Role(error.to_string()))?;
        }
        Ok(connection)
    };
    tokio::time::timeout(config.connect_timeout(), opening)
        .await
        .unwrap_or(Err(ConnectFault::Timeout { limit_ms: config.connect_timeout_ms }))
}

/// Where to connect and how, with the certificates as they are now.
pub(super) struct Server {
    settings: Config,
    mode: TlsMode,
    tls: MakeRustlsConnect,
}

impl Server {
    fn of(config: &DatabaseConfig) -> Result<Self, ConnectFault> {
        let tls = TlsSettings::of(config).map_err(|error| ConnectFault::Settings(error.to_string()))?;
        let settings = config.parsed(&tls)?;
        let files = tls.client_config().map_err(|error| ConnectFault::Settings(error.to_string()))?;
        Ok(Self { settings, mode: tls.mode, tls: MakeRustlsConnect::new(files) })
    }

    pub(super) async fn open(&self) -> Result<(Client, Connection<Socket, Stream>), ConnectFault> {
        let opened = self.settings.connect(self.tls.clone()).await.map_err(ConnectFault::from);
        match opened {
            // As libpq: what is preferred is not insisted on.
            Err(ConnectFault::Tls(problem)) if self.mode == TlsMode::Prefer => {
                tracing::debug!(problem, "no encrypted connection to PostgreSQL: connecting without");
                let mut plain = self.settings.clone();
                plain.ssl_mode(SslMode::Disable);
                Ok(plain.connect(self.tls.clone()).await?)
            }
            opened => opened,
        }
    }

    /// Of the first host, where there are several.
    pub(super) fn port(&self) -> u16 {
        self.settings.get_ports().first().copied().unwrap_or(5432)
    }
}
