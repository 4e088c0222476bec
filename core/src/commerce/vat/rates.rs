//! The rates of VAT, with their dates. For France all of them (CGI 278 to 281 nonies, 294 to 297); for the other member states the standard
//! rate (European Commission, "VAT rates applied in the member states"). From 2016 on: no business date is older
//! (`values/business_date.rs`).

use chrono::NaiveDate;

use super::territories::Territory;
use crate::values::business_date::BusinessDate;
use crate::values::money::VatRate;

/// What kind of rate it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Standard,
    Reduced,
}

struct Dated {
    area: &'static str,
    kind: Kind,
    /// In hundredths of a percent.
    hundredths: u16,
    /// Year, month, day; `None` if it held before 2016.
    from: Option<(i32, u32, u32)>,
    /// The first day on which it held no more.
    until: Option<(i32, u32, u32)>,
}

const fn standard(area: &'static str, hundredths: u16) -> Dated {
    Dated { area, kind: Kind::Standard, hundredths, from: None, until: None }
}

const fn reduced(area: &'static str, hundredths: u16) -> Dated {
    Dated { area, kind: Kind::Reduced, hundredths, from: None, until: None }
}

impl Dated {
    const fn from(mut self, year: i32, month: u32, day: u32) -> Self {
        self.from = Some((year, month, day));
        self
    }

    const fn until(mut self, year: i32, month: u32, day: u32) -> Self {
        self.until = Some((year, month, day));
        self
    }

    fn holds(&self, on: NaiveDate) -> bool {
        let day = |(year, month, day)| NaiveDate::from_ymd_opt(year, month, day);
        self.from.and_then(day).is_none_or(|first| on >= first)
            && self.until.and_then(day).is_none_or(|end| on < end)
    }
}

const RATES: &[Dated] = &[
    standard("FR", 2000),
    reduced("FR", 1000),
    reduced("FR", 550),
    reduced("FR", 210),
    // Corsica (CGI 297).
    reduced("FR", 1300),
    reduced("FR", 90),
    // Guadeloupe, Martinique, Réunion (CGI 296).
    standard("FR-ANTILLES", 850),
    reduced("FR-ANTILLES", 210),
    reduced("FR-ANTILLES", 175),
    reduced("FR-ANTILLES", 105),
    standard("FR-RE", 850),
    reduced("FR-RE", 210),
    reduced("FR-RE", 175),
    reduced("FR-RE", 105),
    standard("AT", 2000),
    standard("BE", 2100),
    standard("BG", 2000),
    standard("CY", 1900),
    standard("CZ", 2100),
    standard("DE", 1900).until(2020, 7, 1),
    standard("DE", 1600).from(2020, 7, 1).until(2021, 1, 1),
    standard("DE", 1900).from(2021, 1, 1),
    standard("DK", 2500),
    standard("EE", 2000).until(2024, 1, 1),
    standard("EE", 2200).from(2024, 1, 1).until(2025, 7, 1),
    standard("EE", 2400).from(2025, 7, 1),
    standard("ES", 2100),
    standard("FI", 2400).until(2024, 9, 1),
    standard("FI", 2550).from(2024, 9, 1),
    standard("GR", 2300).until(2016, 6, 1),
    standard("GR", 2400).from(2016, 6, 1),
    standard("HR", 2500),
    standard("HU", 2700),
    standard("IE", 2300).until(2020, 9, 1),
    standard("IE", 2100).from(2020, 9, 1).until(2021, 3, 1),
    standard("IE", 2300).from(2021, 3, 1),
    standard("IT", 2200),
    standard("LT", 2100),
    standard("LU", 1700).until(2023, 1, 1),
    standard("LU", 1600).from(2023, 1, 1).until(2024, 1, 1),
    standard("LU", 1700).from(2024, 1, 1),
    standard("LV", 2100),
    standard("MT", 1800),
    standard("NL", 2100),
    standard("PL", 2300),
    standard("PT", 2300),
    standard("RO", 2000).until(2017, 1, 1),
    standard("RO", 1900).from(2017, 1, 1).until(2025, 8, 1),
    standard("RO", 2100).from(2025, 8, 1),
    standard("SE", 2500),
    standard("SI", 2200),
    standard("SK", 2000).until(2025, 1, 1),
    standard("SK", 2300).from(2025, 1, 1),
    standard("XI", 2000),
];

