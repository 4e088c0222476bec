//! The queries on operators, and what clients and the audit trail see of them.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;

use super::aggregate::Operator;
use super::repository::{OperatorRow, SessionRow};
use super::session::OperatorSession;
use crate::accounts::identity::secrets::OperatorRefreshToken;
use crate::application::error::Error;
use crate::application::{OperatorContext, TenantDatabase};
use crate::platform::schema::{operator_refresh_tokens, operator_sessions, operators};
use crate::values::contact::FoldedEmail;
use crate::values::ids::{OperatorId, SessionId, TenantId};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperatorView {
    pub id: OperatorId,
    pub email: String,
    pub name: String,
    /// `active` or `disabled`.
    pub status: &'static str,
    pub last_login_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub version: i64,
}

impl OperatorView {
    pub(super) fn of(operator: &Operator) -> Self {
        Self {
            id: operator.id,
            email: operator.email.as_str().to_owned(),
            name: operator.name.as_str().to_owned(),
            status: if operator.is_disabled() { "disabled" } else { "active" },
            last_login_at: operator.last_login_at,
            created_at: operator.created_at,
            updated_at: operator.updated_at,
            version: operator.version,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperatorSessionView {
    pub id: SessionId,
    pub operator_id: OperatorId,
    pub client_address: Option<String>,
    pub user_agent: Option<String>,
    pub created_at: DateTime<Utc>,
    pub last_used_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub end_reason: Option<&'static str>,
}

impl OperatorSessionView {
    pub(super) fn of(session: &OperatorSession) -> Self {
        Self {
            id: session.id,
            operator_id: session.operator_id,
            client_address: session.client.address.clone(),
            user_agent: session.client.user_agent.clone(),
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
            ended_at: session.ended.map(|(at, _)| at),
            end_reason: session.ended.map(|(_, reason)| reason.name()),
        }
    }
}

/// Lists operators by their addresses, `most` of them at most.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn list(
    db: &TenantDatabase,
    context: &OperatorContext,
    most: u32,
) -> Result<Vec<OperatorView>, Error> {
    let rows: Vec<OperatorRow> = db
        .read_as_operator(context, async |mut connection| {
            let all = operators::table.order(operators::folded_email).limit(most.into());
            Ok(all.select(OperatorRow::as_select()).load(&mut connection).await?)
        })
        .await?;
    Ok(rows.into_iter().map(|row| OperatorView::of(&row.into_operator())).collect())
}

/// Finds the operator with this address, before they are authenticated. Costs the same whether there is one or not.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn named(db: &TenantDatabase, email: &FoldedEmail) -> Result<Option<Operator>, Error> {
    let row: Option<OperatorRow> = db
        .read_in(TenantId::OPERATORS, async |mut connection| {
            let named = operators::table.filter(operators::folded_email.eq(email.as_str()));
            Ok(named.select(OperatorRow::as_select()).first(&mut connection).await.optional()?)
        })
        .await?;
    Ok(row.map(OperatorRow::into_operator))
}

/// Loads the operator with this id.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn of_id(db: &TenantDatabase, id: OperatorId) -> Result<Option<Operator>, Error> {
    let row: Option<OperatorRow> = db
        .read_in(TenantId::OPERATORS, async |mut connection| {
            let row = operators::table.find(id.uuid()).select(OperatorRow::as_select());
            Ok(row.first(&mut connection).await.optional()?)
        })
        .await?;
    Ok(row.map(OperatorRow::into_operator))
}

/// Returns a refresh token's session and the operator's address, even if the token is used or expired, or the session is
/// over.
///
/// # Errors
/// Fails if the database cannot be reached.
pub(super) async fn session_of(
    db: &TenantDatabase,
    token: &OperatorRefreshToken,
) -> Result<Option<(OperatorSession, String)>, Error> {
    let hash = token.hash();
    let found: Option<(SessionRow, String)> = db
        .read_in(TenantId::OPERATORS, async |mut connection| {
            let row = operator_refresh_tokens::table
                .find(hash.as_bytes().as_slice())
                .inner_join(operator_sessions::table.inner_join(operators::table))
                .select((SessionRow::as_select(), operators::email));
            Ok(row.first(&mut connection).await.optional()?)
        })
        .await?;
    found.map(|(row, email)| Ok((row.into_session()?, email))).transpose()
}
