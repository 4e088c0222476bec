//! What runs beside the drain loop, each part with a name. A part that panics has left its work undone and its state unknown:
//! the relay finishes what is in flight, stops, and says which part it was, instead of going on without it.

use std::sync::{Arc, OnceLock};

use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use crate::error::RelayError;

/// Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Supervisor {
    stop: CancellationToken,
    /// The first part that panicked.
    panicked: Arc<OnceLock<&'static str>>,
}

impl Supervisor {
    /// `stop` is cancelled when a part panics.
    pub(crate) fn new(stop: CancellationToken) -> Self {
        Self { stop, panicked: Arc::default() }
    }

    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Starts a part as a task of its own.
    pub(crate) fn start(&self, name: &'static str, part: impl Future<Output = ()> + Send + 'static) {
        let (supervisor, part) = (self.clone(), tokio::spawn(part));
        tokio::spawn(async move {
            if let Err(error) = part.await {
                supervisor.ended(name, &error);
            }
        });
    }

    /// A task of this part ended before its time.
    pub(crate) fn ended(&self, name: &'static str, error: &JoinError) {
        // A runtime that goes down cancels its tasks.
        if error.is_panic() {
            tracing::error!(part = name, %error, "a part of the relay panicked: the relay stops");
            let _ = self.panicked.set(name);
        }
        self.stop.cancel();
    }

    /// # Errors
    /// A part panicked.
    pub(crate) fn verdict(&self) -> Result<(), RelayError> {
        self.panicked.get().map_or(Ok(()), |name| Err(RelayError::Panicked(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_that_panics_stops_the_relay_with_an_error_that_names_it() {
        let supervisor = Supervisor::new(CancellationToken::new());
        supervisor.start("lives", std::future::pending());
        supervisor.start("dies", async { panic!("as a test") });
        supervisor.stop().cancelled().await;
        let error = supervisor.verdict().expect_err("an error");
        assert!(error.to_string().contains("dies"), "{error}");
    }

    #[tokio::test]
    async fn parts_that_end_by_themselves_stop_nothing() {
        let supervisor = Supervisor::new(CancellationToken::new());
        let (done, ended) = tokio::sync::oneshot::channel();
        supervisor.start("ends", async {
            let _ = done.send(());
        });
        ended.await.expect("it ran");
        tokio::task::yield_now().await;
        assert!(!supervisor.stop().is_cancelled());
        supervisor.verdict().expect("nothing panicked");
    }
}
