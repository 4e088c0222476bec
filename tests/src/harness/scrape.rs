//! The answer of `/metrics`, parsed as Prometheus does.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};

use super::Http;

/// One line: a series and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// All lines of an answer.
#[derive(Debug, Clone, Default)]
pub struct Scrape {
    pub samples: Vec<Sample>,
    /// Types by the metric's name, without `_bucket`, `_sum` and `_count`.
    pub types: BTreeMap<String, String>,
    pub with_help: BTreeSet<String>,
}

impl Scrape {
    /// # Errors
    /// Fails if there is no answer, or it cannot be parsed.
    pub async fn of(http: &Http) -> Result<Self> {
        let answer = http.get("//metrics").await?;
        ensure!(answer.status == 200, "/metrics: {}", answer.status);
        Self::parse(&answer.text)
    }

    /// # Errors
    /// Fails if a line is not in Prometheus' text format.
    pub fn parse(text: &str) -> Result<Self> {
        let mut scrape = Self::default();
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(declared) = line.strip_prefix("# TYPE ") {
                let (name, kind) = declared.split_once(' ').context(line.to_owned())?;
                scrape.types.insert(name.to_owned(), kind.to_owned());
            } else if let Some(help) = line.strip_prefix("# HELP ") {
                scrape.with_help.extend(help.split(' ').next().map(str::to_owned));
            } else if !line.starts_with('#') {
                scrape.samples.push(sample(line).with_context(|| line.to_owned())?);
            }
        }
        Ok(scrape)
    }

    /// Returns the sum of all series of this name; `None` if there are none.
    pub fn sum(&self, name: &str) -> Option<f64> {
        let values: Vec<f64> =
            self.samples.iter().filter(|one| one.name == name).map(|one| one.value).collect();
        (!values.is_empty()).then(|| values.iter().sum())
    }
}

/// Parses `name{label="value",…} 1.5`. The project's label values contain no quotes.
fn sample(line: &str) -> Result<Sample> {
    let (series, value) = line.rsplit_once(' ').context("no value")?;
    let (name, labels) = match series.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}').context("no end of labels")?),
        None => (series, ""),
    };
    let mut all = BTreeMap::new();
    let mut rest = labels;
    while !rest.is_empty() {
        let (label, after) = rest.split_once("=\"").context("a label without value")?;
        let (value, after) = after.split_once('"').context("a value without end")?;
        all.insert(label.trim_start_matches(',').to_owned(), value.to_owned());
        rest = after;
    }
    Ok(Sample { name: name.to_owned(), labels: all, value: value.parse()? })
}
