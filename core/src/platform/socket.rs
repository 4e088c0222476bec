//! A socket that can always be closed, whatever the library that reads from it and the other side do.

use std::os::fd::{AsFd, OwnedFd};

use rustix::net::{Shutdown, connect_unspec, shutdown};
use tokio::net::TcpStream;

/// A second handle to a socket. When it is dropped, the kernel discards the bytes that it has not sent, and reads and writes
/// on the socket fail.
#[derive(Debug)]
pub struct Socket(OwnedFd);

impl Socket {
    /// # Errors
    /// Fails if the process has no file descriptor left.
    pub fn of(stream: &TcpStream) -> std::io::Result<Self> {
        stream.as_fd().try_clone_to_owned().map(Self)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // On Linux this discards the send buffer and resets the connection; a shutdown would first send the buffer.
        if connect_unspec(&self.0).is_err() {
            let _ = shutdown(&self.0, Shutdown::Both);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        (client.expect("connected"), accepted.expect("accepted").0)
    }

    #[tokio::test]
    async fn whoever_reads_from_a_socket_that_is_broken_off_is_told() {
        let (mut client, _server) = pair().await;
        let socket = Socket::of(&client).expect("a descriptor");
        let reading = tokio::spawn(async move { client.read(&mut [0; 16]).await });
        drop(socket);
        let read = tokio::time::timeout(Duration::from_secs(10), reading).await.expect("at once");
        assert!(matches!(read.expect("no panic"), Ok(0) | Err(_)));
    }

    #[tokio::test]
    async fn what_waits_in_the_send_buffer_of_a_socket_that_is_broken_off_is_never_sent() {
        let (mut client, mut server) = pair().await;
        let socket = Socket::of(&client).expect("a descriptor");
        // The server does not read: its receive window closes, and the rest stays in the client's kernel.
        let mut sent = 0;
        while let Ok(Ok(bytes)) =
            tokio::time::timeout(Duration::from_millis(300), client.write(&[7; 65_536])).await
        {
            sent += bytes;
        }
        drop(socket);
        let (mut arrived, mut buffer) = (0, vec![0; 65_536]);
        let end = loop {
            match server.read(&mut buffer).await {
                Ok(0) => break Ok(()),
                Ok(bytes) => arrived += bytes,
                Err(error) => break Err(error),
            }
        };
        assert!(end.is_err(), "it was broken off, not ended");
        assert!(arrived < sent, "{arrived} of {sent} bytes arrived");
    }
}
