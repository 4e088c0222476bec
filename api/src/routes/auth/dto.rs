//! Log-in, refresh and passwords as JSON. Types that hold a secret do not print it.

use chrono::{DateTime, Utc};
use comptoir_core::accounts::identity::passwords::Password;
use comptoir_core::accounts::identity::secrets::{OneTimeToken, RefreshToken};
use comptoir_core::accounts::sessions::SessionTokens;
use comptoir_core::accounts::tenants::ShortName;
use comptoir_core::accounts::users::AccountName;
use comptoir_core::application::{Permission, Principal, Role};
use comptoir_core::values::contact::FoldedEmail;
use comptoir_core::values::invalid::Invalid;
use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::extract::{Faults, read_from_text};
use crate::routes::secret::{SecretInput, claimed};

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct LoginRequest {
    #[schema(value_type = String, example = "marie.dupont@carmes.example", max_length = 254)]
    email: ClaimedEmail,
    /// The company's short name. It may be left out where one account of the address is active.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "carmes", max_length = 40)]
    company: Option<ClaimedCompany>,
    #[deserr(try_from(SecretInput) = claimed -> Invalid)]
    #[schema(value_type = String, format = Password, max_length = 1000)]
    password: Password,
}

impl LoginRequest {
    /// Returns the account, and the password that is said to be its own.
    pub(super) fn into_parts(self) -> (AccountName, Password) {
        (account_name(&self.email, self.company.as_ref()), self.password)
    }
}

fn account_name(email: &ClaimedEmail, company: Option<&ClaimedCompany>) -> AccountName {
    AccountName::new(&email.0, company.map(|company| company.0.as_str()))
}

/// Any text as an e-mail address: what is no address belongs to nobody.
#[derive(Debug)]
pub(in crate::routes) struct ClaimedEmail(String);

impl ClaimedEmail {
    /// The form in which addresses are compared.
    pub(in crate::routes) fn folded(&self) -> FoldedEmail {
        FoldedEmail::of(&self.0)
    }
}

/// Any text as a company's short name.
#[derive(Debug)]
struct ClaimedCompany(String);

read_from_text!(ClaimedEmail => |text| looked_up("an e-mail address", text, 254).map(ClaimedEmail));
read_from_text!(ClaimedCompany => |text| {
    looked_up("a company's short name", text, ShortName::MAX).map(ClaimedCompany)
});

/// Checks only what the database could not compare with.
fn looked_up(what: &str, text: &str, max: usize) -> Result<String, Invalid> {
    // The length includes the white space around the text, as in the API's description.
    if text.chars().count() > max {
        return Err(Invalid::new("too_long", format!("{what} has at most {max} characters")));
    }
    // PostgreSQL has no U+0000.
    if text.contains('\0') {
        return Err(Invalid::new("control_character", format!("{what} must not contain control characters")));
    }
    Ok(text.to_owned())
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
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

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct PasswordChange {
    #[deserr(try_from(SecretInput) = claimed -> Invalid)]
    #[schema(value_type = String, format = Password, max_length = 1000)]
    pub(in crate::routes) current_password: Password,
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 128)]
    pub(in crate::routes) new_password: SecretInput,
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct VerifyEmailRequest {
    #[schema(value_type = String, format = Password, example = "cot_…", max_length = 200)]
    token: SecretInput,
}

impl VerifyEmailRequest {
    pub(super) fn token(&self) -> Option<OneTimeToken> {
        OneTimeToken::parse(self.token.expose()).ok()
    }
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct PasswordResetRequest {
    #[schema(value_type = String, example = "marie.dupont@carmes.example", max_length = 254)]
    email: ClaimedEmail,
    /// The company's short name. Without it, the request is for every account with this address.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "carmes", max_length = 40)]
    company: Option<ClaimedCompany>,
}

impl PasswordResetRequest {
    pub(super) fn account(&self) -> AccountName {
        account_name(&self.email, self.company.as_ref())
    }
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
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
    #[schema(example = "ada@docks.example")]
    name: String,
    tenant_id: Uuid,
    /// Of the session, if it is a user.
    session_id: Option<Uuid>,
    /// Of the user.
    #[schema(value_type = Option<Role>)]
    role: Option<&'static str>,
    #[schema(value_type = Vec<Permission>, example = json!(["orders:read", "orders:write"]))]
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
