//! Sessions and refresh tokens in the database, as commands read and write them.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::aggregate::{Client, EndReason, Session};
use super::events::SessionEvent;
use super::queries::SessionView;
use crate::accounts::identity::secrets::{RefreshToken, SecretHash};
use crate::application::Locked;
use crate::application::aggregate::{Aggregate, LockMode, find};
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::platform::schema::{refresh_tokens, sessions};
use crate::values::ids::{SessionId, TenantId, UserId};

/// A stored session without its `stamp`, which the aggregate does not use: it is only ever incremented, in place.
#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = sessions, primary_key(tenant_id, id), treat_none_as_null = true, treat_none_as_default_value = false)]
pub(super) struct SessionRow {
    tenant_id: Uuid,
    id: Uuid,
    version: i64,
    user_id: Uuid,
    client_address: Option<String>,
    user_agent: Option<String>,
    created_at: DateTime<Utc>,
    last_used_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    end_reason: Option<String>,
    in_console: bool,
}

impl SessionRow {
    fn of(tenant: TenantId, session: &Session) -> Self {
        Self {
            tenant_id: tenant.uuid(),
            id: session.id.uuid(),
            version: session.version,
            user_id: session.user_id.uuid(),
            client_address: session.client.address.clone(),
            user_agent: session.client.user_agent.clone(),
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
            ended_at: session.ended.map(|(at, _)| at),
            end_reason: session.ended.map(|(_, reason)| reason.name().to_owned()),
            in_console: session.client.in_console,
        }
    }

    pub(super) fn into_session(self) -> Result<Session, Error> {
        let reason = |name: &str| {
            EndReason::stored(name).ok_or_else(|| Error::Stored { what: "a reason", value: name.to_owned() })
        };
        let reason = self.end_reason.as_deref().map(reason).transpose()?;
        Ok(Session {
            id: SessionId::from_uuid(self.id),
            version: self.version,
            user_id: UserId::from_uuid(self.user_id),
            client: Client {
                address: self.client_address,
                user_agent: self.user_agent,
                in_console: self.in_console,
            },
            created_at: self.created_at,
            last_used_at: self.last_used_at,
            expires_at: self.expires_at,
            ended: self.ended_at.zip(reason),
        })
    }
}

/// Loads a session and locks it until the unit of work ends. A unit of work that also locks its user locks the user
/// first.
pub(super) async fn load(work: &mut UnitOfWork<'_>, id: SessionId) -> Result<Option<Session>, Error> {
    let query = sessions::table.find((work.tenant().uuid(), id.uuid())).select(SessionRow::as_select());
    let row: Option<SessionRow> = find(work, Locked::Session, LockMode::Change, query).await?;
    row.map(SessionRow::into_session).transpose()
}

/// Loads and locks a user's open sessions, the last used first.
pub(super) async fn load_open(work: &mut UnitOfWork<'_>, user: UserId) -> Result<Vec<Session>, Error> {
    work.locks(Locked::Session);
    let (tenant, now) = (work.tenant().uuid(), work.now());
    let rows: Vec<SessionRow> = sessions::table
        .filter(sessions::tenant_id.eq(tenant).and(sessions::user_id.eq(user.uuid())))
        .filter(sessions::ended_at.is_null().and(sessions::expires_at.gt(now)))
        .order((sessions::last_used_at.desc(), sessions::id.desc()))
        .select(SessionRow::as_select())
        .for_no_key_update()
        .load(work.connection())
        .await?;
    rows.into_iter().map(SessionRow::into_session).collect()
}

pub(super) async fn insert(work: &mut UnitOfWork<'_>, session: &Session) -> Result<(), Error> {
    let row = SessionRow::of(work.tenant(), session);
    diesel::insert_into(sessions::table).values(&row).execute(work.connection()).await?;
    Ok(())
}

impl Aggregate for Session {
    type Id = SessionId;
    type Event = SessionEvent;
    type Audited = SessionView;
    const NAME: &'static str = "session";

    fn id(&self) -> SessionId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn updated_at(&self) -> DateTime<Utc> {
        self.last_used_at
    }

    fn audited(&self) -> SessionView {
        SessionView::of(self)
    }

