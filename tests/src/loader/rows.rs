//! Reads the rows of a sales file and groups them into invoices: streaming, in bounded memory for any file.

use std::io::Read;

use bigdecimal::{Signed, Zero};
use csv::{ByteRecord, Position, Reader, ReaderBuilder};

use super::amounts;

/// The columns, which may have any order in the file.
pub const COLUMNS: [&str; 8] = [
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
];

/// The most rows of one invoice that are kept together, to bound the memory; further rows are refused here. The API accepts
/// 5,000 lines an order, and refuses an invoice of more rows as a whole.
const ROWS_PER_INVOICE: usize = 10_000;

/// One row, as text: the API decides whether a quantity or price is valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub line: u64,
    pub invoice: String,
    pub sku: String,
    pub description: String,
    pub quantity: String,
    pub date: String,
    pub unit_price: String,
    pub customer: String,
    pub country: String,
    /// The row as it is in the file, for the list of refused rows.
    pub original: ByteRecord,
}

impl Row {
    /// Whether goods are written off: less than nothing was sold, for no price.
    pub fn is_write_off(&self) -> bool {
        let is_free = self.unit_price.is_empty()
            || amounts::amount(&self.unit_price).is_some_and(|price| price.is_zero());
        is_free && amounts::amount(&self.quantity).is_some_and(|quantity| quantity.is_negative())
    }
}

/// A row that is in no document, or not with all of its quantity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRow {
    pub line: u64,
    pub invoice: String,
    /// A stable word, for counting.
    pub reason: String,
    pub message: String,
    pub original: ByteRecord,
}

impl RefusedRow {
    pub fn new(row: Row, reason: &str, message: &str) -> Self {
        Self {
            line: row.line,
            invoice: row.invoice,
            reason: reason.to_owned(),
            message: message.to_owned(),
            original: row.original,
        }
    }
}

/// Consecutive rows of one invoice number; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    pub number: String,
    pub rows: Vec<Row>,
}

impl Invoice {
    /// Whether it takes back what earlier ones sold: its number begins with C, and its quantities are negative.
    pub fn is_cancellation(&self) -> bool {
        self.number.starts_with(['C', 'c'])
    }
}

/// A piece of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Invoice(Invoice),
    Refused(RefusedRow),
}

/// The reason why a file cannot be read, or not to its end.
#[derive(Debug)]
pub enum InputError {
    /// Such as a pipe or a folder: it is read several times.
    NotAFile,
    MissingColumns(Vec<&'static str>),
    Unreadable(csv::Error),
}

impl std::fmt::Display for InputError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotAFile => {
                write!(f, "orders are loaded from a file, because it is read several times; this is none")
            }
            Self::MissingColumns(names) => write!(f, "the file has no column {}", names.join(", ")),
            Self::Unreadable(error) => write!(f, "the file cannot be read: {error}"),
        }
    }
}

impl std::error::Error for InputError {}

/// Reads a file from front to back. Iterates over [`Piece`]s, each with the bytes read so far.
pub struct Pieces<R> {
    reader: Reader<R>,
    /// For each of [`COLUMNS`], where it is in this file.
    places: [usize; COLUMNS.len()],
    width: usize,
    open: Option<Invoice>,
    done: bool,
}

impl<R> std::fmt::Debug for Pieces<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pieces").field("places", &self.places).finish_non_exhaustive()
    }
}

impl<R: Read> Pieces<R> {
    /// # Errors
    /// Fails if the first line does not name all columns.
    pub fn new(input: R) -> Result<Self, InputError> {
        let mut reader = ReaderBuilder::new().flexible(true).from_reader(input);
        let header = reader.byte_headers().map_err(InputError::Unreadable)?.clone();
        let clean = |name: &[u8]| {
            String::from_utf8_lossy(name).trim_start_matches('\u{feff}').trim().to_ascii_lowercase()
        };
        let names: Vec<String> = header.iter().map(clean).collect();
        let find = |column: &str| names.iter().position(|name| *name == column.to_ascii_lowercase());
        let missing: Vec<&'static str> =
            COLUMNS.into_iter().filter(|column| find(column).is_none()).collect();
        if !missing.is_empty() {
            return Err(InputError::MissingColumns(missing));
        }
        let places = COLUMNS.map(|column| find(column).unwrap_or_default());
        Ok(Self { reader, places, width: names.len(), open: None, done: false })
    }

