//! Single-use tokens, to verify an e-mail address or to set a new password. Only their hash is stored.
//!
//! A token that somebody issues who may decide about the user is the only one of its purpose from then on. One that a
//! stranger may have asked for stands beside the older ones: otherwise, whoever knows an address could make every link in
//! its mailbox invalid.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use uuid::Uuid;

use super::aggregate::{UserError, UserStatus};
use super::commands::decider;
use super::repository;
use crate::accounts::identity::secrets::{OneTimeToken, SecretHash};
use crate::application::Locked;
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::platform::schema::user_tokens;
use crate::values::ids::UserId;

/// The maximum number of valid tokens of one purpose. A stranger's request adds none to so many.
const MAX_VALID: i64 = 5;

/// The purpose of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenPurpose {
    VerifyEmail,
    ResetPassword,
}

impl TokenPurpose {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
        }
    }
}

/// Issues a token for a user, and withdraws older tokens of the same purpose.
#[derive(Debug)]
pub struct IssueOneTimeToken {
    pub user_id: UserId,
    pub purpose: TokenPurpose,
    pub valid_for: TimeDelta,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedOneTimeToken {
    pub id: Uuid,
    pub token: OneTimeToken,
    pub expires_at: DateTime<Utc>,
}

/// A token as the audit trail records it.
#[derive(Debug, Serialize)]
struct TokenRecord {
    purpose: TokenPurpose,
    token: &'static str,
    expires_at: DateTime<Utc>,
}

impl Command for IssueOneTimeToken {
    type Outcome = IssuedOneTimeToken;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<IssuedOneTimeToken, Error> {
        let user = repository::load(work, self.user_id).await?;
        decider(work, true).await?.covers(&user)?;
        user.check_not_disabled("given a token")?;
        if self.purpose == TokenPurpose::VerifyEmail && user.status() == UserStatus::Active {
            return Err(UserError::AlreadyVerified(user.id()).into());
        }
        let issued = issue(work, self.user_id, self.purpose, self.valid_for).await?;
        let record = TokenRecord { purpose: self.purpose, token: "***", expires_at: issued.expires_at };
        work.audit("user.issue_token", ("user", self.user_id), None, Some(&record))?;
        Ok(issued)
    }
}

/// Issues a token as part of another command, which has locked the user, and withdraws older tokens of the same purpose.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn issue(
    work: &mut UnitOfWork<'_>,
    user: UserId,
    purpose: TokenPurpose,
    valid_for: TimeDelta,
) -> Result<IssuedOneTimeToken, Error> {
    withdraw(work, user, Some(purpose)).await?;
    insert(work, user, purpose, valid_for).await
}

/// Issues a token as [`issue`] does, but leaves older ones valid; `None` if the user has enough of them.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn issue_beside(
    work: &mut UnitOfWork<'_>,
    user: UserId,
    purpose: TokenPurpose,
    valid_for: TimeDelta,
) -> Result<Option<IssuedOneTimeToken>, Error> {
    work.locks(Locked::UserToken);
    let (tenant, now) = (work.tenant().uuid(), work.now());
    let of_user = || {
        user_tokens::table
            .filter(user_tokens::tenant_id.eq(tenant))
            .filter(user_tokens::user_id.eq(user.uuid()))
            .filter(user_tokens::purpose.eq(purpose.name()))
    };
    // What has expired goes here: otherwise, tokens that strangers asked for would be kept for weeks.
    diesel::delete(of_user().filter(user_tokens::expires_at.le(now))).execute(work.connection()).await?;
    let valid: i64 =
        of_user().filter(user_tokens::used_at.is_null()).count().get_result(work.connection()).await?;
    if valid >= MAX_VALID {
        return Ok(None);
    }
    insert(work, user, purpose, valid_for).await.map(Some)
}

