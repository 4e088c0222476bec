//! When an invoice is due.

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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_from_0_to_365() {
        for (days, expected) in [(-1, false), (0, true), (365, true), (366, false)] {
            assert_eq!(PaymentTerms::new(days, false).is_ok(), expected, "{days}");
        }
    }
}
