//! The accounting export: entries of one fiscal year at most, day by day, in one snapshot.
//!
//! It is sent while it is read. What can refuse it is looked for before the first piece; a fault after it ends the file without its end, which no client takes for one.

use std::collections::BTreeMap;
use std::time::Duration;

use diesel_async::AsyncPgConnection;
use tokio::sync::mpsc;

use super::accounts::Accounts;
use super::entries::{Entry, Journal};
use super::error::AccountingError;
use super::fec_rows::{self, Of};
use super::period::AccountingPeriod;
use super::{fec, queries};
use crate::accounts::tenants;
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;

/// How long an export may take in all, with a client that reads slowly. Between two pieces the database waits for
/// `database.idle_in_transaction_timeout_ms` at most.
const LIMIT: Duration = Duration::from_secs(600);
/// The size of a piece, in bytes.
const PIECE: usize = 64 * 1024;
/// The currency of French accounts.
const EURO: &str = "EUR";
/// The digits of a SIREN, which a SIRET begins with.
const SIREN: usize = 9;

/// An accounting export that can be made.
#[derive(Debug, Clone)]
pub struct FecFile {
    /// As the article calls it: `732829320FEC20261231.txt`.
    pub name: String,
    /// The company's time zone.
    zone: String,
    period: AccountingPeriod,
}

/// A piece of the file, or why it ends here.
pub type FecPiece = Result<Vec<u8>, Error>;

/// Finds out what an export is called, and whether it can be made.
///
/// # Errors
/// `NoSiren`, `NotInEuros`. Fails if the database cannot be reached.
pub async fn fec_file(
    db: &TenantDatabase,
    context: &RequestContext,
    period: AccountingPeriod,
) -> Result<FecFile, Error> {
    let tenant = tenants::get(db, context).await?;
    if tenant.currency != EURO {
        return Err(AccountingError::NotInEuros(tenant.currency).into());
    }
    let french = tenant.registration.filter(|known| matches!(known.scheme, "siren" | "siret"));
    let siren: String = french.ok_or(AccountingError::NoSiren)?.number.chars().take(SIREN).collect();
    Ok(FecFile { name: fec::file_name(&siren, period.last()), zone: tenant.time_zone, period })
}

/// Sends an export, piece by piece. Where nobody reads any more, it ends.
///
/// # Errors
/// `Unbalanced` if an entry does not balance. Fails if the database cannot be reached, or if it takes longer than ten minutes.
pub async fn write_fec(
    db: &TenantDatabase,
    context: &RequestContext,
    file: &FecFile,
    sender: &mpsc::Sender<FecPiece>,
) -> Result<(), Error> {
    let of = Of { tenant: context.tenant_id().uuid(), zone: &file.zone, period: file.period };
    let sink = Sink { sender, piece: Vec::with_capacity(PIECE) };
    db.read_and_send(context, LIMIT, async |connection| write(connection, of, sink).await).await
}

async fn write(connection: &AsyncPgConnection, of: Of<'_>, sink: Sink<'_>) -> Result<(), Error> {
    fec_rows::check(connection, of).await?;
    let accounts = queries::load(connection, of.tenant).await?;
    let letters = fec_rows::letters(connection, of).await?;
    let mut book = Book { accounts, numbers: BTreeMap::new(), sink };
    book.sink.write(&fec::header()).await?;
    for day in of.period.days() {
        let mut after = None;
        loop {
            let (documents, next) = fec_rows::documents(connection, of, day, after).await?;
            for (id, document) in &documents {
                let entry = Entry::of_document(document, &book.accounts, letters.get(id).cloned());
                book.enter(&entry).await?;
            }
            if next.is_none() {
                break;
            }
            after = next;
        }
        let mut after = None;
        loop {
            let (payments, next) = fec_rows::payments(connection, of, day, after).await?;
            for (id, paid) in &payments {
                let entry = Entry::of_payment(paid, &book.accounts, letters.get(id).cloned());
                book.enter(&entry).await?;
            }
            if next.is_none() {
                break;
            }
            after = next;
        }
    }
    book.sink.end().await
}

/// What was entered so far.
struct Book<'a> {
    accounts: Accounts,
    /// The last number of each journal.
    numbers: BTreeMap<Journal, u64>,
    sink: Sink<'a>,
}

impl Book<'_> {
    /// Enters an entry, unless it is of nothing.
    async fn enter(&mut self, entry: &Entry) -> Result<(), Error> {
        entry.check()?;
        if entry.lines.is_empty() {
            return Ok(());
        }
        let number = self.numbers.entry(entry.journal).or_default();
        *number += 1;
        let lines = fec::lines(entry, *number);
        self.sink.write(&lines).await
    }
}

/// Where the file goes, a piece at a time.
struct Sink<'a> {
    sender: &'a mpsc::Sender<FecPiece>,
    piece: Vec<u8>,
}

impl Sink<'_> {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() < PIECE {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        self.send(piece).await
    }

    async fn end(mut self) -> Result<(), Error> {
        let rest = std::mem::take(&mut self.piece);
        self.send(rest).await
    }

    /// # Errors
    /// Fails if nobody reads any more; nobody sees that error either.
    async fn send(&self, piece: Vec<u8>) -> Result<(), Error> {
        self.sender.send(Ok(piece)).await.map_err(|_| Error::NoOutcome)
    }
}
