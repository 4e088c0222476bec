//! Keyset pages: a page starts after the last row of the previous page, whatever was inserted in between.

mod matching;
pub(crate) mod row_comparison;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) use self::matching::{Filter, Matching};
use crate::values::invalid::{FieldError, Fields, Invalid};

/// The maximum number of rows of one page.
pub const MAX_LIMIT: u8 = 200;
pub const DEFAULT_LIMIT: u8 = 50;
/// The maximum number of rows that a page looks at if no index serves all of its filters: see [`look_through`].
pub(crate) const MAX_LOOKED_AT: i64 = 5_000;
/// Makes PostgreSQL read by plain index scans only, until the end of the transaction.
pub(crate) const BY_INDEX_ONLY: &str = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off";
/// The maximum length of a number in a cursor, in bytes.
const MAX_DIGITS: usize = 40;
/// The maximum length of a cursor in bytes; ours are shorter.
const MAX_CURSOR: usize = 2_000;

/// One page of views, and the cursor of the next page if there is one. A page may hold fewer views than requested, or
/// none, and still have a next page.
#[derive(Debug)]
pub struct Page<T> {
    pub data: Vec<T>,
    pub next_cursor: Option<String>,
    /// The size of the whole list, if it was asked for.
    pub count: Option<Count>,
}

/// How many rows a list has, counted up to a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Count {
    #[schema(minimum = 0, maximum = 10_000)]
    pub value: i64,
    /// Whether that is all. If not, there are at least as many.
    pub exact: bool,
}

/// A range of times.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Period {
    /// Inclusive.
    pub from: Option<DateTime<Utc>>,
    /// Exclusive.
    pub before: Option<DateTime<Utc>>,
}

impl Period {
    /// Whether it contains every time.
    pub fn is_open(&self) -> bool {
        self.from.is_none() && self.before.is_none()
    }

    pub(crate) fn contains(&self, time: DateTime<Utc>) -> bool {
        self.from.is_none_or(|from| from <= time) && self.before.is_none_or(|before| time < before)
    }
}

impl<T> Page<T> {
    pub fn map<U>(self, view: impl FnMut(T) -> U) -> Page<U> {
        Page {
            data: self.data.into_iter().map(view).collect(),
            next_cursor: self.next_cursor,
            count: self.count,
        }
    }
}

/// A key by which a list can be sorted.
pub trait SortKey: Copy + PartialEq + 'static {
    /// Every key with its name in the query string. `-name` sorts in descending order.
    const NAMES: &'static [(&'static str, Self)];
    /// The sort if the client asks for none, as a client would write it.
    const DEFAULT: &'static str;

    /// Whether its values are times, not texts.
    fn is_time(self) -> bool;
}

/// A view that can be an element of a list.
pub(crate) trait Listed<K> {
    fn id(&self) -> Uuid;
    /// Returns the value by which a list with this key is sorted.
    fn sort_value(&self, key: K) -> SortValue;
}

/// A request for one page of a list.
#[derive(Debug, Clone)]
pub struct PageRequest<K> {
    limit: u8,
    sort: String,
    pub(crate) key: K,
    descending: bool,
    after: Option<(SortValue, Uuid)>,
}

/// The value by which one row of a list is sorted.
#[derive(Debug, Clone)]
pub(crate) enum SortValue {
    Text(String),
    Time(DateTime<Utc>),
}

impl From<&str> for SortValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<DateTime<Utc>> for SortValue {
    fn from(time: DateTime<Utc>) -> Self {
        Self::Time(time)
    }
}

/// The start of a page: after the row with this sort value and id.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    sort: String,
    value: String,
    id: Uuid,
}

