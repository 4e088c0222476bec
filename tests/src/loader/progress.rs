//! Shows the progress: on a terminal a bar with rate and remaining time, elsewhere a line every few seconds.

use std::io::{IsTerminal, stderr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

const LINE_EVERY: Duration = Duration::from_secs(5);
const BAR: &str = "{prefix:>8} [{bar:30}] {percent:>3} %  {msg}, {elapsed} gone, {eta} left";

/// The progress of one or several pieces of work, one after the other.
#[derive(Debug)]
pub struct Progress {
    /// `None` if standard error is not a terminal.
    bar: Option<ProgressBar>,
    phase: Mutex<Phase>,
}

#[derive(Debug)]
struct Phase {
    title: String,
    total: u64,
    done: u64,
    items: u64,
    begin: Instant,
    last_line: Instant,
}

impl Progress {
    /// Begins the first piece of work. `total` has the unit of `advance`.
    pub fn new(title: &str, total: u64) -> Self {
        let bar = stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total);
            if let Ok(style) = ProgressStyle::with_template(BAR) {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        let progress = Self { bar, phase: Mutex::new(Phase::new(title, total)) };
        progress.begin(title, total);
        progress
    }

    /// Begins the next piece of work at zero.
    pub fn begin(&self, title: &str, total: u64) {
        *self.phase() = Phase::new(title, total);
        if let Some(bar) = &self.bar {
            bar.reset();
            bar.set_length(total);
            bar.set_prefix(title.to_owned());
        }
    }

    /// Adds `done` to the work done, and `items` to the items of which the rate is shown, with the name `unit`.
    pub fn advance(&self, done: u64, items: u64, unit: &str) {
        let mut phase = self.phase();
        phase.done += done;
        phase.items += items;
        self.show(&mut phase, unit);
    }

    /// Sets the progress to `done` of `total` items, for work whose total is not known in advance.
    pub fn reach(&self, done: u64, total: u64, unit: &str) {
        let mut phase = self.phase();
        (phase.done, phase.items, phase.total) = (done, done, total);
        if let Some(bar) = &self.bar {
            bar.set_length(total);
        }
        self.show(&mut phase, unit);
    }

    /// Prints a line without disturbing the bar.
    pub fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) if !bar.is_finished() => bar.println(line),
            _ => eprintln!("{line}"),
        }
    }

    /// Ends the bar and leaves its last state on the terminal.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.abandon();
        }
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, phase: &mut Phase, unit: &str) {
        let message = format!("{} {unit}, {:.0}/s", phase.items, phase.rate());
        if let Some(bar) = &self.bar {
            bar.set_position(phase.done);
            bar.set_message(message);
        } else if phase.last_line.elapsed() >= LINE_EVERY {
            phase.last_line = Instant::now();
            let percent = (phase.done * 100).checked_div(phase.total).unwrap_or(100);
            eprintln!("{}: {percent} %, {message}{}", phase.title, phase.time_left());
        }
    }
}

impl Phase {
    fn new(title: &str, total: u64) -> Self {
        let now = Instant::now();
        Self { title: title.to_owned(), total, done: 0, items: 0, begin: now, last_line: now }
    }

    #[expect(clippy::cast_precision_loss, reason = "for people to read")]
    fn rate(&self) -> f64 {
        self.items as f64 / self.begin.elapsed().as_secs_f64().max(0.001)
    }

    #[expect(clippy::cast_precision_loss, reason = "for people to read")]
    fn time_left(&self) -> String {
        if self.done == 0 {
            return String::new();
        }
        let left = self.total.saturating_sub(self.done) as f64 / self.done as f64;
        format!(", {} left", HumanDuration(self.begin.elapsed().mul_f64(left)))
    }
}
