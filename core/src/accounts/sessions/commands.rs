//! The commands of sessions.

use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;

use super::aggregate::{Client, EndReason, Lifetimes, Session, SessionError};
use super::queries::SessionView;
use super::repository;
use crate::accounts::identity::passwords::HashedPassword;
use crate::accounts::identity::secrets::RefreshToken;
use crate::accounts::users::{self, UserStatus};
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::values::ids::{SessionId, UserId};

/// The maximum number of open sessions of one user: a program that logs in for every request ends its own oldest ones.
pub(crate) const MAX_OPEN: usize = 100;

/// Begins a session for a user whose password has been compared.
#[derive(Debug)]
pub(super) struct LogIn {
    pub(super) user_id: UserId,
    pub(super) session_id: SessionId,
    pub(super) client: Client,
    pub(super) lifetimes: Lifetimes,
    pub(super) refresh_token: RefreshToken,
    /// The hash that was compared: it must still be the user's.
    pub(super) compared: HashedPassword,
    /// The hash to be stored instead of `compared`, if that is too weak.
    pub(super) replacement: Option<HashedPassword>,
}

/// A session that has begun.
#[derive(Debug)]
pub(super) struct LoggedIn {
    pub(super) session: SessionView,
    pub(super) refresh_expires_at: DateTime<Utc>,
}

impl Command for LogIn {
    type Outcome = LoggedIn;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<LoggedIn, Error> {
        let mut user = users::repository::load(work, self.user_id).await?;
        // Perhaps the password was changed, or the user disabled, while the password was being compared.
        if user.status() == UserStatus::Disabled || user.password() != Some(&self.compared) {
            return Err(SessionError::InvalidCredentials.into());
        }
        if user.status() == UserStatus::Unverified {
            return Err(SessionError::EmailNotVerified.into());
        }
        let now = work.now_after(user.updated_at());
        let mut open = repository::load_open(work, self.user_id).await?;
        let (session, created) =
            Session::begin(self.session_id, self.user_id, self.client.clone(), self.lifetimes, now);
        repository::insert(work, &session).await?;
        let refresh_expires_at = session.refresh_until(self.lifetimes, now);
        repository::insert_refresh_token(work, session.id(), &self.refresh_token, refresh_expires_at).await?;
        let logged_in = user.log_in(session.id(), now)?;
        if let Some(stronger) = &self.replacement {
            user.strengthen_password(stronger.clone());
        }
        user.save(work).await?;
        work.record(logged_in).await?;
        work.record(created).await?;
        for surplus in open.iter_mut().skip(MAX_OPEN - 1) {
            end(work, surplus, EndReason::Superseded).await?;
        }
        let session = SessionView::of(&session);
        work.audit("session.create", ("session", session.id), None, Some(&session))?;
        Ok(LoggedIn { session, refresh_expires_at })
    }
}

/// Exchanges a refresh token for a new one.
#[derive(Debug)]
pub(super) struct Refresh {
    pub(super) session_id: SessionId,
    pub(super) presented: RefreshToken,
    pub(super) next: RefreshToken,
    pub(super) lifetimes: Lifetimes,
    /// For how long after its first use the token may be used again, if the log-in was made in the console.
    pub(super) again: TimeDelta,
}

/// The outcome of [`Refresh`]. A refusal is an outcome and no error, because the end of the session must be committed.
#[derive(Debug)]
pub(super) enum Refreshed {
    Rotated { session: SessionView, refresh_expires_at: DateTime<Utc> },
    Refused,
}

impl Command for Refresh {
    type Outcome = Refreshed;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<Refreshed, Error> {
        let Some(mut session) = repository::load(work, self.session_id).await? else {
            return Ok(Refreshed::Refused);
        };
        let now = work.now_after(session.last_used_at());
        let presented = self.presented.hash();
        let token = repository::refresh_token(work, self.session_id, &presented).await?;
        let Some(token) = token.filter(|_| session.is_open(now)) else { return Ok(Refreshed::Refused) };
        // Disabling a user ends their sessions, and so waits for this session's row: the status that is read now is current.
        let status = users::repository::status(work, session.user_id()).await?;
        if status != Some(UserStatus::Active) {
            return Ok(Refreshed::Refused);
        }
        if let Some(used_at) = token.used_at
            && now - used_at >= session.client().again(self.again)
        {
            // Two clients have the token, and it is unknown which of them is the user's: the session ends for both (RFC
            // 9700, section 4.14.2).
            tracing::warn!(session_id = %session.id(), "a refresh token was used again; its session ends");
            let before = SessionView::of(&session);
            end(work, &mut session, EndReason::RefreshTokenReused).await?;
            let after = SessionView::of(&session);
            work.audit("session.end", ("session", session.id()), Some(&before), Some(&after))?;
            return Ok(Refreshed::Refused);
        }
        if token.expires_at <= now {
            return Ok(Refreshed::Refused);
        }
        let refresh_expires_at = session.refresh(self.lifetimes, now);
        // The time of the first use stays: what is used again and again is not good for ever.
        if token.used_at.is_none() {
            repository::use_refresh_token(work, &presented).await?;
        }
        repository::insert_refresh_token(work, session.id(), &self.next, refresh_expires_at).await?;
        session.save(work).await?;
        Ok(Refreshed::Rotated { session: SessionView::of(&session), refresh_expires_at })
    }
}

