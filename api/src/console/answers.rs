//! What is stored under a form's key: where the browser is sent, at the first click and at the second.

use actix_web::HttpResponse;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::{Answer, StoredResponse};

use super::layout::go;

/// The answer of a command that leads to this address.
pub(super) fn leads_there(location: impl Into<String>) -> StoredResponse {
    StoredResponse { status: 303, location: Some(location.into()), etag: None, body: String::new() }
}

/// The answer of a command: its outcome says where to.
pub(super) fn leads_to<T: 'static>(
    to: impl Fn(&T) -> String + Send + Sync + 'static,
) -> impl Fn(T) -> Result<StoredResponse, Error> + Send + Sync + 'static {
    move |outcome: T| Ok(leads_there(to(&outcome)))
}

/// Sends the browser where the answer says.
pub(super) fn follow(answer: Answer, otherwise: impl Into<String>) -> HttpResponse {
    go(answer.response.location.unwrap_or_else(|| otherwise.into()))
}
