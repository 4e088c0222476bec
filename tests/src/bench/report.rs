//! The results of a benchmark, as Markdown tables that go into docs/performance.md unchanged.

use std::fmt;

use comfy_table::{CellAlignment, Table, presets};

/// The figures of one program under one condition, one per round.
#[derive(Debug, Clone)]
pub struct Series {
    name: String,
    values: Vec<f64>,
}

impl Series {
    pub(super) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), values: Vec::new() }
    }

    pub(super) fn push(&mut self, value: f64) {
        self.values.push(value);
    }

    /// Returns the median; NaN if there was no round.
    pub(super) fn median(&self) -> f64 {
        median(&self.values)
    }
}

/// The target of a figure.
#[derive(Debug, Clone, Copy)]
pub enum Wanted {
    AtLeast(f64),
    AtMost(f64),
    /// The figure has no target.
    Nothing,
}

/// One important figure, with its target.
#[derive(Debug, Clone)]
pub struct Claim {
    what: String,
    value: f64,
    unit: &'static str,
    wanted: Wanted,
}

impl Claim {
    pub(super) fn new(what: impl Into<String>, value: f64, unit: &'static str, wanted: Wanted) -> Self {
        Self { what: what.into(), value, unit, wanted }
    }

    /// Returns the ratio of the medians of two series.
    pub(super) fn ratio(what: impl Into<String>, program: &Series, floor: &Series, wanted: Wanted) -> Self {
        Self::new(what, program.median() / floor.median(), "", wanted)
    }

    fn is_met(&self) -> bool {
        match self.wanted {
            Wanted::AtLeast(bound) => self.value >= bound,
            Wanted::AtMost(bound) => self.value <= bound,
            Wanted::Nothing => true,
        }
    }

    fn cells(&self) -> [String; 3] {
        let with_unit = |value: f64| format!("{} {}", figure(value), self.unit).trim_end().to_owned();
        let wanted = match self.wanted {
            Wanted::AtLeast(bound) => format!("≥ {}", with_unit(bound)),
            Wanted::AtMost(bound) => format!("≤ {}", with_unit(bound)),
            Wanted::Nothing => String::new(),
        };
        let missed = if self.is_met() { "" } else { " **missed**" };
        [self.what.clone(), with_unit(self.value), format!("{wanted}{missed}")]
    }
}

/// A benchmark's result: series that can be compared, because they have one unit and were measured in turns.
#[derive(Debug)]
pub struct Measurement {
    title: String,
    unit: &'static str,
    series: Vec<Series>,
    claims: Vec<Claim>,
}

impl Measurement {
    pub(super) fn new(title: impl Into<String>, unit: &'static str) -> Self {
        Self { title: title.into(), unit, series: Vec::new(), claims: Vec::new() }
    }

    pub(super) fn series(mut self, series: impl IntoIterator<Item = Series>) -> Self {
        self.series.extend(series);
        self
    }

    pub(super) fn claims(mut self, claims: impl IntoIterator<Item = Claim>) -> Self {
        self.claims.extend(claims);
        self
    }
}

impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounds = self.series.iter().map(|series| series.values.len()).max().unwrap_or(0);
        let mut header = vec![format!("{}, {}", self.title, self.unit)];
        if rounds > 1 {
            header.extend((1..=rounds).map(|round| format!("round {round}")));
            header.push("median".to_owned());
        } else {
            header.push(String::new());
        }
        let rows = self.series.iter().map(|series| {
            let mut row = vec![series.name.clone()];
            row.extend(
                (0..rounds).map(|round| series.values.get(round).copied().map_or_else(String::new, figure)),
            );
            if rounds > 1 {
                row.push(figure(series.median()));
            }
            row
        });
        writeln!(f, "{}", markdown(header, rows))
    }
}

/// Returns the important figures of a whole run in one table.
pub fn summary(measurements: &[Measurement]) -> String {
    let header = ["measure", "figure", "wanted"].map(str::to_owned).to_vec();
    let rows =
        measurements.iter().flat_map(|measurement| &measurement.claims).map(|claim| claim.cells().to_vec());
    markdown(header, rows)
}

fn markdown(header: Vec<String>, rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    let columns = header.len();
    table.set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for column in 1..columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

/// Formats a figure with three significant digits, or the whole integer part.
fn figure(value: f64) -> String {
    let digits = match value.abs() {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        0.1.. => 3,
        0.0 => 0,
        _ => 4,
    };
    format!("{value:.digits$}")
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => sorted[length / 2],
        length => f64::midpoint(sorted[length / 2 - 1], sorted[length / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: &[f64]) -> Series {
        Series { name: "some".to_owned(), values: values.to_vec() }
    }

    #[test]
    fn a_median_is_the_middle_or_between_the_two_middle_ones() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_claim_that_is_missed_says_so() {
        let (program, floor) = (series(&[80.0, 82.0, 84.0]), series(&[100.0]));
        let claim = |wanted| Claim::ratio("ours", &program, &floor, wanted).cells();
        assert_eq!(claim(Wanted::AtLeast(0.85)), ["ours", "0.820", "≥ 0.850 **missed**"]);
        assert_eq!(claim(Wanted::AtLeast(0.8)), ["ours", "0.820", "≥ 0.800"]);
        assert_eq!(claim(Wanted::AtMost(0.8))[2], "≤ 0.800 **missed**");
        assert_eq!(claim(Wanted::Nothing)[2], "");
    }

    #[test]
    fn a_measurement_is_a_table_in_markdown() {
        let text = Measurement::new("drain", "events/s").series([series(&[1234.5, 1200.0])]).to_string();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        assert!(lines[0].starts_with("| drain, events/s | round 1 | round 2 | median |"), "{text}");
        assert!(lines[1].starts_with("|---"), "{text}");
        assert_eq!(lines[2].replace(' ', ""), "|some|1234|1200|1217|");
    }
}
