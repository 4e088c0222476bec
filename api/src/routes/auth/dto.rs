//! Log-in, refresh and passwords as JSON. Types that hold a secret do not print it.

use std::fmt;

use chrono::{DateTime, Utc};
use comptoir_core::accounts::identity::passwords::Password;
use comptoir_core::accounts::identity::secrets::{OneTimeToken, RefreshToken};
use comptoir_core::accounts::sessions::SessionTokens;
use comptoir_core::accounts::tenants::ShortName;
use comptoir_core::accounts::users::AccountName;
use comptoir_core::application::Principal;
use comptoir_core::values::invalid::{FieldError, Fields, Invalid};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Characters of a password that is only compared, at most: none that can be chosen is longer.
const MAX_CLAIMED: usize = 1000;

/// A password or a token in a request, which never prints.
#[derive(Deserialize, ToSchema)]
#[serde(transparent)]
pub(crate) struct SecretInput(String);

impl SecretInput {
    pub(super) fn expose(&self) -> &str {
        &self.0
    }

    fn claimed(&self) -> Result<Password, Invalid> {
        if self.0.chars().nth(MAX_CLAIMED).is_some() {
            return Err(Invalid::new(
                "too_long",
                format!("a password has at most {MAX_CLAIMED} characters here"),
            ));
        }
        Ok(Password::claimed(&self.0))
    }
}

impl fmt::Debug for SecretInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginRequest {
    #[schema(example = "marie.dupont@carmes.example", max_length = 254)]
    email: String,
    /// The company's short name. It may be left out where one account of the address is active.
    #[schema(example = "carmes", max_length = 40)]
    company: Option<String>,
    #[schema(value_type = String, format = Password, max_length = 1000)]
    password: SecretInput,
}

impl LoginRequest {
    /// The account, and the password that is said to be its own.
    pub(super) fn parse(&self) -> Result<(AccountName, Password), Vec<FieldError>> {
        let mut fields = Fields::default();
        let name = account_name(&mut fields, &self.email, self.company.as_deref());
        let password = fields.take("/password", self.password.claimed());
        fields.finish(name.zip(password))
    }
}

fn account_name(fields: &mut Fields, email: &str, company: Option<&str>) -> Option<AccountName> {
    let email = fields.take("/email", looked_up("an e-mail address", email, 254));
    let company = company.map(|name| looked_up("a company's short name", name, ShortName::MAX)).transpose();
    let company = fields.take("/company", company);
    Some(AccountName::new(email?, company?))
}

/// Any text, since what is no address or short name belongs to nobody; PostgreSQL has no U+0000.
fn looked_up<'a>(what: &str, text: &'a str, max: usize) -> Result<&'a str, Invalid> {
    // The length includes the white space around the text, as in the API's description.
    if text.chars().count() > max {
        return Err(Invalid::new("too_long", format!("{what} has at most {max} characters")));
    }
    if text.contains('\0') {
        return Err(Invalid::new("control_character", format!("{what} must not contain control characters")));
    }
    Ok(text)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshRequest {
    #[schema(value_type = String, format = Password, example = "crt_…", max_length = 200)]
    refresh_token: SecretInput,
}

impl RefreshRequest {
    /// What has not even the form of a refresh token is `None`: it is refused as an unknown one.
    pub(super) fn token(&self) -> Option<RefreshToken> {
        RefreshToken::parse(self.refresh_token.expose()).ok()
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    #[schema(value_type = String, format = Password, max_length = 1000)]
    current_password: SecretInput,
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 128)]
    pub(super) new_password: SecretInput,
}

impl PasswordChange {
    pub(super) fn current(&self) -> Result<Password, Vec<FieldError>> {
        let mut fields = Fields::default();
        let current = fields.take("/current_password", self.current_password.claimed());
        fields.finish(current)
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VerifyEmailRequest {
    #[schema(value_type = String, format = Password, example = "cot_…", max_length = 200)]
    token: SecretInput,
}

impl VerifyEmailRequest {
    pub(super) fn token(&self) -> Option<OneTimeToken> {
        OneTimeToken::parse(self.token.expose()).ok()
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordResetRequest {
    #[schema(example = "marie.dupont@carmes.example", max_length = 254)]
    email: String,
    /// The company's short name. Without it, the request is for every account with this address.
    #[schema(example = "carmes", max_length = 40)]
    company: Option<String>,
}

impl PasswordResetRequest {
    pub(super) fn account(&self) -> Result<AccountName, Vec<FieldError>> {
        let mut fields = Fields::default();
        let name = account_name(&mut fields, &self.email, self.company.as_deref());
        fields.finish(name)
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordResetConfirmation {
    #[schema(value_type = String, format = Password, example = "cot_…", max_length = 200)]
    token: SecretInput,
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 128)]
    pub(super) password: SecretInput,
}

impl PasswordResetConfirmation {
    pub(super) fn token(&self) -> Option<OneTimeToken> {
        OneTimeToken::parse(self.token.expose()).ok()
    }
}

/// What a log-in or a refresh gives (RFC 6749, section 5.1, and what belongs to the session).
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenResponse {
    /// For `Authorization: Bearer …`.
    #[schema(example = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSIsImtpZCI6…")]
    access_token: String,
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds for which the access token counts.
    #[schema(example = 600)]
    expires_in: u32,
    /// Good for one refresh.
    #[schema(example = "crt_…")]
    refresh_token: String,
    refresh_expires_at: DateTime<Utc>,
    session_id: Uuid,
    /// When the session is over, however much it is used.
    session_expires_at: DateTime<Utc>,
    user_id: Uuid,
    tenant_id: Uuid,
}

impl From<SessionTokens> for TokenResponse {
    fn from(tokens: SessionTokens) -> Self {
        let session = tokens.session;
        Self {
            access_token: tokens.access.text,
            token_type: "Bearer",
            expires_in: tokens.access.expires_in,
            refresh_token: tokens.refresh.expose().to_owned(),
            refresh_expires_at: tokens.refresh_expires_at,
            session_id: session.id.uuid(),
            session_expires_at: session.expires_at,
            user_id: session.user_id.uuid(),
            tenant_id: tokens.tenant_id.uuid(),
        }
    }
}

/// Who asks, and what they may do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Me {
    /// `user` or `api_key`.
    #[schema(example = "user")]
    kind: &'static str,
    /// Of the user or of the key.
    id: Option<Uuid>,
    /// The e-mail address, or the key's name.
    name: String,
    tenant_id: Uuid,
    /// Of the session, if it is a user.
    session_id: Option<Uuid>,
    /// Of the user.
    #[schema(example = "sales")]
    role: Option<&'static str>,
    #[schema(example = json!(["orders:read", "orders:write"]))]
    permissions: Vec<&'static str>,
    /// What the tenant's amounts are in (ISO 4217).
    #[schema(example = "EUR")]
    currency: String,
}

impl Me {
    pub(super) fn of(principal: &Principal) -> Self {
        Self {
            kind: principal.actor.kind(),
            id: principal.id().map(|id| id.uuid()),
            name: principal.name.clone(),
            tenant_id: principal.tenant_id.uuid(),
            session_id: principal.session_id().map(|id| id.uuid()),
            role: principal.role.map(|role| role.name()),
            permissions: principal.permissions.names(),
            currency: principal.currency.code().to_owned(),
        }
    }
}