impl<K: SortKey> PageRequest<K> {
    /// Reads the query parameters `limit`, `sort` and `cursor`.
    ///
    /// # Errors
    /// Fails if the limit is outside 1 to 200, if the sort does not exist, or if the cursor is not of this list in this
    /// sort.
    pub fn parse(
        limit: Option<i64>,
        sort: Option<&str>,
        cursor: Option<&str>,
    ) -> Result<Self, Vec<FieldError>> {
        let mut fields = Fields::default();
        let limit = fields.take("/query/limit", parse_limit(limit));
        let sort = sort.unwrap_or(K::DEFAULT);
        let parsed_sort = fields.take("/query/sort", parse_sort::<K>(sort));
        let request = limit.zip(parsed_sort).map(|(limit, (key, descending))| {
            let after =
                cursor.and_then(|cursor| fields.take("/query/cursor", parse_cursor(cursor, sort, key)));
            Self { limit, sort: sort.to_owned(), key, descending, after }
        });
        fields.finish(request)
    }

    /// Returns the number of rows to ask for: one more than the page holds, to learn whether there is a next page.
    pub(crate) fn rows(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// Whether there are more rows than the page holds.
    pub(crate) fn is_full<T>(&self, rows: &[T]) -> bool {
        rows.len() > usize::from(self.limit)
    }

    /// Returns the page's start in a column of texts.
    pub(crate) fn texts(&self) -> Start<String> {
        let after = match &self.after {
            Some((SortValue::Text(text), id)) => Some((text.clone(), *id)),
            _ => None,
        };
        Start::behind(self.descending, after)
    }

    /// Returns the page's start in a column of times.
    pub(crate) fn times(&self) -> Start<DateTime<Utc>> {
        let after = match &self.after {
            Some((SortValue::Time(time), id)) => Some((*time, *id)),
            _ => None,
        };
        Start::behind(self.descending, after)
    }

    /// Returns the operator that compares rows with an end that is part of the list. Together with the start of a walk whose first columns
    /// are the same, it is an equality; PostgreSQL does not take it for one, and so walks the index that begins with these columns.
    pub(crate) fn end(&self) -> &'static str {
        if self.descending { ">=" } else { "<=" }
    }

    /// Returns the page's start in a column of numbers, whose values in cursors are texts.
    pub(crate) fn numbers(&self) -> Start<BigDecimal> {
        let after = match &self.after {
            // A cursor that was changed begins at the beginning.
            Some((SortValue::Text(text), id)) if text.len() <= MAX_DIGITS => {
                text.parse().ok().map(|number| (number, *id))
            }
            _ => None,
        };
        Start::behind(self.descending, after)
    }

    /// Makes a page of these rows, which may be one more than the page holds.
    pub(crate) fn page<T: Listed<K>>(&self, rows: Vec<T>) -> Page<T> {
        self.page_up_to(None, rows)
    }

    /// Makes a page of rows that were searched only up to the row `edge`; without an edge, to the end of the list.
    pub(crate) fn page_up_to<T: Listed<K>>(&self, edge: Option<T>, mut rows: Vec<T>) -> Page<T> {
        let more = self.is_full(&rows);
        rows.truncate(usize::from(self.limit));
        let next_cursor = rows.last().filter(|_| more).or(edge.as_ref()).map(|last| self.cursor(last));
        Page { data: rows, next_cursor, count: None }
    }

    /// Sorts rows that come in no order by this column, and starts where the page starts.
    pub(crate) fn sorted<'a, Q, T>(
        &self,
        rows: Matching<'a, Q, T>,
        column: &'static str,
    ) -> Matching<'a, Q, T> {
        let start = Start::behind(self.descending, self.after.clone());
        let (operator, at) = start.split();
        rows.sorted(matching::Sorted { column, descending: self.descending, operator, at })
    }

    /// Shortens a page to its first rows. The next page begins behind them.
    pub(crate) fn shortened<T: Listed<K>>(&self, mut page: Page<T>, length: usize) -> Page<T> {
        if length < page.data.len() {
            page.data.truncate(length);
            page.next_cursor = page.data.last().map(|last| self.cursor(last));
        }
        page
    }

    /// Returns the request for the first page of the same list.
    pub(crate) fn first_page(&self) -> Self {
        Self { after: None, ..self.clone() }
    }

    /// Puts rows in the order of the list, which is sorted by time.
    pub(crate) fn sort_by_time<T: Listed<K>>(&self, rows: &mut [T]) {
        let key = |row: &T| match row.sort_value(self.key) {
            SortValue::Time(time) => (Some(time), row.id()),
            SortValue::Text(_) => (None, row.id()),
        };
        rows.sort_by_cached_key(key);
        if self.descending {
            rows.reverse();
        }
    }

    /// Whether rows of the period by which the list is sorted may follow this row.
    pub(crate) fn leads_on(&self, row: &impl Listed<K>, period: Option<Period>) -> bool {
        match (row.sort_value(self.key), period) {
            (SortValue::Time(time), Some(period)) => period.contains(time),
            _ => true,
        }
    }

    fn cursor(&self, last: &impl Listed<K>) -> String {
        let value = match last.sort_value(self.key) {
            SortValue::Text(text) => text,
            SortValue::Time(time) => time.to_rfc3339(),
        };
        let cursor = Cursor { sort: self.sort.clone(), value, id: last.id() };
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&cursor).unwrap_or_default())
    }
}

