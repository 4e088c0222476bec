//! A form with a file (RFC 7578), read as it arrives: the fields first, and then the file, which is the last of them. So the
//! form is proved to be ours before anything of the file is read, and the file is never in memory as a whole.

use std::future::{Ready, ready};
use std::pin::Pin;

use actix_web::dev;
use actix_web::error::PayloadError;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};

use crate::error::ApiError;

const MULTIPART: &str = "multipart/form-data";
/// The most bytes in front of the file: fields, and what is around them.
const MAX_HEAD: usize = 16 * 1024;
/// The maximum length of a boundary, by RFC 2046.
const MAX_BOUNDARY: usize = 70;

type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>>;
/// What fields are called, and what is in them.
type Fields = Vec<(String, String)>;

/// The file of a form.
pub(crate) struct Upload {
    /// As the browser calls it; empty if none was chosen.
    pub(crate) name: String,
    pub(crate) pieces: Pieces,
}

impl FromRequest for Upload {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        // The guard has put it there: a page that takes a file is registered with `upload`.
        ready(request.extensions_mut().remove::<Self>().ok_or_else(|| malformed("there is no file")))
    }
}

fn malformed(detail: &str) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "bad_request", detail)
}

/// Returns what stands between the parts of a form.
///
/// # Errors
/// 415 if the request is no form that can have a file.
pub(super) fn boundary(headers: &HeaderMap) -> Result<String, ApiError> {
    let unsupported = || {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        ApiError::new(status, "unsupported_media_type", "this page takes a form with a file")
    };
    let text = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).ok_or_else(unsupported)?;
    let (kind, parameters) = text.split_once(';').ok_or_else(unsupported)?;
    if !kind.trim().eq_ignore_ascii_case(MULTIPART) {
        return Err(unsupported());
    }
    let mut boundaries = parameters.split(';').filter_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"').to_owned())
    });
    boundaries.next().filter(|text| (1..=MAX_BOUNDARY).contains(&text.len())).ok_or_else(unsupported)
}

/// Reads the fields in front of the file.
///
/// # Errors
/// 400 if it is no form with a file, 413 if there is too much in front of the file.
pub(super) async fn fields(payload: dev::Payload, boundary: &str) -> Result<(Fields, Upload), ApiError> {
    let mut reader = Reader::new(Box::pin(payload), boundary);
    let mut fields = Vec::new();
    // What stands in front of the first part is nothing.
    reader.before_delimiter().await?;
    loop {
        let head = reader.head().await?;
        let name = head.name.ok_or_else(|| malformed("a field has no name"))?;
        if let Some(file) = head.file {
            return Ok((fields, Upload { name: file, pieces: Box::pin(reader.into_file()) }));
        }
        let value = reader.before_delimiter().await?;
        let value = String::from_utf8(value.to_vec()).map_err(|_| malformed("a field is not UTF-8"))?;
        fields.push((name, value));
    }
}

/// What a part says of itself.
#[derive(Debug, Default, PartialEq, Eq)]
struct Head {
    name: Option<String>,
    file: Option<String>,
}

impl Head {
    fn parse(text: &str) -> Self {
        let mut head = Self::default();
        for line in text.split("\r\n") {
            let Some((name, value)) = line.split_once(':') else { continue };
            if name.trim().eq_ignore_ascii_case("content-disposition") {
                let mut rest = value.split_once(';').map_or("", |(_, rest)| rest);
                while let Some((key, after)) = rest.split_once("=\"") {
                    let Some((value, after)) = after.split_once('"') else { break };
                    // As browsers write them (HTML, "multipart/form-data encoding algorithm").
                    let value = value.replace("%22", "\"").replace("%0D", "").replace("%0A", " ");
                    match key.trim_matches([';', ' ']).to_ascii_lowercase().as_str() {
                        "name" => head.name = Some(value),
                        "filename" => head.file = Some(value),
                        _ => {}
                    }
                    rest = after;
                }
            }
        }
        head
    }
}

struct Reader {
    pieces: Pieces,
    buffer: BytesMut,
    /// The end of a line, and the boundary.
    delimiter: Vec<u8>,
    /// Bytes that were read in front of the file.
    read: usize,
}

impl Reader {
    fn new(pieces: Pieces, boundary: &str) -> Self {
        // The first boundary has no line in front of it.
        Self {
            pieces,
            buffer: BytesMut::from("\r\n"),
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            read: 0,
        }
    }

