//! Reads the rows of a file, each as a JSON object.

use std::io::{self, BufRead, BufReader, Read};

use comptoir_core::commerce::imports::{ImportKind, MAX_ROWS};
use comptoir_core::values::invalid::{FieldError, Invalid};
use serde_json::{Map, Value};

use super::kinds;

/// The maximum length of one row, in bytes, as a JSON object.
const MAX_ROW: usize = 65_536;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// RFC 4180, with the names of the columns in the first line; separated by commas or semicolons.
    Csv,
    /// A JSON object in each line.
    Ndjson,
}

/// Why a file cannot be read.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// The file is wrong.
    Refused(FieldError),
    /// It did not arrive, or nobody takes the rows any more.
    BrokenOff,
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidData => {
                let message = "the file must be in UTF-8";
                Self::Refused(Invalid::new("not_utf8", message).at(""))
            }
            _ => Self::BrokenOff,
        }
    }
}

/// Reads a file, and gives its rows to `keep` one by one; `keep` returns `false` if it wants no more. Returns the number of
/// rows.
///
/// # Errors
/// Fails if the file has no rows, too many, or one that cannot be read.
pub(crate) fn rows(
    format: Format,
    kind: ImportKind,
    file: impl Read,
    mut keep: impl FnMut(String) -> bool,
) -> Result<usize, Unreadable> {
    let mut number = 0;
    let mut next = |row: String| {
        number += 1;
        if number > MAX_ROWS {
            let message = format!("the file has more than {MAX_ROWS} rows: send the rest as another import");
            return Err(Unreadable::Refused(Invalid::new("too_many_rows", message).at("")));
        }
        if row.len() > MAX_ROW {
            let message = format!("row {number} has more than {MAX_ROW} bytes");
            return Err(refused(number, "too_long", message));
        }
        if keep(row) { Ok(()) } else { Err(Unreadable::BrokenOff) }
    };
    match format {
        Format::Csv => csv_rows(kind, file, &mut next)?,
        Format::Ndjson => json_rows(file, &mut next)?,
    }
    if number == 0 {
        return Err(Unreadable::Refused(Invalid::new("no_rows", "the file has no rows").at("")));
    }
    Ok(number)
}

fn refused(number: usize, code: &'static str, message: String) -> Unreadable {
    Unreadable::Refused(Invalid::new(code, message).at(format!("/rows/{number}")))
}

fn json_rows(
    file: impl Read,
    next: &mut impl FnMut(String) -> Result<(), Unreadable>,
) -> Result<(), Unreadable> {
    let (mut file, mut number) = (BufReader::new(file), 0);
    loop {
        let mut line = String::new();
        // A line that is too long is refused before it is read to its end.
        let length = Read::by_ref(&mut file).take(MAX_ROW as u64 + 2).read_line(&mut line)?;
        if length == 0 {
            return Ok(());
        }
        let row = line.trim_start_matches('\u{feff}').trim();
        if row.is_empty() {
            continue;
        }
        number += 1;
        if row.len() > MAX_ROW {
            return Err(refused(number, "too_long", format!("row {number} has more than {MAX_ROW} bytes")));
        }
        if let Err(error) = serde_json::from_str::<Map<String, Value>>(row) {
            return Err(refused(number, "not_an_object", format!("row {number} is no JSON object: {error}")));
        }
        next(row.to_owned())?;
    }
}

fn csv_rows(
    kind: ImportKind,
    file: impl Read,
    next: &mut impl FnMut(String) -> Result<(), Unreadable>,
) -> Result<(), Unreadable> {
    let mut file = BufReader::new(file);
    let delimiter = delimiter(file.fill_buf()?);
    let mut csv = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(file);
    let headers = csv.headers().map_err(|error| unreadable(0, &error))?;
    let columns: Vec<String> =
        headers.iter().map(|name| name.trim_start_matches('\u{feff}').trim().to_owned()).collect();
    check_columns(kind, &columns)?;
    for (number, record) in (1..).zip(csv.into_records()) {
        let record = record.map_err(|error| unreadable(number, &error))?;
        let mut row = Map::new();
        for (column, cell) in columns.iter().zip(record.iter()) {
            let value = value(kind, column, cell)
                .map_err(|error| refused(number, "not_json", format!("row {number}, {column}: {error}")))?;
            row.insert(column.clone(), value);
        }
        next(Value::Object(row).to_string())?;
    }
    Ok(())
}

/// Spreadsheets of some countries write semicolons, because their decimals have commas.
fn delimiter(start: &[u8]) -> u8 {
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |wanted: u8| line.iter().filter(|byte| **byte == wanted).count();
    if count(b';') > count(b',') { b';' } else { b',' }
}