    /// Returns the number of bytes that were read so far.
    pub fn position_bytes(&self) -> u64 {
        self.reader.position().byte()
    }

    fn next_row(&mut self) -> Result<Option<Result<Row, RefusedRow>>, InputError> {
        let mut record = ByteRecord::new();
        if !self.reader.read_byte_record(&mut record).map_err(InputError::Unreadable)? {
            return Ok(None);
        }
        let line = record.position().map_or(0, Position::line);
        Ok(Some(parse(line, record, &self.places, self.width)))
    }

    /// Adds a row to the open invoice, or closes it.
    fn take(&mut self, row: Row) -> Option<Piece> {
        match &mut self.open {
            Some(invoice) if invoice.number == row.invoice => {
                if invoice.rows.len() >= ROWS_PER_INVOICE {
                    let message = format!("an invoice of more than {ROWS_PER_INVOICE} rows");
                    return Some(Piece::Refused(RefusedRow::new(row, "invoice_too_long", &message)));
                }
                invoice.rows.push(row);
                None
            }
            open => {
                let begun = Invoice { number: row.invoice.clone(), rows: vec![row] };
                open.replace(begun).map(Piece::Invoice)
            }
        }
    }
}

impl<R: Read> Iterator for Pieces<R> {
    type Item = Result<Piece, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.done {
            let piece = match self.next_row() {
                Ok(Some(Ok(row))) => self.take(row),
                Ok(Some(Err(refused))) => Some(Piece::Refused(refused)),
                Ok(None) => {
                    self.done = true;
                    self.open.take().map(Piece::Invoice)
                }
                Err(error) => {
                    self.done = true;
                    return Some(Err(error));
                }
            };
            if let Some(piece) = piece {
                return Some(Ok(piece));
            }
        }
        None
    }
}

