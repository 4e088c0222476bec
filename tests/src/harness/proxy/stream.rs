//! One direction of a connection: bytes that were read wait in a queue until they are due and the valve is open.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::Valve;

const CHUNK_BYTES: usize = 64 * 1024;
/// The most chunks, of at most 64 KiB each, that are on their way in one direction. At the limit nothing more is read, and the
/// sender's own buffers fill, as with a network that does not answer.
pub(super) const QUEUED_CHUNKS: usize = 1024;

/// The connection was reset, not closed.
#[derive(Debug)]
pub(super) struct Reset;

enum Chunk {
    Bytes(Vec<u8>),
    Closed,
    Reset,
}

/// Passes bytes on until the sender closes its side. The close waits in the queue like the bytes, and is swallowed like them.
pub(super) async fn pass(
    from: impl AsyncRead + Unpin,
    to: impl AsyncWrite + Unpin,
    valve: watch::Receiver<Valve>,
    open: impl Fn(&Valve) -> bool,
) -> Result<(), Reset> {
    let (sender, queue) = mpsc::channel(QUEUED_CHUNKS);
    let ((), ended) = tokio::join!(read(from, sender, valve.clone()), write(to, queue, valve, open));
    ended
}

async fn read(
    mut from: impl AsyncRead + Unpin,
    queue: mpsc::Sender<(Instant, Chunk)>,
    valve: watch::Receiver<Valve>,
) {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let chunk = match from.read(&mut buffer).await {
            Ok(0) => Chunk::Closed,
            Ok(length) => Chunk::Bytes(buffer[..length].to_vec()),
            Err(_) => Chunk::Reset,
        };
        let last = !matches!(chunk, Chunk::Bytes(_));
        let due = Instant::now() + valve.borrow().delay;
        if queue.send((due, chunk)).await.is_err() || last {
            return;
        }
    }
}

async fn write(
    mut to: impl AsyncWrite + Unpin,
    mut queue: mpsc::Receiver<(Instant, Chunk)>,
    mut valve: watch::Receiver<Valve>,
    open: impl Fn(&Valve) -> bool,
) -> Result<(), Reset> {
    while let Some((due, chunk)) = queue.recv().await {
        if due > Instant::now() {
            tokio::time::sleep_until(due).await;
        }
        if valve.wait_for(|now| open(now)).await.is_err() {
            return Err(Reset);
        }
        // A receiver that is gone reports it in the other direction, whose valve may be shut. Here it is ignored.
        match chunk {
            Chunk::Bytes(bytes) => drop(to.write_all(&bytes).await),
            Chunk::Closed => drop(to.shutdown().await),
            Chunk::Reset => return Err(Reset),
        }
    }
    Ok(())
}