    /// Waits for the next piece, in front of the file.
    async fn more(&mut self) -> Result<(), ApiError> {
        let piece = self.pieces.next().await.ok_or_else(|| malformed("the form breaks off"))?;
        let piece = piece.map_err(|_| malformed("the form could not be read"))?;
        // A piece may have a part of the file in it, which does not count.
        if self.read > MAX_HEAD {
            let detail = format!("there are more than {MAX_HEAD} bytes in front of the file");
            return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail));
        }
        self.read += piece.len();
        self.buffer.extend_from_slice(&piece);
        Ok(())
    }

    /// Takes what stands before a text, and the text itself away.
    async fn before(&mut self, text: &[u8]) -> Result<Bytes, ApiError> {
        loop {
            if let Some(at) = find(&self.buffer, text) {
                let before = self.buffer.split_to(at).freeze();
                let _ = self.buffer.split_to(text.len());
                return Ok(before);
            }
            self.more().await?;
        }
    }

    async fn before_delimiter(&mut self) -> Result<Bytes, ApiError> {
        let delimiter = self.delimiter.clone();
        self.before(&delimiter).await
    }

    /// Reads what the next part says of itself.
    async fn head(&mut self) -> Result<Head, ApiError> {
        while self.buffer.len() < 2 {
            self.more().await?;
        }
        if self.buffer.starts_with(b"--") {
            return Err(malformed("the form has no file"));
        }
        let text = self.before(b"\r\n\r\n").await?;
        let text = std::str::from_utf8(&text).map_err(|_| malformed("a field's name is not UTF-8"))?;
        Ok(Head::parse(text))
    }

    /// Passes the file on as it comes, up to the delimiter behind it.
    fn into_file(self) -> impl Stream<Item = Result<Bytes, PayloadError>> {
        futures::stream::try_unfold(Some(self), Self::piece)
    }

    /// The next piece of the file, and who reads the one after it.
    async fn piece(reader: Option<Self>) -> Result<Option<(Bytes, Option<Self>)>, PayloadError> {
        let Some(mut reader) = reader else { return Ok(None) };
        loop {
            if let Some(at) = find(&reader.buffer, &reader.delimiter) {
                let last = reader.buffer.split_to(at).freeze();
                // What follows is nothing; a connection that is read to its end can be used again.
                while let Some(piece) = reader.pieces.next().await {
                    piece?;
                }
                return Ok(Some((last, None)));
            }
            // The delimiter may have begun.
            let sure = reader.buffer.len().saturating_sub(reader.delimiter.len());
            if sure > 0 {
                let piece = reader.buffer.split_to(sure).freeze();
                return Ok(Some((piece, Some(reader))));
            }
            let piece = reader.pieces.next().await.ok_or(PayloadError::Incomplete(None))?;
            reader.buffer.extend_from_slice(&piece?);
        }
    }
}

fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    const FORM: &str = "--b0\r\nContent-Disposition: form-data; name=\"form_token\"\r\n\r\nabc\r\n--b0\r\n\
        Content-Disposition: form-data; name=\"kind\"\r\n\r\ncustomers\r\n--b0\r\n\
        Content-Disposition: form-data; name=\"file\"; filename=\"a; %22b%22.csv\"\r\nContent-Type: text/csv\r\n\r\n\
        code,name\r\n--b,x\r\n\r\n--b0--\r\n";

    /// The form in pieces of this size.
    fn payload(text: &str, size: usize) -> dev::Payload {
        let pieces: Vec<_> =
            text.as_bytes().chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let stream: Pieces = Box::pin(futures::stream::iter(pieces));
        dev::Payload::Stream { payload: stream }
    }

    #[actix_web::test]
    async fn a_form_gives_its_fields_and_then_its_file_however_it_is_cut() {
        for size in [1, 2, 3, 7, 64, 1_000] {
            let (fields, file) = fields(payload(FORM, size), "b0").await.expect("a form");
            let expected = [("form_token", "abc"), ("kind", "customers")];
            assert_eq!(fields, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
            assert_eq!(file.name, "a; \"b\".csv");
            let pieces: Vec<_> = file.pieces.map(|piece| piece.expect("a piece").to_vec()).collect().await;
            assert_eq!(pieces.concat(), b"code,name\r\n--b,x\r\n", "{size}");
        }
    }

    #[actix_web::test]
    async fn what_breaks_off_or_has_no_file_is_no_form() {
        let ends = FORM.find("filename").expect("a file");
        assert!(fields(payload(&FORM[..ends], 10), "b0").await.is_err());
        assert!(fields(payload("--b0--\r\n", 10), "b0").await.is_err());
        let long =
            format!("--b0\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n{}", "x".repeat(3 * MAX_HEAD));
        let refused = fields(payload(&long, 1_000), "b0").await.err().expect("too much");
        assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
        let cut = &FORM[..FORM.len() - 8];
        let (_, file) = fields(payload(cut, 16), "b0").await.expect("its head");
        assert!(file.pieces.collect::<Vec<_>>().await.iter().any(Result::is_err), "the file breaks off");
    }

    #[test]
    fn only_forms_that_can_have_a_file_are_taken() {
        let of = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(text));
            boundary(&headers).ok()
        };
        assert_eq!(of("multipart/form-data; boundary=----x").as_deref(), Some("----x"));
        assert_eq!(of("multipart/form-data; charset=utf-8; boundary=\"y\"").as_deref(), Some("y"));
        for other in [
            "application/x-www-form-urlencoded",
            "multipart/mixed; boundary=x",
            "multipart/form-data; boundary=",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
