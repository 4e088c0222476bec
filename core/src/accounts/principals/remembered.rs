//! A cache of principals, by their credentials.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

use super::stored;
use crate::accounts::identity::secrets::ApiKeyText;
use crate::application::error::Error;
use crate::application::{Credential, Principal, TenantDatabase};

/// The maximum number of cached credentials; the least recently used are forgotten.
const REMEMBERED: u64 = 10_000;
/// How long a credential stays cached after its last use.
const IDLE: Duration = Duration::from_secs(600);

/// The start of every API key, and of no access token.
pub const API_KEY_PREFIX: &str = "ck_";

/// The cache of principals. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Principals {
    database: TenantDatabase,
    by_credential: Cache<Credential, Arc<Principal>>,
    /// Credentials by the SHA-256 of the whole key. Only keys that exist are cached, so that guesses do not fill the cache.
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

    /// Returns the principal, from the cache if it is there. A cached one may be out of date: before a request is refused
    /// because of it, call [`Self::fresh`].
    ///
    /// # Errors
    /// Fails if the database cannot be reached.
    pub async fn of(&self, credential: Credential) -> Result<Option<Arc<Principal>>, Error> {
        match self.by_credential.get(&credential) {
            Some(principal) if !principal.is_outdated() => Ok(Some(principal)),
            _ => self.fresh(credential).await,
        }
    }

    /// Loads the principal as it is now; `None` if the credential is not valid: ended, expired, revoked, or its user disabled.
    ///
    /// # Errors
    /// Fails if the database cannot be reached.
    pub async fn fresh(&self, credential: Credential) -> Result<Option<Arc<Principal>>, Error> {
        let principal = self.database.principal(credential).await?.map(Arc::new);
        match &principal {
            Some(principal) => self.by_credential.insert(credential, Arc::clone(principal)),
            None => self.by_credential.invalidate(&credential),
        }
        Ok(principal)
    }

    /// Returns the credential of an API key; `None` if there is no such key. A text without the form of a key, including
    /// its checksum, is refused without the database.
    ///
    /// # Errors
    /// Fails if the database cannot be reached.
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
