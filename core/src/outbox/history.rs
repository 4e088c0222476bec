//! The daily partitions of `outbox_history`, which are created ahead and dropped when they are old. This is done by functions
//! of the schema that run with its owner's privileges.
//!
//! Nothing here may stall the relay, which inserts into the same table. A day is created as a separate table and then
//! attached. This does not lock the history but only its default partition, and only until PostgreSQL has seen that this has
//! no row of that day: either it is empty, or a constraint that was proven without a lock says so.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use diesel::sql_types::{BigInt, Bool, Date, Integer, Text, Timestamptz};
use diesel::{OptionalExtension, QueryResult};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

/// How long a claim to the upkeep holds if it is not renewed. Longer than any statement of the upkeep may take.
const CLAIM_SECONDS: i32 = 900;

/// How long a statement may take while its locks make the relay wait.
const LOCKED_AT_MOST_MS: u32 = 2000;

const PREFIX: &str = "outbox_history_";
const DAY_FORMAT: &str = "%Y_%m_%d";

crate::statement! {
    struct Claim<'a> { seconds: i32 => Integer, retention_days: i32 => Integer } -> (Timestamptz,)
    = "UPDATE relay_upkeep SET claimed_until = now() + make_interval(secs => $1), retention_days = $2
    WHERE task = 'history' AND claimed_until < now() RETURNING now()"
}

crate::statement! {
    struct Renew<'a> { seconds: i32 => Integer }
    = "UPDATE relay_upkeep SET claimed_until = now() + make_interval(secs => $1) WHERE task = 'history'"
}

crate::statement! {
    struct Release<'a> {} = "UPDATE relay_upkeep SET claimed_until = '-infinity' WHERE task = 'history'"
}

crate::statement! {
    struct Partitions<'a> {} -> (Text,)
    = "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'outbox_history'::regclass"
}

crate::statement! {
    struct DefaultState<'a> { before: DateTime<Utc> => Timestamptz } -> (Bool, Bool, BigInt)
    = "SELECT EXISTS (SELECT FROM outbox_history_default),
        EXISTS (SELECT FROM outbox_history_default WHERE published_at < $1),
        pg_relation_size('outbox_history_default') / current_setting('block_size')::bigint"
}

crate::statement! {
    struct ExcludeDay<'a> { day: NaiveDate => Date } = "SELECT outbox_history_exclude_day($1)"
}

crate::statement! {
    struct ProveExclusion<'a> { day: NaiveDate => Date } = "SELECT outbox_history_prove_exclusion($1)"
}

crate::statement! {
    struct EndExclusions<'a> {} = "SELECT outbox_history_end_exclusions()"
}

crate::statement! {
    /// Deletes by the table's blocks, not by its rows: every block is visited once, however many dead rows it holds.
    struct DeleteExpired<'a> {
        before: DateTime<Utc> => Timestamptz,
        from_block: i64 => BigInt,
        to_block: i64 => BigInt,
    }
    = "DELETE FROM outbox_history_default
    WHERE published_at < $1 AND ctid >= format('(%s,0)', $2::bigint)::tid AND ctid < format('(%s,0)', $3::bigint)::tid"
}

/// The state of the default partition.
#[derive(Debug, Clone, Copy, diesel::Queryable)]
pub struct DefaultPartition {
    pub has_rows: bool,
    pub has_expired: bool,
    pub blocks: i64,
}

/// Claims the upkeep for a quarter of an hour and returns the database's time; `None` if another relay has the claim. Whoever
/// reads the history learns how long it is kept.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn claim_upkeep(
    connection: &mut AsyncPgConnection,
    retention_days: u32,
) -> QueryResult<Option<DateTime<Utc>>> {
    let retention = i32::try_from(retention_days).unwrap_or(i32::MAX);
    let claimed: Option<(DateTime<Utc>,)> =
        Claim::new(CLAIM_SECONDS, retention).get_result(connection).await.optional()?;
    Ok(claimed.map(|(now,)| now))
}

/// Renews the claim for another quarter of an hour.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn renew_upkeep(connection: &mut AsyncPgConnection) -> QueryResult<()> {
    Renew::new(CLAIM_SECONDS).execute(connection).await.map(drop)
}

/// Ends the claim, so that another relay can take it.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn release_upkeep(connection: &mut AsyncPgConnection) -> QueryResult<()> {
    Release::new().execute(connection).await.map(drop)
}

