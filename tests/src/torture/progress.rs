//! Shows the progress of the torture and its current faults: a bar on a terminal, a line for each round elsewhere.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

const BAR: &str = "{elapsed_precise} [{bar:30}] {wide_msg}";

#[derive(Debug)]
pub(super) struct Progress {
    begin: Instant,
    bar: ProgressBar,
    faults: Mutex<Vec<String>>,
}

/// A fault that is shown until this is dropped.
pub(super) struct Shown<'a> {
    progress: &'a Progress,
    name: String,
}

impl Progress {
    pub(super) fn new(total: Duration) -> Self {
        let bar = ProgressBar::new(total.as_secs());
        if let Ok(style) = ProgressStyle::with_template(BAR) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { begin: Instant::now(), bar, faults: Mutex::default() }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.begin.elapsed()
    }

    pub(super) fn fault(&self, name: String) -> Shown<'_> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).push(name.clone());
        Shown { progress: self, name }
    }

    pub(super) fn show(&self, committed: u64, delivered: usize) {
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner).join("; ");
        self.bar.set_position(self.begin.elapsed().as_secs());
        self.bar.set_message(format!("{committed} committed, {delivered} delivered  {faults}"));
    }

    pub(super) fn say(&self, line: &str) {
        if self.bar.is_hidden() {
            eprintln!("{:>6.1} s  {line}", self.begin.elapsed().as_secs_f64());
        } else {
            self.bar.println(line);
        }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        let mut faults = self.progress.faults.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(position) = faults.iter().position(|name| *name == self.name) {
            faults.remove(position);
        }
    }
}
