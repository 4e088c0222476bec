//! Requests from pages of other origins (CORS, the Fetch standard): which origins' pages may read answers.

use actix_cors::Cors;
use actix_web::http::Uri;
use serde::Deserialize;

/// For how long a browser remembers what it was told, in seconds.
const MAX_AGE: usize = 600;
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
const SENT: [&str; 10] = [
    "Authorization",
    "Comptoir-Client-Id",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Last-Event-ID",
    "X-Request-Id",
    "X-Correlation-Id",
    "traceparent",
];
const READ: [&str; 11] = [
    "Accept-Patch",
    "ETag",
    "Idempotent-Replayed",
    "Location",
    "RateLimit-Limit",
    "RateLimit-Policy",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "WWW-Authenticate",
    "X-Request-Id",
];

/// The origins whose pages may call the API; none by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct AllowedOrigins(Vec<String>);

impl TryFrom<String> for AllowedOrigins {
    type Error = String;

    /// Parses origins, separated by commas.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(origin).collect::<Result<_, _>>().map(Self)
    }
}

/// Returns the origin as browsers write it (RFC 6454, section 6.1).
fn origin(text: &str) -> Result<String, String> {
    let refused = || {
        format!(
            "{text:?} is not an origin such as https://shop.example or http://localhost:3000; name each one"
        )
    };
    let uri: Uri = text.parse().map_err(|_| refused())?;
    let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(refused());
    };
    let origin = format!("{scheme}://{authority}").to_lowercase();
    let is_whole = text.eq_ignore_ascii_case(&origin) && !authority.as_str().contains(['@', '*']);
    let is_default = matches!((scheme, authority.port_u16()), ("http", Some(80)) | ("https", Some(443)));
    if is_whole && !is_default { Ok(origin) } else { Err(refused()) }
}

impl AllowedOrigins {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the middleware that answers browsers' questions. A page of another origin gets its answer without the headers
    /// that would let it read that.
    pub(crate) fn middleware(&self) -> Cors {
        let none = Cors::default().block_on_origin_mismatch(false);
        let cors = self.0.iter().fold(none, |cors, origin| cors.allowed_origin(origin));
        cors.allowed_methods(METHODS).allowed_headers(SENT).expose_headers(READ).max_age(MAX_AGE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_listed_as_browsers_write_them() {
        let parsed = AllowedOrigins::try_from(" https://Shop.example , http://localhost:3000,".to_owned());
        assert_eq!(
            parsed,
            Ok(AllowedOrigins(vec!["https://shop.example".into(), "http://localhost:3000".into()]))
        );
        assert!(AllowedOrigins::try_from(String::new()).expect("none").is_empty());
    }

    #[test]
    fn what_no_browser_would_send_is_refused() {
        for text in [
            "*",
            "shop.example",
            "https://shop.example/",
            "https://shop.example/path",
            "https://user@shop.example",
            "https://*.example",
            "https://shop.example:443",
            "http://shop.example:80",
            "ftp://shop.example",
            "null",
        ] {
            let refused = AllowedOrigins::try_from(text.to_owned());
            assert!(refused.is_err_and(|error| error.contains("name each one")), "{text}");
        }
    }
}
