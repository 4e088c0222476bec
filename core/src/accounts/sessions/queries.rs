//! The queries on sessions.

use chrono::{DateTime, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Binary, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use uuid::Uuid;

use super::aggregate::{EndReason, Session};
use super::repository::SessionRow;
use crate::accounts::identity::secrets::RefreshToken;
use crate::application::TenantDatabase;
use crate::application::aggregate::Aggregate;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::{Actor, Principal};
use crate::platform::paging::{
    Filter, Listed, Matching, Page, PageRequest, SortKey, SortValue, look_through, walk,
};
use crate::platform::schema::sessions;
use crate::values::ids::{SessionId, TenantId, UserId};
use crate::values::money::Currency;

#[derive(Debug, Clone, Serialize)]
pub struct SessionView {
    pub id: SessionId,
    pub user_id: UserId,
    pub client_address: Option<String>,
    pub user_agent: Option<String>,
    pub created_at: DateTime<Utc>,
    pub last_used_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub end_reason: Option<&'static str>,
}

impl SessionView {
    pub(super) fn of(session: &Session) -> Self {
        let ended = session.ended();
        Self {
            id: session.id(),
            user_id: session.user_id(),
            client_address: session.client().address.clone(),
            user_agent: session.client().user_agent.clone(),
            created_at: session.created_at(),
            last_used_at: session.last_used_at(),
            expires_at: session.expires_at(),
            ended_at: ended.map(|(at, _)| at),
            end_reason: ended.map(|(_, reason): (_, EndReason)| reason.name()),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionSort {
    CreatedAt,
}

impl SortKey for SessionSort {
    const NAMES: &'static [(&'static str, Self)] = &[("created_at", Self::CreatedAt)];
    const DEFAULT: &'static str = "-created_at";

    fn is_time(self) -> bool {
        true
    }
}

impl Listed<SessionSort> for SessionView {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_value(&self, _: SessionSort) -> SortValue {
        self.created_at.into()
    }
}

/// Lists a user's open sessions.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn list(
    db: &TenantDatabase,
    context: &RequestContext,
    user: UserId,
    request: &PageRequest<SessionSort>,
) -> Result<Page<SessionView>, Error> {
    type Rows<'a> = sessions::BoxedQuery<'a, Pg, SqlTypeOf<AsSelect<SessionRow, Pg>>>;
    let walk = || {
        let of_user =
            sessions::tenant_id.eq(context.tenant_id().uuid()).and(sessions::user_id.eq(user.uuid()));
        let not_ended = of_user.and(sessions::ended_at.is_null());
        let query = sessions::table.filter(not_ended).select(SessionRow::as_select()).into_boxed();
        walk!(query, request.times(), [], sessions::created_at, sessions::id)
    };
    // Sessions that have expired and are not deleted yet are in the same index: there may be many of them.
    let matching = |looked_at: Rows<'static>, limit| {
        let open: Filter<'_, sessions::table> = Box::new(sessions::expires_at.gt(diesel::dsl::now));
        Matching::of(looked_at, "sessions", vec![open], limit)
    };
    let (last, rows): (Option<SessionRow>, Vec<SessionRow>) =
        db.read(context, async |connection| Ok(look_through!(connection, request, walk, matching))).await?;
    let view = |row: SessionRow| row.into_session().map(|session| SessionView::of(&session));
    let edge = last.map(view).transpose()?;
    let views = rows.into_iter().map(view).collect::<Result<Vec<_>, _>>()?;
    Ok(request.page_up_to(edge, views))
}

crate::statement! {
    struct FindRefreshToken<'a> { hash: &'a [u8] => Binary } -> (SqlUuid, SqlUuid)
    = "SELECT tenant_id, session_id FROM find_refresh_token($1)"
}

crate::statement! {
    struct UserOf<'a> { tenant: Uuid => SqlUuid, session: Uuid => SqlUuid } -> (SqlUuid, Text, Text)
    = "SELECT u.id, u.email, t.currency FROM sessions s
    JOIN users u ON u.tenant_id = s.tenant_id AND u.id = s.user_id JOIN tenants t ON t.id = s.tenant_id
    WHERE s.tenant_id = $1 AND s.id = $2"
}

/// Returns a refresh token's session and its user, even if the token is used or expired, or the session is over.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn user_of_refresh_token(
    db: &TenantDatabase,
    token: &RefreshToken,
) -> Result<Option<(SessionId, Principal)>, Error> {
    let mut connection = db.database().connection().await?;
    let hash = token.hash();
    let find = FindRefreshToken::new(hash.as_bytes());
    let found: Option<(Uuid, Uuid)> = find.get_result(&mut connection).await.optional()?;
    drop(connection);
    let Some((tenant, session)) = found else { return Ok(None) };
    let (tenant_id, session_id) = (TenantId::from_uuid(tenant), SessionId::from_uuid(session));
    let user: Option<(Uuid, String, String)> = db
        .read_in(tenant_id, async |mut connection| {
            Ok(UserOf::new(tenant, session).get_result(&mut connection).await.optional()?)
        })
        .await?;
    Ok(user.map(|(user, email, currency)| {
        let actor = Actor::User { user_id: UserId::from_uuid(user), session_id: Some(session_id) };
        (session_id, Principal::trusted(tenant_id, actor, email, Currency::stored(currency)))
    }))
}
