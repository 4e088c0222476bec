//! Whether a form was sent by a page of the console. Everything that is not certain is refused.
//!
//! Two independent proofs are asked for, of every request but GET and HEAD. What the browser says of where the request
//! begins (`Sec-Fetch-Site`, or `Origin` where there is none), and the text that the page had in its form: an HMAC of the
//! session with a secret that only this browser keeps, in a cookie which no other host can set or read.

use actix_web::http::StatusCode;
use actix_web::http::header::{HOST, HeaderMap, HeaderName, ORIGIN};
use comptoir_core::accounts::identity::secrets::FormSecret;
use comptoir_core::values::ids::SessionId;

use crate::error::ApiError;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// The field of a form that has the text.
pub(super) const FIELD: &str = "form_token";
/// The code of the refusal. It is no problem of the API: only pages say it.
pub(super) const CODE: &str = "form_refused";

/// # Errors
/// 403 if another site sent the request, or if the browser does not say.
pub(super) fn check_origin(headers: &HeaderMap) -> Result<(), ApiError> {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let is_own = match (text(&SEC_FETCH_SITE), text(&ORIGIN)) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => {
            let authority = origin.split_once("://").map(|(_, authority)| authority);
            authority.is_some() && authority == text(&HOST)
        }
        (None, None) => false,
    };
    if is_own { Ok(()) } else { Err(refusal("the request does not come from a page of the console")) }
}

/// # Errors
/// 403 if the form does not have the text of this browser and session.
pub(super) fn check_token(
    secret: &FormSecret,
    session: Option<SessionId>,
    presented: Option<&str>,
) -> Result<(), ApiError> {
    if presented.is_some_and(|presented| secret.verifies(session, presented)) {
        return Ok(());
    }
    Err(refusal("the form is of another session, or of none"))
}

fn refusal(detail: &str) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, CODE, detail)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn is_own(given: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("shop.example:8080"));
        for (name, value) in given {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        check_origin(&headers).is_ok()
    }

    #[test]
    fn only_a_page_of_the_same_origin_sends_forms() {
        assert!(is_own(&[("sec-fetch-site", "same-origin")]));
        assert!(is_own(&[("origin", "https://shop.example:8080")]));
        for site in ["cross-site", "same-site", "none", ""] {
            // The origin does not make up for it.
            assert!(!is_own(&[("sec-fetch-site", site), ("origin", "https://shop.example:8080")]), "{site}");
        }
        for origin in ["https://shop.example", "https://evil.example", "null", "shop.example:8080", ""] {
            assert!(!is_own(&[("origin", origin)]), "{origin}");
        }
        assert!(!is_own(&[]));
    }
}