fn parse_limit(limit: Option<i64>) -> Result<u8, Invalid> {
    let Some(limit) = limit else { return Ok(DEFAULT_LIMIT) };
    u8::try_from(limit)
        .ok()
        .filter(|limit| (1..=MAX_LIMIT).contains(limit))
        .ok_or_else(|| Invalid::new("out_of_range", format!("limit must be from 1 to {MAX_LIMIT}")))
}

fn parse_sort<K: SortKey>(sort: &str) -> Result<(K, bool), Invalid> {
    let (name, descending) = sort.strip_prefix('-').map_or((sort, false), |name| (name, true));
    match K::NAMES.iter().find(|(known, _)| *known == name) {
        Some((_, key)) => Ok((*key, descending)),
        None => {
            let names: Vec<_> = K::NAMES.iter().map(|(name, _)| format!("{name}, -{name}")).collect();
            Err(Invalid::new("unknown_sort", format!("sort must be one of {}", names.join(", "))))
        }
    }
}

fn parse_cursor<K: SortKey>(cursor: &str, sort: &str, key: K) -> Result<(SortValue, Uuid), Invalid> {
    let read = || {
        let json = URL_SAFE_NO_PAD.decode(cursor).ok().filter(|_| cursor.len() <= MAX_CURSOR)?;
        let cursor: Cursor = serde_json::from_slice(&json).ok()?;
        // PostgreSQL has no U+0000, so nothing can be compared with it.
        if cursor.sort != sort || cursor.value.contains('\0') {
            return None;
        }
        let value = if key.is_time() {
            SortValue::Time(DateTime::parse_from_rfc3339(&cursor.value).ok()?.to_utc())
        } else {
            SortValue::Text(cursor.value)
        };
        Some((value, cursor.id))
    };
    read().ok_or_else(|| {
        Invalid::new(
            "bad_cursor",
            "cursor must be the next_cursor of the page before, asked for with the same sort",
        )
    })
}

/// The row of an index at which a page starts, and the direction in which it continues.
#[derive(Debug, Clone)]
pub(crate) struct Start<V> {
    pub(crate) descending: bool,
    at: Option<(V, Uuid)>,
    /// Whether the page includes that row, instead of starting after it.
    inclusive: bool,
}

impl<V> Start<V> {
    /// Returns the start at the first row of the index.
    pub(crate) fn first() -> Self {
        Self::behind(false, None)
    }

    fn behind(descending: bool, at: Option<(V, Uuid)>) -> Self {
        Self { descending, at, inclusive: false }
    }

    /// Returns the operator that compares the page's rows with the start, and the start; `None` is the very first row.
    pub(crate) fn split(self) -> (&'static str, Option<(V, Uuid)>) {
        let inclusive = self.inclusive || self.at.is_none();
        let operator = match (self.descending, inclusive) {
            (false, false) => ">",
            (false, true) => ">=",
            (true, false) => "<",
            (true, true) => "<=",
        };
        (operator, self.at)
    }
}