    async fn save(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let row = SessionRow::of(work.tenant(), self);
        diesel::update(sessions::table.find((row.tenant_id, row.id)))
            .set(&row)
            .execute(work.connection())
            .await?;
        Ok(())
    }
}

/// Increments the stamps of a user's sessions, because the user's permissions have changed. A replica that remembers
/// the principal of one of these sessions must then look it up again.
pub(super) async fn restamp(work: &mut UnitOfWork<'_>, user: UserId) -> Result<(), Error> {
    work.locks(Locked::Session);
    let tenant = work.tenant().uuid();
    let open = sessions::table
        .filter(sessions::tenant_id.eq(tenant).and(sessions::user_id.eq(user.uuid())))
        .filter(sessions::ended_at.is_null());
    // Every statement that locks several sessions locks them in this order.
    let locked: Vec<Uuid> = open
        .select(sessions::id)
        .order((sessions::last_used_at.desc(), sessions::id.desc()))
        .for_no_key_update()
        .load(work.connection())
        .await?;
    diesel::update(sessions::table.filter(sessions::tenant_id.eq(tenant).and(sessions::id.eq_any(locked))))
        .set(sessions::stamp.eq(sessions::stamp + 1))
        .execute(work.connection())
        .await?;
    Ok(())
}

pub(super) async fn insert_refresh_token(
    work: &mut UnitOfWork<'_>,
    session: SessionId,
    token: &RefreshToken,
    expires_at: DateTime<Utc>,
) -> Result<(), Error> {
    let (tenant, now, hash) = (work.tenant().uuid(), work.now(), token.hash());
    diesel::insert_into(refresh_tokens::table)
        .values((
            refresh_tokens::tenant_id.eq(tenant),
            refresh_tokens::token_hash.eq(hash.as_bytes().as_slice()),
            refresh_tokens::session_id.eq(session.uuid()),
            refresh_tokens::created_at.eq(now),
            refresh_tokens::expires_at.eq(expires_at),
        ))
        .execute(work.connection())
        .await?;
    Ok(())
}

/// The stored state of a refresh token.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = refresh_tokens)]
pub(super) struct StoredToken {
    pub(super) expires_at: DateTime<Utc>,
    pub(super) used_at: Option<DateTime<Utc>>,
}

/// Finds the session's refresh token with this hash. The session is locked already, and its lock protects the token.
pub(super) async fn refresh_token(
    work: &mut UnitOfWork<'_>,
    session: SessionId,
    hash: &SecretHash,
) -> Result<Option<StoredToken>, Error> {
    let found = refresh_tokens::table
        .find(hash.as_bytes().as_slice())
        .filter(refresh_tokens::tenant_id.eq(work.tenant().uuid()))
        .filter(refresh_tokens::session_id.eq(session.uuid()))
        .select(StoredToken::as_select())
        .first(work.connection())
        .await
        .optional()?;
    Ok(found)
}

pub(super) async fn use_refresh_token(work: &mut UnitOfWork<'_>, hash: &SecretHash) -> Result<(), Error> {
    let now = work.now();
    diesel::update(refresh_tokens::table.find(hash.as_bytes().as_slice()))
        .set(refresh_tokens::used_at.eq(now))
        .execute(work.connection())
        .await?;
    Ok(())
}

/// The days for which sessions that are over, and tokens that have expired, are kept.
const KEPT_DAYS: i32 = 30;
/// The maximum number of rows of one kind that a statement deletes, so that pruning never locks many rows at once.
pub(crate) const PRUNE_BATCH: i64 = 1_000;

crate::statement! {
    struct Prune<'a> { days: i32 => Integer, batch: i64 => BigInt } -> (BigInt,) = "SELECT prune_sessions($1, $2)"
}

/// Deletes one batch of sessions that have been over for 30 days, and of refresh and one-time tokens that expired at least 30 days
/// ago, of all tenants. Returns how many: fewer than [`PRUNE_BATCH`] if it was the last.
///
/// # Errors
/// Fails if the database does not answer or refuses.
pub(crate) async fn prune(connection: &mut AsyncPgConnection) -> QueryResult<i64> {
    let (batch,): (i64,) = Prune::new(KEPT_DAYS, PRUNE_BATCH).get_result(connection).await?;
    Ok(batch)
}
