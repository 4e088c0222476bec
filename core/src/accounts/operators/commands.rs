//! The commands of operators and of their sessions. Whoever may use the machine's command line makes and disables them.

use chrono::{DateTime, TimeDelta, Utc};

use super::aggregate::{NewOperator, Operator, OperatorError};
use super::queries::{OperatorSessionView, OperatorView};
use super::repository;
use super::session::OperatorSession;
use crate::accounts::identity::passwords::HashedPassword;
use crate::accounts::identity::secrets::OperatorRefreshToken;
use crate::accounts::login_throttle::{self, ThrottleKey};
use crate::accounts::sessions::{Client, EndReason, Lifetimes, MAX_OPEN, SessionError};
use crate::application::OperatorCommand;
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::values::contact::FoldedEmail;
use crate::values::ids::{OperatorId, SessionId};

const OPERATOR: &str = "operator";
const SESSION: &str = "operator_session";

#[derive(Debug)]
pub struct CreateOperator {
    pub operator: NewOperator,
}

impl OperatorCommand for CreateOperator {
    type Outcome = OperatorView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<OperatorView, Error> {
        let operator = Operator::create(OperatorId::generate(), self.operator.clone(), work.now());
        repository::insert(work, &operator).await?;
        let view = OperatorView::of(&operator);
        work.audit("operator.create", (OPERATOR, operator.id), None, Some(&view))?;
        Ok(view)
    }
}

/// Disables an operator, and ends all their sessions.
#[derive(Debug)]
pub struct DisableOperator {
    pub email: FoldedEmail,
}

impl OperatorCommand for DisableOperator {
    type Outcome = OperatorView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<OperatorView, Error> {
        let operator = repository::load_named(work, &self.email).await?;
        let view = change(work, "operator.disable", operator, Operator::disable).await?;
        end_all(work, view.id, None, EndReason::OperatorDisabled).await?;
        Ok(view)
    }
}

/// Enables an operator again, who must log in anew.
#[derive(Debug)]
pub struct EnableOperator {
    pub email: FoldedEmail,
}

impl OperatorCommand for EnableOperator {
    type Outcome = OperatorView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<OperatorView, Error> {
        let operator = repository::load_named(work, &self.email).await?;
        change(work, "operator.enable", operator, Operator::enable).await
    }
}

/// Sets an operator's password for them, ends all their sessions, and forgives the failed attempts to log in.
#[derive(Debug)]
pub struct SetOperatorPassword {
    pub email: FoldedEmail,
    pub password: HashedPassword,
}

impl OperatorCommand for SetOperatorPassword {
    type Outcome = OperatorView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<OperatorView, Error> {
        let operator = repository::load_named(work, &self.email).await?;
        let set = |operator: &mut Operator, now| {
            operator.set_password(self.password.clone(), now);
            Ok(())
        };
        let view = change(work, "operator.set_password", operator, set).await?;
        forgive(work, view.id, &self.email).await?;
        end_all(work, view.id, None, EndReason::PasswordReset).await?;
        Ok(view)
    }
}

/// Changes the own password, after the current one was compared, and ends all other sessions.
#[derive(Debug)]
pub(super) struct ChangeOperatorPassword {
    pub(super) operator_id: OperatorId,
    /// The hash that was compared: it must still be the operator's.
    pub(super) compared: HashedPassword,
    pub(super) password: HashedPassword,
    pub(super) keep: SessionId,
}

impl OperatorCommand for ChangeOperatorPassword {
    type Outcome = ();

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let operator = repository::load(work, self.operator_id).await?.ok_or(Error::Unauthenticated)?;
        // The operator may have been disabled, or this session ended, while the row was waited for.
        work.check_principal().await?;
        if operator.password != self.compared {
            return Err(SessionError::WrongPassword.into());
        }
        let email = operator.email.folded();
        let set = |operator: &mut Operator, now| {
            operator.set_password(self.password.clone(), now);
            Ok(())
        };
        change(work, "operator.change_password", operator, set).await?;
        forgive(work, self.operator_id, &email).await?;
        end_all(work, self.operator_id, Some(self.keep), EndReason::PasswordChanged).await
    }
}

/// Begins a session for an operator whose password has been compared.
#[derive(Debug)]
pub(super) struct LogInOperator {
    pub(super) operator_id: OperatorId,
    pub(super) session_id: SessionId,
    pub(super) client: Client,
    pub(super) lifetimes: Lifetimes,
    pub(super) refresh_token: OperatorRefreshToken,
    /// The hash that was compared: it must still be the operator's.
    pub(super) compared: HashedPassword,
    /// The hash to be stored instead of `compared`, if that is too weak.
    pub(super) replacement: Option<HashedPassword>,
}

/// A session that has begun, or goes on.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) session: OperatorSessionView,
    pub(super) refresh_expires_at: DateTime<Utc>,
}

