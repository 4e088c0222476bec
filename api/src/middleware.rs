//! What surrounds every request: its identity, its limits, its log line, its metrics, and problem documents for
//! whatever went wrong, the framework's own errors included.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError};
use comptoir_core::accounts::rate_limits::Subject;
use comptoir_core::application::Principal;
use comptoir_core::application::audit::{Refusal as RefusedRequest, Refusals};
use comptoir_core::platform::spans::{self, Attribute, Beginning, Span};
use tracing::{Instrument, field};
use uuid::Uuid;

use crate::authentication;
use crate::client_address;
use crate::config::ApiConfig;
use crate::error::ApiError;
use crate::protection::protect;
use crate::rate_limits::Limits;
use crate::request_path;
use crate::server::stopping::Stopping;
use crate::server::taking_turns::{self, Answered};
use crate::trace::TraceParent;

const REQUESTS: &str = "comptoir_http_requests_total";
const DURATION: &str = "comptoir_http_request_duration_seconds";
const REQUEST_ID: &str = "x-request-id";
const CORRELATION_ID: &str = "x-correlation-id";
/// Not a status that anybody is answered: the client went away before (as nginx logs it).
const CLIENT_GONE: u16 = 499;
/// Characters of a request or correlation id at most.
const MAX_ID: usize = 128;

/// What identifies a request in logs and events.
#[derive(Debug, Clone)]
pub(crate) struct RequestIdentity {
    /// The client's `X-Request-Id`, or one of our own.
    pub request_id: String,
    /// The client's `X-Correlation-Id`, or the request id.
    pub correlation_id: String,
    /// Of this request, and what its events carry.
    pub trace: TraceParent,
    /// Where it comes from. `None` only where nobody connected, in tests.
    pub client_address: Option<IpAddr>,
}

impl RequestIdentity {
    /// With the request's span, if spans are exported.
    fn of(request: &ServiceRequest, method: &'static str, route: &str) -> (Self, Option<Span>) {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        // An id that would not fit an event's header is replaced, not refused: it is the client's convenience.
        let id = |name| {
            header(name).filter(|id| {
                (1..=MAX_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
            })
        };
        let request_id = id(REQUEST_ID).map_or_else(|| Uuid::now_v7().to_string(), ToOwned::to_owned);
        let correlation_id = id(CORRELATION_ID).map_or_else(|| request_id.clone(), ToOwned::to_owned);
        let caller = header("traceparent");
        let span = spans::active().map(|spans| spans.server(caller, beginning(request, method, route)));
        let trace = span.as_ref().and_then(|span| TraceParent::parse(&span.traceparent()));
        let trace = trace
            .or_else(|| caller.and_then(TraceParent::parse).map(|caller| caller.child()))
            .unwrap_or_else(TraceParent::generate);
        (Self { request_id, correlation_id, trace, client_address: client_address(request) }, span)
    }
}

fn client_address(request: &ServiceRequest) -> Option<IpAddr> {
    let (peer, api) = (request.peer_addr()?, request.app_data::<Data<ApiConfig>>()?);
    Some(client_address::resolve(peer.ip(), &api.trusted_proxies, api.proxy_header, request.headers()))
}

/// OpenTelemetry's semantic conventions for HTTP servers.
fn beginning(request: &ServiceRequest, method: &'static str, route: &str) -> Beginning {
    Beginning {
        name: format!("{method} {route}"),
        attributes: vec![
            Attribute::new("http.request.method", method),
            Attribute::new("http.route", route.to_owned()),
            Attribute::new("url.path", request.path().to_owned()),
            Attribute::new("url.scheme", "http"),
        ],
    }
}

pub(crate) async fn surround<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<Answered<EitherBody<B, BoxBody>>>, Error> {
    let answering = taking_turns::begin(&mut request);
    request_path::normalise(&mut request);
    let path = request.path().to_owned();
    let is_stopping = request.app_data::<Data<Stopping>>().is_some_and(|stopping| stopping.has_begun());
    let method = method_label(request.method());
    // The pattern, never the path: metrics must not grow with the number of orders.
    let route = request.match_pattern().unwrap_or_else(|| "unknown".to_owned());
    let (identity, exported) = RequestIdentity::of(&request, method, &route);
    let span = tracing::info_span!(
        "request",
        method,
        path = request.path(),
        request_id = identity.request_id,
        trace_id = identity.trace.trace_id(),
        tenant_id = field::Empty,
        principal_id = field::Empty,
        client_address = identity.client_address.map(field::display),
    );
    let mut record = Record {
        started: Instant::now(),
        method,
        route,
        status: CLIENT_GONE,
        code: None,
        span: span.clone(),
        exported,
        principal: None,
        identity: identity.clone(),
        refusals: request.app_data::<Data<Refusals>>().map(|refusals| Refusals::clone(refusals)),
    };
    request.extensions_mut().insert(identity.clone());
    let limits = Limits::of(&request, &record.route);
    let mut result = answer(request, next, &identity, &limits, &mut record).instrument(span).await;
    match &mut result {
        Ok(response) => {
            record.status = response.status().as_u16();
            if let Ok(value) = HeaderValue::from_str(&identity.request_id) {
                response.headers_mut().insert(HeaderName::from_static(REQUEST_ID), value);
            }
            limits.say(response.headers_mut());
            protect(&path, response.headers_mut());
            if is_stopping {
                response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
            }
        }
        Err(refusal) => {
            record.status = refusal.error.status().as_u16();
            refusal.rest = Some(Rest { limits, path, is_stopping });
        }
    }
    match result {
        Ok(response) => Ok(response.map_body(|_, body| Answered::new(body, answering))),
        Err(refusal) => Err(refusal.into()),
    }
}

/// What is said of a request when it ends, or when its client has gone and nobody waits for the answer.
struct Record {
    started: Instant,
    method: &'static str,
    route: String,
    status: u16,
    /// Of the problem document.
    code: Option<&'static str>,
    span: tracing::Span,
    exported: Option<Span>,
    principal: Option<Arc<Principal>>,
    identity: RequestIdentity,
    refusals: Option<Refusals>,
}

impl Record {
    fn identify(&mut self, principal: &Arc<Principal>) {
        self.principal = Some(Arc::clone(principal));
        let tenant_id = principal.tenant_id.to_string();
        let principal_id = principal.id().map(|id| id.to_string()).unwrap_or_default();
        self.span.record("tenant_id", &tenant_id).record("principal_id", &principal_id);
        if let Some(span) = &mut self.exported {
            span.set(Attribute::new("comptoir.tenant.id", tenant_id));
            span.set(Attribute::new("enduser.id", principal_id));
        }
    }

