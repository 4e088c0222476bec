//! What surrounds every request: its identity, its limits, its log line, its metrics, and problem documents for
//! whatever went wrong, the framework's own errors included.

use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage};
use tracing::Instrument;
use uuid::Uuid;

use crate::config::ApiConfig;
use crate::error::ApiError;
use crate::trace::TraceParent;

const REQUEST_ID: &str = "x-request-id";
const CORRELATION_ID: &str = "x-correlation-id";
/// Characters of a request or correlation id at most.
const MAX_ID: usize = 128;

/// What identifies a request in logs and events.
#[derive(Debug, Clone)]
pub(crate) struct RequestIdentity {
    /// The client's `X-Request-Id`, or one of our own.
    pub request_id: String,
    /// The client's `X-Correlation-Id`, or the request id.
    pub correlation_id: String,
    pub trace: TraceParent,
}

impl RequestIdentity {
    fn of(request: &ServiceRequest) -> Self {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        // An id that would not fit an event's header is replaced, not refused: it is the client's convenience.
        let id = |name| {
            header(name).filter(|id| {
                (1..=MAX_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
            })
        };
        let request_id = id(REQUEST_ID).map_or_else(|| Uuid::now_v7().to_string(), ToOwned::to_owned);
        let correlation_id = id(CORRELATION_ID).map_or_else(|| request_id.clone(), ToOwned::to_owned);
        let trace = header("traceparent").and_then(TraceParent::parse).unwrap_or_else(TraceParent::generate);
        Self { request_id, correlation_id, trace }
    }
}

pub(crate) async fn surround(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<EitherBody<impl MessageBody, BoxBody>>, Error> {
    let started = Instant::now();
    let identity = RequestIdentity::of(&request);
    let span = tracing::info_span!(
        "request",
        method = %request.method(),
        path = request.path(),
        request_id = identity.request_id,
        trace_id = identity.trace.trace_id(),
    );
    request.extensions_mut().insert(identity.clone());
    let response = answer(request, next, &identity).instrument(span.clone()).await;
    span.in_scope(|| finish(&response, started));
    let mut response = response;
    if let Ok(value) = HeaderValue::from_str(&identity.request_id) {
        response.headers_mut().insert(HeaderName::from_static(REQUEST_ID), value);
    }
    Ok(response)
}

/// Passes the request on within its limits, and gives every error its body.
async fn answer<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
    identity: &RequestIdentity,
) -> ServiceResponse<EitherBody<B, BoxBody>> {
    let trace_id = identity.trace.trace_id();
    let limits = request.app_data::<Data<ApiConfig>>().cloned();
    let http_request = request.request().clone();
    let refuse = |error: &ApiError| {
        log(error);
        ServiceResponse::new(http_request.clone(), error.respond(trace_id)).map_into_right_body()
    };
    let (max_headers, timeout) = limits.map_or((usize::MAX, Duration::MAX), |api| {
        (api.max_headers, Duration::from_millis(api.request_timeout_ms))
    });
    if request.headers().len() > max_headers {
        let detail = format!("a request may have {max_headers} header fields");
        return refuse(&ApiError::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "too_many_headers",
            detail,
        ));
    }
    let response = match tokio::time::timeout(timeout, next.call(request)).await {
        Err(_) => return refuse(&ApiError::timed_out()),
        Ok(Err(error)) => return refuse(&from_framework(error.as_response_error().status_code(), &error)),
        Ok(Ok(response)) => response,
    };
    if response.status().is_client_error() || response.status().is_server_error() {
        let status = response.status();
        match response.response().error() {
            Some(error) => match error.as_error::<ApiError>() {
                Some(error) => return refuse(error),
                None => return refuse(&from_framework(status, error)),
            },
            // A health check says what is wrong in a body of its own.
            None => return response.map_into_left_body(),
        }
    }
    response.map_into_left_body()
}

/// An error that actix-web made before or around our handlers.
fn from_framework(status: StatusCode, error: &Error) -> ApiError {
    let code = match status {
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
        StatusCode::PAYLOAD_TOO_LARGE => "body_too_large",
        StatusCode::REQUEST_TIMEOUT => "request_timeout",
        status if status.is_client_error() => "bad_request",
        _ => "internal",
    };
    let detail = if status.is_server_error() {
        "something went wrong on our side".to_owned()
    } else {
        error.to_string()
    };
    ApiError::new(status, code, detail)
}

fn log(error: &ApiError) {
    if let Some(cause) = error.cause() {
        tracing::error!(code = error.code(), cause, "the request failed");
    }
}

fn finish<B>(response: &ServiceResponse<B>, started: Instant) {
    let elapsed = started.elapsed();
    let status = response.status().as_u16();
    let route = response.request().match_pattern().unwrap_or_else(|| "unknown".to_owned());
    let method = method_label(response.request().method());
    metrics::counter!("comptoir_http_requests_total", "method" => method, "route" => route.clone(), "status" => status.to_string())
        .increment(1);
    metrics::histogram!("comptoir_http_request_duration_seconds", "method" => method, "route" => route)
        .record(elapsed.as_secs_f64());
    tracing::info!(status, elapsed_ms = elapsed.as_secs_f64() * 1000.0, "answered");
}

/// A client may invent methods; metrics must not grow with its imagination.
fn method_label(method: &actix_web::http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "PATCH" => "PATCH",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
