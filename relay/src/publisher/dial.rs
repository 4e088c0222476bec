//! Connects to the broker, with or without TLS.
//!
//! The socket is opened here and handed to lapin when it is connected. A failed attempt of lapin's own leaves a task behind
//! (10 KiB each, for as long as the process lives), and every attempt fails while the broker is away.

use std::io::{self, ErrorKind as IoErrorKind};
use std::sync::{Mutex, PoisonError};

use async_compat::Compat;
use comptoir_core::platform::socket::Socket;
use lapin::runtime::default_runtime;
use lapin::tcp::{AsyncTcpStream, RustlsConnector};
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Connection, ConnectionProperties, Error, ErrorKind};
use tokio::net::{TcpStream, lookup_host};

use super::link::Link;
use crate::broker_reason;
use crate::config::BrokerConfig;
use crate::error::BrokerFault;

type Stream = AsyncTcpStream<Compat<TcpStream>>;

/// Connects with the certificates that are in their files now. The caller limits the time: an attempt that is dropped leaves
/// nothing behind.
pub(super) async fn dial(
    config: &BrokerConfig,
    properties: ConnectionProperties,
) -> Result<Link, BrokerFault> {
    let uri = config.uri().map_err(|problem| BrokerFault::Settings(format!("broker.url: {problem}")))?;
    let encrypted = uri.scheme == AMQPScheme::AMQPS;
    let stream = open(&uri).await.map_err(connect_fault)?;
    let socket = Socket::of(&stream).map_err(connect_fault)?;
    let mut stream = AsyncTcpStream::Plain(Compat::new(stream));
    if encrypted {
        let tls = config.tls().map_err(|error| BrokerFault::Settings(error.to_string()))?;
        stream = stream
            .into_rustls(&RustlsConnector::from(tls), &uri.authority.host)
            .await
            .map_err(|error| connect_fault(broker_reason::as_tls(error)))?;
    }
    match shake_hands(uri, stream, properties).await {
        Ok(connection) => Ok(Link::new(connection, socket)),
        Err(error) if encrypted && is_hang_up(&error) => Err(BrokerFault::HungUp(error)),
        Err(error) => Err(BrokerFault::Connect(error)),
    }
}

/// Connects to the first of the host's addresses that answers.
async fn open(uri: &AMQPUri) -> io::Result<TcpStream> {
    let mut last = io::Error::new(IoErrorKind::AddrNotAvailable, "the host has no address");
    for address in lookup_host((uri.authority.host.as_str(), uri.authority.port)).await? {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn shake_hands(
    uri: AMQPUri,
    stream: Stream,
    properties: ConnectionProperties,
) -> Result<Connection, Error> {
    // lapin asks for a stream once: it does not reconnect by itself unless it is configured to.
    let stream = Mutex::new(Some(stream));
    let hand_over = async move |_, _| {
        let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
        stream.take().ok_or_else(|| io::Error::from(IoErrorKind::NotConnected).into())
    };
    Connection::connector(uri, default_runtime()?, hand_over, properties).await
}

fn connect_fault(error: io::Error) -> BrokerFault {
    BrokerFault::Connect(error.into())
}

/// Whether the other side hung up. The server's reason, an alert, may be lost if bytes of ours were still on their way.
fn is_hang_up(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::IOError(error) if matches!(
        error.kind(),
        IoErrorKind::ConnectionReset
            | IoErrorKind::ConnectionAborted
            | IoErrorKind::BrokenPipe
            | IoErrorKind::UnexpectedEof
    ))
}
