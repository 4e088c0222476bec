//! The date of something in the business: when an order was made, when goods came. The client says it, within rules; what the clock
//! says is kept beside it.

use std::fmt;

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::invalid::Invalid;

/// How far back a business date may lie, in months: what was forgotten is still entered, and a year's data is loaded.
const MAX_MONTHS_BACK: u32 = 120;
/// How far ahead it may lie, in days: it is tomorrow already in the east.
const MAX_DAYS_AHEAD: u64 = 1;

/// How it is written: with four digits for the year, so none lies after 9999.
const FORMAT: &str = "%Y-%m-%d";
const LENGTH: usize = "2026-11-30".len();

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BusinessDate(NaiveDate);

impl BusinessDate {
    /// # Errors
    /// `not_a_date` if the text is not a date of the calendar, written `2026-11-30`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let wrong = || Invalid::new("not_a_date", "expected a date such as 2026-11-30 (RFC 3339, full-date)");
        if text.len() != LENGTH {
            return Err(wrong());
        }
        let date = NaiveDate::parse_from_str(text, FORMAT).map(Self).map_err(|_| wrong())?;
        // `+12345-1-1` and `  2026-1-9` parse too, but are not how a date is written.
        if date.to_string() == text { Ok(date) } else { Err(wrong()) }
    }

    /// The date of a moment, in UTC.
    pub fn of(moment: DateTime<Utc>) -> Self {
        Self(moment.date_naive())
    }

    pub(crate) fn stored(date: NaiveDate) -> Self {
        Self(date)
    }

    pub fn date(self) -> NaiveDate {
        self.0
    }

    pub fn year(self) -> i32 {
        self.0.year()
    }

    /// # Errors
    /// `out_of_range` if it lies more than ten years before `now`, or more than a day after.
    pub fn check(self, now: DateTime<Utc>) -> Result<(), Invalid> {
        let today = now.date_naive();
        let first = today.checked_sub_months(Months::new(MAX_MONTHS_BACK)).unwrap_or(NaiveDate::MIN);
        let last = today.checked_add_days(Days::new(MAX_DAYS_AHEAD)).unwrap_or(NaiveDate::MAX);
        if (first..=last).contains(&self.0) {
            Ok(())
        } else {
            let message = format!("a business date lies between {first} and {last}, not on {self}");
            Err(Invalid::new("out_of_range", message))
        }
    }
}

impl fmt::Display for BusinessDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format(FORMAT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_business_date_is_a_day_of_the_last_ten_years() {
        let now = DateTime::from_timestamp(1_796_000_000, 0).expect("a time");
        let code = |text: &str| match BusinessDate::parse(text).and_then(|date| date.check(now)) {
            Ok(()) => "",
            Err(refused) => refused.code,
        };
        for (text, expected) in [
            ("2026-11-29", ""),
            ("2026-12-01", ""),
            ("2026-12-02", "out_of_range"),
            ("2016-11-30", ""),
            ("2016-11-29", "out_of_range"),
            ("2026-02-30", "not_a_date"),
            ("29-11-2026", "not_a_date"),
            ("2026-11-29T00:00:00Z", "not_a_date"),
            ("2026-1-9", "not_a_date"),
            ("  2026-1-9", "not_a_date"),
            ("2026-  1-9", "not_a_date"),
            ("+2026-1-29", "not_a_date"),
            ("+12345-1-1", "not_a_date"),
            ("-999-11-29", "not_a_date"),
            ("9999-12-31", "out_of_range"),
            ("", "not_a_date"),
        ] {
            assert_eq!(code(text), expected, "{text}");
        }
    }
}
