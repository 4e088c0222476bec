//! Opens connections: the one way in which both binaries reach PostgreSQL.

use diesel_async::AsyncPgConnection;

use super::{ConnectFault, DatabaseConfig};

/// Opens one connection outside any pool, for an agent that keeps it. Its driver lives on the calling runtime.
///
/// # Errors
/// PostgreSQL does not answer within `connect_timeout_ms`, or refuses.
pub async fn connect(config: &DatabaseConfig) -> Result<AsyncPgConnection, ConnectFault> {
    let settings = config.parsed().map_err(|error| ConnectFault::Settings(error.to_string()))?;
    let opening = async {
        let (client, connection) = settings.connect(tokio_postgres::NoTls).await?;
        Ok(AsyncPgConnection::try_from_client_and_connection(client, connection).await?)
    };
    tokio::time::timeout(config.connect_timeout(), opening)
        .await
        .unwrap_or(Err(ConnectFault::Timeout { limit_ms: config.connect_timeout_ms }))
}
