//! What handlers take from a request. Whatever is wrong with it is answered here, before any of our code runs.

mod body;
mod context;
mod path;
mod precondition;
mod query;

pub(crate) use body::{Empty, JsonBody, Posted};
pub(crate) use context::{Anonymous, Context};
pub(crate) use path::{Id, SessionOfUser, part};
pub(crate) use precondition::{IfMatch, RequiredIfMatch};
pub(crate) use query::{NoQuery, Query, text, time};

use actix_web::HttpRequest;

use crate::error::ApiError;

/// Most routes take no query parameters, and an unknown one is refused: it would otherwise be a filter that silently
/// does nothing.
fn refuse_query(request: &HttpRequest) -> Result<(), ApiError> {
    if request.query_string().is_empty() {
        return Ok(());
    }
    Err(ApiError::invalid_field("/query", "unknown_parameter", "this request takes no query parameters"))
}