/// Returns the days that have a partition. Partitions with other names were not created here and are left alone.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn days(connection: &mut AsyncPgConnection) -> QueryResult<Vec<NaiveDate>> {
    let names: Vec<(String,)> = Partitions::new().load(connection).await?;
    Ok(names.iter().filter_map(|(name,)| day_of(name)).collect())
}

/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn default_partition(
    connection: &mut AsyncPgConnection,
    expired_before: DateTime<Utc>,
) -> QueryResult<DefaultPartition> {
    DefaultState::new(expired_before).get_result(connection).await
}

/// Creates the partition of a day of which the default partition has no rows. Quick only if the default partition is
/// empty, or if it has the constraint of [`exclude_from_default`], which is dropped in the same transaction.
///
/// # Errors
/// Fails with a check violation if the default partition has such rows after all. Fails if a lock is not granted in time.
pub async fn create_day(connection: &mut AsyncPgConnection, day: NaiveDate) -> QueryResult<()> {
    limited(connection, &format!("SELECT outbox_history_make_day('{day}')")).await
}

/// Proves by a constraint that the default partition has no rows of a day. Until [`create_day`], the constraint refuses
/// such rows, so it is only for days that are not near.
///
/// # Errors
/// Fails with a check violation if there are such rows. Fails if a lock is not granted in time. The constraint may be left
/// behind.
pub async fn exclude_from_default(connection: &mut AsyncPgConnection, day: NaiveDate) -> QueryResult<()> {
    // This holds its lock only for a moment; the proof, which reads the table, does not block inserts.
    ExcludeDay::new(day).execute(connection).await?;
    ProveExclusion::new(day).execute(connection).await.map(drop)
}

/// Removes the constraints that [`exclude_from_default`] left behind when it was interrupted.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement, or if a lock is not granted in time.
pub async fn remove_leftovers(connection: &mut AsyncPgConnection) -> QueryResult<()> {
    EndExclusions::new().execute(connection).await.map(drop)
}

/// Drops the partition of a day with all its rows. Locks the whole history for a moment.
///
/// # Errors
/// Fails if a lock is not granted in time.
pub async fn drop_day(connection: &mut AsyncPgConnection, day: NaiveDate) -> QueryResult<()> {
    limited(connection, &format!("SELECT outbox_history_drop_day('{day}')")).await
}

/// Deletes expired rows of these blocks of the default partition, the last excluded; returns the number of rows.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn delete_expired(
    connection: &mut AsyncPgConnection,
    before: DateTime<Utc>,
    blocks: std::ops::Range<i64>,
) -> QueryResult<usize> {
    DeleteExpired::new(before, blocks.start, blocks.end).execute(connection).await
}

/// Returns the time at which a day begins.
pub fn start_of(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

/// Returns the time at which a day is over.
pub fn end_of(day: NaiveDate) -> DateTime<Utc> {
    start_of(day.checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX))
}

/// Executes a statement with a time limit, because the relay waits while the statement holds its locks.
async fn limited(connection: &mut AsyncPgConnection, statement: &str) -> QueryResult<()> {
    let limited = format!("SET LOCAL statement_timeout = {LOCKED_AT_MOST_MS}; {statement}");
    connection
        .transaction::<_, diesel::result::Error, _>(async |transaction| {
            transaction.batch_execute(&limited).await
        })
        .await
}

fn name_of(day: NaiveDate) -> String {
    format!("{PREFIX}{}", day.format(DAY_FORMAT))
}

fn day_of(name: &str) -> Option<NaiveDate> {
    let day = NaiveDate::parse_from_str(name.strip_prefix(PREFIX)?, DAY_FORMAT).ok()?;
    // `2026_1_5` parses too, but is not a name that `name_of` gives.
    (name_of(day) == name).then_some(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_over_when_the_next_one_begins() {
        let day = NaiveDate::from_ymd_opt(2026, 12, 31).expect("a day");
        assert_eq!(start_of(day).to_rfc3339(), "2026-12-31T00:00:00+00:00");
        assert_eq!(end_of(day).to_rfc3339(), "2027-01-01T00:00:00+00:00");
    }

    #[test]
    fn a_day_is_read_from_its_partition_and_from_no_other() {
        let day = NaiveDate::from_ymd_opt(2026, 1, 5).expect("a day");
        assert_eq!(day_of(&name_of(day)), Some(day));
        for other in
            ["outbox_history_default", "outbox_history_2026_1_5", "outbox_history_2026_02_30", "orders"]
        {
            assert_eq!(day_of(other), None, "{other}");
        }
    }
}
