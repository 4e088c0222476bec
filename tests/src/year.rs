//! A year of sales, made of one day's file: the day is repeated every second day, under other invoice numbers, and some of what it sells comes back or is lost. It is as
//! large as the real year of the "Online Retail" data (Chen, Sain, Guo 2012), of which one day has 3,108 rows: 540,000.

use std::collections::BTreeSet;
use std::io::{Read, Write};

use anyhow::{Context, Result, ensure};
use chrono::{Days, NaiveDate};
use csv::{ReaderBuilder, StringRecord, Writer};

use crate::loader::COLUMNS;

/// How often the day is repeated, and how many days lie between two of them.
pub const REPEATED: u64 = 174;
const DAYS_APART: u64 = 2;
/// Invoice numbers of one repetition, at least.
const NUMBERS: u64 = 1_000;
/// The most rows of the day's file, which is kept in memory.
const ROWS_AT_MOST: usize = 100_000;
/// One row in so many that are sold comes back, a half of it; one in so many is lost.
const RETURNED_ONE_IN: usize = 60;
const LOST_ONE_IN: usize = 1_000;

const NUMBER: usize = 0;
const DESCRIPTION: usize = 2;
const QUANTITY: usize = 3;
const DATE: usize = 4;
const PRICE: usize = 5;
const CUSTOMER: usize = 6;

/// Writes the year of a day's file.
///
/// # Errors
/// Fails if the file lacks a column or has too many rows, or if one of them cannot be read or written.
pub fn write(day: impl Read, output: impl Write) -> Result<()> {
    let rows = read(day)?;
    let numbers: BTreeSet<u64> = rows.iter().filter_map(|row| number_of(&row[NUMBER])).collect();
    let last = numbers.last().copied().unwrap_or_default();
    let range = last - numbers.first().copied().unwrap_or_default();
    let extra = rows.len().div_ceil(RETURNED_ONE_IN) + rows.len().div_ceil(LOST_ONE_IN);
    let step = (range + 1 + extra as u64).next_multiple_of(NUMBERS);
    let mut writer = Writer::from_writer(output);
    writer.write_record(COLUMNS)?;
    for repetition in 0..REPEATED {
        for row in &rows {
            let mut row = row.clone();
            row[NUMBER] = raised(&row[NUMBER], repetition, step);
            row[DATE] = later(&row[DATE], repetition * DAYS_APART);
            writer.write_record(&row)?;
        }
        let first = last + 1 + repetition * step;
        for (number, mut row) in (first..).zip(came_back(&rows).chain(lost(&rows))) {
            row[NUMBER] = format!("{}{number}", row[NUMBER]);
            row[DATE] = later(&row[DATE], repetition * DAYS_APART);
            writer.write_record(&row)?;
        }
    }
    writer.flush()?;
    Ok(())
}

/// The rows, with [`COLUMNS`] in their order.
fn read(day: impl Read) -> Result<Vec<[String; COLUMNS.len()]>> {
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(day);
    let header = reader.headers().context("the first line")?.clone();
    let clean = |name: &str| name.trim_start_matches('\u{feff}').trim().to_lowercase();
    let place = |column: &str| header.iter().position(|name| clean(name) == column.to_lowercase());
    let mut places = [0; COLUMNS.len()];
    for (index, column) in COLUMNS.into_iter().enumerate() {
        places[index] = place(column).with_context(|| format!("the file has no column {column}"))?;
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record: StringRecord = record?;
        ensure!(rows.len() < ROWS_AT_MOST, "a day of more than {ROWS_AT_MOST} rows");
        rows.push(places.map(|place| record.get(place).unwrap_or_default().to_owned()));
    }
    ensure!(!rows.is_empty(), "the file has no rows");
    Ok(rows)
}

/// What is sold and comes back, under a number that begins with `C`, which is to be completed.
fn came_back(rows: &[[String; COLUMNS.len()]]) -> impl Iterator<Item = [String; COLUMNS.len()]> {
    let sold = rows.iter().filter_map(|row| Some((row, units(row)?)));
    sold.step_by(RETURNED_ONE_IN).map(|(row, units)| {
        let mut row = row.clone();
        row[NUMBER] = "C".to_owned();
        row[QUANTITY] = format!("-{}", units.div_ceil(2));
        row
    })
}

