//! Pages of one tenant's log, read in a transaction that is bound to the tenant, by a function of the schema that reads
//! nothing else.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::sql_types::{
    Array, BigInt, Integer, Json, Jsonb, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel::{QueryResult, Queryable};
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use super::event::{Entry, EventRow, FeedEvent, MAX_PAYLOAD};
use super::position::{Mark, Position};
use super::sight::{Selection, Sight};
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::outbox::{JsonText, Snapshot};

/// The maximum number of events that a statement looks at.
const LOOKED_AT: i32 = 500;
/// A page ends once its payloads have as many bytes as so many of the largest. `outbox_feed_page` knows the number.
const MAX_PAYLOADS: i32 = 16;
/// How many statements a page may take that finds nothing that is asked for.
const MAX_STATEMENTS: u32 = 20;

/// What a reading of the log gives.
#[derive(Debug, Clone)]
pub enum Reading {
    Page(Page),
    /// Events after this position may have been dropped from the history, or the position is of another database.
    Gone,
    /// The relay keeps no history: the log would have holes.
    Off,
}

/// A page of the log.
#[derive(Debug, Clone)]
pub struct Page {
    pub events: Vec<Arc<Entry>>,
    pub next: Position,
    /// Whether there was nothing more when it was read.
    pub is_last: bool,
}

crate::statement! {
    struct ReadPage<'a> {
        base_xmax: i64 => BigInt,
        base_running: &'a [i64] => Array<BigInt>,
        base_highest: i64 => BigInt,
        base_at: DateTime<Utc> => Timestamptz,
        upto: Option<&'a str> => Nullable<Text>,
        after_seq: Option<i64> => Nullable<BigInt>,
        types: &'a str => Text,
        sight: &'a str => Text,
        most_looked_at: i32 => Integer,
        most: i32 => Integer,
        most_payload: i32 => Integer,
    } -> (
        SmallInt, Nullable<BigInt>, Nullable<BigInt>, Nullable<Text>, Nullable<BigInt>, Nullable<Timestamptz>,
        Nullable<Integer>, Nullable<BigInt>, Nullable<SqlUuid>, Nullable<Text>, Nullable<SmallInt>, Nullable<Text>,
        Nullable<Text>, Nullable<BigInt>, Nullable<Timestamptz>, Nullable<Jsonb>, Nullable<Text>, Nullable<Json>
    )
    = "SELECT * FROM outbox_feed_page($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
}

#[derive(Debug, Queryable)]
struct Row {
    kind: i16,
    seq: Option<i64>,
    number: Option<i64>,
    snapshot: Option<String>,
    highest: Option<i64>,
    at: Option<DateTime<Utc>>,
    retention: Option<i32>,
    cluster: Option<i64>,
    id: Option<Uuid>,
    event_type: Option<String>,
    schema_version: Option<i16>,
    aggregate_type: Option<String>,
    aggregate_id: Option<String>,
    aggregate_version: Option<i64>,
    occurred_at: Option<DateTime<Utc>>,
    origin: Option<Value>,
    correlation_id: Option<String>,
    payload: Option<JsonText>,
}

impl Row {
    fn event(self, tenant_id: Uuid) -> Option<(i64, FeedEvent)> {
        let seq = self.seq?;
        let event = EventRow {
            transaction: 0,
            seq,
            id: self.id?,
            tenant_id,
            event_type: self.event_type?,
            schema_version: self.schema_version?,
            aggregate_type: self.aggregate_type?,
            aggregate_id: self.aggregate_id?,
            aggregate_version: self.aggregate_version,
            occurred_at: self.occurred_at?,
            origin: self.origin,
            correlation_id: self.correlation_id,
            payload: self.payload,
        };
        Some((seq, event.into()))
    }
}

