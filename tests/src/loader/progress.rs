//! How far it is: a bar with rate and time left on a terminal, a plain line now and then elsewhere.

use std::io::{IsTerminal, stderr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

const LINE_EVERY: Duration = Duration::from_secs(5);
const BAR: &str = "{prefix} [{bar:30}] {percent:>3} % {msg}, {elapsed} gone, {eta} left";

/// Progress through a known amount of work.
#[derive(Debug)]
pub struct Progress {
    title: String,
    bar: Option<ProgressBar>,
    total: u64,
    begin: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    done: u64,
    items: u64,
    last_line: Instant,
}

impl Progress {
    /// `total` in whatever `advance` counts; 0 if it is not known.
    pub fn new(title: &str, total: u64) -> Self {
        let bar = stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total).with_prefix(title.to_owned());
            if let Ok(style) = ProgressStyle::with_template(BAR) {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        let begin = Instant::now();
        let state = Mutex::new(State { done: 0, items: 0, last_line: begin });
        Self { title: title.to_owned(), bar, total, begin, state }
    }

    /// `done` more of the total; `items` is what the rate counts, by the name `unit`.
    pub fn advance(&self, done: u64, items: u64, unit: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.done = (state.done + done).min(self.total);
        state.items += items;
        let elapsed = self.begin.elapsed().as_secs_f64().max(0.001);
        #[allow(clippy::cast_precision_loss, reason = "for people to read")]
        let rate = state.items as f64 / elapsed;
        let message = format!("{} {unit}, {rate:.0}/s", state.items);
        if let Some(bar) = &self.bar {
            bar.set_position(state.done);
            bar.set_message(message);
        } else if state.last_line.elapsed() >= LINE_EVERY {
            state.last_line = Instant::now();
            eprintln!(
                "{}: {} %, {message}{}",
                self.title,
                self.percent(state.done),
                self.time_left(state.done)
            );
        }
    }

    /// A line that does not disturb the bar.
    pub fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => eprintln!("{line}"),
        }
    }

    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish();
        }
    }

    fn percent(&self, done: u64) -> u64 {
        (done * 100).checked_div(self.total).unwrap_or(0)
    }

    fn time_left(&self, done: u64) -> String {
        if done == 0 || self.total == 0 {
            return String::new();
        }
        #[allow(clippy::cast_precision_loss, reason = "for people to read")]
        let left = self.begin.elapsed().mul_f64((self.total - done) as f64 / done as f64);
        format!(", {} left", HumanDuration(left))
    }
}
