//! What can be read of users.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Binary, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use uuid::Uuid;

use super::aggregate::{User, UserError, UserStatus};
use super::repository::UserRow;
use crate::access::Role;
use crate::context::RequestContext;
use crate::database::Database;
use crate::error::Error;
use crate::identity::passwords::HashedPassword;
use crate::identity::secrets::SecretHash;
use crate::ids::{TenantId, UserId};
use crate::money::Currency;
use crate::paging::{Page, PageRequest, SortKey, keyset};
use crate::schema::{tenants, user_tokens, users};

/// Instead of a password.
const MASK: &str = "***";

#[derive(Debug, Clone, Serialize)]
pub struct UserView {
    pub id: UserId,
    pub version: i64,
    pub email: String,
    pub name: String,
    pub role: &'static str,
    pub granted: Vec<&'static str>,
    pub revoked: Vec<&'static str>,
    /// What follows from these three.
    pub permissions: Vec<&'static str>,
    pub status: UserStatus,
    /// `***` if there is one.
    pub password: Option<&'static str>,
    pub email_verified_at: Option<DateTime<Utc>>,
    pub disabled_at: Option<DateTime<Utc>>,
    pub last_login_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl UserView {
    pub(super) fn of(user: &User) -> Self {
        Self {
            id: user.id(),
            version: user.version(),
            email: user.email.as_str().to_owned(),
            name: user.name.as_str().to_owned(),
            role: user.role.name(),
            granted: user.granted().names(),
            revoked: user.revoked().names(),
            permissions: user.permissions().names(),
            status: user.status(),
            password: user.password.as_ref().map(|_| MASK),
            email_verified_at: user.email_verified_at,
            disabled_at: user.disabled_at,
            last_login_at: user.last_login_at,
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserSort {
    Email,
    Name,
    CreatedAt,
}

impl SortKey for UserSort {
    const NAMES: &'static [(&'static str, Self)] =
        &[("email", Self::Email), ("name", Self::Name), ("created_at", Self::CreatedAt)];
    const DEFAULT: &'static str = "created_at";

    fn is_time(self) -> bool {
        self == Self::CreatedAt
    }
}

#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    pub role: Option<Role>,
    pub status: Option<UserStatus>,
    /// In whatever case.
    pub email: Option<String>,
}

diesel::define_sql_function! { fn lower(text: Text) -> Text }

/// # Errors
/// `NotFound` where there is no such user of the tenant; no database.
pub async fn get(db: &Database, context: &RequestContext, id: UserId) -> Result<UserView, Error> {
    let row: Option<UserRow> = db
        .read(context, async |mut connection| {
            let found = users::table.find((context.tenant_id().uuid(), id.uuid()));
            Ok(found.select(UserRow::as_select()).first(&mut connection).await.optional()?)
        })
        .await?;
    Ok(UserView::of(&row.ok_or(UserError::NotFound(id))?.into_user()?))
}

/// # Errors
/// No database.
pub async fn list(
    db: &Database,
    context: &RequestContext,
    filter: &UserFilter,
    request: &PageRequest<UserSort>,
) -> Result<Page<UserView>, Error> {
    let query = || {
        let mut query = users::table
            .filter(users::tenant_id.eq(context.tenant_id().uuid()))
            .select(UserRow::as_select())
            .limit(request.rows())
            .into_boxed();
        if let Some(role) = filter.role {
            query = query.filter(users::role.eq(role.name()));
        }
        if let Some(email) = &filter.email {
            query = query.filter(lower(users::email).eq(lower(email)));
        }
        query = match filter.status {
            Some(UserStatus::Disabled) => query.filter(users::disabled_at.is_not_null()),
            Some(UserStatus::Active) => {
                query.filter(users::disabled_at.is_null().and(users::email_verified_at.is_not_null()))
            }
            Some(UserStatus::Unverified) => {
                query.filter(users::disabled_at.is_null().and(users::email_verified_at.is_null()))
            }
            None => query,
        };
        let descending = request.descending;
        match request.key {
            UserSort::Email => keyset!(query, descending, request.after_text(), users::email, users::id),
            UserSort::Name => keyset!(query, descending, request.after_text(), users::name, users::id),
            UserSort::CreatedAt => {
                keyset!(query, descending, request.after_time(), users::created_at, users::id)
            }
        }
    };
    let rows: Vec<UserRow> =
        db.read(context, async |mut connection| Ok(query().load(&mut connection).await?)).await?;
    let views: Result<Vec<_>, Error> =
        rows.into_iter().map(|row| row.into_user().map(|user| UserView::of(&user))).collect();
    Ok(request.page(views?, |view| {
        let value = match request.key {
            UserSort::Email => view.email.clone(),
            UserSort::Name => view.name.clone(),
            UserSort::CreatedAt => view.created_at.to_rfc3339(),
        };
        (value, view.id.uuid())
    }))
}

/// The users of one tenant or of all, by tenant and address, for an operator: at most `limit`. `db` must work as the role
/// that owns the tables, because the runtime role sees one tenant at a time.
///
/// # Errors
/// No database, or a role that may not.
pub async fn list_all(
    db: &Database,
    tenant: Option<TenantId>,
    limit: u32,
) -> Result<Vec<(TenantId, UserView)>, Error> {
    let mut connection = db.connection().await?;
    let mut query = users::table
        .select(UserRow::as_select())
        .order((users::tenant_id, users::email))
        .limit(limit.into())
        .into_boxed();
    if let Some(tenant) = tenant {
        query = query.filter(users::tenant_id.eq(tenant.uuid()));
    }
    let rows: Vec<UserRow> = query.load(&mut connection).await?;
    let view = |row: UserRow| {
        let tenant = TenantId::from_uuid(row.tenant_id);
        row.into_user().map(|user| (tenant, UserView::of(&user)))
    };
    rows.into_iter().map(view).collect()
}

/// A user before they are authenticated: what it takes to find out whether they are who they say.
#[derive(Debug, Clone)]
pub struct Account {
    pub tenant_id: TenantId,
    pub user_id: UserId,
    pub email: String,
    pub password: Option<HashedPassword>,
    pub status: UserStatus,
    /// The tenant's.
    pub currency: Currency,
}

crate::statement! {
    struct FindLogin<'a> { email: &'a str => Text } -> (SqlUuid, SqlUuid)
    = "SELECT tenant_id, user_id FROM find_login($1)"
}