/// What a statement found.
struct Found {
    /// The last event that was looked at, and how many were.
    last: Option<i64>,
    looked_at: i64,
    now: Mark,
    retention_days: Option<i32>,
    cluster: u32,
    events: Vec<(i64, FeedEvent)>,
    /// Whether there may be more, left out because these are large.
    is_heavy: bool,
}

/// Which page of the log.
#[derive(Debug, Clone, Copy)]
pub struct PageOf<'a> {
    pub after: &'a Position,
    /// Nothing that was committed after this position; `None` for everything up to now.
    pub upto: Option<&'a Position>,
    pub limit: u16,
}

/// Reads the events behind `after`, at most `limit`, as the caller may see them. A page without events is not the end of the
/// log: the next one begins further on.
///
/// # Errors
/// As every query: `Unauthenticated`, or the database cannot be reached.
pub async fn page(
    database: &TenantDatabase,
    context: &RequestContext,
    selection: &Selection,
    wanted: PageOf<'_>,
) -> Result<Reading, Error> {
    let mut position = wanted.after.clone();
    let (mut context, mut selection) = (Cow::Borrowed(context), Cow::Borrowed(selection));
    let mut statements = 0;
    loop {
        let reading = step(database, &context, &selection, PageOf { after: &position, ..wanted }).await?;
        if context.principal.is_outdated() {
            // Found while it was read: whoever lost a permission must not see by it.
            context = Cow::Owned(database.renewed(&context).await?);
            selection.to_mut().sight = Sight::of(context.principal.permissions);
            continue;
        }
        statements += 1;
        match reading {
            Reading::Page(page) if page.events.is_empty() && !page.is_last && statements < MAX_STATEMENTS => {
                position = page.next;
            }
            reading => return Ok(reading),
        }
    }
}

/// Returns where the log ends now; `None` if the relay keeps no history. What is read after this is at least as new.
///
/// # Errors
/// As every query: `Unauthenticated`, or the database cannot be reached.
pub async fn end(database: &TenantDatabase, context: &RequestContext) -> Result<Option<Position>, Error> {
    // A page behind everything that there can be: it has its head alone.
    let (behind, all) = (i64::MAX, ".");
    let statement =
        ReadPage::new(behind, &[], behind, Utc::now(), None, Some(behind), all, all, 1, 1, MAX_PAYLOAD);
    let tenant = context.tenant_id().uuid();
    let found = database
        .read(context, async |mut connection| Ok(found(statement.load(&mut connection).await?, tenant)?))
        .await?;
    Ok((found.retention_days != Some(0)).then(|| Position::at(found.cluster, found.now)))
}

async fn step(
    database: &TenantDatabase,
    context: &RequestContext,
    selection: &Selection,
    wanted: PageOf<'_>,
) -> Result<Reading, Error> {
    let (types, sight) = selection.regexes();
    let PageOf { after, limit, .. } = wanted;
    let Position { base, step, .. } = after;
    let upto = wanted.end().map(|upto| text_of(&upto.snapshot));
    let statement = ReadPage::new(
        base.snapshot.xmax,
        &base.snapshot.in_progress,
        base.highest,
        base.time(),
        upto.as_deref(),
        step.as_ref().map(|(_, seq)| *seq).or(after.is_from_start().then_some(0)),
        &types,
        &sight,
        LOOKED_AT,
        i32::from(limit),
        MAX_PAYLOAD,
    );
    let tenant = context.tenant_id().uuid();
    let found = database
        .read(context, async |mut connection| Ok(found(statement.load(&mut connection).await?, tenant)?))
        .await?;
    Ok(found.reading(wanted, selection))
}

impl PageOf<'_> {
    /// Returns the mark at which the step under way ends; `None` if that is now.
    fn end(&self) -> Option<&Mark> {
        self.after.step.as_ref().map(|(upto, _)| upto).or(self.upto.map(|upto| &upto.base))
    }
}

