//! What happens to API keys.

use super::ApiKey;
use crate::application::events::Event;

/// Carries the key as it stood after what happened; never its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiKeyEvent {
    Created(ApiKey),
    Revoked(ApiKey),
}

impl Event for ApiKeyEvent {}
