//! Users as JSON.

use std::fmt;

use chrono::{DateTime, Utc};
use comptoir_core::accounts::identity::passwords::Password;
use comptoir_core::accounts::users::{Adjustments, NewUser, UserFilter, UserName, UserStatus, UserView};
use comptoir_core::application::{Permission, PermissionSet, Role};
use comptoir_core::values::contact::{Email, FoldedEmail};
use comptoir_core::values::invalid::{FieldError, Invalid};
use deserr::{Deserr, ValuePointerRef};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::export::Exported;
use crate::extract::{Editable, Faults, Several, Text, one_of, read_from_text};
use crate::routes::secret::SecretInput;

read_from_text!(UserName);
read_from_text!(UserStatus => |text| one_of(text, UserStatus::ALL, UserStatus::name));

#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields, validate = RegisterUserRequest::checked -> Faults)]
pub(crate) struct RegisterUserRequest {
    /// No other user of the company has it, in whatever case.
    #[schema(value_type = String, example = "ada@docks.example", format = Email, max_length = 254)]
    email: Email,
    #[schema(value_type = String, example = "Ada Martin", min_length = 1, max_length = 200)]
    name: UserName,
    role: Role,
    /// Permissions beside those of the role.
    #[deserr(default, try_from(Vec<Permission>) = permission_set -> Invalid)]
    #[schema(value_type = Vec<Permission>, example = json!(["orders:ship"]), required = false)]
    granted: PermissionSet,
    /// Permissions of the role that this user does not have.
    #[deserr(default, try_from(Vec<Permission>) = permission_set -> Invalid)]
    #[schema(value_type = Vec<Permission>, example = json!([]), required = false)]
    revoked: PermissionSet,
    /// Without one, the user sets it by a token. 8 to 128 characters, none of the common ones.
    #[deserr(default)]
    #[schema(value_type = Option<String>, min_length = 8, max_length = 128, format = Password)]
    password: Option<SecretInput>,
}

impl fmt::Debug for RegisterUserRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisterUserRequest").field("email", &self.email.as_str()).finish_non_exhaustive()
    }
}

impl RegisterUserRequest {
    fn checked(self, _: ValuePointerRef) -> Result<Self, Faults> {
        let adjustments =
            Adjustments::new(self.granted, self.revoked).map_err(|invalid| invalid.at("/granted"));
        let password = self.chosen_password().map_err(|invalid| invalid.at("/password"));
        let faults: Vec<_> = adjustments.err().into_iter().chain(password.err()).collect();
        if faults.is_empty() { Ok(self) } else { Err(Faults(faults)) }
    }

    fn chosen_password(&self) -> Result<Option<Password>, Invalid> {
        self.password.as_ref().map(|text| Password::chosen(text.expose(), &self.email)).transpose()
    }

    /// What identifies the request under an `Idempotency-Key`.
    pub(crate) fn without_password(&self) -> Value {
        // Names each field, so that a new one cannot be forgotten here.
        let Self { email, name, role, granted, revoked, password: _ } = self;
        json!({
            "email": email.as_str(),
            "name": name.as_str(),
            "role": role.name(),
            "granted": granted.names(),
            "revoked": revoked.names(),
        })
    }

    /// Returns the user, and the password that is still to be hashed.
    pub(crate) fn into_user(self) -> Result<(NewUser, Option<Password>), Invalid> {
        let password = self.chosen_password()?;
        let Self { email, name, role, granted, revoked, .. } = self;
        let adjustments = Adjustments::new(granted, revoked)?;
        Ok((NewUser { email, name, role, adjustments, password: None, is_verified: false }, password))
    }
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct UpdateUserRequest {
    #[schema(value_type = String, example = "Ada Martin", min_length = 1, max_length = 200)]
    name: UserName,
}

impl Editable for UpdateUserRequest {
    type View = UserView;
    type Details = UserName;
    const READ_ONLY: &'static [&'static str] = &[
        "id",
        "version",
        "email",
        "role",
        "granted",
        "revoked",
        "permissions",
        "status",
        "has_password",
        "email_verified_at",
        "disabled_at",
        "last_login_at",
        "created_at",
        "updated_at",
    ];