    /// For the audit trail: somebody whom we know asked for what they may not do.
    fn note_refusal(&self) {
        if let (Some(refusals), Some(principal)) = (&self.refusals, &self.principal)
            && self.status == StatusCode::FORBIDDEN.as_u16()
        {
            let route = format!("{} {}", self.method, self.route);
            let reason = self.code.unwrap_or("forbidden");
            let address = self.identity.client_address.map(|address| address.to_string());
            let refusal = RefusedRequest::of_request(principal, route, reason, address);
            refusals.note(refusal, &self.identity.request_id);
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let elapsed = self.started.elapsed().as_secs_f64();
        self.note_refusal();
        let labels = [("method", self.method.to_owned()), ("route", std::mem::take(&mut self.route))];
        metrics::histogram!(DURATION, &labels).record(elapsed);
        let [method, route] = labels;
        metrics::counter!(REQUESTS, &[method, route, ("status", self.status.to_string())]).increment(1);
        if let Some(span) = &mut self.exported {
            span.set(Attribute::new("http.response.status_code", i64::from(self.status)));
            if self.status >= 500 || self.status == CLIENT_GONE {
                span.fail(self.code.map_or_else(|| self.status.to_string(), ToOwned::to_owned));
            }
        }
        let _entered = self.span.enter();
        tracing::info!(status = self.status, code = self.code, elapsed_ms = elapsed * 1000.0, "answered");
    }
}

/// An error that has no request to answer any more: the handler that held it was given up.
#[derive(Debug)]
struct Refusal {
    error: ApiError,
    identity: RequestIdentity,
    rest: Option<Rest>,
}

/// What every answer says beside what it answers.
#[derive(Debug)]
struct Rest {
    limits: Limits,
    path: String,
    is_stopping: bool,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(f)
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        self.error.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = self.error.respond(self.identity.trace.trace_id());
        if let Ok(value) = HeaderValue::from_str(&self.identity.request_id) {
            response.headers_mut().insert(HeaderName::from_static(REQUEST_ID), value);
        }
        if let Some(Rest { limits, path, is_stopping }) = &self.rest {
            limits.say(response.headers_mut());
            protect(path, response.headers_mut());
            if *is_stopping {
                response.head_mut().set_connection_type(ConnectionType::Close);
            }
        }
        response
    }
}

/// Passes the request on within its limits, and gives every error its body.
async fn answer<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
    identity: &RequestIdentity,
    limits: &Limits,
    record: &mut Record,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Refusal> {
    if let Some(address) = identity.client_address {
        limits.admit_address(address).map_err(|error| refuse(error, identity, record))?;
    }
    let config = request.app_data::<Data<ApiConfig>>();
    let max_headers = config.map_or(usize::MAX, |api| api.max_headers);
    let timeout = config.map_or(Duration::MAX, |api| Duration::from_millis(api.request_timeout_ms));
    if request.headers().len() > max_headers {
        let detail = format!("a request may have {max_headers} header fields");
        let error = ApiError::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "too_many_headers", detail);
        return Err(refuse(error, identity, record));
    }
    let answering = async {
        let caller = authentication::authenticate(&request, |principal| record.identify(principal)).await?;
        if let Some(caller) = caller {
            if let Some(id) = caller.principal.id() {
                limits.admit(Subject::Principal(id))?;
            }
            request.extensions_mut().insert(caller);
        }
        next.call(request).await
    };
    let response = match tokio::time::timeout(timeout, answering).await {
        Err(_) => {
            let error = ApiError::timed_out().with_cause("api.request_timeout_ms passed");
            return Err(refuse(error, identity, record));
        }
        Ok(Err(error)) => {
            let status = error.as_response_error().status_code();
            let ours = error.as_error::<ApiError>().cloned();
            return Err(refuse(ours.unwrap_or_else(|| from_framework(status, &error)), identity, record));
        }
        Ok(Ok(response)) => response,
    };
    let status = response.status();
    if status.is_client_error() {
        let confirmed = authentication::confirm(response.request()).await;
        confirmed.map_err(|error| refuse(error, identity, record))?;
    }
    let problem = match response.response().error() {
        Some(error) => match error.as_error::<ApiError>() {
            Some(error) => Some(respond(error, identity, record)),
            None => Some(respond(&from_framework(status, error), identity, record)),
        },
        // The framework's own refusals have no body; what has one says itself what is wrong, as a health check does.
        None if is_error(status) && !response.headers().contains_key(CONTENT_TYPE) => {
            let error = from_framework(status, &status.canonical_reason().unwrap_or("refused"));
            Some(respond(&error, identity, record))
        }
        None => None,
    };
    match problem {
        Some(problem) => Ok(ServiceResponse::new(response.into_parts().0, problem).map_into_right_body()),
        None => Ok(response.map_into_left_body()),
    }
}

