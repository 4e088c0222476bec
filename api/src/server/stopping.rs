//! The end of the process: first it asks its clients to go elsewhere, then it stops listening.
//!
//! A load balancer must send the next request to another replica. It learns this from `/health/ready` and, on a
//! connection that it keeps open, from `Connection: close`. If the server closed those connections at once, it would
//! lose requests that are on their way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Whether the process is about to stop. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stopping(Arc<AtomicBool>);

impl Stopping {
    pub(crate) fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The signals that tell the process to stop.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// # Errors
    /// Fails if the operating system refuses.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot wait for signals");
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    /// Waits for SIGTERM, then for `drain`, in which clients go elsewhere. SIGINT ends either wait: it comes from a
    /// terminal, where no load balancer is in front.
    pub(crate) async fn wait(mut self, stopping: Stopping, drain: Duration) {
        tokio::select! {
            _ = self.interrupt.recv() => {
                stopping.begin();
                return;
            }
            _ = self.terminate.recv() => stopping.begin(),
        }
        if !drain.is_zero() {
            tracing::info!(seconds = drain.as_secs(), "stopping: clients are asked to go elsewhere");
            tokio::select! {
                () = tokio::time::sleep(drain) => {}
                _ = self.interrupt.recv() => {}
            }
        }
    }
}
