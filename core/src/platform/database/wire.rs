//! Watches the stream of a connection, and changes nothing on it:
//!
//! - which SQLSTATE comes with which text, which Diesel does not tell ([`super::sqlstate`]);
//! - whether an error of the server means that this session cannot be used any more ([`super::fitness`]);
//! - whether requests are answered at all. No kernel and no server notices a peer that acknowledges every byte and answers
//!   nothing, such as a load balancer whose server has gone. Here the stream then fails, and the waiting task gets the error.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};
use tokio_postgres::tls::{ChannelBinding, TlsStream};

use super::fitness::Fitness;
use super::frames::Frames;
use super::sqlstate;

/// Bytes of an error that are read. Code and text are at its beginning.
const MAX_ERROR: usize = 8 * 1024;

// Types of frames: PostgreSQL's documentation, "Message Formats".
const ERROR_RESPONSE: u8 = b'E';
const READY_FOR_QUERY: u8 = b'Z';
const QUERY: u8 = b'Q';
const SYNC: u8 = b'S';

pub(super) struct Watched<S> {
    stream: S,
    from_server: Frames,
    from_client: Frames,
    error: Vec<u8>,
    fitness: Arc<Fitness>,
    silence: Silence,
}

impl<S> Watched<S> {
    /// `answer_limit` is how long the server may be silent while a request is unanswered; `None` is without limit.
    pub(super) fn new(stream: S, fitness: Arc<Fitness>, answer_limit: Option<Duration>) -> Self {
        Self {
            stream,
            from_server: Frames::of_server(),
            from_client: Frames::of_client(),
            error: Vec::new(),
            fitness,
            silence: Silence { limit: answer_limit, unanswered: 0, since: Instant::now(), timer: None },
        }
    }

    fn came(&mut self, bytes: &[u8]) {
        self.silence.since = Instant::now();
        let Self { from_server, error, fitness, silence, .. } = self;
        from_server.follow(bytes, |part| match part.kind {
            ERROR_RESPONSE => {
                let room = MAX_ERROR.saturating_sub(error.len());
                error.extend_from_slice(&part.body[..part.body.len().min(room)]);
                if part.is_last {
                    if let Some((code, text)) = code_and_text(error) {
                        sqlstate::remember(code, text);
                        fitness.note(code);
                    }
                    error.clear();
                }
            }
            READY_FOR_QUERY if part.is_last => silence.unanswered = silence.unanswered.saturating_sub(1),
            _ => {}
        });
    }

    fn went(&mut self, bytes: &[u8]) {
        let silence = &mut self.silence;
        self.from_client.follow(bytes, |part| {
            if part.is_last && matches!(part.kind, QUERY | SYNC) {
                if silence.unanswered == 0 {
                    silence.since = Instant::now();
                }
                silence.unanswered += 1;
            }
        });
    }
}

/// Returns the fields `C` and `M` of an error. Each field is a type of one byte and a text that ends with a zero.
fn code_and_text(body: &[u8]) -> Option<(&str, &str)> {
    let field = |kind: u8| {
        let mut fields = body.split(|byte| *byte == 0);
        let text = fields.find_map(|field| field.strip_prefix(&[kind]))?;
        std::str::from_utf8(text).ok()
    };
    Some((field(b'C')?, field(b'M')?))
}

/// How long an answer has been awaited.
struct Silence {
    limit: Option<Duration>,
    /// Requests that the server has not finished.
    unanswered: u64,
    /// When the first of them was sent, or when bytes last came, whichever is later.
    since: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Silence {
    /// Returns the error once the silence has lasted too long; until then, the task is woken when that may be so.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let Some(limit) = self.limit else { return Poll::Pending };
        while self.unanswered > 0 {
            let ends = self.since + limit;
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(ends)));
            // The timer is left as it is while answers come, and set again only when it has run out.
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if Instant::now() >= ends {
                let text = format!("no answer within {} ms", limit.as_millis());
                return Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, text));
            }
            timer.as_mut().reset(ends);
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buffer) {
            Poll::Pending => self.silence.poll(cx).map(Err),
            ready => {
                self.came(&buffer.filled()[before..]);
                ready
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(count)) = written {
            self.went(&bytes[..count]);
            // A task that writes has already polled for input, and may not do so again before the answer comes.
            if let Poll::Ready(error) = self.silence.poll(cx) {
                return Poll::Ready(Err(error));
            }
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: TlsStream + Unpin> TlsStream for Watched<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.stream.channel_binding()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    use super::*;

    const SHORT: Duration = Duration::from_millis(200);

    fn watched(limit: Duration) -> (Watched<DuplexStream>, DuplexStream, Arc<Fitness>) {
        let (ours, theirs) = tokio::io::duplex(4096);
        let fitness = Arc::new(Fitness::alone());
        let mut watched = Watched::new(ours, Arc::clone(&fitness), Some(limit));
        // Past the start, in which a client's first message has no type.
        watched.from_client = Frames::of_server();
        (watched, theirs, fitness)
    }

    fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).expect("short");
        [&[kind][..], &length.to_be_bytes(), body].concat()
    }

    #[tokio::test]
    async fn what_is_asked_and_not_answered_ends_the_stream() {
        let (mut stream, _server, _) = watched(SHORT);
        stream.write_all(&frame(QUERY, b"SELECT 1\0")).await.expect("written");
        let asked = Instant::now();
        let error = stream.read_u8().await.expect_err("silence");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(asked.elapsed() >= SHORT);
    }

    #[tokio::test]
    async fn whoever_only_listens_may_wait_for_ever() {
        let (mut stream, mut server, _) = watched(SHORT);
        stream.write_all(&frame(QUERY, b"LISTEN x\0")).await.expect("written");
        server.write_all(&frame(READY_FOR_QUERY, b"I")).await.expect("answered");
        let mut answer = [0; 6];
        stream.read_exact(&mut answer).await.expect("read");
        assert!(tokio::time::timeout(SHORT * 5, stream.read_u8()).await.is_err(), "it still waits");
    }

    #[tokio::test]
    async fn an_answer_that_comes_in_pieces_may_take_long() {
        let limit = Duration::from_secs(2);
        let (mut stream, mut server, _) = watched(limit);
        for question in [frame(SYNC, b""), frame(SYNC, b"")] {
            stream.write_all(&question).await.expect("written");
        }
        for byte in frame(READY_FOR_QUERY, b"I") {
            // Longer than the limit in all.
            tokio::time::sleep(limit / 4).await;
            server.write_all(&[byte]).await.expect("answered");
            assert_eq!(stream.read_u8().await.expect("read"), byte);
        }
        let error = stream.read_u8().await.expect_err("the second question was not answered");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn codes_are_read_where_texts_cannot_be_understood() {
        let (mut stream, mut server, fitness) = watched(SHORT);
        let body =
            "SERREUR\0VERROR\0C25006\0Mne peut pas exécuter UPDATE dans une transaction en lecture seule\0\0";
        let sent = frame(ERROR_RESPONSE, body.as_bytes());
        server.write_all(&sent).await.expect("answered");
        let mut came = vec![0; sent.len()];
        stream.read_exact(&mut came).await.expect("read");
        assert_eq!(came, sent, "nothing is changed");
        assert!(!fitness.is_fit());
    }
}