/// What is sold and is lost elsewhere.
fn lost(rows: &[[String; COLUMNS.len()]]) -> impl Iterator<Item = [String; COLUMNS.len()]> {
    let sold = rows.iter().filter(|row| units(row).is_some());
    sold.step_by(LOST_ONE_IN).map(|row| {
        let mut row = row.clone();
        row[NUMBER] = String::new();
        row[DESCRIPTION] = "damaged".to_owned();
        row[QUANTITY] = "-1".to_owned();
        row[PRICE] = "0.0".to_owned();
        row[CUSTOMER] = String::new();
        row
    })
}

/// How many units a row sells, if it sells whole ones.
fn units(row: &[String; COLUMNS.len()]) -> Option<u64> {
    let is_sale = row[NUMBER].starts_with(|first: char| first.is_ascii_digit());
    row[QUANTITY].parse().ok().filter(|units: &u64| is_sale && *units > 0)
}

/// The digits at the end of an invoice's number.
fn number_of(text: &str) -> Option<u64> {
    text.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().ok()
}

fn raised(text: &str, repetition: u64, step: u64) -> String {
    let digits = text.trim_start_matches(|c: char| !c.is_ascii_digit());
    let letters = text.get(..text.len() - digits.len()).unwrap_or_default();
    match number_of(text) {
        Some(number) => format!("{letters}{}", number + repetition * step),
        None => text.to_owned(),
    }
}

/// The same time, so many days later; a text that is no date stays as it is.
fn later(text: &str, days: u64) -> String {
    let day = text.split([' ', 'T']).next().unwrap_or_default();
    let formats = ["%Y-%m-%d", "%m/%d/%Y"];
    let parsed = formats.iter().find_map(|format| NaiveDate::parse_from_str(day, format).ok());
    let later = parsed.and_then(|day| day.checked_add_days(Days::new(days)));
    later.map_or_else(
        || text.to_owned(),
        |later| format!("{later}{}", text.get(day.len()..).unwrap_or_default()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn year_of(rows: &str) -> Vec<String> {
        let day = format!("{}\n{rows}", COLUMNS.join(","));
        let mut written = Vec::new();
        write(day.as_bytes(), &mut written).unwrap();
        String::from_utf8(written).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_day_is_repeated_under_other_numbers_on_later_days() {
        let day = "536365,A,Board,5,2010-12-01 08:26:00,2.55,7.0,France\nC536379,D,Discount,-1,12/1/2010 9:41,27.50,7.0,France\n\
            536380,B,Jug,x,d,1,7.0,France\n";
        let year = year_of(day);
        // The rows of the day, half of what it sells comes back, and one unit is lost.
        assert_eq!(year.len() as u64, 1 + REPEATED * 5);
        assert_eq!(year[1], "536365,A,Board,5,2010-12-01 08:26:00,2.55,7.0,France");
        assert_eq!(year[4], "C536381,A,Board,-3,2010-12-01 08:26:00,2.55,7.0,France");
        assert_eq!(year[5], "536382,A,damaged,-1,2010-12-01 08:26:00,0.0,,France");
        assert_eq!(year[6], "537365,A,Board,5,2010-12-03 08:26:00,2.55,7.0,France");
        assert_eq!(year[7], "C537379,D,Discount,-1,2010-12-03 9:41,27.50,7.0,France");
        assert_eq!(year[8], "537380,B,Jug,x,d,1,7.0,France");
        let numbers: BTreeSet<&str> = year.iter().skip(1).filter_map(|row| row.split(',').next()).collect();
        assert_eq!(numbers.len() as u64, REPEATED * 5, "no number twice");
    }

    #[test]
    fn a_day_without_the_columns_is_refused() {
        assert!(write("a,b\n1,2\n".as_bytes(), Vec::new()).is_err());
        let header = COLUMNS.join(",");
        assert!(write(header.as_bytes(), Vec::new()).is_err(), "it has no rows");
    }
}
