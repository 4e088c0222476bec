//! Keyset pages: a page starts behind the last row of the one before, whatever was inserted in between.

pub(crate) mod row_comparison;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::invalid::{FieldError, Fields, Invalid};

/// Rows of one page at most.
pub const MAX_LIMIT: u8 = 200;
pub const DEFAULT_LIMIT: u8 = 50;
/// Rows that one page looks at, at most, where no index serves all of its filters: see [`look_through`].
pub(crate) const MAX_LOOKED_AT: i64 = 5_000;
/// Until the end of the transaction.
pub(crate) const BY_INDEX_ONLY: &str = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off";
/// Bytes of a cursor at most; ours are shorter.
const MAX_CURSOR: usize = 2_000;

/// One page of views and the cursor of the next, if there is one. A page may hold fewer views than were asked for, even
/// none, and have a next one.
#[derive(Debug)]
pub struct Page<T> {
    pub data: Vec<T>,
    pub next_cursor: Option<String>,
}

/// A key by which a list can be sorted.
pub trait SortKey: Copy + PartialEq + 'static {
    /// Every key with its name in the query string; `-name` is the same, descending.
    const NAMES: &'static [(&'static str, Self)];
    /// The sort where none is asked for, as a client would write it.
    const DEFAULT: &'static str;

    /// Whether its values are times, not texts.
    fn is_time(self) -> bool;
}

/// Which page of a list is wanted.
#[derive(Debug, Clone)]
pub struct PageRequest<K> {
    limit: u8,
    sort: String,
    pub(crate) key: K,
    descending: bool,
    after: Option<(SortValue, Uuid)>,
}

/// What a list is sorted by, of one row.
#[derive(Debug, Clone)]
pub(crate) enum SortValue {
    Text(String),
    Time(DateTime<Utc>),
}

impl From<String> for SortValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<DateTime<Utc>> for SortValue {
    fn from(time: DateTime<Utc>) -> Self {
        Self::Time(time)
    }
}

impl SortValue {
    /// As it stands in a cursor.
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Time(time) => time.to_rfc3339(),
        }
    }
}

