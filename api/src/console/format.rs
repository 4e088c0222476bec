//! How amounts, quantities, dates and times are shown, in each language, and how typed amounts are read.

use bigdecimal::BigDecimal;
use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};
use chrono_tz::Tz;
use comptoir_core::values::business_date::BusinessDate;
use comptoir_core::values::language::Language;
use comptoir_core::values::money::{Money, UnitPrice};

use super::typography::{FIRM, THIN};

/// The minus sign (U+2212).
const MINUS: char = '\u{2212}';

const MONTHS_FR: [&str; 12] =
    ["janv.", "févr.", "mars", "avril", "mai", "juin", "juill.", "août", "sept.", "oct.", "nov.", "déc."];
const MONTHS_EN: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WHOLE_MONTHS_FR: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];
const WHOLE_MONTHS_EN: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS_FR: [&str; 7] = ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"];
const DAYS_EN: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// A point in time as a page shows it: `<time datetime="{machine}" title="{utc}">{shown}</time>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) shown: String,
    pub(crate) utc: String,
    pub(crate) machine: String,
}

/// The language and the time zone in which values are shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    language: Language,
    zone: Tz,
    now: DateTime<Utc>,
}

impl Format {
    /// `zone` is a name of the IANA time zone database.
    pub(crate) fn new(language: Language, zone: &str, now: DateTime<Utc>) -> Self {
        Self { language, zone: zone.parse().unwrap_or(Tz::UTC), now }
    }

