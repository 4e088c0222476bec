//! `If-Match`: change this only if it is still the version that I have seen (RFC 9110, section 13.1.1).

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::{StatusCode, header};
use actix_web::{FromRequest, HttpRequest};

use crate::error::ApiError;

/// Versions are positive: this one matches none.
const NO_VERSION: i64 = -1;

/// The expected version, if the client gave one. `*` matches any version.
#[derive(Debug)]
pub(crate) struct IfMatch(pub Option<i64>);

/// The expected version on a route that could otherwise overwrite another client's change: 428 without it.
#[derive(Debug)]
pub(crate) struct RequiredIfMatch(pub Option<i64>);

/// The expected version on a route that cannot do without it for some bodies.
#[derive(Debug)]
pub(crate) struct IfMatchForSome(Option<Option<i64>>);

impl IfMatchForSome {
    /// Returns the expected version.
    ///
    /// # Errors
    /// 428 if the body needs one, and the client gave none.
    pub(crate) fn version(self, is_needed: bool) -> Result<Option<i64>, ApiError> {
        if is_needed { self.0.ok_or_else(missing) } else { Ok(self.0.flatten()) }
    }
}

impl FromRequest for IfMatch {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(parse(request).map(|given| Self(given.flatten())))
    }
}

impl FromRequest for RequiredIfMatch {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(parse(request).and_then(|given| given.map(Self).ok_or_else(missing)))
    }
}

impl FromRequest for IfMatchForSome {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(parse(request).map(Self))
    }
}

fn missing() -> ApiError {
    ApiError::new(
        StatusCode::PRECONDITION_REQUIRED,
        "precondition_required",
        "send If-Match with the ETag that you read, such as If-Match: \"3\"",
    )
}

/// Returns `None` without the header, `Some(None)` for `*`.
fn parse(request: &HttpRequest) -> Result<Option<Option<i64>>, ApiError> {
    let mut values = request.headers().get_all(header::IF_MATCH);
    let Some(value) = values.next() else { return Ok(None) };
    let one = || {
        ApiError::invalid_field(
            "/header/if-match",
            "bad_if_match",
            "If-Match takes one ETag such as \"3\", or *",
        )
    };
    let text = value.to_str().ok().filter(|_| values.next().is_none()).ok_or_else(one)?.trim();
    if text == "*" {
        return Ok(Some(None));
    }
    // If-Match compares strongly: a weak ETag is well formed and matches nothing.
    let weak = text.strip_prefix("W/");
    let tag =
        weak.unwrap_or(text).strip_prefix('"').and_then(|text| text.strip_suffix('"')).ok_or_else(one)?;
    if tag.contains('"') {
        return Err(one());
    }
    let version = tag.parse().ok().filter(|version: &i64| weak.is_none() && version.to_string() == tag);
    Ok(Some(Some(version.unwrap_or(NO_VERSION))))
}
