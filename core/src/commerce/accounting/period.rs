//! The days that a report is about.

use chrono::{Days, Months, NaiveDate};

use crate::values::business_date::BusinessDate;
use crate::values::invalid::Invalid;

/// The maximum length of an accounting export: one fiscal year (Code de commerce, L123-12), which may be a leap year.
pub const MAX_FEC_DAYS: u64 = 366;
/// The maximum length of a report on sales or on VAT: ten years, as long as documents are kept.
pub const MAX_SALES_DAYS: u64 = 3_660;

/// A range of days with both ends in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountingPeriod {
    first: NaiveDate,
    last: NaiveDate,
}

impl AccountingPeriod {
    /// # Errors
    /// `end_before_start` if it ends before it begins, `too_long` if it has more than `most` days.
    pub fn new(from: BusinessDate, to: BusinessDate, most: u64) -> Result<Self, Invalid> {
        let (first, last) = (from.date(), to.date());
        if last < first {
            let message = format!("a period ends when it begins, {from}, or later, not on {to}");
            return Err(Invalid::new("end_before_start", message));
        }
        let latest = first.checked_add_days(Days::new(most - 1)).unwrap_or(NaiveDate::MAX);
        if last > latest {
            let message = format!("a period has at most {most} days: until {latest}, if it begins on {from}");
            return Err(Invalid::new("too_long", message));
        }
        Ok(Self { first, last })
    }

    /// A period of at most one fiscal year.
    ///
    /// # Errors
    /// Fails as [`Self::new`] does.
    pub fn fiscal(from: BusinessDate, to: BusinessDate) -> Result<Self, Invalid> {
        let period = Self::new(from, to, MAX_FEC_DAYS)?;
        // 366 days are a year only if there is a 29 February among them.
        let next = period.first.checked_add_months(Months::new(12)).unwrap_or(NaiveDate::MAX);
        if period.last >= next {
            let message = format!("an export is of one fiscal year at most: until the day before {next}");
            return Err(Invalid::new("too_long", message));
        }
        Ok(period)
    }

    pub fn first(self) -> NaiveDate {
        self.first
    }

    pub fn last(self) -> NaiveDate {
        self.last
    }

    pub(super) fn contains(self, day: NaiveDate) -> bool {
        (self.first..=self.last).contains(&day)
    }

    pub(super) fn days(self) -> impl Iterator<Item = NaiveDate> {
        self.first.iter_days().take_while(move |day| *day <= self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fiscal_year_is_the_longest_export() {
        let day = |text: &str| BusinessDate::parse(text).expect("a date");
        let code = |from: &str, to: &str| match AccountingPeriod::fiscal(day(from), day(to)) {
            Ok(_) => "",
            Err(refused) => refused.code,
        };
        assert_eq!(code("2026-01-01", "2026-12-31"), "");
        assert_eq!(code("2026-01-01", "2027-01-01"), "too_long");
        assert_eq!(code("2028-01-01", "2028-12-31"), "", "a leap year has 366 days");
        assert_eq!(code("2026-07-01", "2027-06-30"), "");
        assert_eq!(code("2026-01-02", "2026-01-01"), "end_before_start");
        let one = AccountingPeriod::new(day("2026-02-28"), day("2026-03-01"), 2).expect("valid");
        assert_eq!(one.days().count(), 2);
        assert!(one.contains(one.last()) && !one.contains(day("2026-03-02").date()));
    }
}