fn parse(
    line: u64,
    record: ByteRecord,
    places: &[usize; COLUMNS.len()],
    width: usize,
) -> Result<Row, RefusedRow> {
    let text = |column: usize| {
        String::from_utf8_lossy(record.get(places[column]).unwrap_or_default()).trim().to_owned()
    };
    let invoice = text(0);
    let problem = if record.len() != width {
        Some(("malformed_row", format!("{} fields instead of {width}", record.len())))
    } else if record.iter().any(|field| std::str::from_utf8(field).is_err()) {
        Some(("not_utf8", "the row is not UTF-8 text".to_owned()))
    } else if invoice.is_empty() {
        Some(("no_invoice_number", "the row names no invoice".to_owned()))
    } else {
        None
    };
    if let Some((reason, message)) = problem {
        return Err(RefusedRow { line, invoice, reason: reason.to_owned(), message, original: record });
    }
    Ok(Row {
        line,
        invoice,
        sku: text(1),
        description: text(2),
        quantity: text(3),
        date: text(4),
        unit_price: text(5),
        customer: text(6),
        country: text(7),
        original: record,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: &str =
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

    fn read(body: &[u8]) -> Vec<Piece> {
        let file = [HEADER.as_bytes(), body].concat();
        Pieces::new(file.as_slice()).unwrap().map(Result::unwrap).collect()
    }

    fn invoices(pieces: &[Piece]) -> Vec<(&str, usize)> {
        pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Invoice(invoice) => Some((invoice.number.as_str(), invoice.rows.len())),
                Piece::Refused(_) => None,
            })
            .collect()
    }

    fn refusals(pieces: &[Piece]) -> Vec<(u64, &str)> {
        pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Refused(row) => Some((row.line, row.reason.as_str())),
                Piece::Invoice(_) => None,
            })
            .collect()
    }

    #[test]
    fn consecutive_rows_of_one_number_are_one_invoice() {
        let pieces = read(b"1,a,A,1,d,2,c,F\n1,b,B,1,d,2,c,F\n2,a,A,1,d,2,c,F\n1,a,A,1,d,2,c,F\n");
        assert_eq!(invoices(&pieces), [("1", 2), ("2", 1), ("1", 1)]);
    }

    #[test]
    fn bad_rows_are_refused_and_the_invoice_goes_on() {
        let pieces = read(b"1,a,A,1,d,2,c,F\n1,b\n1,b,caf\xe9,1,d,2,c,F\n,b,B,1,d,2,c,F\n1,z,Z,1,d,2,c,F\n");
        assert_eq!(refusals(&pieces), [(3, "malformed_row"), (4, "not_utf8"), (5, "no_invoice_number")]);
        assert_eq!(invoices(&pieces), [("1", 2)]);
    }

    #[test]
    fn columns_are_found_by_name_in_any_order() {
        let file = "\u{feff}Country,CustomerID,UnitPrice,InvoiceDate,Quantity,Description,StockCode,InvoiceNo,More\nF,7,2,d,1,A,a,1,x\n";
        let Some(Ok(Piece::Invoice(invoice))) = Pieces::new(file.as_bytes()).unwrap().next() else {
            panic!("no invoice")
        };
        let row = &invoice.rows[0];
        assert_eq!((row.country.as_str(), row.sku.as_str(), row.invoice.as_str()), ("F", "a", "1"));
    }

    #[test]
    fn a_file_without_the_columns_is_refused_by_their_names() {
        let Err(InputError::MissingColumns(missing)) = Pieces::new("InvoiceNo,Quantity\n".as_bytes()) else {
            panic!("accepted")
        };
        assert_eq!(missing.len(), COLUMNS.len() - 2);
    }

    #[test]
    fn less_than_nothing_for_no_price_is_written_off() {
        let body =
            b"1,a,A,-1,d,0.0,,F\n1,a,A,-1,d,,,F\n1,a,A,-1,d,2,,F\n1,a,A,1,d,0.0,,F\n1,a,A,x,d,0.0,,F\n";
        let Some(Piece::Invoice(invoice)) = read(body).into_iter().next() else { panic!("no invoice") };
        let written_off: Vec<bool> = invoice.rows.iter().map(Row::is_write_off).collect();
        assert_eq!(written_off, [true, true, false, false, false]);
    }

    #[test]
    fn an_endless_invoice_does_not_fill_the_memory() {
        let body = "1,a,A,1,d,2,c,F\n".repeat(ROWS_PER_INVOICE + 3);
        let pieces = read(body.as_bytes());
        assert_eq!(invoices(&pieces), [("1", ROWS_PER_INVOICE)]);
        assert_eq!(refusals(&pieces).len(), 3);
    }

    proptest! {
        #[test]
        fn every_record_is_either_in_an_invoice_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let file = [HEADER.as_bytes(), &bytes].concat();
            let mut records = ReaderBuilder::new().flexible(true).from_reader(file.as_slice());
            let expected = records.byte_records().count();
            let pieces = read(&bytes);
            let kept: usize = invoices(&pieces).iter().map(|(_, rows)| rows).sum();
            prop_assert_eq!(kept + refusals(&pieces).len(), expected);
        }

        #[test]
        fn the_grouping_keeps_every_row_in_its_place(numbers in prop::collection::vec(0_u8..3, 0..40)) {
            let body: String = numbers.iter().map(|number| format!("{number},a,A,1,d,2,c,F\n")).collect();
            let pieces = read(body.as_bytes());
            let unfolded: Vec<u8> = invoices(&pieces)
                .iter()
                .flat_map(|(number, rows)| vec![number.parse::<u8>().unwrap(); *rows])
                .collect();
            prop_assert_eq!(unfolded, numbers);
        }
    }
}
