//! Begins the stream of a connection: encrypts it, or leaves it plain, and wraps it in [`Watched`] either way.
//!
//! The driver would use a plain stream itself, so that it could not be watched. Therefore the driver is told that encryption
//! begins at once (`sslnegotiation=direct`). This module then does what libpq does: it asks the server first, and follows its
//! answer.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_postgres::Socket;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::fitness::Fitness;
use super::tls::TlsMode;
use super::wire::Watched;

/// `SSLRequest`: its length and its code (PostgreSQL's documentation, "Message Formats").
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
const YES: u8 = b'S';
const NO: u8 = b'N';

type Rustls = MakeRustlsConnect;
type Encrypted = <Rustls as MakeTlsConnect<Socket>>::Stream;

/// The settings for the stream of one connection.
#[derive(Clone)]
pub(super) struct Beginning {
    pub(super) mode: TlsMode,
    pub(super) tls: Rustls,
    pub(super) fitness: Arc<Fitness>,
    pub(super) answer_limit: Option<Duration>,
}

impl Beginning {
    pub(super) fn watch<S>(&self, stream: S) -> Watched<S> {
        Watched::new(stream, Arc::clone(&self.fitness), self.answer_limit)
    }
}

pub(super) struct Begin {
    beginning: Beginning,
    tls: <Rustls as MakeTlsConnect<Socket>>::TlsConnect,
}

impl MakeTlsConnect<Socket> for Beginning {
    type Stream = Watched<Stream>;
    type TlsConnect = Begin;
    type Error = <Rustls as MakeTlsConnect<Socket>>::Error;

    fn make_tls_connect(&mut self, host: &str) -> Result<Begin, Self::Error> {
        let tls = MakeTlsConnect::<Socket>::make_tls_connect(&mut self.tls, host)?;
        Ok(Begin { beginning: self.clone(), tls })
    }
}

impl TlsConnect<Socket> for Begin {
    type Stream = Watched<Stream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Watched<Stream>>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move {
            let stream = begin(self.beginning.mode, self.tls, socket).await?;
            Ok(self.beginning.watch(stream))
        })
    }
}

async fn begin(
    mode: TlsMode,
    tls: <Rustls as MakeTlsConnect<Socket>>::TlsConnect,
    mut socket: Socket,
) -> io::Result<Stream> {
    if mode == TlsMode::Disable {
        return Ok(Stream::Plain(socket));
    }
    let unanswered = |error: io::Error| io::Error::new(error.kind(), Unanswered(error));
    socket.write_all(&SSL_REQUEST).await.map_err(unanswered)?;
    match socket.read_u8().await.map_err(unanswered)? {
        YES => Ok(Stream::Encrypted(Box::new(tls.connect(socket).await?))),
        NO if mode == TlsMode::Prefer => Ok(Stream::Plain(socket)),
        NO => Err(io::Error::other(NotEncrypted)),
        _ => Err(unanswered(io::Error::new(io::ErrorKind::InvalidData, "this is no PostgreSQL server"))),
    }
}

/// The server did not answer whether it encrypts.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct Unanswered(io::Error);

/// The server cannot encrypt.
#[derive(Debug, thiserror::Error)]
#[error("server does not support TLS")]
pub(super) struct NotEncrypted;

pub(super) enum Stream {
    Plain(Socket),
    Encrypted(Box<Encrypted>),
}

impl TlsStream for Stream {
    fn channel_binding(&self) -> ChannelBinding {
        match self {
            Self::Plain(_) => ChannelBinding::none(),
            Self::Encrypted(stream) => stream.channel_binding(),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Encrypted(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Encrypted(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Encrypted(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Encrypted(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
