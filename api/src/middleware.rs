//! What surrounds every request: its identity, its limits, its log line, its metrics, and problem documents for
//! whatever went wrong, the framework's own errors included.

use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError};
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

pub(crate) async fn surround<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let started = Instant::now();
    let identity = RequestIdentity::of(&request);
    let method = method_label(request.method());
    let span = tracing::info_span!(
        "request",
        method,
        path = request.path(),
        request_id = identity.request_id,
        trace_id = identity.trace.trace_id(),
    );
    request.extensions_mut().insert(identity.clone());
    let result = answer(request, next, &identity).instrument(span.clone()).await;
    let (status, route) = match &result {
        Ok(response) => (response.status(), response.request().match_pattern()),
        Err(refusal) => (refusal.error.status_code(), None),
    };
    span.in_scope(|| finish(status, method, route, started));
    let mut response = result?;
    if let Ok(value) = HeaderValue::from_str(&identity.request_id) {
        response.headers_mut().insert(HeaderName::from_static(REQUEST_ID), value);
    }
    Ok(response)
}

/// An error that has no request to answer any more: the handler that held it was given up.
#[derive(Debug)]
struct Refusal {
    error: ApiError,
    trace_id: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(f)
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        self.error.status_code()
    }

    fn error_response(&self) -> HttpResponse {
        self.error.respond(&self.trace_id)
    }
}

/// Passes the request on within its limits, and gives every error its body.
async fn answer<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
    identity: &RequestIdentity,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Refusal> {
    let refusal = |error| Refusal { error, trace_id: identity.trace.trace_id().to_owned() };
    let limits = request.app_data::<Data<ApiConfig>>();
    let max_headers = limits.map_or(usize::MAX, |api| api.max_headers);
    let timeout = limits.map_or(Duration::MAX, |api| Duration::from_millis(api.request_timeout_ms));
    if request.headers().len() > max_headers {
        let detail = format!("a request may have {max_headers} header fields");
        let error = ApiError::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "too_many_headers", detail);
        return Err(refusal(error));
    }
    let response = match tokio::time::timeout(timeout, next.call(request)).await {
        Err(_) => return Err(refusal(ApiError::timed_out())),
        Ok(Err(error)) => {
            return Err(refusal(from_framework(error.as_response_error().status_code(), &error)));
        }
        Ok(Ok(response)) => response,
    };
    let status = response.status();
    // A response without an error behind it said itself what is wrong, as a health check does.
    let problem = response.response().error().map(|error| match error.as_error::<ApiError>() {
        Some(error) => {
            log(error);
            error.respond(identity.trace.trace_id())
        }
        None => from_framework(status, error).respond(identity.trace.trace_id()),
    });
    match problem {
        Some(problem) => Ok(ServiceResponse::new(response.into_parts().0, problem).map_into_right_body()),
        None => Ok(response.map_into_left_body()),
    }
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

fn finish(status: StatusCode, method: &'static str, route: Option<String>, started: Instant) {
    let elapsed = started.elapsed().as_secs_f64();
    // The pattern, never the path: metrics must not grow with the number of orders.
    let route = route.unwrap_or_else(|| "unknown".to_owned());
    let labels = [("method", method.to_owned()), ("route", route)];
    metrics::histogram!("comptoir_http_request_duration_seconds", &labels).record(elapsed);
    let [method, route] = labels;
    metrics::counter!(
        "comptoir_http_requests_total",
        &[method, route, ("status", status.as_u16().to_string())]
    )
    .increment(1);
    tracing::info!(status = status.as_u16(), elapsed_ms = elapsed * 1000.0, "answered");
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
