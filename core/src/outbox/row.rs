//! An event as the relay reads it, and the snapshot in which it was visible.

use chrono::{DateTime, Utc};
use diesel::Queryable;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::pg::{Pg, PgValue};
use diesel::sql_types::{Json, Jsonb};
use uuid::Uuid;

/// A JSON document's text, as PostgreSQL sent it: never parsed here.
#[derive(Debug, Clone, FromSqlRow)]
pub struct JsonText(pub Vec<u8>);

impl FromSql<Json, Pg> for JsonText {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(value.as_bytes().to_vec()))
    }
}

impl FromSql<Jsonb, Pg> for JsonText {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        match value.as_bytes() {
            [1, text @ ..] => Ok(Self(text.to_vec())),
            _ => Err("unknown version of jsonb".into()),
        }
    }
}

/// An event as the relay reads it, in the order of the columns that [`super::fetch`] selects.
#[derive(Debug, Clone, Queryable)]
pub struct OutboxRow {
    pub seq: i64,
    pub id: Uuid,
    pub shard: i16,
    pub tenant_id: Uuid,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub aggregate_version: Option<i64>,
    pub event_type: String,
    pub schema_version: i16,
    pub payload: JsonText,
    pub headers: JsonText,
    pub occurred_at: DateTime<Utc>,
    pub retry_count: i32,
    #[diesel(deserialize_as = Option<i64>)]
    pub turn: Turn,
    /// The payload's size in bytes, if it exceeds the read's limit: then the payload stayed in the database.
    pub oversize: Option<i32>,
}

/// When an event may be published, as far as its row and those of its aggregate say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// After the events before it.
    Now,
    /// It was refused and waits this long for its next attempt, by the database's clock; 0 if it is due.
    Retry { wait_ms: u64 },
    /// It is held until an operator decides.
    UntilDecided,
    /// An earlier event of its aggregate was refused and is not settled.
    Behind,
}

impl Turn {
    /// Whether an attempt now would come too early, whatever else is known of the aggregate.
    pub fn is_later(self) -> bool {
        matches!(self, Self::Retry { wait_ms: 1.. } | Self::UntilDecided)
    }
}

/// From a statement's column: see `turn!` and `own_wait!` in [`super::fetch`].
impl From<Option<i64>> for Turn {
    fn from(column: Option<i64>) -> Self {
        match column {
            None => Self::Now,
            Some(i64::MAX) => Self::UntilDecided,
            Some(wait) => u64::try_from(wait).map_or(Self::Behind, |wait_ms| Self::Retry { wait_ms }),
        }
    }
}

impl OutboxRow {
    /// Returns the payload's size in bytes, wherever the payload is.
    pub fn payload_bytes(&self) -> usize {
        self.oversize.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(self.payload.0.len())
    }
}

/// The transactions that a statement saw. The rows that are visible to a later statement and were not to this one are
/// exactly those of transactions at or above `xmax` and those of `in_progress`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    pub xmax: i64,
    pub in_progress: Vec<i64>,
}

impl Snapshot {
    /// Returns a snapshot after which no row is new.
    pub fn of_everything() -> Self {
        Self { xmax: i64::MAX, in_progress: Vec::new() }
    }

    /// Whether the rows of a transaction that committed are visible to whoever saw this.
    pub fn sees(&self, transaction: i64) -> bool {
        transaction < self.xmax && !self.in_progress.contains(&transaction)
    }

    /// Parses PostgreSQL's text, `xmin:xmax:xid,xid,…`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ':').skip(1);
        let xmax = parts.next()?.parse().ok()?;
        let listed = parts.next()?;
        let in_progress =
            listed.split(',').filter(|xid| !xid.is_empty()).map(str::parse).collect::<Result<_, _>>().ok()?;
        Some(Self { xmax, in_progress })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_says_when_an_event_may_be_published_and_whether_that_is_later() {
        for (column, turn, is_later) in [
            (None, Turn::Now, false),
            (Some(0), Turn::Retry { wait_ms: 0 }, false),
            (Some(1), Turn::Retry { wait_ms: 1 }, true),
            (Some(i64::MAX - 1), Turn::Retry { wait_ms: i64::MAX.unsigned_abs() - 1 }, true),
            (Some(i64::MAX), Turn::UntilDecided, true),
            (Some(-1), Turn::Behind, false),
        ] {
            assert_eq!(Turn::from(column), turn, "{column:?}");
            assert_eq!(turn.is_later(), is_later, "{column:?}");
        }
    }

    #[test]
    fn after_a_snapshot_of_everything_nothing_is_new() {
        let all = Snapshot::of_everything();
        assert!(all.sees(0) && all.sees(i64::MAX - 1));
    }

    #[test]
    fn a_snapshot_is_read_from_its_text() {
        let busy = Snapshot { xmax: 20, in_progress: vec![10, 14] };
        assert_eq!(Snapshot::parse("10:20:10,14"), Some(busy));
        assert_eq!(Snapshot::parse("10:10:"), Some(Snapshot { xmax: 10, in_progress: vec![] }));
        assert_eq!(Snapshot::parse("nonsense"), None);
    }

    #[test]
    fn a_snapshot_sees_what_had_ended_below_its_end() {
        let snapshot = Snapshot { xmax: 20, in_progress: vec![10, 14] };
        let seen = [9, 10, 13, 14, 19, 20].map(|transaction| snapshot.sees(transaction));
        assert_eq!(seen, [true, false, true, false, true, false]);
    }
}
