//! The smallest interest on late payments that a business in France may set: three times the legal interest rate (Code de commerce, L441-10, II).
//!
//! The legal rate is that of creditors who are no consumers. It holds for half a year, and is published in the Journal officiel each June and December (Code monétaire et
//! financier, L313-2 and D313-1-A). From 2016 on: no business date is older (`business_date.rs`). Where the last half-year that is known here is over, its rate is taken.

use chrono::{Datelike, NaiveDate};

use super::business_date::BusinessDate;
use super::invalid::Invalid;
use super::money::VatRate;

/// The legal rate of a half-year.
struct Legal {
    year: i32,
    /// 1 is January to June, 2 July to December.
    half: u32,
    /// In hundredths of a percent.
    hundredths: u16,
}

const fn legal(year: i32, half: u32, hundredths: u16) -> Legal {
    Legal { year, half, hundredths }
}

/// Every half-year, the oldest first.
const RATES: &[Legal] = &[
    legal(2016, 1, 101),
    legal(2016, 2, 93),
    legal(2017, 1, 90),
    legal(2017, 2, 90),
    legal(2018, 1, 89),
    legal(2018, 2, 88),
    legal(2019, 1, 86),
    legal(2019, 2, 87),
    legal(2020, 1, 87),
    legal(2020, 2, 84),
    legal(2021, 1, 79),
    legal(2021, 2, 76),
    legal(2022, 1, 76),
    legal(2022, 2, 77),
    legal(2023, 1, 206),
    // Arrêté of 27 June 2023.
    legal(2023, 2, 422),
    // Arrêté of 21 December 2023.
    legal(2024, 1, 507),
    legal(2024, 2, 492),
    legal(2025, 1, 371),
    // Arrêté of 19 June 2025.
    legal(2025, 2, 276),
    // Arrêté of 15 December 2025.
    legal(2026, 1, 262),
];

/// The smallest rate is this many times the legal one.
const TIMES: u16 = 3;

/// The legal rate on a day, in hundredths of a percent.
fn hundredths(on: NaiveDate) -> u16 {
    let wanted = (on.year(), if on.month() <= 6 { 1 } else { 2 });
    let begun = RATES.iter().rev().find(|rate| (rate.year, rate.half) <= wanted);
    begun.or(RATES.first()).map_or(0, |rate| rate.hundredths)
}

/// Checks a yearly rate that a business in France has set, on this day.
///
/// # Errors
/// `late_interest_too_low` if it is less than three times the legal rate.
pub fn check(rate: &VatRate, on: BusinessDate) -> Result<(), Invalid> {
    let known = hundredths(on.date());
    let (legal, least) = (VatRate::hundredths(known), VatRate::hundredths(known.saturating_mul(TIMES)));
    if rate.value() >= least.value() {
        return Ok(());
    }
    let message = format!(
        "{rate} % a year is too low on {on}: it is at least {least} %, three times the legal interest rate of {legal} % (Code de commerce, article L441-10, II); without a rate, the European Central Bank's and ten points hold"
    );
    Err(Invalid::new("late_interest_too_low", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(text: &str) -> BusinessDate {
        BusinessDate::parse(text).expect("a date")
    }

    fn rate(text: &str) -> VatRate {
        VatRate::parse(text).expect("a rate")
    }

    #[test]
    fn every_half_year_has_one_rate_and_none_is_left_out() {
        for pair in RATES.windows(2) {
            let (one, next) = (&pair[0], &pair[1]);
            let follows = if one.half == 1 { (one.year, 2) } else { (one.year + 1, 1) };
            assert_eq!((next.year, next.half), follows);
        }
    }

    #[test]
    fn the_smallest_rate_is_three_times_the_legal_one_of_that_half_year() {
        for (day, least, below) in [
            ("2016-06-30", "3.03", "3.02"),
            ("2016-07-01", "2.79", "2.78"),
            ("2023-12-31", "12.66", "12.65"),
            ("2024-01-01", "15.21", "15.2"),
            ("2025-12-31", "8.28", "8.27"),
            ("2026-01-01", "7.86", "7.85"),
            // Before the first that is known.
            ("2015-01-01", "3.03", "3.02"),
        ] {
            assert_eq!(check(&rate(least), on(day)), Ok(()), "{day}");
            let refused = check(&rate(below), on(day)).map_err(|refused| refused.code);
            assert_eq!(refused, Err("late_interest_too_low"), "{day}");
        }
    }

    #[test]
    fn the_last_rate_that_is_known_holds_on() {
        let last = RATES.last().expect("a rate").hundredths;
        let later = NaiveDate::from_ymd_opt(2199, 12, 31).expect("a date");
        assert_eq!(hundredths(later), last);
    }

    #[test]
    fn the_refusal_names_the_rule_what_was_given_and_the_smallest() {
        let refused = check(&rate("5"), on("2026-03-01")).expect_err("refused");
        for part in ["5 %", "2026-03-01", "7.86 %", "2.62 %", "L441-10, II"] {
            assert!(refused.message.contains(part), "{part}: {}", refused.message);
        }
    }
}
