//! The stream to a mail server: TCP, TLS on top of it where it is wanted, and on top of that the server's answers in a form
//! that lettre understands.
//!
//! lettre takes an answer that is not UTF-8 for a broken connection, so that an accepted e-mail would be sent again, and it
//! reads a line without an end as long as there is memory. STARTTLS is done here as well, since lettre would take what came
//! before the encryption for an answer that came after it.

use std::fmt::{Debug, Display};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::commands::{Ehlo, Starttls};
use lettre::transport::smtp::extension::{ClientId, Extension, ServerInfo};
use lettre::transport::smtp::response::Response;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::smtp::text_of;

/// The maximum length of one answer, in bytes and in lines. With each line, lettre reads all of them anew.
const MAX_ANSWER: usize = 64 * 1024;
const MAX_LINES: usize = 500;
/// How much of a line is kept, in bytes. lettre takes a longer one for no answer; RFC 5321 allows 512.
const MAX_LINE: usize = 900;
/// The length of an answer's code.
const CODE: usize = 3;
const CHUNK: usize = 4 * 1024;

/// Connects to the first of the host's addresses that answers in time.
pub(super) async fn dial(host: &str, port: u16, limit: Duration) -> io::Result<TcpStream> {
    let mut fault = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in tokio::net::lookup_host((host, port)).await? {
        match tokio::time::timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => fault = error,
            Err(_) => fault = io::Error::new(io::ErrorKind::TimedOut, "connection timed out"),
        }
    }
    Err(fault)
}

/// Begins TLS with a server whose certificate must be for this host.
pub(super) async fn encrypt(
    stream: TcpStream,
    host: &str,
    config: Arc<ClientConfig>,
) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| io::Error::other(format!("no certificate can be for the host {host}")))?;
    TlsConnector::from(config).connect(name, stream).await
}

/// A stream of which the answers can be read whatever the server sends:
///
/// - Lines are UTF-8, not longer than lettre takes, without blanks at their ends (of which lettre would panic), and end
///   with CR LF. A code may stand alone (RFC 5321, section 4.2).
/// - An answer that is longer than [`MAX_ANSWER`] or [`MAX_LINES`] is an error, and the stream of no use any more.
#[derive(Debug)]
pub(super) struct Answers<S> {
    stream: S,
    /// The line that has not ended yet.
    line: Vec<u8>,
    /// Lines that have not been read yet.
    ready: Vec<u8>,
    /// Bytes and lines that came since something was written.
    length: usize,
    lines: usize,
    is_too_long: bool,
}

impl<S> Answers<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, line: Vec::new(), ready: Vec::new(), length: 0, lines: 0, is_too_long: false }
    }

    /// For a server that does not greet again, as lettre expects: after STARTTLS.
    pub(super) fn greeted(stream: S) -> Self {
        Self { ready: b"220 encrypted\r\n".to_vec(), ..Self::new(stream) }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.length += bytes.len();
        self.is_too_long = self.length > MAX_ANSWER;
        if self.is_too_long {
            return;
        }
        for byte in bytes {
            if *byte != b'\n' {
                if self.line.len() < MAX_LINE {
                    self.line.push(*byte);
                }
                continue;
            }
            // Not longer than what came.
            let line = String::from_utf8_lossy(&self.line).replace(char::REPLACEMENT_CHARACTER, "?");
            let line = line.trim_end();
            self.ready.extend_from_slice(line.as_bytes());
            if line.len() == CODE {
                self.ready.push(b' ');
            }
            self.ready.extend_from_slice(b"\r\n");
            self.line.clear();
            self.lines += 1;
            if self.lines > MAX_LINES {
                self.is_too_long = true;
                return;
            }
        }
    }
}

fn too_long() -> io::Error {
    let text = format!("the server's answer is longer than {} KiB or {MAX_LINES} lines", MAX_ANSWER / 1024);
    io::Error::new(io::ErrorKind::InvalidData, text)
}

impl<S: AsyncRead + AsyncWrite + Unpin> Answers<S> {
    /// Goes as far as the server's word that it can encrypt.
    pub(super) async fn offering_tls(mut self, client: &ClientId) -> io::Result<Self> {
        self.answer().await?;
        let answer = self.ask(Ehlo::new(client.clone())).await?;
        let info = ServerInfo::from_response(&answer).map_err(io::Error::other)?;
        if !info.supports_feature(Extension::StartTls) {
            return Err(io::Error::other("the server does not offer STARTTLS, which mail.url demands"));
        }
        Ok(self)
    }