async fn insert(
    work: &mut UnitOfWork<'_>,
    user: UserId,
    purpose: TokenPurpose,
    valid_for: TimeDelta,
) -> Result<IssuedOneTimeToken, Error> {
    let (tenant, created_at) = (work.tenant(), work.now());
    let (id, token, expires_at) = (Uuid::now_v7(), OneTimeToken::generate(), created_at + valid_for);
    let hash = token.hash();
    let row = (
        user_tokens::tenant_id.eq(tenant.uuid()),
        user_tokens::id.eq(id),
        user_tokens::user_id.eq(user.uuid()),
        user_tokens::purpose.eq(purpose.name()),
        user_tokens::token_hash.eq(&hash.as_bytes()[..]),
        user_tokens::created_at.eq(created_at),
        user_tokens::expires_at.eq(expires_at),
    );
    diesel::insert_into(user_tokens::table).values(row).execute(work.connection()).await?;
    Ok(IssuedOneTimeToken { id, token, expires_at })
}

/// Whether a token was issued to the user since then.
pub(super) async fn is_issued_since(
    work: &mut UnitOfWork<'_>,
    user: UserId,
    purpose: TokenPurpose,
    since: DateTime<Utc>,
) -> Result<bool, Error> {
    let of_user = user_tokens::table
        .filter(user_tokens::tenant_id.eq(work.tenant().uuid()))
        .filter(user_tokens::user_id.eq(user.uuid()))
        .filter(user_tokens::purpose.eq(purpose.name()))
        .filter(user_tokens::created_at.gt(since));
    Ok(diesel::select(diesel::dsl::exists(of_user)).get_result(work.connection()).await?)
}

/// Whether a token was neither used nor withdrawn, though it may have expired.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn is_unused(work: &mut UnitOfWork<'_>, id: Uuid) -> Result<bool, Error> {
    let token = user_tokens::table.find((work.tenant().uuid(), id)).filter(user_tokens::used_at.is_null());
    Ok(diesel::select(diesel::dsl::exists(token)).get_result(work.connection()).await?)
}

/// Deletes all tokens of a user, or all of one purpose. The user must be locked already.
pub(super) async fn withdraw(
    work: &mut UnitOfWork<'_>,
    user: UserId,
    purpose: Option<TokenPurpose>,
) -> Result<(), Error> {
    work.locks(Locked::UserToken);
    let purposes: Vec<_> = match purpose {
        Some(purpose) => vec![purpose.name()],
        None => [TokenPurpose::VerifyEmail, TokenPurpose::ResetPassword].map(TokenPurpose::name).into(),
    };
    let of_user = user_tokens::table
        .filter(user_tokens::tenant_id.eq(work.tenant().uuid()))
        .filter(user_tokens::user_id.eq(user.uuid()))
        .filter(user_tokens::purpose.eq_any(purposes));
    diesel::delete(of_user).execute(work.connection()).await?;
    Ok(())
}

/// Returns the user of a token, even if it is used or expired.
///
/// # Errors
/// `InvalidToken` if the token is unknown.
pub(super) async fn user_of(work: &mut UnitOfWork<'_>, hash: &SecretHash) -> Result<UserId, Error> {
    let found: Option<Uuid> = user_tokens::table
        .filter(user_tokens::tenant_id.eq(work.tenant().uuid()))
        .filter(user_tokens::token_hash.eq(&hash.as_bytes()[..]))
        .select(user_tokens::user_id)
        .first(work.connection())
        .await
        .optional()?;
    Ok(found.map(UserId::from_uuid).ok_or(UserError::InvalidToken)?)
}

/// Marks a token as used.
///
/// # Errors
/// `InvalidToken` if the token is unknown, of another purpose, used or expired.
pub(super) async fn consume(
    work: &mut UnitOfWork<'_>,
    hash: &SecretHash,
    purpose: TokenPurpose,
) -> Result<(), Error> {
    work.locks(Locked::UserToken);
    let (tenant, now) = (work.tenant(), work.now());
    let usable = user_tokens::table
        .filter(user_tokens::tenant_id.eq(tenant.uuid()))
        .filter(user_tokens::token_hash.eq(&hash.as_bytes()[..]))
        .filter(user_tokens::purpose.eq(purpose.name()))
        .filter(user_tokens::used_at.is_null())
        .filter(user_tokens::expires_at.gt(now));
    match diesel::update(usable).set(user_tokens::used_at.eq(now)).execute(work.connection()).await? {
        0 => Err(UserError::InvalidToken.into()),
        _ => Ok(()),
    }
}
