//! The audit trail as CSV (RFC 4180), a page at a time.

use std::borrow::Cow;

use comptoir_core::application::audit::AuditEventView;
use csv::{Terminator, Writer, WriterBuilder};
use serde_json::Value;

const COLUMNS: [&str; 17] = [
    "occurred_at",
    "id",
    "actor_type",
    "actor_id",
    "actor_name",
    "session_id",
    "action",
    "resource_type",
    "resource_id",
    "before",
    "after",
    "request_id",
    "client_address",
    "chain",
    "position",
    "hash",
    "erased",
];

/// The names of the columns.
pub(super) fn header() -> Result<Vec<u8>, csv::Error> {
    let mut csv = writer();
    csv.write_record(COLUMNS)?;
    bytes(csv)
}

pub(super) fn lines(rows: &[AuditEventView]) -> Result<Vec<u8>, csv::Error> {
    let mut csv = writer();
    let id = |value: &Option<uuid::Uuid>| value.map(|id| id.to_string()).unwrap_or_default();
    let json = |value: &Option<Value>| value.as_ref().map(Value::to_string).unwrap_or_default();
    for row in rows {
        let cells = [
            row.occurred_at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
            row.id.to_string(),
            row.actor_type.clone(),
            id(&row.actor_id),
            row.actor_name.clone(),
            id(&row.session_id),
            row.action.clone(),
            row.resource_type.clone(),
            row.resource_id.clone(),
            json(&row.before),
            json(&row.after),
            row.request_id.clone(),
            row.client_address.clone().unwrap_or_default(),
            row.chain.to_string(),
            row.position.to_string(),
            hex::encode(&row.hash),
            row.is_erased().to_string(),
        ];
        csv.write_record(cells.iter().map(|cell| harmless(cell).into_owned()))?;
    }
    bytes(csv)
}

/// A spreadsheet takes what begins so for a formula, and the trail holds what others wrote: names, codes, request ids.
fn harmless(cell: &str) -> Cow<'_, str> {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        return format!("'{cell}").into();
    }
    cell.into()
}

fn writer() -> Writer<Vec<u8>> {
    WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new())
}

fn bytes(csv: Writer<Vec<u8>>) -> Result<Vec<u8>, csv::Error> {
    csv.into_inner().map_err(|error| error.into_error().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_formula_is_made_a_text() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(harmless(formula), format!("'{formula}"));
        }
        for text in ["", "order", "1-1", "{\"a\":1}"] {
            assert_eq!(harmless(text), text);
        }
    }
}
