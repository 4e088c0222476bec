//! Reads on a connection of its own, one statement at a time, while publishing and settling go on.

use comptoir_core::database::{self, DatabaseConfig};
use comptoir_core::outbox::overview::{self, Unread};
use comptoir_core::outbox::{self, AggregateRange, AggregateRows, Page};
use diesel::QueryResult;
use diesel_async::AsyncPgConnection;

use super::cursors::Next;
use super::event::AggregateKey;
use crate::answer::answered;
use crate::error::DatabaseFault;

/// Rows that are counted in each shard at most, beyond which their number is estimated: a metric must not cost more than
/// what it measures.
const COUNT_LIMIT: i64 = 200;
/// PostgreSQL counts these to a payload that it stores within the row.
const VALUE_HEADER_BYTES: i32 = 4;

/// What to read.
#[derive(Debug)]
pub(crate) enum Read {
    Next(Next),
    /// The rest of some aggregates, so many events of each at most.
    Rest {
        wanted: Vec<(AggregateKey, AggregateRange)>,
        limit: i64,
        max_bytes: i64,
    },
    /// How much there is in front of the cursors, for the metrics.
    CountUnread {
        shards: Vec<i16>,
        cursors: Vec<i64>,
    },
}

/// What was read.
#[derive(Debug)]
pub(crate) enum Found {
    Page(Page),
    Rows(AggregateRows),
    Unread(Unread),
}

/// A read that ended, with what it was asked for.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) read: Read,
    pub(crate) result: Result<Found, DatabaseFault>,
}

pub(crate) struct Fetcher {
    config: DatabaseConfig,
    /// Larger ones are not read: nobody's payload may fill the memory.
    max_payload_bytes: i32,
    connection: Option<AsyncPgConnection>,
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetcher").field("connected", &self.connection.is_some()).finish_non_exhaustive()
    }
}

impl Fetcher {
    pub(crate) fn new(config: DatabaseConfig, max_message_bytes: usize) -> Self {
        let max_payload_bytes =
            i32::try_from(max_message_bytes).unwrap_or(i32::MAX).saturating_add(VALUE_HEADER_BYTES);
        Self { config, max_payload_bytes, connection: None }
    }

    /// Reads, connecting first if need be. Takes and returns itself, so that it can run as a task.
    pub(crate) async fn read(mut self, read: Read) -> (Self, Finished) {
        let result = self.attempt(&read).await;
        if result.is_err() {
            self.connection = None;
        }
        (self, Finished { read, result })
    }

    async fn attempt(&mut self, read: &Read) -> Result<Found, DatabaseFault> {
        let connection = match &mut self.connection {
            Some(open) => open,
            closed => {
                let mut fresh = database::connect(&self.config).await?;
                answered(&self.config, outbox::prepare_reader(&mut fresh)).await?;
                closed.insert(fresh)
            }
        };
        answered(&self.config, found(connection, read, self.max_payload_bytes)).await
    }
}

async fn found(connection: &mut AsyncPgConnection, read: &Read, max_payload: i32) -> QueryResult<Found> {
    Ok(match read {
        Read::Next(Next::Page(request)) => {
            Found::Page(outbox::read_page(connection, request, max_payload).await?)
        }
        Read::Next(Next::New { since, shards, limit, max_bytes }) => {
            Found::Page(outbox::read_new(connection, since, shards, *limit, *max_bytes, max_payload).await?)
        }
        Read::Rest { wanted, limit, max_bytes } => {
            let ranges: Vec<_> = wanted.iter().map(|(_, range)| range.clone()).collect();
            Found::Rows(outbox::read_aggregates(connection, &ranges, *limit, *max_bytes, max_payload).await?)
        }
        Read::CountUnread { shards, cursors } => {
            Found::Unread(overview::unread(connection, shards, cursors, COUNT_LIMIT).await?)
        }
    })
}

impl Read {
    /// For metrics.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Next(Next::Page(_)) => "page",
            Self::Next(Next::New { .. }) => "new",
            Self::Rest { .. } => "rest",
            Self::CountUnread { .. } => "count",
        }
    }
}
