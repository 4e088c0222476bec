//! The OpenAPI 3.1 document, generated from the endpoints and their types.

use utoipa::openapi::OpenApi;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::{IntoParams, IntoResponses, OpenApi as _};
use uuid::Uuid;

use crate::access::Access;
use crate::endpoints::{Documentation, Endpoint};
use crate::error::{Problem, ProblemField};
use crate::{rate_limits, routes};

/// The path at which the document is served.
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

/// Documents what the operation requires of its callers.
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
        // The same, for programs to read.
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

const SECURITY_SCHEME: &str = "bearer";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Comptoir",
        description = "Commercial management: customers, suppliers, products, orders. Amounts and quantities are decimal strings, \
            times are RFC 3339 in UTC, ids are UUIDv7. Every POST accepts an Idempotency-Key, but those under /auth; changes are checked with \
            ETag and If-Match; every error is a problem document (RFC 9457)."
    ),
    components(schemas(Problem, ProblemField)),
    tags(
        (name = "customers", description = "Who buys"),
        (name = "suppliers", description = "Who sells to you"),
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
struct Description;

/// Builds the document from the description and from what each endpoint documents.
fn document() -> OpenApi {
    let mut document = Description::openapi();
    let components = document.components.get_or_insert_default();
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An access token from POST /api/v1/auth/login, or an API key"))
        .build();
    components.add_security_scheme(SECURITY_SCHEME, SecurityScheme::Http(scheme));
    for Endpoint { method, path, access, documentation, .. } in routes::endpoints() {
        let Documentation { mut operation, schemas } = documentation();
        secure(&mut operation, access);
        if rate_limits::is_limited(&path) {
            operation.responses.responses.extend(LimitProblems::responses());
        }
        components.schemas.extend(schemas);
        document.paths.add_path_operation(path, vec![method], operation);
    }
    document
}

/// Returns the document as JSON.
///
/// # Errors
/// Never fails for a document that has been rendered once; the tests render it.
pub fn json() -> Result<String, serde_json::Error> {
    document().to_json()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::Value;

    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn what_the_document_refers_to_is_there() {
        let document: Value = serde_json::from_str(&super::json().expect("rendered")).expect("JSON");
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 100, "{} references", found.len());
        for reference in found {
            let pointer = reference.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
        }
    }

    /// A client is generated from the file, so a change of it is seen in review.
    #[test]
    fn the_document_is_the_one_that_is_checked_in() {
        let mut document = super::document().to_pretty_json().expect("rendered");
        document.push('\n');
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
        if std::env::var_os("UPDATE_OPENAPI").is_some() {
            std::fs::write(path, document).expect("written");
            return;
        }
        let checked_in = std::fs::read_to_string(&path).expect("api/openapi.json");
        assert!(
            document == checked_in,
            "api/openapi.json differs; UPDATE_OPENAPI=1 cargo test --workspace --lib openapi writes it anew"
        );
    }
}
