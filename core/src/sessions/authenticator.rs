//! The ways in: what happens between a password or a token and the command that follows from it.
//!
//! Passwords are hashed and compared outside of transactions, so that no connection waits for it; the command then finds
//! out whether what was compared is still true.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::aggregate::{Client, Lifetimes, SessionError};
use super::commands::{LogIn, Refresh, Refreshed};
use super::queries::{self, SessionView};
use crate::access::{Actor, Principal};
use crate::contact::Email;
use crate::context::{RequestContext, RequestOrigin};
use crate::database::Database;
use crate::error::Error;
use crate::identity::IdentityConfig;
use crate::identity::passwords::{HashedPassword, Password, Passwords, Verdict};
use crate::identity::secrets::{OneTimeToken, RefreshToken};
use crate::identity::tokens::{AccessTokens, IssuedToken};
use crate::ids::{SessionId, TenantId};
use crate::invalid::Invalid;
use crate::login_throttle;
use crate::unit_of_work::Executor;
use crate::users::{self, Account, ChangePassword, ResetPassword, UserError, VerifyEmail};

/// What a log-in or a refresh gives.
#[derive(Debug)]
pub struct SessionTokens {
    pub tenant_id: TenantId,
    pub session: SessionView,
    pub access: IssuedToken,
    pub refresh: RefreshToken,
    pub refresh_expires_at: DateTime<Utc>,
}

/// Lets people in, prolongs their sessions and changes their passwords.
#[derive(Debug)]
pub struct Authenticator {
    database: Database,
    executor: Executor,
    passwords: Passwords,
    tokens: Arc<AccessTokens>,
    lifetimes: Lifetimes,
}

impl Authenticator {
    pub fn new(
        database: Database,
        executor: Executor,
        passwords: Passwords,
        tokens: Arc<AccessTokens>,
        config: &IdentityConfig,
    ) -> Self {
        let lifetimes = Lifetimes {
            refresh: TimeDelta::hours(config.refresh_token_hours.into()),
            session: TimeDelta::hours(config.session_hours.into()),
        };
        Self { database, executor, passwords, tokens, lifetimes }
    }

    /// Begins a session.
    ///
    /// # Errors
    /// `InvalidCredentials`, after the same work whether there is such a user or not; `TooManyAttempts`;
    /// `EmailNotVerified`, only with the right password; `Busy`; no database.
    pub async fn log_in(
        &self,
        origin: RequestOrigin,
        email: &str,
        password: Password,
        user_agent: Option<&str>,
    ) -> Result<SessionTokens, Error> {
        let account = users::account_of_email(&self.database, email).await?;
        let stored = account.as_ref().and_then(|account| account.password.clone());
        let address = origin.client_address;
        let client = Client::new(address.map(|address| address.to_string()), user_agent);
        let verdict = self.compared(email, address, password, stored.clone()).await?;
        let (Some(account), Some(compared), Verdict::Right { replacement }) = (account, stored, verdict)
        else {
            return Err(SessionError::InvalidCredentials.into());
        };
        let command = LogIn {
            user_id: account.user_id,
            session_id: SessionId::generate(),
            client,
            lifetimes: self.lifetimes,
            refresh_token: RefreshToken::generate(),
            compared,
            replacement,
        };
        let refresh = command.refresh_token.clone();
        let context = origin.acting_as(principal(account, Some(command.session_id)));
        let tenant_id = context.tenant_id();
        let begun = self.executor.run(context, command).await?;
        self.tokens(tenant_id, begun.session, refresh, begun.refresh_expires_at)
    }

    /// Exchanges a refresh token for new tokens, once. The second use ends the session.
    ///
    /// # Errors
    /// `RefreshRefused`; no database.
    pub async fn refresh(
        &self,
        origin: RequestOrigin,
        presented: RefreshToken,
    ) -> Result<SessionTokens, Error> {
        let found = queries::user_of_refresh_token(&self.database, &presented).await?;
        let (session_id, principal) = found.ok_or(SessionError::RefreshRefused)?;
        let next = RefreshToken::generate();
        let command = Refresh { session_id, presented, next: next.clone(), lifetimes: self.lifetimes };
        let context = origin.acting_as(principal);
        let tenant_id = context.tenant_id();
        match self.executor.run(context, command).await? {
            Refreshed::Rotated { session, refresh_expires_at } => {
                self.tokens(tenant_id, session, next, refresh_expires_at)
            }
            Refreshed::Refused => Err(SessionError::RefreshRefused.into()),
        }
    }

