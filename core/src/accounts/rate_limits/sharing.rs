//! Shares the counts between replicas: each writes its own rows, and no row is written by two.

use std::sync::Mutex;
use std::time::Duration;

use diesel::sql_types::{Array, BigInt, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use futures::future::BoxFuture;
use uuid::Uuid;

use super::{Changed, RateLimiter, lock};
use crate::application::error::Error;
use crate::platform::database::Database;
use crate::services::{Description, Fault, Run, Service, Summary};

/// The maximum number of rows in one statement.
const BATCH: usize = 1_000;

const SHARED: &str = "comptoir_rate_limit_shared_total";
const FAILURES: &str = "comptoir_rate_limit_share_failures_total";

pub(super) fn describe_metrics() {
    metrics::describe_counter!(SHARED, "Rate limit counts written to the database for other replicas");
    metrics::describe_counter!(FAILURES, "Times that rate limit counts could not be shared");
    metrics::counter!(SHARED).increment(0);
    metrics::counter!(FAILURES).increment(0);
}

crate::statement! {
    /// Writes this replica's counts and returns what the others have, in the same order.
    struct Share<'a> {
        limits: &'a [&'a str] => Array<Text>,
        subjects: &'a [String] => Array<Text>,
        windows: &'a [i64] => Array<BigInt>,
        counts: &'a [i64] => Array<BigInt>,
        replica: Uuid => SqlUuid,
    } -> (BigInt,)
    = "WITH mine AS MATERIALIZED (
        SELECT limit_name, subject, window_number, requests, me.replica_id, place
        FROM unnest($1, $2, $3, $4) WITH ORDINALITY AS m (limit_name, subject, window_number, requests, place),
            (SELECT $5::uuid AS replica_id) AS me
    ), written AS (
        INSERT INTO rate_limit_counts AS c (limit_name, subject, window_number, replica_id, requests)
        SELECT limit_name, subject, window_number, replica_id, requests FROM mine
        ON CONFLICT (limit_name, subject, window_number, replica_id)
            DO UPDATE SET requests = excluded.requests, updated_at = excluded.updated_at
    )
    SELECT (SELECT COALESCE(sum(c.requests), 0)::bigint FROM rate_limit_counts AS c
        WHERE c.limit_name = mine.limit_name AND c.subject = mine.subject
            AND c.window_number = mine.window_number AND c.replica_id <> mine.replica_id)
    FROM mine ORDER BY place"
}

crate::statement! {
    /// Deletes old rows, by the time of their last change on the database's clock: no replica's clock decides about
    /// another one's rows.
    struct Prune<'a> { batch: i64 => BigInt }
    = "DELETE FROM rate_limit_counts WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM rate_limit_counts WHERE updated_at < now() - interval '3 minutes'
        LIMIT $1 FOR UPDATE SKIP LOCKED))"
}

/// The service `rate_limits`: shares the counts that have changed, every `rate_limits.share_interval_ms`. While nothing changes, or
/// all counts are small, it sends nothing. Without the database, every replica counts for itself.
#[derive(Debug)]
pub struct Sharing {
    limiter: RateLimiter,
    database: Database,
    /// The last window in which old rows were deleted.
    pruned_in: Mutex<Option<u64>>,
}

impl Sharing {
    pub fn new(limiter: RateLimiter, database: Database) -> Self {
        Self { limiter, database, pruned_in: Mutex::default() }
    }
}

impl Service for Sharing {
    fn describe(&self) -> Description {
        let every = Duration::from_millis(self.limiter.0.config.share_interval_ms);
        Description::every("rate_limits", "Shares the counts of rate limits between replicas", every).quiet()
    }

    fn run<'a>(&'a self, _run: &'a Run) -> BoxFuture<'a, Result<Summary, Fault>> {
        Box::pin(async move {
            let mut pruned_in = *lock(&self.pruned_in);
            let shared = self.limiter.share(&self.database, &mut pruned_in).await;
            *lock(&self.pruned_in) = pruned_in;
            match shared {
                Ok(()) => Ok(Summary::done()),
                Err(error) => {
                    metrics::counter!(FAILURES).increment(1);
                    Err(Fault::new(format_args!("every replica counts for itself: {error}")))
                }
            }
        })
    }
}

impl RateLimiter {
    /// Shares the changed counts. `pruned_in` is the last window in which old rows were deleted: this is done once in
    /// every window in which something is shared.
    async fn share(&self, database: &Database, pruned_in: &mut Option<u64>) -> Result<(), Error> {
        let changed = std::mem::take(&mut *lock(&self.0.to_share));
        let Some(window) = changed.iter().map(|changed| changed.window).max() else { return Ok(()) };
        // No replica needs the counts of a window that is over.
        let rows: Vec<Row> = changed.into_iter().filter(|one| one.window == window).map(Row::take).collect();
        for (at, batch) in rows.chunks(BATCH).enumerate() {
            if let Err(error) = self.share_batch(database, batch).await {
                self.put_back(&rows[at * BATCH..]);
                return Err(error);
            }
        }
        if *pruned_in != Some(window) {
            let mut connection = database.connection().await?;
            while Prune::new(BATCH as i64).execute(&mut connection).await? == BATCH {}
            *pruned_in = Some(window);
        }
        Ok(())
    }

    async fn share_batch(&self, database: &Database, batch: &[Row]) -> Result<(), Error> {
        let mut connection = database.connection().await?;
        let limits: Vec<&str> = batch.iter().map(|row| row.of.subject.limit_name()).collect();
        let subjects: Vec<String> = batch.iter().map(|row| row.of.subject.to_string()).collect();
        let windows: Vec<i64> = batch.iter().map(|row| row.of.window.cast_signed()).collect();
        let counts: Vec<i64> = batch.iter().map(|row| i64::from(row.admitted_here)).collect();
        let statement = Share::new(&limits, &subjects, &windows, &counts, self.0.replica);
        let elsewhere: Vec<(i64,)> = statement.load(&mut connection).await?;
        for (row, (elsewhere,)) in batch.iter().zip(elsewhere) {
            lock(&row.of.count).admitted_elsewhere = u32::try_from(elsewhere).unwrap_or(u32::MAX);
        }
        metrics::counter!(SHARED).increment(batch.len() as u64);
        Ok(())
    }

    /// Puts rows back for the next time, unless new requests have put them there meanwhile.
    fn put_back(&self, rows: &[Row]) {
        let is_absent = |row: &&Row| !std::mem::replace(&mut lock(&row.of.count).is_to_be_shared, true);
        // Before the list is locked: `admit_at` also locks the count first.
        let absent: Vec<Changed> = rows.iter().filter(is_absent).map(|row| row.of.clone()).collect();
        lock(&self.0.to_share).extend(absent);
    }
}

/// A count, with the number that is to be written.
struct Row {
    of: Changed,
    admitted_here: u32,
}

impl Row {
    /// Takes the number of a count. Requests that come later are shared the next time.
    fn take(of: Changed) -> Self {
        let mut count = lock(&of.count);
        count.is_to_be_shared = false;
        let admitted_here = count.admitted_here;
        drop(count);
        Self { of, admitted_here }
    }
}
