//! What a command says beside its answer, on standard error: the answer alone is what a program reads.

use comptoir_core::values::printable::printable_line;

/// One line. A reader that has gone away is not an error.
pub(crate) fn say(note: &str) {
    eprintln!("relay: {}", printable_line(note));
}
