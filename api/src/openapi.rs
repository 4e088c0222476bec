//! The OpenAPI 3.1 document, generated from the handlers and their types.

use utoipa::{IntoParams, IntoResponses, OpenApi};
use uuid::Uuid;

use crate::error::{Problem, ProblemField};
use crate::routes::{auth, customers, operations, orders, products};

/// Where the document is served.
pub const PATH: &str = "/api/openapi.json";

/// `{id}` of a path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code, reason = "documentation")]
pub(crate) struct IdParam {
    id: Uuid,
}

/// The header that makes repeating a POST safe.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "documentation")]
pub(crate) struct IdempotencyHeader {
    /// Repeated under the same key, the command runs once and its answer is given again.
    #[param(rename = "Idempotency-Key", nullable = false, pattern = "^[!-~]{1,255}$")]
    idempotency_key: Option<String>,
}

/// The header that guards against overwriting somebody else's change.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "documentation")]
pub(crate) struct IfMatchHeader {
    /// The ETag that you read, or `*`.
    #[param(rename = "If-Match", nullable = false, pattern = "^(\\*|\"[0-9]{1,18}\")$")]
    if_match: Option<String>,
}

/// As [`IfMatchHeader`], on routes that answer 428 without it.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "documentation")]
pub(crate) struct RequiredIfMatchHeader {
    /// The ETag that you read, or `*`.
    #[param(rename = "If-Match", nullable = false, pattern = "^(\\*|\"[0-9]{1,18}\")$")]
    if_match: String,
}

/// What any query can answer besides its result.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "documentation; the variants are never made")]
pub(crate) enum QueryProblems<'a> {
    /// There is no such thing
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem<'a>),
    /// Too many header fields
    #[response(status = 431, content_type = "application/problem+json")]
    TooManyHeaders(Problem<'a>),
    /// A parameter is unknown or wrong
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(Problem<'a>),
    /// Our fault
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(Problem<'a>),
    /// The database is not available; `Retry-After` says when to ask again
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem<'a>),
}

/// What any command can answer besides its result.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "documentation; the variants are never made")]
pub(crate) enum CommandProblems<'a> {
    /// The body is not JSON or could not be read
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(Problem<'a>),
    /// There is no such thing
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem<'a>),
    /// In contradiction to the present state, or a request with this Idempotency-Key is still running
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Problem<'a>),
    /// Somebody changed it since the version in If-Match
    #[response(status = 412, content_type = "application/problem+json")]
    PreconditionFailed(Problem<'a>),
    /// The body is too large
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem<'a>),
    /// The body is not sent as application/json
    #[response(status = 415, content_type = "application/problem+json")]
    UnsupportedMediaType(Problem<'a>),
    /// Well formed but wrong; `errors` says where
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(Problem<'a>),
    /// If-Match is missing
    #[response(status = 428, content_type = "application/problem+json")]
    PreconditionRequired(Problem<'a>),
    /// Too many header fields
    #[response(status = 431, content_type = "application/problem+json")]
    TooManyHeaders(Problem<'a>),
    /// Our fault
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(Problem<'a>),
    /// The database is not available; `Retry-After` says when to ask again
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem<'a>),
}

#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "Comptoir",
        description = "Commercial management: customers, products, orders. Amounts and quantities are decimal strings, \
            times are RFC 3339 in UTC, ids are UUIDv7. Every POST accepts an Idempotency-Key; changes are checked with \
            ETag and If-Match; every error is a problem document (RFC 9457)."
    ),
    paths(
        auth::keys::jwks,
        customers::handlers::create,
        customers::handlers::list,
        customers::handlers::get,
        customers::handlers::update,
        customers::handlers::delete,
        products::handlers::create,
        products::handlers::list,
        products::handlers::get,
        products::handlers::update,
        products::handlers::archive,
        products::handlers::remove,
        orders::handlers::place,
        orders::handlers::list,
        orders::handlers::get,
        orders::handlers::confirm,
        orders::handlers::ship,
        orders::handlers::deliver,
        orders::handlers::cancel,
        operations::live,
        operations::ready,
        operations::metrics,
        operations::openapi,
    ),
    components(schemas(Problem, ProblemField)),
    tags(
        (name = "customers", description = "Who buys"),
        (name = "products", description = "What is sold"),
        (name = "orders", description = "What was sold to whom: pending → confirmed → shipped → delivered, or cancelled"),
        (name = "authentication", description = "How somebody proves who they are"),
        (name = "operations", description = "Health and metrics"),
    )
)]
pub struct ApiDoc;

/// The document as JSON.
///
/// # Errors
/// Never for a document that has been rendered once; the tests render it.
pub fn json() -> Result<String, serde_json::Error> {
    ApiDoc::openapi().to_json()
}
