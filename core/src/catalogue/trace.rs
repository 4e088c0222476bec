//! What one correlation id went through: from the request through every reaction to the last consumer that is ours.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryResult;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use uuid::Uuid;

crate::statement! {
    struct Trace<'a> {
        correlation: &'a str => Text,
        since: DateTime<Utc> => Timestamptz,
        until: DateTime<Utc> => Timestamptz,
        most: i64 => BigInt,
    } -> (Timestamptz, Text, Nullable<SqlUuid>, Text, Text, Text, Nullable<BigInt>, Text)
    = "SELECT at, source, tenant_id, id, name, state, took_ms, detail FROM trace_correlation($1, $2, $3, $4)"
}

/// The window that is looked through if none is given: before and after the time that a UUIDv7 tells, and else before now.
const BEFORE: TimeDelta = TimeDelta::minutes(5);
const AFTER: TimeDelta = TimeDelta::hours(24);

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, diesel::Queryable)]
pub struct Step {
    pub at: DateTime<Utc>,
    /// `command`, `event`, `mail`, `projection`, `service`
    pub source: String,
    /// `None`: it belongs to no company.
    pub tenant_id: Option<Uuid>,
    pub id: String,
    pub name: String,
    pub state: String,
    /// From its beginning to its end.
    pub took_ms: Option<i64>,
    pub detail: String,
}

/// The times between which steps are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub since: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

impl Window {
    /// Returns the window that was given; what was not given follows from the time in the id, if it is a UUIDv7, or from `now`.
    pub fn of(
        id: &str,
        since: Option<DateTime<Utc>>,
        until: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Self {
        let began = Uuid::parse_str(id).ok().and_then(|id| id.get_timestamp()).and_then(|timestamp| {
            let (seconds, nanos) = timestamp.to_unix();
            DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
        });
        let (first, last) = match began {
            Some(began) => (began - BEFORE, began + AFTER),
            None => (now - AFTER, now + BEFORE),
        };
        Self { since: since.unwrap_or(first), until: until.unwrap_or(last) }
    }
}

/// Returns up to `most` steps, in the order of time.
///
/// # Errors
/// Fails if the database does not answer, or if the role may not.
pub async fn trace(
    connection: &mut AsyncPgConnection,
    id: &str,
    window: Window,
    most: i64,
) -> QueryResult<Vec<Step>> {
    Trace::new(id, window.since, window.until, most).load(connection).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_follows_from_the_time_in_the_id_or_else_from_now() {
        let now: DateTime<Utc> = "2026-06-01T12:00:00Z".parse().expect("a time");
        let began: DateTime<Utc> = "2026-03-01T00:00:00Z".parse().expect("a time");
        let timestamp = uuid::Timestamp::from_unix_time(began.timestamp().unsigned_abs(), 0, 0, 0);
        let id = Uuid::new_v7(timestamp).to_string();
        let window = Window::of(&id, None, None, now);
        assert_eq!((window.since, window.until), (began - BEFORE, began + AFTER));
        assert_eq!(Window::of("order-17", None, None, now).since, now - AFTER);
        assert_eq!(Window::of(&id, Some(now), None, now).since, now);
    }
}