crate::statement! {
    struct FindToken<'a> { hash: &'a [u8] => Binary } -> (SqlUuid, SqlUuid)
    = "SELECT tenant_id, token_id FROM find_user_token($1)"
}

/// Whose e-mail address this is, in whatever case.
///
/// # Errors
/// No database.
pub async fn account_of_email(db: &Database, email: &str) -> Result<Option<Account>, Error> {
    let mut connection = db.connection().await?;
    let found: Option<(Uuid, Uuid)> = FindLogin::new(email).get_result(&mut connection).await.optional()?;
    drop(connection);
    // Nobody is looked up as well: the time must not tell whether there is such a user.
    let (tenant, user) = found.unwrap_or_default();
    account(db, TenantId::from_uuid(tenant), user).await
}

/// Whose one-time token this is, be it used or expired.
///
/// # Errors
/// No database.
pub async fn account_of_token(db: &Database, hash: &SecretHash) -> Result<Option<Account>, Error> {
    let mut connection = db.connection().await?;
    let find = FindToken::new(&hash.as_bytes()[..]);
    let found: Option<(Uuid, Uuid)> = find.get_result(&mut connection).await.optional()?;
    drop(connection);
    let Some((tenant, token)) = found else { return Ok(None) };
    let user: Option<Uuid> = db
        .read_in(TenantId::from_uuid(tenant), async |mut connection| {
            let found = user_tokens::table.find((tenant, token)).select(user_tokens::user_id);
            Ok(found.first(&mut connection).await.optional()?)
        })
        .await?;
    match user {
        Some(user) => account(db, TenantId::from_uuid(tenant), user).await,
        None => Ok(None),
    }
}

async fn account(db: &Database, tenant_id: TenantId, user: Uuid) -> Result<Option<Account>, Error> {
    let found: Option<(UserRow, String)> = db
        .read_in(tenant_id, async |mut connection| {
            let row = users::table
                .find((tenant_id.uuid(), user))
                .inner_join(tenants::table.on(tenants::id.eq(users::tenant_id)))
                .select((UserRow::as_select(), tenants::currency));
            Ok(row.first(&mut connection).await.optional()?)
        })
        .await?;
    found
        .map(|(row, currency)| {
            let user = row.into_user()?;
            Ok(Account {
                tenant_id,
                user_id: user.id(),
                email: user.email.as_str().to_owned(),
                status: user.status(),
                password: user.password,
                currency: Currency::stored(currency),
            })
        })
        .transpose()
}
