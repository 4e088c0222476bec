//! Operators, their sessions and refresh tokens in the database, as commands read and write them.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::aggregate::{Operator, OperatorError, OperatorName};
use super::session::OperatorSession;
use crate::accounts::identity::passwords::HashedPassword;
use crate::accounts::identity::secrets::{OperatorRefreshToken, SecretHash};
use crate::accounts::sessions::{Client, EndReason};
use crate::application::Locked;
use crate::application::aggregate::{LockMode, find};
use crate::application::error::{Error, unless_taken};
use crate::application::unit_of_work::UnitOfWork;
use crate::platform::schema::{operator_refresh_tokens, operator_sessions, operators};
use crate::values::contact::{Email, FoldedEmail};
use crate::values::ids::{OperatorId, SessionId};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = operators, treat_none_as_null = true, treat_none_as_default_value = false)]
pub(super) struct OperatorRow {
    id: Uuid,
    version: i64,
    email: String,
    folded_email: String,
    name: String,
    password_hash: String,
    disabled_at: Option<DateTime<Utc>>,
    last_login_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl OperatorRow {
    fn of(operator: &Operator) -> Self {
        Self {
            id: operator.id.uuid(),
            version: operator.version,
            email: operator.email.as_str().to_owned(),
            folded_email: operator.email.folded().as_str().to_owned(),
            name: operator.name.as_str().to_owned(),
            password_hash: operator.password.as_str().to_owned(),
            disabled_at: operator.disabled_at,
            last_login_at: operator.last_login_at,
            created_at: operator.created_at,
            updated_at: operator.updated_at,
        }
    }

    pub(super) fn into_operator(self) -> Operator {
        Operator {
            id: OperatorId::from_uuid(self.id),
            version: self.version,
            email: Email::stored(self.email),
            name: OperatorName::stored(self.name),
            password: HashedPassword::stored(self.password_hash),
            disabled_at: self.disabled_at,
            last_login_at: self.last_login_at,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

/// Loads the operator with this id and locks the row until the unit of work ends.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn load(work: &mut UnitOfWork<'_>, id: OperatorId) -> Result<Option<Operator>, Error> {
    let query = operators::table.find(id.uuid()).select(OperatorRow::as_select());
    let row: Option<OperatorRow> = find(work, Locked::Operator, LockMode::Change, query).await?;
    Ok(row.map(OperatorRow::into_operator))
}

/// Loads the operator with this address and locks the row.
///
/// # Errors
/// `NotFound` if there is none. Fails if the database cannot be reached.
pub(super) async fn load_named(work: &mut UnitOfWork<'_>, email: &FoldedEmail) -> Result<Operator, Error> {
    work.locks(Locked::Operator);
    let row: Option<OperatorRow> = operators::table
        .filter(operators::folded_email.eq(email.as_str()))
        .select(OperatorRow::as_select())
        .for_no_key_update()
        .first(work.connection())
        .await
        .optional()?;
    let row = row.ok_or_else(|| OperatorError::NotFound(email.as_str().to_owned()))?;
    Ok(row.into_operator())
}

/// # Errors
/// `EmailTaken` if another operator has the address. Fails if the database cannot be reached.
pub(super) async fn insert(work: &mut UnitOfWork<'_>, operator: &Operator) -> Result<(), Error> {
    let row = OperatorRow::of(operator);
    let inserted = diesel::insert_into(operators::table).values(&row).execute(work.connection()).await;
    let taken = || OperatorError::EmailTaken(operator.email.clone());
    unless_taken(inserted, |name| (name == "operators_email_key").then(taken))
}

pub(super) async fn save(work: &mut UnitOfWork<'_>, operator: &Operator) -> Result<(), Error> {
    let row = OperatorRow::of(operator);
    diesel::update(operators::table.find(row.id)).set(&row).execute(work.connection()).await?;
    Ok(())
}

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = operator_sessions, treat_none_as_null = true, treat_none_as_default_value = false)]
pub(super) struct SessionRow {
    id: Uuid,
    operator_id: Uuid,
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
    fn of(session: &OperatorSession) -> Self {
        Self {
            id: session.id.uuid(),
            operator_id: session.operator_id.uuid(),
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

    pub(super) fn into_session(self) -> Result<OperatorSession, Error> {
        let reason = |name: &str| {
            EndReason::stored(name).ok_or_else(|| Error::Stored { what: "a reason", value: name.to_owned() })
        };
        let reason = self.end_reason.as_deref().map(reason).transpose()?;
        Ok(OperatorSession {
            id: SessionId::from_uuid(self.id),
            operator_id: OperatorId::from_uuid(self.operator_id),
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

/// Loads a session and locks it until the unit of work ends. A unit of work that also locks its operator locks the
/// operator first.
pub(super) async fn load_session(
    work: &mut UnitOfWork<'_>,
    id: SessionId,
) -> Result<Option<OperatorSession>, Error> {
    let query = operator_sessions::table.find(id.uuid()).select(SessionRow::as_select());
    let row: Option<SessionRow> = find(work, Locked::OperatorSession, LockMode::Change, query).await?;
    row.map(SessionRow::into_session).transpose()
}

/// Loads and locks an operator's open sessions, the last used first.
pub(super) async fn load_open(
    work: &mut UnitOfWork<'_>,
    operator: OperatorId,
) -> Result<Vec<OperatorSession>, Error> {
    work.locks(Locked::OperatorSession);
    let now = work.now();
    let rows: Vec<SessionRow> = operator_sessions::table
        .filter(operator_sessions::operator_id.eq(operator.uuid()))
        .filter(operator_sessions::ended_at.is_null().and(operator_sessions::expires_at.gt(now)))
        .order((operator_sessions::last_used_at.desc(), operator_sessions::id.desc()))
        .select(SessionRow::as_select())
        .for_no_key_update()
        .load(work.connection())
        .await?;
    rows.into_iter().map(SessionRow::into_session).collect()
}

pub(super) async fn insert_session(
    work: &mut UnitOfWork<'_>,
    session: &OperatorSession,
) -> Result<(), Error> {
    let row = SessionRow::of(session);
    diesel::insert_into(operator_sessions::table).values(&row).execute(work.connection()).await?;
    Ok(())
}

pub(super) async fn save_session(work: &mut UnitOfWork<'_>, session: &OperatorSession) -> Result<(), Error> {
    let row = SessionRow::of(session);
    diesel::update(operator_sessions::table.find(row.id)).set(&row).execute(work.connection()).await?;
    Ok(())
}

pub(super) async fn insert_refresh_token(
    work: &mut UnitOfWork<'_>,
    session: SessionId,
    token: &OperatorRefreshToken,
    expires_at: DateTime<Utc>,
) -> Result<(), Error> {
    let (now, hash) = (work.now(), token.hash());
    diesel::insert_into(operator_refresh_tokens::table)
        .values((
            operator_refresh_tokens::token_hash.eq(hash.as_bytes().as_slice()),
            operator_refresh_tokens::session_id.eq(session.uuid()),
            operator_refresh_tokens::created_at.eq(now),
            operator_refresh_tokens::expires_at.eq(expires_at),
        ))
        .execute(work.connection())
        .await?;
    Ok(())
}

/// The stored state of a refresh token.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = operator_refresh_tokens)]
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
    let found = operator_refresh_tokens::table
        .find(hash.as_bytes().as_slice())
        .filter(operator_refresh_tokens::session_id.eq(session.uuid()))
        .select(StoredToken::as_select())
        .first(work.connection())
        .await
        .optional()?;
    Ok(found)
}

pub(super) async fn use_refresh_token(work: &mut UnitOfWork<'_>, hash: &SecretHash) -> Result<(), Error> {
    let now = work.now();
    diesel::update(operator_refresh_tokens::table.find(hash.as_bytes().as_slice()))
        .set(operator_refresh_tokens::used_at.eq(now))
        .execute(work.connection())
        .await?;
    Ok(())
}
