//! Turns results into answers: ETags, `Location`, stored answers, pages.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::{Answer, StoredResponse};
use comptoir_core::platform::paging::{Count, Page};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::ApiError;

const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct List<T> {
    pub data: Vec<T>,
    /// For the next page; null on the last one.
    pub next_cursor: Option<String>,
    /// How many there are in the whole list; null unless `count` asked for it.
    pub count: Option<Count>,
}

/// Returns the strong ETag of an aggregate's version (RFC 9110, section 8.8.3).
pub(crate) fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

fn json<T: Serialize>(body: &T) -> Result<String, Error> {
    serde_json::to_string(body).map_err(|cause| Error::Serialize { what: "the answer", cause })
}

/// Returns 201 with the new resource and its location.
pub(crate) fn created<T: Serialize>(
    location: String,
    version: i64,
    body: &T,
) -> Result<StoredResponse, Error> {
    Ok(StoredResponse { status: 201, location: Some(location), etag: Some(etag(version)), body: json(body)? })
}

/// Returns 201 with the new resource, which has no version, and its location.
pub(crate) fn made<T: Serialize>(location: String, body: &T) -> Result<StoredResponse, Error> {
    Ok(StoredResponse { status: 201, location: Some(location), etag: None, body: json(body)? })
}

/// Returns 200 with the resource as it is now.
pub(crate) fn changed<T: Serialize>(version: i64, body: &T) -> Result<StoredResponse, Error> {
    Ok(StoredResponse { status: 200, location: None, etag: Some(etag(version)), body: json(body)? })
}

/// Returns 200 with a resource that has no version.
pub(crate) fn done<T: Serialize>(body: &T) -> Result<StoredResponse, Error> {
    Ok(StoredResponse { status: 200, location: None, etag: None, body: json(body)? })
}

/// Returns 204.
pub(crate) fn removed() -> StoredResponse {
    StoredResponse { status: 204, location: None, etag: None, body: String::new() }
}

/// Returns a command's answer, marked if it is a stored one.
pub(crate) fn answer(answer: Answer) -> Result<HttpResponse, ApiError> {
    let StoredResponse { status, location, etag, body } = answer.response;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let mut response = HttpResponse::build(status);
    for (name, value) in [(header::LOCATION, location), (header::ETAG, etag)] {
        if let Some(value) = value {
            response.insert_header((name, value));
        }
    }
    if answer.replayed {
        response.insert_header((REPLAYED, HeaderValue::from_static("true")));
    }
    if status == StatusCode::NO_CONTENT {
        return Ok(response.finish());
    }
    Ok(response.content_type("application/json").body(body))
}

/// Whether the client says that it has what this ETag stands for.
pub(crate) fn is_known(request: &HttpRequest, etag: &str) -> bool {
    let known = request.headers().get_all(header::IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
    // If-None-Match compares weakly (RFC 9110, section 13.1.2).
    let matches = |candidate: &str| candidate == "*" || candidate.trim_start_matches("W/") == etag;
    known.flat_map(|list| list.split(',')).any(|candidate| matches(candidate.trim()))
}

/// Returns one resource, or 304 if the client has this version already.
pub(crate) fn found<T: Serialize>(request: &HttpRequest, version: i64, body: &T) -> HttpResponse {
    let etag = etag(version);
    if is_known(request, &etag) {
        return HttpResponse::NotModified().insert_header((header::ETAG, etag)).finish();
    }
    HttpResponse::Ok().insert_header((header::ETAG, etag)).json(body)
}

/// Returns 200 with secrets, which nobody keeps (RFC 6749, section 5.1).
pub(crate) fn secret<T: Serialize>(body: &T) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(body)
}

/// Returns one page of resources.
pub(crate) fn listed<T: Serialize>(page: Page<T>) -> HttpResponse {
    let Page { data, next_cursor, count } = page;
    HttpResponse::Ok().json(List { data, next_cursor, count })
}
