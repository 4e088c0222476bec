//! Makes text of any origin safe to print: a terminal must not take it for commands.

/// Replaces control characters, except line feeds.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Replaces all control characters, so that the text is one line.
pub fn printable_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Returns the text of an input or output error without its number, which says nothing to people.
pub fn without_error_number(text: &str) -> String {
    match text.split_once(" (os error ") {
        Some((before, after)) => {
            let rest = after.split_once(')').map_or("", |(_, rest)| rest);
            format!("{before}{rest}")
        }
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_an_error_is_left_out() {
        for (text, shown) in [
            ("Connection refused (os error 111)", "Connection refused"),
            ("a.pem: No such file (os error 2), in b", "a.pem: No such file, in b"),
            ("timed out", "timed out"),
        ] {
            assert_eq!(without_error_number(text), shown);
        }
    }

    #[test]
    fn a_terminal_sees_no_commands() {
        assert_eq!(printable("a\x1b[2Jb\nc"), "a\u{fffd}[2Jb\nc");
        assert_eq!(printable_line("a\nb"), "a\u{fffd}b");
    }
}
