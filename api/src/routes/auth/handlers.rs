//! The handlers, one function per operation. The public ones ignore idempotency keys: the principal to whom a key would
//! belong is not known yet, and their answers hold secrets, which are stored nowhere.

use actix_web::http::header::USER_AGENT;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::accounts::sessions::{Authenticator, Entrance, LogOut, SessionError, SessionTokens};
use comptoir_core::accounts::users::UserError;
use comptoir_core::application::Actor;
use comptoir_core::application::error::Error;
use comptoir_core::application::unit_of_work::Executor;

use super::dto::{
    LoginRequest, Me, PasswordChange, PasswordResetConfirmation, PasswordResetRequest, RefreshRequest,
    TokenResponse, VerifyEmailRequest,
};
use crate::error::ApiError;
use crate::extract::{Anonymous, Context, Empty, JsonBody, NoQuery};
use crate::respond;

/// Log in with e-mail address and password
///
/// An address is one account in each company that knows it, with a password of its own: `company` says which one is meant, and
/// may be left out where exactly one is active. Every log-in begins another session. An unknown address or company, a wrong
/// password, a disabled user and an address that needs its company have one answer.
#[utoipa::path(post, path = "/api/v1/auth/login", tag = "authentication", operation_id = "logIn", request_body = LoginRequest,
    responses((status = 200, body = TokenResponse, headers(("Cache-Control" = String)))))]
pub(crate) async fn login(
    request: HttpRequest,
    anonymous: Anonymous,
    body: JsonBody<LoginRequest>,
    authenticator: Data<Authenticator>,
) -> Result<HttpResponse, ApiError> {
    let (name, password) = body.0.into_parts();
    let user_agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    Ok(tokens(authenticator.log_in(anonymous.0, &name, password, user_agent, Entrance::Api).await?))
}

/// Exchange a refresh token for new tokens
///
/// A refresh token is good for one exchange. Its second use ends the session, for whoever has it: one of the two stole it.
#[utoipa::path(post, path = "/api/v1/auth/refresh", tag = "authentication", operation_id = "refreshTokens", request_body = RefreshRequest,
    responses((status = 200, body = TokenResponse, headers(("Cache-Control" = String)))))]
pub(crate) async fn refresh(
    anonymous: Anonymous,
    body: JsonBody<RefreshRequest>,
    authenticator: Data<Authenticator>,
) -> Result<HttpResponse, ApiError> {
    let token = body.0.token().ok_or(Error::from(SessionError::RefreshRefused))?;
    Ok(tokens(authenticator.refresh(anonymous.0, token).await?))
}

/// End the session that asks
#[utoipa::path(post, path = "/api/v1/auth/logout", tag = "authentication", operation_id = "logOut", request_body(content = Option<Empty>),
    responses((status = 204)))]
pub(crate) async fn logout(
    context: Context,
    _body: JsonBody<Empty>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let Actor::User { user_id, session_id: Some(session_id) } = context.0.principal.actor else {
        return Err(Error::from(SessionError::NotASession).into());
    };
    executor.run(context.0, LogOut { user_id, session_id }).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Change the own password
///
/// All other sessions of the user end, and a token to set a password does not hold any more. Failed attempts of others to log
/// in do not keep the user from it, and are forgotten with it.
#[utoipa::path(post, path = "/api/v1/auth/password", tag = "authentication", operation_id = "changePassword", request_body = PasswordChange,
    responses((status = 204)))]
pub(crate) async fn change_password(
    context: Context,
    body: JsonBody<PasswordChange>,
    authenticator: Data<Authenticator>,
) -> Result<HttpResponse, ApiError> {
    let PasswordChange { current_password, new_password } = body.0;
    authenticator.change_password(context.0, current_password, new_password.expose()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Verify an e-mail address with the token that was sent to it
///
/// The token is good for one use. After it, the user can log in.
#[utoipa::path(post, path = "/api/v1/auth/verify-email", tag = "authentication", operation_id = "verifyEmail", request_body = VerifyEmailRequest,
    responses((status = 204)))]
pub(crate) async fn verify_email(
    anonymous: Anonymous,
    body: JsonBody<VerifyEmailRequest>,
    authenticator: Data<Authenticator>,
) -> Result<HttpResponse, ApiError> {
    let token = body.0.token().ok_or(Error::from(UserError::InvalidToken))?;
    authenticator.verify_email(anonymous.0, token).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Ask for a new password
///
/// An e-mail hands a token over to them that is good for one use. Answers the same whether there is such a user or not, and in
/// however many companies.
#[utoipa::path(post, path = "/api/v1/auth/password-reset", tag = "authentication", operation_id = "requestPasswordReset", request_body = PasswordResetRequest,
    responses((status = 202)))]
pub(crate) async fn forgot_password(
    anonymous: Anonymous,
    body: JsonBody<PasswordResetRequest>,
    authenticator: Data<Authenticator>,
) -> Result<HttpResponse, ApiError> {
    authenticator.forgot_password(anonymous.0, &body.0.account()).await?;
    Ok(HttpResponse::Accepted().finish())
}

/// Set a new password with the token that was sent
///
/// All sessions of the user end, and the account is open again if failed attempts had locked it.
#[utoipa::path(post, path = "/api/v1/auth/password-reset/confirm", tag = "authentication", operation_id = "confirmPasswordReset",
    request_body = PasswordResetConfirmation, responses((status = 204)))]
pub(crate) async fn reset_password(
    anonymous: Anonymous,
    body: JsonBody<PasswordResetConfirmation>,
    authenticator: Data<Authenticator>,
) -> Result<HttpResponse, ApiError> {
    let token = body.0.token().ok_or(Error::from(UserError::InvalidToken))?;
    authenticator.reset_password(anonymous.0, token, body.0.password.expose()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Who asks, and what they may do
///
/// For a user who has logged in, and for an API key.
#[utoipa::path(get, path = "/api/v1/me", tag = "authentication", operation_id = "getMe",
    responses((status = 200, body = Me)))]
pub(crate) async fn me(context: Context, _: NoQuery) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(Me::of(&context.0.principal)))
}

fn tokens(tokens: SessionTokens) -> HttpResponse {
    respond::secret(&TokenResponse::from(tokens))
}