    /// Changes the password of the user who asks, and ends their other sessions.
    ///
    /// # Errors
    /// `NotASession` for an API key, `WrongPassword`, `TooManyAttempts`, `PasswordRefused`, `Busy`; no database.
    pub async fn change_password(
        &self,
        context: RequestContext,
        current: Password,
        new: &str,
    ) -> Result<(), Error> {
        let Actor::User { user_id, session_id: Some(session_id) } = context.principal.actor else {
            return Err(SessionError::NotASession.into());
        };
        let account = users::account_of_email(&self.database, &context.principal.name).await?;
        let account = account.filter(|account| account.user_id == user_id).ok_or(Error::Unauthenticated)?;
        let address = context.client_address.as_deref().and_then(|address| address.parse().ok());
        if self.compared(&account.email, address, current, account.password).await? == Verdict::Wrong {
            return Err(SessionError::WrongPassword.into());
        }
        let password = self.chosen("/new_password", new, &account.email).await?;
        self.executor.run(context, ChangePassword { user_id, password, keep: Some(session_id) }).await?;
        Ok(())
    }

    /// Sets a password with a one-time token, and ends all sessions of its user.
    ///
    /// # Errors
    /// `InvalidToken`, `PasswordRefused`, `Busy`; no database.
    pub async fn reset_password(
        &self,
        origin: RequestOrigin,
        token: OneTimeToken,
        new: &str,
    ) -> Result<(), Error> {
        let token = token.hash();
        let account =
            users::account_of_token(&self.database, &token).await?.ok_or(UserError::InvalidToken)?;
        let password = self.chosen("/password", new, &account.email).await?;
        let context = origin.acting_as(principal(account, None));
        self.executor.run(context, ResetPassword { token, password }).await?;
        Ok(())
    }

    /// Verifies the e-mail address of the user to whom a one-time token was given.
    ///
    /// # Errors
    /// `InvalidToken`; no database.
    pub async fn verify_email(&self, origin: RequestOrigin, token: OneTimeToken) -> Result<(), Error> {
        let token = token.hash();
        let account =
            users::account_of_token(&self.database, &token).await?.ok_or(UserError::InvalidToken)?;
        let context = origin.acting_as(principal(account, None));
        self.executor.run(context, VerifyEmail { token }).await?;
        Ok(())
    }

    /// Somebody forgot the password of an account. Until there is somebody who sends e-mail, an operator reads of it in
    /// the log. Costs and answers the same whether there is such an account or not.
    ///
    /// # Errors
    /// No database.
    pub async fn forgot_password(&self, email: &str) -> Result<(), Error> {
        let account = users::account_of_email(&self.database, email).await?;
        let ids = account.map(|account| (account.tenant_id.to_string(), account.user_id.to_string()));
        let (tenant_id, user_id) = ids.unwrap_or_default();
        tracing::info!(
            tenant_id,
            user_id,
            "somebody asks for a new password: api users reset-token EMAIL makes a token"
        );
        Ok(())
    }

    /// Compares, unless the account or the address has failed too often. Counts as a failure until it is known to be none.
    async fn compared(
        &self,
        email: &str,
        address: Option<IpAddr>,
        password: Password,
        stored: Option<HashedPassword>,
    ) -> Result<Verdict, Error> {
        let address = address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let ticket = login_throttle::attempt(&self.database, email, address).await?;
        let verdict = self.passwords.verify(password, stored).await;
        match &verdict {
            Ok(Verdict::Right { .. }) => login_throttle::succeed(&self.database, ticket).await?,
            Ok(Verdict::Wrong) => {}
            Err(_) => login_throttle::withdraw(&self.database, ticket).await?,
        }
        Ok(verdict?)
    }

    async fn chosen(&self, pointer: &'static str, text: &str, email: &str) -> Result<HashedPassword, Error> {
        let refused = |Invalid { code, message }| SessionError::PasswordRefused { pointer, code, message };
        let password = Password::chosen(text, &Email::stored(email.to_owned())).map_err(refused)?;
        Ok(self.passwords.hash(password).await?)
    }

    fn tokens(
        &self,
        tenant_id: TenantId,
        session: SessionView,
        refresh: RefreshToken,
        refresh_expires_at: DateTime<Utc>,
    ) -> Result<SessionTokens, Error> {
        let access = self.tokens.issue(session.user_id, tenant_id, session.id, Utc::now())?;
        Ok(SessionTokens { tenant_id, session, access, refresh, refresh_expires_at })
    }
}

/// The user as the one who does what follows.
fn principal(account: Account, session_id: Option<SessionId>) -> Principal {
    let actor = Actor::User { user_id: account.user_id, session_id };
    Principal::trusted(account.tenant_id, actor, account.email, account.currency)
}
