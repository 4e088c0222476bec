//! The id in a path.

use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest};
use comptoir_core::values::ids::{SessionId, UserId};

use super::refuse_query;
use crate::error::ApiError;

/// The `{id}` of the path, for routes without query parameters. A text that is not an id is answered 404.
#[derive(Debug)]
pub(crate) struct Id<T>(pub T);

impl<T: FromStr> FromRequest for Id<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(refuse_query(request).and_then(|()| part(request, "id")).map(Self))
    }
}

/// The `{id}` and `{session_id}` of the path.
#[derive(Debug)]
pub(crate) struct SessionOfUser(pub UserId, pub SessionId);

impl FromRequest for SessionOfUser {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let ids = || Ok(Self(part(request, "id")?, part(request, "session_id")?));
        ready(refuse_query(request).and_then(|()| ids()))
    }
}

/// Parses a part of the path; also for routes that take query parameters.
pub(crate) fn part<T: FromStr>(request: &HttpRequest, name: &str) -> Result<T, ApiError> {
    request.match_info().get(name).and_then(|id| id.parse().ok()).ok_or_else(|| {
        ApiError::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this address: an id is a UUID")
    })
}
