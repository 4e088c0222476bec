//! What became of a piece of the file, and what all requests of the loader share: refusals, and keys under which a request
//! can be repeated.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::client::{Answer, GaveUp};
use super::rows::{RefusedRow, Row};

/// The longest reference, tracking number and reason that the API accepts, in characters.
pub(super) const REFERENCE_AT_MOST: usize = 100;
pub(super) const REASON_AT_MOST: usize = 500;

/// The API's reason for refusing a row or a document.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }

    pub(super) fn of(answer: &Answer) -> Self {
        Self { code: answer.reason(), message: answer.message() }
    }

    pub(super) fn of_row(&self, row: Row) -> RefusedRow {
        RefusedRow::new(row, &self.code, &self.message)
    }
}

/// The reason why a step did not succeed.
#[derive(Debug)]
pub(super) enum Problem {
    /// The data is refused: it goes to the list of refused rows.
    Refused(Refusal),
    /// A fault: it is reported, and the load is not complete.
    Failed(String),
    /// The API is not reached: the load stops.
    GaveUp(String),
}

impl From<GaveUp> for Problem {
    fn from(GaveUp(message): GaveUp) -> Self {
        Self::GaveUp(message)
    }
}

impl Problem {
    /// A fault, with the answer that it was.
    pub(super) fn unexpected(path: &str, answer: &Answer) -> Self {
        Self::Failed(format!("POST {path}: {} {}: {}", answer.status, answer.code(), answer.message()))
    }

    pub(super) fn message(&self) -> String {
        match self {
            Self::Refused(refusal) => refusal.message.clone(),
            Self::Failed(message) => message.clone(),
            Self::GaveUp(message) => format!("gave up: {message}"),
        }
    }
}

/// The outcome of an invoice.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// The order's state; `None` if there is no order.
    pub(super) status: Option<String>,
    /// Documents.
    pub(super) returns: u64,
    pub(super) write_offs: u64,
    pub(super) refused: Vec<RefusedRow>,
}

/// Takes the lines out that the answer refuses: those that it points at, or all of them if it points at none.
pub(super) fn take_refused<T>(answer: &Answer, lines: &mut Vec<T>) -> Vec<(T, Refusal)> {
    let mut reasons: Vec<Option<Refusal>> = lines.iter().map(|_| None).collect();
    for error in answer.body["errors"].as_array().into_iter().flatten() {
        let text = |name: &str| error[name].as_str().unwrap_or_default();
        if let Some(slot) = line_of(text("pointer")).and_then(|index| reasons.get_mut(index)) {
            slot.get_or_insert(Refusal::new(text("code"), text("message")));
        }
    }
    let points_at_none = reasons.iter().all(Option::is_none);
    let mut refused = Vec::new();
    for (line, reason) in std::mem::take(lines).into_iter().zip(reasons) {
        match reason {
            Some(reason) => refused.push((line, reason)),
            None if points_at_none => refused.push((line, Refusal::of(answer))),
            None => lines.push(line),
        }
    }
    refused
}

/// Whether a problem is one of lines, and not of the whole.
pub(super) fn points_at_lines(answer: &Answer) -> bool {
    let mut errors = answer.body["errors"].as_array().into_iter().flatten();
    errors.any(|error| error["pointer"].as_str().and_then(line_of).is_some())
}

/// Returns the index of the line in a pointer such as `/lines/3/quantity`.
fn line_of(pointer: &str) -> Option<usize> {
    pointer.strip_prefix("/lines/")?.split('/').next()?.parse().ok()
}

/// Returns the item of a list whose member has exactly this text: the API's filter may match more.
pub(super) fn item_with<'a>(list: &'a Value, member: &str, text: &str) -> Option<&'a Value> {
    list["data"].as_array()?.iter().find(|item| item[member] == text)
}

/// Returns a text that is made of an invoice's number, as the API accepts it: the end of one that has more than `most` characters gives way
/// to a digest of the whole. So it is the same in every run, and two different ones stay different.
pub(super) fn fitted(text: String, most: usize) -> String {
    if text.chars().count() <= most {
        return text;
    }
    let digest = hex::encode(&Sha256::digest(&text)[..8]);
    let kept: String = text.chars().take(most.saturating_sub(digest.len() + 1)).collect();
    format!("{kept}~{digest}")
}

/// Returns a key that is the same for the same request in every run, and different for another body.
pub(super) fn idempotency_key(what: &str, body: &Value) -> String {
    let mut digest = Sha256::new();
    digest.update(what);
    digest.update([0]);
    digest.update(body.to_string());
    format!("load-orders-{}", hex::encode(&digest.finalize()[..20]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusing(pointers: &[&str]) -> Answer {
        let errors: Vec<Value> = pointers
            .iter()
            .map(|pointer| json!({"pointer": pointer, "code": "not_positive", "message": "no"}))
            .collect();
        Answer { status: 422, body: json!({"code": "invalid", "errors": errors}) }
    }

    #[test]
    fn the_lines_that_a_problem_points_at_are_refused_and_the_others_stay() {
        let answer = refusing(&["/lines/1/quantity", "/lines/3", "/lines/1/unit_price"]);
        let mut lines = vec![2, 3, 4, 5];
        let refused = take_refused(&answer, &mut lines);
        assert!(points_at_lines(&answer));
        assert_eq!(lines, [2, 4]);
        assert_eq!(refused.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [3, 5]);
        assert_eq!(refused[0].1.code, "not_positive");
    }

    #[test]
    fn a_problem_that_points_elsewhere_refuses_all_lines() {
        for pointers in [&["/customer_id"][..], &["/lines"], &["/lines/99/quantity"], &[]] {
            let mut lines = vec![2];
            assert_eq!(take_refused(&refusing(pointers), &mut lines).len(), 1, "{pointers:?}");
            assert!(lines.is_empty());
        }
        assert!(!points_at_lines(&refusing(&["/business_date"])));
    }

    #[test]
    fn a_text_that_is_too_long_ends_with_a_digest_of_the_whole() {
        assert_eq!(fitted("é".repeat(100), 100), "é".repeat(100), "characters are counted, not bytes");
        let (one, other) = (format!("{}1", "é".repeat(100)), format!("{}2", "é".repeat(100)));
        let short = fitted(one.clone(), 100);
        assert_eq!(short.chars().count(), 100);
        assert!(short.starts_with(&"é".repeat(83)), "{short}");
        assert_eq!(short, fitted(one, 100), "always the same");
        assert_ne!(short, fitted(other, 100));
    }

    #[test]
    fn a_key_depends_on_the_number_and_on_the_body() {
        let (a, b) = (json!({"lines": 1}), json!({"lines": 2}));
        assert_eq!(idempotency_key("1", &a), idempotency_key("1", &a));
        assert_ne!(idempotency_key("1", &a), idempotency_key("1", &b));
        assert_ne!(idempotency_key("1", &a), idempotency_key("2", &a));
    }
}
