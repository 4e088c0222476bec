//! The page of one row as data: facts, tables, what can be done.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::{Link, Row};
use crate::console::layout::{self, Page};
use crate::console::lists::{Head, Turn, View};
use crate::console::status::Status;
use crate::console::words::Parts;
use crate::error::ApiError;

#[derive(Template)]
#[template(path = "console/parts/one.html")]
pub(crate) struct OnePage {
    pub(crate) page: Page,
    pub(crate) w: &'static Parts,
    pub(crate) crumb: Link,
    pub(crate) status: Option<Status>,
    pub(crate) line: String,
    /// Somebody else changed the row meanwhile, and nothing was done.
    pub(crate) is_outdated: bool,
    /// Why something was not done.
    pub(crate) refused: Option<String>,
    pub(crate) actions: Vec<Action>,
    pub(crate) tabs: Vec<View>,
    pub(crate) blocks: Vec<Block>,
    /// What stands on the right.
    pub(crate) side: Vec<Block>,
}

impl OnePage {
    /// Answers with the page: 409 if something was not done.
    ///
    /// # Errors
    /// 500 if the template fails.
    pub(crate) fn respond(&self) -> Result<HttpResponse, ApiError> {
        let is_undone = self.is_outdated || self.refused.is_some();
        layout::show(if is_undone { StatusCode::CONFLICT } else { StatusCode::OK }, self)
    }
}

/// Something that can be done now, by this person.
#[derive(Debug)]
pub(crate) struct Action {
    pub(crate) label: String,
    pub(crate) to: String,
    /// The key and the version of a form; `None` for a link.
    pub(crate) form: Option<(String, i64)>,
    /// ` go`, ` danger`, or nothing.
    pub(crate) class: &'static str,
}

impl Action {
    pub(crate) fn link(to: impl Into<String>, label: impl ToString) -> Self {
        Self { label: label.to_string(), to: to.into(), form: None, class: "" }
    }

    pub(crate) fn form(to: impl Into<String>, label: impl ToString, version: i64) -> Self {
        let key = crate::console::forms::new_key();
        Self { form: Some((key, version)), ..Self::link(to, label) }
    }

    pub(crate) fn go(mut self) -> Self {
        self.class = " go";
        self
    }

    pub(crate) fn danger(mut self) -> Self {
        self.class = " danger";
        self
    }
}

/// A part of the page: facts, or a table.
#[derive(Debug, Default)]
pub(crate) struct Block {
    /// Unique on the page.
    pub(crate) id: &'static str,
    pub(crate) title: String,
    pub(crate) facts: Vec<(String, String)>,
    /// The heads of the table; none if there is no table.
    pub(crate) heads: Vec<Head>,
    pub(crate) rows: Vec<Row>,
    /// What is said if there is nothing.
    pub(crate) empty: String,
    pub(crate) links: Vec<Link>,
    pub(crate) turn: Option<Turn>,
}

impl Block {
    /// Facts, each with what it is called; what is not known is left out.
    pub(crate) fn facts(
        id: &'static str,
        title: impl ToString,
        facts: impl IntoIterator<Item = (String, Option<String>)>,
    ) -> Self {
        let known = facts.into_iter().filter_map(|(label, value)| Some((label, value?)));
        Self { id, title: title.to_string(), facts: known.collect(), ..Self::default() }
    }
}
