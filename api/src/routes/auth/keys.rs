//! The public keys with which anybody can verify access tokens.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::web::Data;
use comptoir_core::accounts::identity::access_tokens::AccessTokens;
use serde::Serialize;
use utoipa::ToSchema;

/// A rotated key must be known to others before it signs for long; half an access token's time is soon enough.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// A JWK Set (RFC 7517).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JsonWebKeySet {
    /// The first one signs; tokens of the others are still accepted.
    #[schema(min_items = 1, max_items = 16)]
    keys: Vec<JsonWebKey>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JsonWebKey {
    /// `OKP` (RFC 8037) or `EC`.
    #[schema(example = "OKP")]
    kty: String,
    #[schema(example = "Ed25519")]
    crv: String,
    #[schema(example = "2026-11")]
    kid: String,
    #[schema(example = "EdDSA")]
    alg: String,
    #[schema(example = "sig")]
    r#use: String,
    #[schema(example = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")]
    x: String,
    /// Of an `EC` key.
    #[schema(nullable = false, example = "y77t-RvAHRKTsSGdIYUfweuOvwrvDD-Q3Hv5J0fSKbE")]
    y: Option<String>,
}

/// The keys that verify access tokens
///
/// A JWK Set (RFC 7517). The first key signs; tokens of the others are still accepted.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "authentication", operation_id = "getKeys",
    responses((status = 200, content_type = "application/json", body = JsonWebKeySet, headers(("Cache-Control" = String)))))]
pub(crate) async fn jwks(tokens: Data<AccessTokens>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, CACHE))
        .content_type("application/json")
        .body(tokens.jwks())
}
