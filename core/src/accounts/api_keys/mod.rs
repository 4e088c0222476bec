//! API keys: how programs prove who they are. A key has permissions of its own and outlives its creator's session. When
//! it is revoked, it ends at once, on every replica. Its owner is the user who answers for it: if the owner is disabled,
//! the key is revoked too, unless the command says otherwise.

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