impl Found {
    fn reading(self, wanted: PageOf<'_>, selection: &Selection) -> Reading {
        let PageOf { after, upto: last, limit } = wanted;
        if self.retention_days == Some(0) {
            return Reading::Off;
        }
        if !after.is_from_start() && !self.holds(after) {
            return Reading::Gone;
        }
        let upto = wanted.end().unwrap_or(&self.now);
        let at = |seq| {
            let step = Some((upto.clone(), seq));
            Position { cluster: self.cluster, base: after.base.clone(), step }
        };
        let (next, is_last) = match (self.events.last(), self.last) {
            (Some((seq, _)), _) if self.is_heavy || self.events.len() >= usize::from(limit) => {
                (at(*seq), false)
            }
            (_, Some(last)) if self.looked_at >= i64::from(LOOKED_AT) => (at(last), false),
            // A step that was begun before may end at an older snapshot than the one that is wanted.
            _ => {
                let is_last = after.step.is_none() || last.is_some_and(|last| last.base == *upto);
                (Position::at(self.cluster, upto.clone()), is_last)
            }
        };
        let is_own =
            |event: &FeedEvent| selection.client_id.is_some() && selection.client_id == event.client_id;
        let others = self.events.iter().filter(|(_, event)| !is_own(event));
        let entry = |(seq, event): &(i64, FeedEvent)| Arc::new(Entry::new(event.clone(), &at(*seq)));
        let events = others.map(|found| entry(found).seen_by(selection.sight)).collect();
        Reading::Page(Page { events, next, is_last })
    }

    /// Whether everything after this position is still there.
    fn holds(&self, position: &Position) -> bool {
        let newest = position.step.as_ref().map_or(&position.base, |(upto, _)| upto);
        let kept = self.retention_days.map(|days| self.now.time() - TimeDelta::days(i64::from(days)));
        position.cluster == self.cluster
            && newest.snapshot.xmax <= self.now.snapshot.xmax
            && kept.is_none_or(|kept| position.base.time() >= kept)
    }
}

fn found(rows: Vec<Row>, tenant: Uuid) -> QueryResult<Found> {
    let mut rows = rows.into_iter();
    let head = rows.next().filter(|row| row.kind == 0).and_then(|row| {
        let snapshot = Snapshot::parse(row.snapshot.as_deref()?)?;
        let now = Mark { snapshot, highest: row.highest?, at: row.at?.timestamp() };
        Some((row.seq, row.number?, now, row.retention, folded(row.cluster?)))
    });
    let (last, looked_at, now, retention_days, cluster) =
        head.ok_or_else(|| diesel::result::Error::DeserializationError("a page without its head".into()))?;
    let rows: Vec<Row> = rows.collect();
    let bytes: usize =
        rows.iter().filter_map(|row| row.payload.as_ref()).map(|JsonText(text)| text.len()).sum();
    let is_heavy = i32::try_from(bytes).unwrap_or(i32::MAX) >= MAX_PAYLOADS * MAX_PAYLOAD;
    let events = rows.into_iter().filter_map(|row| row.event(tenant)).collect();
    Ok(Found { last, looked_at, now, retention_days, cluster, events, is_heavy })
}

/// A server's identifier, short.
pub(super) fn folded(identifier: i64) -> u32 {
    let bits = identifier.cast_unsigned();
    (bits ^ (bits >> 32)) as u32
}

/// Writes a snapshot as PostgreSQL does.
fn text_of(snapshot: &Snapshot) -> String {
    let Snapshot { xmax, in_progress } = snapshot;
    let mut running = in_progress.clone();
    running.sort_unstable();
    let xmin = running.as_slice().first().unwrap_or(xmax);
    let running: Vec<_> = running.iter().map(ToString::to_string).collect();
    format!("{xmin}:{xmax}:{}", running.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_written_as_it_is_read() {
        for text in ["10:20:10,14", "10:10:"] {
            assert_eq!(text_of(&Snapshot::parse(text).expect("a snapshot")), text);
        }
    }
}
