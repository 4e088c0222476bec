//! The files of the pages: style, scripts, icons. All are part of the binary, and their addresses have a hash of what is in
//! them: a browser keeps them for ever, and a new version has new addresses.

use std::sync::LazyLock;

use actix_web::http::Method;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use actix_web::web::ServiceConfig;
use actix_web::{HttpRequest, HttpResponse};
use sha2::{Digest, Sha256};

use crate::endpoints::{get, resource};
use crate::respond::is_known;

/// Where they are. They are no pages: whoever asks gets them.
pub(super) const PREFIX: &str = "/console/assets/";
const CACHE: &str = "public, max-age=31536000, immutable";
/// How many hexadecimal digits of the hash an address has.
const DIGITS: usize = 16;

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// A file, and where it is.
#[derive(Debug)]
struct Asset {
    media_type: &'static str,
    body: String,
    hash: String,
    address: String,
}

impl Asset {
    fn new(name: &str, ending: &str, media_type: &'static str, body: &str) -> Self {
        let mut hash = hex::encode(Sha256::digest(body));
        hash.truncate(DIGITS);
        let address = format!("{PREFIX}{name}-{hash}.{ending}");
        Self { media_type, body: body.to_owned(), hash, address }
    }

    /// One of our scripts. What is for its readers stays here, comments and indentation: a first page is small. No text of a script
    /// goes over the end of a line.
    fn script(name: &str, text: &str) -> Self {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
        Self::new(name, "js", SCRIPT, &lines.collect::<Vec<_>>().join("\n"))
    }
}

/// The addresses, for the head of a page.
#[derive(Debug)]
pub(crate) struct Assets {
    style: Asset,
    print: Asset,
    icons: Asset,
    favicon: Asset,
    script: Asset,
    count: Asset,
    operate: Asset,
    htmx: Asset,
}

static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    style: Asset::new(
        "comptoir",
        "css",
        "text/css; charset=utf-8",
        include_str!("../../assets/console/comptoir.css"),
    ),
    print: Asset::new(
        "print",
        "css",
        "text/css; charset=utf-8",
        include_str!("../../assets/console/print.css"),
    ),
    icons: Asset::new("icons", "svg", "image/svg+xml", include_str!("../../assets/console/icons.svg")),
    favicon: Asset::new("icon", "svg", "image/svg+xml", include_str!("../../assets/console/favicon.svg")),
    script: Asset::script("console", include_str!("../../assets/console/console.js")),
    count: Asset::script("count", include_str!("../../assets/console/count.js")),
    operate: Asset::script("operate", include_str!("../../assets/console/operate.js")),
    htmx: Asset::new("htmx", "js", SCRIPT, include_str!("../../assets/console/htmx-4.0.1.js")),
});

impl Assets {
    pub(crate) fn get() -> &'static Self {
        &ASSETS
    }

    pub(crate) fn style(&self) -> &str {
        &self.style.address
    }

    /// That of what is printed on its own: no page of the console loads it.
    pub(crate) fn print(&self) -> &str {
        &self.print.address
    }

    /// The sprite: `<use href="{icons}#i-home">`.
    pub(crate) fn icons(&self) -> &str {
        &self.icons.address
    }

    pub(crate) fn favicon(&self) -> &str {
        &self.favicon.address
    }

    /// The script of the page by which a count is counted, which no other page has.
    pub(crate) fn count(&self) -> &str {
        &self.count.address
    }

    /// The script that keeps the operators' pages fresh, which no page of a company has.
    pub(crate) fn operate(&self) -> &str {
        &self.operate.address
    }

    pub(crate) fn script(&self) -> &str {
        &self.script.address
    }

    pub(crate) fn htmx(&self) -> &str {
        &self.htmx.address
    }

    fn all(&self) -> [&Asset; 8] {
        [
            &self.style,
            &self.print,
            &self.icons,
            &self.favicon,
            &self.script,
            &self.count,
            &self.operate,
            &self.htmx,
        ]
    }
}

pub(super) fn configure(services: &mut ServiceConfig) {
    for asset in ASSETS.all() {
        let route = get().to(move |request: HttpRequest| async move { serve(&request, asset) });
        services.service(resource(&asset.address, &[Method::GET]).route(route));
    }
}

