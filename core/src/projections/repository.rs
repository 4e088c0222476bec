//! A message of the inbox as a tenant's commands decide about it.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::commands::MessageError;
use super::inbox::MessageState;
use super::queries::{MessageRow, MessageView};
use crate::application::Locked;
use crate::application::aggregate::{LockMode, find};
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::platform::schema::projection_inbox as inbox;

/// # Errors
/// `NotFound` if the tenant has no such message. Fails if the database cannot be reached.
pub(super) async fn load(work: &mut UnitOfWork<'_>, id: Uuid) -> Result<MessageView, Error> {
    let query = inbox::table.find((work.tenant().uuid(), id)).select(MessageRow::as_select());
    let row: Option<MessageRow> = find(work, Locked::ProjectionMessage, LockMode::Change, query).await?;
    row.ok_or(MessageError::NotFound(id))?.into_view()
}

/// Lets the message's turn come at once: to be applied, or to be passed over.
pub(super) async fn decide(work: &mut UnitOfWork<'_>, id: Uuid, skip: bool) -> Result<(), Error> {
    let message = inbox::table.find((work.tenant().uuid(), id));
    diesel::update(message)
        .set((
            inbox::state.eq(MessageState::Waiting.name()),
            inbox::skip.eq(skip),
            inbox::attempts.eq(0),
            inbox::next_attempt_at.eq(diesel::dsl::now),
        ))
        .execute(work.connection())
        .await?;
    Ok(())
}
