//! The handlers, one function per operation.

use std::net::IpAddr;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::error::Error;
use comptoir_core::application::{Actor, Principal};
use comptoir_core::feed::log::{PageOf, Reading};
use comptoir_core::feed::{JoinError, Position, Selection, Sight, Whose, log};

use super::Live;
use super::dto::{ClientId, EventPage, EventParameters, Limit, MAX_LIMIT, StreamParameters, page, patterns};
use super::stream::{Begin, stream};
use crate::error::ApiError;
use crate::extract::{Context, Query};

const LAST_EVENT_ID: &str = "last-event-id";
/// How often a stream is begun anew because the caller's rights changed meanwhile.
const MAX_JOINS: u32 = 5;
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// What happens, as it happens
///
/// An event stream (`text/event-stream`): one message for each event that your permissions show you, in the order in which they
/// were committed. `id` is the position in the log, `event` the type of the event, `data` the event as JSON, as
/// `GET /api/v1/events` has it. Events of users, sessions, keys and roles are for administrators.
///
/// A client that comes back with the header `Last-Event-ID` (browsers do), or the parameter `last_event_id`, misses nothing.
/// `event: reset` says that something may be missing: load again what you show. A comment every 15 s keeps the line open.
/// The stream ends when your session, key or permission does. 204 tells a client not to come back: notifications were turned off.
#[utoipa::path(get, path = "/api/v1/notifications", tag = "notifications", operation_id = "streamNotifications",
    params(StreamParameters, ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last message that arrived: the stream goes on behind it.")),
    responses((status = 200, content_type = "text/event-stream", body = String, example = "id: AY9xZ3QDgICAAQAqgNLPvAY\nevent: order.confirmed\ndata: {}\n\n"),
        (status = 204, description = "Notifications were turned off: do not come back")))]
pub(crate) async fn notifications(
    request: HttpRequest,
    context: Context,
    parameters: Query<StreamParameters>,
    live: Data<Live>,
) -> Result<HttpResponse, ApiError> {
    let StreamParameters { types, client_id, last_event_id } = parameters.0;
    let Context(mut context) = context;
    let whose = whose(&context.principal)?;
    // One that is no text is unknown, too.
    let header = request
        .headers()
        .get(LAST_EVENT_ID)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let last = header.or(last_event_id.map(Into::into)).filter(|id| !id.is_empty());
    let address = context.client_address.as_deref().and_then(|address| address.parse::<IpAddr>().ok());
    let place = live.streams.take(whose.credential, address.map(Into::into), &live.config)?;
    let mut selection = Selection {
        sight: Sight::of(context.principal.permissions),
        types: patterns(types),
        client_id: client_id.map(|ClientId(id)| id),
    };
    let resumed = last.as_deref().map(Position::parse);
    for _ in 0..MAX_JOINS {
        let listener = match live.feed.join(whose, selection.clone()).await {
            Ok(listener) => listener,
            Err(JoinError::NotFollowed) => return off(last.is_some()),
            Err(JoinError::Unavailable) => return Err(unavailable()),
        };
        let after = resumed.as_ref().and_then(|position| position.as_ref().ok()).unwrap_or(listener.since());
        // Also tells whether there is a log at all, and whether the rights are what the cache says they are.
        let first = PageOf { after, upto: Some(listener.since()), limit: MAX_LIMIT };
        let reading = log::page(&live.database, &context, &selection, first).await?;
        // Only a change behind the listener's start comes to it as an event. One before it was found just now: the listener would get
        // what the old rights show.
        if context.principal.is_outdated() {
            let principal = live.principals.fresh(whose.credential).await?.ok_or(Error::Unauthenticated)?;
            selection.sight = Sight::of(principal.permissions);
            context.principal = principal;
            continue;
        }
        let begin = match reading {
            Reading::Off => return off(last.is_some()),
            Reading::Gone => Begin::Reset("gone"),
            Reading::Page(_) if matches!(resumed, Some(Err(_))) => Begin::Reset("unknown"),
            Reading::Page(_) if resumed.is_none() => Begin::Live,
            Reading::Page(page) => Begin::CatchUp(page),
        };
        return Ok(HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, "text/event-stream"))
            .insert_header((CACHE_CONTROL, "no-store"))
            // nginx would hold the messages back.
            .insert_header((ACCEL_BUFFERING, "no"))
            .streaming(stream(live.get_ref().clone(), context, selection, listener, place, begin)));
    }
    Err(unavailable())
}

/// What happened, a page at a time
///
/// The log that the stream of notifications shows, for pulling: oldest first, in the order of commits, as your permissions show it.
/// Keep `next`, and ask for what is `after` it, as often as you like. A page without events says that nothing happened so far
/// that is for you. 410 says that events after this position are not kept any more.
#[utoipa::path(get, path = "/api/v1/events", tag = "notifications", operation_id = "listEvents", params(EventParameters),
    responses((status = 200, body = EventPage)))]
pub(crate) async fn events(
    context: Context,
    parameters: Query<EventParameters>,
    live: Data<Live>,
) -> Result<HttpResponse, ApiError> {
    let EventParameters { after, types, limit } = parameters.0;
    let Context(context) = context;
    let sight = Sight::of(context.principal.permissions);
    let selection = Selection { sight, types: patterns(types), client_id: None };
    let after = after.map_or_else(Position::start, |after| after.0);
    let Limit(limit) = limit.unwrap_or_default();
    let wanted = PageOf { after: &after, upto: None, limit };
    match log::page(&live.database, &context, &selection, wanted).await? {
        Reading::Page(found) => Ok(HttpResponse::Ok().content_type("application/json").body(page(&found))),
        Reading::Off => off(false),
        Reading::Gone => Err(ApiError::new(
            StatusCode::GONE,
            "events_gone",
            "events after this position are not kept any more, or it is of another database: load what you show again, and begin \
             without `after`",
        )),
    }
}

/// # Errors
/// `Unauthenticated` for a principal without a credential: none that the route admits.
fn whose(principal: &Principal) -> Result<Whose, Error> {
    let user = match principal.actor {
        Actor::User { user_id, .. } => Some(user_id),
        Actor::ApiKey(_) | Actor::Operator | Actor::OperatorAccount { .. } => None,
    };
    Ok(Whose { credential: principal.credential().ok_or(Error::Unauthenticated)?, user })
}

/// Tells a client that comes back not to; whoever comes for the first time learns why.
fn off(comes_back: bool) -> Result<HttpResponse, ApiError> {
    if comes_back {
        return Ok(HttpResponse::NoContent().finish());
    }
    let detail = "there is no log of events here: the relay keeps no history (history.retention_days = 0), or the API has no log-in \
        that reads the outbox (api.services_database_url)";
    Err(ApiError::new(StatusCode::CONFLICT, "notifications_off", detail))
}

fn unavailable() -> ApiError {
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the log of events cannot be read now")
        .with_header(RETRY_AFTER, HeaderValue::from_static("5"))
}
