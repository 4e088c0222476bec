//! The parts of a request that handlers take. A part that is wrong is answered here, before the handler runs.

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

/// Refuses query parameters, which most routes do not take. An unknown one would otherwise be a filter that silently
/// does nothing.
fn refuse_query(request: &HttpRequest) -> Result<(), ApiError> {
    if request.query_string().is_empty() {
        return Ok(());
    }
    Err(ApiError::invalid_field("/query", "unknown_parameter", "this request takes no query parameters"))
}