/// Where a page starts: behind the row with this sort value and id.
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
    /// A limit outside 1 to 200, a sort that does not exist, a cursor that is not of this list in this sort.
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

    /// One more row than the page holds tells whether there is a next page.
    pub(crate) fn rows(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// For a column of texts.
    pub(crate) fn texts(&self) -> Span<String> {
        let after = match &self.after {
            Some((SortValue::Text(text), id)) => Some((text.clone(), *id)),
            _ => None,
        };
        Span::behind(self.descending, after)
    }

    /// For a column of times.
    pub(crate) fn times(&self) -> Span<DateTime<Utc>> {
        let after = match &self.after {
            Some((SortValue::Time(time), id)) => Some((*time, *id)),
            _ => None,
        };
        Span::behind(self.descending, after)
    }

    /// Cuts the extra row off. `key` gives a row's sort value and id.
    pub(crate) fn page<T>(&self, rows: Vec<T>, key: impl Fn(&T) -> (String, Uuid)) -> Page<T> {
        self.page_up_to(None, rows, key)
    }

    /// The same of rows that were looked for up to `edge` and not beyond. `None` is to the end.
    pub(crate) fn page_up_to<T>(
        &self,
        edge: Option<(SortValue, Uuid)>,
        mut rows: Vec<T>,
        key: impl Fn(&T) -> (String, Uuid),
    ) -> Page<T> {
        let more = rows.len() > usize::from(self.limit);
        rows.truncate(usize::from(self.limit));
        let last = rows.last().filter(|_| more).map(key);
        let next = last.or_else(|| edge.map(|(value, id)| (value.into_text(), id)));
        Page { data: rows, next_cursor: next.map(|(value, id)| self.cursor(value, id)) }
    }

    fn cursor(&self, value: String, id: Uuid) -> String {
        let cursor = Cursor { sort: self.sort.clone(), value, id };
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

/// Where looking ended: the sort value and the id of the last row.
pub(crate) fn edge<V: Into<SortValue>>((value, id): (V, Uuid)) -> (SortValue, Uuid) {
    (value.into(), id)
}

/// Which rows of an index a page may look at, in the index's order: those between two of its rows.
#[derive(Debug, Clone)]
pub(crate) struct Span<V> {
    pub(crate) descending: bool,
    pub(crate) lower: Option<Bound<V>>,
    pub(crate) upper: Option<Bound<V>>,
}

/// A sort value and an id, and how a row must compare with them.
#[derive(Debug, Clone)]
pub(crate) struct Bound<V> {
    pub(crate) operator: &'static str,
    pub(crate) row: (V, Uuid),
}

impl<V> Span<V> {
    /// All rows, the first of the index first.
    pub(crate) fn everything() -> Self {
        Self::behind(false, None)
    }

    /// Of a list that is read from its beginning, or on behind a row.
    fn behind(descending: bool, after: Option<(V, Uuid)>) -> Self {
        let bound = |operator| after.map(|row| Bound { operator, row });
        if descending {
            Self { descending, lower: None, upper: bound("<") }
        } else {
            Self { descending, lower: bound(">"), upper: None }
        }
    }

    /// Ends it with this row, which is within it.
    pub(crate) fn up_to(mut self, last: Option<(V, Uuid)>) -> Self {
        if let Some(row) = last {
            if self.descending {
                self.lower = Some(Bound { operator: ">=", row });
            } else {
                self.upper = Some(Bound { operator: "<=", row });
            }
        }
        self
    }
}

impl Span<DateTime<Utc>> {
    /// Leaves out what happened before `from`, and what did not happen before `before`.
    pub(crate) fn within(mut self, from: Option<DateTime<Utc>>, before: Option<DateTime<Utc>>) -> Self {
        // No id comes before this one.
        let at = |operator, time| Bound { operator, row: (time, Uuid::nil()) };
        if let Some(from) = from
            && self.lower.as_ref().is_none_or(|lower| lower.row.0 < from)
        {
            self.lower = Some(at(">=", from));
        }
        if let Some(before) = before
            && self.upper.as_ref().is_none_or(|upper| upper.row.0 >= before)
        {
            self.upper = Some(at("<", before));
        }
        self
    }
}

/// Adds to a boxed query that it returns the rows of a [`Span`], in its order: along the index on (`$prefix`…, `$column`,
/// `$id`), of the rows that have these values in the columns of the prefix.
///
/// The prefix is part of the comparisons and of the order, instead of an equality beside them: with an equality, any index on
/// (…, `$column`, `$id`) would give the order as well, and PostgreSQL takes such a one where it believes that every other row has
/// the value. If those rows are all at the far end, it reads the whole list for one page.
macro_rules! walk {
    ($query:expr, $span:expr, [$($prefix:expr => $value:expr),*], $column:expr, $id:expr) => {{
        use $crate::paging::row_comparison::{compared, of};
        let (query, span) = ($query, $span);
        let query = match span.lower {
            Some($crate::paging::Bound { operator, row: (value, last) }) => query.filter(compared(
                ($($prefix,)* $column, $id),
                operator,
                ($(of($prefix, $value),)* of($column, value), of($id, last)),
            )),
            None => $crate::paging::walk!(@all query, ">=", [$($prefix => $value),*]),
        };
        let query = match span.upper {
            Some($crate::paging::Bound { operator, row: (value, last) }) => query.filter(compared(
                ($($prefix,)* $column, $id),
                operator,
                ($(of($prefix, $value),)* of($column, value), of($id, last)),
            )),
            None => $crate::paging::walk!(@all query, "<=", [$($prefix => $value),*]),
        };
        if span.descending {
            query.order(($($prefix.desc(),)* $column.desc(), $id.desc()))
        } else {
            query.order(($($prefix.asc(),)* $column.asc(), $id.asc()))
        }
    }};
    (@all $query:expr, $operator:expr, []) => { $query };
    (@all $query:expr, $operator:expr, [$($prefix:expr => $value:expr),+]) => {
        $query.filter(compared(($($prefix,)+), $operator, ($(of($prefix, $value),)+)))
    };
}
pub(crate) use walk;

/// Loads the rows of a page whose filters no index serves together, and looks at [`MAX_LOOKED_AT`] rows for them at most:
/// however large the table is and however few of its rows match, a page costs no more than that. `$indexed` is a boxed
/// query with the filters that an index serves in this order, `$all` one with all filters, of which `$selection` is loaded.
/// `$walk` adds a [`Span`] to a query. Gives where looking ended, if there is more behind it, and the rows.
macro_rules! look_through {
    ($connection:expr, $request:expr, $span:expr, $indexed:expr, $all:expr, $walk:expr, $key:expr, $selection:expr) => {{
        let (mut connection, span, walk) = ($connection, $span, $walk);
        // What is known of the rows would let PostgreSQL read a whole table instead of a part of an index.
        diesel_async::SimpleAsyncConnection::batch_execute(&mut connection, $crate::paging::BY_INDEX_ONLY)
            .await?;
        let last = walk($indexed, span.clone()).select($key);
        let last = last.offset($crate::paging::MAX_LOOKED_AT - 1).limit(1);
        let edge = diesel::OptionalExtension::optional(last.first(&mut connection).await)?;
        let query = walk($all, span.up_to(edge.clone())).select($selection).limit($request.rows());
        let rows = query.load(&mut connection).await?;
        (edge.map($crate::paging::edge), rows)
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
        let page = request.page(vec!["a", "b", "c"], |name| ((*name).to_owned(), id));
        assert_eq!(page.data, ["a", "b"]);
        let next =
            PageRequest::<Key>::parse(Some(2), Some("name"), page.next_cursor.as_deref()).expect("valid");
        let lower = next.texts().lower.expect("a bound");
        assert_eq!((lower.operator, lower.row), (">", ("b".to_owned(), id)));
    }

    #[test]
    fn the_last_page_has_no_cursor() {
        let request = PageRequest::<Key>::parse(Some(2), None, None).expect("valid");
        assert_eq!(request.page(vec!["a", "b"], |_| (String::new(), Uuid::nil())).next_cursor, None);
    }

    #[test]
    fn a_page_that_stopped_looking_goes_on_behind_where_it_stopped() {
        let request = PageRequest::<Key>::parse(Some(2), Some("name"), None).expect("valid");
        let (id, edge) = (Uuid::from_u128(7), Uuid::from_u128(9));
        let behind = |rows: Vec<&str>| {
            let edge = Some((SortValue::from("m".to_owned()), edge));
            let page = request.page_up_to(edge, rows, |name| ((*name).to_owned(), id));
            let next = PageRequest::<Key>::parse(Some(2), Some("name"), page.next_cursor.as_deref());
            next.expect("valid").texts().lower.map(|bound| bound.row)
        };
        assert_eq!(behind(vec![]), Some(("m".to_owned(), edge)));
        assert_eq!(behind(vec!["a", "b"]), Some(("m".to_owned(), edge)));
        assert_eq!(behind(vec!["a", "b", "c"]), Some(("b".to_owned(), id)));
    }

    #[test]
    fn a_cursor_is_good_for_its_own_sort_only() {
        let request = PageRequest::<Key>::parse(Some(1), Some("name"), None).expect("valid");
        let page = request.page(vec!["a", "b"], |name| ((*name).to_owned(), Uuid::nil()));
        assert_eq!(refused(None, Some("-name"), page.next_cursor.as_deref()), ["bad_cursor"]);
    }

    #[test]
    fn everything_wrong_is_named_at_once() {
        assert_eq!(refused(Some(0), Some("price"), None), ["out_of_range", "unknown_sort"]);
        assert_eq!(refused(Some(201), None, Some("%%%")), ["out_of_range"]);
        assert_eq!(refused(None, None, Some("%%%")), ["bad_cursor"]);
    }

    fn bounds(span: &Span<DateTime<Utc>>) -> [Option<String>; 2] {
        [&span.lower, &span.upper].map(|bound| {
            let Bound { operator, row: (time, id) } = bound.as_ref()?;
            Some(format!("{operator} {} {}", time.timestamp(), id.as_u128()))
        })
    }

    #[test]
    fn a_span_has_the_narrower_of_two_bounds_at_either_end() {
        let at = |seconds: i64| DateTime::from_timestamp(seconds, 0).expect("a time");
        let bound = |text: &str| Some(text.to_owned());
        let behind =
            |descending, seconds: i64| Span::behind(descending, Some((at(seconds), Uuid::from_u128(7))));

        let both = Span::everything().within(Some(at(10)), Some(at(20)));
        assert_eq!(bounds(&both), [bound(">= 10 0"), bound("< 20 0")]);
        let ascending = behind(false, 15).within(Some(at(10)), Some(at(20)));
        assert_eq!(bounds(&ascending), [bound("> 15 7"), bound("< 20 0")]);
        let descending = behind(true, 15).within(Some(at(10)), Some(at(20)));
        assert_eq!(bounds(&descending), [bound(">= 10 0"), bound("< 15 7")]);
        // A cursor of another page than this filter's.
        assert_eq!(bounds(&behind(false, 5).within(Some(at(10)), None)), [bound(">= 10 0"), None]);
        assert_eq!(bounds(&behind(true, 25).within(None, Some(at(20)))), [None, bound("< 20 0")]);
        assert_eq!(bounds(&behind(true, 20).within(None, Some(at(20)))), [None, bound("< 20 0")]);

        let edge = Some((at(12), Uuid::from_u128(3)));
        assert_eq!(bounds(&descending.up_to(edge)), [bound(">= 12 3"), bound("< 15 7")]);
        assert_eq!(bounds(&ascending.up_to(edge)), [bound("> 15 7"), bound("<= 12 3")]);
    }
}
