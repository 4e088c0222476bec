//! What belongs to all companies, as the services' log-in may read it (docs/roles.md). Nothing is changed with it: what an
//! operator decides, a service does that has the right to it.

use comptoir_core::application::error::Error;
use comptoir_core::outbox::JsonText;
use comptoir_core::platform::database::Database;
use comptoir_core::projections::Projector;
use serde_json::Value;

use crate::console::layout::{self, Page};
use crate::console::visitor::OperatorVisitor;
use crate::console::words::Operators;
use crate::error::ApiError;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

/// The longest document that is shown whole, in bytes.
const LONGEST: usize = 65_536;

/// Both are `None` where the services' log-in is not configured.
#[derive(Debug, Clone)]
pub(crate) struct OfAll {
    database: Option<Database>,
    projector: Option<Projector>,
}

impl OfAll {
    pub(crate) fn new(database: Option<Database>, projector: Option<Projector>) -> Self {
        Self { database, projector }
    }

    pub(super) fn database(&self) -> Option<&Database> {
        self.database.as_ref()
    }

    /// For what has no page to say it on.
    ///
    /// # Errors
    /// 503 without the services' log-in.
    pub(super) fn needed(&self) -> Result<&Database, ApiError> {
        self.database().ok_or_else(|| {
            let detail = "this process has no log-in for the services: api.services_database_url";
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
        })
    }

    pub(super) fn projector(&self) -> Option<&Projector> {
        self.projector.as_ref()
    }
}

/// Turns an error of the database into the API's own.
pub(super) fn failed(error: impl Into<Error>) -> ApiError {
    ApiError::from(error.into())
}

#[derive(Template)]
#[template(path = "console/operators/unlinked.html")]
struct UnlinkedPage {
    page: Page,
    w: &'static Operators,
}

/// The page of a subject of which this process cannot read anything.
pub(super) fn unlinked(visitor: &OperatorVisitor, title: impl ToString) -> Result<HttpResponse, ApiError> {
    layout::ok(&UnlinkedPage { page: visitor.page(title), w: Operators::of(visitor.language) })
}

/// A JSON document for people: indented, and cut if it is very long. What is no JSON is shown as it is.
pub(super) fn document(text: &JsonText) -> String {
    let JsonText(bytes) = text;
    if bytes.len() > LONGEST {
        let begin = bytes.get(..LONGEST).unwrap_or_default();
        return format!("{}…", String::from_utf8_lossy(begin));
    }
    match serde_json::from_slice::<Value>(bytes) {
        Ok(value) => indented(&value),
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

pub(super) fn indented(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_indented_and_cut_if_it_is_very_long() {
        assert_eq!(document(&JsonText(br#"{"a":1}"#.to_vec())), "{\n  \"a\": 1\n}");
        assert_eq!(document(&JsonText(b"no json".to_vec())), "no json");
        let long = document(&JsonText(vec![b'x'; LONGEST + 1]));
        assert!(long.ends_with('…') && long.chars().count() == LONGEST + 1);
    }
}
