//! What happened, as the unit of work sees it: something that the catalogue knows what follows from, and what the world is told of it.

use std::any::Any;
use std::fmt;

use futures::future::BoxFuture;

use super::error::Error;
use super::unit_of_work::UnitOfWork;

/// What happened to an aggregate, in the words of its own module. Internal; what is published is an [`IntegrationEvent`].
pub trait Event: Any + fmt::Debug + Send + Sync {
    /// Of its type; what it carries is nobody's business.
    fn type_name(&self) -> &'static str {
        std::any::type_name::<Self>()
    }
}

/// A fact about one aggregate, ready for the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntegrationEvent {
    pub aggregate_type: &'static str,
    pub aggregate_id: String,
    pub aggregate_version: i64,
    pub event_type: &'static str,
    pub schema_version: i16,
    /// JSON text.
    pub payload: String,
}

/// All events that there are. The executor is given it: it stands above the modules whose events these are.
pub trait EventCatalogue: fmt::Debug + Send + Sync {
    /// What the world is told of it, or nothing.
    ///
    /// # Errors
    /// It is not in the catalogue; it cannot be written as JSON.
    fn translate(&self, event: &dyn Event) -> Result<Option<IntegrationEvent>, Error>;

    /// Does what else must happen in the same transaction.
    fn react<'a>(
        &'a self,
        work: &'a mut UnitOfWork<'_>,
        event: &'a dyn Event,
    ) -> BoxFuture<'a, Result<(), Error>>;
}
