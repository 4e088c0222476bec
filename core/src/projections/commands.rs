//! What a company decides about its messages that could not be applied.

use uuid::Uuid;

use super::inbox::MessageState;
use super::queries::MessageView;
use super::repository;
use crate::application::error::{Category, DomainError, Error};
use crate::application::unit_of_work::{Command, UnitOfWork};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    #[error("there is no event {0} in the inbox of the projections")]
    NotFound(Uuid),
    #[error("the event is {state}: only one that waits or is dead can be {decision}")]
    State { state: &'static str, decision: &'static str },
}

impl DomainError for MessageError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::State { .. } => Category::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "projection_event_not_found",
            Self::State { .. } => "projection_event_state_conflict",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is tried again, at once and as often as a new one.
    Requeue,
    /// It is not applied, and the later ones of its aggregate go on.
    Discard,
}

impl Decision {
    fn action(self) -> &'static str {
        match self {
            Self::Requeue => "projection_event.requeue",
            Self::Discard => "projection_event.discard",
        }
    }

    fn done(self) -> &'static str {
        match self {
            Self::Requeue => "requeued",
            Self::Discard => "discarded",
        }
    }
}

#[derive(Debug)]
pub struct DecideMessage {
    pub id: Uuid,
    pub decision: Decision,
}

impl Command for DecideMessage {
    type Outcome = MessageView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<MessageView, Error> {
        let before = repository::load(work, self.id).await?;
        if !matches!(before.state, MessageState::Waiting | MessageState::Dead) {
            let (state, decision) = (before.state.name(), self.decision.done());
            return Err(MessageError::State { state, decision }.into());
        }
        repository::decide(work, self.id, self.decision == Decision::Discard).await?;
        let after = repository::load(work, self.id).await?;
        work.audit(self.decision.action(), ("projection_event", self.id), Some(&before), Some(&after))?;
        Ok(after)
    }
}
