//! Reads the rows of a file, each as a JSON object.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use comptoir_core::commerce::imports::{ImportKind, MAX_ROWS};
use comptoir_core::values::invalid::{FieldError, Invalid};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::kinds;
use crate::export;
use crate::extract::parsed;

/// The maximum length of one row, in bytes, as a JSON object.
const MAX_ROW: usize = 65_536;
/// How far the reader of CSV reads ahead, in bytes.
const READ_AHEAD: usize = 8_192;
/// What some programs put in front of UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(as = ImportFormat, rename_all = "lowercase")]
pub(crate) enum Format {
    /// RFC 4180, with the names of the columns in the first line; separated by commas or semicolons.
    Csv,
    /// A JSON object in each line.
    Ndjson,
}

impl Format {
    pub(crate) const ALL: [Self; 2] = [Self::Csv, Self::Ndjson];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }
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
        let Some(line) = line(&mut file)? else { return Ok(()) };
        let line = if number == 0 { line.strip_prefix(BOM).unwrap_or(&line) } else { &line };
        if line.trim_ascii().is_empty() {
            continue;
        }
        number += 1;
        if line.len() > MAX_ROW {
            return Err(refused(number, "too_long", format!("row {number} has more than {MAX_ROW} bytes")));
        }
        let Ok(row) = std::str::from_utf8(line) else {
            return Err(refused(number, "not_utf8", format!("row {number} is not in UTF-8")));
        };
        match parsed(row.as_bytes()) {
            Ok(Value::Object(_)) => next(row.trim().to_owned())?,
            Ok(_) => return Err(refused(number, "not_an_object", format!("row {number} is no JSON object"))),
            Err(error) => {
                return Err(refused(
                    number,
                    "not_an_object",
                    format!("row {number} is no JSON object: {error}"),
                ));
            }
        }
    }
}

/// Reads a line, or the beginning of one that is longer than a row may be; `None` at the end.
fn line(file: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let length = file.take(MAX_ROW as u64 + 2).read_until(b'\n', &mut line)?;
    Ok((length > 0).then_some(line))
}

fn csv_rows(
    kind: ImportKind,
    file: impl Read,
    next: &mut impl FnMut(String) -> Result<(), Unreadable>,
) -> Result<(), Unreadable> {
    let mut file = BufReader::new(file);
    let Some(first) = line(&mut file)? else { return Ok(()) };
    if first.len() > MAX_ROW {
        return Err(refused(0, "too_long", format!("the first line has more than {MAX_ROW} bytes")));
    }
    let first = first.strip_prefix(BOM).unwrap_or(&first);
    let delimiter = delimiter(first);
    // The bytes that the reader may still ask for until the row is complete.
    let left = Rc::new(Cell::new(MAX_ROW + READ_AHEAD));
    let file = Bounded { file: io::Cursor::new(first).chain(file), left: Rc::clone(&left) };
    let mut csv =
        csv::ReaderBuilder::new().delimiter(delimiter).buffer_capacity(READ_AHEAD).from_reader(file);
    let headers = csv.headers().map_err(|error| unreadable(0, &error))?;
    let columns: Vec<String> = headers.iter().map(|name| name.trim().to_owned()).collect();
    check_columns(kind, &columns)?;
    for (number, record) in (1..).zip(csv.into_records()) {
        let record = record.map_err(|error| unreadable(number, &error))?;
        left.set(MAX_ROW + READ_AHEAD);
        let mut row = Map::new();
        for (column, cell) in columns.iter().zip(record.iter()) {
            let value = value(kind, column, cell)
                .map_err(|error| refused(number, "not_json", format!("row {number}, {column}: {error}")))?;
            match column.split_once('.') {
                None => {
                    row.insert(column.clone(), value);
                }
                Some((object, member)) => {
                    let object = row.entry(object).or_insert_with(|| Value::Object(Map::new()));
                    object[member] = value;
                }
            }
        }
        next(Value::Object(row).to_string())?;
    }
    Ok(())
}

/// A file of which only so much can be read: an open quotation mark would make one cell of all the rest.
struct Bounded<R> {
    file: R,
    left: Rc<Cell<usize>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        if left == 0 && !buffer.is_empty() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let most = buffer.len().min(left);
        let length = self.file.read(&mut buffer[..most])?;
        self.left.set(left - length);
        Ok(length)
    }
}

/// Spreadsheets of some countries write semicolons, because their decimals have commas.
fn delimiter(line: &[u8]) -> u8 {
    let count = |wanted: u8| line.iter().filter(|byte| **byte == wanted).count();
    if count(b';') > count(b',') { b';' } else { b',' }
}

