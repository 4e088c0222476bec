//! The days of a sales file, moved so that its last day is today: the API accepts business dates of the last ten years, and
//! a company's reports are about its present.

use chrono::{Days, NaiveDate};

/// The oldest day that is sent, in days before today: a little less than the ten years that the API accepts.
const DAYS_BACK: u64 = 3_600;

#[derive(Debug, Clone)]
pub(super) struct Calendar {
    today: NaiveDate,
    /// Of the file; `None` if no row has a date that can be read.
    first_and_last: Option<(NaiveDate, NaiveDate)>,
}

impl Calendar {
    pub(super) fn new(today: NaiveDate) -> Self {
        Self { today, first_and_last: None }
    }

    /// Takes notice of a row's date.
    pub(super) fn note(&mut self, text: &str) {
        let Some(day) = parse(text) else { return };
        let (first, last) = self.first_and_last.unwrap_or((day, day));
        self.first_and_last = Some((first.min(day), last.max(day)));
    }

    /// Returns the business date of what happened on this day of the file. `None` if the text is no date: the API takes today.
    pub(super) fn moved(&self, text: &str) -> Option<String> {
        parse(text).and_then(|day| self.move_day(day))
    }

    /// The last day on which anything is dated.
    pub(super) fn today(&self) -> String {
        self.today.to_string()
    }

    /// Returns the business date of the file's first day.
    pub(super) fn first(&self) -> Option<String> {
        self.first_and_last.and_then(|(first, _)| self.move_day(first))
    }

    fn move_day(&self, day: NaiveDate) -> Option<String> {
        let (_, last) = self.first_and_last?;
        let oldest = self.today.checked_sub_days(Days::new(DAYS_BACK))?;
        let moved = day.checked_add_signed(self.today.signed_duration_since(last)).unwrap_or(oldest);
        Some(moved.max(oldest).to_string())
    }
}

/// Reads `2010-12-01 08:26:00`, or `12/1/2010 8:26`, month first, as copies of the "Online Retail" file have it.
fn parse(text: &str) -> Option<NaiveDate> {
    let day = text.split([' ', 'T']).next()?;
    ["%Y-%m-%d", "%m/%d/%Y"].iter().find_map(|format| NaiveDate::parse_from_str(day, format).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(dates: &[&str]) -> Calendar {
        let mut calendar = Calendar::new(NaiveDate::from_ymd_opt(2026, 12, 1).unwrap());
        dates.iter().for_each(|date| calendar.note(date));
        calendar
    }

    #[test]
    fn the_last_day_of_the_file_is_today_and_the_others_keep_their_distance() {
        let calendar = calendar(&["2010-12-01 08:26:00", "d", "2011-12-09 12:50:00"]);
        assert_eq!(calendar.moved("2011-12-09 09:00:00").as_deref(), Some("2026-12-01"));
        assert_eq!(calendar.moved("2011-12-08T23:59:59").as_deref(), Some("2026-11-30"));
        assert_eq!(calendar.first(), calendar.moved("12/1/2010 8:26"));
        assert_eq!(calendar.first().as_deref(), Some("2025-11-23"));
    }

    #[test]
    fn what_is_too_old_for_the_api_is_as_old_as_it_may_be() {
        let calendar = calendar(&["1980-01-01", "2011-12-09"]);
        assert_eq!(calendar.moved("1980-01-01").as_deref(), Some("2017-01-22"));
    }

    #[test]
    fn a_file_without_dates_has_none() {
        let calendar = calendar(&["d", ""]);
        assert_eq!((calendar.first(), calendar.moved("d"), calendar.moved("2011-12-09")), (None, None, None));
    }
}
