//! What is around the content of a page: its head, its menu, and the words and values that all templates need.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use comptoir_core::values::language::Language;

use super::Area;
use super::assets::Assets;
use super::format::Format;
use super::menu::Entry;
use super::words::Shared;
use crate::error::ApiError;

/// A page without a menu: log-in, errors.
pub(crate) struct Blank {
    pub(crate) title: String,
    pub(crate) language: Language,
    pub(crate) assets: &'static Assets,
    pub(crate) w: &'static Shared,
    pub(super) area: Area,
    pub(crate) is_without_tls: bool,
    /// For the page's forms; empty if it has none.
    pub(crate) form_token: String,
}

impl Blank {
    pub(crate) fn is_of_operators(&self) -> bool {
        self.area == Area::Operators
    }
}

/// A page with a menu.
pub(crate) struct Page {
    pub(crate) title: String,
    pub(crate) language: Language,
    pub(crate) assets: &'static Assets,
    pub(crate) w: &'static Shared,
    pub(crate) format: Format,
    pub(crate) is_operator: bool,
    pub(crate) is_without_tls: bool,
    pub(crate) form_token: String,
    /// Whether single keys of the keyboard do something.
    pub(crate) has_keys: bool,
    /// What stands under the name of the program.
    pub(crate) company: String,
    pub(crate) person: String,
    pub(crate) role: &'static str,
    pub(crate) menu: Vec<Entry>,
    /// Those of the menu that a telephone shows below.
    pub(crate) tabs: Vec<Entry>,
    pub(crate) may_search: bool,
    pub(crate) may_place: bool,
    /// What of the stream of notifications is about this page: patterns of event types, separated by commas.
    pub(crate) topics: &'static str,
    /// The position of the stream before the page was read; `None` if there is no stream.
    pub(crate) position: Option<String>,
    /// What was just done.
    pub(crate) notice: Option<String>,
}

impl Page {
    /// The letters in the place of a portrait.
    pub(crate) fn initials(&self) -> String {
        let words =
            self.person.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
        words.filter_map(|word| word.chars().next()).take(2).flat_map(char::to_uppercase).collect()
    }

    pub(crate) fn home(&self) -> &'static str {
        if self.is_operator { Area::Operators.home() } else { Area::Company.home() }
    }

    pub(crate) fn profile(&self) -> Option<&'static str> {
        (!self.is_operator).then_some("/console/profile")
    }

    /// Says what was just done.
    #[must_use]
    pub(crate) fn saying(mut self, notice: Option<impl ToString>) -> Self {
        self.notice = notice.map(|notice| notice.to_string());
        self
    }

    /// Names what of the stream is about this page.
    #[must_use]
    pub(crate) fn about(mut self, topics: &'static str) -> Self {
        self.topics = topics;
        self
    }
}

/// Answers with a page.
///
/// # Errors
/// 500 if the template fails.
pub(crate) fn show(status: StatusCode, page: &impl Template) -> Result<HttpResponse, ApiError> {
    let text = page.render().map_err(|error| {
        let detail = "the page could not be written";
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail).with_cause(error)
    })?;
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(text))
}

/// Answers with a page that is as it should be.
///
/// # Errors
/// As [`show`].
pub(crate) fn ok(page: &impl Template) -> Result<HttpResponse, ApiError> {
    show(StatusCode::OK, page)
}

/// Sends the browser to another page after a form: going back does not send it again.
pub(crate) fn go(to: impl Into<String>) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((actix_web::http::header::LOCATION, to.into())).finish()
}
