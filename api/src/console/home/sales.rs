//! The sales of the last 30 days, as a chart and as a table. From the reports, which are kept from the events.

use bigdecimal::ToPrimitive;
use chrono::{Days, NaiveDate};
use comptoir_core::application::TenantDatabase;
use comptoir_core::platform::paging::Period;
use comptoir_core::projections::{self, DayFilter, DayView};
use comptoir_core::values::money::Money;

use crate::console::lists::first;
use crate::console::visitor::Visitor;
use crate::console::words::home;
use crate::error::ApiError;

const DAYS: u64 = 30;
/// The chart is 300 wide and 100 high, whatever the page makes of it.
const WIDTH_OF_DAY: u64 = 10;
const HEIGHT: f64 = 100.0;
/// Lines across the chart.
const STEPS: f64 = 3.0;

pub(super) struct Sales {
    pub(super) total: String,
    /// From the highest to zero.
    pub(super) scale: Vec<String>,
    pub(super) days: Vec<String>,
    /// Empty if nothing was sold.
    pub(super) bars: Vec<Bar>,
    pub(super) rows: Vec<Row>,
    /// What the chart shows, in words.
    pub(super) sentence: String,
}

pub(super) struct Bar {
    pub(super) x: String,
    pub(super) y: String,
    pub(super) height: String,
    pub(super) is_today: bool,
}

pub(super) struct Row {
    pub(super) day: String,
    pub(super) orders: String,
    pub(super) amount: String,
}

pub(super) async fn read(visitor: &Visitor, database: &TenantDatabase) -> Result<Sales, ApiError> {
    let today = visitor.format.today();
    let from = today.checked_sub_days(Days::new(DAYS - 1)).unwrap_or(today);
    // The reports count days in UTC.
    let period = Period { from: from.and_hms_opt(0, 0, 0).map(|time| time.and_utc()), before: None };
    // A day has a row for each currency; a company has one.
    let page =
        projections::sales_by_day(database, &visitor.context, &DayFilter { period }, &first(100)?).await?;
    let mut days = page.data;
    days.retain(|day| day.currency == visitor.tenant.currency && day.day >= from && day.day <= today);
    days.sort_by_key(|day| day.day);
    Ok(chart(visitor, &days, from, today))
}

fn chart(visitor: &Visitor, days: &[DayView], from: NaiveDate, today: NaiveDate) -> Sales {
    let format = &visitor.format;
    let total: Money = days.iter().map(|day| &day.net_total).sum();
    let amount = |day: &DayView| day.net_total.value().to_f64().unwrap_or_default().max(0.0);
    let step = step(days.iter().map(amount).fold(0.0, f64::max));
    let top = step * STEPS;
    let sold = days.iter().filter(|day| amount(day) > 0.0);
    let bar = |day: &DayView| {
        let offset = u64::try_from((day.day - from).num_days()).unwrap_or_default();
        let height = amount(day) / top * HEIGHT;
        Bar {
            x: format!("{}.5", offset * WIDTH_OF_DAY + 1),
            y: format!("{:.1}", HEIGHT - height),
            height: format!("{height:.1}"),
            is_today: day.day == today,
        }
    };
    let highest = days.iter().map(|day| &day.net_total).max_by(|one, other| one.value().cmp(other.value()));
    let highest = highest.map_or_else(String::new, |highest| visitor.money(highest));
    let weeks = [1, 8, 15, 22, 29].map(|days| from.checked_add_days(Days::new(days)).unwrap_or(today));
    Sales {
        total: visitor.money(&total),
        scale: [3.0, 2.0, 1.0, 0.0].map(|steps| format.whole((step * steps) as i64)).to_vec(),
        days: weeks.map(|day| format.day(day)).to_vec(),
        bars: sold.map(bar).collect(),
        rows: days
            .iter()
            .rev()
            .map(|day| Row {
                day: format.day(day.day),
                orders: format.whole(day.orders),
                amount: visitor.money(&day.net_total),
            })
            .collect(),
        sentence: home::chart(&format.day(from), &format.day(today), &highest, visitor.language),
    }
}

/// The distance of the lines: 1, 2, 4, 5 or 8 and zeros, so that three of them are at least the highest value.
fn step(highest: f64) -> f64 {
    let mut unit = 1.0;
    loop {
        for factor in [1.0, 2.0, 4.0, 5.0, 8.0] {
            if factor * unit * STEPS >= highest {
                return factor * unit;
            }
        }
        unit *= 10.0;
        if !unit.is_finite() {
            return highest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_lines_are_at_least_the_highest_value() {
        for (highest, expected) in
            [(0.0, 1.0), (3.0, 1.0), (22_400.0, 8_000.0), (12_001.0, 5_000.0), (24_001.0, 10_000.0)]
        {
            assert!((step(highest) - expected).abs() < f64::EPSILON, "{highest}: {}", step(highest));
        }
    }
}
