//! Lists as CSV (RFC 4180), streamed a page at a time.

use std::borrow::Cow;
use std::io;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::Bytes;
use comptoir_core::application::error::Error;
use comptoir_core::platform::paging::{MAX_LIMIT, Page, PageRequest, SortKey};
use csv::{Terminator, Writer, WriterBuilder};
use futures::stream::{self, Stream};
use serde::Serialize;
use serde_json::Value;

use crate::error::ApiError;

/// What an export has a line of: its members are the columns. A member that is an array or an object is written as JSON.
pub(crate) trait Exported: Serialize {
    /// The names of the members, in the order of the columns.
    const COLUMNS: &'static [&'static str];
    /// The members that are decimals with a sign: what begins with `-` there is a number, and no formula.
    const SIGNED: &'static [&'static str] = &[];
}

/// What the API's description says of every export of a list.
pub(crate) const DESCRIPTION: &str = "RFC 4180, in UTF-8, with the names of the columns in the first line. What a spreadsheet would take for a formula begins with\n\
     an apostrophe, but for decimals that can be negative. An export that breaks off ends without the end of the HTTP message.";

/// What comes next of an export.
enum Next {
    Header,
    /// The page behind this cursor.
    Page(Option<String>),
    Nothing,
}

/// Answers with a list in its own order, as a file. Each page is read when the one before it has been sent, in a transaction of
/// its own: a slow client holds no connection, and one who may not read the list any more gets no further.
pub(crate) fn csv<K, R, F>(name: &'static str, read: impl Fn(PageRequest<K>) -> F + 'static) -> HttpResponse
where
    K: SortKey,
    R: Exported + 'static,
    F: Future<Output = Result<Page<R>, Error>> + 'static,
{
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/csv; charset=utf-8; header=present"))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.csv\"")))
        .streaming(pages(name, read))
}

/// Rows of a list that is read by position, at most: an export that has more breaks off.
const MOST_ROWS: usize = 1_000_000;

/// What comes next of an export that is read by position.
enum Part<P> {
    Header,
    /// The rows behind this position.
    Rows(Option<P>),
    Nothing,
}

/// The same for a list that has no cursors: `read` gets where the rows before ended, and says where its own end, if there are more.
pub(crate) fn csv_by<P, R, F>(name: &'static str, read: impl Fn(Option<P>) -> F + 'static) -> HttpResponse
where
    P: 'static,
    R: Exported + 'static,
    F: Future<Output = Result<(Vec<R>, Option<P>), Error>> + 'static,
{
    let lines = stream::try_unfold((Part::Header, 0, read), move |(next, before, read)| async move {
        let position = match next {
            Part::Header => {
                let header = written([R::COLUMNS.iter().copied()]).map_err(io::Error::other)?;
                return Ok(Some((header, (Part::Rows(None), 0, read))));
            }
            Part::Rows(position) => position,
            Part::Nothing => return Ok(None),
        };
        let part = part(read(position)).await;
        let (lines, number, end) =
            part.inspect_err(|error| tracing::warn!(%error, export = name, "an export broke off"))?;
        let rows = before + number;
        if rows > MOST_ROWS {
            tracing::warn!(export = name, "an export broke off: it has more than {MOST_ROWS} rows");
            return Err(io::Error::other("too many rows"));
        }
        let next = end.map_or(Part::Nothing, |end| Part::Rows(Some(end)));
        Ok(Some((lines, (next, rows, read))))
    });
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/csv; charset=utf-8; header=present"))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.csv\"")))
        .streaming(lines)
}

async fn part<P, R: Exported>(
    read: impl Future<Output = Result<(Vec<R>, Option<P>), Error>>,
) -> io::Result<(Bytes, usize, Option<P>)> {
    let (rows, end) = read.await.map_err(io::Error::other)?;
    let cells: Result<Vec<_>, _> = rows.iter().map(cells).collect();
    Ok((written(cells?).map_err(io::Error::other)?, rows.len(), end))
}

/// Answers with rows that are known already, as a file.
///
/// # Errors
/// Fails if a row cannot be written as text.
pub(crate) fn csv_of<R: Exported>(name: &'static str, rows: &[R]) -> Result<HttpResponse, ApiError> {
    let failed = |cause: &dyn std::fmt::Display| {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        ApiError::new(status, "internal", "the server failed; nothing was changed").with_cause(cause)
    };
    let header: Vec<String> = R::COLUMNS.iter().map(|name| (*name).to_owned()).collect();
    let rows: io::Result<Vec<_>> = rows.iter().map(cells).collect();
    let rows = rows.map_err(|error| failed(&error))?;
    let file = written(std::iter::once(header).chain(rows)).map_err(|error| failed(&error))?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/csv; charset=utf-8; header=present"))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.csv\"")))
        .body(file))
}

