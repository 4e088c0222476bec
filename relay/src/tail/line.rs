//! One settled event as a line, for people or as JSON.

use anstyle::{AnsiColor, Style};
use chrono::{DateTime, SecondsFormat, Utc};
use comptoir_core::outbox::tail::Settled;
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use comptoir_core::values::printable::printable_line;

const QUIET: Style = AnsiColor::BrightBlack.on_default();
const EVENT: Style = AnsiColor::Cyan.on_default().bold();
const SLOW: Style = AnsiColor::Yellow.on_default();
const DEAD: Style = AnsiColor::Red.on_default().bold();
/// A delay of at least this is highlighted.
const SLOW_MS: i64 = 1000;

#[derive(Debug, Clone, Copy)]
pub(super) struct Format {
    pub(super) json: bool,
    pub(super) payload: bool,
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    published_at: Option<DateTime<Utc>>,
    /// Only dead letters have this and the next two fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<&'a str>,
    occurred_at: DateTime<Utc>,
    delay_ms: i64,
    event_type: &'a str,
    schema_version: i16,
    aggregate_type: &'a str,
    aggregate_id: &'a str,
    aggregate_version: Option<i64>,
    id: Uuid,
    tenant_id: Uuid,
    retry_count: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Box<RawValue>>,
}

impl Format {
    /// Returns the line with its line feed.
    pub(super) fn line(self, row: &Settled) -> String {
        if self.json { json(row) } else { text(row) }
    }
}

fn text(row: &Settled) -> String {
    let delay = delay_ms(row);
    let (quiet, event, slow) = (QUIET, EVENT, if delay >= SLOW_MS { SLOW } else { QUIET });
    let mut line = format!(
        "{quiet}{}{quiet:#} {event}{}{event:#} {} {}",
        row.settled_at.to_rfc3339_opts(SecondsFormat::Millis, true),
        printable_line(&row.event_type),
        printable_line(&row.aggregate_type),
        printable_line(&row.aggregate_id),
    );
    if let Some(version) = row.aggregate_version {
        line += &format!(" v{version}");
    }
    line += &format!(" {quiet}{}{quiet:#}", row.id);
    if !row.tenant_id.is_nil() {
        line += &format!(" {quiet}tenant {}{quiet:#}", row.tenant_id);
    }
    line += &format!(" {slow}+{}{slow:#}", duration(delay));
    if row.retry_count > 0 {
        line += &format!(" {SLOW}{} retries{SLOW:#}", row.retry_count);
    }
    if let Some(reason) = &row.reason {
        line += &format!(" {DEAD}dead letter: {}{DEAD:#}", printable_line(reason));
        if let Some(error) = &row.last_error {
            line += &format!(" ({})", printable_line(error));
        }
    }
    if let Some(payload) = &row.payload {
        line += &format!("\n    {}", printable_line(&one_line(payload)));
    }
    line.push('\n');
    line
}

fn json(row: &Settled) -> String {
    let is_dead = row.reason.is_some();
    let line = Line {
        published_at: (!is_dead).then_some(row.settled_at),
        failed_at: is_dead.then_some(row.settled_at),
        reason: row.reason.as_deref(),
        last_error: row.last_error.as_deref().filter(|_| is_dead),
        occurred_at: row.occurred_at,
        delay_ms: delay_ms(row),
        event_type: &row.event_type,
        schema_version: row.schema_version,
        aggregate_type: &row.aggregate_type,
        aggregate_id: &row.aggregate_id,
        aggregate_version: row.aggregate_version,
        id: row.id,
        tenant_id: row.tenant_id,
        retry_count: row.retry_count,
        payload: row.payload.as_ref().and_then(|payload| RawValue::from_string(one_line(payload)).ok()),
    };
    // A struct of plain values always serialises.
    serde_json::to_string(&line).unwrap_or_default() + "\n"
}

/// Line breaks occur in JSON only between its tokens; every other character stays as it is.
fn one_line(json: &str) -> String {
    json.replace(['\n', '\r'], " ").trim().to_owned()
}

/// Returns the time from the writer's `occurred_at` to the settle. It is negative if the writer's clock is ahead of the
/// database's.
fn delay_ms(row: &Settled) -> i64 {
    (row.settled_at - row.occurred_at).num_milliseconds()
}

fn duration(ms: i64) -> String {
    match ms {
        ..1000 => format!("{ms} ms"),
        1000..60_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        60_000..3_600_000 => format!("{} min", ms / 60_000),
        _ => format!("{} h", ms / 3_600_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(payload: Option<&str>) -> Settled {
        let at = |text: &str| DateTime::parse_from_rfc3339(text).expect("a time").to_utc();
        Settled {
            settled_at: at("2026-01-31T12:00:01.5Z"),
            reason: None,
            last_error: None,
            occurred_at: at("2026-01-31T12:00:00Z"),
            id: Uuid::nil(),
            tenant_id: Uuid::from_u128(7),
            aggregate_type: "order".to_owned(),
            aggregate_id: "o-1\x1b[2J".to_owned(),
            aggregate_version: Some(3),
            event_type: "order.placed".to_owned(),
            schema_version: 1,
            retry_count: 0,
            payload: payload.map(str::to_owned),
        }
    }

    #[test]
    fn a_line_says_what_when_of_what_and_how_late() {
        let line = Format { json: false, payload: false }.line(&published(None));
        let plain = anstream::adapter::strip_str(&line).to_string();
        assert_eq!(
            plain,
            "2026-01-31T12:00:01.500Z order.placed order o-1\u{fffd}[2J v3 00000000-0000-0000-0000-000000000000 \
             tenant 00000000-0000-0000-0000-000000000007 +1.5 s\n"
        );
    }

    #[test]
    fn a_dead_letter_says_that_it_is_one_and_why() {
        let dead = Settled {
            reason: Some("unroutable".to_owned()),
            last_error: Some("no queue is bound".to_owned()),
            ..published(None)
        };
        let line =
            anstream::adapter::strip_str(&Format { json: false, payload: false }.line(&dead)).to_string();
        assert!(line.ends_with(" +1.5 s dead letter: unroutable (no queue is bound)\n"), "{line}");
        let json: serde_json::Value =
            serde_json::from_str(&Format { json: true, payload: false }.line(&dead)).expect("JSON");
        assert_eq!(
            (&json["reason"], &json["published_at"]),
            (&"unroutable".into(), &serde_json::Value::Null)
        );
        assert_eq!(json["failed_at"], "2026-01-31T12:00:01.500Z");
    }

    #[test]
    fn json_is_one_line_and_keeps_every_digit_of_the_payload() {
        let line = Format { json: true, payload: true }.line(&published(Some("{\n  \"a\": 1.10\n}\n")));
        assert_eq!(line.lines().count(), 1);
        assert!(line.ends_with("\"payload\":{   \"a\": 1.10 }}\n"), "{line}");
    }

    #[test]
    fn delays_are_readable() {
        for (ms, text) in
            [(-3, "-3 ms"), (999, "999 ms"), (1_250, "1.2 s"), (90_000, "1 min"), (7_200_000, "2 h")]
        {
            assert_eq!(duration(ms), text);
        }
    }
}
