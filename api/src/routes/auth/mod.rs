//! `/api/v1/auth` and `/api/v1/me`: authentication.

mod dto;
mod handlers;
mod keys;

use crate::access::Access::{Authenticated, LoggedIn, Public};
use crate::endpoints::Endpoints;

pub(super) use dto::{ClaimedEmail, PasswordChange};

pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Public, handlers::__path_login, handlers::login)
        .problems(&["invalid_credentials", "email_not_verified", "too_many_attempts"])
        .with(Public, handlers::__path_refresh, handlers::refresh)
        .problems(&["invalid_refresh_token"])
        .with(Public, handlers::__path_verify_email, handlers::verify_email)
        .problems(&["invalid_token"])
        .with(Public, handlers::__path_forgot_password, handlers::forgot_password)
        .with(Public, handlers::__path_reset_password, handlers::reset_password)
        .problems(&["invalid_token"])
        .with(LoggedIn, handlers::__path_logout, handlers::logout)
        .with(LoggedIn, handlers::__path_change_password, handlers::change_password)
        .problems(&["too_many_attempts"])
        .with(Authenticated, handlers::__path_me, handlers::me)
        .with(Public, keys::__path_jwks, keys::jwks)
}
