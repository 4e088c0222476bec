//! API keys: how programs prove who they are. A key has permissions of its own and outlives its creator's session; it
//! ends at once, on every replica, when it is revoked, and with its owner, the user who answers for it, unless whoever
//! disables them says otherwise.

mod aggregate;
mod commands;
mod events;
mod queries;
mod repository;
mod usage;

pub use aggregate::{ApiKey, ApiKeyDetails, ApiKeyError, ApiKeyName};
pub(crate) use commands::revoke_all_of;
pub use commands::{CreateApiKey, RevokeApiKey};
pub use events::ApiKeyEvent;
pub use queries::{ApiKeyFilter, ApiKeySort, ApiKeyView, get, list};
pub use usage::Usage;
