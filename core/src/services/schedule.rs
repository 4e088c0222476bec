//! The times at which a periodic service runs.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use croner::Cron;

/// No wait is longer than this, whatever a cron expression says: 366 days.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// How much earlier than its time a run may seem to have ended, by the clocks of two machines.
const EARLY: TimeDelta = TimeDelta::seconds(1);

/// When a periodic service runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schedule {
    /// So long after the end of the run before.
    Every(Duration),
    /// By the database's clock, in UTC: `minute hour day-of-month month day-of-week`, as cron(8) reads it.
    Cron(Box<Cron>),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no cron expression ({problem}); right would be \"30 2 * * *\": every day at 02:30 UTC")]
pub struct ScheduleError {
    text: String,
    problem: String,
}

impl Schedule {
    /// # Errors
    /// Fails if `text` is no cron expression, or one of a time that never comes, such as 31 February.
    pub fn cron(text: &str) -> Result<Self, ScheduleError> {
        let wrong = |problem: String| ScheduleError { text: text.to_owned(), problem };
        let cron = Cron::from_str(text).map_err(|error| wrong(error.to_string()))?;
        match cron.find_next_occurrence(&Utc::now(), true) {
            Ok(_) => Ok(Self::Cron(Box::new(cron))),
            Err(_) => Err(wrong("there is no such day: that time never comes".to_owned())),
        }
    }

    /// Returns how long after `now` the next run is. A run that ended a moment before its own time, by the clock of another machine, is
    /// not repeated at that time.
    pub(super) fn wait(&self, now: DateTime<Utc>) -> Duration {
        match self {
            Self::Every(interval) => *interval,
            Self::Cron(cron) => cron
                .find_next_occurrence(&(now + EARLY), false)
                .ok()
                .and_then(|next| (next - now).max(TimeDelta::zero()).to_std().ok())
                .map_or(LONGEST, |wait| wait.min(LONGEST)),
        }
    }

    /// Returns the time of a run as lists show it: that of the cron expression, if `at` was counted from it by clocks that are read one
    /// after the other.
    pub(super) fn shown(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        let Self::Cron(cron) = self else { return at };
        let around = [cron.find_previous_occurrence(&at, true), cron.find_next_occurrence(&at, true)];
        let near = around.into_iter().flatten().min_by_key(|time| (*time - at).abs());
        near.filter(|time| (*time - at).abs() <= EARLY).unwrap_or(at)
    }

    /// Returns the text that lists show: `every 600 s`, or the cron expression.
    pub fn text(&self) -> String {
        match self {
            Self::Every(interval) if interval.subsec_millis() > 0 => {
                format!("every {} ms", interval.as_millis())
            }
            Self::Every(interval) => format!("every {} s", interval.as_secs()),
            Self::Cron(cron) => cron.pattern.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    #[test]
    fn a_cron_expression_says_when_the_next_run_is() {
        let daily = Schedule::cron("30 2 * * *").expect("an expression");
        assert_eq!(daily.wait(at("2026-03-01T02:00:00Z")), Duration::from_secs(30 * 60));
        assert_eq!(
            daily.wait(at("2026-03-01T02:30:00Z")),
            Duration::from_secs(86_400),
            "the next one, not this one"
        );
        let sundays = Schedule::cron("0 0 * * 0").expect("an expression");
        assert_eq!(
            sundays.wait(at("2026-11-28T00:00:00Z")),
            Duration::from_secs(86_400),
            "the 29th is a Sunday"
        );
    }

    #[test]
    fn what_is_no_expression_is_refused_and_the_message_shows_one() {
        let error = Schedule::cron("every day").expect_err("refused").to_string();
        assert!(error.contains("every day") && error.contains("30 2 * * *"), "{error}");
    }

    #[test]
    fn a_time_that_never_comes_is_refused_and_a_rare_one_is_not() {
        let error = Schedule::cron("30 2 31 2 *").expect_err("refused").to_string();
        assert!(error.contains("never comes") && error.contains("30 2 * * *"), "{error}");
        assert!(Schedule::cron("0 0 29 2 *").is_ok());
    }

    #[test]
    fn the_next_run_by_a_cron_expression_is_shown_to_the_second() {
        let daily = Schedule::cron("10 3 * * *").expect("an expression");
        for counted in ["2026-03-01T03:09:59.999987Z", "2026-03-01T03:10:00.2Z", "2026-03-01T03:10:00Z"] {
            assert_eq!(daily.shown(at(counted)), at("2026-03-01T03:10:00Z"), "{counted}");
        }
        let retry = at("2026-03-01T03:11:07.5Z");
        assert_eq!(daily.shown(retry), retry, "after an error it does not run by its schedule");
        assert_eq!(Schedule::Every(Duration::from_secs(5)).shown(retry), retry);
    }
}