    /// Returns the stream, on which the server now awaits TLS.
    pub(super) async fn start_tls(mut self) -> io::Result<S> {
        self.ask(Starttls).await?;
        Ok(self.stream)
    }

    async fn ask(&mut self, command: impl Display) -> io::Result<Response> {
        self.write_all(command.to_string().as_bytes()).await?;
        self.flush().await?;
        self.answer().await
    }

    /// Reads an answer that is no refusal, and after which nothing came: that might be somebody's who is not the server, and
    /// whom TLS would vouch for (CVE-2011-0411).
    async fn answer(&mut self) -> io::Result<Response> {
        let (mut text, mut begin) = (Vec::new(), 0);
        loop {
            let byte = self.read_u8().await.map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => io::Error::other("the server closed the connection"),
                _ => error,
            })?;
            text.push(byte);
            if byte == b'\n' {
                if text.get(begin + CODE) != Some(&b'-') {
                    break;
                }
                begin = text.len();
            }
        }
        if !self.ready.is_empty() || !self.line.is_empty() {
            return Err(io::Error::other("the server says more than it was asked"));
        }
        let answer = String::from_utf8_lossy(&text).parse::<Response>().map_err(io::Error::other)?;
        if answer.is_positive() { Ok(answer) } else { Err(io::Error::other(text_of(&answer))) }
    }
}

impl<S: AsyncRead + AsyncWrite + Debug + Send + Sync + Unpin + 'static> Answers<S> {
    /// Hears the greeting, says EHLO, and leaves the rest to lettre.
    pub(super) async fn hello(self, client: &ClientId) -> io::Result<AsyncSmtpConnection> {
        AsyncSmtpConnection::connect_with_transport(Box::new(self), client).await.map_err(|error| {
            let kind = if error.is_timeout() { io::ErrorKind::TimedOut } else { io::ErrorKind::Other };
            io::Error::new(kind, error)
        })
    }
}

