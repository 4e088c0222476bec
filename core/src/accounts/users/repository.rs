//! Users in the database, as commands read and write them.

use chrono::{DateTime, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::aggregate::{Adjustments, UnknownPermissions, User, UserError, UserName, UserStatus};
use super::events::UserEvent;
use super::queries::UserView;
use crate::accounts::identity::passwords::HashedPassword;
use crate::application::Locked;
use crate::application::aggregate::{Aggregate, Creatable, LockMode, find};
use crate::application::error::{Error, unless_taken};
use crate::application::unit_of_work::UnitOfWork;
use crate::application::{PermissionSet, Role, stored_role};
use crate::platform::schema::users;
use crate::values::contact::Email;
use crate::values::ids::{TenantId, UserId};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = users, primary_key(tenant_id, id), treat_none_as_null = true, treat_none_as_default_value = false)]
pub(super) struct UserRow {
    pub(super) tenant_id: Uuid,
    id: Uuid,
    version: i64,
    email: String,
    name: String,
    role: String,
    granted: Vec<Option<String>>,
    revoked: Vec<Option<String>>,
    password_hash: Option<String>,
    email_verified_at: Option<DateTime<Utc>>,
    disabled_at: Option<DateTime<Utc>>,
    last_login_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    folded_email: String,
}

impl UserRow {
    fn of(tenant: TenantId, user: &User) -> Self {
        let names = |set: PermissionSet, unknown: &[String]| {
            let known = set.names().into_iter().map(ToOwned::to_owned);
            known.chain(unknown.iter().cloned()).map(Some).collect()
        };
        Self {
            tenant_id: tenant.uuid(),
            id: user.id.uuid(),
            version: user.version,
            email: user.email.as_str().to_owned(),
            name: user.name.as_str().to_owned(),
            role: user.role.name().to_owned(),
            granted: names(user.adjustments.granted, &user.unknown.granted),
            revoked: names(user.adjustments.revoked, &user.unknown.revoked),
            password_hash: user.password.as_ref().map(|hash| hash.as_str().to_owned()),
            email_verified_at: user.email_verified_at,
            disabled_at: user.disabled_at,
            last_login_at: user.last_login_at,
            created_at: user.created_at,
            updated_at: user.updated_at,
            folded_email: user.email.folded().as_str().to_owned(),
        }
    }

    pub(super) fn into_user(self) -> Result<User, Error> {
        let (granted, unknown_granted) = PermissionSet::stored(&self.granted);
        let (revoked, unknown_revoked) = PermissionSet::stored(&self.revoked);
        Ok(User {
            id: UserId::from_uuid(self.id),
            version: self.version,
            email: Email::stored(self.email),
            name: UserName::stored(self.name),
            role: stored_role(&self.role)?,
            adjustments: Adjustments { granted, revoked },
            unknown: UnknownPermissions { granted: unknown_granted, revoked: unknown_revoked },
            password: self.password_hash.map(HashedPassword::stored),
            email_verified_at: self.email_verified_at,
            disabled_at: self.disabled_at,
            last_login_at: self.last_login_at,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

/// Loads a user and locks the row until the unit of work ends, so that the user's events are appended in the order of
/// the changes.
///
/// # Errors
/// `NotFound` if the tenant has no such user. Fails if the database cannot be reached.
pub(crate) async fn load(work: &mut UnitOfWork<'_>, id: UserId) -> Result<User, Error> {
    let query = users::table.find((work.tenant().uuid(), id.uuid())).select(UserRow::as_select());
    let row: Option<UserRow> = find(work, Locked::User, LockMode::Change, query).await?;
    row.ok_or(UserError::NotFound(id))?.into_user()
}

/// Returns the user's present status, without a lock.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn status(work: &mut UnitOfWork<'_>, id: UserId) -> Result<Option<UserStatus>, Error> {
    let row: Option<UserRow> = users::table
        .find((work.tenant().uuid(), id.uuid()))
        .select(UserRow::as_select())
        .first(work.connection())
        .await
        .optional()?;
    row.map(|row| row.into_user().map(|user| user.status())).transpose()
}

/// Returns the active users with one of these roles, at most so many, without a lock.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn active_of(
    work: &mut UnitOfWork<'_>,
    roles: &[Role],
    most: i64,
) -> Result<Vec<User>, Error> {
    let roles: Vec<&str> = roles.iter().map(|role| role.name()).collect();
    let rows: Vec<UserRow> = users::table
        .filter(users::tenant_id.eq(work.tenant().uuid()).and(users::role.eq_any(roles)))
        .filter(users::disabled_at.is_null().and(users::email_verified_at.is_not_null()))
        .select(UserRow::as_select())
        .order(users::id)
        .limit(most)
        .load(work.connection())
        .await?;
    rows.into_iter().map(UserRow::into_user).collect()
}

/// Whether another user is an administrator in the sense of [`User::is_administrator`]. If the tenant is locked, the
/// answer holds until the unit of work ends.
pub(super) async fn has_other_administrators(work: &mut UnitOfWork<'_>, id: UserId) -> Result<bool, Error> {
    let others = users::table
        .filter(users::tenant_id.eq(work.tenant().uuid()))
        .filter(users::id.ne(id.uuid()))
        .filter(users::role.eq(Role::Admin.name()))
        .filter(users::disabled_at.is_null())
        .filter(users::email_verified_at.is_not_null())
        .filter(users::password_hash.is_not_null())
        .filter(users::revoked.eq(Vec::<Option<String>>::new()));
    Ok(diesel::select(exists(others)).get_result(work.connection()).await?)
}

impl Creatable for User {
    async fn insert(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let row = UserRow::of(work.tenant(), self);
        let inserted = diesel::insert_into(users::table).values(&row).execute(work.connection()).await;
        unless_taken(inserted, |name| (name == "users_email_key").then_some(UserError::EmailTaken(row.email)))
    }
}

impl Aggregate for User {
    type Id = UserId;
    type Event = UserEvent;
    type Audited = UserView;
    const NAME: &'static str = "user";

    fn id(&self) -> UserId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn updated_at(&self) -> DateTime<Utc> {
        self.updated_at
    }

    fn audited(&self) -> UserView {
        UserView::of(self)
    }

    async fn save(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let row = UserRow::of(work.tenant(), self);
        diesel::update(users::table.find((row.tenant_id, row.id)))
            .set(&row)
            .execute(work.connection())
            .await?;
        Ok(())
    }
}
