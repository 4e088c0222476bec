//! Errors as pages: what happened, what to do, and the trace id by which the log finds the request.
//!
//! Handlers of pages return the API's own [`ApiError`]. The middleware, which writes every error, asks [`Visit`] to write
//! those of the console.

use actix_web::HttpResponse;
use actix_web::dev::ServiceRequest;
use actix_web::http::header::{ACCEPT_LANGUAGE, HeaderMap, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Data;
use askama::Template;
use comptoir_core::values::language::Language;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::assets::Assets;
use super::layout::Blank;
use super::session::Jar;
use super::{Area, assets, has, words};
use crate::config::ApiConfig;
use crate::error::ApiError;

/// What is known of a request for a page before anything of it was done.
#[derive(Debug)]
pub(crate) struct Visit {
    language: Language,
    area: Area,
    /// Where it was going, if it can go there again: the path and the query of a GET.
    to: Option<String>,
    /// The page that a form was on, as the browser says.
    from: Option<String>,
    /// Whether the browser had a session: then it is over, and the log-in says so.
    had_session: bool,
    /// Whether a script of a page asks, which is not sent elsewhere.
    is_fragment: bool,
    is_without_tls: bool,
}

impl Visit {
    /// `None` if it is not a page that is asked for.
    pub(crate) fn of(request: &ServiceRequest) -> Option<Self> {
        let path = request.path();
        if !has(path) || path.starts_with(assets::PREFIX) {
            return None;
        }
        let jar = Jar::of(request.app_data::<Data<ApiConfig>>());
        let area = Area::of(path);
        let to = request.uri().path_and_query().map(|whole| whole.as_str().to_owned());
        Some(Self {
            language: language(request.headers(), jar, area),
            area,
            to: to.filter(|to| request.method() == Method::GET && local(to).is_some()),
            from: referrer(request.headers()),
            had_session: jar.has_session(request.headers(), area),
            is_fragment: text(request.headers(), "sec-fetch-dest") == Some("empty"),
            is_without_tls: jar.is_without_tls(),
        })
    }

    /// Writes an error as a page; somebody without a session is sent to log in.
    pub(crate) fn answer(&self, error: &ApiError, trace_id: &str) -> HttpResponse {
        if error.status() == StatusCode::UNAUTHORIZED && !self.is_fragment {
            // Who was sending a form comes back to the page that it was on.
            let next = self.to.as_deref().or(self.from.as_deref()).unwrap_or(self.area.home());
            let next = utf8_percent_encode(next, NON_ALPHANUMERIC);
            let over = if self.had_session { "&done=over" } else { "" };
            let location = format!("{}?next={next}{over}", self.area.sign_in());
            return HttpResponse::SeeOther().insert_header((LOCATION, location)).finish();
        }
        let mut response = HttpResponse::build(error.status());
        for (name, value) in error.headers() {
            if *name != WWW_AUTHENTICATE {
                response.insert_header((name.clone(), value.clone()));
            }
        }
        let page = self.page(error, trace_id);
        // Without a page, the words alone: an error must not fail.
        let body = page.render().unwrap_or_else(|_| format!("{} {trace_id}", error.status()));
        response.content_type("text/html; charset=utf-8").body(body)
    }

    fn page<'a>(&self, error: &ApiError, trace_id: &'a str) -> ErrorPage<'a> {
        let seconds = error.headers().iter().find(|(name, _)| *name == RETRY_AFTER);
        let seconds = seconds.and_then(|(_, value)| value.to_str().ok()?.parse().ok());
        let said = words::errors::said(error, seconds, self.language);
        ErrorPage {
            blank: Blank {
                title: said.title.clone(),
                language: self.language,
                assets: Assets::get(),
                w: words::Shared::of(self.language),
                area: self.area,
                is_without_tls: self.is_without_tls,
                form_token: String::new(),
            },
            w: words::Errors::of(self.language),
            what: said.title,
            then: said.then,
            // What a form had sent is still in the browser's history.
            again: self.to.clone().filter(|_| said.is_worth_repeating),
            home: self.area.home(),
            trace_id,
        }
    }
}

#[derive(Template)]
#[template(path = "console/error.html")]
struct ErrorPage<'a> {
    blank: Blank,
    w: &'static words::Errors,
    what: String,
    then: String,
    again: Option<String>,
    home: &'static str,
    trace_id: &'a str,
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The page of the console that a request comes from: the policy of its pages has browsers say it to their own host.
fn referrer(headers: &HeaderMap) -> Option<String> {
    let (_, rest) = text(headers, "referer")?.split_once("://")?;
    let (authority, path) = rest.split_at(rest.find('/')?);
    (Some(authority) == text(headers, "host")).then(|| local(path)).flatten().map(str::to_owned)
}

/// The language of a page: as the browser was told, or else that of the company's pages, or else the first of `Accept-Language` that
/// there is.
pub(super) fn language(headers: &HeaderMap, jar: Jar, area: Area) -> Language {
    let shown = || jar.shown(headers).filter(|_| area == Area::Company);
    jar.language(headers).or_else(shown).unwrap_or_else(|| {
        let wanted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        accepted(wanted)
    })
}