fn unreadable(number: usize, error: &csv::Error) -> Unreadable {
    match error.kind() {
        csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            refused(number, "too_long", format!("row {number} has more than {MAX_ROW} bytes"))
        }
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
    let known = [kinds::columns(kind), kinds::members(kind)].concat();
    let refuse = |code, message: String| Err(Unreadable::Refused(Invalid::new(code, message).at("/rows/0")));
    for (at, column) in columns.iter().enumerate() {
        if !known.contains(&column.as_str()) {
            let message = format!("there is no column {column:?}; there is {}", known.join(", "));
            return refuse("unknown_column", message);
        }
        if columns.iter().take(at).any(|other| other == column) {
            return refuse("duplicate_column", format!("the column {column} is there twice"));
        }
        if let Some((object, _)) = column.split_once('.')
            && columns.iter().any(|other| other == object)
        {
            return refuse(
                "duplicate_column",
                format!("the column {column} is a part of {object}, which is there, too"),
            );
        }
    }
    Ok(())
}

/// Returns what a cell says. An empty one says that there is nothing.
fn value(kind: ImportKind, column: &str, cell: &str) -> Result<Value, serde_json::Error> {
    // Exports put an apostrophe in front of what a spreadsheet would take for a formula.
    let quoted = cell.strip_prefix('\'').filter(|rest| export::looks_like_a_formula(rest));
    let cell = quoted.unwrap_or(cell);
    if cell.trim().is_empty() {
        return Ok(Value::Null);
    }
    if kinds::listed(kind).contains(&column) && !cell.trim_start().starts_with('[') {
        return Ok(cell.split_whitespace().collect());
    }
    if kinds::structured(kind).contains(&column) {
        return match cell.trim() {
            // As spreadsheets write it.
            "TRUE" => Ok(Value::Bool(true)),
            "FALSE" => Ok(Value::Bool(false)),
            cell => serde_json::from_str(cell),
        };
    }
    Ok(Value::String(cell.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(format: Format, file: &str) -> Result<Vec<String>, String> {
        read_of(ImportKind::Suppliers, format, file)
    }

    fn read_of(kind: ImportKind, format: Format, file: &str) -> Result<Vec<String>, String> {
        let mut found = Vec::new();
        match rows(format, kind, file.as_bytes(), |row| {
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
    fn cells_of_products_are_numbers_truth_values_and_lists() {
        let file = "sku,quantity_decimals,stocked,barcodes\nP-1,3,true,\"[\"\"96385074\"\"]\"\nP-2,,FALSE,036000291452  96385074\n";
        let expected = [
            r#"{"barcodes":["96385074"],"quantity_decimals":3,"sku":"P-1","stocked":true}"#,
            r#"{"barcodes":["036000291452","96385074"],"quantity_decimals":null,"sku":"P-2","stocked":false}"#,
        ];
        let found = read_of(ImportKind::Products, Format::Csv, file);
        assert_eq!(found, Ok(expected.map(str::to_owned).to_vec()));
        let wrong = read_of(ImportKind::Products, Format::Csv, "sku,stocked\nP-1,yes\n");
        assert_eq!(wrong, Err("/rows/1 not_json".to_owned()));
    }

    #[test]
    fn a_part_of_a_member_has_a_column_of_its_own() {
        let file = "code,invoicing.kind,invoicing.registration,invoicing.legal_form\n\
            C-1,business,\"{\"\"scheme\"\":\"\"siren\"\"}\",\nC-2,consumer,,\n";
        let expected = [
            r#"{"code":"C-1","invoicing":{"kind":"business","legal_form":null,"registration":{"scheme":"siren"}}}"#,
            r#"{"code":"C-2","invoicing":{"kind":"consumer","legal_form":null,"registration":null}}"#,
        ];
        let found = read_of(ImportKind::Customers, Format::Csv, file);
        assert_eq!(found, Ok(expected.map(str::to_owned).to_vec()));
        for (columns, code) in [
            ("invoicing,invoicing.kind", "duplicate_column"),
            ("invoicing.kind,invoicing", "duplicate_column"),
            ("invoicing.colour,code", "unknown_column"),
        ] {
            let refused = read_of(ImportKind::Customers, Format::Csv, &format!("{columns}\n,\n"));
            assert_eq!(refused, Err(format!("/rows/0 {code}")), "{columns}");
        }
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
        let open = format!("code,name\nS-1,A\nS-2,\"{}", "B\n".repeat(MAX_ROW));
        let wide = ",".repeat(2 * MAX_ROW);
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
            (Format::Ndjson, "{\"a\":1,\"a\":2}\n", "/rows/1 not_an_object"),
            (Format::Ndjson, &long, "/rows/1 too_long"),
            (Format::Csv, &open, "/rows/2 too_long"),
            (Format::Csv, &wide, "/rows/0 too_long"),
        ] {
            assert_eq!(read(format, file), Err(expected.to_owned()), "{file:.40}");
        }
        let latin = rows(Format::Csv, ImportKind::Suppliers, &b"code,name\nS-1,\xe9t\xe9\n"[..], |_| true);
        assert!(matches!(latin, Err(Unreadable::Refused(error)) if error.code == "not_utf8"));
        let many = "{}\n".repeat(MAX_ROWS + 1);
        assert_eq!(read(Format::Ndjson, &many), Err(" too_many_rows".to_owned()));
    }
}