impl OperatorCommand for LogInOperator {
    type Outcome = Begun;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<Begun, Error> {
        let operator = repository::load(work, self.operator_id).await?;
        let mut operator = operator.ok_or(OperatorError::InvalidCredentials)?;
        let now = work.now_after(operator.updated_at);
        operator.log_in(&self.compared, self.replacement.clone(), now)?;
        let mut open = repository::load_open(work, self.operator_id).await?;
        let client = self.client.clone();
        let session = OperatorSession::begin(self.session_id, self.operator_id, client, self.lifetimes, now);
        repository::insert_session(work, &session).await?;
        let refresh_expires_at = session.refresh_until(self.lifetimes, now);
        repository::insert_refresh_token(work, session.id, &self.refresh_token, refresh_expires_at).await?;
        repository::save(work, &operator).await?;
        for surplus in open.iter_mut().skip(MAX_OPEN - 1) {
            end(work, surplus, EndReason::Superseded).await?;
        }
        let session = OperatorSessionView::of(&session);
        work.audit("operator_session.create", (SESSION, session.id), None, Some(&session))?;
        Ok(Begun { session, refresh_expires_at })
    }
}

/// Exchanges a refresh token for a new one.
#[derive(Debug)]
pub(super) struct RefreshOperator {
    pub(super) session_id: SessionId,
    pub(super) presented: OperatorRefreshToken,
    pub(super) next: OperatorRefreshToken,
    pub(super) lifetimes: Lifetimes,
    /// As of a user's session.
    pub(super) again: TimeDelta,
}

impl OperatorCommand for RefreshOperator {
    /// `None` is a refusal. It is no error, because the end of the session must be committed.
    type Outcome = Option<Begun>;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<Option<Begun>, Error> {
        let Some(mut session) = repository::load_session(work, self.session_id).await? else {
            return Ok(None);
        };
        let now = work.now_after(session.last_used_at);
        let presented = self.presented.hash();
        let token = repository::refresh_token(work, self.session_id, &presented).await?;
        // Disabling an operator ends their sessions: of a disabled one, none is open.
        let Some(token) = token.filter(|_| session.is_open(now)) else { return Ok(None) };
        if let Some(used_at) = token.used_at
            && now - used_at >= session.client.again(self.again)
        {
            // As of a user's session: two clients have the token, and one of them stole it (RFC 9700, section 4.14.2).
            tracing::warn!(session_id = %session.id, "an operator's refresh token was used again; its session ends");
            end_audited(work, &mut session, EndReason::RefreshTokenReused).await?;
            return Ok(None);
        }
        if token.expires_at <= now {
            return Ok(None);
        }
        session.last_used_at = now;
        let refresh_expires_at = session.refresh_until(self.lifetimes, now);
        if token.used_at.is_none() {
            repository::use_refresh_token(work, &presented).await?;
        }
        repository::insert_refresh_token(work, session.id, &self.next, refresh_expires_at).await?;
        repository::save_session(work, &session).await?;
        Ok(Some(Begun { session: OperatorSessionView::of(&session), refresh_expires_at }))
    }
}

/// Ends the session of the request itself.
#[derive(Debug)]
pub struct LogOutOperator {
    pub session_id: SessionId,
}

impl OperatorCommand for LogOutOperator {
    type Outcome = ();

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        match repository::load_session(work, self.session_id).await? {
            Some(mut session) => end_audited(work, &mut session, EndReason::LoggedOut).await,
            None => Ok(()),
        }
    }
}

/// Changes an operator who is loaded and locked, and audits it.
async fn change(
    work: &mut UnitOfWork<'_>,
    action: &'static str,
    mut operator: Operator,
    decide: impl FnOnce(&mut Operator, DateTime<Utc>) -> Result<(), OperatorError> + Send,
) -> Result<OperatorView, Error> {
    let now = work.now_after(operator.updated_at);
    let before = OperatorView::of(&operator);
    decide(&mut operator, now)?;
    repository::save(work, &operator).await?;
    let after = OperatorView::of(&operator);
    work.audit(action, (OPERATOR, operator.id), Some(&before), Some(&after))?;
    Ok(after)
}

/// Forgets the failed attempts at the password that was.
async fn forgive(work: &mut UnitOfWork<'_>, id: OperatorId, email: &FoldedEmail) -> Result<(), Error> {
    let subjects = [ThrottleKey::operator(id), ThrottleKey::operator_account(email)];
    login_throttle::forgive(work, &subjects).await
}

/// Ends an operator's open sessions except `keep`. The operator's row must be locked already.
async fn end_all(
    work: &mut UnitOfWork<'_>,
    operator: OperatorId,
    keep: Option<SessionId>,
    reason: EndReason,
) -> Result<(), Error> {
    let open = repository::load_open(work, operator).await?;
    for mut session in open.into_iter().filter(|session| Some(session.id) != keep) {
        end(work, &mut session, reason).await?;
    }
    Ok(())
}

/// Returns whether the session was open until now.
async fn end(
    work: &mut UnitOfWork<'_>,
    session: &mut OperatorSession,
    reason: EndReason,
) -> Result<bool, Error> {
    let now = work.now_after(session.last_used_at);
    let was_open = session.end(reason, now);
    if was_open {
        repository::save_session(work, session).await?;
    }
    Ok(was_open)
}

async fn end_audited(
    work: &mut UnitOfWork<'_>,
    session: &mut OperatorSession,
    reason: EndReason,
) -> Result<(), Error> {
    let before = OperatorSessionView::of(session);
    if end(work, session, reason).await? {
        let after = OperatorSessionView::of(session);
        work.audit("operator_session.end", (SESSION, session.id), Some(&before), Some(&after))?;
    }
    Ok(())
}
