//! Reads events on a connection of its own, one statement at a time, while publishing and settling go on.

use comptoir_core::outbox::overview::{self, Unread};
use comptoir_core::outbox::{
    self, AggregateRange, AggregateRows, Batch, ReadLimits, RefusedEvent, WaitingCount,
};
use comptoir_core::platform::database::{self, DatabaseConfig};
use diesel::QueryResult;
use diesel_async::AsyncPgConnection;

use super::cursors::Next;
use super::event::AggregateKey;
use crate::answer_timeout::answered;
use crate::error::DatabaseFault;

/// The most rows that are counted in each shard. A larger number is estimated, so that the metric stays cheap.
const COUNT_LIMIT: i64 = 200;
/// Refused events that are counted in each shard at most.
const WAITING_COUNT_LIMIT: i64 = 2000;
/// The header that PostgreSQL counts to the size of a payload that it stores within the row.
const VALUE_HEADER_BYTES: i32 = 4;

/// A read to do.
#[derive(Debug)]
pub(crate) enum Read {
    Next(Next),
    /// The rest of some aggregates, at most `limit` events of each.
    Rest {
        wanted: Vec<(AggregateKey, AggregateRange)>,
        limit: i64,
        scope: ReadLimits,
    },
    /// The refused events that are due first, a limited number of each shard, and none after `last_seq`.
    Waiting {
        takes: Vec<(i16, i32)>,
        last_seq: i64,
    },
    /// The number of events in front of the cursors, and of events that wait, for the metrics.
    Count {
        shards: Vec<i16>,
        cursors: Vec<i64>,
        waiting: bool,
    },
}

/// The result of a read.
#[derive(Debug)]
pub(crate) enum Found {
    Batch(Batch),
    Rows(AggregateRows),
    Waiting(Vec<RefusedEvent>),
    Count(Unread, WaitingCount),
}

/// A read that ended, with its result.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) read: Read,
    pub(crate) result: Result<Found, DatabaseFault>,
}

pub(crate) struct Fetcher {
    config: DatabaseConfig,
    connection: Option<AsyncPgConnection>,
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetcher").field("connected", &self.connection.is_some()).finish_non_exhaustive()
    }
}

impl Fetcher {
    pub(crate) fn new(config: DatabaseConfig) -> Self {
        Self { config, connection: None }
    }

    /// Reads, after connecting if necessary. Takes and returns itself, so that it can run as a task.
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
        answered(&self.config, found(connection, read)).await
    }
}

/// Returns the size of the largest payload that is read, so that no payload can fill the memory.
pub(super) fn max_payload_bytes(max_message_bytes: usize) -> i32 {
    i32::try_from(max_message_bytes).unwrap_or(i32::MAX).saturating_add(VALUE_HEADER_BYTES)
}

async fn found(connection: &mut AsyncPgConnection, read: &Read) -> QueryResult<Found> {
    Ok(match read {
        Read::Next(Next::Batch(request)) => Found::Batch(outbox::read_batch(connection, request).await?),
        Read::Next(Next::New { since, shards, limit, scope }) => {
            Found::Batch(outbox::read_new(connection, since, shards, *limit, *scope).await?)
        }
        Read::Rest { wanted, limit, scope } => {
            let ranges: Vec<_> = wanted.iter().map(|(_, range)| range.clone()).collect();
            Found::Rows(outbox::read_aggregates(connection, &ranges, *limit, *scope).await?)
        }
        Read::Waiting { takes, last_seq } => {
            Found::Waiting(outbox::read_waiting(connection, takes, *last_seq).await?)
        }
        Read::Count { shards, cursors, waiting } => {
            let unread = overview::unread(connection, shards, cursors, COUNT_LIMIT).await?;
            let waiting = match waiting {
                true => outbox::count_waiting(connection, shards, WAITING_COUNT_LIMIT).await?,
                false => WaitingCount::default(),
            };
            Found::Count(unread, waiting)
        }
    })
}

impl Read {
    /// Returns the read's name for metrics.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Next(Next::Batch(_)) => "page",
            Self::Next(Next::New { .. }) => "new",
            Self::Rest { .. } => "rest",
            Self::Waiting { .. } => "waiting",
            Self::Count { .. } => "count",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_that_is_as_large_as_a_message_may_be_is_read() {
        assert_eq!(max_payload_bytes(1000), 1004);
        assert_eq!(max_payload_bytes(usize::MAX), i32::MAX);
    }
}
