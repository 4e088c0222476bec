//! Log-in, refresh and password changes of operators, as [`crate::accounts::sessions::Authenticator`] has them for users:
//! the same throttle, the same work whether there is such an account or not.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::aggregate::{Operator, OperatorError};
use super::commands::{Begun, ChangeOperatorPassword, LogInOperator, RefreshOperator};
use super::queries::{self, OperatorSessionView};
use crate::accounts::identity::IdentityConfig;
use crate::accounts::identity::access_tokens::{AccessTokens, IssuedAccessToken};
use crate::accounts::identity::passwords::{Password, Passwords, Verdict};
use crate::accounts::identity::secrets::OperatorRefreshToken;
use crate::accounts::login_throttle::ThrottleKey;
use crate::accounts::sessions::{
    AttemptFrom, BROWSER_AGAIN, Client, Entrance, Lifetimes, PasswordCheck, SessionError,
};
use crate::application::audit::{Refusal, Refusals};
use crate::application::context::RequestOrigin;
use crate::application::error::{Category, Error};
use crate::application::unit_of_work::Executor;
use crate::application::{Actor, OperatorContext, TenantDatabase};
use crate::values::contact::FoldedEmail;
use crate::values::ids::SessionId;

/// The result of a log-in or a refresh.
#[derive(Debug)]
pub struct OperatorTokens {
    pub session: OperatorSessionView,
    pub access: IssuedAccessToken,
    pub refresh: OperatorRefreshToken,
    pub refresh_expires_at: DateTime<Utc>,
}

/// Logs operators in, prolongs their sessions and changes their passwords.
#[derive(Debug)]
pub struct OperatorAuthenticator {
    database: TenantDatabase,
    executor: Executor,
    passwords: PasswordCheck,
    tokens: Arc<AccessTokens>,
    lifetimes: Lifetimes,
    refusals: Refusals,
}

impl OperatorAuthenticator {
    pub fn new(
        database: TenantDatabase,
        executor: Executor,
        passwords: Passwords,
        tokens: Arc<AccessTokens>,
        config: &IdentityConfig,
        refusals: Refusals,
    ) -> Self {
        let passwords = PasswordCheck::new(database.database().clone(), passwords);
        Self { database, executor, passwords, tokens, lifetimes: Lifetimes::of(config), refusals }
    }

    /// Begins a session. A refusal is counted for the operators' audit trail, if the address is an operator's.
    ///
    /// # Errors
    /// - `InvalidCredentials` after the same work whether there is such an operator or not; also for a disabled one.
    /// - `TooManyAttempts` or `Busy`.
    ///
    /// Also fails if the database cannot be reached.
    pub async fn log_in(
        &self,
        origin: RequestOrigin,
        email: &FoldedEmail,
        password: Password,
        user_agent: Option<&str>,
        entrance: Entrance,
    ) -> Result<OperatorTokens, Error> {
        let operator = queries::named(&self.database, email).await?;
        let attempt = operator.as_ref().map(|operator| {
            let address = origin.client_address.map(|address| address.to_string());
            (operator.id, address, origin.request_id.clone())
        });
        let result = self.begin_session(origin, email, operator, password, user_agent, entrance).await;
        if let (Err(error), Some((operator, address, request_id))) = (&result, attempt)
            && matches!(error.category(), Category::Unauthenticated | Category::TooMany)
        {
            let refusal = Refusal::of_operator_log_in(operator, error.code(), address);
            self.refusals.note(refusal, &request_id);
        }
        result
    }