/// The areas of which all rates are known.
const KNOWN_WHOLE: [&str; 3] = ["FR", "FR-ANTILLES", "FR-RE"];

/// The standard rate of a territory on a day; `None` where it is not known.
pub fn standard_rate(territory: &Territory, on: BusinessDate) -> Option<VatRate> {
    in_force(territory, on)
        .find(|rate| rate.kind == Kind::Standard)
        .map(|rate| VatRate::hundredths(rate.hundredths))
}

/// All rates above zero of a territory on a day, the highest first; `None` where not all are known.
pub fn all(territory: &Territory, on: BusinessDate) -> Option<Vec<VatRate>> {
    if !KNOWN_WHOLE.contains(&territory.area()) {
        return None;
    }
    let mut rates: Vec<u16> = in_force(territory, on).map(|rate| rate.hundredths).collect();
    rates.sort_unstable_by(|a, b| b.cmp(a));
    Some(rates.into_iter().map(VatRate::hundredths).collect())
}

fn in_force(territory: &Territory, on: BusinessDate) -> impl Iterator<Item = &'static Dated> {
    RATES.iter().filter(move |rate| rate.area == territory.area() && rate.holds(on.date()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::contact::Country;

    fn territory(country: &str, postal_code: Option<&str>) -> Territory {
        Territory::of(&Country::parse(country).expect("a country"), postal_code)
    }

    fn on(text: &str) -> BusinessDate {
        BusinessDate::parse(text).expect("a date")
    }

    #[test]
    fn rates_have_their_days() {
        for (country, day, rate) in [
            ("FR", "2026-11-30", "20"),
            ("DE", "2020-06-30", "19"),
            ("DE", "2020-07-01", "16"),
            ("DE", "2020-12-31", "16"),
            ("DE", "2021-01-01", "19"),
            ("EE", "2025-06-30", "22"),
            ("EE", "2025-07-01", "24"),
            ("FI", "2024-09-01", "25.5"),
            ("RO", "2025-08-01", "21"),
            ("LU", "2023-06-01", "16"),
            ("MC", "2026-01-01", "20"),
        ] {
            let standard = standard_rate(&territory(country, None), on(day)).expect("known");
            assert_eq!(standard.to_string(), rate, "{country} {day}");
        }
        assert_eq!(standard_rate(&territory("US", None), on("2026-01-01")), None);
        assert_eq!(standard_rate(&territory("ES", Some("35001")), on("2026-01-01")), None);
    }

    #[test]
    fn every_member_state_has_one_standard_rate_on_every_day() {
        for code in [
            "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT",
            "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
        ] {
            let place = territory(code, None);
            let mut day = NaiveDate::from_ymd_opt(2016, 1, 1).expect("a date");
            while day < NaiveDate::from_ymd_opt(2027, 1, 1).expect("a date") {
                let standards = in_force(&place, BusinessDate::stored(day))
                    .filter(|rate| rate.kind == Kind::Standard)
                    .count();
                assert_eq!(standards, 1, "{code} {day}");
                day = day.succ_opt().expect("a day");
            }
        }
    }

    #[test]
    fn all_french_rates_are_known() {
        let texts = |place: &Territory| -> Option<Vec<String>> {
            all(place, on("2026-01-01")).map(|rates| rates.iter().map(ToString::to_string).collect())
        };
        let french: Vec<String> = ["20", "13", "10", "5.5", "2.1", "0.9"].map(str::to_owned).to_vec();
        assert_eq!(texts(&territory("FR", None)), Some(french));
        let reunion: Vec<String> = ["8.5", "2.1", "1.75", "1.05"].map(str::to_owned).to_vec();
        assert_eq!(texts(&territory("RE", None)), Some(reunion));
        assert_eq!(texts(&territory("DE", None)), None);
    }
}
