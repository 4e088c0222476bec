//! A service that is one function.

use futures::future::BoxFuture;

use super::contract::{Description, Fault, Service, Summary};
use super::run::Run;

/// A service without actions of its own, made of one function. It is dropped where it is when it is to stop.
pub struct Plain<F> {
    description: Description,
    run: F,
}

impl<F> std::fmt::Debug for Plain<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Plain").field(&self.description.name).finish()
    }
}

impl<F, Running> Plain<F>
where
    F: Fn() -> Running + Send + Sync + 'static,
    Running: Future<Output = Result<Summary, Fault>> + Send + 'static,
{
    pub fn new(description: Description, run: F) -> Self {
        Self { description, run }
    }
}

impl<F, Running> Service for Plain<F>
where
    F: Fn() -> Running + Send + Sync + 'static,
    Running: Future<Output = Result<Summary, Fault>> + Send + 'static,
{
    fn describe(&self) -> Description {
        self.description.clone()
    }

    fn run<'a>(&'a self, run: &'a Run) -> BoxFuture<'a, Result<Summary, Fault>> {
        let running = (self.run)();
        Box::pin(async move {
            tokio::select! {
                biased;
                done = running => done,
                () = run.stopping() => Ok(Summary::done()),
            }
        })
    }
}
