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
    pub(crate) descending: bool,
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
    pub(crate) fn after_text(&self) -> Option<(String, Uuid)> {
        match &self.after {
            Some((SortValue::Text(text), id)) => Some((text.clone(), *id)),
            _ => None,
        }
    }

    /// For a column of times.
    pub(crate) fn after_time(&self) -> Option<(DateTime<Utc>, Uuid)> {
        match &self.after {
            Some((SortValue::Time(time), id)) => Some((*time, *id)),
            _ => None,
        }
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

/// Adds the keyset condition and the order to a boxed query. `$after` is an `Option<(value, id)>` in the column's type.
macro_rules! keyset {
    ($query:expr, $descending:expr, $after:expr, $column:expr, $id:expr) => {{
        let mut query = $query;
        if let Some(after) = $after {
            query = query.filter($crate::paging::row_comparison::behind($column, $id, after, $descending));
        }
        if $descending {
            query.order(($column.desc(), $id.desc()))
        } else {
            query.order(($column.asc(), $id.asc()))
        }
    }};
}
pub(crate) use keyset;

/// Where looking ended: the sort value and the id of the last row.
pub(crate) fn edge<V: Into<SortValue>>((value, id): (V, Uuid)) -> (SortValue, Uuid) {
    (value.into(), id)
}

/// The last row looked at, of the type of the row behind which looking began.
pub(crate) fn like<T>(_after: &Option<T>, last: Option<T>) -> Option<T> {
    last
}

/// Loads the rows of a page whose filters no index serves together, and looks at [`MAX_LOOKED_AT`] rows for them at most:
/// however large the table is and however few of its rows match, a page costs no more than that. `$indexed` is a boxed
/// query with the filters that an index serves in this order, `$all` one with all filters and its selection. Gives where
/// looking ended, if there is more behind it, and the rows.
macro_rules! look_through {
    ($connection:expr, $request:expr, $indexed:expr, $all:expr, $after:expr, $column:expr, $id:expr) => {{
        let (mut connection, descending, after) = ($connection, $request.descending, $after);
        // What is known of the rows would let PostgreSQL read a whole table instead of a part of an index.
        diesel_async::SimpleAsyncConnection::batch_execute(&mut connection, $crate::paging::BY_INDEX_ONLY)
            .await?;
        let last = $indexed.select(($column, $id)).offset($crate::paging::MAX_LOOKED_AT - 1).limit(1);
        let last = $crate::paging::keyset!(last, descending, after.clone(), $column, $id);
        let edge = diesel::OptionalExtension::optional(last.first(&mut connection).await)?;
        let edge = $crate::paging::like(&after, edge);
        let mut query = $all.limit($request.rows());
        if let Some(edge) = edge.clone() {
            query = query.filter($crate::paging::row_comparison::up_to($column, $id, edge, descending));
        }
        let query = $crate::paging::keyset!(query, descending, after, $column, $id);
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
        assert_eq!(next.after_text(), Some(("b".to_owned(), id)));
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
            next.expect("valid").after_text()
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
}
