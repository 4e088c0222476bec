//! Sessions as JSON.

use chrono::{DateTime, Utc};
use comptoir_core::accounts::sessions::{SessionSort, SessionView};
use comptoir_core::application::Principal;
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::invalid::{FieldError, Fields};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::routes::parse_limit;

/// A session that is not over.
#[derive(Debug, Serialize, ToSchema)]
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

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SessionQuery {
    /// `created_at`; `-` in front sorts descending.
    #[param(example = "-created_at")]
    sort: Option<String>,
    /// Rows of a page.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// The `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

impl SessionQuery {
    pub(super) fn parse(self) -> Result<PageRequest<SessionSort>, Vec<FieldError>> {
        let mut fields = Fields::default();
        let limit = fields.take("/query/limit", parse_limit(self.limit.as_deref()));
        let limit = fields.finish(limit)?;
        PageRequest::parse(limit, self.sort.as_deref(), self.cursor.as_deref())
    }
}
