//! The stream of a client's connection, which takes no more requests from the client than the server answers.
//!
//! actix-web reads and decodes everything that a client has sent, up to 128 KiB at a time, while it still answers the
//! first request. A client that sends thousands of requests at once and reads nothing makes it hold megabytes. And it
//! waits forever for a client that does not read. So here:
//!
//! - nothing more is passed on to the server while it answers a request that has arrived ([`Gate`]), or while the
//!   client does not read what was written;
//! - bytes are passed on in small pieces, and the server handles each piece before the next one;
//! - a client that reads nothing for a while is cut off.
//!
//! Meanwhile the bytes wait in the kernel's buffer, whose size the kernel limits, and then with the client.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// The maximum number of bytes that are passed on at a time, and that are read ahead.
const PIECE: usize = 4 * 1024;

/// The gate of one connection, which is shut while a request that has arrived in full is being answered.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    is_shut: Cell<bool>,
    /// The task that waits to read.
    waiting: RefCell<Option<Waker>>,
}

impl Gate {
    /// Shuts the gate: the request has arrived in full. It opens again when the last [`Answering`] of the request is
    /// dropped.
    pub(crate) fn shut(&self) {
        self.is_shut.set(true);
    }

    fn open(&self) {
        self.is_shut.set(false);
        if let Some(waker) = self.waiting.take() {
            waker.wake();
        }
    }

    fn wait(&self, cx: &Context<'_>) {
        self.waiting.replace(Some(cx.waker().clone()));
    }
}

/// A request that is being answered: from when the server takes it up until its answer is written or given up.
#[derive(Debug)]
pub(crate) struct Answering(pub(crate) Rc<Gate>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.open();
    }
}

/// A client's connection.
#[derive(Debug)]
pub(crate) struct Guarded<S> {
    stream: S,
    gate: Rc<Gate>,
    /// The bytes that were read while the gate was shut.
    ahead: Vec<u8>,
    /// Whether the client sends no more.
    has_ended: bool,
    /// Bytes that were passed on since the server last had to wait.
    passed_on: usize,
    send_limit: Duration,
    /// The timer that runs while the client does not read what was written.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Guarded<S> {
    /// Guards a stream. `send_limit` is the time for which the client may read nothing of what was written.
    pub(crate) fn new(stream: S, send_limit: Duration) -> Self {
        Self {
            stream,
            gate: Rc::default(),
            ahead: Vec::new(),
            has_ended: false,
            passed_on: 0,
            send_limit,
            stalled: None,
        }
    }

    pub(crate) fn gate(&self) -> Rc<Gate> {
        Rc::clone(&self.gate)
    }
}

impl<S: AsyncRead + Unpin> Guarded<S> {
    /// Passes nothing on, but reads a little: otherwise the server would not notice that the client has gone.
    fn read_ahead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.has_ended && self.ahead.len() < PIECE {
            let mut piece = [0; PIECE];
            let mut read = ReadBuf::new(&mut piece[self.ahead.len()..]);
            match Pin::new(&mut self.stream).poll_read(cx, &mut read) {
                Poll::Pending => break,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(Ok(())) if read.filled().is_empty() => self.has_ended = true,
                Poll::Ready(Ok(())) => self.ahead.extend_from_slice(read.filled()),
            }
        }
        self.passed_on = 0;
        if self.has_ended && self.ahead.is_empty() {
            return Poll::Ready(Ok(()));
        }
        self.gate.wait(cx);
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.gate.is_shut.get() || this.stalled.is_some() {
            return this.read_ahead(cx);
        }
        if this.passed_on >= PIECE {
            // The server handles the bytes that it has before it gets more.
            this.passed_on = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let room = buffer.remaining().min(PIECE - this.passed_on);
        if !this.ahead.is_empty() {
            let count = this.ahead.len().min(room);
            buffer.put_slice(&this.ahead[..count]);
            this.ahead.drain(..count);
            if this.ahead.is_empty() {
                this.ahead = Vec::new();
            }
            this.passed_on += count;
            return Poll::Ready(Ok(()));
        }
        if this.has_ended {
            return Poll::Ready(Ok(()));
        }
        let mut piece = [0; PIECE];
        let mut read = ReadBuf::new(&mut piece[..room]);
        match Pin::new(&mut this.stream).poll_read(cx, &mut read) {
            Poll::Ready(Ok(())) => {
                buffer.put_slice(read.filled());
                this.passed_on += read.filled().len();
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                this.passed_on = 0;
                Poll::Pending
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> Guarded<S> {
    /// Returns the result of a write, or an error if the client reads nothing for `send_limit`.
    fn watch<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            if self.stalled.take().is_some() {
                // Reading continues.
                self.gate.wait(cx);
                if !self.gate.is_shut.get() {
                    self.gate.open();
                }
            }
            return written;
        }
        let limit = self.send_limit;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        ready!(stalled.as_mut().poll(cx));
        let text = format!("the client read nothing for {} ms", limit.as_millis());
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, text)))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::Instant;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(2);
    const SOON: Duration = Duration::from_millis(100);

