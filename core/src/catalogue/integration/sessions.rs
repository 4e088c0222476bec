//! The integration events of sessions. They never contain a token, and nothing about where the user is.

use serde::Serialize;

use super::{IntegrationEvent, integration_event, payload};
use crate::accounts::sessions::{EndReason, Session, SessionEvent};
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;

/// A user has logged in and may act until the session ends.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct SessionCreatedV1 {
    session_id: String,
    user_id: String,
    /// RFC 3339, UTC.
    created_at: String,
    /// When it is over at the latest, without a further event. RFC 3339, UTC.
    expires_at: String,
}
payload!(SessionCreatedV1, "session", "session.created", 1);

/// The session ended before its time.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct SessionEndedV1 {
    session_id: String,
    user_id: String,
    /// `logged_out`, `ended_by_user`, `ended_by_administrator`, `refresh_token_reused`, `password_changed`,
    /// `password_reset`, `user_disabled` or `superseded`; there may be others.
    reason: String,
    /// RFC 3339, UTC.
    ended_at: String,
}
payload!(SessionEndedV1, "session", "session.ended", 1);

pub(super) fn translate(event: &SessionEvent) -> Result<IntegrationEvent, Error> {
    match event {
        SessionEvent::Created(session) => integration_event(session, &created(session)),
        SessionEvent::Ended(session) => integration_event(session, &ended(session)),
    }
}

fn created(session: &Session) -> SessionCreatedV1 {
    SessionCreatedV1 {
        session_id: session.id().to_string(),
        user_id: session.user_id().to_string(),
        created_at: super::time(session.created_at()),
        expires_at: super::time(session.expires_at()),
    }
}

fn ended(session: &Session) -> SessionEndedV1 {
    // A session whose end is published has both; the default only satisfies the compiler.
    let (at, reason) = session.ended().unwrap_or((session.last_used_at(), EndReason::LoggedOut));
    SessionEndedV1 {
        session_id: session.id().to_string(),
        user_id: session.user_id().to_string(),
        reason: reason.name().to_owned(),
        ended_at: super::time(at),
    }
}
