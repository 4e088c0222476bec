//! When an invoice is due.

use chrono::{Datelike, Days, NaiveDate};
use serde::Serialize;
use utoipa::ToSchema;

use crate::values::invalid::Invalid;

/// The days after the date of an invoice until which it is to be paid, such as "45 days end of month".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct PaymentTerms {
    /// The number of days, from 0 to 365. France allows 60, or 45 to the end of the month (Code de commerce, article L441-10).
    #[schema(example = 45, minimum = 0, maximum = 365)]
    days: i16,
    /// Whether the invoice is due at the end of the month in which these days end.
    end_of_month: bool,
}

impl PaymentTerms {
    const MAX_DAYS: i16 = 365;

    /// # Errors
    /// `out_of_range` if the days are fewer than 0 or more than 365.
    pub fn new(days: i16, end_of_month: bool) -> Result<Self, Invalid> {
        if (0..=Self::MAX_DAYS).contains(&days) {
            return Ok(Self { days, end_of_month });
        }
        Err(Invalid::new("out_of_range", format!("days must be from 0 to {}", Self::MAX_DAYS)))
    }

    /// Wraps terms from the database, where they were checked before they were stored.
    pub(crate) fn stored(days: i16, end_of_month: bool) -> Self {
        Self { days, end_of_month }
    }

    pub fn days(self) -> i16 {
        self.days
    }

    pub fn is_end_of_month(self) -> bool {
        self.end_of_month
    }

    /// The day until which an invoice of this date is to be paid: the days later, and then, if it was agreed, at the end of that month.
    pub fn due_on(self, date: NaiveDate) -> NaiveDate {
        let days = Days::new(u64::try_from(self.days).unwrap_or_default());
        let due = date.checked_add_days(days).unwrap_or(NaiveDate::MAX);
        if self.end_of_month { end_of_month(due) } else { due }
    }
}

fn end_of_month(date: NaiveDate) -> NaiveDate {
    let (year, month) =
        if date.month() == 12 { (date.year() + 1, 1) } else { (date.year(), date.month() + 1) };
    let next = NaiveDate::from_ymd_opt(year, month, 1);
    next.and_then(|first| first.pred_opt()).unwrap_or(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_the_days_later_or_at_the_end_of_that_month() {
        let due = |days, end_of_month, date: &str| {
            let terms = PaymentTerms::new(days, end_of_month).expect("valid");
            terms.due_on(date.parse().expect("a date")).to_string()
        };
        assert_eq!(due(30, false, "2026-01-31"), "2026-03-02");
        assert_eq!(due(0, false, "2026-12-31"), "2026-12-31");
        assert_eq!(due(45, true, "2026-01-10"), "2026-02-28");
        assert_eq!(due(45, true, "2026-11-20"), "2027-01-31");
        assert_eq!(due(45, true, "2028-01-10"), "2028-02-29");
        assert_eq!(due(0, true, "2026-12-05"), "2026-12-31");
    }

    #[test]
    fn days_are_from_0_to_365() {
        for (days, expected) in [(-1, false), (0, true), (365, true), (366, false)] {
            assert_eq!(PaymentTerms::new(days, false).is_ok(), expected, "{days}");
        }
    }
}
