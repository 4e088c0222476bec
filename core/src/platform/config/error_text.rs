//! The text of an error about a configuration that cannot be read, without anything in it that might be a password.
//!
//! A URL may stand where none belongs: in the place of a number, of a command, of a file's name. The error about it then
//! quotes it.

use config::ConfigError as Cause;

/// The length, in bytes, above which a word is not repeated in a message.
const LONGEST_WORD: usize = 40;
/// The keyword in libpq's other form of an address, `host=h password=p`.
const PASSWORD: &str = "password";

/// Returns the text of the library's error without values that may be secret.
pub(super) fn described(error: &Cause) -> String {
    match error {
        Cause::Type { origin, unexpected, expected, key } => {
            let found = unexpected.to_string();
            let found = match found.strip_prefix("string ") {
                Some(text) if !is_harmless(text.trim_matches('"')) => "a text",
                _ => found.as_str(),
            };
            format!("invalid type: {found}, expected {expected}{}", place(key.as_deref(), origin.as_deref()))
        }
        Cause::At { error, origin, key } => {
            format!("{}{}", described(error), place(key.as_deref(), origin.as_deref()))
        }
        Cause::FileParse { uri, cause } => {
            let text = without_excerpt(&cause.to_string());
            format!("{}{}", without_secrets(&text), place(None, uri.as_deref()))
        }
        other => without_secrets(&in_words(&other.to_string())),
    }
}

/// Puts the libraries' terms into those of the documents.
fn in_words(text: &str) -> String {
    text.replace("unknown variant", "unknown value")
        .replace("unknown field", "unknown key")
        .replace("invalid socket address syntax", "expected an address with a port, such as 127.0.0.1:8080,")
}

fn place(key: Option<&str>, origin: Option<&str>) -> String {
    let key = key.map(|key| format!(" for key `{key}`")).unwrap_or_default();
    let origin = origin.map(|origin| format!(" in {}", without_secrets(origin))).unwrap_or_default();
    key + &origin
}

/// Removes the wrong line of the file, which an error of TOML shows.
fn without_excerpt(text: &str) -> String {
    let is_excerpt =
        |line: &&str| line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ').starts_with('|');
    text.lines().filter(|line| !is_excerpt(line)).collect::<Vec<_>>().join(": ")
}

/// Returns a text of any origin without the URL that it may quote, and without the text after it: it is not certain where a
/// malformed URL ends.
pub fn without_secrets(text: &str) -> String {
    let word = text.to_ascii_lowercase().find(PASSWORD);
    let may_be_secret = word.is_some()
        || text.contains("://")
        || text.contains('@')
        || text.split_whitespace().any(has_inner_colon);
    if !may_be_secret {
        return text.to_owned();
    }
    let first = text.find([':', '@', '%']).into_iter().chain(word).min().unwrap_or(0);
    let space = text[..first].char_indices().rev().find(|(_, c)| c.is_whitespace());
    let begin = space.map_or(0, |(place, c)| place + c.len_utf8());
    // A quotation mark in front is not part of the URL.
    let quotation = usize::from(text[begin..].starts_with(['"', '\'', '`']));
    format!("{}***", &text[..begin + quotation])
}

/// Whether a word looks like `user:password`, but not like `configuration: …` or `127.0.0.1:9464`.
fn has_inner_colon(word: &str) -> bool {
    word.split_once(':')
        .is_some_and(|(_, after)| after.starts_with(|c: char| !c.is_ascii_digit() && c != ':'))
}

/// Whether a word may be repeated in a message: it is no URL, and does not look like one.
pub fn is_harmless(word: &str) -> bool {
    let is_plain = word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.,+=".contains(&b));
    is_plain && word.len() <= LONGEST_WORD && !word.to_ascii_lowercase().contains(PASSWORD)
}

/// Returns the message without those of the `quoted` words, which come from a command line, that may be secret. Where they are quoted
/// they are left out in any case; elsewhere, such as in the words of whoever read the value, if they look like an address or a
/// password: of a word like `{`, what stands there is the program's own.
pub fn without_quoted<'a>(message: &str, quoted: impl IntoIterator<Item = &'a str>) -> String {
    let secret = quoted.into_iter().filter(|word| !word.is_empty() && !is_harmless(word));
    secret.fold(message.to_owned(), |message, word| {
        if looks_secret(word) {
            return message.replace(word, "***");
        }
        message.replace(&format!("'{word}'"), "'***'").replace(&format!("-- {word}'"), "-- ***'")
    })
}

fn looks_secret(word: &str) -> bool {
    word.contains("://")
        || word.contains('@')
        || word.len() > LONGEST_WORD
        || word.to_ascii_lowercase().contains(PASSWORD)
        || word.split_whitespace().any(has_inner_colon)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_url_is_left_out_and_everything_after_it() {
        for (text, shown) in [
            ("must be 1 at least", "must be 1 at least"),
            ("no such file", "no such file"),
            ("127.0.0.1:9464 is taken", "127.0.0.1:9464 is taken"),
            ("file \"amqp://u:p@h\" not found", "file \"***"),
            ("unknown variant u:p@h, expected one of a", "unknown variant ***"),
            ("unknown variant `u:p q`, expected", "unknown variant `***"),
            ("bad: u p@h", "***"),
            ("no file \"host=h Password=p\"", "no file \"host=h ***"),
        ] {
            assert_eq!(without_secrets(text), shown, "{text}");
        }
    }

    #[test]
    fn what_is_quoted_from_a_command_line_is_left_out_unless_it_is_a_plain_word() {
        let message = "invalid value 'u:p q@h' for '--limit <N>'; tip: use '-- u:p q@h'";
        assert_eq!(
            without_quoted(message, ["u:p q@h"]),
            "invalid value '***' for '--limit <N>'; tip: use '-- ***'"
        );
        assert_eq!(
            without_quoted("unexpected argument '--once=x'", ["--once=x"]),
            "unexpected argument '--once=x'"
        );
        // What the program says itself is no value, though it has the same letters.
        let message = "invalid value '{' for '[JSON]': expected a JSON object, such as {\"batch_size\": 100}";
        let shown = "invalid value '***' for '[JSON]': expected a JSON object, such as {\"batch_size\": 100}";
        assert_eq!(without_quoted(message, ["{"]), shown);
        let message = "unexpected argument '--a/b' found; tip: to pass '--a/b' as a value, use '-- --a/b'";
        let shown = "unexpected argument '***' found; tip: to pass '***' as a value, use '-- ***'";
        assert_eq!(without_quoted(message, ["--a/b"]), shown);
    }

    #[test]
    fn the_line_that_is_wrong_is_not_shown() {
        let text = "TOML parse error at line 1, column 7\n  |\n1 | url = \"amqp://u:secret@h\n  |       ^\ninvalid string\n";
        assert_eq!(without_excerpt(text), "TOML parse error at line 1, column 7: invalid string");
    }
}
