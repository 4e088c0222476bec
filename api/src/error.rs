//! The error policy, in one place.
//!
//! A handler returns an [`ApiError`]. Here its category becomes a status and a problem document (RFC 9457); the
//! middleware adds the trace id, logs the cause once and hides it from the client. Nothing else writes error bodies.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use comptoir_core::application::EditRefused;
use comptoir_core::application::error::{Category, Error};
use comptoir_core::values::invalid::{CreditFigures, FieldError, Invalid};
use serde::Serialize;
use utoipa::ToSchema;

use crate::authentication;
use crate::extract::Faults;

/// The seconds after which a client may try again after 503.
const RETRY_AFTER_SECONDS: &str = "1";
/// The advice to a client if the outcome is unknown.
const PERHAPS: &str = "a change may have happened all the same: repeat a POST with the same Idempotency-Key, read again \
    before another change";
/// The maximum number of values at fault in one answer.
pub(crate) const MAX_FIELDS: usize = 100;
/// The maximum length of a pointer or a message in characters: they quote the client's input.
const MAX_QUOTED: usize = 300;
/// The problem types; docs/http.md lists their codes.
pub(crate) const TYPE_PREFIX: &str = "urn:comptoir:problem:";

/// A failure on its way to the client.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    detail: String,
    fields: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The cause, for the log only.
    cause: Option<String>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), fields: Vec::new(), headers: Vec::new(), cause: None }
    }

    /// Returns 422 for a request that is well formed but wrong.
    pub(crate) fn invalid(fields: Vec<FieldError>) -> Self {
        let detail = match fields.as_slice() {
            [only] => shortened(&only.message),
            fields => format!("{} values cannot be accepted; see errors", fields.len()),
        };
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request", detail).with_fields(fields)
    }

    /// Names the values at fault: as many as an answer has, each as long as it may be. The detail says how many more there are.
    fn with_fields(mut self, mut fields: Vec<FieldError>) -> Self {
        let more = fields.len().saturating_sub(MAX_FIELDS);
        fields.truncate(MAX_FIELDS);
        for field in &mut fields {
            field.pointer = shortened(&field.pointer);
            field.message = shortened(&field.message);
        }
        if more > 0 {
            self.detail.push_str(&format!("; errors has the first {MAX_FIELDS}, there are {more} more"));
        }
        self.fields = fields;
        self
    }

    /// Returns 422 for one wrong value.
    pub(crate) fn invalid_field(pointer: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self::invalid(vec![Invalid::new(code, message).at(pointer)])
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn timed_out() -> Self {
        let detail = format!("the request took too long; {PERHAPS}");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "timed_out", detail)
            .with_header(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS))
    }

    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    pub(crate) fn fields(&self) -> &[FieldError] {
        &self.fields
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    /// Adds a cause, for the log only: the client does not see it.
    pub(crate) fn with_cause(mut self, cause: impl ToString) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// Returns the cause, for the log only.
    pub(crate) fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// Returns the answer, with the trace id by which its log lines are found.
    pub(crate) fn respond(&self, trace_id: &str) -> HttpResponse {
        let problem = Problem {
            r#type: format!("{TYPE_PREFIX}{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            code: self.code,
            detail: &self.detail,
            errors: self.fields.iter().map(ProblemField::of).collect(),
            trace_id,
        };
        let mut response = HttpResponse::build(self.status);
        for (name, value) in &self.headers {
            response.insert_header((name.clone(), value.clone()));
        }
        let body = serde_json::to_string(&problem).unwrap_or_default();
        response.content_type("application/problem+json").body(body)
    }
}

