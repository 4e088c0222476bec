//! The commands of users.
//!
//! A command that may remove an administrator locks the tenant first, then the user: the second of two such commands sees
//! the change of the first.

use chrono::{DateTime, TimeDelta, Utc};

use super::aggregate::{Adjustments, NewUser, User, UserError, UserName};
use super::decider::Decider;
use super::one_time_tokens::{self, TokenPurpose};
use super::queries::UserView;
use super::repository;
use crate::accounts::api_keys;
use crate::accounts::identity::passwords::HashedPassword;
use crate::accounts::identity::secrets::SecretHash;
use crate::accounts::login_throttle::{self, ThrottleKey};
use crate::accounts::principals::{Authority, authority};
use crate::accounts::sessions::{self, EndReason, SessionError};
use crate::accounts::tenants;
use crate::application::aggregate::{Aggregate, Creatable, change, create};
use crate::application::error::{Error, check_version};
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::application::{Edit, Permission, Role};
use crate::values::ids::{SessionId, UserId};

use super::events::UserEvent;

/// How long after a token that sets a password another one is sent at the earliest.
const RESET_PAUSE: TimeDelta = TimeDelta::minutes(1);

#[derive(Debug)]
pub struct RegisterUser {
    pub user: NewUser,
}

impl Command for RegisterUser {
    type Outcome = UserView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<UserView, Error> {
        let registered = registered(work, &self.user).await?;
        create(work, "user.register", registered, UserView::of).await
    }
}

/// Registers a user as part of another command, which writes the audit row.
///
/// # Errors
/// Fails if the address is taken in the company, or if a permission is granted that the principal does not have.
pub(crate) async fn register(work: &mut UnitOfWork<'_>, new: &NewUser) -> Result<UserView, Error> {
    let (user, event) = registered(work, new).await?;
    user.insert(work).await?;
    work.record(event).await?;
    Ok(UserView::of(&user))
}

async fn registered(work: &mut UnitOfWork<'_>, new: &NewUser) -> Result<(User, UserEvent), Error> {
    let decider = decider(work, true).await?;
    Ok(User::register(UserId::generate(), new.clone(), decider, work.now())?)
}

#[derive(Debug)]
pub struct UpdateUser {
    pub id: UserId,
    pub expected_version: Option<i64>,
    pub edit: Edit<UserView, UserName>,
}

impl Command for UpdateUser {
    type Outcome = UserView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<UserView, Error> {
        let user = loaded(work, self.id, self.expected_version).await?;
        let decider = decider(work, true).await?;
        let decide = |user: &mut User, now| {
            // First: whoever may not decide about the user learns nothing of them by what is refused.
            decider.covers(user)?;
            let name = self.edit.apply(&UserView::of(user))?;
            Ok::<_, Error>(user.rename(name, decider, now)?)
        };
        changed(work, "user.update", user, decide).await
    }
}

#[derive(Debug)]
pub struct ChangeRole {
    pub id: UserId,
    pub expected_version: Option<i64>,
    pub role: Role,
}

impl Command for ChangeRole {
    type Outcome = UserView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<UserView, Error> {
        tenants::repository::load(work).await?;
        let user = loaded(work, self.id, self.expected_version).await?;
        let decider = decider_about(work, self.id).await?;
        let decide = |user: &mut User, now| user.change_role(self.role, decider, now);
        changed(work, "user.change_role", user, decide).await
    }
}

#[derive(Debug)]
pub struct ChangePermissions {
    pub id: UserId,
    pub expected_version: Option<i64>,
    pub adjustments: Adjustments,
}

impl Command for ChangePermissions {
    type Outcome = UserView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<UserView, Error> {
        tenants::repository::load(work).await?;
        let user = loaded(work, self.id, self.expected_version).await?;
        let decider = decider_about(work, self.id).await?;
        let decide = |user: &mut User, now| user.change_permissions(self.adjustments, decider, now);
        changed(work, "user.change_permissions", user, decide).await
    }
}

