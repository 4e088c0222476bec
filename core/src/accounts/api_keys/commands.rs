//! The commands of API keys.

use super::aggregate::{ApiKey, ApiKeyDetails};
use super::queries::ApiKeyView;
use super::repository;
use crate::accounts::identity::secrets::ApiKeyText;
use crate::accounts::principals::{Authority, authority};
use crate::accounts::users;
use crate::application::aggregate::{Aggregate, change};
use crate::application::error::{Error, check_version};
use crate::application::unit_of_work::{Command, UnitOfWork};
use crate::application::{Actor, Permission};
use crate::values::ids::{ApiKeyId, UserId};

/// Creates an API key. The caller generates its text and shows it once; the outcome does not contain it.
#[derive(Debug)]
pub struct CreateApiKey {
    pub details: ApiKeyDetails,
    pub text: ApiKeyText,
}

impl Command for CreateApiKey {
    type Outcome = ApiKeyView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<ApiKeyView, Error> {
        hold_makers(work).await?;
        let Authority { user, held } = authority(work, Permission::ApiKeysWrite).await?;
        let created_by = work.context().principal.id();
        let (details, prefix) = (self.details.clone(), self.text.prefix());
        let (key, event) =
            ApiKey::create(ApiKeyId::generate(), details, prefix, created_by, user, held, work.now())?;
        repository::insert(work, &key, &self.text.hash()).await?;
        work.record(event).await?;
        let view = ApiKeyView::of(&key);
        work.audit("api_key.create", ("api_key", view.id), None, Some(&view))?;
        Ok(view)
    }
}

/// Locks the user who will answer for the new key, and the key that makes it, and then looks at the principal again. So whoever
/// disables the user, or revokes the key that makes it, sees the new key, or the new key is not made.
async fn hold_makers(work: &mut UnitOfWork<'_>) -> Result<(), Error> {
    if let Some(user) = authority(work, Permission::ApiKeysWrite).await?.user {
        users::repository::load(work, user).await?;
    }
    if let Actor::ApiKey(id) = work.context().principal.actor {
        repository::load(work, id).await?;
    }
    work.check_principal().await
}

#[derive(Debug)]
pub struct RevokeApiKey {
    pub id: ApiKeyId,
    pub expected_version: Option<i64>,
}

impl Command for RevokeApiKey {
    type Outcome = ApiKeyView;

    async fn execute(&self, work: &mut UnitOfWork<'_>) -> Result<ApiKeyView, Error> {
        let key = repository::load(work, self.id).await?;
        check_version(self.expected_version, key.version())?;
        // A key may always revoke itself.
        if work.context().principal.actor != Actor::ApiKey(self.id) {
            let Authority { user, held } = authority(work, Permission::ApiKeysWrite).await?;
            key.check_revoker(user, held)?;
        }
        let decide = |key: &mut ApiKey, now| Ok::<_, Error>(key.revoke(now));
        Ok(ApiKeyView::of(&change(work, "api_key.revoke", key, None, decide).await?))
    }
}

/// Revokes the keys that a user answers for, as part of another command, which writes the audit row.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn revoke_all_of(work: &mut UnitOfWork<'_>, owner: UserId) -> Result<(), Error> {
    for mut key in repository::load_all_of(work, owner).await? {
        let now = work.now_after(key.created_at());
        if let Some(event) = key.revoke(now) {
            key.save(work).await?;
            work.record(event).await?;
        }
    }
    Ok(())
}
