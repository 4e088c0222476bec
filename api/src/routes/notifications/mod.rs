//! `/api/v1/notifications` and `/api/v1/events`: what happens, live and to pull.

mod dto;
mod handlers;
mod limits;
mod stream;

use comptoir_core::accounts::principals::Principals;
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::context::RequestContext;
use comptoir_core::feed::{Feed, log};
use tokio_util::sync::CancellationToken;

use self::limits::Streams;
use crate::access::Access::Authenticated;
use crate::config::NotificationsConfig;
use crate::endpoints::Endpoints;

pub(crate) use handlers::notifications;

/// Which events somebody gets depends on their permissions.
pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(Authenticated, handlers::__path_notifications, handlers::notifications)
        .problems(&["notifications_off", "too_many_streams"])
        .with(Authenticated, handlers::__path_events, handlers::events)
        .problems(&["notifications_off", "events_gone"])
}

/// What the streams of this process share. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    feed: Feed,
    database: TenantDatabase,
    principals: Principals,
    streams: Streams,
    config: NotificationsConfig,
    /// Cancelled to end all streams, before the server stops.
    end: CancellationToken,
}

impl Live {
    pub(crate) fn new(
        feed: Feed,
        database: TenantDatabase,
        principals: Principals,
        config: NotificationsConfig,
        end: CancellationToken,
    ) -> Self {
        stream::describe_metrics();
        Self { feed, database, principals, streams: Streams::default(), config, end }
    }

    /// How far the log goes: what a page reads after this is asked for is at least as new. `None` if nobody follows the log, and no
    /// stream can be had. The first page that is opened finds no listener, and so nobody who has come anywhere: the log is asked.
    pub(crate) async fn position(&self, context: &RequestContext) -> Option<String> {
        let known = self.feed.position();
        let position = match known {
            Some(position) => position.to_string(),
            None if !self.feed.is_followed() => return None,
            None => match log::end(&self.database, context).await {
                Ok(end) => end?.to_string(),
                Err(error) => {
                    tracing::warn!(%error, "a page has no stream: the end of the log of events cannot be read now");
                    return None;
                }
            },
        };
        Some(position)
    }
}
