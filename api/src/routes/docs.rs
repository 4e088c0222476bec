//! `/api/docs`: the documentation as pages. Everything is part of the binary: the pages ask nothing of another host.

use actix_web::HttpResponse;
use actix_web::http::Method;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, LOCATION};
use actix_web::web::ServiceConfig;

use crate::endpoints::{get, resource};

/// A file of a page.
struct Asset {
    path: &'static str,
    media_type: &'static str,
    body: &'static [u8],
    /// Whether the body is compressed. Every browser takes that (RFC 9110, section 8.4.1.3).
    is_gzip: bool,
}

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

const fn asset(path: &'static str, media_type: &'static str, body: &'static [u8]) -> Asset {
    Asset { path, media_type, body, is_gzip: false }
}

const ASSETS: &[Asset] = &[
    asset("/api/docs", HTML, include_bytes!("../../assets/docs/index.html")),
    asset("/api/docs/events", HTML, include_bytes!("../../assets/docs/events.html")),
    asset("/api/docs/events.js", SCRIPT, include_bytes!("../../assets/docs/events.js")),
    asset("/api/docs/before.js", SCRIPT, include_bytes!("../../assets/docs/before.js")),
    asset("/api/docs/page.js", SCRIPT, include_bytes!("../../assets/docs/page.js")),
    asset("/api/docs/page.css", "text/css; charset=utf-8", include_bytes!("../../assets/docs/page.css")),
    asset("/api/docs/icon.svg", "image/svg+xml", include_bytes!("../../assets/docs/icon.svg")),
    Asset {
        path: "/api/docs/scalar-1.46.4.js",
        media_type: SCRIPT,
        body: include_bytes!("../../assets/docs/scalar-1.46.4.js.gz"),
        is_gzip: true,
    },
];

/// The scripts and styles of a page may be an hour old; a new version of Scalar has another name.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=3600");

pub(super) fn configure(services: &mut ServiceConfig) {
    for asset in ASSETS {
        let route = get().to(move || async move { serve(asset) });
        services.service(resource(asset.path, &[Method::GET]).route(route));
    }
    for path in ["/", "/api/docs/"] {
        services.service(resource(path, &[Method::GET]).route(get().to(async || to_docs())));
    }
}

fn serve(asset: &'static Asset) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, asset.media_type)).insert_header((CACHE_CONTROL, CACHE));
    if asset.is_gzip {
        response.insert_header((CONTENT_ENCODING, "gzip"));
    }
    response.body(asset.body)
}

fn to_docs() -> HttpResponse {
    HttpResponse::Found().insert_header((LOCATION, "/api/docs")).finish()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use sha2::{Digest, Sha256};

    use super::*;

    /// What is vendored is what was published, and its licence says which version that is.
    #[test]
    fn scalar_is_the_file_that_its_licence_names() {
        let asset = ASSETS.iter().find(|asset| asset.is_gzip).expect("scalar");
        let mut script = Vec::new();
        flate2::read::GzDecoder::new(asset.body).read_to_end(&mut script).expect("gzip");
        let licence = include_str!("../../assets/docs/LICENSE.scalar");
        assert!(licence.contains(&hex::encode(Sha256::digest(&script))), "the hash is another one");
        let version = asset.path.trim_start_matches("/api/docs/scalar-").trim_end_matches(".js");
        assert!(licence.contains(&format!("@scalar/api-reference {version}")), "{version}");
        assert!(licence.contains("MIT License"), "the licence is missing");
    }
}
