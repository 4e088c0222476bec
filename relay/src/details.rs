//! One event as text: a line for each property.

use comptoir_core::outbox::JsonText;
use serde_json::value::RawValue;

use crate::error::RelayError;
use comptoir_core::values::printable::printable;

/// Returns the JSON text unchanged, so that numbers keep every digit.
///
/// # Errors
/// Fails if the text is not JSON, which the database would not have accepted.
pub(crate) fn raw(json: &JsonText) -> Result<&RawValue, RelayError> {
    serde_json::from_slice(&json.0).map_err(|error| RelayError::Incomplete(error.to_string()))
}

/// Returns names and values in two columns, each line with its line feed.
pub(crate) fn lines<'a>(properties: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let line = |(name, value): (&str, String)| format!("{name:<18} {}\n", printable(&value));
    properties.into_iter().map(line).collect()
}