    fn into_details(self) -> Result<UserName, Vec<FieldError>> {
        Ok(self.name)
    }

    fn shown(view: &UserView) -> impl Serialize {
        UserResponse::from(view.clone())
    }
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct ChangeRoleRequest {
    pub(crate) role: Role,
}

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct DisableUserRequest {
    /// The API keys that the user made, and those made with them, go on working, but for what they could decide about people.
    /// Without it they are revoked.
    #[deserr(default)]
    #[schema(required = false)]
    pub(super) keep_api_keys: bool,
}

/// Both are replaced as a whole.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields, validate = ChangePermissionsRequest::checked -> FieldError)]
pub(crate) struct ChangePermissionsRequest {
    /// Permissions beside those of the role.
    #[deserr(try_from(Vec<Permission>) = permission_set -> Invalid)]
    #[schema(value_type = Vec<Permission>, example = json!(["orders:ship"]))]
    granted: PermissionSet,
    /// Permissions of the role that this user does not have.
    #[deserr(try_from(Vec<Permission>) = permission_set -> Invalid)]
    #[schema(value_type = Vec<Permission>, example = json!([]))]
    revoked: PermissionSet,
}

impl ChangePermissionsRequest {
    fn checked(self, _: ValuePointerRef) -> Result<Self, FieldError> {
        self.adjustments().map_err(|invalid| invalid.at("/granted"))?;
        Ok(self)
    }

    pub(crate) fn adjustments(&self) -> Result<Adjustments, Invalid> {
        Adjustments::new(self.granted, self.revoked)
    }
}

/// Makes a set of the permissions in a request.
pub(in crate::routes) fn permission_set(permissions: Vec<Permission>) -> Result<PermissionSet, Invalid> {
    // Each permission can be listed once. A longer list is a mistake.
    if permissions.len() > Permission::ALL.len() {
        return Err(Invalid::new("too_many", format!("there are {} permissions", Permission::ALL.len())));
    }
    Ok(PermissionSet::of(&permissions))
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct UserResponse {
    id: Uuid,
    /// Rises with every change, a log-in included; the ETag.
    version: i64,
    #[schema(example = "ada@docks.example")]
    email: String,
    #[schema(example = "Ada Martin")]
    name: String,
    #[schema(value_type = Role)]
    role: &'static str,
    /// Permissions beside those of the role.
    #[schema(value_type = Vec<Permission>)]
    granted: Vec<&'static str>,
    /// Permissions of the role that this user does not have.
    #[schema(value_type = Vec<Permission>)]
    revoked: Vec<&'static str>,
    /// All that the user may do.
    #[schema(value_type = Vec<Permission>)]
    permissions: Vec<&'static str>,
    status: UserStatus,
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
            status: view.status,
            has_password: view.password.is_some(),
            email_verified_at: view.email_verified_at,
            disabled_at: view.disabled_at,
            last_login_at: view.last_login_at,
            created_at: view.created_at,
            updated_at: view.updated_at,
        }
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UserFilters {
    /// Only users with this role.
    #[deserr(default)]
    #[param(value_type = Option<Role>)]
    role: Option<Role>,
    /// Only users with this status, or with one of these: repeated, or separated by commas.
    #[deserr(default)]
    #[param(value_type = Option<Vec<UserStatus>>, min_items = 1, max_items = 3)]
    status: Option<Several<UserStatus, 3>>,
    /// Only the user with this e-mail address, in whatever case.
    #[deserr(default)]
    #[param(value_type = Option<String>)]
    email: Option<Text>,
}

impl From<UserFilters> for UserFilter {
    fn from(UserFilters { role, status, email }: UserFilters) -> Self {
        let statuses = status.map_or_else(Vec::new, |Several(statuses)| statuses);
        Self { role, statuses, email: email.map(|email| FoldedEmail::of(&String::from(email))) }
    }
}

impl Exported for UserResponse {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "version",
        "email",
        "name",
        "role",
        "granted",
        "revoked",
        "permissions",
        "status",
        "has_password",
        "email_verified_at",
        "disabled_at",
        "last_login_at",
        "created_at",
        "updated_at",
    ];
}
