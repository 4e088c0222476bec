//! Authenticates the caller, before anything else of the request is read.

use std::sync::Arc;

use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use actix_web::web::Data;
use actix_web::{HttpMessage, HttpRequest};
use comptoir_core::accounts::api_keys::Usage;
use comptoir_core::accounts::identity::access_tokens::{AccessTokens, AnyClaims, Claims, OperatorClaims};
use comptoir_core::accounts::principals::{API_KEY_PREFIX, Principals};
use comptoir_core::accounts::sessions::SessionError;
use comptoir_core::application::error::Error;
use comptoir_core::application::{Credential, CredentialKind, Permission, Principal};
use comptoir_core::values::ids::TenantId;

use crate::access::Access;
use crate::error::ApiError;

/// The maximum length of a credential in bytes.
const MAX_CREDENTIAL: usize = 4096;

/// The principal that sent the request, and the permission that the route requires.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub principal: Arc<Principal>,
    pub required: Option<Permission>,
}

/// Authenticates the caller, and checks that it may use the route. `identify` gets the principal as soon as it is
/// known, even if it may not.
///
/// # Errors
/// 401 without a valid credential, 403 without the permission or on the wrong side of companies and operators, 503
/// without the database.
pub(crate) async fn authenticate(
    request: &ServiceRequest,
    access: Access,
    identify: impl FnOnce(&Arc<Principal>),
) -> Result<Caller, ApiError> {
    let principals = request.app_data::<Data<Principals>>().ok_or_else(unauthenticated)?;
    let credential = credential(request, principals).await?;
    admit(request, credential, access, identify).await
}

/// Checks that the caller with this credential may use the route, as [`authenticate`] does.
///
/// # Errors
/// As [`authenticate`].
pub(crate) async fn admit(
    request: &ServiceRequest,
    credential: Credential,
    access: Access,
    identify: impl FnOnce(&Arc<Principal>),
) -> Result<Caller, ApiError> {
    let required = match access {
        Access::Needs(permission) => Some(permission),
        Access::Public | Access::Authenticated | Access::LoggedIn | Access::Operator => None,
    };
    let principals = request.app_data::<Data<Principals>>().ok_or_else(unauthenticated)?;
    let is_operators = matches!(credential.kind, CredentialKind::OperatorSession(_));
    let mut principal = match required {
        Some(_) if !is_operators => principals.of(credential).await?.ok_or_else(refused)?,
        // The route may run no transaction, in which the credential would be checked again.
        _ => principals.fresh(credential).await?.ok_or_else(refused)?,
    };
    identify(&principal);
    match (access == Access::Operator, principal.is_of_operators()) {
        (true, false) => return Err(Error::OperatorsOnly.into()),
        (false, true) => return Err(Error::NotForOperators.into()),
        (true, true) | (false, false) => {}
    }
    if let Some(permission) = required
        && !principal.may(permission)
    {
        // The permission may have been granted since the principal was looked up.
        principal = principals.fresh(credential).await?.ok_or_else(refused)?;
        if !principal.may(permission) {
            return Err(Error::Forbidden(permission).into());
        }
    }
    if access == Access::LoggedIn && principal.session_id().is_none() {
        return Err(Error::from(SessionError::NotASession).into());
    }
    if let (CredentialKind::ApiKey(id), Some(usage)) = (credential.kind, request.app_data::<Data<Usage>>()) {
        usage.note(credential.tenant_id, id);
    }
    Ok(Caller { principal, required })
}

/// Checks that the caller of a request that is about to be refused for another reason may still learn that reason. An
/// error in a body, for example, is found before any transaction.
///
/// # Errors
/// 401 or 403, as [`authenticate`].
pub(crate) async fn confirm(request: &HttpRequest) -> Result<(), ApiError> {
    let caller = request.extensions().get::<Caller>().cloned();
    let (Some(caller), Some(principals)) = (caller, request.app_data::<Data<Principals>>()) else {
        return Ok(());
    };
    let credential = caller.principal.credential().ok_or_else(refused)?;
    let principal = principals.fresh(credential).await?.ok_or_else(refused)?;
    match caller.required {
        Some(permission) if !principal.may(permission) => Err(Error::Forbidden(permission).into()),
        _ => Ok(()),
    }
}

/// Reads the credential of a request (RFC 6750, section 2.1).
async fn credential(request: &ServiceRequest, principals: &Principals) -> Result<Credential, ApiError> {
    let mut values = request.headers().get_all(AUTHORIZATION);
    let value = values.next().ok_or_else(unauthenticated)?;
    let text = value.to_str().ok().filter(|text| values.next().is_none() && text.len() <= MAX_CREDENTIAL);
    let (scheme, token) = text.and_then(|text| text.split_once(' ')).ok_or_else(refused)?;
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Err(unauthenticated());
    }
    let token = token.trim();
    if token.starts_with(API_KEY_PREFIX) {
        return principals.api_key(token).await?.ok_or_else(refused);
    }
    let tokens = request.app_data::<Data<AccessTokens>>().ok_or_else(unauthenticated)?;
    of_access_token(tokens, token)
}

/// Returns the credential that an access token stands for.
///
/// # Errors
/// 401 if it is not valid.
pub(crate) fn of_access_token(tokens: &AccessTokens, token: &str) -> Result<Credential, ApiError> {
    match tokens.verify_any(token) {
        Ok(AnyClaims::User(Claims { tenant_id, session_id, .. })) => {
            Ok(Credential { tenant_id, kind: CredentialKind::Session(session_id) })
        }
        Ok(AnyClaims::Operator(OperatorClaims { session_id, .. })) => {
            let kind = CredentialKind::OperatorSession(session_id);
            Ok(Credential { tenant_id: TenantId::OPERATORS, kind })
        }
        Err(refusal) => {
            tracing::debug!(%refusal, "an access token is not accepted");
            Err(refused())
        }
    }
}

/// Returns 401 for a request without a credential.
pub(crate) fn unauthenticated() -> ApiError {
    challenge(
        "authentication_required",
        "send Authorization: Bearer with an access token or an API key",
        "Bearer realm=\"comptoir\"",
    )
}

/// Returns 401 for a credential that is not valid, or not any more. Only the log says which.
pub(crate) fn refused() -> ApiError {
    refused_as(
        "unauthenticated",
        "this credential does not hold: it is malformed, unknown, expired, ended or revoked",
    )
}

/// Returns 401 with this code.
pub(crate) fn refused_as(code: &'static str, detail: &str) -> ApiError {
    challenge(code, detail, "Bearer realm=\"comptoir\", error=\"invalid_token\"")
}

fn challenge(code: &'static str, detail: &str, header: &'static str) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, code, detail)
        .with_header(WWW_AUTHENTICATE, HeaderValue::from_static(header))
}