fn serve(request: &HttpRequest, asset: &'static Asset) -> HttpResponse {
    let etag = format!("\"{}\"", asset.hash);
    let mut response =
        if is_known(request, &etag) { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((CACHE_CONTROL, CACHE)).insert_header((ETAG, etag.clone()));
    if is_known(request, &etag) {
        return response.finish();
    }
    response.insert_header((CONTENT_TYPE, asset.media_type)).body(asset.body.as_str())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const STYLE: &str = include_str!("../../assets/console/comptoir.css");

    /// What is vendored is what was published, and its licence says which version that is.
    #[test]
    fn htmx_is_the_file_that_its_licence_names() {
        let licence = include_str!("../../assets/console/LICENSE.htmx");
        assert!(licence.contains(&hex::encode(Sha256::digest(&ASSETS.htmx.body))), "the hash is another one");
        assert!(licence.contains("htmx.org 4.0.1") && licence.contains("Zero-Clause BSD"));
    }

    #[test]
    fn our_scripts_are_served_without_what_is_for_their_readers() {
        for (asset, source) in [
            (&ASSETS.script, include_str!("../../assets/console/console.js")),
            (&ASSETS.count, include_str!("../../assets/console/count.js")),
            (&ASSETS.operate, include_str!("../../assets/console/operate.js")),
        ] {
            assert!(
                !source.contains('`'),
                "{}: a text over several lines would lose its spaces",
                asset.address
            );
            assert!(asset.body.starts_with("\"use strict\";\n(() => {\n"), "{}", asset.body);
            assert!(asset.body.ends_with("\n})();") && asset.body.len() < source.len(), "{}", asset.body);
        }
    }

    #[test]
    fn the_files_of_a_page_leave_room_for_the_page_itself() {
        let size: usize =
            [&ASSETS.style, &ASSETS.script, &ASSETS.htmx].map(|asset| asset.body.len()).iter().sum();
        assert!(size < 85_000, "{size} bytes of 100,000");
        assert!(ASSETS.operate.body.len() < 6_000, "the operators' pages have it beside the others");
    }

    /// The values of the tokens in a rule of the style, `--name: #rrggbb`.
    fn tokens(rule: &str) -> HashMap<&str, [u8; 3]> {
        let declarations =
            rule.split([';', '{']).filter_map(|declaration| declaration.trim().split_once(": #"));
        declarations
            .filter_map(|(name, value)| {
                let mut colour = [0; 3];
                hex::decode_to_slice(value.get(..6)?, &mut colour).ok()?;
                Some((name.strip_prefix("--")?, colour))
            })
            .collect()
    }

    /// Of light and dark.
    fn themes() -> [HashMap<&'static str, [u8; 3]>; 2] {
        let (light, rest) = STYLE.split_once("@media screen and (prefers-color-scheme: dark)").expect("dark");
        let (dark, _) = rest.split_once("/* ---- ground").expect("the end of the tokens");
        [tokens(light), tokens(dark)]
    }

    /// The contrast of two colours (WCAG 2.2, "contrast ratio").
    fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
        let channel = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        let luminance = |[red, green, blue]: [u8; 3]| {
            0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue)
        };
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// The table of the design, recomputed: contrast on the surface, light and dark.
    #[test]
    fn the_colours_are_as_legible_as_the_design_says() {
        let table = [
            ("ink", 17.0, 14.8),
            ("ink-2", 8.4, 8.6),
            ("ink-3", 5.9, 6.3),
            ("accent", 8.1, 8.8),
            ("ok", 6.6, 9.4),
            ("warn", 6.7, 9.4),
            ("bad", 7.5, 8.7),
            ("field", 4.0, 4.3),
            ("mark", 4.4, 5.5),
        ];
        let [light, dark] = themes();
        for (token, expected_light, expected_dark) in table {
            for (theme, expected) in [(&light, expected_light), (&dark, expected_dark)] {
                let found = contrast(theme[token], theme["surface"]);
                assert!((found - expected).abs() < 0.06, "--{token}: {found:.2}, the design says {expected}");
            }
        }
    }

    #[test]
    fn what_stands_on_a_soft_ground_is_legible() {
        for theme in themes() {
            for token in ["accent", "ok", "warn", "bad"] {
                let soft = theme[format!("{token}-soft").as_str()];
                let found = contrast(theme[token], soft);
                assert!(found >= 5.3, "--{token} on its soft ground: {found:.2}");
            }
            assert!(contrast(theme["on-accent"], theme["accent"]) >= 4.5);
            assert!(contrast(theme["op-ink"], theme["op-bg"]) >= 4.5);
        }
    }
}
