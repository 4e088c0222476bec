//! The integration events of API keys. They never contain a key or its hash.

use serde::Serialize;

use super::{IntegrationEvent, integration_event, payload};
use crate::accounts::api_keys::{ApiKey, ApiKeyEvent};
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;

/// A key was created: a program may act with it from now on.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ApiKeyCreatedV1 {
    api_key_id: String,
    name: String,
    /// What people recognise it by; no secret.
    prefix: String,
    permissions: Vec<String>,
    /// The user or the key that created it; null for an operator.
    created_by: Option<String>,
    /// RFC 3339, UTC.
    created_at: String,
    /// RFC 3339, UTC; null is without end. Its end is not announced.
    expires_at: Option<String>,
}
payload!(ApiKeyCreatedV1, "api_key", "api_key.created", 1);

/// The key opens nothing any more.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ApiKeyRevokedV1 {
    api_key_id: String,
    name: String,
    prefix: String,
    /// RFC 3339, UTC.
    revoked_at: String,
}
payload!(ApiKeyRevokedV1, "api_key", "api_key.revoked", 1);

pub(super) fn translate(event: &ApiKeyEvent) -> Result<IntegrationEvent, Error> {
    match event {
        ApiKeyEvent::Created(key) => integration_event(key, &created(key)),
        ApiKeyEvent::Revoked(key) => integration_event(key, &revoked(key)),
    }
}

fn created(key: &ApiKey) -> ApiKeyCreatedV1 {
    let details = key.details();
    ApiKeyCreatedV1 {
        api_key_id: key.id().to_string(),
        name: details.name.to_string(),
        prefix: key.prefix().to_owned(),
        permissions: details.permissions.names().into_iter().map(ToOwned::to_owned).collect(),
        created_by: key.created_by().map(|id| id.to_string()),
        created_at: super::time(key.created_at()),
        expires_at: details.expires_at.map(super::time),
    }
}

fn revoked(key: &ApiKey) -> ApiKeyRevokedV1 {
    ApiKeyRevokedV1 {
        api_key_id: key.id().to_string(),
        name: key.details().name.to_string(),
        prefix: key.prefix().to_owned(),
        // A key whose revocation is published has this time; the default only satisfies the compiler.
        revoked_at: super::time(key.revoked_at().unwrap_or(key.created_at())),
    }
}
