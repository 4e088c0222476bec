//! The handlers, one function per operation. As those of users, the public ones ignore idempotency keys.

use actix_web::http::header::USER_AGENT;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::accounts::operators::{LogOutOperator, OperatorAuthenticator, OperatorTokens};
use comptoir_core::accounts::sessions::{Entrance, SessionError};
use comptoir_core::application::error::Error;
use comptoir_core::application::unit_of_work::Executor;

use super::dto::{OperatorLoginRequest, OperatorMe, OperatorRefreshRequest, OperatorTokenResponse};
use crate::error::ApiError;
use crate::extract::{Anonymous, Empty, JsonBody, NoQuery, Operator};
use crate::respond;
use crate::routes::auth::PasswordChange;

/// Log an operator in with e-mail address and password
///
/// Every log-in begins another session. An unknown address, a wrong password and a disabled operator have one answer. What it
/// gives counts on the routes for operator accounts, and on no other.
#[utoipa::path(post, path = "/api/v1/operators/auth/login", tag = "operators", operation_id = "logInOperator",
    request_body = OperatorLoginRequest,
    responses((status = 200, body = OperatorTokenResponse, headers(("Cache-Control" = String)))))]
pub(crate) async fn login(
    request: HttpRequest,
    anonymous: Anonymous,
    body: JsonBody<OperatorLoginRequest>,
    authenticator: Data<OperatorAuthenticator>,
) -> Result<HttpResponse, ApiError> {
    let (email, password) = body.0.into_parts();
    let user_agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    Ok(tokens(authenticator.log_in(anonymous.0, &email, password, user_agent, Entrance::Api).await?))
}

/// Exchange an operator's refresh token for new tokens
///
/// A refresh token is good for one exchange. Its second use ends the session, for whoever has it: one of the two stole it.
#[utoipa::path(post, path = "/api/v1/operators/auth/refresh", tag = "operators", operation_id = "refreshOperatorTokens",
    request_body = OperatorRefreshRequest,
    responses((status = 200, body = OperatorTokenResponse, headers(("Cache-Control" = String)))))]
pub(crate) async fn refresh(
    anonymous: Anonymous,
    body: JsonBody<OperatorRefreshRequest>,
    authenticator: Data<OperatorAuthenticator>,
) -> Result<HttpResponse, ApiError> {
    let token = body.0.token().ok_or(Error::from(SessionError::RefreshRefused))?;
    Ok(tokens(authenticator.refresh(anonymous.0, token).await?))
}

/// End the session of the operator who asks
#[utoipa::path(post, path = "/api/v1/operators/auth/logout", tag = "operators", operation_id = "logOutOperator",
    request_body(content = Option<Empty>), responses((status = 204)))]
pub(crate) async fn logout(
    operator: Operator,
    _body: JsonBody<Empty>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let session_id = operator.0.principal().session_id();
    let session_id = session_id.ok_or(Error::from(SessionError::NotASession))?;
    executor.run_as_operator(operator.0, LogOutOperator { session_id }).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Change the operator's own password
///
/// All other sessions of the operator end. Failed attempts of others to log in do not keep the operator from it, and are forgotten
/// with it.
#[utoipa::path(post, path = "/api/v1/operators/auth/password", tag = "operators", operation_id = "changeOperatorPassword",
    request_body = PasswordChange, responses((status = 204)))]
pub(crate) async fn change_password(
    operator: Operator,
    body: JsonBody<PasswordChange>,
    authenticator: Data<OperatorAuthenticator>,
) -> Result<HttpResponse, ApiError> {
    let PasswordChange { current_password, new_password } = body.0;
    authenticator.change_password(operator.0, current_password, new_password.expose()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Which operator asks
#[utoipa::path(get, path = "/api/v1/operators/me", tag = "operators", operation_id = "getOperatorMe",
    responses((status = 200, body = OperatorMe)))]
pub(crate) async fn me(operator: Operator, _query: NoQuery) -> HttpResponse {
    HttpResponse::Ok().json(OperatorMe::of(operator.0.principal()))
}

fn tokens(tokens: OperatorTokens) -> HttpResponse {
    respond::secret(&OperatorTokenResponse::from(tokens))
}
