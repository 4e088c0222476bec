//! The OpenAPI 3.1 document, generated from the handlers and their types.

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::{IntoParams, IntoResponses, Modify, OpenApi};
use uuid::Uuid;

use crate::access::{Access, ROUTES};
use crate::error::{Problem, ProblemField};
use crate::rate_limits;
use crate::routes::{
    api_keys, audit, auth, customers, operations, orders, products, roles, sessions, tenant, users,
};

/// Where the document is served.
pub const PATH: &str = "/api/openapi.json";

/// `{id}` of a path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "documentation")]
pub(crate) struct IdParam {
    id: Uuid,
}

/// The header that makes repeating a POST safe.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "documentation")]
pub(crate) struct IdempotencyHeader {
    /// Repeated under the same key, the command runs once and its answer is given again.
    #[param(rename = "Idempotency-Key", nullable = false, pattern = "^[!-~]{1,255}$")]
    idempotency_key: Option<String>,
}

/// The header that guards against overwriting somebody else's change.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "documentation")]
pub(crate) struct IfMatchHeader {
    /// The ETag that you read, or `*`.
    #[param(rename = "If-Match", nullable = false, pattern = "^(\\*|\"[0-9]{1,18}\")$")]
    if_match: Option<String>,
}

/// As [`IfMatchHeader`], on routes that answer 428 without it.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "documentation")]
pub(crate) struct RequiredIfMatchHeader {
    /// The ETag that you read, or `*`.
    #[param(rename = "If-Match", nullable = false, pattern = "^(\\*|\"[0-9]{1,18}\")$")]
    if_match: String,
}

/// What any query can answer besides its result.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "documentation; the variants are never made")]
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
#[expect(dead_code, reason = "documentation; the variants are never made")]
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

/// What a route under `/auth` can answer besides its result.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "documentation; the variants are never made")]
pub(crate) enum AuthProblems<'a> {
    /// The body is not JSON or could not be read
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(Problem<'a>),
    /// What was presented proves nothing
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(Problem<'a>),
    /// The e-mail address is not verified, or an API key asks for what only people have
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem<'a>),
    /// The session or the user is gone
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem<'a>),
    /// In contradiction to the present state
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Problem<'a>),
    /// The body is too large
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem<'a>),
    /// The body is not sent as application/json
    #[response(status = 415, content_type = "application/problem+json")]
    UnsupportedMediaType(Problem<'a>),
    /// Well formed but wrong; `errors` says where
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(Problem<'a>),
    /// Too many header fields
    #[response(status = 431, content_type = "application/problem+json")]
    TooManyHeaders(Problem<'a>),
    /// Our fault
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(Problem<'a>),
    /// The database is not available, or too many passwords are being checked; `Retry-After` says when to ask again
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem<'a>),
}

/// What any route that wants to know who asks can answer.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "documentation; the variants are never made")]
enum AccessProblems<'a> {
    /// No credential, or one that does not hold
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(Problem<'a>),
    /// The permission that the route needs is missing
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem<'a>),
}

/// Says of every operation what it asks of its callers, as [`ROUTES`] has it.
struct AccessRules;

impl Modify for AccessRules {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An access token from POST /api/v1/auth/login, or an API key"))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(SECURITY_SCHEME, SecurityScheme::Http(scheme));
        for (method, path, access) in ROUTES {
            let Some(item) = document.paths.paths.get_mut(*path) else { continue };
            let operation = match *method {
                "GET" => item.get.as_mut(),
                "PUT" => item.put.as_mut(),
                "POST" => item.post.as_mut(),
                "DELETE" => item.delete.as_mut(),
                _ => None,
            };
            if let Some(operation) = operation {
                secure(operation, *access);
            }
        }
    }
}

fn secure(operation: &mut Operation, access: Access) {
    if access == Access::Public {
        return;
    }
    operation.security = Some(vec![SecurityRequirement::new(SECURITY_SCHEME, Vec::<String>::new())]);
    operation.responses.responses.extend(AccessProblems::responses());
    let description = operation.description.get_or_insert_default();
    if access != Access::Authenticated && !description.is_empty() {
        description.push_str("\n\n");
    }
    if access == Access::LoggedIn {
        description.push_str("For people who have logged in: an API key is answered 403.");
        operation.extensions.get_or_insert_default().insert("x-session".to_owned(), true.into());
    }
    if let Access::Needs(permission) = access {
        description.push_str(&format!("Needs the permission `{permission}`."));
        // The same for programs.
        operation
            .extensions
            .get_or_insert_default()
            .insert("x-permission".to_owned(), permission.name().into());
    }
}

/// What every route that is limited can answer.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "documentation; the variants are never made")]
enum LimitProblems<'a> {
    /// Too many requests, or too many failed attempts; `Retry-After` says in how many seconds to ask again
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(Problem<'a>),
}

/// Says it of every operation that is limited.
struct RateLimited;

impl Modify for RateLimited {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let limited = document.paths.paths.iter_mut().filter(|(path, _)| rate_limits::is_limited(path));
        for operation in limited.flat_map(|(_, item)| operations(item)) {
            operation.responses.responses.extend(LimitProblems::responses());
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch].into_iter().flatten()
}

const SECURITY_SCHEME: &str = "bearer";

#[derive(Debug, OpenApi)]
#[openapi(
    modifiers(&AccessRules, &RateLimited),
    info(
        title = "Comptoir",
        description = "Commercial management: customers, products, orders. Amounts and quantities are decimal strings, \
            times are RFC 3339 in UTC, ids are UUIDv7. Every POST accepts an Idempotency-Key, but those under /auth; changes are checked with \
            ETag and If-Match; every error is a problem document (RFC 9457)."
    ),
    paths(
        auth::handlers::login,
        auth::handlers::refresh,
        auth::handlers::logout,
        auth::handlers::change_password,
        auth::handlers::verify_email,
        auth::handlers::forgot_password,
        auth::handlers::reset_password,
        auth::handlers::me,
        auth::keys::jwks,
        sessions::handlers::list,
        sessions::handlers::end,
        sessions::handlers::list_of_user,
        sessions::handlers::end_all_of_user,
        sessions::handlers::end_of_user,
        api_keys::handlers::create,
        api_keys::handlers::list,
        api_keys::handlers::get,
        api_keys::handlers::revoke,
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
        roles::list,
        audit::handlers::list,
        audit::handlers::export,
        tenant::handlers::get,
        tenant::handlers::update,
        users::handlers::register,
        users::handlers::list,
        users::handlers::get,
        users::handlers::update,
        users::handlers::change_role,
        users::handlers::change_permissions,
        users::handlers::disable,
        users::handlers::enable,
        operations::live,
        operations::ready,
        operations::openapi,
    ),
    components(schemas(Problem, ProblemField)),
    tags(
        (name = "customers", description = "Who buys"),
        (name = "products", description = "What is sold"),
        (name = "orders", description = "What was sold to whom: pending → confirmed → shipped → delivered, or cancelled"),
        (name = "tenant", description = "Your company"),
        (name = "users", description = "Who works with Comptoir: unverified → active → disabled"),
        (name = "authentication", description = "How somebody proves who they are"),
        (name = "roles", description = "Who may do what"),
        (name = "audit", description = "Who did what"),
        (name = "sessions", description = "What a log-in begins"),
        (name = "api-keys", description = "How programs prove who they are"),
        (name = "operations", description = "Health"),
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