impl Start<DateTime<Utc>> {
    /// Moves the start into a period: not before `from` if ascending, earlier than `before` if descending.
    pub(crate) fn within(mut self, Period { from, before }: Period) -> Self {
        let at = self.at.map(|(time, _)| time);
        // No id comes before the nil UUID.
        if self.descending
            && let Some(before) = before
            && at.is_none_or(|at| at >= before)
        {
            self.at = Some((before, Uuid::nil()));
        } else if !self.descending
            && let Some(from) = from
            && at.is_none_or(|at| at < from)
        {
            (self.at, self.inclusive) = (Some((from, Uuid::nil())), true);
        }
        self
    }
}

/// Makes a boxed query return rows in the order of the index on (`$prefix`…, `$column`, `$id`). They begin at a
/// [`Start`] among the rows that have the given values in the prefix columns. After the last of these, other rows
/// follow: see [`Matching`].
///
/// The prefix is part of one comparison and of the order, instead of an equality beside them. With an equality, any
/// index on (…, `$column`, `$id`) would give the order as well, and PostgreSQL takes such an index if it believes that
/// every other row has the value. If those rows are all at the far end, it reads the whole list for one page.
macro_rules! walk {
    ($query:expr, $start:expr, [$($prefix:expr => $value:expr),*], $column:expr, $id:expr) => {{
        let (query, start) = ($query, $start);
        let descending = start.descending;
        let query = match start.split() {
            (operator, Some((value, last))) => query.filter($crate::platform::paging::row_comparison::compared(
                ($($prefix,)* $column, $id),
                operator,
                (
                    $($crate::platform::paging::row_comparison::of($prefix, $value),)*
                    $crate::platform::paging::row_comparison::of($column, value),
                    $crate::platform::paging::row_comparison::of($id, last),
                ),
            )),
            (_operator, None) => $crate::platform::paging::walk!(@first query, _operator, [$($prefix => $value),*]),
        };
        if descending {
            query.order(($($prefix.desc(),)* $column.desc(), $id.desc()))
        } else {
            query.order(($($prefix.asc(),)* $column.asc(), $id.asc()))
        }
    }};
    (@first $query:expr, $operator:expr, []) => { $query };
    (@first $query:expr, $operator:expr, [$($prefix:expr => $value:expr),+]) => {
        $query.filter($crate::platform::paging::row_comparison::compared(
            ($($prefix,)+),
            $operator,
            ($($crate::platform::paging::row_comparison::of($prefix, $value),)+),
        ))
    };
}
pub(crate) use walk;