    async fn begin_session(
        &self,
        origin: RequestOrigin,
        email: &FoldedEmail,
        operator: Option<Operator>,
        password: Password,
        user_agent: Option<&str>,
        entrance: Entrance,
    ) -> Result<OperatorTokens, Error> {
        // A disabled operator has no password here: no answer, time or counter reveals whether it was right.
        let operator = operator.filter(|operator| !operator.is_disabled());
        let stored = operator.as_ref().map(|operator| operator.password.clone());
        let address = origin.client_address;
        let client = Client::new(address.map(|address| address.to_string()), user_agent, entrance);
        let (subject, from) = (ThrottleKey::operator_account(email), AttemptFrom::Address(address));
        let verdict = self.passwords.compared(subject, from, password, stored).await?;
        let (Some(operator), Verdict::Right { replacement }) = (operator, verdict) else {
            return Err(OperatorError::InvalidCredentials.into());
        };
        let command = LogInOperator {
            operator_id: operator.id,
            session_id: SessionId::generate(),
            client,
            lifetimes: self.lifetimes,
            refresh_token: OperatorRefreshToken::generate(),
            compared: operator.password,
            replacement,
        };
        let refresh = command.refresh_token.clone();
        let email = operator.email.as_str().to_owned();
        let context = OperatorContext::authenticating(origin, operator.id, command.session_id, email);
        let begun = self.executor.run_as_operator(context, command).await?;
        self.tokens(begun, refresh)
    }

    /// Exchanges a refresh token for new tokens, once. The second use ends the session.
    ///
    /// # Errors
    /// Fails with `RefreshRefused`, or if the database cannot be reached.
    pub async fn refresh(
        &self,
        origin: RequestOrigin,
        presented: OperatorRefreshToken,
    ) -> Result<OperatorTokens, Error> {
        self.refresh_within(origin, presented, TimeDelta::zero()).await
    }

    /// The same for a browser, as of a user's session.
    ///
    /// # Errors
    /// Fails as [`Self::refresh`] does.
    pub async fn refresh_in_browser(
        &self,
        origin: RequestOrigin,
        presented: OperatorRefreshToken,
    ) -> Result<OperatorTokens, Error> {
        self.refresh_within(origin, presented, BROWSER_AGAIN).await
    }

    async fn refresh_within(
        &self,
        origin: RequestOrigin,
        presented: OperatorRefreshToken,
        again: TimeDelta,
    ) -> Result<OperatorTokens, Error> {
        let found = queries::session_of(&self.database, &presented).await?;
        let (session, email) = found.ok_or(SessionError::RefreshRefused)?;
        let next = OperatorRefreshToken::generate();
        let (session_id, lifetimes) = (session.id, self.lifetimes);
        let command = RefreshOperator { session_id, presented, next: next.clone(), lifetimes, again };
        let context = OperatorContext::authenticating(origin, session.operator_id, session_id, email);
        let begun = self.executor.run_as_operator(context, command).await?;
        self.tokens(begun.ok_or(SessionError::RefreshRefused)?, next)
    }

    /// Changes the password of the operator who asks, and ends their other sessions.
    ///
    /// # Errors
    /// Fails with `WrongPassword`, `TooManyAttempts`, `PasswordRefused` or `Busy`, or if the database cannot be reached.
    pub async fn change_password(
        &self,
        context: OperatorContext,
        current: Password,
        new: &str,
    ) -> Result<(), Error> {
        let Actor::OperatorAccount { operator_id, session_id } = context.principal().actor else {
            return Err(SessionError::NotASession.into());
        };
        let operator = queries::of_id(&self.database, operator_id).await?.ok_or(Error::Unauthenticated)?;
        let (subject, stored) = (ThrottleKey::operator(operator_id), operator.password.clone());
        let verdict =
            self.passwords.compared(subject, AttemptFrom::Session, current, Some(stored.clone())).await?;
        let Verdict::Right { .. } = verdict else { return Err(SessionError::WrongPassword.into()) };
        let password = self.passwords.chosen("/new_password", new, &operator.email).await?;
        let command = ChangeOperatorPassword { operator_id, compared: stored, password, keep: session_id };
        self.executor.run_as_operator(context, command).await
    }

    fn tokens(&self, begun: Begun, refresh: OperatorRefreshToken) -> Result<OperatorTokens, Error> {
        let Begun { session, refresh_expires_at } = begun;
        let access = self.tokens.issue_to_operator(session.operator_id, session.id, Utc::now())?;
        Ok(OperatorTokens { session, access, refresh, refresh_expires_at })
    }
}
