//! One path for one resource.
//!
//! A letter may be percent-encoded, and then means the same: `%6f` is `o` (RFC 3986, section 6.2.2.2). The router
//! decodes it, but other code reads the path as it was sent. So it is decoded before anything else: the router, and
//! with it the access, the limits, the metrics and the idempotency keys see the same path.

use actix_web::dev::ServiceRequest;
use actix_web::http::Uri;
use actix_web::http::uri::PathAndQuery;

/// Decodes the characters of the request's path that need no encoding.
pub(crate) fn normalise(request: &mut ServiceRequest) {
    let Some(uri) = normalised(request.uri()) else { return };
    request.match_info_mut().get_mut().update(&uri);
    request.head_mut().uri = uri;
}

/// Returns the decoded URI; `None` if there is nothing to decode.
fn normalised(uri: &Uri) -> Option<Uri> {
    let path = decoded(uri.path())?;
    let path_and_query = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path_and_query).ok()?);
    Uri::from_parts(parts).ok()
}

/// Decodes letters, digits, `-`, `.`, `_` and `~` (RFC 3986, section 2.3); every other encoding stays. It decodes once:
/// `%256c` stands for `%6c`, not for `l`.
fn decoded(path: &str) -> Option<String> {
    let mut pieces = path.split('%');
    let mut decoded = pieces.next()?.to_owned();
    let mut is_changed = false;
    for piece in pieces {
        match unreserved(piece) {
            Some((c, rest)) => {
                decoded.push(c);
                decoded.push_str(rest);
                is_changed = true;
            }
            None => {
                decoded.push('%');
                decoded.push_str(piece);
            }
        }
    }
    is_changed.then_some(decoded)
}

/// Returns the character that the two leading hexadecimal digits stand for, if it needs no encoding, and the text after
/// them.
fn unreserved(piece: &str) -> Option<(char, &str)> {
    let digits = piece.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let c = char::from(u8::from_str_radix(digits, 16).ok()?);
    let needs_none = c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~');
    needs_none.then(|| piece.get(2..).map(|rest| (c, rest))).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_no_encoding_is_decoded_once_and_the_rest_stays() {
        for (path, expected) in [
            ("/api/v1/auth/login", None),
            ("/api/v1/auth/%6cogin", Some("/api/v1/auth/login")),
            ("/api/v1/auth/%6Cogin", Some("/api/v1/auth/login")),
            ("/%61%2D%2e%5f%7E%39", Some("/a-._~9")),
            ("/a%2Fb%2fc%25%20%C3%A9", None),
            ("/%256cogin", None),
            ("/%6", None),
            ("/%", None),
            ("/%%6c", Some("/%l")),
            ("/%+6c%-1", None),
            ("/é%6c%é", Some("/él%é")),
        ] {
            assert_eq!(decoded(path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn the_query_stays_as_it_is() {
        let uri: Uri = "http://localhost/%6f?q=%6c".parse().expect("valid");
        assert_eq!(normalised(&uri).map(|uri| uri.to_string()).as_deref(), Some("http://localhost/o?q=%6c"));
    }
}
