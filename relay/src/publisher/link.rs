//! A connection to the broker that can always be closed, whatever the broker does.
//!
//! lapin gives every connection a thread, which ends only with its socket. A dropped connection sends a close and waits for
//! the answer; a connection whose opening is given up waits for the broker's first frame. So each attempt to reach a silent
//! broker kept a thread, a socket and their memory. Here the socket has a second handle, which resets it.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use comptoir_core::platform::socket::Socket;
use lapin::Connection;

/// The limit on the wait for the broker's answer to a close.
const GOODBYE_LIMIT: Duration = Duration::from_secs(1);

/// An open connection. Dropping it resets the socket at once; [`Link::close`] closes it in an orderly way.
#[derive(Debug)]
pub(crate) struct Link {
    connection: Arc<Connection>,
    _socket: Socket,
}

impl Link {
    pub(super) fn new(connection: Connection, socket: Socket) -> Self {
        Self { connection: Arc::new(connection), _socket: socket }
    }

    /// Returns lapin's connection, for a task of this connection. It does not keep the connection open.
    pub(super) fn connection(&self) -> Arc<Connection> {
        Arc::clone(&self.connection)
    }

    /// Closes the connection by the protocol, so that the broker logs no warning; without an answer, resets the socket.
    pub(crate) async fn close(self) {
        let _ = tokio::time::timeout(GOODBYE_LIMIT, self.connection.close(200, "OK".into())).await;
    }
}

impl Deref for Link {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}
