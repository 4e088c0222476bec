//! Log-in and refresh of operators as JSON. Types that hold a secret do not print it.

use chrono::{DateTime, Utc};
use comptoir_core::accounts::identity::passwords::Password;
use comptoir_core::accounts::identity::secrets::OperatorRefreshToken;
use comptoir_core::accounts::operators::OperatorTokens;
use comptoir_core::application::Principal;
use comptoir_core::values::contact::FoldedEmail;
use comptoir_core::values::invalid::Invalid;
use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::extract::Faults;
use crate::routes::auth::ClaimedEmail;
use crate::routes::secret::{SecretInput, claimed};

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct OperatorLoginRequest {
    #[schema(value_type = String, example = "ops@comptoir.example", max_length = 254)]
    email: ClaimedEmail,
    #[deserr(try_from(SecretInput) = claimed -> Invalid)]
    #[schema(value_type = String, format = Password, max_length = 1000)]
    password: Password,
}

impl OperatorLoginRequest {
    /// Returns the account's address, and the password that is said to be its own.
    pub(super) fn into_parts(self) -> (FoldedEmail, Password) {
        (self.email.folded(), self.password)
    }
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct OperatorRefreshRequest {
    #[schema(value_type = String, format = Password, example = "cpt_…", max_length = 200)]
    refresh_token: SecretInput,
}

impl OperatorRefreshRequest {
    /// What has not even the form of an operator's refresh token is `None`: it is refused as an unknown one.
    pub(super) fn token(&self) -> Option<OperatorRefreshToken> {
        OperatorRefreshToken::parse(self.refresh_token.expose()).ok()
    }
}

/// What a log-in or a refresh gives.
#[derive(Serialize, ToSchema)]
pub(crate) struct OperatorTokenResponse {
    /// For `Authorization: Bearer …`, on the routes for operator accounts.
    #[schema(example = "eyJ0eXAiOiJvcGVyYXRvci1hdCtqd3QiLCJhbGciOiJFZERTQSIsImtpZCI6…")]
    access_token: String,
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds for which the access token counts.
    #[schema(example = 600)]
    expires_in: u32,
    /// Good for one refresh.
    #[schema(example = "cpt_…")]
    refresh_token: String,
    refresh_expires_at: DateTime<Utc>,
    session_id: Uuid,
    /// When the session is over, however much it is used.
    session_expires_at: DateTime<Utc>,
    operator_id: Uuid,
}

impl From<OperatorTokens> for OperatorTokenResponse {
    fn from(tokens: OperatorTokens) -> Self {
        let session = tokens.session;
        Self {
            access_token: tokens.access.text,
            token_type: "Bearer",
            expires_in: tokens.access.expires_in,
            refresh_token: tokens.refresh.expose().to_owned(),
            refresh_expires_at: tokens.refresh_expires_at,
            session_id: session.id.uuid(),
            session_expires_at: session.expires_at,
            operator_id: session.operator_id.uuid(),
        }
    }
}

/// The operator who asks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OperatorMe {
    id: Option<Uuid>,
    #[schema(example = "ops@comptoir.example")]
    email: String,
    session_id: Option<Uuid>,
}

impl OperatorMe {
    pub(super) fn of(principal: &Principal) -> Self {
        Self {
            id: principal.id().map(|id| id.uuid()),
            email: principal.name.clone(),
            session_id: principal.session_id().map(|id| id.uuid()),
        }
    }
}
