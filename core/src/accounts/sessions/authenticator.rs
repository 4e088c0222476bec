//! Log-in, refresh and password changes: the steps between a password or a token and the command that follows.
//!
//! Passwords are hashed and compared outside of transactions, so that no connection waits for it. The command then checks
//! that the compared hash is still the user's.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::aggregate::{Client, Entrance, Lifetimes, SessionError};
use super::commands::{LogIn, Refresh, Refreshed};
use super::password_check::{AttemptFrom, PasswordCheck};
use super::queries::{self, SessionView};
use crate::accounts::identity::IdentityConfig;
use crate::accounts::identity::access_tokens::{AccessTokens, IssuedAccessToken};
use crate::accounts::identity::passwords::{Password, Passwords, Verdict};
use crate::accounts::identity::secrets::{OneTimeToken, RefreshToken};
use crate::accounts::login_throttle::ThrottleKey;
use crate::accounts::users::{
    self, Account, AccountName, ChangePassword, RequestPasswordReset, ResetPassword, UserError, UserStatus,
    VerifyEmail,
};
use crate::application::TenantDatabase;
use crate::application::audit::{Refusal, Refusals};
use crate::application::context::{RequestContext, RequestOrigin};
use crate::application::error::{Category, Error};
use crate::application::unit_of_work::Executor;
use crate::application::{Actor, Principal};
use crate::values::ids::{SessionId, TenantId, UserId};

/// For how long a browser may use a refresh token again: as long as a request may take, and its repetition.
pub(crate) const BROWSER_AGAIN: TimeDelta = TimeDelta::seconds(30);

/// The result of a log-in or a refresh.
#[derive(Debug)]
pub struct SessionTokens {
    pub tenant_id: TenantId,
    pub session: SessionView,
    pub access: IssuedAccessToken,
    pub refresh: RefreshToken,
    pub refresh_expires_at: DateTime<Utc>,
}

/// Logs users in, prolongs their sessions and changes their passwords.
#[derive(Debug)]
pub struct Authenticator {
    database: TenantDatabase,
    executor: Executor,
    passwords: PasswordCheck,
    tokens: Arc<AccessTokens>,
    lifetimes: Lifetimes,
    /// The lifetime of a token that sets a password.
    reset: TimeDelta,
    refusals: Refusals,
}

impl Authenticator {
    pub fn new(
        database: TenantDatabase,
        executor: Executor,
        passwords: Passwords,
        tokens: Arc<AccessTokens>,
        config: &IdentityConfig,
        refusals: Refusals,
    ) -> Self {
        let (lifetimes, passwords) =
            (Lifetimes::of(config), PasswordCheck::new(database.database().clone(), passwords));
        let reset = TimeDelta::hours(config.reset_token_hours.into());
        Self { database, executor, passwords, tokens, lifetimes, reset, refusals }
    }

    /// Begins a session. A refusal is counted for the audit trail of the account's tenant, if the name means an account.
    ///
    /// # Errors
    /// - `InvalidCredentials` after the same work whether there is such an account or not; also for a disabled account.
    /// - `EmailNotVerified` only with the right password.
    /// - `TooManyAttempts` or `Busy`.
    ///
    /// Also fails if the database cannot be reached.
    pub async fn log_in(
        &self,
        origin: RequestOrigin,
        name: &AccountName,
        password: Password,
        user_agent: Option<&str>,
        entrance: Entrance,
    ) -> Result<SessionTokens, Error> {
        let account = users::account_named(&self.database, name).await?;
        let attempt = account.as_ref().map(|account| {
            let address = origin.client_address.map(|address| address.to_string());
            (account.tenant_id, account.user_id, address, origin.request_id.clone())
        });
        let result = self.begin_session(origin, name, account, password, user_agent, entrance).await;
        if let (Err(error), Some((tenant_id, user_id, address, request_id))) = (&result, attempt)
            && matches!(error.category(), Category::Unauthenticated | Category::Forbidden | Category::TooMany)
        {
            let refusal = Refusal::of_log_in(tenant_id, user_id, error.code(), address);
            self.refusals.note(refusal, &request_id);
        }
        result
    }

