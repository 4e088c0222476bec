//! The events of API keys.

use super::ApiKey;
use crate::application::events::Event;

/// An event of an API key, with the key as it is afterwards; never with its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiKeyEvent {
    Created(ApiKey),
    Revoked(ApiKey),
}

impl Event for ApiKeyEvent {}