/// Disables a user, and ends the user's sessions and one-time tokens.
#[derive(Debug)]
pub struct DisableUser {
    pub id: UserId,
    pub expected_version: Option<i64>,
    /// Whether the API keys that the user owns stay valid; otherwise they are revoked.
    pub keep_api_keys: bool,
}

impl Command for DisableUser {
    type Outcome = UserView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<UserView, Error> {
        tenants::repository::load(work).await?;
        let user = loaded(work, self.id, self.expected_version).await?;
        let decider = decider_about(work, self.id).await?;
        // In the lock order, tokens come before sessions, which the change ends.
        one_time_tokens::withdraw(work, self.id, None).await?;
        let decide = |user: &mut User, now| user.disable(decider, now).map(Some);
        let after = changed(work, "user.disable", user, decide).await?;
        if !self.keep_api_keys {
            api_keys::revoke_all_of(work, self.id).await?;
        }
        Ok(after)
    }
}

#[derive(Debug)]
pub struct EnableUser {
    pub id: UserId,
    pub expected_version: Option<i64>,
}

impl Command for EnableUser {
    type Outcome = UserView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<UserView, Error> {
        let user = loaded(work, self.id, self.expected_version).await?;
        let decider = decider(work, true).await?;
        let decide = |user: &mut User, now| user.enable(decider, now).map(Some);
        changed(work, "user.enable", user, decide).await
    }
}

/// Changes a user's password, after the user has proved their identity. Ends the user's sessions and withdraws a token to
/// set a password.
#[derive(Debug)]
pub struct ChangePassword {
    pub user_id: UserId,
    /// The hash that was compared: it must still be the user's.
    pub compared: HashedPassword,
    pub password: HashedPassword,
    /// The session in which the user changes the password: it stays open.
    pub keep: Option<SessionId>,
    /// The subjects whose failed log-ins are forgotten: they were made against the previous password.
    pub forgiven: Vec<ThrottleKey>,
}

impl Command for ChangePassword {
    type Outcome = UserView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<UserView, Error> {
        let user = loaded(work, self.user_id, None).await?;
        // Another password may have been set during the comparison, or while this command waited: that later password stays.
        if user.password() != Some(&self.compared) {
            return Err(SessionError::WrongPassword.into());
        }
        work.check_principal().await?;
        let decide = |user: &mut User, now| user.change_password(self.password.clone(), now).map(Some);
        let after = changed(work, "user.change_password", user, decide).await?;
        one_time_tokens::withdraw(work, self.user_id, Some(TokenPurpose::ResetPassword)).await?;
        login_throttle::forgive(work, &self.forgiven).await?;
        sessions::end_all(work, self.user_id, self.keep, EndReason::PasswordChanged).await?;
        Ok(after)
    }
}

/// Sends a user a token that sets a password, because somebody asked for it who need not be the user. So older tokens stay
/// valid: they are withdrawn when one of them is used, when the user changes the password, or is disabled. It does nothing
/// for a disabled user, and nothing if such a token was issued just now, or if the user has enough of them: nobody is to
/// fill a stranger's mailbox.
#[derive(Debug)]
pub struct RequestPasswordReset {
    pub user_id: UserId,
    pub valid_for: TimeDelta,
}

impl Command for RequestPasswordReset {
    type Outcome = ();

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let user = loaded(work, self.user_id, None).await?;
        let since = work.now() - RESET_PAUSE;
        let purpose = TokenPurpose::ResetPassword;
        if user.check_not_disabled("given a token").is_err()
            || one_time_tokens::is_issued_since(work, self.user_id, purpose, since).await?
        {
            return Ok(());
        }
        let issued = one_time_tokens::issue_beside(work, self.user_id, purpose, self.valid_for).await?;
        let Some(token) = issued else { return Ok(()) };
        work.audit("user.request_password_reset", ("user", self.user_id), None::<&()>, None)?;
        work.record(UserEvent::PasswordResetRequested { user, token }).await
    }
}

/// Sets a password with a one-time token, ends all sessions and withdraws the user's other tokens. The holder of the
/// token has the address, so the address is verified too.
#[derive(Debug)]
pub struct ResetPassword {
    pub token: SecretHash,
    pub password: HashedPassword,
    /// As in [`ChangePassword`].
    pub forgiven: Vec<ThrottleKey>,
}

