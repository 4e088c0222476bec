//! Keyset pages: a page starts behind the last row of the one before, whatever was inserted in between.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::invalid::{FieldError, Fields, Invalid};

/// Rows of one page at most.
pub const MAX_LIMIT: u8 = 200;
pub const DEFAULT_LIMIT: u8 = 50;
/// Bytes of a cursor at most; ours are shorter.
const MAX_CURSOR: usize = 2_000;

/// One page of views and the cursor of the next, if there is one.
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
    after: Option<(AfterValue, Uuid)>,
}

#[derive(Debug, Clone)]
enum AfterValue {
    Text(String),
    Time(DateTime<Utc>),
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
            Some((AfterValue::Text(text), id)) => Some((text.clone(), *id)),
            _ => None,
        }
    }

    /// For a column of times.
    pub(crate) fn after_time(&self) -> Option<(DateTime<Utc>, Uuid)> {
        match &self.after {
            Some((AfterValue::Time(time), id)) => Some((*time, *id)),
            _ => None,
        }
    }

    /// Cuts the extra row off. `key` gives a row's sort value and id.
    pub(crate) fn page<T>(&self, mut rows: Vec<T>, key: impl Fn(&T) -> (String, Uuid)) -> Page<T> {
        let more = rows.len() > usize::from(self.limit);
        rows.truncate(usize::from(self.limit));
        let next_cursor = rows.last().filter(|_| more).map(|row| {
            let (value, id) = key(row);
            let cursor = Cursor { sort: self.sort.clone(), value, id };
            URL_SAFE_NO_PAD.encode(serde_json::to_vec(&cursor).unwrap_or_default())
        });
        Page { data: rows, next_cursor }
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

fn parse_cursor<K: SortKey>(cursor: &str, sort: &str, key: K) -> Result<(AfterValue, Uuid), Invalid> {
    let read = || {
        let json = URL_SAFE_NO_PAD.decode(cursor).ok().filter(|_| cursor.len() <= MAX_CURSOR)?;
        let cursor: Cursor = serde_json::from_slice(&json).ok()?;
        // PostgreSQL has no U+0000, so nothing can be compared with it.
        if cursor.sort != sort || cursor.value.contains('\0') {
            return None;
        }
        let value = if key.is_time() {
            AfterValue::Time(DateTime::parse_from_rfc3339(&cursor.value).ok()?.to_utc())
        } else {
            AfterValue::Text(cursor.value)
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
        if let Some((value, id)) = $after {
            // Written so that the index on (tenant, column, id) can start at the value.
            query = if $descending {
                query.filter($column.le(value.clone()).and($column.lt(value).or($id.lt(id))))
            } else {
                query.filter($column.ge(value.clone()).and($column.gt(value).or($id.gt(id))))
            };
        }
        if $descending {
            query.order(($column.desc(), $id.desc()))
        } else {
            query.order(($column.asc(), $id.asc()))
        }
    }};
}
pub(crate) use keyset;

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
