//! Events as the unit of work sees them. The catalogue knows what follows from each event, and what is published of it.

use std::any::Any;
use std::fmt;

use futures::future::BoxFuture;

use super::error::Error;
use super::unit_of_work::UnitOfWork;

/// A domain event: a change of an aggregate, in the terms of its own module. It is internal; an [`IntegrationEvent`] is
/// published.
pub trait Event: Any + fmt::Debug + Send + Sync {
    /// The name of the event's type. It says nothing about the event's content.
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

/// The catalogue of all events. It is passed to the executor, because it depends on the modules that define the events.
pub trait EventCatalogue: fmt::Debug + Send + Sync {
    /// Translates an event to the integration event to be published; `None` if nothing is published.
    ///
    /// # Errors
    /// Fails if the event is not in the catalogue, or cannot be written as JSON.
    fn translate(&self, event: &dyn Event) -> Result<Option<IntegrationEvent>, Error>;

    /// Runs the reactions: the further changes that must happen in the same transaction.
    fn react<'a>(
        &'a self,
        work: &'a mut UnitOfWork<'_>,
        event: &'a dyn Event,
    ) -> BoxFuture<'a, Result<(), Error>>;
}