fn refuse(error: ApiError, identity: &RequestIdentity, record: &mut Record) -> Refusal {
    note(&error, record);
    Refusal { error, identity: identity.clone(), rest: None }
}

/// What Prometheus shows as help.
pub(crate) fn describe_metrics() {
    metrics::describe_counter!(REQUESTS, "Requests answered, by the pattern of their route");
    metrics::describe_histogram!(DURATION, "From a request's head to its answer");
}

fn is_error(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

fn respond(error: &ApiError, identity: &RequestIdentity, record: &mut Record) -> HttpResponse {
    note(error, record);
    error.respond(identity.trace.trace_id())
}

/// An error that actix-web made before or around our handlers.
fn from_framework(status: StatusCode, error: &dyn std::fmt::Display) -> ApiError {
    let code = match status {
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
        StatusCode::PAYLOAD_TOO_LARGE => "body_too_large",
        StatusCode::REQUEST_TIMEOUT => "request_timeout",
        status if status.is_client_error() => "bad_request",
        _ => "internal",
    };
    if status.is_server_error() {
        return ApiError::new(status, code, "something went wrong on our side").with_cause(error);
    }
    ApiError::new(status, code, error.to_string())
}

fn note(error: &ApiError, record: &mut Record) {
    record.code = Some(error.code());
    if let Some(cause) = error.cause() {
        tracing::error!(code = error.code(), cause, "the request failed");
    }
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