/// In the order in which browsers write them, which is that of their weights.
fn accepted(wanted: &str) -> Language {
    let codes = wanted.split(',').filter_map(|range| range.split([';', '-']).next());
    let mut known = codes.filter_map(|code| {
        Language::ALL.into_iter().find(|language| language.code().eq_ignore_ascii_case(code.trim()))
    });
    known.next().unwrap_or_default()
}

/// Returns an address if it is one of the console: a path, with neither host nor anything that a browser would take for one.
pub(super) fn local(address: &str) -> Option<&str> {
    let is_plain = !address.contains(['\\', '\r', '\n', '\t']) && !address.contains("//");
    let path = address.split(['?', '#']).next().unwrap_or_default();
    (is_plain && has(path) && !path.split('/').any(|segment| segment == "..")).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site() {
        for address in ["/console/", "/console/orders?status=pending", "/console"] {
            assert_eq!(local(address), Some(address));
        }
        for address in [
            "https://evil.example/console/",
            "//evil.example/console/",
            "/console//evil.example",
            "/console/\\evil.example",
            "/api/v1/orders",
            "/consoles",
            "/console/../api/docs",
            "",
            "javascript:alert(1)",
        ] {
            assert_eq!(local(address), None, "{address}");
        }
    }

    #[test]
    fn a_form_comes_from_a_page_of_this_host_or_from_nowhere() {
        use actix_web::http::header::{HOST, HeaderValue, REFERER};
        let from = |address: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("shop.example:8080"));
            headers.insert(REFERER, HeaderValue::from_static(address));
            referrer(&headers)
        };
        assert_eq!(
            from("https://shop.example:8080/console/orders/new?customer=1").as_deref(),
            Some("/console/orders/new?customer=1")
        );
        for address in
            ["https://evil.example/console/orders", "https://shop.example:8080/api/docs", "about:blank"]
        {
            assert_eq!(from(address), None, "{address}");
        }
    }

    #[test]
    fn each_error_says_what_happened_and_what_to_do_in_the_language_of_its_reader() {
        let statuses = [400, 403, 404, 405, 408, 409, 413, 415, 422, 429, 431, 500, 503];
        let mut said = std::collections::BTreeSet::new();
        for language in Language::ALL {
            for status in statuses {
                let visit = Visit {
                    language,
                    area: Area::Company,
                    to: Some("/console/orders".to_owned()),
                    from: None,
                    had_session: true,
                    is_fragment: false,
                    is_without_tls: false,
                };
                let status = StatusCode::from_u16(status).expect("a status");
                let error = ApiError::new(status, "some_code", "what a program is told");
                let page = visit.page(&error, "4bf92f3577b34da6a3ce929d0e0e4736");
                assert!(!page.what.is_empty() && !page.then.is_empty(), "{status}");
                let text = page.render().expect("a page");
                assert!(text.contains(&format!("<html lang=\"{}\">", language.code())), "{status}");
                assert!(text.contains("<code>4bf92f3577b34da6a3ce929d0e0e4736</code>"), "{status}: {text}");
                assert!(
                    text.contains("rel=\"stylesheet\"") && text.contains("href=\"/console/\""),
                    "{status}"
                );
                assert!(!text.contains("what a program is told"), "{status}: {text}");
                said.insert(text.split("<h1>").nth(1).unwrap_or_default().to_owned());
                assert_eq!(visit.answer(&error, "trace").status(), status);
            }
        }
        // 400, 415 and 422 say the same, as do 408 and 503.
        assert_eq!(said.len(), 2 * (statuses.len() - 3));
    }

    #[test]
    fn whoever_had_a_session_is_told_that_it_is_over() {
        let location = |had_session| {
            let visit = Visit {
                language: Language::Fr,
                area: Area::Operators,
                to: Some("/console/operators/outbox".to_owned()),
                from: None,
                had_session,
                is_fragment: false,
                is_without_tls: false,
            };
            let error = ApiError::new(StatusCode::UNAUTHORIZED, "unauthenticated", "who are you?");
            let answer = visit.answer(&error, "trace");
            let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            location.map(str::to_owned).unwrap_or_default()
        };
        let to_log_in = "/console/operators/sign-in?next=%2Fconsole%2Foperators%2Foutbox";
        assert_eq!(location(false), to_log_in);
        assert_eq!(location(true), format!("{to_log_in}&done=over"));
    }

    #[test]
    fn the_first_language_that_there_is_counts() {
        assert_eq!(accepted("en-GB,en;q=0.9,fr;q=0.8"), Language::En);
        assert_eq!(accepted("nl, fr-BE;q=0.9, en;q=0.8"), Language::Fr);
        assert_eq!(accepted("nl"), Language::Fr);
        assert_eq!(accepted(""), Language::Fr);
    }
}
