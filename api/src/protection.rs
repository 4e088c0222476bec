//! The headers of every answer that protect it in browsers and caches (OWASP's "HTTP Security Response Headers").

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};

use crate::console;

/// The policy of an answer that is not a page: it loads nothing, and no page frames it.
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
/// The policy of a page: it loads its own scripts and styles, and nothing from elsewhere. The documentation
/// sets styles in its elements and draws its icons as data.
const PAGE: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; \
    frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
/// The policy of the console: no script and no style but its own files, and forms that go nowhere else.
const CONSOLE: &str =
    "default-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
/// The policy of a document that a page of the console shows beside its data: no other site frames it. It has no scripts of
/// ours to load, and a browser shows it by means of its own.
const DOCUMENT: &str =
    "default-src 'self'; object-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'";
/// How the paths of such documents end.
const DOCUMENTS: &str = "/pdf";
/// The prefixes of paths with a company's data, which no cache may keep, not even the browser's.
const DATA: &[&str] = &["/api/v1/", console::PREFIX];

/// Adds the missing protection to the answer's headers.
pub(crate) fn protect(path: &str, headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let is_console = console::has(path);
    // With no-referrer, a browser would send `Origin: null` with the console's own forms.
    let referrer = if is_console { "same-origin" } else { "no-referrer" };
    headers.insert(REFERRER_POLICY, HeaderValue::from_static(referrer));
    if is_console {
        // By the path: a 304 has no content type, and browsers keep its policy with the document.
        let policy = if path.ends_with(DOCUMENTS) { DOCUMENT } else { CONSOLE };
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    } else if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        let is_page = headers
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .is_some_and(|kind| kind.starts_with("text/html"));
        let policy = HeaderValue::from_static(if is_page { PAGE } else { NOTHING });
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    if DATA.iter().any(|prefix| path.starts_with(prefix)) && !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
