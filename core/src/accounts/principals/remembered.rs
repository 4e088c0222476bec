//! Remembers principals by their credentials.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

use super::stored;
use crate::accounts::identity::secrets::ApiKeyText;
use crate::application::error::Error;
use crate::application::{Credential, Principal, TenantDatabase};

/// Credentials that are remembered at most; the least recently used are forgotten.
const REMEMBERED: u64 = 10_000;
/// And for how long after their last use.
const IDLE: Duration = Duration::from_secs(600);

/// What every API key begins with, and no access token.
pub const API_KEY_PREFIX: &str = "ck_";

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Principals {
    database: TenantDatabase,
    by_credential: Cache<Credential, Arc<Principal>>,
    /// By the SHA-256 of the whole key. Only keys that exist: whoever guesses fills nothing.
    api_keys: Cache<[u8; 32], Credential>,
}

impl Principals {
    pub fn new(database: TenantDatabase) -> Self {
        Self {
            database,
            by_credential: Cache::builder().max_capacity(REMEMBERED).time_to_idle(IDLE).build(),
            api_keys: Cache::builder().max_capacity(REMEMBERED).time_to_idle(IDLE).build(),
        }
    }

    /// The principal, as remembered if it is. Good enough to refuse nobody by: ask for [`Self::fresh`] before.
    ///
    /// # Errors
    /// No database.
    pub async fn of(&self, credential: Credential) -> Result<Option<Arc<Principal>>, Error> {
        match self.by_credential.get(&credential) {
            Some(principal) if !principal.is_outdated() => Ok(Some(principal)),
            _ => self.fresh(credential).await,
        }
    }

    /// The principal as it is now; `None` if the credential does not hold: ended, expired, revoked, its user disabled.
    ///
    /// # Errors
    /// No database.
    pub async fn fresh(&self, credential: Credential) -> Result<Option<Arc<Principal>>, Error> {
        let principal = self.database.principal(credential).await?.map(Arc::new);
        match &principal {
            Some(principal) => self.by_credential.insert(credential, Arc::clone(principal)),
            None => self.by_credential.invalidate(&credential),
        }
        Ok(principal)
    }

    /// Whose API key this is; `None` if it is nobody's. Whatever has not the form of a key, its checksum included, is nobody's
    /// without a look at the database.
    ///
    /// # Errors
    /// No database.
    pub async fn api_key(&self, text: &str) -> Result<Option<Credential>, Error> {
        let Ok(key) = ApiKeyText::parse(text) else { return Ok(None) };
        let hash = *key.hash().as_bytes();
        if let Some(credential) = self.api_keys.get(&hash) {
            return Ok(Some(credential));
        }
        let mut connection = self.database.database().connection().await?;
        let found = stored::find_api_key(&mut connection, &hash).await?;
        if let Some(credential) = found {
            self.api_keys.insert(hash, credential);
        }
        Ok(found)
    }
}