/// Loads the rows of a page if no index serves all of its filters together. It looks at [`MAX_LOOKED_AT`] rows at most:
/// a page costs no more than that, however large the table is and however few of its rows match.
///
/// `$walk` makes a boxed query in the order of the best index, which loads every column that is filtered. `$matching`
/// narrows it to the rows that match. Returns the last row that was looked at, if the page is not full and more rows
/// may follow it, and the rows.
macro_rules! look_through {
    ($connection:expr, $request:expr, $walk:expr, $matching:expr) => {{
        let (mut connection, walk, matching) = ($connection, $walk, $matching);
        // With its statistics, PostgreSQL might read a whole table instead of a part of an index.
        diesel_async::SimpleAsyncConnection::batch_execute(
            &mut connection,
            $crate::platform::paging::BY_INDEX_ONLY,
        )
        .await?;
        let rows = matching(walk().limit($crate::platform::paging::MAX_LOOKED_AT), $request.rows());
        let rows: Vec<_> = rows.load(&mut connection).await?;
        let last = if $request.is_full(&rows) {
            None
        } else {
            let last = walk().offset($crate::platform::paging::MAX_LOOKED_AT - 1).limit(1);
            diesel::OptionalExtension::optional(last.first(&mut connection).await)?
        };
        (last, rows)
    }};
}
pub(crate) use look_through;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Key {
        Name,
        Time,
    }

    impl SortKey for Key {
        const NAMES: &'static [(&'static str, Self)] = &[("name", Self::Name), ("time", Self::Time)];
        const DEFAULT: &'static str = "-time";

        fn is_time(self) -> bool {
            self == Self::Time
        }
    }

    /// Letters as rows. "m", the last letter in these tests, has another id than the others.
    impl Listed<Key> for &str {
        fn id(&self) -> Uuid {
            Uuid::from_u128(if *self == "m" { 9 } else { 7 })
        }

        fn sort_value(&self, _: Key) -> SortValue {
            SortValue::from(*self)
        }
    }

    fn refused(limit: Option<i64>, sort: Option<&str>, cursor: Option<&str>) -> Vec<&'static str> {
        PageRequest::<Key>::parse(limit, sort, cursor)
            .expect_err("refused")
            .iter()
            .map(|error| error.code)
            .collect()
    }

    #[test]
    fn a_full_page_with_a_row_left_over_has_a_cursor_that_starts_behind_its_last_row() {
        let request = PageRequest::<Key>::parse(Some(2), Some("name"), None).expect("valid");
        let id = Uuid::from_u128(7);
        let page = request.page(vec!["a", "b", "c"]);
        assert_eq!(page.data, ["a", "b"]);
        let next =
            PageRequest::<Key>::parse(Some(2), Some("name"), page.next_cursor.as_deref()).expect("valid");
        assert_eq!(next.texts().split(), (">", Some(("b".to_owned(), id))));
    }

    #[test]
    fn the_last_page_has_no_cursor() {
        let request = PageRequest::<Key>::parse(Some(2), None, None).expect("valid");
        assert_eq!(request.page(vec!["a", "b"]).next_cursor, None);
    }

    #[test]
    fn a_page_that_stopped_looking_goes_on_behind_where_it_stopped() {
        let request = PageRequest::<Key>::parse(Some(2), Some("name"), None).expect("valid");
        let (id, edge) = (Uuid::from_u128(7), Uuid::from_u128(9));
        let behind = |rows: Vec<&str>| {
            let page = request.page_up_to(Some("m"), rows);
            let next = PageRequest::<Key>::parse(Some(2), Some("name"), page.next_cursor.as_deref());
            next.expect("valid").texts().split().1
        };
        assert_eq!(behind(vec![]), Some(("m".to_owned(), edge)));
        assert_eq!(behind(vec!["a", "b"]), Some(("m".to_owned(), edge)));
        assert_eq!(behind(vec!["a", "b", "c"]), Some(("b".to_owned(), id)));
    }

    #[test]
    fn a_cursor_is_good_for_its_own_sort_only() {
        let request = PageRequest::<Key>::parse(Some(1), Some("name"), None).expect("valid");
        let page = request.page(vec!["a", "b"]);
        assert_eq!(refused(None, Some("-name"), page.next_cursor.as_deref()), ["bad_cursor"]);
    }

    #[test]
    fn everything_wrong_is_named_at_once() {
        assert_eq!(refused(Some(0), Some("price"), None), ["out_of_range", "unknown_sort"]);
        assert_eq!(refused(Some(201), None, Some("%%%")), ["out_of_range"]);
        assert_eq!(refused(None, None, Some("%%%")), ["bad_cursor"]);
    }

    fn start(start: Start<DateTime<Utc>>) -> String {
        let (operator, at) = start.split();
        at.map_or(operator.to_owned(), |(time, id)| {
            format!("{operator} {} {}", time.timestamp(), id.as_u128())
        })
    }

    #[test]
    fn a_page_starts_behind_its_cursor_or_where_its_filter_begins_whichever_is_further_on() {
        let at = |seconds: i64| Some(DateTime::from_timestamp(seconds, 0).expect("a time"));
        let behind = |descending, seconds: i64| {
            Start::behind(descending, at(seconds).map(|time| (time, Uuid::from_u128(7))))
        };
        let period = Period { from: at(10), before: at(20) };

        assert_eq!(start(Start::first()), ">=");
        assert_eq!(start(Start::behind(true, None)), "<=");
        assert_eq!(start(Start::first().within(period)), ">= 10 0");
        assert_eq!(start(Start::behind(true, None).within(period)), "< 20 0");
        assert_eq!(start(behind(false, 15).within(period)), "> 15 7");
        assert_eq!(start(behind(true, 15).within(period)), "< 15 7");
        // The cursor of a page with other filters.
        assert_eq!(start(behind(false, 5).within(period)), ">= 10 0");
        assert_eq!(start(behind(true, 20).within(period)), "< 20 0");
    }
}