    async fn begin_session(
        &self,
        origin: RequestOrigin,
        name: &AccountName,
        account: Option<Account>,
        password: Password,
        user_agent: Option<&str>,
        entrance: Entrance,
    ) -> Result<SessionTokens, Error> {
        // A disabled user has no password here: no answer, time or counter reveals whether it was right.
        let account = account.filter(|account| account.status != UserStatus::Disabled);
        let stored = account.as_ref().and_then(|account| account.password.clone());
        let address = origin.client_address;
        let client = Client::new(address.map(|address| address.to_string()), user_agent, entrance);
        let (subject, from) = (ThrottleKey::account(name), AttemptFrom::Address(address));
        let verdict = self.passwords.compared(subject, from, password, stored.clone()).await?;
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
    /// Fails with `RefreshRefused`, or if the database cannot be reached.
    pub async fn refresh(
        &self,
        origin: RequestOrigin,
        presented: RefreshToken,
    ) -> Result<SessionTokens, Error> {
        self.refresh_within(origin, presented, TimeDelta::zero()).await
    }

    /// The same for a browser, whose tabs may ask at once, and whose answers may be lost on the way: within
    /// [`BROWSER_AGAIN`] of its first use, the token is good again, if the log-in was made in the console.
    ///
    /// # Errors
    /// Fails as [`Self::refresh`] does.
    pub async fn refresh_in_browser(
        &self,
        origin: RequestOrigin,
        presented: RefreshToken,
    ) -> Result<SessionTokens, Error> {
        self.refresh_within(origin, presented, BROWSER_AGAIN).await
    }

    async fn refresh_within(
        &self,
        origin: RequestOrigin,
        presented: RefreshToken,
        again: TimeDelta,
    ) -> Result<SessionTokens, Error> {
        let found = queries::user_of_refresh_token(&self.database, &presented).await?;
        let (session_id, principal) = found.ok_or(SessionError::RefreshRefused)?;
        let next = RefreshToken::generate();
        let command = Refresh { session_id, presented, next: next.clone(), lifetimes: self.lifetimes, again };
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
    /// Fails with `NotASession` for an API key, `WrongPassword`, `TooManyAttempts`, `PasswordRefused` or `Busy`, or if
    /// the database cannot be reached.
    pub async fn change_password(
        &self,
        context: RequestContext,
        current: Password,
        new: &str,
    ) -> Result<(), Error> {
        let Actor::User { user_id, session_id: Some(session_id) } = context.principal.actor else {
            return Err(SessionError::NotASession.into());
        };
        let account = users::account_of(&self.database, context.tenant_id(), user_id).await?;
        let account = account.ok_or(Error::Unauthenticated)?;
        let subject = ThrottleKey::user(account.tenant_id, user_id);
        let stored = account.password.clone();
        let verdict = self.passwords.compared(subject, AttemptFrom::Session, current, stored.clone()).await?;
        let (Some(compared), Verdict::Right { .. }) = (stored, verdict) else {
            return Err(SessionError::WrongPassword.into());
        };
        let password = self.passwords.chosen("/new_password", new, &account.email).await?;
        let forgiven = self.subjects_of(&account).await?;
        let command = ChangePassword { user_id, compared, password, keep: Some(session_id), forgiven };
        self.executor.run(context, command).await?;
        Ok(())
    }

    /// Sets a password with a one-time token, and ends all sessions of its user. If an attacker's guesses have locked the
    /// account, it is unlocked.
    ///
    /// # Errors
    /// Fails with `InvalidToken` (also for a disabled user), `PasswordRefused` or `Busy`, or if the database cannot be reached.
    pub async fn reset_password(
        &self,
        origin: RequestOrigin,
        token: OneTimeToken,
        new: &str,
    ) -> Result<(), Error> {
        let token = token.hash();
        let account =
            users::account_of_token(&self.database, &token).await?.ok_or(UserError::InvalidToken)?;
        let password = self.passwords.chosen("/password", new, &account.email).await?;
        let forgiven = self.subjects_of(&account).await?;
        let context = origin.acting_as(principal(account, None));
        self.executor.run(context, ResetPassword { token, password, forgiven }).await?;
        Ok(())
    }

    /// Verifies the e-mail address of the user to whom a one-time token was given.
    ///
    /// # Errors
    /// Fails with `InvalidToken`, or if the database cannot be reached.
    pub async fn verify_email(&self, origin: RequestOrigin, token: OneTimeToken) -> Result<(), Error> {
        let token = token.hash();
        let account =
            users::account_of_token(&self.database, &token).await?.ok_or(UserError::InvalidToken)?;
        let context = origin.acting_as(principal(account, None));
        self.executor.run(context, VerifyEmail { token }).await?;
        Ok(())
    }

    /// Sends a token to whoever forgot their password, for each account that the name may mean. That happens beside the
    /// request: cost and answer are the same whether there is no such account, or one in several companies.
    ///
    /// # Errors
    /// Fails if the database cannot be reached.
    pub async fn forgot_password(&self, origin: RequestOrigin, name: &AccountName) -> Result<(), Error> {
        let accounts: Vec<_> = users::accounts_named(&self.database, name).await?.iter().collect();
        let (database, executor, valid_for) = (self.database.clone(), self.executor.clone(), self.reset);
        self.executor.aside(async move {
            for (tenant_id, user_id) in accounts {
                let asked = ask_for_reset(&database, &executor, origin.clone(), tenant_id, user_id, valid_for);
                if let Err(error) = asked.await {
                    tracing::error!(%error, %tenant_id, %user_id, "a token for a new password could not be sent");
                }
            }
        });
        Ok(())
    }

    /// The subjects under which failed attempts at this account are counted: the user (in a session), the name with the
    /// company, and the name without it. The last one only if it means this account, or will mean it once the address is
    /// verified.
    async fn subjects_of(&self, account: &Account) -> Result<Vec<ThrottleKey>, Error> {
        let id = (account.tenant_id, account.user_id);
        let mut subjects = vec![ThrottleKey::user(id.0, id.1), ThrottleKey::account(&account.full_name())];
        let without_company = account.bare_name();
        let named = users::accounts_named(&self.database, &without_company).await?;
        if !named.is_active_elsewhere(id) {
            subjects.push(ThrottleKey::account(&without_company));
        }
        Ok(subjects)
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

async fn ask_for_reset(
    database: &TenantDatabase,
    executor: &Executor,
    origin: RequestOrigin,
    tenant_id: TenantId,
    user_id: UserId,
    valid_for: TimeDelta,
) -> Result<(), Error> {
    let Some(account) = users::account_of(database, tenant_id, user_id).await? else { return Ok(()) };
    let context = origin.acting_as(principal(account, None));
    executor.run(context, RequestPasswordReset { user_id, valid_for }).await
}

/// The account's user, as the principal of the command that follows.
fn principal(account: Account, session_id: Option<SessionId>) -> Principal {
    let actor = Actor::User { user_id: account.user_id, session_id };
    let email = account.email.as_str().to_owned();
    Principal::trusted(account.tenant_id, actor, email, account.currency)
}
