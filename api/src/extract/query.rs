//! Query parameters: unknown ones are refused, every value is parsed with its name in the error.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use chrono::{DateTime, Utc};
use comptoir_core::values::invalid::Invalid;
use serde::de::DeserializeOwned;

use super::refuse_query;
use crate::error::ApiError;

/// The absence of query parameters, for routes that read no id and no body.
#[derive(Debug)]
pub(crate) struct NoQuery;

impl FromRequest for NoQuery {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(refuse_query(request).map(|()| Self))
    }
}

#[derive(Debug)]
pub(crate) struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match web::Query::<T>::from_query(request.query_string()) {
            Ok(query) => Ok(Self(query.into_inner())),
            Err(error) => Err(ApiError::invalid_field("/query", "bad_query", error.to_string())),
        })
    }
}

/// Checks a text to compare with. PostgreSQL cannot store U+0000, so no value would equal it.
pub(crate) fn text(value: Option<String>) -> Result<Option<String>, Invalid> {
    match value {
        Some(text) if text.contains('\0') => {
            Err(Invalid::new("control_character", "the value must not contain control characters"))
        }
        value => Ok(value),
    }
}

/// Parses a point in time.
pub(crate) fn time(value: Option<&str>) -> Result<Option<DateTime<Utc>>, Invalid> {
    let parse = |text: &str| {
        DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()).map_err(|_| {
            Invalid::new(
                "not_a_time",
                "expected RFC 3339 with a time zone, such as 2026-11-21T08:00:00Z (encode + as %2B)",
            )
        })
    };
    value.map(parse).transpose()
}
