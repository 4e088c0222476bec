//! When an invoice is due.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::values::invalid::Invalid;

/// The days after the date of an invoice until which it is to be paid, such as "45 days end of month".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentTerms {
    /// The number of days, from 0 to 365. France allows 60, or 45 to the end of the month (Code de commerce, article L441-10).
    #[schema(example = 45, minimum = 0, maximum = 365)]
    pub days: i16,
    /// Whether the invoice is due at the end of the month in which these days end.
    #[serde(default)]
    pub end_of_month: bool,
}

impl PaymentTerms {
    const MAX_DAYS: i16 = 365;

    /// # Errors
    /// `out_of_range` if the days are fewer than 0 or more than 365.
    pub fn check(self) -> Result<Self, Invalid> {
        if (0..=Self::MAX_DAYS).contains(&self.days) {
            return Ok(self);
        }
        Err(Invalid::new("out_of_range", format!("days must be from 0 to {}", Self::MAX_DAYS)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_from_0_to_365() {
        for (days, expected) in [(-1, false), (0, true), (365, true), (366, false)] {
            assert_eq!(PaymentTerms { days, end_of_month: false }.check().is_ok(), expected, "{days}");
        }
    }
}
