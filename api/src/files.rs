//! Stored files as answers: their SHA-256 is the ETag, and a part of them can be had (RFC 9110, sections 13 and 14).

use actix_web::http::header::{self, ByteRangeSpec, HeaderName, HeaderValue, Range};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use utoipa::IntoParams;

use crate::error::ApiError;
use crate::respond;

/// Answers may be kept, by whoever was allowed to have them, and asked for again by their ETag.
const CACHE: &str = "private, no-cache";

/// The header that asks for a part of a file.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "documentation")]
pub(crate) struct RangeHeader {
    /// One range of bytes: 206 with that part. Several are answered with the whole file.
    #[param(rename = "Range", nullable = false, example = "bytes=0-1023")]
    range: Option<String>,
}

/// What a client wants of a file.
#[derive(Debug)]
pub(crate) enum Wanted {
    /// It has the file already.
    Nothing(HttpResponse),
    Whole,
    /// The first and the last byte.
    Part(u64, u64),
}

/// Returns the ETag of a file.
pub(crate) fn etag(digest: &[u8]) -> String {
    format!("\"{}\"", hex::encode(digest))
}

/// Returns what a client wants of a file of so many bytes.
///
/// # Errors
/// 416 if it asks for a part that there is not.
pub(crate) fn wanted(request: &HttpRequest, etag: &str, bytes: u64) -> Result<Wanted, ApiError> {
    if respond::is_known(request, etag) {
        return Ok(Wanted::Nothing(not_modified(etag)));
    }
    let Some(range) = range(request, etag) else { return Ok(Wanted::Whole) };
    match range.to_satisfiable_range(bytes) {
        Some((first, last)) => Ok(Wanted::Part(first, last)),
        None => {
            let detail = format!("the file has {bytes} bytes, and none of those that Range asks for");
            let error = ApiError::new(StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", detail);
            let whole = HeaderValue::try_from(format!("bytes */{bytes}"));
            Err(whole.map_or(error.clone(), |whole| error.with_header(header::CONTENT_RANGE, whole)))
        }
    }
}

/// Returns 304.
pub(crate) fn not_modified(etag: &str) -> HttpResponse {
    HttpResponse::NotModified()
        .insert_header((header::ETAG, etag))
        .insert_header((header::CACHE_CONTROL, CACHE))
        .finish()
}

/// One range of bytes, if that is what is asked for: what is not understood is answered with the whole file, as is a part of another file than the client has.
fn range(request: &HttpRequest, etag: &str) -> Option<ByteRangeSpec> {
    if request.method() != Method::GET {
        return None;
    }
    let text = |name: HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    // Only a strong ETag is compared; a date is never that of the file.
    if request.headers().contains_key(header::IF_RANGE) && text(header::IF_RANGE) != Some(etag) {
        return None;
    }
    match text(header::RANGE)?.parse::<Range>().ok()? {
        Range::Bytes(mut ranges) if ranges.len() == 1 => ranges.pop(),
        _ => None,
    }
}

/// Answers with a file, or the part of it that is wanted.
pub(crate) fn answer(
    wanted: Wanted,
    (etag, media_type, name): (&str, &str, &str),
    content: Vec<u8>,
) -> HttpResponse {
    let total = content.len();
    let whole = Bytes::from(content);
    let (mut response, body) = match wanted {
        Wanted::Nothing(answer) => return answer,
        Wanted::Whole => (HttpResponse::Ok(), whole),
        Wanted::Part(first, last) => {
            // Both are within the file, whose length was asked for.
            let bounds = usize::try_from(first).ok().zip(usize::try_from(last).ok());
            let part = bounds.filter(|(first, last)| first <= last && *last < whole.len());
            let Some((from, to)) = part else { return HttpResponse::InternalServerError().finish() };
            let mut response = HttpResponse::PartialContent();
            response.insert_header((header::CONTENT_RANGE, format!("bytes {first}-{last}/{total}")));
            (response, whole.slice(from..=to))
        }
    };
    response
        .insert_header((header::ETAG, etag))
        .insert_header((header::CONTENT_TYPE, media_type))
        .insert_header((header::ACCEPT_RANGES, "bytes"))
        .insert_header((header::CACHE_CONTROL, CACHE))
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .body(body)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn of(headers: &[(&str, &str)]) -> String {
        let request = headers.iter().fold(TestRequest::get(), |request, pair| request.insert_header(*pair));
        match wanted(&request.to_http_request(), "\"abc\"", 10) {
            Ok(Wanted::Nothing(answer)) => answer.status().as_str().to_owned(),
            Ok(Wanted::Whole) => "whole".to_owned(),
            Ok(Wanted::Part(first, last)) => format!("{first}-{last}"),
            Err(error) => error.code().to_owned(),
        }
    }

    #[test]
    fn one_range_is_a_part_and_everything_else_the_whole() {
        for (range, expected) in [
            ("bytes=0-3", "0-3"),
            ("bytes=4-", "4-9"),
            ("bytes=-3", "7-9"),
            ("bytes=4-99", "4-9"),
            ("bytes=10-", "range_not_satisfiable"),
            // RFC 9110, 14.1.1: a range that ends before it begins is none.
            ("bytes=5-4", "whole"),
            ("bytes=0-1,3-4", "whole"),
            ("lines=0-1", "whole"),
            ("nonsense", "whole"),
        ] {
            assert_eq!(of(&[("Range", range)]), expected, "{range}");
        }
        assert_eq!(of(&[]), "whole");
        assert_eq!(of(&[("Range", "bytes=0-3"), ("If-Range", "\"abc\"")]), "0-3");
        assert_eq!(of(&[("Range", "bytes=0-3"), ("If-Range", "\"abd\"")]), "whole");
        assert_eq!(of(&[("If-None-Match", "\"x\", W/\"abc\""), ("Range", "bytes=10-")]), "304");
    }
}
