//! Keeps the rows of a file while it arrives.

use std::io::{self, Read};

use bytes::Bytes;
use comptoir_core::application::context::RequestContext;
use comptoir_core::application::error::Error;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::imports::{AbandonImport, BeginImport, ImportKind, ImportMode, StageRows};
use comptoir_core::values::ids::ImportId;
use comptoir_core::values::invalid::FieldError;
use futures::{Stream, StreamExt};
use tokio::sync::mpsc;

use super::read::{self, Format, Unreadable};

/// Rows that are kept by one statement, and about how many bytes of them.
const BATCH: usize = 500;
const BATCH_BYTES: usize = 1 << 20;
/// Batches that wait to be kept; behind them the file waits.
const BATCHES: usize = 2;
/// Pieces of the file that wait to be read.
const PIECES: usize = 8;

/// An import that begins.
#[derive(Debug)]
pub(crate) struct NewImport {
    pub(crate) kind: ImportKind,
    pub(crate) mode: ImportMode,
    pub(crate) format: Format,
    pub(crate) file_name: Option<String>,
}

/// Why the rows of a file were not kept.
#[derive(Debug)]
pub(crate) enum NotStaged<E> {
    /// The file is wrong.
    Refused(FieldError),
    /// The file could not be had.
    File(E),
    Failed(Error),
}

/// Reads a file, and keeps its rows as an import that is still to be submitted. Nothing of it stays if that fails. Returns the
/// import and the number of its rows.
///
/// # Errors
/// Fails if the file is wrong or breaks off, or if the database fails.
pub(crate) async fn stage<E>(
    executor: &Executor,
    context: &RequestContext,
    new: NewImport,
    file: impl Stream<Item = Result<Bytes, E>>,
) -> Result<(ImportId, i32), NotStaged<E>> {
    let id = ImportId::generate();
    let NewImport { kind, mode, format, file_name } = new;
    let begin = BeginImport { id, kind, mode, file_name };
    executor.run(context.clone(), begin).await.map_err(NotStaged::Failed)?;
    // If the client goes away, this future is dropped here: the import is deleted all the same.
    let abandoned = (executor.clone(), context.clone());
    let guard = scopeguard::guard(abandoned, move |(executor, context)| {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            if let Err(error) = executor.run(context, AbandonImport(id)).await {
                tracing::warn!(%error, import = %id, "an import that did not arrive stays until it is pruned");
            }
        });
    });
    let received = receive(executor, context, id, (format, kind), file).await;
    scopeguard::ScopeGuard::into_inner(guard);
    if received.is_err()
        && let Err(error) = executor.run(context.clone(), AbandonImport(id)).await
    {
        tracing::warn!(%error, import = %id, "an import that did not arrive stays until it is pruned");
    }
    received.map(|rows| (id, rows))
}

async fn receive<E>(
    executor: &Executor,
    context: &RequestContext,
    import: ImportId,
    (format, kind): (Format, ImportKind),
    file: impl Stream<Item = Result<Bytes, E>>,
) -> Result<i32, NotStaged<E>> {
    let (pieces, received) = mpsc::channel(PIECES);
    let (batches, mut read) = mpsc::channel(BATCHES);
    // Parsing is no work for a thread that serves requests.
    let reading = tokio::task::spawn_blocking(move || {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        let file = Pieces { received, piece: Bytes::new(), has_ended: false };
        let rows = read::rows(format, kind, file, |row| {
            bytes += row.len();
            batch.push(row);
            if batch.len() < BATCH && bytes < BATCH_BYTES {
                return true;
            }
            bytes = 0;
            batches.blocking_send(std::mem::take(&mut batch)).is_ok()
        })?;
        if !batch.is_empty() && batches.blocking_send(batch).is_err() {
            return Err(Unreadable::BrokenOff);
        }
        Ok(rows)
    });
    let feed = async {
        let mut file = std::pin::pin!(file);
        loop {
            let piece = tokio::select! {
                piece = file.next() => piece.transpose().map_err(NotStaged::File)?,
                // The reader has ended where it found a mistake.
                () = pieces.closed() => return Ok(()),
            };
            let is_end = piece.is_none();
            if pieces.send(piece).await.is_err() || is_end {
                return Ok(());
            }
        }
    };
    let keep = async {
        let mut first = 1;
        while let Some(rows) = read.recv().await {
            let number = i32::try_from(rows.len()).unwrap_or(i32::MAX);
            let stage = StageRows { import, first, rows };
            executor.run(context.clone(), stage).await.map_err(NotStaged::Failed)?;
            first += number;
        }
        // Otherwise the reader would wait for ever.
        drop(read);
        Ok(())
    };
    futures::try_join!(feed, keep)?;
    match reading.await {
        Ok(Ok(rows)) => Ok(i32::try_from(rows).unwrap_or(i32::MAX)),
        Ok(Err(Unreadable::Refused(error))) => Err(NotStaged::Refused(error)),
        Ok(Err(Unreadable::BrokenOff)) => Err(NotStaged::Failed(Error::NoOutcome)),
        Err(error) => Err(NotStaged::Failed(error.into())),
    }
}

/// The file, as the pieces come. `None` is its end; that the sender is gone is not.
struct Pieces {
    received: mpsc::Receiver<Option<Bytes>>,
    piece: Bytes,
    has_ended: bool,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() && !self.has_ended {
            match self.received.blocking_recv() {
                Some(Some(piece)) => self.piece = piece,
                Some(None) => self.has_ended = true,
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        let length = buffer.len().min(self.piece.len());
        buffer[..length].copy_from_slice(&self.piece.split_to(length));
        Ok(length)
    }
}
