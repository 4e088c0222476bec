//! The middleware around every request: its ids, its limits, its log line, its metrics, and a problem document for
//! every error, the framework's own included.

use std::cell::{OnceCell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ResponseHead, ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, SET_COOKIE};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError};
use comptoir_core::application::Principal;
use comptoir_core::application::audit::{Refusal as RefusedRequest, Refusals};
use comptoir_core::platform::spans::{self, Attribute, Beginning, Span, Spans};
use comptoir_core::platform::trace_parent::TraceParent;
use tracing::{Instrument, field};
use uuid::Uuid;

use crate::authentication;
use crate::client_address;
use crate::config::ApiConfig;
use crate::console::{self, Visit};
use crate::error::ApiError;
use crate::protection::protect;
use crate::rate_limits::Limits;
use crate::request_path;
use crate::routes;
use crate::server::stopping::Stopping;
use crate::server::taking_turns::{self, Answered};

const REQUESTS: &str = "comptoir_http_requests_total";
const DURATION: &str = "comptoir_http_request_duration_seconds";
const REQUEST_ID: &str = "x-request-id";
const CORRELATION_ID: &str = "x-correlation-id";
const CLIENT_ID: &str = "comptoir-client-id";
/// The logged status of a request whose client went away before the answer (as nginx logs it). It is never sent.
const CLIENT_GONE: u16 = 499;
/// The maximum length of a request, correlation or client id in characters.
const MAX_ID: usize = 128;

/// The ids of a request in logs and events.
#[derive(Debug, Clone)]
pub(crate) struct RequestIds {
    /// The client's `X-Request-Id`, or one of our own.
    pub request_id: String,
    /// The client's `X-Correlation-Id`, or the request id.
    pub correlation_id: String,
    /// The trace of this request, which its events carry.
    pub trace: TraceParent,
    /// The client's address. `None` only in tests without a connection.
    pub client_address: Option<IpAddr>,
    /// The client's `Comptoir-Client-Id`: its stream of notifications leaves out what it did itself.
    pub client_id: Option<String>,
}

impl RequestIds {
    /// Reads the ids of a request. The second value is the request's span, if spans are exported.
    fn of(request: &ServiceRequest, method: &'static str, route: &str) -> (Self, Option<Span>) {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        // An id that would not fit an event's header is replaced, not refused: it only helps the client.
        let id = |name| header(name).filter(|id| is_id(id));
        let request_id = id(REQUEST_ID).map_or_else(|| Uuid::now_v7().to_string(), ToOwned::to_owned);
        let correlation_id = id(CORRELATION_ID).map_or_else(|| request_id.clone(), ToOwned::to_owned);
        let caller = header("traceparent").and_then(TraceParent::parse);
        let begin = |spans: &Spans| spans.server(caller.as_ref(), beginning(request, method, route));
        let span = spans::active().map(begin);
        let trace = match (&span, caller) {
            (Some(span), _) => span.traceparent(),
            (None, Some(caller)) => caller.child(),
            (None, None) => TraceParent::generate(),
        };
        let client_id = id(CLIENT_ID).map(ToOwned::to_owned);
        (Self { request_id, correlation_id, trace, client_address: client_address(request), client_id }, span)
    }
}

/// Whether a text may be the id of a request, or of a client: 1 to 128 visible characters of ASCII.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn client_address(request: &ServiceRequest) -> Option<IpAddr> {
    let (peer, api) = (request.peer_addr()?, request.app_data::<Data<ApiConfig>>()?);
    Some(client_address::resolve(peer.ip(), &api.trusted_proxies, api.proxy_header, request.headers()))
}

/// Returns the name and attributes of the span, by OpenTelemetry's semantic conventions for HTTP servers.
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
    let method = method_label(request.method());
    // The pattern, never the path: metrics must not grow with the number of orders.
    let route = request.match_pattern().unwrap_or_else(|| "unknown".to_owned());
    let (state, exported) = RequestState::begin(&request, method, &route);
    let mut record = Record {
        started: Instant::now(),
        method,
        route,
        status: CLIENT_GONE,
        code: None,
        exported,
        state: Rc::clone(&state),
        refusals: request.app_data::<Data<Refusals>>().map(|refusals| Refusals::clone(refusals)),
    };
    request.extensions_mut().insert(Rc::clone(&state));
    let result = answer(request, next, &mut record).instrument(state.span.clone()).await;
    match result {
        Ok(mut response) => {
            record.status = response.status().as_u16();
            state.complete(response.response_mut().head_mut());
            Ok(response.map_body(|_, body| Answered::new(body, answering)))
        }
        Err(refusal) => {
            record.status = refusal.error.status().as_u16();
            Err(refusal.into())
        }
    }
}

