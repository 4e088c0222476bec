//! The id in a path.

use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest};

use super::refuse_query;
use crate::error::ApiError;

/// `{id}` of the path, for routes without query parameters. What is no id names nothing: 404.
#[derive(Debug)]
pub(crate) struct Id<T>(pub T);

impl<T: FromStr> FromRequest for Id<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = refuse_query(request).and_then(|()| {
            request.match_info().get("id").and_then(|id| id.parse().ok()).map(Self).ok_or_else(|| {
                ApiError::new(
                    StatusCode::NOT_FOUND,
                    "not_found",
                    "there is nothing at this address: an id is a UUID",
                )
            })
        });
        ready(id)
    }
}