impl Command for ResetPassword {
    type Outcome = UserView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<UserView, Error> {
        let mut user = of_token(work, &self.token, TokenPurpose::ResetPassword).await?;
        let before = UserView::of(&user);
        let now = work.now();
        if let Some(verified) = user.verify_email(now)? {
            user.save(work).await?;
            work.record(verified).await?;
        }
        let event = user.change_password(self.password.clone(), now)?;
        user.save(work).await?;
        work.record(event).await?;
        // One row for both changes.
        let after = UserView::of(&user);
        work.audit("user.reset_password", ("user", after.id), Some(&before), Some(&after))?;
        one_time_tokens::withdraw(work, after.id, None).await?;
        login_throttle::forgive(work, &self.forgiven).await?;
        sessions::end_all(work, after.id, None, EndReason::PasswordReset).await?;
        Ok(after)
    }
}

/// Verifies a user's e-mail address with a one-time token.
#[derive(Debug)]
pub struct VerifyEmail {
    pub token: SecretHash,
}

impl Command for VerifyEmail {
    type Outcome = UserView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<UserView, Error> {
        let user = of_token(work, &self.token, TokenPurpose::VerifyEmail).await?;
        changed(work, "user.verify_email", user, User::verify_email).await
    }
}

/// Marks a token as used and returns its user, locked. A disabled user's token fails with `InvalidToken`, like an invalid one.
async fn of_token(
    work: &mut UnitOfWork<'_>,
    token: &SecretHash,
    purpose: TokenPurpose,
) -> Result<User, Error> {
    let id = one_time_tokens::user_of(work, token).await?;
    // First the user, then the token: the same lock order as in [`one_time_tokens::withdraw`].
    let user = loaded(work, id, None).await?;
    one_time_tokens::consume(work, token, purpose).await?;
    user.check_not_disabled("given access").map_err(|_| UserError::InvalidToken)?;
    Ok(user)
}

/// Loads and locks the user in the version that the caller expects. The command's time is never before the user's last change.
async fn loaded(work: &mut UnitOfWork<'_>, id: UserId, expected: Option<i64>) -> Result<User, Error> {
    let user = repository::load(work, id).await?;
    check_version(expected, user.version())?;
    work.now_after(user.updated_at());
    Ok(user)
}

/// Changes a user whose version was compared already, in [`loaded`]: the decider was checked after that.
async fn changed<E: Into<Error>>(
    work: &mut UnitOfWork<'_>,
    action: &'static str,
    user: User,
    decide: impl FnOnce(&mut User, DateTime<Utc>) -> Result<Option<UserEvent>, E>,
) -> Result<UserView, Error> {
    Ok(UserView::of(&change(work, action, user, None, decide).await?))
}

/// Checks that the principal may decide about this user, and locks the user.
///
/// # Errors
/// Fails with `NotFound`, `CannotDecide`, or `Forbidden` for an API key whose owner may not manage users any more.
pub(crate) async fn check_decider(work: &mut UnitOfWork<'_>, id: UserId) -> Result<(), Error> {
    let user = repository::load(work, id).await?;
    Ok(decider(work, true).await?.covers(&user)?)
}

async fn decider_about(work: &mut UnitOfWork<'_>, id: UserId) -> Result<Decider, Error> {
    let others = repository::has_other_administrators(work, id).await?;
    decider(work, others).await
}

/// Returns the principal as a decider, with the rights that it has now. Call it when the user concerned is locked.
///
/// # Errors
/// Fails with `Forbidden`, or with `PrincipalOutdated`: then the unit of work runs again.
pub(super) async fn decider(
    work: &mut UnitOfWork<'_>,
    has_other_administrators: bool,
) -> Result<Decider, Error> {
    work.check_principal().await?;
    let Authority { user, held } = authority(work, Permission::UsersWrite).await?;
    Ok(Decider { by: user, held, has_other_administrators })
}