/// The state of a request in progress. The middleware shares it with the route that serves the request.
#[derive(Debug)]
pub(crate) struct RequestState {
    pub(crate) ids: RequestIds,
    pub(crate) limits: Limits,
    /// How errors are written, if a page of the console is asked for.
    visit: Option<Visit>,
    /// The cookies that the answer sets, whatever it is.
    cookies: RefCell<Vec<HeaderValue>>,
    path: String,
    is_stopping: bool,
    span: tracing::Span,
    /// The principal, once the route has authenticated it.
    principal: OnceCell<Arc<Principal>>,
}

impl RequestState {
    /// Begins a request. The second value is its span, if spans are exported.
    fn begin(request: &ServiceRequest, method: &'static str, route: &str) -> (Rc<Self>, Option<Span>) {
        let (ids, exported) = RequestIds::of(request, method, route);
        let span = tracing::info_span!(
            "request",
            method,
            path = request.path(),
            request_id = ids.request_id,
            trace_id = %ids.trace.trace_id(),
            tenant_id = field::Empty,
            principal_id = field::Empty,
            client_address = ids.client_address.map(field::display),
        );
        let stopping = request.app_data::<Data<Stopping>>();
        let state = Self {
            ids,
            limits: Limits::of(request, route),
            visit: Visit::of(request),
            cookies: RefCell::default(),
            path: request.path().to_owned(),
            is_stopping: stopping.is_some_and(|stopping| stopping.has_begun()),
            span,
            principal: OnceCell::new(),
        };
        (Rc::new(state), exported)
    }

    /// Notes the principal, once it is known, even if it may not use the route.
    pub(crate) fn identify(&self, principal: &Arc<Principal>) {
        let id = principal.id().map(|id| id.to_string()).unwrap_or_default();
        if let Some(tenant) = principal.tenant() {
            self.span.record("tenant_id", tenant.to_string());
        }
        self.span.record("principal_id", id);
        let _ = self.principal.set(Arc::clone(principal));
    }

    /// Has the answer set a cookie, even if it is an error.
    pub(crate) fn set_cookie(&self, cookie: HeaderValue) {
        self.cookies.borrow_mut().push(cookie);
    }

    /// Writes an error: as a page of the console, or as a problem document.
    fn written(&self, error: &ApiError) -> HttpResponse {
        let trace_id = self.ids.trace.trace_id().to_string();
        match &self.visit {
            Some(visit) => visit.answer(error, &trace_id),
            None => error.respond(&trace_id),
        }
    }

    /// Adds the headers that every answer has.
    fn complete(&self, head: &mut ResponseHead) {
        if let Ok(value) = HeaderValue::from_str(&self.ids.request_id) {
            head.headers_mut().insert(HeaderName::from_static(REQUEST_ID), value);
        }
        for cookie in self.cookies.borrow_mut().drain(..) {
            head.headers_mut().append(SET_COOKIE, cookie);
        }
        self.limits.say(head.headers_mut());
        protect(&self.path, head.headers_mut());
        if self.is_stopping {
            head.set_connection_type(ConnectionType::Close);
        }
    }
}

/// The log line, metrics and span of a request. They are written when it is dropped: after the answer, or when the
/// client has gone.
struct Record {
    started: Instant,
    method: &'static str,
    route: String,
    status: u16,
    /// The code of the problem document.
    code: Option<&'static str>,
    exported: Option<Span>,
    state: Rc<RequestState>,
    refusals: Option<Refusals>,
}

