//! The days of a sales file as the loader is to move them: its last day is the day on which it is loaded. Computed a second time, without the loader's calendar.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result};
use chrono::{Days, NaiveDate};
use csv::ReaderBuilder;

use super::expected::Fate;

/// How far back a day is moved at most, in days: the API accepts ten years.
const DAYS_BACK: Days = Days::new(3_600);

#[derive(Debug, Default)]
pub(super) struct FileDays {
    today: NaiveDate,
    /// Of the file; `None` if no row has a date that can be read.
    last: Option<NaiveDate>,
}

impl FileDays {
    /// Reads the file that was loaded `today`.
    ///
    /// # Errors
    /// Fails if it cannot be read.
    pub(super) fn of(orders: &Path, fates: &HashMap<u64, Fate>, today: NaiveDate) -> Result<Self> {
        let mut reader = ReaderBuilder::new()
            .flexible(true)
            .from_path(orders)
            .with_context(|| format!("cannot read {}", orders.display()))?;
        let is_date = |name: &[u8]| {
            let name = String::from_utf8_lossy(name);
            name.trim_start_matches('\u{feff}').trim().eq_ignore_ascii_case("invoicedate")
        };
        let column = reader.byte_headers()?.iter().position(is_date);
        let mut last: Option<NaiveDate> = None;
        for record in reader.byte_records() {
            let record = record?;
            let line = record.position().map_or(0, csv::Position::line);
            let text = column.and_then(|column| record.get(column)).map(String::from_utf8_lossy);
            if fates.get(&line) != Some(&Fate::Unread) {
                last = last.max(text.and_then(|text| day(&text)));
            }
        }
        Ok(Self { today, last })
    }

    /// The month, such as `2026-12`, in which something of this day of the file is dated. What the file gives no day is of the day on which it was loaded.
    pub(super) fn month(&self, text: &str) -> String {
        let moved = day(text).zip(self.last).and_then(|(day, last)| {
            let oldest = self.today.checked_sub_days(DAYS_BACK)?;
            Some(day.checked_add_signed(self.today - last)?.max(oldest))
        });
        moved.unwrap_or(self.today).format("%Y-%m").to_string()
    }
}

/// Reads `2010-12-01 08:26:00`, or `12/1/2010 8:26`.
fn day(text: &str) -> Option<NaiveDate> {
    let text = text.trim().split([' ', 'T']).next()?;
    let format = if text.contains('/') { "%m/%d/%Y" } else { "%Y-%m-%d" };
    NaiveDate::parse_from_str(text, format).ok()
}