impl From<Faults> for ApiError {
    fn from(faults: Faults) -> Self {
        Self::invalid(faults.0)
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        if let Some(EditRefused(faults)) = error.refusal() {
            return Self::invalid(faults.clone());
        }
        let (status, detail) = match error.category() {
            Category::Invalid => (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
            Category::Unauthenticated => return authentication::refused_as(error.code(), &error.to_string()),
            Category::Forbidden => (StatusCode::FORBIDDEN, error.to_string()),
            Category::NotFound => (StatusCode::NOT_FOUND, error.to_string()),
            Category::Conflict => (StatusCode::CONFLICT, error.to_string()),
            Category::PreconditionFailed => (StatusCode::PRECONDITION_FAILED, error.to_string()),
            Category::TooMany => (StatusCode::TOO_MANY_REQUESTS, error.to_string()),
            Category::Unavailable => {
                let detail = match error {
                    Error::Connect(_) => {
                        "no database connection could be had; nothing happened, repeat it in a moment"
                            .to_owned()
                    }
                    // The refusal says what to do.
                    Error::Domain(_) => error.to_string(),
                    _ => format!("the database did not answer in time or broke off; {PERHAPS}"),
                };
                (StatusCode::SERVICE_UNAVAILABLE, detail)
            }
            Category::Internal => {
                let detail = "something went wrong on our side; quote the trace_id when you report it";
                (StatusCode::INTERNAL_SERVER_ERROR, detail.to_owned())
            }
        };
        let mut api_error = Self::new(status, error.code(), detail).with_fields(error.fields());
        if let Error::TooManyAttempts { retry_after_seconds } = error {
            api_error = api_error.with_header(header::RETRY_AFTER, HeaderValue::from(retry_after_seconds));
        }
        if matches!(error, Error::IdempotencyKeyInUse) || status == StatusCode::SERVICE_UNAVAILABLE {
            api_error =
                api_error.with_header(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
        }
        if status.is_server_error() {
            api_error.cause = Some(error.to_string());
        }
        api_error
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    /// Returns an answer without a body: the middleware, which knows the trace id, writes it.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status)
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// What every error answers (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem<'a> {
    /// A stable URI: `urn:comptoir:problem:` and the code.
    #[schema(example = "urn:comptoir:problem:order_state_conflict")]
    r#type: String,
    /// The status in words.
    #[schema(example = "Conflict")]
    title: &'a str,
    #[schema(example = 409)]
    status: u16,
    /// Stable, for programs.
    #[schema(example = "order_state_conflict")]
    code: &'a str,
    /// For people: what was wrong, and what would be right.
    detail: &'a str,
    /// The values at fault, where they can be named.
    errors: Vec<ProblemField<'a>>,
    /// Finds the request in the logs.
    trace_id: &'a str,
}

/// One value that was refused.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemField<'a> {
    /// JSON Pointer into the body; query parameters stand under `/query`, headers under `/header`.
    #[schema(example = "/lines/0/quantity")]
    pointer: &'a str,
    #[schema(example = "not_positive")]
    code: &'a str,
    message: &'a str,
    /// What there is, a decimal string, where too little was there; null otherwise.
    #[schema(example = "3")]
    available: Option<&'a str>,
    /// The inventory count that is in the way: only where goods may not be moved because of it, or the warehouse not be archived.
    #[schema(example = "01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b")]
    inventory_count_id: Option<&'a str>,
    /// What the refusal was reckoned from: only where a credit limit would be passed.
    credit: Option<ProblemCredit<'a>>,
    /// The last day on which the law wants it kept: only where a customer cannot be anonymised because of it.
    #[schema(example = "2036-12-31")]
    kept_until: Option<&'a str>,
}

/// A customer's credit, in the company's currency.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemCredit<'a> {
    #[schema(example = "5000.00")]
    limit: &'a str,
    /// What the other orders and the open invoices of the customer come to.
    #[schema(example = "4800.00")]
    exposure: &'a str,
    /// What this order comes to.
    #[schema(example = "300.00")]
    total: &'a str,
}

impl<'a> ProblemField<'a> {
    fn of(field: &'a FieldError) -> Self {
        let FieldError { pointer, code, message, available, inventory_count_id, credit, kept_until } = field;
        Self {
            pointer,
            code,
            message,
            available: available.as_deref(),
            inventory_count_id: inventory_count_id.as_deref(),
            credit: credit.as_deref().map(|CreditFigures { limit, exposure, total }| ProblemCredit {
                limit,
                exposure,
                total,
            }),
            kept_until: kept_until.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use comptoir_core::commerce::inventory_counts::InventoryCountError;

    use super::*;

    #[test]
    fn an_answer_names_a_hundred_values_and_says_how_many_more_there_are() {
        let refused = |lines: usize| {
            ApiError::from(Error::from(InventoryCountError::ProductsUnknown((0..lines).collect())))
        };
        let few = refused(MAX_FIELDS);
        assert_eq!(
            (few.fields.len(), few.detail.as_str()),
            (100, "some entries name products that do not exist")
        );
        let many = refused(1_000);
        assert_eq!(many.fields.len(), 100);
        assert_eq!(many.fields[99].pointer, "/entries/99/product_id");
        assert!(
            many.detail.ends_with("do not exist; errors has the first 100, there are 900 more"),
            "{many}"
        );

        let field = |index: usize| Invalid::new("wrong_type", "no text").at(format!("/lines/{index}"));
        let many = ApiError::invalid((0..MAX_FIELDS + 1).map(field).collect());
        assert_eq!(many.fields.len(), 100);
        assert!(many.detail.starts_with("101 values"), "{many}");
        assert!(many.detail.ends_with("there are 1 more"), "{many}");
    }

    #[test]
    fn what_a_client_sent_is_quoted_in_part() {
        let long = "é".repeat(MAX_QUOTED + 1);
        let refused = ApiError::invalid_field(&long, "unknown_field", long.as_str());
        let expected = format!("{}…", "é".repeat(MAX_QUOTED));
        let field = &refused.fields[0];
        assert_eq!([&field.pointer, &field.message, &refused.detail], [&expected; 3]);
    }
}
