//! A connection to the broker.
//!
//! The socket is opened here, and handed to lapin when it is connected: a failed attempt of lapin's own leaves a task behind. A second
//! handle to it ends the connection whatever the broker does. The relay connects in the same way (`relay/src/publisher`).

use std::io::{self, ErrorKind};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_compat::Compat;
use comptoir_core::platform::socket::Socket;
use comptoir_core::values::printable::without_error_number;
use lapin::runtime::default_runtime;
use lapin::tcp::AsyncTcpStream;
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Connection, ConnectionProperties};
use tokio::net::{TcpStream, lookup_host};

use super::config::ProjectionsConfig;

/// The limit on the wait for the broker's answer to a close.
const GOODBYE_LIMIT: Duration = Duration::from_secs(1);
/// The end of RabbitMQ's answer to a wrong password.
const LOOK_THERE: &str = ". For details see the broker logfile.";

/// Why the broker could not be reached, or does not do what it is asked for. No message is at fault.
#[derive(Debug, thiserror::Error)]
pub(super) enum BrokerFault {
    #[error("{0}")]
    Io(String),
    #[error("{}", text(.0))]
    Client(#[from] lapin::Error),
    #[error("no answer within {0} ms")]
    NoAnswer(u128),
    #[error("the broker ended the delivery of messages: was the queue deleted?")]
    Ended,
    #[error("{0}")]
    Settings(String),
}

/// The error in the broker's or the system's own words.
fn text(error: &lapin::Error) -> String {
    match error.kind() {
        lapin::ErrorKind::IOError(error) => without_error_number(&error.to_string()),
        lapin::ErrorKind::ProtocolError(answer) => {
            answer.get_message().as_str().trim_end_matches(LOOK_THERE).to_owned()
        }
        _ => error.to_string(),
    }
}

impl From<io::Error> for BrokerFault {
    fn from(error: io::Error) -> Self {
        Self::Io(without_error_number(&error.to_string()))
    }
}

/// An open connection. Dropping it resets the socket at once; [`Link::close`] closes it in an orderly way.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) connection: Connection,
    _socket: Socket,
}

impl Link {
    /// Connects with the certificates that are in their files now.
    ///
    /// # Errors
    /// Fails if the broker does not answer within `projections.connect_timeout_ms`, or refuses.
    pub(super) async fn open(config: &ProjectionsConfig, name: &str) -> Result<Self, BrokerFault> {
        let limit = config.connect_timeout();
        tokio::time::timeout(limit, dial(config, name))
            .await
            .unwrap_or(Err(BrokerFault::NoAnswer(limit.as_millis())))
    }

    /// Closes the connection by the protocol, so that the broker logs no warning; without an answer, resets the socket.
    pub(super) async fn close(self) {
        let _ = tokio::time::timeout(GOODBYE_LIMIT, self.connection.close(200, "OK".into())).await;
    }
}

async fn dial(config: &ProjectionsConfig, name: &str) -> Result<Link, BrokerFault> {
    let settings = |problem: String| BrokerFault::Settings(format!("projections.url: {problem}"));
    let uri = config.uri().map_err(settings)?;
    let tcp = connect(&uri).await?;
    let socket = Socket::of(&tcp)?;
    let mut stream = AsyncTcpStream::Plain(Compat::new(tcp));
    if uri.scheme == AMQPScheme::AMQPS {
        let tls = config.tls().map_err(|error| BrokerFault::Settings(error.to_string()))?;
        stream = stream.into_rustls(&tls, &uri.authority.host).await?;
    }
    // lapin asks for a stream once: it does not connect again by itself unless it is configured to.
    let stream = Mutex::new(Some(stream));
    let hand_over = async move |_, _| {
        let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
        stream.take().ok_or_else(|| io::Error::from(ErrorKind::NotConnected).into())
    };
    let properties = ConnectionProperties::default().with_connection_name(name.to_owned().into());
    let connection = Connection::connector(uri, default_runtime()?, hand_over, properties).await?;
    Ok(Link { connection, _socket: socket })
}

/// Connects to the first of the host's addresses that answers.
async fn connect(uri: &AMQPUri) -> io::Result<TcpStream> {
    let mut last = io::Error::new(ErrorKind::AddrNotAvailable, "the host has no address");
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
