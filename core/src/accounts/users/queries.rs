//! The queries on users.

use chrono::{DateTime, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use uuid::Uuid;

use super::aggregate::{User, UserError, UserStatus};
use super::repository::UserRow;
use crate::application::Role;
use crate::application::TenantDatabase;
use crate::application::aggregate::Aggregate;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::platform::database::Database;
use crate::platform::paging::{
    Filter, Listed, Matching, Page, PageRequest, SortKey, SortValue, look_through, walk,
};
use crate::platform::schema::users;
use crate::values::contact::FoldedEmail;
use crate::values::ids::{TenantId, UserId};

/// The text that stands for a password in a view.
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

impl Listed<UserSort> for UserView {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_value(&self, key: UserSort) -> SortValue {
        match key {
            UserSort::Email => self.email.as_str().into(),
            UserSort::Name => self.name.as_str().into(),
            UserSort::CreatedAt => self.created_at.into(),
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    pub role: Option<Role>,
    /// Users with one of these; empty for all.
    pub statuses: Vec<UserStatus>,
    pub email: Option<FoldedEmail>,
}

/// # Errors
/// `NotFound` if the tenant has no such user. Fails if the database cannot be reached.
pub async fn get(db: &TenantDatabase, context: &RequestContext, id: UserId) -> Result<UserView, Error> {
    let query = || users::table.find((context.tenant_id().uuid(), id.uuid())).select(UserRow::as_select());
    let row: Option<UserRow> = db.find(context, query).await?;
    Ok(UserView::of(&row.ok_or(UserError::NotFound(id))?.into_user()?))
}

type Rows<'a> = users::BoxedQuery<'a, Pg, SqlTypeOf<AsSelect<UserRow, Pg>>>;

impl UserFilter {
    /// Returns a query of the rows to look through, in the order of an index. [`Self::matching`] narrows it to those
    /// that match.
    fn walk(&self, context: &RequestContext, request: &PageRequest<UserSort>) -> Rows<'_> {
        use users::{created_at, email, folded_email, id, name};
        let of_tenant = users::tenant_id.eq(context.tenant_id().uuid());
        let mut query = users::table.filter(of_tenant).select(UserRow::as_select()).into_boxed();
        if let Some(wanted) = &self.email {
            query = query.filter(folded_email.eq(wanted.as_str()));
        }
        match request.key {
            UserSort::Email => walk!(query, request.texts(), [], email, id),
            UserSort::Name => walk!(query, request.texts(), [], name, id),
            UserSort::CreatedAt => walk!(query, request.times(), [], created_at, id),
        }
    }

    fn matching<'a>(&self, looked_at: Rows<'a>, limit: i64) -> Matching<'a, Rows<'a>, users::table> {
        use users::{disabled_at, email_verified_at, role};
        let mut filters: Vec<Filter<'_, users::table>> = Vec::new();
        if let Some(wanted) = self.role {
            filters.push(Box::new(role.eq(wanted.name())));
        }
        let of_status = |status: &UserStatus| -> Filter<'_, users::table> {
            match status {
                UserStatus::Disabled => Box::new(disabled_at.is_not_null()),
                UserStatus::Active => Box::new(disabled_at.is_null().and(email_verified_at.is_not_null())),
                UserStatus::Unverified => Box::new(disabled_at.is_null().and(email_verified_at.is_null())),
            }
        };
        let any = self.statuses.iter().map(of_status).reduce(|one, other| Box::new(one.or(other)));
        filters.extend(any);
        Matching::of(looked_at, "users", filters, limit)
    }
}

/// Lists users. A page looks through 5,000 users at most. Most companies have fewer, so there is no index for each role
/// and status.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn list(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &UserFilter,
    request: &PageRequest<UserSort>,
) -> Result<Page<UserView>, Error> {
    let (last, rows): (Option<UserRow>, Vec<UserRow>) = db
        .read(context, async |connection| {
            let walk = || filter.walk(context, request);
            let matching = |looked_at, limit| filter.matching(looked_at, limit);
            Ok(look_through!(connection, request, walk, matching))
        })
        .await?;
    let view = |row: UserRow| row.into_user().map(|user| UserView::of(&user));
    let edge = last.map(view).transpose()?;
    let views: Result<Vec<_>, Error> = rows.into_iter().map(view).collect();
    Ok(request.page_up_to(edge, views?))
}

/// Lists the users of one tenant or of all, by tenant and address, at most `limit`, for an operator. `db` must work as
/// the role that owns the tables, because the runtime role sees one tenant at a time.
///
/// # Errors
/// Fails if the database cannot be reached, or if the role may not read the rows.
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