    /// The name of the time zone, as browsers know it, too.
    pub(crate) fn zone(&self) -> &'static str {
        self.zone.name()
    }

    /// Today, in the company's time zone.
    pub(crate) fn today(&self) -> NaiveDate {
        self.now.with_timezone(&self.zone).date_naive()
    }

    /// Returns when a day begins in the company's time zone. Where clocks are put forward at midnight, that is the first
    /// moment there is.
    pub(crate) fn beginning(&self, day: NaiveDate) -> DateTime<Utc> {
        let hours = (0..4).filter_map(|hour| day.and_hms_opt(hour, 0, 0));
        let mut moments = hours.filter_map(|time| time.and_local_timezone(self.zone).earliest());
        moments.next().map_or_else(
            || DateTime::from_naive_utc_and_offset(day.and_time(chrono::NaiveTime::MIN), Utc),
            |moment| moment.to_utc(),
        )
    }

    /// An amount in a currency: `1 234,56 €`, `€1,234.56`.
    pub(crate) fn money(&self, amount: &Money, currency: &str) -> String {
        self.in_currency(&amount.to_string(), currency)
    }

    /// The price of one unit, which may have more decimals than an amount.
    pub(crate) fn price(&self, price: &UnitPrice, currency: &str) -> String {
        self.in_currency(&price.to_string(), currency)
    }

    fn in_currency(&self, text: &str, currency: &str) -> String {
        let (sign, digits) = sign_of(text);
        let number = self.number(digits);
        let symbol = match currency {
            "EUR" => "€",
            "USD" => "$",
            "GBP" => "£",
            other => other,
        };
        match self.language {
            Language::Fr => format!("{sign}{number}{FIRM}{symbol}"),
            Language::En if symbol.len() < 3 || symbol == "€" => format!("{sign}{symbol}{number}"),
            Language::En => format!("{sign}{symbol}{FIRM}{number}"),
        }
    }

    /// A decimal as it is, with the separators of the language.
    pub(crate) fn decimal(&self, value: &BigDecimal) -> String {
        let text = value.normalized().to_plain_string();
        let (sign, digits) = sign_of(&text);
        format!("{sign}{}", self.number(digits))
    }

    pub(crate) fn percent(&self, value: &BigDecimal) -> String {
        match self.language {
            Language::Fr => format!("{}{FIRM}%", self.decimal(value)),
            Language::En => format!("{}%", self.decimal(value)),
        }
    }

    pub(crate) fn whole(&self, number: i64) -> String {
        let text = number.to_string();
        let (sign, digits) = sign_of(&text);
        format!("{sign}{}", self.number(digits))
    }

    /// A count up to a bound: `10 000+` if there are more.
    pub(crate) fn count(&self, count: i64, exact: bool) -> String {
        format!("{}{}", self.whole(count), if exact { "" } else { "+" })
    }

    /// Puts the separators into digits with a point.
    fn number(&self, digits: &str) -> String {
        let (whole, fraction) =
            digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
        let (group, point) = match self.language {
            Language::Fr => (THIN, ','),
            Language::En => (',', '.'),
        };
        let mut number = String::with_capacity(digits.len() + digits.len() / 2);
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index) % 3 == 0 {
                number.push(group);
            }
            number.push(digit);
        }
        if let Some(fraction) = fraction {
            number.push(point);
            number.push_str(fraction);
        }
        number
    }

    /// A day in a list: `26 nov.`, `26 Nov`, with its year if that is another one than this.
    pub(crate) fn day(&self, day: NaiveDate) -> String {
        let month = day.month0() as usize;
        let name = match self.language {
            Language::Fr => MONTHS_FR[month],
            Language::En => MONTHS_EN[month],
        };
        let first = if self.language == Language::Fr && day.day() == 1 {
            "1ᵉʳ".to_owned()
        } else {
            day.day().to_string()
        };
        let year =
            if day.year() == self.today().year() { String::new() } else { format!("{FIRM}{}", day.year()) };
        format!("{first}{FIRM}{name}{year}")
    }

    pub(crate) fn business_day(&self, day: BusinessDate) -> String {
        self.day(day.date())
    }

    /// A day as a heading: `jeudi 26 novembre`, `Thursday 26 November`.
    pub(crate) fn whole_day(&self, day: NaiveDate) -> String {
        let (weekday, month) = (day.weekday().num_days_from_monday() as usize, day.month0() as usize);
        match self.language {
            Language::Fr => {
                let number = if day.day() == 1 { "1ᵉʳ".to_owned() } else { day.day().to_string() };
                format!("{} {number} {}", DAYS_FR[weekday], WHOLE_MONTHS_FR[month])
            }
            Language::En => format!("{} {} {}", DAYS_EN[weekday], day.day(), WHOLE_MONTHS_EN[month]),
        }
    }

    /// A moment in a list: the time if it is of today, otherwise the day.
    pub(crate) fn short(&self, moment: DateTime<Utc>) -> Moment {
        let local = moment.with_timezone(&self.zone);
        let is_today = local.date_naive() == self.today();
        let shown = if is_today { clock(&local) } else { self.day(local.date_naive()) };
        self.moment(moment, shown)
    }

    /// A moment with its day and its time.
    pub(crate) fn long(&self, moment: DateTime<Utc>) -> Moment {
        let local = moment.with_timezone(&self.zone);
        self.moment(moment, format!("{} {}", self.day(local.date_naive()), clock(&local)))
    }

    /// The time with its seconds: when a page was made.
    pub(crate) fn clock_now(&self) -> String {
        let local = self.now.with_timezone(&self.zone);
        format!("{}:{:02}", clock(&local), local.second())
    }

    fn moment(&self, moment: DateTime<Utc>, shown: String) -> Moment {
        let utc = format!("{} UTC", moment.format("%Y-%m-%d %H:%M:%S"));
        Moment { shown, utc, machine: moment.format("%Y-%m-%dT%H:%M:%SZ").to_string() }
    }
}

fn clock(time: &impl Timelike) -> String {
    format!("{:02}:{:02}", time.hour(), time.minute())
}

/// Takes the sign off; what is shown of it is a minus sign.
fn sign_of(text: &str) -> (String, &str) {
    text.strip_prefix('-').map_or((String::new(), text), |digits| (MINUS.to_string(), digits))
}

/// A decimal of the API as people of this language type it: without separators of thousands.
pub(crate) fn as_typed(decimal: &str, language: Language) -> String {
    match language {
        Language::Fr => decimal.replace('.', ","),
        Language::En => decimal.to_owned(),
    }
}

