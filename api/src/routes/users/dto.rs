//! Users as JSON.

use std::fmt;

use chrono::{DateTime, Utc};
use comptoir_core::accounts::identity::passwords::Password;
use comptoir_core::accounts::users::{
    Adjustments, NewUser, UserFilter, UserName, UserSort, UserStatus, UserView,
};
use comptoir_core::application::{Permission, PermissionSet, Role};
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::contact::{Email, FoldedEmail};
use comptoir_core::values::invalid::{FieldError, Fields, Invalid};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::extract;
use crate::routes::parse_limit;

/// What a user does in the company; `GET /api/v1/roles` says what each may do.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Role)]
pub(crate) enum RoleDto {
    Admin,
    Management,
    Sales,
    Warehouse,
}

impl From<RoleDto> for Role {
    fn from(role: RoleDto) -> Self {
        match role {
            RoleDto::Admin => Self::Admin,
            RoleDto::Management => Self::Management,
            RoleDto::Sales => Self::Sales,
            RoleDto::Warehouse => Self::Warehouse,
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegisterUserRequest {
    /// No other user of the company has it, in whatever case.
    #[schema(example = "ada@docks.example", format = Email, max_length = 254)]
    email: String,
    #[schema(example = "Ada Martin", min_length = 1, max_length = 200)]
    name: String,
    role: RoleDto,
    /// Permissions beside those of the role.
    #[serde(default)]
    #[schema(example = json!(["orders:ship"]))]
    granted: Vec<String>,
    /// Permissions of the role that this user does not have.
    #[serde(default)]
    #[schema(example = json!([]))]
    revoked: Vec<String>,
    /// Without one, the user sets it by a token. 8 to 128 characters, none of the common ones.
    #[schema(min_length = 8, max_length = 128, format = Password)]
    password: Option<String>,
}

impl fmt::Debug for RegisterUserRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisterUserRequest").field("email", &self.email).finish_non_exhaustive()
    }
}

impl RegisterUserRequest {
    /// What identifies the request under an `Idempotency-Key`.
    pub(super) fn without_password(&self) -> Value {
        // Names each field, so that a new one cannot be forgotten here.
        let Self { email, name, role, granted, revoked, password: _ } = self;
        json!({"email": email, "name": name, "role": Role::from(*role).name(), "granted": granted, "revoked": revoked})
    }

