//! A command's notes, on standard error: standard output has the answer alone, for programs.

use comptoir_core::values::printable::printable_line;

/// Writes one line. A reader that has gone away is not an error.
pub(crate) fn say(note: &str) {
    eprintln!("relay: {}", printable_line(note));
}
