//! Bars over the minutes of the last hour. Widths and heights are attributes of SVG, text stands beside it in HTML.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};

use crate::console::format::Format;

pub(super) const MINUTES: i64 = 60;
/// The chart is 600 wide and 100 high, whatever the page makes of it.
const WIDTH_OF_MINUTE: i64 = 10;
const HEIGHT: f64 = 100.0;
/// Lines across the chart.
const STEPS: f64 = 3.0;

pub(super) struct Chart {
    /// From the highest to zero.
    pub(super) scale: Vec<String>,
    pub(super) times: Vec<String>,
    pub(super) bars: Vec<Bar>,
    /// What it shows, for whoever does not see it.
    pub(super) sentence: String,
}

pub(super) struct Bar {
    pub(super) x: String,
    pub(super) y: String,
    pub(super) height: String,
    /// The minute that is not over yet.
    pub(super) is_last: bool,
}

/// Draws the values of minutes. `shown` writes a value of the scale, `sentence` gets the highest one.
pub(super) fn chart(
    values: &[(DateTime<Utc>, f64)],
    now: DateTime<Utc>,
    format: &Format,
    shown: impl Fn(f64) -> String,
    sentence: impl FnOnce(&str) -> String,
) -> Chart {
    let last = now.duration_trunc(TimeDelta::minutes(1)).unwrap_or(now);
    let first = last - TimeDelta::minutes(MINUTES - 1);
    let highest = values.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    let step = step(highest);
    let top = step * STEPS;
    let bars = values.iter().filter(|(at, value)| *at >= first && *at <= last && *value > 0.0);
    let bar = |(at, value): &(DateTime<Utc>, f64)| {
        let height = value / top * HEIGHT;
        Bar {
            x: format!("{}.5", (*at - first).num_minutes() * WIDTH_OF_MINUTE + 1),
            y: format!("{:.1}", HEIGHT - height),
            height: format!("{height:.1}"),
            is_last: *at == last,
        }
    };
    let quarters = [45, 30, 15, 0].map(|minutes| format.short(last - TimeDelta::minutes(minutes)).shown);
    Chart {
        scale: [3.0, 2.0, 1.0, 0.0].map(|steps| shown(step * steps)).to_vec(),
        times: quarters.to_vec(),
        bars: bars.map(bar).collect(),
        sentence: sentence(&shown(highest)),
    }
}

/// The distance of the lines: 1, 2 or 5 times a power of ten, so that three of them are at least the highest value.
fn step(highest: f64) -> f64 {
    let mut unit = 0.001;
    loop {
        for factor in [1.0, 2.0, 5.0] {
            if factor * unit * STEPS >= highest {
                return factor * unit;
            }
        }
        unit *= 10.0;
        if !unit.is_finite() {
            return highest.max(1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use comptoir_core::values::language::Language;

    use super::*;

    #[test]
    fn each_minute_has_its_place_and_what_is_older_has_none() {
        let now = DateTime::parse_from_rfc3339("2026-11-26T10:42:07Z").expect("a time").to_utc();
        let minute = |text: &str| DateTime::parse_from_rfc3339(text).expect("a time").to_utc();
        let values = [
            (minute("2026-11-26T09:42:00Z"), 9.0),
            (minute("2026-11-26T09:43:00Z"), 1.0),
            (minute("2026-11-26T10:42:00Z"), 3.0),
        ];
        let format = Format::new(Language::En, "UTC", now);
        let chart = chart(&values, now, &format, |value| format!("{value:.0}"), str::to_owned);
        let [first, last] = chart.bars.as_slice() else { panic!("two bars") };
        assert_eq!((first.x.as_str(), first.is_last), ("1.5", false));
        assert_eq!((last.x.as_str(), last.is_last), ("591.5", true));
        assert_eq!(chart.times, ["09:57", "10:12", "10:27", "10:42"]);
        assert_eq!(chart.scale, ["15", "10", "5", "0"]);
    }

    #[test]
    fn three_lines_are_at_least_the_highest_value() {
        for highest in [0.0, 0.004, 2.0, 3.0, 16.0, 12_000.0] {
            assert!(step(highest) * STEPS >= highest, "{highest}");
        }
    }
}