fn unreadable(number: usize, error: &csv::Error) -> Unreadable {
    match error.kind() {
        csv::ErrorKind::Io(_) => Unreadable::BrokenOff,
        csv::ErrorKind::Utf8 { .. } => refused(number, "not_utf8", format!("row {number} is not in UTF-8")),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            let message =
                format!("row {number} has {len} cells, and the first line names {expected_len} columns");
            refused(number, "wrong_length", message)
        }
        _ => refused(number, "not_csv", format!("row {number} is not CSV: {error}")),
    }
}

fn check_columns(kind: ImportKind, columns: &[String]) -> Result<(), Unreadable> {
    let known = kinds::columns(kind);
    let refuse = |code, message: String| Err(Unreadable::Refused(Invalid::new(code, message).at("/rows/0")));
    for (at, column) in columns.iter().enumerate() {
        if !known.contains(&column.as_str()) {
            let message = format!("there is no column {column:?}; there is {}", known.join(", "));
            return refuse("unknown_column", message);
        }
        if columns.iter().take(at).any(|other| other == column) {
            return refuse("duplicate_column", format!("the column {column} is there twice"));
        }
    }
    Ok(())
}

/// Returns what a cell says. An empty one says that there is nothing.
fn value(kind: ImportKind, column: &str, cell: &str) -> Result<Value, serde_json::Error> {
    // Exports put an apostrophe in front of what a spreadsheet would take for a formula.
    let quoted = cell.strip_prefix('\'').filter(|rest| rest.starts_with(['=', '+', '-', '@', '\t', '\r']));
    let cell = quoted.unwrap_or(cell);
    if cell.trim().is_empty() {
        return Ok(Value::Null);
    }
    if kinds::structured(kind).contains(&column) {
        return serde_json::from_str(cell);
    }
    Ok(Value::String(cell.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(format: Format, file: &str) -> Result<Vec<String>, String> {
        let mut found = Vec::new();
        match rows(format, ImportKind::Suppliers, file.as_bytes(), |row| {
            found.push(row);
            true
        }) {
            Ok(number) => {
                assert_eq!(number, found.len());
                Ok(found)
            }
            Err(Unreadable::Refused(error)) => Err(format!("{} {}", error.pointer, error.code)),
            Err(Unreadable::BrokenOff) => Err("broken off".to_owned()),
        }
    }

    #[test]
    fn cells_become_members_by_the_names_of_their_columns() {
        let file = "\u{feff}code,name,vat_number,payment_terms\r\nS-1,\"Thés, \"\"verts\"\"\",,\"{\"\"days\"\":30}\"\r\nS-2,'=1,FR1,\r\n";
        let expected = [
            r#"{"code":"S-1","name":"Thés, \"verts\"","payment_terms":{"days":30},"vat_number":null}"#,
            r#"{"code":"S-2","name":"=1","payment_terms":null,"vat_number":"FR1"}"#,
        ];
        assert_eq!(read(Format::Csv, file), Ok(expected.map(str::to_owned).to_vec()));
        assert_eq!(
            read(Format::Csv, &file.replace("\"{\"\"days\"\":30}\"", "").replace(',', ";"))
                .map(|rows| rows.len()),
            Ok(2)
        );
    }

    #[test]
    fn json_is_kept_as_it_came() {
        let file = "{\"code\": \"S-1\", \"name\": \"A\"}\n\n  {\"code\":\"S-2\"}";
        let expected = [r#"{"code": "S-1", "name": "A"}"#, r#"{"code":"S-2"}"#];
        assert_eq!(read(Format::Ndjson, file), Ok(expected.map(str::to_owned).to_vec()));
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_with_the_row() {
        let long = format!("{{\"name\":\"{}\"}}", "x".repeat(MAX_ROW));
        for (format, file, expected) in [
            (Format::Csv, "", " no_rows"),
            (Format::Csv, "code,name\n", " no_rows"),
            (Format::Csv, "code,sku\nS-1,A\n", "/rows/0 unknown_column"),
            (Format::Csv, "code,code\nS-1,A\n", "/rows/0 duplicate_column"),
            (Format::Csv, "code,name\nS-1,A\nS-2\n", "/rows/2 wrong_length"),
            (Format::Csv, "code,addresses\nS-1,here\n", "/rows/1 not_json"),
            (Format::Ndjson, "\n", " no_rows"),
            (Format::Ndjson, "{}\n[]\n", "/rows/2 not_an_object"),
            (Format::Ndjson, "{}\n{\"a\"\n", "/rows/2 not_an_object"),
            (Format::Ndjson, &long, "/rows/1 too_long"),
        ] {
            assert_eq!(read(format, file), Err(expected.to_owned()), "{file:.40}");
        }
        let latin = rows(Format::Csv, ImportKind::Suppliers, &b"code,name\nS-1,\xe9t\xe9\n"[..], |_| true);
        assert!(matches!(latin, Err(Unreadable::Refused(error)) if error.code == "not_utf8"));
        let many = "{}\n".repeat(MAX_ROWS + 1);
        assert_eq!(read(Format::Ndjson, &many), Err(" too_many_rows".to_owned()));
    }
}