/// Ends the session of the request itself.
#[derive(Debug)]
pub struct LogOut {
    pub user_id: UserId,
    pub session_id: SessionId,
}

impl Command for LogOut {
    type Outcome = ();

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let mut user = users::repository::load(work, self.user_id).await?;
        let mut session = load(work, self.session_id).await?;
        let now = work.now_after(user.updated_at());
        if !session.is_open(now) {
            return Ok(());
        }
        let before = SessionView::of(&session);
        let logged_out = user.log_out(session.id(), now);
        user.save(work).await?;
        work.record(logged_out).await?;
        end(work, &mut session, EndReason::LoggedOut).await?;
        let after = SessionView::of(&session);
        work.audit("session.end", ("session", self.session_id), Some(&before), Some(&after))
    }
}

/// Ends one session of a user. To end another user's session, the principal must be allowed to decide about that user.
#[derive(Debug)]
pub struct EndSession {
    /// The user to whom the session must belong.
    pub user_id: UserId,
    pub session_id: SessionId,
    pub reason: EndReason,
}

impl Command for EndSession {
    type Outcome = ();

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        if self.reason == EndReason::EndedByAdministrator {
            users::check_decider(work, self.user_id).await?;
        }
        let mut session = load(work, self.session_id).await?;
        if session.user_id() != self.user_id {
            return Err(SessionError::NotFound(self.session_id).into());
        }
        let before = SessionView::of(&session);
        if end(work, &mut session, self.reason).await? {
            let after = SessionView::of(&session);
            work.audit("session.end", ("session", self.session_id), Some(&before), Some(&after))?;
        }
        Ok(())
    }
}

/// Ends all sessions of a user, about whom the principal must be allowed to decide.
#[derive(Debug)]
pub struct EndSessions {
    pub user_id: UserId,
    pub reason: EndReason,
}

impl Command for EndSessions {
    type Outcome = ();

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        users::check_decider(work, self.user_id).await?;
        let mut open = repository::load_open(work, self.user_id).await?;
        let before: Vec<_> = open.iter().map(SessionView::of).collect();
        for session in &mut open {
            end(work, session, self.reason).await?;
        }
        if !before.is_empty() {
            work.audit("user.end_sessions", ("user", self.user_id), Some(&before), Some(&Vec::new()))?;
        }
        Ok(())
    }
}

/// Ends a user's open sessions except `keep`. The user's row must be locked already. The future is boxed because it is
/// recursive: it records events, and recording an event runs a reaction that calls this function.
pub(crate) fn end_all<'a>(
    work: &'a mut UnitOfWork<'_>,
    user: UserId,
    keep: Option<SessionId>,
    reason: EndReason,
) -> BoxFuture<'a, Result<(), Error>> {
    async move {
        let open = repository::load_open(work, user).await?;
        for mut session in open.into_iter().filter(|session| Some(session.id()) != keep) {
            end(work, &mut session, reason).await?;
        }
        Ok(())
    }
    .boxed()
}

/// Outdates the cached principals of a user's sessions, because the user's permissions have changed.
pub(crate) async fn restamp(work: &mut UnitOfWork<'_>, user: UserId) -> Result<(), Error> {
    repository::restamp(work, user).await
}

async fn load(work: &mut UnitOfWork<'_>, id: SessionId) -> Result<Session, Error> {
    Ok(repository::load(work, id).await?.ok_or(SessionError::NotFound(id))?)
}

/// Ends a session. Returns whether it was open until now.
async fn end(work: &mut UnitOfWork<'_>, session: &mut Session, reason: EndReason) -> Result<bool, Error> {
    let now = work.now_after(session.last_used_at());
    let Some(event) = session.end(reason, now) else { return Ok(false) };
    session.save(work).await?;
    work.record(event).await?;
    Ok(true)
}
