//! Reaches the broker, encrypted or not.

use std::io::ErrorKind as IoErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lapin::runtime::default_runtime;
use lapin::tcp::{AMQPUriTcpExt, RustlsConnector};
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Connection, ConnectionProperties, Error, ErrorKind};

use crate::broker_reason;
use crate::config::BrokerConfig;
use crate::error::BrokerFault;

/// With the certificates as they are in their files now. Bounded by whoever calls it.
pub(super) async fn dial(
    config: &BrokerConfig,
    properties: ConnectionProperties,
) -> Result<Connection, BrokerFault> {
    let uri = config.uri().map_err(|problem| BrokerFault::Settings(format!("broker.url: {problem}")))?;
    if uri.scheme == AMQPScheme::AMQP {
        return Connection::connect_uri(uri, properties).await.map_err(BrokerFault::Connect);
    }
    // lapin's own way would trust the system's authorities beside those that the settings name.
    let tls = config.tls().map_err(|error| BrokerFault::Settings(error.to_string()))?;
    let connector = RustlsConnector::from(tls);
    let runtime = default_runtime().map_err(BrokerFault::Connect)?;
    let encrypted = Arc::new(AtomicBool::new(false));
    let done = Arc::clone(&encrypted);
    let open = async move |uri: AMQPUri, runtime| {
        let host = uri.authority.host.clone();
        let plain = AMQPUri { scheme: AMQPScheme::AMQP, ..uri };
        let stream = plain.connect_async(&runtime).await?;
        let stream = stream.into_rustls(&connector, &host).await.map_err(broker_reason::as_tls)?;
        done.store(true, Ordering::Relaxed);
        Ok(stream)
    };
    Connection::connector(uri, runtime, open, properties).await.map_err(|error| {
        if encrypted.load(Ordering::Relaxed) && is_hang_up(&error) {
            BrokerFault::HungUp(error)
        } else {
            BrokerFault::Connect(error)
        }
    })
}

/// The server's reason, an alert, may be lost with what we had sent by then.
fn is_hang_up(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::IOError(error) if matches!(
        error.kind(),
        IoErrorKind::ConnectionReset
            | IoErrorKind::ConnectionAborted
            | IoErrorKind::BrokenPipe
            | IoErrorKind::UnexpectedEof
    ))
}