/// Returns an amount or a quantity that was typed on a page in this language, as the API takes it: without what groups thousands, with a
/// point, with or without a currency sign. Both `1 234,5` and `1234.50` are taken in each language; `1,234` is what the language says.
/// What cannot be read so stays as it is, and is refused with the API's own reason.
pub(crate) fn typed_decimal(text: &str, language: Language) -> String {
    let without_signs = text.replace(['€', '%'], "").replace(MINUS, "-");
    let bare = without_signs.trim();
    let (sign, digits) = bare.strip_prefix('-').map_or(("", bare), |digits| ("-", digits.trim_start()));
    match read(digits, language) {
        Some(number) => format!("{sign}{number}"),
        None => bare.to_owned(),
    }
}

/// `None` for what could be meant in two ways, or in none.
fn read(digits: &str, language: Language) -> Option<String> {
    let (whole, fraction) = match decimal_sign(digits, language) {
        Some(at) => (&digits[..at], Some(&digits[at + 1..])),
        None => (digits, None),
    };
    if fraction.is_some_and(|fraction| !fraction.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    let whole = ungrouped(whole)?;
    Some(match fraction {
        Some(fraction) => format!("{whole}.{fraction}"),
        None => whole,
    })
}

/// Where the decimal sign stands, if there is one.
fn decimal_sign(digits: &str, language: Language) -> Option<usize> {
    match (digits.rfind(','), digits.rfind('.')) {
        // The last of the two; the other one groups thousands.
        (Some(comma), Some(point)) => Some(comma.max(point)),
        (Some(comma), None) => {
            // Pages in English write thousands so. `1,5` can only be one and a half.
            let groups = language == Language::En && digits.len() - comma == 4;
            let is_only_one = digits.find(',') == Some(comma);
            (is_only_one && !groups).then_some(comma)
        }
        (None, Some(point)) => (digits.find('.') == Some(point)).then_some(point),
        (None, None) => None,
    }
}

/// Takes out what groups thousands: always the same sign, before three digits each time.
fn ungrouped(whole: &str) -> Option<String> {
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    // All spaces are one sign, and both apostrophes.
    let sign = |character: char| match character {
        other if other.is_whitespace() => ' ',
        '\u{2019}' => '\'',
        other => other,
    };
    let plain: String = whole.chars().map(sign).collect();
    let Some(group) = plain.chars().find(|character| !character.is_ascii_digit()) else { return Some(plain) };
    if !matches!(group, ' ' | '\'' | ',' | '.') {
        return None;
    }
    let mut groups = plain.split(group);
    let first = groups.next().unwrap_or_default();
    // `0,125` is no thousand.
    let begins = is_digits(first) && (1..=3).contains(&first.len()) && !first.starts_with('0');
    let goes_on = groups.all(|group| is_digits(group) && group.len() == 3);
    (begins && goes_on).then(|| plain.replace(group, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(language: Language) -> Format {
        let now = DateTime::parse_from_rfc3339("2026-11-26T09:42:07Z").expect("a time").to_utc();
        Format::new(language, "Europe/Paris", now)
    }

    fn money(language: Language, amount: &str, currency: &str) -> String {
        at(language).money(&Money::parse(amount).expect("an amount"), currency)
    }

    #[test]
    fn amounts_have_the_signs_of_the_language() {
        assert_eq!(money(Language::Fr, "1234.56", "EUR"), "1\u{202f}234,56\u{a0}€");
        assert_eq!(money(Language::Fr, "-9840.00", "EUR"), "\u{2212}9\u{202f}840,00\u{a0}€");
        assert_eq!(money(Language::En, "1234567.5", "EUR"), "€1,234,567.50");
        assert_eq!(money(Language::En, "0", "CHF"), "CHF\u{a0}0.00");
        let format = at(Language::Fr);
        let decimal = |text: &str| format.decimal(&text.parse().expect("a decimal"));
        assert_eq!([decimal("2.500000"), decimal("1000"), decimal("999")], ["2,5", "1\u{202f}000", "999"]);
        assert_eq!(format.percent(&"5.5".parse().expect("a decimal")), "5,5\u{a0}%");
        assert_eq!([format.count(10_000, false), format.count(3, true)], ["10\u{202f}000+", "3"]);
    }

    #[test]
    fn days_and_times_are_those_of_the_company() {
        let (french, english) = (at(Language::Fr), at(Language::En));
        let day = |text: &str| text.parse::<NaiveDate>().expect("a day");
        assert_eq!(french.day(day("2026-11-26")), "26\u{a0}nov.");
        assert_eq!(french.day(day("2026-12-01")), "1ᵉʳ\u{a0}déc.");
        assert_eq!(english.day(day("2025-11-26")), "26\u{a0}Nov\u{a0}2025");
        assert_eq!(french.whole_day(day("2026-11-26")), "jeudi 26 novembre");
        let moment = |text: &str| DateTime::parse_from_rfc3339(text).expect("a time").to_utc();
        assert_eq!(french.short(moment("2026-11-26T09:39:00Z")).shown, "10:39");
        assert_eq!(french.short(moment("2026-11-25T23:30:00Z")).shown, "00:30", "it is the 26th in Paris");
        let long = french.long(moment("2026-11-24T15:08:55Z"));
        assert_eq!(long.shown, "24\u{a0}nov. 16:08");
        assert_eq!(
            (long.utc.as_str(), long.machine.as_str()),
            ("2026-11-24 15:08:55 UTC", "2026-11-24T15:08:55Z")
        );
        assert_eq!(french.clock_now(), "10:42:07");
        assert_eq!(french.beginning(day("2026-11-26")), moment("2026-11-25T23:00:00Z"));
        assert_eq!(Format::new(Language::Fr, "Mars/Base", Utc::now()).zone, Tz::UTC);
        assert_eq!(french.zone(), "Europe/Paris");
    }

    #[test]
    fn typed_amounts_are_read_as_people_write_them() {
        for (typed, read) in [
            ("1 234,5", "1234.5"),
            ("1234.50", "1234.50"),
            ("1\u{202f}234,56\u{a0}€", "1234.56"),
            ("€1,234.56", "1234.56"),
            ("1.234,56", "1234.56"),
            ("\u{2212}3", "-3"),
            ("- 3", "-3"),
            ("12", "12"),
            (" 12 ", "12"),
            ("1,5", "1.5"),
            ("1234,5", "1234.5"),
            ("5,5\u{a0}%", "5.5"),
            ("1'234.5", "1234.5"),
            ("1’234’567", "1234567"),
            ("1 234 567", "1234567"),
            ("0.125", "0.125"),
        ] {
            for language in Language::ALL {
                assert_eq!(typed_decimal(typed, language), read, "{typed} in {language:?}");
            }
        }
    }

    #[test]
    fn a_comma_is_what_the_language_says() {
        for (typed, french, english) in [
            ("1,200", "1.200", "1200"),
            ("12,345", "12.345", "12345"),
            ("€1,200", "1.200", "1200"),
            ("-1,200", "-1.200", "-1200"),
            ("1,234,567", "1234567", "1234567"),
            // No thousand begins with a zero, nor with four digits.
            ("0,125", "0.125", "0,125"),
            ("1234,567", "1234.567", "1234,567"),
        ] {
            assert_eq!(typed_decimal(typed, Language::Fr), french, "{typed}");
            assert_eq!(typed_decimal(typed, Language::En), english, "{typed}");
        }
    }

    #[test]
    fn what_could_be_meant_otherwise_is_left_to_be_refused() {
        use comptoir_core::values::money::Money;
        for typed in
            ["douze", "1,2,3", "1 2", "12 34,5", "1,2 3", "1.2.3", "1 234'567", "1,2345,678", ",", "1-2", ""]
        {
            for language in Language::ALL {
                let read = typed_decimal(typed, language);
                assert!(Money::parse(&read).is_err(), "{typed} in {language:?}: {read}");
            }
        }
    }

    #[test]
    fn what_is_shown_is_read_as_the_same() {
        for language in Language::ALL {
            for text in ["0", "0.125", "999", "1000", "1200", "1234.5", "1234567.125", "-1200"] {
                let value: BigDecimal = text.parse().expect("a decimal");
                assert_eq!(typed_decimal(&at(language).decimal(&value), language), text, "{language:?}");
            }
        }
    }
}
