//! Sessions as JSON.

use chrono::{DateTime, Utc};
use comptoir_core::accounts::sessions::SessionView;
use comptoir_core::application::Principal;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::export::Exported;

/// A session that is not over.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionResponse {
    id: Uuid,
    user_id: Uuid,
    /// Whether it is the one that asks.
    current: bool,
    /// Where the log-in came from.
    client_address: Option<String>,
    /// What the program said it was.
    user_agent: Option<String>,
    created_at: DateTime<Utc>,
    /// When its refresh token was last used.
    last_used_at: DateTime<Utc>,
    /// When it is over, however much it is used.
    expires_at: DateTime<Utc>,
}

impl Exported for SessionResponse {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "user_id",
        "current",
        "client_address",
        "user_agent",
        "created_at",
        "last_used_at",
        "expires_at",
    ];
}

impl SessionResponse {
    pub(super) fn of(view: SessionView, principal: &Principal) -> Self {
        Self {
            id: view.id.uuid(),
            user_id: view.user_id.uuid(),
            current: principal.session_id() == Some(view.id),
            client_address: view.client_address,
            user_agent: view.user_agent,
            created_at: view.created_at,
            last_used_at: view.last_used_at,
            expires_at: view.expires_at,
        }
    }
}