impl Record {
    /// Notes a 403 answer to a known principal, for the audit trail.
    fn note_refusal(&self) {
        if let (Some(refusals), Some(principal)) = (&self.refusals, self.state.principal.get())
            && self.status == StatusCode::FORBIDDEN.as_u16()
        {
            let route = format!("{} {}", self.method, self.route);
            let reason = self.code.unwrap_or("forbidden");
            let ids = &self.state.ids;
            let address = ids.client_address.map(|address| address.to_string());
            let refusal = RefusedRequest::of_request(principal, route, reason, address);
            refusals.note(refusal, &ids.request_id);
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
            if let Some(principal) = self.state.principal.get() {
                let id = principal.id().map(|id| id.to_string()).unwrap_or_default();
                if let Some(tenant) = principal.tenant() {
                    span.set(Attribute::new("comptoir.tenant.id", tenant.to_string()));
                }
                span.set(Attribute::new("enduser.id", id));
            }
            span.set(Attribute::new("http.response.status_code", i64::from(self.status)));
            if self.status >= 500 || self.status == CLIENT_GONE {
                span.fail(self.code.map_or_else(|| self.status.to_string(), ToOwned::to_owned));
            }
        }
        let _entered = self.state.span.enter();
        tracing::info!(
            status = self.status,
            code = self.code,
            elapsed_ms = (elapsed * 1_000_000.0).round() / 1000.0,
            "answered"
        );
    }
}

/// An error that can no longer be answered through its request: the handler that held the request was given up.
#[derive(Debug)]
struct DetachedError {
    error: ApiError,
    state: Rc<RequestState>,
}

impl std::fmt::Display for DetachedError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(f)
    }
}

impl ResponseError for DetachedError {
    fn status_code(&self) -> StatusCode {
        self.error.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = self.state.written(&self.error);
        self.state.complete(response.head_mut());
        response
    }
}

/// Passes the request on within its limits, and gives every error its body.
async fn answer<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
    record: &mut Record,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, DetachedError> {
    let state = Rc::clone(&record.state);
    if let Some(address) = state.ids.client_address {
        state.limits.admit_address(address).map_err(|error| refuse(error, record))?;
    }
    let config = request.app_data::<Data<ApiConfig>>();
    let max_headers = config.map_or(usize::MAX, |api| api.max_headers);
    let timeout = config.map_or(Duration::MAX, |api| match (request.method(), request.path()) {
        (&Method::POST, routes::IMPORTS | console::IMPORTS) => {
            Duration::from_secs(api.import_timeout_seconds)
        }
        _ => Duration::from_millis(api.request_timeout_ms),
    });
    if request.headers().len() > max_headers {
        let detail = format!("a request may have {max_headers} header fields");
        let error = ApiError::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "too_many_headers", detail);
        return Err(refuse(error, record));
    }
    let response = match tokio::time::timeout(timeout, next.call(request)).await {
        Err(_) => {
            let error = ApiError::timed_out().with_cause("api.request_timeout_ms passed");
            return Err(refuse(error, record));
        }
        Ok(Err(error)) => {
            let status = error.as_response_error().status_code();
            let ours = error.as_error::<ApiError>().cloned();
            return Err(refuse(ours.unwrap_or_else(|| from_framework(status, &error)), record));
        }
        Ok(Ok(response)) => response,
    };
    let status = response.status();
    if status.is_client_error() {
        let confirmed = authentication::confirm(response.request()).await;
        confirmed.map_err(|error| refuse(error, record))?;
    }
    let problem = match response.response().error() {
        Some(error) => match error.as_error::<ApiError>() {
            Some(error) => Some(respond(error, record)),
            None => Some(respond(&from_framework(status, error), record)),
        },
        // The framework's own refusals have no body. An answer with a body says itself what is wrong, as a health check
        // does.
        None if is_error(status) && !response.headers().contains_key(CONTENT_TYPE) => {
            let error = from_framework(status, &status.canonical_reason().unwrap_or("refused"));
            Some(respond(&error, record))
        }
        None => None,
    };
    match problem {
        Some(problem) => Ok(ServiceResponse::new(response.into_parts().0, problem).map_into_right_body()),
        None => Ok(response.map_into_left_body()),
    }
}

fn refuse(error: ApiError, record: &mut Record) -> DetachedError {
    note(&error, record);
    DetachedError { error, state: Rc::clone(&record.state) }
}

/// Registers the help texts that Prometheus shows.
pub(crate) fn describe_metrics() {
    metrics::describe_counter!(REQUESTS, "Requests answered, by the pattern of their route");
    metrics::describe_histogram!(DURATION, "From a request's head to its answer");
}

fn is_error(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

fn respond(error: &ApiError, record: &mut Record) -> HttpResponse {
    note(error, record);
    record.state.written(error)
}

/// Converts an error that actix-web made before or around our handlers.
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

/// Returns the label of a method. All unknown methods have one label: metrics must not grow with the methods that
/// clients invent.
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
