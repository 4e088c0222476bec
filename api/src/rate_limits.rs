//! Rate limits in HTTP: whose requests are counted, the fields of every answer, and 429.
//!
//! The fields are those of draft-ietf-httpapi-ratelimit-headers-06, the last revision with one field for each value.

use std::cell::Cell;
use std::net::IpAddr;

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Data;
use comptoir_core::accounts::rate_limits::{Exceeded, LimitState, RateLimiter, Subject, WINDOW_SECONDS};

use crate::error::ApiError;

/// The routes without a limit: probes ask here whether the API works, and must be answered even when it is busiest.
const UNLIMITED: &[&str] = &["/health/live", "/health/ready"];
/// The prefixes of the routes that take or make secrets: each request may be a guess.
const SIGN_IN: &[&str] = &["/api/v1/auth/", "/api/v1/operators/auth/"];
/// Those of the console. To look at such a page is no guess, to send its form is one.
const SIGN_IN_FORMS: &[&str] =
    &["/console/sign-in", "/console/operators/sign-in", "/console/profile/password"];

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The limits of one request, and the state of the limit that is nearest to being exceeded.
#[derive(Debug)]
pub(crate) struct Limits {
    limiter: Option<Data<RateLimiter>>,
    takes_secrets: bool,
    nearest: Cell<Option<LimitState>>,
}

impl Limits {
    /// Returns the limits of a request. `route` is the pattern of its path.
    pub(crate) fn of(request: &ServiceRequest, route: &str) -> Self {
        let limiter = request.app_data::<Data<RateLimiter>>().filter(|_| is_limited(route)).cloned();
        Self { limiter, takes_secrets: takes_secrets(request.method(), route), nearest: Cell::default() }
    }

    /// Counts the request against the limits of its address.
    ///
    /// # Errors
    /// 429 if a limit is exceeded.
    pub(crate) fn admit_address(&self, address: IpAddr) -> Result<(), ApiError> {
        self.admit(Subject::Address(address.into()))?;
        if self.takes_secrets { self.admit(Subject::SignIn(address.into())) } else { Ok(()) }
    }

    /// Counts the request against the limit of `subject`.
    ///
    /// # Errors
    /// 429 if a limit is exceeded.
    pub(crate) fn admit(&self, subject: Subject) -> Result<(), ApiError> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        let (standing, is_admitted) = match limiter.admit(subject) {
            Ok(None) => return Ok(()),
            Ok(Some(standing)) => (standing, true),
            Err(Exceeded(standing)) => (standing, false),
        };
        self.nearest.set(Some(self.nearest.get().map_or(standing, |other| other.nearer(standing))));
        if is_admitted { Ok(()) } else { Err(exceeded(subject, standing)) }
    }

    /// Adds the state of the nearest limit to the headers of an answer.
    pub(crate) fn say(&self, headers: &mut HeaderMap) {
        let Some(LimitState { limit, remaining, reset_seconds }) = self.nearest.get() else { return };
        for (name, value) in
            [(LIMIT, u64::from(limit)), (REMAINING, remaining.into()), (RESET, reset_seconds)]
        {
            headers.insert(name, HeaderValue::from(value));
        }
        if let Ok(policy) = HeaderValue::try_from(format!("{limit};w={WINDOW_SECONDS}")) {
            headers.insert(POLICY, policy);
        }
    }
}

fn takes_secrets(method: &Method, route: &str) -> bool {
    let has = |prefixes: &[&str]| prefixes.iter().any(|prefix| route.starts_with(prefix));
    has(SIGN_IN) || (method == Method::POST && has(SIGN_IN_FORMS))
}

/// Whether requests to a route are counted. `route` is the pattern of its path.
pub(crate) fn is_limited(route: &str) -> bool {
    !UNLIMITED.contains(&route)
}

fn exceeded(subject: Subject, standing: LimitState) -> ApiError {
    let who = match subject {
        Subject::Principal(_) => "a user or an API key may make",
        Subject::Address(_) => "an address may make",
        Subject::SignIn(_) => "an address may make, to log in and the like,",
    };
    let LimitState { limit, reset_seconds, .. } = standing;
    let detail = format!(
        "{who} {limit} requests in {WINDOW_SECONDS} s, and has; the next {WINDOW_SECONDS} s begin in {reset_seconds} s"
    );
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail)
        .with_header(RETRY_AFTER, HeaderValue::from(reset_seconds))
}
