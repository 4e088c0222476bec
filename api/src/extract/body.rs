//! JSON bodies, and the idempotency key that goes with them.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, Bytes};
use actix_web::{FromRequest, HttpRequest};
use comptoir_core::application::idempotency::IdempotencyKey;
use deserr::Deserr;
use serde::de::DeserializeSeed;
use serde_json::Value;
use serde_json::error::Category;
use serde_path_to_error::Track;
use utoipa::ToSchema;

use super::faults::{Faults, escaped};
use super::json::{MAX_VALUES, REPEATED, Strict, TOO_MANY};
use super::refuse_query;
use crate::config::ApiConfig;
use crate::error::ApiError;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

const EMPTY_OBJECT: &[u8] = b"{}";

/// The media type of bodies (RFC 8259).
pub(super) const JSON: &str = "application/json";

/// The body of a route that needs none: nothing, or an empty object.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct Empty {}

/// The body of a POST and the client's idempotency key, if there is one.
#[derive(Debug)]
pub(crate) struct Posted<T> {
    pub body: T,
    pub key: Option<IdempotencyKey>,
}

/// The body of a request that takes no idempotency key.
#[derive(Debug)]
pub(crate) struct JsonBody<T>(pub T);

pub(super) type Extraction<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

impl<T: Deserr<Faults> + 'static> FromRequest for Posted<T> {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = Bytes::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            refuse_query(&request)?;
            let bytes = read(&request, bytes).await?;
            let body = typed(json(&request, &bytes, &[JSON])?).map_err(ApiError::from)?;
            Ok(Self { body, key: idempotency_key(&request, &bytes)? })
        })
    }
}

impl<T: Deserr<Faults> + 'static> FromRequest for JsonBody<T> {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = Bytes::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            refuse_query(&request)?;
            let bytes = read(&request, bytes).await?;
            typed(json(&request, &bytes, &[JSON])?).map(Self).map_err(ApiError::from)
        })
    }
}

/// A body that is a PNG, as its media type says. What is in it is for the handler to find out.
#[derive(Debug)]
pub(crate) struct PngBody(pub Bytes);

const PNG: &str = "image/png";

impl FromRequest for PngBody {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = Bytes::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            refuse_query(&request)?;
            check_content_type(&request, &[PNG])?;
            read(&request, bytes).await.map(Self)
        })
    }
}

pub(crate) fn idempotency_key(
    request: &HttpRequest,
    body: &[u8],
) -> Result<Option<IdempotencyKey>, ApiError> {
    let mut values = request.headers().get_all(IDEMPOTENCY_KEY);
    let Some(value) = values.next() else { return Ok(None) };
    let key = value.to_str().ok().filter(|_| values.next().is_none()).unwrap_or_default();
    // To a route that needs no body, no body and an empty object are the same request.
    let body = if body.is_empty() { EMPTY_OBJECT } else { body };
    IdempotencyKey::parse(key, Method::POST.as_str(), request.path(), body)
        .map(Some)
        .map_err(|refused| ApiError::invalid_field("/header/idempotency-key", refused.code, refused.message))
}

/// Reads the body, if the client sends it in time.
///
/// # Errors
/// 408 if it does not arrive in time, 413 if it is too large, 400 if it cannot be read.
pub(crate) async fn read(
    request: &HttpRequest,
    bytes: impl Future<Output = Result<Bytes, actix_web::Error>>,
) -> Result<Bytes, ApiError> {
    let limits = request.app_data::<web::Data<ApiConfig>>();
    let timeout = limits.map_or(Duration::MAX, |api| Duration::from_millis(api.body_timeout_ms));
    match tokio::time::timeout(timeout, bytes).await {
        Ok(bytes) => bytes.map_err(|error| unread(request, &error)),
        Err(_) => {
            let detail = format!("the body did not arrive within {} ms", timeout.as_millis());
            Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", detail))
        }
    }
}

/// Returns the error of a body that could not be read at all.
fn unread(request: &HttpRequest, error: &actix_web::Error) -> ApiError {
    if let Some(PayloadError::Overflow) = error.as_error::<PayloadError>() {
        return too_large(request);
    }
    if error.as_response_error().status_code() == StatusCode::PAYLOAD_TOO_LARGE {
        return too_large(request);
    }
    ApiError::new(StatusCode::BAD_REQUEST, "unreadable_body", format!("the body could not be read: {error}"))
}

fn too_large(request: &HttpRequest) -> ApiError {
    let limit = request
        .app_data::<web::Data<ApiConfig>>()
        .map_or_else(String::new, |api| format!("; at most {} bytes are accepted", api.max_body_bytes));
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", format!("the body is too large{limit}"))
}

/// Parses a body that is sent as one of `media_types`.
///
/// # Errors
/// 415 for another media type, and those of [`parsed`].
pub(super) fn json(request: &HttpRequest, bytes: &[u8], media_types: &[&str]) -> Result<Value, ApiError> {
    // No body stands for an empty object. That is enough for a route that needs none; any other route says which member
    // is missing.
    if bytes.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    check_content_type(request, media_types)?;
    parsed(bytes)
}

/// Parses bytes as JSON.
///
/// # Errors
/// 400 for what is not JSON, 413 for too many values, 422 for a repeated member.
pub(crate) fn parsed(bytes: &[u8]) -> Result<Value, ApiError> {
    let left = Cell::new(MAX_VALUES);
    let (mut deserializer, mut track) = (serde_json::Deserializer::from_slice(bytes), Track::new());
    let read =
        Strict::new(&left).deserialize(serde_path_to_error::Deserializer::new(&mut deserializer, &mut track));
    let value = read.map_err(|error| refused(&pointer(&track.path()), &error))?;
    deserializer.end().map_err(|error| refused("", &error))?;
    Ok(value)
}

/// Reads a parsed body as what the route takes.
pub(super) fn typed<T: Deserr<Faults>>(body: Value) -> Result<T, Faults> {
    deserr::deserialize(body)
}

fn refused(pointer: &str, error: &serde_json::Error) -> ApiError {
    if error.classify() == Category::Data {
        if error.to_string().starts_with(TOO_MANY) {
            let detail = format!("the body has more than {MAX_VALUES} values; send it in parts");
            return ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail);
        }
        return ApiError::invalid_field(pointer, "duplicate_field", REPEATED);
    }
    ApiError::new(StatusCode::BAD_REQUEST, "malformed_json", format!("the body is not JSON: {error}"))
}

/// Returns a path as a JSON Pointer (RFC 6901).
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let segment = |segment: &Segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", escaped(key)),
        Segment::Enum { .. } | Segment::Unknown => String::new(),
    };
    path.iter().map(segment).collect()
}

/// Returns the media type of the body.
///
/// # Errors
/// 415 if the body is encoded.
pub(crate) fn media_type(request: &HttpRequest) -> Result<String, ApiError> {
    if request.headers().contains_key(CONTENT_ENCODING) {
        return Err(unsupported("send the body without Content-Encoding".to_owned()));
    }
    let media_type =
        request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Ok(media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

fn unsupported(detail: String) -> ApiError {
    ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
}

fn check_content_type(request: &HttpRequest, media_types: &[&str]) -> Result<(), ApiError> {
    let media_type = media_type(request)?;
    if media_types.contains(&media_type.as_str()) {
        return Ok(());
    }
    Err(unsupported(format!("send the body with Content-Type: {}", media_types.join(" or "))))
}