    /// The user, and the password that is still to be hashed.
    pub(super) fn parse(self) -> Result<(NewUser, Option<Password>), Vec<FieldError>> {
        let mut fields = Fields::default();
        let email = fields.take("/email", Email::parse(&self.email));
        let name = fields.take("/name", UserName::parse(&self.name));
        let adjustments = adjustments(&mut fields, &self.granted, &self.revoked);
        let chosen = email.as_ref().zip(self.password).map(|(email, text)| Password::chosen(&text, email));
        let password = fields.take("/password", chosen.transpose());
        let role = self.role.into();
        let parsed = (|| {
            let (email, name, adjustments) = (email?, name?, adjustments?);
            Some((NewUser { email, name, role, adjustments, password: None, is_verified: false }, password?))
        })();
        fields.finish(parsed)
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateUserRequest {
    #[schema(example = "Ada Martin", min_length = 1, max_length = 200)]
    name: String,
}

impl UpdateUserRequest {
    pub(super) fn parse(self) -> Result<UserName, Vec<FieldError>> {
        let mut fields = Fields::default();
        let name = fields.take("/name", UserName::parse(&self.name));
        fields.finish(name)
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeRoleRequest {
    role: RoleDto,
}

impl ChangeRoleRequest {
    pub(super) fn role(&self) -> Role {
        self.role.into()
    }
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DisableUserRequest {
    /// The API keys that the user made, and those made with them, go on working, but for what they could decide about people.
    /// Without it they are revoked.
    #[serde(default)]
    pub(super) keep_api_keys: bool,
}

/// Both are replaced as a whole.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangePermissionsRequest {
    /// Permissions beside those of the role.
    #[schema(example = json!(["orders:ship"]))]
    granted: Vec<String>,
    /// Permissions of the role that this user does not have.
    #[schema(example = json!([]))]
    revoked: Vec<String>,
}

impl ChangePermissionsRequest {
    pub(super) fn parse(&self) -> Result<Adjustments, Vec<FieldError>> {
        let mut fields = Fields::default();
        let adjustments = adjustments(&mut fields, &self.granted, &self.revoked);
        fields.finish(adjustments)
    }
}

fn adjustments(fields: &mut Fields, granted: &[String], revoked: &[String]) -> Option<Adjustments> {
    let granted = permissions(fields, "/granted", granted);
    let revoked = permissions(fields, "/revoked", revoked);
    fields.take("/granted", Adjustments::new(granted?, revoked?))
}

/// Names of permissions; the ones that are none are named.
pub(in crate::routes) fn permissions(
    fields: &mut Fields,
    at: &str,
    names: &[String],
) -> Option<PermissionSet> {
    // Each permission can be listed once. A longer list is a mistake, and is not read.
    if names.len() > Permission::ALL.len() {
        let message = format!("there are {} permissions", Permission::ALL.len());
        return fields.take(at, Err(Invalid::new("too_many", message)));
    }
    let parsed: Vec<Option<Permission>> = names
        .iter()
        .enumerate()
        .map(|(index, name)| fields.take(format!("{at}/{index}"), name.parse::<Permission>()))
        .collect();
    parsed.into_iter().collect()
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserResponse {
    id: Uuid,
    /// Rises with every change, a log-in included; the ETag.
    version: i64,
    email: String,
    name: String,
    #[schema(example = "sales")]
    role: &'static str,
    /// Permissions beside those of the role.
    granted: Vec<&'static str>,
    /// Permissions of the role that this user does not have.
    revoked: Vec<&'static str>,
    /// All that the user may do.
    permissions: Vec<&'static str>,
    /// `unverified` (the address is still to be verified, and there is no logging in), `active` or `disabled`.
    #[schema(example = "active")]
    status: &'static str,
    has_password: bool,
    email_verified_at: Option<DateTime<Utc>>,
    disabled_at: Option<DateTime<Utc>>,
    last_login_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<UserView> for UserResponse {
    fn from(view: UserView) -> Self {
        Self {
            id: view.id.uuid(),
            version: view.version,
            email: view.email,
            name: view.name,
            role: view.role,
            granted: view.granted,
            revoked: view.revoked,
            permissions: view.permissions,
            status: view.status.name(),
            has_password: view.password.is_some(),
            email_verified_at: view.email_verified_at,
            disabled_at: view.disabled_at,
            last_login_at: view.last_login_at,
            created_at: view.created_at,
            updated_at: view.updated_at,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UserQuery {
    /// Only users with this role: `admin`, `management`, `sales` or `warehouse`.
    role: Option<String>,
    /// Only users who are `unverified`, `active` or `disabled`.
    status: Option<String>,
    /// Only the user with this e-mail address, in whatever case.
    email: Option<String>,
    /// `created_at`, `email`, `name`; `-` in front sorts descending.
    #[param(example = "created_at")]
    sort: Option<String>,
    /// Rows of a page.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// The `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

impl UserQuery {
    pub(super) fn parse(self) -> Result<(UserFilter, PageRequest<UserSort>), Vec<FieldError>> {
        let mut fields = Fields::default();
        let role = fields.take("/query/role", self.role.as_deref().map(str::parse::<Role>).transpose());
        let status = self.status.as_deref().map(str::parse::<UserStatus>).transpose();
        let status = fields.take("/query/status", status);
        let email = fields.take("/query/email", extract::text(self.email));
        let email = email.map(|email| email.as_deref().map(FoldedEmail::of));
        let limit = fields.take("/query/limit", parse_limit(self.limit.as_deref()));
        let filter = (|| Some((UserFilter { role: role?, status: status?, email: email? }, limit?)))();
        let (filter, limit) = fields.finish(filter)?;
        Ok((filter, PageRequest::parse(limit, self.sort.as_deref(), self.cursor.as_deref())?))
    }
}
