//! One event, wherever it is: in the outbox, among the dead letters, or in the history.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use chrono::{Days, Utc};
use comptoir_core::outbox::event_queries::{self, Details};
use comptoir_core::outbox::history;
use uuid::Uuid;

use super::of_all::{OfAll, document, failed, unlinked};
use crate::console::format::Moment;
use crate::console::layout::{self, Page, go};
use crate::console::lists::Address;
use crate::console::status::Status;
use crate::console::visitor::OperatorVisitor;
use crate::console::words::Operators;
use crate::error::ApiError;
use crate::extract::part;

/// For how many days back the history is looked through: it has no index by id, so each day is read as a whole.
const DAYS: u64 = 7;

#[derive(Template)]
#[template(path = "console/operators/event.html")]
struct EventPage {
    page: Page,
    w: &'static Operators,
    id: Uuid,
    state: Status,
    is_dead: bool,
    aggregate: String,
    version: Option<String>,
    schema_version: i16,
    company: Uuid,
    occurred: Moment,
    settled: Option<Moment>,
    next_attempt: Option<Moment>,
    tries: String,
    reason: Option<String>,
    error: Option<String>,
    headers: String,
    payload: String,
}

/// Leads to the event with the id that was typed.
pub(super) async fn find(request: HttpRequest, _: OperatorVisitor) -> HttpResponse {
    let address = Address::of(&request);
    let typed = address.get("id").map(str::trim).and_then(|text| Uuid::try_parse(text).ok());
    go(typed.map_or_else(
        || "/console/operators/outbox".to_owned(),
        |id| format!("/console/operators/outbox/{id}"),
    ))
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: OperatorVisitor,
    of_all: Data<OfAll>,
) -> Result<HttpResponse, ApiError> {
    let id: Uuid = part(&request, "id")?;
    let w = Operators::of(visitor.language);
    let Some(database) = of_all.database() else { return unlinked(&visitor, w.event) };
    let mut connection = database.connection().await.map_err(failed)?;
    let mut found = event_queries::pending(&mut connection, id).await.map_err(failed)?;
    let dead = event_queries::dead(&mut connection, id).await.map_err(failed)?;
    // An event that holds its aggregate is in both: what the dead letter says tells more.
    if dead.is_some() {
        found = dead;
    }
    let today = Utc::now().date_naive();
    for day in (0..DAYS).filter_map(|days| today.checked_sub_days(Days::new(days))) {
        if found.is_some() {
            break;
        }
        let (from, until) = (history::start_of(day), history::end_of(day));
        found = event_queries::published(&mut connection, id, from, until).await.map_err(failed)?;
    }
    drop(connection);
    let event = found.ok_or_else(|| {
        let detail = format!(
            "no event {id} is in the outbox, among the dead letters, or in the history of {DAYS} days"
        );
        ApiError::new(StatusCode::NOT_FOUND, "not_found", detail)
    })?;
    layout::ok(&page(event, &visitor))
}

fn page(event: Details, visitor: &OperatorVisitor) -> EventPage {
    let (w, format) = (Operators::of(visitor.language), &visitor.format);
    EventPage {
        page: visitor.page(&event.event_type),
        w,
        id: event.id,
        state: match event.place.as_str() {
            "history" => Status::done(w.is_published),
            "dead-letters" => Status::failed(w.is_dead),
            _ if event.next_attempt_at.is_some() => Status::late(w.is_retrying),
            _ => Status::open(w.is_pending),
        },
        is_dead: event.place == "dead-letters",
        aggregate: format!("{} {}", event.aggregate_type, event.aggregate_id),
        version: event.aggregate_version.map(|version| format.whole(version)),
        schema_version: event.schema_version,
        company: event.tenant_id,
        occurred: format.long(event.occurred_at),
        settled: event.settled_at.map(|at| format.long(at)),
        next_attempt: event.next_attempt_at.map(|at| format.long(at)),
        tries: format.whole(event.retry_count.into()),
        reason: event.reason,
        error: event.last_error,
        headers: document(&event.headers),
        payload: document(&event.payload),
    }
}
