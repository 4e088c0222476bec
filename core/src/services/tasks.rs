//! Tasks that stand or fall together: the parts of one run of the drain loop.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};

use futures::FutureExt;
use tokio::task::JoinError;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::supervisor::message_of;

/// A group of tasks. A task that panics has left its work undone and its state unknown: it is logged with its name, and the group is
/// told to stop. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tasks {
    running: TaskTracker,
    /// Cancelled to end all tasks where they are.
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

    /// Returns the token that is cancelled when the group is to stop.
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Starts a task, and watches it.
    pub fn start(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let tasks = self.clone();
        self.running.spawn(async move {
            let outcome = tokio::select! {
                () = tasks.end.cancelled() => return,
                outcome = AssertUnwindSafe(task).catch_unwind() => outcome,
            };
            if let Err(panic) = outcome {
                tasks.panicked(name, message_of(&*panic));
            }
        });
    }

    fn panicked(&self, name: &'static str, error: &str) {
        tracing::error!(task = name, error, "a background task panicked");
        let _ = self.panicked.set(name);
        self.stop.cancel();
    }

    /// Records that a task which was started elsewhere ended too early.
    pub fn ended(&self, name: &'static str, error: &JoinError) {
        // A runtime that shuts down cancels its tasks.
        if error.is_panic() { self.panicked(name, &error.to_string()) } else { self.stop.cancel() }
    }

    /// Returns the first task that panicked, if one did.
    pub fn first_panicked(&self) -> Option<&'static str> {
        self.panicked.get().copied()
    }

    /// Returns a guard that ends all tasks where they are when it is dropped.
    pub fn end_on_drop(&self) -> DropGuard {
        self.end.clone().drop_guard()
    }

    /// Ends all tasks where they are, and waits until they are gone.
    pub async fn end(&self) {
        self.end.cancel();
        self.running.close();
        self.running.wait().await;
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
    async fn tasks_do_not_outlive_the_guard() {
        let (tasks, alive) = (Tasks::new(CancellationToken::new()), Arc::new(()));
        let held = Arc::clone(&alive);
        let guard = tasks.end_on_drop();
        tasks.start("waits", async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        drop(guard);
        tasks.running.close();
        tasks.running.wait().await;
        assert_eq!(Arc::strong_count(&alive), 1);
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