fn pages<K, R, F>(
    name: &'static str,
    read: impl Fn(PageRequest<K>) -> F,
) -> impl Stream<Item = io::Result<Bytes>>
where
    K: SortKey,
    R: Exported,
    F: Future<Output = Result<Page<R>, Error>>,
{
    stream::try_unfold((Next::Header, read), move |(next, read)| async move {
        let cursor = match next {
            Next::Header => {
                let header = written([R::COLUMNS.iter().copied()]).map_err(io::Error::other)?;
                return Ok(Some((header, (Next::Page(None), read))));
            }
            Next::Page(cursor) => cursor,
            Next::Nothing => return Ok(None),
        };
        let page = page(&read, cursor).await;
        let (lines, next) =
            page.inspect_err(|error| tracing::warn!(%error, export = name, "an export broke off"))?;
        Ok(Some((lines, (next, read))))
    })
}

async fn page<K, R, F>(
    read: impl Fn(PageRequest<K>) -> F,
    cursor: Option<String>,
) -> io::Result<(Bytes, Next)>
where
    K: SortKey,
    R: Exported,
    F: Future<Output = Result<Page<R>, Error>>,
{
    let request = PageRequest::parse(Some(MAX_LIMIT.into()), None, cursor.as_deref());
    let request = request.map_err(|_| io::Error::other("a cursor of our own is not one"))?;
    let Page { data, next_cursor, .. } = read(request).await.map_err(io::Error::other)?;
    let rows: Result<Vec<_>, _> = data.iter().map(cells).collect();
    let lines = written(rows?).map_err(io::Error::other)?;
    Ok((lines, next_cursor.map_or(Next::Nothing, |cursor| Next::Page(Some(cursor)))))
}

fn cells<R: Exported>(row: &R) -> io::Result<Vec<String>> {
    let row = serde_json::to_value(row)?;
    let cell = |name: &&str| match &row[*name] {
        Value::Null => String::new(),
        Value::String(text) if R::SIGNED.contains(name) => text.clone(),
        Value::String(text) => harmless(text).into_owned(),
        other => other.to_string(),
    };
    Ok(R::COLUMNS.iter().map(cell).collect())
}

/// A spreadsheet takes what begins so for a formula, and a list holds what others wrote: names, codes, request ids.
fn harmless(cell: &str) -> Cow<'_, str> {
    if looks_like_a_formula(cell) { format!("'{cell}").into() } else { cell.into() }
}

/// Whether a text begins as a formula does, or as one that was made a text: an import takes one apostrophe off.
pub(crate) fn looks_like_a_formula(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r'])
}

fn written<C: AsRef<[u8]>>(
    rows: impl IntoIterator<Item = impl IntoIterator<Item = C>>,
) -> Result<Bytes, csv::Error> {
    let mut csv: Writer<Vec<u8>> = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        csv.write_record(row)?;
    }
    Ok(csv.into_inner().map_err(csv::IntoInnerError::into_error)?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_formula_is_made_a_text() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1"] {
            assert_eq!(harmless(formula), format!("'{formula}"));
        }
        for text in ["", "order", "1-1", "'", "{\"a\":1}"] {
            assert_eq!(harmless(text), text);
        }
    }

    #[derive(Serialize)]
    struct Row {
        name: &'static str,
        number: Option<i32>,
        parts: Vec<&'static str>,
        change: &'static str,
    }

    impl Exported for Row {
        const COLUMNS: &'static [&'static str] = &["number", "name", "parts", "change"];
        const SIGNED: &'static [&'static str] = &["change"];
    }

    #[test]
    fn a_line_has_the_members_in_the_order_of_the_columns() {
        let rows = [
            Row { name: "Thé, \"vert\"", number: Some(-7), parts: vec!["a"], change: "-2.5" },
            Row { name: "=1", number: None, parts: vec![], change: "3" },
        ];
        let rows: Vec<_> = rows.iter().map(|row| cells(row).expect("JSON")).collect();
        let expected = "-7,\"Thé, \"\"vert\"\"\",\"[\"\"a\"\"]\",-2.5\r\n,'=1,[],3\r\n";
        assert_eq!(written(rows).expect("CSV"), expected);
    }
}
