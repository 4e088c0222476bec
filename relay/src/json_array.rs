//! A JSON array that is written element by element: its memory does not grow with its length.

use std::io::Write;

use serde::Serialize;

use crate::error::RelayError;

#[derive(Debug)]
pub(crate) struct JsonArray<W: Write> {
    out: W,
    is_empty: bool,
}

impl<W: Write> JsonArray<W> {
    /// A reader that has gone away, such as `head`, is not an error, here and below.
    pub(crate) fn begin(mut out: W) -> Self {
        let _ = out.write_all(b"[");
        Self { out, is_empty: true }
    }

    pub(crate) fn push(&mut self, element: &impl Serialize) -> Result<(), RelayError> {
        let text =
            serde_json::to_string(element).map_err(|error| RelayError::Incomplete(error.to_string()))?;
        let _ = write!(self.out, "{}{text}", if self.is_empty { "\n" } else { ",\n" });
        self.is_empty = false;
        Ok(())
    }

    pub(crate) fn end(mut self) {
        let _ = self.out.write_all(if self.is_empty { b"]\n" } else { b"\n]\n" });
        let _ = self.out.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(elements: &[u8]) -> String {
        let mut out = Vec::new();
        let mut array = JsonArray::begin(&mut out);
        for element in elements {
            array.push(element).expect("written");
        }
        array.end();
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn an_array_of_any_length_is_json() {
        for elements in [&[][..], &[1], &[1, 2, 3]] {
            assert_eq!(serde_json::from_str::<Vec<u8>>(&written(elements)).expect("JSON"), elements);
        }
    }
}
