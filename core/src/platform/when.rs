//! Points in time on the command line (RFC 3339, a date, or how long ago), and as text.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, TimeDelta, Utc};

const EXPECTED: &str = "expected a time such as 2026-01-31T12:00:00Z, a date (midnight, UTC), or how long ago, such as 90m, 24h, 7d";

/// Parses a time of a command line. A time without an offset is UTC; a time ago counts from this machine's clock.
///
/// # Errors
/// Fails if it is no time; says what would be one.
pub fn parse(text: &str) -> Result<DateTime<Utc>, String> {
    parse_at(text.trim(), Utc::now()).ok_or_else(|| EXPECTED.to_owned())
}

/// Formats the time for people: UTC, to the second.
pub fn in_seconds(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn parse_at(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.to_utc());
    }
    // The formats below take a sign and any number of digits, too: nobody means a year such as +12345.
    if !has_year(text) {
        return now.checked_sub_signed(span(text)?);
    }
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some(date.and_time(NaiveTime::MIN).and_utc());
    }
    for format in ["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"] {
        if let Ok(local) = NaiveDateTime::parse_from_str(text, format) {
            return Some(local.and_utc());
        }
    }
    None
}

/// Whether the text begins with the four digits of a year.
fn has_year(text: &str) -> bool {
    let year = text.split_once('-').map_or("", |(year, _)| year);
    year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit())
}

fn span(text: &str) -> Option<TimeDelta> {
    let unit = text.chars().last()?;
    let count = text.strip_suffix(unit)?.parse::<u32>().ok()?.into();
    match unit {
        's' => TimeDelta::try_seconds(count),
        'm' => TimeDelta::try_minutes(count),
        'h' => TimeDelta::try_hours(count),
        'd' => TimeDelta::try_days(count),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<String> {
        let now = DateTime::parse_from_rfc3339("2026-03-01T12:00:00Z").expect("a time").to_utc();
        parse_at(text, now).map(|instant| instant.to_rfc3339())
    }

    #[test]
    fn times_dates_and_spans_are_understood() {
        for (text, meant) in [
            ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00+00:00"),
            ("2026-01-31T12:00:00.5+02:00", "2026-01-31T10:00:00.500+00:00"),
            ("2026-01-31", "2026-01-31T00:00:00+00:00"),
            ("2026-01-31 08:15", "2026-01-31T08:15:00+00:00"),
            ("90m", "2026-03-01T10:30:00+00:00"),
            ("7d", "2026-02-22T12:00:00+00:00"),
        ] {
            assert_eq!(at(text).as_deref(), Some(meant), "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "m",
            "yesterday",
            "-5m",
            "5w",
            "30M",
            "2026-02-30",
            "4294967295d",
            "+12345-1-1",
            "12345-01-01",
            "-2026-01-31 08:15",
        ] {
            assert_eq!(at(text), None, "{text}");
        }
    }
}