impl<S: AsyncRead + AsyncWrite + Debug + Send + Sync + Unpin> AsyncTokioStream for Answers<S> {
    /// lettre does not ask.
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Answers<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.ready.is_empty() {
            if this.is_too_long {
                return Poll::Ready(Err(too_long()));
            }
            let mut bytes = [0_u8; CHUNK];
            let mut came = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut came))?;
            if came.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.take(came.filled());
        }
        let count = buffer.remaining().min(this.ready.len());
        buffer.put_slice(&this.ready[..count]);
        this.ready.drain(..count);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Answers<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.is_too_long {
            return Poll::Ready(Err(too_long()));
        }
        let count = ready!(Pin::new(&mut this.stream).poll_write(cx, bytes))?;
        if count > 0 {
            (this.length, this.lines) = (0, 0);
        }
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use lettre::transport::smtp::commands::Noop;
    use tokio::io::{AsyncBufReadExt, BufReader, DuplexStream};

    use super::*;

    fn latin_1(text: &str) -> Vec<u8> {
        text.chars().map(|c| u8::try_from(u32::from(c)).expect("a byte")).collect()
    }

    /// A stream from a server that says each of these in ISO-8859-1, the first at once, the others each after a line of the
    /// client.
    fn server(answers: &[&str]) -> Answers<DuplexStream> {
        let (ours, theirs) = tokio::io::duplex(1024 * 1024);
        let answers: Vec<Vec<u8>> = answers.iter().map(|text| latin_1(text)).collect();
        tokio::spawn(async move {
            let mut theirs = BufReader::new(theirs);
            for answer in answers {
                if theirs.write_all(&answer).await.is_err() {
                    return;
                }
                // The client may have gone away.
                let _ = theirs.read_line(&mut String::new()).await;
            }
        });
        Answers::new(ours)
    }

    #[tokio::test]
    async fn lettre_understands_whatever_servers_say() {
        let long = format!("250 {}\r\n", "x".repeat(5_000));
        let stream = server(&[
            "220\r\n",
            "250-mail.example \r\n250-  \r\n250-\r\n250 8BITMIME\t\r\n",
            "250 Message accept\u{e9}\r\n",
            // In UTF-8.
            "250 \u{c3}\u{a0} bient\u{c3}\u{b4}t\r\n",
            "250\r\n",
            "250 ended as lines in Unix do\n",
            long.as_str(),
            "554 refus\u{e9}\r\n",
        ]);
        let mut smtp = stream.hello(&ClientId::default()).await.expect("a connection");
        assert!(smtp.server_info().supports_feature(Extension::EightBitMime));
        let kept = format!("250 {}", "x".repeat(496));
        let unix = "250 ended as lines in Unix do";
        for expected in ["250 Message accept?", "250 à bientôt", "250 ", unix, kept.as_str()] {
            let answer = smtp.command(Noop).await.expect(expected);
            assert_eq!(text_of(&answer), expected);
        }
        let refused = smtp.command(Noop).await.expect_err("refused");
        assert_eq!(refused.status().map(u16::from), Some(554), "{refused}");
    }

    #[tokio::test]
    async fn an_answer_without_an_end_is_an_error_and_the_last_one() {
        for endless in [format!("250-{}", "A".repeat(2 * MAX_ANSWER)), "250-A\r\n".repeat(2 * MAX_LINES)] {
            let stream = server(&["220 ready\r\n", "250 mail.example\r\n", endless.as_str(), "250 ok\r\n"]);
            let mut smtp = stream.hello(&ClientId::default()).await.expect("a connection");
            for _ in 0..2 {
                let error = smtp.command(Noop).await.expect_err("too long");
                assert!(error.to_string().contains("longer than 64 KiB"), "{error}");
                assert_eq!(error.status(), None);
            }
        }
        let greeting = "A".repeat(2 * MAX_ANSWER);
        let error = server(&[greeting.as_str()]).hello(&ClientId::default()).await.err().expect("too long");
        assert!(error.to_string().contains("longer than 64 KiB"), "{error}");
    }

    #[tokio::test]
    async fn answers_may_be_longer_together_than_one_of_them() {
        let long = format!("250-{0}\r\n250 {0}\r\n", "A".repeat(MAX_ANSWER / 3));
        let mut stream = server(&["220 ready\r\n", long.as_str(), long.as_str(), long.as_str()]);
        stream.answer().await.expect("a greeting");
        for _ in 0..3 {
            stream.ask(Noop).await.expect("an answer");
        }
    }

    /// How far STARTTLS goes with such a server.
    async fn started(answers: &[&str]) -> io::Result<DuplexStream> {
        server(answers).offering_tls(&ClientId::default()).await?.start_tls().await
    }

    #[tokio::test]
    async fn tls_begins_where_the_server_is_ready_for_it_and_nothing_came_before() {
        let (greeting, offer) = ("220-mail\r\n220 ready\r\n", "250-mail.example\r\n250 STARTTLS\r\n");
        started(&[greeting, offer, "220 go ahead\r\n"]).await.expect("TLS");
        let endless = "250-A\r\n".repeat(MAX_ANSWER);
        let cases: [(&[&str], &str); 8] = [
            (&["554 not you\r\n"], "554 not you"),
            (&["HTTP/1.1 400 Bad Request\r\n"], "response error"),
            (&[greeting, "250 mail.example\r\n"], "does not offer STARTTLS"),
            (&[greeting, offer, "454 not now\r\n"], "454 not now"),
            (&[greeting, offer, "220 go ahead\r\n250 STARTTLS\r\n"], "more than it was asked"),
            (&[greeting, offer, "220 go ahead\r\n250 AUTH"], "more than it was asked"),
            (&[greeting, offer], "closed the connection"),
            (&[greeting, endless.as_str()], "longer than 64 KiB"),
        ];
        for (answers, problem) in cases {
            let error = started(answers).await.expect_err(problem);
            assert!(error.to_string().contains(problem), "{error}");
        }
    }

    #[tokio::test]
    async fn after_starttls_the_greeting_is_ours_and_the_next_answer_is_the_servers() {
        let answers = server(&["", "250-mail.example\r\n250 SMTPUTF8\r\n"]);
        let smtp = Answers::greeted(answers.stream).hello(&ClientId::default()).await.expect("a connection");
        assert!(smtp.server_info().supports_feature(Extension::SmtpUtfEight));
    }
}
