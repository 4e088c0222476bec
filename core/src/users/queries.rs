//! What can be read of users.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use uuid::Uuid;

use super::aggregate::{User, UserError, UserStatus};
use super::repository::UserRow;
use crate::access::Role;
use crate::contact::FoldedEmail;
use crate::context::RequestContext;
use crate::database::Database;
use crate::error::Error;
use crate::ids::{TenantId, UserId};
use crate::paging::{Page, PageRequest, SortKey, SortValue, Span, look_through, walk};
use crate::schema::users;

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
    pub email: Option<FoldedEmail>,
}

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

type Rows<'a> = users::BoxedQuery<'a, Pg>;

impl UserFilter {
    /// The rows of the filter that an index serves: those that are looked through for the ones that match.
    fn served<'a>(&'a self, context: &RequestContext) -> Rows<'a> {
        let query = users::table.filter(users::tenant_id.eq(context.tenant_id().uuid())).into_boxed();
        match &self.email {
            Some(email) => query.filter(users::folded_email.eq(email.as_str())),
            None => query,
        }
    }

    fn all<'a>(&'a self, context: &RequestContext) -> Rows<'a> {
        let mut query = self.served(context);
        if let Some(role) = self.role {
            query = query.filter(users::role.eq(role.name()));
        }
        match self.status {
            Some(UserStatus::Disabled) => query.filter(users::disabled_at.is_not_null()),
            Some(UserStatus::Active) => {
                query.filter(users::disabled_at.is_null().and(users::email_verified_at.is_not_null()))
            }
            Some(UserStatus::Unverified) => {
                query.filter(users::disabled_at.is_null().and(users::email_verified_at.is_null()))
            }
            None => query,
        }
    }
}

/// A page looks through 5,000 users at most, which are more than most companies have: no index for each role and status.
///
/// # Errors
/// No database.
pub async fn list(
    db: &Database,
    context: &RequestContext,
    filter: &UserFilter,
    request: &PageRequest<UserSort>,
) -> Result<Page<UserView>, Error> {
    use users::{created_at, email, id, name};
    fn by_email(query: Rows<'_>, span: Span<String>) -> Rows<'_> {
        walk!(query, span, [], email, id)
    }
    fn by_name(query: Rows<'_>, span: Span<String>) -> Rows<'_> {
        walk!(query, span, [], name, id)
    }
    fn by_age(query: Rows<'_>, span: Span<DateTime<Utc>>) -> Rows<'_> {
        walk!(query, span, [], created_at, id)
    }
    let (edge, rows) = db
        .read(context, async |connection| {
            let (served, all, selection) =
                (filter.served(context), filter.all(context), UserRow::as_select());
            let (texts, times) = (request.texts(), request.times());
            let found: (Option<(SortValue, Uuid)>, Vec<UserRow>) = match request.key {
                UserSort::Email => {
                    look_through!(connection, request, texts, served, all, by_email, (email, id), selection)
                }
                UserSort::Name => {
                    look_through!(connection, request, texts, served, all, by_name, (name, id), selection)
                }
                UserSort::CreatedAt => {
                    look_through!(
                        connection,
                        request,
                        times,
                        served,
                        all,
                        by_age,
                        (created_at, id),
                        selection
                    )
                }
            };
            Ok(found)
        })
        .await?;
    let views: Result<Vec<_>, Error> =
        rows.into_iter().map(|row| row.into_user().map(|user| UserView::of(&user))).collect();
    Ok(request.page_up_to(edge, views?, |view| {
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
