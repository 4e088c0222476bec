//! What can be asked of API keys.

use super::aggregate::{ApiKey, ApiKeyDetails, ApiKeyError};
use super::queries::ApiKeyView;
use super::repository;
use crate::access::{Actor, PermissionSet};
use crate::error::{Error, check_version};
use crate::identity::secrets::ApiKeyText;
use crate::ids::ApiKeyId;
use crate::unit_of_work::{Command, UnitOfWork};

/// The text is made by whoever asks, who shows it once; the outcome does not have it.
#[derive(Debug)]
pub struct CreateApiKey {
    pub details: ApiKeyDetails,
    pub text: ApiKeyText,
}

impl Command for CreateApiKey {
    type Outcome = ApiKeyView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<ApiKeyView, Error> {
        let principal = &work.context().principal;
        let (created_by, held) = match principal.actor {
            // Whoever may use the machine's command line may do everything.
            Actor::Operator => (None, PermissionSet::all()),
            Actor::User { .. } | Actor::ApiKey(_) => (principal.id(), principal.permissions),
        };
        let (details, prefix) = (self.details.clone(), self.text.prefix());
        let (key, event) =
            ApiKey::create(ApiKeyId::generate(), details, prefix, created_by, held, work.now())?;
        repository::insert(work, &key, &self.text.hash()).await?;
        work.record(event).await?;
        let view = ApiKeyView::of(&key);
        work.audit("api_key.create", ("api_key", view.id), None, Some(&view))?;
        Ok(view)
    }
}

#[derive(Debug)]
pub struct RevokeApiKey {
    pub id: ApiKeyId,
    pub expected_version: Option<i64>,
}

impl Command for RevokeApiKey {
    type Outcome = ApiKeyView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<ApiKeyView, Error> {
        let mut key = repository::load(work, self.id).await?.ok_or(ApiKeyError::NotFound(self.id))?;
        check_version(self.expected_version, key.version())?;
        let before = ApiKeyView::of(&key);
        let now = work.now_after(key.created_at());
        let Some(event) = key.revoke(now) else { return Ok(before) };
        repository::revoke(work, &key).await?;
        work.record(event).await?;
        let after = ApiKeyView::of(&key);
        work.audit("api_key.revoke", ("api_key", self.id), Some(&before), Some(&after))?;
        Ok(after)
    }
}
