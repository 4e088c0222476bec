//! What runs beside the requests or beside the drain loop: tasks with names, watched.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};

use futures::FutureExt;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const RUNNING: &str = "comptoir_background_tasks";

/// The tasks of one process. A task that panics has left its work undone and its state unknown: it is logged with its name, its
/// gauge falls to 0, and the process is told. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tasks {
    running: TaskTracker,
    /// Ends all of them where they are.
    end: CancellationToken,
    stop: CancellationToken,
    /// The first task that panicked.
    panicked: Arc<OnceLock<&'static str>>,
}

impl Tasks {
    /// `stop` is cancelled when a task panics.
    pub fn new(stop: CancellationToken) -> Self {
        Self { running: TaskTracker::new(), end: CancellationToken::new(), stop, panicked: Arc::default() }
    }

    /// Cancelled when the process is to stop.
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Starts a task, and watches it. `name` is a label of its gauge.
    pub fn start(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let tasks = self.clone();
        self.running.spawn(async move {
            let _running = Running::of(name);
            let outcome = tokio::select! {
                () = tasks.end.cancelled() => return,
                outcome = AssertUnwindSafe(task).catch_unwind() => outcome,
            };
            if outcome.is_err() {
                tasks.panicked(name);
            }
        });
    }

    fn panicked(&self, name: &'static str) {
        tracing::error!(task = name, "a background task panicked");
        let _ = self.panicked.set(name);
        self.stop.cancel();
    }

    /// A task that somebody else started ended before its time.
    pub fn ended(&self, name: &'static str, error: &JoinError) {
        // A runtime that goes down cancels its tasks.
        if error.is_panic() { self.panicked(name) } else { self.stop.cancel() }
    }

    /// The first task that panicked, if one did.
    pub fn first_panicked(&self) -> Option<&'static str> {
        self.panicked.get().copied()
    }

    /// Ends all tasks where they are, and waits until they are gone.
    pub async fn end(&self) {
        self.end.cancel();
        self.running.close();
        self.running.wait().await;
    }
}

/// The gauge of a task, for as long as it runs.
struct Running(metrics::Gauge);

impl Running {
    fn of(name: &'static str) -> Self {
        metrics::describe_gauge!(RUNNING, "Whether a background task runs: 1, or 0 once it has ended");
        let gauge = metrics::gauge!(RUNNING, "task" => name);
        gauge.set(1.0);
        Self(gauge)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.set(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_stops_the_process_which_knows_its_name() {
        let tasks = Tasks::new(CancellationToken::new());
        tasks.start("lives", std::future::pending());
        tasks.start("dies", async { panic!("as a test") });
        tasks.stop().cancelled().await;
        assert_eq!(tasks.first_panicked(), Some("dies"));
    }

    #[tokio::test]
    async fn tasks_that_end_by_themselves_stop_nothing() {
        let tasks = Tasks::new(CancellationToken::new());
        let (done, ended) = tokio::sync::oneshot::channel();
        tasks.start("ends", async {
            let _ = done.send(());
        });
        ended.await.expect("it ran");
        tokio::task::yield_now().await;
        assert!(!tasks.stop().is_cancelled());
        assert_eq!(tasks.first_panicked(), None);
    }

    #[tokio::test]
    async fn the_end_waits_until_all_are_gone() {
        let (tasks, alive) = (Tasks::new(CancellationToken::new()), Arc::new(()));
        let held = Arc::clone(&alive);
        tasks.start("waits", async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        tokio::task::yield_now().await;
        tasks.end().await;
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}
