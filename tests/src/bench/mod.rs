//! The benchmarks. Each compares a program of ours with a floor that is measured in the same run, in turns (floor,
//! program, floor, program, …), and prints every figure and the ratio of the medians: absolute figures belong to a
//! machine, ratios to the programs. See docs/performance.md.

mod drain;
mod http_load;
mod orders;
mod raw_publisher;

use std::fmt;

use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};

use crate::harness::Services;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Events in each round of the drain.
    pub events: i64,
    /// Seconds of each round of orders.
    pub seconds: u64,
    /// Rounds of each side.
    pub rounds: usize,
}

impl Effort {
    /// What the figures in docs/performance.md were taken with.
    pub const FULL: Self = Self { events: 200_000, seconds: 10, rounds: 3 };
    /// Enough to see that nothing is badly wrong.
    pub const QUICK: Self = Self { events: 40_000, seconds: 4, rounds: 2 };
}

/// Which benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    Drain,
    Orders,
}

/// A floor and a program, in the same unit.
#[derive(Debug)]
pub struct Comparison {
    title: &'static str,
    unit: &'static str,
    floor: (&'static str, Vec<f64>),
    program: (&'static str, Vec<f64>),
    /// What else there is to know, a line each.
    notes: Vec<String>,
}

impl Comparison {
    /// The program's median over the floor's.
    pub fn ratio(&self) -> f64 {
        median(&self.program.1) / median(&self.floor.1)
    }
}

/// Runs a benchmark.
///
/// # Errors
/// When a part of it cannot be started.
pub async fn run(subject: Subject, services: &Services, effort: Effort) -> Result<Comparison> {
    match subject {
        Subject::Drain => drain::compare(services, effort).await,
        Subject::Orders => orders::compare(services, effort).await,
    }
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

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        let rounds = (1..=self.floor.1.len()).map(|round| format!("round {round}"));
        let header: Vec<String> = [format!("{}, {}", self.title, self.unit)]
            .into_iter()
            .chain(rounds)
            .chain(["median".to_owned()])
            .collect();
        let columns = header.len();
        table.set_header(header);
        for (name, values) in [&self.floor, &self.program] {
            let figures = values.iter().copied().chain([median(values)]).map(|value| format!("{value:.0}"));
            table.add_row([(*name).to_owned()].into_iter().chain(figures).collect::<Vec<String>>());
        }
        for column in 1..columns {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        writeln!(f, "{table}")?;
        for note in &self.notes {
            writeln!(f, "{note}")?;
        }
        let pairs = self.floor.1.iter().zip(&self.program.1);
        let by_round: Vec<String> = pairs.map(|(floor, program)| format!("{:.2}", program / floor)).collect();
        write!(f, "ratio of the medians: {:.2} (round by round: {})", self.ratio(), by_round.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle_or_between_the_two_middle_ones() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
        assert!(median(&[]).is_nan());
    }
}
