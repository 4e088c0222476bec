//! Says what a new version of a published description breaks for those who rely on the old one: a JSON Schema of what we
//! send, or the OpenAPI document. For tests.
//!
//! The rules are those of docs/http.md and docs/events.md: members may be added to what we send, and optional ones to what
//! others send; anything else that somebody could notice is a break.

mod openapi;
mod schema;

pub use openapi::openapi;
pub use schema::sent;