    #[tokio::test]
    async fn nothing_is_passed_on_while_a_request_is_answered() {
        let (ours, mut client) = duplex(64 * 1024);
        let mut guarded = Guarded::new(ours, LIMIT);
        let gate = guarded.gate();
        client.write_all(b"first").await.expect("sent");
        let mut buffer = [0; 64];
        assert_eq!(guarded.read(&mut buffer).await.expect("read"), 5);
        let answering = Answering(Rc::clone(&gate));
        gate.shut();
        client.write_all(b"second").await.expect("sent");
        let early = tokio::time::timeout(SOON, guarded.read(&mut buffer)).await;
        assert!(early.is_err(), "the first is not answered yet");
        let reading = async { guarded.read(&mut buffer).await.expect("read") };
        let finishing = async {
            tokio::task::yield_now().await;
            drop(answering);
        };
        let (count, ()) = tokio::join!(reading, finishing);
        assert_eq!(&buffer[..count], b"second", "whoever waited was woken");
    }

    #[tokio::test]
    async fn a_client_that_goes_is_seen_while_its_request_is_answered() {
        let (ours, client) = duplex(64);
        let mut guarded = Guarded::new(ours, LIMIT);
        guarded.gate().shut();
        drop(client);
        assert_eq!(guarded.read(&mut [0; 8]).await.expect("ended"), 0);
    }

    #[tokio::test]
    async fn the_server_gets_small_pieces_and_everything_in_order() {
        let (ours, mut client) = duplex(1024 * 1024);
        let mut guarded = Guarded::new(ours, LIMIT);
        let sent: Vec<u8> = (0..100_000_u32).map(|number| number.to_le_bytes()[0]).collect();
        client.write_all(&sent).await.expect("sent");
        drop(client);
        let mut read = Vec::new();
        let mut buffer = vec![0; 128 * 1024];
        loop {
            // Reads as the server does: until there is nothing more for now.
            let mut at_once = 0;
            let count = loop {
                let polled = futures::poll!(std::pin::pin!(guarded.read(&mut buffer)));
                match polled {
                    Poll::Ready(result) => {
                        let count = result.expect("read");
                        at_once += count;
                        read.extend_from_slice(&buffer[..count]);
                        if count == 0 {
                            break Some(0);
                        }
                    }
                    Poll::Pending => break None,
                }
            };
            assert!(at_once <= PIECE, "{at_once}");
            if count.is_some() {
                break;
            }
        }
        assert_eq!(read, sent);
    }

    #[tokio::test]
    async fn a_client_that_reads_nothing_is_cut_off_and_nothing_is_read_from_it_meanwhile() {
        let (ours, mut client) = duplex(1024);
        let mut guarded = Guarded::new(ours, LIMIT);
        client.write_all(b"more").await.expect("sent");
        let begun = Instant::now();
        let error = guarded.write_all(&[0; 4096]).await.expect_err("cut off");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() >= LIMIT);
        assert!(tokio::time::timeout(SOON, guarded.read(&mut [0; 8])).await.is_err());
    }

    #[tokio::test]
    async fn a_client_that_reads_slowly_is_served() {
        let (ours, mut client) = duplex(1024);
        let mut guarded = Guarded::new(ours, LIMIT);
        let slowly = async {
            let mut read = 0;
            while read < 8 * 1024 {
                // In total, this takes longer than the limit.
                tokio::time::sleep(LIMIT / 4).await;
                read += client.read(&mut [0; 1024]).await.expect("read");
            }
            client.write_all(b"next").await.expect("sent");
        };
        let serving = async {
            guarded.write_all(&[0; 8 * 1024]).await.expect("written");
            let mut buffer = [0; 8];
            guarded.read(&mut buffer).await.expect("read")
        };
        let ((), count) = tokio::join!(slowly, serving);
        assert_eq!(count, 4);
    }
}
